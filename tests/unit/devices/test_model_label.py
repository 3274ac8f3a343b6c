"""Text from units, files and people, made safe to show: once, at the border where it comes in."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import MAX_LABEL_CHARS, label


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("P24 Module", "P24 Module"),
        ("Gerät Ä", "Gerät Ä"),
        ("e\u0301", "é"),  # composed: equal names compare equal
        ("\x1b[2J", "\ufffd[2J"),  # clear the screen
        ("\x1b]0;title\x07", "\ufffd]0;title\ufffd"),  # set the window's title
        ("\x9b31m", "\ufffd31m"),  # C1 control sequence introducer
        ("\x05", "\ufffd"),  # answer back
        ("a\nb\rc\td", "a\ufffdb\ufffdc\ufffdd"),
        ("a\u2028b\u2029c", "abc"),
        ("abc\u202edef", "abc\ufffddef"),  # right-to-left override
        ("a\u200bb\ufeffc", "a\ufffdb\ufffdc"),  # zero width
        ("a\u00a0b\u3000c", "a b c"),
        ("\U000e0041", "\ufffd"),  # tag character
        ("\ue000", "\ufffd"),  # private use
        ("\ud800", "\ufffd"),  # half a surrogate pair
        ("", ""),
    ],
)
def test_what_a_terminal_would_obey_becomes_visible(text: str, shown: str) -> None:
    """Terminals obey bytes from anybody; nothing after this point protects them."""
    assert shown == label(text)


def test_marks_cannot_pile_up_over_the_neighbouring_lines() -> None:
    """Two are enough for written languages."""
    assert 1 + 2 == len(label("q" + "\u0323" * 50))


def test_a_new_letter_may_carry_marks_again() -> None:
    """The count is per letter, not per text."""
    assert "q\u0323\u0325x\u0323\u0325" == label("q\u0323\u0325x\u0323\u0325")


@pytest.mark.parametrize(("length", "shown"), [(79, 79), (80, 80), (81, 80)])
def test_a_label_has_a_length(length: int, shown: int) -> None:
    """A unit's name does not fill a screen."""
    assert (shown, MAX_LABEL_CHARS) == (len(label("x" * length)), 80)


def test_a_shorter_length_can_be_asked_for() -> None:
    """Where a column is narrow."""
    assert "xxx" == label("xxxxx", max_chars=3)


@given(text=st.text(st.characters()))
def test_no_text_leaves_a_control_or_format_character(text: str) -> None:
    """Whatever comes in: printable, bounded, one line."""
    shown = label(text)

    assert len(shown) <= MAX_LABEL_CHARS
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]
    assert not [char for char in shown if unicodedata.category(char) == "Zs" and char != " "]


@given(text=st.text(st.characters()))
def test_a_label_of_a_label_is_the_same(text: str) -> None:
    """Made safe once is made safe; doing it twice changes nothing that is shown."""
    assert label(text) == label(label(text))
