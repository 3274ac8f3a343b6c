"""What the answers of a ScienceMode 3/4 stimulator say. Sources: see ``protocols.sciencemode4``.

Every answer starts with a result. Values that the documents do not name are refused, not guessed.
"""

from collections.abc import Callable
from enum import IntEnum

import msgspec

from protocols.errors import RemoteProtocolError
from protocols.sciencemode import Packet
from protocols.sciencemode4 import CHANNELS

GENERAL_ERROR = 66  # the unit sends these two of its own accord or instead of an answer [P]
UNKNOWN_COMMAND = 67

# Result codes [P], [C]; the words are ours.
RESULTS: dict[int, str] = {
    0: "ok",
    1: "transfer error",
    2: "parameter error",
    3: "protocol error",
    4: "stimulation processor timeout",
    5: "EMG timeout",
    6: "EMG register error",
    7: "not initialised, or another level is active",
    8: "high voltage error",
    9: "demultiplexer timeout",
    10: "electrode error",
    11: "invalid command",
    12: "demultiplexer parameter error",
    13: "demultiplexer not initialised",
    14: "demultiplexer transfer error",
    15: "demultiplexer unknown acknowledge",
    16: "pulse timeout",
    17: "fuel gauge error",
    18: "live signal error",
    19: "file transmission timeout",
    20: "file not found",
    21: "busy",
    22: "file error",
    23: "flash erase error",
    24: "flash write error",
    25: "unknown controller",
    26: "firmware too large",
    27: "fuel gauge not programmed",
    28: "pulse low current",
}
NOT_INITIALISED = 7


class StimStatus(IntEnum):
    """Which level is active [P]."""

    NONE = 0
    LOW_LEVEL = 1
    MID_LEVEL_INITIALISED = 2
    MID_LEVEL_RUNNING = 3


HIGH_VOLTAGE_OFF = 1  # levels: 1 off, 2 30 V, 3 60 V, 4 90 V, 5 120 V, 6 150 V [P]
MAX_HIGH_VOLTAGE = 6


class ChannelError(IntEnum):
    """One nibble per channel in the answer to Ml_get_current_data [P]."""

    OK = 0
    ELECTRODE = 1
    PULSE_TIMEOUT = 2
    LOW_CURRENT = 3


class Done(msgspec.Struct, frozen=True):
    """An answer that says only how it went."""

    result: int


class DeviceId(msgspec.Struct, frozen=True):
    """Ten characters that name one unit."""

    result: int
    device_id: str


class Version(msgspec.Struct, frozen=True):
    """Versions of firmware and protocol, as major, minor, revision."""

    result: int
    firmware: tuple[int, int, int]
    protocol: tuple[int, int, int]
    hash_valid: bool | None = None  # None: the short answer has no hash


class Status(msgspec.Struct, frozen=True):
    """Which level is active, and the high voltage's level (``HIGH_VOLTAGE_OFF`` is off)."""

    result: int
    status: StimStatus
    high_voltage: int


class MainStatus(msgspec.Struct, frozen=True):
    """The unit's own status byte, uninterpreted."""

    result: int
    status: int


class Battery(msgspec.Struct, frozen=True):
    """Charge of units that have a battery."""

    result: int
    level_percent: int
    voltage_mv: int


class CurrentData(msgspec.Struct, frozen=True):
    """Which channels run, and each channel's error. The name misleads: no current is reported."""

    result: int
    selection: int
    active: tuple[bool, ...]
    errors: tuple[ChannelError, ...]


Answer = Done | DeviceId | Version | Status | MainStatus | Battery | CurrentData


def result_name(payload: bytes) -> str:
    """The result that an answer's data starts with, in words, and its number."""
    if not payload:
        return "no result"
    return f"{RESULTS.get(payload[0], 'unnamed result')} ({payload[0]})"


def answer_of(packet: Packet) -> Answer:
    """What an answer says; RemoteProtocolError when its command, length or a value is impossible.

    An answer that carries an error may be shorter than a good one: then only the result is read. A whole one is
    read whole, because Ml_get_current_data tells the first channel's error as its result too.
    """
    payload = packet.payload
    if not payload:
        raise RemoteProtocolError("answer without a result", payload)
    parse = _PARSERS.get(packet.command)
    if parse is None:
        raise RemoteProtocolError(f"no answer has command {packet.command}", payload)
    length, build = parse
    if len(payload) == length:
        return build(payload)
    if payload[0] != 0:
        return Done(payload[0])
    raise RemoteProtocolError(f"answer {packet.command} has {len(payload)} bytes, not {length}", payload)


def _done_of(payload: bytes) -> Done:
    return Done(payload[0])


def _device_id_of(payload: bytes) -> DeviceId:
    """Padding goes; what is not ASCII is made visible, and shown safely by whoever shows it."""
    return DeviceId(payload[0], payload[1:].decode("ascii", errors="replace").rstrip("\0 "))


def _battery_of(payload: bytes) -> Battery:
    return Battery(payload[0], payload[1], payload[2] << 8 | payload[3])


def _status_of(payload: bytes) -> Status:
    result, status, high_voltage = payload
    if status > max(StimStatus) or high_voltage > MAX_HIGH_VOLTAGE:
        raise RemoteProtocolError(f"stimulation status {status}, high voltage {high_voltage}", payload)
    return Status(result, StimStatus(status), high_voltage)


def _current_data_of(payload: bytes) -> CurrentData:
    nibbles = [nibble for octet in payload[3:] for nibble in (octet & 0x0F, octet >> 4)]
    if max(nibbles) > max(ChannelError):
        raise RemoteProtocolError("a channel error that does not exist", payload)
    return CurrentData(
        payload[0],
        payload[1],
        tuple(bool(payload[2] >> bit & 1) for bit in range(CHANNELS)),
        tuple(ChannelError(nibble) for nibble in nibbles),
    )


def _version_of(payload: bytes) -> Version:
    firmware, protocol = tuple(payload[1:4]), tuple(payload[4:7])
    hash_valid = bool(payload[12]) if len(payload) > 12 else None
    return Version(
        payload[0], (firmware[0], firmware[1], firmware[2]), (protocol[0], protocol[1], protocol[2]), hash_valid
    )


_PARSERS: dict[int, tuple[int, Callable[[bytes], Answer]]] = {
    5: (1, _done_of),
    31: (1, _done_of),
    33: (1, _done_of),
    35: (1, _done_of),
    37: (7, _current_data_of),
    51: (7, _version_of),
    53: (11, _device_id_of),
    55: (4, _battery_of),
    59: (1, _done_of),
    63: (3, _status_of),
    65: (2, lambda payload: MainStatus(payload[0], payload[1])),
    GENERAL_ERROR: (1, _done_of),
    UNKNOWN_COMMAND: (1, _done_of),
    69: (13, _version_of),
}  # command of the answer -> bytes of a good one [P], and its reader
