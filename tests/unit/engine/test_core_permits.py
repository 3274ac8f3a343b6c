"""The core's order of effects, and its permits: off before the chart, the chart before a raise, leave for 300 ms."""

import msgspec
import pytest

from devices.model import NS_PER_MS, Fault, Output
from modctl.engine import core_events as ce
from modctl.engine import events as ev
from modctl.engine.effects import Band, Revoke
from modctl.engine.machine import Phase
from modctl.engine.port import FrameHeld, PermitLapsed
from modctl.records import (
    Inputs,
    SetpointCommanded,
    UnitLatched,
)
from tests.unit.engine.made import ESTIM, T0_NS, setup
from tests.unit.engine.made_core import Engine, charted, kinds, permits, takes_away

# Order


def test_a_raise_is_appended_and_permitted_before_it_is_commanded() -> None:
    """The chart's queue first, then the ceiling, then the level."""
    engine = Engine()
    engine.arm()
    effects = engine.durable()
    order = [kind for kind in kinds(effects) if kind != "Watch"]

    assert ["Append", "Append", "Permit", "Command"] == order
    assert [Inputs, SetpointCommanded] == [type(record) for record in charted(effects)]


ENDINGS = ("stop", "fault", "held", "stalled", "chart", "lag", "screen", "lost", "off")


def end_by(engine: Engine, how: str) -> list[str]:
    """End the running session in one of the ways; the kinds of the effects come back."""
    match how:
        case "stop":
            return kinds(engine.stop(session="s-u1"))
        case "fault":
            return kinds(engine.fault(Fault.FROZEN))
        case "held":
            return kinds(engine.news(FrameHeld(at_ns=engine.now_ns, why="too much", frame=b"")))
        case "stalled":
            return kinds(engine.give(ce.Stalled(by_ms=500)))
        case "chart":
            return kinds(engine.give(ce.ChartBroken(why="disk full")))
        case "lag":
            return kinds(engine.give(ce.WriterLag(by_ms=2_000)))
        case "screen":
            return kinds(engine.give(ce.ScreenLost(session="s-u1", why="closed")))
        case "lost":
            return kinds(engine.lose())
        case _:
            return kinds(engine.see(Output.OFF))


@pytest.mark.parametrize("how", ENDINGS)
def test_whatever_ends_a_session_revokes_and_sends_off_before_anything_is_charted(how: str) -> None:
    """De-energize before you record."""
    engine = Engine()
    engine.start()
    effects = end_by(engine, how)

    assert ["Revoke", "Off"] == effects[:2]
    assert "Append" in effects[2:]
    assert "Permit" not in effects


@pytest.mark.parametrize("how", ["stop", "stalled", "chart", "lag"])
def test_what_stops_several_units_sends_every_off_before_anything_is_charted(how: str) -> None:
    """The last unit does not wait for the first one's record."""
    engine = Engine("u1", "u2", "u3")
    for unit in engine.names:
        engine.start(unit)
    effects = kinds(engine.stop()) if how == "stop" else end_by(engine, how)
    first_append = effects.index("Append")

    assert 3 == effects[:first_append].count("Off")
    assert "Off" not in effects[first_append:]


def test_what_led_to_a_stop_is_charted_before_the_stops_own_entry() -> None:
    """An auditor reads the cause first."""
    engine = Engine()
    engine.start()
    effects = engine.fault(Fault.FROZEN)

    assert "Inputs" == type(charted(effects)[0]).__name__


# Permits


def test_a_permit_lets_the_level_be_anything_from_rest_to_what_is_commanded() -> None:
    """This moment's ceiling, not the prescription's; settings are exact."""
    engine = Engine()
    engine.arm()
    permit = permits(engine.durable())[0]

    assert ("s-u1", "u1", 1, T0_NS + 300 * NS_PER_MS) == (
        permit.session,
        permit.unit,
        permit.sequence,
        permit.until_ns,
    )
    assert {
        Band("current_ua", 0, 500),
        Band("period_us", 10_000, 10_000),
        Band("pulse_width_us", 100, 100),
    } == set(permit.bands)
    assert {"electrode_mm2": 4_500, "duration_ms": 20_000} == dict(permit.context)


def test_a_permit_of_a_cold_unit_reaches_from_its_rest_downwards() -> None:
    """The band is the other way round."""
    level = msgspec.structs.replace(
        ESTIM.level, low=4_000, high=25_000, rest=25_000, start=20_000, grid=1_000, down_intensifies=True
    )
    engine = Engine()
    engine.arm(made=setup(level=level))
    band = permits(engine.durable())[0].bands[0]

    assert Band("current_ua", 24_000, 25_000) == band


def test_a_permit_is_renewed_each_100_ms_with_the_next_sequence() -> None:
    """Two renewals may be lost before it lapses."""
    engine = Engine()
    engine.start(made=setup(level=msgspec.structs.replace(ESTIM.level, start=0)))
    engine.see(Output.ENERGIZED)
    renewed = []
    for _ in range(5):
        renewed.extend(permits(engine.wait(100)))
        engine.see(Output.ENERGIZED)

    assert 5 == len(renewed)
    assert [renewed[0].sequence + step for step in range(5)] == [permit.sequence for permit in renewed]
    assert {300 * NS_PER_MS} == {permit.until_ns - granted_ns(permit.until_ns) for permit in renewed}


def granted_ns(until_ns: int) -> int:
    """When a permit of 300 ms was granted."""
    return until_ns - 300 * NS_PER_MS


@pytest.mark.parametrize("how", ENDINGS)
def test_after_the_end_no_permit_is_renewed(how: str) -> None:
    """What was revoked stays revoked."""
    engine = Engine()
    engine.start()
    end_by(engine, how)

    assert [] == permits(engine.wait(5_000))
    assert engine.unit().permit is None


def test_a_permit_that_outlived_its_session_is_revoked() -> None:
    """Should one be left over, renewal finds that nobody is energized."""
    engine = Engine()
    engine.start()
    engine.end_without_off()
    effects = engine.wait(200)

    assert [Revoke(unit="u1")] == [effect for effect in effects if isinstance(effect, Revoke)]
    assert [] == permits(effects)


@pytest.mark.parametrize("phase", [Phase.CHECKING, Phase.ARMED, Phase.PAUSED, Phase.RESUMING])
def test_without_an_energized_phase_there_is_no_permit(phase: Phase) -> None:
    """Nothing can be fed or energized by mistake."""
    engine = Engine()
    if phase is Phase.CHECKING:
        engine.begin()
    elif phase is Phase.ARMED:
        engine.arm()
    else:
        engine.start()
        engine.tell(ev.PauseAsked(actor="therapist"))
        engine.confirm_off()
        if phase is Phase.RESUMING:
            engine.tell(ev.ResumeAsked(actor="therapist"))
    engine.wait(500)

    assert phase is engine.phase()
    assert engine.unit().permit is None


def test_a_permit_that_lapsed_at_the_port_is_a_stall_of_the_engine() -> None:
    """The port sent Off already; the session must know that it was not treated."""
    engine = Engine()
    engine.start()
    effects = engine.news(PermitLapsed(at_ns=engine.now_ns))

    assert (Phase.STOPPING, "host_stalled") == (engine.phase(), engine.session().reason)
    assert takes_away(effects, "u1")


def test_a_frame_that_was_held_back_outside_a_session_latches_the_unit() -> None:
    """A driver that wants to energize without a session is a bug, and somebody must look."""
    engine = Engine()
    effects = engine.news(FrameHeld(at_ns=engine.now_ns, why="unknown frame", frame=b"\x01"))

    assert [UnitLatched(unit="u1", reason="frame_held:unknown frame", output="off")] == charted(effects)
