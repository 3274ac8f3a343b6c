"""The two halves of a combination in the engine: one begins, answers, starts and ends with the other, or not at all."""

from devices.model import Output
from modctl.engine import core_events as ce
from modctl.engine import events as ev
from modctl.engine.machine import Phase
from modctl.engine.setup import GateSpec, Setup
from tests.unit.engine.made import ESTIM, ULTRASOUND, raises, setup
from tests.unit.engine.made_core import REQUESTED, Engine, charted, kinds, replies, takes_away

NAMES = ("u1", "u2")  # the ultrasound unit, which leads, and the stimulator


def asked(engine: Engine) -> None:
    """Request both halves."""
    halves: list[Setup] = [
        setup(made, unit=unit, session=f"s-{unit}", begun_ns=engine.now_ns)
        for unit, made in zip(NAMES, (ULTRASOUND, ESTIM), strict=True)
    ]
    partner = ce.Partner(setup=halves[1], requested=REQUESTED)
    engine.give(
        ce.Begin(request=engine.number(), actor="therapist", setup=halves[0], requested=REQUESTED, partner=partner)
    )


def armed() -> Engine:
    """Both halves confirmed."""
    engine = Engine(*NAMES)
    asked(engine)
    engine.answer("pain_before", "4")
    engine.answer("confirm", "start")
    assert [Phase.ARMED] * 2 == [engine.phase(unit) for unit in NAMES]
    return engine


def started() -> Engine:
    """Both halves running."""
    engine = armed()
    for unit in NAMES:
        engine.durable(unit)
    engine.now_ns += 2_000_000
    for unit in NAMES:
        engine.ack(unit)
    engine.now_ns += 50_000_000
    engine.see(Output.ENERGIZED, "u2")
    return engine


def test_one_durable_start_energizes_nothing() -> None:
    """The second one starts both."""
    engine = armed()

    assert [] == raises(engine.durable("u2"))
    assert {"u1", "u2"} == {command.unit for command in raises(engine.durable("u1"))}


def test_a_start_that_becomes_durable_twice_starts_nothing_twice() -> None:
    """A writer that repeats itself is no second confirmation."""
    engine = armed()
    engine.durable("u2")
    engine.durable("u1")

    assert [] == raises(engine.durable("u1"))


def test_a_confirmation_waits_for_a_partner_that_is_not_known_off() -> None:
    """One key starts two units; both must be fit for it."""
    engine = Engine(*NAMES)
    asked(engine)
    engine.answer("pain_before", "4")
    engine.forget_sample("u2")
    told = replies(engine.answer("confirm", "start"))

    assert ["not_now"] == [reply.code for reply in told]
    assert "u2" in told[0].reason
    assert [Phase.CHECKING] * 2 == [engine.phase(unit) for unit in NAMES]


def test_a_partner_with_a_question_of_its_own_holds_the_confirmation() -> None:
    """Whatever the leading session does not ask is asked where it belongs, before anything starts."""
    engine = Engine(*NAMES)
    first, confirm = ESTIM.before
    switch = GateSpec(gate="stop_switch", answers=("not-yet", "start"), closes=("not-yet",))
    own = setup(ESTIM, before=(first, switch, confirm), unit="u2", session="s-u2", begun_ns=engine.now_ns)
    lead = setup(ULTRASOUND, unit="u1", session="s-u1", begun_ns=engine.now_ns)
    partner = ce.Partner(setup=own, requested=REQUESTED)
    engine.give(ce.Begin(request=1, actor="therapist", setup=lead, requested=REQUESTED, partner=partner))
    engine.answer("pain_before", "4")
    refused = replies(engine.answer("confirm", "start"))
    assert "stop_switch" in refused[0].reason

    engine.answer("stop_switch", "start", "u2")
    engine.answer("confirm", "start")

    assert [Phase.ARMED] * 2 == [engine.phase(unit) for unit in NAMES]


def test_both_are_off_before_anything_is_charted() -> None:
    """The second unit does not wait for the first one's record."""
    engine = started()
    effects = engine.tell(ev.StopAsked(actor=None, source="screen"))

    assert takes_away(effects, "u1")
    assert takes_away(effects, "u2")
    assert {"Revoke", "Off"} == set(kinds(effects[:4]))


def test_what_is_over_is_told_nothing() -> None:
    """The head comes off the skin after the end, as it should."""
    engine = started()
    engine.tell(ev.StopAsked(actor=None, source="screen"))
    for unit in NAMES:
        engine.confirm_off(unit)
    assert [Phase.ENDED] * 2 == [engine.phase(unit) for unit in NAMES]

    assert [] == charted(engine.see(Output.OFF))


def test_a_half_whose_partner_is_forgotten_answers_for_itself() -> None:
    """The stimulator is used again; the ultrasound session's last questions are still open."""
    engine = started()
    engine.tell(ev.StopAsked(actor=None, source="screen"))
    for unit in NAMES:
        engine.confirm_off(unit)
    engine.begin("u2", setup(ESTIM, session="s-new"))
    told = replies(engine.answer("pain_after", "3"))

    assert [None] == [reply.code for reply in told]
