"""What several set values make together: rms current, density, energy, dose. Integer arithmetic, rounded up.

Single ranges do not protect: 110 mA, 1 000 µs and 250 Hz each lie on their own dial and make 77.8 mA rms, above
the 50 mA limit of pulsed stimulation up to 400 Hz. Every function takes all values at once and returns None when
one that it needs is missing, which is a finding.
"""

from collections.abc import Callable, Mapping
from math import isqrt
from typing import Final

TEST_LOAD_OHM = 500  # IEC 60601-2-10: output is stated into 500 ohm
MM2_PER_CM2 = 100
STANDARD_GRAVITY_UM_S2 = 9_806_650  # 1 kgf = 9.80665 N


def _ceil_div(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def _ceil_sqrt(square: int) -> int:
    root = isqrt(square)
    return root if root * root == square else root + 1


def rms_ua(values: Mapping[str, int]) -> int | None:
    """rms current while the plan is on, µA, not averaged over rests (the conservative reading).

    Symmetric biphasic rectangular pulses: I * sqrt(2 w / T). With a carrier: a plain sine, I / sqrt 2, which no
    modulated form exceeds.
    """
    current = values.get("current_ua")
    if current is None:
        return None
    if values.get("carrier_hz"):
        return _ceil_sqrt(_ceil_div(current * current, 2))
    width, period = values.get("pulse_width_us"), values.get("period_us")
    if width is None or not period:
        return None
    return _ceil_sqrt(_ceil_div(current * current * 2 * width, period))


def density_ua_cm2(values: Mapping[str, int]) -> int | None:
    """rms current by electrode area, µA/cm²."""
    rms, area = rms_ua(values), values.get("electrode_mm2")
    if rms is None or not area:
        return None
    return _ceil_div(rms * MM2_PER_CM2, area)


def energy_uj(values: Mapping[str, int]) -> int | None:
    """Energy of one biphasic pulse at 500 ohm, µJ: I² R 2w. 0 with a carrier: a sine has no pulses."""
    if values.get("carrier_hz"):
        return 0
    current, width = values.get("current_ua"), values.get("pulse_width_us")
    if current is None or width is None:
        return None
    return _ceil_div(current * current * TEST_LOAD_OHM * 2 * width, 10**12)


def power_density_uw_cm2(values: Mapping[str, int]) -> int | None:
    """Power at 500 ohm by electrode area, µW/cm²."""
    rms, area = rms_ua(values), values.get("electrode_mm2")
    if rms is None or not area:
        return None
    return _ceil_div(rms * rms * TEST_LOAD_OHM * MM2_PER_CM2, 10**6 * area)


def us_area_dose_mj_cm2(values: Mapping[str, int]) -> int | None:
    """Ultrasound energy by treated area, mJ/cm²: I(SATP) * duty * ERA * seconds / area."""
    names = ("intensity_mw_cm2", "duty_permille", "era_mm2", "area_mm2", "duration_ms")
    if any(values.get(name) is None for name in names) or not values["area_mm2"]:
        return None
    energy = values["intensity_mw_cm2"] * values["duty_permille"] * values["era_mm2"] * values["duration_ms"]
    return _ceil_div(energy, values["area_mm2"] * 10**6)


def area_ratio_permille(values: Mapping[str, int]) -> int | None:
    """Treated area by the head's effective radiating area, thousandths."""
    area, era = values.get("area_mm2"), values.get("era_mm2")
    if area is None or not era:
        return None
    return _ceil_div(area * 1000, era)


def body_weight_permille(values: Mapping[str, int]) -> int | None:
    """Pull as thousandths of the body's weight."""
    force, weight = values.get("force_n"), values.get("body_weight_g")
    if force is None or not weight:
        return None
    return _ceil_div(force * 1000 * 10**9, weight * STANDARD_GRAVITY_UM_S2)


def burst_permille(values: Mapping[str, int]) -> int | None:
    """Time on of time, thousandths: burst by period. Above 1000 the burst does not fit."""
    burst, period = values.get("burst_us"), values.get("period_us")
    if burst is None or not period:
        return None
    return _ceil_div(burst * 1000, period)


def mean_power_mw(values: Mapping[str, int]) -> int | None:
    """Electrical power averaged over a period, mW."""
    power, burst, period = values.get("power_mw"), values.get("burst_us"), values.get("period_us")
    if power is None or burst is None or not period:
        return None
    return _ceil_div(power * burst, period)


# Time in ms after which skin at a temperature has had its full dose, for every 0.1 °C from 37.0 to 60.0 °C, rounded
# down: exp(113.4 - 28.3 ln T) s, the safety line to the burns of Moritz and Henriques 1947 (PLOS ONE pone.0254790).
BURN_LOWEST_MDEGC = 37_000  # chosen: the body's own temperature harms nothing
BURN_STEP_MDEGC = 100
BURN_MS = (
    73_941_023, 68_503_475, 63_478_849, 58_834_803, 54_541_603, 50_571_911, 46_900_582, 43_504_485, 40_362_337,
    37_454_551, 34_763_097, 32_271_372, 29_964_088, 27_827_163, 25_847_622, 24_013_507, 22_313_799, 20_738_337,
    19_277_753, 17_923_405, 16_667_323, 15_502_152, 14_421_105, 13_417_916, 12_486_800, 11_622_416, 10_819_831,
    10_074_486, 9_382_170, 8_738_991, 8_141_351, 7_585_924, 7_069_634, 6_589_636, 6_143_298, 5_728_185, 5_342_044,
    4_982_788, 4_648_487, 4_337_351, 4_047_725, 3_778_075, 3_526_980, 3_293_121, 3_075_279, 2_872_321, 2_683_199,
    2_506_939, 2_342_639, 2_189_461, 2_046_629, 1_913_422, 1_789_171, 1_673_253, 1_565_094, 1_464_156, 1_369_943,
    1_281_992, 1_199_873, 1_123_189, 1_051_567, 984_662, 922_155, 863_747, 809_160, 758_138, 710_438, 665_839, 624_132,
    585_124, 548_634, 514_496, 482_551, 452_656, 424_674, 398_479, 373_953, 350_987, 329_478, 309_330, 290_455, 272_770,
    256_198, 240_666, 226_106, 212_457, 199_659, 187_657, 176_401, 165_842, 155_936, 146_641, 137_919, 129_733, 122_049,
    114_835, 108_061, 101_701, 95_727, 90_116, 84_844, 79_891, 75_237, 70_863, 66_752, 62_887, 59_253, 55_837, 52_624,
    49_602, 46_759, 44_084, 41_568, 39_200, 36_971, 34_874, 32_899, 31_040, 29_289, 27_640, 26_088, 24_625, 23_247,
    21_949, 20_726, 19_573, 18_486, 17_462, 16_496, 15_586, 14_727, 13_918, 13_154, 12_434, 11_754, 11_113, 10_508,
    9_937, 9_398, 8_889, 8_409, 7_955, 7_527, 7_123, 6_741, 6_380, 6_039, 5_717, 5_413, 5_125, 4_853, 4_597, 4_354,
    4_124, 3_907, 3_702, 3_508, 3_324, 3_151, 2_986, 2_831, 2_684, 2_545, 2_413, 2_288, 2_170, 2_058, 1_953, 1_852,
    1_758, 1_668, 1_583, 1_502, 1_426, 1_353, 1_285, 1_220, 1_158, 1_100, 1_044, 992, 942, 895, 850, 808, 768, 730, 693,
    659, 626, 596, 566, 538, 512, 487, 463, 440, 419, 398, 379, 361, 343, 327, 311, 296, 282, 268, 255, 243, 231, 220,
    210, 200, 190, 181, 173, 165, 157, 149, 142, 136, 129, 123, 117, 112, 107, 102, 97, 92, 88, 84,
)  # fmt: skip
FULL_THERMAL_DOSE = 10**9  # billionths of the dose at which skin begins to be at risk


def thermal_dose(temp_mdegc: int, dwell_ms: int) -> int:
    """Share of the full thermal dose that so many milliseconds of skin temperature give, in billionths, rounded up.

    Add the shares of one session's samples; stop at ``FULL_THERMAL_DOSE``. Nothing below 37.0 °C. Between the steps of
    the table the hotter one counts, and above 60.0 °C any time at all is the full dose.
    """
    if temp_mdegc < BURN_LOWEST_MDEGC or dwell_ms <= 0:
        return 0
    step = _ceil_div(temp_mdegc - BURN_LOWEST_MDEGC, BURN_STEP_MDEGC)
    if step >= len(BURN_MS):
        return FULL_THERMAL_DOSE
    return _ceil_div(dwell_ms * FULL_THERMAL_DOSE, BURN_MS[step])


Quantity = Callable[[Mapping[str, int]], int | None]

# What a quantity is made of. What a unit measures of it counts as measured; the rest is what was set.
PULSES: Final = ("current_ua", "pulse_width_us", "period_us", "carrier_hz")
INPUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "rms_ua": PULSES,
    "density_ua_cm2": (*PULSES, "electrode_mm2"),
    "energy_uj": ("current_ua", "pulse_width_us", "carrier_hz"),
    "power_density_uw_cm2": (*PULSES, "electrode_mm2"),
    "us_area_dose_mj_cm2": ("intensity_mw_cm2", "duty_permille", "era_mm2", "area_mm2", "duration_ms"),
    "area_ratio_permille": ("area_mm2", "era_mm2"),
    "body_weight_permille": ("force_n", "body_weight_g"),
    "burst_permille": ("burst_us", "period_us"),
    "mean_power_mw": ("power_mw", "burst_us", "period_us"),
}

QUANTITIES: dict[str, Quantity] = {
    "rms_ua": rms_ua,
    "density_ua_cm2": density_ua_cm2,
    "energy_uj": energy_uj,
    "power_density_uw_cm2": power_density_uw_cm2,
    "us_area_dose_mj_cm2": us_area_dose_mj_cm2,
    "area_ratio_permille": area_ratio_permille,
    "body_weight_permille": body_weight_permille,
    "burst_permille": burst_permille,
    "mean_power_mw": mean_power_mw,
}
