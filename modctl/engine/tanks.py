"""Tanks and baths as equipment: how warm the water is, in words, and what that means for the packs out of it. Pure.

Rule 1: a tank that does not say how warm it is, or said it too long ago, is unknown, and unknown closes.
Rule 2: the bounds are those of its profile: hard rows close every pack out of it, soft rows warn.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from devices.limits import Max, Min, Tier
from devices.profile import Profile
from modctl.engine.unit import BAND_UNKNOWN, UnitState

TEMPERATURE: Final = "temp_mdegc"
READY: Final = "ready"
CLOSES: Final[Mapping[str, str]] = {
    "too_hot": "is too hot",
    "too_cold": "is too cold to do anything",
    BAND_UNKNOWN: "does not say how warm it is",
}
WARNS: Final[Mapping[str, str]] = {"weak": "tank_weak", "hot": "tank_hot"}
_ABOVE: Final = {Tier.HARD: "too_hot", Tier.SOFT: "hot"}
_BELOW: Final = {Tier.HARD: "too_cold", Tier.SOFT: "weak"}


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How warm a tank is now. ``temp_mdegc`` None goes with the band ``unknown``."""

    band: str
    temp_mdegc: int | None = None
    bound_mdegc: int | None = None  # of the row that was crossed
    source: str = ""


def read(tank: UnitState, now_ns: int) -> Reading:
    """The newest temperature against the profile's rows, the hard ones first."""
    temp_mdegc = None if tank.sample is None or now_ns > tank.fresh_until_ns else tank.sample.get(TEMPERATURE)
    if (
        temp_mdegc is None
        or tank.sample is None
        or tank.sample.faults
        or not tank.line_open
        or tank.identity is None
        or tank.mismatch
    ):
        return Reading(band=BAND_UNKNOWN)
    return judge(tank.config.profile, temp_mdegc)


def judge(profile: Profile, temp_mdegc: int) -> Reading:
    """One temperature against the profile's rows; bounds are inclusive."""
    for tier in (Tier.HARD, Tier.SOFT):
        for limit in profile.limit:
            if limit.tier is not tier or not isinstance(limit, Max | Min) or limit.parameter != TEMPERATURE:
                continue
            is_beyond = temp_mdegc > limit.bound if isinstance(limit, Max) else temp_mdegc < limit.bound
            if is_beyond:
                band = (_ABOVE if isinstance(limit, Max) else _BELOW)[tier]
                return Reading(band=band, temp_mdegc=temp_mdegc, bound_mdegc=limit.bound, source=limit.source)
    return Reading(band=READY, temp_mdegc=temp_mdegc)


def closed_text(name: str, found: Reading) -> str:
    """Why no pack of this tank is given, as a sentence with what to do; empty when it is fit."""
    if found.band not in CLOSES:
        return ""
    told = f"{name} {CLOSES[found.band]}"
    if found.temp_mdegc is not None and found.bound_mdegc is not None:
        told += f": {_celsius(found.temp_mdegc)}, bound {_celsius(found.bound_mdegc)} ({found.source})"
    return f"{told}. Use no pack out of it. Nothing was started."


def _celsius(mdegc: int) -> str:
    return f"{mdegc // 1000}.{mdegc % 1000 // 100} °C"
