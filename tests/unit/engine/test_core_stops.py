"""Stopping one, one unit, or all: Off first, then the answer to whoever asked, once off is settled."""

import pytest

from devices.model import NS_PER_MS, Off, Output
from modctl.engine import core_events as ce
from modctl.engine.effects import Command, Effect, Stopped
from modctl.engine.machine import Phase
from modctl.records import StopPressed
from tests.unit.engine.made_core import Engine, charted, kinds


def stopped(effects: list[Effect]) -> list[Stopped]:
    """The answers to stops among the effects."""
    return [effect for effect in effects if isinstance(effect, Stopped)]


def test_a_stop_of_all_reaches_every_unit_in_session_or_not() -> None:
    """Nobody knows which unit somebody meant; off harms none."""
    engine = Engine("u1", "u2", "u3")
    engine.start("u1")
    engine.begin("u2")
    effects = engine.stop()

    assert 3 == kinds(effects).count("Off")
    assert (Phase.STOPPING, Phase.ENDED) == (engine.phase("u1"), engine.phase("u2"))


@pytest.mark.parametrize("named", ["unit", "session"])
def test_a_named_stop_leaves_the_others_alone(named: str) -> None:
    """The patient at the other table goes on."""
    engine = Engine("u1", "u2")
    engine.start("u1")
    engine.start("u2")
    effects = engine.stop(unit="u2") if named == "unit" else engine.stop(session="s-u2")

    assert (Phase.RUNNING, Phase.STOPPING) == (engine.phase("u1"), engine.phase("u2"))
    assert [StopPressed(unit="u2", source="screen")] == [
        record for record in charted(list(effects)) if isinstance(record, StopPressed)
    ]


def test_a_stop_of_all_is_charted_as_one() -> None:
    """One press, one entry."""
    engine = Engine("u1", "u2")
    effects = engine.stop()

    assert [StopPressed(unit=None, source="screen")] == charted(list(effects))


@pytest.mark.parametrize(("unit", "session"), [("nobody", None), (None, "s-nobody")])
def test_a_stop_of_something_unknown_is_charted_and_answered_at_once(unit: str | None, session: str | None) -> None:
    """Nothing to wait for, and nothing pretended."""
    effects = Engine().stop(unit=unit, session=session)

    assert [()] == [answer.units for answer in stopped(list(effects))]


def test_the_answer_comes_when_off_is_confirmed_and_says_how_long_it_took() -> None:
    """Not when it was sent."""
    engine = Engine()
    engine.start()
    assert [] == stopped(list(engine.stop()))

    effects = engine.confirm_off()

    assert [Stopped(request=99, units=(("u1", True, 22),))] == stopped(list(effects))


def test_a_unit_at_rest_is_confirmed_off_as_well() -> None:
    """Somebody who stops all wants to know of all."""
    engine = Engine()
    engine.stop()

    assert [Stopped(request=99, units=(("u1", True, 22),))] == stopped(list(engine.confirm_off()))


def test_a_stop_that_is_not_confirmed_in_time_says_so() -> None:
    """At the deadline, to the nanosecond; never *off* on a guess."""
    engine = Engine()
    engine.start()
    engine.stop()
    assert [] == stopped(list(engine.wait(999)))

    assert [Stopped(request=99, units=(("u1", False, None),))] == stopped(list(engine.wait(1)))


def test_a_unit_without_a_line_is_answered_at_once_as_not_confirmed() -> None:
    """There is nothing to wait for; the guard and the person must act."""
    engine = Engine()
    engine.lose()

    assert [Stopped(request=99, units=(("u1", False, None),))] == stopped(list(engine.stop()))


def test_the_answer_waits_for_the_slowest_unit() -> None:
    """One answer for all, in the order in which they were settled."""
    engine = Engine("u1", "u2")
    engine.stop()
    assert [] == stopped(list(engine.confirm_off("u2")))

    effects = engine.wait(1_000)

    assert [Stopped(request=99, units=(("u2", True, 22), ("u1", False, None)))] == stopped(list(effects))


def test_a_stop_that_nobody_waits_for_gets_no_answer() -> None:
    """A signal's stop has no request."""
    engine = Engine()
    engine.stop(request=None)

    assert [] == stopped(list(engine.confirm_off()))


def test_two_who_ask_get_two_answers() -> None:
    """Each with its own number."""
    engine = Engine()
    engine.stop(request=1)
    engine.stop(request=2)

    assert [1, 2] == [answer.request for answer in stopped(list(engine.confirm_off()))]


def test_pressing_again_does_not_put_the_answer_off() -> None:
    """A key that is held down repeats; the deadline is that of the first press."""
    engine = Engine()
    engine.start()
    begun_ns = engine.now_ns
    engine.stop(request=1)
    answers: list[Stopped] = []
    while not answers and engine.now_ns < begun_ns + 5_000 * NS_PER_MS:
        answers += stopped(list(engine.wait(50)))
        answers += stopped(list(engine.stop(request=None)))

    assert [(("u1", False, None),)] == [answer.units for answer in answers]
    assert engine.now_ns <= begun_ns + 1_000 * NS_PER_MS


def test_pressing_again_does_not_begin_the_proof_anew() -> None:
    """What two samples have proved is proved."""
    engine = Engine()
    engine.stop(request=1)
    engine.ack_off()
    engine.wait(10)
    engine.see(Output.OFF)
    engine.stop(request=None)
    engine.wait(10)

    assert [1] == [answer.request for answer in stopped(list(engine.see(Output.OFF)))]


def test_stop_during_stopping_sends_off_again() -> None:
    """A lost frame is the first reason to press twice."""
    engine = Engine()
    engine.start()
    engine.stop()
    effects = engine.stop()

    assert ["Revoke", "Off"] == kinds(effects)[:2]


def test_a_fast_stop_reaches_the_unit_as_fast() -> None:
    """Traction's second press."""
    engine = Engine()
    engine.start()
    event = ce.StopUnits(request=None, actor=None, source="screen", session="s-u1", fast=True)
    effects = engine.give(event)

    assert Command(unit="u1", setpoint=Off(fast=True)) == effects[1]


def test_after_a_stop_of_all_the_idle_unit_goes_back_to_its_idle_pace() -> None:
    """Ten samples a second are for what may be on."""
    engine = Engine()
    engine.stop()
    assert engine.watched()

    engine.confirm_off()

    assert not engine.watched()
