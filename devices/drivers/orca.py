"""Iris Dynamics ORCA: a linear motor that pulls while it is told to, twenty times a second, and lets go when it is not.

Rule 1: timeout, force, power and temperature limits are written and read back before force mode, each time.
Rule 2: a force command or a mode that was not answered is never repeated: feeding ends there, and the motor's own
        timeout lets go. A new start needs an Off first. The same holds for a motor that fell asleep by itself.
Rule 3: off is *asleep* and a force at or below the minimum pull for a second, in either direction; one alone is not.
        Until a second was seen of a motor that nobody saw pull, its output is unknown.
Rule 4: a slow Off lowers the force at the raise limit's rate, each frame below what the motor acknowledged last; then,
        and after any failure, and for a fast Off at once, the motor is put to sleep. A fast Off overtakes a slow one.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from devices.driver import link_fault
from devices.limits import Rate
from devices.model import (
    NS_PER_MS,
    NS_PER_S,
    Ack,
    AckOf,
    DeviceEvent,
    Fault,
    Identity,
    Levels,
    LinkFault,
    MonoNs,
    Off,
    Output,
    Sample,
    Setpoint,
    levels,
)
from devices.profile import Profile
from devices.unit_line import line_of, unanswered, unusable
from protocols import orca as wire
from protocols.inspect import FrameKind
from protocols.modbus import Answer, Exceptional, Octets, Registers, Trouble
from protocols.orca_requests import ENERGIZING, FORCE, MODES, SLEEP, Ask, For, OrcaRequests
from protocols.registers import RegisterMap, bit_names

OFF_PATIENCE_NS: Final = 40 * NS_PER_MS  # chosen: the longest answer twice; then Off is written into babble
LOOK_AGAIN_NS: Final = 20 * NS_PER_MS  # chosen: a fifth of the pace at which permits are renewed
SETTLED_NS: Final = 5 * NS_PER_MS  # chosen: a new permit may be the forerunner of a lower level; it comes within this
MODE_NS: Final = 50 * NS_PER_MS  # orcaSDK gives the motor 25 ms to take a mode; twice that
RELEASE_STEP_NS: Final = 100 * NS_PER_MS  # chosen: 5 N a step, too small to be felt as one
HELD_NS: Final = NS_PER_S  # house rule: traction is off after a second of low force
SIM: Final = int.from_bytes(b"SIM", "big")  # agreed with our simulator; the motor has no such flag
PUSHES: Final = "pushes"


class OrcaDriver:
    """One motor on one line. See ``devices.driver.Driver`` for what each call promises."""

    def __init__(self, profile: Profile) -> None:
        link, live = profile.link, profile.liveness
        self._profile = profile
        self._live = live
        self._map = RegisterMap(
            unit_address=link.unit, registers=profile.register, max_registers_per_read=link.max_registers_per_read
        )
        self._line = line_of(profile, wire.ANSWERS)
        self._say = OrcaRequests(self._map, profile.level.min)
        self._rate_n_s = next(row.per_s for row in profile.limit if isinstance(row, Rate))
        self._under_way: Ask | None = None
        self._noticed: list[DeviceEvent] = []  # by ``command``, told by the next ``poll``
        self._permit: int | None = None  # of the newest ``poll``
        self._permit_ns = 0  # since when it has this number
        self._look_again_ns = 0
        # What is known of the motor
        self._serial: int | None = None
        self._identity_due_ns = 0
        self._interval_ns = live.idle_poll_ms * NS_PER_MS
        self._sample_due_ns = 0
        self._mode: tuple[int, int] | None = None  # of the sample under way: the word, and when it was asked for
        self._low: tuple[int, int] | None = None  # force at or below the minimum pull: since when, and last seen
        self._was_high = False  # a higher force was seen before that
        # Off
        self._off: Off | None = None
        self._off_since_ns = self._off_due_ns = 0
        self._release_from: tuple[int, int] | None = None  # force and moment at which the slow release began
        # Levels
        self._target: Levels | None = None  # commanded and not yet acknowledged
        self._start: deque[Ask] = deque()  # what is left to do before force mode
        self._level_n: int | None = None  # acknowledged and fed
        self._held_n: int | None = None  # the least that the motor may hold since the last answer
        self._fed_ns = 0  # when the newest force that was answered was written
        self._mode_written_ns = 0
        self._pulls = False  # force mode was written, and no Off since
        self._was_seen_to_pull = False  # and read back
        self._must_be_off_first = False

    def identify(self) -> None:
        """Forget who it is and whatever was commanded but Off."""
        self._serial = None
        self._identity_due_ns = 0
        self._line.is_doubtful = False
        self._mode = self._low = None
        self._was_high = False
        self._fall()

    def command(self, setpoint: Setpoint, now_ns: MonoNs, run_ms: int = 0) -> None:  # noqa: ARG002  # it has no timer
        """Make this the target. What cannot be said, or an off still open, is told as REFUSED."""
        if isinstance(setpoint, Off):
            self._command_off(setpoint, now_ns)
            return
        why = self._objection(setpoint)
        if why is not None:
            self._noticed.append(link_fault(now_ns, Fault.REFUSED, why))
            return
        self._target = setpoint
        self._look_again_ns = now_ns
        if self._level_n is None:
            self._start = deque(self._say.start())

    def poll(self, now_ns: MonoNs, permit: int | None) -> tuple[bytes, Sequence[DeviceEvent]]:
        """Off first, then who is there, an end of doubt, force, the sample: one frame at a time."""
        if permit != self._permit:
            self._permit, self._permit_ns = permit, now_ns
        events, self._noticed = self._noticed, []
        ask = self._under_way
        arrived = self._line.timed_out(now_ns)
        if ask is not None and arrived is not None:
            events.append(unanswered(now_ns, self._profile, arrived, ask.why))
            self._failed(ask, now_ns)
        if self._under_way is not None:
            return b"", events
        ask = self._next(now_ns)
        if ask is None:
            self._look_again_ns = now_ns + LOOK_AGAIN_NS
            return b"", events
        self._under_way = msgspec.structs.replace(ask, at_ns=now_ns)
        return self._line.ask(ask.request, now_ns), events

    def feed(self, received: bytes, now_ns: MonoNs) -> Sequence[DeviceEvent]:
        """Bytes from the line: what they bring, and every reason not to believe them."""
        events: list[DeviceEvent] = []
        for arrival in self._line.feed(received, now_ns):
            ask = self._under_way
            if isinstance(arrival, Trouble):
                events.append(unusable(now_ns, arrival))
                if ask is not None and not self._line.is_waiting:
                    self._failed(ask, now_ns)
            elif ask is not None:
                self._under_way = None
                events.extend(self._answered(ask, arrival, now_ns))
        return events

    def next_wakeup(self) -> MonoNs:
        """The earliest moment at which ``poll`` may have something; what waits for a permit is looked at again."""
        if self._noticed:
            return MonoNs(0)
        if self._line.deadline_ns is not None:
            return MonoNs(self._line.deadline_ns)
        calm_ns = self._line.calm_ns
        due = [self._off_at_ns()] if self._off is not None else []
        if self._serial is None:
            due.append(max(calm_ns, self._identity_due_ns))
        elif self._line.is_doubtful or self._mode is not None:
            due.append(calm_ns)
        else:
            due.append(max(calm_ns, self._sample_due_ns))
            if self._off is None and (self._start or self._target is not None):
                due.append(max(calm_ns, self._look_again_ns))
            elif self._off is None and self._level_n is not None:
                feed_ns = self._fed_ns + self._live.feed_ms * NS_PER_MS
                due.append(max(calm_ns, feed_ns, self._permit_ns + SETTLED_NS, self._look_again_ns))
        return MonoNs(min(due))

    def is_waiting(self) -> bool:
        """A request is on the line."""
        return self._under_way is not None

    def abandon(self, now_ns: MonoNs) -> None:
        """Give the request under way up for an Off; its answer is LATE from now on."""
        ask = self._under_way
        if ask is None:
            return
        self._line.abandon(now_ns)
        if ask.why is For.RELEASE:
            self._under_way = None  # not a failure: the next step is lower still
        else:
            self._failed(ask, now_ns)

    def watch_closely(self, *, closely: bool) -> None:
        """Sample at the pace of a session, or at that of an idle motor."""
        interval_ns = (self._live.poll_ms if closely else self._live.idle_poll_ms) * NS_PER_MS
        self._sample_due_ns += min(0, interval_ns - self._interval_ns)
        self._interval_ns = interval_ns

    def last_words(self) -> bytes:
        """Sleep."""
        return self._line.unanswered(self._say.sleep.request)

    def inspect(self, frame: bytes) -> FrameKind:
        """What a frame means on this motor, at this moment."""
        spec = self._profile.level
        releases = self._off is not None and self._release_from is not None
        return wire.inspect(frame, self._map, spec.min, spec.max, self._held_n if releases else None)

    # What is said next

    def _next(self, now_ns: int) -> Ask | None:
        """The most urgent request that may be written now."""
        if self._off is not None and now_ns >= self._off_at_ns():
            return self._off_ask(now_ns)
        if now_ns < self._line.calm_ns:
            return None
        if self._serial is None:
            return self._say.identity if now_ns >= self._identity_due_ns else None
        if self._line.is_doubtful:
            return self._say.probe
        if self._permit is not None and self._off is None:
            ask = self._energizing(now_ns)
            if ask is not None:
                return ask
        if self._mode is not None:
            return self._say.telemetry
        if now_ns < self._sample_due_ns:
            return None
        self._sample_due_ns = now_ns + self._interval_ns
        return self._say.mode

    def _energizing(self, now_ns: int) -> Ask | None:
        """The next step of the start, the new force, or the old one again; None when it is the sample's turn."""
        if self._start:
            return self._begun(self._start[0], now_ns)
        fed_ms = (now_ns - self._fed_ns) // NS_PER_MS
        if self._level_n is not None and fed_ms >= self._live.lease_ms:
            self._fall()  # it has let go by now: nothing is repeated to it
            return None
        if self._target is not None:
            return self._force(self._target.get(wire.LEVEL) or 0)
        if self._level_n is None or now_ns < self._permit_ns + SETTLED_NS:
            return None
        is_for_sample = self._mode is not None
        is_late = fed_ms >= 2 * self._live.feed_ms
        is_due = fed_ms >= self._live.feed_ms and now_ns < self._sample_due_ns
        return self._force(self._level_n) if is_for_sample or is_late or is_due else None

    def _begun(self, ask: Ask, now_ns: int) -> Ask:
        if ask is self._say.pull:
            self._pulls = True  # from here on it may pull, whatever is answered
            self._mode_written_ns = now_ns
        return ask

    def _force(self, force_n: int) -> Ask:
        """Until it is answered, the motor may hold the old force or this one."""
        if self._held_n is not None:
            self._held_n = min(self._held_n, force_n)
        return self._say.force(force_n)

    def _off_ask(self, now_ns: int) -> Ask:
        if self._release_from is not None:
            force_n = self._release_n(now_ns)
            if self._held_n is not None and self._profile.level.min <= force_n < self._held_n:
                self._off_due_ns = now_ns + RELEASE_STEP_NS
                return self._say.force(force_n, For.RELEASE)
            self._release_from = None
        return self._say.sleep

    def _release_n(self, now_ns: int) -> int:
        """Where a slow release should be now, and a newton at least below what is held."""
        force_n, since_ns = self._release_from or (0, now_ns)
        by_rate_n = force_n - self._rate_n_s * (now_ns - since_ns) // NS_PER_S
        return min(by_rate_n, (self._held_n or 0) - 1)

    def _off_at_ns(self) -> int:
        """Off waits for the silence of the line, but not for ever; a release has its steps."""
        if self._release_from is not None:
            return max(self._line.quiet_ns, self._off_due_ns)
        return max(min(self._line.quiet_ns, self._off_since_ns + OFF_PATIENCE_NS), self._off_due_ns)

    # What an answer, or its absence, changes

    def _answered(self, ask: Ask, answer: Answer, now_ns: int) -> Sequence[DeviceEvent]:
        if isinstance(answer, Exceptional):
            self._failed(ask, now_ns, again_ns=now_ns + self._line.reply_ns)
            return [link_fault(now_ns, Fault.REFUSED, f"{answer.name} (exception {answer.code}) to {ask.why}")]
        if isinstance(answer, Registers):
            return self._told(ask, answer.words, now_ns)
        if ask.why is For.OFF:
            self._off = None
            self._release_from = self._level_n = self._held_n = None
            self._pulls = self._was_seen_to_pull = self._must_be_off_first = False
            self._sample_due_ns = now_ns
            return [Ack(at_ns=now_ns, of=AckOf.OFF)]
        if ask.why is For.SET:
            self._did(ask)
        if ask.force_n is not None:
            self._held_n = ask.force_n
        events: list[DeviceEvent] = []
        if ask.why is For.FORCE and self._off is None and not self._must_be_off_first:
            self._level_n = ask.force_n
            self._fed_ns = ask.at_ns
            if self._target is not None and self._target.get(wire.LEVEL) == ask.force_n:
                events.append(Ack(at_ns=now_ns, of=AckOf.LEVELS, levels=self._target))
                self._target = None
        if isinstance(answer, Octets):
            events.extend(self._streamed(wire.streamed(answer.octets), ask, now_ns))
        return events

    def _did(self, ask: Ask) -> None:
        """One step of the start is done, unless the start was dropped meanwhile."""
        if self._start and self._start[0].request == ask.request:
            self._start.popleft()

    def _told(self, ask: Ask, words: tuple[int, ...], now_ns: int) -> Sequence[DeviceEvent]:
        if ask.why is For.IDENTITY:
            self._serial, firmware = self._say.identity_of(words)
            self._sample_due_ns = now_ns
            return [self._named(self._serial, firmware, now_ns)]
        if ask.why is For.PROBE:
            self._line.is_doubtful = False
            serial = self._say.serial_of(words)
            if serial != self._serial:
                return [link_fault(now_ns, Fault.MISMATCH, f"serial number {serial} answers, not {self._serial}")]
            return []
        if ask.why is For.MODE:
            self._mode = (words[0], ask.at_ns)
            return []
        return self._checked(ask, words, now_ns)

    def _checked(self, ask: Ask, words: tuple[int, ...], now_ns: int) -> Sequence[DeviceEvent]:
        """What was read back must be what was written; a mode may take its time to show."""
        is_mode = ask.words == (FORCE,)
        if words == ask.words:
            self._was_seen_to_pull = self._was_seen_to_pull or is_mode
            self._did(ask)
            return []
        if is_mode and now_ns < self._mode_written_ns + MODE_NS:
            return []
        self._failed(ask, now_ns)
        return [link_fault(now_ns, Fault.REFUSED, f"reads back {words}, was told {ask.words}")]

    def _named(self, serial: int, firmware: str, now_ns: int) -> Identity:
        return Identity(
            at_ns=now_ns,
            model=self._profile.device.id,  # who has these registers is an ORCA; the map has no word for the model
            serial=str(serial),
            firmware=firmware,
            is_simulator=serial >> 8 == SIM,
        )

    def _streamed(self, told: wire.Streamed, ask: Ask, now_ns: int) -> Sequence[DeviceEvent]:
        """Every answer of the stream shows the force; with the mode asked before it, it makes a sample."""
        least_mn = self._profile.level.min * wire.MN_PER_N
        if abs(told.force_mn) > least_mn:
            self._low, self._was_high = None, True
        elif self._low is None:
            self._low = (now_ns, now_ns)
        elif now_ns - self._low[1] > self._live.stale_ms * NS_PER_MS:
            self._low, self._was_high = (now_ns, now_ns), False
        else:
            self._low = (self._low[0], now_ns)
        if self._mode is None:
            return []
        (mode, asked_ns), self._mode = self._mode, None
        errors = bit_names(self._profile.named_register("errors"), told.errors)
        faults = (*errors, PUSHES) if mode == FORCE and told.force_mn < -least_mn else errors
        sample = Sample(
            at_ns=now_ns,
            asked_ns=asked_ns,
            output=self._output(mode, ask.at_ns),
            values=levels({wire.LEVEL: -(-told.force_mn // wire.MN_PER_N)}).values,  # up: towards what is more intense
            faults=faults,
        )
        is_expected = mode == FORCE or not self._was_seen_to_pull or self._off is not None
        if is_expected or asked_ns < self._mode_written_ns:
            return [sample]
        return [sample, self._fell_asleep(errors, mode, now_ns)]

    def _output(self, mode: int, asked_ns: int) -> Output:
        if mode not in MODES:
            return Output.UNKNOWN
        if mode == SLEEP and self._low is not None:
            if asked_ns - self._low[0] >= HELD_NS:
                return Output.OFF
            return Output.ENERGIZED if self._was_high or self._pulls else Output.UNKNOWN
        return Output.ENERGIZED

    def _fell_asleep(self, errors: tuple[str, ...], mode: int, now_ns: int) -> LinkFault:
        """Nobody told it to. Without an error it has started anew."""
        self._fall()
        self._pulls = self._was_seen_to_pull = False
        if errors or mode != SLEEP:
            return link_fault(
                now_ns, Fault.HALTED, f"left force mode for {mode}: {', '.join(errors) or 'no error told'}"
            )
        return link_fault(now_ns, Fault.REBOOTED, "sleeps without an error: it has started anew")

    def _failed(self, ask: Ask, now_ns: int, again_ns: int = 0) -> None:
        """A request came to nothing. Queries and Off come again; what energizes never does (rule 2)."""
        self._under_way = None
        if ask.why in ENERGIZING:
            self._fall()
        elif ask.why is For.OFF:
            self._off_due_ns = again_ns
        elif ask.why is For.RELEASE:
            self._release_from, self._off_due_ns, self._off_since_ns = None, again_ns, now_ns
        elif ask.why is For.IDENTITY:
            self._identity_due_ns = again_ns
        elif ask.why is For.PROBE and again_ns:
            self._line.calm_ns = again_ns
        self._mode = None

    # Commands

    def _command_off(self, off: Off, now_ns: int) -> None:
        """Rule 4. A repetition of what is under way changes nothing."""
        self._drop_target()
        self._must_be_off_first = False
        if self._off is None:
            self._off_since_ns = self._off_due_ns = now_ns
            is_slow = not off.fast and self._held_n is not None and self._pulls and self._serial is not None
            self._release_from = (self._held_n or 0, now_ns) if is_slow else None
            self._off = off
        elif off.fast and self._release_from is not None:
            self._release_from = None
            self._off_since_ns = self._off_due_ns = now_ns
            self._off = off
        self._level_n = None

    def _objection(self, target: Levels) -> str | None:
        """Why the motor cannot be told this force now; None when it can."""
        spec = self._profile.level
        force_n = target.get(spec.name)
        if len(target.values) != 1 or force_n is None or not spec.min <= force_n <= spec.max:
            return f"needs exactly {spec.name}, {spec.min} to {spec.max}"
        if self._off is not None:
            return "off is not acknowledged yet"
        if self._must_be_off_first:
            return "the motor let go, or may have: off first, then a new start"
        return None

    def _fall(self) -> None:
        """Treat the force as released: nothing feeds it any more."""
        self._drop_target()
        self._level_n = None
        self._must_be_off_first = self._must_be_off_first or self._pulls

    def _drop_target(self) -> None:
        self._target = None
        self._start.clear()
