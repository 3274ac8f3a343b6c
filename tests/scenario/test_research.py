"""Whole sessions on the research generators: engine, gates, port logic, driver, simulated unit, chart."""

import pytest

from devices.limits import Mark
from devices.model import Direction, Modality
from modctl.clinic.presets import Preset
from modctl.engine.events import LevelAsked, PauseAsked, ResumeAsked, StopAsked
from modctl.engine.machine import Phase
from tests.scenario.table import Table

LIFU, TPO = "openwater-openlifu", "sonic-concepts-tpo"
HEAD = {"era_mm2": 500, "area_mm2": 1_000}


def made(model: str, **other: int) -> Preset:
    """What a laboratory would write for its own generator; none is shipped."""
    settings = {"beat_hz": 10} if model == LIFU else {"burst_us": 200, "period_us": 10_000, "frequency_khz": 500}
    target = 12_000 if model == LIFU else 1_000
    return Preset(
        schema="modctl-preset/1",
        id=model,
        title="a laboratory's own",
        modality=Modality.ULTRASOUND,
        models=(model,),
        region="tank",
        duration_ms=60_000,
        settings={**settings, **other},
        cap=2 * target,
        start_level=target,
        demo_target=target,
        source="made up for tests",
        mark=Mark.CHOSEN,
        checked_on="2026-11-23",
        evidence="extrapolated",
        context=HEAD,
        approved=True,
    )


class Laboratory(Table):
    """A table whose presets are the laboratory's."""

    def preset_of(self, preset_id: str) -> Preset:
        """By the model's id."""
        return made(preset_id)


models = pytest.mark.parametrize("model", [LIFU, TPO])


@models
def test_a_session_on_a_research_generator_completes(model: str) -> None:
    """From the request to a confirmed off: ramp, planned time, and nothing left running."""
    lab = Laboratory(model)
    session = lab.start(model, model, duration_s=20)
    lab.run_s(8)
    target = made(model).demo_target
    assert target == lab.truth(model).output

    ended = lab.run_to_end(session)

    assert ("completed", 20_000) == (ended["outcome"], ended["planned_ms"])
    assert not lab.truth(model).energized
    assert [] == [entry for entry in lab.chart.of(session) if entry["kind"] == "limit.breached"]


@models
def test_the_level_is_ridden_while_it_runs(model: str) -> None:
    """One key is one step, up and down."""
    lab = Laboratory(model)
    session = lab.start(model, model, duration_s=60)
    lab.run_s(12)
    step = lab.world.state.units[model].config.profile.level.person_step
    for direction, expected in ((Direction.UP, step), (Direction.DOWN, 0), (Direction.DOWN, -step)):
        lab.tell(session, LevelAsked(actor="therapist", direction=direction))
        lab.run_s(3)
        assert made(model).demo_target + expected == lab.truth(model).output

    lab.tell(session, StopAsked(actor="therapist", source="key"))
    assert "stopped" == lab.run_to_end(session, 10)["outcome"]
    assert not lab.truth(model).energized


@models
@pytest.mark.parametrize("fault", ["silence", "mute", "reboot", "hang", "disconnect", "exception"])
def test_a_fault_ends_the_session_and_never_leaves_it_running_unnoticed(model: str, fault: str) -> None:
    """Off in time, or said to be unconfirmed; the unit's own timer ends what no line can reach."""
    lab = Laboratory(model)
    session = lab.start(model, model, duration_s=60)
    lab.run_s(12)
    lab.inject(model, fault)

    ended = lab.run_to_end(session, 30)

    energized = lab.truth(model).energized
    assert ended["outcome"] in ("faulted", "unconfirmed")
    assert ended["outcome"] == "unconfirmed" or not energized
    lab.run_s(70)
    assert fault == "hang" or not lab.truth(model).energized


def test_the_generators_dose_is_its_mean_electrical_energy() -> None:
    """1 W for 200 us in each 10 ms is 20 mW; nothing is said of the sound."""
    lab = Laboratory(TPO)
    session = lab.start(TPO, TPO, duration_s=20)

    doses = lab.run_to_end(session)["dose"]

    assert isinstance(doses, list)
    (dose,) = doses
    assert ("electrical_energy", "mJ") == (dose["quantity"], dose["unit"])
    assert 370 <= dose["lower"] <= dose["upper"] <= 402


def test_a_supply_voltage_is_no_dose() -> None:
    """Volts times seconds would be a number without a meaning."""
    lab = Laboratory(LIFU)
    session = lab.start(LIFU, LIFU, duration_s=20)

    assert not lab.run_to_end(session).get("dose")


def test_a_rail_that_runs_away_is_a_breach() -> None:
    """What is measured is held against what was commanded."""
    lab = Laboratory(LIFU)
    session = lab.start(LIFU, LIFU, duration_s=60)
    lab.run_s(12)
    lab.inject(LIFU, "run-away")

    ended = lab.run_to_end(session, 10)

    assert ("faulted", "limit:lifu-voltage-deviates") == (ended["outcome"], ended["reason"])
    assert not lab.truth(LIFU).energized


@pytest.mark.parametrize(
    ("other", "limit"),
    [
        ({"burst_us": 20_000}, "tpo-burst-fits"),
        ({"burst_us": 10_000, "power_mw": 1_000}, None),
    ],
)
def test_power_burst_and_period_are_judged_together(other: dict[str, int], limit: str | None) -> None:
    """Each lies on its own dial; only together do they make a mean power."""
    lab = Laboratory(TPO)
    session = lab.ask(TPO, TPO, 20, **other)

    refused = [entry for entry in lab.chart.of(session) if entry["kind"] == "session.refused"]
    assert limit == (refused[0]["limit"] if refused else None)


@models
def test_a_pause_is_off_and_a_resume_starts_anew(model: str) -> None:
    """From off, by a person's act, with the unit's timer set to what is left."""
    lab = Laboratory(model)
    session = lab.start(model, model, duration_s=40)
    lab.run_s(12)
    lab.tell(session, PauseAsked(actor="therapist"))
    lab.run_s(3)
    assert Phase.PAUSED is lab.state(session).phase
    assert not lab.truth(model).energized

    lab.tell(session, ResumeAsked(actor="therapist"))
    lab.run_s(12)
    assert Phase.RUNNING is lab.state(session).phase
    assert made(model).demo_target == lab.truth(model).output

    lab.inject(model, "silence")  # from here on nobody but the unit's own timer ends it
    lab.run_s(30)
    assert not lab.truth(model).energized


@models
def test_a_units_timer_that_ends_too_early_is_a_fault(model: str) -> None:
    """Output that ends by itself was not what was prescribed."""
    lab = Laboratory(model)
    session = lab.start(model, model, duration_s=30)
    lab.inject(model, "timer-early", ms=25_000)

    ended = lab.run_to_end(session, 60)

    assert "faulted" == ended["outcome"]
    assert not lab.truth(model).energized
