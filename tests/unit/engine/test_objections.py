"""What a person is told instead of a start or a raise: another head, an untested stop switch, a soft limit's edge."""

import msgspec
import pytest

from devices.limits import Mark, Max, Tier
from devices.model import AccessorySeen, Direction, Output
from devices.profile import load
from modctl.engine import core_events as ce
from modctl.engine import events as ev
from modctl.engine.effects import PackSaid
from modctl.engine.machine import Phase
from modctl.engine.session import objection
from modctl.engine.setup import GateSpec, Setup
from modctl.engine.unit import STOP_SWITCH, SWITCH_CLOSED, SWITCH_PRESSED
from tests.unit.engine.made import ESTIM, Person, sample, setup
from tests.unit.engine.made_core import Engine, config, replies

PAIN, CONFIRM = ESTIM.before
SWITCH = GateSpec(gate=STOP_SWITCH, answers=("tested", "not-tested"), closes=("not-tested",))


# Another head


@pytest.mark.parametrize(
    ("confirmed", "plugged", "phase"),
    [("A", "A", Phase.ARMED), ("A", "B", Phase.CHECKING), ("A", None, Phase.ARMED), (None, "B", Phase.ARMED)],
)
def test_a_start_is_for_the_head_that_was_confirmed(confirmed: str | None, plugged: str | None, phase: Phase) -> None:
    """Exchanged between the request and the start: its area, its calibration and the dose would be another's."""
    engine = Engine()
    engine.begin(made=setup(started=msgspec.structs.replace(ESTIM.started, head=confirmed)))
    if plugged is not None:
        engine.news(AccessorySeen(at_ns=engine.now_ns, serial=plugged))
    engine.answer("pain_before", "4")
    (told,) = replies(engine.answer("confirm", "start"))

    assert phase is engine.phase()
    if phase is Phase.CHECKING:
        assert ("not_now", "Head A was confirmed, but B is plugged in now. Nothing was started.") == (
            told.code,
            told.reason,
        )


# The patient's stop switch


def asked_for_the_switch(*, told: bool = True) -> Engine:
    """A session that asks for the stop switch first, on a unit that reports it or not."""
    configs = [config("u1", profile=load("reference-traction"))] if told else []
    engine = Engine(configs=configs, known=not told)
    if told:
        engine.meet_as("reference-traction")
    engine.begin(made=setup(before=(SWITCH, CONFIRM)))
    return engine


def switch(engine: Engine, *positions: int) -> None:
    """The unit tells where its switch is, one sample after the other."""
    for position in positions:
        engine.wait(10)
        engine.news(sample(engine.now_ns, Output.OFF, stop_switch=position))


def test_a_switch_that_was_not_seen_pressed_is_not_tested() -> None:
    """The unit tells of its switch: a person's word alone is no test of it."""
    engine = asked_for_the_switch()
    switch(engine, SWITCH_CLOSED)
    (told,) = replies(engine.answer(STOP_SWITCH, "tested"))

    assert "not_now" == told.code
    assert told.reason == (
        "u1 reports its stop switch, and it has not been seen pressed and let go. "
        "Hold it for a second, let go, answer again."
    )


def test_a_switch_that_is_still_pressed_is_not_tested() -> None:
    """A switch that hangs would stop the session in its first second."""
    engine = asked_for_the_switch()
    switch(engine, SWITCH_PRESSED)
    (told,) = replies(engine.answer(STOP_SWITCH, "tested"))

    assert told.reason.startswith("u1 reports its stop switch, and it is pressed now: let go.")


def test_a_press_and_a_release_since_the_request_are_the_test() -> None:
    """Both were seen on the wire."""
    engine = asked_for_the_switch()
    switch(engine, SWITCH_PRESSED, SWITCH_CLOSED)

    assert [None] == [told.code for told in replies(engine.answer(STOP_SWITCH, "tested"))]


def test_a_test_before_the_request_is_another_patients() -> None:
    """It counts from the request on: who tested it then did not hold it for this one."""
    configs = [config("u1", profile=load("reference-traction"))]
    engine = Engine(configs=configs, known=False)
    engine.meet_as("reference-traction")
    switch(engine, SWITCH_PRESSED, SWITCH_CLOSED)
    engine.wait(1)
    engine.begin(made=setup(before=(SWITCH, CONFIRM)))

    assert ["not_now"] == [told.code for told in replies(engine.answer(STOP_SWITCH, "tested"))]


def test_a_unit_that_does_not_tell_is_believed_through_a_person() -> None:
    """Nobody else can say it; *not tested* needs no proof on any unit."""
    silent, telling = asked_for_the_switch(told=False), asked_for_the_switch()

    assert [None] == [told.code for told in replies(silent.answer(STOP_SWITCH, "tested"))]
    assert [None] == [told.code for told in replies(telling.answer(STOP_SWITCH, "not-tested"))]


# A soft limit's edge


def bounded(parameter: str, *, opened: tuple[str, ...] = ()) -> Setup:
    """A session whose riding ends at 5 mA, because of a soft limit on a parameter."""
    soft = Max(id="usual", parameter=parameter, bound=5_000, source="t", mark=Mark.CHOSEN, tier=Tier.SOFT)
    return setup(level=msgspec.structs.replace(ESTIM.level, high=5_000), soft=(soft,), opened=opened)


def at_its_cap(made: Setup) -> str | None:
    """What a raise is told when the level stands at its highest."""
    person = Person(made)
    person.run()
    person.serve(10_000)
    assert 5_000 == person.state.riding.set_level
    return objection(person.state, ev.LevelAsked(actor="therapist", direction=Direction.UP))


def test_a_raise_at_a_soft_limit_says_which_and_whether_it_was_opened() -> None:
    """The key did nothing: the person must see why, and what would open it."""
    assert "The level stays where it is: usual was not opened for this session." == at_its_cap(bounded("current_ua"))
    assert "The level stays where it is: usual was opened only so far." == at_its_cap(
        bounded("current_ua", opened=("usual",))
    )


def test_a_raise_at_the_end_of_the_dial_is_no_soft_limits_matter() -> None:
    """A soft limit on something else is not named for it."""
    assert at_its_cap(bounded("pulse_width_us")) is None


def test_a_raise_below_the_cap_is_not_objected_to() -> None:
    """One step below its edge a soft limit has nothing to say."""
    person = Person(bounded("current_ua"))
    person.run()

    assert objection(person.state, ev.LevelAsked(actor="therapist", direction=Direction.UP)) is None


# A pack that was left on


def test_an_acknowledged_pack_is_off_for_its_driver_too() -> None:
    """A person stated that it is off the skin; its samples would go on saying otherwise for ever."""
    engine = Engine(configs=[config("u1", profile=load("passive"))], known=False, latched=(("u1", "left on"),))
    effects = engine.give(
        ce.AcknowledgeUnit(request=1, actor="therapist", unit="u1", statement="the pack is off, I looked")
    )

    assert [PackSaid(unit="u1", is_on=False)] == [one for one in effects if isinstance(one, PackSaid)]
