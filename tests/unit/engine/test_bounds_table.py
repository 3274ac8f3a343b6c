"""The hard bounds once more, in a second hand: a number that changes by a slip in one place is noticed."""

import pytest

from devices.limits import Combination, Dose, Duration, Limit, Max, Min, Rate
from devices.model import Modality
from modctl.engine.bounds import HARD, RMS_BANDS_UA, US_CONTINUOUS_MW_CM2, hard_limits, traction_region
from modctl.engine.checks import check_levels

# By id: the bound; of a rate per second and per step; of a duration in ms, from and to.
BOUNDS: dict[Modality, dict[str, tuple[int, ...]]] = {
    Modality.ESTIM: {
        "hard-es-peak": (110_000,),
        "hard-es-peak-min": (0,),
        "hard-es-width-min": (20,),
        "hard-es-width": (1_000,),
        "hard-es-rate-max": (4_000,),
        "hard-es-rate-min": (1_000_000,),
        "hard-es-carrier-min": (1_000,),
        "hard-es-carrier": (10_000,),
        "hard-es-beat-min": (1,),
        "hard-es-beat": (250,),
        "hard-es-energy": (300_000,),
        "hard-es-density": (4_000,),
        "hard-es-power": (250_000,),
        "hard-es-raise": (5_000, 1_000),
        "hard-es-time": (10_000, 3_600_000),
    },
    Modality.ULTRASOUND: {
        "hard-us-intensity": (3_000,),
        "hard-us-intensity-min": (0,),
        "hard-us-frequency-min": (500,),
        "hard-us-frequency": (5_000,),
        "hard-us-duty-min": (50,),
        "hard-us-duty": (1_000,),
        "hard-us-head": (41_000,),
        "hard-us-area": (20_000,),
        "hard-us-power": (30_000,),
        "hard-us-power-min": (0,),
        "hard-us-voltage": (100_000,),
        "hard-us-voltage-min": (0,),
        "hard-us-burst-min": (10,),
        "hard-us-burst": (1_000_000,),
        "hard-us-period-min": (10,),
        "hard-us-period": (1_000_000,),
        "hard-us-pulses-min": (1,),
        "hard-us-pulses": (1_000,),
        "hard-us-raise": (3_000, 500),
        "hard-us-power-raise": (3_000, 1_000),
        "hard-us-voltage-raise": (10_000, 5_000),
        "hard-us-time": (10_000, 1_800_000),
    },
    Modality.TRACTION: {
        "hard-tx-force": (890,),
        "hard-tx-force-min": (15,),
        "hard-tx-weight": (500,),
        "hard-tx-raise": (50, 50),
        "hard-tx-time": (10_000, 3_600_000),
    },
    Modality.HEAT: {
        "hard-heat-temp": (45_000,),
        "hard-heat-temp-min": (20_000,),
        "hard-heat-raise": (5_000, 5_000),
        "hard-heat-layers": (4,),
        "hard-heat-layers-stated": (100, 100),
        "hard-heat-time": (10_000, 1_800_000),
        "hard-heat-dose": (1_000_000_000,),
    },
    Modality.COLD: {
        "hard-cold-temp-max": (25_000,),
        "hard-cold-temp": (4_000,),
        "hard-cold-pressure": (75,),
        "hard-cold-raise": (5_000, 5_000),
        "hard-cold-layers": (0,),
        "hard-cold-layers-stated": (100, 100),
        "hard-cold-time": (10_000, 1_800_000),
    },
}
RMS: tuple[tuple[int, int], ...] = ((400, 50_000), (1_500, 80_000), (1_000_000_000, 100_000))
CONTINUOUS_MW_CM2 = 2_000


def numbers(row: Limit) -> tuple[int, ...]:
    """What a row bounds with."""
    match row:
        case Max() | Min() | Combination() | Dose():
            return (row.bound,)
        case Rate():
            return (row.per_s, row.per_step)
        case Duration():
            return (row.min_ms, row.max_ms)
        case _:
            raise AssertionError(row)


def test_every_hard_bound_is_the_number_that_was_decided() -> None:
    """Nothing else holds most of them: a slip of a digit would be in force at once, above every profile and site."""
    assert BOUNDS == {modality: {row.id: numbers(row) for row in rows} for modality, rows in HARD.items()}


def test_the_bounds_that_depend_on_the_settings_are_the_numbers_that_were_decided() -> None:
    """As above: current by frequency, intensity without pauses."""
    assert (RMS, CONTINUOUS_MW_CM2) == (RMS_BANDS_UA, US_CONTINUOUS_MW_CM2)


@pytest.mark.parametrize(
    ("region", "bound_n"),
    [
        ("cervical", 222),  # Saunders cervical traction, 50 lbf
        ("lumbar", 890),  # Saunders lumbar traction, 200 lbf
        ("hip", 800),  # Vaarbakken 2007
        ("hip, long axis", 800),
        ("lumbar,supine", 890),
        (" hip ", 800),
        ("shoulder", 222),  # no row of its own: held like the neck
        ("left hip", 222),  # the region is the first word; anything else is not known
        ("", 222),
    ],
)
def test_each_region_is_pulled_with_its_own_force_at_most(region: str, bound_n: int) -> None:
    """The force of a hip breaks a neck; what is not known is held like a neck."""
    row = _depends(Modality.TRACTION, {"traction_region": traction_region(region)}, "hard-tx-region")

    assert [None, None, "hard-tx-region"] == [_first(row, {"force_n": bound_n + step}) for step in (-1, 0, 1)]


@pytest.mark.parametrize(("region", "number"), [("cervical", 1), ("lumbar", 2), ("hip", 3), ("shoulder", 0), ("", 0)])
def test_the_number_of_a_region_is_the_one_that_charts_hold(region: str, number: int) -> None:
    """It is charted with the session's context: another number would be another region there."""
    assert number == traction_region(region)


@pytest.mark.parametrize("number", [-1, 4, 1_000])
def test_a_number_of_no_region_is_held_like_the_neck(number: int) -> None:
    """Unknown is the narrowest bound, never none."""
    row = _depends(Modality.TRACTION, {"traction_region": number}, "hard-tx-region")

    assert [None, "hard-tx-region"] == [_first(row, {"force_n": force_n}) for force_n in (222, 223)]


def test_a_modulated_carrier_ends_at_100_milliamperes() -> None:
    """The dial range of interferential units; without a carrier the row of all stimulators stands alone."""
    row = _depends(Modality.ESTIM, {"carrier_hz": 4_000}, "hard-es-carrier-peak")

    assert [None, None, "hard-es-carrier-peak"] == [_first(row, {"current_ua": 100_000 + step}) for step in (-1, 0, 1)]
    assert "hard-es-carrier-peak" not in [one.id for one in hard_limits(Modality.ESTIM, {})]


def test_energy_by_treated_area_ends_at_450_joules_a_square_centimetre() -> None:
    """1 mW/cm² for 450 000 s over the head's own area is 450 J/cm²; a second more is refused."""
    row = _depends(Modality.ULTRASOUND, {"duty_permille": 1_000}, "hard-us-dose")
    values = {"intensity_mw_cm2": 1, "duty_permille": 1_000, "era_mm2": 500, "area_mm2": 500}

    assert [None, None, "hard-us-dose"] == [
        _first(row, {**values, "duration_ms": (450_000 + step) * 1_000}) for step in (-1, 0, 1)
    ]
    assert "hard-us-dose" not in [one.id for one in hard_limits(Modality.ULTRASOUND, {})]


def _depends(modality: Modality, context: dict[str, int], row_id: str) -> tuple[Limit, ...]:
    """The one row with this id that the context brings in."""
    (row,) = [row for row in hard_limits(modality, context) if row.id == row_id]
    return (row,)


def _first(rows: tuple[Limit, ...], values: dict[str, int]) -> str | None:
    verdict = check_levels(rows, values)
    return None if verdict is None else verdict.limit
