"""A simulated Hasomed P24, from "P24 Science & P24 Module Instructions for Use" v1.1, chapter ScienceMode.

As strict as the document: what it does not allow gets a result, not a guess.
Chosen where it says nothing: a damaged frame is not answered; an error stop leaves the mid level initialised with its
high voltage on, as the end of the keep-alive does; an electrode error is found at once, though a real unit needs the
next pulse for it; a restart takes 1.5 s.
"""

from collections.abc import Callable
from enum import IntEnum

from devices.bench import Parameters
from devices.model import NS_PER_MS, MonoNs
from devices.sim.body import OPEN_OHM, reachable_ua
from devices.sim.electrodes import CHANNELS, Stimulator
from devices.sim.sciencemode import Pulse, frame_of, packets_in, points_of, pulse_of, pulses_of, variant
from devices.sim.speaker import Effect

CAN = frozenset(
    {
        *("reboot", "hang", "busy", "wrong-identity", "firmware-changed", "frozen"),
        *("run-away", "over-deliver", "under-deliver", "clip", "stuck-on", "stuck-off", "uncommanded-on"),
        *("ignore-stop", "slow-stop", "accept-ignore", "apply-late", "apply-twice", "state-mismatch", "no-lease"),
        *("contact-loss", "partial-lift", "short", "dry-out"),
    }
)
KEEP_ALIVE_NS = 2_000 * NS_PER_MS
BOOT_NS = 1_500 * NS_PER_MS
TOLD_FROM_UA = 15_000  # electrode errors are detected from about here
LOW_PERMILLE = 800  # chosen: less than this share of the current reached is "low current"
HV_OFF, HV_FULL = 1, 6  # high-voltage levels: off, and 150 V
FULL_MV = 150_000
FIRMWARE, NEXT_FIRMWARE, PROTOCOL = b"\x01\x02\x00", b"\x01\x03\x00", b"\x04\x00\x00"
OK, PARAMETER, NOT_INITIALISED, ELECTRODE, INVALID, BUSY = 0, 2, 7, 10, 11, 21
UNKNOWN_COMMAND = 67
RESULT_OF_ERROR = {0: OK, 1: ELECTRODE, 2: 16, 3: 28}  # channel error -> result


class Level(IntEnum):
    """What Get_stim_status reports."""

    NONE = 0
    LOW = 1
    MID = 2
    RUNNING = 3


WORDS = {
    Level.NONE: "off",
    Level.LOW: "low level initialised",
    Level.MID: "mid level initialised",
    Level.RUNNING: "mid level running",
}


class SimP24(Stimulator[Pulse]):
    """One P24 with a patient on it."""

    model = "hasomed-p24"
    boot_ns = BOOT_NS
    supply_mv = FULL_MV

    def __init__(self, name: str, seed: int) -> None:
        super().__init__(name, seed, CAN)
        self._level = Level.NONE
        self._high_voltage = HV_OFF
        self._errors = [0] * CHANNELS
        self._stops_all = True
        self._measures = 0  # low level: what a pulse's answer measures
        self._fed_ns = MonoNs(0)
        self._commands: dict[int, Callable[[bytes, MonoNs], bytes]] = {
            0: self._ll_init,
            2: self._ll_channel_config,
            4: self._ll_stop,
            30: self._ml_init,
            32: self._ml_update,
            34: self._ml_stop,
            36: self._ml_get_current_data,
            50: lambda _data, _now_ns: b"\x00" + self._firmware() + PROTOCOL,
            52: lambda _data, _now_ns: b"\x00" + self._device_id(),
            58: self._reset,
            62: self._get_stim_status,
            64: lambda _data, _now_ns: b"\x00\x00",
            68: lambda _data, _now_ns: b"\x00" + self._firmware() + PROTOCOL + bytes(6),
        }
        self._sizes = {0: 1, 30: 1, 36: 1}  # data bytes of a request; the others have none or look themselves

    # The seam

    def hear(self, received: bytes, now_ns: MonoNs) -> bytes:
        """Answers to every whole frame."""
        self._received += received
        replies = b""
        for number, command, data in packets_in(self._received):
            replies += self._reply(number, command, data, now_ns)
            self._settle(now_ns)
        return replies

    def state(self) -> str:
        """Its level."""
        return WORDS[self._level]

    def lease_left_ns(self, now_ns: MonoNs) -> int | None:
        """Of its keep-alive, while it runs."""
        return self._fed_ns + KEEP_ALIVE_NS - now_ns if self._level is Level.RUNNING else None

    def wire_variant(self, kind: str, reply: bytes, request: bytes, parameters: Parameters) -> bytes | None:
        """An answer with another content, in good frames: what a wire alone cannot make."""
        return variant(kind, reply, request, dict(parameters))

    # Time

    def coming(self) -> list[tuple[int, Effect]]:
        """The end of its keep-alive."""
        if self._level is Level.RUNNING and self._faults.lease_acts():
            return [(self._fed_ns + KEEP_ALIVE_NS, self._starve)]
        return []

    def power_on(self, now_ns: MonoNs) -> None:
        """Off."""
        self._halt(now_ns)

    def could_put_out(self) -> bool:
        """It runs, and has its high voltage."""
        return self._level is Level.RUNNING and self._high_voltage != HV_OFF

    def _starve(self, _now_ns: MonoNs) -> None:
        self._level = Level.MID
        self._pulses = {}

    def _halt(self, _now_ns: MonoNs) -> None:
        self._level = Level.NONE
        self._high_voltage = HV_OFF
        self._pulses = {}
        self._errors = [0] * CHANNELS

    # Output

    def check_patient(self, now_ns: MonoNs) -> None:
        """Electrodes that came off, or conduct badly."""
        if self._level is not Level.RUNNING:
            return
        for channel, pulse in tuple(self._pulses.items()):
            error = self._error_of(pulse, now_ns)
            if not error:
                continue
            self._errors[channel] = error
            del self._pulses[channel]
            if self._stops_all:
                self._level = Level.MID
                self._pulses = {}
                return

    def _error_of(self, pulse: Pulse, now_ns: MonoNs) -> int:
        if pulse.peak_ua < TOLD_FROM_UA:
            return 0
        ohm = self._ohm(pulse, now_ns)
        if ohm >= OPEN_OHM:
            return 1
        reached_ua = reachable_ua(pulse.peak_ua, FULL_MV, ohm)
        return 3 if reached_ua * 1000 < pulse.peak_ua * LOW_PERMILLE else 0

    # Requests

    def _reply(self, number: int, command: int, data: bytes, now_ns: MonoNs) -> bytes:
        act = self._commands.get(command)
        if act is None:
            return frame_of(number, UNKNOWN_COMMAND, bytes((INVALID,)))
        if self._faults.is_busy(now_ns):
            return frame_of(number, command + 1, bytes((BUSY,)))
        if command not in (2, 32) and len(data) != self._sizes.get(command, 0):
            return frame_of(number, command + 1, bytes((PARAMETER,)))
        return frame_of(number, command + 1, act(data, now_ns))

    def _device_id(self) -> bytes:
        return b"SIM%07d" % self._serial(7)

    def _firmware(self) -> bytes:
        return NEXT_FIRMWARE if self._faults.has("firmware-changed") else FIRMWARE

    def _get_stim_status(self, _data: bytes, now_ns: MonoNs) -> bytes:
        level, high_voltage = self._level, self._high_voltage
        output = max(self._channels)
        if output and self._faults.has("uncommanded-on"):
            level, high_voltage = Level.RUNNING, HV_FULL
        elif output:
            high_voltage = HV_FULL  # a stuck stage still has its supply
        if self._faults.has("state-mismatch"):
            is_running = level is Level.RUNNING
            level, high_voltage = (Level.NONE, HV_OFF) if is_running else (Level.RUNNING, HV_FULL)
        return bytes((OK, self._told("level", level, now_ns), self._told("high voltage", high_voltage, now_ns)))

    def _reset(self, _data: bytes, now_ns: MonoNs) -> bytes:
        self._restart(now_ns)
        return bytes((OK,))

    def _ml_init(self, data: bytes, now_ns: MonoNs) -> bytes:
        if self._level is Level.LOW:
            return bytes((NOT_INITIALISED,))
        if data[0] > 1:
            return bytes((PARAMETER,))
        self._halt(now_ns)
        self._level = Level.MID
        self._high_voltage = HV_FULL
        self._stops_all = data[0] == 1
        self._is_worn(now_ns)
        return bytes((OK,))

    def _ml_update(self, data: bytes, now_ns: MonoNs) -> bytes:
        if self._level not in (Level.MID, Level.RUNNING):
            return bytes((NOT_INITIALISED,))
        pulses = pulses_of(data)
        if pulses is None:
            return bytes((PARAMETER,))
        self._fed_ns = now_ns
        self._follow(self._faults.fate_of_command(now_ns), lambda at_ns: self._run(pulses, at_ns), now_ns)
        return bytes((OK,))

    def _run(self, pulses: dict[int, Pulse], now_ns: MonoNs) -> None:
        if self._level not in (Level.MID, Level.RUNNING):
            return  # stopped before a delayed update took effect
        if self._level is Level.MID:
            self._errors = [0] * CHANNELS
            self._fed_ns = now_ns
        self._level = Level.RUNNING
        self._pulses = pulses

    def _ml_stop(self, _data: bytes, now_ns: MonoNs) -> bytes:
        if self._level is Level.LOW:
            return bytes((NOT_INITIALISED,))
        self._follow(self._faults.fate_of_stop(now_ns), self._halt, now_ns)
        return bytes((OK,))

    def _ml_get_current_data(self, data: bytes, now_ns: MonoNs) -> bytes:
        if self._level not in (Level.MID, Level.RUNNING):
            return bytes((NOT_INITIALISED,))
        if data[0] not in (2, 3, 4):
            return bytes((PARAMETER,))
        self._fed_ns = now_ns
        mask = self._told("mask", sum(1 << channel for channel in self._pulses), now_ns)
        errors = [self._told(f"error {channel}", error, now_ns) for channel, error in enumerate(self._errors)]
        nibbles = bytes(errors[at] | errors[at + 1] << 4 for at in range(0, CHANNELS, 2))
        result = next((RESULT_OF_ERROR[error] for error in errors if error), OK)
        return bytes((result, data[0], mask)) + nibbles

    # Low level: every pulse from the host; here so that other people's programs meet what they know

    def _ll_init(self, data: bytes, _now_ns: MonoNs) -> bytes:
        measures, voltage = data[0] >> 4 & 7, data[0] >> 1 & 7
        if self._level in (Level.MID, Level.RUNNING):
            return bytes((NOT_INITIALISED,))
        if measures > 3 or voltage > HV_FULL or data[0] & 0x81:
            return bytes((PARAMETER,))
        self._level, self._measures = Level.LOW, measures
        self._high_voltage = voltage or HV_FULL
        return bytes((OK,))

    def _ll_channel_config(self, data: bytes, now_ns: MonoNs) -> bytes:
        place = bytes(((data[0] >> 4 & 1) << 4 | data[0] >> 5 & 3,)) if data else b"\x00"
        if self._level is not Level.LOW:
            return bytes((NOT_INITIALISED,)) + place + b"\x00"
        points = points_of(data[1:])
        does_execute = bool(data) and bool(data[0] & 0x80)
        if not data or points is None or (does_execute and len(points) != (data[0] & 0x0F) + 1):
            return bytes((PARAMETER,)) + place + b"\x00"
        if does_execute and self._high_voltage != HV_OFF and self._error_of(pulse_of(0, points), now_ns):
            return bytes((ELECTRODE,)) + place + b"\x00"
        if not (does_execute and self._measures):
            return bytes((OK,)) + place + b"\x00"
        sampled = [abs(current_ua) for duration_us, current_ua in points for _ in range(max(1, duration_us // 10))]
        samples = b"".join((ua // 10).to_bytes(2, "big") for ua in (sampled + [0] * 128)[:128])
        return bytes((OK,)) + place + bytes((self._measures,)) + (10).to_bytes(2, "big") + samples

    def _ll_stop(self, _data: bytes, now_ns: MonoNs) -> bytes:
        if self._level in (Level.MID, Level.RUNNING):
            return bytes((NOT_INITIALISED,))
        self._halt(now_ns)
        return bytes((OK,))
