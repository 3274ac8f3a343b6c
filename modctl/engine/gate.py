"""The frame gate: the last check before bytes reach a line. It judges frames, not intentions.

Rule 1: Off always passes. Nothing that a permit, a latch or a bug says can hold Off back.
Rule 2: Unknown never passes; Energize, and whatever feeds a lease, needs a live permit.
Rule 3: every level of an Energize frame lies inside permit and hard bounds, alone and in combination.
Rule 4: the level rises past its highest value since off no faster than the hard raise limit, in steps and in time.
Rule 5: the gate trusts the decoder and its own memory of what was written, never the driver's idea of it.
"""

from collections.abc import Mapping

import msgspec

from devices.limits import Combination, Rate
from devices.model import NS_PER_S, Modality
from modctl.engine.bounds import hard_limits
from modctl.engine.checks import check_levels
from modctl.engine.effects import Permit
from protocols.inspect import Config, Energize, FrameKind, Levels, Off, Query


class GateRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate of one unit holds frames against; made from code, not from the session."""

    modality: Modality
    level: str
    rest: int  # the least intense value of the level
    down_intensifies: bool
    raise_limit: Rate


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was written since off: the last value of each parameter, and how high the level has been."""

    levels: tuple[tuple[str, int], ...] = ()
    peak: int | None = None
    raised_at_ns: int | None = None


NOTHING_WRITTEN = Written()


class Ruling(msgspec.Struct, frozen=True):
    """May the frame be written; if not, why."""

    allowed: bool
    why: str = ""


ALLOWED = Ruling(allowed=True)


def judge(kind: FrameKind, permit: Permit | None, written: Written, rules: GateRules, now_ns: int) -> Ruling:
    """Decide on one frame."""
    live = permit is not None and now_ns < permit.until_ns
    match kind:
        case Off():
            return ALLOWED
        case Query(feeds_lease=False) | Config(feeds_lease=False):
            return ALLOWED
        case Query() | Config():
            return _judge_feed(kind, permit if live else None)
        case Energize():
            if permit is None or not live:
                return Ruling(allowed=False, why="energizes without a permit")
            return _judge_energize(kind, permit, written, rules, now_ns)
        case _:
            return Ruling(allowed=False, why=f"unknown frame: {kind.why}")


def _judge_feed(kind: Query | Config, permit: Permit | None) -> Ruling:
    if permit is None:
        return Ruling(allowed=False, why="feeds a lease without a permit")
    if isinstance(kind, Config) and dict(kind.values).get("permit") != permit.sequence:
        return Ruling(allowed=False, why="feeds a lease with another permit's sequence")
    return ALLOWED


def _judge_energize(kind: Energize, permit: Permit, written: Written, rules: GateRules, now_ns: int) -> Ruling:
    for stated in kind.channels:
        values = {**dict(written.levels), **dict(stated)}
        if rules.level not in values and not stated:
            return Ruling(allowed=False, why=f"switches output on with {rules.level} never stated")
        ruling = _inside_permit(values, permit)
        if not ruling.allowed:
            return ruling
        ruling = _inside_hard_bounds(values, permit, rules)
        if not ruling.allowed:
            return ruling
        if rules.level in values and not _raise_is_allowed(values[rules.level], written, rules, now_ns):
            return Ruling(allowed=False, why=f"{rules.raise_limit.id}: {rules.level} rises too fast")
    return ALLOWED


def _inside_hard_bounds(values: Mapping[str, int], permit: Permit, rules: GateRules) -> Ruling:
    rows = hard_limits(rules.modality, {**dict(permit.context), **values})
    if rules.level not in values:  # settings written ahead of the level: nothing can combine yet
        rows = tuple(row for row in rows if not isinstance(row, Combination))
    verdict = check_levels(rows, {**dict(permit.context), **values})
    if verdict is None:
        return ALLOWED
    return Ruling(allowed=False, why=f"{verdict.limit}: {verdict.observed} against {verdict.bound} {verdict.unit}")


def _inside_permit(values: Mapping[str, int], permit: Permit) -> Ruling:
    bands = {band.parameter: band for band in permit.bands}
    for name, value in values.items():
        band = bands.get(name)
        if band is None:
            return Ruling(allowed=False, why=f"{name} is not part of the permit")
        if not band.low <= value <= band.high:
            return Ruling(allowed=False, why=f"{name} {value} outside the permit's {band.low} to {band.high}")
    return ALLOWED


def _rise(value: int, written: Written, rules: GateRules) -> int:
    """By how much the level would be more intense than it has been since off; not above 0 where it has been there."""
    peak = rules.rest if written.peak is None else written.peak
    return peak - value if rules.down_intensifies else value - peak


def _raise_is_allowed(value: int, written: Written, rules: GateRules, now_ns: int) -> bool:
    rise = _rise(value, written, rules)
    if rise <= 0:
        return True
    if rise > rules.raise_limit.per_step:
        return False
    if written.raised_at_ns is None:
        return True
    return rise * NS_PER_S <= rules.raise_limit.per_s * (now_ns - written.raised_at_ns)


def remember(kind: FrameKind, written: Written, rules: GateRules, now_ns: int) -> Written:
    """What the gate knows after the frame went out. Off forgets everything: the next rise begins at rest."""
    if isinstance(kind, Off):
        return NOTHING_WRITTEN
    if not isinstance(kind, Energize):
        return written
    merged: dict[str, int] = dict(written.levels)
    values: list[int] = []
    for stated in kind.channels:
        merged.update(dict(stated))
        values.extend(value for name, value in stated if name == rules.level)
    most = (min if rules.down_intensifies else max)(values, default=None)
    return _with_peak(msgspec.structs.replace(written, levels=_sorted(merged)), most, rules, now_ns)


def _with_peak(written: Written, level: int | None, rules: GateRules, now_ns: int) -> Written:
    if level is None or _rise(level, written, rules) <= 0:
        return written
    return msgspec.structs.replace(written, peak=level, raised_at_ns=now_ns)


def _sorted(values: Mapping[str, int]) -> Levels:
    return tuple(sorted(values.items()))
