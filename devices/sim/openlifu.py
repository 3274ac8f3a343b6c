"""The packets of a simulated OpenLIFU, from its firmware's uart_comms.c, sharing nothing with the driver's codec."""

from collections.abc import Mapping

import msgspec

LONGEST = 2048
BAD_CRC, NAK, UNKNOWN, ERROR, RESPONSE = 0xED, 0xE1, 0xEE, 0xEF, 0xE3


class Said(msgspec.Struct, frozen=True):
    """One packet; ``kind`` BAD_CRC or NAK stands for bytes that are none, with the id that could be read."""

    number: int
    kind: int
    command: int = 0
    address: int = 0
    reserved: int = 0
    data: bytes = b""


def packet(said: Said) -> bytes:
    """The bytes of one packet."""
    head = said.number.to_bytes(2, "big") + bytes((said.kind, said.command, said.address, said.reserved))
    inner = head + (len(said.data) & 0xFFFF).to_bytes(2, "big") + said.data
    return b"\xaa" + inner + crc(inner).to_bytes(2, "big") + b"\xdd"


def taken(held: bytearray) -> Said | None:
    """The first packet of what was received, removed from it; None while it is not whole.

    Bytes before a start byte are answered once with NAK and go; a wrong checksum or end takes the start byte alone.
    """
    if held and held[0] != 0xAA:
        start = held.find(0xAA)
        del held[: start if start >= 0 else len(held)]
        return Said(0, NAK)
    if len(held) < 9:
        return None
    size = 12 + int.from_bytes(held[7:9], "big")
    if size > LONGEST:
        del held[:1]
        return Said(int.from_bytes(held[:2], "big"), NAK)
    if len(held) < size:
        return None
    frame = bytes(held[:size])
    number = int.from_bytes(frame[1:3], "big")
    if crc(frame[1:-3]) != int.from_bytes(frame[-3:-1], "big") or frame[-1] != 0xDD:
        del held[:1]
        return Said(number, BAD_CRC)
    del held[:size]
    return Said(number, frame[3], frame[4], frame[5], frame[6], frame[9:-3])


def variant(kind: str, reply: bytes, request: bytes, given: Mapping[str, int]) -> bytes | None:
    """An answer with another content in good packets, by kind of wire fault; None: nothing to act on."""
    asked, told = taken(bytearray(request)), taken(bytearray(reply))
    if kind == "foreign":
        return None if asked is None else packet(Said(asked.number + 1 & 0xFFFF, RESPONSE, asked.command))
    if told is None:
        return None
    match kind:
        case "exception":
            return packet(Said(told.number, ERROR, told.command))
        case "forge":
            return packet(_forged(told))
        case "two-answer":
            return reply + packet(_forged(told))
        case "oversize":
            return packet(msgspec.structs.replace(told, data=bytes(given["bytes"])))
        case _:
            return None


def _forged(told: Said) -> Said:
    if not told.data:
        return msgspec.structs.replace(told, reserved=told.reserved ^ 1)
    return msgspec.structs.replace(told, data=told.data[:-1] + bytes((told.data[-1] ^ 1,)))


def crc(octets: bytes) -> int:
    """CRC-16/CCITT-FALSE, bit by bit."""
    value = 0xFFFF
    for octet in octets:
        value ^= octet << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value
