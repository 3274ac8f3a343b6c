"""The one plan type of all modalities: segments of duration and target, as thousandths of the level a person set.

A continuous treatment is one segment at 1000; an on/off cycle of stimulation is ramp up, on, ramp down, rest;
intermittent traction is pull, hold, release, hold at the base force. The plan says *when how much of the set
level*; the set level itself rises only by a person's act and never faster than the raise limit.
"""

import msgspec

FULL_PERMILLE = 1000


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A straight line from one share of the set level to another."""

    duration_ms: int
    from_permille: int
    to_permille: int


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Segments, run once after the other and again from the first until the session's time is over.

    Empty segments mean *continuous*: the full set level all the time.
    """

    segments: tuple[Segment, ...] = ()
    step_ms: int = 100  # a ramp is commanded in steps no shorter than this; chosen: two frames of the slowest bus


CONTINUOUS = Plan()


def cycle_ms(plan: Plan) -> int:
    """Length of one round; 0 for a continuous plan."""
    return sum(segment.duration_ms for segment in plan.segments)


def _place(plan: Plan, at_ms: int) -> tuple[int, int]:
    """Index of the segment that runs at a time, and the milliseconds already spent in it."""
    left = at_ms % cycle_ms(plan)
    for index, segment in enumerate(plan.segments):
        if left < segment.duration_ms:
            return index, left
        left -= segment.duration_ms
    return len(plan.segments) - 1, plan.segments[-1].duration_ms


def share_permille(plan: Plan, at_ms: int) -> int:
    """Share of the set level that the plan wants after ``at_ms`` of running; rounded towards zero."""
    if cycle_ms(plan) == 0:
        return FULL_PERMILLE
    index, spent_ms = _place(plan, at_ms)
    segment = plan.segments[index]
    stepped_ms = spent_ms - spent_ms % plan.step_ms
    return segment.from_permille + (segment.to_permille - segment.from_permille) * stepped_ms // segment.duration_ms


def next_change_ms(plan: Plan, at_ms: int) -> int | None:
    """The next running time after ``at_ms`` at which ``share_permille`` may differ; None if it never does."""
    if cycle_ms(plan) == 0:
        return None
    index, spent_ms = _place(plan, at_ms)
    segment = plan.segments[index]
    rest_ms = segment.duration_ms - spent_ms
    if segment.from_permille == segment.to_permille:
        return at_ms + rest_ms
    return at_ms + min(rest_ms, plan.step_ms - spent_ms % plan.step_ms)


def rounds(plan: Plan, at_ms: int) -> int:
    """Complete rounds after ``at_ms`` (contractions, pulls); 0 for a continuous plan."""
    length_ms = cycle_ms(plan)
    return at_ms // length_ms if length_ms else 0


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    """What one round of a plan is, for limits on cycles: its first rise, its longest time on, all of its time off."""

    ramp_up_ms: int
    on_ms: int
    off_ms: int


def cycle_of(plan: Plan) -> Cycle | None:
    """The shape of one round; None for a continuous plan, which has no rounds.

    *On* is a stretch without a change above zero, *off* one at zero: ramps are neither.
    """
    if not plan.segments:
        return None
    rise = next((segment for segment in plan.segments if segment.to_permille > segment.from_permille), None)
    level = [segment for segment in plan.segments if segment.to_permille == segment.from_permille]
    return Cycle(
        ramp_up_ms=0 if rise is None else rise.duration_ms,
        on_ms=max((segment.duration_ms for segment in level if segment.to_permille), default=0),
        off_ms=sum(segment.duration_ms for segment in level if not segment.to_permille),
    )
