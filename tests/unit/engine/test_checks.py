"""One function per limit kind: at the bound is allowed, one count beyond is not, and nothing is a finding."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from devices.limits import Combination, Deviation, Duration, Limit, Mark, Max, Min, Rate, Stale, Witness
from devices.model import NS_PER_MS
from modctl.engine.checks import (
    Finding,
    Verdict,
    check_combination,
    check_deviation,
    check_duration,
    check_levels,
    check_max,
    check_min,
    check_witness,
    check_witness_age,
)

CURRENT = "current_ua"
MAX = Max(id="most", parameter=CURRENT, bound=10_000, source="made up", mark=Mark.CHOSEN)
MIN = Min(id="least", parameter=CURRENT, bound=10_000, source="made up", mark=Mark.CHOSEN)
RMS = Combination(id="rms", quantity="rms_ua", bound=1_000, unit="uA", source="made up", mark=Mark.CHOSEN)
STALE = Stale(id="stale", max_age_ms=1_000, source="made up", mark=Mark.CHOSEN)
TIME = Duration(id="time", min_ms=10_000, max_ms=60_000, source="made up", mark=Mark.CHOSEN)
BAND = Deviation(
    id="deviates", parameter=CURRENT, permille=100, floor=50, settle_ms=0, source="made up", mark=Mark.CHOSEN
)


@pytest.mark.parametrize(
    ("observed", "finding"),
    [
        (9_999, Finding.WITHIN),
        (10_000, Finding.WITHIN),
        (10_001, Finding.BREACH),
        (None, Finding.MISSING),
    ],
)
def test_an_upper_bound_is_inclusive(observed: int | None, finding: Finding) -> None:
    """One count decides between a treatment and a stop; no value is not a good value."""
    assert finding is check_max(MAX, {CURRENT: observed}).finding


@pytest.mark.parametrize(
    ("observed", "finding"),
    [
        (9_999, Finding.BREACH),
        (10_000, Finding.WITHIN),
        (10_001, Finding.WITHIN),
        (None, Finding.MISSING),
    ],
)
def test_a_lower_bound_is_inclusive(observed: int | None, finding: Finding) -> None:
    """As for upper bounds; a cold unit's burn is below."""
    assert finding is check_min(MIN, {CURRENT: observed}).finding


def test_a_parameter_that_is_not_there_at_all_is_missing() -> None:
    """A sample without the field is as empty as one whose field says nothing."""
    assert Finding.MISSING is check_max(MAX, {}).finding


@pytest.mark.parametrize(
    ("planned_ms", "finding", "bound"),
    [
        (9_999, Finding.BREACH, 10_000),
        (10_000, Finding.WITHIN, 60_000),
        (60_000, Finding.WITHIN, 60_000),
        (60_001, Finding.BREACH, 60_000),
    ],
)
def test_a_planned_time_is_held_against_both_ends(planned_ms: int, finding: Finding, bound: int) -> None:
    """The bound that is shown is the one that was crossed."""
    verdict = check_duration(TIME, planned_ms)

    assert (finding, bound) == (verdict.finding, verdict.bound)


@pytest.mark.parametrize(
    ("current_ua", "finding"),
    # I * sqrt(2 w / T) with w 100 µs and T 20 000 µs is I / 10.
    [(9_990, Finding.WITHIN), (10_000, Finding.WITHIN), (10_001, Finding.BREACH)],
)
def test_a_combination_is_computed_from_all_values(current_ua: int, finding: Finding) -> None:
    """Each value inside its own range is not enough."""
    values = {CURRENT: current_ua, "pulse_width_us": 100, "period_us": 20_000}

    assert finding is check_combination(RMS, values).finding


def test_a_combination_with_a_value_missing_is_a_finding() -> None:
    """What cannot be computed cannot be called safe."""
    assert Finding.MISSING is check_combination(RMS, {CURRENT: 1, "period_us": 20_000}).finding


@pytest.mark.parametrize(
    ("reported", "commanded", "above_only", "finding"),
    [
        (11_000, 10_000, False, Finding.WITHIN),
        (11_001, 10_000, False, Finding.BREACH),
        (9_000, 10_000, False, Finding.WITHIN),
        (8_999, 10_000, False, Finding.BREACH),
        (8_999, 10_000, True, Finding.WITHIN),
        (11_001, 10_000, True, Finding.BREACH),
        (150, 100, False, Finding.WITHIN),  # near zero the floor is wider than the share
        (151, 100, False, Finding.BREACH),
        (None, 10_000, False, Finding.MISSING),
    ],
)
def test_reported_is_held_against_commanded(
    reported: int | None, commanded: int, above_only: bool, finding: Finding
) -> None:
    """The larger of share and floor, both edges inclusive; below does not count where only above hurts."""
    limit = Deviation(
        id="deviates",
        parameter=CURRENT,
        permille=100,
        floor=50,
        settle_ms=0,
        above_only=above_only,
        source="made up",
        mark=Mark.CHOSEN,
    )

    assert finding is check_deviation(limit, reported, commanded).finding


@pytest.mark.parametrize(
    ("reported", "edge"), [(12_000, 11_000), (10_001, 11_000), (10_000, 9_000), (8_000, 9_000), (None, 11_000)]
)
def test_the_bound_shown_of_a_deviation_is_the_edge_that_was_crossed(reported: int | None, edge: int) -> None:
    """A person must see in which direction the unit strayed; what did not stray is shown the lower edge."""
    assert edge == check_deviation(BAND, reported, 10_000).bound


def test_a_verdict_says_who_set_the_bound() -> None:
    """A refusal without a source cannot be answered for."""
    verdict = check_max(MAX, {CURRENT: 10_001})

    assert ("most", 10_001, 10_000, "uA", "made up") == (
        verdict.limit,
        verdict.observed,
        verdict.bound,
        verdict.unit,
        verdict.source,
    )


WITNESS = Witness(
    id="witness",
    parameter="force_n",
    permille=100,
    floor=30,
    max_age_ms=1_000,
    confirm=2,
    source="made up",
    mark=Mark.CHOSEN,
)
BY_BOOK = {"source": "a book", "mark": Mark.TEXTBOOK}


def verdict(limit: str, finding: Finding, observed: int | None, bound: int, unit: str) -> Verdict:
    """What a chart would hold, of a limit from a book."""
    return Verdict(
        limit=limit, finding=finding, observed=observed, bound=bound, unit=unit, source="a book", mark=Mark.TEXTBOOK
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            lambda: check_max(replace(MAX, **BY_BOOK), {CURRENT: 10_001}),
            verdict("most", Finding.BREACH, 10_001, 10_000, "uA"),
        ),
        (lambda: check_max(replace(MAX, **BY_BOOK), {}), verdict("most", Finding.MISSING, None, 10_000, "uA")),
        (
            lambda: check_min(replace(MIN, **BY_BOOK), {CURRENT: 9_999}),
            verdict("least", Finding.BREACH, 9_999, 10_000, "uA"),
        ),
        (lambda: check_min(replace(MIN, **BY_BOOK), {}), verdict("least", Finding.MISSING, None, 10_000, "uA")),
        (lambda: check_duration(replace(TIME, **BY_BOOK), 9_999), verdict("time", Finding.BREACH, 9_999, 10_000, "ms")),
        (
            lambda: check_duration(replace(TIME, **BY_BOOK), 60_001),
            verdict("time", Finding.BREACH, 60_001, 60_000, "ms"),
        ),
        (lambda: check_combination(replace(RMS, **BY_BOOK), {}), verdict("rms", Finding.MISSING, None, 1_000, "uA")),
        (
            lambda: check_deviation(replace(BAND, **BY_BOOK), 12_000, 10_000),
            verdict("deviates", Finding.BREACH, 12_000, 11_000, "uA"),
        ),
        (
            lambda: check_deviation(replace(BAND, **BY_BOOK), 8_000, 10_000),
            verdict("deviates", Finding.BREACH, 8_000, 9_000, "uA"),
        ),
        (
            lambda: check_deviation(replace(BAND, **BY_BOOK), None, 10_000),
            verdict("deviates", Finding.MISSING, None, 11_000, "uA"),
        ),
        (
            lambda: check_witness(replace(WITNESS, **BY_BOOK), 150, 181),
            verdict("witness", Finding.BREACH, 181, 180, "N"),
        ),
        (
            lambda: check_witness(replace(WITNESS, **BY_BOOK), None, 150),
            verdict("witness", Finding.MISSING, None, 150, "N"),
        ),
        (
            lambda: check_witness_age(replace(WITNESS, **BY_BOOK), 1_002 * NS_PER_MS - 1),
            verdict("witness", Finding.STALE, 1_001, 1_000, "ms"),
        ),
    ],
)
def test_a_verdict_holds_all_that_a_refusal_must_say(said: Callable[[], Verdict], expected: Verdict) -> None:
    """Which limit, what was seen, the bound that was crossed, in which unit, and who set it by what right."""
    assert expected == said()


@pytest.mark.parametrize(
    ("reported", "finding"), [(1_119, Finding.WITHIN), (1_120, Finding.WITHIN), (1_121, Finding.BREACH)]
)
def test_a_share_is_rounded_down_to_a_whole_count(reported: int, finding: Finding) -> None:
    """A tenth of 1 019 is 101: narrower, never wider, than the exact share."""
    band = replace(BAND, permille=100, floor=0)

    assert finding is check_deviation(band, reported, 1_019).finding


RAISE = Rate(id="raise", parameter=CURRENT, per_s=1, per_step=1, source="made up", mark=Mark.CHOSEN)
HEAD = Max(id="head", parameter="head_temp_mdegc", bound=41_000, source="made up", mark=Mark.TEXTBOOK)


@pytest.mark.parametrize(
    ("limits", "values", "first"),
    [
        ((MAX, RMS), {CURRENT: 10_001, "pulse_width_us": 100, "period_us": 20_000}, "most"),
        ((RMS, MAX), {CURRENT: 10_001, "pulse_width_us": 100, "period_us": 20_000}, "rms"),
        ((MIN,), {CURRENT: 9_999}, "least"),
        ((MAX, MIN), {CURRENT: 10_000}, None),
        ((HEAD, RAISE, STALE, TIME), {CURRENT: 1}, None),
    ],
)
def test_set_values_are_held_against_everything_that_binds_them(
    limits: tuple[Limit, ...], values: dict[str, int], first: str | None
) -> None:
    """The first finding counts; rows about readings, speed and time do not bind set values."""
    verdict = check_levels(limits, values)

    assert first == (None if verdict is None else verdict.limit)
