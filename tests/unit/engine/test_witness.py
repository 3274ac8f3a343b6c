"""The instrument beside a unit, in the engine: bounds, silence, and who is told what it read."""

import msgspec
import pytest

from devices.limits import Mark, Witness
from devices.model import NS_PER_MS, Output
from devices.profile import load
from modctl.engine import events as ev
from modctl.engine.checks import Finding, check_witness, check_witness_age
from modctl.engine.machine import Phase
from modctl.engine.session import wakeup_ns
from modctl.engine.unit import UnitConfig, UnitState, witness_problem
from modctl.records import LimitBreached
from tests.unit.engine.made import T0_NS, ULTRASOUND, Person, records, sample, setup
from tests.unit.engine.made_core import identity

LIMIT = Witness(
    id="w", parameter="force_n", permille=100, floor=30, max_age_ms=1_000, confirm=2, source="test", mark=Mark.CHOSEN
)
WATCHED = setup(
    ULTRASOUND,
    limits=(msgspec.structs.replace(LIMIT, parameter="intensity_mw_cm2"),),
    level=msgspec.structs.replace(ULTRASOUND.level, start=80),  # one step from rest: nothing more is commanded
)
MOTOR = UnitState(config=UnitConfig(name="pull-1", profile=load("iris-orca"), address="line", witness="cell-1"))
CELL_CONFIG = UnitConfig(name="cell-1", profile=load("laumas-tlb"), address="line")


@pytest.mark.parametrize(
    ("told", "witnessed", "finding", "bound"),
    [
        (150, 179, Finding.WITHIN, 180),
        (150, 180, Finding.WITHIN, 180),
        (150, 181, Finding.BREACH, 180),
        (150, 151, Finding.WITHIN, 180),
        (150, 150, Finding.WITHIN, 120),  # neither edge is nearer: the lower one is shown
        (150, 120, Finding.WITHIN, 120),
        (150, 119, Finding.BREACH, 120),
        (400, 440, Finding.WITHIN, 440),
        (400, 441, Finding.BREACH, 440),
    ],
)
def test_the_band_is_inclusive_and_the_larger_of_share_and_floor(
    told: int, witnessed: int, finding: Finding, bound: int
) -> None:
    """10 % or 30 N: at the edge is allowed, one count beyond is not."""
    verdict = check_witness(LIMIT, told, witnessed)

    assert (finding, bound) == (verdict.finding, verdict.bound)


def test_a_unit_without_a_reading_agrees_with_nobody() -> None:
    """Missing is a finding."""
    assert Finding.MISSING is check_witness(LIMIT, None, 150).finding


@pytest.mark.parametrize(
    ("age_ns", "finding"),
    [
        (1_000 * NS_PER_MS - 1, Finding.WITHIN),
        (1_000 * NS_PER_MS, Finding.WITHIN),
        (1_000 * NS_PER_MS + 1, Finding.STALE),
    ],
)
def test_the_age_of_a_reading_is_inclusive(age_ns: int, finding: Finding) -> None:
    """As every other bound, and to the nanosecond."""
    assert finding is check_witness_age(LIMIT, age_ns).finding


def running() -> Person:
    """A session that reads 80 of its unit, with a witness."""
    person = Person(WATCHED)
    person.run()
    assert (Phase.RUNNING, 80) == (person.state.phase, person.state.riding.level)
    return person


def say(person: Person, value: int | None) -> None:
    """The witness reads something."""
    person.feed(ev.WitnessSaid(at_ns=person.now_ns, value=value))


def test_two_findings_in_a_row_are_believed_and_one_is_not() -> None:
    """The second one ends it, charted with what was read and where the edge was."""
    person = running()
    for value in (120, 80, 120):
        say(person, value)
    assert Phase.RUNNING is person.state.phase

    say(person, 120)

    assert (Phase.STOPPING, "witnesses_differ") == (person.state.phase, person.state.reason)
    (breached,) = [one for one in records(person.effects) if isinstance(one, LimitBreached)]
    assert ("w", "breach", 120, 110) == (
        breached.limit,
        breached.finding,
        None if breached.observed is None else breached.observed.value,
        breached.bound.value,
    )


def test_samples_between_do_not_begin_the_count_anew() -> None:
    """The unit's own samples come as often as the witness's."""
    person = running()
    say(person, 120)
    person.see(Output.ENERGIZED, intensity_mw_cm2=80)
    say(person, 120)

    assert "witnesses_differ" == person.state.reason


@pytest.mark.parametrize("heard", [True, False])
def test_silence_is_a_fault_when_it_is_too_old(heard: bool) -> None:
    """The session asks to be woken for it; a witness without a value has said nothing."""
    person = running()
    for _ in range(12):
        person.wait(100)
        person.see(Output.ENERGIZED, intensity_mw_cm2=80)
        say(person, 80 if heard else None)
        person.tick()

    assert heard is (Phase.RUNNING is person.state.phase)
    assert heard is ("witness_silent" != person.state.reason)


def test_the_session_wakes_for_a_silent_witness() -> None:
    """Nothing else would find it."""
    person = running()
    heard_ns = person.state.witnessed_ns

    assert heard_ns is not None
    assert wakeup_ns(person.state) <= heard_ns + 1_000 * NS_PER_MS + 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"line_open": False}, "is missing"),
        ({"latched": "looked at"}, "is latched"),
        ({"sample": None}, "gives no reading"),
        ({"sample": sample(T0_NS - 1_501 * NS_PER_MS, Output.OFF, force_n=0)}, "gives no reading"),
        ({"sample": sample(T0_NS, Output.OFF, force_n=None)}, "gives no reading"),
        ({"sample": sample(T0_NS, Output.OFF, faults=("cell",), force_n=0)}, "gives no reading"),
    ],
)
def test_a_witness_is_heard_or_the_sentence_says_why_not(changes: dict[str, object], said: str) -> None:
    """Before a start and before a resume; at the edge of its age it still counts."""
    fresh = sample(T0_NS - 1_500 * NS_PER_MS, Output.OFF, force_n=0)
    identified = identity(T0_NS)
    cell = UnitState(config=CELL_CONFIG, line_open=True, identity=identified, sample=fresh)
    problem = witness_problem(MOTOR, msgspec.structs.replace(cell, **changes), T0_NS)

    assert said in problem
    assert bool(said) is bool(problem)


def test_a_witness_that_the_site_does_not_have_is_not_heard() -> None:
    """And a unit that wants none is asked for none."""
    alone = UnitState(config=msgspec.structs.replace(MOTOR.config, witness=""))

    assert "is not there" in witness_problem(MOTOR, None, T0_NS)
    assert "" == witness_problem(alone, None, T0_NS)
