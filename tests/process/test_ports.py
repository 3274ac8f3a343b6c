"""A line's worker in real time: it keeps its promises without an engine, and fails towards off."""

import threading
from collections.abc import Callable, Iterator

import pytest

from devices.model import Ack, AckOf, Identity, Off, levels
from devices.profile import load
from devices.registry import driver_for
from devices.sim.units.p24 import SimP24
from modctl.clock import SystemClock
from modctl.controller.guard import Watch
from modctl.controller.ports import PortWorker
from modctl.engine.effects import Band, Command, Permit
from modctl.engine.port import LineLost, LineOpened, PermitLapsed, Port, PortNews
from protocols.inspect import Query
from protocols.link import LinkError
from tests.unit.controller.sim_link import SimLink

CLOCK = SystemClock()
PROFILE = load("hasomed-p24")
WAIT_S = 10
PERMIT_NS = 300_000_000  # house rule
LOW = levels({"current_ua": 500, "period_us": 20_000, "pulse_width_us": 200})
CONTEXT = (("duration_ms", 60_000), ("electrode_mm2", 2_500))


class Sentry:
    """Notes which ports are open."""

    def __init__(self) -> None:
        self.watched: list[str] = []
        self.words: tuple[bytes, ...] = ()

    def watch(self, watch: Watch, fd: int) -> None:
        """A port was opened."""
        assert fd >= 0
        self.watched.append(watch.port)
        self.words = watch.words

    def forget(self, port: str) -> None:
        """A port is closed."""
        if port in self.watched:
            self.watched.remove(port)


class Bench:
    """One worker with a simulated unit."""

    def __init__(self) -> None:
        self.unit = SimP24("u", 1)
        self.link = SimLink(self.unit)
        self.sentry = Sentry()
        self.news: list[PortNews] = []
        self.deaths: list[str] = []
        self.changed = threading.Event()
        self.driver = driver_for(PROFILE)
        self.worker = PortWorker(
            name="line",
            link=self.link,
            port=Port({"u": self.driver}, {"u": PROFILE}),
            lease_ms=PROFILE.liveness.lease_ms,
            sentry=self.sentry,
            clock=CLOCK,
            deliver=self._deliver,
        )
        self.worker.on_death = self._died

    def wait(self, is_so: Callable[[], bool]) -> None:
        """Until something is so."""
        until = CLOCK.mono_ns() + WAIT_S * 1_000_000_000
        while not is_so():
            assert CLOCK.mono_ns() < until, self.news
            self.changed.wait(0.01)
            self.changed.clear()

    def energize(self) -> None:
        """What the engine does when a session starts, once; it then falls silent."""
        self.wait(lambda: any(isinstance(news, Identity) for news in self.news))
        self.permit()
        self.worker.put(Command(unit="u", setpoint=LOW))
        self.wait(lambda: any(isinstance(news, Ack) and news.of is AckOf.LEVELS for news in self.news))

    def permit(self) -> None:
        """Leave for 300 ms."""
        bands = tuple(Band(name, 0 if name == "current_ua" else value, value) for name, value in LOW.values)
        until = CLOCK.mono_ns() + PERMIT_NS
        self.worker.put(Permit(session="s", unit="u", sequence=1, until_ns=until, bands=bands, context=CONTEXT))

    @property
    def said(self) -> list[str]:
        """The meaning of every frame that was written, by the protocol's own decoder, without the questions."""
        kinds = [self.driver.inspect(frame) for frame in tuple(self.link.written)]
        return [str(kind.__struct_config__.tag) for kind in kinds if not isinstance(kind, Query)]

    def _deliver(self, _unit: str, news: PortNews) -> None:
        self.news.append(news)
        self.changed.set()

    def _died(self, name: str) -> None:
        self.deaths.append(name)
        self.changed.set()


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A worker that is ended with the test."""
    made = Bench()
    yield made
    made.worker.end(in_order=False)
    made.worker.join()


def test_a_permit_that_nobody_renews_ends_in_off(bench: Bench) -> None:
    """A hung engine: the worker goes on pumping, and the unit's own lease would be fed for ever (hazard H06)."""
    bench.worker.start()
    bench.energize()
    begun_ns = CLOCK.mono_ns()
    bench.wait(lambda: bench.said[-1] == "off")
    took_ms = (CLOCK.mono_ns() - begun_ns) // 1_000_000
    bench.wait(lambda: any(isinstance(news, PermitLapsed) for news in bench.news))

    assert took_ms < 400
    assert "energize" not in bench.said[bench.said.index("off", bench.said.index("energize")) :]


def test_a_stop_overtakes_what_waits_and_wakes_the_line(bench: Bench) -> None:
    """Orders that were given before a stop are not carried out after it."""
    bench.worker.start()
    bench.energize()
    for _ in range(50):
        bench.permit()
    begun_ns = CLOCK.mono_ns()
    bench.worker.put(Command(unit="u", setpoint=Off()))
    bench.wait(lambda: bench.said[-1] == "off")

    assert (CLOCK.mono_ns() - begun_ns) // 1_000_000 < 100


def test_a_missing_line_is_told_once_and_tried_again_each_second(bench: Bench) -> None:
    """A cable that is put in later is found without anybody restarting anything."""
    bench.link.is_absent = True
    bench.worker.start()
    bench.wait(lambda: any(isinstance(news, LineLost) for news in bench.news))
    until = CLOCK.mono_ns() + 1_200_000_000
    bench.wait(lambda: CLOCK.mono_ns() > until)
    told = [news for news in bench.news if isinstance(news, LineLost)]
    bench.link.is_absent = False
    bench.wait(lambda: any(isinstance(news, LineOpened) for news in bench.news))

    assert ["absent"] == [news.code for news in told]
    assert ["line"] == bench.sentry.watched


def test_an_off_for_a_missing_line_is_the_first_thing_written_when_it_is_back(bench: Bench) -> None:
    """A unit that was unplugged while energized may still be energized (hazard H11)."""
    bench.link.is_absent = True
    bench.worker.start()
    bench.worker.put(Command(unit="u", setpoint=Off()))
    bench.wait(lambda: any(isinstance(news, LineLost) for news in bench.news))
    bench.link.is_absent = False
    bench.wait(lambda: len(bench.link.written) > 0)

    assert "off" == bench.said[0]
    assert "off" == str(bench.driver.inspect(bench.link.written[0]).__struct_config__.tag)


def test_a_line_that_takes_no_bytes_is_lost_and_opened_again(bench: Bench) -> None:
    """A dead peer fills a pseudo-terminal; the engine hears of it and the guard knows that the port is closed."""
    bench.worker.start()
    bench.energize()
    bench.link.fails = LinkError("stuck", "nothing reads the other end")
    bench.wait(lambda: any(isinstance(news, LineLost) for news in bench.news))
    (lost,) = (news for news in bench.news if isinstance(news, LineLost))
    bench.wait(lambda: bench.link.opened == 2)

    assert "stuck" == lost.code
    bench.wait(lambda: "off" in bench.said[bench.said.index("energize") :])
    assert [] == bench.deaths


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the error is the point
def test_an_error_of_ours_in_the_thread_says_the_last_words_and_is_told(bench: Bench) -> None:
    """A bug must not leave a unit energized with nobody feeding or stopping it."""
    bench.worker.start()
    bench.energize()
    bench.link.fails = RuntimeError("a bug")
    bench.wait(lambda: len(bench.deaths) == 1)

    assert ["line"] == bench.deaths
    assert bench.link.written[-1] == bench.sentry.words[-1]
    assert [] == bench.sentry.watched


def test_an_end_in_order_says_nothing_more(bench: Bench) -> None:
    """After a confirmed off not one byte is needed on the line."""
    bench.worker.start()
    bench.wait(lambda: any(isinstance(news, Identity) for news in bench.news))
    bench.worker.end(in_order=True)
    assert bench.worker.join()

    assert "off" not in bench.said
    assert [] == bench.deaths
