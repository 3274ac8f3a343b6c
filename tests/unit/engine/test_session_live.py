"""A session while something is energized: what samples, acknowledgements, the line and the clock do to it."""

import msgspec
import pytest

from devices.limits import Deviation, Limit, Mark, Max, Min, Stale
from devices.model import NS_PER_MS, NS_PER_S, Ack, AckOf, Contact, Direction, Fault, Levels, Off, Output
from devices.plan import Plan, Segment
from modctl.engine import events as ev
from modctl.engine.machine import Outcome, Phase
from modctl.engine.phases import LIVE
from modctl.engine.session import objection, wakeup_ns
from modctl.engine.setup import Setup
from modctl.records import Alarm, LimitBreached, Quantity, SessionEnded, SessionPaused
from tests.unit.engine.made import ESTIM, ULTRASOUND, Person, at_phase, offs, raises, records, setup, where

HEAD = Max(id="head", parameter="head_temp_mdegc", bound=41_000, source="made up", mark=Mark.TEXTBOOK)
FLOOR = Min(id="floor", parameter="intensity_mw_cm2", bound=0, source="made up", mark=Mark.CHOSEN)
MOST = Max(id="most", parameter="intensity_mw_cm2", bound=600, source="made up", mark=Mark.CHOSEN)
DEVIATES = Deviation(
    id="deviates",
    parameter="intensity_mw_cm2",
    permille=200,
    floor=50,
    settle_ms=300,
    source="made up",
    mark=Mark.CHOSEN,
)

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


# Samples


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.RESUMING])
def test_a_sample_from_before_the_acknowledgement_does_not_make_it_run(phase: Phase) -> None:
    """An old answer must not be taken for the unit's word about the new command."""
    person = at_phase(phase)
    if phase is Phase.RESUMING:
        person.charted("resumed")
    person.wait(10)
    person.see(Output.OFF)  # nothing is in force yet: off is what it must say
    person.ack()
    acked_ns = person.now_ns
    person.wait(10)
    person.see(Output.ENERGIZED, asked_ns=acked_ns - 1)
    assert phase is person.state.phase

    person.see(Output.ENERGIZED, asked_ns=acked_ns)

    assert Phase.RUNNING is where(person)


def test_an_acknowledgement_of_another_target_does_not_count() -> None:
    """What is in force is not what was wanted."""
    person = at_phase(Phase.STARTING)
    person.feed(ev.Acked(ack=Ack(at_ns=person.now_ns, of=AckOf.LEVELS, levels=Levels((("current_ua", 1),)))))

    assert person.state.riding.acked_ns is None


@pytest.mark.parametrize(("output", "reason"), [(Output.OFF, "unit_switched_off"), (Output.UNKNOWN, "output_unknown")])
def test_a_running_unit_that_does_not_say_so_ends_the_session(output: Output, reason: str) -> None:
    """Off by itself, or nobody knows: both are faults, and unknown is not off."""
    person = at_phase(Phase.RUNNING)
    person.see(output)

    assert (Phase.STOPPING, reason) == why(person)


def test_a_units_own_fault_word_ends_the_session() -> None:
    """The unit knows best."""
    person = at_phase(Phase.RUNNING)
    effects = person.see(Output.ENERGIZED, faults=("too hot", "other"))

    assert (Phase.STOPPING, "unit_fault:too hot") == why(person)
    assert [Alarm(alarm="unit_fault:too hot", priority="high", text="")] == records(effects)


def test_a_breach_is_off_first_then_alarm_then_the_limit() -> None:
    """Revoked and off before anything is written about it."""
    person = ultrasound(MOST)
    effects = person.see(Output.ENERGIZED, intensity_mw_cm2=601)

    assert offs(effects) == [effects[0]]
    assert [
        Alarm(alarm="limit:most", priority="high", text=""),
        LimitBreached(
            limit="most",
            finding="breach",
            observed=Quantity(601, "mW/cm2"),
            bound=Quantity(600, "mW/cm2"),
            source="made up",
        ),
    ] == records(effects)


@pytest.mark.parametrize(("observed", "breaks"), [(599, False), (600, False), (601, True), (None, True)])
def test_an_upper_bound_of_a_reading_is_inclusive_and_missing_is_a_finding(observed: int | None, breaks: bool) -> None:
    """A unit that measures and says nothing has said too little."""
    person = ultrasound(MOST)
    person.see(Output.ENERGIZED, intensity_mw_cm2=observed)

    assert breaks is (person.state.phase is Phase.STOPPING)


def test_a_missing_value_is_charted_as_missing() -> None:
    """Not as a number that nobody saw."""
    person = ultrasound(MOST)
    person.see(Output.ENERGIZED, intensity_mw_cm2=None)
    breached = [record for record in records(person.effects) if isinstance(record, LimitBreached)]

    assert [("missing", None)] == [(record.finding, record.observed) for record in breached]


def test_a_value_that_a_measuring_unit_leaves_out_is_missing_too() -> None:
    """Absent and empty are the same to a patient."""
    person = ultrasound(MOST)
    person.see(Output.ENERGIZED)

    assert (Phase.STOPPING, "limit:most") == why(person)


def test_what_a_unit_cannot_tell_is_not_missed() -> None:
    """A stimulator that measures no current is a stated residual, not a fault each 100 ms."""
    limit = Max(id="current", parameter="current_ua", bound=1, source="made up", mark=Mark.CHOSEN)
    person = at_phase(Phase.RUNNING, setup(limits=(limit,)))
    person.see(Output.ENERGIZED)

    assert Phase.RUNNING is where(person)


@pytest.mark.parametrize(("mdegc", "breaks"), [(41_000, False), (41_001, True), (None, True)])
def test_a_reading_beside_the_level_is_judged_when_it_is_told(mdegc: int | None, breaks: bool) -> None:
    """The head's temperature is nobody's set value and burns all the same."""
    person = ultrasound(HEAD)
    person.see(Output.ENERGIZED, intensity_mw_cm2=0, head_temp_mdegc=mdegc)

    assert breaks is (person.state.phase is Phase.STOPPING)


@pytest.mark.parametrize(("observed", "breaks"), [(1, False), (0, False), (-1, True), (None, True)])
def test_a_lower_bound_of_a_reading_is_inclusive(observed: int | None, breaks: bool) -> None:
    """As the upper one."""
    person = ultrasound(msgspec.structs.replace(FLOOR, parameter="head_temp_mdegc"))
    person.see(Output.ENERGIZED, intensity_mw_cm2=0, head_temp_mdegc=observed)

    assert breaks is (person.state.phase is Phase.STOPPING)


def test_the_mild_side_of_a_level_binds_what_is_set_and_not_what_is_reported() -> None:
    """A pull takes up slack from nothing, and a cold unit's water begins warm: both are on their way."""
    person = ultrasound(msgspec.structs.replace(FLOOR, bound=50))
    person.see(Output.ENERGIZED, intensity_mw_cm2=0)

    assert Phase.RUNNING is where(person)


@pytest.mark.parametrize(("output", "contact"), [(Output.SUSPENDED, Contact.OPEN), (Output.ENERGIZED, Contact.OPEN)])
def test_a_lower_bound_does_not_bind_a_unit_that_interrupted_itself(output: Output, contact: Contact) -> None:
    """A head in the air gives nothing, and must not."""
    limit = Min(id="least", parameter="head_temp_mdegc", bound=10, source="made up", mark=Mark.CHOSEN)
    person = ultrasound(limit)
    person.see(output, contact=contact, intensity_mw_cm2=0, head_temp_mdegc=0)

    assert Phase.RUNNING is where(person)


def test_limits_on_set_values_and_age_do_not_judge_samples() -> None:
    """Each kind has its own place."""
    person = ultrasound(Stale(id="stale", max_age_ms=1, source="made up", mark=Mark.CHOSEN))
    person.see_commanded()

    assert Phase.RUNNING is where(person)


def test_a_limit_can_ask_for_several_findings_in_a_row() -> None:
    """Noise of one sample is forgiven where its row says so; a good sample between begins the count anew."""
    limit = msgspec.structs.replace(MOST, confirm=3)
    person = ultrasound(limit)
    for intensity in (700, 700, 0, 700, 700):
        person.see(Output.ENERGIZED, intensity_mw_cm2=intensity)
    assert Phase.RUNNING is where(person)

    person.see(Output.ENERGIZED, intensity_mw_cm2=700)

    assert (Phase.STOPPING, "limit:most") == why(person)


# Deviation


@pytest.mark.parametrize(
    ("observed", "breaks"), [(400, False), (399, True), (600, False), (601, True), (500, False), (None, True)]
)
def test_a_settled_unit_does_what_it_was_told(observed: int | None, breaks: bool) -> None:
    """A fifth either way at 0.5 W/cm²; more is a unit that does something else."""
    person = ultrasound(DEVIATES)
    at_level(person, 500)
    person.see(Output.ENERGIZED, intensity_mw_cm2=observed)

    assert breaks is (person.state.phase is Phase.STOPPING)


@pytest.mark.parametrize(("after_ms", "breaks"), [(299, False), (300, True)])
def test_a_unit_has_its_time_to_follow_a_raise(after_ms: int, breaks: bool) -> None:
    """Until it has settled, too little is no finding."""
    person = ultrasound(
        msgspec.structs.replace(DEVIATES, floor=0), level=msgspec.structs.replace(ULTRASOUND.level, start=80)
    )
    person.wait(after_ms - 100)  # the first step was acknowledged 100 ms ago
    person.see(Output.ENERGIZED, intensity_mw_cm2=0)

    assert breaks is (person.state.phase is Phase.STOPPING)


def test_too_much_is_a_finding_while_the_unit_settles() -> None:
    """Settling excuses slowness, never excess."""
    person = ultrasound(DEVIATES)
    person.see(Output.ENERGIZED, intensity_mw_cm2=131)  # the first step is 80, its band reaches to 130

    assert (Phase.STOPPING, "limit:deviates") == why(person)


def test_while_a_lowered_unit_settles_the_level_before_is_allowed() -> None:
    """Coming down takes time too; above the level before it is a finding at once."""
    person = ultrasound(DEVIATES)
    at_level(person, 500)
    for _ in range(3):
        person.ride(Direction.DOWN)
    person.wait(2)
    person.ack()
    assert 200 == person.state.riding.level

    person.wait(100)
    person.see(Output.ENERGIZED, intensity_mw_cm2=360)  # 300 was commanded before; its band reaches to 360
    assert Phase.RUNNING is where(person)

    person.see(Output.ENERGIZED, intensity_mw_cm2=361)
    assert Phase.STOPPING is where(person)


def test_a_suspended_unit_gives_nothing_without_deviating_but_never_more() -> None:
    """Without coupling 0 is right; output that nobody asked for is not."""
    person = ultrasound(DEVIATES)
    at_level(person, 500)
    person.see(Output.SUSPENDED, contact=Contact.OPEN, intensity_mw_cm2=0)
    assert Phase.RUNNING is where(person)

    person.see(Output.SUSPENDED, contact=Contact.OPEN, intensity_mw_cm2=601)
    assert Phase.STOPPING is where(person)


def test_a_deviation_of_what_is_not_commanded_is_nobodys() -> None:
    """A row about a parameter that this session does not set has nothing to compare with."""
    limit = msgspec.structs.replace(DEVIATES, parameter="pressure_mmhg")
    person = ultrasound(limit, observed=(*ULTRASOUND.observed, ("pressure_mmhg", ULTRASOUND.observed[0][1])))
    person.see(Output.ENERGIZED, intensity_mw_cm2=0, pressure_mmhg=50)

    assert Phase.RUNNING is where(person)


def test_a_deviation_of_what_the_unit_does_not_report_is_passed_over() -> None:
    """The loader asks for a witness elsewhere."""
    limit = msgspec.structs.replace(DEVIATES, parameter="current_ua")
    person = at_phase(Phase.RUNNING, setup(limits=(limit,)))
    person.see(Output.ENERGIZED)

    assert Phase.RUNNING is where(person)


# Samples that were asked before the newest command was in force


@pytest.mark.parametrize(
    ("output", "contact", "faults", "phase"),
    [
        (Output.OFF, Contact.GOOD, (), Phase.STOPPING),
        (Output.UNKNOWN, Contact.GOOD, (), Phase.STOPPING),
        (Output.ENERGIZED, Contact.GOOD, ("too hot",), Phase.STOPPING),
        (Output.ENERGIZED, Contact.OPEN, (), Phase.PAUSING),
    ],
)
def test_a_running_unit_is_judged_while_a_step_is_under_way(
    output: Output, contact: Contact, faults: tuple[str, ...], phase: Phase
) -> None:
    """A unit that stopped by itself between a command and its acknowledgement would never be looked at again."""
    person = at_phase(Phase.RUNNING)
    person.wait(400)
    person.see_commanded()
    assert person.state.riding.acked_ns is None  # the second step is out

    person.wait(1)
    person.see(output, contact=contact, faults=faults)

    assert phase is person.state.phase


def test_a_step_that_nobody_acknowledges_ends_the_session() -> None:
    """Samples go on, the answer to the command does not come: what is in force is not known."""
    person = at_phase(Phase.RUNNING)
    person.wait(400)
    person.see_commanded()
    commanded_ns = person.now_ns
    while person.state.phase is Phase.RUNNING and person.now_ns < commanded_ns + 5 * NS_PER_S:
        person.wait(100)
        person.see_commanded()
        while wakeup_ns(person.state) <= person.now_ns:
            person.tick()

    assert (Phase.STOPPING, "command_unanswered") == why(person)
    assert person.now_ns - commanded_ns <= 1_200 * NS_PER_MS


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
