"""A session while something is energized: what samples, acknowledgements, the line and the clock do to it."""

import msgspec
import pytest

from devices.limits import Limit
from devices.model import NS_PER_MS, NS_PER_S, Contact, Direction, Fault, Off, Output
from devices.plan import Plan, Segment
from modctl.engine import events as ev
from modctl.engine.machine import Outcome, Phase
from modctl.engine.phases import LIVE
from modctl.engine.session import objection, wakeup_ns
from modctl.engine.setup import Setup
from modctl.records import Alarm, DoseBound, SessionEnded, SessionPaused
from tests.unit.engine.made import ESTIM, ULTRASOUND, Person, at_phase, offs, raises, records, setup, where

ROUNDS = Plan(
    segments=(
        Segment(duration_ms=1_000, from_permille=1_000, to_permille=1_000),
        Segment(duration_ms=2_000, from_permille=0, to_permille=0),
    )
)


def ultrasound(*limits: Limit, **changes: object) -> Person:
    """A running ultrasound session at its first step, with these limits."""
    return at_phase(Phase.RUNNING, setup(ULTRASOUND, limits=limits, **changes))


def at_level(person: Person, level: int) -> None:
    """Serve the session until it has ramped to a level and settled."""
    person.serve(4_000)
    assert level == person.state.riding.level


def why(person: Person) -> tuple[Phase, str]:
    """Where the session is, and why."""
    return person.state.phase, person.state.reason


# Contact


def test_lost_contact_is_off_and_stays_off_for_stimulation() -> None:
    """Off, an alarm, and *paused* when off is confirmed: nothing comes back by itself."""
    person = at_phase(Phase.RUNNING)
    effects = person.see(Output.ENERGIZED, contact=Contact.OPEN)
    assert [Off(fast=False)] == [command.setpoint for command in offs(effects)]
    assert [Alarm(alarm="contact_lost", priority="medium", text="")] == records(effects)

    person.confirm_off()
    before = len(person.effects)
    for _ in range(50):
        person.wait(100)
        person.see(Output.OFF, contact=Contact.GOOD)
        person.tick()

    assert Phase.PAUSED is where(person)
    assert [] == raises(person.effects[before:])
    assert SessionPaused(reason="contact_lost") in records(person.effects)


def test_after_lost_contact_a_person_begins_at_rest() -> None:
    """Not at the level that was: the pad may lie elsewhere now."""
    person = at_phase(Phase.RUNNING)
    person.serve(3_000)
    person.see(Output.ENERGIZED, contact=Contact.OPEN)
    person.confirm_off()
    before = len(person.levels)
    person.resume()
    person.charted("resumed")
    person.serve(5_000)

    assert [0] == person.levels[before:]


@pytest.mark.parametrize("phase", LIVE)
def test_lost_contact_counts_in_every_phase_that_energizes(phase: Phase) -> None:
    """In the first ramp as well as in the last minute."""
    person = at_phase(phase)
    if phase is Phase.RESUMING:
        person.charted("resumed")
    if phase is not Phase.RUNNING:
        person.wait(2)
        person.ack()
    person.wait(1)
    person.see(Output.ENERGIZED, contact=Contact.OPEN)

    assert Phase.PAUSING is where(person)


def suspend(person: Person, milliseconds: int) -> None:
    """No coupling for so long: samples each 100 ms, ticks when they are wanted."""
    until_ns = person.now_ns + milliseconds * NS_PER_MS
    while person.now_ns < until_ns and person.state.phase is Phase.RUNNING:
        person.now_ns = min(until_ns, person.sampled_ns + 100 * NS_PER_MS, max(person.now_ns, wakeup_ns(person.state)))
        if person.now_ns >= person.sampled_ns + 100 * NS_PER_MS:
            person.see(Output.SUSPENDED, contact=Contact.OPEN, intensity_mw_cm2=0)
        if wakeup_ns(person.state) <= person.now_ns:
            person.tick()


def test_a_lost_coupling_is_an_alarm_after_its_time_and_a_stop_after_more() -> None:
    """10 s to look up, 60 s to come back; not a moment earlier, and the alarm once."""
    person = ultrasound(planned_ns=3_600 * NS_PER_S)
    at_level(person, 500)
    person.wait(100)
    person.see(Output.SUSPENDED, contact=Contact.OPEN, intensity_mw_cm2=0)
    lost_ns = person.now_ns
    before = len(person.effects)
    suspend(person, 9_999)
    assert [] == [record for record in records(person.effects[before:]) if isinstance(record, Alarm)]

    suspend(person, 1)
    assert Alarm(alarm="coupling_lost", priority="medium", text="") == records(person.effects)[-1]

    suspend(person, 80_000)
    assert (lost_ns + 60 * NS_PER_S, Phase.STOPPING, "contact_lost") == (person.now_ns, *why(person))
    assert 1 == records(person.effects).count(Alarm(alarm="coupling_lost", priority="medium", text=""))


@pytest.mark.parametrize("output", [Output.SUSPENDED, Output.ENERGIZED])
def test_while_uncoupled_nothing_is_raised(output: Output) -> None:
    """The ramp waits for the head to be back; coming back higher than it left is a shock."""
    person = ultrasound(planned_ns=3_600 * NS_PER_S)
    person.wait(10)
    person.see(output, contact=Contact.OPEN, intensity_mw_cm2=0)
    before = len(person.levels)
    for _ in range(50):
        person.wait(100)
        person.see(output, contact=Contact.OPEN, intensity_mw_cm2=0)
        person.tick()
    assert before == len(person.levels)

    person.wait(100)
    person.see_commanded()
    person.serve(4_000)

    assert 500 == person.levels[-1]


def test_up_is_refused_while_uncoupled() -> None:
    """Turning it up because nothing is felt is how burns begin."""
    person = ultrasound()
    person.see(Output.SUSPENDED, contact=Contact.OPEN, intensity_mw_cm2=0)
    up, down = (ev.LevelAsked(actor="therapist", direction=each) for each in (Direction.UP, Direction.DOWN))

    assert "There is no contact: no raise until it is back." == objection(person.state, up)
    assert objection(person.state, down) is None


def test_while_uncoupled_time_stands() -> None:
    """Gel in the air is no treatment."""
    person = ultrasound()
    at_level(person, 500)
    delivered_ns = person.state.ledger.delivered_ns
    person.see(Output.SUSPENDED, contact=Contact.OPEN, intensity_mw_cm2=0)
    delivered_ns = person.state.ledger.delivered_ns
    suspend(person, 5_000)

    assert delivered_ns == person.state.ledger.delivered_ns
    assert 5_000 * NS_PER_MS == person.state.ledger.no_contact_ns


def test_coupling_that_came_back_begins_the_clock_anew() -> None:
    """Two short gaps are not one long one; the unit came back by itself and the host raised nothing."""
    person = ultrasound()
    at_level(person, 500)
    before = len(person.levels)
    suspend(person, 9_000)
    person.wait(100)
    person.see_commanded()
    suspend(person, 9_000)

    assert Phase.RUNNING is where(person)
    assert [] == [record for record in records(person.effects) if isinstance(record, Alarm)]
    assert before == len(person.levels)


# The line


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.LOST, "line_lost"),
        (Fault.STUCK, "line_stuck"),
        (Fault.REBOOTED, "unit_rebooted"),
        (Fault.FROZEN, "readings_frozen"),
        (Fault.MISMATCH, "unit_exchanged"),
        (Fault.FOREIGN, "foreign_answer"),
        (Fault.REFUSED, "unit_refused"),
    ],
)
@pytest.mark.parametrize("phase", [Phase.ARMED, Phase.STARTING, Phase.RUNNING, Phase.PAUSED])
def test_what_makes_a_unit_another_one_ends_the_session(fault: Fault, reason: str, phase: Phase) -> None:
    """Nothing may be believed of it any more."""
    person = at_phase(phase)
    person.fault(fault)

    assert (Phase.STOPPING, Outcome.FAULTED, reason) == (person.state.phase, person.state.outcome, person.state.reason)


@pytest.mark.parametrize("fault", [Fault.TIMEOUT, Fault.CORRUPT, Fault.MALFORMED, Fault.LATE])
def test_a_lost_answer_leaves_doubt_that_time_settles(fault: Fault) -> None:
    """One bad frame is no reason to stop a treatment; a second without data is."""
    person = at_phase(Phase.RUNNING)
    person.fault(fault)

    assert Phase.RUNNING is where(person)


@pytest.mark.parametrize("fault", [Fault.TIMEOUT, Fault.CORRUPT, Fault.MALFORMED, Fault.LATE])
@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.RUNNING])
def test_a_lost_answer_to_a_command_ends_the_session(fault: Fault, phase: Phase) -> None:
    """Nobody knows whether the step is in force, and it is not sent again."""
    person = at_phase(phase)
    if phase is Phase.RUNNING:
        person.wait(400)
        person.see_commanded()
    person.fault(fault)

    assert (Phase.STOPPING, "command_unanswered") == why(person)


@pytest.mark.parametrize("phase", [Phase.CHECKING, Phase.PAUSING, Phase.STOPPING, Phase.ENDED, Phase.UNCONFIRMED])
def test_on_the_way_to_off_the_line_changes_nothing(phase: Phase) -> None:
    """Off is repeated until it is seen, or the deadline says that it was not."""
    person = at_phase(phase)
    person.fault(Fault.LOST)

    assert phase is person.state.phase


def test_a_resume_that_is_not_durable_yet_has_no_command_to_be_unanswered() -> None:
    """A lost status answer in between is doubt, not a fault."""
    person = at_phase(Phase.RESUMING)
    person.fault(Fault.TIMEOUT)

    assert Phase.RESUMING is where(person)


# Time


@pytest.mark.parametrize(("age_ns", "stops"), [(NS_PER_S, False), (NS_PER_S + 1, True)])
def test_a_second_without_a_sample_is_a_fault(age_ns: int, stops: bool) -> None:
    """At the bound it still counts; one nanosecond later it is off."""
    person = at_phase(Phase.RUNNING)
    sampled_ns = person.now_ns
    person.now_ns = sampled_ns + age_ns
    person.tick()

    assert stops is (person.state.phase is Phase.STOPPING)


def test_the_session_asks_to_be_woken_when_its_sample_gets_old() -> None:
    """Silence is found by the clock, not by the next sample."""
    person = at_phase(
        Phase.RUNNING, setup(planned_ns=3_600 * NS_PER_S, level=msgspec.structs.replace(ESTIM.level, start=500))
    )

    assert person.sampled_ns + NS_PER_S + 1 == wakeup_ns(person.state)


def test_time_without_samples_is_unknown_not_delivered() -> None:
    """Since the last sample nobody knows; the record says so."""
    person = at_phase(Phase.RUNNING)
    person.serve(1_900)
    person.now_ns = person.sampled_ns + NS_PER_S + 1
    person.tick()
    person.confirm_off()
    record = records(person.effects)[-1]

    assert isinstance(record, SessionEnded)
    assert ("no_data", 1_000) == (record.reason, record.unknown_ms)
    assert record.delivered_ms < 2_100


# What stops every session


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (ev.GateBroken(why="bug"), "frame_held"),
        (ev.HostStalled(by_ms=301), "host_stalled"),
        (ev.ChartFailed(why="disk full"), "chart_failed"),
        (ev.WriterLate(by_ms=2_000), "chart_behind"),
        (ev.WriterLate(by_ms=60_000), "chart_behind"),
    ],
)
@pytest.mark.parametrize("phase", [*LIVE, Phase.ARMED, Phase.PAUSING, Phase.PAUSED])
def test_a_fault_of_the_house_stops_in_every_phase(event: ev.SessionEvent, reason: str, phase: Phase) -> None:
    """What cannot be proved or watched is not given."""
    person = at_phase(phase)
    effects = person.feed(event)

    assert (Phase.STOPPING, Outcome.FAULTED, reason) == (person.state.phase, person.state.outcome, person.state.reason)
    assert offs(effects) == [effects[0]]


def test_a_writer_a_little_less_late_does_not_stop() -> None:
    """Two seconds is the bound, and it is a bound."""
    person = at_phase(Phase.RUNNING)
    person.feed(ev.WriterLate(by_ms=1_999))

    assert Phase.RUNNING is where(person)


@pytest.mark.parametrize(
    ("attended", "phase", "after"),
    [
        (True, Phase.RUNNING, Phase.STOPPING),
        (True, Phase.PAUSED, Phase.STOPPING),
        (True, Phase.ARMED, Phase.STOPPING),
        (True, Phase.CHECKING, Phase.ENDED),
        (False, Phase.RUNNING, Phase.RUNNING),
        (False, Phase.ARMED, Phase.ARMED),
        (False, Phase.CHECKING, Phase.ENDED),
    ],
)
def test_a_lost_screen_stops_where_a_person_must_stay(attended: bool, phase: Phase, after: Phase) -> None:
    """And ends the questions everywhere: there is nobody to answer them."""
    person = at_phase(phase, setup(attended=attended))
    person.feed(ev.AttendanceLost(why="closed"))

    assert after is person.state.phase


def test_the_dose_has_two_bounds_where_the_unit_left_doubt() -> None:
    """Ultrasound at half duty: the energy that was given lies between them."""
    person = ultrasound()
    person.serve(20_000)
    person.confirm_off()
    record = records(person.effects)[-1]

    assert isinstance(record, SessionEnded)
    dose = record.dose[0]
    assert ("spatial_average_energy", "mJ/cm2") == (dose.quantity, dose.unit)
    assert 4_500 < dose.lower <= dose.upper < 5_000  # 500 mW/cm² at half duty for 20 s less the ramp, and the stop


@pytest.mark.parametrize(
    ("modality", "settings", "quantity", "unit", "lower", "upper"),
    [
        ("estim", (), "level_time", "uA.s", 10_000, 10_102),
        ("estim", (("duty_permille", 1_000),), "level_time", "uA.s", 10_000, 10_102),
        ("estim", (("duty_permille", 500),), "level_time", "uA.s", 5_000, 5_051),
        ("estim", (("duty_permille", 1),), "level_time", "uA.s", 10, 11),
    ],
)
def test_the_dose_is_level_by_time_by_the_share_with_output(
    modality: str, settings: tuple[tuple[str, int], ...], quantity: str, unit: str, lower: int, upper: int
) -> None:
    """500 µA for 20 s, and at most for the 204 ms until off was seen: rounded down below, rounded up above."""
    level = msgspec.structs.replace(ESTIM.level, start=500)
    person = Person(setup(modality=modality, settings=settings, level=level))
    person.run()
    person.serve(20_000)
    person.confirm_off()
    (record,) = [one for one in records(person.effects) if isinstance(one, SessionEnded)]

    assert (DoseBound(quantity=quantity, lower=lower, upper=upper, unit=unit),) == record.dose


def test_the_dose_of_bursts_is_that_of_their_share_of_time() -> None:
    """Where the pauses are told as a burst and its period, a tenth of the time is a tenth of the energy."""
    whole = ultrasound(settings=(("duty_permille", 1_000), ("frequency_khz", 1_000)))
    bursts = ultrasound(settings=(("burst_us", 1_000), ("frequency_khz", 1_000), ("period_us", 10_000)))
    doses = []
    for person in (whole, bursts):
        person.serve(20_000)
        person.confirm_off()
        record = records(person.effects)[-1]
        assert isinstance(record, SessionEnded)
        doses.append(record.dose[0].lower)

    assert doses[0] // 10 == doses[1]


@pytest.mark.parametrize("modality", ["heat", "made-up"])
def test_a_modality_without_a_dose_states_none(modality: str) -> None:
    """A number that means nothing is worse than none."""
    person = at_phase(Phase.ENDED, setup(modality=modality))
    record = next(record for record in records(person.effects) if isinstance(record, SessionEnded))

    assert () == record.dose


def test_contractions_are_whole_rounds() -> None:
    """A contraction that was cut off is not counted; a plan without rounds has none."""
    plain = at_phase(Phase.ENDED)
    made: Setup = setup(plan=ROUNDS, planned_ns=10 * NS_PER_S)
    cycling = at_phase(Phase.RUNNING, made)
    cycling.serve(10_000)
    cycling.confirm_off()

    assert [None, 3] == [
        record.contractions
        for person in (plain, cycling)
        for record in records(person.effects)
        if isinstance(record, SessionEnded)
    ]
