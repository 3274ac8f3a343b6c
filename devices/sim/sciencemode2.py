"""The wire of a simulated RehaStim 2, from the same document as the driver's codec and sharing none of it.

Hasomed, "ScienceMode2 - RehaStim2 Description and Protocol" 1.24: frames are taken apart and put together here once
more, so that driver and simulated unit are two witnesses. What has no stop byte within 69 bytes goes without a word;
what has one and is wrong inside is told apart, because the unit answers it with *transfer error*.
"""

from collections.abc import Iterator, Mapping

import msgspec

MAX_FRAME = 69
CHANNELS = 8


class Request(msgspec.Struct, frozen=True):
    """One frame of the host's. ``data`` None: length or checksum is wrong, number and command are as they came."""

    number: int
    command: int
    data: bytes | None


class Timing(msgspec.Struct, frozen=True):
    """What an InitChannelListMode sets. ``interval_us`` 0: the list is gone through once."""

    channels: tuple[int, ...]  # from 0
    gap_us: int
    interval_us: int


class Pulse(msgspec.Struct, frozen=True):
    """What one channel puts out each time the list comes to it."""

    count: int  # 1 single, 2 doublet, 3 triplet
    width_us: int
    peak_ua: int


def requests_in(held: bytearray) -> Iterator[Request]:
    """Every whole frame at the front of the buffer; what belongs to none is taken away without a word."""
    while True:
        start = held.find(0xF0)
        del held[: len(held) if start < 0 else start]
        size, is_whole = _front(held)
        if not size:
            return
        frame = bytes(held[:size])
        del held[:size]
        request = _taken_apart(frame) if is_whole else None
        if request is not None:
            yield request


def frame_of(number: int, command: int, data: bytes) -> bytes:
    """One frame around a packet; longer than the unit would ever send one, if so much data is asked for."""
    body = bytearray()
    for octet in bytes((number, command)) + data:
        body += bytes((0x81, octet ^ 0x55)) if octet in (0xF0, 0x0F, 0x81) else bytes((octet,))
    return bytes((0xF0, 0x81, _crc(body) ^ 0x55, 0x81, len(body) & 0xFF ^ 0x55)) + bytes(body) + b"\x0f"


def timing_of(data: bytes) -> Timing | None:
    """What a channel list's seven bytes ask for; None when a parameter is out of range.

    Below the firmware's 8 ms both intervals are executed as 8 ms (chosen: the notes name the minimum, not what
    becomes of less; pulse widths below their minimum are raised to it).
    """
    if len(data) != 7:
        return None
    factor, mask, _low_frequency, gap, execution = data[0], data[1], data[2], data[3], data[6]
    interval = data[4] << 8 | data[5]
    if factor > 7 or not mask or interval > 2048 or execution > 1:
        return None
    gap_us = max(8_000, 1_500 + 500 * gap)
    interval_us = max(8_000, 1_000 + 500 * interval) if interval else 0
    if interval_us and interval_us < gap_us:
        return None
    return Timing(tuple(bit for bit in range(CHANNELS) if mask >> bit & 1), gap_us, interval_us)


def pulses_of(data: bytes, timing: Timing) -> dict[int, Pulse] | None:
    """What a Start asks for, by channel from 0; None when count or a parameter is out of range."""
    if len(data) != 4 * len(timing.channels):
        return None
    pulses: dict[int, Pulse] = {}
    for place, channel in enumerate(timing.channels):
        mode, high, low, current_ma = data[4 * place : 4 * place + 4]
        width_us = high << 8 | low
        if mode > 2 or width_us > 500 or current_ma > 130:
            return None
        if timing.interval_us and timing.interval_us < (mode + 1) * timing.gap_us:
            return None
        pulses[channel] = Pulse(mode + 1, max(20, width_us), current_ma * 1000)
    return pulses


def variant(kind: str, reply: bytes, request: bytes, given: Mapping[str, int]) -> bytes | None:
    """An answer with another content in good frames, by kind of wire fault; None: nothing to act on."""
    asked = [one for one in requests_in(bytearray(request)) if one.command not in (2, 4)]  # those are not answered
    if not asked:
        return None
    number, command = asked[-1].number, asked[-1].command
    if kind == "foreign":
        return frame_of((number + 1) % 256, command + 1, b"\x00")
    told = list(requests_in(bytearray(reply)))
    data = told[-1].data if told else None
    if not data:
        return None
    changed = frame_of(number, told[-1].command, data[:-1] + bytes((data[-1] ^ 1,)))
    match kind:
        case "exception":
            return frame_of(number, command + 1, bytes((-given["code"] & 0xFF,)))
        case "forge":
            return changed
        case "two-answer":
            return reply + changed
        case "oversize":
            return frame_of(number, told[-1].command, bytes(given["bytes"]))
        case _:
            return None


def _front(held: bytearray) -> tuple[int, bool]:
    """How many bytes at the front belong together, and whether a stop byte ends them; 0: wait for more."""
    at = 1
    while at < min(len(held), MAX_FRAME):
        if held[at] == 0x81:
            at += 1  # whatever follows is no delimiter
        elif held[at] == 0x0F:
            return at + 1, True
        elif held[at] == 0xF0:
            return at, False
        at += 1
    return (MAX_FRAME if len(held) >= MAX_FRAME else 0), False


def _taken_apart(frame: bytes) -> Request | None:
    body = frame[5:-1]
    plain = bytearray()
    octets = iter(body)
    for octet in octets:
        plain.append(next(octets, 0) ^ 0x55 if octet == 0x81 else octet)
    if len(plain) < 2:
        return None
    is_good = frame[1] == frame[3] == 0x81 and (frame[2] ^ 0x55, frame[4] ^ 0x55) == (_crc(body), len(body))
    return Request(plain[0], plain[1], bytes(plain[2:]) if is_good else None)


def _crc(octets: bytes | bytearray) -> int:
    """CRC-8 by long division of the whole message by x^8 + x^2 + x + 1."""
    rest = int.from_bytes(octets, "big") << 8
    while (excess := rest.bit_length() - 9) >= 0:
        rest ^= 0x107 << excess
    return rest
