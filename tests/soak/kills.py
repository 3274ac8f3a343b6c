"""Real processes, ended or frozen at any moment of a session: off in time, the chart whole, the next start in order.

Each round is a fresh site with simulators and a controller; what is done to them, and when, is the seed's choice:
at a number of charted entries or some milliseconds after the request. What was committed before is read from the
chart's file by this process, and has to be there afterwards, once.
"""

import contextlib
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from modctl.chart.sqlite import open_reader
from modctl.chart.verify import verify_file
from modctl.config import Layout
from modctl.errors import ModctlError
from tests.process import small_site as site
from tests.soak import disk
from tests.soak.report import Line

OFF_MS: Final = 3_000  # the guard has a second, a unit's own lease is 2 s at most
MAX_STEPS: Final = 16  # entries of a session from its request to the first seconds of its delivery
MAX_WAIT_MS: Final = 2_500
ENDS_S: Final = 15
MAX_FINDINGS: Final = 20


class Round:
    """One site, one session, one act."""

    def __init__(self, layout: Layout, dice: random.Random, shim: Path | None, act: str | None = None) -> None:
        self._layout = layout
        self._dice = dice
        self._shim = shim
        self._unit = dice.choice(site.UNITS)
        self._trigger = layout.root / "full"
        acts = [self.kill_controller, self.kill_controller, self.freeze_controller, self.lose_screen]
        acts += [self.kill_simulators, *([] if shim is None else [self.fill_disk])]
        self._act = dice.choice([one for one in acts if act in (None, one.__name__)])
        self.what = f"{self._act.__name__}, {self._unit}"
        self.findings: list[str] = []

    def run(self) -> None:
        """Begin, wait for the moment, act, look; then start once more and look again."""
        with site.simulators(self._layout) as simulators:
            self._simulators = simulators
            with self._controller() as running, contextlib.closing(running.client()) as client:
                self._running, self._client = running, client
                beginning = threading.Thread(target=self._begin)
                beginning.start()
                self._wait_for_the_moment()
                before = committed(self._layout)
                self._act()
                self._check_off()
                if running.process.poll() is None:
                    running.end()
                beginning.join(ENDS_S)
            self._trigger.unlink(missing_ok=True)
            with site.controller(self._layout) as again:
                again.end()
            self._check_off()
        self._check_chart(before)

    # What is done

    def kill_controller(self) -> None:
        """Nothing of it is left to switch anything off."""
        self._running.process.send_signal(signal.SIGKILL)

    def freeze_controller(self) -> None:
        """It comes back, and must not go on as if nothing was."""
        self._running.process.send_signal(signal.SIGSTOP)
        frozen_ms = self._dice.randrange(50, MAX_WAIT_MS)
        time.sleep(frozen_ms / 1_000)
        if frozen_ms > OFF_MS // 2:
            self._check_off()
        self._running.process.send_signal(signal.SIGCONT)
        self._stop_from_elsewhere()

    def lose_screen(self) -> None:
        """The connection is gone in the middle of a line; somebody else stops."""
        self._client.close()
        self._stop_from_elsewhere()

    def kill_simulators(self) -> None:
        """The units are gone from their lines, as when a cable is pulled from all of them."""
        self._simulators.send_signal(signal.SIGKILL)
        self._simulators.wait()

    def fill_disk(self) -> None:
        """No file of the site takes a byte any more (ENOSPC, by the shim)."""
        self._trigger.touch()

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
        if self._act.__name__ == "fill_disk" and self._simulators.poll() is not None:
            return
        kinds = Counter(entry.kind for entry in site.entries(self._layout) if entry.session)
        if kinds["session.requested"] != kinds["session.ended"]:
            self.findings.append(f"{self.what}: a session has no end: {dict(kinds)}")

    def _begin(self) -> None:
        with contextlib.suppress(AssertionError, ModctlError, OSError, StopIteration):
            site.begin(self._client, self._unit)

    def _wait_for_the_moment(self) -> None:
        wanted = self._dice.randrange(1, MAX_STEPS)
        size = len(committed(self._layout))
        until = time.monotonic() + MAX_WAIT_MS / 1_000
        self.what += f", {wanted} entries after the request"
        while time.monotonic() < until and len(committed(self._layout)) < size + wanted:
            time.sleep(0.002)
        time.sleep(self._dice.choice((0, 0, 0.005, 0.05, 0.5)))

    def _stop_from_elsewhere(self) -> None:
        """A person at another terminal, when the controller is still there; it may have ended itself."""
        command = [str(site.MODCTL), "--site", str(self._layout.root), "stop"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, capture_output=True, timeout=ENDS_S, check=False)

    @contextlib.contextmanager
    def _controller(self) -> Iterator[site.Controller]:
        """A controller, under the shim where it may run out of disk."""
        added = {}
        if self._shim is not None and self._act.__name__ == "fill_disk":
            added = {"LD_PRELOAD": str(self._shim), "SOAK_ROOT": str(self._layout.root)}
            added["SOAK_TRIGGER"] = str(self._trigger)
        with site.controller(self._layout, added) as made:
            yield made


def committed(layout: Layout) -> dict[int, bytes]:
    """What the chart's file holds at this moment: leaf by number."""
    reader = open_reader(layout.chart)
    try:
        return dict(reader.execute("SELECT seq, leaf FROM entry").fetchall())
    finally:
        reader.close()


def try_round(
    template: Path, seed: int, number: int, shim: Path | None, act: str | None = None
) -> tuple[str, list[str]]:
    """One round on a copy of a site: what was done (``act``, or the seed's choice), and what was wrong."""
    with tempfile.TemporaryDirectory(prefix="soak-kill-") as folder:
        root = Path(folder) / "site"
        shutil.copytree(template, root)
        one = Round(Layout(root), random.Random(f"{seed} {number}"), shim, act)
        try:
            one.run()
        except (AssertionError, ModctlError, OSError, subprocess.TimeoutExpired) as why:
            one.findings.append(f"{one.what}: {type(why).__name__}: {why}")
        return one.what, one.findings


def run(seconds: float, seed: int) -> Line:
    """Rounds until the time is over."""
    reached: Counter[str] = Counter({"kill points": 0})
    findings: list[str] = []
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="soak-site-") as folder:
        template = Path(folder) / "site"
        site.lay_down(template)
        shim = disk.compiled(Path(folder)) if disk.compiler() else None
        while time.monotonic() < until and len(findings) < MAX_FINDINGS:
            what, found = try_round(template, seed, reached["kill points"], shim)
            reached["kill points"] += 1
            reached[what.partition(",")[0].replace("_", " ")] += 1
            findings += [f"round {reached['kill points'] - 1} of seed {seed}: {one}" for one in found]
    return Line(family="kills", seed=seed, reached=dict(reached), findings=tuple(findings))
