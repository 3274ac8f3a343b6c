"""Which simulated unit stands for which model: an explicit list, no scanning.

A unit is imported when it is made, so that a bench with one unit does not pay for all of them. Units that are banks
of registers get their frames here: they know nothing of the wire.
"""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import msgspec

from devices.sim.device import SimDevice

Framing = Literal["rtu", "tcp"]


class SimUnit(SimDevice, Protocol):
    """A simulated unit as the catalogue makes it: the device, and the model id that it stands for."""

    @property
    def model(self) -> str:
        """The model id."""


def _hasomed_p24(name: str, seed: int, framing: Framing) -> SimUnit:  # noqa: ARG001  # its frames are the same on any line
    from devices.sim.units.p24 import SimP24  # noqa: PLC0415  # imported when made

    return SimP24(name, seed)


def _hasomed_rehastim2(name: str, seed: int, framing: Framing) -> SimUnit:  # noqa: ARG001  # as the P24
    from devices.sim.units.rehastim2 import SimRehastim2  # noqa: PLC0415  # imported when made

    return SimRehastim2(name, seed)


def _reference_estim(name: str, seed: int, framing: Framing) -> SimUnit:
    from devices.sim.modbus import SimModbus  # noqa: PLC0415  # imported when made
    from devices.sim.units.reference_estim import ReferenceEstim  # noqa: PLC0415  # imported when made

    return SimModbus(ReferenceEstim(name, seed), framing)


def _reference_ultrasound(name: str, seed: int, framing: Framing) -> SimUnit:
    from devices.sim.modbus import SimModbus  # noqa: PLC0415  # imported when made
    from devices.sim.units.reference_ultrasound import ReferenceUltrasound  # noqa: PLC0415  # imported when made

    return SimModbus(ReferenceUltrasound(name, seed), framing)


def _reference_traction(name: str, seed: int, framing: Framing) -> SimUnit:
    from devices.sim.modbus import SimModbus  # noqa: PLC0415  # imported when made
    from devices.sim.units.reference_traction import ReferenceTraction  # noqa: PLC0415  # imported when made

    return SimModbus(ReferenceTraction(name, seed), framing)


def _reference_heat(name: str, seed: int, framing: Framing) -> SimUnit:
    from devices.sim.modbus import SimModbus  # noqa: PLC0415  # imported when made
    from devices.sim.units.reference_heat import ReferenceHeat  # noqa: PLC0415  # imported when made

    return SimModbus(ReferenceHeat(name, seed), framing)


def _reference_cold(name: str, seed: int, framing: Framing) -> SimUnit:
    from devices.sim.modbus import SimModbus  # noqa: PLC0415  # imported when made
    from devices.sim.units.reference_cold import ReferenceCold  # noqa: PLC0415  # imported when made

    return SimModbus(ReferenceCold(name, seed), framing)


def _openwater_openlifu(name: str, seed: int, framing: Framing) -> SimUnit:  # noqa: ARG001  # packets on any line
    from devices.sim.units.openlifu import SimOpenLifu  # noqa: PLC0415  # imported when made

    return SimOpenLifu(name, seed)


def _sonic_concepts_tpo(name: str, seed: int, framing: Framing) -> SimUnit:  # noqa: ARG001  # lines on any line
    from devices.sim.units.tpo import SimTpo  # noqa: PLC0415  # imported when made

    return SimTpo(name, seed)


def _eurotherm_tank(name: str, seed: int, framing: Framing) -> SimUnit:
    from devices.sim.modbus import SimModbus  # noqa: PLC0415  # imported when made
    from devices.sim.units.eurotherm import EurothermTank  # noqa: PLC0415  # imported when made

    return SimModbus(EurothermTank(name, seed), framing)


def _eurotherm_pad(name: str, seed: int, framing: Framing) -> SimUnit:
    from devices.sim.modbus import SimModbus  # noqa: PLC0415  # imported when made
    from devices.sim.units.eurotherm import EurothermPad  # noqa: PLC0415  # imported when made

    return SimModbus(EurothermPad(name, seed), framing)


def _omron_e5cc(name: str, seed: int, framing: Framing) -> SimUnit:
    from devices.sim.modbus import SimModbus  # noqa: PLC0415  # imported when made
    from devices.sim.units.omron import OmronE5cc  # noqa: PLC0415  # imported when made

    return SimModbus(OmronE5cc(name, seed), framing)


def _julabo_magio(name: str, seed: int, framing: Framing) -> SimUnit:  # noqa: ARG001  # it has no serial Modbus
    from devices.sim.modbus import SimModbus  # noqa: PLC0415  # imported when made
    from devices.sim.units.julabo import JulaboMagio  # noqa: PLC0415  # imported when made

    return SimModbus(JulaboMagio(name, seed), "tcp")


def _iris_orca(name: str, seed: int, framing: Framing) -> SimUnit:  # noqa: ARG001  # RTU, also through a serial server
    from devices.sim.modbus import SimModbus  # noqa: PLC0415  # imported when made
    from devices.sim.units.orca import SimOrca  # noqa: PLC0415  # imported when made

    return SimModbus(SimOrca(name, seed))


def _laumas_tlb(name: str, seed: int, framing: Framing) -> SimUnit:  # noqa: ARG001  # RTU, also through a serial server
    from devices.sim.modbus import SimModbus  # noqa: PLC0415  # imported when made
    from devices.sim.units.laumas import SimLaumas  # noqa: PLC0415  # imported when made

    return SimModbus(SimLaumas(name, seed))


def _passive_hot(name: str, seed: int, framing: Framing) -> SimUnit:  # noqa: ARG001  # no frames at all
    from devices.sim.units.passive import SimPassive  # noqa: PLC0415  # imported when made

    return SimPassive(name, seed, is_hot=True)


def _passive_cold(name: str, seed: int, framing: Framing) -> SimUnit:  # noqa: ARG001  # no frames at all
    from devices.sim.units.passive import SimPassive  # noqa: PLC0415  # imported when made

    return SimPassive(name, seed, is_hot=False)


class Kind(msgspec.Struct, frozen=True):
    """How one model is simulated. ``baud``: what its serial line is paced to; None: too fast to matter (USB)."""

    make: Callable[[str, int, Framing], SimUnit]
    baud: int | None


REFERENCE_BAUD = 19_200  # the published line of the reference units: 19200 8N1
CONTROLLER_BAUD = 9_600  # both temperature controllers as they leave the works
SIMULATED: Mapping[str, Kind] = {
    "hasomed-p24": Kind(_hasomed_p24, None),  # USB CDC-ACM: line settings are ignored (P24 Instructions for Use v1.1)
    "hasomed-rehastim2": Kind(_hasomed_rehastim2, 460_800),  # ScienceMode2 Description and Protocol 1.24
    "iris-orca": Kind(_iris_orca, 19_200),  # 19200 8E1, orcaSDK; a pseudo-terminal has no parity
    "laumas-tlb": Kind(_laumas_tlb, 19_200),  # on the motor's line
    "reference-estim": Kind(_reference_estim, REFERENCE_BAUD),
    "reference-ultrasound": Kind(_reference_ultrasound, REFERENCE_BAUD),
    "reference-traction": Kind(_reference_traction, REFERENCE_BAUD),
    "reference-heat": Kind(_reference_heat, REFERENCE_BAUD),
    "reference-cold": Kind(_reference_cold, REFERENCE_BAUD),
    "openwater-openlifu": Kind(_openwater_openlifu, None),  # USB CDC: the rate is nominal
    "sonic-concepts-tpo": Kind(_sonic_concepts_tpo, None),  # USB CDC: the rate is nominal
    "eurotherm-3216": Kind(_eurotherm_tank, CONTROLLER_BAUD),
    "eurotherm-3216-pad": Kind(_eurotherm_pad, CONTROLLER_BAUD),
    "omron-e5cc": Kind(_omron_e5cc, CONTROLLER_BAUD),
    "julabo-magio": Kind(_julabo_magio, None),  # Modbus TCP
    "passive": Kind(_passive_hot, None),
    "passive-cold": Kind(_passive_cold, None),
}
