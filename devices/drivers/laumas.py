"""Laumas TLB: a load cell beside an actuator. It is only read; it has no output, so its Off is true at once.

Rule 1: bits 0 to 5 of the status are the loss of the measurement: the force is then no value, never 0 and never the
        last one. So is it while the instrument shows another unit of measure than the profile's.
Rule 2: the sign of a weight is a bit of the status that came with it, in the same answer.
Rule 3: an Off asks for a sample at once, so that nothing else on the bus waits for this instrument's turn.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from devices.driver import link_fault
from devices.model import (
    NS_PER_MS,
    Ack,
    AckOf,
    DeviceEvent,
    Fault,
    Identity,
    MonoNs,
    Off,
    Output,
    Sample,
    Setpoint,
)
from devices.profile import Profile
from devices.unit_line import line_of, unanswered, unusable
from protocols.blocks import Block, plan, values
from protocols.inspect import Config, Energize, FrameKind, Unknown
from protocols.inspect import Off as OffFrame
from protocols.modbus import Exceptional, Framing, Function, Registers, Trouble, read
from protocols.modbus_inspect import inspect
from protocols.registers import RegisterMap, bit_names, word_name

LOST: Final = 0b11_1111  # bits of the status that are the loss of the measurement
GROSS_NEGATIVE: Final = 1 << 7
IDENTITY: Final = ("firmware", "instrument_type", "year", "serial")
SAMPLE: Final = ("status", "gross", "net", "peak", "unit_and_division")


class LaumasDriver:
    """One transmitter on one line. See ``devices.driver.Driver`` for what each call promises."""

    def __init__(self, profile: Profile) -> None:
        link, live = profile.link, profile.liveness
        self._profile = profile
        self._live = live
        self._map = RegisterMap(
            unit_address=link.unit, registers=profile.register, max_registers_per_read=link.max_registers_per_read
        )
        self._line = line_of(profile)
        self._identity, self._probe, self._sample = (self._block(*names) for names in (IDENTITY, ("serial",), SAMPLE))
        self._asked: Block | None = None
        self._asked_ns = 0
        self._serial: int | None = None
        self._due_ns = 0
        self._interval_ns = live.idle_poll_ms * NS_PER_MS
        self._noticed: list[DeviceEvent] = []

    def identify(self) -> None:
        """Forget who it is."""
        self._serial = None
        self._due_ns = 0
        self._line.is_doubtful = False

    def command(self, setpoint: Setpoint, now_ns: MonoNs, run_ms: int = 0) -> None:  # noqa: ARG002  # it has no timer
        """Off is true at once; nothing else can be said to it."""
        if isinstance(setpoint, Off):
            self._noticed.append(Ack(at_ns=now_ns, of=AckOf.OFF))
            self._due_ns = now_ns
        else:
            self._noticed.append(link_fault(now_ns, Fault.REFUSED, "it only measures: nothing can be set"))

    def poll(self, now_ns: MonoNs, permit: int | None) -> tuple[bytes, Sequence[DeviceEvent]]:  # noqa: ARG002  # needs none
        """Who is there, an end of doubt, the sample: one question at a time."""
        events, self._noticed = self._noticed, []
        arrived = self._line.timed_out(now_ns)
        if arrived is not None:
            events.append(unanswered(now_ns, self._profile, arrived))
            self._asked = None
        if self._asked is not None or now_ns < self._next_ns():
            return b"", events
        self._asked, self._asked_ns = self._next(), now_ns
        if self._asked is self._sample:
            self._due_ns = now_ns + self._interval_ns
        block = self._asked
        request = read(self._map.unit_address, Function.READ_HOLDING, block.address, block.count)
        return self._line.ask(request, now_ns), events

    def feed(self, received: bytes, now_ns: MonoNs) -> Sequence[DeviceEvent]:
        """Bytes from the line: what they bring, and every reason not to believe them."""
        events: list[DeviceEvent] = []
        for arrival in self._line.feed(received, now_ns):
            asked = self._asked
            if not self._line.is_waiting:
                self._asked = None
            if isinstance(arrival, Trouble):
                events.append(unusable(now_ns, arrival))
            elif isinstance(arrival, Exceptional):
                events.append(link_fault(now_ns, Fault.REFUSED, f"{arrival.name} (exception {arrival.code})"))
                self._due_ns = now_ns + self._live.idle_poll_ms * NS_PER_MS
            elif asked is not None and isinstance(arrival, Registers):
                events.extend(self._told(asked, arrival.words, now_ns))
        return events

    def next_wakeup(self) -> MonoNs:
        """The end of the wait, or the next question."""
        if self._line.deadline_ns is not None:
            return MonoNs(self._line.deadline_ns)
        return MonoNs(self._next_ns())

    def is_waiting(self) -> bool:
        """A question is on the line."""
        return self._asked is not None

    def abandon(self, now_ns: MonoNs) -> None:
        """Give the question up for another unit's Off; its answer is LATE from now on."""
        if self._asked is not None:
            self._line.abandon(now_ns)
            self._asked = None

    def watch_closely(self, *, closely: bool) -> None:
        """Sample at the pace of a session, or at that of an idle instrument."""
        interval_ns = (self._live.poll_ms if closely else self._live.idle_poll_ms) * NS_PER_MS
        self._due_ns += min(0, interval_ns - self._interval_ns)
        self._interval_ns = interval_ns

    def last_words(self) -> bytes:
        """Nothing: there is nothing to switch off."""
        return b""

    def inspect(self, frame: bytes) -> FrameKind:
        """Questions about registers of the map, and nothing else."""
        kind = inspect(frame, self._map, Framing.RTU)
        return Unknown("writes to an instrument") if isinstance(kind, Config | Energize | OffFrame) else kind

    def _next_ns(self) -> int:
        return max(self._line.calm_ns, self._due_ns if not self._line.is_doubtful else 0)

    def _next(self) -> Block:
        if self._serial is None:
            return self._identity
        return self._probe if self._line.is_doubtful else self._sample

    def _told(self, asked: Block, words: tuple[int, ...], now_ns: int) -> Iterator[DeviceEvent]:
        found = {register.name: value or 0 for register, value in values(asked, words)}
        if asked is self._sample:
            yield self._measured(found, now_ns)
        elif asked is self._probe:
            self._line.is_doubtful = False
            if found["serial"] != self._serial:
                detail = f"serial number {found['serial']} answers, {self._serial} was identified"
                yield link_fault(now_ns, Fault.MISMATCH, detail)
        else:
            self._serial = found["serial"]
            self._line.is_doubtful = False
            self._due_ns = now_ns
            yield Identity(
                at_ns=now_ns,
                model=self._profile.device.id,  # the list does not say which number of register 1 is a TLB
                serial=str(found["serial"]),
                firmware=f"{found['firmware'] >> 8}.{found['firmware'] & 0xFF}",
                is_simulator=found["year"] == 0,  # agreed with our simulator; a real one was made in some year
            )

    def _measured(self, found: dict[str, int], now_ns: int) -> Sample:
        lost = bit_names(self._profile.named_register("status"), found["status"] & LOST)
        if word_name(self._profile.named_register("unit_and_division"), found["unit_and_division"]) is None:
            lost = (*lost, "unit-of-measure")
        gross = -found["gross"] if found["status"] & GROSS_NEGATIVE else found["gross"]
        return Sample(
            at_ns=now_ns,
            asked_ns=self._asked_ns,
            output=Output.OFF,  # of its own it has none; what it hangs in is the actuator's to say
            values=(("force_n", None if lost else gross),),
            faults=lost,
        )

    def _block(self, *names: str) -> Block:
        return plan([self._profile.named_register(name) for name in names], self._map)[0]
