"""A motor that pulls at a rope, and a load cell in that rope that its site names as its witness."""

from collections.abc import Mapping

import msgspec

from devices.limits import Mark
from devices.model import Modality, MonoNs
from devices.profile import Profile
from devices.sim.catalog import SimUnit
from devices.sim.modbus import SimModbus
from devices.sim.units.laumas import SimLaumas
from modctl.clinic.presets import Preset
from modctl.engine.machine import Phase
from modctl.engine.unit import UnitConfig
from modctl.virtual.wire import Wiring
from modctl.virtual.world import World
from tests.scenario.table import Table

MOTOR, CELL = "iris-orca", "laumas-tlb"
PULL = Preset(
    schema="modctl-preset/1",
    id="pull",
    title="a laboratory's own",
    modality=Modality.TRACTION,
    models=(MOTOR,),
    region="hip",
    duration_ms=60_000,
    settings={},
    cap=200,
    start_level=150,
    demo_target=150,
    source="made up for tests",
    mark=Mark.CHOSEN,
    checked_on="2026-11-23",
    evidence="extrapolated",
    approved=True,
)
Buses = tuple[tuple[str, ...], ...]
ONE_BUS: Buses = ((MOTOR, CELL),)


class Rope(Table):
    """A motor, and a load cell in its rope that its site names as its witness."""

    def __init__(self, buses: Buses = ONE_BUS, *, paced: bool = False) -> None:
        self._buses = buses
        self._paced = paced
        self._cell = SimLaumas(CELL, 1)
        super().__init__(MOTOR, CELL)

    def config(self, model: str, profiles: Mapping[str, Profile]) -> UnitConfig:
        """The motor has a witness."""
        config = super().config(model, profiles)
        return msgspec.structs.replace(config, witness=CELL) if model == MOTOR else config

    def made(self, model: str, seed: int) -> SimUnit:
        """The cell is known here, so that the rope can pull at it."""
        return SimModbus(self._cell) if model == CELL else super().made(model, seed)

    def laid(self, units: list[tuple[UnitConfig, SimUnit]], seed: int) -> World:
        """With the rope."""
        wiring = Wiring(buses=self._buses, paced=self._paced, body=self._pull)
        return World(units, self.clock, seed, self._entry, wiring=wiring)

    def _pull(self, _now_ns: MonoNs) -> None:
        if hasattr(self, "world"):
            self._cell.load_mn = self.truth(MOTOR).output * 1_000

    def preset_of(self, preset_id: str) -> Preset:  # noqa: ARG002  # it has one
        """The laboratory's."""
        return PULL


def pulling(buses: Buses = ONE_BUS, *, paced: bool = False) -> tuple[Rope, str]:
    """A session at 150 N."""
    rope = Rope(buses, paced=paced)
    session = rope.start(MOTOR, "pull", 20)
    rope.run_s(9)
    assert (Phase.RUNNING, 150) == (rope.state(session).phase, rope.truth(MOTOR).output)
    return rope, session
