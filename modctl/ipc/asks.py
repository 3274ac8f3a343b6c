"""Questions that the screen and plain mode ask in the same words: what still holds, and what a start was missing."""

import itertools
from collections.abc import Sequence
from typing import Final

from modctl import text
from modctl.ipc.messages import GateView
from modctl.ipc.servicing import HeadRow

BODY_WEIGHT: Final = "body_weight"  # a refusal of a start with this code wants a number
HEAD: Final = "unit_head"  # and with this one, where no head was named, the head in the hand
BODY_WEIGHT_KG: Final = (10, 400)  # as the controller takes it
MAX_WORDS_CHARS: Final = 200  # chosen: what fits beside an answer; the controller keeps up to 500
BECAUSE: Final = "because …"

WEIGHT_GATE: Final = GateView(
    gate=BODY_WEIGHT,
    title="Body weight in kg",
    text="Traction is bounded by a part of it. Weigh the patient; it is kept with today's date.",
    answers=(),
    closes=(),
    minimum=BODY_WEIGHT_KG[0],
    maximum=BODY_WEIGHT_KG[1],
)


def head_gate(unit: str, heads: Sequence[HeadRow]) -> GateView:
    """Which of a unit's heads is in the hand, where the wire does not tell: read off the head, answered with a key."""
    return GateView(
        gate=HEAD,
        title=f"Which head of {unit} is in your hand?",
        text="Read its serial number. Area and calibration belong to the head.",
        answers=tuple((one.serial, f"{one.serial}, {_head_words(one)}") for one in heads if one.kind == "head"),
        closes=(),
    )


def held(gates: Sequence[GateView], gate: str | None) -> tuple[GateView, ...]:
    """The open question and those behind it, as long as an earlier answer to each still holds."""
    names = [one.gate for one in gates]
    rest = gates[names.index(gate) :] if gate in names else ()
    return tuple(itertools.takewhile(lambda one: one.carried is not None, rest))


def held_words(gates: Sequence[GateView]) -> tuple[str, ...]:
    """Each answer that still holds with its age, a line each."""
    return tuple(f"{one.title.rstrip('?')}: {_held_answer(one)}, {text.age(one.age_s)} ago" for one in gates)


def answer_words(gate: GateView, answer: str) -> str:
    """An answer in the words in which it is offered."""
    return next((label for key, label in gate.answers if key == answer), answer)


def _held_answer(gate: GateView) -> str:
    return answer_words(gate, gate.carried or "")


def _head_words(head: HeadRow) -> str:
    area = f"{text.quantity('era_mm2', head.era_mm2)}, " if head.era_mm2 else ""
    until = f" until {head.due}" if head.due and head.calibration == "valid" else ""
    return f"{area}calibration {head.calibration.upper() if head.calibration != 'valid' else 'valid'}{until}"
