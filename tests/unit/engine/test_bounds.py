"""Hard bounds: each bound at -1, 0, +1, what depends on frequency and mode, and that a child never widens."""

from collections.abc import Iterator

import msgspec
import pytest

from devices.limits import Combination, Dose, Duration, Limit, Mark, Max, Min, Rate, Stale
from devices.model import Modality
from modctl.engine.bounds import HARD, hard_limits, widenings
from modctl.engine.checks import Verdict, check_levels

SETTINGS: dict[Modality, dict[str, int]] = {
    Modality.ESTIM: {
        "current_ua": 1_000,
        "pulse_width_us": 100,
        "period_us": 10_000,
        "electrode_mm2": 4_500,
    },
    Modality.ULTRASOUND: {
        "intensity_mw_cm2": 100,
        "duty_permille": 500,
        "frequency_khz": 1_000,
        "era_mm2": 500,
        "area_mm2": 2_000,
        "duration_ms": 60_000,
    },
    Modality.TRACTION: {"force_n": 50, "body_weight_g": 400_000},
    Modality.HEAT: {"temp_mdegc": 40_000},
    Modality.COLD: {"temp_mdegc": 10_000, "pressure_mmhg": 30},
}


def rows() -> Iterator[tuple[Modality, Max | Min]]:
    """Every hard row on one parameter."""
    for modality in Modality:
        for row in hard_limits(modality, SETTINGS[modality]):
            if isinstance(row, (Max, Min)):
                yield modality, row


@pytest.mark.parametrize(("modality", "row"), [pytest.param(*pair, id=pair[1].id) for pair in rows()])
def test_a_hard_bound_is_inclusive_and_one_count_beyond_is_refused(modality: Modality, row: Max | Min) -> None:
    """The last line before every unit, one count at a time."""
    beyond = 1 if isinstance(row, Max) else -1

    assert [None, None, row.id] == [
        _id(check_levels((row,), {**SETTINGS[modality], row.parameter: row.bound + step * beyond}))
        for step in (-1, 0, 1)
    ]


def _id(verdict: Verdict | None) -> str | None:
    return None if verdict is None else verdict.limit


@pytest.mark.parametrize("modality", list(Modality))
def test_every_modality_has_a_raise_limit_a_duration_and_a_source_for_all(modality: Modality) -> None:
    """Without a raise limit the frame gate could not be built, without a source nobody could answer for a number."""
    limits = HARD[modality]

    rates = [row.parameter for row in limits if isinstance(row, Rate)]

    assert (True, 1, True) == (
        bool(rates) and len(set(rates)) == len(rates),  # one for each parameter that is somebody's level
        sum(isinstance(row, Duration) for row in limits),
        all(row.source for row in limits),
    )


@pytest.mark.parametrize(
    ("settings", "bound_ua"),
    [
        ({"period_us": 2_500}, 50_000),  # 400 Hz
        ({"period_us": 2_499}, 50_000),  # 400.16 Hz: whole hertz are counted
        ({"period_us": 2_490}, 80_000),
        ({"carrier_hz": 400}, 50_000),
        ({"carrier_hz": 401}, 80_000),
        ({"carrier_hz": 1_500}, 80_000),
        ({"carrier_hz": 1_501}, 100_000),
        ({"carrier_hz": 4_000}, 100_000),
        ({}, 50_000),
        ({"period_us": 0}, 50_000),
    ],
)
def test_the_rms_limit_follows_the_frequency(settings: dict[str, int], bound_ua: int) -> None:
    """Skin takes more current the faster it alternates; unknown frequency gets the narrowest band."""
    rms = [row for row in hard_limits(Modality.ESTIM, settings) if row.id == "hard-es-rms"]

    assert [bound_ua] == [row.bound for row in rms if isinstance(row, Combination)]


def test_the_rms_row_says_what_it_is_and_by_what_right() -> None:
    """The standard is known by quotation alone: its numbers are never shown as *per* it."""
    (row,) = [row for row in hard_limits(Modality.ESTIM, {"carrier_hz": 4_000}) if row.id == "hard-es-rms"]

    assert row == Combination(
        id="hard-es-rms",
        quantity="rms_ua",
        bound=100_000,
        unit="uA",
        source="IEC 60601-2-10, as quoted",
        mark=Mark.TEXTBOOK,
    )


def test_the_row_of_continuous_ultrasound_says_what_it_is_and_by_what_right() -> None:
    """Read in a manual: it is shown as *per* its source."""
    rows = hard_limits(Modality.ULTRASOUND, {"duty_permille": 1_000})

    assert rows[-1] == Max(
        id="hard-us-continuous",
        parameter="intensity_mw_cm2",
        bound=2_000,
        source="Dynatron 25 series p. 54",
        mark=Mark.SOURCE,
    )


@pytest.mark.parametrize(("duty_permille", "bound"), [(999, 3_000), (1_000, 2_000)])
def test_continuous_ultrasound_has_the_lower_bound(duty_permille: int, bound: int) -> None:
    """Without pauses there is no time to carry the heat away."""
    bounds = [
        row.bound
        for row in hard_limits(Modality.ULTRASOUND, {"duty_permille": duty_permille})
        if isinstance(row, Max) and row.parameter == "intensity_mw_cm2"
    ]

    assert bound == min(bounds)


def test_three_values_inside_their_dials_are_refused_together() -> None:
    """110 mA, 1000 µs and 250 Hz lie on their dials and make 77.8 mA rms."""
    values = {"current_ua": 110_000, "pulse_width_us": 1_000, "period_us": 4_000, "electrode_mm2": 10_000}
    ranges = tuple(row for row in HARD[Modality.ESTIM] if isinstance(row, (Max, Min)))

    assert check_levels(ranges, values) is None
    assert check_levels(hard_limits(Modality.ESTIM, values), values) is not None


OUTER: tuple[Limit, ...] = (
    Max(id="max", parameter="current_ua", bound=100, source="parent", mark=Mark.CHOSEN),
    Min(id="min", parameter="current_ua", bound=10, source="parent", mark=Mark.CHOSEN),
    Rate(id="rate", parameter="current_ua", per_s=10, per_step=5, source="parent", mark=Mark.CHOSEN),
    Duration(id="time", min_ms=100, max_ms=1_000, source="parent", mark=Mark.CHOSEN),
    Combination(id="rms", quantity="rms_ua", bound=50, unit="uA", source="parent", mark=Mark.CHOSEN),
)
SAME_OR_NARROWER: tuple[Limit, ...] = (
    *OUTER,
    Max(id="a", parameter="current_ua", bound=99, source="child", mark=Mark.CHOSEN),
    Min(id="b", parameter="current_ua", bound=11, source="child", mark=Mark.CHOSEN),
    Rate(id="c", parameter="current_ua", per_s=9, per_step=5, source="child", mark=Mark.CHOSEN),
    Duration(id="d", min_ms=101, max_ms=999, source="child", mark=Mark.CHOSEN),
    Combination(id="e", quantity="rms_ua", bound=49, unit="uA", source="child", mark=Mark.CHOSEN),
    # Of another subject or kind: nothing to compare with.
    Max(id="f", parameter="period_us", bound=10**9, source="child", mark=Mark.CHOSEN),
    Min(id="g", parameter="period_us", bound=0, source="child", mark=Mark.CHOSEN),
    Rate(id="h", parameter="period_us", per_s=10**9, per_step=10**9, source="child", mark=Mark.CHOSEN),
    Combination(id="i", quantity="energy_uj", bound=10**9, unit="uJ", source="child", mark=Mark.CHOSEN),
    Stale(id="j", max_age_ms=10**9, source="child", mark=Mark.CHOSEN),
    Dose(id="k", quantity="energy_uj", bound=10**9, unit="uJ", source="child", mark=Mark.CHOSEN),
)
WIDER: tuple[tuple[Limit, str], ...] = (
    (Max(id="wider", parameter="current_ua", bound=101, source="child", mark=Mark.CHOSEN), "101 is above 100"),
    (Min(id="wider", parameter="current_ua", bound=9, source="child", mark=Mark.CHOSEN), "9 is below 10"),
    (
        Rate(id="wider", parameter="current_ua", per_s=11, per_step=5, source="child", mark=Mark.CHOSEN),
        "11 a second, 5 a step is faster",
    ),
    (
        Rate(id="wider", parameter="current_ua", per_s=10, per_step=6, source="child", mark=Mark.CHOSEN),
        "10 a second, 6 a step is faster",
    ),
    (Duration(id="wider", min_ms=99, max_ms=1_000, source="child", mark=Mark.CHOSEN), "99 to 1000 ms is wider"),
    (Duration(id="wider", min_ms=100, max_ms=1_001, source="child", mark=Mark.CHOSEN), "100 to 1001 ms is wider"),
    (
        Combination(id="wider", quantity="rms_ua", bound=51, unit="uA", source="child", mark=Mark.CHOSEN),
        "51 uA is above 50",
    ),
)


def test_the_same_or_narrower_rows_are_taken() -> None:
    """Equal is not wider; a row about something else has no parent."""
    assert () == widenings(OUTER, SAME_OR_NARROWER)


@pytest.mark.parametrize(("row", "why"), WIDER)
def test_a_row_that_allows_more_than_its_parent_is_named(row: Limit, why: str) -> None:
    """Bounds only narrow on the way from the code to the patient."""
    found = widenings(OUTER, (row,))

    assert 1 == len(found)
    assert f"limit wider: {why}" in found[0]


def test_a_widening_names_the_parent_and_its_source() -> None:
    """Whoever wrote the row must see what it was held against."""
    wider = msgspec.structs.replace(OUTER[0], id="wider", bound=101)

    assert ("limit wider: 101 is above 100 (parent max, parent)",) == widenings(OUTER[:1], (wider,))
