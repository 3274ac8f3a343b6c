"""Whether a unit and its head may treat: what the last checks say on a day, which head is in use, and look-back.

Rule 1: a unit or head that failed its last check, or whose calibration has ended, treats nobody (hazard H39).
Rule 2: a head is named by the wire, by the person, or by being the only valid one; else it is asked (hazard H53).
Rule 3: a clock that stands before the last check knows nothing about dates; what it would allow is not allowed.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from devices.model import Accessory, AccessoryKind
from modctl.records import DoseBound
from modctl.service_records import CheckPoint, UnitChecked

PERMILLE = 1_000


class Standing(StrEnum):
    """What the last checks say of a unit or a head."""

    NEVER = "never"
    VALID = "valid"
    OVERDUE = "overdue"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Fitness(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit's fitness is judged by. ``today``: the date at the site; ``wire``: what the unit says is plugged in.

    ``is_required``: what was never calibrated may not treat.
    """

    unit: str
    accessories: tuple[Accessory, ...]
    wire: str
    asked: str
    checks: tuple[UnitChecked, ...]
    today: str
    is_required: bool


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """It may treat, with this head; None: the site keeps no heads of it."""

    head: Accessory | None


class Unfit(msgspec.Struct, frozen=True, kw_only=True):
    """It may not. ``reason``: a word of the record; ``text``: a sentence for a person, with what to do."""

    reason: str
    text: str


def standing(checks: Sequence[UnitChecked], head: str, today: str) -> Standing:
    """What the checks of one head (empty: of the unit itself) say on a day."""
    mine = [one for one in checks if one.head == head]
    calibrations = [one for one in mine if one.what == "calibration"]
    if any(not one.is_good for one in mine):
        return Standing.FAILED
    if not calibrations:
        return Standing.NEVER
    newest = calibrations[-1]
    if today < newest.on:
        return Standing.UNKNOWN
    return Standing.OVERDUE if today > newest.next_due else Standing.VALID


def due(checks: Sequence[UnitChecked], head: str) -> str:
    """The date up to which the last good calibration holds; empty where there is none."""
    found = [one.next_due for one in checks if one.head == head and one.what == "calibration" and one.is_good]
    return found[-1] if found else ""


def fitness(asked: Fitness) -> Fit | Unfit:
    """Whether a unit may treat today, and with which head."""
    if asked.accessories and asked.wire and all(one.serial != asked.wire for one in asked.accessories):
        text = f"{asked.unit} says that {asked.wire} is plugged in, which site.toml does not name."
        return Unfit(reason="unit_head", text=f"{text} Put a known one on, or have it added.")
    heads = [one for one in asked.accessories if one.kind is AccessoryKind.HEAD]
    own = standing(asked.checks, "", asked.today)
    if _closes(own, is_required=asked.is_required and not heads):
        return _unfit(asked, asked.unit, own, "")
    for part in asked.accessories:
        state = standing(asked.checks, part.serial, asked.today)
        if part.kind is not AccessoryKind.HEAD and _closes(state, is_required=False):
            return _unfit(asked, f"{part.kind} {part.serial} of {asked.unit}", state, part.serial)
    if heads:
        return _fit_head(asked, heads)
    if asked.asked:
        return Unfit(reason="unit_head", text=f"site.toml names no head of {asked.unit}.")
    return Fit(head=None)


def _fit_head(asked: Fitness, heads: list[Accessory]) -> Fit | Unfit:
    valid = [one for one in heads if _is_open(asked, one)]
    told = [one for one in heads if one.serial == asked.wire]
    named = [one for one in heads if one.serial == asked.asked]
    if asked.asked and not named:
        known = ", ".join(one.serial for one in heads)
        return Unfit(reason="unit_head", text=f"{asked.unit} has no head {asked.asked}; site.toml names {known}.")
    if told and named and told != named:
        text = f"Head {asked.asked} was named, but {asked.unit} says that head {asked.wire} is plugged in."
        return Unfit(reason="unit_head", text=text)
    chosen = told or named or (heads if len(heads) == 1 else valid)
    if not chosen:
        states = ", ".join(f"head {one.serial} {standing(asked.checks, one.serial, asked.today)}" for one in heads)
        return Unfit(reason="unit_uncalibrated", text=f"No head of {asked.unit} is in calibration: {states}.")
    if len(chosen) > 1:
        known = ", ".join(one.serial for one in chosen)
        return Unfit(reason="unit_head", text=f"Which head of {asked.unit} is in your hand: {known}? Name it (--head).")
    head = chosen[0]
    if head in valid:
        return Fit(head=head)
    state = standing(asked.checks, head.serial, asked.today)
    offered = ", ".join(one.serial for one in valid)
    return _unfit(asked, f"head {head.serial} of {asked.unit}", state, head.serial, offered)


def _is_open(asked: Fitness, head: Accessory) -> bool:
    return not _closes(standing(asked.checks, head.serial, asked.today), is_required=asked.is_required)


def _closes(state: Standing, *, is_required: bool) -> bool:
    return state is not Standing.VALID and (state is not Standing.NEVER or is_required)


def _unfit(asked: Fitness, what: str, state: Standing, head: str, offered: str = "") -> Unfit:
    said = {
        Standing.NEVER: f"{what} was never calibrated here.",
        Standing.OVERDUE: f"The calibration of {what} ended on {due(asked.checks, head)}.",
        Standing.FAILED: f"{what} failed its last check.",
        Standing.UNKNOWN: f"The clock says {asked.today}, which is before the last calibration of {what}.",
    }
    act = f"Use head {offered} (--head) instead." if offered else "Use another unit, and call a technician."
    sentence = said.get(state, "")
    return Unfit(reason="unit_uncalibrated", text=f"{sentence[:1].upper()}{sentence[1:]} {act}")


class Treated(msgspec.Struct, frozen=True, kw_only=True):
    """One session as the chart has it: the lowest and the highest level that was meant, and what was delivered."""

    session: str
    at_utc: str
    preset: str
    head: str
    level_low: int
    level_high: int
    delivered_ms: int
    dose: tuple[DoseBound, ...]


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """One session with what it delivered by the reading of the meter: errors in thousandths, dose as a band."""

    session: str
    at_utc: str
    preset: str
    head: str
    error_low_permille: int
    error_high_permille: int
    outside: bool  # a point beside its level was out of tolerance
    delivered_ms: int
    charted: tuple[DoseBound, ...]
    estimated: tuple[DoseBound, ...]


def look_back(points: Sequence[CheckPoint], sessions: Sequence[Treated]) -> tuple[Affected, ...]:
    """What the meter says of sessions that ran before: the error of the points beside each level, as a band.

    Between two points the error is between theirs; beyond the ends it is taken to be that of the end. The dose is
    taken to be in proportion to the level. Nothing without points.
    """
    ordered = sorted(points, key=lambda point: point.set)
    return tuple(_affected(ordered, one) for one in sessions) if ordered else ()


def _affected(points: Sequence[CheckPoint], one: Treated) -> Affected:
    beside = _beside(points, one.level_low, one.level_high)
    low = min(_error_permille(point, up=False) for point in beside)
    high = max(_error_permille(point, up=True) for point in beside)
    return Affected(
        session=one.session,
        at_utc=one.at_utc,
        preset=one.preset,
        head=one.head,
        error_low_permille=low,
        error_high_permille=high,
        outside=any(not point.is_found_good for point in beside),
        delivered_ms=one.delivered_ms,
        charted=one.dose,
        estimated=tuple(_scaled(bound, low, high) for bound in one.dose),
    )


def _beside(points: Sequence[CheckPoint], low: int, high: int) -> Sequence[CheckPoint]:
    """Every point from the one at or below ``low`` to the one at or above ``high``."""
    first = max((at for at, point in enumerate(points) if point.set <= low), default=0)
    last = min((at for at, point in enumerate(points) if point.set >= high), default=len(points) - 1)
    return points[min(first, last) : max(first, last) + 1]


def _error_permille(point: CheckPoint, *, up: bool) -> int:
    """How much more the meter read than it should have, rounded away from what flatters: down or up."""
    more = (point.found - point.expected) * PERMILLE
    return -(-more // point.expected) if up else more // point.expected


def _scaled(bound: DoseBound, low: int, high: int) -> DoseBound:
    lower = bound.lower * (PERMILLE + low) // PERMILLE
    upper = -(-bound.upper * (PERMILLE + high) // PERMILLE)
    return msgspec.structs.replace(bound, lower=max(0, lower), upper=max(0, upper))
