"""Hasomed P24 at mid level: it repeats one balanced pulse on channel 1 and stops 2 s after the last feeding frame.

Rule 1: the unit has no sensor at its output that the line can ask. No current is ever reported as measured: a
        sample says running or not, high voltage on or off, and what the unit found out about the electrodes.
Rule 2: an Ml_update restarts output silently after the unit stopped by itself ([P] of ``protocols.sciencemode4``).
        It is written only into a unit that is known to run, or that was off and has just been initialised; after a
        gap as long as the lease the status is read first.
Rule 3: output begins from status *none* alone. Whatever else is found there must be stopped first.
Rule 4: the frames that feed the lease are Ml_update and Ml_get_current_data; both need a permit.
"""

from enum import StrEnum

import msgspec

from devices.driver import link_fault
from devices.model import (
    NS_PER_MS,
    Ack,
    AckOf,
    Contact,
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
from protocols import sciencemode4 as wire
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Energize, FrameKind, Unknown
from protocols.sciencemode import Belonging, Packet, Request
from protocols.sciencemode4 import Command
from protocols.sciencemode4_answers import (
    HIGH_VOLTAGE_OFF,
    NOT_INITIALISED,
    Answer,
    ChannelError,
    CurrentData,
    DeviceId,
    Status,
    StimStatus,
    Version,
    answer_of,
    result_name,
)
from protocols.sciencemode4_exchange import Exchange

CHANNEL = 1  # the one that is driven; the unit has eight, the profile says one
GAP_US = 100  # between the two phases; chosen, because the examples of [P] have it
SETTINGS = ("current_ua", "period_us", "pulse_width_us")
LAST_WORDS = 3  # chosen: the tail of a cut-off frame on the line can swallow one or two stops of 12 bytes, not three

FAULT_WORDS = {
    ChannelError.ELECTRODE: "electrode error",
    ChannelError.PULSE_TIMEOUT: "pulse timeout",
    ChannelError.LOW_CURRENT: "low current",
}
# Results of Ml_get_current_data that only repeat a channel's error.
CHANNEL_RESULTS = (0, 10, 16, 28)


class _Step(StrEnum):
    """How far the handshake has come."""

    STATUS = "status"
    STOP_MID = "stop-mid"
    STOP_LOW = "stop-low"
    DEVICE_ID = "device-id"
    VERSION = "version"
    KNOWN = "known"


_ASKS = {
    _Step.STATUS: Command.GET_STIM_STATUS,
    _Step.STOP_MID: Command.ML_STOP,
    _Step.STOP_LOW: Command.LL_STOP,
    _Step.DEVICE_ID: Command.GET_DEVICE_ID,
    _Step.VERSION: Command.GET_EXTENDED_VERSION,
}
_AFTER_STATUS = {
    StimStatus.NONE: _Step.DEVICE_ID,
    StimStatus.LOW_LEVEL: _Step.STOP_LOW,
    StimStatus.MID_LEVEL_INITIALISED: _Step.STOP_MID,
    StimStatus.MID_LEVEL_RUNNING: _Step.STOP_MID,
}


class _Halted(msgspec.Struct, frozen=True):
    """A status that shows the unit stopped by itself; its cause is still to be asked."""

    status: Status
    asked_ns: MonoNs


class P24Driver(Talk[Request[Command], Packet]):
    """One P24 on one line. See ``devices.driver.Driver`` for what each call promises."""

    _exchange: Exchange

    def __init__(self, profile: Profile) -> None:
        live = profile.liveness
        super().__init__(profile, Exchange(live.reply_ms * NS_PER_MS))
        self._feed_ns = live.feed_ms * NS_PER_MS
        self._lease_ns = live.lease_ms * NS_PER_MS
        self._step = _Step.STATUS
        self._serial = ""
        self._handshake_from_ns = MonoNs(0)
        self._wants_off = False
        self._off_from_ns = MonoNs(0)
        self._wanted: Levels | None = None
        self._updating: Levels | None = None  # what the update under way brings into force
        self._status: StimStatus | None = None  # None: must be asked before anything is built on it
        self._is_initialised = False  # by us, from off, and no update yet
        self._is_driving = False  # an update was written, and neither off nor a halt since
        self._in_force: Levels | None = None
        self._error: ChannelError | None = None  # of our channel; None: not asked at a level where it can be told
        self._fed_ns = MonoNs(0)  # when the newest *answered* feeding frame was written
        self._feed_from_ns = MonoNs(0)
        self._halted: _Halted | None = None

    def identify(self) -> None:
        """Forget the unit; status, a stop if it is active, device id and version come before anything else."""
        self._exchange.drop()
        self._step = _Step.STATUS
        self._handshake_from_ns = MonoNs(0)
        self._wanted = None
        self._forget_state()

    def command(self, setpoint: Setpoint, now_ns: MonoNs, run_ms: int = 0) -> None:  # noqa: ARG002  # it has no timer
        """Make this the target. Levels that the wire cannot say, or an off still open, are told as REFUSED."""
        self._is_fresh = True
        self._wanted = None
        if isinstance(setpoint, Off):
            self._wants_off = True
            self._off_from_ns = now_ns
            return
        why = "off is not acknowledged yet" if self._wants_off else _unsayable(setpoint)
        if why is None:
            self._wanted = setpoint
        else:
            self._noticed.append(link_fault(now_ns, Fault.REFUSED, why))

    def _next_due_ns(self) -> MonoNs:
        if self._halted is not None:
            return MonoNs(0)
        due = [self._off_from_ns] if self._wants_off else []
        if self._step is not _Step.KNOWN:
            return min(*due, self._handshake_from_ns) if due else self._handshake_from_ns
        due.append(self._poll_from_ns)
        if self._has_permit and not self._wants_off:
            if self._is_driving:
                due.append(self._feed_from_ns)
            if self._wanted is not None:
                due.append(MonoNs(0))
        return min(due)

    def last_words(self) -> bytes:
        """Ml_stop, a few times: each is whole in itself and needs no answer."""
        return wire.request(Command.ML_STOP, 0) * LAST_WORDS

    def inspect(self, frame: bytes) -> FrameKind:
        """The protocol's reading; more channels than the profile drives are Unknown."""
        kind = wire.inspect(frame)
        if isinstance(kind, Energize) and len(kind.channels) > self._profile.device.channels:
            return Unknown(f"drives {len(kind.channels)} channels, the profile has {self._profile.device.channels}")
        return kind

    # What is written

    def _next(self, now_ns: MonoNs, events: list[DeviceEvent]) -> bytes:
        """Off first, then who is there, then the lease, levels, status."""
        if self._halted is not None and (self._wants_off or not self._has_permit):
            events += self._explained(self._halted, now_ns)
        command = self._due(now_ns, events)
        return b"" if command is None else self._write(command, now_ns)

    def _due(self, now_ns: MonoNs, events: list[DeviceEvent]) -> Command | None:
        if self._wants_off and now_ns >= self._off_from_ns:
            return Command.ML_STOP
        if self._step is not _Step.KNOWN:
            return _ASKS[self._step] if now_ns >= self._handshake_from_ns else None
        if self._halted is not None:
            return Command.ML_GET_CURRENT_DATA
        if self._has_permit and not self._wants_off:
            command = self._next_to_drive(now_ns) if self._is_driving else self._next_to_start(now_ns, events)
            if command is not None:
                return command
        return Command.GET_STIM_STATUS if now_ns >= self._poll_from_ns else None

    def _next_to_drive(self, now_ns: MonoNs) -> Command | None:
        if self._wanted is None and now_ns < self._feed_from_ns:
            return None
        lease_end_ns = self._fed_ns + self._lease_ns
        if now_ns >= lease_end_ns and (self._status is None or self._asked_ns < lease_end_ns):
            return Command.GET_STIM_STATUS
        return Command.ML_GET_CURRENT_DATA if now_ns >= self._feed_from_ns else Command.ML_UPDATE

    def _next_to_start(self, now_ns: MonoNs, events: list[DeviceEvent]) -> Command | None:
        if self._wanted is None:
            return None
        if self._status is None:
            return Command.GET_STIM_STATUS
        if self._status is StimStatus.NONE:
            return Command.ML_INIT
        if self._is_initialised and self._status is StimStatus.MID_LEVEL_INITIALISED:
            return Command.ML_UPDATE
        self._wanted = None
        events.append(link_fault(now_ns, Fault.MISMATCH, f"not off before a start: {_words(self._status)}"))
        return None

    def _write(self, command: Command, now_ns: MonoNs) -> bytes:
        number = self._exchange.begin(command, now_ns)
        if command is Command.ML_UPDATE and self._wanted is not None:
            if not self._is_driving:
                self._feed_from_ns = now_ns  # the first electrode report is asked at once
            self._is_driving = True
            self._updating, self._wanted = self._wanted, None
            return wire.ml_update(number, {CHANNEL: _pattern_of(self._updating)})
        if command is Command.ML_INIT:
            return wire.ml_init(number)
        if command is Command.ML_GET_CURRENT_DATA:
            self._feed_from_ns = MonoNs(now_ns + self._feed_ns)
            return wire.ml_get_current_data(number)
        if command is Command.ML_STOP:
            self._off_from_ns = MonoNs(now_ns + self._reply_ns)
        if command is Command.GET_STIM_STATUS:
            self._poll_from_ns = MonoNs(now_ns + self._interval_ns())
        return wire.request(command, number)

    # What comes back

    def _received(self, received: Packet, now_ns: MonoNs) -> list[DeviceEvent]:
        placed = self._exchange.placed(received)
        request = placed.request
        if request is None:
            if placed.belonging is Belonging.TOLD:
                return [link_fault(now_ns, Fault.REFUSED, f"unasked: {result_name(received.payload[:1])}")]
            fault = Fault.LATE if placed.belonging is Belonging.LATE else Fault.FOREIGN
            return [link_fault(now_ns, fault, f"answer {received.command}, number {received.number}")]
        try:
            answer = answer_of(received)
        except RemoteProtocolError as error:
            return [link_fault(now_ns, Fault.MALFORMED, str(error)), *self._came_to_nothing(request, now_ns)]
        if placed.belonging is Belonging.ERROR or not _is_good(request.command, answer):
            why = f"{request.command.name}: {result_name(received.payload)}"
            return [link_fault(now_ns, Fault.REFUSED, why), *self._came_to_nothing(request, now_ns)]
        return self._answered(request, answer, now_ns)

    def _answered(self, request: Request[Command], answer: Answer, now_ns: MonoNs) -> list[DeviceEvent]:
        if request.command is Command.ML_STOP and self._wants_off:
            self._wants_off = False
            self._forget_state()
            self._poll_from_ns = now_ns  # off is proved by status alone
            return [Ack(at_ns=now_ns, of=AckOf.OFF)]
        if self._step is not _Step.KNOWN:
            return self._greeted(answer, now_ns)
        match answer:
            case Status():
                return self._told_status(request, answer, now_ns)
            case CurrentData():
                return self._told_errors(request, answer, now_ns)
        if request.command is Command.ML_INIT:
            self._is_initialised, self._status = True, StimStatus.MID_LEVEL_INITIALISED
        if request.command is Command.ML_UPDATE:
            self._fed_ns = MonoNs(request.sent_ns)
            self._in_force = self._updating
            if not self._can_tell_contact():
                self._error = None
            return [Ack(at_ns=now_ns, of=AckOf.LEVELS, levels=self._in_force)]
        return []

    def _greeted(self, answer: Answer, now_ns: MonoNs) -> list[DeviceEvent]:
        match self._step, answer:
            case _Step.STATUS, Status(status=status):
                self._step = _AFTER_STATUS[status]
            case _Step.STOP_MID | _Step.STOP_LOW, _:
                self._step = _Step.DEVICE_ID
            case _Step.DEVICE_ID, DeviceId(device_id=device_id):
                self._serial = label(device_id)
                self._step = _Step.VERSION
            case _Step.VERSION, Version():
                self._step = _Step.KNOWN
                self._forget_state()
                self._poll_from_ns = now_ns
                return [self._identity(answer, now_ns)]
        return []

    def _identity(self, version: Version, now_ns: MonoNs) -> Identity:
        return Identity(
            at_ns=now_ns,
            model=self._profile.device.id,  # the protocol has no word for the model
            serial=self._serial,
            firmware=".".join(map(str, version.firmware)) + " protocol " + ".".join(map(str, version.protocol)),
            is_simulator=self._serial.startswith("SIM"),  # agreed with our simulator; the unit has no such flag
        )

    def _told_status(self, request: Request[Command], status: Status, now_ns: MonoNs) -> list[DeviceEvent]:
        self._status, self._asked_ns = status.status, MonoNs(request.sent_ns)
        if not self._is_driving or status.status is StimStatus.MID_LEVEL_RUNNING:
            return [self._sample(status, self._asked_ns, now_ns)]
        halted = _Halted(status, self._asked_ns)
        is_puzzling = status.status is StimStatus.MID_LEVEL_INITIALISED and self._error in (None, ChannelError.OK)
        if is_puzzling and self._has_permit and not self._wants_off:
            self._halted = halted
            return []
        return self._explained(halted, now_ns)

    def _told_errors(self, request: Request[Command], told: CurrentData, now_ns: MonoNs) -> list[DeviceEvent]:
        self._fed_ns = MonoNs(request.sent_ns)
        error = told.errors[CHANNEL - 1]
        if error is not ChannelError.OK or self._can_tell_contact():
            self._error = error
        if self._halted is not None:
            return self._explained(self._halted, now_ns)
        if error is not ChannelError.OK or not told.active[CHANNEL - 1]:
            self._poll_from_ns = now_ns  # the status says whether it still runs
        return []

    def _explained(self, halted: _Halted, now_ns: MonoNs) -> list[DeviceEvent]:
        """The unit stopped by itself: tell it, and drop every target, so that nothing restarts it.

        A lost electrode is told by the sample alone: people deal with it, not technicians. Levels that were still
        to be written get a fault in any case, because no acknowledgement will come.
        """
        sample = self._sample(halted.status, halted.asked_ns, now_ns)
        error, is_known = self._error, self._error is ChannelError.ELECTRODE and self._wanted is None
        self._wanted = None
        self._forget_state()
        if is_known:
            return [sample]
        fault = Fault.REBOOTED if halted.status.status is StimStatus.NONE else Fault.HALTED
        why = FAULT_WORDS[error] if error else "no cause told"
        return [sample, link_fault(now_ns, fault, f"stopped by itself ({why}): {_words(halted.status.status)}")]

    def _sample(self, status: Status, asked_ns: MonoNs, now_ns: MonoNs) -> Sample:
        output = Output.UNKNOWN
        if status.status is StimStatus.MID_LEVEL_RUNNING:
            output = Output.ENERGIZED
        elif status.high_voltage == HIGH_VOLTAGE_OFF:
            output = Output.OFF
        return Sample(
            at_ns=now_ns,
            asked_ns=asked_ns,
            output=output,
            contact=self._contact(),
            faults=(FAULT_WORDS[self._error],) if self._error else (),
        )

    def _contact(self) -> Contact:
        match self._error:
            case ChannelError.ELECTRODE:
                return Contact.OPEN
            case ChannelError.LOW_CURRENT:
                return Contact.POOR
            case ChannelError.OK:
                return Contact.GOOD
            case _:
                return Contact.UNKNOWN

    def _can_tell_contact(self) -> bool:
        current_ua = None if self._in_force is None else self._in_force.get("current_ua")
        return current_ua is not None and current_ua >= self._profile.contact.known_from

    # What becomes of failures

    def _came_to_nothing(self, sent: Request[Command], now_ns: MonoNs) -> list[DeviceEvent]:
        """Queries and Off come again by themselves; what energizes never does."""
        if self._step is not _Step.KNOWN:
            self._step = _Step.STATUS
            self._handshake_from_ns = MonoNs(now_ns + self._profile.liveness.idle_poll_ms * NS_PER_MS)
        if sent.command in (Command.ML_INIT, Command.ML_UPDATE):
            self._wanted = None
            self._is_initialised = False
            self._status = None
            self._poll_from_ns = now_ns
        if sent.command is Command.ML_GET_CURRENT_DATA and self._halted is not None:
            return self._explained(self._halted, now_ns)
        return []

    def _name_of(self, sent: Request[Command]) -> str:
        return sent.command.name

    def _forget_state(self) -> None:
        self._status = None
        self._is_initialised = self._is_driving = False
        self._in_force = None
        self._error = None
        self._halted = None


def _pattern_of(levels: Levels) -> wire.Pattern:
    values = dict(levels.values)
    return wire.biphasic(values["current_ua"], values["pulse_width_us"], values["period_us"], GAP_US)


def _unsayable(levels: Levels) -> str | None:
    """Why the unit cannot be told these levels; None when it can."""
    if tuple(name for name, _ in levels.values) != SETTINGS or any(value < 0 for _, value in levels.values):
        return f"needs exactly {', '.join(SETTINGS)}, none below 0"
    try:
        wire.ml_update(0, {CHANNEL: _pattern_of(levels)})
    except LocalProtocolError as error:
        return str(error)
    return None


def _is_good(command: Command, answer: Answer) -> bool:
    if isinstance(answer, CurrentData):
        return answer.result in CHANNEL_RESULTS
    # A stop that finds nothing to stop is heard all the same; whether the output is off is the status's to say.
    return answer.result == 0 or (command is Command.ML_STOP and answer.result == NOT_INITIALISED)


def _words(status: StimStatus) -> str:
    return status.name.lower().replace("_", " ")
