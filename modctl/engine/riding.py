"""The level: what a person set, how the ramp and the plan follow, and what is commanded because of it.

Rule 1: the set level rises only towards a goal that a person gave, one step at a time, never before the unit
        acknowledged the step before, and only while all of it is given, so that every step can be felt; it falls
        at once.
Rule 2: the commanded level is the plan's share of the set level, rounded to the unit's grid towards *less* intense.
Rule 3: a raise is put into the chart's queue before its command is given.
"""

import msgspec

from devices.model import NS_PER_MS, NS_PER_S, Direction, Levels, levels
from devices.plan import FULL_PERMILLE, next_change_ms, share_permille
from modctl.engine.effects import Command
from modctl.engine.ledger import Ledger
from modctl.engine.setup import Level, Setup
from modctl.records import Record, SetpointCommanded

RAISE_INTERVAL_NS = 150 * NS_PER_MS  # hazards: at least 150 ms between upward steps (key bounce on infusion pumps)
TIMER_MARGIN_MS = 2_000  # chosen: the unit's own timer must not end a session before the host does
Driven = tuple["Riding", tuple[Record, ...], tuple[Command, ...]]


class Riding(msgspec.Struct, frozen=True, kw_only=True):
    """The level of one session. Values are in the level's canonical unit."""

    set_level: int
    goal_level: int
    level: int = 0  # commanded now: the plan's share of the set level
    previous_level: int = 0  # commanded before, for what the unit reports while it settles
    commanded: Levels | None = None
    commanded_ns: int = 0
    acked_ns: int | None = None  # when the commanded levels were acknowledged
    is_held_by_chart: bool = False
    is_held_by_contact: bool = False

    def acknowledged(self, now_ns: int) -> "Riding":
        """The unit accepted what was commanded last."""
        return msgspec.structs.replace(self, acked_ns=now_ns)

    def held_by_chart(self, *, held: bool) -> "Riding":
        """The chart is (no longer) too far behind for a raise."""
        return msgspec.structs.replace(self, is_held_by_chart=held)

    def held_by_contact(self, *, held: bool) -> "Riding":
        """Contact is lost (or back): what cannot be felt is not raised."""
        return msgspec.structs.replace(self, is_held_by_contact=held)

    def from_off(self, setup: Setup, *, keep_goal: bool) -> "Riding":
        """After off the set level is at rest again; the goal stays only where a person paused on purpose."""
        rest = setup.level.rest
        goal = self.set_level if keep_goal else rest
        return Riding(
            set_level=rest,
            goal_level=goal,
            level=rest,
            previous_level=rest,
            is_held_by_chart=self.is_held_by_chart,
        )


def _sign(level: Level) -> int:
    return -1 if level.down_intensifies else 1


def cap(level: Level) -> int:
    """The most intense value that a person may set."""
    return level.low if level.down_intensifies else level.high


def is_more_intense(level: Level, one: int, other: int) -> bool:
    """Is ``one`` above ``other`` in the direction that hurts."""
    return (one - other) * _sign(level) > 0


def step_and_interval(level: Level) -> tuple[int, int]:
    """One step of the ordinary ramp on the unit's grid, and the nanoseconds until the next."""
    wanted = level.raise_per_s * RAISE_INTERVAL_NS
    per_grid = level.grid * NS_PER_S
    step = max(1, -(-wanted // per_grid)) * level.grid
    return step, max(RAISE_INTERVAL_NS, step * NS_PER_S // level.raise_per_s)


def ride(riding: Riding, setup: Setup, direction: Direction) -> Riding:
    """A key: up aims one step above what is set, down one below, anything else holds where it is."""
    level, sign = setup.level, _sign(setup.level)
    if direction is Direction.HOLD:
        return msgspec.structs.replace(riding, goal_level=riding.set_level)
    if direction is Direction.DOWN:
        goal = riding.set_level - level.person_step * sign
        goal = goal if is_more_intense(level, goal, level.rest) else level.rest
        return msgspec.structs.replace(riding, goal_level=goal)
    goal = riding.set_level + level.person_step * sign
    if is_more_intense(level, goal, cap(level)):
        goal = cap(level)
    return msgspec.structs.replace(riding, goal_level=goal)


def first_command(riding: Riding, setup: Setup, ledger: Ledger, now_ns: int) -> Driven:
    """START: the first step of the ramp from rest."""
    rest = setup.level.rest
    riding = Riding(
        set_level=rest,
        goal_level=setup.level.start,
        level=rest,
        previous_level=rest,
        is_held_by_chart=riding.is_held_by_chart,
    )
    return _command(_raised(riding, setup), setup, ledger, now_ns, "ramp")


def resume_command(riding: Riding, setup: Setup, ledger: Ledger, now_ns: int) -> Driven:
    """RESUME: the first step of the ramp back."""
    return _command(_raised(riding, setup), setup, ledger, now_ns, "resume")


def drive(riding: Riding, setup: Setup, ledger: Ledger, now_ns: int) -> Driven:
    """What has to be commanded now; no command when the unit has what it needs."""
    cause = "plan"
    if is_more_intense(setup.level, riding.set_level, riding.goal_level):
        riding, cause = msgspec.structs.replace(riding, set_level=riding.goal_level), "person"
    elif _may_raise(riding, setup, ledger, now_ns) and now_ns >= _next_raise_ns(riding, setup):
        riding, cause = _raised(riding, setup), "ramp"
    wanted = commanded_level(riding.set_level, setup, ledger, now_ns)
    if wanted == riding.level:
        return riding, (), ()
    if is_more_intense(setup.level, wanted, riding.level) and riding.acked_ns is None:
        return riding, (), ()
    return _command(riding, setup, ledger, now_ns, cause)


def commanded_level(set_level: int, setup: Setup, ledger: Ledger, now_ns: int) -> int:
    """The plan's share of the set level at this moment, on the unit's grid, rounded towards rest."""
    share = _share(setup, ledger, now_ns)
    if share == FULL_PERMILLE:
        return set_level
    sign, rest, grid = _sign(setup.level), setup.level.rest, setup.level.grid
    span = (set_level - rest) * sign * share // FULL_PERMILLE
    return rest + sign * (span - span % grid)


def next_drive_ns(riding: Riding, setup: Setup, ledger: Ledger) -> int:
    """When ``drive`` has something to do again: the end of the plan, its next change, the next raise."""
    times = [ledger.moment_of(setup.planned_ns)]
    if riding.acked_ns is None:
        return times[0]
    if _may_raise(riding, setup, ledger, ledger.mark_ns):
        times.append(_next_raise_ns(riding, setup))
    change_ms = next_change_ms(setup.plan, ledger.delivered_ns // NS_PER_MS)
    if change_ms is not None:
        times.append(ledger.moment_of(change_ms * NS_PER_MS))
    return min(times)


def run_ms(setup: Setup, ledger: Ledger, now_ns: int) -> int:
    """What the unit's own timer is set to: the remaining time plus a margin; 0 where it has none."""
    if not setup.has_timer:
        return 0
    return (setup.planned_ns - ledger.delivered_at(now_ns)) // NS_PER_MS + TIMER_MARGIN_MS


def _may_raise(riding: Riding, setup: Setup, ledger: Ledger, now_ns: int) -> bool:
    """Is a step towards the goal in order, but for its time. In a plan's ramps and rests it would be saved up."""
    wants = is_more_intense(setup.level, riding.goal_level, riding.set_level)
    settled = riding.acked_ns is not None and not riding.is_held_by_chart and not riding.is_held_by_contact
    is_all_given = riding.level == riding.set_level and _share(setup, ledger, now_ns) == FULL_PERMILLE
    return wants and settled and is_all_given


def _next_raise_ns(riding: Riding, setup: Setup) -> int:
    """Counted from the last command of any kind: a plan's own step and a person's must not fall together.

    Where the unit took long to take that command (its first one, on a slow line), half an interval counts from its
    acknowledgement: two steps must not reach the patient faster than the hard raise limit, at least twice the ramp.
    """
    _step, interval_ns = step_and_interval(setup.level)
    return max(riding.commanded_ns + interval_ns, (riding.acked_ns or 0) + interval_ns // 2)


def _share(setup: Setup, ledger: Ledger, now_ns: int) -> int:
    return share_permille(setup.plan, ledger.delivered_at(now_ns) // NS_PER_MS)


def _raised(riding: Riding, setup: Setup) -> Riding:
    step, _interval_ns = step_and_interval(setup.level)
    level = riding.set_level + step * _sign(setup.level)
    if is_more_intense(setup.level, level, riding.goal_level):
        level = riding.goal_level
    return msgspec.structs.replace(riding, set_level=level)


def _command(riding: Riding, setup: Setup, ledger: Ledger, now_ns: int, cause: str) -> Driven:
    level = commanded_level(riding.set_level, setup, ledger, now_ns)
    target = levels({**dict(setup.settings), setup.level.parameter: level})
    riding = msgspec.structs.replace(
        riding, level=level, previous_level=riding.level, commanded=target, commanded_ns=now_ns, acked_ns=None
    )
    record = SetpointCommanded(levels=target.values, cause=cause)
    command = Command(unit=setup.unit, setpoint=target, run_ms=run_ms(setup, ledger, now_ns))
    return riding, (record,), (command,)
