"""A RehaStim 2 driver, a simulated RehaStim 2 and the line between them, in virtual time."""

from devices.drivers.rehastim2 import Rehastim2Driver
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
from devices.profile import load
from devices.sim.device import FaultOrder, Truth
from devices.sim.port import SimPort
from devices.sim.units.rehastim2 import SimRehastim2
from protocols.inspect import Energize, FrameKind, Query
from protocols.inspect import Off as OffFrame

PROFILE = load("hasomed-rehastim2")
LINK_NS = 1 * NS_PER_MS  # one way; a pty or USB needs less
PERMIT = 7
MAX_TURNS_AT_ONCE = 20
SETTINGS = {"pulse_width_us": 200, "period_us": 20_000}


def at_ua(current_ua: int) -> Levels:
    """NMES-like levels at one current."""
    return levels({**SETTINGS, "current_ua": current_ua})


class Table:
    """A driver and a unit with a line between them; time jumps to whatever is due next.

    Every frame is judged as the frame gate would: nothing Unknown, nothing but Off without a permit.
    """

    def __init__(self, split: int | None = None) -> None:
        self.now = MonoNs(1_000 * NS_PER_MS)
        self.driver = Rehastim2Driver(PROFILE)
        self.port = SimPort(SimRehastim2("estim-1", 3), seed=3)
        self.permit: int | None = None
        self.events: list[DeviceEvent] = []
        self.written: list[tuple[MonoNs, FrameKind]] = []
        self._split = split
        self._to_unit: list[tuple[MonoNs, bytes]] = []
        self._to_host: list[tuple[MonoNs, bytes]] = []

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

    def command(self, setpoint: Levels | Off) -> None:
        """What the port logic does: an Off gives up the answer under way."""
        self.driver.command(setpoint, self.now)
        if isinstance(setpoint, Off) and self.driver.is_waiting():
            self.driver.abandon(self.now)

    def start(self, current_ua: int = 20_000) -> None:
        """Identified, closely watched, permitted, running at a current."""
        self.driver.watch_closely(closely=True)
        self.run(200)
        self.permit = PERMIT
        self.command(at_ua(current_ua))
        self.run(800)  # the next Init is up to half a second away
        assert self.truth().energized, "the scenery of a test, not the test"

    def inject(self, fault: str, **parameters: int) -> None:
        """Switch a fault on."""
        self.port.inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.now)

    def truth(self) -> Truth:
        """What the unit really does."""
        return self.port.truth(self.now)

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
            assert isinstance(kind, OffFrame | Query | Energize)
            assert self.permit is not None or kind == OffFrame()
            self.written.append((self.now, kind))
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
    table.run(PROFILE.off.deadline_ms)
    return not table.truth().energized and table.truth().output == 0
