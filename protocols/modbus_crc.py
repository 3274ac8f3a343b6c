"""CRC-16 of Modbus RTU: polynomial A001 reflected, start FFFF, low byte first.

Source: MODBUS over Serial Line V1.02, 6.2.2.
"""

import functools
import struct
from typing import Final

POLYNOMIAL: Final = 0xA001


@functools.cache
def _byte_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ POLYNOMIAL if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


@functools.cache
def _word_table() -> tuple[int, ...]:
    """Two bytes a step: half the time of the byte table. Made when first needed, not at import."""
    table = _byte_table()
    return tuple((table[word & 0xFF] >> 8) ^ table[(table[word & 0xFF] ^ word >> 8) & 0xFF] for word in range(0x10000))


def crc16(frame: bytes) -> int:
    """The CRC of some bytes; 0 over a frame that carries its own."""
    table = _word_table()
    words = len(frame) // 2
    crc = 0xFFFF
    for word in struct.unpack_from(f"<{words}H", frame):
        crc = table[crc ^ word]
    if len(frame) % 2:
        crc = crc >> 8 ^ _byte_table()[(crc ^ frame[-1]) & 0xFF]
    return crc


def with_crc(body: bytes) -> bytes:
    """An RTU frame: the body and its CRC."""
    return body + crc16(body).to_bytes(2, "little")
