"""Openwater OpenLIFU packets: frames, the requests that modctl says, their answers, and what a frame means.

Sources: openlifu-sdk 2.0.14 (MIT), [S]; openlifu-console-fw, uart_comms.c and if_commands.c (2026-04), [C];
openlifu-transmitter-fw, trigger.c and if_commands.c, [T].

A frame: ``AA | id | type | command | address | reserved | length | data | crc | DD``, integers big endian, CRC-16 with
polynomial 1021 from FFFF over id to data. Nothing is stuffed: AA and DD may stand inside. An answer has the request's
id and command, type E3, or an error's type.

Rule 1: floats end here. A voltage is set as float32 *big* endian and told as float32 *little* endian; both are
        millivolts to everybody else, and a frame that is not exactly our float of whole millivolts is Unknown.
Rule 2: trigger mode 1 (continuous) runs until it is stopped and is never said; mode 0 ends after its trains.
Rule 3: chip registers, DACs, reset and firmware update have no words here, and ``inspect`` calls them Unknown.
"""

import binascii
import math
import struct
from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Literal

import msgspec

from protocols.damage import Damage
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Energize, FrameKind, Off, Query, Unknown

START, END = 0xAA, 0xDD
HEADER = 9
FRAME_OVERHEAD = 12
MAX_FRAME = 2048  # [C] COMMAND_MAX_SIZE
MAX_DATA = MAX_FRAME - FRAME_OVERHEAD
IDS = 0x10000
CRC_FROM = 0xFFFF
SHOWN_BYTES = 24  # of damage; chosen: fits a label
MAX_MV = 100_000  # [S] set_voltage
MIN_MV = 5_000  # [S]
MAX_JSON = 254  # [T] what is parsed is copied into 255 bytes that end with a zero
PULSE_WIDTH_US = 20  # [S] DEFAULT_PULSE_WIDTH_US: of the trigger line; the burst itself is in the chips' registers
HWID_BYTES = 12  # [S]; the console sends 16 [C]


class Kind(IntEnum):
    """Packet types."""

    ACK = 0xE0
    NAK = 0xE1
    GLOBAL = 0xE2
    RESPONSE = 0xE3
    TX7332 = 0xE6
    CONTROLLER = 0xEA
    POWER = 0xEB
    BAD_PARSE = 0xEC
    BAD_CRC = 0xED
    UNKNOWN = 0xEE
    ERROR = 0xEF


ERRORS: Mapping[int, str] = {
    Kind.NAK: "not acknowledged",
    Kind.BAD_PARSE: "cannot be parsed",
    Kind.BAD_CRC: "checksum",
    Kind.UNKNOWN: "unknown command",
    Kind.ERROR: "error",
}


class Word(Enum):
    """What modctl says: type and command. The console has the high voltage, the transmitter the trigger."""

    PING = (Kind.GLOBAL, 0x00)
    CONSOLE_VERSION = (Kind.GLOBAL, 0x02)
    CONSOLE_ID = (Kind.GLOBAL, 0x05)
    TRANSMITTER_VERSION = (Kind.CONTROLLER, 0x02)
    TRANSMITTER_ID = (Kind.CONTROLLER, 0x05)
    SET_TRIGGER = (Kind.CONTROLLER, 0x13)
    GET_TRIGGER = (Kind.CONTROLLER, 0x14)
    START_TRIGGER = (Kind.CONTROLLER, 0x15)
    STOP_TRIGGER = (Kind.CONTROLLER, 0x16)
    SET_VOLTAGE = (Kind.POWER, 0x31)
    GET_VOLTAGE = (Kind.POWER, 0x32)
    VOLTAGE_ON = (Kind.POWER, 0x33)
    VOLTAGE_OFF = (Kind.POWER, 0x34)
    IS_VOLTAGE_ON = (Kind.POWER, 0x3D)


class Packet(msgspec.Struct, frozen=True):
    """What one frame carries. Some values travel in ``reserved``."""

    number: int
    kind: int
    command: int
    payload: bytes = b""
    address: int = 0
    reserved: int = 0


class Trigger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The transmitter's trigger: trains of pulses. ``status`` and ``trains_done`` are told, never said.

    The unit's own timer: ``train_count`` trains, ``train_interval_us`` from start to start.
    """

    frequency_hz: int = msgspec.field(name="TriggerFrequencyHz")
    pulse_count: int = msgspec.field(name="TriggerPulseCount")
    pulse_width_us: int = msgspec.field(name="TriggerPulseWidthUsec")
    train_interval_us: int = msgspec.field(name="TriggerPulseTrainInterval")
    train_count: int = msgspec.field(name="TriggerPulseTrainCount")
    mode: int = msgspec.field(name="TriggerMode")
    profile_index: int = msgspec.field(name="ProfileIndex")
    profile_increment: int = msgspec.field(name="ProfileIncrement")
    trains_done: int | None = msgspec.field(name="TrainCount", default=None)
    status: Literal["RUNNING", "STOPPED"] | None = msgspec.field(name="TriggerStatus", default=None)


def encode(packet: Packet) -> bytes:
    """One frame; LocalProtocolError when it cannot be said."""
    octets = (packet.kind, packet.command, packet.address, packet.reserved)
    if not 0 <= packet.number < IDS or not all(0 <= octet <= 0xFF for octet in octets):
        raise LocalProtocolError(f"cannot encode {packet}")
    if len(packet.payload) > MAX_DATA:
        raise LocalProtocolError(f"cannot encode {len(packet.payload)} bytes of data, the most is {MAX_DATA}")
    body = struct.pack(">HBBBBH", packet.number, *octets, len(packet.payload)) + packet.payload
    return bytes((START,)) + body + struct.pack(">HB", binascii.crc_hqx(body, CRC_FROM), END)


def decode(frame: bytes) -> Packet:
    """Exactly one whole frame; RemoteProtocolError with the reason otherwise."""
    if not FRAME_OVERHEAD <= len(frame) <= MAX_FRAME or frame[0] != START:
        raise RemoteProtocolError("not a whole frame", frame[:SHOWN_BYTES])
    number, kind, command, address, reserved, length = struct.unpack_from(">HBBBBH", frame, 1)
    if length + FRAME_OVERHEAD != len(frame):
        raise RemoteProtocolError(f"says {length} bytes of data and is {len(frame)} long", frame[:SHOWN_BYTES])
    if frame[-1] != END:
        raise RemoteProtocolError("has no end", frame[:SHOWN_BYTES])
    if binascii.crc_hqx(frame[1:-3], CRC_FROM) != struct.unpack_from(">H", frame, len(frame) - 3)[0]:
        raise RemoteProtocolError("checksum is wrong", frame[:SHOWN_BYTES])
    return Packet(number, kind, command, frame[HEADER:-3], address, reserved)


class Decoder:
    """Bytes in any split become packets and damage; the same bytes give the same events. Holds 2048 bytes at most."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._is_resyncing = False  # what follows a bad frame up to the next start was told with it

    def feed(self, received: bytes) -> list[Packet | Damage]:
        """What is complete now. After a bad frame the next start byte is looked for, one byte behind the old one."""
        events: list[Packet | Damage] = []
        rest = received
        while rest:
            room = MAX_FRAME - len(self._held)
            self._held += rest[:room]
            rest = rest[room:]
            while self._advances(events):
                pass
        return events

    def reset(self) -> Damage | None:
        """Throw away what is incomplete, and say what it was."""
        held, self._held, self._is_resyncing = bytes(self._held), bytearray(), False
        return Damage("incomplete", held[:SHOWN_BYTES]) if held else None

    def _advances(self, events: list[Packet | Damage]) -> bool:
        held = self._held
        if not held:
            return False
        if held[0] != START:
            return self._skips(events)
        if len(held) < HEADER:
            return False
        size = FRAME_OVERHEAD + (held[7] << 8 | held[8])
        if size > MAX_FRAME:
            self._resync(Damage("longer than any frame", bytes(held[:HEADER])), events)
            return True
        if len(held) < size:
            return False
        try:
            events.append(decode(bytes(held[:size])))
        except RemoteProtocolError as error:
            self._resync(Damage(error.why, error.frame), events)
        else:
            del held[:size]
            self._is_resyncing = False
        return True

    def _resync(self, damage: Damage, events: list[Packet | Damage]) -> None:
        if not self._is_resyncing:
            events.append(damage)
        del self._held[:1]
        self._is_resyncing = True

    def _skips(self, events: list[Packet | Damage]) -> bool:
        held = self._held
        start = held.find(START)
        if start < 0 and len(held) < MAX_FRAME and not self._is_resyncing:
            return False
        count = len(held) if start < 0 else start
        if not self._is_resyncing:
            events.append(Damage("no start byte", bytes(held[: min(count, SHOWN_BYTES)])))
        del held[:count]
        return bool(held)


def request(word: Word, number: int, payload: bytes = b"") -> bytes:
    """One request."""
    kind, command = word.value
    return encode(Packet(number, kind, command, payload))


def voltage_payload(voltage_mv: int) -> bytes:
    """Data of SET_VOLTAGE, float32 big endian in volts; LocalProtocolError outside 5 to 100 V."""
    if not MIN_MV <= voltage_mv <= MAX_MV:
        raise LocalProtocolError(f"cannot encode {voltage_mv} mV")
    return struct.pack(">f", voltage_mv / 1000)


def voltage_of(payload: bytes) -> int:
    """Millivolts of a GET_VOLTAGE answer, float32 little endian; RemoteProtocolError when it is no such number."""
    if len(payload) != 4:
        raise RemoteProtocolError("a voltage of another length", payload)
    return _millivolts(struct.unpack("<f", payload)[0], payload)


def trigger_payload(trigger: Trigger) -> bytes:
    """Data of SET_TRIGGER; LocalProtocolError for what the transmitter would not run, or not end by itself."""
    why = _unrunnable(trigger)
    if why is not None:
        raise LocalProtocolError(f"cannot encode a trigger {why}")
    return _json(trigger)


def trigger_of(payload: bytes) -> Trigger:
    """What a trigger answer tells; RemoteProtocolError when it does not parse."""
    try:
        return _TRIGGERS.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RemoteProtocolError(f"no trigger: {error}", payload[:SHOWN_BYTES]) from error


def text_of(payload: bytes) -> str:
    """ASCII up to a zero byte; what is not ASCII becomes a question mark."""
    return payload.split(b"\0")[0].decode("ascii", "replace").replace("\ufffd", "?")


def inspect(frame: bytes) -> FrameKind:
    """What writing this frame does to the unit. Levels are voltage_mv and beat_hz."""
    try:
        packet = decode(frame)
    except RemoteProtocolError as error:
        return Unknown(error.why)
    word = _WORDS.get((packet.kind, packet.command))
    if word is None or packet.address or packet.reserved:
        return Unknown(f"type {packet.kind:02x}, command {packet.command:02x} is not said")
    if word is Word.SET_VOLTAGE:
        return _voltage_kind(packet.payload)
    if word is Word.SET_TRIGGER:
        return _trigger_kind(packet.payload)
    if packet.payload:
        return Unknown(f"{word.name} with data")
    return _MEANINGS.get(word, Query())


_WORDS: Mapping[tuple[int, int], Word] = {(word.value[0], word.value[1]): word for word in Word}
_MEANINGS: Mapping[Word, FrameKind] = {
    Word.STOP_TRIGGER: Off(),
    Word.VOLTAGE_OFF: Off(),
    Word.VOLTAGE_ON: Energize(channels=((),)),  # the levels written last come into force
    Word.START_TRIGGER: Energize(channels=((),)),
}
_TRIGGERS: msgspec.json.Decoder[Trigger] = msgspec.json.Decoder(Trigger)


def _voltage_kind(payload: bytes) -> FrameKind:
    if len(payload) != 4:
        return Unknown("a voltage of another length")
    try:
        voltage_mv = _millivolts(struct.unpack(">f", payload)[0], payload)
        is_ours = voltage_payload(voltage_mv) == payload
    except (LocalProtocolError, RemoteProtocolError) as error:
        return Unknown(str(error))
    return Energize(channels=((("voltage_mv", voltage_mv),),)) if is_ours else Unknown("not whole millivolts")


def _trigger_kind(payload: bytes) -> FrameKind:
    try:
        trigger = trigger_of(payload)
        is_ours = trigger_payload(trigger) == payload
    except (LocalProtocolError, RemoteProtocolError) as error:
        return Unknown(str(error))
    return Energize(channels=((("beat_hz", trigger.frequency_hz),),)) if is_ours else Unknown("not our trigger")


def _millivolts(volts: float, payload: bytes) -> int:
    if not math.isfinite(volts) or abs(volts) > 1000:  # no rail of this unit is near it
        raise RemoteProtocolError("no voltage", payload)
    return round(volts * 1000)


def _unrunnable(trigger: Trigger) -> str | None:
    """Why the transmitter would refuse it or run it for ever [T start_trigger_pulse]; None when it is sound."""
    if trigger.mode != 0:
        return f"in mode {trigger.mode}"
    if trigger.status is not None or trigger.trains_done is not None:
        return "with what only the unit tells"
    counts = (trigger.frequency_hz, trigger.pulse_count, trigger.train_count, trigger.pulse_width_us)
    if (
        not all(0 < count < 2**31 for count in counts)
        or trigger.profile_index
        or trigger.profile_increment not in (0, 1)
    ):
        return "with a count of 0 or another profile than the first"
    period_us = 1_000_000 // trigger.frequency_hz
    if trigger.pulse_width_us >= period_us:
        return "with pulses longer than their period"
    # Firmware up to 2.0.3 wants more than one period, later ones the whole train [S set_trigger].
    if not max(period_us + 1, period_us * trigger.pulse_count) <= trigger.train_interval_us < 2**31:
        return "with trains that do not fit into their interval"
    return None


def _json(trigger: Trigger) -> bytes:
    """In the order and with the spaces of Python's json, as the SDK sends it."""
    fields = msgspec.structs.fields(Trigger)[:8]
    pairs = (f'"{field.encode_name}": {getattr(trigger, field.name)}' for field in fields)
    return ("{" + ", ".join(pairs) + "}").encode("ascii")
