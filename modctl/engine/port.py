"""One bus: its units' drivers, permits and frame gates. Sans-I/O like h11's Connection: given bytes and the time.

Rule 1: a stop jumps every queue; it abandons the answer under way, and nothing else is written before it.
Rule 2: every frame passes the frame gate; one that does not is a fault, is not written, and Off is written instead.
Rule 3: a permit that lapses or is revoked ends in Off from here, whatever the engine is doing.
Rule 4: Off is repeated until the unit *says* off, not only until it acknowledges.
Rule 5: without a permit nothing that feeds or energizes is even asked of a driver.
Rule 6: one request is on the line at a time; units take turns; a silent unit costs one reply time.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

import msgspec

from devices.driver import PACK_IS_OFF, PACK_IS_ON, Driver
from devices.limits import Rate
from devices.model import NEVER_NS, NS_PER_MS, Ack, AckOf, DeviceEvent, MonoNs, Off, Output, Sample
from devices.profile import Profile
from modctl.engine.bounds import HARD
from modctl.engine.effects import Command, Identify, PackSaid, Permit, PortEffect, Quench, Revoke, Watch
from modctl.engine.gate import NOTHING_WRITTEN, GateRules, Written, judge, remember

QUENCH_BURST = 3  # chosen: one lost and one ignored Off still leave one
QUENCH_SILENCE_PERCENT = 125  # lease plus a quarter: the unit's own watchdog must have acted by then
REPEAT_OFF_NS = 50 * NS_PER_MS  # chosen: well inside every stop budget, slow enough not to drown the status polls


class FrameHeld(msgspec.Struct, frozen=True, kw_only=True):
    """The frame gate held a frame back."""

    at_ns: int
    why: str
    frame: bytes


class LineOpened(msgspec.Struct, frozen=True, kw_only=True):
    """The line is there (again); the unit on it has to be identified."""

    at_ns: int


class LineLost(msgspec.Struct, frozen=True, kw_only=True):
    """The line is gone, or could not be opened."""

    at_ns: int
    code: str
    why: str


class PermitLapsed(msgspec.Struct, frozen=True, kw_only=True):
    """A permit was not renewed in time and Off was commanded here."""

    at_ns: int


PortNews = DeviceEvent | FrameHeld | LineOpened | LineLost | PermitLapsed


def gate_rules(profile: Profile) -> GateRules:
    """What the frame gate of a model holds: from the hard bounds in code, never from the session."""
    level = profile.level
    down = level.intensifies == "down"
    raise_limit = next(
        row for row in HARD[profile.device.modality] if isinstance(row, Rate) and row.parameter == level.name
    )
    return GateRules(
        modality=profile.device.modality,
        level=level.name,
        rest=level.max if down else level.min,
        down_intensifies=down,
        raise_limit=raise_limit,
    )


class _Seat:
    """One unit's place on the bus."""

    def __init__(self, name: str, driver: Driver, rules: GateRules) -> None:
        self.name = name
        self.driver = driver
        self.rules = rules
        self.permit: Permit | None = None
        self.written: Written = NOTHING_WRITTEN
        self.stop_first = False  # an Off waits to be written before anything else
        self.wants_off = False
        self.off_is_fast = True  # how the off that is wanted was asked for; a repetition is no reason to hurry
        self.last_off_ns = MonoNs(0)
        self.quench: Quench | None = None
        self.quench_left = 0
        self.silent_until_ns = MonoNs(0)


class Port:
    """The units of one line."""

    def __init__(self, drivers: Mapping[str, Driver], profiles: Mapping[str, Profile]) -> None:
        self._seats = {name: _Seat(name, driver, gate_rules(profiles[name])) for name, driver in drivers.items()}
        self._by_hand = frozenset(name for name, profile in profiles.items() if profile.is_by_hand)
        self._silence_ns = max(profile.link.silence_us for profile in profiles.values()) * 1_000
        self._news: list[tuple[str, PortNews]] = []
        self._is_open = False
        self._turn: list[_Seat] = list(self._seats.values())
        self._asked: _Seat | None = None  # whose request was written last
        self._not_before_ns = MonoNs(0)

    def opened(self, now_ns: MonoNs) -> None:
        """The line was opened. Every unit is identified anew; Off that is still wanted goes first."""
        self._is_open = True
        self._not_before_ns = now_ns
        for seat in self._seats.values():
            seat.driver.identify()
            if seat.wants_off:
                self._command_off(seat, now_ns)
            self._news.append((seat.name, LineOpened(at_ns=now_ns)))

    def lost(self, code: str, why: str, now_ns: MonoNs) -> None:
        """The line is gone. Permits end here; what was energized is wanted off as soon as the line is back."""
        self._is_open = False
        self._asked = None
        for seat in self._seats.values():
            seat.driver.abandon(now_ns)
            seat.wants_off = seat.wants_off or seat.permit is not None
            seat.permit = None
            self._news.append((seat.name, LineLost(at_ns=now_ns, code=code, why=why)))

    def order(self, effect: PortEffect, now_ns: MonoNs) -> None:
        """Take one order of the engine."""
        seat = self._seats[effect.unit]
        match effect:
            case Permit():
                seat.permit = effect
            case Revoke():
                seat.permit = None
            case Command(setpoint=Off(fast=fast)):
                self._command_off(seat, now_ns, fast=fast)
            case Command():
                seat.wants_off = False
                seat.quench = None
                seat.driver.command(effect.setpoint, now_ns, effect.run_ms)
            case Quench():
                seat.quench = effect
                seat.quench_left = QUENCH_BURST
                self._command_off(seat, now_ns)
            case Identify():
                seat.driver.identify()
            case PackSaid():
                self._hear_person(seat, PACK_IS_ON if effect.is_on else PACK_IS_OFF, now_ns)
            case Watch():
                seat.driver.watch_closely(closely=effect.closely)
            case _:
                assert_never(effect)

    def _hear_person(self, seat: _Seat, said: bytes, now_ns: MonoNs) -> None:
        """For a unit without a wire the person is the line; of every other one only its own line is believed."""
        if seat.name in self._by_hand:
            for event in seat.driver.feed(said, now_ns):
                self._note(seat, event, now_ns)

    def received(self, data: bytes, now_ns: MonoNs) -> None:
        """Bytes from the line belong to whoever asked last; to nobody's request they are still shown to one driver."""
        seat = self._asked or self._turn[0]
        for event in seat.driver.feed(data, now_ns):
            self._note(seat, event, now_ns)
        if not seat.driver.is_waiting():
            self._not_before_ns = MonoNs(max(self._not_before_ns, now_ns + self._silence_ns))

    def due(self, now_ns: MonoNs) -> bytes:
        """One frame to write now, past the frame gate; ``b""`` when nothing is due."""
        self._expire_permits(now_ns)
        if not self._is_open:
            return b""
        stopping = self._stopping()
        if self._asked is not None and self._asked.driver.is_waiting():
            if stopping is None:
                return self._notice_timeout(self._asked, now_ns)
            self._asked.driver.abandon(now_ns)
            self._not_before_ns = MonoNs(max(self._not_before_ns, now_ns + self._silence_ns))
        if now_ns < self._not_before_ns:
            return b""
        if stopping is not None:  # it may still wait for silence: nobody else breaks it
            return self._write(stopping, now_ns) if now_ns >= stopping.driver.next_wakeup() else b""
        for seat in tuple(self._turn):
            if now_ns < seat.silent_until_ns or now_ns < seat.driver.next_wakeup():
                continue
            frame = self._write(seat, now_ns)
            if frame:
                return frame
        return b""

    @property
    def has_news(self) -> bool:
        """``drain`` would tell something."""
        return bool(self._news)

    def drain(self) -> Sequence[tuple[str, PortNews]]:
        """What happened since the last call, in order."""
        news, self._news = self._news, []
        return news

    def wakeup(self) -> MonoNs:
        """When ``due`` wants to be called next, if nothing arrives before; at once, where a stop waits for nothing."""
        times = [MonoNs(seat.permit.until_ns) for seat in self._turn if seat.permit is not None]
        if self._is_open:
            stopping = self._stopping()
            if self._asked is not None and self._asked.driver.is_waiting():
                times.append(MonoNs(0) if stopping is not None else self._asked.driver.next_wakeup())
            else:
                seats = self._turn if stopping is None else [stopping]
                times.extend(self._seat_wakeup(seat) for seat in seats)
        return min(times, default=NEVER_NS)

    def last_words(self) -> tuple[bytes, ...]:
        """Off of every unit on the bus, for the guard."""
        return tuple(seat.driver.last_words() for seat in self._seats.values())

    def _stopping(self) -> _Seat | None:
        """The unit whose Off goes out before anything else; of several, the one that can say it first."""
        seats = [seat for seat in self._turn if seat.stop_first]
        if not seats:
            return None
        return min(seats, key=lambda seat: seat.driver.next_wakeup())

    def _seat_wakeup(self, seat: _Seat) -> MonoNs:
        if seat.stop_first:
            return MonoNs(max(self._not_before_ns, seat.driver.next_wakeup()))
        return MonoNs(max(self._not_before_ns, seat.silent_until_ns, seat.driver.next_wakeup()))

    def _command_off(self, seat: _Seat, now_ns: MonoNs, *, fast: bool = True) -> None:
        seat.wants_off = True
        seat.off_is_fast = fast
        seat.stop_first = True
        seat.last_off_ns = now_ns
        seat.driver.command(Off(fast=fast), now_ns)

    def _expire_permits(self, now_ns: MonoNs) -> None:
        for seat in self._turn:
            if seat.permit is not None and now_ns >= seat.permit.until_ns:
                seat.permit = None
                self._news.append((seat.name, PermitLapsed(at_ns=now_ns)))
                self._command_off(seat, now_ns)

    def _notice_timeout(self, seat: _Seat, now_ns: MonoNs) -> bytes:
        if now_ns < seat.driver.next_wakeup():
            return b""
        frame, events = seat.driver.poll(now_ns, seat.permit.sequence if seat.permit else None)
        for event in events:
            self._note(seat, event, now_ns)
        return self._past_gate(seat, frame, now_ns)

    def _write(self, seat: _Seat, now_ns: MonoNs) -> bytes:
        self._turn.remove(seat)
        self._turn.append(seat)
        frame, events = seat.driver.poll(now_ns, seat.permit.sequence if seat.permit else None)
        for event in events:
            self._note(seat, event, now_ns)
        return self._past_gate(seat, frame, now_ns)

    def _past_gate(self, seat: _Seat, frame: bytes, now_ns: MonoNs) -> bytes:
        if not frame:
            seat.stop_first = seat.stop_first and now_ns < seat.driver.next_wakeup()
            return b""
        kind = seat.driver.inspect(frame)
        ruling = judge(kind, seat.permit, seat.written, seat.rules, now_ns)
        if not ruling.allowed:
            self._news.append((seat.name, FrameHeld(at_ns=now_ns, why=ruling.why, frame=frame)))
            seat.permit = None
            seat.driver.abandon(now_ns)
            self._command_off(seat, now_ns)
            return b""
        seat.written = remember(kind, seat.written, seat.rules, now_ns)
        seat.stop_first = False
        self._asked = seat
        return frame

    def _note(self, seat: _Seat, event: DeviceEvent, now_ns: MonoNs) -> None:
        self._news.append((seat.name, event))
        if isinstance(event, Ack) and event.of is AckOf.OFF:
            seat.stop_first = False  # also of a stop that was asked while this Off was on the line: others go first
        if not isinstance(event, Sample) or not seat.wants_off:
            return
        if event.output is Output.OFF:
            if event.asked_ns >= seat.last_off_ns:
                seat.quench = None
            return
        if now_ns - seat.last_off_ns >= REPEAT_OFF_NS:
            self._repeat_off(seat, now_ns)

    def _repeat_off(self, seat: _Seat, now_ns: MonoNs) -> None:
        if seat.quench is not None:
            seat.quench_left -= 1
            if seat.quench_left < 0:
                silence_ms = seat.quench.lease_ms * QUENCH_SILENCE_PERCENT // 100
                seat.silent_until_ns = MonoNs(now_ns + silence_ms * NS_PER_MS)
                seat.quench_left = QUENCH_BURST
                return
        self._command_off(seat, now_ns, fast=seat.off_is_fast)
