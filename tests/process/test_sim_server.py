"""The simulators' process end to end: lines, faults in real time, the control socket, its own beginning and end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.bench import Ask, Clear, Cleared, Inject, Injected, List, Listed, Refusal, Reply, TruthIs
from devices.profile import LinkSpec
from devices.racking import Add, Listing, Remove, Start, Stop
from devices.sim.lines import BenchError, PtyLine
from modctl.cli.simulators import asked, replies
from modctl.errors import RefusedError, UnreachableError, UsageError
from protocols.link import Link, LinkError
from protocols.link_serial import SerialLink
from protocols.link_tcp import TcpLink

MS = 1_000_000
SCRIPT = Path(__file__).parent / "toy_bench.py"
ROOT = Path(__file__).parents[2]


class Bench:
    """Two toy units on pseudo-terminals and one on TCP, in a process of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.control = folder / "sim.sock"
        self.process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self) -> None:
        """Start, and wait until every unit is announced."""
        self.process = subprocess.Popen(
            [sys.executable, SCRIPT, self.control, f"a={self.folder / 'a'}", f"b={self.folder / 'b'}", "t=tcp:0"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self.process.stdout is not None
        announced = [self.process.stdout.readline().split() for _ in range(3)]
        assert [name for name, _ in announced] == ["a", "b", "t"]
        self.port = int(announced[2][1].removeprefix("tcp:"))

    def end(self, signum: int = signal.SIGTERM) -> int:
        """Send a signal; the exit status."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(signum)
        status = process.wait(timeout=10)
        assert process.stdout is not None
        process.stdout.close()
        return status

    def inject(self, name: str, fault: str, after_ms: int = 0, for_ms: int = 0, **parameters: int) -> int:
        """Order one fault; when it acts."""
        request = Inject(name=name, fault=fault, parameters=tuple(parameters.items()), after_ms=after_ms, for_ms=for_ms)
        reply = asked(self.control, request)
        assert isinstance(reply, Injected)
        return reply.at_mono_ns

    def clear(self, name: str) -> None:
        """Take all back."""
        assert isinstance(asked(self.control, Clear(name=name)), Cleared)

    def truth(self, name: str) -> TruthIs:
        """What the unit does."""
        reply = asked(self.control, Ask(name=name))
        assert isinstance(reply, TruthIs)
        return reply


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One process for the tests that leave it as it was."""
    made = Bench(tmp_path_factory.mktemp("bench"))
    made.start()
    yield made
    made.end()


@pytest.fixture
def bench(shared: Bench) -> Iterator[Bench]:
    """The same without faults, before and after."""
    yield shared
    for name in ("a", "b", "t"):
        shared.clear(name)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Bench]:
    """A process that this test may end."""
    made = Bench(tmp_path)
    made.start()
    yield made
    made.end()


@pytest.fixture
def line(bench: Bench) -> Iterator[SerialLink]:
    """Unit a's line, open."""
    link = SerialLink(str(bench.folder / "a"), LinkSpec())
    link.open()
    yield link
    link.close()


def said(link: Link, frame: bytes, timeout_ms: int = 2_000) -> bytes:
    """One exchange."""
    link.write(frame)
    return link.read(timeout_ms * MS)


def eventually(holds: Callable[[], bool], within_s: int = 5) -> bool:
    """Whether it comes true in time; looked at every 10 ms."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.01)
    return False


def test_a_unit_answers_on_its_pseudo_terminal_and_truth_tells_the_same(bench: Bench, line: SerialLink) -> None:
    """The ordinary path: no fault, one answer a request, and the truth is that answer."""
    assert said(line, b"W5\n") == b"K\n"
    assert said(line, b"Q\n") == b"A5\n"
    assert bench.truth("a").output == 5
    assert bench.truth("a").energized


def test_two_units_do_not_share_anything(bench: Bench, line: SerialLink) -> None:
    """What one is told the other does not do, and a fault of one is none of the other's."""
    bench.inject("b", "mute")
    other = SerialLink(str(bench.folder / "b"), LinkSpec())
    other.open()
    answers = (said(line, b"W5\n"), said(other, b"W7\n", timeout_ms=100))
    other.close()

    assert answers == (b"K\n", b"")
    assert (bench.truth("a").output, bench.truth("b").output) == (5, 7)


def test_the_lease_runs_out_in_real_time(bench: Bench, line: SerialLink) -> None:
    """One second after the last feeding frame the unit is off by itself, and says since when to the tick."""
    said(line, b"W5\n")
    fed_ns = time.monotonic_ns()

    assert eventually(lambda: not bench.truth("a").energized)
    assert abs(bench.truth("a").changed_at_mono_ns - fed_ns - 1_000 * MS) < 300 * MS


def test_a_tcp_unit_serves_two_clients_and_each_hears_its_own_answer(bench: Bench, tmp_path: Path) -> None:
    """A second client asks what is going on without disturbing the first."""
    with socket.create_connection(("127.0.0.1", bench.port), timeout=5) as second:
        link = TcpLink("127.0.0.1", bench.port, tmp_path)
        link.open()
        second.sendall(b"W5\n")
        acknowledged = second.recv(16)
        second.shutdown(socket.SHUT_WR)
        answer = said(link, b"Q\n")
        end_of_second = second.recv(16)
        link.close()

    assert (b"K\n", b"A5\n", b"") == (acknowledged, answer, end_of_second)


def test_a_fault_acts_from_the_moment_that_is_told(bench: Bench, line: SerialLink) -> None:
    """Reaction times are measured from it."""
    before = time.monotonic_ns()
    at_ns = bench.inject("a", "mute")

    assert before <= at_ns <= time.monotonic_ns()
    assert said(line, b"Q\n", timeout_ms=100) == b""
    bench.clear("a")
    assert said(line, b"Q\n") == b"A0\n"


def test_after_and_for_are_kept(bench: Bench, line: SerialLink) -> None:
    """Announced at once, acting 300 ms later, gone 300 ms after that."""
    at_ns = bench.inject("a", "mute", after_ms=300, for_ms=300)
    announced_ns = time.monotonic_ns()
    early = said(line, b"Q\n", timeout_ms=100)
    eventually(lambda: time.monotonic_ns() > at_ns + 50 * MS)
    meanwhile = said(line, b"Q\n", timeout_ms=100)
    eventually(lambda: time.monotonic_ns() > at_ns + 350 * MS)
    late = said(line, b"Q\n", timeout_ms=1000)

    assert 200 * MS < at_ns - announced_ns <= 300 * MS
    assert (b"A0\n", b"", b"A0\n") == (early, meanwhile, late)
    assert bench.truth("a").faults == ()


def test_an_older_faults_end_does_not_end_the_same_fault_ordered_again(bench: Bench) -> None:
    """The second order stays although the first one's time is over."""
    bench.inject("a", "mute", for_ms=150)
    bench.inject("a", "mute")
    time.sleep(0.25)

    assert bench.truth("a").faults == ("mute",)


def test_clear_takes_back_what_was_still_to_begin(bench: Bench) -> None:
    """After *clear* a unit stays sound."""
    bench.inject("a", "mute", after_ms=150)
    bench.clear("a")
    time.sleep(0.25)

    assert bench.truth("a").faults == ()


def test_one_fault_is_taken_back_and_the_others_go_on(bench: Bench) -> None:
    """Faults come together at the bench and go one by one; one that is not on is nothing to take back."""
    bench.inject("a", "mute")
    bench.inject("a", "delay")
    told = asked(bench.control, Clear(name="a", fault="mute"))
    again = asked(bench.control, Clear(name="a", fault="mute"))

    assert isinstance(told, Cleared)
    assert isinstance(again, Cleared)
    assert ("delay",) == bench.truth("a").faults


def test_a_pulled_plug_ends_the_line_and_clear_makes_it_anew(bench: Bench, line: SerialLink) -> None:
    """The controller sees its line go; truth goes on; after *clear* the same path leads to the unit again."""
    said(line, b"W5\n")
    bench.inject("a", "disconnect")
    with pytest.raises(LinkError) as lost:
        line.read(5_000 * MS)
    with pytest.raises(LinkError) as absent:
        line.open()
    told = bench.truth("a")
    bench.clear("a")
    line.open()

    assert ("lost", "absent") == (lost.value.code, absent.value.code)
    assert (told.output, told.faults) == (5, ("disconnect",))
    assert said(line, b"?\n") == b"?\n"


def test_a_pulled_plug_of_a_tcp_unit_comes_back_on_the_same_port(bench: Bench, tmp_path: Path) -> None:
    """As a unit whose cable is put back: same address."""
    link = TcpLink("127.0.0.1", bench.port, tmp_path)
    link.open()
    bench.inject("t", "disconnect")
    with pytest.raises(LinkError) as lost:
        link.read(5_000 * MS)
    with pytest.raises(LinkError) as absent:
        link.open()
    bench.clear("t")
    link.open()
    answer = said(link, b"?\n")
    link.close()

    assert ("lost", "absent", b"?\n") == (lost.value.code, absent.value.code, answer)


def test_babble_does_not_block_the_others_when_nobody_reads(bench: Bench, line: SerialLink) -> None:
    """A full pseudo-terminal loses bytes as a wire does; the process goes on."""
    bench.inject("b", "babble", bytes_s=1_000_000)
    time.sleep(0.2)

    assert said(line, b"?\n") == b"?\n"


def test_a_follower_hears_each_change(bench: Bench, line: SerialLink) -> None:
    """Off, on, and off again when the lease runs out; the moments are those of the unit."""
    said(line, b"S\n")
    outputs: list[int] = []
    for reply in replies(bench.control, Ask(name="a", follow=True)):
        assert isinstance(reply, TruthIs)
        if not outputs:
            said(line, b"W5\n")
        if outputs[-1:] != [reply.output]:
            outputs.append(reply.output)
        if len(outputs) == 3:
            break

    assert outputs == [0, 5, 0]


def test_the_list_names_every_unit(bench: Bench) -> None:
    """In the order in which they were asked for."""
    expected = (
        Listing(name="a", model="toy", address=str(bench.folder / "a")),
        Listing(name="b", model="toy", address=str(bench.folder / "b")),
        Listing(name="t", model="toy", address=f"tcp:{bench.port}"),
    )

    assert Listed(units=expected) == asked(bench.control, List())


def names(reply: Reply) -> dict[str, bool]:
    """Which units there are, and whether they run."""
    assert isinstance(reply, Listed)
    return {unit.name: unit.running for unit in reply.units}


@pytest.mark.parametrize("kind", ["pty", "tcp"])
def test_a_unit_is_added_stopped_started_and_removed_while_the_others_run(
    own: Bench, tmp_path: Path, kind: str
) -> None:
    """The rack grows and shrinks without an end of its process; who stops a unit cuts its power and its line."""
    path = own.folder / "new"
    added = asked(own.control, Add(name="n", model="toy", address=str(path) if kind == "pty" else "tcp:0"))
    assert names(added) == {"a": True, "b": True, "t": True, "n": True}
    assert isinstance(added, Listed)
    port = added.units[-1].address.removeprefix("tcp:")
    link: Link = SerialLink(str(path), LinkSpec()) if kind == "pty" else TcpLink("127.0.0.1", int(port), tmp_path)
    link.open()
    assert said(link, b"W5\n") == b"K\n"
    own.inject("n", "delay")
    own.inject("n", "mute", after_ms=200)
    before = own.truth("n")

    stopped = asked(own.control, Stop(name="n"))
    told = own.truth("n")
    with pytest.raises(LinkError):
        link.read(5_000 * MS)
    with pytest.raises(LinkError) as absent:
        link.open()
    with pytest.raises(RefusedError, match="n is stopped; start it first"):
        own.inject("n", "mute")

    assert (True, 5, ("delay",)) == (before.energized, before.output, before.faults)
    assert (False, 0, "stopped", ()) == (told.energized, told.output, told.state, told.faults)
    assert absent.value.code == "absent"
    assert names(stopped)["n"] is False

    started = asked(own.control, Start(name="n"))
    again = asked(own.control, Start(name="n"))
    time.sleep(0.25)  # the order that was to begin later has been forgotten
    link.open()
    answer = said(link, b"Q\n")
    link.close()
    removed = asked(own.control, Remove(name="n"))

    assert (True, True) == (names(started)["n"], names(again)["n"])
    assert b"A0\n" == answer
    assert names(removed) == {"a": True, "b": True, "t": True}
    assert not path.exists()
    with pytest.raises(UsageError, match="no simulated unit 'n'"):
        own.truth("n")


def test_a_follower_of_a_removed_unit_is_hung_up(own: Bench) -> None:
    """Nobody waits for the next word of what is not there."""
    told: list[Reply] = []
    for reply in replies(own.control, Ask(name="b", follow=True)):
        told.append(reply)
        asked(own.control, Remove(name="b"))

    assert len(told) == 1


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (Add(name="a", model="toy", address="tcp:0"), "there is a simulated unit a already"),
        (Add(name="n", model="toy", address="{folder}/a"), "is the line of a"),
        (Add(name="n", model="toy", address="here"), "write a path from the root"),
        (Add(name="n", model="toy", address="tcp:99999"), "cannot listen"),
        (Add(name="n", model="toy", address="{folder}/sim.sock"), "is no link"),
    ],
)
def test_a_unit_that_has_no_place_is_not_added(bench: Bench, wanted: Add, why: str) -> None:
    """Nothing that is there is taken from anybody."""
    before = asked(bench.control, List())
    address = wanted.address.format(folder=bench.folder)
    with pytest.raises(RefusedError, match=why):
        asked(bench.control, Add(name=wanted.name, model="toy", address=address))

    assert before == asked(bench.control, List())


def test_an_unknown_model_and_a_bad_name_are_not_added(bench: Bench) -> None:
    """A slip of the pen, not a state of the rack."""
    with pytest.raises(UsageError, match="there is no simulator of 'x'"):
        asked(bench.control, Add(name="n", model="x", address="tcp:0"))
    with pytest.raises(UsageError, match="not a request"):
        asked(bench.control, Add(name="No Name", model="toy", address="tcp:0"))


def test_a_link_that_leads_elsewhere_is_not_replaced(tmp_path: Path) -> None:
    """A real adapter's name is a link too: no simulator puts itself in its place."""
    adapter = tmp_path / "adapter"
    adapter.write_text("")
    link = tmp_path / "usb-serial"
    link.symlink_to(adapter)

    with pytest.raises(BenchError, match="no simulator's line"):
        PtyLine(link).open()
    assert link.readlink() == adapter


def test_what_is_not_possible_is_refused_by_kind(bench: Bench) -> None:
    """Unknown words are a matter of usage, an impossible fault is a refusal; also when it is for later."""
    with pytest.raises(UsageError, match="no simulated unit 'x'"):
        bench.truth("x")
    with pytest.raises(UsageError, match="no parameter"):
        bench.inject("a", "mute", ms=1)
    for after_ms in (0, 60_000):
        with pytest.raises(RefusedError, match="toy cannot have cough"):
            bench.inject("a", "cough", after_ms=after_ms)
    assert bench.truth("a").faults == ()


def test_nonsense_is_answered_and_does_not_end_anything(bench: Bench) -> None:
    """A border is strict and calm: the same connection goes on."""
    with socket.socket(socket.AF_UNIX) as peer, peer.makefile("rb") as answers:
        peer.settimeout(5)
        peer.connect(str(bench.control))
        peer.sendall(b'\xff{]\n{"type":"inject","name":"a","fault":"mute","oops":1}\n')
        replied = [answers.readline(), answers.readline()]

    assert all(Refusal.NONSENSE.encode() in reply for reply in replied)
    assert bench.truth("a").faults == ()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(own: Bench, signum: int) -> None:
    """Status 0, no link and no socket left."""
    status = own.end(signum)

    assert status == 0
    assert list(own.folder.iterdir()) == []


def test_it_starts_over_what_a_killed_one_left(own: Bench) -> None:
    """Dead links and a dead socket are replaced; nobody has to clean up by hand."""
    own.end(signal.SIGKILL)
    left = {path.name for path in own.folder.iterdir()}
    own.start()

    assert left == {"a", "b", "sim.sock"}
    assert own.truth("a").output == 0


def test_a_second_one_on_the_same_socket_is_refused(own: Bench) -> None:
    """The first goes on undisturbed, its links untouched."""
    second = subprocess.run(
        [sys.executable, SCRIPT, own.control, f"a={own.folder / 'a'}"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert second.returncode != 0
    assert "running already" in second.stderr
    assert own.truth("a").output == 0
    assert (own.folder / "a").is_symlink()


def test_a_file_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    """An address may be mistyped; a link is ours to replace, a file is not. Nothing is left behind."""
    path = tmp_path / "notes.txt"
    path.write_text("keep me")
    tried = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "sim.sock", f"x={tmp_path / 'x'}", f"a={path}"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert "is no link" in tried.stderr
    assert path.read_text() == "keep me"
    assert list(tmp_path.iterdir()) == [path]


def test_without_simulators_the_asker_says_how_to_start_them(tmp_path: Path) -> None:
    """The most common mistake at the bench."""
    with pytest.raises(UnreachableError, match="modctl sim run"):
        asked(tmp_path / "sim.sock", List())


def test_a_socket_deep_in_the_tree_is_reached(tmp_path: Path) -> None:
    """A socket's address holds 107 characters; a site may lie deeper."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    made = Bench(deep)
    made.start()
    output = made.truth("a").output
    made.end()

    assert output == 0
