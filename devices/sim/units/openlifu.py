"""A simulated OpenLIFU, from its boards' firmware: openlifu-console-fw (2026-04), openlifu-transmitter-fw (trigger.c).

Two boards behind one line: packets of type EA are the transmitter's, EB and E2 the console's. What surprises is kept:
the console answers HV ON after its ramp and hears nothing in between; a voltage that is set comes into force with the
next HV ON, which begins at 0 V again; the transmitter's stop is an error when it was never configured, and its start
is acknowledged, and nothing starts, when it is too hot; there is no watchdog.
Chosen where the firmware says nothing: a rail that is switched off falls to nothing in 3 s, in a straight line; a
restart takes 1.5 s; a piece of a packet is forgotten after 50 ms.
"""

import json
import struct
from typing import Final

from devices.bench import Parameters
from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from devices.sim.device import FaultOrder
from devices.sim.openlifu import BAD_CRC, ERROR, NAK, RESPONSE, UNKNOWN, Said, packet, taken, variant
from devices.sim.speaker import Effect, Speaker

CAN: Final = frozenset(
    {
        *("reboot", "hang", "wrong-identity", "firmware-changed", "timer-early", "timer-late", "over-temperature"),
        *("frozen", "stuck", "offset", "drift", "noise"),
        *("run-away", "over-deliver", "under-deliver", "clip", "stuck-on", "stuck-off", "uncommanded-on"),
        *("ignore-stop", "slow-stop", "accept-ignore", "apply-late", "apply-twice", "state-mismatch"),
    }
)
BOOT_NS: Final = 1_500 * NS_PER_MS
FORGET_NS: Final = 50 * NS_PER_MS
FALL_MS: Final = 3_000
MAX_MV: Final = 100_000  # the converter's codes end there
HOT_MDEGC: Final = 40_000  # chosen: from here on the injected temperature is too hot for the transmitter
GLOBAL, CONTROLLER, POWER = 0xE2, 0xEA, 0xEB
KEYS: Final = (
    "TriggerFrequencyHz",
    "TriggerPulseCount",
    "TriggerPulseWidthUsec",
    "TriggerPulseTrainInterval",
    "TriggerPulseTrainCount",
    "TriggerMode",
    "ProfileIndex",
    "ProfileIncrement",
)
CONTINUOUS: Final = 1
LONGEST_JSON: Final = 254  # the parser copies it into 255 bytes


class SimOpenLifu(Speaker):
    """One console with one transmitter, its chips loaded, in water."""

    model = "openwater-openlifu"
    ucum = "mV"  # of the supply
    boot_ns = BOOT_NS

    def __init__(self, name: str, seed: int) -> None:
        super().__init__(name, seed, CAN, senses=frozenset({"voltage"}))
        self._received_ns = MonoNs(0)
        self._unasked = b""
        self._trigger = dict.fromkeys(KEYS, 0)
        self._is_configured = False
        self._is_running = False
        self._ends_ns: int | None = None
        self._set_mv = 0
        self._rail_mv = 0  # where the rail stands, or where its ramp goes
        self._is_hv_on = False
        self._hv_off_ns = MonoNs(0)
        self._deaf_until_ns = MonoNs(0)  # the console, while it raises its voltage
        self._waiting: list[Said] = []  # for the console

    # The seam

    def hear(self, received: bytes, now_ns: MonoNs) -> bytes:
        """Answers of both boards; the console's may come later."""
        if now_ns - self._received_ns > FORGET_NS:
            self._received.clear()
        self._received_ns = now_ns
        self._received += received
        replies = b""
        while (said := taken(self._received)) is not None:
            if said.kind in (POWER, GLOBAL) and now_ns < self._deaf_until_ns:
                self._waiting.append(said)
                continue
            replies += self._reply(said, now_ns)
            self._settle(now_ns)
        return replies

    def state(self) -> str:
        """Of both boards."""
        return ("triggering" if self._is_running else "idle") + (", high voltage on" if self._is_hv_on else "")

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch a fault of the unit on. A transmitter that gets too hot stops by itself."""
        super().inject(order, now_ns)
        if self._is_hot():
            self._stop_trigger(now_ns)
        self._settle(now_ns)

    def unasked(self, now_ns: MonoNs) -> bytes:  # noqa: ARG002  # the seam gives the time
        """Answers that the console gives after its ramp."""
        said, self._unasked = self._unasked, b""
        return said

    def wire_variant(self, kind: str, reply: bytes, request: bytes, parameters: Parameters) -> bytes | None:
        """An answer with another content, in good packets: what a wire alone cannot make."""
        return variant(kind, reply, request, dict(parameters))

    # Time

    def coming(self) -> list[tuple[int, Effect]]:
        """The end of the last train."""
        if not self._is_running or self._ends_ns is None:
            return []
        return [(self._ends_ns + self._faults.timer_shift_ms() * NS_PER_MS, self._stop_trigger)]

    def power_on(self, now_ns: MonoNs) -> None:
        """Nothing is configured, and nothing on."""
        self._waiting, self._unasked = [], b""
        self._trigger = dict.fromkeys(KEYS, 0)
        self._is_configured = False
        self._set_mv = 0
        self._stop_trigger(now_ns)
        self._hv_off(now_ns)

    def true_channels(self, now_ns: MonoNs) -> tuple[int, ...]:
        """The supply voltage of the pulses."""
        is_on = self._is_running and self._is_hv_on and self._rail_mv > 0
        return (self._faults.true_amplitude(self._rail_mv if is_on else 0, now_ns),)

    def could_put_out(self) -> bool:
        """Only what has a voltage puts out anything."""
        return False

    def _is_hot(self) -> bool:
        heat = self._faults.get("over-temperature")
        return heat is not None and heat.get("mdegc", 0) >= HOT_MDEGC

    # Packets

    def _reply(self, said: Said, now_ns: MonoNs) -> bytes:
        kind, reserved, data = self._board(said, now_ns)
        if said.kind == POWER and said.command == 0x33 and kind == RESPONSE:
            self._at(self._deaf_until_ns, lambda at_ns: self._ramped(said, at_ns))
            return b""
        return packet(Said(said.number, kind, said.command, 0, reserved, data))

    def _ramped(self, said: Said, now_ns: MonoNs) -> None:
        """The console's ramp is over: it answers, and hears what has come meanwhile."""
        self._unasked += packet(Said(said.number, RESPONSE, said.command))
        waiting, self._waiting = self._waiting, []
        for at, other in enumerate(waiting):
            self._unasked += self._reply(other, now_ns)
            if now_ns < self._deaf_until_ns:
                self._waiting = waiting[at + 1 :]
                return

    def _board(self, said: Said, now_ns: MonoNs) -> tuple[int, int, bytes]:
        """Type, reserved byte and data of an answer."""
        match said.kind, said.command:
            case (0xED | 0xE1) as damaged, _:
                return (BAD_CRC if damaged == BAD_CRC else NAK), 0, b""
            case ((0xE2 | 0xEB | 0xEA), 0x00):
                return RESPONSE, said.reserved, b""
            case ((0xE2 | 0xEB | 0xEA), 0x02):
                version = b"2.0.8" if self._faults.has("firmware-changed") else b"2.0.7"
                return RESPONSE, said.reserved, version if said.kind == CONTROLLER else b"1.2.1\0"
            case ((0xE2 | 0xEB | 0xEA), 0x03):
                return RESPONSE, said.reserved, said.data
            case ((0xE2 | 0xEB), 0x05):
                return RESPONSE, said.reserved, self._hardware_id(b"C") + bytes(4)
            case 0xEA, 0x05:
                return RESPONSE, said.reserved, self._hardware_id(b"T")
            case 0xEA, _:
                return self._transmitter(said, now_ns)
            case 0xEB, _:
                return self._console(said, now_ns)
            case _:
                return UNKNOWN, 0, b""

    def _hardware_id(self, board: bytes) -> bytes:
        return b"SIM" + board + b"%08d" % self._serial(8)

    def _console(self, said: Said, now_ns: MonoNs) -> tuple[int, int, bytes]:
        match said.command:
            case 0x31 if len(said.data) == 4:
                set_mv = min(MAX_MV, max(0, int(struct.unpack(">f", said.data)[0] * 1000 + 0.5)))
                self._follow(self._faults.fate_of_command(now_ns), lambda _at_ns: self._keep(set_mv), now_ns)
            case 0x31:
                return ERROR, 0, b""
            case 0x32:
                return RESPONSE, 0, struct.pack("<f", self._measured_mv(now_ns) / 1000)
            case 0x33:
                self._deaf_until_ns = MonoNs(now_ns + _ramp_ns(self._set_mv))
                self._follow(self._faults.fate_of_command(now_ns), self._hv_on, now_ns)
            case 0x34:
                self._follow(self._faults.fate_of_stop(now_ns), self._hv_off, now_ns)
            case 0x3D:
                return RESPONSE, int(self._told("hv on", int(self._is_hv_on or self._output > 0), now_ns)), b""
            case _:
                return UNKNOWN, 0, b""
        return RESPONSE, 0, b""

    def _transmitter(self, said: Said, now_ns: MonoNs) -> tuple[int, int, bytes]:
        match said.command:
            case 0x13:
                trigger = _parsed(said.data)
                if trigger is None:
                    return ERROR, 0, b""
                self._follow(
                    self._faults.fate_of_command(now_ns), lambda at_ns: self._configure(trigger, at_ns), now_ns
                )
                return RESPONSE, 0, self._trigger_text(now_ns)
            case 0x14:
                return RESPONSE, 0, self._trigger_text(now_ns)
            case 0x15:
                if self._is_hot():
                    return RESPONSE, 0, b""
                if not self._is_configured or self._is_running or not _can_run(self._trigger):
                    return ERROR, 0, b""
                self._follow(self._faults.fate_of_command(now_ns), self._start_trigger, now_ns)
            case 0x16:
                if not self._is_configured:
                    return ERROR, 0, b""
                self._follow(self._faults.fate_of_stop(now_ns), self._stop_trigger, now_ns)
            case _:
                return ERROR, 0, b""
        return RESPONSE, 0, b""

    # Effects

    def _keep(self, set_mv: int) -> None:
        self._set_mv = set_mv

    def _hv_on(self, now_ns: MonoNs) -> None:
        """From 0 V up to what is set; half-way for the time of the ramp, as its steps are short and many."""
        self._is_hv_on = True
        self._rail_mv = self._set_mv // 2
        target_mv = self._set_mv
        self._at(now_ns + _ramp_ns(target_mv), lambda _at_ns: self._raised(target_mv))

    def _raised(self, target_mv: int) -> None:
        if self._is_hv_on:
            self._rail_mv = target_mv

    def _hv_off(self, now_ns: MonoNs) -> None:
        if self._is_hv_on:
            self._hv_off_ns = now_ns
        self._is_hv_on = False

    def _measured_mv(self, now_ns: MonoNs) -> int:
        true_mv = self._output or self._faults.true_amplitude(self._rail_mv if self._is_hv_on else 0, now_ns)
        if not self._is_hv_on and not true_mv:
            fallen_ms = min(FALL_MS, (now_ns - self._hv_off_ns) // NS_PER_MS)
            true_mv = self._rail_mv * (FALL_MS - fallen_ms) // FALL_MS
        return self._told("voltage", true_mv, now_ns)

    def _configure(self, trigger: dict[str, int], now_ns: MonoNs) -> None:
        self._stop_trigger(now_ns)
        self._trigger = trigger
        self._is_configured = True

    def _start_trigger(self, now_ns: MonoNs) -> None:
        trigger = self._trigger
        length_ns = trigger["TriggerPulseTrainInterval"] * 1_000
        if not length_ns:
            length_ns = trigger["TriggerPulseCount"] * NS_PER_S // trigger["TriggerFrequencyHz"]
        is_endless = trigger["TriggerMode"] == CONTINUOUS
        self._ends_ns = None if is_endless else now_ns + length_ns * trigger["TriggerPulseTrainCount"]
        self._is_running = True

    def _stop_trigger(self, _now_ns: MonoNs) -> None:
        self._is_running = False
        self._ends_ns = None

    def _trigger_text(self, now_ns: MonoNs) -> bytes:
        is_running = self._is_running or self._output > 0
        if self._faults.has("state-mismatch"):
            is_running = not is_running
        status = "RUNNING" if self._told("running", int(is_running), now_ns) else "STOPPED"
        numbers = ",".join(f'"{key}": {self._trigger[key]}' for key in KEYS)
        return f'{{{numbers},"TrainCount": 0,"TriggerStatus": "{status}"}}'.encode()


def _ramp_ns(target_mv: int) -> int:
    """HV_Enable: two rails one after the other, each 16 ms for every 100 of 21 codes a volt, and 100 ms."""
    steps = 21 * target_mv // 1000 // 100
    return 2 * (16 * steps + 100) * NS_PER_MS


def _parsed(data: bytes) -> dict[str, int] | None:
    """What the firmware's parser takes: numbers with their fraction cut off; unknown keys are passed over."""
    try:
        told = json.loads(data)
    except ValueError:
        return None
    if not isinstance(told, dict) or len(data) > LONGEST_JSON:
        return None
    numbers = {key: told.get(key, 0) for key in KEYS}
    if not all(isinstance(value, (int, float)) for value in numbers.values()):
        return None
    return {key: int(value) for key, value in numbers.items()}


def _can_run(trigger: dict[str, int]) -> bool:
    """start_trigger_pulse: a pulse shorter than its period, trains that fit into their interval."""
    if trigger["TriggerFrequencyHz"] <= 0:
        return False
    period_us = 1_000_000 // trigger["TriggerFrequencyHz"]
    interval_us = trigger["TriggerPulseTrainInterval"]
    fits = interval_us == 0 or interval_us >= period_us * trigger["TriggerPulseCount"]
    return trigger["TriggerPulseWidthUsec"] < period_us and fits
