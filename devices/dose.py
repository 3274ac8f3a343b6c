"""What several set values make together: rms current, density, energy, dose. Integer arithmetic, rounded up.

Single ranges do not protect: 110 mA, 1 000 µs and 250 Hz each lie on their own dial and make 77.8 mA rms, above
the 50 mA limit of pulsed stimulation up to 400 Hz. Every function takes all values at once and returns None when
one that it needs is missing, which is a finding.
"""

from collections.abc import Callable, Mapping
from math import isqrt

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


Quantity = Callable[[Mapping[str, int]], int | None]

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
