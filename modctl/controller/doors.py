"""Soft limits have a door: what a person may open for one session, and what stays shut whatever is asked. Pure.

Rule 1: a hard row has no door; an opening that names one is refused, breached or not.
Rule 2: only what the request passes, or could pass by riding, is opened, each row by its name, no further than that.
Rule 3: what cannot be computed cannot be judged, so it cannot be opened.
"""

from collections.abc import Mapping, Sequence

import msgspec

from devices.limits import Combination, Door, Duration, Limit, Max, Min, Tier
from modctl.engine.checks import Verdict, check_duration, check_levels
from modctl.records import Override, Quantity

ANY_ROW = (Max, Min, Combination, Duration)  # the kinds that bind what is set; the others bind what is reported


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """One soft limit that a person opens. ``reason`` is the commitment to what the person wrote."""

    limit: str
    reason: str
    second_person: str | None = None


class Shut(msgspec.Struct, frozen=True, kw_only=True):
    """A door that stays shut: a word for the chart, a sentence, and the limit."""

    word: str
    text: str
    limit: str
    verdict: Verdict | None = None
    door: Door = Door.NONE


def soft_rows(limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """The rows that have a door, or would have one if it were not locked for good."""
    return tuple(limit for limit in limits if limit.tier is Tier.SOFT)


def hard_rows(limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """The rows that nobody opens."""
    return tuple(limit for limit in limits if limit.tier is not Tier.SOFT)


def passed(
    limits: Sequence[Limit], levels: Sequence[Mapping[str, int]], planned_ms: int
) -> tuple[tuple[Limit, Verdict], ...]:
    """The soft rows that a request passes, each with its worst finding; ``levels`` come with the most intense first."""
    found = []
    for limit in soft_rows(limits):
        verdict = _worst(limit, levels, planned_ms)
        if verdict is not None:
            found.append((limit, verdict))
    return tuple(found)


def _worst(limit: Limit, levels: Sequence[Mapping[str, int]], planned_ms: int) -> Verdict | None:
    if isinstance(limit, Duration):
        verdict = check_duration(limit, planned_ms)
        return None if verdict.is_within else verdict
    return next((one for values in levels if (one := check_levels((limit,), values)) is not None), None)


def refused_opening(
    openings: Sequence[Opening], limits: Sequence[Limit], breached: Sequence[tuple[Limit, Verdict]]
) -> Shut | None:
    """The first opening that is not in order; None when all are."""
    rows = {limit.id: limit for limit in limits}
    needed = {limit.id for limit, _verdict in breached}
    seen: set[str] = set()
    for opening in openings:
        name, row = opening.limit, rows.get(opening.limit)
        if row is None or name in seen:
            return Shut(word="override_unknown", text=f"This session has no limit {name!r} to open.", limit=name)
        if row.tier is not Tier.SOFT or row.door is Door.NONE:
            return Shut(word="override_hard", text=f"{name} is a hard limit: it has no door.", limit=name)
        if name not in needed:
            return Shut(word="override_not_needed", text=f"{name} is not passed: there is nothing to open.", limit=name)
        if row.door is Door.SECOND_PERSON and opening.second_person is None:
            return Shut(word="override_second_person", text=f"{name} takes a second person.", limit=name, door=row.door)
        seen.add(name)
    return None


def still_shut(openings: Sequence[Opening], breached: Sequence[tuple[Limit, Verdict]]) -> Shut | None:
    """The first soft row that is passed and not opened, or that nobody can open because a value is missing.

    ``breached`` is what the start itself passes: what only riding would pass is kept from it by the riding cap.
    """
    opened = {opening.limit for opening in openings}
    for limit, verdict in breached:
        if limit.id not in opened or verdict.observed is None:
            door = Door.NONE if verdict.observed is None else limit.door
            return Shut(word="soft_limit", text="", limit=limit.id, verdict=verdict, door=door)
    return None


def overrides(openings: Sequence[Opening], breached: Sequence[tuple[Limit, Verdict]]) -> tuple[Override, ...]:
    """The entries that say what was opened, by whom, and how far."""
    verdicts = {limit.id: verdict for limit, verdict in breached}
    return tuple(_override(opening, verdicts[opening.limit]) for opening in openings if opening.limit in verdicts)


def _override(opening: Opening, verdict: Verdict) -> Override:
    return Override(
        limit=opening.limit,
        reason=opening.reason,
        second_person=opening.second_person,
        observed=None if verdict.observed is None else Quantity(verdict.observed, verdict.unit),
        bound=Quantity(verdict.bound, verdict.unit),
        source=verdict.source,
        mark=verdict.mark,
    )


def as_opened(
    limits: Sequence[Limit], openings: Sequence[Opening], breached: Sequence[tuple[Limit, Verdict]]
) -> tuple[Limit, ...]:
    """The soft rows on set values as they bind the session: an opened one ends where this request ends."""
    opened = {opening.limit for opening in openings}
    reach = {limit.id: verdict.observed for limit, verdict in breached if limit.id in opened}
    return tuple(_reaching(limit, reach.get(limit.id)) for limit in soft_rows(limits) if isinstance(limit, ANY_ROW))


def _reaching(limit: Limit, observed: int | None) -> Limit:
    if observed is None or not isinstance(limit, Max | Min | Combination):
        return limit
    return msgspec.structs.replace(limit, bound=observed)
