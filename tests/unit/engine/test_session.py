"""A session from its first question to its end: gates, start, stop, pause; what each step may and may not do."""

import pytest

from devices.model import NS_PER_MS, NS_PER_S, Direction, Fault, Off, Output
from modctl.engine import events as ev
from modctl.engine.effects import Append, Command, Latch, Quench
from modctl.engine.machine import Outcome, Phase
from modctl.engine.phases import NEVER_NS, OVER
from modctl.engine.session import begin, next_gate, objection, wakeup_ns
from modctl.records import (
    Alarm,
    GateAnswer,
    SessionClosed,
    SessionEnded,
    SessionPaused,
    SessionRefused,
    SessionResumed,
    SessionSigned,
    SessionStarted,
    SetpointCommanded,
)
from tests.unit.engine.made import ESTIM, T0_NS, Person, at_phase, offs, raises, records, setup, where

MAY_STOP = (Phase.ARMED, Phase.STARTING, Phase.RUNNING, Phase.PAUSING, Phase.PAUSED, Phase.RESUMING, Phase.STOPPING)


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


@pytest.mark.parametrize("phase", [Phase.CHECKING, Phase.ARMED, Phase.PAUSED])
def test_a_unit_that_is_off_changes_nothing(phase: Phase) -> None:
    """Off is what these phases expect."""
    person = at_phase(phase)

    assert () == tuple(person.see(Output.OFF))
    assert phase is person.state.phase


# Stop


@pytest.mark.parametrize("phase", MAY_STOP)
def test_stop_is_off_first_in_every_phase_in_which_something_could_be_on(phase: Phase) -> None:
    """A stop's first effect is Off; nothing is charted, asked or waited for before it."""
    person = at_phase(phase)
    effects = person.stop()

    assert Phase.STOPPING is where(person)
    assert Command(unit="u1", setpoint=Off(fast=False)) == effects[0]


@pytest.mark.parametrize("phase", [Phase.ENDED, Phase.UNCONFIRMED])
def test_stop_after_the_end_is_taken_and_changes_nothing(phase: Phase) -> None:
    """What the unit still does is the unit machine's matter; the record is closed."""
    person = at_phase(phase)

    assert () == tuple(person.stop())


def test_stop_while_questions_are_open_ends_without_a_command() -> None:
    """Nothing was on; the request is over."""
    person = Person()
    effects = person.stop()

    assert ([SessionEnded], "stop:screen") == ([type(record) for record in records(effects)], ended(person).reason)


def test_the_second_press_of_stop_sends_off_again_and_can_be_faster() -> None:
    """Traction releases at its set rate first; whoever presses again wants it now."""
    person = at_phase(Phase.STOPPING)
    effects = person.feed(ev.StopAsked(actor=None, source="screen", fast=True))

    assert [Off(fast=True)] == [command.setpoint for command in offs(effects)]


@pytest.mark.parametrize("again", ["stop", "fault"])
def test_the_stop_deadline_is_set_once(again: str) -> None:
    """Pressing again, or a fault on the way, must not put the alarm off."""
    person = at_phase(Phase.STOPPING)
    deadline_ns = person.state.deadline_ns
    person.wait(500)
    if again == "stop":
        person.stop()
    else:
        person.feed(ev.HostStalled(by_ms=500))

    assert deadline_ns == person.state.deadline_ns == wakeup_ns(person.state)


REASONS: dict[str, Outcome] = {
    "done": Outcome.COMPLETED,
    "stop": Outcome.STOPPED,
    "fault": Outcome.FAULTED,
    "deadline": Outcome.UNCONFIRMED,
}


@pytest.mark.parametrize("first", ["done", "stop", "fault"])
@pytest.mark.parametrize("second", ["stop", "fault", "deadline"])
def test_the_worst_reason_wins_whichever_came_first(first: str, second: str) -> None:
    """The chart names the worst that happened, not the last."""
    person = at_phase(Phase.RUNNING)
    for reason in (first, second):
        match reason:
            case "done":
                person.serve(20_000)
            case "stop":
                person.stop()
            case "fault":
                person.feed(ev.HostStalled(by_ms=500))
            case _:
                person.tick_when_wanted()
    if second != "deadline":
        person.confirm_off()

    worst = max((REASONS[first], REASONS[second]), key=list(Outcome).index)
    assert worst == ended(person).outcome


def test_a_fault_while_stopping_is_an_alarm_too() -> None:
    """What turned a stop into a fault must not be found in the record alone."""
    person = at_phase(Phase.STOPPING)
    effects = person.feed(ev.HostStalled(by_ms=500))

    assert [Alarm(alarm="host_stalled", priority="high", text="")] == records(effects)


def test_off_needs_two_samples_asked_after_the_acknowledgement() -> None:
    """One sample can be a lucky one; one asked before the stop says nothing about it."""
    person = at_phase(Phase.STOPPING)
    person.wait(10)
    person.see(Output.OFF)
    person.see(Output.OFF)
    assert Phase.STOPPING is where(person)  # nothing is acknowledged yet

    person.ack_off()
    acked_ns = person.now_ns
    person.wait(10)
    person.see(Output.OFF, asked_ns=acked_ns - 1)
    person.see(Output.OFF, asked_ns=acked_ns)
    assert Phase.STOPPING is where(person)  # the first of the two was asked too early

    person.see(Output.OFF)

    assert Phase.ENDED is where(person)


@pytest.mark.parametrize("between", [Output.ENERGIZED, Output.SUSPENDED, Output.UNKNOWN])
def test_the_two_samples_are_consecutive(between: Output) -> None:
    """Off, something else, off is not off."""
    person = at_phase(Phase.STOPPING)
    person.ack_off()
    for output in (Output.OFF, between, Output.OFF):
        person.wait(10)
        person.see(output)
    assert Phase.STOPPING is where(person)

    person.wait(10)
    person.see(Output.OFF)

    assert Phase.ENDED is where(person)


def test_a_second_acknowledgement_does_not_begin_the_count_again() -> None:
    """Off is repeated; the proof is not."""
    person = at_phase(Phase.STOPPING)
    person.ack_off()
    person.wait(10)
    person.see(Output.OFF)
    person.ack_off()
    person.wait(10)
    person.see(Output.OFF)

    assert Phase.ENDED is where(person)


def test_how_long_off_took_is_counted_from_the_decision() -> None:
    """What the patient waits for begins with the press, not with the frame."""
    person = at_phase(Phase.STOPPING)
    person.wait(40)
    person.confirm_off()

    assert 144 == ended(person).off_after_ms


def test_a_missed_deadline_is_unconfirmed_and_goes_on_trying() -> None:
    """Quench, alarm, record, latch: in this order, and never called off."""
    person = at_phase(Phase.STOPPING)
    effects = person.tick_when_wanted()

    assert Quench(unit="u1", lease_ms=2_000) == effects[0]
    assert [Alarm, SessionEnded] == [type(record) for record in records(effects)]
    assert Latch(unit="u1", reason="off_not_confirmed:stop:screen") == effects[-1]
    assert ("unconfirmed", "stop:screen", None) == (
        ended(person).outcome,
        ended(person).reason,
        ended(person).off_after_ms,
    )


def test_off_seen_after_the_deadline_does_not_reopen_the_record() -> None:
    """Unconfirmed stays; the later confirmation is the unit's own entry."""
    person = at_phase(Phase.UNCONFIRMED)
    person.confirm_off()

    assert Phase.UNCONFIRMED is where(person)
    assert "unconfirmed" == ended(person).outcome


@pytest.mark.parametrize("phase", OVER)
def test_what_is_over_asks_for_no_tick(phase: Phase) -> None:
    """A finished session costs nothing."""
    person = at_phase(phase)

    assert NEVER_NS == wakeup_ns(person.state)
    assert () == tuple(person.tick())


@pytest.mark.parametrize(("outcome", "latches"), [("stopped", 0), ("faulted", 1)])
def test_a_fault_latches_the_unit_and_a_stop_does_not(outcome: str, latches: int) -> None:
    """Somebody must look at a unit that failed; not at one that was stopped."""
    person = at_phase(Phase.RUNNING)
    if outcome == "faulted":
        person.fault(Fault.REBOOTED)
    else:
        person.stop()
    effects = person.confirm_off()

    assert latches == sum(isinstance(effect, Latch) for effect in effects)
    assert outcome == ended(person).outcome


# The end of the time


def test_the_planned_time_is_delivered_to_the_tick() -> None:
    """Not a contraction less, not a second more."""
    person = at_phase(Phase.RUNNING)
    person.serve(20_000)
    assert (Phase.STOPPING, Outcome.COMPLETED) == (person.state.phase, person.state.outcome)

    person.confirm_off()

    record = ended(person)
    assert ("completed", "planned_time", 20_000, 20_000) == (
        record.outcome,
        record.reason,
        record.planned_ms,
        record.delivered_ms,
    )


def test_the_end_of_the_time_releases_at_the_set_rate() -> None:
    """The end is not an emergency."""
    person = at_phase(Phase.RUNNING)
    person.serve(20_000)

    assert [Off(fast=False)] == [command.setpoint for command in offs(person.effects)]


@pytest.mark.parametrize(
    ("planned_s", "limit_s"),
    [(20, 43), (600, 1_203), (601, 1_204), (3_600, 4_203)],
)
def test_a_session_that_does_not_get_on_is_stopped_by_the_clock(planned_s: int, limit_s: int) -> None:
    """Planned and ten minutes, or twice, whichever is less, and the time of a start."""
    person = at_phase(Phase.RUNNING, setup(planned_ns=planned_s * NS_PER_S))
    person.pause()
    assert T0_NS + limit_s * NS_PER_S == wakeup_ns(person.state)

    person.tick_when_wanted()

    assert (Phase.STOPPING, Outcome.STOPPED, "elapsed_limit") == (
        person.state.phase,
        person.state.outcome,
        person.state.reason,
    )


def test_the_clock_of_the_whole_is_not_set_anew_by_a_pause() -> None:
    """Pausing for ever is not a way around it."""
    person = at_phase(Phase.RUNNING)
    limit_ns = person.state.elapsed_limit_ns
    person.serve(2_000)
    person.pause()
    person.resume()
    person.charted("resumed")

    assert limit_ns == person.state.elapsed_limit_ns


# Pause


def test_a_pause_is_off_and_charted_when_off_is_confirmed() -> None:
    """*Paused* is a claim about the patient's skin."""
    person = at_phase(Phase.RUNNING)
    effects = person.feed(ev.PauseAsked(actor="therapist"))
    assert ([Off(fast=False)], []) == ([command.setpoint for command in offs(effects)], records(effects))

    effects = person.confirm_off()

    assert [SessionPaused(reason="pause")] == records(effects)
    assert Phase.PAUSED is where(person)


def test_a_pause_that_is_not_confirmed_becomes_a_stop() -> None:
    """Off that is not seen is never a pause."""
    person = at_phase(Phase.PAUSING)
    paused_ns = person.now_ns
    person.tick_when_wanted()

    assert (paused_ns + NS_PER_S, Phase.STOPPING, "pausing_timeout") == (
        person.now_ns,
        person.state.phase,
        person.state.reason,
    )


def test_time_stands_while_paused() -> None:
    """A pause is not treatment, and the plan goes on where it was."""
    person = at_phase(Phase.RUNNING)
    person.serve(4_000)
    person.pause()
    person.wait(5_000)
    person.resume()
    person.charted("resumed")
    person.serve(16_500)
    person.confirm_off()

    record = ended(person)
    assert ("completed", 20_000, 5_000) == (record.outcome, record.delivered_ms, record.paused_ms)


def test_resume_waits_for_its_durable_entry() -> None:
    """A person's charted act, then the ramp; never the other way round."""
    person = at_phase(Phase.PAUSED)
    effects = person.resume()
    append = effects[-1]
    assert isinstance(append, Append)
    assert (SessionResumed(), "resumed", "therapist") == (append.draft.data, append.await_as, append.draft.actor)
    assert [] == raises(effects)

    assert 1 == len(raises(person.charted("resumed")))


def test_a_resume_that_never_gets_durable_ends() -> None:
    """Three seconds, as for a start."""
    person = at_phase(Phase.RESUMING)
    person.tick_when_wanted()

    assert (Phase.STOPPING, "resuming_timeout") == (person.state.phase, person.state.reason)


@pytest.mark.parametrize("output", [Output.ENERGIZED, Output.SUSPENDED])
def test_output_while_paused_is_a_fault(output: Output) -> None:
    """Nobody asked for it; the relay may be stuck."""
    person = at_phase(Phase.PAUSED)
    person.see(output)

    assert (Phase.STOPPING, "uncommanded_output") == (person.state.phase, person.state.reason)


def test_nothing_but_a_person_resumes() -> None:
    """Whatever else arrives while paused: no command that energizes."""
    person = at_phase(Phase.PAUSED)
    before = len(person.effects)
    person.see(Output.OFF)
    person.charted("started")
    person.ack()
    person.ack_off()
    person.feed(ev.WriterLate(by_ms=0))
    person.ride(Direction.UP)
    person.tick()

    assert [] == raises(person.effects[before:])
    assert Phase.PAUSED is where(person)


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
