"""The temperature controllers and the circulator on the rig of Modbus units: same steps, other units."""

from typing import Final

from devices import profile
from devices.profile import Profile
from devices.sim.bank import Bank
from devices.sim.units.eurotherm import EurothermPad, EurothermTank
from devices.sim.units.julabo import JulaboMagio
from devices.sim.units.omron import OmronE5cc
from tests.conformance.modbus_rig import Bench, ModbusRig

PAD: Final = "eurotherm-3216-pad"
COLD: Final = "julabo-magio"
TANKS: Final = ("eurotherm-3216", "omron-e5cc")
UNITS: Final[dict[str, type[EurothermPad | EurothermTank | JulaboMagio | OmronE5cc]]] = {
    PAD: EurothermPad,
    COLD: JulaboMagio,
    "eurotherm-3216": EurothermTank,
    "omron-e5cc": OmronE5cc,
}


BENCHES: Final = {
    PAD: Bench(settings={}, level="temp_mdegc", ordinary=38_000, higher=39_000, settle_ms=60_000),
    COLD: Bench(settings={}, level="temp_mdegc", ordinary=12_000, higher=11_000, settle_ms=240_000),
}
TANK: Final = Bench(settings={}, level="temp_mdegc", ordinary=0, higher=0)  # has no session of its own


def proven(model: str) -> Profile:
    """The profile as a site has it after it has proven what is assumed."""
    shipped = profile.load(model)
    return profile.enabling(shipped, tuple(shipped.locked))


class ThermalRig(ModbusRig):
    """One controller or circulator and its driver."""

    def __init__(self, model: str, site_profile: Profile | None = None, seed: int = 1) -> None:
        self.bank: Bank = UNITS[model]("unit-1", seed)
        super().__init__(site_profile or proven(model), BENCHES.get(model, TANK), self.bank, seed)

    def energized(self) -> "ThermalRig":
        """Through the handshake, and at the ordinary level."""
        self.identify()
        self.energize()
        self.run(1_000)
        return self
