"""``modctl unit certify`` on real lines: what it says of a sound unit, of bad ones, and where it does not begin."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from devices.bench import Ask, Inject, Injected, Reply, TruthIs, line_of, reply_of

MODCTL = Path(sys.executable).with_name("modctl")
UNIT = "reference-ultrasound"
FAULTS = ("no-lease", "ignore-stop", "accept-ignore")
CHECKS = [
    *("identity", "starts-off", "counters", "refuses-values", "refuses-addresses", "refuses-start", "least-level"),
    *("kept", "off", "lease-in-silence", "lease-with-questions", "own-timer"),
]


class Bench:
    """Simulated units on pseudo-terminals, one for each kind of trial, and one on a TCP port."""

    def __init__(self, folder: Path) -> None:
        self.control = folder / "sim.sock"
        self.path = folder / "spare"
        self.link = f"serial:{self.path}"
        self.links = {name: f"serial:{folder / name}" for name in ("sound", *FAULTS)}
        paths = [self.path, *(folder / name for name in self.links)]
        units = [word for path in paths for word in ("--unit", f"{UNIT}@{path}")]
        words = ["sim", "run", "--json", *units, "--unit", "reference-heat@tcp:0", "--control", str(self.control)]
        command = [str(MODCTL), *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        ready = [json.loads(self.process.stdout.readline()) for _ in range(len(paths) + 1)]
        self.names = {Path(one["address"]).name: one["name"] for one in ready}
        self.tcp = f"tcp:127.0.0.1:{str(ready[-1]['address']).removeprefix('tcp:')}"

    def ask(self, request: Ask | Inject) -> Reply:
        """One request to the simulators' control socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(str(self.control))
            line.sendall(line_of(request))
            with line.makefile("rb") as answers:
                return reply_of(answers.readline())

    def truth(self, trial: str = "spare") -> TruthIs:
        """What the unit of one trial really does."""
        told = self.ask(Ask(name=self.names[trial]))
        assert isinstance(told, TruthIs), told
        return told

    def end(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Simulators for all tests of this file; each leaves them sound."""
    made = Bench(tmp_path_factory.mktemp("certify"))
    yield made
    made.end()


class Trial(msgspec.Struct, frozen=True):
    """One run to its end."""

    status: int
    stdout: str
    stderr: str
    report: str

    def verdicts(self) -> dict[str, str]:
        """Check -> verdict, as printed."""
        records = [json.loads(line) for line in self.stdout.splitlines()]
        assert {"certify.check"} >= {record["kind"] for record in records}, self.stdout
        return {record["check"]: record["verdict"] for record in records}

    def named(self, verdict: str) -> set[str]:
        """The checks that came to this."""
        return {check for check, found in self.verdicts().items() if found == verdict}


def words(folder: Path, model: str, link: str, *more: str) -> list[str]:
    """The command, on no site."""
    return [str(MODCTL), "--site", str(folder / "no-site"), "--json", "unit", "certify", model, "--link", link, *more]


def certify(folder: Path, model: str, link: str, stated: str = "--nobody-connected") -> Trial:
    """Run it to its end."""
    command = [*words(folder, model, link), *([stated] if stated else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    return Trial(done.returncode, done.stdout, done.stderr, "")


@pytest.fixture(scope="module")
def trials(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trial]:
    """The long ones, side by side: each waits for its unit most of the time."""
    folder = tmp_path_factory.mktemp("reports")
    for fault in FAULTS:
        assert isinstance(bench.ask(Inject(name=bench.names[fault], fault=fault)), Injected)
    lines = {name: (UNIT, link) for name, link in bench.links.items()} | {"tcp": ("reference-heat", bench.tcp)}
    under_way = {}
    for name, (model, link) in lines.items():
        report = folder / (f"{name}.json" if name == "sound" else f"{name}.txt")
        command = [*words(folder, model, link), "--nobody-connected", "--by", "Ada", "--report", str(report)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        under_way[name] = (process, report)
    done = {}
    for name, (process, report) in under_way.items():
        stdout, stderr = process.communicate(timeout=50)
        done[name] = Trial(process.returncode, stdout, stderr, report.read_text() if report.exists() else "")
    return done


def test_a_sound_unit_passes_every_check_and_is_left_off(bench: Bench, trials: dict[str, Trial]) -> None:
    """The report is a file to hand on: it says what was tried, on what, and who stated that nobody is connected."""
    trial = trials["sound"]
    report = json.loads(trial.report)

    assert (0, dict.fromkeys(CHECKS, "passed")) == (trial.status, trial.verdicts()), trial.stderr
    assert (True, "nobody is connected", "Ada") == (report["passed"], report["stated"], report["stated_by"])
    assert CHECKS == [check["check"] for check in report["checks"]]
    assert not bench.truth("sound").energized


def test_a_unit_behind_tcp_passes_too(trials: dict[str, Trial]) -> None:
    """Another framing of the same map; the report as text."""
    trial = trials["tcp"]

    assert (0, dict.fromkeys(CHECKS, "passed")) == (trial.status, trial.verdicts()), trial.stderr
    assert "Stated by Ada: nobody is connected." in trial.report
    assert trial.report.endswith("keeps its profile.\n")


@pytest.mark.parametrize(
    ("fault", "failed", "not_run"),
    [
        ("no-lease", {"lease-in-silence", "lease-with-questions"}, set()),
        ("ignore-stop", {"off"}, set()),
        ("accept-ignore", {"least-level"}, {"kept", "off", "lease-in-silence", "lease-with-questions", "own-timer"}),
    ],
)
def test_what_a_bad_unit_does_not_keep_is_named(
    bench: Bench, trials: dict[str, Trial], fault: str, failed: set[str], not_run: set[str]
) -> None:
    """Status 1, the check by its name in the report, and what can be switched off is off when it is over."""
    trial = trials[fault]

    assert 1 == trial.status, trial.stderr
    assert (failed, not_run) == (trial.named("failed"), trial.named("not-run"))
    assert all(f"FAILED  {check}:" in trial.report for check in failed)
    assert "does not keep its profile" in trial.report
    assert not bench.truth(fault).energized


def test_an_interrupted_trial_leaves_the_unit_off(bench: Bench, tmp_path: Path) -> None:
    """Whoever pulls the plug on the program does not leave the output on behind it."""
    command = [*words(tmp_path, UNIT, bench.link), "--nobody-connected"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 20
        while not bench.truth().energized:
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=10)

    assert 1 == process.returncode
    assert "last words" in said
    assert not bench.truth().energized


@pytest.mark.parametrize(
    ("model", "link", "stated", "status", "said"),
    [
        (UNIT, "", "", 4, "nobody is connected"),
        ("toaster", "", "--nobody-connected", 2, "no model 'toaster'"),
        (UNIT, "usb:1", "--nobody-connected", 2, "serial:PATH or tcp:HOST:PORT"),
        (UNIT, "serial:/nonexistent", "--nobody-connected", 3, "no /nonexistent"),
        (UNIT, "serial:/dev/null", "--nobody-connected", 4, "hardware = true"),
        (UNIT, "tcp:192.0.2.1:502", "--nobody-connected", 4, "hardware = true"),
    ],
)
def test_it_does_not_begin_where_it_must_not(
    bench: Bench, tmp_path: Path, model: str, link: str, stated: str, status: int, said: str
) -> None:
    """Without the statement, without a line, and on what may be a real unit that no real site names."""
    done = certify(tmp_path, model, link or bench.link, stated)

    assert (status, "") == (done.status, done.stdout)
    assert said in done.stderr


def test_a_line_that_somebody_else_has_is_left_alone(bench: Bench, tmp_path: Path) -> None:
    """A controller holds this lock as long as it runs on the port."""
    holder = os.open(bench.path, os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        done = certify(tmp_path, UNIT, bench.link)
    finally:
        os.close(holder)

    assert (4, "") == (done.status, done.stdout)
    assert "another program" in done.stderr


def test_another_model_is_found_out_before_anything_is_switched_on(bench: Bench, tmp_path: Path) -> None:
    """The first check is the only one that runs."""
    changed_ns = bench.truth().changed_at_mono_ns
    done = certify(tmp_path, "reference-heat", bench.link)
    found = done.verdicts()

    assert (1, "failed") == (done.status, found.pop("identity"))
    assert {"not-run"} == set(found.values())
    assert changed_ns == bench.truth().changed_at_mono_ns
