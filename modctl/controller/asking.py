"""What the front desk shows of what it knows: the questions of a session, lines of its lists. Values only."""

from collections.abc import Sequence
from typing import Final

import msgspec

from devices import profile as profiles
from devices.dose import us_area_dose_mj_cm2
from devices.model import Modality
from modctl import text
from modctl.clinic.gates import Who, gate_text, gate_title, shown
from modctl.clinic.presets import Gate, Preset
from modctl.clinic.validity import Ask, Standing
from modctl.controller.accounts import Patient
from modctl.engine.riding import cap
from modctl.engine.setup import Setup
from modctl.ipc.messages import GateView, PatientRow, PresetRow

FORCE_N: Final = "force_n"
BODY_WEIGHT_G: Final = "body_weight_g"


def gate_views(
    standing: Sequence[Standing], preset: Preset, patient: Patient, setup: Setup, force_unit: str
) -> tuple[GateView, ...]:
    """The questions of a session in their order, none answered; what is set is read back in them.

    ``force_unit``: the site's unit of a pull, N, kgf or lbf.
    """
    who = Who(name=patient.name, birth_date=patient.birth_date, side=patient.side)
    level = _level(setup, patient.body_weight_g, force_unit)
    filled = shown(preset, who, setup.unit, level, setup.settings, setup.started.planned_ms)
    values = ", ".join(part for part in (filled.values, _dose(setup)) if part)
    filled = msgspec.structs.replace(filled, values=values, ready=_ready(patient, setup))
    return tuple(
        GateView(
            gate=one.gate.id,
            title=gate_title(one.gate, filled),
            text=_with_head(one.gate, gate_text(one.gate, filled), setup.started.head),
            answers=one.gate.answers,
            closes=one.gate.closes,
            words=one.gate.words,
            minimum=one.gate.minimum,
            maximum=one.gate.maximum,
            carried=one.answer if one.ask is Ask.VALID else None,
            age_s=one.age_s if one.ask is Ask.VALID else 0,
        )
        for one in standing
    )


def patient_row(patient: Patient) -> PatientRow:
    """A line of the list of patients."""
    return PatientRow(ref=patient.ref, name=patient.name, birth_date=patient.birth_date, side=patient.side)


def preset_row(preset: Preset) -> PresetRow:
    """A line of the library."""
    level = profiles.load(preset.models[0]).level.name
    return PresetRow(
        id=preset.id,
        modality=preset.modality,
        models=preset.models,
        title=preset.title,
        approved=preset.approved,
        region=preset.region,
        side="",
        planned_ms=preset.duration_ms,
        levels=(*sorted(preset.settings.items()), (level, preset.cap)),
        source=preset.source,
    )


def _level(setup: Setup, body_weight_g: int | None, force_unit: str) -> str:
    """Where the first ramp from off goes to, and the most that this session may be ridden to."""
    name = setup.level.parameter
    start, most = (
        text.pull(value, body_weight_g, force_unit) if name == FORCE_N else text.quantity(name, value)
        for value in (setup.level.start, cap(setup.level))
    )
    return f"{text.parameter(name)} from off to {start}, at most {most}"


def _dose(setup: Setup) -> str:
    """What the most that ultrasound may be ridden to is on the treated field."""
    values = {**dict(setup.settings), **dict(setup.context), setup.level.parameter: cap(setup.level)}
    dose = us_area_dose_mj_cm2(values)
    return (
        ""
        if dose is None
        else f"which is {text.ucum(dose, 'mJ/cm2')} on {text.quantity('area_mm2', values['area_mm2'])}"
    )


def _ready(patient: Patient, setup: Setup) -> str:
    """What is known of the unit, and of the weight that bounds a pull."""
    started = setup.started
    unit = f"{started.unit} answers: {started.model}, number {started.serial or 'not told'}."
    is_bound = setup.modality == Modality.TRACTION and not started.load
    weight = "" if not is_bound else text.quantity(BODY_WEIGHT_G, patient.body_weight_g)
    return f"{unit} Body weight {weight}." if weight else unit


def _with_head(gate: Gate, asked: str, head: str) -> str:
    """Where a site keeps heads, the one that is meant is read back before it touches anybody."""
    return (
        f"{asked}\nHead in the hand: serial number {head}." if head and gate.id in ("placement", "confirm") else asked
    )
