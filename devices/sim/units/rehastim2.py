"""A simulated RehaStim 2, from Hasomed's "ScienceMode2 - RehaStim2 Description and Protocol" 1.24 and its notes.

As strict as the document: what it does not allow gets a result, not a guess.
Chosen where it says nothing: while it waits to be accepted the unit hears StopChannelListMode alone (its results are
*ok* and *transfer error*, never *wrong mode*) and leaves everything else unanswered; a list that is gone through once,
and a single pulse, leave nothing energized behind them; an electrode error is found at once and from the first
milliampere; the emergency switch counts while the list runs; a restart takes 1.5 s. An output stage that conducts
although nothing runs is told as *stimulation module error*, in the place of Init and as often.
"""

from collections.abc import Callable
from enum import IntEnum

from devices.bench import Parameters
from devices.model import NS_PER_MS, MonoNs
from devices.sim.body import OPEN_OHM
from devices.sim.electrodes import CHANNELS, Stimulator
from devices.sim.sciencemode2 import (
    Pulse,
    Request,
    Timing,
    frame_of,
    pulses_of,
    requests_in,
    timing_of,
    variant,
)
from devices.sim.speaker import Effect

CAN = frozenset(
    {
        *("reboot", "hang", "busy", "firmware-changed", "frozen"),
        *("run-away", "over-deliver", "under-deliver", "clip", "stuck-on", "stuck-off", "uncommanded-on"),
        *("ignore-stop", "slow-stop", "accept-ignore", "apply-late", "apply-twice", "state-mismatch", "no-lease"),
        *("contact-loss", "partial-lift", "short", "dry-out", "switch-open", "switch-missing"),
    }
)
WATCHDOG_MS = 1_200  # WatchdogTimeout
REPETITION_NS = 500 * NS_PER_MS  # InitRepetitionTime
BOOT_NS = 1_500 * NS_PER_MS
SUPPLY_MV = 150_000  # chosen: what 130 mA need at a little over 1 kOhm; the document gives none
VERSION, NEXT_VERSION = 1, 2
INIT, UNKNOWN_COMMAND, STIMULATION_ERROR = 1, 3, 38
ANSWERED = frozenset({10, 12, 30, 32, 34, 36, *range(50, 58, 2), *range(70, 78, 2), *range(80, 88, 2)})
GET_MOTOMED_MODE = 12
STOP = 34
OK, TRANSFER, PARAMETER, WRONG_MODE, NO_MOTOMED, BUSY = 0, -1, -2, -3, -4, -8
SWITCH, ELECTRODE, MODULE = -1, -2, -3


class Level(IntEnum):
    """How far the host has brought it; but for the first, what GetStimulationMode reports."""

    INIT = -1
    START = 0
    INITIALIZED = 1
    STARTED = 2


WORDS = {
    Level.INIT: "waits to be accepted",
    Level.START: "off",
    Level.INITIALIZED: "channel list initialised",
    Level.STARTED: "channel list running",
}


class SimRehastim2(Stimulator[Pulse]):
    """One RehaStim 2 with a patient on it. ``watchdog_ms``: for peers that feed it less often than they should."""

    model = "hasomed-rehastim2"
    boot_ns = BOOT_NS
    supply_mv = SUPPLY_MV

    def __init__(self, name: str, seed: int, watchdog_ms: int = WATCHDOG_MS) -> None:
        super().__init__(name, seed, CAN)
        self._watchdog_ns = watchdog_ms * NS_PER_MS
        self._unasked = b""
        self._number = 0  # of what the unit says of its own accord
        self._init_number: int | None = None
        self._init_due_ns: int | None = None  # None: not switched on yet
        self._level = Level.INIT
        self._timing = Timing((), 0, 0)
        self._fed_ns = MonoNs(0)
        self._commands: dict[int, Callable[[bytes, MonoNs], bytes]] = {
            10: self._get_mode,
            30: self._init_list,
            32: self._start_list,
            STOP: self._stop_list,
            36: self._single_pulse,
        }

    # The seam

    def update(self, now_ns: MonoNs) -> None:
        """As every unit; with its first moment it is switched on, and Init is due."""
        if self._init_due_ns is None:
            self._init_due_ns = now_ns
        super().update(now_ns)

    def hear(self, received: bytes, now_ns: MonoNs) -> bytes:
        """Answers to every whole frame."""
        self._received += received
        replies = b""
        for request in requests_in(self._received):
            replies += self._reply(request, now_ns)
            self._settle(now_ns)
        return replies

    def state(self) -> str:
        """Its mode."""
        return WORDS[self._level]

    def lease_left_ns(self, now_ns: MonoNs) -> int | None:
        """Of its watchdog's time, once it is accepted."""
        return None if self._level is Level.INIT else self._fed_ns + self._watchdog_ns - now_ns

    def unasked(self, now_ns: MonoNs) -> bytes:
        """Init and StimulationError."""
        told, self._unasked = self._unasked, b""
        return b"" if self._faults.is_hung(now_ns) else told

    def wire_variant(self, kind: str, reply: bytes, request: bytes, parameters: Parameters) -> bytes | None:
        """An answer with another content, in good frames: what a wire alone cannot make."""
        return variant(kind, reply, request, dict(parameters))

    # Time

    def coming(self) -> list[tuple[int, Effect]]:
        """The end of the watchdog's time, or the next Init."""
        if self._level is not Level.INIT:
            return [(self._fed_ns + self._watchdog_ns, self._starve)] if self._faults.lease_acts() else []
        if self._init_due_ns is None:
            return []
        return [(max(self._init_due_ns, self._boots_until_ns), self._say_init)]

    def power_on(self, now_ns: MonoNs) -> None:
        """It waits to be accepted, and counts its packets anew."""
        self._number = 0
        self._starve(now_ns)

    def could_put_out(self) -> bool:
        """Its list runs."""
        return self._level is Level.STARTED

    def _starve(self, now_ns: MonoNs) -> None:
        self._halt(now_ns)
        self._level = Level.INIT
        self._init_due_ns = now_ns

    def _say_init(self, now_ns: MonoNs) -> None:
        self._init_due_ns = now_ns + REPETITION_NS
        if max(self._channels):
            self._tell(STIMULATION_ERROR, MODULE)
            return
        self._init_number = self._number
        self._tell(INIT, NEXT_VERSION if self._faults.has("firmware-changed") else VERSION)

    def _tell(self, command: int, value: int) -> None:
        self._unasked += frame_of(self._number, command, _octet(value))
        self._number = (self._number + 1) % 256

    def _halt(self, _now_ns: MonoNs) -> None:
        """Nothing runs any more. What has not been accepted yet stays so."""
        if self._level is not Level.INIT:
            self._level = Level.START
        self._pulses = {}

    # Output

    def check_patient(self, now_ns: MonoNs) -> None:
        """The switch, and electrodes that came off."""
        if self._level is not Level.STARTED:
            return
        if self._faults.has("switch-open") or self._faults.has("switch-missing"):
            self._fail(SWITCH, now_ns)
        elif self._finds_open(self._pulses, now_ns):
            self._fail(ELECTRODE, now_ns)

    def _finds_open(self, pulses: dict[int, Pulse], now_ns: MonoNs) -> bool:
        """The skin check: it goes before each pulse, so it finds nothing where there is none."""
        return any(pulse.peak_ua and self._ohm(pulse, now_ns) >= OPEN_OHM for pulse in pulses.values())

    def _fail(self, error: int, now_ns: MonoNs) -> None:
        self._halt(now_ns)
        self._tell(STIMULATION_ERROR, error)

    # Requests

    def _reply(self, request: Request, now_ns: MonoNs) -> bytes:
        number, command, payload = request.number, request.command, request.data
        if self._level is Level.INIT and command not in (2, STOP):
            return b""
        if payload is None:
            return frame_of(number, command + 1, _octet(TRANSFER)) if command in ANSWERED else b""
        self._fed_ns = now_ns
        if command == 2:
            self._accepted(number, payload)
        if command in (2, 4):  # InitAck and Watchdog are not answered
            return b""
        if command not in ANSWERED:
            return frame_of(number, UNKNOWN_COMMAND, bytes((command,)))
        act = self._commands.get(command)
        if act is None:
            return frame_of(number, command + 1, _octet(TRANSFER if command == GET_MOTOMED_MODE else NO_MOTOMED))
        if command != STOP and self._faults.is_busy(now_ns):  # a stop has no such result
            return frame_of(number, command + 1, _octet(BUSY))
        return frame_of(number, command + 1, act(payload, now_ns))

    def _accepted(self, number: int, payload: bytes) -> None:
        if self._level is Level.INIT and payload == b"\x00" and number == self._init_number:
            self._level = Level.START

    def _get_mode(self, payload: bytes, now_ns: MonoNs) -> bytes:
        if payload:
            return _octet(PARAMETER)
        level = Level.STARTED if max(self._channels) else self._level  # a stage that conducts is seen as running
        if self._faults.has("state-mismatch"):
            level = Level.START if level is Level.STARTED else Level.STARTED
        return bytes((OK, self._told("mode", level, now_ns)))

    def _init_list(self, payload: bytes, now_ns: MonoNs) -> bytes:
        if self._level is Level.STARTED:
            return _octet(WRONG_MODE)
        timing = timing_of(payload)
        if timing is None:
            return _octet(PARAMETER)
        self._level, self._timing, self._pulses = Level.INITIALIZED, timing, {}
        self._is_worn(now_ns)
        return _octet(OK)

    def _start_list(self, payload: bytes, now_ns: MonoNs) -> bytes:
        if self._level not in (Level.INITIALIZED, Level.STARTED):
            return _octet(WRONG_MODE)
        pulses = pulses_of(payload, self._timing)
        if pulses is None:
            return _octet(PARAMETER)
        self._follow(self._faults.fate_of_command(now_ns), lambda at_ns: self._run(pulses, at_ns), now_ns)
        return _octet(OK)

    def _run(self, pulses: dict[int, Pulse], now_ns: MonoNs) -> None:
        if self._level not in (Level.INITIALIZED, Level.STARTED):
            return  # stopped before a delayed start took effect
        if self._timing.interval_us:
            self._level, self._pulses = Level.STARTED, pulses
        elif self._finds_open(pulses, now_ns):
            self._fail(ELECTRODE, now_ns)

    def _stop_list(self, payload: bytes, now_ns: MonoNs) -> bytes:
        if not payload:
            self._follow(self._faults.fate_of_stop(now_ns), self._halt, now_ns)
        return _octet(TRANSFER if payload else OK)

    def _single_pulse(self, payload: bytes, now_ns: MonoNs) -> bytes:
        if self._level is not Level.START:
            return _octet(WRONG_MODE)
        is_known = len(payload) == 4 and payload[0] < CHANNELS  # channel, width, current
        pulses = pulses_of(b"\x00" + payload[1:], Timing((payload[0],), 0, 0)) if is_known else None
        if pulses is None:
            return _octet(PARAMETER)
        if self._finds_open(pulses, now_ns):
            self._fail(ELECTRODE, now_ns)
        return _octet(OK)


def _octet(value: int) -> bytes:
    return value.to_bytes(1, "big", signed=value < 0)
