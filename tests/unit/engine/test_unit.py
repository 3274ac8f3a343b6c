"""One unit as the engine knows it: what it can be used for, its latch, its identity, when off is confirmed."""

import msgspec
import pytest

from devices.model import NS_PER_MS, Ack, AckOf, Fault, Identity, Output
from devices.profile import load
from modctl.engine import core_events as ce
from modctl.engine.core import initial
from modctl.engine.machine import Phase
from modctl.engine.port import LineOpened
from modctl.engine.unit import OffWatch, UnitState, UnitStatus, identity_problem, off_watch
from modctl.records import Alarm, OffConfirmed, UncommandedOutput, UnitAcknowledged, UnitIdentified, UnitLatched
from tests.unit.engine.made import T0_NS, sample
from tests.unit.engine.made_core import Engine, charted, config, identity, kinds, replies, takes_away


def state(**changes: object) -> UnitState:
    """A unit that is ready."""
    ready = UnitState(config=config("u1"), line_open=True, identity=identity(T0_NS))
    return msgspec.structs.replace(ready, **changes)


@pytest.mark.parametrize(
    ("unit", "status", "reason"),
    [
        (state(), UnitStatus.READY, ""),
        (state(session="s1"), UnitStatus.IN_SESSION, ""),
        (state(identity=None), UnitStatus.MISSING, "does not answer to its name yet"),
        (state(line_open=False, line_reason="unplugged"), UnitStatus.MISSING, "unplugged"),
        (state(mismatch="another"), UnitStatus.MISMATCH, "another"),
        (state(config=config("u1", held="annual check")), UnitStatus.HELD, "annual check"),
        (state(latched="line_lost"), UnitStatus.LATCHED, "line_lost"),
        (state(latched="line_lost", line_open=False, session="s1"), UnitStatus.LATCHED, "line_lost"),
        (state(config=config("u1", held="annual check"), mismatch="another"), UnitStatus.HELD, "annual check"),
    ],
)
def test_the_most_serious_word_comes_first(unit: UnitState, status: UnitStatus, reason: str) -> None:
    """A latched unit must not look merely unplugged."""
    assert (status, reason) == (unit.status, unit.reason)


@pytest.mark.parametrize(
    ("changes", "site_serial", "simulated", "problem"),
    [
        ({}, "", True, ""),
        ({}, "SIM0000001", True, ""),
        ({}, "4711", True, "serial number is SIM0000001, not 4711"),
        ({"model": "other"}, "", True, "answers as other, not as hasomed-p24"),
        ({}, "", False, "is a simulator, and this is a site for real units"),
        ({"is_simulator": False, "serial": "4711"}, "4711", False, ""),
    ],
)
def test_an_identity_is_held_against_the_units_entry(
    changes: dict[str, object], site_serial: str, simulated: bool, problem: str
) -> None:
    """The wrong unit on the right port is found before anything energizes."""
    answered: Identity = identity(T0_NS, **changes)

    assert problem == identity_problem(config("u1", serial=site_serial), answered, simulated_site=simulated)


def test_off_is_confirmed_by_two_samples_asked_after_the_acknowledgement() -> None:
    """The same rule as for a session's own stop."""
    watch = off_watch(load("hasomed-p24"), T0_NS)
    assert (T0_NS + 1_000 * NS_PER_MS, 2) == (watch.deadline_ns, watch.wanted)

    watch = watch.sampled(sample(T0_NS, Output.OFF)).acked(Ack(at_ns=T0_NS, of=AckOf.OFF), T0_NS)
    watch = watch.sampled(sample(T0_NS, Output.OFF, asked_ns=T0_NS - 1)).sampled(
        sample(T0_NS, Output.OFF, asked_ns=T0_NS)
    )
    assert not watch.is_confirmed

    assert watch.sampled(sample(T0_NS, Output.OFF, asked_ns=T0_NS)).is_confirmed


def test_only_the_first_acknowledgement_of_off_counts() -> None:
    """A repeated Off must not push its own proof away; an acknowledged level is no Off."""
    watch = OffWatch(since_ns=T0_NS, deadline_ns=T0_NS, wanted=2)
    watch = watch.acked(Ack(at_ns=T0_NS, of=AckOf.LEVELS), T0_NS)
    assert watch.ack_ns is None

    watch = watch.acked(Ack(at_ns=T0_NS, of=AckOf.OFF), T0_NS).acked(Ack(at_ns=T0_NS, of=AckOf.OFF), T0_NS + 5)

    assert T0_NS == watch.ack_ns


def test_anything_else_between_begins_the_count_anew() -> None:
    """Consecutive means consecutive."""
    watch = OffWatch(since_ns=T0_NS, deadline_ns=T0_NS, wanted=2, ack_ns=0)
    for output in (Output.OFF, Output.UNKNOWN, Output.OFF):
        watch = watch.sampled(sample(T0_NS, output))

    assert not watch.is_confirmed


# Identity and line


def test_a_unit_is_ready_when_it_said_who_it_is() -> None:
    """Not when its line opened."""
    engine = Engine(known=False)
    assert UnitStatus.MISSING is engine.unit().status

    engine.meet()

    assert UnitStatus.READY is engine.unit().status
    assert [UnitIdentified] == [type(record) for record in charted(engine.effects)]


def test_a_lost_line_forgets_who_was_there() -> None:
    """Whatever is plugged in next has to say its name."""
    engine = Engine()
    engine.lose()
    engine.give(ce.FromUnit(unit="u1", news=_opened(engine)))

    assert (UnitStatus.MISSING, None) == (engine.unit().status, engine.unit().identity)


def _opened(engine: Engine) -> LineOpened:
    return LineOpened(at_ns=engine.now_ns)


def test_a_unit_of_another_model_cannot_be_used() -> None:
    """And the chart says who answered."""
    engine = Engine(known=False)
    engine.news(_opened(engine))
    effects = engine.news(identity(T0_NS, model="other"))

    assert UnitStatus.MISMATCH is engine.unit().status
    assert [False] == [record.matches for record in charted(effects) if isinstance(record, UnitIdentified)]


@pytest.mark.parametrize("changes", [{"model": "other"}, {"serial": "SIM0000002"}])
def test_a_unit_that_was_exchanged_during_a_session_ends_it(changes: dict[str, object]) -> None:
    """Two units of one kind, swapped behind the controller's back."""
    engine = Engine()
    engine.start()
    effects = engine.news(identity(engine.now_ns, **changes))

    assert (Phase.STOPPING, "unit_exchanged") == (engine.phase(), engine.session().reason)
    assert takes_away(effects, "u1")


def test_the_same_unit_identified_again_ends_nothing() -> None:
    """A second handshake of the same unit is no exchange."""
    engine = Engine()
    engine.start()
    engine.news(identity(engine.now_ns))

    assert Phase.RUNNING is engine.phase()


# Latch


def latched() -> Engine:
    """A unit whose session failed, off confirmed."""
    engine = Engine()
    engine.start()
    engine.fault(Fault.REBOOTED)
    engine.confirm_off()
    assert UnitStatus.LATCHED is engine.unit().status
    return engine


def test_a_fault_latches_the_unit_and_says_why_and_how_it_was_left() -> None:
    """Reason, and the output as last seen."""
    engine = latched()

    assert [UnitLatched(unit="u1", reason="unit_rebooted", output="off")] == [
        record for record in charted(engine.effects) if isinstance(record, UnitLatched)
    ]


def test_a_latch_is_left_by_acknowledgement_alone() -> None:
    """Not by time, not by a new handshake, not by good samples, not by a stop."""
    engine = latched()
    engine.wait(3_600_000)
    engine.lose()
    engine.meet()
    engine.stop()
    engine.confirm_off()
    engine.give(ce.Stalled(by_ms=1_000))

    assert UnitStatus.LATCHED is engine.unit().status


def test_an_acknowledgement_with_off_confirmed_clears_the_latch() -> None:
    """By a person, charted with that person's name."""
    engine = latched()
    effects = engine.give(ce.AcknowledgeUnit(request=7, actor="therapist", unit="u1"))

    assert UnitStatus.READY is engine.unit().status
    assert [UnitAcknowledged(unit="u1", off_confirmed=True)] == charted(effects)
    assert [None] == [reply.code for reply in replies(effects)]


@pytest.mark.parametrize("what", ["unknown", "energized", "unplugged", "silent"])
def test_without_a_fresh_off_an_acknowledgement_needs_the_statement(what: str) -> None:
    """A unit that nobody can see off is cleared only by a person who says that nobody is connected."""
    engine = latched()
    match what:
        case "unplugged":
            engine.lose()
        case "silent":
            engine.wait(60_000)
        case _:
            engine.see(Output(what))
    refused = engine.give(ce.AcknowledgeUnit(request=7, actor="therapist", unit="u1"))
    assert ["off_not_confirmed"] == [reply.code for reply in replies(refused)]
    assert UnitStatus.LATCHED is engine.unit().status

    effects = engine.give(ce.AcknowledgeUnit(request=8, actor="therapist", unit="u1", statement="power is cut"))

    assert [UnitAcknowledged(unit="u1", off_confirmed=False, statement="power is cut")] == charted(effects)
    assert not engine.unit().latched


@pytest.mark.parametrize("name", ["u1", "nobody"])
def test_there_is_nothing_to_acknowledge_on_a_sound_unit(name: str) -> None:
    """An acknowledgement in advance would be one of nothing."""
    engine = Engine()
    effects = engine.give(ce.AcknowledgeUnit(request=7, actor="therapist", unit=name))

    assert ["not_latched"] == [reply.code for reply in replies(effects)]
    assert [] == charted(effects)


def test_a_second_fault_keeps_the_first_reason() -> None:
    """What is looked at first is what went wrong first."""
    engine = latched()
    engine.see(Output.ENERGIZED)

    assert "unit_rebooted" == engine.unit().latched


def test_latches_are_there_from_the_start() -> None:
    """A restart of the controller clears no fault."""
    engine = Engine(latched=(("u1", "line_lost"),))

    assert (UnitStatus.LATCHED, "line_lost") == (engine.unit().status, engine.unit().reason)


def test_a_core_without_anything_asks_for_nothing() -> None:
    """No unit, no session, no wake-up."""
    assert not initial([], (), simulated=True).units


# Output that nobody asked for


def prepared(status: str) -> Engine:
    """An engine whose unit is in one of the states without a permit."""
    engine = Engine(known=status != "missing")
    match status:
        case "missing":
            engine.news(_opened(engine))
        case "mismatch":
            engine.news(identity(T0_NS, model="other"))
        case "latched":
            return latched()
        case "checking":
            engine.begin()
        case "after-session":
            engine.start()
            engine.stop(session="s-u1")
            engine.confirm_off()
        case _:
            pass
    return engine


@pytest.mark.parametrize("output", [Output.ENERGIZED, Output.SUSPENDED])
@pytest.mark.parametrize("status", ["ready", "missing", "mismatch", "checking", "after-session"])
def test_output_that_nobody_asked_for_is_stopped_charted_and_latched(status: str, output: Output) -> None:
    """A panel, a stuck relay, another program: whatever it is, it is off first and looked at by a person."""
    engine = prepared(status)
    effects = engine.see(output)

    assert "Off" == kinds(effects)[0]
    assert [UncommandedOutput, Alarm, UnitLatched] == [type(record) for record in charted(effects)]
    assert UnitStatus.LATCHED is engine.unit().status


def test_output_that_nobody_asked_for_on_a_latched_unit_is_stopped_and_charted() -> None:
    """The latch is there already; Off and the record are needed again."""
    effects = latched().see(Output.ENERGIZED)

    assert "Off" == kinds(effects)[0]
    assert [UncommandedOutput, Alarm] == [type(record) for record in charted(effects)]


def test_an_unknown_output_is_told_to_be_off_without_a_record_each_time() -> None:
    """It says nothing about output; Off costs nothing."""
    engine = Engine()
    effects = engine.see(Output.UNKNOWN)

    assert ["Off"] == kinds(effects)


def test_output_that_goes_on_is_charted_once_and_its_end_too() -> None:
    """The port repeats Off by itself; the chart needs beginning and end, confirmed as any off is."""
    engine = Engine()
    engine.see(Output.ENERGIZED)
    before = len(engine.effects)
    engine.wait(500)
    engine.see(Output.ENERGIZED)
    engine.wait(500)
    engine.see(Output.OFF)
    assert [] == charted(engine.effects[before:])

    engine.wait(500)
    engine.see(Output.OFF)

    assert [OffConfirmed(unit="u1", after_ms=1_500)] == charted(engine.effects[before:])


def test_after_an_unconfirmed_end_off_is_charted_when_it_is_seen_twice_in_a_row() -> None:
    """One sample, or two that are not consecutive, do not settle what an alarm was raised about."""
    engine = Engine()
    engine.start()
    engine.stop(session="s-u1")
    stopped_ns = engine.now_ns
    engine.wait(1_000)
    assert Phase.UNCONFIRMED is engine.phase()

    before = len(engine.effects)
    for output in (Output.OFF, Output.UNKNOWN, Output.OFF):
        engine.wait(100)
        engine.see(output)
    assert [] == charted(engine.effects[before:])

    engine.wait(100)
    engine.see(Output.OFF)

    after_ms = (engine.now_ns - stopped_ns) // NS_PER_MS
    assert [OffConfirmed(unit="u1", after_ms=after_ms)] == charted(engine.effects[before:])
