"""Soft findings on samples: what stops nothing, and holds a raise while it lasts. Electrodes above all.

Rule 1: what holds a raise holds the ramp too: nothing rises by itself when the cause has gone.
Rule 2: a unit that cannot tell is asked nothing: no finding is no proof that an electrode lies well.
Rule 3: the area that still touches is estimated from the load, against the least load of this session, so that a pad
        that dries out counts as lifted rather than the other way round.
"""

import msgspec

from devices.limits import Combination
from devices.model import Contact, Output, Sample
from modctl.engine.checks import Verdict, check_combination
from modctl.engine.riding import Riding, is_more_intense
from modctl.engine.setup import Setup

LOAD = "load_ohm"
AREA = "electrode_mm2"


class Felt(msgspec.Struct, frozen=True, kw_only=True):
    """What samples told of the electrodes, and the highest level that the unit was seen to follow."""

    least_load_ohm: int | None = None
    dense: Verdict | None = None
    missing: tuple[int, int] | None = None  # (commanded, measured) while the output does not follow
    reached: int | None = None

    @property
    def holds_raise(self) -> bool:
        """A raise is refused while this is so."""
        return self.dense is not None or self.missing is not None


def feel(setup: Setup, riding: Riding, sample: Sample, before: Felt, now_ns: int) -> Felt:
    """After one more sample with output."""
    load_ohm = sample.get(LOAD)
    least = before.least_load_ohm
    if load_ohm:
        least = load_ohm if least is None else min(least, load_ohm)
    measured = sample.get(setup.level.parameter)
    if sample.output is not Output.ENERGIZED or riding.acked_ns is None or sample.asked_ns < riding.acked_ns:
        return msgspec.structs.replace(before, least_load_ohm=least)
    is_settled = now_ns - riding.acked_ns >= setup.settle_ns
    missing = before.missing
    if is_settled:
        missing = _missing(setup, riding, sample, measured)
    reached = before.reached
    if is_settled and missing is None and measured is not None:
        is_new = reached is None or is_more_intense(setup.level, riding.level, reached)
        reached = riding.level if is_new else reached
    dense = _dense(setup, riding, load_ohm, least)
    return Felt(least_load_ohm=least, dense=dense, missing=missing, reached=reached)


def hold_text(felt: Felt) -> str:
    """Why the level may not be raised just now, as a sentence; empty when it may."""
    if felt.missing is not None:
        commanded, measured = felt.missing
        return f"Output does not follow: {commanded} commanded, {measured} measured. No raise until it does."
    if felt.dense is not None:
        seen, bound = felt.dense.observed, felt.dense.bound
        return (
            f"The electrode is partly off: about {seen} {felt.dense.unit} on what still touches, {bound} asks for "
            f"attention ({felt.dense.source}). No raise until it lies flat."
        )
    return ""


def alarms_of(before: Felt, after: Felt) -> tuple[str, ...]:
    """The alarms that begin between two samples."""
    begins = (
        ("electrode_lifting", after.dense is not None and before.dense is None),
        ("output_does_not_follow", after.missing is not None and before.missing is None),
    )
    return tuple(word for word, is_new in begins if is_new)


def _missing(setup: Setup, riding: Riding, sample: Sample, measured: int | None) -> tuple[int, int] | None:
    """The unit says that it is at its end, or gives less than was commanded by more than it may."""
    if measured is None or not is_more_intense(setup.level, riding.level, measured):
        return None
    if sample.contact is Contact.POOR:
        return riding.level, measured
    for limit in setup.level_deviations:
        band = max(limit.floor, abs(riding.level) * limit.permille // 1000)
        if abs(riding.level - measured) > band:
            return riding.level, measured
    return None


def _dense(setup: Setup, riding: Riding, load_ohm: int | None, least_ohm: int | None) -> Verdict | None:
    area = dict(setup.context).get(AREA)
    if not load_ohm or not least_ohm or not area:
        return None
    touching = max(1, area * least_ohm // load_ohm)
    values = {**dict(setup.context), **dict(setup.settings), setup.level.parameter: riding.level, AREA: touching}
    rows = (limit for limit in setup.soft if isinstance(limit, Combination))
    return next((found for limit in rows if not (found := check_combination(limit, values)).is_within), None)
