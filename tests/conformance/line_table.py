"""A driver, its simulated unit and the line between them, in virtual time: what every table of one model stands on."""

from typing import ClassVar, Generic, TypeVar

from devices.driver import Driver
from devices.model import NS_PER_MS, Ack, AckOf, DeviceEvent, Fault, Levels, LinkFault, MonoNs, Off, Sample
from devices.profile import Profile
from devices.sim.device import FaultOrder, Truth
from devices.sim.port import SimPort
from protocols.inspect import Config, Energize, FrameKind, Query
from protocols.inspect import Off as OffFrame

START_MS = 1_000  # virtual time does not begin at 0, so that a forgotten 0 shows
LINK_NS = 1 * NS_PER_MS  # one way; a pty or USB needs less
PERMIT = 7
MAX_TURNS_AT_ONCE = 20

D = TypeVar("D", bound=Driver)


class LineTable(Generic[D]):
    """A driver and a unit; time jumps to whatever is due next. ``split``: how many bytes the driver gets at once.

    Every frame is judged as the frame gate would: nothing Unknown, and without a permit only ``UNPERMITTED``.
    """

    UNPERMITTED: ClassVar[tuple[FrameKind, ...]] = (OffFrame(), Query(feeds_lease=False))

    def __init__(self, profile: Profile, driver: D, port: SimPort, split: int | None = None) -> None:
        self.now = MonoNs(START_MS * NS_PER_MS)
        self.profile = profile
        self.driver = driver
        self.port = port
        self.permit: int | None = None
        self.events: list[DeviceEvent] = []
        self.written: list[tuple[MonoNs, FrameKind]] = []
        self.frames: list[bytes] = []
        self._split = split
        self._to_unit: list[tuple[MonoNs, bytes]] = []
        self._to_host: list[tuple[MonoNs, bytes]] = []

    def run(self, ms: int) -> list[DeviceEvent]:
        """Let so much time pass; the events of that time."""
        seen = len(self.events)
        end = MonoNs(self.now + ms * NS_PER_MS)
        turns = 0
        while True:
            self.turn()
            due = self.next_due()
            turns = turns + 1 if due <= self.now else 0
            assert turns < MAX_TURNS_AT_ONCE, "the driver wants to be called and then does nothing"
            if due > end:
                self.now = end
                self.turn()
                return self.events[seen:]
            self.now = max(self.now, due)

    def command(self, setpoint: Levels | Off, run_ms: int = 0) -> None:
        """What the port logic does: an Off gives up the answer under way."""
        self.driver.command(setpoint, self.now, run_ms)
        if isinstance(setpoint, Off) and self.driver.is_waiting():
            self.driver.abandon(self.now)

    def inject(self, fault: str, **parameters: int) -> None:
        """Switch a fault on."""
        self.port.inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.now)

    def truth(self) -> Truth:
        """What the unit really does."""
        return self.port.truth(self.now)

    def ends_off(self) -> bool:
        """Stop, and see whether the unit is off within its deadline on a line that may still be bad."""
        self.command(Off())
        self.run(self.profile.off.deadline_ms)
        return not self.truth().energized and self.truth().output == 0

    def turn(self) -> None:
        """What happens at this moment: bytes arrive at both ends, then the driver may write one frame."""
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
            self._write(frame)

    def next_due(self) -> MonoNs:
        """When something happens next."""
        due = [self.driver.next_wakeup(), *(at for at, _ in (*self._to_unit[:1], *self._to_host[:1]))]
        own = self.port.next_wakeup()
        return min(due if own is None else [*due, own])

    def _write(self, frame: bytes) -> None:
        kind = self.driver.inspect(frame)
        assert isinstance(kind, OffFrame | Query | Config | Energize)
        assert self.permit is not None or kind in self.UNPERMITTED
        self.written.append((self.now, kind))
        self.frames.append(frame)
        self._to_unit.append((MonoNs(self.now + LINK_NS), frame))


def faults(events: list[DeviceEvent]) -> list[Fault]:
    """The link faults among events."""
    return [event.fault for event in events if isinstance(event, LinkFault)]


def samples(events: list[DeviceEvent]) -> list[Sample]:
    """The samples among events."""
    return [event for event in events if isinstance(event, Sample)]


def acks(events: list[DeviceEvent]) -> list[AckOf]:
    """What was acknowledged."""
    return [event.of for event in events if isinstance(event, Ack)]
