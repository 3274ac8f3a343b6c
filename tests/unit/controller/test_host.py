"""The engine's loop with a real engine, a real chart and a simulated unit: how it ends, and what it notices itself."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from devices.model import MonoNs
from devices.profile import load
from devices.registry import driver_for
from devices.sim.units.p24 import SimP24
from modctl.chart.keys import KeyFolder
from modctl.chart.reader import ChartReader
from modctl.chart.store import ChartStore, NewChart, Written
from modctl.clock import Stamp, SystemClock, utc_text
from modctl.controller.guard import Watch
from modctl.controller.host import Host
from modctl.controller.keeper import GuardKeeper
from modctl.controller.ports import PortWorker
from modctl.controller.writer import ChartWriter
from modctl.engine import core
from modctl.engine.core_events import FromUnit, StopUnits
from modctl.engine.effects import Reply, Stopped
from modctl.engine.port import LineOpened, Port, PortNews
from modctl.engine.unit import UnitConfig
from modctl.errors import Exit
from modctl.records import Draft
from tests.safety.more_knockouts import without_clock_watch
from tests.unit.controller.sim_link import SimLink

PROFILE = load("hasomed-p24")
WAIT_S = 10


class ShiftedClock:
    """The machine's clocks, as if it had slept or been set."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.slept_ns = 0
        self.set_by = timedelta()

    def mono_ns(self) -> MonoNs:
        """Nobody can set this one."""
        return self._clock.mono_ns()

    def stamp(self) -> Stamp:
        """All clocks with their shifts."""
        true = self._clock.stamp()
        utc = datetime.fromisoformat(true.at_utc) + self.set_by + timedelta(microseconds=self.slept_ns // 1_000)
        return msgspec.structs.replace(true, at_utc=utc_text(utc), boottime_ns=true.boottime_ns + self.slept_ns)


class Bench:
    """One unit, one worker, one chart and the engine's loop, in this process."""

    def __init__(self, folder: Path) -> None:
        self.clock = ShiftedClock()
        self.chart = folder / "chart.db"
        keys = KeyFolder(folder / "keys")
        new = NewChart(site="s", simulated=True, program="p")
        ChartStore.create(self.chart, keys, new, self.clock.stamp()).close()
        self.link = SimLink(SimP24("u", 1))
        port = Port({"u": driver_for(PROFILE)}, {"u": PROFILE})
        self.words = tuple(port.last_words())
        self.worker = PortWorker(
            name="line", link=self.link, port=port, lease_ms=0, sentry=self, clock=self.clock, deliver=self._deliver
        )
        self.writer = ChartWriter(lambda: ChartStore.open(self.chart, keys), self, self.clock)
        self.writer.start()
        state = core.initial([UnitConfig(name="u", profile=PROFILE, address="line")], (), simulated=True)
        keeper = GuardKeeper(folder, self.clock, lambda _: None)
        self.host = Host(state, {"u": self.worker}, self.writer, keeper, self, self.clock)
        self.settled: list[Stopped] = []
        self.status: list[Exit] = []
        self.thread = threading.Thread(target=lambda: self.status.append(self.host.run()))

    def run(self) -> Exit:
        """Until it ends by itself."""
        self.worker.start()
        self.thread.start()
        self.thread.join(WAIT_S)
        return self.status[0]

    def entries(self, kind: str) -> list[dict[str, object]]:
        """What the chart has of one kind, when all is closed."""
        self.writer.close()
        reader = ChartReader.open(self.chart)
        try:
            return [msgspec.json.decode(entry.data) for entry in reader.entries_of_kind(kind)]
        finally:
            reader.close()

    def kinds(self) -> list[str]:
        """What stands in the chart."""
        reader = ChartReader.open(self.chart)
        try:
            return [entry.kind for entry in reader.entries_since(0)]
        finally:
            reader.close()

    def wait(self, is_so: Callable[[], bool]) -> None:
        """Until the loop has seen to something."""
        passed = threading.Event()
        self.host.on_beat = lambda _: passed.set() if is_so() else None
        assert passed.wait(WAIT_S)

    def close(self) -> None:
        """Leave no thread behind."""
        self.host.end("test")
        self.thread.join(WAIT_S)
        self.worker.end(in_order=True)
        self.worker.join()
        self.writer.close()

    # What the loop, the worker and the writer talk to.

    def _deliver(self, unit: str, news: PortNews) -> None:
        self.host.post(FromUnit(unit=unit, news=news))

    def watch(self, watch: Watch, fd: int) -> None:
        """The guard is told of a port; there is no guard here."""

    def forget(self, port: str) -> None:
        """As above."""

    def durable(self, session: str | None, what: str) -> None:
        """No session runs here."""

    def committed(self, entries: Sequence[Written]) -> None:
        """Nobody listens."""

    def broken(self, why: str) -> None:
        """The chart holds in these tests."""
        raise AssertionError(why)

    def replied(self, reply: Reply) -> None:
        """Nobody asks."""

    def stopped(self, stopped: Stopped) -> None:
        """Somebody's stop was settled."""
        self.settled.append(stopped)

    def noted(self, draft: Draft) -> None:
        """No screen shows it."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A loop that is ended with the test."""
    made = Bench(tmp_path)
    yield made
    made.close()


def test_an_end_confirms_off_and_charts_it(bench: Bench) -> None:
    """Whoever ends the controller can read that everything was off."""
    bench.worker.start()
    bench.thread.start()
    bench.wait(lambda: bench.host.state.units["u"].identity is not None)
    bench.host.end("SIGTERM")
    bench.thread.join(WAIT_S)

    assert [Exit.OK] == bench.status
    assert [{"reason": "SIGTERM", "off_confirmed": True}] == bench.entries("controller.stopped")
    assert "stop.pressed" in bench.kinds()


def test_a_unit_that_was_never_there_does_not_make_the_end_doubtful(bench: Bench) -> None:
    """An empty socket on the cart is not an output that nobody could confirm."""
    bench.link.is_absent = True
    bench.host.end("SIGTERM")
    status = bench.run()

    assert Exit.OK is status


def test_an_error_of_ours_says_the_last_words_on_every_line(bench: Bench) -> None:
    """The one broad except: whatever breaks, off first, then what can be charted, then out."""
    bench.worker.start()
    bench.thread.start()
    bench.wait(lambda: bench.host.state.units["u"].identity is not None)
    bench.host.post(FromUnit(unit="nobody-knows-this-unit", news=LineOpened(at_ns=0)))
    bench.thread.join(WAIT_S)
    assert bench.worker.join()

    assert [Exit.FINDINGS] == bench.status
    assert bench.words[-1] == bench.link.written[-1]
    assert [{"reason": "internal error: KeyError", "off_confirmed": False}] == bench.entries("controller.stopped")


def test_a_worker_that_died_ends_the_controller(bench: Bench) -> None:
    """Half a controller, with one line that nobody watches, is worse than none."""
    bench.host.died("line")
    status = bench.run()

    assert Exit.FINDINGS is status
    assert [{"reason": "internal error: ThreadDiedError", "off_confirmed": False}] == bench.entries(
        "controller.stopped"
    )


def test_a_stop_is_answered_when_off_is_confirmed(bench: Bench) -> None:
    """The person at the screen is told what was reached, not what was sent."""
    bench.worker.start()
    bench.thread.start()
    bench.wait(lambda: bench.host.state.units["u"].identity is not None)
    bench.host.post(StopUnits(request=7, actor=None, source="command"), first=True)
    bench.wait(lambda: len(bench.settled) == 1)

    ((unit, off, after_ms),) = bench.settled[0].units
    assert ("u", True) == (unit, off)
    assert after_ms is not None


@pytest.mark.parametrize(
    ("slept_ms", "set_ms", "jumps"),
    [
        (900, 0, []),
        (5_000, 0, [("boottime", 5_000)]),
        (0, 900, []),
        (0, 3_600_000, [("utc", 3_600_000)]),
        (0, -3_600_000, [("utc", -3_600_000)]),
    ],
)
def test_a_machine_that_slept_or_was_set_is_charted(
    bench: Bench, slept_ms: int, set_ms: int, jumps: list[tuple[str, int]]
) -> None:
    """A closed lid stops what runs (hazard H43); a set clock only makes labels jump, and the chart says where (H42)."""
    bench.worker.start()
    bench.thread.start()
    bench.wait(lambda: True)
    bench.clock.slept_ns = slept_ms * 1_000_000
    bench.clock.set_by = timedelta(milliseconds=set_ms)
    for _ in range(2):
        bench.wait(lambda: True)
    bench.close()

    found = [(str(jump["clock"]), round(int(str(jump["by_ms"])), -2)) for jump in bench.entries("clock.jumped")]
    assert jumps == found


def test_h42_without_the_look_at_the_clocks_a_jump_is_not_charted(bench: Bench) -> None:
    """The knock-out of hazard H42: what was seen above comes from that look and from nowhere else."""
    with without_clock_watch():
        bench.worker.start()
        bench.thread.start()
        bench.wait(lambda: True)
        bench.clock.set_by = timedelta(hours=-1)
        for _ in range(2):
            bench.wait(lambda: True)
        bench.close()

    assert [] == bench.entries("clock.jumped")
