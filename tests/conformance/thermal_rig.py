"""The temperature controllers and the circulator on the rig of the reference units: same steps, other units."""

from typing import Final, Literal

import msgspec

from devices import profile
from devices.drivers.register_unit import RegisterUnitDriver
from devices.model import NS_PER_MS, DeviceEvent, MonoNs
from devices.profile import Profile
from devices.sim.bank import Bank
from devices.sim.modbus import SimModbus
from devices.sim.port import SimPort
from devices.sim.units.eurotherm import EurothermPad, EurothermTank
from devices.sim.units.julabo import JulaboMagio
from devices.sim.units.omron import OmronE5cc
from tests.conformance.reference_rig import START_MS, Bench, Rig, Written

PAD: Final = "eurotherm-3216-pad"
COLD: Final = "julabo-magio"
TANKS: Final = ("eurotherm-3216", "omron-e5cc")
UNITS: Final[dict[str, type[EurothermPad | EurothermTank | JulaboMagio | OmronE5cc]]] = {
    PAD: EurothermPad,
    COLD: JulaboMagio,
    "eurotherm-3216": EurothermTank,
    "omron-e5cc": OmronE5cc,
}


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """How a test drives a model."""

    ordinary: int
    higher: int
    settle_ms: int


LEVELS: Final = {
    PAD: Level(ordinary=38_000, higher=39_000, settle_ms=60_000),
    COLD: Level(ordinary=12_000, higher=11_000, settle_ms=240_000),
}


def proven(model: str) -> Profile:
    """The profile as a site has it after it has proven what is assumed."""
    shipped = profile.load(model)
    return profile.enabling(shipped, tuple(shipped.locked))


class ThermalRig(Rig):
    """One controller or circulator and its driver."""

    def __init__(self, model: str, site_profile: Profile | None = None, seed: int = 1) -> None:
        self.profile = site_profile or proven(model)
        self.driver = RegisterUnitDriver(self.profile)
        self.bank: Bank = UNITS[model]("unit-1", seed)
        framing: Literal["rtu", "tcp"] = "tcp" if self.profile.link.kind == "tcp" else "rtu"
        baud = self.profile.link.baud if framing == "rtu" else None
        self.port = SimPort(SimModbus(self.bank, framing), seed, baud=baud)
        level = LEVELS.get(model)
        self.bench = Bench(
            unit=UNITS[model],
            settings={},
            level="temp_mdegc",
            ordinary=0 if level is None else level.ordinary,
            higher=0 if level is None else level.higher,
            settle_ms=0 if level is None else level.settle_ms,
        )
        self.now_ns = MonoNs(START_MS * NS_PER_MS)
        self.first_cycle_ns = self.now_ns
        self.byte_by_byte = False
        self.permitted = False
        self.permit = 0
        self._renew_ns = 0
        self.events: list[DeviceEvent] = []
        self.written: list[Written] = []

    def energized(self) -> "ThermalRig":
        """Through the handshake, and at the ordinary level."""
        self.identify()
        self.energize()
        self.run(1_000)
        return self
