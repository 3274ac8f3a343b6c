"""Burn line and packs: the table against the line itself, and the figures of textbooks."""

import math

import pytest

from devices.dose import BURN_LOWEST_MDEGC, BURN_MS, BURN_STEP_MDEGC, FULL_THERMAL_DOSE, thermal_dose
from devices.sim.thermal import PackOnSkin

CYCLE_MS = 100
MIN_MS = 60_000


def minutes_to_full(temp_mdegc: int) -> float:
    """Samples of a tenth of a second, summed up as a session would."""
    dose, spent_ms = 0, 0
    while dose < FULL_THERMAL_DOSE:
        dose += thermal_dose(temp_mdegc, CYCLE_MS)
        spent_ms += CYCLE_MS
    return spent_ms / MIN_MS


def line_ms(temp_mdegc: int) -> int:
    """The safety line itself: ln t = 113.4 - 28.3 ln T, t in seconds, rounded down to whole milliseconds."""
    return math.floor(math.exp(113.4 - 28.3 * math.log(temp_mdegc / 1000)) * 1000)


def test_the_table_is_the_line() -> None:
    """Every entry, from 37.0 to 60.0 °C: what is committed is what the formula gives."""
    temperatures = range(BURN_LOWEST_MDEGC, 60_000 + 1, BURN_STEP_MDEGC)

    assert tuple(line_ms(temperature) for temperature in temperatures) == BURN_MS


@pytest.mark.parametrize(
    ("temp_mdegc", "minutes"),
    [(41_000, 67.0), (42_000, 34.0), (43_000, 17.5), (44_000, 9.0), (45_000, 4.8), (46_000, 2.6), (48_000, 0.8)],
)
def test_skin_has_its_dose_when_the_line_says(temp_mdegc: int, minutes: float) -> None:
    """45 °C reaches 1 after 4.8 minutes, within 5 %, and its neighbours as published."""
    assert minutes_to_full(temp_mdegc) == pytest.approx(minutes, rel=0.05)


@pytest.mark.parametrize(("temp_mdegc", "counts"), [(36_999, False), (37_000, True), (37_001, True)])
def test_the_bodys_own_temperature_is_where_it_begins(temp_mdegc: int, *, counts: bool) -> None:
    """Skin that is not warmed has no dose, however long."""
    assert counts is (thermal_dose(temp_mdegc, MIN_MS) > 0)


@pytest.mark.parametrize(("temp_mdegc", "is_full"), [(59_999, False), (60_000, False), (60_001, True), (90_000, True)])
def test_above_the_table_any_time_is_too_long(temp_mdegc: int, *, is_full: bool) -> None:
    """What the table does not know is not harmless."""
    assert is_full is (thermal_dose(temp_mdegc, 1) == FULL_THERMAL_DOSE)


@pytest.mark.parametrize(("between", "step"), [(45_001, 45_100), (45_099, 45_100), (45_100, 45_100)])
def test_between_two_steps_the_hotter_one_counts(between: int, step: int) -> None:
    """Rounded to the side of harm."""
    assert thermal_dose(step, CYCLE_MS) == thermal_dose(between, CYCLE_MS)


def test_no_time_is_no_dose() -> None:
    """Two samples of one moment add nothing."""
    assert 0 == thermal_dose(50_000, 0)


def skin_of(pack: PackOnSkin, seconds: int) -> list[int]:
    """The skin under the pack, second by second."""
    found = []
    for _ in range(seconds):
        pack.step(1_000, is_on=True)
        found.append(pack.skin_mdegc)
    return found


def test_skin_under_a_hot_pack_has_its_peak_after_eight_to_ten_minutes() -> None:
    """40 to 43 °C; the pack itself is at about 60 °C after 20 minutes."""
    pack = PackOnSkin(is_hot=True)
    skin = skin_of(pack, 1_200)

    assert 40_000 <= max(skin) <= 43_000
    assert 480 <= skin.index(max(skin)) <= 600
    assert 59_000 <= pack.pack_mdegc <= 61_000


def test_skin_under_a_cold_pack_is_numb_after_a_quarter_of_an_hour() -> None:
    """12 to 15 °C, from a pack of -5 °C."""
    assert 12_000 <= skin_of(PackOnSkin(is_hot=False), 900)[-1] <= 15_000


def test_skin_recovers_without_the_pack_and_a_fresh_one_is_hot_again() -> None:
    """Taken off, the skin goes back to its own temperature; the next pack comes from the tank."""
    pack = PackOnSkin(is_hot=True)
    skin_of(pack, 600)
    for _ in range(1_800):
        pack.step(1_000, is_on=False)
    cooled, left = pack.skin_mdegc, pack.pack_mdegc
    pack.exchange()

    assert 33_000 <= cooled <= 33_100
    assert (True, 71_000) == (left < 66_000, pack.pack_mdegc)
