"""Register maps as data: how a canonical integer stands in 16-bit words, and what writing it means.

Addresses are zero-based PDU addresses. ``value = raw * multiply // divide + offset`` in the canonical unit;
the way back is exact or refused. The vocabulary follows MBMap v2 (nobrega8/mbmap-library) where it has a word.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Final

import msgspec

from protocols.errors import LocalProtocolError


class Table(StrEnum):
    """The four Modbus tables; the two bit tables are not used by any map of ours yet."""

    HOLDING = "holding"
    INPUT = "input"


class WordType(StrEnum):
    """How many words and which sign."""

    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    FLOAT32 = "float32"  # IEEE 754 binary32; what is not a number, or infinite, is *no value*


class WordOrder(StrEnum):
    """Which half of a 32-bit value stands at the lower address."""

    HIGH_FIRST = "high-first"
    LOW_FIRST = "low-first"


class Access(StrEnum):
    """What the unit's document allows."""

    READ = "read"
    WRITE = "write"
    READ_WRITE = "read-write"


class Effect(StrEnum):
    """What a write to the register does to the output: the frame gate's knowledge, so it must be complete."""

    NONE = "none"  # never written by us
    LEVEL = "level"  # states a level: Energize
    ENABLE = "enable"  # ``off_value`` is Off, every other value is Energize at the levels written last
    LEASE = "lease"  # feeds the unit's watchdog
    CONFIG = "config"  # by itself puts out nothing (timer, communication settings)


class Register(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One named value of a map. A writable number without ``min`` and ``max`` does not load."""

    name: str
    table: Table
    address: int
    type: WordType
    access: Access
    source: str
    proven: str  # unit | client | manual | extract | assumed | own
    parameter: str | None = None  # canonical parameter, where the register is one
    unit: str = "1"  # UCUM of the canonical value
    multiply: int = 1
    divide: int = 1
    offset: int = 0
    word_order: WordOrder = WordOrder.HIGH_FIRST
    min: int | None = None  # canonical
    max: int | None = None  # canonical
    effect: Effect = Effect.NONE
    off_value: int | None = None  # for ENABLE
    on_value: int | None = None  # for ENABLE
    slow_off_value: int | None = None  # for ENABLE: off at the rate that is set; it takes energy away as well
    sentinel: int | None = None  # raw words, read as one unsigned number, that say *no value*
    enum: dict[str, int] | None = None
    bits: dict[str, int] | None = None
    fault_bits: tuple[str, ...] | None = None  # of ``bits``: those that say a fault; None: every one does
    eeprom: bool = False  # each write wears the unit's memory
    poll: bool = False  # part of every sample


class RegisterMap(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All registers of one unit and how they may be asked for."""

    unit_address: int
    registers: tuple[Register, ...]
    max_registers_per_read: int = 32

    @cached_property
    def readable(self) -> Mapping[tuple[Table, int], int]:
        """Where readable registers begin, and how many words each has."""
        registers = (register for register in self.registers if register.access is not Access.WRITE)
        return {(register.table, register.address): words_of(register) for register in registers}

    @cached_property
    def holding(self) -> Mapping[int, Register]:
        """The holding registers by address."""
        return {register.address: register for register in self.registers if register.table is Table.HOLDING}


WORDS_OF: Final = {WordType.INT16: 1, WordType.UINT16: 1, WordType.INT32: 2, WordType.UINT32: 2, WordType.FLOAT32: 2}
SIGNED: Final = frozenset({WordType.INT16, WordType.INT32})
LARGEST: Final = 2**31 - 1  # of a canonical value that a float word brings: beyond it the word is *no value*
MANTISSA: Final = 1 << 23  # binary32: 23 bits and the one that is not written
EXPONENT_OF_ONE: Final = 127 + 23  # what its exponent field holds when the mantissa counts ones


def words_of(register: Register) -> int:
    """How many 16-bit words the register has."""
    return WORDS_OF[register.type]


def decode(register: Register, words: tuple[int, ...]) -> int | None:
    """The canonical value of the register's words; None when they are the sentinel, or a float that is no number.

    Never fails on any words of the right number. Where ``divide`` is not 1, the value is rounded down; a float is
    rounded to the nearest.
    """
    if register.type is WordType.UINT16 and len(words) == 1:  # most registers are one plain word
        raw = words[0]
        return None if raw == register.sentinel else raw * register.multiply // register.divide + register.offset
    raw = _unsigned(register, words)
    if raw == register.sentinel:
        return None
    if register.type is WordType.FLOAT32:
        return _of_float(register, raw)
    bits = 16 * len(words)
    if register.type in SIGNED and raw >> (bits - 1):
        raw -= 1 << bits
    return raw * register.multiply // register.divide + register.offset


def encode(register: Register, value: int) -> tuple[int, ...]:
    """The words that say exactly this canonical value; LocalProtocolError when there are none.

    Refused: out of ``min`` .. ``max``, off the register's grid, too large for its words, equal to its sentinel.
    """
    too_low = register.min is not None and value < register.min
    too_high = register.max is not None and value > register.max
    if too_low or too_high:
        raise LocalProtocolError(f"{register.name}: {value} is not in {register.min}..{register.max}")
    bits = 16 * words_of(register)
    raw = _integer(register, value, bits) if register.type is not WordType.FLOAT32 else _to_float(register, value)
    if raw == register.sentinel:
        raise LocalProtocolError(f"{register.name}: {value} is the register's word for no value")
    words = tuple(raw >> shift & 0xFFFF for shift in range(bits - 16, -1, -16))
    if decode(register, words if register.word_order is WordOrder.HIGH_FIRST else words[::-1]) != value:
        raise LocalProtocolError(f"{register.name}: {value} does not come back from its words")
    return words if register.word_order is WordOrder.HIGH_FIRST else words[::-1]


def word_name(register: Register, value: int) -> str | None:
    """The name that the map's ``enum`` gives to a value; None when it has none."""
    return next((name for name, number in (register.enum or {}).items() if number == value), None)


def bit_names(register: Register, value: int) -> tuple[str, ...]:
    """Names of the bits that are set, in order of the bits; a bit without a name is called by its number."""
    names = {number: name for name, number in (register.bits or {}).items()}
    return tuple(names.get(bit, f"bit{bit}") for bit in range(16 * words_of(register)) if value >> bit & 1)


def find(registers: Iterable[Register], name: str) -> Register | None:
    """One register by name; None if the map has none."""
    return next((register for register in registers if register.name == name), None)


def _integer(register: Register, value: int, bits: int) -> int:
    """The raw number of an integer register as its bits."""
    raw, rest = divmod((value - register.offset) * register.divide, register.multiply)
    if rest:
        raise LocalProtocolError(f"{register.name}: {value} is not on the grid of {register.multiply}")
    lowest = -(1 << (bits - 1)) if register.type in SIGNED else 0
    if not lowest <= raw < lowest + (1 << bits):
        raise LocalProtocolError(f"{register.name}: {value} does not fit {register.type}")
    return raw & ((1 << bits) - 1)


# IEEE 754 binary32 by whole numbers: a temperature never passes through a float of ours.


def _of_float(register: Register, raw: int) -> int | None:
    """The nearest canonical integer; None for what is no number, infinite, or beyond any canonical value."""
    sign, exponent, mantissa = raw >> 31, raw >> 23 & 0xFF, raw & (MANTISSA - 1)
    if exponent == 0xFF:
        return None
    shift = max(exponent, 1) - EXPONENT_OF_ONE
    mantissa += MANTISSA if exponent else 0
    size = _nearest(mantissa * register.multiply << max(0, shift), register.divide << max(0, -shift))
    value = (-size if sign else size) + register.offset
    return value if abs(value) <= LARGEST else None


def _to_float(register: Register, value: int) -> int:
    """The bits of the nearest binary32; whether it comes back as the same integer is ``encode``'s matter."""
    top, bottom = (value - register.offset) * register.divide, register.multiply
    if top == 0:
        return 0
    size = abs(top)
    shift = size.bit_length() - bottom.bit_length() - MANTISSA.bit_length()
    if size << max(0, -shift) >= (2 * MANTISSA * bottom) << max(0, shift):
        shift += 1
    mantissa = _nearest(size << max(0, -shift), bottom << max(0, shift))
    if not 0 < shift + EXPONENT_OF_ONE < 0xFF:
        raise LocalProtocolError(f"{register.name}: {value} does not fit {register.type}")
    # Rounding up to the next power of two carries into the exponent by itself.
    bits = (shift + EXPONENT_OF_ONE << 23) + mantissa - MANTISSA
    return bits | (1 << 31 if top < 0 else 0)


def _nearest(top: int, bottom: int) -> int:
    """The nearest whole number, half to even, as IEEE 754 rounds; both are positive or 0."""
    whole, rest = divmod(top, bottom)
    return whole + (2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1))


def _unsigned(register: Register, words: tuple[int, ...]) -> int:
    if len(words) != words_of(register):
        raise LocalProtocolError(f"{register.name}: {len(words)} words for {register.type}")
    raw = 0
    for word in words if register.word_order is WordOrder.HIGH_FIRST else words[::-1]:
        raw = raw << 16 | word
    return raw
