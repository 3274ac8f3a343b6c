"""An ORCA driver, a simulated motor and the 19200 baud line between them, in virtual time."""

from devices.drivers.orca import OrcaDriver
from devices.model import NS_PER_MS, Ack, AckOf, DeviceEvent, Fault, LinkFault, MonoNs, Off, Sample, levels
from devices.model import Levels as LevelsOf
from devices.profile import load
from devices.sim.device import FaultOrder, Truth
from devices.sim.modbus import SimModbus
from devices.sim.port import SimPort
from devices.sim.units.orca import SimOrca
from protocols.inspect import Config, Energize, FrameKind, Query
from protocols.inspect import Off as OffFrame

PROFILE = load("iris-orca")
LINK_NS = 1 * NS_PER_MS  # one way; a pty or USB needs less
RENEW_MS = 100  # a permit's renewal; the engine's pace
MAX_TURNS_AT_ONCE = 20


def pull(force_n: int) -> LevelsOf:
    """A pull."""
    return levels({"force_n": force_n})


class Table:
    """A driver and a motor; time jumps to whatever is due next.

    Every frame is judged as the frame gate would: nothing Unknown, nothing that sets or energizes without a permit.
    """

    def __init__(self, split: int | None = None) -> None:
        self.now = MonoNs(1_000 * NS_PER_MS)
        self.driver = OrcaDriver(PROFILE)
        self.port = SimPort(SimModbus(SimOrca("traction-1", 3)), seed=3, baud=PROFILE.link.baud)
        self.permitted = False
        self.events: list[DeviceEvent] = []
        self.written: list[tuple[MonoNs, FrameKind]] = []
        self.frames: list[bytes] = []
        self.truths: list[tuple[MonoNs, int]] = []
        self._permit = 0
        self._renew_ns = 0
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

    def command(self, setpoint: LevelsOf | Off) -> None:
        """What engine and port do: an Off ends the permit and gives up the answer under way."""
        if isinstance(setpoint, Off):
            self.permitted = False
        self.driver.command(setpoint, self.now)
        if isinstance(setpoint, Off) and self.driver.is_waiting():
            self.driver.abandon(self.now)

    def identify(self) -> None:
        """Known, closely watched, and a second of no force seen."""
        self.driver.watch_closely(closely=True)
        self.run(1_500)

    def start(self, force_n: int = 100) -> list[DeviceEvent]:
        """Identified, permitted, pulling."""
        self.identify()
        self.permitted = True
        self.command(pull(force_n))
        events = self.run(600)
        assert (True, force_n) == (self.truth().energized, self.truth().output), "the scenery of a test, not the test"
        return events

    def inject(self, fault: str, **parameters: int) -> None:
        """Switch a fault on."""
        self.port.inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.now)

    def truth(self) -> Truth:
        """What the motor really does."""
        return self.port.truth(self.now)

    def _turn(self) -> None:
        if self.permitted and self.now >= self._renew_ns:
            self._permit += 1
            self._renew_ns = self.now + RENEW_MS * NS_PER_MS
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
        frame, events = self.driver.poll(self.now, self._permit if self.permitted else None)
        self.events += events
        if frame:
            kind = self.driver.inspect(frame)
            assert isinstance(kind, OffFrame | Query | Config | Energize)
            assert self.permitted or kind in (OffFrame(), Query(feeds_lease=False))
            self.written.append((self.now, kind))
            self.frames.append(frame)
            self._to_unit.append((MonoNs(self.now + LINK_NS), frame))
        self.truths.append((self.now, self.port.truth(self.now).output))

    def _next(self) -> MonoNs:
        due = [self.driver.next_wakeup(), *(at for at, _ in (*self._to_unit[:1], *self._to_host[:1]))]
        own = self.port.next_wakeup()
        if own is not None:
            due.append(own)
        if self.permitted:
            due.append(MonoNs(self._renew_ns))
        return min(due)


def faults(events: list[DeviceEvent]) -> list[Fault]:
    """The link faults among events."""
    return [event.fault for event in events if isinstance(event, LinkFault)]


def samples(events: list[DeviceEvent]) -> list[Sample]:
    """The samples among events."""
    return [event for event in events if isinstance(event, Sample)]


def acks(events: list[DeviceEvent]) -> list[AckOf]:
    """What was acknowledged."""
    return [event.of for event in events if isinstance(event, Ack)]
