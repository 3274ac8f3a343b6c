"""The reference units on a rig: what a test needs to know of each model."""

from collections.abc import Callable
from typing import Literal

import msgspec

from devices import profile
from devices.sim.modbus import RegisterBank
from devices.sim.units.reference_cold import ReferenceCold
from devices.sim.units.reference_estim import ReferenceEstim
from devices.sim.units.reference_heat import ReferenceHeat
from devices.sim.units.reference_traction import ReferenceTraction
from devices.sim.units.reference_ultrasound import ReferenceUltrasound
from tests.conformance.modbus_rig import Bench, ModbusRig

UNITS: dict[str, Callable[[str, int], RegisterBank]] = {
    "reference-cold": ReferenceCold,
    "reference-estim": ReferenceEstim,
    "reference-heat": ReferenceHeat,
    "reference-traction": ReferenceTraction,
    "reference-ultrasound": ReferenceUltrasound,
}
BENCHES: dict[str, Bench] = {
    "reference-cold": Bench(
        settings={"pressure_mmhg": 30},
        level="temp_mdegc",
        ordinary=12_000,
        higher=10_000,
        noise=200,
        settle_ms=5_000,
        release_ms=700,
        slow_release_ms=700,
        sensor_proves_off=False,
    ),
    "reference-estim": Bench(
        settings={"waveform": 1, "carrier_hz": 4_000, "beat_hz": 100, "duty_permille": 1_000},
        level="current_ua",
        ordinary=5_000,
        higher=6_000,
    ),
    "reference-heat": Bench(
        settings={},
        level="temp_mdegc",
        ordinary=36_000,
        higher=37_000,
        noise=200,
        settle_ms=30_000,
        sensor_proves_off=False,
    ),
    "reference-traction": Bench(
        settings={},
        level="force_n",
        ordinary=100,
        higher=110,
        noise=6,
        settle_ms=2_500,
        release_ms=1_400,
        slow_release_ms=3_000,
    ),
    "reference-ultrasound": Bench(
        settings={"duty_permille": 500, "frequency_khz": 1000},
        level="intensity_mw_cm2",
        ordinary=800,
        higher=1000,
    ),
}


class Rig(ModbusRig):
    """One reference model, over either framing."""

    def __init__(self, model: str, framing: Literal["rtu", "tcp"] = "rtu", seed: int = 1) -> None:
        shipped = profile.load(model)
        link = msgspec.structs.replace(shipped.link, kind="serial" if framing == "rtu" else "tcp")
        own = msgspec.structs.replace(shipped, link=link)
        super().__init__(own, BENCHES[model], UNITS[model]("unit-1", seed), seed)
