"""Stops, faults of the house and the way back, in virtual time: off in its budget, and the record says why."""

from random import Random

import pytest

from devices.model import NS_PER_MS
from modctl.engine.core_events import AcknowledgeUnit, StopUnits, WriterLag
from modctl.engine.unit import UnitStatus
from tests.scenario.conftest import Lay
from tests.scenario.table import Table

P24, TENS = "hasomed-p24", "hip-post-tha-tens"
SOUND, MHZ = "reference-ultrasound", "hip-oa-ultrasound-1mhz"
BOTH = [(P24, TENS), (SOUND, MHZ)]


def kinds(table: Table, session: str) -> list[str]:
    """The kinds of a session's entries, in order, telemetry left out."""
    return [str(entry["kind"]) for entry in table.chart.of(session) if entry["kind"] != "inputs"]


# Stops


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("model", "preset"), BOTH)
def test_a_stop_at_any_moment_is_off_within_its_budget(lay: Lay, model: str, preset: str, seed: int) -> None:
    """During questions, ramps, running: 300 ms to off on the unit, and the record says stopped."""
    table = lay(model, seed=seed + 1)
    session = table.start(model, preset, 30)
    table.run_s(Random(seed).uniform(0.001, 12))
    asked_ns = table.now_ns
    table.stop_all()
    ended = table.run_to_end(session, limit_s=3)
    table.run_s(0.001)
    truth = table.truth(model)
    off_after_ms = ended["off_after_ms"]

    assert "stopped" == ended["outcome"]
    assert isinstance(off_after_ms, int)
    assert off_after_ms <= 300
    assert not truth.energized
    assert truth.changed_at_mono_ns <= asked_ns + 300 * NS_PER_MS


def test_a_stop_of_all_is_answered_for_every_unit(lay: Lay) -> None:
    """Each off, each with its time."""
    table = lay(P24, SOUND)
    table.start(P24, TENS, 60)
    table.start(SOUND, MHZ, 60)
    table.run_s(5)
    number = table.stop_all()
    table.run_s(1)
    answer = next(answer for answer in table.world.stopped if answer.request == number)

    assert {(P24, True), (SOUND, True)} == {(unit, off) for unit, off, _after in answer.units}
    assert all(after_ms is not None and after_ms <= 300 for _unit, _off, after_ms in answer.units)


def test_two_tables_know_nothing_of_each_other(lay: Lay) -> None:
    """One unit is pulled off its cable, the other one finishes as planned."""
    table = lay(P24, SOUND)
    failing = table.start(P24, TENS, 20)
    sound = table.start(SOUND, MHZ, 20)
    table.run_s(5)
    table.inject(P24, "disconnect")
    ended = table.run_to_end(sound)

    assert ("completed", 20_000) == (ended["outcome"], ended["delivered_ms"])
    assert "unconfirmed" == table.chart.of(failing)[-1]["outcome"]


def test_stopping_one_session_leaves_the_other(lay: Lay) -> None:
    """The stop that names a session reaches that one."""
    table = lay(P24, SOUND)
    left = table.start(P24, TENS, 20)
    right = table.start(SOUND, MHZ, 20)
    table.run_s(5)
    table.world.post(StopUnits(request=None, actor=None, source="screen", session=left))

    assert "stopped" == table.run_to_end(left)["outcome"]
    assert "completed" == table.run_to_end(right)["outcome"]


# The house


def test_a_chart_that_is_behind_holds_the_level_and_then_stops(lay: Lay) -> None:
    """1 s: no raise. 2 s: off."""
    table = lay(P24)
    session = table.start(P24, TENS, 60, current_ua=20_000)
    table.run_s(5)
    table.world.post(WriterLag(by_ms=1_000))
    held = table.truth(P24).output
    table.run_s(3)
    assert held == table.truth(P24).output

    table.world.post(WriterLag(by_ms=2_000))
    ended = table.run_to_end(session, limit_s=2)

    assert ("faulted", "chart_behind") == (ended["outcome"], ended["reason"])


def test_a_latched_unit_takes_a_person_and_then_works_again(lay: Lay) -> None:
    """The whole way back: refused, acknowledged, started."""
    table = lay(SOUND)
    session = table.start(SOUND, MHZ)
    table.run_s(5)
    table.inject(SOUND, "reboot")
    assert "faulted" == table.run_to_end(session)["outcome"]

    table.run_s(2)
    table.ask(SOUND, MHZ)
    assert "unit_latched" == table.world.replies[-1].code

    table.world.post(AcknowledgeUnit(request=90, actor="therapist", unit=SOUND))
    assert UnitStatus.READY is table.world.state.units[SOUND].status

    again = table.start(SOUND, MHZ, 10)
    assert "completed" == table.run_to_end(again)["outcome"]


@pytest.mark.parametrize(
    ("model", "preset", "asked", "reason"),
    [
        (P24, TENS, {"current_ua": 60_500}, "limit"),  # the preset's cap is 60 mA
        (P24, TENS, {"pulse_width_us": 1_001}, "limit"),
        (P24, TENS, {"pulse_width_us": 401}, "soft_limit"),
        (P24, TENS, {"period_us": 3_750}, "limit"),
        (P24, TENS, {"force_n": 10}, "unknown_parameter"),
        (P24, MHZ, {}, "preset_not_for_model"),
        (SOUND, MHZ, {"intensity_mw_cm2": 1_010}, "limit"),
        (SOUND, MHZ, {"duty_permille": 40}, "limit"),
    ],
)
def test_what_is_out_of_bounds_is_refused_and_nothing_is_sent(
    lay: Lay, model: str, preset: str, asked: dict[str, int], reason: str
) -> None:
    """Refused, never clamped; in the chart with its end, and the unit never knew."""
    table = lay(model)
    session = table.ask(model, preset, **asked)
    table.run_s(2)

    assert ["session.requested", "session.refused", "session.ended"] == kinds(table, session)
    assert reason == table.chart.of(session)[1]["reason"]
    assert not table.truth(model).energized
