"""What entering each phase sets and asks for, to the field: off is proved anew, the last entry adds up."""

import msgspec
import pytest

from devices.limits import Dose, Mark, Max
from devices.model import NEVER_NS, NS_PER_MS, NS_PER_S, Contact, ObservedAs, Off, Output
from modctl.engine import events as ev
from modctl.engine.effects import Append, Command, Latch, Quench
from modctl.engine.machine import Outcome, Phase
from modctl.engine.phases import begin_ended
from modctl.engine.session import wakeup_ns
from modctl.engine.warmth import Warmth
from modctl.records import Alarm, DoseBound, Draft, Quantity, SessionEnded, SessionRefused, SetpointCommanded
from tests.unit.engine.made import ESTIM, ULTRASOUND, Person, at_phase, records, setup, where


def ended(person: Person) -> SessionEnded:
    """The session's last entry."""
    (record,) = [one for one in records(person.effects) if isinstance(one, SessionEnded)]
    return record


def test_the_start_is_charted_under_the_name_of_who_confirmed_it() -> None:
    """And waited for: nothing is energized before it is durable."""
    person = Person(ESTIM)
    effects = person.arm()

    assert Append(draft=Draft(data=ESTIM.started, session="s1", actor="therapist"), await_as="started") == effects[-1]


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.RUNNING, Phase.PAUSED, Phase.RESUMING])
def test_the_off_of_a_fault_is_the_fastest(phase: Phase) -> None:
    """Nobody knows what the unit is doing: traction lets go at once instead of at its set rate."""
    person = at_phase(phase)
    effects = person.feed(ev.HostStalled(by_ms=500))

    assert Command(unit="u1", setpoint=Off(fast=True)) == effects[0]


# Off is proved anew by every pause and every stop


def paused_before(phase: Phase) -> Person:
    """A running session with a pause behind it, on its way to off for the second time."""
    person = at_phase(Phase.RESUMING)
    person.charted("resumed")
    person.wait(2)
    person.ack()
    person.wait(100)
    person.see_commanded()
    assert Phase.RUNNING is where(person)
    if phase is Phase.PAUSING:
        person.feed(ev.PauseAsked(actor="therapist"))
    else:
        person.stop()
    return person


@pytest.mark.parametrize(("phase", "after"), [(Phase.PAUSING, Phase.PAUSED), (Phase.STOPPING, Phase.ENDED)])
def test_the_proof_of_an_earlier_pause_counts_for_nothing(phase: Phase, after: Phase) -> None:
    """Neither its acknowledgement nor its samples: this Off may be the one that was lost."""
    person = paused_before(phase)
    for _ in range(3):
        person.wait(10)
        person.see(Output.OFF)
    assert phase is where(person)  # nothing is acknowledged yet

    person.ack_off()
    person.wait(10)
    person.see(Output.OFF)
    assert phase is where(person)  # one sample can be a lucky one

    person.wait(10)
    person.see(Output.OFF)
    assert after is where(person)


def test_a_stop_while_pausing_is_proved_anew() -> None:
    """Half of the pause's proof is no proof of the stop."""
    person = at_phase(Phase.PAUSING)
    person.ack_off()
    person.wait(10)
    person.see(Output.OFF)
    person.stop()
    for _ in range(2):
        person.wait(10)
        person.see(Output.OFF)
    assert Phase.STOPPING is where(person)

    person.ack_off()
    person.wait(10)
    person.see(Output.OFF)
    assert Phase.STOPPING is where(person)

    person.wait(10)
    person.see(Output.OFF)
    assert Phase.ENDED is where(person)


def test_the_deadline_of_a_stop_while_pausing_is_its_own() -> None:
    """A pause that nobody waits for any more does not cut the stop's time, and does not add to it."""
    person = at_phase(Phase.PAUSING)
    person.wait(900)
    person.stop()

    assert person.now_ns + NS_PER_S == person.state.deadline_ns


# Every ramp from off begins anew


def causes(person: Person) -> list[str]:
    """Why each level was commanded, in order."""
    return [one.cause for one in records(person.effects) if isinstance(one, SetpointCommanded)]


def test_the_first_step_says_whether_it_is_a_start_or_a_resume() -> None:
    """A reader of the chart must see which of them somebody asked for."""
    person = at_phase(Phase.RUNNING)
    assert ["ramp"] == causes(person)[:1]

    person = at_phase(Phase.RESUMING)
    before = len(causes(person))
    person.charted("resumed")
    assert ["resume"] == causes(person)[before:]


def test_a_finding_before_a_pause_is_not_the_first_of_two_after_it() -> None:
    """Consecutive means without anything between: a pause is a new beginning."""
    twice = Max(id="m", parameter="intensity_mw_cm2", bound=80, source="t", mark=Mark.CHOSEN, confirm=2)
    level = msgspec.structs.replace(ULTRASOUND.level, start=80)
    person = Person(setup(ULTRASOUND, level=level, limits=(twice,)))
    person.run()
    person.see(Output.ENERGIZED, intensity_mw_cm2=81)
    person.pause()
    person.resume()
    person.charted("resumed")
    person.wait(2)
    person.ack()
    person.wait(100)
    person.see(Output.ENERGIZED, intensity_mw_cm2=81)
    assert Phase.STOPPING is not where(person)

    person.see(Output.ENERGIZED, intensity_mw_cm2=81)
    assert (Phase.STOPPING, "limit:m") == (where(person), person.state.reason)


def test_contact_that_was_lost_before_a_pause_is_looked_for_anew() -> None:
    """The time without it counts from the resume: an alarm at once would be about the pause."""
    person = at_phase(Phase.RUNNING, ULTRASOUND)
    person.see(Output.SUSPENDED, contact=Contact.OPEN, intensity_mw_cm2=0)
    person.pause()
    lost = person.state
    person.resume()
    person.charted("resumed")

    assert [True, False] == [state.contact_lost_ns is not None for state in (lost, person.state)]


def test_a_sample_of_before_the_ramp_does_not_grow_stale_in_it() -> None:
    """A start has three seconds of its own; what was seen while off is no reading of what was switched on."""
    person = at_phase(Phase.RESUMING)
    person.see(Output.OFF)
    person.charted("resumed")
    person.wait(1_500)
    person.tick()

    assert (Phase.RESUMING, person.state.deadline_ns) == (where(person), wakeup_ns(person.state))


def test_a_session_without_a_witness_waits_for_none() -> None:
    """There is no instrument beside the unit: no time of its last word either."""
    assert at_phase(Phase.RUNNING).state.witnessed_ns is None


# Over


@pytest.mark.parametrize("phase", [Phase.ENDED, Phase.UNCONFIRMED])
def test_what_is_over_waits_for_nothing(phase: Phase) -> None:
    """No deadline of it is left for anybody to read as one that still runs."""
    state = at_phase(phase).state

    assert [NEVER_NS] * 3 == [state.deadline_ns, state.elapsed_limit_ns, state.remind_ns]
    assert not state.ledger.is_energized


def test_an_unconfirmed_end_says_all_that_is_known_and_nothing_more() -> None:
    """Off at once and again, an alarm, the record, the latch; the second without an answer is nobody's treatment."""
    person = at_phase(Phase.STOPPING)
    effects = person.tick_when_wanted()
    record = ended(person)

    assert (
        Quench(unit="u1", lease_ms=2_000),
        Append(draft=Draft(data=Alarm(alarm="off_not_confirmed", priority="high", text=""), session="s1", actor=None)),
        Append(draft=Draft(data=record, session="s1", actor=None)),
        Latch(unit="u1", reason="off_not_confirmed:stop:screen"),
    ) == tuple(effects)
    assert (
        SessionEnded(
            outcome=Outcome.UNCONFIRMED,
            reason="stop:screen",
            planned_ms=20_000,
            delivered_ms=100,
            paused_ms=0,
            no_contact_ms=0,
            unknown_ms=1_000,
            energized_ms=1_102,
            off_after_ms=None,
            dose=(DoseBound(quantity="level_time", lower=50, upper=550, unit="uA.s"),),
        )
        == record
    )
    assert (Phase.UNCONFIRMED, Outcome.UNCONFIRMED) == (person.state.phase, person.state.outcome)


# The last entry


def test_the_last_entry_adds_up_to_the_whole_time() -> None:
    """Delivered, without contact, paused, and on: each in its place, in whole milliseconds."""
    person = Person(setup(ULTRASOUND, level=msgspec.structs.replace(ULTRASOUND.level, start=80)))
    person.run()
    person.serve(2_000)
    person.see(Output.SUSPENDED, contact=Contact.OPEN, intensity_mw_cm2=0)
    person.wait(700)
    person.see_commanded()
    person.serve(300)
    person.pause()
    person.wait(4_000)
    person.stop()
    person.confirm_off()

    assert SessionEnded(
        outcome=Outcome.STOPPED,
        reason="stop:screen",
        planned_ms=20_000,
        delivered_ms=2_400,
        paused_ms=4_000,
        no_contact_ms=700,
        unknown_ms=0,
        energized_ms=3_206,
        off_after_ms=104,
        dose=(DoseBound(quantity="spatial_average_energy", lower=96, upper=101, unit="mJ/cm2"),),
        reached=Quantity(80, "mW/cm2"),
    ) == ended(person)
    assert 104 == person.state.off_after_ms


def test_the_dose_of_warmth_is_its_sum() -> None:
    """In billionths of the full dose; there is no doubt in it that could part its bounds."""
    dose = Dose(id="dose", quantity="thermal_dose", bound=10**9, unit="[ppb]", source="t", mark=Mark.CHOSEN)
    person = at_phase(Phase.RUNNING, setup(limits=(dose,), observed=(("current_ua", ObservedAs.NONE),)))
    person.state = msgspec.structs.replace(person.state, warmth=Warmth(dose=123_456))
    person.stop()
    person.confirm_off()

    assert (DoseBound(quantity="thermal_dose", lower=123_456, upper=123_456, unit="[ppb]"),) == ended(person).dose


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ("unit_missing", SessionRefused(reason="unit_missing")),
        (SessionRefused(reason="limit", limit="usual"), SessionRefused(reason="limit", limit="usual")),
    ],
)
def test_a_session_that_never_was_has_its_reason_and_its_end(
    refused: SessionRefused | str, why: SessionRefused
) -> None:
    """Every request in the chart has an end; nothing of it was ever on."""
    nothing = SessionEnded(
        outcome=Outcome.STOPPED,
        reason="refused",
        planned_ms=1_200,
        delivered_ms=0,
        paused_ms=0,
        no_contact_ms=0,
        unknown_ms=0,
        energized_ms=0,
        off_after_ms=None,
    )

    assert tuple(
        Append(draft=Draft(data=data, session="s1", actor="therapist")) for data in (why, nothing)
    ) == begin_ended("s1", "therapist", refused, 1_200 * NS_PER_MS + 999_999)


def test_an_end_before_anything_was_on_took_no_time_to_off() -> None:
    """There was no decision to switch off: no number is made up for it."""
    person = Person(ESTIM)
    person.stop()

    assert (None, 0) == (ended(person).off_after_ms, ended(person).energized_ms)
