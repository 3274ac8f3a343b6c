"""A research driver, its simulated unit and the line between them, in virtual time."""

from collections.abc import Callable

import msgspec

from devices.driver import Driver, DriverFactory
from devices.drivers.openlifu import OpenLifuDriver
from devices.drivers.tpo import TpoDriver
from devices.model import (
    NS_PER_MS,
    Ack,
    AckOf,
    DeviceEvent,
    Fault,
    Levels,
    LinkFault,
    MonoNs,
    Off,
    Sample,
    levels,
)
from devices.profile import Profile, load
from devices.sim.catalog import SimUnit
from devices.sim.device import FaultOrder, Truth
from devices.sim.port import SimPort
from devices.sim.units.openlifu import SimOpenLifu
from devices.sim.units.tpo import SimTpo
from protocols.inspect import Config, Energize, FrameKind, Query
from protocols.inspect import Off as OffFrame

LINK_NS = 1 * NS_PER_MS  # one way; a pty or USB needs less
PERMIT = 7
RUN_MS = 60_000
MAX_TURNS_AT_ONCE = 20


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """One research model as a test drives it."""

    driver: DriverFactory
    unit: Callable[[str, int], SimUnit]
    settings: dict[str, int]
    level: str
    ordinary: int
    higher: int


LIFU = "openwater-openlifu"
TPO = "sonic-concepts-tpo"
BENCHES = {
    LIFU: Bench(
        driver=OpenLifuDriver,
        unit=SimOpenLifu,
        settings={"beat_hz": 10},
        level="voltage_mv",
        ordinary=20_000,
        higher=21_000,
    ),
    TPO: Bench(
        driver=TpoDriver,
        unit=SimTpo,
        settings={"burst_us": 200, "period_us": 10_000, "frequency_khz": 500},
        level="power_mw",
        ordinary=2_000,
        higher=2_500,
    ),
}


class Table:
    """A driver and a unit with a line between them; time jumps to whatever is due next.

    Every frame is judged as the frame gate would: nothing Unknown, nothing that sets or energizes without a permit.
    """

    def __init__(self, model: str, unit: SimUnit | None = None, split: int | None = None) -> None:
        self.now = MonoNs(1_000 * NS_PER_MS)
        self.bench = BENCHES[model]
        self.profile: Profile = load(model)
        self.driver: Driver = self.bench.driver(self.profile)
        self.port = SimPort(unit or self.bench.unit("research-1", 3), seed=3)
        self.permit: int | None = None
        self.events: list[DeviceEvent] = []
        self.written: list[tuple[MonoNs, FrameKind]] = []
        self.frames: list[bytes] = []
        self._split = split
        self._to_unit: list[tuple[MonoNs, bytes]] = []
        self._to_host: list[tuple[MonoNs, bytes]] = []

    def at(self, level: int, **settings: int) -> Levels:
        """The ordinary settings at one level."""
        return levels({**self.bench.settings, **settings, self.bench.level: level})

    def run(self, ms: int) -> list[DeviceEvent]:
        """Let so much time pass; the events of that time."""
        seen = len(self.events)
        end = MonoNs(self.now + ms * NS_PER_MS)
        turns = 0
        while True:
            self._turn()
            due = self._next()
            turns = turns + 1 if due <= self.now else 0
            assert turns < MAX_TURNS_AT_ONCE, "the driver wants to be called and then does nothing"
            if due > end:
                self.now = end
                self._turn()
                return self.events[seen:]
            self.now = max(self.now, due)

    def command(self, setpoint: Levels | Off, run_ms: int = RUN_MS) -> None:
        """What the port logic does: an Off gives up the answer under way."""
        self.driver.command(setpoint, self.now, run_ms)
        if isinstance(setpoint, Off) and self.driver.is_waiting():
            self.driver.abandon(self.now)

    def start(self, level: int | None = None, run_ms: int = RUN_MS) -> list[DeviceEvent]:
        """Identified, closely watched, permitted, running at a level."""
        self.driver.watch_closely(closely=True)
        self.run(500)
        self.permit = PERMIT
        self.command(self.at(self.bench.ordinary if level is None else level), run_ms)
        events = self.run(1_000)
        assert self.truth().energized, "the scenery of a test, not the test"
        return events

    def inject(self, fault: str, **parameters: int) -> None:
        """Switch a fault on."""
        self.port.inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.now)

    def truth(self) -> Truth:
        """What the unit really does."""
        return self.port.truth(self.now)

    def since(self, ms: int) -> list[FrameKind]:
        """What was written in the last milliseconds."""
        return [kind for at, kind in self.written if at > self.now - ms * NS_PER_MS]

    def _turn(self) -> None:
        while self._to_unit and self._to_unit[0][0] <= self.now:
            self.port.receive(self._to_unit.pop(0)[1], self.now)
        answers = self.port.take(self.now)
        if answers:
            self._to_host.append((MonoNs(self.now + LINK_NS), answers))
        while self._to_host and self._to_host[0][0] <= self.now:
            received = self._to_host.pop(0)[1]
            step = self._split or len(received)
            for at in range(0, len(received), step):
                self.events += self.driver.feed(received[at : at + step], self.now)
        frame, events = self.driver.poll(self.now, self.permit)
        self.events += events
        if frame:
            kind = self.driver.inspect(frame)
            assert isinstance(kind, OffFrame | Query | Config | Energize)
            assert self.permit is not None or kind in (OffFrame(), Query(feeds_lease=False))
            self.written.append((self.now, kind))
            self.frames.append(frame)
            self._to_unit.append((MonoNs(self.now + LINK_NS), frame))

    def _next(self) -> MonoNs:
        due = [self.driver.next_wakeup(), *(at for at, _ in (*self._to_unit[:1], *self._to_host[:1]))]
        own = self.port.next_wakeup()
        return min(due if own is None else [*due, own])


def faults(events: list[DeviceEvent]) -> list[Fault]:
    """The link faults among events."""
    return [event.fault for event in events if isinstance(event, LinkFault)]


def samples(events: list[DeviceEvent]) -> list[Sample]:
    """The samples among events."""
    return [event for event in events if isinstance(event, Sample)]


def acks(events: list[DeviceEvent]) -> list[AckOf]:
    """What was acknowledged."""
    return [event.of for event in events if isinstance(event, Ack)]


def ends_off(table: Table) -> bool:
    """Stop, and see whether the unit is off within its deadline on a line that may still be bad."""
    table.command(Off())
    table.run(table.profile.off.deadline_ms)
    return not table.truth().energized and table.truth().output == 0
