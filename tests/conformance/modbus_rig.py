"""A driver and a simulated unit on one Modbus line, in virtual time: the clock jumps from event to event."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from devices.drivers.register_unit import RegisterUnitDriver
from devices.model import NS_PER_MS, Ack, AckOf, DeviceEvent, Fault, Levels, LinkFault, MonoNs, Off, Sample, levels
from devices.profile import Profile
from devices.sim.device import FaultOrder, Truth
from devices.sim.modbus import RegisterBank, SimModbus
from devices.sim.port import SimPort
from protocols.inspect import FrameKind
from protocols.modbus import Framing, encode, write
from protocols.registers import Register

START_MS = 1_000  # virtual time does not begin at 0, so that a forgotten 0 shows
RENEW_MS = 100  # a permit's renewal; the engine's pace
STEPS_AT_ONE_MOMENT = 50  # more than this without time going on is a loop

Seen = TypeVar("Seen", bound=DeviceEvent)


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """What a test needs to know of one model."""

    settings: dict[str, int]
    level: str
    ordinary: int  # a level that the model runs at for minutes
    higher: int
    noise: int = 0  # how far a measured level may lie from the commanded one on a sound unit
    settle_ms: int = 0  # how long the output takes to reach an ordinary level
    release_ms: int = 0  # how long off takes by nature
    slow_release_ms: int = 0  # and how long at the end of the unit's own timer
    sensor_proves_off: bool = True  # off needs a reading of the level's sensor


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One frame that the driver wrote, and whether it had a permit."""

    at_ms: int
    frame: bytes
    kind: FrameKind
    permit: int | None


class Poked(msgspec.Struct, frozen=True, kw_only=True):
    """What a register's write meant to the gate, and what the unit answered."""

    kind: FrameKind
    answer: bytes


class ModbusRig:
    """One unit and its driver. ``permitted`` renews a permit every 100 ms as the engine does."""

    def __init__(self, profile: Profile, bench: Bench, unit: RegisterBank, seed: int) -> None:
        is_tcp = profile.link.kind == "tcp"
        self.bench = bench
        self.profile = profile
        self.driver = RegisterUnitDriver(profile)
        self.port = SimPort(
            SimModbus(unit, "tcp" if is_tcp else "rtu"), seed, baud=None if is_tcp else profile.link.baud
        )
        self.now_ns = MonoNs(START_MS * NS_PER_MS)
        self.first_cycle_ns = self.now_ns  # the unit's first measuring cycle
        self.byte_by_byte = False
        self.permitted = False
        self.permit = 0
        self._renew_ns = 0
        self.events: list[DeviceEvent] = []
        self.written: list[Written] = []

    @property
    def now_ms(self) -> int:
        """Virtual milliseconds."""
        return self.now_ns // NS_PER_MS

    def run(self, ms: int) -> list[DeviceEvent]:
        """Let so much time pass; what the driver told in it."""
        end_ns = self.now_ns + ms * NS_PER_MS
        first = len(self.events)
        while True:
            self._exchange()
            due = [self.driver.next_wakeup(), self.port.next_wakeup(), self._renew_ns if self.permitted else None]
            coming = [at for at in due if at is not None and at > self.now_ns]
            if not coming or min(coming) > end_ns:
                self.now_ns = MonoNs(end_ns)
                self._exchange()
                return self.events[first:]
            self.now_ns = MonoNs(min(coming))

    def identify(self) -> None:
        """Through the handshake, and close sampling on."""
        self.driver.watch_closely(closely=True)
        self.run(300)

    def target(self, level: int, **settings: int) -> Levels:
        """The model's ordinary settings at this level."""
        return levels({**self.bench.settings, self.bench.level: level, **settings})

    def energize(self, level: int | None = None, run_ms: int = 600_000) -> list[DeviceEvent]:
        """Permit, command, and half a second for it to come into force."""
        self.permitted = True
        wanted = self.target(self.bench.ordinary if level is None else level)
        self.driver.command(wanted, self.now_ns, run_ms)
        return self.run(500)

    def stop(self) -> None:
        """As the engine does: no permit any more, the answer under way given up, Off."""
        self.permitted = False
        self.driver.abandon(self.now_ns)
        self.driver.command(Off(), self.now_ns)

    def poke(self, register: Register, *words: int) -> Poked:
        """Write a register's words past the driver."""
        frame = encode(write(self.profile.link.unit, register.address, words), Framing.RTU)
        self.port.receive(frame, self.now_ns)
        self.now_ns = MonoNs(self.now_ns + 50 * NS_PER_MS)
        return Poked(kind=self.driver.inspect(frame), answer=self.port.take(self.now_ns))

    def say_last_words(self) -> None:
        """The controller is gone: the guard writes, and nobody reads."""
        self.permitted = False
        for _ in range(2):
            self.now_ns = MonoNs(self.now_ns + 50 * NS_PER_MS)
            self.port.take(self.now_ns)
            self.port.receive(self.driver.last_words(), self.now_ns)

    def inject(self, fault: str, **parameters: int) -> None:
        """Switch a fault on now."""
        self.port.inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.now_ns)

    def truth(self) -> Truth:
        """What the unit really does."""
        return self.port.truth(self.now_ns)

    def seen(self, kind: type[Seen]) -> list[Seen]:
        """Every event of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def faults(self) -> set[Fault]:
        """Kinds of link faults so far."""
        return {fault.fault for fault in self.seen(LinkFault)}

    def last(self) -> Sample:
        """The newest sample."""
        return self.seen(Sample)[-1]

    def acks(self, of: AckOf) -> list[Ack]:
        """Acknowledgements of one kind so far."""
        return [ack for ack in self.seen(Ack) if ack.of is of]

    def _exchange(self) -> None:
        for _ in range(STEPS_AT_ONE_MOMENT):
            if self.permitted and self.now_ns >= self._renew_ns:
                self.permit += 1
                self._renew_ns = self.now_ns + RENEW_MS * NS_PER_MS
            arrived = self.port.take(self.now_ns)
            for portion in _portions(arrived, 1 if self.byte_by_byte else len(arrived)):
                self._take(self.driver.feed(portion, self.now_ns))
            permit = self.permit if self.permitted else None
            frame, events = self.driver.poll(self.now_ns, permit)
            self._take(events)
            if frame:
                kind = self.driver.inspect(frame)
                self.written.append(Written(at_ms=self.now_ms, frame=frame, kind=kind, permit=permit))
                self.port.receive(frame, self.now_ns)
            elif not arrived and self.driver.next_wakeup() > self.now_ns:
                return
            elif not arrived and not events:
                message = f"nothing to write at {self.now_ms} ms, and wants to be asked again at once"
                raise AssertionError(message)
        message = f"no end at {self.now_ms} ms"
        raise AssertionError(message)

    def _take(self, events: Sequence[DeviceEvent]) -> None:
        self.events.extend(events)


def _portions(octets: bytes, size: int) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), max(1, size))]
