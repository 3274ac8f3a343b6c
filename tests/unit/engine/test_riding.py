"""The level: raised by people in small steps, held by any key, lowered at once; the plan's share of it commanded."""

import itertools
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import NS_PER_MS, NS_PER_S, Direction
from devices.plan import Plan, Segment
from modctl.engine import events as ev
from modctl.engine.ledger import Ledger
from modctl.engine.machine import Phase
from modctl.engine.riding import TIMER_MARGIN_MS, commanded_level, run_ms, step_and_interval
from modctl.engine.setup import Level, Setup
from modctl.records import SetpointCommanded
from tests.unit.engine.made import ESTIM, ULTRASOUND, at_phase, raises, records, setup

LEVEL = ESTIM.level
AT_REST = setup(level=msgspec.structs.replace(LEVEL, start=0))
COLD_LEVEL = Level(
    parameter="temp_mdegc",
    low=8_000,
    high=25_000,
    grid=1_000,
    start=12_000,
    rest=25_000,
    raise_per_s=2_000,
    person_step=1_000,
    down_intensifies=True,
)
COLD = setup(modality="cold", level=COLD_LEVEL, settings=(), planned_ns=3_600 * NS_PER_S)
# 2 s up, 4 s on, 2 s down, 4 s rest, commanded in steps of 100 ms.
CYCLE = Plan(
    segments=(
        Segment(duration_ms=2_000, from_permille=0, to_permille=1_000),
        Segment(duration_ms=4_000, from_permille=1_000, to_permille=1_000),
        Segment(duration_ms=2_000, from_permille=1_000, to_permille=0),
        Segment(duration_ms=4_000, from_permille=0, to_permille=0),
    )
)
HOUR_NS = 3_600 * NS_PER_S


def cycling(start: int) -> Setup:
    """An hour of on and off at a start level."""
    return setup(plan=CYCLE, planned_ns=HOUR_NS, level=msgspec.structs.replace(LEVEL, start=start))


@pytest.mark.parametrize(
    ("grid", "raise_per_s", "step", "interval_ms"),
    [
        (500, 1_000, 500, 500),  # the grid is coarser than 150 ms of the rate
        (10, 500, 80, 160),  # 75 in 150 ms, rounded up to the grid, takes 160 ms
        (1, 20, 3, 150),
        (1, 1, 1, 1_000),
    ],
)
def test_a_step_lies_on_the_grid_and_takes_its_time(grid: int, raise_per_s: int, step: int, interval_ms: int) -> None:
    """Never two upward steps within 150 ms, never faster than the rate, never off the unit's grid."""
    level = msgspec.structs.replace(LEVEL, grid=grid, raise_per_s=raise_per_s)

    assert (step, interval_ms * NS_PER_MS) == step_and_interval(level)


@given(grid=st.integers(1, 5_000), raise_per_s=st.integers(1, 10_000))
def test_no_step_is_faster_than_the_rate(grid: int, raise_per_s: int) -> None:
    """Whatever a profile says about its grid; the interval is a whole number of nanoseconds."""
    step, interval_ns = step_and_interval(msgspec.structs.replace(LEVEL, grid=grid, raise_per_s=raise_per_s))

    assert 150 * NS_PER_MS <= interval_ns
    assert step * NS_PER_S <= raise_per_s * (interval_ns + 1)


def test_start_ramps_from_rest_to_the_start_level_and_no_further() -> None:
    """From off, one step after the other."""
    person = at_phase(Phase.RUNNING)
    person.serve(10_000)

    assert list(range(500, 5_001, 500)) == person.levels


def test_a_raise_is_charted_before_its_command() -> None:
    """The chart must never know less than the patient's skin."""
    person = at_phase(Phase.RUNNING)
    person.serve(5_000)
    kinds = [type(effect).__name__ for effect in person.effects if effect in raises([effect]) or records([effect])]
    setpoints = [
        index
        for index, effect in enumerate(person.effects)
        if records([effect]) and isinstance(records([effect])[0], SetpointCommanded)
    ]

    assert kinds
    assert setpoints
    assert all(raises([person.effects[index + 1]]) for index in setpoints)


def test_no_step_follows_before_the_unit_has_acknowledged_the_one_before() -> None:
    """Raising a unit that does not answer is raising blind."""
    person = at_phase(Phase.RUNNING)
    person.wait(500)
    person.see_commanded()  # acknowledged: the next step goes out
    assert [500, 1_000] == person.levels

    person.wait(900)
    person.see_commanded()

    assert [500, 1_000] == person.levels


def test_a_key_aims_one_step_above_what_is_set() -> None:
    """A burst of presses cannot pile up: the goal is always one step away."""
    person = at_phase(Phase.RUNNING, AT_REST)
    person.wait(500)
    for _ in range(20):
        person.ride(Direction.UP)

    assert 1_000 == person.state.riding.goal_level


@pytest.mark.parametrize("press_ms", [10, 30, 100, 250])
def test_a_held_key_never_raises_faster_than_the_rate(press_ms: int) -> None:
    """Key repeat and key bounce (4.8 became 44.8 on an infusion pump) change nothing."""
    person = at_phase(Phase.RUNNING, setup(AT_REST, planned_ns=HOUR_NS))
    for _ in range(10_000 // press_ms):
        person.ride(Direction.UP)
        person.serve(press_ms)

    assert person.state.riding.set_level <= 10_000 * LEVEL.raise_per_s // 1_000
    assert person.state.riding.set_level >= 8_000  # and it is not simply stuck


def test_any_other_key_holds() -> None:
    """Whoever wants it to stop rising must not have to look for the key."""
    person = at_phase(Phase.RUNNING)
    person.serve(1_500)
    person.ride(Direction.HOLD)
    held = person.state.riding.set_level
    person.serve(5_000)

    assert 0 < held < LEVEL.start
    assert held == person.state.riding.set_level


def test_down_is_commanded_at_once() -> None:
    """Less never waits: not for time, not for an acknowledgement."""
    person = at_phase(Phase.RUNNING)
    person.serve(5_000)
    person.ride(Direction.DOWN)
    person.ride(Direction.DOWN)

    assert [4_500, 4_000] == person.levels[-2:]


def test_down_ends_at_rest() -> None:
    """Below the least intense value there is nothing to command."""
    person = at_phase(Phase.RUNNING)
    for _ in range(5):
        person.ride(Direction.DOWN)

    assert [500, 0] == person.levels


def test_up_ends_at_the_cap() -> None:
    """The prescription's cap is the most that a key reaches."""
    person = at_phase(Phase.RUNNING, setup(planned_ns=HOUR_NS, level=msgspec.structs.replace(LEVEL, high=5_250)))
    person.serve(6_000)
    for _ in range(10):
        person.ride(Direction.UP)
        person.serve(1_000)

    assert 5_250 == max(person.levels)


def test_a_cold_unit_is_raised_downwards() -> None:
    """Colder is more: ramp, step and cap follow the direction that hurts."""
    person = at_phase(Phase.RUNNING, COLD)
    person.serve(20_000)
    assert list(range(24_000, 11_999, -1_000)) == person.levels

    for _ in range(10):
        person.ride(Direction.UP)
        person.serve(1_000)
    assert 8_000 == person.levels[-1]

    for _ in range(40):
        person.ride(Direction.DOWN)
    assert 25_000 == person.levels[-1]


@pytest.mark.parametrize(
    ("made", "set_level", "expected"),
    [
        # The plan's share of the span between rest and set level, on the grid, towards rest: never more intense.
        (setup(plan=CYCLE), 5_000, [0, 500, 1_000, 2_000, 2_500, 4_500, 5_000]),
        (setup(COLD, plan=CYCLE), 12_000, [25_000, 24_000, 22_000, 20_000, 19_000, 13_000, 12_000]),
    ],
)
def test_the_plans_share_is_rounded_towards_rest(made: Setup, set_level: int, expected: list[int]) -> None:
    """Shares of 0, 150, 250, 450, 500, 950 and 1000 thousandths."""
    moments_ms = (0, 300, 500, 900, 1_000, 1_900, 2_000)
    ledger = Ledger(mark_ns=0)

    assert expected == [
        commanded_level(set_level, made, msgspec.structs.replace(ledger, delivered_ns=at_ms * NS_PER_MS), 0)
        for at_ms in moments_ms
    ]


def rises(levels: Sequence[int]) -> list[int]:
    """How much each command rose past the highest before it."""
    peaks = list(itertools.accumulate(levels, max))
    return [later - earlier for earlier, later in itertools.pairwise([0, *peaks]) if later > earlier]


@pytest.mark.parametrize("start", [500, 1_000, 2_000, 5_000, 20_000])
def test_a_cycle_never_rises_past_its_highest_level_by_more_than_one_step(start: int) -> None:
    """What a person has not felt yet comes step by step, in the first ramp and after every rest of the cycle."""
    person = at_phase(Phase.RUNNING, cycling(start))
    person.serve(120_000)

    assert start == max(person.levels)
    assert {500} == set(rises(person.levels))


def test_a_level_ridden_during_the_rest_of_a_cycle_is_not_saved_up() -> None:
    """A key pressed while nothing flows raises nothing that the patient could not feel step by step."""
    person = at_phase(Phase.RUNNING, cycling(2_000))
    for _ in range(240):
        person.ride(Direction.UP)
        person.serve(500)

    assert max(person.levels) > 10_000
    assert {500} == set(rises(person.levels))


def test_the_ramps_of_a_cycle_follow_the_preset_not_the_raise_limit() -> None:
    """On and off ramps take the preset's time, up to the level that a person has reached."""
    person = at_phase(Phase.RUNNING, cycling(8_000))
    person.serve(60_000)
    before = len(person.levels)
    person.serve(12_000)
    one_round = person.levels[before:]

    assert (0, 8_000) == (min(one_round), max(one_round))
    assert len(one_round) > 20


def test_an_on_ramp_waits_for_the_acknowledgement_of_its_last_step() -> None:
    """A unit that does not answer is not driven further up, by a plan no more than by a person."""
    person = at_phase(Phase.RUNNING, cycling(8_000))
    person.serve(60_650)  # in the middle of an on-ramp
    assert person.state.riding.acked_ns is not None
    climbed = person.levels[-1]
    before = len(person.levels)
    for _ in range(3):
        person.wait(200)
        person.tick()

    assert 1 == len(person.levels) - before
    assert 0 < climbed < person.levels[-1] < 8_000


def late(by_ms: int) -> ev.WriterLate:
    """The chart's writer is behind."""
    return ev.WriterLate(by_ms=by_ms)


@pytest.mark.parametrize(("by_ms", "rises_on"), [(999, True), (1_000, False)])
def test_a_writer_that_is_behind_holds_the_level(by_ms: int, rises_on: bool) -> None:
    """What cannot be charted in time is not given."""
    person = at_phase(Phase.RUNNING)
    person.feed(late(by_ms))
    person.serve(3_000)

    assert rises_on is (person.state.riding.set_level > 500)


def test_the_level_goes_on_when_the_writer_has_caught_up() -> None:
    """A busy disk is no reason to begin again."""
    person = at_phase(Phase.RUNNING)
    person.feed(late(1_500))
    person.serve(3_000)
    person.feed(late(0))
    person.serve(3_000)

    assert person.state.riding.set_level >= 3_000


def test_less_is_commanded_while_the_writer_is_behind() -> None:
    """Only raises wait for the chart."""
    person = at_phase(Phase.RUNNING)
    person.serve(5_000)
    person.feed(late(1_500))

    assert 1 == len(raises(person.ride(Direction.DOWN)))


def test_a_cycle_that_the_chart_held_does_not_jump_afterwards() -> None:
    """A late chart during an on-ramp must not turn the ramp into one step when it has caught up."""
    person = at_phase(Phase.RUNNING, cycling(8_000))
    person.serve(60_000)  # the next round begins here
    person.feed(late(1_500))
    person.serve(1_800)
    person.feed(late(0))
    before = len(person.levels)
    person.serve(2_000)
    climbed = [0 if before == 0 else person.levels[before - 1], *person.levels[before:]]

    assert max(later - earlier for earlier, later in itertools.pairwise(climbed)) <= 1_000


def test_a_pause_keeps_the_chart_held() -> None:
    """The writer is as late after the pause as before it."""
    person = at_phase(Phase.RUNNING)
    person.serve(2_000)
    person.feed(late(1_500))
    person.pause()
    before = len(person.levels)
    person.resume()
    person.charted("resumed")
    person.serve(3_000)

    assert [500] == person.levels[before:]


def test_after_a_pause_the_level_ramps_back_to_where_it_was() -> None:
    """A person paused on purpose and resumes on purpose; from off, and no higher than it was."""
    person = at_phase(Phase.RUNNING)
    person.serve(2_000)
    held = person.state.riding.set_level
    person.pause()
    before = len(person.levels)
    person.resume()
    person.charted("resumed")
    person.serve(8_000)

    assert list(range(500, held + 1, 500)) == person.levels[before:]


@pytest.mark.parametrize(("has_timer", "expected"), [(False, 0), (True, 20_000 + TIMER_MARGIN_MS)])
def test_the_units_own_timer_gets_the_remaining_time_and_a_margin(has_timer: bool, expected: int) -> None:
    """It must end what the host forgot, and must not end what the host still watches."""
    made = setup(ULTRASOUND, has_timer=has_timer)
    person = at_phase(Phase.STARTING, made)

    assert [expected] == [command.run_ms for command in raises(person.effects)]
    assert expected == run_ms(made, person.state.ledger, person.now_ns)


def test_the_timer_shrinks_with_what_was_delivered() -> None:
    """A raise in the middle does not grant the whole time again."""
    person = at_phase(Phase.RUNNING, ULTRASOUND)
    person.serve(1_000)
    last = raises(person.effects)[-1]

    assert 20_000 + TIMER_MARGIN_MS - 1_200 < last.run_ms < 20_000 + TIMER_MARGIN_MS - 100
