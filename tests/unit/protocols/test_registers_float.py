"""Temperatures that come as IEEE 754 words: exact whole numbers on our side, and nothing that is no number."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError
from protocols.registers import Access, Register, Table, WordOrder, WordType, decode, encode


def register(order: WordOrder = WordOrder.HIGH_FIRST, **bounds: int) -> Register:
    """A temperature in degrees Celsius on the wire, in thousandths of a degree here."""
    return Register(
        name="temperature",
        table=Table.HOLDING,
        address=2,
        type=WordType.FLOAT32,
        access=Access.READ_WRITE,
        source="made up",
        proven="own",
        multiply=1000,
        word_order=order,
        min=bounds.get("least"),
        max=bounds.get("most"),
    )


def words_of(bits: int, order: WordOrder = WordOrder.HIGH_FIRST) -> tuple[int, int]:
    """32 bits as the two words of a wire."""
    return (bits >> 16, bits & 0xFFFF) if order is WordOrder.HIGH_FIRST else (bits & 0xFFFF, bits >> 16)


def bits_of(celsius: float) -> int:
    """What a machine's own conversion makes of a number."""
    return int.from_bytes(struct.pack(">f", celsius), "big")


@given(st.integers(-4_000_000, 4_000_000), st.sampled_from(WordOrder))
def test_a_temperature_becomes_the_nearest_single(mdegc: int, order: WordOrder) -> None:
    """The machine's own conversion is the oracle, and the words come back as the same integer."""
    words = encode(register(order), mdegc)

    assert words_of(bits_of(mdegc / 1000), order) == words
    assert mdegc == decode(register(order), words)


@given(st.integers(0, 2**32 - 1))
def test_any_words_are_a_whole_number_or_no_value(bits: int) -> None:
    """Never an exception, never a number beyond what can be charted, and the nearest integer where there is one."""
    (celsius,) = struct.unpack(">f", bits.to_bytes(4, "big"))
    value = decode(register(), words_of(bits))
    is_told = abs(celsius) * 1000 <= 2**31 - 1  # False for what is no number

    assert is_told is (value is not None)
    assert value is None or abs(value - celsius * 1000) <= 0.5 + abs(celsius) * 1e-9


@pytest.mark.parametrize("bits", [0x7F800000, 0xFF800000, 0x7FC00000, 0xFFFFFFFF, 0x7F7FFFFF])
def test_what_is_no_temperature_is_no_value(bits: int) -> None:
    """Infinite, not a number, or beyond everything: a finding, never a limit that compares as false."""
    assert decode(register(), words_of(bits)) is None


def test_the_word_order_changes_the_meaning() -> None:
    """12.0 °C read the wrong way round is 0.0 °C: the reason why the order has to be proven on a unit."""
    words = encode(register(WordOrder.HIGH_FIRST), 12_000)

    assert 0 == decode(register(WordOrder.LOW_FIRST), words)


@pytest.mark.parametrize(("mdegc", "is_said"), [(3_999, False), (4_000, True), (18_000, True), (18_001, False)])
def test_bounds_are_inclusive(mdegc: int, *, is_said: bool) -> None:
    """At the bound is allowed; one thousandth beyond is not."""
    bounded = register(least=4_000, most=18_000)
    if is_said:
        assert mdegc == decode(bounded, encode(bounded, mdegc))
        return
    with pytest.raises(LocalProtocolError, match=r"is not in 4000\.\.18000"):
        encode(bounded, mdegc)


def test_a_value_that_a_single_cannot_hold_is_refused() -> None:
    """Beyond 24 bits a neighbour would be written in its place."""
    with pytest.raises(LocalProtocolError, match="does not come back"):
        encode(register(), 2**24 * 1_000 + 1)
