"""Chart entries as they are printed: flat objects for programs, one line each for people."""

import msgspec
import pytest

from devices.model import Contact, Output, Sample
from modctl.engine.events import SampleArrived, SessionEvent, Ticked
from modctl.records import (
    KIND_OF,
    KINDS,
    Alarm,
    DoseBound,
    Entry,
    GateAnswer,
    Inputs,
    LimitBreached,
    Quantity,
    Record,
    SessionEnded,
    SessionPaused,
    SessionRefused,
    SessionRequested,
    SetpointCommanded,
)
from modctl.reports.telling import STREAM_KINDS, Teller, answered, entry_of, flat, flat_sample, samples, told

MS = 1_000_000
ENDED = SessionEnded(
    outcome="completed",
    reason="planned_time",
    planned_ms=15_000,
    delivered_ms=15_000,
    paused_ms=2_000,
    no_contact_ms=0,
    unknown_ms=0,
    energized_ms=15_300,
    off_after_ms=120,
    dose=(DoseBound(quantity="energy", lower=14_000, upper=15_000, unit="mJ/cm2"),),
)


def entry(record: Record, actor: str | None = None) -> Entry:
    """A chart entry that holds this record, gone through its bytes."""
    made = Entry(
        v=1,
        seq=7,
        at_utc="2026-01-01T12:00:00.500Z",
        mono_ns=1_000 * MS,
        boottime_ns=1,
        boot="b",
        kind=KIND_OF[type(record)],
        session="s1",
        actor=actor,
        data=msgspec.Raw(msgspec.json.encode(record)),
    )
    return entry_of(msgspec.json.encode(made))


def inputs(*events: tuple[int, SessionEvent]) -> Entry:
    """What reached a session's reducer."""
    raw = msgspec.Raw(msgspec.json.encode(list(events)))
    return entry(Inputs(from_ns=0, events=raw, effects=0, effects_sha256=""))


def sample(at_ms: int, output: Output, current_ua: int | None = None) -> tuple[int, SessionEvent]:
    """One sample in a session's inputs."""
    values = (("current_ua", current_ua),)
    made = Sample(at_ns=at_ms * MS, asked_ns=0, output=output, values=values, contact=Contact.GOOD)
    return 0, SampleArrived(sample=made)


def test_an_entry_is_one_flat_object() -> None:
    """Kind first, then number, times and session, then what the entry says, as in the contract."""
    printed = flat(entry(ENDED))

    fields = msgspec.json.decode(printed, type=dict[str, object])
    assert ["kind", "seq", "at_utc", "mono_ns", "session", "outcome"] == list(fields)[:6]
    assert fields["kind"] == "session.ended"
    assert fields["delivered_ms"] == 15_000
    assert fields["dose"] == [{"quantity": "energy", "lower": 14_000, "upper": 15_000, "unit": "mJ/cm2"}]
    assert b", " not in printed


def test_a_request_is_printed_without_what_is_only_for_replaying() -> None:
    """The setup is long and says nothing that the other fields do not."""
    asked = SessionRequested(
        unit="u", model="m", patient="P-1", preset="p", planned_ms=1, asked=(), effective=(), setup=msgspec.Raw(b"{}")
    )

    assert b"setup" not in flat(entry(asked, "kim"))
    assert b'"actor":"kim"' in flat(entry(asked, "kim"))


def test_inputs_are_opened_into_samples_at_the_units_own_times() -> None:
    """A sample is not later than it was only because it was charted with others."""
    found = inputs(sample(800, Output.ENERGIZED, 5_000), (5, Ticked()), sample(1_000, Output.OFF, None))

    printed = [msgspec.json.decode(flat_sample(found, one), type=dict[str, object]) for one in samples(found)]

    assert ["2026-01-01T12:00:00.300Z", "2026-01-01T12:00:00.500Z"] == [one["at_utc"] for one in printed]
    assert [800 * MS, 1_000 * MS] == [one["mono_ns"] for one in printed]
    assert [5_000, None] == [one["current_ua"] for one in printed]
    assert {"sample"} == {one["kind"] for one in printed}
    assert ["energized", "off"] == [one["output"] for one in printed]


def test_samples_are_spoken_on_change_and_once_a_minute() -> None:
    """A braille line or a voice that repeats itself ten times a second is switched off."""
    steady = [sample(at_ms, Output.ENERGIZED, 5_000) for at_ms in range(0, 130_000, 100)]
    teller = Teller()

    lines = list(teller.lines(inputs(*steady)))
    changed = list(teller.lines(inputs(sample(130_000, Output.OFF, 0))))

    assert len(lines) == 3
    assert lines[0].startswith("■ ENERGIZED")
    assert ["□ OFF, contact good, current 0.0 mA"] == changed


@pytest.mark.parametrize(
    ("record", "begins", "holds"),
    [
        (ENDED, "□ COMPLETED", ["0:15 of 0:15", "paused 0:02", "off confirmed after 120 ms", "14 J/cm² and 15 J/cm²"]),
        (
            msgspec.structs.replace(ENDED, outcome="unconfirmed", off_after_ms=None, energized_ms=0),
            "? UNCONFIRMED",
            ["off NOT confirmed"],
        ),
        (SessionRefused(reason="too_short"), "REFUSED", ["too short", "Nothing was sent"]),
        (
            SessionRefused(reason="limit", limit="rms", observed=Quantity(77_800, "uA"), bound=Quantity(50_000, "uA")),
            "REFUSED: rms",
            ["77.8 mA", "bound 50 mA"],
        ),
        (
            LimitBreached(
                limit="head", finding="missing", observed=None, bound=Quantity(41_000, "m[Cel]"), source="IEC"
            ),
            "! LIMIT head",
            ["no data", "41 °C", "IEC"],
        ),
        (Alarm(alarm="off_not_confirmed", priority="high", text=""), "*** ALARM", ["Remove the electrodes"]),
        (SetpointCommanded(levels=(("current_ua", 500),), cause="person"), "COMMANDED", ["0.5 mA", "person"]),
        (SetpointCommanded(levels=(), cause="off"), "COMMANDED: off", []),
        (SessionPaused(reason="contact_lost"), "□ PAUSED", ["contact was lost", "A person resumes"]),
    ],
)
def test_a_line_begins_with_the_state_in_words(record: Record, begins: str, holds: list[str]) -> None:
    """Who hears only the first word must hear what matters."""
    line = told(record)

    assert line.startswith(begins)
    for part in holds:
        assert part in line


def test_every_kind_of_a_stream_exists() -> None:
    """The kinds are a contract with those who read them."""
    assert set(KINDS) >= STREAM_KINDS


def test_an_answer_is_shown_with_its_source() -> None:
    """An auditor must see what a person said and what came out of a file."""
    answer = GateAnswer(gate="consent", answer="given", source="file", age_s=0, took_ms=0)

    assert ["ANSWERED consent: given (file, kim)"] == list(answered(entry(answer, "kim")))
    assert list(answered(entry(ENDED))) == []
