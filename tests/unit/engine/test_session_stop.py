"""How a session stops, ends and pauses: Off first, off proved, time kept."""

import pytest

from devices.model import NEVER_NS, NS_PER_S, Direction, Fault, Off, Output
from modctl.engine import events as ev
from modctl.engine.effects import Append, Command, Latch, Quench
from modctl.engine.machine import Outcome, Phase
from modctl.engine.phases import OVER
from modctl.engine.session import wakeup_ns
from modctl.records import (
    Alarm,
    SessionEnded,
    SessionPaused,
    SessionResumed,
)
from tests.unit.engine.made import T0_NS, Person, at_phase, offs, raises, records, setup, where

MAY_STOP = (Phase.ARMED, Phase.STARTING, Phase.RUNNING, Phase.PAUSING, Phase.PAUSED, Phase.RESUMING, Phase.STOPPING)


def ended(person: Person) -> SessionEnded:
    """The session's last entry; there must be exactly one of its kind."""
    found = [record for record in records(person.effects) if isinstance(record, SessionEnded)]
    assert 1 == len(found)
    return found[0]


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
