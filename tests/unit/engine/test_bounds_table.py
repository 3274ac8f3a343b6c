"""The hard bounds once more, in a second hand: a number that changes by a slip in one place is noticed."""

from devices.limits import Combination, Duration, Limit, Max, Min, Rate
from devices.model import Modality
from modctl.engine.bounds import HARD, RMS_BANDS_UA, US_CONTINUOUS_MW_CM2

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
        case Max() | Min() | Combination():
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
