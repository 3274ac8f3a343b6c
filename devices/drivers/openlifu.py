"""Openwater OpenLIFU: a trigger on the transmitter, a high voltage on the console, both behind one line.

Rule 1: the order of a start is trigger, voltage, voltage on, trigger start; that of a stop is trigger stop, voltage
        off, and then the question whether the voltage is off. The stop of the trigger ends emission at once; the
        console may be deaf while it raises its voltage.
Rule 2: the supply voltage is measured by the console; what the transducer gives is not. A voltage changes only by
        setting it and switching it on once more, and a whole sample is taken before the next change.
Rule 3: the trigger gets as many trains of a second as the session has left; nothing starts without that number,
        because nothing else would end the output when the line is lost.
Rule 4: a command without its answer, or any silence while output is on, is followed by the stop from here.
"""

from collections import deque

import msgspec

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
from protocols import openlifu as wire
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import FrameKind
from protocols.openlifu import ERRORS, Packet, Trigger, Word
from protocols.openlifu_exchange import Belonging, OpenLifuExchange, Received, Sent

SETTINGS = ("beat_hz", "voltage_mv")
TRAIN_US = 1_000_000  # one train a second: the unit's own timer then counts seconds
VOLTAGE_ON_REPLY_NS = 900 * NS_PER_MS  # chosen: the console answers after its ramp, 0.65 s at 60 V [C HV_Enable]
LAST_WORDS = 11  # chosen: a frame cut off in its header can claim the next 246 bytes as its own, ten pairs and a half
OFF = (Word.STOP_TRIGGER, Word.VOLTAGE_OFF)
IDENTITY = (Word.TRANSMITTER_ID, Word.TRANSMITTER_VERSION, Word.CONSOLE_ID, Word.CONSOLE_VERSION)
GREETING = (Word.GET_TRIGGER, Word.IS_VOLTAGE_ON, *IDENTITY)
ROUND = (Word.GET_TRIGGER, Word.IS_VOLTAGE_ON, Word.GET_VOLTAGE)
ENERGIZING = (Word.SET_TRIGGER, Word.SET_VOLTAGE, Word.VOLTAGE_ON, Word.START_TRIGGER)


class _Step(msgspec.Struct, frozen=True):
    """One request that is still to be written for the target."""

    word: Word
    payload: bytes = b""


class _Heard(msgspec.Struct):
    """What the questions of one round have brought so far."""

    trigger: Trigger | None = None
    is_voltage_on: bool = False
    voltage_mv: int = 0


class OpenLifuDriver(Talk[Sent, Received]):
    """One OpenLIFU on one line. See ``devices.driver.Driver`` for what each call promises."""

    _exchange: OpenLifuExchange

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile, OpenLifuExchange())
        self._greeting: deque[Word] = deque(GREETING)  # empty: the unit is known
        self._greeting_from_ns = MonoNs(0)
        self._names: dict[Word, bytes] = {}
        self._off_left: deque[Word] = deque()
        self._off_from_ns = MonoNs(0)
        self._target: Levels | None = None  # commanded and not yet in force
        self._in_force: Levels | None = None
        self._is_configured = False  # the transmitter has a trigger of ours
        self._left: deque[_Step] = deque()
        self._driving_ns: MonoNs | None = None  # since START was written; None: nothing runs by us
        self._round: deque[Word] = deque()  # what is still to be asked for the sample
        self._heard = _Heard()

    def identify(self) -> None:
        """Forget the unit; its state, a stop if it is active, and its names come before anything else."""
        self._exchange.drop()
        self._greet_from(MonoNs(0))
        self._is_configured = False
        self._end_driving()

    def command(self, setpoint: Setpoint, now_ns: MonoNs, run_ms: int = 0) -> None:
        """Make this the target. What cannot be said, or an off still open, is told as REFUSED."""
        self._is_fresh = True
        self._drop_target()
        if isinstance(setpoint, Off):
            self._stop_from(now_ns)
            return
        try:
            self._left.extend(self._steps(setpoint, run_ms))
            self._target = setpoint
        except LocalProtocolError as error:
            self._noticed.append(link_fault(now_ns, Fault.REFUSED, str(error)))

    def _next_due_ns(self) -> MonoNs:
        due = [self._off_from_ns] if self._off_left else []
        if self._greeting:
            return min([*due, self._greeting_from_ns])
        if self._round or (self._left and self._may_energize()):
            return MonoNs(0)
        return min([*due, self._poll_from_ns])

    def last_words(self) -> bytes:
        """Trigger stop and voltage off, a few times: each frame is whole in itself and needs no answer."""
        return b"".join(wire.request(word, 0) for word in OFF) * LAST_WORDS

    def inspect(self, frame: bytes) -> FrameKind:
        """The protocol's reading."""
        return wire.inspect(frame)

    # What is said

    def _next(self, now_ns: MonoNs, events: list[DeviceEvent]) -> bytes:  # noqa: ARG002  # notices nothing on the way
        """Off first, then who is there, the sample that is due, levels."""
        if self._off_left and now_ns >= self._off_from_ns:
            return self._ask(self._off_left[0], now_ns)
        if self._greeting:
            return self._ask(self._greeting[0], now_ns) if now_ns >= self._greeting_from_ns else b""
        if not self._round and now_ns >= self._poll_from_ns:
            self._round.extend(ROUND)
            self._asked_ns = now_ns
            self._poll_from_ns = MonoNs(now_ns + self._interval_ns())
        if self._round:
            return self._ask(self._round[0], now_ns)
        if self._left and self._may_energize():
            step = self._left[0]
            if step.word is Word.START_TRIGGER:
                self._driving_ns = now_ns  # from here on it may run, whatever is answered
            return self._ask(step.word, now_ns, step.payload)
        return b""

    def _ask(self, word: Word, now_ns: MonoNs, payload: bytes = b"") -> bytes:
        reply_ns = VOLTAGE_ON_REPLY_NS if word is Word.VOLTAGE_ON else self._reply_ns
        return self._exchange.begin(word, payload, now_ns, reply_ns)

    def _may_energize(self) -> bool:
        return self._has_permit and not self._off_left

    def _steps(self, target: Levels, run_ms: int) -> tuple[_Step, ...]:
        """What brings the target into force; LocalProtocolError when it cannot be said now."""
        if self._off_left:
            raise LocalProtocolError("off is not acknowledged yet")
        if tuple(name for name, _ in target.values) != SETTINGS:
            raise LocalProtocolError(f"needs exactly {', '.join(SETTINGS)}")
        (_, frequency_hz), (_, voltage_mv) = target.values
        voltage = (_Step(Word.SET_VOLTAGE, wire.voltage_payload(voltage_mv)), _Step(Word.VOLTAGE_ON))
        if self._driving_ns is None:
            trigger = _Step(Word.SET_TRIGGER, wire.trigger_payload(_trigger(frequency_hz, run_ms)))
            return trigger, *voltage, _Step(Word.START_TRIGGER)
        if self._in_force is None or self._in_force.get("beat_hz") != frequency_hz:
            raise LocalProtocolError("only the voltage can be changed while it runs")
        return voltage

    # What comes back

    def _received(self, received: Received, now_ns: MonoNs) -> list[DeviceEvent]:
        packet, sent = received.packet, received.sent
        if sent is None:
            fault = Fault.LATE if received.belonging is Belonging.LATE else Fault.FOREIGN
            return [
                link_fault(now_ns, fault, f"type {packet.kind:02x}, command {packet.command:02x}, id {packet.number}")
            ]
        is_error = received.belonging is Belonging.ERROR
        if sent.word is Word.STOP_TRIGGER and (not is_error or packet.kind == wire.Kind.ERROR):
            # A transmitter that was never configured answers its stop with an error [T]: what is, the state says.
            return self._stopped(sent.word, now_ns)
        if is_error:
            self._forget(sent, now_ns)
            if sent.word is Word.VOLTAGE_OFF:
                self._off_from_ns = MonoNs(sent.until_ns)
            return [link_fault(now_ns, Fault.REFUSED, f"{sent.word.name}: {ERRORS[packet.kind]}")]
        try:
            return self._answered(sent, packet, now_ns)
        except RemoteProtocolError as error:
            self._forget(sent, now_ns)
            return [link_fault(now_ns, Fault.MALFORMED, str(error))]

    def _answered(self, sent: Sent, packet: Packet, now_ns: MonoNs) -> list[DeviceEvent]:
        if sent.word in OFF:
            return self._stopped(sent.word, now_ns)
        if self._greeting:
            return self._greeted(sent.word, packet, now_ns)
        if self._round and sent.word is self._round[0]:
            self._hear(sent.word, packet)
            self._round.popleft()
            return [] if self._round else self._sampled(now_ns)
        if self._left and sent.word is self._left[0].word:
            return self._went_on(packet, now_ns)
        return []  # of a target that was dropped meanwhile

    def _stopped(self, word: Word, now_ns: MonoNs) -> list[DeviceEvent]:
        if word in self._off_left:
            self._off_left.remove(word)
            self._off_from_ns = now_ns
        if self._off_left:
            return []
        self._end_driving()
        self._poll_from_ns = now_ns  # off is proved by the states alone
        return [Ack(at_ns=now_ns, of=AckOf.OFF)]

    def _greeted(self, word: Word, packet: Packet, now_ns: MonoNs) -> list[DeviceEvent]:
        self._greeting.popleft()
        if word in IDENTITY:
            self._names[word] = packet.payload
            return [] if self._greeting else [self._known(now_ns)]
        self._hear(word, packet)
        if word is Word.IS_VOLTAGE_ON and self._output() is not Output.OFF:
            self._stop_from(now_ns)  # what ran before modctl came was nobody's prescription
        return []

    def _known(self, now_ns: MonoNs) -> Identity:
        self._poll_from_ns = now_ns
        ids = [self._names[word][: wire.HWID_BYTES] for word in (Word.TRANSMITTER_ID, Word.CONSOLE_ID)]
        versions = [wire.text_of(self._names[word]) for word in (Word.TRANSMITTER_VERSION, Word.CONSOLE_VERSION)]
        return Identity(
            at_ns=now_ns,
            model=self._profile.device.id,  # who answers as both boards is one; the protocol has no word for the model
            serial=label("+".join(hwid.hex() for hwid in ids)),
            firmware=label(f"transmitter {versions[0]}, console {versions[1]}"),
            is_simulator=any(hwid.startswith(b"SIM") for hwid in ids),  # agreed with our simulator; no unit has a flag
        )

    def _hear(self, word: Word, packet: Packet) -> None:
        match word:
            case Word.GET_TRIGGER:
                self._heard.trigger = wire.trigger_of(packet.payload)
            case Word.IS_VOLTAGE_ON if packet.reserved in (0, 1):
                self._heard.is_voltage_on = packet.reserved == 1
            case Word.GET_VOLTAGE:
                self._heard.voltage_mv = wire.voltage_of(packet.payload)
            case _:
                raise RemoteProtocolError(f"voltage on is {packet.reserved}", packet.payload)

    def _output(self) -> Output:
        trigger = self._heard.trigger
        if trigger is None or trigger.status is None:
            return Output.UNKNOWN
        match trigger.status == "RUNNING", self._heard.is_voltage_on:
            case (True, True):
                return Output.ENERGIZED
            case (False, False):
                return Output.OFF
            case _:
                return Output.UNKNOWN

    def _sampled(self, now_ns: MonoNs) -> list[DeviceEvent]:
        output, trigger = self._output(), self._heard.trigger
        frequency_hz = 0 if trigger is None else trigger.frequency_hz
        values = (("beat_hz", frequency_hz), ("voltage_mv", self._heard.voltage_mv))
        sample = Sample(at_ns=now_ns, asked_ns=self._asked_ns, output=output, values=values)
        if self._is_configured and frequency_hz == 0:
            self._is_configured = False
            self._end_driving()
            return [sample, link_fault(now_ns, Fault.REBOOTED, "the transmitter has lost its trigger")]
        if output is Output.ENERGIZED or self._in_force is None:
            return [sample]
        self._end_driving()
        return [sample, link_fault(now_ns, Fault.HALTED, "stopped by itself: its trains are over, or it is too hot")]

    def _went_on(self, packet: Packet, now_ns: MonoNs) -> list[DeviceEvent]:
        step = self._left.popleft()
        if step.word is Word.SET_TRIGGER:
            told, said = wire.trigger_of(packet.payload), wire.trigger_of(step.payload)
            if msgspec.structs.replace(told, status=None, trains_done=None) != said:
                self._drop_target()
                return [link_fault(now_ns, Fault.REFUSED, f"another trigger than was set: {told.frequency_hz} Hz")]
            self._is_configured = True
        if self._left or self._target is None:
            return []
        self._in_force, self._target = self._target, None
        self._poll_from_ns = now_ns
        return [Ack(at_ns=now_ns, of=AckOf.LEVELS, levels=self._in_force)]

    # What becomes of failures

    def _came_to_nothing(self, sent: Sent, now_ns: MonoNs) -> list[DeviceEvent]:
        """Whether it was heard is not known: where output may be on, only the stop is left to say."""
        if sent.word in OFF:
            if now_ns >= sent.until_ns:
                self._off_left.rotate(-1)  # one board may be deaf, and the other not
        elif self._driving_ns is not None or sent.word in ENERGIZING:
            self._stop_from(now_ns)
        self._forget(sent, now_ns)
        return []

    def _name_of(self, sent: Sent) -> str:
        return sent.word.name

    def _forget(self, sent: Sent, now_ns: MonoNs) -> None:
        """What was built on an answer that did not come, or was a refusal. No command is said again by itself."""
        self._round.clear()
        if sent.word in ENERGIZING:
            self._drop_target()
        if self._greeting and sent.word not in OFF:
            self._greet_from(MonoNs(now_ns + self._profile.liveness.idle_poll_ms * NS_PER_MS))

    def _greet_from(self, from_ns: MonoNs) -> None:
        self._greeting = deque(GREETING)
        self._greeting_from_ns = from_ns
        self._round.clear()

    def _stop_from(self, now_ns: MonoNs) -> None:
        self._off_left = deque(OFF)
        self._off_from_ns = now_ns
        self._round.clear()

    def _drop_target(self) -> None:
        self._target = None
        self._left.clear()

    def _end_driving(self) -> None:
        self._drop_target()
        self._round.clear()
        self._driving_ns = self._in_force = None


def _trigger(frequency_hz: int, run_ms: int) -> Trigger:
    """Trains of a second each, until the session's time and margin are over."""
    return Trigger(
        frequency_hz=frequency_hz,
        pulse_count=frequency_hz,
        pulse_width_us=wire.PULSE_WIDTH_US,
        train_interval_us=TRAIN_US,
        train_count=-(-run_ms // 1000),
        mode=0,
        profile_index=0,
        profile_increment=0,
    )
