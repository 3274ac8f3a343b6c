"""What a sample does to a running session: every limit, missing and stale values, deviation from the command."""

import msgspec
import pytest

from devices.limits import Deviation, Limit, Mark, Max, Min, Stale
from devices.model import NS_PER_MS, NS_PER_S, Ack, AckOf, Contact, Direction, Levels, ObservedAs, Output
from modctl.engine import events as ev
from modctl.engine.machine import Phase
from modctl.engine.session import wakeup_ns
from modctl.records import Alarm, LimitBreached, Quantity
from tests.unit.engine.made import ULTRASOUND, Person, at_phase, offs, records, setup, where

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


@pytest.mark.parametrize(("after_ms", "breaks"), [(299, False), (300, True)])
def test_an_echoed_setting_has_its_time_and_is_then_exact(after_ms: int, breaks: bool) -> None:
    """Nothing of a setting is *on its way*: before it settles it is not judged, after that any difference counts."""
    exact = msgspec.structs.replace(DEVIATES, parameter="duty_permille", permille=0, floor=0)
    observed = (*ULTRASOUND.observed, ("duty_permille", ObservedAs.ECHOED))
    start = msgspec.structs.replace(ULTRASOUND.level, start=80)
    person = at_phase(Phase.STARTING, setup(ULTRASOUND, limits=(exact,), observed=observed, level=start))
    person.wait(2)
    person.ack()
    person.wait(after_ms)
    person.see(Output.ENERGIZED, intensity_mw_cm2=80, duty_permille=501)

    assert breaks is (person.state.phase is Phase.STOPPING)


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
