"""What is looked for, in words: each word one condition, and no word is passed over."""

import zoneinfo
from datetime import UTC

import msgspec
import pytest

from modctl.chart.reader import SessionRow
from modctl.chart.wanted import HELP, OUTCOMES, Wanted, chosen, is_early, parse_wanted
from tests.unit.chart.charts import ROW


def fits(row: SessionRow, typed: str, zone: str = "UTC") -> bool:
    """Whether a row is among what these words ask for."""
    wanted = parse_wanted(typed)
    assert isinstance(wanted, Wanted), wanted
    return bool(list(chosen([row], wanted, UTC if zone == "UTC" else zoneinfo.ZoneInfo(zone))))


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("", Wanted()),
        ("patient:P-1 early", Wanted(patient="P-1", early=True)),
        ("since:2026-03-01 until:2026-03-31", Wanted(since="2026-03-01", until="2026-03-31")),
        ("session:20260302-1:x", Wanted(session="20260302-1:x")),
    ],
)
def test_a_filter_is_words(typed: str, wanted: Wanted) -> None:
    """Each word one condition."""
    assert wanted == parse_wanted(typed)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("patient:", "patient: needs a value, as in patient:value."),
        ("since:", "since: needs a value, as in since:2026-03-01."),
        ("since:yesterday", "since:yesterday: a day is written as in since:2026-03-01."),
        ("until:2026-02-30", "until:2026-02-30: a day is written as in until:2026-03-01."),
        ("until:20260201", "until:20260201: a day is written as in until:2026-03-01."),
        ("outcome:died", f"outcome:died: an outcome is one of {', '.join(OUTCOMES)}."),
        ("early:yes", f"'early:yes' is no filter. Words: {HELP}."),
        ("patient", f"'patient' is no filter. Words: {HELP}."),
        ("x:y", f"'x:y' is no filter. Words: {HELP}."),
        ("patient:a b", f"'b' is no filter. Words: {HELP}."),
        ("by:anna by:ben", "by is there twice; a session has one of it, so nothing would fit."),
        (
            "since:2026-03-02 until:2026-03-01",
            "since:2026-03-02 is after until:2026-03-01: nothing would fit.",
        ),
    ],
)
def test_half_a_filter_is_none(typed: str, says: str) -> None:
    """A sentence that says what is understood, instead of a guess."""
    assert says == parse_wanted(typed)


@pytest.mark.parametrize(
    ("typed", "changes"),
    [
        ("patient:P-001", {"patient": "P-002"}),
        ("unit:ultrasound-1", {"unit": "estim-1"}),
        ("by:anna", {"actor": None}),
        ("preset:hip-oa-ultrasound-1mhz", {"preset": "other"}),
        ("outcome:completed", {"outcome": "faulted"}),
        ("session:s-1", {"session": "s-11"}),
        ("simulated", {"simulated": False}),
    ],
)
def test_each_word_asks_for_its_own_field(typed: str, changes: dict[str, object]) -> None:
    """What has it is found, what differs in that alone is not; a capital letter hides nothing."""
    assert fits(ROW, typed)
    assert fits(ROW, typed.replace("p-001", "P-001").replace("anna", "ANNA"))
    assert not fits(msgspec.structs.replace(ROW, **changes), typed)


def test_an_override_and_an_early_end_are_asked_for_by_a_word() -> None:
    """They are what an audit begins with."""
    opened = msgspec.structs.replace(ROW, overrides=1)
    early = msgspec.structs.replace(ROW, delivered_ms=10_000)

    assert (True, False) == (fits(opened, "override"), fits(ROW, "override"))
    assert (True, False) == (fits(early, "early"), fits(ROW, "early"))
    assert not fits(opened, "override early")


@pytest.mark.parametrize(
    ("delivered_ms", "early"), [(284_999, True), (285_000, False), (285_001, False), (None, False)]
)
def test_less_than_95_percent_is_early(delivered_ms: int | None, *, early: bool) -> None:
    """The bound itself is not; a session that runs has not ended early."""
    assert early == is_early(msgspec.structs.replace(ROW, delivered_ms=delivered_ms))


@pytest.mark.parametrize(
    ("at_utc", "zone", "typed", "is_in"),
    [
        ("2026-03-02T00:00:00.000Z", "UTC", "since:2026-03-02 until:2026-03-02", True),
        ("2026-03-02T23:59:59.999Z", "UTC", "since:2026-03-02 until:2026-03-02", True),
        ("2026-03-01T23:59:59.999Z", "UTC", "since:2026-03-02", False),
        ("2026-03-03T00:00:00.000Z", "UTC", "until:2026-03-02", False),
        ("2026-03-01T23:00:00.000Z", "Europe/Berlin", "since:2026-03-02", True),
        ("2026-03-02T23:00:00.000Z", "Europe/Berlin", "until:2026-03-02", False),
        ("2026-03-29T21:59:59.999Z", "Europe/Berlin", "until:2026-03-29", True),  # 23 hours long
        ("2026-03-29T22:00:00.000Z", "Europe/Berlin", "until:2026-03-29", False),
        ("2026-03-03T04:59:00.000Z", "America/New_York", "until:2026-03-02", True),
    ],
)
def test_a_day_is_the_clinics(at_utc: str, zone: str, typed: str, *, is_in: bool) -> None:
    """What was done late on the last day of a month belongs to that month, wherever the auditor sits."""
    assert is_in == fits(msgspec.structs.replace(ROW, started_at_utc=at_utc), typed, zone)
