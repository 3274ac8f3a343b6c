"""``modctl sim``: the command line of the simulators, as a script and a technician use it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

MODCTL = Path(sys.executable).with_name("modctl")
Record = dict[str, object]


class Command:
    """``modctl`` with one control socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.control = folder / "sim.sock"
        self.process: subprocess.Popen[str] | None = None

    def start(self, *units: str) -> list[Record]:
        """Run simulators; what they print when they are ready."""
        pairs = [word for unit in units for word in ("--unit", unit)]
        self.process = subprocess.Popen(
            [MODCTL, "sim", "run", "--json", *pairs, "--control", self.control], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        return [json.loads(self.process.stdout.readline()) for _ in units]

    def end(self) -> int:
        """Ctrl-C; the exit status."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=10)
        assert process.stdout is not None
        process.stdout.close()
        return status

    def said(self, *words: str) -> tuple[int, list[Record], str]:
        """Exit status, records, talk of ``modctl sim …``."""
        done = subprocess.run(
            [MODCTL, "--json", "sim", *words, "--control", self.control], check=False, capture_output=True, text=True
        )
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """Two simulated P24."""
    made = Command(tmp_path_factory.mktemp("bench"))
    made.start(f"hasomed-p24@{made.folder / 'one'}", f"hasomed-p24@{made.folder / 'two'}")
    yield made
    made.end()


def test_units_are_named_after_their_model_and_announced_when_ready(tmp_path: Path) -> None:
    """A script waits for these lines and then opens the addresses. Ctrl-C is the ordinary end: status 0."""
    command = Command(tmp_path)
    units = command.start(f"hasomed-p24@{tmp_path / 'p24'}", f"hasomed-p24@{tmp_path / 'other'}")
    is_there = (tmp_path / "p24").is_symlink()
    status = command.end()

    assert units == [
        {"kind": "sim.unit", "name": "hasomed-p24", "model": "hasomed-p24", "address": str(tmp_path / "p24")}
        | {"running": True},
        {"kind": "sim.unit", "name": "hasomed-p24-2", "model": "hasomed-p24", "address": str(tmp_path / "other")}
        | {"running": True},
    ]
    assert is_there
    assert status == 0
    assert list(tmp_path.iterdir()) == []


def test_the_list_is_what_was_announced(bench: Command) -> None:
    """Also for who comes later."""
    status, units, _ = bench.said("list")

    assert status == 0
    assert [unit["name"] for unit in units] == ["hasomed-p24", "hasomed-p24-2"]


def test_truth_has_the_promised_fields(bench: Command) -> None:
    """The contract of the command line: fields are only ever added."""
    status, truths, _ = bench.said("truth", "hasomed-p24")

    assert status == 0
    assert [
        "kind",
        "name",
        "model",
        "energized",
        "output",
        "unit",
        "state",
        "changed_at_mono_ns",
        "now_mono_ns",
        "lease_left_ms",
        "channels",
        "faults",
    ] == list(truths[0])
    assert ("sim.truth", "hasomed-p24", False, 0, "uA") == tuple(
        truths[0][name] for name in ("kind", "name", "energized", "output", "unit")
    )


def test_a_fault_is_injected_with_its_parameters_and_cleared(bench: Command) -> None:
    """The moment that is told is on the clock of the truth."""
    status, injected, _ = bench.said("inject", "hasomed-p24", "delay", "ms=200", "jitter_ms=5", "--after", "10ms")
    at_ns = injected[0]["at_mono_ns"]
    assert isinstance(at_ns, int)
    while time.monotonic_ns() < at_ns + 100_000_000:
        time.sleep(0.01)
    _, during, _ = bench.said("truth", "hasomed-p24")
    cleared_status, cleared, _ = bench.said("clear", "hasomed-p24")
    _, after, _ = bench.said("truth", "hasomed-p24")

    assert (status, injected[0]["kind"]) == (0, "sim.injected")
    assert during[0]["faults"] == ["delay"]
    assert (cleared_status, cleared[0]["kind"]) == (0, "sim.cleared")
    assert after[0]["faults"] == []


@pytest.mark.parametrize(
    ("words", "status", "talk"),
    [
        (("inject", "nobody", "mute"), 2, "no simulated unit 'nobody'"),
        (("inject", "hasomed-p24", "tantrum"), 2, "no fault 'tantrum'"),
        (("inject", "hasomed-p24", "delay", "ms"), 2, "NAME=INTEGER"),
        (("inject", "hasomed-p24", "delay", "ms=1.5"), 2, "no integer"),
        (("inject", "hasomed-p24", "delay", "s=1"), 2, "no parameter"),
        (("inject", "hasomed-p24", "mute", "--for", "5"), 2, "500ms, 15s or 20min"),
        (("inject", "hasomed-p24", "cough"), 4, "cough"),
        (("truth", "nobody"), 2, "no simulated unit 'nobody'"),
        (("clear", "nobody"), 2, "no simulated unit 'nobody'"),
        (("add", "hasomed-p24"), 2, "MODEL@ADDRESS"),
        (("add", "toaster@tcp:0"), 2, "no simulator of 'toaster'"),
        (("add", "hasomed-p24@tcp:many"), 2, "tcp:PORT"),
        (("add", "hasomed-p24@tcp:0", "--name", "No Name"), 2, "no name of a unit"),
        (("add", "hasomed-p24@tcp:0"), 4, "there is a simulated unit hasomed-p24 already"),
        (("start", "nobody"), 2, "no simulated unit 'nobody'"),
        (("run", "--unit", "hasomed-p24"), 2, "MODEL@ADDRESS"),
        (("run", "--unit", "toaster@/tmp/toaster"), 2, "no simulator of 'toaster'"),
        (("run", "--unit", "hasomed-p24@tcp:0"), 4, "running already"),
    ],
)
def test_each_refusal_has_its_status_and_its_sentence(
    bench: Command, words: tuple[str, ...], status: int, talk: str
) -> None:
    """2: the words are wrong; 4: refused, and why. Nothing stands on standard output."""
    got, records, said = bench.said(*words)

    assert (status, []) == (got, records)
    assert talk in said


def test_a_unit_comes_and_goes_by_command(bench: Command) -> None:
    """The twin of the bench screen's rack, for scripts."""
    added = bench.said("add", f"reference-heat@{bench.folder / 'pad'}", "--name", "pad-1")
    stopped = bench.said("stop", "pad-1")
    truth = bench.said("truth", "pad-1")
    started = bench.said("start", "pad-1")
    removed = bench.said("remove", "pad-1")
    listed = bench.said("list")

    unit = {"kind": "sim.unit", "name": "pad-1", "model": "reference-heat", "address": str(bench.folder / "pad")}
    assert (0, [{**unit, "running": True}]) == added[:2] == started[:2]
    assert (0, [{**unit, "running": False}]) == stopped[:2]
    assert ("stopped", False) == (truth[1][0]["state"], truth[1][0]["energized"])
    assert (0, [{"kind": "sim.removed", "name": "pad-1"}]) == removed[:2]
    assert "pad-1" not in [one["name"] for one in listed[1]]


@pytest.mark.parametrize("words", [("add", "hasomed-p24@tcp:0"), ("start", "estim-1")])
def test_a_site_for_real_units_gets_no_simulator(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Not even one that its controller would refuse to open."""
    (tmp_path / "site.toml").write_text('[site]\nname = "real"\nsimulated = false\n')
    done = subprocess.run([MODCTL, "--site", tmp_path, "sim", *words], check=False, capture_output=True, text=True)

    assert (4, "") == (done.returncode, done.stdout)
    assert "This site is for real units" in done.stderr


def test_without_simulators_it_cannot_be_reached(tmp_path: Path) -> None:
    """Status 3, and how to start them."""
    status, _, talk = Command(tmp_path).said("list")

    assert status == 3
    assert "modctl sim run" in talk


def test_following_ends_with_the_simulators(tmp_path: Path) -> None:
    """A stream that breaks off says so: status 3, not 0; every line before it is whole."""
    command = Command(tmp_path)
    command.start(f"hasomed-p24@{tmp_path / 'p24'}")
    with subprocess.Popen(
        [MODCTL, "--json", "sim", "truth", "hasomed-p24", "--follow", "--control", command.control],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as follower:
        assert follower.stdout is not None
        first = json.loads(follower.stdout.readline())
        command.end()
        rest, talk = follower.communicate(timeout=10)

    assert first["name"] == "hasomed-p24"
    assert follower.returncode == 3
    assert "ended" in talk
    assert all(json.loads(line)["kind"] == "sim.truth" for line in rest.splitlines())


def test_following_is_ended_by_ctrl_c_with_status_0(bench: Command) -> None:
    """The ordinary end of a stream without an end."""
    with subprocess.Popen(
        [MODCTL, "--json", "sim", "truth", "hasomed-p24", "--follow", "--control", bench.control],
        stdout=subprocess.PIPE,
        text=True,
    ) as follower:
        assert follower.stdout is not None
        follower.stdout.readline()
        follower.send_signal(signal.SIGINT)
        follower.communicate(timeout=10)

    assert follower.returncode == 0


def test_without_units_the_sites_bench_is_run(tmp_path: Path) -> None:
    """Names and addresses come from ``bench.toml``, paths inside the site, the socket in its run folder."""
    (tmp_path / "bench.toml").write_text(
        '[[sim]]\nname = "estim-1"\nmodel = "hasomed-p24"\naddress = "run/bench/estim-1"\nseed = 7\n'
    )
    with subprocess.Popen(
        [MODCTL, "sim", "run", "--json", "--site", tmp_path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        unit = json.loads(process.stdout.readline())
        truth = subprocess.run(
            [MODCTL, "sim", "truth", "estim-1", "--site", tmp_path], check=False, capture_output=True, text=True
        )
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)

    assert (unit["name"], unit["address"]) == ("estim-1", str(tmp_path / "run/bench/estim-1"))
    assert truth.stdout.startswith("estim-1: off, output 0 uA")
    assert process.returncode == 0
