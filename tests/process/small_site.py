"""A small simulated site with real processes around it: simulators, a controller, and what is asked of them."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

import msgspec

from devices.bench import Ask, Clear, Inject, Injected, Reply, TruthIs, line_of, reply_of
from modctl.chart.keys import KeyFolder
from modctl.chart.reader import ChartReader
from modctl.chart.store import ChartStore, NewChart
from modctl.cli.laying import DEMO_ANSWERS
from modctl.clinic import library
from modctl.clock import SystemClock
from modctl.config import Layout
from modctl.controller import pin_check
from modctl.controller.accounts import Patient, People, Role, User
from modctl.ipc.client import BlockingClient, find_socket
from modctl.ipc.messages import Answer, Done, Refused, SessionView, Snapshot, Start, Subscribe
from modctl.records import Entry

PIN = "1234"
UNITS = ("estim-1", "ultrasound-1")
MODELS = {"estim": "hasomed-p24", "ultrasound": "reference-ultrasound"}  # of every unit whose name begins so
PRESETS = {"estim": "hip-chronic-ache-tens", "ultrasound": "hip-oa-ultrasound-1mhz"}
ANSWERS = {gate: str(answer) for gate, answer in msgspec.toml.decode(DEMO_ANSWERS.read_bytes()).items()}
CLOCK = SystemClock()
MODCTL = Path(sys.executable).parent / "modctl"
NOTHING_MORE: Mapping[str, str] = MappingProxyType({})


def model_of(unit: str) -> str:
    """A unit's model, by the first word of its name."""
    return MODELS[unit.partition("-")[0]]


def preset_of(unit: str) -> str:
    """What a unit is tried with."""
    return PRESETS[unit.partition("-")[0]]


def lay_down(root: Path, units: Sequence[str] = UNITS) -> Layout:
    """A site with these units, a therapist, a technician and one patient."""
    layout = Layout(root)
    for folder in (root, layout.keys, layout.presets, layout.run, layout.bench_links):
        folder.mkdir(mode=0o700)
    lines = ['[site]\nname = "small"\nsimulated = true\n']
    sims = []
    for name in units:
        lines.append(f'[[unit]]\nname = "{name}"\nmodel = "{model_of(name)}"\nlink = "serial:run/bench/{name}"\n')
        sims.append(f'[[sim]]\nname = "{name}"\nmodel = "{model_of(name)}"\naddress = "run/bench/{name}"\n')
    layout.site_toml.write_text("".join(lines))
    layout.bench_toml.write_text("".join(sims))
    approvals = []
    for path in sorted(library.SHIPPED.glob("*.toml")):
        preset = library.parse(path.read_bytes(), path.name)
        if set(preset.models) & set(MODELS.values()):
            (layout.presets / path.name).write_bytes(path.read_bytes())
            approval = library.Approval(
                id=preset.id, sha256=preset.sha256, by="test", at_utc="2026-01-01T00:00:00.000Z"
            )
            approvals.append(library.approval_text(approval))
    (layout.presets / library.APPROVALS).write_text("".join(approvals))
    people = People.create(layout.people)
    verifier = pin_check.verifier_of(PIN)
    for role in (Role.THERAPIST, Role.TECHNICIAN):
        people.add_user(User(name=role.value, role=role, verifier=verifier))
    people.add_patient(
        Patient(ref="P-1", name="Zzcanary Test", birth_date="1950-02-03", side="left", body_weight_g=80_000)
    )
    people.close()
    new = NewChart(site="small", simulated=True, program="modctl test")
    ChartStore.create(layout.chart, KeyFolder(layout.keys), new, CLOCK.stamp()).close()
    return layout


def add_patient(layout: Layout, ref: str) -> None:
    """One more patient, weighed today."""
    add_patients(layout, [ref])


def add_patients(layout: Layout, refs: Sequence[str]) -> None:
    """More patients, weighed today."""
    people = People(layout.people)
    for ref in refs:
        people.add_patient(
            Patient(
                ref=ref,
                name=f"Zzcanary {ref}",
                birth_date="1950-02-03",
                side="left",
                body_weight_g=80_000,
                weighed_at_utc=CLOCK.stamp().at_utc,
            )
        )
    people.close()


@contextmanager
def simulators(layout: Layout) -> Iterator[subprocess.Popen[str]]:
    """The site's simulated units, ready."""
    command = [str(MODCTL), "--site", str(layout.root), "--json", "sim", "run"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        for _ in msgspec.toml.decode(layout.bench_toml.read_bytes())["sim"]:
            assert process.stdout is not None
            assert process.stdout.readline()
        yield process
    finally:
        _end(process)


def hasten(units: subprocess.Popen[str]) -> None:
    """Units have processors of their own: their simulators go before what else this machine does, where it lets us."""
    with suppress(OSError):
        os.sched_setscheduler(units.pid, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))


class Controller:
    """One ``modctl serve`` of a site."""

    def __init__(self, layout: Layout, env: Mapping[str, str] = NOTHING_MORE) -> None:
        self.layout = layout
        self.stderr_path = layout.root / f"serve-{CLOCK.mono_ns()}.log"
        command = [str(MODCTL), "--site", str(layout.root), "serve"]
        self.began_ns = CLOCK.mono_ns()
        with self.stderr_path.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **env}
            )

    def wait_ready(self) -> int:
        """Read the ready line; milliseconds since the start."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), (line, self.log())
        return (CLOCK.mono_ns() - self.began_ns) // 1_000_000

    def client(self, program: str = "test", *, attends: bool = False) -> BlockingClient:
        """A connection."""
        return BlockingClient(find_socket(self.layout.run), program, attends=attends)

    def log(self) -> str:
        """What it said on standard error."""
        return self.stderr_path.read_text()

    def guard_pid(self) -> int:
        """The process of its guard."""
        until = CLOCK.mono_ns() + 5_000_000_000
        while CLOCK.mono_ns() < until:
            for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
                for child in (thread / "children").read_text().split():
                    if b"modctl.controller.guard" in Path(f"/proc/{child}/cmdline").read_bytes():
                        return int(child)
        raise AssertionError("no guard")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(20)

    def close(self) -> None:
        """Whatever happened, leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def controller(layout: Layout, env: Mapping[str, str] = NOTHING_MORE) -> Iterator[Controller]:
    """A controller that is ready; ``env`` is added to what it inherits."""
    made = Controller(layout, env)
    try:
        made.wait_ready()
        yield made
    finally:
        made.close()


def truth(layout: Layout, unit: str) -> TruthIs:
    """What a simulated unit really does."""
    answer = ask_simulators(layout, Ask(name=unit))
    assert isinstance(answer, TruthIs), answer
    return answer


def wait_off(layout: Layout, unit: str, within_ms: int = 5_000) -> TruthIs:
    """The truth as soon as the unit is off."""
    until = CLOCK.mono_ns() + within_ms * 1_000_000
    while (told := truth(layout, unit)).energized:
        assert CLOCK.mono_ns() < until, told
    return told


def inject(layout: Layout, unit: str, fault: str) -> int:
    """Throw a fault; when it began to act."""
    answer = ask_simulators(layout, Inject(name=unit, fault=fault))
    assert isinstance(answer, Injected), answer
    return answer.at_mono_ns


def ask_simulators(layout: Layout, request: Ask | Inject | Clear) -> Reply:
    """One request to the simulators' control socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(str(layout.sim_socket))
        line.sendall(line_of(request))
        with line.makefile("rb") as answers:
            return reply_of(answers.readline())


class NotBegunError(AssertionError):
    """The controller refused the session, or an answer before it."""


def begin(client: BlockingClient, unit: str, duration_ms: int = 20_000, patient: str = "P-1", preset: str = "") -> str:
    """Sign in, start a session for the demonstration target and answer every gate; the session's name."""
    client.sign_in("therapist", PIN)
    started = client.request(
        Start(
            id=client.next_id(),
            unit=unit,
            patient=patient,
            preset=preset or preset_of(unit),
            duration_ms=duration_ms,
            file_answers=True,
        )
    )
    if not isinstance(started, Done):
        raise NotBegunError(started)
    assert started.session is not None
    client.request(Subscribe(id=client.next_id()))
    while gate := view(client, started.session).gate:
        answer = Answer(
            id=client.next_id(), session=started.session, gate=gate, answer=ANSWERS[gate], took_ms=1, source="file"
        )
        said = client.request(answer)
        if not isinstance(said, Done):
            raise NotBegunError(gate, said)
    return started.session


def view(client: BlockingClient, session: str, after_ns: int | None = None) -> SessionView:
    """The session in the next snapshot."""
    after_ns = CLOCK.mono_ns() if after_ns is None else after_ns
    while True:
        message = client.next_message(5)
        assert message is not None, "no snapshot for 5 s"
        assert not isinstance(message, Refused)
        if isinstance(message, Snapshot) and message.mono_ns >= after_ns:
            return next(one for one in message.sessions if one.session == session)


def wait_for(client: BlockingClient, session: str, wanted: str, seconds: int = 15) -> SessionView:
    """The first view in which the session's phase is ``wanted``."""
    until = CLOCK.mono_ns() + seconds * 1_000_000_000
    while CLOCK.mono_ns() < until:
        seen = view(client, session)
        if seen.phase == wanted:
            return seen
    raise AssertionError(f"{wanted} not reached within {seconds} s: {seen}")


def entries(layout: Layout, kind: str | None = None) -> list[Entry]:
    """The chart of a site without a controller."""
    reader = ChartReader.open(layout.chart)
    try:
        return [entry for entry in reader.entries_since(0) if kind is None or entry.kind == kind]
    finally:
        reader.close()


def data(entry: Entry) -> dict[str, object]:
    """An entry's data as it stands in the file."""
    found: dict[str, object] = json.loads(bytes(entry.data))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def kill(pid: int, number: signal.Signals) -> None:
    """Send a signal to one process by its number."""
    os.kill(pid, number)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
