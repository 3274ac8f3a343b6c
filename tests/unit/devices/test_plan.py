"""Plans: when how much of the set level, at which moments it changes, and how many rounds are complete."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.plan import (
    CONTINUOUS,
    FULL_PERMILLE,
    Cycle,
    Plan,
    Segment,
    cycle_ms,
    cycle_of,
    next_change_ms,
    rounds,
    share_permille,
)

# 300 ms up, 400 ms on, 200 ms down, 600 ms rest, commanded every 100 ms.
CYCLE = Plan(
    segments=(
        Segment(duration_ms=300, from_permille=0, to_permille=1_000),
        Segment(duration_ms=400, from_permille=1_000, to_permille=1_000),
        Segment(duration_ms=200, from_permille=1_000, to_permille=0),
        Segment(duration_ms=600, from_permille=0, to_permille=0),
    )
)
plans = st.builds(
    Plan,
    segments=st.lists(
        st.builds(
            Segment,
            duration_ms=st.integers(1, 2_000),
            from_permille=st.integers(0, 1_000),
            to_permille=st.integers(0, 1_000),
        ),
        min_size=1,
        max_size=5,
    ).map(tuple),
    step_ms=st.integers(1, 300),
)


@pytest.mark.parametrize("at_ms", [0, 1, 10**9])
def test_a_continuous_plan_is_the_full_level_and_never_changes(at_ms: int) -> None:
    """No segments: no rounds, no rests."""
    assert (0, FULL_PERMILLE, None, 0) == (
        cycle_ms(CONTINUOUS),
        share_permille(CONTINUOUS, at_ms),
        next_change_ms(CONTINUOUS, at_ms),
        rounds(CONTINUOUS, at_ms),
    )


@pytest.mark.parametrize(
    ("at_ms", "share", "next_ms"),
    [
        (0, 0, 100),
        (99, 0, 100),
        (100, 333, 200),
        (200, 666, 300),
        (299, 666, 300),
        (300, 1_000, 700),
        (699, 1_000, 700),
        (700, 1_000, 800),
        (800, 500, 900),
        (899, 500, 900),
        (900, 0, 1_500),
        (1_499, 0, 1_500),
        (1_500, 0, 1_600),  # the second round
        (1_600, 333, 1_700),
        (15_000 + 350, 1_000, 15_000 + 700),
    ],
)
def test_a_cycle_goes_up_stays_comes_down_and_rests(at_ms: int, share: int, next_ms: int) -> None:
    """Ramps in steps, plateaus without any; round after round the same."""
    assert (share, next_ms) == (share_permille(CYCLE, at_ms), next_change_ms(CYCLE, at_ms))


@pytest.mark.parametrize(("at_ms", "complete"), [(0, 0), (1_499, 0), (1_500, 1), (4_499, 2), (4_500, 3)])
def test_only_complete_rounds_count(at_ms: int, complete: int) -> None:
    """A contraction that was cut off is none."""
    assert complete == rounds(CYCLE, at_ms)


@given(plan=plans, at_ms=st.integers(0, 50_000))
def test_a_share_lies_between_the_ends_of_its_segment(plan: Plan, at_ms: int) -> None:
    """No plan asks for more than its own corner values."""
    corners = [value for segment in plan.segments for value in (segment.from_permille, segment.to_permille)]

    assert min(corners) <= share_permille(plan, at_ms) <= max(corners)


@given(plan=plans, at_ms=st.integers(0, 20_000))
def test_between_two_changes_nothing_changes(plan: Plan, at_ms: int) -> None:
    """Who wakes at every change misses nothing, and every change lies ahead."""
    next_ms = next_change_ms(plan, at_ms)

    assert next_ms is not None
    assert next_ms > at_ms
    assert 1 == len({share_permille(plan, moment) for moment in range(at_ms, next_ms)})


@given(plan=plans)
def test_segments_of_no_length_are_passed_over(plan: Plan) -> None:
    """A segment of 0 ms is nowhere."""
    empty = Segment(duration_ms=0, from_permille=7, to_permille=7)
    with_empty = Plan(
        segments=tuple(itertools.chain.from_iterable((empty, segment) for segment in plan.segments)),
        step_ms=plan.step_ms,
    )
    moments = range(0, 2 * cycle_ms(plan), 37)

    assert [share_permille(plan, at) for at in moments] == [share_permille(with_empty, at) for at in moments]


def test_a_cycle_is_its_first_rise_its_time_on_and_its_time_off() -> None:
    """Ramps are neither: a contraction of ten seconds is ten seconds at its height."""
    shape = ((2_000, 0, 1_000), (10_000, 1_000, 1_000), (2_000, 1_000, 0), (30_000, 0, 0))
    segments = tuple(Segment(duration_ms=ms, from_permille=low, to_permille=high) for ms, low, high in shape)

    assert Cycle(ramp_up_ms=2_000, on_ms=10_000, off_ms=30_000) == cycle_of(Plan(segments=segments))
    assert Cycle(ramp_up_ms=0, on_ms=10_000, off_ms=0) == cycle_of(Plan(segments=segments[1:2]))
    assert None is cycle_of(CONTINUOUS)
