"""The session machine's table: complete, without contradiction, and always with a way to off."""

import itertools

import pytest

from modctl.engine.machine import IGNORED, REFUSED, TRANSITIONS, On, Outcome, Phase, worse

ENERGIZED = (Phase.STARTING, Phase.RUNNING, Phase.PAUSING, Phase.RESUMING, Phase.STOPPING)


def test_every_pair_of_phase_and_event_is_decided() -> None:
    """Nobody can add a phase or an event and forget a combination."""
    assert set(itertools.product(Phase, On)) == set(TRANSITIONS) | set(IGNORED) | set(REFUSED)


def test_no_pair_is_decided_twice() -> None:
    """What is ignored in one table and followed in another is a contradiction that only luck resolves."""
    tables = (set(TRANSITIONS), set(IGNORED), set(REFUSED))

    assert [] == [pair for one, other in itertools.combinations(tables, 2) for pair in one & other]


def test_what_is_not_followed_has_a_reason() -> None:
    """A pair that changes nothing must say why, or it is a forgotten one."""
    assert [] == [pair for pair, why in {**IGNORED, **REFUSED}.items() if not why]


@pytest.mark.parametrize("phase", ENERGIZED)
@pytest.mark.parametrize("on", [On.STOP, On.FAULT])
def test_stop_and_fault_lead_to_stopping_from_every_energized_phase(phase: Phase, on: On) -> None:
    """A phase in which STOP does nothing is one in which the patient cannot be helped."""
    assert Phase.STOPPING is TRANSITIONS[phase, on]


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.PAUSING, Phase.RESUMING])
def test_a_phase_that_waits_for_the_unit_is_left_by_its_deadline(phase: Phase) -> None:
    """Waiting for ever while something may be energized is not a state."""
    assert Phase.STOPPING is TRANSITIONS[phase, On.DEADLINE]


def test_stopping_is_left_by_confirmed_off_or_its_deadline_alone() -> None:
    """Nothing else may call a stop done."""
    ways = {(on, target) for (phase, on), target in TRANSITIONS.items() if phase is Phase.STOPPING}

    assert {
        (On.OFF_CONFIRMED, Phase.ENDED),
        (On.DEADLINE, Phase.UNCONFIRMED),
        (On.STOP, Phase.STOPPING),
        (On.FAULT, Phase.STOPPING),
    } == ways


@pytest.mark.parametrize("phase", [Phase.ENDED, Phase.UNCONFIRMED])
def test_what_is_over_is_over(phase: Phase) -> None:
    """A session never comes back to life; a new one is a new request."""
    assert [] == [on for (from_phase, on) in TRANSITIONS if from_phase is phase]


def test_no_phase_that_may_energize_is_entered_without_a_durable_entry_or_the_unit_saying_so() -> None:
    """Record before you energize: STARTING and RESUMING's ramp follow CHARTED, RUNNING follows the unit's own word."""
    ways = {on for (_phase, on), target in TRANSITIONS.items() if target in (Phase.STARTING, Phase.RUNNING)}

    assert {On.CHARTED, On.EXECUTING} == ways


def test_the_worst_reason_wins() -> None:
    """Unconfirmed above faulted above stopped above completed; the same again is not worse."""
    order = list(Outcome)

    assert [one for one, other in itertools.product(order, order) if worse(one, other)] == [
        one for one in order for other in order if order.index(one) > order.index(other)
    ]


def test_any_outcome_is_worse_than_none_yet() -> None:
    """The first reason always counts."""
    assert all(worse(outcome, None) for outcome in Outcome)
