"""Quantities of several values: against fractions computed another way, rounded up, and None where one is missing."""

import itertools
from fractions import Fraction
from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.dose import (
    QUANTITIES,
    area_ratio_permille,
    body_weight_permille,
    density_ua_cm2,
    energy_uj,
    power_density_uw_cm2,
    rms_ua,
    us_area_dose_mj_cm2,
)

PULSES = {"current_ua": 110_000, "pulse_width_us": 1_000, "period_us": 4_000, "electrode_mm2": 2_500}
CARRIER = {"current_ua": 50_000, "carrier_hz": 4_000, "beat_hz": 100, "electrode_mm2": 2_500}
SOUND = {"intensity_mw_cm2": 1_000, "duty_permille": 500, "era_mm2": 500, "area_mm2": 2_000, "duration_ms": 300_000}
PULL = {"force_n": 200, "body_weight_g": 80_000}
NEEDS = {
    "rms_ua": ("current_ua", "pulse_width_us", "period_us"),
    "density_ua_cm2": ("current_ua", "pulse_width_us", "period_us", "electrode_mm2"),
    "energy_uj": ("current_ua", "pulse_width_us"),
    "power_density_uw_cm2": ("current_ua", "pulse_width_us", "period_us", "electrode_mm2"),
    "us_area_dose_mj_cm2": tuple(SOUND),
    "area_ratio_permille": ("era_mm2", "area_mm2"),
    "body_weight_permille": ("force_n", "body_weight_g"),
}
ALL = {**PULSES, **SOUND, **PULL}


@pytest.mark.parametrize(
    ("quantity", "values", "expected"),
    [
        ("rms_ua", PULSES, 77_782),  # 110 mA * sqrt(2 * 1000 / 4000) = 77 781.7 uA
        ("rms_ua", CARRIER, 35_356),  # 50 mA / sqrt 2 = 35 355.3 uA
        ("density_ua_cm2", PULSES, 3_112),  # 77 782 uA over 25 cm2 = 3111.3
        ("energy_uj", PULSES, 12_100),  # 0.11 A squared * 500 ohm * 2 ms = 12.1 mJ
        ("energy_uj", CARRIER, 0),
        ("power_density_uw_cm2", CARRIER, 25_001),  # 35.356 mA squared * 500 ohm = 625.02 mW over 25 cm2
        ("us_area_dose_mj_cm2", SOUND, 37_500),  # 1 W/cm2 * 0.5 * 5 cm2 * 300 s = 750 J over 20 cm2
        ("area_ratio_permille", SOUND, 4_000),  # 20 cm2 by 5 cm2
        ("body_weight_permille", PULL, 255),  # 200 N of 784.5 N
    ],
)
def test_a_worked_example(quantity: str, values: dict[str, int], expected: int) -> None:
    """Each computed by hand beside it."""
    assert expected == QUANTITIES[quantity](values)


@pytest.mark.parametrize(("quantity", "name"), [(q, name) for q, names in NEEDS.items() for name in names])
def test_a_missing_value_gives_nothing(quantity: str, name: str) -> None:
    """Nothing is a finding; a number from half of the values would be a lie."""
    values = {key: value for key, value in ALL.items() if key != name}

    assert QUANTITIES[quantity](values) is None


@pytest.mark.parametrize(
    ("quantity", "name"),
    [
        ("rms_ua", "period_us"),
        ("density_ua_cm2", "electrode_mm2"),
        ("power_density_uw_cm2", "electrode_mm2"),
        ("us_area_dose_mj_cm2", "area_mm2"),
        ("area_ratio_permille", "era_mm2"),
        ("body_weight_permille", "body_weight_g"),
    ],
)
def test_a_divisor_of_zero_gives_nothing(quantity: str, name: str) -> None:
    """An electrode without an area is one that nobody measured."""
    assert QUANTITIES[quantity]({**ALL, name: 0}) is None


def ceiling(value: Fraction) -> int:
    """The whole number not below a fraction, by another way than the module's."""
    return -(-value.numerator // value.denominator)


def root_above(square: Fraction) -> int:
    """The smallest whole number whose square is not below a fraction."""
    found = isqrt(square.numerator // square.denominator)
    return next(root for root in itertools.count(found) if root * root >= square)


currents = st.integers(0, 130_000)
widths = st.integers(20, 1_000)
periods = st.integers(4_000, 1_000_000)
areas = st.integers(1, 60_000)


@given(current=currents, width=widths, period=periods)
def test_rms_of_pulses_is_the_exact_root_rounded_up(current: int, width: int, period: int) -> None:
    """Never below the truth, never more than one count above."""
    values = {"current_ua": current, "pulse_width_us": width, "period_us": period}
    square = Fraction(current * current * 2 * width, period)

    assert root_above(square) == rms_ua(values)


@given(current=currents, carrier=st.integers(1_000, 10_000))
def test_rms_of_a_carrier_is_that_of_a_sine(current: int, carrier: int) -> None:
    """No modulated form exceeds it."""
    assert root_above(Fraction(current * current, 2)) == rms_ua({"current_ua": current, "carrier_hz": carrier})


@given(current=currents, width=widths, period=periods, area=areas)
def test_densities_are_never_rounded_down(current: int, width: int, period: int, area: int) -> None:
    """A limit is held against what may be, not against what is convenient."""
    values = {"current_ua": current, "pulse_width_us": width, "period_us": period, "electrode_mm2": area}
    rms = rms_ua(values)

    assert rms is not None
    assert ceiling(Fraction(rms * 100, area)) == density_ua_cm2(values)
    assert ceiling(Fraction(rms * rms * 500 * 100, 10**6 * area)) == power_density_uw_cm2(values)


@given(current=currents, width=widths)
def test_the_energy_of_a_pulse_is_never_rounded_down(current: int, width: int) -> None:
    """Both phases count, at 500 ohm."""
    exact = Fraction(current, 10**6) ** 2 * 500 * Fraction(2 * width, 10**6) * 10**6

    assert ceiling(exact) == energy_uj({"current_ua": current, "pulse_width_us": width})


@given(
    intensity=st.integers(0, 3_000),
    duty=st.integers(50, 1_000),
    era=st.integers(1, 1_000),
    area=areas,
    seconds=st.integers(10, 1_800),
)
def test_ultrasound_by_area_is_never_rounded_down(intensity: int, duty: int, era: int, area: int, seconds: int) -> None:
    """The head's energy over the field that it is moved in."""
    values = {
        "intensity_mw_cm2": intensity,
        "duty_permille": duty,
        "era_mm2": era,
        "area_mm2": area,
        "duration_ms": seconds * 1_000,
    }
    exact = Fraction(intensity * duty, 1_000) * Fraction(era, area) * seconds

    assert ceiling(exact) == us_area_dose_mj_cm2(values)
    assert ceiling(Fraction(area * 1_000, era)) == area_ratio_permille(values)


@given(force=st.integers(0, 890), weight_g=st.integers(1_000, 300_000))
def test_pull_by_weight_is_never_rounded_down(force: int, weight_g: int) -> None:
    """In thousandths of the body's weight at standard gravity."""
    exact = Fraction(force * 1_000) / (Fraction(weight_g, 1_000) * Fraction(980_665, 100_000))

    assert ceiling(exact) == body_weight_permille({"force_n": force, "body_weight_g": weight_g})


@pytest.mark.parametrize("name", ["current_ua", "pulse_width_us"])
@given(more=st.integers(1, 1_000))
def test_more_of_anything_that_hurts_is_never_less(name: str, more: int) -> None:
    """Narrowing one value can only narrow what they make together."""
    base = {**PULSES, "current_ua": 20_000, "pulse_width_us": 200}
    raised = {**base, name: base[name] + more}

    assert all(
        (QUANTITIES[quantity](raised) or 0) >= (QUANTITIES[quantity](base) or 0)
        for quantity in ("rms_ua", "density_ua_cm2", "energy_uj", "power_density_uw_cm2")
    )
