"""The socket's lines: any bytes, in any split, in bounded memory, never an exception."""

import itertools
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modctl.ipc import wire
from modctl.ipc.messages import MAX_LINE_BYTES, Beat, Done, Event, Hello, Refused, Request, SignIn, Stop

SPOKEN: tuple[Request, ...] = (
    Hello(id=1, api=1, program="test", attends=True),
    Beat(),
    SignIn(id=2, user="kim", pin="1234"),
    Stop(id=3, unit="estim-1"),
)


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The same bytes cut at these places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


@given(st.lists(st.integers(min_value=0)))
def test_any_split_gives_the_same_messages(cuts: list[int]) -> None:
    """A socket cuts where it likes."""
    reader = wire.request_reader()
    data = b"".join(wire.encode(message) for message in SPOKEN)

    heard = [message for piece in pieces(data, cuts) for message in reader.feed(piece)]

    assert list(SPOKEN) == heard


@given(st.binary(max_size=2_000))
def test_arbitrary_bytes_are_nonsense_and_raise_nothing(data: bytes) -> None:
    """Whoever reaches the socket must not be able to end the controller with a line."""
    heard = wire.request_reader().feed(data + b"\n")

    assert all(isinstance(message, wire.Nonsense) for message in heard)


def test_nonsense_keeps_its_place_and_its_number() -> None:
    """The asker can be told which of its requests was not understood, and the next one still counts."""
    reader = wire.request_reader()
    wrong = b'{"kind":"stop","id":7,"force":true}\n'

    heard = reader.feed(wire.encode(SPOKEN[0]) + wrong + wire.encode(SPOKEN[3]))

    assert SPOKEN[0] == heard[0]
    assert isinstance(heard[1], wire.Nonsense)
    assert heard[1].id == 7
    assert not heard[1].is_fatal
    assert SPOKEN[3] == heard[2]


@pytest.mark.parametrize("line", [b"[" * 60_000, b'{"id":1,"kind":"stop","unit":' + b"[" * 60_000])
def test_deep_nesting_is_nonsense(line: bytes) -> None:
    """A bomb of brackets is a line like any other wrong one."""
    heard = wire.request_reader().feed(line + b"\n")

    assert isinstance(heard[0], wire.Nonsense)


def test_a_line_without_an_end_is_given_up_in_bounded_memory() -> None:
    """At the bound is still a line; one byte more ends the conversation, and what follows is not believed."""
    reader = wire.request_reader()

    assert list(reader.feed(b" " * (MAX_LINE_BYTES - 1))) == []
    heard = reader.feed(b" ")
    assert isinstance(heard[0], wire.Nonsense)
    assert heard[0].is_fatal
    assert list(reader.feed(b"\n" + wire.encode(SPOKEN[0]))) == []


def test_a_line_that_is_too_long_is_not_sent() -> None:
    """The other side would hang up on it: whoever has much to say pages."""
    body = msgspec.Raw(b'"' + b"x" * MAX_LINE_BYTES + b'"')

    with pytest.raises(wire.LineTooLongError):
        wire.encode(Event(seq=1, entry=body))


def test_answers_come_back_as_they_were_said() -> None:
    """Entries and verdicts pass through byte for byte."""
    body = msgspec.Raw(b'{"v":1,"seq":9}')
    said = (
        Done(id=1, entries=(body,), verdict=msgspec.Raw(b'{"kind":"chart.verify"}')),
        Refused(id=2, code="limit", reason="No.", limit="preset-cap", observed=9, bound=8, source="here"),
        Event(seq=9, entry=body),
    )

    heard = wire.answer_reader().feed(b"".join(wire.encode(message) for message in said))

    assert list(said) == list(heard)
