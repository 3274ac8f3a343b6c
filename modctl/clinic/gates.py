"""The questions that stand before a start and after an end, in their order; ``gates.toml`` holds their words."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from devices.model import Modality
from modctl import text
from modctl.clinic.contraindications import SCREENING, screened
from modctl.clinic.presets import Gate, Preset

GATES: Final = Path(__file__).parent / "gates.toml"
SCREENING_NOT_REVIEWED: Final = "Lists and presets have had no clinician's review."

# Keys of an answer file (a contract of the command line). Those without a gate are taken and not asked.
ANSWER_KEYS: Final = (
    "identify",
    "consent",
    "screening",
    "screening_with",  # of a combination: the partner's list
    "pain_before",
    "rom_before",
    "skin_before",
    "sensation",
    "stop_switch",
    "body_weight",
    "placement",
    "confirm",
    "pain_after",
    "rom_after",
    "skin_after",
    "followed_by",
    "sign",
    "skin_check",
    "ask_level",
    "acknowledge_layers",
    "acknowledge_duration",
    "pack_on",
    "pack_off",
)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    gate: tuple[Gate, ...]


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """The patient of a session and the side that the prescription names."""

    name: str
    birth_date: str
    side: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the braces in a gate's text stand for, in the words of people."""

    unit: str
    patient: str
    born: str
    title: str
    region: str
    side: str
    placement: str
    values: str
    minutes: str
    ready: str = ""  # what is known of the unit: who it says it is


def gates_for(modality: Modality) -> tuple[Gate, ...]:
    """Every gate of one modality, those before the start first."""
    mine = [
        screened(gate, modality) if gate.id == SCREENING else gate
        for gate in _all()
        if not gate.during and (not gate.modalities or modality in gate.modalities)
    ]
    return (*(gate for gate in mine if not gate.after), *(gate for gate in mine if gate.after))


def every_gate() -> tuple[Gate, ...]:
    """All gates of all modalities, as the file has them."""
    return _all()


def gates_with(leading: Modality, partner: Modality) -> tuple[Gate, ...]:
    """The gates of a combination's leading session: its own, and the partner's screening behind its screening."""
    asked: list[Gate] = []
    for gate in gates_for(leading):
        asked.append(gate)
        if gate.id == "screening":
            other = next(one for one in gates_for(partner) if one.id == gate.id)
            asked.append(msgspec.structs.replace(other, id="screening_with", title=f"{other.title} ({partner})"))
    return tuple(asked)


def during_gate(name: str) -> Gate:
    """A question that falls due while there is output; KeyError for one that is not among them."""
    for gate in _all():
        if gate.during and gate.id == name:
            return gate
    raise KeyError(name)


def shown(
    preset: Preset, who: Who, unit: str, level: str, settings: tuple[tuple[str, int], ...], planned_ms: int
) -> Shown:
    """What a session's gates read back. ``level`` is what it is ridden to, in words.

    ``ready`` stays empty: who knows the unit fills it in.
    """
    return Shown(
        unit=unit,
        patient=who.name,
        born=who.birth_date,
        title=preset.title,
        region=preset.region,
        side=who.side,
        placement=preset.placement,
        values=", ".join(part for part in (level, text.settings(settings)) if part),
        minutes=text.duration(planned_ms),
    )


def gate_text(gate: Gate, filled: Shown) -> str:
    """The gate's question with its braces filled. What is filled in is not searched for braces again."""
    return gate.text.strip().format_map(msgspec.structs.asdict(filled))


def gate_title(gate: Gate, filled: Shown) -> str:
    """The gate's title with its braces filled."""
    return gate.title.format_map(msgspec.structs.asdict(filled))


def problem_with_answer(gate: Gate, answer: str) -> str | None:
    """Why an answer is none of this gate, as a sentence; None when it is one. Closing answers are answers."""
    allowed = [word for word, _ in (*gate.answers, *gate.also)]
    if answer in allowed:
        return None
    if gate.maximum is None:
        return f"{gate.id}: {answer!r} is none of {', '.join(allowed)}"
    low, high = gate.minimum or 0, gate.maximum
    is_number = answer.isascii() and answer.isdigit()
    if is_number and low <= int(answer) <= high:
        return None
    return f"{gate.id}: {answer!r} is no whole number from {low} to {high}"


def open_gate(answers: Mapping[str, str], gates: tuple[Gate, ...]) -> tuple[str, str] | None:
    """The first gate that a file of answers leaves closed, with the reason; None when it opens all of them."""
    for gate in gates:
        answer = answers.get(gate.id, gate.unsaid or None)
        if answer is None:
            return gate.id, f"{gate.id} is not answered"
        problem = problem_with_answer(gate, answer)
        if problem is not None:
            return gate.id, problem
        if answer in gate.closes:
            return gate.id, f"{gate.id}: {answer!r} does not go on"
    return None


def unsaid(gate_id: str) -> str | None:
    """What a file of answers says that does not name this gate; None: nothing, and the gate stays closed."""
    return next((gate.unsaid for gate in _all() if gate.id == gate_id and gate.unsaid), None)


@functools.cache
def _all() -> tuple[Gate, ...]:
    return msgspec.toml.decode(GATES.read_bytes(), type=_File).gate
