"""The hard bounds: in code, above every profile, site and prescription. Nothing widens them and nothing opens them.

Rule 1: bounds only narrow: hard (here) ⊇ profile ⊇ site ⊇ prescription; wider than the parent is refused at load.
Rule 2: a value outside is refused, never moved to the bound.
Rule 3: only a mark ``SOURCE`` may be shown as *per* its source; the others are shown as site default.
"""

from collections.abc import Mapping, Sequence

import msgspec

from devices.dose import FULL_THERMAL_DOSE
from devices.limits import Combination, Dose, Duration, Limit, Mark, Max, Min, Rate
from devices.model import Modality
from devices.plan import FULL_PERMILLE, Cycle, Plan, cycle_of

TEN_S_MS = 10_000  # the shortest session of any modality; clinical minima bind presets when they are approved
MIN_MS = 60_000


SOURCE, TEXTBOOK, DERIVED, CHOSEN = Mark.SOURCE, Mark.TEXTBOOK, Mark.DERIVED, Mark.CHOSEN


def _max(limit_id: str, parameter: str, bound: int, source: str, mark: Mark) -> Max:
    return Max(id=limit_id, parameter=parameter, bound=bound, source=source, mark=mark)


def _min(limit_id: str, parameter: str, bound: int, source: str, mark: Mark) -> Min:
    return Min(id=limit_id, parameter=parameter, bound=bound, source=source, mark=mark)


def _combined(limit_id: str, quantity: str, bound: int, unit: str, source: str, mark: Mark) -> Combination:
    return Combination(id=limit_id, quantity=quantity, bound=bound, unit=unit, source=source, mark=mark)


def _rate(limit_id: str, parameter: str, per_s: int, per_step: int, source: str) -> Rate:
    return Rate(id=limit_id, parameter=parameter, per_s=per_s, per_step=per_step, source=source, mark=CHOSEN)


def _duration(limit_id: str, minutes: int, source: str, mark: Mark) -> Duration:
    return Duration(id=limit_id, min_ms=TEN_S_MS, max_ms=minutes * MIN_MS, source=source, mark=mark)


ESTIM: tuple[Limit, ...] = (
    _max("hard-es-peak", "current_ua", 110_000, "dial range of TENS units", TEXTBOOK),
    _min("hard-es-peak-min", "current_ua", 0, "a current has no sign here", CHOSEN),
    _min("hard-es-width-min", "pulse_width_us", 20, "dial range of TENS units", TEXTBOOK),
    _max("hard-es-width", "pulse_width_us", 1_000, "dial range of TENS units", TEXTBOOK),
    _min("hard-es-rate-max", "period_us", 4_000, "250 Hz, dial range of TENS units", TEXTBOOK),
    _max("hard-es-rate-min", "period_us", 1_000_000, "1 Hz, dial range of TENS units", TEXTBOOK),
    _min("hard-es-carrier-min", "carrier_hz", 1_000, "Venancio 2013", SOURCE),
    _max("hard-es-carrier", "carrier_hz", 10_000, "dial range of interferential units", TEXTBOOK),
    _min("hard-es-beat-min", "beat_hz", 1, "BMLS interferential glossary", SOURCE),
    _max("hard-es-beat", "beat_hz", 250, "BMLS interferential glossary", SOURCE),
    _combined("hard-es-energy", "energy_uj", 300_000, "uJ", "IEC 60601-2-10, 300 mJ per pulse at 500 ohm", SOURCE),
    _combined("hard-es-density", "density_ua_cm2", 4_000, "uA/cm2", "twice the 2 mA/cm2 of IEC 60601-2-10", CHOSEN),
    _combined(
        "hard-es-power",
        "power_density_uw_cm2",
        250_000,
        "uW/cm2",
        "FDA guidance, powered muscle stimulators, 0.25 W/cm2",
        SOURCE,
    ),
    _rate("hard-es-raise", "current_ua", 5_000, 1_000, "1 mA a step, 5 mA/s"),
    _duration("hard-es-time", 60, "dial range of stimulators", TEXTBOOK),
)

# r.m.s. current at 500 ohm by frequency, IEC 60601-2-10 clause 201.12.4.104 as commonly quoted: not seen in print.
RMS_BANDS_UA = ((400, 50_000), (1_500, 80_000), (10**9, 100_000))
RMS_SOURCE = "IEC 60601-2-10, as quoted"

# Peak of a modulated carrier: interferential and premodulated units end here.
CARRIER_PEAK = _max("hard-es-carrier-peak", "current_ua", 100_000, "dial range of interferential units", TEXTBOOK)

# What stimulation is for; ``technique`` in a session's context names it, 0 is any other. Contractions of a muscle have
# numbers of their own: how long each may last, and how long it must rest.
TECHNIQUES = ("", "tens", "nmes")
NMES: tuple[Limit, ...] = (
    _min("hard-nmes-rate-max", "period_us", 10_000, "100 pps, PMC8167342 table 5", SOURCE),
    _min("hard-nmes-width-min", "pulse_width_us", 100, "PMC8167342 table 5 and as taught", TEXTBOOK),
    _max("hard-nmes-width", "pulse_width_us", 500, "PMC8167342 table 5 and as taught", TEXTBOOK),
    _min("hard-nmes-on-min", "on_ms", 2_000, "PMC8167342 table 5", SOURCE),
    _max("hard-nmes-on", "on_ms", 60_000, "PMC8167342 table 5", SOURCE),
    _min("hard-nmes-off-min", "off_ms", 2_000, "PMC8167342 table 5", SOURCE),
    _max("hard-nmes-off", "off_ms", 120_000, "PMC8167342 table 5", SOURCE),
    _min("hard-nmes-ratio-min", "off_by_on_permille", 1_000, "as taught: a muscle rests as long as it works", TEXTBOOK),
    _max("hard-nmes-ratio", "off_by_on_permille", 10_000, "as taught", TEXTBOOK),
    _min("hard-nmes-ramp-min", "ramp_up_ms", 500, "PMC8167342 table 5", SOURCE),
    _max("hard-nmes-ramp", "ramp_up_ms", 8_000, "dial range of portable units", SOURCE),
)
# Slow twitches shake an implant: full contractions only. ``near_implant`` in a session's context says that one is near.
NEAR_IMPLANT = _max(
    "hard-nmes-implant", "period_us", 50_000, "20 pps, Chattanooga Wireless Professional manual p. 229", SOURCE
)

ULTRASOUND: tuple[Limit, ...] = (
    _max("hard-us-intensity", "intensity_mw_cm2", 3_000, "IEC 60601-2-5, 3 W/cm2", SOURCE),
    _min("hard-us-intensity-min", "intensity_mw_cm2", 0, "an intensity has no sign", CHOSEN),
    _min("hard-us-frequency-min", "frequency_khz", 500, "IEC 60601-2-5 scope", SOURCE),
    _max("hard-us-frequency", "frequency_khz", 5_000, "IEC 60601-2-5 scope", SOURCE),
    _min("hard-us-duty-min", "duty_permille", 50, "usual dial range", TEXTBOOK),
    _max("hard-us-duty", "duty_permille", 1_000, "arithmetic", DERIVED),
    _max("hard-us-head", "head_temp_mdegc", 41_000, "IEC 60601-2-5, head in water", TEXTBOOK),
    _combined("hard-us-area", "area_ratio_permille", 20_000, "[ppth]", "20 times the head's area", CHOSEN),
    _max("hard-us-power", "power_mw", 30_000, "TPO control toolbox (UCL), getTPOSettings: 30 W", SOURCE),
    _min("hard-us-power-min", "power_mw", 0, "a power has no sign", CHOSEN),
    _max("hard-us-voltage", "voltage_mv", 100_000, "openlifu-sdk 2.0.14, set_voltage: 5 to 100 V", SOURCE),
    _min("hard-us-voltage-min", "voltage_mv", 0, "a supply has no sign", CHOSEN),
    _min("hard-us-burst-min", "burst_us", 10, "TPO control toolbox (UCL), setBurst: 10 us or longer", SOURCE),
    _max("hard-us-burst", "burst_us", 1_000_000, "no burst is longer than the longest period", DERIVED),
    _min("hard-us-period-min", "period_us", 10, "TPO control toolbox (UCL), setPeriod: steps of 10 us", SOURCE),
    _max("hard-us-period", "period_us", 1_000_000, "Radboud-FUS driving software: up to 1 s", SOURCE),
    _min("hard-us-pulses-min", "beat_hz", 1, "slower than one a second is a pause", CHOSEN),
    _max("hard-us-pulses", "beat_hz", 1_000, "a trigger needs dead time in its period", CHOSEN),
    _rate("hard-us-raise", "intensity_mw_cm2", 3_000, 500, "one second from off to the maximum"),
    _rate("hard-us-power-raise", "power_mw", 3_000, 1_000, "ten seconds from off to the maximum"),
    _rate("hard-us-voltage-raise", "voltage_mv", 10_000, 5_000, "ten seconds from the least to the maximum"),
    _duration("hard-us-time", 30, "IEC 60601-2-5 timer range", TEXTBOOK),
)

# Energy by treated area, where the unit states its intensity and its duty. No source names a ceiling. 1.5 W/cm2 for
# nine minutes, the largest dose of the listed hip treatments, comes to 405 J/cm2 over twice the head.
US_DOSE = _combined(
    "hard-us-dose", "us_area_dose_mj_cm2", 450_000, "mJ/cm2", "450 J/cm2, above every listed hip treatment", CHOSEN
)

# Spatial-average intensity of continuous ultrasound: Dynatron 25 series p. 54 rates its heads at 2 W/cm2.
US_CONTINUOUS_MW_CM2 = 2_000

TRACTION: tuple[Limit, ...] = (
    _max("hard-tx-force", "force_n", 890, "Saunders lumbar traction, 200 lbf", SOURCE),
    _min("hard-tx-force-min", "force_n", 15, "Eltrac 471 minimum pull", SOURCE),
    # Twenty samples, two seconds: a cell's noise lies on both sides of a pull, what pulls more lies on one.
    msgspec.structs.replace(
        _combined("hard-tx-weight", "body_weight_permille", 500, "[ppth]", "half the body's weight", CHOSEN), confirm=20
    ),
    _rate("hard-tx-raise", "force_n", 50, 50, "usual traction speeds"),
    _duration("hard-tx-time", 60, "Eltrac 471", SOURCE),
)

# The most that each region is pulled with; ``traction_region`` in a session's context names the row, 0 is any other.
# A region without a row of its own is held like the neck.
TRACTION_REGIONS = ("", "cervical", "lumbar", "hip")
NECK = _max("hard-tx-region", "force_n", 222, "Saunders cervical traction, 50 lbf; the least of all regions", TEXTBOOK)
REGIONS: Mapping[int, Max] = {
    2: _max("hard-tx-region", "force_n", 890, "Saunders lumbar traction, 200 lbf", SOURCE),
    3: _max("hard-tx-region", "force_n", 800, "Vaarbakken 2007: hips were pulled with up to 800 N", SOURCE),
}

HEAT: tuple[Limit, ...] = (
    _max("hard-heat-temp", "temp_mdegc", 45_000, "burn line: 45 C reaches its dose in 4.8 min", DERIVED),
    _min("hard-heat-temp-min", "temp_mdegc", 20_000, "below room temperature nothing heats", CHOSEN),
    _rate("hard-heat-raise", "temp_mdegc", 5_000, 5_000, "the set point moves in 5 K steps at most"),
    _min("hard-heat-layers", "layers", 4, "six to eight towels are taught; fewer than four is no layer", CHOSEN),
    _rate("hard-heat-layers-stated", "layers", 100, 100, "towels are stated, not ridden"),
    Dose(
        id="hard-heat-dose",
        quantity="thermal_dose",
        bound=FULL_THERMAL_DOSE,
        unit="[ppb]",
        source="burn line of Moritz and Henriques (PLOS ONE pone.0254790): times at each temperature add up to 1",
        mark=DERIVED,
    ),
    _duration("hard-heat-time", 30, "hot pack protocols", SOURCE),
)

COLD: tuple[Limit, ...] = (
    _max("hard-cold-temp-max", "temp_mdegc", 25_000, "above this nothing cools", CHOSEN),
    _min("hard-cold-temp", "temp_mdegc", 4_000, "4 C, well above frostbite", CHOSEN),
    _max("hard-cold-pressure", "pressure_mmhg", 75, "usual cryo-compression range", TEXTBOOK),
    _rate("hard-cold-raise", "temp_mdegc", 5_000, 5_000, "the set point moves in 5 K steps at most"),
    _min("hard-cold-layers", "layers", 0, "ice massage is on bare skin", CHOSEN),
    _rate("hard-cold-layers-stated", "layers", 100, 100, "towels are stated, not ridden"),
    _duration("hard-cold-time", 30, "cold therapy protocols", SOURCE),
)

HARD: Mapping[Modality, tuple[Limit, ...]] = {
    Modality.ESTIM: ESTIM,
    Modality.ULTRASOUND: ULTRASOUND,
    Modality.TRACTION: TRACTION,
    Modality.HEAT: HEAT,
    Modality.COLD: COLD,
}


def hard_limits(modality: Modality, settings: Mapping[str, int]) -> tuple[Limit, ...]:
    """The hard rows for these settings and their context: some depend on frequency, mode or region."""
    rows = HARD[modality]
    if modality is Modality.ESTIM:
        rows = (*rows, _rms_row(settings), *((CARRIER_PEAK,) if "carrier_hz" in settings else ()))
        if settings.get("technique") == TECHNIQUES.index("nmes"):
            rows = (*rows, *NMES, *((NEAR_IMPLANT,) if settings.get("near_implant") else ()))
    if modality is Modality.TRACTION and "traction_region" in settings:
        rows = (*rows, REGIONS.get(settings["traction_region"], NECK))
    if modality is Modality.ULTRASOUND and "duty_permille" in settings:
        rows = (*rows, US_DOSE)
    if modality is Modality.ULTRASOUND and settings.get("duty_permille") == FULL_PERMILLE:
        continuous = Max(
            id="hard-us-continuous",
            parameter="intensity_mw_cm2",
            bound=US_CONTINUOUS_MW_CM2,
            source="Dynatron 25 series p. 54",
            mark=Mark.SOURCE,
        )
        rows = (*rows, continuous)
    return rows


def traction_region(region: str) -> int:
    """The number of a preset's region in words ("hip, long axis"); 0, with the narrowest bound, where none is known."""
    first = region.replace(",", " ").strip().partition(" ")[0]
    return TRACTION_REGIONS.index(first) if first in TRACTION_REGIONS else 0


def plan_context(technique: str, plan: Plan, planned_ms: int) -> dict[str, int]:
    """What a treatment is for and the rounds it goes in, as a session's context has it; continuous is one long *on*."""
    cycle = cycle_of(plan) or Cycle(ramp_up_ms=0, on_ms=planned_ms, off_ms=0)
    return {
        "technique": TECHNIQUES.index(technique),
        "on_ms": cycle.on_ms,
        "off_ms": cycle.off_ms,
        "ramp_up_ms": cycle.ramp_up_ms,
        "off_by_on_permille": cycle.off_ms * FULL_PERMILLE // max(1, cycle.on_ms),
    }


def _rms_row(settings: Mapping[str, int]) -> Combination:
    carrier_hz, period_us = settings.get("carrier_hz"), settings.get("period_us")
    frequency_hz = carrier_hz or (1_000_000 // period_us if period_us else 0)
    bound_ua = next(bound_ua for up_to_hz, bound_ua in RMS_BANDS_UA if frequency_hz <= up_to_hz)
    return Combination(
        id="hard-es-rms", quantity="rms_ua", bound=bound_ua, unit="uA", source=RMS_SOURCE, mark=Mark.TEXTBOOK
    )


def widenings(parent: Sequence[Limit], child: Sequence[Limit]) -> tuple[str, ...]:
    """Sentences for every row of ``child`` that allows more than a row of ``parent`` of the same kind and subject."""
    found = []
    for inner in child:
        for outer in parent:
            wider = _is_wider(outer, inner)
            if wider:
                found.append(f"limit {inner.id}: {wider} (parent {outer.id}, {outer.source})")
    return tuple(found)


def _is_wider(outer: Limit, inner: Limit) -> str:
    match outer, inner:
        case (Max(), Max()) if outer.parameter == inner.parameter and inner.bound > outer.bound:
            return f"{inner.bound} is above {outer.bound}"
        case (Min(), Min()) if outer.parameter == inner.parameter and inner.bound < outer.bound:
            return f"{inner.bound} is below {outer.bound}"
        case (Rate(), Rate()) if outer.parameter == inner.parameter and (
            inner.per_s > outer.per_s or inner.per_step > outer.per_step
        ):
            return f"{inner.per_s} a second, {inner.per_step} a step is faster"
        case (Duration(), Duration()) if inner.min_ms < outer.min_ms or inner.max_ms > outer.max_ms:
            return f"{inner.min_ms} to {inner.max_ms} ms is wider"
        case (Combination(), Combination()) if outer.quantity == inner.quantity and inner.bound > outer.bound:
            return f"{inner.bound} {inner.unit} is above {outer.bound}"
        case _:
            return ""
