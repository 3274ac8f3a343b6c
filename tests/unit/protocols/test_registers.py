"""Canonical integers and 16-bit words: exact both ways, or refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.blocks import covers, plan, values
from protocols.errors import LocalProtocolError
from protocols.registers import (
    Access,
    Effect,
    Register,
    RegisterMap,
    Table,
    WordOrder,
    WordType,
    bit_names,
    decode,
    encode,
    word_name,
    words_of,
)


def register(
    name: str = "r",
    address: int = 0,
    type_: WordType = WordType.UINT16,
    *,
    multiply: int = 1,
    divide: int = 1,
    offset: int = 0,
    sentinel: int | None = None,
    word_order: WordOrder = WordOrder.HIGH_FIRST,
    access: Access = Access.READ,
) -> Register:
    """One register with the rest at its defaults."""
    return Register(
        name=name,
        table=Table.HOLDING,
        address=address,
        type=type_,
        access=access,
        source="made up",
        proven="own",
        multiply=multiply,
        divide=divide,
        offset=offset,
        sentinel=sentinel,
        word_order=word_order,
    )


@pytest.mark.parametrize("type_", [WordType.UINT16, WordType.INT16])
@pytest.mark.parametrize(("multiply", "offset"), [(1, 0), (10, 0), (100, 0), (100, -40_000), (1, 7)])
def test_every_word_comes_back(type_: WordType, multiply: int, offset: int) -> None:
    """All 65 536 words, so that no scaling overflows or rounds (a decimal place lost is ten times the dose)."""
    one = register(type_=type_, multiply=multiply, offset=offset)

    wrong = [word for word in range(0x10000) if encode(one, decode(one, (word,)) or 0) != (word,)]

    assert [] == wrong


def test_sign_is_that_of_the_type() -> None:
    """The same word is a large number or a negative one."""
    assert 0xFFFE == decode(register(type_=WordType.UINT16), (0xFFFE,))
    assert -2 == decode(register(type_=WordType.INT16), (0xFFFE,))


@pytest.mark.parametrize(("order", "words"), [(WordOrder.HIGH_FIRST, (1, 2)), (WordOrder.LOW_FIRST, (2, 1))])
@pytest.mark.parametrize("type_", [WordType.UINT32, WordType.INT32])
def test_long_numbers_keep_their_word_order(order: WordOrder, words: tuple[int, ...], type_: WordType) -> None:
    """A swapped half is 65 536 times too much."""
    one = register(type_=type_, word_order=order)

    assert 0x10002 == decode(one, words)
    assert words == encode(one, 0x10002)


@given(value=st.integers(-(2**31), 2**31 - 1), order=st.sampled_from(WordOrder))
def test_every_long_number_comes_back(value: int, order: WordOrder) -> None:
    """Both word orders, over the whole range."""
    one = register(type_=WordType.INT32, word_order=order)

    assert value == decode(one, encode(one, value))


def test_the_sentinel_is_no_value() -> None:
    """A sensor without a reading must not read as its largest number."""
    one = register(sentinel=0xFFFF)
    signed = register(type_=WordType.INT16, sentinel=0x8000)

    assert decode(one, (0xFFFF,)) is None
    assert 0xFFFE == decode(one, (0xFFFE,))
    assert decode(signed, (0x8000,)) is None
    with pytest.raises(LocalProtocolError, match="no value"):
        encode(one, 0xFFFF)


@pytest.mark.parametrize(
    ("value", "is_said"),
    [(99, False), (100, True), (101, False), (110, True), (2990, True), (3000, True), (3010, False)],
)
def test_bounds_are_inclusive_and_the_grid_is_kept(value: int, *, is_said: bool) -> None:
    """At the bound is said, beyond and between is refused: nothing is clamped or rounded."""
    one = msgspec.structs.replace(register(multiply=10), min=100, max=3000)

    if is_said:
        assert (value // 10,) == encode(one, value)
    else:
        with pytest.raises(LocalProtocolError):
            encode(one, value)


def test_what_is_off_the_grid_says_so() -> None:
    """The technician reads which of the reasons it was."""
    with pytest.raises(LocalProtocolError, match="not on the grid of 10"):
        encode(register(multiply=10), 105)


@pytest.mark.parametrize(
    ("type_", "value"), [(WordType.UINT16, 65_536), (WordType.UINT16, -1), (WordType.INT16, 32_768)]
)
def test_what_does_not_fit_is_refused(type_: WordType, value: int) -> None:
    """Sixteen bits never wrap."""
    with pytest.raises(LocalProtocolError, match="does not fit"):
        encode(register(type_=type_), value)


def test_finer_units_than_ours_are_rounded_down_and_refused_when_written() -> None:
    """A reading in tenths of our unit loses its tenths; a value that would not come back is not written."""
    one = register(divide=10)

    assert 12 == decode(one, (129,))
    assert (120,) == encode(one, 12)


def test_words_and_bits_have_names() -> None:
    """People read words; what the map has no word for is still shown."""
    one = msgspec.structs.replace(register(), enum={"off": 0, "on": 1}, bits={"hot": 2})

    assert "on" == word_name(one, 1)
    assert word_name(one, 2) is None
    assert ("bit0", "hot") == bit_names(one, 0b101)


def test_a_wrong_number_of_words_is_our_mistake() -> None:
    """Half a long number is not read."""
    with pytest.raises(LocalProtocolError):
        decode(register(type_=WordType.INT32), (1,))


MAP = RegisterMap(
    unit_address=1,
    registers=(
        register("a", 0),
        register("b", 1, WordType.UINT32),
        register("spare", 3),
        register("c", 4),
        register("d", 20),
        register("e", 22),
        register("w", 30, access=Access.WRITE),
    ),
    max_registers_per_read=5,
)


def wanted(*names: str) -> list[Register]:
    """Registers of the map by name, in any order."""
    return [one for name in names for one in MAP.registers if one.name == name]


def test_neighbours_are_read_together() -> None:
    """One block costs a tenth of its single reads; a gap is read along where the map has registers in it."""
    (block,) = plan(wanted("c", "a", "b"), MAP)

    assert (0, 5) == (block.address, block.count)
    assert ["a", "b", "c"] == [one.name for one in block.registers]


def test_holes_of_the_map_are_not_read() -> None:
    """An address that the document does not have may be refused by the unit: 21 lies in a hole."""
    assert [(20, 1), (22, 1)] == [(block.address, block.count) for block in plan(wanted("d", "e"), MAP)]


def test_a_block_is_not_longer_than_the_unit_allows() -> None:
    """A unit refuses more registers than its document says."""
    short = msgspec.structs.replace(MAP, max_registers_per_read=4)

    assert [(0, 3), (4, 1)] == [(block.address, block.count) for block in plan(wanted("a", "b", "c"), short)]
    with pytest.raises(LocalProtocolError, match="longer"):
        plan(wanted("b"), msgspec.structs.replace(MAP, max_registers_per_read=1))


def test_write_only_registers_are_not_read() -> None:
    """Asking for them is a mistake of ours."""
    with pytest.raises(LocalProtocolError, match="cannot be read"):
        plan(wanted("w"), MAP)


def test_a_block_gives_each_register_its_own_words() -> None:
    """An offset by one would swap current and temperature."""
    (block,) = plan(wanted("a", "b", "c"), MAP)

    assert [("a", 7), ("b", 0x10002), ("c", 9)] == [(one.name, value) for one, value in values(block, (7, 1, 2, 99, 9))]
    with pytest.raises(LocalProtocolError):
        values(block, (1, 2))


@pytest.mark.parametrize(
    ("address", "count", "is_covered"),
    [
        (0, 5, True),
        (0, 1, True),
        (1, 2, True),
        (1, 1, False),
        (2, 1, False),
        (4, 2, False),
        (20, 3, False),
        (30, 1, False),
    ],
)
def test_only_whole_registers_of_the_map_are_covered(address: int, count: int, *, is_covered: bool) -> None:
    """The frame gate lets no read out that the document does not have."""
    assert is_covered == covers(MAP, Table.HOLDING, address, count)
    assert not covers(MAP, Table.INPUT, address, count)


def test_effects_are_complete() -> None:
    """A new effect must be given a meaning in ``modbus_inspect`` before it may stand in a map."""
    assert {"none", "level", "enable", "lease", "config"} == set(Effect)
    assert 2 == words_of(register(type_=WordType.INT32))
