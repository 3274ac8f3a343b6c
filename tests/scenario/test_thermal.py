"""Heat and cold of other makers, tanks and packs, through the whole chain in virtual time."""

import msgspec
import pytest

from devices.model import Modality, Output
from devices.profile import Profile, load
from modctl.clinic.presets import Preset
from modctl.engine.core_events import Begin, StopUnits
from modctl.engine.machine import Phase
from modctl.engine.unit import UnitStatus
from modctl.records import SessionRequested
from tests.conformance.thermal_rig import COLD, PAD, TANKS, proven
from tests.scenario.table import Table, preset

HEAT_PRESET = "hip-heat-pad"
COLD_PRESET = "hip-cold-circulating"
MADE = {
    PAD: msgspec.structs.replace(preset(HEAT_PRESET), models=(PAD,)),
    COLD: msgspec.structs.replace(preset(COLD_PRESET), models=(COLD,), settings={}),
    "passive": msgspec.structs.replace(
        preset(HEAT_PRESET), models=("passive",), cap=4, start_level=8, demo_target=8, context={}
    ),
    "passive-cold": msgspec.structs.replace(
        preset(COLD_PRESET), models=("passive-cold",), settings={}, cap=1, start_level=1, demo_target=1, context={}
    ),
    **{tank: msgspec.structs.replace(preset(HEAT_PRESET), models=(tank,)) for tank in TANKS},
}
PACKS = ("passive", "passive-cold")


class Clinic(Table):
    """A table whose presets are made for the unit that is named."""

    def __init__(self, *models: str, cold: Profile | None = None) -> None:
        super().__init__(*models, profiles={COLD: cold or proven(COLD)})

    def preset_of(self, preset_id: str) -> Preset:
        """By the unit's own name."""
        return MADE[preset_id]

    def kinds(self) -> list[str]:
        """Every entry of the chart, by kind."""
        return [draft.kind for draft, _stamp in self.chart.entries]


@pytest.mark.parametrize("model", [PAD, COLD])
def test_a_session_runs_to_its_end(model: str) -> None:
    """Started, ramped, measured, over in time, truly off, and the chart says so."""
    clinic = Clinic(model)
    session = clinic.start(model, model, duration_s=30)
    ended = clinic.run_to_end(session)

    assert ("completed", "planned_time") == (ended["outcome"], ended["reason"])
    assert abs(30_000 - int(str(ended["delivered_ms"]))) <= 250
    assert not clinic.truth(model).energized
    assert UnitStatus.READY is clinic.world.state.units[model].status


@pytest.mark.parametrize(("model", "reason"), [(PAD, "unit_fault:sensor-break"), (COLD, "unit_fault:alarm-33")])
def test_a_lost_sensor_ends_the_session(model: str, reason: str) -> None:
    """Pump or heater off, outcome faulted, unit out of use."""
    clinic = Clinic(model)
    session = clinic.start(model, model, duration_s=60)
    clinic.run_s(5)
    clinic.inject(model, "no-value")
    ended = clinic.run_to_end(session, limit_s=10)

    assert ("faulted", reason) == (ended["outcome"], ended["reason"])
    assert not clinic.truth(model).energized


def test_a_bath_near_freezing_switches_the_pump_off() -> None:
    """2 °C is below the 4 °C that nobody may go under."""
    clinic = Clinic(COLD)
    session = clinic.start(COLD, COLD, duration_s=60)
    clinic.run_s(5)
    clinic.inject(COLD, "over-temperature", mdegc=2_000)
    ended = clinic.run_to_end(session, limit_s=10)

    assert ("faulted", True) == (ended["outcome"], str(ended["reason"]).startswith("limit:"))
    assert not clinic.truth(COLD).energized


def test_a_circulator_whose_setpoint_is_not_proven_does_not_start() -> None:
    """Refused by its driver, charted, and nothing was energized."""
    clinic = Clinic(COLD, cold=load(COLD))
    session = clinic.start(COLD, COLD, duration_s=60)
    ended = clinic.run_to_end(session, limit_s=10)

    assert ("faulted", "unit_refused", 0) == (ended["outcome"], ended["reason"], ended["delivered_ms"])
    assert not clinic.truth(COLD).energized


# Tanks


@pytest.mark.parametrize("tank", TANKS)
def test_a_tank_is_hot_all_day_and_nobody_is_alarmed(tank: str) -> None:
    """Its heat is no uncommanded output: ready, unlatched, its temperature told."""
    clinic = Clinic(tank)
    clinic.run_s(3_600)
    unit = clinic.world.state.units[tank]

    assert UnitStatus.READY is unit.status
    assert unit.sample is not None
    assert (Output.ENERGIZED, 72_000) == (unit.sample.output, unit.sample.get("temp_mdegc"))
    assert {"unit.identified", "tank.read"} == set(clinic.kinds())


@pytest.mark.parametrize("tank", TANKS)
def test_no_session_starts_a_tank(tank: str) -> None:
    """Not by a preset that names it, and not by a request that got past the preparation."""
    clinic = Clinic(tank, PAD)
    clinic.ask(tank, tank)
    assert (False, UnitStatus.READY) == (clinic.world.replies[-1].code is None, clinic.world.state.units[tank].status)

    pad = clinic.ask(PAD, PAD)
    requested = next(draft.data for draft, _stamp in clinic.chart.entries if draft.session == pad)
    assert isinstance(requested, SessionRequested)
    setup = msgspec.structs.replace(clinic.state(pad).setup, session="s9", unit=tank)
    clinic.world.post(Begin(request=9, actor="therapist", setup=setup, requested=requested))

    assert "unit_monitored" == clinic.world.replies[-1].code


def test_stopping_everything_leaves_the_tank_hot_and_promises_nothing() -> None:
    """All that can be off is off and confirmed; the tank is not among them."""
    clinic = Clinic(PAD, TANKS[0])
    session = clinic.start(PAD, PAD, duration_s=60)
    clinic.run_s(5)
    clinic.stop_all()
    clinic.run_to_end(session, limit_s=5)
    clinic.run_s(3)
    (stopped,) = clinic.world.stopped

    assert [(PAD, True)] == [(name, off) for name, off, _after in stopped.units]
    assert (False, True) == (clinic.truth(PAD).energized, clinic.truth(TANKS[0]).energized)


def test_stopping_a_tank_by_name_is_answered_at_once_and_is_no_off() -> None:
    """Nothing is promised that cannot be kept, and nobody waits for it."""
    tank = TANKS[0]
    clinic = Clinic(tank)
    clinic.world.post(StopUnits(request=7, actor=None, source="test", unit=tank))

    assert [(7, ((tank, False, None),))] == [(one.request, one.units) for one in clinic.world.stopped]


# Packs


@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_session_ends_when_a_person_has_taken_it_off(pack: str) -> None:
    """The time is over after 30 s; the pack is off 40 s later, and the minutes on skin run until then."""
    clinic = Clinic(pack)
    session = clinic.start(pack, pack, duration_s=30)
    clinic.run_s(70)
    assert Phase.STOPPING is clinic.state(session).phase
    assert clinic.truth(pack).energized

    clinic.take_off(session)
    ended = clinic.run_to_end(session, limit_s=5)
    on_skin_ms = int(str(ended["energized_ms"]))

    assert ("completed", "planned_time") == (ended["outcome"], ended["reason"])
    assert abs(30_000 - int(str(ended["delivered_ms"]))) <= 600
    assert 69_000 <= on_skin_ms <= 72_000
    assert not clinic.truth(pack).energized
    assert UnitStatus.READY is clinic.world.state.units[pack].status


def test_a_pack_that_nobody_takes_off_is_unconfirmed_and_out_of_use() -> None:
    """After half an hour nobody knows where it is; the unit's later word still counts."""
    clinic = Clinic("passive")
    session = clinic.start("passive", "passive", duration_s=30)
    ended = clinic.run_to_end(session, limit_s=3_600)

    assert "unconfirmed" == ended["outcome"]
    assert UnitStatus.LATCHED is clinic.world.state.units["passive"].status

    clinic.inject("passive", "panel-change", value=0)
    clinic.run_s(5)

    assert "output.off_confirmed" in clinic.kinds()


def test_a_pack_is_prescribed_in_its_own_modality() -> None:
    """Screening asks about heat for one and about cold for the other."""
    assert (Modality.HEAT, Modality.COLD) == tuple(load(pack).device.modality for pack in PACKS)
