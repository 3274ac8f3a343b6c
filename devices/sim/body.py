"""The patient's side of two electrodes: what the skin lets through. Numbers are invented for tests, not measured.

One pair of pads is Rs + (Rp parallel to Cp); a constant-current pulse of width w meets at its end
Rs + Rp (1 - exp(-w / Rp Cp)). Rs 200 Ohm, Rp 2 kOhm, Cp 0.1 uF for 25 cm2 and in inverse proportion to the area that
touches: chosen, inside the 1-1.5 kOhm of usual electrodes.
"""

import math
from functools import lru_cache

from devices.model import NS_PER_MS, MonoNs
from devices.sim.faults import FaultBoard

SERIES_OHM = 200
SKIN_OHM = 2_000
SKIN_TAU_US = 200  # Rp Cp: the same for every area
LIFTED_OHM = 100_000  # chosen: far above the 10 kOhm from which a pad counts as lifted
OPEN_OHM = 10_000  # chosen: above it the units call it open
SHORT_OHM = 1
SOAK_MS = 300_000  # chosen: the gel soaks in for five minutes, and a pad dries out in five
SOAK_PERMILLE = 200  # impedance falls by so much while it soaks in (chosen)
DRY_PERMILLE = 500  # and rises by so much when it dries out (chosen)
WHOLE_PERMILLE = 1000


def impedance_ohm(pulse_width_us: int, worn_ms: int, faults: FaultBoard, now_ns: MonoNs) -> int:
    """What one pair of 25 cm2 pads is to a pulse now, with the body faults of the board on it. Never below 1."""
    if faults.has("short"):
        return SHORT_OHM
    touching = WHOLE_PERMILLE
    lift = faults.get("partial-lift")
    if lift is not None:
        touching -= lift.get("permille", 0)
    if faults.has("contact-loss") or touching <= 0:
        return LIFTED_OHM
    permille = WHOLE_PERMILLE - SOAK_PERMILLE * min(worn_ms, SOAK_MS) // SOAK_MS
    dry_since_ns = faults.since_ns("dry-out")
    if dry_since_ns is not None:
        permille += DRY_PERMILLE * min((now_ns - dry_since_ns) // NS_PER_MS, SOAK_MS) // SOAK_MS
    return max(SHORT_OHM, _whole_pad_ohm(pulse_width_us) * permille // touching)


def reachable_ua(wanted_ua: int, supply_mv: int, ohm: int) -> int:
    """The current that a constant-current stage with this supply drives through so many Ohm: wanted, or less."""
    return min(wanted_ua, supply_mv * 1000 // ohm)


@lru_cache(maxsize=64)
def _whole_pad_ohm(pulse_width_us: int) -> int:
    return round(SERIES_OHM + SKIN_OHM * (1 - math.exp(-pulse_width_us / SKIN_TAU_US)))
