"""Which keys count: a held key answers one question, and nothing is confirmed by the echo of a stop."""

import pytest

from tui.keys import STOPS, KeyGuard

MS = 1_000_000


def test_a_held_enter_answers_one_question() -> None:
    """Somebody leans on Enter: thirty presses a second would walk through every gate."""
    guard = KeyGuard()
    taken = [guard.takes("enter", at_ms * MS) for at_ms in range(1_000, 4_000, 33)]

    assert [True] + [False] * (len(taken) - 1) == taken


@pytest.mark.parametrize(("after_ms", "expected"), [(99, False), (100, True), (101, True)])
def test_a_second_press_counts_from_a_tenth_of_a_second(after_ms: int, expected: bool) -> None:
    """A person's own second press is not a keyboard's repeat."""
    guard = KeyGuard()
    guard.takes("1", 1_000 * MS)

    assert expected == guard.takes("1", (1_000 + after_ms) * MS)


def test_two_different_answers_are_two_answers() -> None:
    """Only the same key repeats itself."""
    guard = KeyGuard()

    assert [True, True] == [guard.takes("1", 1_000 * MS), guard.takes("2", 1_010 * MS)]


@pytest.mark.parametrize(("after_ms", "expected"), [(0, False), (499, False), (500, True)])
def test_after_a_stop_nothing_counts_for_half_a_second(after_ms: int, expected: bool) -> None:
    """Escape and Enter together is a stop, whatever Enter would have meant."""
    guard = KeyGuard()
    guard.close(1_000 * MS)

    assert expected == guard.takes("enter", (1_000 + after_ms) * MS)


@pytest.mark.parametrize("key", sorted(STOPS))
def test_stop_keys_always_count(key: str) -> None:
    """A second press of the same stop key may ask for more speed, and is never an echo."""
    guard = KeyGuard()
    guard.close(1_000 * MS)

    assert [True, True] == [guard.takes(key, 1_000 * MS), guard.takes(key, 1_001 * MS)]


def test_riding_up_by_a_held_key_is_not_an_echo() -> None:
    """The plus key is held on purpose; how fast the level rises is decided elsewhere."""
    guard = KeyGuard()

    assert [True] * 5 == [guard.takes("plus", (1_000 + 30 * at) * MS) for at in range(5)]
