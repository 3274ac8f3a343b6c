"""One function per limit kind. All return a Verdict; a missing value is a finding, not a pass."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from devices.dose import QUANTITIES
from devices.limits import Combination, Deviation, Duration, Limit, Mark, Max, Min, Witness
from devices.model import NS_PER_MS, UCUM_OF


class Finding(StrEnum):
    """What a check found."""

    WITHIN = "within"
    BREACH = "breach"
    MISSING = "missing"
    STALE = "stale"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One limit held against one observation."""

    limit: str
    finding: Finding
    observed: int | None
    bound: int
    unit: str
    source: str
    mark: Mark = Mark.CHOSEN

    @property
    def is_within(self) -> bool:
        """Nothing was found."""
        return self.finding is Finding.WITHIN


def _verdict(limit: Limit, observed: int | None, bound: int, unit: str, *, within: bool = False) -> Verdict:
    finding = Finding.MISSING if observed is None else Finding.WITHIN if within else Finding.BREACH
    return Verdict(
        limit=limit.id,
        finding=finding,
        observed=observed,
        bound=bound,
        unit=unit,
        source=limit.source,
        mark=limit.mark,
    )


def check_max(limit: Max, values: Mapping[str, int | None]) -> Verdict:
    """An inclusive upper bound."""
    observed = values.get(limit.parameter)
    within = observed is not None and observed <= limit.bound
    return _verdict(limit, observed, limit.bound, UCUM_OF[limit.parameter], within=within)


def check_min(limit: Min, values: Mapping[str, int | None]) -> Verdict:
    """An inclusive lower bound."""
    observed = values.get(limit.parameter)
    within = observed is not None and observed >= limit.bound
    return _verdict(limit, observed, limit.bound, UCUM_OF[limit.parameter], within=within)


def check_duration(limit: Duration, planned_ms: int) -> Verdict:
    """Bounds of the planned time, both inclusive."""
    bound = limit.min_ms if planned_ms < limit.min_ms else limit.max_ms
    return _verdict(limit, planned_ms, bound, "ms", within=limit.min_ms <= planned_ms <= limit.max_ms)


def check_combination(limit: Combination, values: Mapping[str, int]) -> Verdict:
    """An inclusive upper bound on a quantity computed from all set values."""
    observed = QUANTITIES[limit.quantity](values)
    return _verdict(limit, observed, limit.bound, limit.unit, within=observed is not None and observed <= limit.bound)


def check_deviation(limit: Deviation, reported: int | None, commanded: int) -> Verdict:
    """Reported against commanded. The bound shown is the edge of the band that was crossed."""
    band = max(limit.floor, abs(commanded) * limit.permille // 1000)
    unit = UCUM_OF[limit.parameter]
    if reported is None:
        return _verdict(limit, None, commanded + band, unit)
    if reported > commanded:
        return _verdict(limit, reported, commanded + band, unit, within=reported <= commanded + band)
    within = limit.above_only or reported >= commanded - band
    return _verdict(limit, reported, commanded - band, unit, within=within)


def check_witness(limit: Witness, told: int | None, witnessed: int) -> Verdict:
    """The witness's reading against the unit's own. The bound shown is the edge of the band that was crossed."""
    unit = UCUM_OF[limit.parameter]
    if told is None:
        return _verdict(limit, None, witnessed, unit)
    band = max(limit.floor, abs(told) * limit.permille // 1000)
    edge = told + band if witnessed > told else told - band
    return _verdict(limit, witnessed, edge, unit, within=abs(witnessed - told) <= band)


def check_witness_age(limit: Witness, age_ns: int) -> Verdict:
    """The age of the newest reading of a witness; at the bound is allowed."""
    finding = Finding.WITHIN if age_ns <= limit.max_age_ms * NS_PER_MS else Finding.STALE
    return Verdict(
        limit=limit.id,
        finding=finding,
        observed=age_ns // NS_PER_MS,
        bound=limit.max_age_ms,
        unit="ms",
        source=limit.source,
        mark=limit.mark,
    )


def check_levels(limits: tuple[Limit, ...], values: Mapping[str, int]) -> Verdict | None:
    """Set values against everything that binds set values: the first finding, or None. ``values`` has context too.

    Limits on parameters that are not set (a head's temperature) bind samples only and are passed over.
    """
    for limit in limits:
        match limit:
            case Max() if limit.parameter in values:
                verdict = check_max(limit, values)
            case Min() if limit.parameter in values:
                verdict = check_min(limit, values)
            case Combination():
                verdict = check_combination(limit, values)
            case _:
                continue
        if not verdict.is_within:
            return verdict
    return None
