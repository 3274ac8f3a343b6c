"""A site's library of presets: read from its folder, held against the models, approved by a person.

Rule 1: an approval names the file's digest; a preset that was changed after it is not approved any more.
Rule 2: a preset lies inside the profile of every model that it names; what does not, does not load.
Rule 3: bounds on time bind when a preset is approved, not when a session is tried out in a simulated site.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from devices.limits import Door, Duration
from devices.model import Modality
from devices.profile import Profile
from modctl.clinic.presets import Preset
from modctl.errors import UnreachableError, UsageError

SHIPPED: Final = Path(__file__).parent / "hip"
APPROVALS: Final = "approvals.toml"
PRESET_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

# The least time that is a treatment. Stimulation, ultrasound, traction: one minute, the shortest that makers' timers
# can be set to; heat and cold: five minutes, below which a pack does nothing (PLOS ONE pone.0254790; textbook).
CLINICAL_MIN_MS: Final = MappingProxyType(
    {
        Modality.ESTIM: 60_000,
        Modality.ULTRASOUND: 60_000,
        Modality.TRACTION: 60_000,
        Modality.HEAT: 300_000,
        Modality.COLD: 300_000,
    }
)


class LibraryError(UsageError):
    """The library does not load; one finding a line."""


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person took responsibility for exactly these bytes."""

    id: str
    sha256: str
    by: str
    at_utc: str


class _Approvals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    approval: tuple[Approval, ...] = ()


def load_library(folder: Path) -> tuple[Preset, ...]:
    """Every preset of a site, by id; ``approved`` and ``sha256`` filled in. LibraryError tells all findings at once."""
    approved = {(approval.id, approval.sha256) for approval in approvals(folder)}
    loaded: list[Preset] = []
    findings: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        if path.name == APPROVALS:
            continue
        try:
            preset = parse(path.read_bytes(), path.name)
        except LibraryError as why:
            findings.append(str(why))
        except OSError as why:
            findings.append(f"{path} cannot be read: {why.strerror}")
        else:
            loaded.append(msgspec.structs.replace(preset, approved=(preset.id, preset.sha256) in approved))
    if findings:
        raise LibraryError("\n".join(findings))
    return tuple(loaded)


def parse(raw: bytes, name: str) -> Preset:
    """One preset file. What the file cannot say itself (approved, sha256) is refused there."""
    try:
        preset = msgspec.toml.decode(raw, type=Preset)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise LibraryError(f"{name}: {why}") from why
    findings = []
    if not PRESET_ID.fullmatch(preset.id) or name != f"{preset.id}.toml":
        findings.append("the file must be named after its id (small letters, digits, hyphens)")
    if preset.approved or preset.sha256:
        findings.append("approved and sha256 are not the file's to say; see modctl preset approve")
    if not preset.source.strip():
        findings.append("a preset without a source does not load")
    if not preset.models:
        findings.append("no model is named")
    if findings:
        raise LibraryError("\n".join(f"{name}: {finding}" for finding in findings))
    return msgspec.structs.replace(preset, sha256=hashlib.sha256(raw).hexdigest())


def findings_against(preset: Preset, profile: Profile) -> Sequence[str]:
    """What keeps a preset from being run on one model; empty when nothing does."""
    found = []
    if preset.modality is not profile.device.modality:
        found.append(f"is for {preset.modality}, the model gives {profile.device.modality}")
    if profile.device.role != "applicator":
        found.append(f"the model is a {profile.device.role}: it is monitored, not started by a session")
    wanted = {spec.name for spec in profile.parameter if spec.role == "setting"}
    found.extend(f"settings.{name} is missing" for name in sorted(wanted - set(preset.settings)))
    found.extend(f"settings.{name}: not this model" for name in sorted(set(preset.settings) - wanted))
    level = profile.level
    least = level.max if level.intensifies == "down" else level.min
    levels = {"cap": preset.cap, "start_level": preset.start_level, "demo_target": preset.demo_target}
    values = [(f"settings.{name}", name, value) for name, value in preset.settings.items() if name in wanted]
    values += [(what, level.name, value) for what, value in levels.items() if value != least]
    for what, name, value in values:
        spec = profile.spec(name)
        if spec is not None and not spec.min <= value <= spec.max:
            found.append(f"{what}: {value} is not within {spec.min} to {spec.max}")
        elif spec is not None and (value - spec.min) % spec.step:
            found.append(f"{what}: {value} is not on the unit's grid of {spec.step}")
    for what in ("start_level", "demo_target"):
        beyond = levels[what] < preset.cap if level.intensifies == "down" else levels[what] > preset.cap
        if beyond:
            found.append(f"{what}: {levels[what]} is more intense than the cap {preset.cap}")
    return found


def time_findings(preset: Preset, profile: Profile) -> Sequence[str]:
    """What the bounds on time, and what is needed to find them, say against approving a preset."""
    least_ms = CLINICAL_MIN_MS[preset.modality]
    found = [] if preset.duration_ms >= least_ms else [f"duration_ms: {preset.duration_ms} is below {least_ms}"]
    found += [
        f"duration_ms: {preset.duration_ms} is not within {limit.min_ms} to {limit.max_ms} ({limit.source})"
        for limit in profile.limit
        if isinstance(limit, Duration)
        and limit.door is not Door.ACKNOWLEDGE
        and not limit.min_ms <= preset.duration_ms <= limit.max_ms
    ]
    if preset.modality in (Modality.HEAT, Modality.COLD) and preset.skin_check_every_ms is None:
        found.append("skin_check_every_ms is missing: heat and cold are looked at while they are on")
    if not preset.attended and (preset.modality is not Modality.ESTIM or preset.ask_level_every_ms is None):
        found.append("attended: only stimulation may go on without its screen, and then ask_level_every_ms is needed")
    if preset.modality is Modality.ESTIM and "pulse_width_us" in preset.settings and not preset.technique:
        found.append('technique is missing: "tens" or "nmes", whose contractions and rests have bounds of their own')
    if preset.longest_ms is not None and preset.duration_ms > preset.longest_ms:
        found.append(f"duration_ms: {preset.duration_ms} is above its own longest_ms {preset.longest_ms}")
    return found


def approvals(folder: Path) -> tuple[Approval, ...]:
    """Every approval ever given in a site."""
    path = folder / APPROVALS
    if not path.exists():
        return ()
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_Approvals).approval
    except OSError as why:
        raise UnreachableError(f"{path} cannot be read: {why.strerror}.") from why
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise LibraryError(f"{path}: {why}") from why


def approval_text(approval: Approval) -> str:
    """What is added to the end of a site's approvals: nothing in it is free text."""
    lines = [f'{name} = "{value}"' for name, value in msgspec.structs.asdict(approval).items()]
    return "\n[[approval]]\n" + "\n".join(lines) + "\n"
