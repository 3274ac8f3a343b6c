"""Lines: bounded, and the same events in any split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.damage import Damage
from protocols.errors import LocalProtocolError
from protocols.lines import SHOWN_BYTES, LineDecoder, encode

MAX = 20


def fed(received: bytes, split: int) -> list[str | Damage]:
    """All events of bytes that arrive in pieces of one length."""
    decoder = LineDecoder(MAX)
    events: list[str | Damage] = []
    for at in range(0, len(received), split):
        events += decoder.feed(received[at : at + split])
    return events


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r\n"])
def test_a_line_ends_with_cr_lf_or_both(end: bytes) -> None:
    """Firmware and clients differ; an empty line is nothing."""
    assert ["Timer: 0.000 ms", "OK"] == fed(b"Timer: 0.000 ms" + end + b"OK" + end, 3)


def test_a_line_is_printable_or_damage() -> None:
    """A slipped baud rate must not become a word."""
    assert [Damage("not printable", b"a\x80b"), "c"] == fed(b"a\x80b\rc\r", 1)


def test_a_line_that_is_too_long_is_told_once_and_skipped_to_its_end() -> None:
    """The longest line is taken, one character more is damage, and the next line is read again."""
    assert ["x" * MAX] == fed(b"x" * MAX + b"\r", 7)
    assert [Damage(f"line above {MAX} characters", b"x" * (MAX + 1)), "y"] == fed(b"x" * 500 + b"\ry\r", 7)


def test_what_is_incomplete_can_be_thrown_away() -> None:
    """After a timeout half an answer must not become the head of the next one."""
    decoder = LineDecoder(MAX)
    decoder.feed(b"Tim")

    assert Damage("incomplete line", b"Tim") == decoder.reset()
    assert decoder.reset() is None
    assert ["OK"] == decoder.feed(b"OK\r")


@given(received=st.binary(max_size=200), split=st.integers(1, 9))
def test_any_bytes_in_any_split_give_the_same_events_and_raise_nothing(received: bytes, split: int) -> None:
    """A line cuts where it likes, and a stranger may talk on it."""
    events = fed(received, split)

    assert fed(received, max(1, len(received))) == events
    assert all(len(event.frame) <= SHOWN_BYTES for event in events if isinstance(event, Damage))


@pytest.mark.parametrize("text", ["", "x" * (MAX + 1), "a\rb", "µs", "a\x7f"])
def test_what_is_no_line_is_not_encoded(text: str) -> None:
    """A CR inside would be two commands."""
    with pytest.raises(LocalProtocolError, match="cannot encode"):
        encode(text, MAX)


def test_a_line_is_ended_by_cr() -> None:
    """As every client of these units sends it."""
    assert b"ABORT\r" == encode("ABORT", MAX)
