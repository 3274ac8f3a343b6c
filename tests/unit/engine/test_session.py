"""A session from its first question to its end: gates, start, stop, pause; what each step may and may not do."""

import pytest

from devices.model import NS_PER_MS, NS_PER_S, Direction, Output
from modctl.engine import events as ev
from modctl.engine.effects import Append, Command
from modctl.engine.machine import Outcome, Phase
from modctl.engine.phases import OVER
from modctl.engine.session import begin, next_gate, objection, wakeup_ns
from modctl.records import (
    GateAnswer,
    SessionClosed,
    SessionEnded,
    SessionRefused,
    SessionSigned,
    SessionStarted,
    SetpointCommanded,
)
from tests.unit.engine.made import ESTIM, T0_NS, Person, at_phase, raises, records, where


def answered(gate: str, answer: str) -> ev.Answered:
    """A person's answer."""
    return ev.Answered(gate=gate, answer=answer, actor="therapist", source="person", age_s=0, took_ms=900)


def ended(person: Person) -> SessionEnded:
    """The session's last entry; there must be exactly one of its kind."""
    found = [record for record in records(person.effects) if isinstance(record, SessionEnded)]
    assert 1 == len(found)
    return found[0]


# Gates and start


def test_the_gates_are_answered_in_their_order() -> None:
    """The order at the table is enforced, not suggested."""
    person = Person()
    gate = next_gate(person.state)
    assert gate is not None
    assert "pain_before" == gate.gate
    assert "The next question is 'pain_before', not 'confirm'." == objection(person.state, answered("confirm", "start"))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("0", None),
        ("10", None),
        ("11", "'pain_before' takes 0 to 10."),
        ("-1", "'pain_before' takes a number."),
        ("4.5", "'pain_before' takes a number."),
        ("٤", "'pain_before' takes a number."),
        ("", "'pain_before' takes a number."),
    ],
)
def test_a_number_gate_takes_whole_numbers_in_its_range(answer: str, problem: str | None) -> None:
    """What is charted as a pain score must be one; digits of other scripts are none of ours."""
    assert problem == objection(Person().state, answered("pain_before", answer))


def test_a_gate_takes_its_own_answers_alone() -> None:
    """An answer that nobody offered was not given by a person at the table."""
    person = Person()
    person.answer("pain_before", "4")

    assert "'perhaps' is not an answer to 'confirm'." == objection(person.state, answered("confirm", "perhaps"))
    assert objection(person.state, answered("confirm", "start")) is None


def test_every_answer_is_charted_with_who_gave_it() -> None:
    """A statement belongs to a person."""
    effects = Person().answer("pain_before", "4")
    append = effects[0]

    assert isinstance(append, Append)
    assert ("therapist", GateAnswer(gate="pain_before", answer="4", source="person", age_s=0, took_ms=900)) == (
        append.draft.actor,
        append.draft.data,
    )


def test_a_closing_answer_ends_the_session_and_commands_nothing() -> None:
    """A closed gate says why, and nothing was sent."""
    person = Person()
    person.answer("pain_before", "4")
    effects = person.answer("confirm", "not-yet")

    assert [GateAnswer, SessionRefused, SessionEnded] == [type(record) for record in records(effects)]
    assert ("refused", Phase.ENDED) == (ended(person).reason, person.state.phase)
    assert not [effect for effect in effects if isinstance(effect, Command)]


def test_the_last_answer_charts_the_start_and_energizes_nothing() -> None:
    """Record before you energize: the command waits for the disk."""
    person = Person()
    effects = person.arm()
    started = effects[-1]

    assert isinstance(started, Append)
    assert (SessionStarted, "started", True) == (type(started.draft.data), started.await_as, started.at_once)
    assert [] == raises(person.effects)
    assert Phase.ARMED is where(person)


def test_the_durable_entry_lets_the_first_step_out() -> None:
    """Only then, and only the first step of the ramp."""
    person = at_phase(Phase.ARMED)
    effects = person.charted()

    assert [SetpointCommanded] == [type(record) for record in records(effects)]
    assert [500] == [command.setpoint.get("current_ua") for command in raises(effects)]  # type: ignore[union-attr]  # raises has levels alone


def test_a_second_durable_entry_energizes_nothing_again() -> None:
    """A late word of the writer is no permission."""
    person = at_phase(Phase.STARTING)

    assert () == tuple(person.charted())


@pytest.mark.parametrize("phase", [Phase.CHECKING, Phase.PAUSED, Phase.STOPPING, Phase.ENDED, Phase.UNCONFIRMED])
def test_a_durable_entry_that_nobody_waits_for_energizes_nothing(phase: Phase) -> None:
    """START waits for its own entry, in its own phase."""
    person = at_phase(phase)

    assert [] == raises(person.charted())


def test_questions_that_nobody_answers_end_after_half_an_hour() -> None:
    """A request that was walked away from must not lie in wait."""
    person = Person()
    assert T0_NS + 1_800 * NS_PER_S == wakeup_ns(person.state)

    person.tick_when_wanted()

    assert (Outcome.STOPPED, "checking_timeout") == (person.state.outcome, person.state.reason)


def test_a_start_that_never_gets_durable_ends() -> None:
    """A minute without the disk: off, and the unit is latched until somebody has looked."""
    person = at_phase(Phase.ARMED)
    person.tick_when_wanted()
    assert (T0_NS + 60 * NS_PER_S, Phase.STOPPING) == (person.now_ns, person.state.phase)

    person.confirm_off()

    assert ("faulted", "armed_timeout") == (ended(person).outcome, ended(person).reason)


@pytest.mark.parametrize(("phase", "reason"), [(Phase.STARTING, "starting"), (Phase.RESUMING, "resuming")])
def test_a_start_that_the_unit_does_not_confirm_ends_after_three_seconds(phase: Phase, reason: str) -> None:
    """Accepting is not doing: without a sample that says so nothing is called running."""
    person = at_phase(phase)
    if phase is Phase.RESUMING:
        person.charted("resumed")
    begun_ns = person.now_ns
    person.tick_when_wanted()

    assert (begun_ns + 3 * NS_PER_S, Phase.STOPPING) == (person.now_ns, person.state.phase)
    assert f"{reason}_timeout" == person.state.reason


@pytest.mark.parametrize("output", [Output.ENERGIZED, Output.SUSPENDED])
def test_a_unit_that_is_on_before_the_start_is_a_fault(output: Output) -> None:
    """Whatever it gives out, nobody asked for it."""
    person = at_phase(Phase.ARMED)
    person.see(output)

    assert (Phase.STOPPING, "uncommanded_output") == (person.state.phase, person.state.reason)


@pytest.mark.parametrize("phase", [Phase.ARMED, Phase.PAUSED])
def test_a_unit_of_which_nobody_knows_whether_it_is_off_is_a_fault(phase: Phase) -> None:
    """Armed and paused claim off; unknown is not off."""
    person = at_phase(phase)
    person.see(Output.UNKNOWN)

    assert (Phase.STOPPING, "output_unknown") == (person.state.phase, person.state.reason)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (Output.ENERGIZED, "uncommanded_output"),
        (Output.SUSPENDED, "uncommanded_output"),
        (Output.UNKNOWN, "output_unknown"),
    ],
)
def test_a_unit_that_is_on_before_its_resume_is_durable_is_a_fault(output: Output, reason: str) -> None:
    """Until the entry is on the disk the session is as good as paused."""
    person = at_phase(Phase.RESUMING)
    person.see(output)

    assert (Phase.STOPPING, reason) == (person.state.phase, person.state.reason)


def test_an_acknowledgement_of_nothing_is_none_of_a_resume() -> None:
    """No levels were commanded yet; an acknowledgement without any must not stand for them."""
    person = at_phase(Phase.RESUMING)
    person.ack()
    person.see(Output.OFF)

    assert Phase.RESUMING is person.state.phase
    assert person.state.riding.acked_ns is None


@pytest.mark.parametrize("phase", [Phase.CHECKING, Phase.ARMED, Phase.PAUSED])
def test_a_unit_that_is_off_changes_nothing(phase: Phase) -> None:
    """Off is what these phases expect."""
    person = at_phase(phase)

    assert () == tuple(person.see(Output.OFF))
    assert phase is person.state.phase


# What people are told


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in (Phase.STARTING, Phase.RUNNING)])
def test_a_pause_is_refused_where_there_is_nothing_to_pause(phase: Phase) -> None:
    """The sentence names the state, so that a person sees what is going on."""
    person = at_phase(phase)
    said = objection(person.state, ev.PauseAsked(actor="therapist"))

    assert (f"There is nothing to pause: the session is {phase}." if phase is not Phase.RESUMING else None) == said


@pytest.mark.parametrize("phase", list(Phase))
def test_resume_is_for_paused_sessions(phase: Phase) -> None:
    """And says what the session is instead."""
    said = objection(at_phase(phase).state, ev.ResumeAsked(actor="therapist"))

    assert (None if phase is Phase.PAUSED else f"There is nothing to resume: the session is {phase}.") == said


@pytest.mark.parametrize("phase", list(Phase))
def test_the_level_is_ridden_while_running(phase: Phase) -> None:
    """Before and after there is nothing to feel."""
    said = objection(at_phase(phase).state, ev.LevelAsked(actor="therapist", direction=Direction.UP))
    sentence = f"The level can be changed while the session runs; it is {phase}."

    assert (None if phase is Phase.RUNNING else sentence) == said


@pytest.mark.parametrize(("direction", "refused"), [(Direction.UP, True), (Direction.DOWN, False)])
def test_up_is_refused_while_the_chart_is_behind(direction: Direction, refused: bool) -> None:
    """A key that does nothing must say so; down always works."""
    person = at_phase(Phase.RUNNING)
    person.feed(ev.WriterLate(by_ms=1_000))
    said = objection(person.state, ev.LevelAsked(actor="therapist", direction=direction))

    assert refused is (said is not None)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.CHECKING])
def test_an_answer_to_nothing_is_refused(phase: Phase) -> None:
    """Before its own question is open, or after it was closed; after treatment the end's questions are open."""
    said = objection(at_phase(phase).state, answered("confirm", "start"))
    expected = "The next question is 'pain_after', not 'confirm'." if phase in OVER else None

    assert (expected or "No question is open in this session.") == said


@pytest.mark.parametrize("phase", list(Phase))
def test_stop_is_never_refused(phase: Phase) -> None:
    """In no state is there a sentence that says: not now."""
    assert objection(at_phase(phase).state, ev.StopAsked(actor=None, source="screen")) is None


# After the end


def test_the_questions_of_the_end_are_asked_and_the_record_is_closed() -> None:
    """Pain after, then the signature; the last answer closes."""
    person = at_phase(Phase.ENDED)
    assert [GateAnswer] == [type(record) for record in records(person.answer("pain_after", "3"))]

    effects = person.answer("sign", "signed")

    assert [GateAnswer, SessionSigned, SessionClosed] == [type(record) for record in records(effects)]
    assert next_gate(person.state) is None


def test_not_signing_is_an_answer_and_no_signature() -> None:
    """A record can be closed unsigned; it must not look signed."""
    person = at_phase(Phase.ENDED)
    person.answer("pain_after", "3")

    assert [GateAnswer, SessionClosed] == [type(record) for record in records(person.answer("sign", "not-signed"))]


def test_where_nothing_was_given_nothing_is_asked_after() -> None:
    """A refused start has no skin to look at."""
    person = Person()
    person.stop()

    assert next_gate(person.state) is None


def test_a_late_answer_that_nobody_asked_for_changes_no_phase() -> None:
    """Asked past the objection, as by an old record: noted, and nothing begins."""
    person = at_phase(Phase.RUNNING)
    effects = person.feed(answered("confirm", "start"))

    assert Phase.RUNNING is where(person)
    assert [GateAnswer] == [type(record) for record in records(effects)]


def test_a_session_begins_with_its_first_question() -> None:
    """No output, no deadline but that of the questions."""
    state = begin(ESTIM, "therapist")

    assert (Phase.CHECKING, T0_NS + 1_800_000 * NS_PER_MS) == (state.phase, state.deadline_ns)
