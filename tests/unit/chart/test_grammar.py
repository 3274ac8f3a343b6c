"""What a sound chart may say: sessions, times, simulated or real. Entries in, findings out."""

import pytest

from modctl.chart.body import decode_body, encode_body
from modctl.chart.grammar import MAX_STEP_BACK_NS, Code, Finding, Grammar
from modctl.clock import Stamp
from modctl.records import (
    Alarm,
    Draft,
    GateAnswer,
    Genesis,
    Inputs,
    LimitBreached,
    Override,
    Record,
    SessionClosed,
    SessionEnded,
    SessionPaused,
    SessionRefused,
    SessionRequested,
    SessionResumed,
    SessionSigned,
    SessionStarted,
    SetpointCommanded,
    UnitLatched,
)
from tests.unit.chart.charts import BOOT, inputs, sample, stamp

GENESIS = sample(Genesis)  # simulated
REQUESTED, STARTED, ENDED = sample(SessionRequested), sample(SessionStarted), sample(SessionEnded)
RAISED = sample(SetpointCommanded, cause="person")


def read(*records: Record, session: str | None = "s-1") -> list[str]:
    """The findings' texts over one session's records, after a genesis, a second apart."""
    drafts = [Draft(data=GENESIS), *(Draft(data=record, session=session) for record in records)]
    return [finding.text for finding in read_drafts([(draft, stamp(at)) for at, draft in enumerate(drafts)])]


def read_drafts(drafts: list[tuple[Draft, Stamp]]) -> list[Finding]:
    """The findings over entries made of these, numbered from 1."""
    grammar, findings = Grammar(), list[Finding]()
    for seq, (draft, moment) in enumerate(drafts, start=1):
        body = encode_body(seq, draft, moment)
        findings.extend(grammar.read(decode_body(body), draft.data))
    return findings


@pytest.mark.parametrize(
    "records",
    [
        (REQUESTED, STARTED, RAISED, inputs(1), ENDED),
        (REQUESTED, sample(SessionRefused)),
        (REQUESTED, sample(SetpointCommanded, cause="off"), ENDED),
        (sample(GateAnswer), REQUESTED, inputs(0), STARTED, sample(SessionPaused), sample(SessionResumed), ENDED),
        (REQUESTED, STARTED, sample(LimitBreached), sample(Alarm), sample(Override), ENDED, sample(GateAnswer)),
        (REQUESTED, STARTED, ENDED, sample(UnitLatched), sample(SessionClosed)),
    ],
)
def test_a_session_as_the_engine_charts_it_is_sound(records: tuple[Record, ...]) -> None:
    """A verifier that cries wolf is switched off."""
    assert [] == read(*records)


@pytest.mark.parametrize("record", [RAISED, sample(SessionPaused), sample(SessionResumed)])
def test_nothing_is_energized_before_a_durable_start(record: Record) -> None:
    """Record before you energize: the chart itself must show it."""
    assert any("before session.started" in text for text in read(REQUESTED, record, STARTED, ENDED))


@pytest.mark.parametrize(
    "record",
    [
        REQUESTED,
        STARTED,
        RAISED,
        ENDED,
        sample(SessionRefused),
        sample(SessionPaused),
        sample(SessionResumed),
        sample(LimitBreached),
        sample(Alarm),
        sample(Override),
        sample(Inputs),
    ],
)
def test_nothing_of_the_stream_follows_the_end(record: Record) -> None:
    """The end is what a report is made from; what comes later was not in it."""
    assert any("after session.ended" in text for text in read(REQUESTED, STARTED, ENDED, record))


def test_a_sessions_id_is_used_once() -> None:
    """Two sessions under one id could each be shown as the other."""
    assert ["session s-1: this id is used twice"] == read(REQUESTED, REQUESTED)
    assert ["session s-1: started twice"] == read(REQUESTED, STARTED, STARTED)


@pytest.mark.parametrize("record", [REQUESTED, STARTED, RAISED, ENDED, sample(Inputs), sample(Override)])
def test_what_belongs_to_a_session_names_it(record: Record) -> None:
    """An entry that nobody finds again is as good as missing."""
    assert any("without a session" in text for text in read(record, session=None))


def test_a_session_is_signed_after_its_end() -> None:
    """A signature counts for what stands before it; before the end there is nothing whole to sign (21 CFR 11.70)."""
    signed = sample(SessionSigned)

    assert [] == read(REQUESTED, STARTED, ENDED, signed)
    assert ["session s-1: it was signed before its end"] == read(REQUESTED, STARTED, signed, ENDED)


def test_a_real_units_session_in_a_simulated_chart_is_found() -> None:
    """Hazard H46, and tamper class 15: a record that was grafted in."""
    (finding,) = read_drafts(
        [
            (Draft(data=GENESIS), stamp(0)),
            (Draft(data=sample(SessionStarted, simulated=False), session="s-1"), stamp(1)),
        ]
    )

    assert (Code.SIMULATED, 2) == (finding.code, finding.seq)


def at(mono_ns: int, boottime_ns: int, boot: str = BOOT) -> Stamp:
    """A moment on the clocks that nobody can set."""
    return Stamp(at_utc="2026-03-02T08:00:00.000Z", mono_ns=mono_ns, boottime_ns=boottime_ns, boot=boot)


@pytest.mark.parametrize(
    ("later", "sound"),
    [
        (at(10**12 - MAX_STEP_BACK_NS, 10**12), True),
        (at(10**12 - MAX_STEP_BACK_NS - 1, 10**12), False),
        (at(10**12, 10**12 - MAX_STEP_BACK_NS), True),
        (at(10**12, 10**12 - MAX_STEP_BACK_NS - 1), False),
        (at(0, 0, "another-boot"), True),
    ],
)
def test_clocks_that_nobody_can_set_do_not_run_back(later: Stamp, *, sound: bool) -> None:
    """An entry that was moved, or a chart put together from two, shows in its times."""
    alarm = Draft(data=sample(Alarm))
    findings = read_drafts([(Draft(data=GENESIS), at(10**12, 10**12)), (alarm, later)])

    assert sound is (findings == [])
    assert all(finding.code is Code.TIME for finding in findings)


def test_small_steps_back_do_not_add_up() -> None:
    """Each is allowed against the latest time seen, not against the entry before."""
    alarm = Draft(data=sample(Alarm))
    steps = [at(10**12 - step * MAX_STEP_BACK_NS, 10**12) for step in range(3)]
    findings = read_drafts([(Draft(data=GENESIS), at(10**12, 10**12)), *((alarm, moment) for moment in steps)])

    assert [4] == [finding.seq for finding in findings]
