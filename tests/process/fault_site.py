"""Sites for the table of faults: some units of a few models side by side, each with what it needs around it."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from devices.bench import FAULTS
from devices.profile import Profile
from modctl.clinic import library
from modctl.clinic.presets import Preset
from modctl.config import Layout
from modctl.controller.tryout import rest_of
from tests.conformance.virtual_line import profile_of
from tests.conformance.virtual_table import made_up
from tests.process import small_site as site
from tests.scenario.fault_table import PRESETS

# Models without a row, and why. Every other one that ``modctl unit list --models`` names has its rows.
EXEMPT: Final = {
    "openwater-openlifu": "its line goes through a forwarder of the maker's, which modctl does not have yet",
    "passive": "a pack has no line that could fail, and nothing that could be switched off",
    "passive-cold": "a pack has no line that could fail, and nothing that could be switched off",
}
TANKS: Final = ("eurotherm-3216", "omron-e5cc")  # monitored: what closes is the pack that comes out of them
WITNESSES: Final = {"laumas-tlb": "iris-orca"}  # its faults are thrown while this one pulls
MOTOR, CELL = "iris-orca", "laumas-tlb"
PACK_PRESET: Final = "hip-hot-pack"
TRIES: Final = 6  # a unit that an earlier fault has heated refuses until it has cooled
TOO_HOT_MDEGC: Final = 90_000  # hotter than any tank may be


Job = tuple[str, str]  # a model, a fault


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """Where one fault at a time is thrown: the unit that has it, and the one that a session runs on."""

    breaks: str
    runs: str


def slots(model: str, side_by_side: int) -> tuple[Slot, ...]:
    """The slots of one model in a site."""
    numbers = range(1, side_by_side + 1)
    if model in WITNESSES:
        return tuple(Slot(breaks=f"{model}-{n}", runs=f"{WITNESSES[model]}-w{n}") for n in numbers)
    if model in TANKS:
        return tuple(Slot(breaks=f"{model}-{n}", runs=f"pack-of-{model}-{n}") for n in numbers)
    return tuple(Slot(breaks=f"{model}-{n}", runs=f"{model}-{n}") for n in numbers)


def patient_of(model: str, fault: str, attempt: int = 0) -> str:
    """Each attempt treats a patient of its own: nobody is given what does not go together, or the same cold twice."""
    return f"P-{model}-{fault}-{attempt}"


def preset_of(model: str) -> Preset:
    """The shipped preset where there is one, else what a laboratory or a site would write."""
    if model in PRESETS:
        path = library.SHIPPED / f"{PRESETS[model]}.toml"
        return library.parse(path.read_bytes(), path.name)
    return made_up(profile_of(model), f"made-up-for-{model}")


def parameters_of(model: str, fault: str) -> tuple[tuple[str, int], ...]:
    """What the menu has no default for, as something that this model would notice while it runs."""
    wanted = {"mdegc": TOO_HOT_MDEGC} if model in TANKS else {}
    wanted |= {"value": TOO_HOT_MDEGC, "at": TOO_HOT_MDEGC // 2, "mm": 20, "per_s": 1_000}
    if model not in (*TANKS, CELL):
        wanted |= _by_level(profile_of(model), preset_of(model).demo_target, fault)
    if model == CELL:
        wanted |= {"value": 120, "per_s": 20}  # N
    spec = FAULTS[fault]
    needs = [name for name, default in spec.parameters if default is None and name not in spec.optional]
    needs += [name for name, _ in spec.parameters if name == "mdegc" and name in wanted]
    return tuple((name, wanted[name]) for name in needs)


def _by_level(profile: Profile, target: int, fault: str) -> dict[str, int]:
    level, rest = profile.level, rest_of(profile.level)
    half = rest + (target - rest) // 2 // level.step * level.step
    beyond = min(max(2 * target - rest, level.min), level.max)
    return {
        "value": beyond if fault == "uncommanded-on" else half,
        "at": max(1, half),
        "per_s": max(1, abs(target - rest) // 4),
    }


def lay_down(root: Path, jobs: Sequence[Job], side_by_side: int) -> Layout:
    """A site with so many slots of each model of these rows, their presets, and patients for every attempt."""
    layout = site.lay_down(root, ())
    models = sorted({model for model, _ in jobs})
    units, sims = [layout.site_toml.read_text()], [layout.bench_toml.read_text()]
    for model in models:
        for number, slot in enumerate(slots(model, side_by_side), 1):
            for unit, sim in _entries(model, slot, number):
                units.append(_table("unit", unit))
                sims += [_table("sim", sim)] if sim else []
        if model not in TANKS:
            _approve(layout, preset_of(WITNESSES.get(model, model)))
    if set(models) & set(TANKS):
        path = library.SHIPPED / f"{PACK_PRESET}.toml"
        _approve(layout, library.parse(path.read_bytes(), path.name))
    layout.site_toml.write_text("".join(units))
    layout.bench_toml.write_text("".join(sims))
    site.add_patients(layout, [patient_of(*job, attempt) for job in jobs for attempt in range(TRIES)])
    return layout


def _entries(model: str, slot: Slot, seed: int) -> list[tuple[dict[str, object], dict[str, object]]]:
    """The tables of one slot: its units, and their simulated ones."""
    if model in TANKS:
        pack: dict[str, object] = {"name": slot.runs, "model": "passive", "link": "none", "tank": slot.breaks}
        return [_wired(slot.breaks, model, seed), (pack, {})]
    if model not in (MOTOR, CELL):
        return [_wired(slot.breaks, model, seed)]
    cell = slot.breaks if model == CELL else f"{CELL}-m{seed}"
    motor_unit, motor_sim = _wired(slot.runs, MOTOR, seed)
    cell_unit, cell_sim = _wired(cell, CELL, seed)
    return [({**motor_unit, "witness": cell}, motor_sim), (cell_unit, {**cell_sim, "pulled_by": slot.runs})]


def _wired(name: str, model: str, seed: int) -> tuple[dict[str, object], dict[str, object]]:
    profile = profile_of(model)
    link, address = f"serial:run/bench/{name}", f"run/bench/{name}"
    if profile.link.kind == "tcp":
        port = _free_port()
        link, address = f"tcp:127.0.0.1:{port}", f"tcp:{port}"
    unit: dict[str, object] = {"name": name, "model": model, "link": link}
    if profile.enabled:
        unit["enabled"] = list(profile.enabled)
    return unit, {"name": name, "model": model, "address": address, "seed": seed}


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _approve(layout: Layout, preset: Preset) -> None:
    """Put a preset into the site's library, with somebody's name under it."""
    path = layout.presets / f"{preset.id}.toml"
    shipped = library.SHIPPED / path.name
    if shipped.exists():
        path.write_bytes(shipped.read_bytes())
    else:
        told = {name: value for name, value in msgspec.to_builtins(preset).items() if name not in NOT_THE_FILES}
        path.write_text(_body({name: value for name, value in told.items() if not isinstance(value, dict)}))
        with path.open("a") as file:
            file.writelines(f"\n[{name}]\n{_body(value)}" for name, value in told.items() if isinstance(value, dict))
    if preset.id not in {one.id for one in library.approvals(layout.presets)}:
        sha256 = library.parse(path.read_bytes(), path.name).sha256
        approval = library.Approval(id=preset.id, sha256=sha256, by="test", at_utc="2026-01-01T00:00:00.000Z")
        with (layout.presets / library.APPROVALS).open("a") as approvals:
            approvals.write(library.approval_text(approval))


NOT_THE_FILES: Final = ("approved", "sha256", "plan")  # not the file's to say; and continuous, as made up


def _table(name: str, values: dict[str, object]) -> str:
    return f"\n[[{name}]]\n{_body(values)}"


def _body(values: dict[str, object]) -> str:
    """Lines of TOML: integers, texts and lists of texts, which are written as in JSON."""
    return "".join(
        f"{name} = {msgspec.json.encode(value).decode()}\n" for name, value in values.items() if value is not None
    )
