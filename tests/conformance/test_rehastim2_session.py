"""Whole sessions on a simulated RehaStim 2 in virtual time: engine, port logic, frame gate, driver, unit."""

import msgspec
import pytest

from devices.model import NS_PER_MS
from modctl.clinic.library import findings_against
from modctl.clinic.presets import Preset
from modctl.engine.events import PauseAsked, ResumeAsked
from modctl.engine.machine import Phase
from tests.conformance.rehastim2_table import PROFILE
from tests.scenario.table import Table, preset

UNIT = "hasomed-rehastim2"
TENS = "hip-post-tha-tens"
NMES = "gluteal-nmes-after-tha"


class Rehastim2Table(Table):
    """A site whose stimulation presets are made for this model too."""

    def preset_of(self, preset_id: str) -> Preset:
        """The shipped preset, for this model."""
        return msgspec.structs.replace(preset(preset_id), models=(UNIT,))


@pytest.fixture
def table() -> Rehastim2Table:
    """One unit, identified and ready."""
    return Rehastim2Table(UNIT)


@pytest.mark.parametrize("name", ["hip-post-tha-tens", "hip-chronic-ache-tens", "gluteal-nmes-after-tha"])
def test_the_stimulation_presets_fit_this_model(name: str) -> None:
    """Settings, caps and grid: what the one stimulator can be told, the other can."""
    assert findings_against(preset(name), PROFILE) == []


@pytest.mark.parametrize(("name", "duration_s"), [(TENS, 20), (NMES, 60)])
def test_a_session_completes(table: Rehastim2Table, name: str, duration_s: int) -> None:
    """Continuous and in cycles: ridden up to its level, held, ended, off confirmed by two Inits."""
    session = table.start(UNIT, name, duration_s)
    table.run_s(11)
    assert table.truth(UNIT).output == 5_000

    end = table.run_to_end(session)

    assert ("completed", duration_s * 1000) == (end["outcome"], end["delivered_ms"])
    assert (False, 0) == (table.truth(UNIT).energized, table.truth(UNIT).output)
    assert not [entry for entry in table.chart.of(session) if entry["kind"] in ("alarm", "limit.breached")]


def test_a_stop_is_off_at_once_and_confirmed_by_the_unit(table: Rehastim2Table) -> None:
    """The output goes in milliseconds; the unit's own word for it takes its watchdog's time and one repetition."""
    session = table.start(UNIT, TENS)
    table.run_s(5)
    decided = table.now_ns
    table.stop_all()
    end = table.run_to_end(session)

    assert table.truth(UNIT).changed_at_mono_ns - decided <= 5 * NS_PER_MS
    assert end["outcome"] == "stopped"
    assert isinstance(end["off_after_ms"], int)
    assert 1_700 <= end["off_after_ms"] <= PROFILE.off.deadline_ms


def test_a_pause_and_a_resume_ride_up_from_off(table: Rehastim2Table) -> None:
    """The unit is accepted anew and begins at its least level."""
    session = table.start(UNIT, TENS)
    table.run_s(6)
    table.tell(session, PauseAsked(actor="therapist"))
    table.run_s(3)
    assert (Phase.PAUSED, False) == (table.state(session).phase, table.truth(UNIT).energized)

    table.tell(session, ResumeAsked(actor="therapist"))
    table.run_s(0.8)
    assert table.truth(UNIT).output <= 1_000
    table.run_s(6)
    assert table.truth(UNIT).output == 5_000
    assert table.run_to_end(session)["outcome"] == "completed"


def test_a_lost_electrode_pauses_and_nothing_comes_back_by_itself(table: Rehastim2Table) -> None:
    """Output is gone at once; contact that returns waits for a person."""
    session = table.start(UNIT, TENS)
    table.run_s(5)
    table.inject(UNIT, "contact-loss")
    assert table.truth(UNIT).output == 0
    table.run_s(3)
    assert table.state(session).phase is Phase.PAUSED
    table.world.sim(UNIT).clear(table.world.clock.now_ns)

    table.run_s(5)

    assert (Phase.PAUSED, False) == (table.state(session).phase, table.truth(UNIT).energized)


@pytest.mark.parametrize(
    ("fault", "outcome", "reason", "energized"),
    [
        ("switch-open", "faulted", "unit_fault:emergency switch", False),
        ("state-mismatch", "faulted", "unit_switched_off", False),
        ("busy", "faulted", "unit_refused", False),
        ("exception", "faulted", "unit_refused", False),
        ("foreign", "faulted", "foreign_answer", False),
        ("reboot", "faulted", "no_data", False),
        ("half-open-rx", "faulted", "no_data", False),
        ("silence", "unconfirmed", "no_data", False),
        ("disconnect", "unconfirmed", "line_lost", False),
        ("hang", "unconfirmed", "no_data", True),
    ],
)
def test_a_fault_ends_the_session_and_latches_the_unit(
    table: Rehastim2Table, fault: str, outcome: str, reason: str, *, energized: bool
) -> None:
    """Off by stop or by watchdog, confirmed or told as unconfirmed; and what it was stands in the chart."""
    session = table.start(UNIT, TENS, 60)
    table.run_s(5)
    table.inject(UNIT, fault)
    end = table.run_to_end(session, 10)

    assert (outcome, reason) == (end["outcome"], end["reason"])
    table.run_s(3)
    assert energized == table.truth(UNIT).energized
    assert table.world.state.units[UNIT].latched


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("ignore-stop", "stopped"), ("slow-stop", "stopped"), ("stuck-on", "unconfirmed"), ("no-lease", "unconfirmed")],
)
def test_what_a_stop_does_not_reach_is_ended_by_the_watchdog_or_unconfirmed(
    table: Rehastim2Table, fault: str, outcome: str
) -> None:
    """Nobody is told *off* that a stuck stage contradicts."""
    session = table.start(UNIT, TENS, 60)
    table.run_s(5)
    table.inject(UNIT, fault)
    decided = table.now_ns
    table.stop_all()

    assert outcome == table.run_to_end(session, 10)["outcome"]
    assert (fault == "stuck-on") == table.truth(UNIT).energized
    assert fault == "stuck-on" or table.truth(UNIT).changed_at_mono_ns - decided <= 1_300 * NS_PER_MS


def test_another_protocol_version_is_a_mismatch() -> None:
    """Such a unit is not used, and says why."""
    table = Rehastim2Table(UNIT)
    table.inject(UNIT, "firmware-changed")
    table.run_s(1)

    assert (table.world.state.units[UNIT].status, table.world.state.units[UNIT].reason) == (
        "mismatch",
        "answers as ScienceMode2 version 2, not as hasomed-rehastim2",
    )


@pytest.mark.parametrize(("period_us", "reason"), [(7_500, "limit"), (8_000, ""), (8_250, "")])
def test_the_units_shortest_interval_is_a_bound(table: Rehastim2Table, period_us: int, reason: str) -> None:
    """Below 8 ms it is refused; off the grid it becomes the next longer one, which is less intense."""
    session = table.ask(UNIT, TENS, period_us=period_us)
    entries = table.chart.of(session)

    assert reason == next((entry["reason"] for entry in entries if entry["kind"] == "session.refused"), "")
    effective = entries[0]["effective"]
    assert isinstance(effective, list)
    assert period_us == 7_500 or ["period_us", 8_000 if period_us == 8_000 else 8_500] in effective
