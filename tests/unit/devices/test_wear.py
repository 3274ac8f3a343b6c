"""Registers that wear: what counts, for how long, and what is known to be there already."""

import pytest

from devices.wear import DAY_NS, Wear


@pytest.mark.parametrize(("writes", "is_spent"), [(2, False), (3, True), (4, True)])
def test_the_days_writes_are_counted_for_each_register(writes: int, *, is_spent: bool) -> None:
    """Three a day: the fourth is one too many, and another register has its own count."""
    wear = Wear(3)
    for at_ns in range(writes):
        wear.wrote("source", at_ns % 2, at_ns)

    assert (is_spent, False) == (wear.is_spent("source", writes), wear.is_spent("setpoint", writes))


@pytest.mark.parametrize(("later_ns", "is_spent"), [(DAY_NS - 1, True), (DAY_NS, False), (DAY_NS + 1, False)])
def test_a_write_counts_for_a_day(later_ns: int, *, is_spent: bool) -> None:
    """To the nanosecond: what is older does not count."""
    wear = Wear(1)
    wear.wrote("source", 1, 0)

    assert is_spent is wear.is_spent("source", later_ns)


def test_what_was_acknowledged_is_held_until_the_unit_is_new() -> None:
    """Writing the same again would wear for nothing; after a restart nobody knows."""
    wear = Wear(9)
    wear.wrote("source", 1, 0)
    assert (True, False) == (wear.holds("source", 1), wear.holds("source", 0))

    wear.forget()

    assert not wear.holds("source", 1)


def test_what_a_unit_forgot_has_worn_it_all_the_same() -> None:
    """A reboot does not give the memory its life back."""
    wear = Wear(1)
    wear.wrote("source", 1, 0)
    wear.forget()

    assert wear.is_spent("source", 1)
