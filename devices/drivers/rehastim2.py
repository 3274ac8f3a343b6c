"""Hasomed RehaStim 2 in channel list mode: it repeats one pulse on channel 1 until its watchdog misses us for 1.2 s.

Rule 1: every valid packet feeds the watchdog, questions included. Without a permit nothing is written but Off, and
        the unit speaks: reset by its watchdog it says Init every 500 ms, and an Init is a sample that says off.
Rule 2: off is proved by such Inits alone. Off frames feed too, so they come in bursts of three with a silence
        between that is longer than the watchdog's time: either the unit obeys, or its watchdog ends what runs.
Rule 3: output begins from an Init alone, accepted before the next one is due, so that the two cannot cross.
Rule 4: an Init while something was commanded means that the unit stopped by itself. Every target is dropped.
Rule 5: the unit has no sensor at its output that the line can ask. No current is ever reported as measured.
"""

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
)
from devices.profile import Profile
from devices.talk import Talk
from protocols import sciencemode2 as wire
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Energize, FrameKind, Unknown
from protocols.sciencemode import Belonging, Packet, Request
from protocols.sciencemode2 import VERSION, Command
from protocols.sciencemode2_answers import (
    Answer,
    Done,
    ErrorTold,
    Init,
    Mode,
    ModeIs,
    StimulationError,
    answer_of,
    result_name,
)
from protocols.sciencemode2_exchange import Exchange

CHANNEL = 1  # the one that is driven; the unit has eight, the profile says one
SETTINGS = ("current_ua", "period_us", "pulse_width_us")
BURST = 3  # chosen: one stop lost and one garbled still leave one
SILENCE_PERCENT = 125  # lease plus a quarter: the watchdog must have acted by then
# Half of InitRepetitionTime: what comes sooner is the same Init doubled on its way, what is older is not accepted.
FRESH_NS = 250 * NS_PER_MS

OUTPUT_OF = {Mode.START: Output.OFF, Mode.INITIALIZED: Output.UNKNOWN, Mode.STARTED: Output.ENERGIZED}
FAULT_WORDS = {
    ErrorTold.EMERGENCY_SWITCH: "emergency switch",
    ErrorTold.ELECTRODE: "electrode error",
    ErrorTold.MODULE: "stimulation module error",
}


class Rehastim2Driver(Talk[Request[Command], Packet]):
    """One RehaStim 2 on one line. See ``devices.driver.Driver`` for what each call promises."""

    _exchange: Exchange

    def __init__(self, profile: Profile) -> None:
        live = profile.liveness
        super().__init__(profile, Exchange(live.reply_ms * NS_PER_MS))
        self._lease_ns = live.lease_ms * NS_PER_MS
        self._silence_ns = self._lease_ns * SILENCE_PERCENT // 100
        self._version: int | None = None  # of the Init that identified it
        self._init_number: int | None = None  # of the newest Init, while it may be accepted
        self._init_ns: MonoNs | None = None
        self._quiet_from_ns: MonoNs | None = None  # the last byte on the line; None: not looked at yet
        self._answered_ns = MonoNs(0)  # when the newest answered request was written
        self._wants_off = False
        self._is_stop_written = False  # since off was wanted
        self._stops_left = BURST
        self._stop_ns = MonoNs(0)  # when a stop was written last
        self._wanted: Levels | None = None
        self._updating: Levels | None = None  # what the Start under way brings into force
        self._in_force: Levels | None = None
        self._is_accepted = False  # an Init, by us: whether the unit heard it its mode must tell
        self._mode: Mode | None = None  # None: must be asked before anything is built on it
        self._listed_us: int | None = None  # the main interval of the channel list that we initialised
        self._is_driving = False  # a Start was written, and neither off nor a halt since

    def identify(self) -> None:
        """Forget the unit. It is silence that makes it say Init: what ran is ended by its watchdog meanwhile."""
        self._exchange.drop()
        self._version = None
        self._init_number = self._init_ns = self._quiet_from_ns = None
        self._wanted = None
        self._stops_left = BURST
        self._forget_state()

    def command(self, setpoint: Setpoint, now_ns: MonoNs, run_ms: int = 0) -> None:  # noqa: ARG002  # it has no timer
        """Make this the target. Levels that the wire cannot say, or an off still open, are told as REFUSED.

        Off is written at once, but for the fourth one within a silence: by then the watchdog is being waited for,
        and another frame would only feed it.
        """
        self._is_fresh = True
        self._wanted = None
        if isinstance(setpoint, Off):
            self._wants_off, self._is_stop_written = True, False
            return
        why = "off is not acknowledged yet" if self._wants_off else self._undoable(setpoint)
        if why is None:
            self._wanted = setpoint
        else:
            self._noticed.append(link_fault(now_ns, Fault.REFUSED, why))

    def _next_due_ns(self) -> MonoNs:
        if self._quiet_from_ns is None:
            return MonoNs(0)
        due = [MonoNs(self._quiet_from_ns + self._silence_ns)]
        if self._wants_off:
            due.append(self._stop_from_ns())
        elif self._has_permit and self._version == VERSION:
            if self._wanted is not None and (self._mode is not None or self._init_number is not None):
                due.append(MonoNs(0))
            if self._is_driving or (self._wanted is not None and self._is_accepted):
                due.append(self._poll_from_ns)
        return min(due)

    def watch_closely(self, *, closely: bool) -> None:
        """The mode every ``poll_ms`` while it may be asked, or every ``feed_ms``, which keeps the unit fed."""
        self._is_closely = closely

    def last_words(self) -> bytes:
        """StopChannelListMode, a few times: each is whole in itself and needs no answer."""
        return wire.request(Command.STOP_CHANNEL_LIST_MODE, 0) * BURST

    def inspect(self, frame: bytes) -> FrameKind:
        """The protocol's reading; more channels than the profile drives are Unknown."""
        kind = wire.inspect(frame)
        if isinstance(kind, Energize) and len(kind.channels) > self._profile.device.channels:
            return Unknown(f"drives {len(kind.channels)} channels, the profile has {self._profile.device.channels}")
        return kind

    # What is written

    def _next(self, now_ns: MonoNs, events: list[DeviceEvent]) -> bytes:
        """Off first; then, under a permit alone, the way from Init to the wanted levels, and the mode."""
        if self._quiet_from_ns is None:
            self._quiet_from_ns = now_ns
        command = self._due(now_ns, events)
        return b"" if command is None else self._write(command, now_ns)

    def _due(self, now_ns: MonoNs, events: list[DeviceEvent]) -> Command | None:
        if self._wants_off:
            return Command.STOP_CHANNEL_LIST_MODE if now_ns >= self._stop_from_ns() else None
        if self._quiet_from_ns is not None and now_ns >= self._quiet_from_ns + self._silence_ns:
            return Command.STOP_CHANNEL_LIST_MODE  # silent for longer than a sound unit can be: stopping harms nobody
        if not self._has_permit or self._version != VERSION:
            return None
        command = self._next_step(now_ns, events) if self._wanted is not None else None
        if command is None and self._is_driving and now_ns >= self._poll_from_ns:
            return Command.GET_STIMULATION_MODE
        return command

    def _next_step(self, now_ns: MonoNs, events: list[DeviceEvent]) -> Command | None:
        """What brings the wanted levels nearer; None: an Init, or the mode's turn, is waited for."""
        if self._is_driving:
            return Command.START_CHANNEL_LIST_MODE
        if self._init_ns is not None and now_ns - self._init_ns >= FRESH_NS:
            self._init_number = None
        match self._mode:
            case None if self._init_number is not None:
                return Command.INIT_ACK
            case None:
                is_due = self._is_accepted and now_ns >= self._poll_from_ns
                return Command.GET_STIMULATION_MODE if is_due else None
            case Mode.START:
                return Command.INIT_CHANNEL_LIST_MODE
            case Mode.INITIALIZED if self._listed_us is not None:
                is_listed = self._wanted is not None and self._listed_us == self._wanted.get("period_us")
                return Command.START_CHANNEL_LIST_MODE if is_listed else Command.INIT_CHANNEL_LIST_MODE
        self._wanted = None
        events.append(link_fault(now_ns, Fault.MISMATCH, f"not off before a start: {_words(self._mode)}"))
        return None

    def _write(self, command: Command, now_ns: MonoNs) -> bytes:
        self._quiet_from_ns = now_ns
        if command is Command.INIT_ACK and self._init_number is not None:
            number, self._init_number = self._init_number, None
            self._is_accepted, self._poll_from_ns = True, now_ns  # it has no answer: the mode is asked at once
            return wire.init_ack(number)
        number = self._exchange.begin(command, now_ns)
        if command is Command.INIT_CHANNEL_LIST_MODE and self._wanted is not None:
            self._listed_us, self._stops_left = dict(self._wanted.values)["period_us"], BURST
            return wire.init_list(number, (CHANNEL,), self._listed_us)
        if command is Command.START_CHANNEL_LIST_MODE and self._wanted is not None:
            if not self._is_driving:  # the mode is asked when the unit has had its time to start
                self._poll_from_ns = MonoNs(now_ns + self._interval_ns())
            self._is_driving, self._stops_left = True, BURST
            self._updating, self._wanted = self._wanted, None
            return wire.start_list(number, (_pulse_of(self._updating),))
        if command is Command.STOP_CHANNEL_LIST_MODE:
            self._stops_left = (self._stops_left or BURST) - 1
            self._stop_ns, self._is_stop_written = now_ns, True
        else:
            self._poll_from_ns = MonoNs(now_ns + self._interval_ns())
        return wire.request(command, number)

    def _stop_from_ns(self) -> MonoNs:
        """When the next stop may be written: at once, one reply time after the last, or after a silence."""
        if not self._stops_left:
            return MonoNs(self._stop_ns + self._silence_ns)
        return MonoNs(self._stop_ns + self._reply_ns) if self._is_stop_written else MonoNs(0)

    def _interval_ns(self) -> int:
        live = self._profile.liveness
        return (live.poll_ms if self._is_closely else live.feed_ms) * NS_PER_MS

    # What comes back

    def _received(self, received: Packet, now_ns: MonoNs) -> list[DeviceEvent]:
        placed = self._exchange.placed(received)
        if placed.belonging in (Belonging.LATE, Belonging.FOREIGN):
            fault = Fault.LATE if placed.belonging is Belonging.LATE else Fault.FOREIGN
            return [link_fault(now_ns, fault, f"packet {received.command}, number {received.number}")]
        self._quiet_from_ns = now_ns
        request = placed.request
        try:
            answer = answer_of(received)
        except RemoteProtocolError as error:
            if request is not None:
                self._came_to_nothing(request, now_ns)
            return [link_fault(now_ns, Fault.MALFORMED, str(error))]
        match answer:
            case Init():
                return self._told_init(received.number, answer.version, now_ns)
            case StimulationError():
                return self._told_error(answer.error, now_ns)
        return [] if request is None else self._answered(request, answer, now_ns)

    def _answered(self, request: Request[Command], answer: Answer, now_ns: MonoNs) -> list[DeviceEvent]:
        match answer:
            case ModeIs():
                self._answered_ns = MonoNs(request.sent_ns)
                return self._told_mode(request, answer.mode, now_ns)
            case Done(result=0):
                self._answered_ns = MonoNs(request.sent_ns)
                return self._done(request.command, now_ns)
        why = result_name(answer.result) if isinstance(answer, Done) else "unknown command"
        self._came_to_nothing(request, now_ns)
        return [link_fault(now_ns, Fault.REFUSED, f"{request.command.name}: {why}")]

    def _done(self, command: Command, now_ns: MonoNs) -> list[DeviceEvent]:
        match command:
            case Command.STOP_CHANNEL_LIST_MODE if self._wants_off:
                return [self._is_off_acknowledged(now_ns)]
            case Command.INIT_CHANNEL_LIST_MODE:
                self._mode = Mode.INITIALIZED
            case Command.START_CHANNEL_LIST_MODE:
                self._in_force = self._updating
                return [Ack(at_ns=now_ns, of=AckOf.LEVELS, levels=self._in_force)]
        return []

    def _is_off_acknowledged(self, now_ns: MonoNs) -> Ack:
        self._wants_off = False
        self._forget_state()
        return Ack(at_ns=now_ns, of=AckOf.OFF)

    def _told_mode(self, request: Request[Command], mode: Mode, now_ns: MonoNs) -> list[DeviceEvent]:
        self._mode = mode
        sample = self._sample(OUTPUT_OF[mode], request.sent_ns, now_ns, self._contact())
        if not self._is_driving or mode is Mode.STARTED:
            return [sample]
        self._wanted = None
        self._forget_state()
        return [sample, link_fault(now_ns, Fault.HALTED, f"stopped by itself (no cause told): {_words(mode)}")]

    def _told_init(self, number: int, version: int, now_ns: MonoNs) -> list[DeviceEvent]:
        """The unit is reset and waits. It says so again and again: each one is as good as an answer, and newer."""
        was_commanded = self._is_driving or self._listed_us is not None
        is_same = self._init_ns is not None and now_ns - self._init_ns < FRESH_NS
        if is_same and not was_commanded and version == self._version:
            return [link_fault(now_ns, Fault.LATE, f"Init again, number {number}")]
        self._init_number, self._init_ns, self._is_accepted = number, now_ns, False
        events: list[DeviceEvent] = []
        if was_commanded:
            self._exchange.close()
            self._wanted = None
            self._forget_state()
            is_watchdog = now_ns - self._answered_ns >= self._lease_ns
            fault, why = (Fault.HALTED, "its watchdog ran out") if is_watchdog else (Fault.REBOOTED, "it was reset")
            events.append(link_fault(now_ns, fault, f"stopped by itself: {why}"))
        if version != self._version:
            self._version = version
            self._wanted = None
            events.append(self._identity(version, now_ns))
        if self._wants_off and self._is_stop_written:
            self._exchange.close()
            events.append(self._is_off_acknowledged(now_ns))
        self._stops_left = BURST
        return [*events, self._sample(Output.OFF, now_ns, now_ns, Contact.UNKNOWN)]

    def _told_error(self, error: ErrorTold, now_ns: MonoNs) -> list[DeviceEvent]:
        """The unit switched off by itself and said why. Of a module in error nobody knows what it puts out.

        A lost electrode is told by the sample alone: people deal with it, not technicians. Levels that were still
        to be acknowledged get a fault in any case, because no acknowledgement will come.
        """
        is_module, is_electrode = error is ErrorTold.MODULE, error is ErrorTold.ELECTRODE
        is_open = self._wanted is not None or (self._updating is not None and self._in_force is not self._updating)
        fault = link_fault(now_ns, Fault.HALTED, f"stopped by itself: {FAULT_WORDS[error]}")
        if not self._is_driving and not is_module:
            return [fault]
        self._wanted = None
        self._forget_state()
        sample = Sample(
            at_ns=now_ns,
            asked_ns=now_ns,
            output=Output.UNKNOWN if is_module else Output.OFF,
            contact=Contact.OPEN if is_electrode else Contact.UNKNOWN,
            faults=(FAULT_WORDS[error],),
        )
        return [sample] if is_electrode and not is_open else [sample, fault]

    def _identity(self, version: int, now_ns: MonoNs) -> Identity:
        """All that the protocol can tell. Neither a serial number nor a mark of a simulator is among it."""
        name = f"ScienceMode2 version {version}"
        model = self._profile.device.id if version == VERSION else name
        return Identity(at_ns=now_ns, model=model, serial="", firmware=name, is_simulator=False)

    def _sample(self, output: Output, asked_ns: int, now_ns: MonoNs, contact: Contact) -> Sample:
        return Sample(at_ns=now_ns, asked_ns=asked_ns, output=output, contact=contact)

    def _contact(self) -> Contact:
        """The unit tells the loss of contact only: while it runs and says nothing, its skin check has passed."""
        current_ua = None if self._in_force is None else self._in_force.get("current_ua")
        is_checked = current_ua is not None and current_ua >= self._profile.contact.known_from
        return Contact.GOOD if is_checked and self._mode is Mode.STARTED else Contact.UNKNOWN

    # What becomes of failures

    def _came_to_nothing(self, sent: Request[Command], now_ns: MonoNs) -> list[DeviceEvent]:  # noqa: ARG002  # no event
        """Queries and Off come again by themselves; what energizes never does."""
        if sent.command in (Command.INIT_CHANNEL_LIST_MODE, Command.START_CHANNEL_LIST_MODE):
            self._wanted = self._updating = None
            self._mode = self._listed_us = None
        return []

    def _name_of(self, sent: Request[Command]) -> str:
        return sent.command.name

    def _forget_state(self) -> None:
        self._mode = self._listed_us = None
        self._is_driving = self._is_accepted = False
        self._in_force = self._updating = None

    def _undoable(self, levels: Levels) -> str | None:
        """Why the unit cannot be told these levels; None when it can."""
        if tuple(name for name, _ in levels.values) != SETTINGS or any(value < 0 for _, value in levels.values):
            return f"needs exactly {', '.join(SETTINGS)}, none below 0"
        try:
            wire.init_list(0, (CHANNEL,), dict(levels.values)["period_us"])
            wire.start_list(0, (_pulse_of(levels),))
        except LocalProtocolError as error:
            return str(error)
        if self._is_driving and self._listed_us not in (None, levels.get("period_us")):
            return "the main interval is changed from off alone"
        return None


def _pulse_of(levels: Levels) -> wire.Pulse:
    values = dict(levels.values)
    return wire.Pulse(values["current_ua"], values["pulse_width_us"])


def _words(mode: Mode | None) -> str:
    return "mode not known" if mode is None else f"mode {mode.name.lower()}"
