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


class Kind(msgspec.Struct, frozen=True):
    """How one model is simulated. ``baud``: what its serial line is paced to; None: too fast to matter (USB)."""

    make: Callable[[str, int, Framing], SimUnit]
    baud: int | None


REFERENCE_BAUD = 19_200  # the published line of the reference units: 19200 8N1
SIMULATED: Mapping[str, Kind] = {
    "hasomed-p24": Kind(_hasomed_p24, None),  # USB CDC-ACM: line settings are ignored (P24 Instructions for Use v1.1)
    "hasomed-rehastim2": Kind(_hasomed_rehastim2, 460_800),  # ScienceMode2 Description and Protocol 1.24
    "reference-estim": Kind(_reference_estim, REFERENCE_BAUD),
    "reference-ultrasound": Kind(_reference_ultrasound, REFERENCE_BAUD),
    "reference-traction": Kind(_reference_traction, REFERENCE_BAUD),
    "reference-heat": Kind(_reference_heat, REFERENCE_BAUD),
    "reference-cold": Kind(_reference_cold, REFERENCE_BAUD),
    "openwater-openlifu": Kind(_openwater_openlifu, None),  # USB CDC: the rate is nominal
    "sonic-concepts-tpo": Kind(_sonic_concepts_tpo, None),  # USB CDC: the rate is nominal
}
