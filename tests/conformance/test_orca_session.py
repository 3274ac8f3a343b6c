"""Whole traction sessions on a simulated ORCA in virtual time: engine, port logic, frame gate, driver, motor."""

import msgspec
import pytest

from devices.model import NS_PER_MS, Direction
from devices.plan import CONTINUOUS
from modctl.clinic.presets import Preset
from modctl.engine.events import LevelAsked, PauseAsked, ResumeAsked, StopAsked
from modctl.engine.machine import Phase
from tests.scenario.table import Table, preset

UNIT = "iris-orca"
CYCLES = "hip-traction-intermittent"
HELD = "held"


class OrcaTable(Table):
    """A laboratory whose traction presets are made for this model."""

    def preset_of(self, preset_id: str) -> Preset:
        """The shipped preset for this model; ``HELD``: the same without cycles."""
        shipped = msgspec.structs.replace(preset(CYCLES), models=(UNIT,))
        return shipped if preset_id == CYCLES else msgspec.structs.replace(shipped, plan=CONTINUOUS)

    def findings(self, session: str) -> list[object]:
        """Alarms and breaches of a session."""
        return [entry for entry in self.chart.of(session) if entry["kind"] in ("alarm", "limit.breached")]


@pytest.fixture
def table() -> OrcaTable:
    """One motor, identified and ready."""
    return OrcaTable(UNIT)


@pytest.mark.parametrize(("name", "duration_s"), [(HELD, 20), (CYCLES, 90)])
def test_a_session_completes(table: OrcaTable, name: str, duration_s: int) -> None:
    """Ridden up to its pull, held or in cycles, let go slowly, off confirmed by the motor."""
    session = table.start(UNIT, name, duration_s)

    end = table.run_to_end(session)

    assert ("completed", duration_s * 1000) == (end["outcome"], end["delivered_ms"])
    assert (False, 0) == (table.truth(UNIT).energized, table.truth(UNIT).output)
    assert [] == table.findings(session)


def test_a_preset_for_the_clinic_names_no_such_unit() -> None:
    """A research model is in no hip preset."""
    assert UNIT not in preset(CYCLES).models


def test_the_pull_follows_the_persons_keys(table: OrcaTable) -> None:
    """Up by one key press, down at once: a lower force is fed in the place of the higher one."""
    session = table.start(UNIT, HELD, 60)
    table.run_s(8)
    assert 100 == table.truth(UNIT).output

    table.tell(session, LevelAsked(actor="therapist", direction=Direction.UP))
    table.run_s(2)
    assert 110 == table.truth(UNIT).output

    for _ in range(3):
        table.tell(session, LevelAsked(actor="therapist", direction=Direction.DOWN))
        table.run_s(0.5)
    assert 80 == table.truth(UNIT).output
    assert Phase.RUNNING is table.state(session).phase


@pytest.mark.parametrize(("fast", "least_ms", "most_ms"), [(False, 1_500, 1_800), (True, 0, 20)])
def test_a_stop_releases_at_the_speed_that_it_asks_for(
    table: OrcaTable, fast: bool, least_ms: int, most_ms: int
) -> None:
    """The therapist's stop is 50 N/s from 100 N, the second press and the switch are at once."""
    session = table.start(UNIT, HELD, 60)
    table.run_s(8)
    stopped_ns = table.now_ns
    table.tell(session, StopAsked(actor="therapist", source="key", fast=fast))
    while table.truth(UNIT).output > 15:
        table.run_s(0.01)
    let_go_ms = (table.now_ns - stopped_ns) // NS_PER_MS
    end = table.run_to_end(session)

    assert least_ms <= let_go_ms <= most_ms
    assert ("stopped", "stop:key") == (end["outcome"], end["reason"])
    assert 1_000 <= int(str(end["off_after_ms"])) <= most_ms + 1_500


def test_the_second_press_overtakes_the_first(table: OrcaTable) -> None:
    """Once slowly, then at maximum speed: nothing waits for the slow one to end."""
    session = table.start(UNIT, HELD, 60)
    table.run_s(8)
    table.tell(session, StopAsked(actor="therapist", source="key", fast=False))
    table.run_s(0.5)
    assert 70 <= table.truth(UNIT).output <= 80

    table.tell(session, StopAsked(actor="therapist", source="key", fast=True))
    table.run_s(0.05)
    assert 0 == table.truth(UNIT).output

    assert "stopped" == table.run_to_end(session)["outcome"]


def test_a_pause_lets_go_slowly_and_a_resume_begins_at_the_minimum_pull(table: OrcaTable) -> None:
    """A person resumes; the pull rides up anew."""
    session = table.start(UNIT, HELD, 60)
    table.run_s(8)
    table.tell(session, PauseAsked(actor="therapist"))
    table.run_s(0.5)
    assert 70 <= table.truth(UNIT).output <= 80

    table.run_s(5)
    assert Phase.PAUSED is table.state(session).phase
    assert not table.truth(UNIT).energized

    table.tell(session, ResumeAsked(actor="therapist"))
    table.run_s(1)
    assert 15 < table.truth(UNIT).output < 50
    assert "completed" == table.run_to_end(session)["outcome"]


@pytest.mark.parametrize(
    ("fault", "parameters", "reason"),
    [
        ("silence", {}, "no_data"),
        ("mute", {}, "no_data"),
        ("half-open-tx", {}, "no_data"),
        ("half-open-rx", {}, "no_data"),
        ("disconnect", {}, "line_lost"),
        ("delay", {"ms": 150}, "no_data"),
        ("foreign", {}, "foreign_answer"),
        ("two-answer", {}, "foreign_answer"),
        ("duplicate", {"permille": 1000}, "foreign_answer"),
        ("corrupt", {"permille": 1000}, "no_data"),
        ("truncate", {}, "no_data"),
        ("oversize", {}, "no_data"),
        ("exception", {}, "unit_refused"),
        ("busy", {}, "unit_refused"),
        ("hang", {}, "no_data"),
        ("reboot", {}, "unit_rebooted"),
        ("state-mismatch", {}, "unit_rebooted"),
        ("run-away", {"gain_permille": 3000, "ramp_ms": 1000}, "limit:orca-overforce"),
        ("over-deliver", {"gain_permille": 1400}, "limit:orca-overforce"),
        ("run-away", {"gain_permille": 9000, "ramp_ms": 0}, "unit_fault:max-force"),
        ("over-temperature", {"mdegc": 61_000}, "unit_fault:max-temperature"),
        ("stuck", {"value": -20}, "unit_fault:pushes"),
        ("stuck-on", {}, None),
        ("ignore-stop", {}, None),
    ],
)
def test_a_fault_ends_in_true_off_or_is_told_as_unconfirmed(
    table: OrcaTable, fault: str, parameters: dict[str, int], reason: str | None
) -> None:
    """Whatever breaks: the session ends with its reason, and where the motor can let go it has let go in time."""
    session = table.start(UNIT, HELD, 60)
    table.run_s(8)
    table.inject(UNIT, fault, **parameters)
    if reason is None:
        table.tell(session, StopAsked(actor="therapist", source="key", fast=True))
    broke_ns = table.now_ns
    end = table.run_to_end(session, 60)

    if fault == "stuck-on":
        assert "unconfirmed" == end["outcome"]
        assert table.truth(UNIT).energized
    elif fault == "ignore-stop":
        assert "stopped" == end["outcome"]  # the motor's own timeout did what the command did not
        assert not table.truth(UNIT).energized
    else:
        assert end["outcome"] in ("faulted", "unconfirmed")
        assert reason == end["reason"]
        released_ms = (table.truth(UNIT).changed_at_mono_ns - broke_ns) // NS_PER_MS
        assert fault == "hang" or (table.truth(UNIT).output == 0 and released_ms <= 3_500)


def test_a_cough_is_no_reason_to_stop(table: OrcaTable) -> None:
    """80 N for 0.3 s is a patient who coughs; half a second of 12 % too much is not."""
    session = table.start(UNIT, HELD, 60)
    table.run_s(8)
    table.inject(UNIT, "cough", n=80)

    assert "completed" == table.run_to_end(session)["outcome"]


def test_the_unit_is_stopped_when_it_pulls_for_nobody() -> None:
    """Without a session a motor that pulls is put to sleep and latched."""
    table = OrcaTable(UNIT)
    table.inject(UNIT, "uncommanded-on", value=100)
    table.run_s(3)

    assert (False, 0) == (table.truth(UNIT).energized, table.truth(UNIT).output)
    assert "uncommanded_output" == table.world.state.units[UNIT].latched
