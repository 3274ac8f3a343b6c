"""ScienceMode 2 of Hasomed's RehaStim 2: frames, requests, and what a frame means.

Sources: Hasomed, "ScienceMode2 - RehaStim2 Description and Protocol" 1.24 (2012-12-12), called [D] below; the notes in
the README of the maker's repository ScienceMode/ScienceMode2, [N].

A frame: ``F0 | 81 crc^55 | 81 length^55 | body, stuffed | 0F``. The body starts with packet number and command. The
length counts the stuffed body; the CRC (CRC-8, polynomial 07) is over the stuffed body. Integers are big endian, as
every table and example of [D] has them (one of its sentences says otherwise).

Rule 1: of the channel list mode one single biphasic pulse a group can be said. Doublets, triplets, low-frequency
        channels, one-shot groups, single pulses and the Motomed have no words here, and ``inspect`` calls them Unknown.
Rule 2: every valid packet feeds the unit's watchdog, so nothing here is a query that feeds no lease.
Rule 3: current is on the unit's 1 mA grid, the main interval on its 0.5 ms grid; nothing is rounded.
"""

import struct
from enum import IntEnum

import msgspec

from protocols.damage import Damage
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Energize, FrameKind, Off, Query, Unknown
from protocols.sciencemode import Packet

START = 0xF0
STOP = 0x0F
ESCAPE = 0x81
KEY = 0x55
BODY_AT = 5
MIN_FRAME = 8  # start, header, packet number, command, stop
MAX_FRAME = 69  # [D]
NUMBERS = 256  # packet numbers 0..255, then 0 again [D]
CHANNELS = 8  # two modules of four [D]
CURRENT_STEP_UA = 1_000  # [D]
MAX_CURRENT_UA = 130_000  # [D]
MIN_WIDTH_US = 20  # a shorter one is executed as 20 us [N]: not said, because it is not what would happen
MAX_WIDTH_US = 500  # [D]
INTERVAL_STEP_US = 500  # [D]
INTERVAL_BASE_US = 1_000  # main interval = 1 ms + code times 0.5 ms [D]
MIN_PERIOD_US = 8_000  # the firmware's least main interval [N]
MAX_PERIOD_US = 1_025_000  # [D]
PULSE_GAP_CODE = 13  # inter-pulse interval 8 ms, the firmware's least [N]; single pulses have no use for it
SINGLE = 0  # mode of one pulse a group [D]
VERSION = 1  # of the protocol, told by the unit's Init [D]


class Command(IntEnum):
    """What the host can say; but for the first two, an answer has the request's code + 1."""

    INIT_ACK = 2
    WATCHDOG = 4
    GET_STIMULATION_MODE = 10
    INIT_CHANNEL_LIST_MODE = 30
    START_CHANNEL_LIST_MODE = 32
    STOP_CHANNEL_LIST_MODE = 34


class Pulse(msgspec.Struct, frozen=True):
    """What one channel puts out in each main interval: two equal phases of this width and current, 100 us apart."""

    current_ua: int
    width_us: int


def encode(packet: Packet) -> bytes:
    """One frame; LocalProtocolError when number, command or length cannot be said."""
    if not (0 <= packet.command < 256 and 0 <= packet.number < NUMBERS):
        raise LocalProtocolError(f"cannot encode command {packet.command}, packet number {packet.number}")
    body = _stuffed(bytes((packet.number, packet.command)) + packet.payload)
    length = BODY_AT + len(body) + 1
    if length > MAX_FRAME:
        raise LocalProtocolError(f"cannot encode a frame of {length} bytes, the most is {MAX_FRAME}")
    header = (START, ESCAPE, crc8(body) ^ KEY, ESCAPE, len(body) ^ KEY)
    return bytes(header) + body + bytes((STOP,))


def decode(frame: bytes) -> Packet:
    """Exactly one whole frame; RemoteProtocolError with the reason otherwise.

    Any byte after an escape is taken back, needed or not: implementations in the field escape more than [D] asks.
    """
    if not MIN_FRAME <= len(frame) <= MAX_FRAME or frame[0] != START or frame[-1] != STOP:
        raise RemoteProtocolError("not a whole frame", frame)
    if frame[1] != ESCAPE or frame[3] != ESCAPE:
        raise RemoteProtocolError("header is not escaped", frame)
    body = frame[BODY_AT:-1]
    if frame[4] ^ KEY != len(body):
        raise RemoteProtocolError(f"says {frame[4] ^ KEY} bytes and has {len(body)}", frame)
    if frame[2] ^ KEY != crc8(body):
        raise RemoteProtocolError("checksum is wrong", frame)
    plain = _unstuffed(body, frame)
    if len(plain) < 2:
        raise RemoteProtocolError("no command", frame)
    return Packet(plain[1], plain[0], plain[2:])


class Decoder:
    """Bytes in any split become packets and damage; the same bytes give the same events. Holds 69 bytes at most."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._is_escaped = False

    def feed(self, received: bytes) -> list[Packet | Damage]:
        """What is complete now. Bytes before a start byte are told as damage once the next start is there."""
        events: list[Packet | Damage] = []
        for octet in received:
            is_inside = self._held[:1] == b"\xf0"
            if octet == START and not (is_inside and self._is_escaped):
                events += self._dropped("cut off by the next frame" if is_inside else "no frame")
            self._held.append(octet)
            is_end = is_inside and octet == STOP and not self._is_escaped
            self._is_escaped = is_inside and octet == ESCAPE and not self._is_escaped
            if is_end:
                events.append(_packet_or_damage(bytes(self._held)))
                self._held.clear()
            elif len(self._held) >= MAX_FRAME:
                events += self._dropped("longer than any frame" if is_inside else "no frame")
        return events

    def reset(self) -> Damage | None:
        """Throw away what is incomplete, and say what it was."""
        return next(iter(self._dropped("incomplete")), None)

    def _dropped(self, why: str) -> list[Damage]:
        held, self._held = bytes(self._held), bytearray()
        self._is_escaped = False
        return [Damage(why, held)] if held else []


def request(command: Command, number: int) -> bytes:
    """A request without data: the query, the stop, and the watchdog's food (which is not answered)."""
    if command not in (Command.WATCHDOG, Command.GET_STIMULATION_MODE, Command.STOP_CHANNEL_LIST_MODE):
        raise LocalProtocolError(f"cannot encode {command.name} without data")
    return encode(Packet(command, number))


def init_ack(number: int) -> bytes:
    """Accept the unit's Init of that packet number; its watchdog runs from here. Not answered."""
    return encode(Packet(Command.INIT_ACK, number, b"\x00"))


def init_list(number: int, channels: tuple[int, ...], period_us: int) -> bytes:
    """Choose the channels (1..8) of the list and how often it is gone through. Puts out nothing by itself."""
    if not channels or not all(1 <= channel <= CHANNELS for channel in channels):
        raise LocalProtocolError(f"cannot encode a list of channels {channels}")
    if not MIN_PERIOD_US <= period_us <= MAX_PERIOD_US or period_us % INTERVAL_STEP_US:
        raise LocalProtocolError(f"cannot encode a main interval of {period_us} us")
    mask = sum(1 << channel - 1 for channel in set(channels))
    code = (period_us - INTERVAL_BASE_US) // INTERVAL_STEP_US
    data = struct.pack(">BBBBHB", 0, mask, 0, PULSE_GAP_CODE, code, 0)
    return encode(Packet(Command.INIT_CHANNEL_LIST_MODE, number, data))


def start_list(number: int, pulses: tuple[Pulse, ...]) -> bytes:
    """Start, or change what runs: one pulse for each channel of the list, ascending."""
    if not 1 <= len(pulses) <= CHANNELS:
        raise LocalProtocolError(f"cannot encode {len(pulses)} channels")
    data = b"".join(_pulse_bytes(pulse) for pulse in pulses)
    return encode(Packet(Command.START_CHANNEL_LIST_MODE, number, data))


def inspect(frame: bytes) -> FrameKind:
    """What writing this frame does to the unit.

    The interval is stated by the list's Init (level ``period_us``), current and width (``current_ua``,
    ``pulse_width_us``) by its Start; the gate remembers the one when it judges the other.
    """
    try:
        packet = decode(frame)
    except RemoteProtocolError as error:
        return Unknown(error.why)
    if encode(packet) != frame:
        return Unknown("escapes what needs no escape")
    match packet.command:
        case Command.INIT_CHANNEL_LIST_MODE:
            return _list_kind(packet.payload)
        case Command.START_CHANNEL_LIST_MODE:
            return _pulses_kind(packet.payload)
        case _:
            return _FIXED.get((packet.command, packet.payload), Unknown(f"command {packet.command} with such data"))


_FIXED: dict[tuple[int, bytes], FrameKind] = {
    (Command.STOP_CHANNEL_LIST_MODE, b""): Off(),
    (Command.GET_STIMULATION_MODE, b""): Query(feeds_lease=True),
    (Command.WATCHDOG, b""): Query(feeds_lease=True),
    (Command.INIT_ACK, b"\x00"): Query(feeds_lease=True),  # asks nothing, but begins the lease
}


def _list_kind(payload: bytes) -> FrameKind:
    if len(payload) != 7:
        return Unknown(f"a channel list of {len(payload)} bytes")
    factor, mask, low_frequency, gap, code, execution = struct.unpack(">BBBBHB", payload)
    if not mask or (factor, low_frequency, gap, execution) != (0, 0, PULSE_GAP_CODE, 0):
        return Unknown("a channel list that is not one single pulse each main interval")
    period_us = INTERVAL_BASE_US + code * INTERVAL_STEP_US
    if not code or not MIN_PERIOD_US <= period_us <= MAX_PERIOD_US:
        return Unknown(f"main interval code {code}")
    return Energize(channels=((("period_us", period_us),),) * mask.bit_count())


def _pulses_kind(payload: bytes) -> FrameKind:
    if not payload or len(payload) % 4 or len(payload) > 4 * CHANNELS:
        return Unknown(f"pulses in {len(payload)} bytes")
    channels = []
    for mode, width_us, current_ma in struct.iter_unpack(">BHB", payload):
        current_ua = current_ma * CURRENT_STEP_UA
        if mode != SINGLE or not MIN_WIDTH_US <= width_us <= MAX_WIDTH_US or current_ua > MAX_CURRENT_UA:
            return Unknown(f"a pulse of mode {mode}, {width_us} us, {current_ma} mA")
        channels.append((("current_ua", current_ua), ("pulse_width_us", width_us)))
    return Energize(channels=tuple(channels))


def _pulse_bytes(pulse: Pulse) -> bytes:
    if not MIN_WIDTH_US <= pulse.width_us <= MAX_WIDTH_US:
        raise LocalProtocolError(f"cannot encode a pulse of {pulse.width_us} us")
    if not 0 <= pulse.current_ua <= MAX_CURRENT_UA or pulse.current_ua % CURRENT_STEP_UA:
        raise LocalProtocolError(f"cannot encode {pulse.current_ua} uA")
    return struct.pack(">BHB", SINGLE, pulse.width_us, pulse.current_ua // CURRENT_STEP_UA)


def crc8(octets: bytes) -> int:
    """CRC-8, polynomial 07, from 0, not reflected; F4 for the digits 1 to 9."""
    crc = 0
    for octet in octets:
        crc = _CRC_OF[crc ^ octet]
    return crc


def _crc_of(octet: int) -> int:
    for _ in range(8):
        octet = octet << 1 ^ 0x107 if octet & 0x80 else octet << 1
    return octet


_CRC_OF = bytes(_crc_of(octet) for octet in range(256))


def _packet_or_damage(frame: bytes) -> Packet | Damage:
    try:
        return decode(frame)
    except RemoteProtocolError as error:
        return Damage(error.why, frame)


def _stuffed(plain: bytes) -> bytes:
    return plain.replace(b"\x81", b"\x81\xd4").replace(b"\xf0", b"\x81\xa5").replace(b"\x0f", b"\x81\x5a")


def _unstuffed(body: bytes, frame: bytes) -> bytes:
    plain = bytearray()
    is_escaped = False
    for octet in body:
        if is_escaped:
            plain.append(octet ^ KEY)
            is_escaped = False
        elif octet == ESCAPE:
            is_escaped = True
        elif octet in (START, STOP):
            raise RemoteProtocolError("a start or stop byte inside", frame)
        else:
            plain.append(octet)
    if is_escaped:
        raise RemoteProtocolError("escape without a byte", frame)
    return bytes(plain)
