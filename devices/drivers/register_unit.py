"""Any unit that its profile's register map describes completely: Modbus RTU or TCP, nothing else.

Which registers bring levels into force, and in which order, is in ``devices.applying``; what readings mean is in
``devices.readings``. The profile's ``off_order`` says what switches off. Its ``probe`` (``serial``) is asked for after
a doubtful exchange: its answer cannot be too late to be true.

Rule 1: an energizing write whose answer is missing is never repeated here: its target is dropped, the state is asked.
Rule 2: a unit that went off by itself is not switched on again before an Off was commanded.
Rule 3: Off goes before everything, identification included, and is repeated until the unit has acknowledged it.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from devices.applying import Applying
from devices.model import (
    NS_PER_MS,
    Ack,
    AckOf,
    DeviceEvent,
    Fault,
    LinkFault,
    MonoNs,
    Off,
    Output,
    Setpoint,
)
from devices.profile import Profile
from devices.readings import IDENTITY, Reading, Round, accessory_news, identity_of, number, sample_of
from devices.unit_line import line_of, unanswered, unusable
from protocols.blocks import Block, plan, values
from protocols.inspect import FrameKind
from protocols.modbus import (
    Answer,
    Exceptional,
    Function,
    Registers,
    Request,
    Trouble,
    Written,
    read,
    write,
)
from protocols.modbus_inspect import inspect
from protocols.registers import Access, Effect, Register, RegisterMap, Table
from protocols.registers import encode as words_for

OFF_PATIENCE_NS: Final = 40 * NS_PER_MS  # chosen: two longest answers at 19200 baud; then Off is written into babble
LOOK_AGAIN_NS: Final = 20 * NS_PER_MS  # chosen: a fifth of the pace at which permits are renewed
STANDSTILL_SAMPLES: Final = 2  # samples with an unchanged counter that count as frozen; chosen: one may be a repeat


class _For(StrEnum):
    """What a request is for."""

    OFF = "off"
    IDENTITY = "identity"
    PROBE = "probe"
    FEED = "feed"
    LEVELS = "levels"
    SAMPLE = "sample"


class _Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """The request under way."""

    why: _For
    request: Request
    asked_ns: int
    register: Register | None = None  # what is written
    value: int = 0

    @property
    def name(self) -> str:
        """For people: what was asked."""
        if self.register is not None:
            return f"write {self.register.name}"
        return f"read {self.request.address}+{self.request.count}"


class RegisterUnitDriver:
    """One unit on one port, described by its profile's registers. Satisfies ``devices.driver.Driver``."""

    def __init__(self, profile: Profile) -> None:
        link = profile.link
        self._profile = profile
        self._live = profile.liveness
        self._map = RegisterMap(
            unit_address=link.unit,
            registers=profile.unlocked_map,
            max_registers_per_read=link.max_registers_per_read,
        )
        self._line = line_of(profile)
        self._off_order = [profile.named_register(name) for name in profile.off_order]
        self._lease = next((register for register in profile.register if register.effect is Effect.LEASE), None)
        readable = [register for register in profile.register if register.access is not Access.WRITE]
        known = (*IDENTITY, profile.probe)
        self._identity = Round(plan([register for register in readable if register.name in known], self._map))
        self._reading = Round(plan([register for register in readable if register.poll], self._map))
        self._probe = plan([profile.named_register(profile.probe)], self._map)[0]
        self._under_way: _Exchange | None = None
        self._noticed: list[DeviceEvent] = []  # by ``command``, told by the next ``poll``
        self._permit: int | None = None  # of the newest ``poll``
        self._look_again_ns = 0  # before this there is no new permit to be expected
        # What is known of the unit
        self._serial: int | None = None
        self._boot: int | None = None
        self._counter: int | None = None
        self._standstill = 0
        self._accessory: int | None = None
        self._interval_ns = self._live.idle_poll_ms * NS_PER_MS
        self._sample_due_ns = 0
        self._identity_due_ns = 0
        # Off
        self._off_left: list[Register] = []
        self._off_is_fast = True
        self._off_since_ns = 0
        self._off_again_ns = 0
        # Levels
        self._applying = Applying(profile)
        self._must_be_off_first = False
        self._fed: int | None = None
        self._feed_due_ns = 0

    def identify(self) -> None:
        """Forget the unit: identity, counters, and whatever was commanded but Off."""
        self._serial = self._boot = self._counter = self._accessory = None
        self._standstill = 0
        self._identity_due_ns = 0
        self._line.is_doubtful = False
        self._identity.restart()
        self._reading.restart()
        self._forget_levels()

    def command(self, setpoint: Setpoint, now_ns: MonoNs, run_ms: int = 0) -> None:
        """Make this the target; LocalProtocolError for levels that this map cannot say exactly."""
        if isinstance(setpoint, Off):
            self._applying.want_nothing()
            self._must_be_off_first = False
            self._off_is_fast = setpoint.fast
            self._off_left = list(self._off_order)
            self._off_since_ns = self._off_again_ns = now_ns
            return
        detail = self._objection(now_ns)
        if detail is not None:
            self._noticed.append(LinkFault(at_ns=now_ns, fault=Fault.REFUSED, detail=detail))
            return
        was_wanted = self._applying.is_wanted
        self._applying.want(setpoint, now_ns, run_ms)
        if not was_wanted:
            self._feed_due_ns = now_ns
        self._look_again_ns = now_ns
        self._noticed.extend(self._in_force(now_ns))

    def poll(self, now_ns: MonoNs, permit: int | None) -> tuple[bytes, Sequence[DeviceEvent]]:
        """One whole frame to write now, or nothing; and the timeout that the time has brought."""
        self._permit = permit
        events, self._noticed = self._noticed, []
        exchange = self._under_way
        arrived = self._line.timed_out(now_ns)
        if exchange is not None and arrived is not None:
            events.append(unanswered(now_ns, self._profile, arrived, exchange.name))
            self._end_without_answer(exchange)
        if self._under_way is not None:
            return b"", events
        self._under_way = self._next(now_ns)
        if self._under_way is None:
            self._look_again_ns = now_ns + LOOK_AGAIN_NS
            return b"", events
        return self._line.ask(self._under_way.request, now_ns), events

    def feed(self, received: bytes, now_ns: MonoNs) -> Sequence[DeviceEvent]:
        """Bytes from the line: what they bring, and every reason not to believe them."""
        events: list[DeviceEvent] = []
        for arrival in self._line.feed(received, now_ns):
            exchange = self._under_way
            if isinstance(arrival, Trouble):
                events.append(unusable(now_ns, arrival))
                if exchange is not None and not self._line.is_waiting:
                    self._end_without_answer(exchange)
            elif exchange is not None:
                self._under_way = None
                events.extend(self._answered(exchange, arrival, now_ns))
        return events

    def next_wakeup(self) -> MonoNs:
        """The earliest moment at which ``poll`` may have something; what waits for a permit is looked at again."""
        if self._noticed:
            return MonoNs(0)
        if self._line.deadline_ns is not None:
            return MonoNs(self._line.deadline_ns)
        due = [max(self._off_allowed_ns(), self._off_again_ns)] if self._off_left else []
        if self._serial is None:
            due.append(max(self._line.calm_ns, self._identity_due_ns))
        elif self._line.is_doubtful or self._reading.asked_ns is not None:
            due.append(self._line.calm_ns)
        else:
            due.append(max(self._line.calm_ns, self._sample_due_ns))
            if not self._off_left and self._applying.next_write() is not None:
                due.append(max(self._line.calm_ns, self._look_again_ns))
            if not self._off_left and self._applying.is_wanted and self._lease is not None:
                due.append(max(self._line.calm_ns, self._feed_due_ns, self._look_again_ns))
        return MonoNs(min(due))

    def is_waiting(self) -> bool:
        """A request is on the line."""
        return self._under_way is not None

    def abandon(self, now_ns: MonoNs) -> None:
        """Give the request under way up for an Off; its answer is LATE from now on."""
        if self._under_way is not None:
            self._line.abandon(now_ns)
            self._end_without_answer(self._under_way)

    def watch_closely(self, *, closely: bool) -> None:
        """Sample at the pace of a session, or at that of an idle unit."""
        interval_ns = (self._live.poll_ms if closely else self._live.idle_poll_ms) * NS_PER_MS
        self._sample_due_ns += min(0, interval_ns - self._interval_ns)
        self._interval_ns = interval_ns

    def last_words(self) -> bytes:
        """The off value to every off register, one frame each."""
        return b"".join(
            self._line.unanswered(self._write_request(register, register.off_value or 0))
            for register in self._off_order
        )

    def inspect(self, frame: bytes) -> FrameKind:
        """What a frame means on this unit."""
        return inspect(frame, self._map, self._line.framing)

    # What is said next

    def _objection(self, now_ns: int) -> str | None:
        """Why no levels are taken now, for a technician; Off is never asked."""
        if self._must_be_off_first:
            return "the unit went off by itself: off first, then a new start"
        return self._applying.objection(now_ns)

    def _next(self, now_ns: int) -> _Exchange | None:
        """The most urgent request that may be written now."""
        if self._off_left and now_ns >= self._off_again_ns:
            register = self._off_left[0]
            is_allowed = now_ns >= self._off_allowed_ns()
            return self._writing(_For.OFF, register, self._off_value(register), now_ns) if is_allowed else None
        if now_ns < self._line.calm_ns:
            return None
        if self._serial is None:
            is_due = now_ns >= self._identity_due_ns
            return self._asking(_For.IDENTITY, self._identity.next_block(), now_ns) if is_due else None
        if self._line.is_doubtful:
            return self._asking(_For.PROBE, self._probe, now_ns)
        if self._may_energize():
            if self._can_feed() and now_ns >= self._feed_due_ns and self._lease is not None:
                return self._writing(_For.FEED, self._lease, self._permit or 0, now_ns)
            step = self._applying.next_write()
            if step is not None and now_ns < self._sample_due_ns + self._interval_ns:
                return self._writing(_For.LEVELS, *step, now_ns)
        if self._reading.asked_ns is None:
            if now_ns < self._sample_due_ns:
                return None
            self._sample_due_ns = now_ns + self._interval_ns
        return self._asking(_For.SAMPLE, self._reading.next_block(), now_ns)

    def _asking(self, why: _For, block: Block, now_ns: int) -> _Exchange:
        function = Function.READ_HOLDING if block.table is Table.HOLDING else Function.READ_INPUT
        request = read(self._map.unit_address, function, block.address, block.count)
        return _Exchange(why=why, request=request, asked_ns=now_ns)

    def _writing(self, why: _For, register: Register, value: int, now_ns: int) -> _Exchange:
        request = self._write_request(register, value)
        return _Exchange(why=why, request=request, asked_ns=now_ns, register=register, value=value)

    def _write_request(self, register: Register, value: int) -> Request:
        return write(self._map.unit_address, register.address, words_for(register, value))

    def _off_value(self, register: Register) -> int:
        if not self._off_is_fast and register.slow_off_value is not None:
            return register.slow_off_value
        return register.off_value or 0

    def _off_allowed_ns(self) -> int:
        """Off waits for the silence of the line, but not for ever."""
        return min(self._line.quiet_ns, self._off_since_ns + OFF_PATIENCE_NS)

    def _may_energize(self) -> bool:
        return self._permit is not None and not self._off_left

    def _can_feed(self) -> bool:
        """Something is or shall be energized, and the unit was not yet told of this permit."""
        return self._applying.is_wanted and self._lease is not None and self._permit != self._fed

    # What an answer, or its absence, changes

    def _answered(self, exchange: _Exchange, answer: Answer, now_ns: int) -> Iterator[DeviceEvent]:
        if isinstance(answer, Written) and exchange.register is not None:
            self._applying.acknowledged(exchange.register, exchange.value, now_ns)
        if isinstance(answer, Exceptional):
            detail = f"{answer.name} (exception {answer.code}) to {exchange.name}"
            yield LinkFault(at_ns=now_ns, fault=Fault.REFUSED, detail=detail)
            self._refused(exchange, now_ns + self._line.reply_ns)
        elif isinstance(answer, Registers):
            yield from self._read(exchange, answer.words, now_ns)
        elif exchange.why is _For.OFF:
            self._off_left = self._off_left[1:]
            if not self._off_left:
                self._applying.is_off()
                self._fed = None
                self._sample_due_ns = now_ns
                yield Ack(at_ns=now_ns, of=AckOf.OFF)
        elif exchange.why is _For.FEED:
            self._fed = exchange.value
            self._feed_due_ns = exchange.asked_ns + self._live.feed_ms * NS_PER_MS
        elif exchange.register is not None:
            self._applying.holds(exchange.register, exchange.value, now_ns)
            yield from self._in_force(now_ns)

    def _read(self, exchange: _Exchange, words: tuple[int, ...], now_ns: int) -> Iterator[DeviceEvent]:
        if exchange.why is _For.PROBE:
            self._line.is_doubtful = False
            serial = values(self._probe, words)[0][1]
            if serial != self._serial:
                detail = f"{self._profile.probe} {serial} answers, {self._serial} was identified"
                yield LinkFault(at_ns=now_ns, fault=Fault.MISMATCH, detail=detail)
        elif exchange.why is _For.IDENTITY:
            reading = self._identity.take(words, exchange.asked_ns)
            if reading is not None:
                self._identity.restart()
                self._serial = number(reading, self._profile.probe) or 0
                self._sample_due_ns = now_ns
                yield identity_of(reading, self._profile, now_ns)
        else:
            reading = self._reading.take(words, exchange.asked_ns)
            if reading is not None:
                asked_ns = self._reading.asked_ns or exchange.asked_ns
                self._reading.restart()
                yield from self._judged(reading, asked_ns, now_ns)

    def _judged(self, reading: Reading, asked_ns: int, now_ns: int) -> Iterator[DeviceEvent]:
        """The sample that a reading makes, and the faults that it shows."""
        sample = sample_of(reading, self._profile, asked_ns, now_ns)
        yield sample
        if self._boot is not None and sample.boot != self._boot:
            self._fall()
            yield LinkFault(at_ns=now_ns, fault=Fault.REBOOTED, detail=f"boot counter {self._boot}, now {sample.boot}")
        enabled_ns = self._applying.enabled_ns
        if sample.output is Output.OFF and enabled_ns is not None and asked_ns >= enabled_ns:
            self._fall()
        is_still = sample.counter is not None and sample.counter == self._counter
        self._standstill = self._standstill + 1 if is_still else 0
        if self._standstill >= STANDSTILL_SAMPLES:
            detail = f"sample counter stands at {sample.counter} for {self._standstill} samples"
            yield LinkFault(at_ns=now_ns, fault=Fault.FROZEN, detail=detail)
        accessory = number(reading, "accessory")
        yield from accessory_news(self._accessory, accessory, now_ns)
        self._boot, self._counter, self._accessory = sample.boot, sample.counter, accessory

    def _refused(self, exchange: _Exchange, again_ns: int) -> None:
        """The unit said no: nothing is asked again before ``again_ns``."""
        self._undo(exchange)
        if exchange.why is _For.OFF:
            self._off_again_ns = again_ns
        elif exchange.why is _For.FEED:
            self._feed_due_ns = again_ns
        elif exchange.why is _For.PROBE:
            self._line.calm_ns = again_ns
        elif exchange.why is _For.IDENTITY:
            self._identity_due_ns = again_ns

    def _end_without_answer(self, exchange: _Exchange) -> None:
        self._under_way = None
        self._undo(exchange)

    def _undo(self, exchange: _Exchange) -> None:
        """Forget what the request would have brought."""
        if exchange.why is _For.OFF:
            self._off_left = list(self._off_order)
        elif exchange.why is _For.IDENTITY:
            self._identity.restart()
        elif exchange.why is _For.SAMPLE:
            self._reading.restart()
        elif exchange.why is _For.LEVELS and exchange.register is not None:
            self._applying.unanswered(exchange.register)

    def _fall(self) -> None:
        """The unit is off without an Off of ours."""
        self._must_be_off_first = self._must_be_off_first or self._applying.is_wanted
        self._forget_levels()

    def _forget_levels(self) -> None:
        self._applying.forget()
        self._fed = None

    def _in_force(self, now_ns: int) -> Iterator[DeviceEvent]:
        """The acknowledgement of the target, once every register holds what is wanted."""
        levels = self._applying.now_in_force()
        if levels is not None:
            yield Ack(at_ns=now_ns, of=AckOf.LEVELS, levels=levels)
