"""Real processes, ended or frozen at any moment of a session: off in time, the chart whole, the next start in order.

Each round is a fresh site with simulators, a controller and a screen that begins a session. Every act is tried at every
charted step of it, in the seed's order, and some milliseconds later as the seed chooses.
What was committed before is read from the chart's file by this process, and has to be there afterwards, once.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from modctl.chart.sqlite import open_reader
from modctl.chart.verify import verify_file
from modctl.config import Layout
from modctl.errors import ModctlError
from tests.process import small_site as site
from tests.soak import disk
from tests.soak.report import Line

OFF_MS: Final = 3_000  # the guard has a second, a unit's own lease is 2 s at most
STEPS: Final = 24  # entries of a session from its request to the first seconds of its delivery
MAX_WAIT_MS: Final = 20_000  # for a step that does not come: a busy machine takes long to start a screen
MAX_FROZEN_MS: Final = 2_500
ENDS_S: Final = 15
MAX_FINDINGS: Final = 20
SESSION: Final = ("session", "start", "--patient", "P-1", "--as", "therapist", "--answers", "demo", "--duration", "20s")


class Act(msgspec.Struct, frozen=True):
    """What is done, to whom. A writer is a thread, which no signal meets alone: its disk is full, or stands still."""

    victim: Literal["controller", "guard", "screen", "simulators", "writer"]
    number: signal.Signals

    def __str__(self) -> str:
        return f"{self.number.name} {self.victim}"


KILL, STOP = signal.SIGKILL, signal.SIGSTOP  # a stop is followed by SIGCONT
ACTS: Final = tuple(
    Act(victim, number)
    for victim in ("controller", "guard", "screen", "simulators", "writer")
    for number in (KILL, STOP)
)


class Round:
    """One site, one session, one act ``step`` entries after the request."""

    def __init__(self, layout: Layout, dice: random.Random, shim: Path | None, act: Act, step: int) -> None:
        self._layout = layout
        self._dice = dice
        self._shim = shim
        self._act = act
        self._step = step
        self._unit = dice.choice(site.UNITS)
        self._full, self._stalled = layout.root / "full", layout.root / "stalled"
        self.what = f"{act}, {self._unit}, {step} entries after the request"
        self.was_on = False  # there was output when it happened
        self.findings: list[str] = []

    def run(self) -> None:
        """Begin, wait for the moment, act, look; then start once more and look again."""
        with site.simulators(self._layout) as simulators:
            self._simulators = simulators
            with site.controller(self._layout, self._shimmed()) as running, self._session() as screen:
                self._running, self._screen = running, screen
                self._wait_for_the_moment()
                before = committed(self._layout)
                self.was_on = site.truth(self._layout, self._unit).energized
                self._do()
                self._check_off()
                if running.process.poll() is None:
                    running.end()
            self._full.unlink(missing_ok=True)
            with site.controller(self._layout) as again:
                again.end()
            self._check_off()
        self._check_chart(before)

    # What is done

    def _do(self) -> None:
        is_frozen = self._act.number is STOP
        self._send(self._act.number)
        if is_frozen:
            frozen_ms = self._dice.randrange(50, MAX_FROZEN_MS)
            time.sleep(frozen_ms / 1_000)
            if frozen_ms > OFF_MS // 2 and self._act.victim != "simulators":  # theirs is what is looked at
                self._check_off()
            self._send(signal.SIGCONT)
        if (self._act.victim, is_frozen) in (("simulators", False), ("controller", False)):
            return
        self._stop_from_elsewhere()

    def _send(self, number: signal.Signals) -> None:
        match self._act.victim:
            case "controller":
                self._running.process.send_signal(number)
            case "guard":
                if number is not signal.SIGCONT:
                    self._guard = self._running.guard_pid()
                with contextlib.suppress(ProcessLookupError):  # the keeper has ended the one that was deaf
                    site.kill(self._guard, number)
            case "screen":
                self._screen.send_signal(number)
            case "simulators":
                self._simulators.send_signal(number)
                if number is KILL:
                    self._simulators.wait()
            case "writer":
                self._to_writer(number)

    def _to_writer(self, number: signal.Signals) -> None:
        """No file of the site takes a byte any more (ENOSPC), or a sync takes as long as it takes; by the shim."""
        if number is KILL:
            self._full.touch()
        elif number is STOP:
            self._stalled.touch()
        else:
            self._stalled.unlink()

    # What must be so

    def _check_off(self) -> None:
        if self._simulators.poll() is not None:
            return
        for unit in site.UNITS:
            try:
                site.wait_off(self._layout, unit, OFF_MS)
            except AssertionError as told:
                self.findings.append(f"{self.what}: still on after {OFF_MS} ms: {told}")

    def _check_chart(self, before: dict[int, bytes]) -> None:
        verdict = verify_file(self._layout.chart)
        if verdict.findings:
            self.findings.append(f"{self.what}: {verdict.findings[0]}")
        after = committed(self._layout)
        if not before.items() <= after.items():
            self.findings.append(f"{self.what}: {len(before)} entries were committed and are not all there")
        kinds = Counter(entry.kind for entry in site.entries(self._layout) if entry.session)
        if kinds["session.requested"] != kinds["session.ended"]:
            self.findings.append(f"{self.what}: a session has no end: {dict(kinds)}")

    def _wait_for_the_moment(self) -> None:
        size = len(committed(self._layout))
        until = time.monotonic() + MAX_WAIT_MS / 1_000
        while time.monotonic() < until and len(committed(self._layout)) < size + self._step:
            time.sleep(0.002)
        time.sleep(self._dice.choice((0, 0, 0.005, 0.05, 0.5)))

    def _stop_from_elsewhere(self) -> None:
        """A person at another terminal, when the controller is still there; it may have ended itself."""
        command = [str(site.MODCTL), "--site", str(self._layout.root), "stop"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, capture_output=True, timeout=ENDS_S, check=False)

    @contextlib.contextmanager
    def _session(self) -> Iterator[subprocess.Popen[bytes]]:
        """The screen: a process of its own, which attends what it begins."""
        command = [str(site.MODCTL), "--site", str(self._layout.root), *SESSION]
        command += ["--unit", self._unit, "--preset", site.preset_of(self._unit)]
        quiet = subprocess.DEVNULL
        environment = {**os.environ, "MODCTL_PIN": site.PIN}
        screen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, env=environment)
        try:
            yield screen
        finally:
            screen.kill()
            screen.communicate()

    def _shimmed(self) -> dict[str, str]:
        """What the controller is started with where its writer's disk may fail."""
        if self._shim is None or self._act.victim != "writer":
            return {}
        return {
            "LD_PRELOAD": str(self._shim),
            "SOAK_ROOT": str(self._layout.root),
            "SOAK_TRIGGER": str(self._full),
            "SOAK_STALL": str(self._stalled),
        }


def committed(layout: Layout) -> dict[int, bytes]:
    """What the chart's file holds at this moment: leaf by number."""
    reader = open_reader(layout.chart)
    try:
        return dict(reader.execute("SELECT seq, leaf FROM entry").fetchall())
    finally:
        reader.close()


def try_round(template: Path, seed: int, number: int, shim: Path | None, act: Act, step: int) -> tuple[bool, list[str]]:
    """One round on a copy of a site: whether there was output when it happened, and what was wrong."""
    with tempfile.TemporaryDirectory(prefix="soak-kill-") as folder:
        root = Path(folder) / "site"
        shutil.copytree(template, root)
        one = Round(Layout(root), random.Random(f"{seed} {number}"), shim, act, step)
        try:
            one.run()
        except (AssertionError, ModctlError, OSError, subprocess.TimeoutExpired) as why:
            one.findings.append(f"{one.what}: {type(why).__name__}: {why}")
        return one.was_on, one.findings


def points(seed: int, *, with_writer: bool) -> list[tuple[Act, int]]:
    """Every act at every step, in the seed's order: none comes twice before all have come once."""
    every = [(act, step) for act in ACTS if with_writer or act.victim != "writer" for step in range(1, STEPS + 1)]
    random.Random(seed).shuffle(every)
    return every


def run(seconds: float, seed: int) -> Line:
    """Rounds until the time is over."""
    reached: Counter[str] = Counter({"kill points": 0})
    findings: list[str] = []
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="soak-site-") as folder:
        template = Path(folder) / "site"
        site.lay_down(template)
        shim = disk.compiled(Path(folder)) if disk.compiler() else None
        every = points(seed, with_writer=shim is not None)
        while time.monotonic() < until and len(findings) < MAX_FINDINGS:
            number = reached["kill points"]
            act, step = every[number % len(every)]
            was_on, found = try_round(template, seed, number, shim, act, step)
            reached["kill points"] += 1
            reached["with output on"] += was_on
            reached[str(act)] += 1
            findings += [f"round {number} of seed {seed}: {one}" for one in found]
    reached["acts at steps"] = min(reached["kill points"], len(every))
    return Line(family="kills", seed=seed, reached=dict(reached), findings=tuple(findings))
