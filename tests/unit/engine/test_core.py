"""The core: routing, permits, the order of effects, and that units know nothing of each other."""

import msgspec
import pytest

from devices.model import NEVER_NS, Ack, AckOf, Direction, Fault, Levels, Output
from modctl.engine import core_events as ce
from modctl.engine import events as ev
from modctl.engine.core import wakeup
from modctl.engine.effects import Append, Band, Command, Watch
from modctl.engine.machine import Phase
from modctl.engine.phases import LIVE, OVER
from modctl.engine.state import FLUSH_NS, RENEW_NS
from modctl.engine.unit import UnitStatus
from modctl.records import (
    Inputs,
    SessionEnded,
    SessionRefused,
    SessionRequested,
    SessionStarted,
)
from tests.unit.engine.made import ESTIM, T0_NS, setup
from tests.unit.engine.made_core import P24, REQUESTED, Engine, charted, config, permits, replies

# Requests


def test_a_session_begins_charted_and_answered() -> None:
    """The request is in the chart whatever becomes of it."""
    engine = Engine()
    effects = engine.begin()

    assert [SessionRequested] == [type(record) for record in charted(effects)]
    assert [(None, "s-u1")] == [(reply.code, reply.session) for reply in replies(effects)]
    assert UnitStatus.IN_SESSION is engine.unit().status


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("in-session", "unit_in_session"),
        ("latched", "unit_latched"),
        ("missing", "unit_missing"),
        ("mismatch", "unit_mismatch"),
        ("chart", "chart_broken"),
    ],
)
def test_a_unit_that_cannot_be_used_refuses_and_charts_the_end(status: str, code: str) -> None:
    """Every request in the chart has an end, and says why."""
    engine = Engine(known=status not in ("missing", "mismatch"), latched=(("u1", "x"),) if status == "latched" else ())
    if status == "in-session":
        engine.begin()
    if status == "chart":
        engine.give(ce.ChartBroken(why="disk full"))
    if status == "mismatch":
        engine.meet()
        engine.lose()
        engine.meet_as("other")
    effects = engine.begin()

    assert [SessionRequested, SessionRefused, SessionEnded] == [type(record) for record in charted(effects)]
    assert [code] == [reply.code for reply in replies(effects)]
    assert [] == permits(effects)


def test_no_session_starts_a_unit_that_is_only_watched() -> None:
    """A tank is hot all day; what a session switched off there would be the tank."""
    device = msgspec.structs.replace(P24.device, role="tank")
    tank = msgspec.structs.replace(P24, device=device)
    engine = Engine(configs=[config("u1", profile=tank)])

    assert ["unit_monitored"] == [reply.code for reply in replies(engine.begin())]


def test_a_request_that_was_refused_before_is_charted_with_its_end() -> None:
    """What did not get as far as a session is still in the record."""
    engine = Engine()
    refused = SessionRefused(reason="limit", limit="rms")
    event = ce.Refuse(
        request=5, actor="therapist", session="s9", requested=REQUESTED, refused=refused, text="Too much."
    )
    effects = engine.give(event)

    assert [REQUESTED, refused, SessionEnded] == [
        record if not isinstance(record, SessionEnded) else SessionEnded for record in charted(effects)
    ]
    assert [("limit", "Too much.", "rms")] == [(reply.code, reply.reason, reply.limit) for reply in replies(effects)]


def test_an_act_on_no_session_is_refused() -> None:
    """A screen that shows an old one hears so."""
    effects = Engine().tell(ev.PauseAsked(actor="therapist"))

    assert ["unknown_session"] == [reply.code for reply in replies(effects)]


def test_an_act_that_does_not_fit_is_refused_with_a_sentence_and_reaches_no_reducer() -> None:
    """What is refused leaves no trace among the inputs."""
    engine = Engine()
    engine.begin()
    before = engine.session()
    effects = engine.tell(ev.ResumeAsked(actor="therapist"))

    assert ["not_now"] == [reply.code for reply in replies(effects)]
    assert before == engine.session()


def test_an_act_that_fits_is_done() -> None:
    """Done is said after it was done."""
    engine = Engine()
    engine.start()
    effects = engine.tell(ev.PauseAsked(actor="therapist"))

    assert [None] == [reply.code for reply in replies(effects)]
    assert Phase.PAUSING is engine.phase()


@pytest.mark.parametrize("what", ["latched", "lost"])
def test_the_last_question_does_not_start_a_unit_that_failed_meanwhile(what: str) -> None:
    """Between the request and the confirmation minutes may lie."""
    engine = Engine()
    engine.begin()
    engine.answer("pain_before", "4")
    if what == "latched":
        engine.see(Output.ENERGIZED)
    else:
        engine.lose()
    effects = engine.answer("confirm", "start")

    assert ["not_now"] == [reply.code for reply in replies(effects)]
    assert Phase.CHECKING is engine.phase()


@pytest.mark.parametrize("what", ["unknown", "silent", "never"])
def test_a_unit_that_is_not_known_to_be_off_is_not_started(what: str) -> None:
    """A stuck output is found before the session, not in it."""
    engine = Engine()
    engine.begin()
    engine.answer("pain_before", "4")
    if what == "unknown":
        engine.see(Output.UNKNOWN)
    elif what == "silent":
        engine.wait(5_000)
    else:
        engine.forget_sample()
    effects = engine.answer("confirm", "start")

    assert [("not_now", "u1 is not known to be off. Nothing was started.")] == [
        (reply.code, reply.reason) for reply in replies(effects)
    ]
    assert Phase.CHECKING is engine.phase()


def test_a_paused_unit_that_fell_silent_is_not_resumed() -> None:
    """Coming back from a pause is a start."""
    engine = Engine()
    engine.start()
    engine.tell(ev.PauseAsked(actor="therapist"))
    engine.confirm_off()
    engine.wait(5_000)
    effects = engine.tell(ev.ResumeAsked(actor="therapist"))

    assert ["not_now"] == [reply.code for reply in replies(effects)]


# Units are independent


def test_two_units_know_nothing_of_each_other() -> None:
    """One fails, the other goes on as if nothing had been."""
    alone, both = Engine("u2"), Engine("u1", "u2")
    alone.start("u2")
    both.start("u2")
    both.start("u1")
    both.now_ns = alone.now_ns = max(alone.now_ns, both.now_ns)
    both.fault(Fault.FROZEN, "u1")
    both.lose("u1")

    assert Phase.RUNNING is both.phase("u2")
    assert not both.unit("u2").latched
    assert UnitStatus.IN_SESSION is both.unit("u2").status


def test_news_of_one_unit_never_reaches_the_other_ones_session() -> None:
    """An Off sample of the left table does not confirm the right one's stop."""
    engine = Engine("u1", "u2")
    engine.start("u1")
    engine.stop(session="s-u1")
    engine.ack_off("u2")
    for _ in range(3):
        engine.wait(10)
        engine.see(Output.OFF, "u2")

    assert Phase.STOPPING is engine.phase("u1")


# What is charted of a session


def test_inputs_are_charted_once_a_second() -> None:
    """All that reached the reducer, in order; gathered, but never longer than a second."""
    engine = Engine()
    engine.start(made=setup(level=msgspec.structs.replace(ESTIM.level, start=0)))
    for _ in range(30):
        engine.wait(100)
        engine.see(Output.ENERGIZED)
    appended = [effect for effect in engine.effects if isinstance(effect, Append)]
    telemetry = [effect for effect in appended if isinstance(effect.draft.data, Inputs) and not effect.at_once]

    assert 3 <= len(telemetry) <= 8
    assert all(effect.at_once for effect in appended if not isinstance(effect.draft.data, Inputs))


def test_the_engine_wakes_for_the_second_even_when_nothing_happens() -> None:
    """A quiet session's last inputs reach the chart too."""
    engine = Engine()
    engine.begin()
    engine.answer("pain_before", "4")
    assert T0_NS + FLUSH_NS == wakeup(engine.state)

    effects = engine.wait(1_000)

    assert [Inputs] == [type(record) for record in charted(effects)]


def test_what_is_answered_after_the_end_is_charted_by_itself() -> None:
    """It is no input of a reducer that is over."""
    engine = Engine()
    engine.start()
    engine.stop(session="s-u1")
    engine.confirm_off()
    effects = engine.answer("pain_after", "3")

    assert ["GateAnswer"] == [type(record).__name__ for record in charted(effects)]
    assert [None] == [reply.code for reply in replies(effects)]


def test_what_is_over_is_shown_until_its_unit_is_used_again() -> None:
    """A day of sessions does not fill the memory, and the other table's last one stays on the screens."""
    engine = Engine("u1", "u2")
    for unit, session in (("u1", "s1"), ("u2", "s2"), ("u1", "s3")):
        made = setup(session=session, unit=unit, begun_ns=engine.now_ns)
        engine.give(ce.Begin(request=1, actor="therapist", setup=made, requested=REQUESTED))
        engine.stop(session=session)
        engine.confirm_off(unit)

    assert ["s2", "s3"] == list(engine.state.sessions)


# Small things


def test_an_engine_with_nothing_to_do_sleeps() -> None:
    """No polling without a reason."""
    assert NEVER_NS == wakeup(Engine().state)


def test_a_tick_changes_nothing_while_nothing_is_due() -> None:
    """Waking early is harmless."""
    engine = Engine()
    engine.start()

    assert [] == list(engine.give(ce.Tick()))


def test_a_durable_entry_of_an_unknown_session_is_ignored() -> None:
    """The writer may be slower than a session's life."""
    assert [] == list(Engine().durable())


def test_a_lost_screen_of_a_finished_session_changes_nothing() -> None:
    """It closes after the end, as it should."""
    engine = Engine()
    engine.start()
    engine.stop(session="s-u1")
    engine.confirm_off()

    assert [] == list(engine.give(ce.ScreenLost(session="s-u1", why="closed")))


@pytest.mark.parametrize("event", [ce.Stalled(by_ms=500), ce.ChartBroken(why="disk full"), ce.WriterLag(by_ms=5_000)])
def test_what_stops_all_leaves_finished_sessions_alone(event: ce.CoreEvent) -> None:
    """Their record is closed."""
    engine = Engine()
    engine.start()
    engine.stop(session="s-u1")
    engine.confirm_off()

    assert [] == charted(engine.give(event))


def test_an_acknowledgement_without_a_session_is_nobodys() -> None:
    """A unit that acknowledges what was asked before the session ended."""
    levels = Levels((("current_ua", 500),))

    assert [] == list(Engine().news(Ack(at_ns=T0_NS, of=AckOf.LEVELS, levels=levels)))


def test_a_running_unit_is_watched_closely_and_an_idle_one_is_not() -> None:
    """Ten samples a second while something flows."""
    engine = Engine()
    engine.start()
    engine.stop(session="s-u1")
    engine.confirm_off()
    watched = [effect.closely for effect in engine.effects if isinstance(effect, Watch)]

    assert (True, False) == (watched[0], watched[-1])


def test_a_permit_is_renewed_with_what_arrives_and_the_engine_is_not_woken_for_it() -> None:
    """Ten samples a second renew it ten times a second; only where nothing comes does it take a step of its own."""
    engine = Engine()
    engine.start(made=setup(level=msgspec.structs.replace(ESTIM.level, start=0)))
    engine.wait(60)
    sequences = [permit.sequence for permit in permits(engine.see(Output.ENERGIZED))]

    assert [engine.unit().sequence] == sequences
    assert engine.now_ns + RENEW_NS == engine.unit().wakeup_ns
    assert [] == permits(engine.see(Output.ENERGIZED))
    assert 1 == len(permits(engine.wait(100)))


def test_a_unit_whose_off_was_not_confirmed_is_watched_closely_until_it_is() -> None:
    """Then most of all."""
    engine = Engine()
    engine.start()
    engine.stop()
    engine.wait(1_500)
    assert Phase.UNCONFIRMED is engine.phase()
    assert engine.watched()

    for _ in range(2):
        engine.wait(100)
        engine.see(Output.OFF)

    assert not engine.watched()


def test_a_ridden_level_reaches_the_unit_with_a_new_ceiling() -> None:
    """A person's key, the chart, the permit, the command."""
    engine = Engine()
    engine.start(made=setup(level=msgspec.structs.replace(ESTIM.level, start=0)))
    engine.wait(600)
    engine.see(Output.ENERGIZED)
    effects = engine.tell(ev.LevelAsked(actor="therapist", direction=Direction.UP))
    command = next(effect for effect in effects if isinstance(effect, Command))

    assert isinstance(command.setpoint, Levels)
    assert 500 == command.setpoint.get("current_ua")
    assert Band("current_ua", 0, 500) in permits(effects)[0].bands


def test_a_refused_start_does_not_keep_the_unit() -> None:
    """A closing answer frees it for the next patient."""
    engine = Engine()
    engine.begin()
    engine.answer("pain_before", "4")
    engine.answer("confirm", "not-yet")

    assert UnitStatus.READY is engine.unit().status
    assert engine.phase() in OVER


def test_a_start_is_charted_before_any_output_in_every_history() -> None:
    """The first permit of a session follows its durable start."""
    engine = Engine()
    engine.start()
    started = next(
        index
        for index, effect in enumerate(engine.effects)
        if isinstance(effect, Append) and isinstance(effect.draft.data, SessionStarted)
    )
    first = next(index for index, effect in enumerate(engine.effects) if permits([effect]))

    assert started < first
    assert engine.phase() in LIVE
