"""What a RehaStim 2 says, and to which request it belongs."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.damage import Damage
from protocols.errors import RemoteProtocolError
from protocols.sciencemode import Belonging, Packet
from protocols.sciencemode2 import Command, encode
from protocols.sciencemode2_answers import (
    Answer,
    Done,
    ErrorTold,
    Init,
    Mode,
    ModeIs,
    NotKnown,
    StimulationError,
    answer_of,
    result_name,
)
from protocols.sciencemode2_exchange import Exchange

REPLY_NS = 100


@pytest.mark.parametrize(
    ("command", "payload", "answer"),
    [
        (1, "01", Init(1)),
        (1, "02", Init(2)),
        (3, "5f", NotKnown(0x5F)),
        (11, "0000", ModeIs(Mode.START)),
        (11, "0001", ModeIs(Mode.INITIALIZED)),
        (11, "0002", ModeIs(Mode.STARTED)),
        (11, "f8", Done(-8)),
        (11, "f802", Done(-8)),
        (31, "00", Done(0)),
        (33, "fd", Done(-3)),
        (35, "ff", Done(-1)),
        (38, "ff", StimulationError(ErrorTold.EMERGENCY_SWITCH)),
        (38, "fe", StimulationError(ErrorTold.ELECTRODE)),
        (38, "fd", StimulationError(ErrorTold.MODULE)),
    ],
)
def test_what_the_document_names_is_read(command: int, payload: str, answer: Answer) -> None:
    """Results are signed."""
    assert answer == answer_of(Packet(command, 0, bytes.fromhex(payload)))


@pytest.mark.parametrize(
    ("command", "payload"),
    [
        (1, ""),
        (1, "0101"),
        (11, "00"),
        (11, "0003"),
        (11, "000100"),
        (33, "0000"),
        (37, "00"),
        (38, "00"),
        (38, "fc"),
        (60, "000000000000"),
        (200, "00"),
    ],
)
def test_what_the_document_does_not_name_is_refused(command: int, payload: str) -> None:
    """A single pulse's answer included: we never ask for one."""
    with pytest.raises(RemoteProtocolError):
        answer_of(Packet(command, 0, bytes.fromhex(payload)))


@given(command=st.integers(0, 255), payload=st.binary(max_size=8))
def test_arbitrary_packets_raise_nothing_but_the_remote_error(command: int, payload: bytes) -> None:
    """What a unit sends must never end the worker."""
    with suppress(RemoteProtocolError):
        assert isinstance(answer_of(Packet(command, 0, payload)), Answer)


@pytest.mark.parametrize(("result", "name"), [(-3, "wrong mode (-3)"), (-99, "unnamed result (-99)")])
def test_results_have_names(result: int, name: str) -> None:
    """For technicians, with the number beside the word."""
    assert name == result_name(result)


@pytest.mark.parametrize(
    ("command", "number_shift", "belonging"),
    [
        (11, 0, Belonging.ANSWER),
        (3, 0, Belonging.ERROR),
        (11, 1, Belonging.FOREIGN),
        (3, 1, Belonging.FOREIGN),
        (35, 0, Belonging.FOREIGN),
        (1, 0, Belonging.TOLD),
        (38, 0, Belonging.TOLD),
    ],
)
def test_a_packet_belongs_by_command_and_number(command: int, number_shift: int, belonging: Belonging) -> None:
    """The unit's own words end no request, even when their number is the request's."""
    exchange = Exchange(REPLY_NS)
    number = exchange.begin(Command.GET_STIMULATION_MODE, 0)

    assert belonging is exchange.placed(Packet(command, number + number_shift, b"\x00\x00")).belonging
    assert (belonging in (Belonging.ANSWER, Belonging.ERROR)) == (exchange.sent is None)


def test_the_answer_of_a_request_that_is_over_is_late() -> None:
    """Also the second one of a request that was answered."""
    exchange = Exchange(REPLY_NS)
    number = exchange.begin(Command.GET_STIMULATION_MODE, 0)
    assert exchange.expire(REPLY_NS - 1) is None
    assert exchange.expire(REPLY_NS) is not None

    assert exchange.placed(Packet(11, number, b"\x00\x00")).belonging is Belonging.LATE


def test_half_an_answer_is_told_when_its_request_is_over() -> None:
    """And does not spoil the next one."""
    exchange = Exchange(REPLY_NS)
    number = exchange.begin(Command.GET_STIMULATION_MODE, 0)
    answer = encode(Packet(11, number, b"\x00\x00"))
    exchange.feed(answer[:7])

    over = exchange.expire(REPLY_NS)

    assert over is not None
    assert over[1] == Damage("incomplete", answer[:7])


def test_packet_numbers_count_to_255_and_begin_again() -> None:
    """Eight bits, each request its own."""
    exchange = Exchange(REPLY_NS)

    assert [*range(256), 0] == [exchange.begin(Command.GET_STIMULATION_MODE, 0) for _ in range(257)]
