"""What a technician does to a unit: hold, release, identify, record a check; and what a bench run may use."""

import msgspec
import pytest

from devices.model import Accessory, AccessoryKind, AccessorySeen, Fault
from modctl.engine import core_events as ce
from modctl.engine.core import initial
from modctl.engine.effects import Identify
from modctl.engine.machine import Phase
from modctl.engine.unit import UnitStatus
from modctl.service_records import UnitAccessory, UnitChecked, UnitHeld, UnitReleased
from tests.unit.engine.made import ESTIM, calibrated
from tests.unit.engine.made_core import Engine, charted, config, replies

BENCH = msgspec.structs.replace(ESTIM, started=msgspec.structs.replace(ESTIM.started, load="500 ohm"))
GOOD = calibrated(model="hasomed-p24", on="2026-11-23", next_due="2027-11-23")


def hold(engine: Engine, unit: str = "u1") -> list[str | None]:
    """A technician holds a unit; the code of the answer."""
    effects = engine.give(ce.HoldUnit(request=engine.number(), actor="technician", unit=unit, reason="cable worn"))
    return [reply.code for reply in replies(effects)]


def release(engine: Engine) -> list[str | None]:
    """A technician releases it."""
    effects = engine.give(ce.ReleaseUnit(request=engine.number(), actor="technician", unit="u1"))
    return [reply.code for reply in replies(effects)]


def test_a_held_unit_starts_no_session_until_it_is_released() -> None:
    """Every table sees the reason, and a person ends it."""
    engine = Engine()

    assert [None] == hold(engine)
    assert (UnitStatus.HELD, "cable worn") == (engine.unit().status, engine.unit().reason)
    (refused,) = replies(engine.begin())
    assert "unit_held" == refused.code
    assert "cable worn" in refused.reason

    assert [None] == release(engine)
    assert [None] == [reply.code for reply in replies(engine.begin())]
    assert [UnitHeld(unit="u1", reason="cable worn"), UnitReleased(unit="u1")] == [
        record for record in charted(engine.effects) if isinstance(record, UnitHeld | UnitReleased)
    ]


def test_a_session_is_not_disturbed_by_a_hold() -> None:
    """Whoever treats must not learn from the technician's screen that a unit went away."""
    engine = Engine()
    engine.begin()

    assert ["unit_in_session"] == hold(engine)
    assert UnitStatus.IN_SESSION is engine.unit().status


@pytest.mark.parametrize(("unit", "code"), [("u1", "already_held"), ("nope", "unknown_unit")])
def test_a_hold_that_changes_nothing_is_told(unit: str, code: str) -> None:
    """The second reason would hide the first."""
    engine = Engine()
    hold(engine)

    assert [code] == hold(engine, unit)


def test_what_is_not_held_is_not_released() -> None:
    """A release is an act with a name under it."""
    assert ["not_held"] == release(Engine())


def test_a_hold_outlives_the_controller() -> None:
    """It is rebuilt from the chart, as a latch is."""
    state = initial([config("u1")], (), simulated=True, held=(("u1", "cable worn"),), checks=(GOOD,))

    assert (UnitStatus.HELD, "cable worn") == (state.units["u1"].status, state.units["u1"].reason)
    assert (GOOD,) == state.units["u1"].checks


def test_a_held_unit_may_run_on_the_bench() -> None:
    """It is what a unit is held for; its questions are asked and its start is allowed."""
    engine = Engine()
    hold(engine)

    engine.arm(made=BENCH)

    assert Phase.ARMED is engine.session().phase


def test_a_held_unit_that_is_missing_runs_nothing() -> None:
    """Being held must not hide that it is not there."""
    engine = Engine()
    hold(engine)
    engine.lose()

    assert ["unit_missing"] == [reply.code for reply in replies(engine.begin(made=BENCH))]


def test_a_latched_unit_runs_nothing_on_the_bench_either() -> None:
    """A latch is left by an acknowledgement alone."""
    engine = Engine(latched=(("u1", "off_not_confirmed"),))

    assert ["unit_latched"] == [reply.code for reply in replies(engine.begin(made=BENCH))]


def test_identify_asks_the_unit_anew() -> None:
    """The order goes to its line; the answer is charted when it comes."""
    engine = Engine()
    effects = engine.give(ce.IdentifyUnit(request=1, unit="u1"))

    assert [Identify(unit="u1")] == [effect for effect in effects if isinstance(effect, Identify)]
    engine.lose()
    assert ["unreachable"] == [reply.code for reply in replies(engine.give(ce.IdentifyUnit(request=2, unit="u1")))]


def test_a_check_is_charted_and_counts_until_the_next_of_its_sort() -> None:
    """A good calibration ends what was said before it; another head's checks stay."""
    engine = Engine()
    bad_look = msgspec.structs.replace(GOOD, what="check", is_good=False, next_due="")
    other = msgspec.structs.replace(GOOD, head="A", is_good=False, next_due="")
    for checked in (GOOD, bad_look, other):
        engine.give(ce.RecordCheck(request=engine.number(), actor="technician", checked=checked))
    assert (GOOD, bad_look, other) == engine.unit().checks

    engine.give(ce.RecordCheck(request=engine.number(), actor="technician", checked=GOOD))

    assert (other, GOOD) == engine.unit().checks
    assert 4 == len([record for record in charted(engine.effects) if isinstance(record, UnitChecked)])


def test_a_unit_in_a_session_is_not_checked() -> None:
    """What closes a unit must not be found under a session that goes on."""
    engine = Engine()
    engine.begin()
    effects = engine.give(ce.RecordCheck(request=9, actor="technician", checked=GOOD))

    assert ["unit_in_session"] == [reply.code for reply in replies(effects)]
    assert () == engine.unit().checks


def test_an_exchanged_head_is_noticed_once_and_charted() -> None:
    """Mid-day, between two sessions: the next one is judged by the new head."""
    head = Accessory(kind=AccessoryKind.HEAD, serial="A")
    engine = Engine(configs=[config("u1", accessories=(head,))])
    for serial in ("A", "A", "B"):
        engine.news(AccessorySeen(at_ns=engine.now_ns, serial=serial))

    assert "B" == engine.unit().accessory
    assert [
        UnitAccessory(unit="u1", serial="A", listed=True),
        UnitAccessory(unit="u1", serial="B", listed=False),
    ] == [record for record in charted(engine.effects) if isinstance(record, UnitAccessory)]


def test_faults_of_a_line_are_counted_by_name() -> None:
    """A technician sees a bad cable in the numbers before it ends a session."""
    engine = Engine()
    for fault in (Fault.LATE, Fault.CORRUPT, Fault.LATE):
        engine.fault(fault)

    assert (("corrupt", 1), ("late", 2)) == engine.unit().link_faults
