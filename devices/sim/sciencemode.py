"""The wire of a simulated ScienceMode stimulator, from the same documents as the driver's codec and sharing none of it.

"P24 Science & P24 Module Instructions for Use" v1.1, chapter ScienceMode, and "RehaMove3 ScienceMode Description and
Protocol" 3.2.4: frames are taken apart and put together here once more, so that driver and simulated unit are two
witnesses. What is no frame goes without an answer.
"""

from collections.abc import Iterator, Mapping

import msgspec

CHANNELS = 8
MAX_UA = 130_000
CHANNEL_OVERHEAD_US = 60
MAX_FRAME = 1200


class Pulse(msgspec.Struct, frozen=True):
    """What one channel repeats."""

    period_us: int
    peak_ua: int  # largest current of either sign
    width_us: int  # longest phase
    busy_us: int  # time that one pulse takes of the period


Points = tuple[tuple[int, int], ...]  # duration us, current uA


def pulse_of(period_us: int, points: Points) -> Pulse:
    """One channel's pulse of these points; at least one."""
    return Pulse(
        period_us=period_us,
        peak_ua=max(abs(current_ua) for _, current_ua in points),
        width_us=max(duration_us for duration_us, _ in points),
        busy_us=sum(duration_us for duration_us, _ in points) + CHANNEL_OVERHEAD_US,
    )


def variant(kind: str, reply: bytes, request: bytes, given: Mapping[str, int]) -> bytes | None:
    """An answer with another content in good frames, by kind of wire fault; None: nothing to act on."""
    asked = next(packets_in(bytearray(request)), None)
    told = next(packets_in(bytearray(reply)), None)
    if asked is None:
        return None
    number, command, _ = asked
    if kind == "foreign":
        return frame_of((number + 1) % 64, command + 1, b"\x00")
    if told is None:
        return None
    data = told[2]
    match kind:
        case "exception":
            return frame_of(number, command + 1, bytes((given["code"],)) + data[1:])
        case "forge":
            return frame_of(number, told[1], data[:-1] + bytes((data[-1] ^ 1,)))
        case "two-answer":
            return reply + frame_of(number, told[1], data[:-1] + bytes((data[-1] ^ 1,)))
        case "oversize":
            return frame_of(number, told[1], bytes(given["bytes"]))  # so much data, and a length that says so
        case _:
            return None


def pulses_of(data: bytes) -> dict[int, Pulse] | None:
    """What an update asks for, by channel from 0; None when it is anything but a correct update."""
    pulses: dict[int, Pulse] = {}
    at = 1
    for channel in range(CHANNELS if data else 0):
        if not data[0] & 1 << channel:
            continue
        count = (data[at] >> 4) + 1 if at < len(data) else 0
        points = points_of(data[at + 3 : at + 3 + 4 * count])
        if not count or points is None or len(points) != count:
            return None
        period = int.from_bytes(data[at + 1 : at + 3], "big")
        period_us = (period >> 1) * (250 if period & 1 else 500)
        if not 500 <= period_us <= 16_383_000:
            return None
        pulses[channel] = pulse_of(period_us, points)
        at += 3 + 4 * count
    share_ppm = sum(pulse.busy_us * 1_000_000 // pulse.period_us for pulse in pulses.values())
    return pulses if at == len(data) and share_ppm <= 1_000_000 else None


def points_of(data: bytes) -> Points | None:
    """Duration and current of each point; None when one is out of range. Below 10 us is executed as 10 us."""
    points = []
    for at in range(0, len(data), 4):
        word = int.from_bytes(data[at : at + 4], "big")
        current_ua = ((word >> 10 & 0x3FF) - 300) * 500
        if len(data) - at < 4 or abs(current_ua) > MAX_UA or word & 0x39F:  # bits 6 and 5 are the interpolation mode
            return None
        points.append((max(10, word >> 20), current_ua))
    return tuple(points)


def packets_in(held: bytearray) -> Iterator[tuple[int, int, bytes]]:
    """Packet number, command and data of every whole frame; what is no frame goes without a word."""
    while (start := held.find(0xF0)) >= 0:
        del held[:start]
        stop, again = held.find(0x0F, 9), held.find(0xF0, 9)
        if stop < 0 or 0 <= again < stop:
            if again >= 0 or len(held) > MAX_FRAME:
                del held[: max(1, again)]
                continue
            return
        frame = bytes(held[: stop + 1])
        header = [frame[at] ^ 0x55 for at in (2, 4, 6, 8)]
        is_whole = all(frame[at] == 0x81 for at in (1, 3, 5, 7)) and header[0] << 8 | header[1] == len(frame)
        if not is_whole or len(frame) > MAX_FRAME or header[2] << 8 | header[3] != _crc(frame[9:-1]):
            del held[:1]
            continue
        del held[: stop + 1]
        body = bytearray()
        is_escaped = False
        for octet in frame[9:-1]:
            if octet == 0x81 and not is_escaped:
                is_escaped = True
                continue
            body.append(octet ^ 0x55 if is_escaped else octet)
            is_escaped = False
        if len(body) >= 2:
            yield body[0] >> 2, (body[0] & 3) << 8 | body[1], bytes(body[2:])
    held.clear()


def frame_of(number: int, command: int, data: bytes) -> bytes:
    """One frame around a packet."""
    body = bytearray()
    for octet in (number << 10 | command).to_bytes(2, "big") + data:
        body += bytes((0x81, octet ^ 0x55)) if octet in (0xF0, 0x0F, 0x81) else bytes((octet,))
    header = bytearray((0xF0,))
    for octet in (10 + len(body) & 0xFFFF).to_bytes(2, "big") + _crc(bytes(body)).to_bytes(2, "big"):
        header += bytes((0x81, octet ^ 0x55))
    return bytes(header + body + b"\x0f")


def _crc(octets: bytes) -> int:
    """CRC-16/XMODEM, one octet at a time without a table (as _crc_xmodem_update of avr-libc)."""
    crc = 0
    for octet in octets:
        crc = (crc >> 8 | crc << 8) & 0xFFFF ^ octet
        crc ^= (crc & 0xFF) >> 4
        crc ^= crc << 12 & 0xFFFF
        crc ^= (crc & 0xFF) << 5
    return crc
