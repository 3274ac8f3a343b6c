"""What speaks against a modality: every condition against every modality, as data (hazard H28).

Rule 1: an absolute condition closes the screening, and no answer, reason or second person opens it.
Rule 2: the words of the question come from the same table as what closes it: nothing can be asked and not closed.
"""

import functools
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from devices.model import Modality
from modctl.clinic.presets import Gate

CONTRAINDICATIONS: Final = Path(__file__).parent / "contraindications.toml"
SCREENING: Final = "screening"


class Weight(StrEnum):
    """How much a condition speaks against a modality."""

    ABSOLUTE = "absolute"
    PRECAUTION = "precaution"
    NONE = "none"


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One condition, as it is asked for and as it is answered."""

    id: str
    name: str
    estim: Weight
    ultrasound: Weight
    traction: Weight
    heat: Weight
    cold: Weight

    def against(self, modality: Modality) -> Weight:
        """How much it speaks against one modality."""
        weights = {
            Modality.ESTIM: self.estim,
            Modality.ULTRASOUND: self.ultrasound,
            Modality.TRACTION: self.traction,
            Modality.HEAT: self.heat,
            Modality.COLD: self.cold,
        }
        return weights[modality]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    condition: tuple[Condition, ...]


@functools.cache
def conditions() -> tuple[Condition, ...]:
    """The whole table."""
    return msgspec.toml.decode(CONTRAINDICATIONS.read_bytes(), type=_File).condition


def screened(gate: Gate, modality: Modality) -> Gate:
    """The screening of one modality: what is absolute is asked for and closes; every condition is an answer by name."""
    told = [(one, one.against(modality)) for one in conditions()]
    absolute = [one for one, weight in told if weight is Weight.ABSOLUTE]
    names = " · ".join(one.name for one in absolute)
    return msgspec.structs.replace(
        gate,
        text=names[:1].upper() + names[1:],
        closes=(*gate.closes, *(one.id for one in absolute)),
        also=tuple((one.id, one.name) for one, weight in told if weight is not Weight.NONE),
    )
