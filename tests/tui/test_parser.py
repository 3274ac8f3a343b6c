"""Keys out of bytes: a stop key is never swallowed, and nothing but a key is ever taken for an answer."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.events import Key
from textual.message import Message

from tui.terminal import ESC, StopFirstParser


def keys_of(*reads: str) -> list[str]:
    """The keys in what arrives, read by read, without a pause between them."""
    parser = StopFirstParser()
    return _keys(itertools.chain.from_iterable(list(parser.feed(read)) for read in reads))


def _keys(messages: itertools.chain[Message] | list[Message]) -> list[str]:
    return [message.key for message in messages if isinstance(message, Key)]


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ("\x1b", ["escape"]),
        ("\x1b\r", ["escape", "enter"]),
        ("\x1bs", ["escape", "s"]),
        ("\x1b ", ["escape", "space"]),
        ("\x1b1", ["escape", "1"]),
        ("\x1b\t", ["escape", "tab"]),
        ("\x1b\x7f", ["escape", "backspace"]),
        ("\x1b\x1b", ["escape", "escape"]),
        ("\x1b\x1b[24~", ["escape", "f12"]),
        ("\x1b[24~\r", ["f12", "enter"]),
        ("\x1b[\r", ["escape", "left_square_bracket", "enter"]),
        ("\x1bO\r", ["escape", "O", "enter"]),
        ("\x03\r", ["ctrl+c", "enter"]),
    ],
)
def test_escape_is_seen_at_once_whatever_follows_it(read: str, expected: list[str]) -> None:
    """Escape and Enter within one read is a stop and an Enter; the library alone sees only the Enter."""
    assert expected == keys_of(read)


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ("\x1b[A", ["up"]),
        ("\x1b[B\x1b[B", ["down", "down"]),
        ("\x1bOP", ["f1"]),
        ("\x1b[Z", ["shift+tab"]),
        ("\x1b[5~", ["pageup"]),
        ("\x1b[27u", ["escape"]),
        ("\x1b[99;5u", ["ctrl+c"]),
        ("\x1b[I\x1b[O", []),
        ("\x1b[?2026;2$y", []),
        ("\x1b[12;40R", []),
    ],
)
def test_whole_sequences_stay_what_they_are(read: str, expected: list[str]) -> None:
    """Arrows move, function keys work, and what terminals say by themselves is no key."""
    assert expected == keys_of(read)


@pytest.mark.parametrize("at", [1, 2])
def test_a_sequence_in_two_reads_is_a_stop_too_many_and_the_key(at: int) -> None:
    """On a slow line an arrow may look like Escape for a moment: that stops, and no piece of it becomes a key."""
    assert ["escape", "up"] == keys_of("\x1b[A"[:at], "\x1b[A"[at:])


@pytest.mark.parametrize("read", ["\x1b[3;9x", "\x1b[1;1;1x", "\x1bP1$r0m\x1b\\", "\x1b]11;rgb:1111/2222/3333\x07"])
def test_digits_of_an_unknown_sequence_are_nobodys_answer(read: str) -> None:
    """A terminal's reply must not answer a question about pain; that it may stop is the safe side."""
    assert ["escape"] == keys_of(read)


def test_a_paste_gives_no_keys() -> None:
    """Text from a clipboard would answer one question after the other."""
    assert ["x"] == keys_of("\x1b[200~1\r1\r++\x1b[201~x")


@pytest.mark.parametrize(("read", "stop"), [("1\x1b", "escape"), ("1\x03", "ctrl+c"), ("1\x1b[24~", "f12")])
def test_the_stop_keys_work_inside_a_paste_without_an_end(read: str, stop: str) -> None:
    """A paste that lost its end must not take the stop keys with it."""
    assert [stop, "a"] == keys_of("\x1b[200~", read, "a")


def test_a_paste_without_an_end_is_over_at_the_first_pause() -> None:
    """After it every key works again, space and s as well."""
    parser = StopFirstParser()
    pasted = _keys(list(parser.feed("\x1b[200~1")))
    parser.idle()

    assert ([], ["s"]) == (pasted, _keys(list(parser.feed("s"))))


def test_escape_and_a_bracket_typed_later_are_two_keys() -> None:
    """What was held back as the beginning of a sequence is forgotten at the first pause."""
    parser = StopFirstParser()
    first = _keys(list(parser.feed(ESC)))
    parser.idle()

    assert (["escape"], ["left_square_bracket"]) == (first, _keys(list(parser.feed("["))))


BYTES = st.text(alphabet="\x1b[O~;0123ABRs \r\x03?u$yP\\é", max_size=24)


@given(BYTES, st.integers(0, 24))
def test_any_input_in_any_pieces_gives_keys_and_no_error(data: str, at: int) -> None:
    """A broken line may send anything; a screen that ends of it ends the treatment."""
    assert isinstance(keys_of(data[:at], data[at:]), list)


@given(BYTES, st.sampled_from("s1\r \x7fxq"))
def test_escape_before_a_plain_key_is_always_seen(before: str, after: str) -> None:
    """Whatever came before, in the same read or not at all."""
    parser = StopFirstParser()
    if before:
        list(parser.feed(before))
        parser.idle()

    assert "escape" == _keys(list(parser.feed(ESC + after)))[0]
