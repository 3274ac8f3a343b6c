"""The words and bars of the screens, as pure values."""

import msgspec
import pytest

from modctl import sentences
from modctl.ipc.messages import SessionView
from modctl.records import (
    KIND_OF,
    Alarm,
    DoseBound,
    Entry,
    Record,
    SessionEnded,
    SessionResumed,
    SessionSigned,
    SetpointCommanded,
)
from tests.tui.fakes import asked, second_session, session
from tests.tui.test_sight import sight_of
from tui.journal import Journal, alarm_text, journal_of
from tui.levels import gauge_of, level_figure, time_figure, trace_of
from tui.looks import Look, fitted, text_of, wrapped
from tui.note import six_lines
from tui.states import state
from tui.widgets.facts import fact_lines
from tui.widgets.figures import big
from tui.widgets.level_bar import gauge_lines
from tui.widgets.strip_chart import trace_lines


def entry(record: Record) -> msgspec.Raw:
    """One charted entry as it comes."""
    body = Entry(
        v=1,
        seq=1,
        at_utc="2026-03-02T09:41:07.000Z",
        mono_ns=1,
        boottime_ns=1,
        boot="boot",
        kind=KIND_OF[type(record)],
        session="S-1",
        actor="therapist",
        data=msgspec.Raw(msgspec.json.encode(record)),
    )
    return msgspec.Raw(msgspec.json.encode(body))


ENDED = SessionEnded(
    outcome="completed",
    reason="planned_time",
    planned_ms=900_000,
    delivered_ms=880_000,
    paused_ms=20_000,
    no_contact_ms=0,
    unknown_ms=0,
    energized_ms=880_000,
    off_after_ms=120,
    dose=(DoseBound(quantity="charge", lower=900, upper=1_000, unit="uC"),),
)


@pytest.mark.parametrize(
    ("view", "word", "look"),
    [
        (session(), " ■ ENERGIZED ", Look.ENERGIZED),
        (session(resting=True, output="off"), " ■ ENERGIZED ", Look.ENERGIZED),
        (session(output="suspended"), " ◪ SUSPENDED BY THE UNIT ", Look.SUSPENDED),
        (session(phase="paused", output="off", resting=True), " □ OFF ", Look.OFF),
        (session(output="unknown"), " ? UNKNOWN OUTPUT ", Look.UNKNOWN),
        (session(age_ms=None), " ◇ NO DATA ", Look.UNKNOWN),
        (asked("confirm"), " ○ NOT STARTED ", Look.QUIET),
        (asked("confirm", output="energized"), " ■ ENERGIZED ", Look.ENERGIZED),
        (session(phase="unconfirmed", output="off"), " ? UNKNOWN OUTPUT ", Look.UNKNOWN),
        (session(phase="ended", outcome="faulted", output="off"), " ! FAULTED ", Look.OFF),
    ],
)
def test_each_state_has_its_word_and_its_look(view: SessionView, word: str, look: Look) -> None:
    """A rest of the plan is energized: it comes again without anybody's act."""
    told = state(sight_of(view), view).word

    assert (word, look) == (told.text, told.look)


def test_an_unknown_output_says_what_the_unit_needs_done() -> None:
    """The profile knows whether it is electrodes, a head, or a release."""
    view = session(output="unknown", unknown_text="Open the release; then cut the power.")

    assert "Open the release; then cut the power." == state(sight_of(view), view).sentence


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (session(set_level=12_500), "12.5"),
        (session(age_ms=None), "--"),
        (session(output="unknown"), "?"),
        (session(output="off", phase="paused"), "OFF"),
    ],
)
def test_the_big_number_is_there_only_while_it_is_given(view: SessionView, expected: str) -> None:
    """A level that stands large beside *off* would be read as given."""
    assert expected == level_figure(sight_of(view), view).text


def test_time_is_not_shown_without_a_current_snapshot() -> None:
    """A countdown that stands still looks like one that runs."""
    view = session()

    assert "--:--" == time_figure(sight_of(view, snapshot_age_ms=1_001), view).text


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (session(), "measured  not measured by this unit"),
        (second_session(), "1.0 W/cm²"),
        (second_session(observed_as="echoed"), "read back 1.0 W/cm²"),
        (second_session(measured=None), "measured  no data"),
        (second_session(age_ms=2_000), "measured  no data"),
    ],
)
def test_the_measured_row_never_shows_a_commanded_value(view: SessionView, expected: str) -> None:
    """A unit that cannot measure says so in words, every time."""
    rows = gauge_lines(gauge_of(sight_of(view), view), 80)

    assert expected in text_of(rows[1:2])


def test_the_bar_marks_where_the_prescription_ends() -> None:
    """The room above the mark belongs to the unit, not to this patient."""
    inside = session(commanded=15_000, set_level=15_000, goal_level=15_000)
    beyond = second_session(measured=3_000)
    rows = [text_of(gauge_lines(gauge_of(sight_of(view), view), 80)) for view in (inside, beyond)]

    assert "─┃ 15.0 mA" in rows[0]
    assert "limit of the unit 50.0 mA" in rows[0]
    assert "█┃█" in rows[1]  # the measured value is twice the most that was prescribed


def test_a_trace_shows_gaps_as_gaps() -> None:
    """A second without data is neither low nor high."""
    trace = trace_of(session(), (30_000, None, 0, 15_000))
    rows = trace_lines(trace, 16, 2)

    assert " 30.0 mA   █\n 0.0 mA    █· █" == text_of(rows)


def test_a_unit_without_a_lease_says_so() -> None:
    """Nothing switches it off when the line fails."""
    view = session(lease_ms=0)

    assert "does NOT go off by itself" in text_of(fact_lines(sight_of(view), view, 120, 3))


def test_facts_have_no_contact_from_an_old_sample() -> None:
    """*Contact good* of a minute ago is not a fact."""
    view = session(age_ms=60_000)

    assert "contact: no data" in text_of(fact_lines(sight_of(view), view, 120, 3))


def test_six_lines_hold_what_was_delivered_and_said() -> None:
    """They go into a note as they are: nothing in them may be prettier than the chart."""
    journal = journal_of(
        [
            entry(SetpointCommanded(levels=(("current_ua", 12_500),), cause="person")),
            entry(SetpointCommanded(levels=(("current_ua", 0),), cause="off")),
            entry(SessionResumed()),
            entry(ENDED),
            entry(SessionSigned(meaning="responsible")),
        ]
    )
    view = asked(None, after=True, delivered_ms=880_000, paused_ms=20_000)

    assert [
        "SIMULATED. Pain after hip replacement: TENS 100 Hz, hip, lateral, right side.",
        "Unit estim-1 (hasomed-p24), preset hip-post-tha-tens; pulse rate 100 Hz, phase duration 100 µs.",
        "Highest current commanded 12.5 mA; not measured by this unit. Dose: charge 0.9 mC to 1 mC.",
        "Completed (the planned time was delivered); delivered 14:40 of 15:00, 0:20 paused.",
        "Pain 5 before, 5 after; skin before: not answered; after: As before.",
        "Followed by: Exercise or functional training. Signed by therapist.",
    ] == list(six_lines(view, journal))


def test_six_lines_of_nothing_say_nothing_happened() -> None:
    """A session that never gave anything must not read like one that did."""
    view = asked("skin_after", after=True)

    assert "No level was commanded; not measured by this unit." == six_lines(view, Journal())[2]


def test_an_alarm_entry_is_read_and_others_pass() -> None:
    """An alarm that came and went between two snapshots is still told."""
    told = alarm_text(entry(Alarm(alarm="no_data", priority="high", text="Nothing new.")))

    by_its_word = alarm_text(entry(Alarm(alarm="no_data", priority="high", text="")))

    assert (("S-1", "Nothing new."), None) == (told, alarm_text(entry(SessionResumed())))
    assert ("S-1", sentences.alarm("no_data")) == by_its_word


@pytest.mark.parametrize(
    ("text", "cells", "expected"), [("abc", 5, "abc  "), ("abcdef", 4, "abc…"), ("日本語", 5, "日本…")]
)
def test_a_cut_text_ends_with_an_ellipsis(text: str, cells: int, expected: str) -> None:
    """Wide letters take two cells; half a name must not look like a whole one."""
    assert expected == fitted(text, cells)


def test_long_words_are_broken_and_none_is_lost() -> None:
    """An instruction that does not fit is still read to its end."""
    text = "Take the electrodes off; " + "x" * 30

    assert text.replace(" ", "") == text_of(wrapped(text, 10)).replace("\n", "").replace(" ", "")


def test_every_character_of_a_time_and_a_level_has_a_glyph() -> None:
    """A digit that is missing from the large number makes it another number."""
    widths = {char: len(big(char)[0]) for char in "0123456789.:-?OF"}

    assert {char: 2 if char in ".:" else 5 for char in widths} == widths
    assert len(widths) == len({big(char) for char in "0123456789.:-?F"}) + 1  # O is drawn as 0
