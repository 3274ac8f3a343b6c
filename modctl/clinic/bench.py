"""A bench run: a session without a patient, on a named load. Its questions, and what stands in for a preset.

Rule 1: what a bench run may do is bound as a session is: hard bounds, profile, site; only the gates are others.
Rule 2: it states every setting itself; nothing is filled in that a person did not ask for.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from devices.limits import Mark
from devices.profile import Profile
from modctl.clinic.presets import Gate, Preset

BENCH: Final = "bench"  # stands where a preset's id would, and is none
QUESTIONS: Final = Path(__file__).parent / "bench.toml"
# What a combination needs to know and no load has. Chosen: a large electrode, a patch of three times a common head, a
# body of 80 kg; so that the bounds of the unit bind and those of the skin do not.
CONTEXT: Final[Mapping[str, int]] = MappingProxyType(
    {"area_mm2": 1_500, "body_weight_g": 80_000, "electrode_mm2": 10_000, "era_mm2": 500}
)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    gate: tuple[Gate, ...]


@functools.cache
def bench_gates() -> tuple[Gate, ...]:
    """The questions before a bench run; none follow it."""
    return msgspec.toml.decode(QUESTIONS.read_bytes(), type=_File).gate


def bench_preset(profile: Profile, load: str, asked: Mapping[str, int], duration_ms: int) -> Preset | str:
    """What a bench run sets, in the form of a preset; a sentence where something is not stated.

    The level asked for is also the most that it may be ridden to.
    """
    missing = sorted({spec.name for spec in profile.parameter} - set(asked))
    if missing:
        return f"A bench run states everything itself; not stated: {', '.join(missing)} (--set NAME=INTEGER)."
    if not load.strip():
        return "A bench run names its load, for example --load '500 ohm'."
    target = asked[profile.level.name]
    return Preset(
        schema="modctl-preset/1",
        id=BENCH,
        title=f"Bench run on {load}",
        modality=profile.device.modality,
        models=(profile.device.id,),
        region=BENCH,
        duration_ms=duration_ms,
        settings={spec.name: asked[spec.name] for spec in profile.parameter if spec.role == "setting"},
        cap=target,
        start_level=target,
        demo_target=target,
        source="asked for at the bench",
        mark=Mark.CHOSEN,
        checked_on="",
        evidence="textbook",
        context=dict(CONTEXT),
        approved=True,
    )
