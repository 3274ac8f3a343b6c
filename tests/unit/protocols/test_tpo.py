"""The TPO's words: what published clients send and quote, and what is never said."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.damage import Damage
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Config, Energize, Off, Query, Unknown
from protocols.tpo import (
    MAX_LINE,
    Name,
    Request,
    Timing,
    Verb,
    banner_of,
    error_of,
    inspect,
    line,
    safe_order,
    value_of,
    word_of,
)
from protocols.tpo_exchange import PROBES, REMEMBERED, Belonging, Received, TpoExchange

MS = 1_000_000
REPLY_NS = 300 * MS

# Answers that public logs and comments of clients quote (newer firmware), and what they mean in the unit of setting.
SEEN = [
    (Name.LOCAL, "Local: 0", 0),
    (Name.VOLUME, "Sound volume: 2", 2),
    (Name.TRIGGERMODE, "Trigger Mode: 0", 0),
    (Name.BURST, "Burst length: 0.080 ms", 80),
    (Name.PERIOD, "Burst period: 20.000 ms", 20_000),
    (Name.TIMER, "Timer: 0.000 ms", 0),
    (Name.RAMPMODE, "Ramp mode: 0", 0),
    (Name.RAMPLENGTH, "Ramp length: 4.000 ms", 4_000),
    (Name.FOCUS, "Focus: 41.900 mm", 41_900),
    (Name.ENFORCELIMITS, "Enforce Power Limits: 1", 1),
    (Name.GLOBALPOWER, "Global power: 12.690", 12_690),
    (Name.SYSTEMSTATE, "0", 0),
]
# Lines that clients send, as far as modctl says them too.
SENT = [
    (Request(Name.LOCAL, 0), b"LOCAL=0\r"),
    (Request(Name.GLOBALFREQ, 500_000), b"GLOBALFREQ=500000\r"),
    (Request(Name.ENFORCELIMITS, 1), b"ENFORCELIMITS=1\r"),
    (Request(Name.GLOBALPOWER, 12_690), b"GLOBALPOWER=12690\r"),
    (Request(Name.SYSTEMSTATE), b"SYSTEMSTATE?\r"),
    (Request(Verb.CLEARERROR), b"CLEARERROR\r"),
    (Request(Verb.ABORT), b"ABORT\r"),
    (Request(Verb.START), b"START\r"),
]


@pytest.mark.parametrize(("name", "text", "value"), SEEN)
def test_answers_that_clients_quote_are_read_in_the_unit_of_setting(name: Name, text: str, value: int) -> None:
    """Milliseconds, watts and millimetres are printed; microseconds, milliwatts and micrometres are set."""
    assert (name, value) == (word_of(text), value_of(name, text))
    assert value == value_of(name, text.upper())
    assert value == value_of(name, text.rsplit(": ", maxsplit=1)[-1])


@pytest.mark.parametrize(("request_", "sent"), SENT)
def test_lines_are_those_that_clients_send(request_: Request, sent: bytes) -> None:
    """Two witnesses of a protocol without a document."""
    assert sent == line(request_)
    assert not isinstance(inspect(sent), Unknown)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (Name.BURST, "Burst length: 80"),
        (Name.BURST, "0.080"),
        (Name.BURST, "Burst length: 0.08 ms"),
        (Name.BURST, "Burst length: 0.080 s"),
        (Name.GLOBALPOWER, "Global power: 12690"),
        (Name.GLOBALPOWER, "Global power: 12.690 mW"),
        (Name.GLOBALPOWER, "Global power:"),
        (Name.SYSTEMSTATE, "0.000"),
        (Name.GLOBALFREQ, "500000"),
        (Name.FOCUS, "OK"),
    ],
)
def test_a_number_without_the_form_of_its_quantity_is_not_read(name: Name, text: str) -> None:
    """A thousand times too much is one missing unit away."""
    with pytest.raises(RemoteProtocolError):
        value_of(name, text)


@pytest.mark.parametrize(
    ("text", "is_error"), [("E1", True), ("E2", True), ("E3", True), ("e1", False), ("E1 ", False)]
)
def test_an_error_is_an_exact_line(text: str, is_error: bool) -> None:
    """E2 inside a text is a text."""
    assert is_error == (error_of(text) is not None)


def test_a_greeting_is_not_an_answer_although_it_ends_in_a_number() -> None:
    """Version 5.10 is neither a power nor a state."""
    assert banner_of("Sonic Concepts TPO-203 Version 5.10") is not None
    assert banner_of("Timer: 0.000 ms") is None


# What is never said


@pytest.mark.parametrize(
    "text",
    [
        *("SHAM", "ARM", "SHAMARM", "FOO", "FOO?", "TIMER=0", "TIMER=10", "TIMER=600000010", "LOCAL=1", "RAMPMODE=1"),
        *("TRIGGERMODE=1", "TRIGGERMODE=2", "ENFORCELIMITS=0", "BURST=5", "BURST=0", "PERIOD=1000010", "POWER1=100"),
        *("GLOBALPOWER=30001", "GLOBALPOWER=-1", "GLOBALPOWER=1.5", "GLOBALPOWER=", "GLOBALPOWER=007", "burst=80"),
        *("GLOBALFREQ=500500", "GLOBALFREQ=99000", "ISPPA=100", "XDRSELECT=1", "ABORT ", " ABORT", "START?", ""),
    ],
)
def test_what_is_not_of_the_whitelist_is_unknown(text: str) -> None:
    """A timer of 0 runs for ever; an armed unit starts with the next stray byte; limits of the unit stay on."""
    assert isinstance(inspect(text.encode() + b"\r"), Unknown)


@pytest.mark.parametrize("frame", [b"", b"ABORT", b"ABORT\n", b"ABORT\rSTART\r", b"\xffBORT\r", b"ABORT\r\n"])
def test_only_one_whole_line_is_known(frame: bytes) -> None:
    """Two lines in one write would be judged as one."""
    assert isinstance(inspect(frame), Unknown)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ABORT", Off()),
        ("START", Energize(channels=((),))),
        ("GLOBALPOWER=0", Energize(channels=((("power_mw", 0),),))),
        ("GLOBALPOWER=30000", Energize(channels=((("power_mw", 30_000),),))),
        ("BURST=10", Energize(channels=((("burst_us", 10),),))),
        ("PERIOD=1000000", Energize(channels=((("period_us", 1_000_000),),))),
        ("GLOBALFREQ=500000", Energize(channels=((("frequency_khz", 500),),))),
        ("TIMER=600000000", Config(values=(("timer_ms", 600_000),))),
        ("LOCAL=0", Config()),
        ("CLEARERROR", Config()),
        ("SYSTEMSTATE?", Query()),
        ("XDRLIST?", Query()),
    ],
)
def test_each_line_means_one_thing(text: str, kind: Off | Energize | Config | Query) -> None:
    """The gate judges levels in canonical units, 0 included."""
    assert kind == inspect(text.encode() + b"\r")


@given(st.binary(max_size=40))
def test_arbitrary_bytes_are_judged_without_an_exception(frame: bytes) -> None:
    """Whatever a broken driver would write."""
    assert isinstance(inspect(frame), Off | Query | Config | Energize | Unknown)


@pytest.mark.parametrize(
    "request_",
    [Request(Name.TIMER, 0), Request(Name.GLOBALFREQ), Request(Name.FOCUS, 40_000), Request(Name.BURST, 15)],
)
def test_what_may_not_be_said_is_not_encoded(request_: Request) -> None:
    """Refused, not moved to the next value that could be said."""
    with pytest.raises(LocalProtocolError, match="cannot encode"):
        line(request_)


# The three times that hold each other

grid = st.integers(1, 200).map(lambda tens: tens * 10)
timings = st.tuples(grid, grid, grid).map(sorted).map(lambda three: Timing(*three))
held_timings = st.one_of(timings, timings.map(lambda timing: Timing(timing.burst_us, timing.period_us, 0)))


@given(held=held_timings, wanted=timings)
def test_the_three_times_hold_each_other_after_every_step(held: Timing, wanted: Timing) -> None:
    """From any state to any other, each time written once; a timer of 0 is longer than any."""
    now = {Name.BURST: held.burst_us, Name.PERIOD: held.period_us, Name.TIMER: held.timer_us}

    for step in safe_order(held, wanted):
        assert isinstance(step.word, Name)
        assert step.value is not None
        now[step.word] = step.value
        assert now[Name.TIMER] == 0 or now[Name.TIMER] >= now[Name.PERIOD]
        assert now[Name.PERIOD] >= now[Name.BURST]

    assert [wanted.burst_us, wanted.period_us, wanted.timer_us] == list(now.values())
    assert {Name.BURST, Name.PERIOD, Name.TIMER} == {step.word for step in safe_order(held, wanted)}


@pytest.mark.parametrize("wanted", [Timing(20, 10, 30), Timing(10, 40, 30), Timing(0, 10, 30), Timing(10, 20, 0)])
def test_times_that_do_not_hold_each_other_are_refused(wanted: Timing) -> None:
    """A timer of 0 is *until ABORT* where it is found, and nothing where it is wanted."""
    with pytest.raises(LocalProtocolError, match="PERIOD"):
        safe_order(Timing(10, 10, 10), wanted)


# Which answer belongs to what


def told(exchange: TpoExchange, text: str) -> Received:
    """One line, which must be one event."""
    (received,) = exchange.feed(text.encode() + b"\r\n")
    assert isinstance(received, Received)
    return received


@pytest.mark.parametrize(
    ("request_", "text", "belonging", "value"),
    [
        (Request(Name.GLOBALPOWER, 12_690), "Global power: 12.690", Belonging.ANSWER, 12_690),
        (Request(Name.GLOBALPOWER, 12_690), "OK", Belonging.ANSWER, None),
        (Request(Name.GLOBALPOWER), "OK", Belonging.NONSENSE, None),
        (Request(Name.GLOBALPOWER), "Burst length: 0.080 ms", Belonging.FOREIGN, None),
        (Request(Name.GLOBALPOWER), "0", Belonging.FOREIGN, None),
        (Request(Name.GLOBALPOWER), "GLOBALPOWER?", Belonging.FOREIGN, None),
        (Request(Name.GLOBALPOWER), "Power of something: 1.000", Belonging.ANSWER, 1_000),
        (Request(Name.GLOBALFREQ, 500_000), "Frequency: 500.000 kHz", Belonging.ANSWER, None),
        (Request(Name.SYSTEMSTATE), "System state: 1", Belonging.ANSWER, 1),
        (Request(Name.SYSTEMSTATE), "E3", Belonging.ERROR, None),
        (Request(Name.SYSTEMSTATE), "TPO-201 Version 4.12", Belonging.BANNER, None),
        (Request(Verb.START), "Sonication Started", Belonging.ANSWER, None),
        (Request(Verb.START), "Treatment started", Belonging.ANSWER, None),
        (Request(Verb.START), "Treatment aborted", Belonging.FOREIGN, None),
        (Request(Verb.START), "hello", Belonging.NONSENSE, None),
        (Request(Verb.ABORT), "Treatment Aborted", Belonging.ANSWER, None),
        (Request(Verb.CLEARERROR), "whatever it says", Belonging.ANSWER, None),
        (Request(Name.XDRLIST), "CTX-500 H115", Belonging.ANSWER, None),
        (Request(Name.XDRLIST), "OK", Belonging.NONSENSE, None),
    ],
)
def test_an_answer_is_believed_when_it_has_the_form_of_the_request(
    request_: Request, text: str, belonging: Belonging, value: int | None
) -> None:
    """There is neither a number on a line nor a checksum: its own words are all that ties it to a request."""
    exchange = TpoExchange(REPLY_NS)
    exchange.begin(request_, 0)

    received = told(exchange, text)

    assert (belonging, value) == (received.belonging, received.value)
    assert (belonging in (Belonging.ANSWER, Belonging.ERROR)) == (exchange.sent is None)


def test_a_second_answer_is_late_and_one_to_nothing_is_foreign() -> None:
    """Who asked for it is over; who never asked has another unit on the line."""
    exchange = TpoExchange(REPLY_NS)
    assert Belonging.FOREIGN is told(exchange, "Global power: 1.000").belonging
    exchange.begin(Request(Name.GLOBALPOWER), 0)
    told(exchange, "Global power: 1.000")

    assert Belonging.LATE is told(exchange, "Global power: 1.000").belonging
    assert Belonging.FOREIGN is told(exchange, "Ramp length: 4.000 ms").belonging


@pytest.mark.parametrize("behind", range(len(PROBES)))
def test_a_line_that_is_behind_stays_doubtful(behind: int) -> None:
    """Answers that come one or more requests late never match the question that was put."""
    exchange = TpoExchange(REPLY_NS)
    exchange.begin(Request(Name.SYSTEMSTATE), 0)
    exchange.drop()
    assert exchange.is_doubtful
    answers = {Name.BURST: "Burst length: 0.080 ms", Name.PERIOD: "Burst period: 20.000 ms"}
    answers |= {Name.TIMER: "Timer: 0.000 ms", Name.RAMPLENGTH: "Ramp length: 4.000 ms"}
    for at in range(3 * len(PROBES)):
        exchange.probe(at)
        if at >= behind:
            told(exchange, answers[PROBES[(at - behind) % len(PROBES)]])
        if exchange.sent is not None:
            exchange.drop()

    assert exchange.is_doubtful == (behind != 0)


def test_a_request_is_over_when_its_time_is() -> None:
    """At the moment itself, and with the half of an answer that had come."""
    exchange = TpoExchange(REPLY_NS)
    exchange.begin(Request(Name.TIMER), 0)
    exchange.feed(b"Timer: 0.0")

    assert exchange.expire(REPLY_NS - 1) is None
    over = exchange.expire(REPLY_NS)
    assert over is not None
    assert (Request(Name.TIMER), Damage("incomplete line", b"Timer: 0.0")) == (over[0].request, over[1])


def test_only_so_many_ended_requests_are_remembered() -> None:
    """An answer to what is long over is a stranger's."""
    exchange = TpoExchange(REPLY_NS)
    exchange.begin(Request(Name.TIMER), 0)
    exchange.drop()
    for _, at in itertools.product(("RAMP",), range(REMEMBERED)):
        exchange.begin(Request(Name.BURST), at)
        exchange.drop()

    assert Belonging.FOREIGN is told(exchange, "Timer: 0.000 ms").belonging


@given(received=st.binary(max_size=300), split=st.integers(1, 9))
def test_arbitrary_bytes_never_raise_and_give_the_same_in_any_split(received: bytes, split: int) -> None:
    """A stranger's noise is named, line by line."""

    def run(step: int) -> list[Received | Damage]:
        exchange = TpoExchange(REPLY_NS)
        exchange.begin(Request(Name.SYSTEMSTATE), 0)
        events: list[Received | Damage] = []
        for at in range(0, len(received), step):
            events += exchange.feed(received[at : at + step])
        return events

    assert run(MAX_LINE * 2) == run(split)
