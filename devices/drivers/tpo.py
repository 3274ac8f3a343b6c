"""Sonic Concepts TPO: an ultrasound generator that repeats bursts until its own TIMER ends, and has no watchdog.

Rule 1: the unit reads nothing back from its output. Power, burst and period are echoes of what it accepted; the state
        is 0 or 1. Without checksums one bit can turn the state over, so a sample asks it at both ends, and says
        *unknown* when they differ.
Rule 2: everything is set, read back and equal to the target before START is said. TIMER is the remaining time that
        the session gives; without one nothing starts, because TIMER=0 runs until ABORT.
Rule 3: a command without its answer, or any silence while output is on, is followed by ABORT from here: nothing else
        would end the output before TIMER does.
Rule 4: ABORT goes before everything; a doubtful line (``protocols.tpo_exchange``) is settled before a state counts.
"""

from collections import deque
from enum import StrEnum

from devices.driver import link_fault
from devices.model import (
    NS_PER_MS,
    Ack,
    AckOf,
    DeviceEvent,
    Fault,
    Identity,
    Levels,
    MonoNs,
    Off,
    Output,
    Sample,
    Setpoint,
    label,
)
from devices.profile import Profile
from devices.talk import Talk
from protocols import tpo as wire
from protocols.errors import LocalProtocolError
from protocols.inspect import FrameKind
from protocols.tpo import Name, Request, Timing, Verb
from protocols.tpo_exchange import Belonging, Received, Sent, TpoExchange

SETTINGS = ("burst_us", "frequency_khz", "period_us", "power_mw")
NOT_TOLD = "not told"  # the protocol has no question for serial number and version; banner and transducers tell some
LAST_WORDS = 3  # chosen: half a line of the controller's last frame can swallow the first
REMOTE = (
    Request(Verb.CLEARERROR),  # a latched error answers everything else
    Request(Name.LOCAL, 0),  # first of all that is set (UCL toolbox, connectTPO)
    Request(Name.RAMPMODE, 0),
    Request(Name.TRIGGERMODE, 0),
    Request(Name.ENFORCELIMITS, 1),
)
TIMES = (Request(Name.BURST), Request(Name.PERIOD), Request(Name.TIMER))
ROUND = (
    Request(Name.SYSTEMSTATE),
    Request(Name.GLOBALPOWER),
    Request(Name.BURST),
    Request(Name.PERIOD),
    Request(Name.SYSTEMSTATE),
)
FAULT_OF = {
    Belonging.LATE: Fault.LATE,
    Belonging.FOREIGN: Fault.FOREIGN,
    Belonging.NONSENSE: Fault.MALFORMED,
}


class _Step(StrEnum):
    """How far the handshake has come."""

    STATE = "state"
    STOP = "stop"
    TRANSDUCERS = "transducers"
    KNOWN = "known"


_ASKS = {
    _Step.STATE: Request(Name.SYSTEMSTATE),
    _Step.STOP: Request(Verb.ABORT),
    _Step.TRANSDUCERS: Request(Name.XDRLIST),
}


class TpoDriver(Talk[Sent, Received]):
    """One TPO on one line. See ``devices.driver.Driver`` for what each call promises."""

    _exchange: TpoExchange

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile, TpoExchange(profile.liveness.reply_ms * NS_PER_MS))
        self._step = _Step.STATE
        self._firmware = NOT_TOLD
        self._handshake_from_ns = MonoNs(0)
        self._wants_off = False
        self._off_from_ns = MonoNs(0)
        self._target: Levels | None = None  # commanded and not yet in force
        self._in_force: Levels | None = None
        self._run_ms = 0
        self._left: deque[Request] = deque()  # what is still to be said for the target
        self._said: dict[Name, int] = {}  # what the unit was told for the target
        self._held: dict[Name, int] = {}  # what it last said that it has
        self._driving_ns: MonoNs | None = None  # since START was written; None: nothing runs by us
        self._round: list[Received] = []

    def identify(self) -> None:
        """Forget the unit; its state, an ABORT if it runs, and its transducers come before anything else."""
        self._exchange.drop()
        self._begin_anew(MonoNs(0))

    def command(self, setpoint: Setpoint, now_ns: MonoNs, run_ms: int = 0) -> None:
        """Make this the target. What cannot be said, or an off still open, is told as REFUSED."""
        self._is_fresh = True
        if isinstance(setpoint, Off):
            self._wants_off = True
            self._off_from_ns = now_ns
            self._drop_target()
            return
        why = self._objection(setpoint, run_ms)
        if why is not None:
            self._drop_target()
            self._noticed.append(link_fault(now_ns, Fault.REFUSED, why))
            return
        self._target, self._run_ms = setpoint, run_ms
        self._said.clear()
        is_running = self._driving_ns is not None
        self._left = deque(self._other_power(setpoint) if is_running else self._start(setpoint))

    def _next_due_ns(self) -> MonoNs:
        due = [self._off_from_ns] if self._wants_off else []
        if self._step is not _Step.KNOWN:
            return min([*due, self._handshake_from_ns])
        if self._exchange.is_doubtful or self._round or self._may_go_on():
            return MonoNs(0)
        return min([*due, self._poll_from_ns])

    def last_words(self) -> bytes:
        """ABORT, a few times, behind a CR that ends whatever half a line was written before."""
        return b"\r" + wire.line(Request(Verb.ABORT)) * LAST_WORDS

    def inspect(self, frame: bytes) -> FrameKind:
        """The protocol's reading."""
        return wire.inspect(frame)

    # What is said

    def _next(self, now_ns: MonoNs, events: list[DeviceEvent]) -> bytes:  # noqa: ARG002  # notices nothing on the way
        """ABORT first, then who is there, then an end of doubt, levels, the sample."""
        if self._wants_off and now_ns >= self._off_from_ns:
            self._off_from_ns = MonoNs(now_ns + self._reply_ns)
            return self._exchange.begin(Request(Verb.ABORT), now_ns)
        if self._step is not _Step.KNOWN and now_ns < self._handshake_from_ns:
            return b""
        if self._exchange.is_doubtful:
            return self._exchange.probe(now_ns)
        if self._step is not _Step.KNOWN:
            return self._exchange.begin(_ASKS[self._step], now_ns)
        if self._may_go_on():
            if self._left[0].word is Verb.START:
                self._driving_ns = now_ns  # from here on it may run, whatever is answered
            return self._exchange.begin(self._left[0], now_ns)
        if not self._round:
            if now_ns < self._poll_from_ns:
                return b""
            self._asked_ns = now_ns
            self._poll_from_ns = MonoNs(now_ns + self._interval_ns())
        return self._exchange.begin(ROUND[len(self._round)], now_ns)

    def _may_go_on(self) -> bool:
        return bool(self._left) and self._has_permit and not self._wants_off and not self._round

    def _start(self, target: Levels) -> tuple[Request, ...]:
        """The first part of a start: what needs no knowledge of the unit's times, then the question for them."""
        return (*REMOTE, _frequency_of(target), *TIMES)

    def _rest_of_start(self, target: Levels) -> tuple[Request, ...]:
        """The second part: the times in the order that the unit takes, the power, all read back, START."""
        held = Timing(self._held[Name.BURST], self._held[Name.PERIOD], self._held[Name.TIMER])
        order = wire.safe_order(held, _timing_of(target, self._run_ms))
        return (*order, *self._other_power(target), *TIMES, Request(Verb.START))

    def _other_power(self, target: Levels) -> tuple[Request, ...]:
        return Request(Name.GLOBALPOWER, target.get("power_mw")), Request(Name.GLOBALPOWER)

    def _objection(self, target: Levels, run_ms: int) -> str | None:
        """Why the unit cannot be told these levels now; None when it can."""
        if self._wants_off:
            return "off is not acknowledged yet"
        if tuple(name for name, _ in target.values) != SETTINGS:
            return f"needs exactly {', '.join(SETTINGS)}"
        if self._driving_ns is not None:
            was = self._in_force or self._target
            is_power_alone = was is not None and target == was.replaced("power_mw", target.get("power_mw") or 0)
            if not is_power_alone:
                return "only the power can be changed while it runs"
        try:
            sayable = list(self._other_power(target))
            if self._driving_ns is None:
                timing = _timing_of(target, run_ms)
                sayable += [_frequency_of(target), *wire.safe_order(timing, timing)]
            for request in sayable:
                wire.line(request)
        except LocalProtocolError as error:
            return str(error)
        return None

    # What comes back

    def _received(self, received: Received, now_ns: MonoNs) -> list[DeviceEvent]:
        if received.belonging is Belonging.BANNER:
            return self._greeted(received.text, now_ns)
        if received.belonging in FAULT_OF or received.sent is None:
            return [link_fault(now_ns, FAULT_OF[received.belonging], f"line: {received.text}")]
        if received.belonging is Belonging.ERROR:
            return self._refused(received.sent, now_ns, wire.error_of(received.text) or "")
        return self._answered(received.sent, received, now_ns)

    def _greeted(self, banner: str, now_ns: MonoNs) -> list[DeviceEvent]:
        """The unit has started. Where it was known before, everything that it was told is gone."""
        self._firmware = label(banner)
        if self._step is not _Step.KNOWN:
            return []
        self._exchange.drop()
        self._begin_anew(now_ns)
        return [link_fault(now_ns, Fault.REBOOTED, f"greets again: {banner}")]

    def _answered(self, sent: Sent, received: Received, now_ns: MonoNs) -> list[DeviceEvent]:
        request = sent.request
        if request.word is Verb.ABORT and self._wants_off:
            self._wants_off = False
            self._end_driving()
            self._poll_from_ns = now_ns  # off is proved by the state alone
            return [Ack(at_ns=now_ns, of=AckOf.OFF)]
        if sent.is_probe:
            return []
        if self._step is not _Step.KNOWN:
            return self._shook_hands(received, now_ns)
        if self._left and request == self._left[0]:
            return self._went_on(sent, received, now_ns)
        if request != ROUND[len(self._round)]:
            return []  # of a target that was dropped meanwhile
        self._round.append(received)
        return self._sampled(now_ns) if len(self._round) == len(ROUND) else []

    def _shook_hands(self, received: Received, now_ns: MonoNs) -> list[DeviceEvent]:
        match self._step:
            case _Step.STATE:
                self._step = _Step.TRANSDUCERS if received.value == 0 else _Step.STOP
            case _Step.STOP:
                self._step = _Step.STATE
            case _:
                return self._known(label(received.text), now_ns)
        return []

    def _known(self, transducers: str, now_ns: MonoNs) -> list[DeviceEvent]:
        self._step = _Step.KNOWN
        self._poll_from_ns = now_ns
        identity = Identity(
            at_ns=now_ns,
            model=self._profile.device.id,  # who speaks like this is a TPO; the protocol has no word for the model
            serial=transducers,
            firmware=self._firmware,
            is_simulator=transducers.startswith("SIM"),  # agreed with our simulator; the unit has no such flag
        )
        return [identity]

    def _went_on(self, sent: Sent, received: Received, now_ns: MonoNs) -> list[DeviceEvent]:
        """One request for the target is answered: what is held must be what was said."""
        request = self._left.popleft()
        if isinstance(request.word, Name):
            if request.value is not None:
                self._said[request.word] = request.value
            said = self._said.get(request.word)
            if said is not None and received.value not in (None, said):
                return self._refused(sent, now_ns, f"{request.text}: the unit has {received.value}, was told {said}")
            if received.value is not None:
                self._held[request.word] = received.value
        if self._left or self._target is None:
            return []
        if self._driving_ns is None:
            self._left.extend(self._rest_of_start(self._target))
            return []
        self._in_force, self._target = self._target, None
        return [Ack(at_ns=now_ns, of=AckOf.LEVELS, levels=self._in_force)]

    def _sampled(self, now_ns: MonoNs) -> list[DeviceEvent]:
        before, power, burst, period, after = (received.value for received in self._round)
        self._round.clear()
        output = Output.UNKNOWN
        if before == after:
            output = Output.ENERGIZED if before == 1 else Output.OFF if before == 0 else Output.UNKNOWN
        values = (("burst_us", burst), ("period_us", period), ("power_mw", power))
        sample = Sample(at_ns=now_ns, asked_ns=self._asked_ns, output=output, values=values)
        if output is not Output.OFF or self._in_force is None:
            return [sample]
        self._end_driving()
        return [
            sample,
            link_fault(now_ns, Fault.HALTED, "stopped by itself: its TIMER, its panel or an error of its own"),
        ]

    # What becomes of failures

    def _refused(self, sent: Sent, now_ns: MonoNs, why: str) -> list[DeviceEvent]:
        if self._step is _Step.TRANSDUCERS and sent.request == _ASKS[_Step.TRANSDUCERS]:
            return self._known(NOT_TOLD, now_ns)  # older firmware does not list them
        if sent.request.word is Verb.CLEARERROR and self._left and sent.request == self._left[0]:
            self._left.popleft()  # may be refused while the panel has control: what still stands, the next answer says
            return []
        self._forget(sent, now_ns)
        return [link_fault(now_ns, Fault.REFUSED, why)]

    def _came_to_nothing(self, sent: Sent, now_ns: MonoNs) -> list[DeviceEvent]:
        """Whether it was heard is not known: where output may be on, only ABORT is left to say."""
        is_question = sent.request.value is None and isinstance(sent.request.word, Name)
        if self._driving_ns is not None or (not is_question and sent.request.word is not Verb.ABORT):
            self._wants_off = True
            self._off_from_ns = now_ns
        self._forget(sent, now_ns)
        return []

    def _name_of(self, sent: Sent) -> str:
        return sent.request.text

    def _forget(self, sent: Sent, now_ns: MonoNs) -> None:
        """What was built on an answer that did not come, or was a refusal. No command is said again by itself."""
        self._round.clear()
        if self._left and sent.request == self._left[0]:
            self._drop_target()
        if self._step is not _Step.KNOWN:
            self._step = _Step.STATE
            self._handshake_from_ns = MonoNs(now_ns + self._profile.liveness.idle_poll_ms * NS_PER_MS)

    def _begin_anew(self, handshake_from_ns: MonoNs) -> None:
        self._step = _Step.STATE
        self._handshake_from_ns = handshake_from_ns
        self._round.clear()
        self._end_driving()

    def _drop_target(self) -> None:
        self._target = None
        self._left.clear()

    def _end_driving(self) -> None:
        self._drop_target()
        self._driving_ns = self._in_force = None
        self._said.clear()


def _frequency_of(target: Levels) -> Request:
    return Request(Name.GLOBALFREQ, (target.get("frequency_khz") or 0) * wire.HZ_PER_KHZ)


def _timing_of(target: Levels, run_ms: int) -> Timing:
    return Timing(target.get("burst_us") or 0, target.get("period_us") or 0, run_ms * wire.US_PER_MS)
