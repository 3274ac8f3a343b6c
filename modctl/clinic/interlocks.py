"""What may not happen to one patient at the same time (hazard H32). Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from devices.model import Modality


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is not over."""

    patient: str
    unit: str
    modality: str


# Both orders of each pair mean the same. A pair that is not here may run side by side: a hot or cold pack beside
# stimulation, heat under traction, stimulation through an ultrasound head. Chosen, each with its reason.
CONFLICTS: Final[Mapping[frozenset[Modality], str]] = MappingProxyType(
    {
        frozenset({Modality.ESTIM}): "the currents of two stimulators add up where nobody measures them",
        frozenset({Modality.ULTRASOUND}): "two heads heat one patient, and each counts its own dose alone",
        frozenset({Modality.TRACTION}): "two pulls add up, and neither unit knows of the other",
        frozenset({Modality.HEAT}): "neither source of heat knows the skin under the other",
        frozenset({Modality.COLD}): "neither source of cold knows the skin under the other",
        frozenset({Modality.HEAT, Modality.COLD}): "cooled skin does not feel heat",
        frozenset({Modality.COLD, Modality.ULTRASOUND}): "cooled skin does not feel the heat of the head",
        frozenset({Modality.HEAT, Modality.ULTRASOUND}): "heat adds to heat, and only one of the two is measured",
    }
)


def conflict(patient: str, modality: Modality, running: Sequence[Running]) -> tuple[Running, str] | None:
    """The session of this patient that speaks against another one of this modality, and why; None when none does."""
    for other in running:
        why = CONFLICTS.get(frozenset({modality, Modality(other.modality)}))
        if other.patient == patient and why is not None:
            return other, why
    return None
