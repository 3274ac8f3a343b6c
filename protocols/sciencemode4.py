"""ScienceMode 3/4 of Hasomed's stimulators (RehaMove3, P24): frames, requests, answers, and what a frame means.

Sources: Hasomed, "P24 Science & P24 Module Instructions for Use" v1.1 (2023), chapter ScienceMode, called [P] below;
"RehaMove3 ScienceMode Description and Protocol" 3.2.4 (2018), [R]; Hasomed's smpt C library 4.0.0, [C].

A frame: ``F0 | 81 length_high^55 81 length_low^55 | 81 crc_high^55 81 crc_low^55 | body, stuffed | 0F``. The body
starts with packet number (6 bits) and command (10 bits). The length counts every byte of the frame as it is sent;
the CRC (CRC-16/XMODEM) is over the stuffed body. Integers are big endian [R].

Rule 1: general and mid level alone can be said. Low level (every pulse from the host, no watchdog) can only be
        stopped; it, service, boot and measurement commands have no words here, and ``inspect`` calls them Unknown.
Rule 2: a pattern is balanced (sum of duration times current is zero) or it is not encoded.
Rule 3: current is on the unit's 0.5 mA grid, period on its 0.25 ms grid; nothing is rounded.
"""

import binascii
import struct
from enum import IntEnum
from math import prod

import msgspec

from protocols.damage import Damage
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Energize, FrameKind, Off, Query, Unknown
from protocols.inspect import Levels as FrameLevels
from protocols.sciencemode import Packet

START = 0xF0
STOP = 0x0F
ESCAPE = 0x81
KEY = 0x55
BODY_AT = 9
MIN_FRAME = 12  # start, header, command prefix, stop [R]
MAX_FRAME = 1200  # [R]
NUMBERS = 64  # packet numbers 0..63, then 0 again [R]
CHANNELS = 8  # two connectors of four [P]
MAX_POINTS = 16  # [P]
CURRENT_STEP_UA = 500  # [P]
MAX_CURRENT_UA = 150_000  # what the code can say; what the unit puts out is less [P]
MAX_POINT_US = 4095  # 12 bits [P]
MIN_POINT_US = 10  # a shorter point is executed as 10 us [P]: not said, because it is not what would happen
MIN_PERIOD_US = 500  # [P]
MAX_PERIOD_US = 16_383_000  # [P]
MAX_FINE_PERIOD_US = 8_191_750  # 15 bits of 0.25 ms
CHANNEL_OVERHEAD_US = 60  # per channel and pulse, in the C library's own check of an update [C]
ALL_ERRORS = 4  # Ml_get_current_data: the one selection in use, 2 and 3 are legacy [P]


class Command(IntEnum):
    """The requests that can be said; an answer has the request's code + 1."""

    LL_STOP = 4
    ML_INIT = 30
    ML_UPDATE = 32
    ML_STOP = 34
    ML_GET_CURRENT_DATA = 36  # [P] prints 37; both libraries and all examples use 36
    GET_VERSION_MAIN = 50
    GET_DEVICE_ID = 52
    GET_STIM_STATUS = 62
    GET_MAIN_STATUS = 64
    GET_EXTENDED_VERSION = 68


class Point(msgspec.Struct, frozen=True):
    """A constant current for a time; a pattern is a row of them."""

    duration_us: int
    current_ua: int


class Pattern(msgspec.Struct, frozen=True):
    """What one channel repeats: points, period, and over how many pulses the unit raises it to full current."""

    period_us: int
    points: tuple[Point, ...]
    ramp: int = 0


def encode(packet: Packet) -> bytes:
    """One frame; LocalProtocolError when number, command or length cannot be said."""
    if not (0 <= packet.command < 1024 and 0 <= packet.number < NUMBERS):
        raise LocalProtocolError(f"cannot encode command {packet.command}, packet number {packet.number}")
    body = _stuffed(struct.pack(">H", packet.number << 10 | packet.command) + packet.payload)
    length = BODY_AT + len(body) + 1
    if length > MAX_FRAME:
        raise LocalProtocolError(f"cannot encode a frame of {length} bytes, the most is {MAX_FRAME}")
    crc = binascii.crc_hqx(body, 0)
    header = (START, *_escaped(length >> 8), *_escaped(length & 0xFF), *_escaped(crc >> 8), *_escaped(crc & 0xFF))
    return bytes(header) + body + bytes((STOP,))


def decode(frame: bytes) -> Packet:
    """Exactly one whole frame; RemoteProtocolError with the reason otherwise."""
    if len(frame) < MIN_FRAME or frame[0] != START or frame[-1] != STOP:
        raise RemoteProtocolError("not a whole frame", frame)
    if any(frame[at] != ESCAPE for at in (1, 3, 5, 7)):
        raise RemoteProtocolError("header is not escaped", frame)
    length = (frame[2] ^ KEY) << 8 | frame[4] ^ KEY
    if length != len(frame):
        raise RemoteProtocolError(f"says {length} bytes and has {len(frame)}", frame)
    body = frame[BODY_AT:-1]
    if binascii.crc_hqx(body, 0) != (frame[6] ^ KEY) << 8 | frame[8] ^ KEY:
        raise RemoteProtocolError("checksum is wrong", frame)
    plain = _unstuffed(body, frame)
    (prefix,) = struct.unpack_from(">H", plain)
    return Packet(prefix & 0x3FF, prefix >> 10, plain[2:])


class Decoder:
    """Bytes in any split become packets and damage; the same bytes give the same events. Holds 1200 bytes at most."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, received: bytes) -> list[Packet | Damage]:
        """What is complete now. Bytes before a start byte are told as damage once the next start is there."""
        events: list[Packet | Damage] = []
        rest = received
        while rest:
            room = MAX_FRAME - len(self._held)
            self._held += rest[:room]
            rest = rest[room:]
            while (size := self._ready()) > 0:
                events.append(_packet_or_damage(bytes(self._held[:size])))
                del self._held[:size]
        return events

    def reset(self) -> Damage | None:
        """Throw away what is incomplete, and say what it was."""
        held, self._held = bytes(self._held), bytearray()
        return Damage("incomplete", held) if held else None

    def _ready(self) -> int:
        """How many bytes from the front belong together and are complete; 0: wait for more.

        Decided by what has arrived alone, so that a later byte never changes an earlier answer. The body holds
        neither start nor stop bytes (they are stuffed), so the first of either ends the frame, whatever its length
        says: one bad length swallows no second frame.
        """
        held = self._held
        if not held:
            return 0
        if held[0] != START or any(held[at] != ESCAPE for at in (1, 3, 5, 7) if at < len(held)):
            return self._until_start(1)
        stop = held.find(STOP, BODY_AT)
        start = held.find(START, BODY_AT)
        if start >= 0 and (stop < 0 or start < stop):
            return start
        if stop >= 0:
            return stop + 1
        return MAX_FRAME if len(held) >= MAX_FRAME else 0

    def _until_start(self, at: int) -> int:
        start = self._held.find(START, at)
        if start >= 0:
            return start
        return MAX_FRAME if len(self._held) >= MAX_FRAME else 0


def request(command: Command, number: int) -> bytes:
    """A request without data: every query but Ml_get_current_data, and Ml_stop."""
    if command not in _WITHOUT_DATA:
        raise LocalProtocolError(f"cannot encode {command.name} without data")
    return encode(Packet(command, number))


def ml_init(number: int) -> bytes:
    """Switch the high voltage on, mid level, all channels to stop on any error.

    Data byte 0 is never said: with it the channels without the error go on [P].
    """
    return encode(Packet(Command.ML_INIT, number, b"\x01"))


def ml_update(number: int, patterns: dict[int, Pattern]) -> bytes:
    """Bring patterns into force, by channel 1..8; channels not named are off. Feeds the unit's watchdog."""
    if not patterns or not all(1 <= channel <= CHANNELS for channel in patterns):
        raise LocalProtocolError(f"cannot encode an update of channels {sorted(patterns)}")
    body = b"".join(_pattern_bytes(patterns[channel]) for channel in sorted(patterns))
    if not fits(tuple(patterns.values())):
        raise LocalProtocolError("cannot encode patterns that need more time than their periods have")
    mask = sum(1 << channel - 1 for channel in patterns)
    return encode(Packet(Command.ML_UPDATE, number, bytes((mask,)) + body))


def ml_get_current_data(number: int) -> bytes:
    """Ask for active channels and channel errors. Feeds the unit's watchdog."""
    return encode(Packet(Command.ML_GET_CURRENT_DATA, number, bytes((ALL_ERRORS,))))


def biphasic(current_ua: int, pulse_width_us: int, period_us: int, gap_us: int) -> Pattern:
    """The one pattern that modctl puts out: a positive phase, a gap, the same phase negative."""
    return Pattern(
        period_us,
        (Point(pulse_width_us, current_ua), Point(gap_us, 0), Point(pulse_width_us, -current_ua)),
    )


def is_balanced(pattern: Pattern) -> bool:
    """No net charge in one period."""
    return sum(point.duration_us * point.current_ua for point in pattern.points) == 0


def fits(patterns: tuple[Pattern, ...]) -> bool:
    """The unit drives one channel after the other: the shares of time that all need are at most the whole [C]."""
    whole = prod(pattern.period_us for pattern in patterns)
    return sum(_busy_us(pattern) * (whole // pattern.period_us) for pattern in patterns) <= whole


def update_of(payload: bytes) -> dict[int, Pattern]:
    """The patterns of an Ml_update's data, by channel; RemoteProtocolError when it is not exactly that."""
    if not payload:
        raise RemoteProtocolError("update without a channel mask", payload)
    patterns: dict[int, Pattern] = {}
    at = 1
    for channel in range(1, CHANNELS + 1):
        if not payload[0] >> channel - 1 & 1:
            continue
        if at + 3 > len(payload):
            raise RemoteProtocolError("update is cut off", payload)
        head, period = struct.unpack_from(">BH", payload, at)
        end = at + 3 + 4 * ((head >> 4) + 1)
        if end > len(payload):
            raise RemoteProtocolError("update is cut off", payload)
        points = tuple(_point_of(word, payload) for (word,) in struct.iter_unpack(">I", payload[at + 3 : end]))
        patterns[channel] = Pattern(_period_us_of(period, payload), points, head & 0x0F)
        at = end
    if at != len(payload):
        raise RemoteProtocolError("update has bytes left over", payload)
    return patterns


def inspect(frame: bytes) -> FrameKind:
    """What writing this frame does to the unit. Levels are ``current_ua``, ``pulse_width_us``, ``period_us``."""
    try:
        packet = decode(frame)
        if packet.command == Command.ML_UPDATE:
            return _update_kind(packet.payload)
    except RemoteProtocolError as error:
        return Unknown(error.why)
    if packet.payload:
        return _WITH_DATA.get((packet.command, packet.payload), Unknown(f"command {packet.command} with such data"))
    return _WITHOUT_DATA.get(packet.command, Unknown(f"command {packet.command}"))


# Reset is not here: what the unit does with its output while it restarts is not documented.
_WITHOUT_DATA: dict[int, FrameKind] = {
    Command.ML_STOP: Off(),
    Command.LL_STOP: Off(),
    Command.GET_STIM_STATUS: Query(),
    Command.GET_DEVICE_ID: Query(),
    Command.GET_MAIN_STATUS: Query(),
    Command.GET_EXTENDED_VERSION: Query(),
    Command.GET_VERSION_MAIN: Query(),
}
_WITH_DATA: dict[tuple[int, bytes], FrameKind] = {
    (Command.ML_INIT, b"\x01"): Energize(channels=()),  # arms the output stage (high voltage on), drives no channel
    (Command.ML_GET_CURRENT_DATA, bytes((ALL_ERRORS,))): Query(feeds_lease=True),
}


def _update_kind(payload: bytes) -> FrameKind:
    patterns = update_of(payload)
    if not patterns:
        return Unknown("an update without channels feeds the watchdog and leaves the high voltage on")
    if not fits(tuple(patterns.values())):
        return Unknown("patterns need more time than their periods have")
    channels: list[FrameLevels] = []
    for pattern in patterns.values():
        levels = _levels_of(pattern)
        if levels is None:
            return Unknown("a pattern that is not one balanced pair of equal phases")
        channels.append(levels)
    return Energize(channels=tuple(channels))


def _levels_of(pattern: Pattern) -> FrameLevels | None:
    """Levels of a phase and its mirror image, with or without a currentless gap; None for anything else."""
    first, last = pattern.points[0], pattern.points[-1]
    if len(pattern.points) not in (2, 3) or any(point.current_ua for point in pattern.points[1:-1]):
        return None
    if first.duration_us != last.duration_us or first.current_ua != -last.current_ua:
        return None
    if any(point.duration_us < MIN_POINT_US for point in pattern.points):
        return None
    return (
        ("current_ua", abs(first.current_ua)),
        ("pulse_width_us", first.duration_us),
        ("period_us", pattern.period_us),
    )


def _busy_us(pattern: Pattern) -> int:
    return sum(point.duration_us for point in pattern.points) + CHANNEL_OVERHEAD_US


def _packet_or_damage(frame: bytes) -> Packet | Damage:
    try:
        return decode(frame)
    except RemoteProtocolError as error:
        return Damage(error.why, frame)


def _escaped(octet: int) -> tuple[int, int]:
    return ESCAPE, octet ^ KEY


def _stuffed(plain: bytes) -> bytes:
    return plain.replace(b"\x81", b"\x81\xd4").replace(b"\xf0", b"\x81\xa5").replace(b"\x0f", b"\x81\x5a")


def _unstuffed(body: bytes, frame: bytes) -> bytes:
    if ESCAPE not in body:
        return body
    plain = bytearray()
    for index, part in enumerate(body.split(b"\x81")):
        if index == 0:
            plain += part
        elif part and part[0] ^ KEY in (START, STOP, ESCAPE):
            plain.append(part[0] ^ KEY)
            plain += part[1:]
        else:
            raise RemoteProtocolError("escaped what needs no escape", frame)
    if len(plain) < 2:
        raise RemoteProtocolError("no command", frame)
    return bytes(plain)


def _pattern_bytes(pattern: Pattern) -> bytes:
    if not 1 <= len(pattern.points) <= MAX_POINTS or not 0 <= pattern.ramp <= 15:
        raise LocalProtocolError(f"cannot encode {len(pattern.points)} points with ramp {pattern.ramp}")
    if not is_balanced(pattern):
        raise LocalProtocolError("cannot encode a pattern with net charge")
    head = bytes(((len(pattern.points) - 1) << 4 | pattern.ramp,))
    return head + _period_bytes(pattern.period_us) + b"".join(_point_bytes(point) for point in pattern.points)


def _period_bytes(period_us: int) -> bytes:
    """Bit 0 clear: steps of 0.5 ms; set: steps of 0.25 ms [P]. The coarse form wherever it is exact."""
    if MIN_PERIOD_US <= period_us <= MAX_PERIOD_US and period_us % 500 == 0:
        return struct.pack(">H", period_us // 500 << 1)
    if MIN_PERIOD_US <= period_us <= MAX_FINE_PERIOD_US and period_us % 250 == 0:
        return struct.pack(">H", period_us // 250 << 1 | 1)
    raise LocalProtocolError(f"cannot encode a period of {period_us} us")


def _period_us_of(word: int, payload: bytes) -> int:
    period_us = (word >> 1) * (250 if word & 1 else 500)
    if not MIN_PERIOD_US <= period_us <= MAX_PERIOD_US:
        raise RemoteProtocolError(f"a period of {period_us} us", payload)
    return period_us


def _point_bytes(point: Point) -> bytes:
    """12 bits duration, 10 bits current (code 300 is none, 2 per mA), 10 bits zero [P]."""
    if not MIN_POINT_US <= point.duration_us <= MAX_POINT_US:
        raise LocalProtocolError(f"cannot encode a point of {point.duration_us} us")
    if abs(point.current_ua) > MAX_CURRENT_UA or point.current_ua % CURRENT_STEP_UA:
        raise LocalProtocolError(f"cannot encode {point.current_ua} uA")
    return struct.pack(">I", point.duration_us << 20 | (point.current_ua // CURRENT_STEP_UA + 300) << 10)


def _point_of(word: int, payload: bytes) -> Point:
    current_ua = ((word >> 10 & 0x3FF) - 300) * CURRENT_STEP_UA
    if word & 0x3FF or current_ua > MAX_CURRENT_UA:
        raise RemoteProtocolError(f"a point of {word:08x}", payload)
    return Point(word >> 20, current_ua)
