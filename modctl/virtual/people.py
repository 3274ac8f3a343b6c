"""What people at a clinic's tables do, and what fails there: drawn from seeded chance alone. Chances are chosen.

The odds are far from a real clinic's: people who never make mistakes and units that never fail would prove little.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from devices.bench import FAULTS
from devices.model import Direction, MonoNs
from devices.profile import ParameterSpec, Profile
from devices.sim.catalog import SIMULATED
from devices.sim.device import FaultOrder
from devices.sim.faults import CannotFail, Dice
from devices.sim.port import SimPort
from modctl.engine import events as ev
from modctl.engine.setup import GateSpec

THERAPIST: Final = "therapist"
# How many tables of each model a clinic has, in turns: hip treatments, most used first.
MODELS: Final[Sequence[str]] = (
    "hasomed-p24",
    "reference-ultrasound",
    "reference-heat",
    "reference-traction",
    "hasomed-rehastim2",
    "reference-estim",
    "reference-cold",
    "reference-ultrasound",
)
DURATIONS_S: Final = (20, 60, 120, 300, 600, 600, 900, 1_200)
FAULT_LASTS_MS: Final = (100, 400, 1_000, 3_000, 10_000, 60_000, 0)  # 0: until somebody mends it
COUNTS: Final = (0, 0, 0, 1, 1, 1, 1, 2, 2, 2)  # how many things fail in one visit


class FaultToCome(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of one visit. ``after_ms`` counts from the request; ``lasts_ms`` 0: until it is mended."""

    order: FaultOrder
    after_ms: int
    lasts_ms: int


class ActToCome(msgspec.Struct, frozen=True, kw_only=True):
    """What a person does in a session, or to all of them."""

    after_ms: int
    do: str


# Out of a hundred acts in a session.
_ACTS: Final[tuple[tuple[str, int], ...]] = (
    ("up", 34),
    ("down", 14),
    ("hold", 4),
    ("pause", 14),
    ("resume", 10),  # whether it is the time for it or not
    ("stop", 8),
    ("stop twice", 2),
    ("leave", 4),
    ("stop unit", 3),
    ("stop all", 1),
    ("acknowledge", 2),
    ("answer", 4),
)


def acts_of(dice: Dice, planned_s: int) -> Sequence[ActToCome]:
    """A visit's acts, in no order. A pause is followed by somebody who goes on, mostly."""
    acts = []
    for _ in range(dice.below(10)):
        after_ms = dice.below((planned_s + 10) * 1_000)
        do = _drawn(dice)
        presses = 1 + dice.below(6) if do in ("up", "down") else 1
        acts += [ActToCome(after_ms=after_ms + 160 * press, do=do) for press in range(presses)]
        if do == "pause" and dice.hits(800):
            acts.append(ActToCome(after_ms=after_ms + 300 + dice.below(30_000), do="resume"))
    return acts


def _drawn(dice: Dice) -> str:
    throw = dice.below(sum(weight for _, weight in _ACTS))
    for do, weight in _ACTS:
        throw -= weight
        if throw < 0:
            return do
    return "hold"


def event_of(do: str) -> ev.SessionEvent | None:
    """An act as the engine hears it; None for one that is no session's."""
    match do:
        case "up" | "down" | "hold":
            return ev.LevelAsked(actor=THERAPIST, direction=Direction(do))
        case "pause":
            return ev.PauseAsked(actor=THERAPIST)
        case "resume":
            return ev.ResumeAsked(actor=THERAPIST)
        case "stop" | "stop twice":
            return ev.StopAsked(actor=THERAPIST, source="screen", fast=do == "stop twice")
        case _:
            return None


def answer_to(gate: GateSpec, dice: Dice) -> ev.Answered:
    """Mostly the answer that goes on; now and then any other one."""
    if not gate.answers:
        low, high = gate.minimum or 0, gate.maximum or 0
        answer = str(low + dice.below(high - low + 1))
    else:
        opening = [word for word in gate.answers if word not in gate.closes]
        answer = (
            gate.answers[dice.below(len(gate.answers))] if dice.hits(10) else opening[-1 if len(opening) == 1 else 0]
        )
    return ev.Answered(
        gate=gate.gate, answer=answer, actor=THERAPIST, source="person", age_s=0, took_ms=300 + dice.below(3_000)
    )


def menu_of(model: str, profile: Profile) -> Sequence[str]:
    """Every fault that a model can have, on its line or in itself."""
    can = []
    for fault in FAULTS:
        trial = SimPort(SIMULATED[model].make("trial", 1, "rtu"), 1)
        try:
            trial.inject(order_of(fault, profile.level, Dice(1)), MonoNs(1))
        except CannotFail:
            continue
        can.append(fault)
    return tuple(can)


def faults_of(dice: Dice, menu: Sequence[str], level: ParameterSpec, planned_s: int) -> Sequence[FaultToCome]:
    """None, one or two faults of one visit, at any time of it: from before the request to after the end."""
    count = COUNTS[dice.below(len(COUNTS))]
    faults = []
    together_ms = dice.below((planned_s + 40) * 1_000)
    for _ in range(count):
        after_ms = together_ms + dice.below(2_000) if dice.hits(500) else dice.below((planned_s + 40) * 1_000)
        faults.append(
            FaultToCome(
                order=order_of(menu[dice.below(len(menu))], level, dice),
                after_ms=after_ms,
                lasts_ms=FAULT_LASTS_MS[dice.below(len(FAULT_LASTS_MS))],
            )
        )
    return faults


def order_of(fault: str, level: ParameterSpec, dice: Dice) -> FaultOrder:
    """A fault with parameters that mean something to this model; what has a default keeps it half of the time."""
    span = level.max - level.min
    drawn = {
        "value": level.min + dice.below(span // level.step + 1) * level.step,
        "at": dice.below(span + 1),
        "per_s": 1 + dice.below(1 + span // 20),
        "mm": 1 + dice.below(60),
        "count": 1 + dice.below(6),
        "ms": 50 + dice.below(3_000),
        "permille": 1 + dice.below(1_000),
        "gain_permille": dice.below(3_000),
    }
    chosen = []
    for name, default in FAULTS[fault].parameters:
        is_left_out = default is not None or name in FAULTS[fault].optional
        if name in drawn and not (is_left_out and dice.hits(500)):
            value = drawn[name]
            if fault == "truncate":
                value = dice.below(20)
            elif fault in ("offset", "drift") and name == "value":
                value = dice.below(span // 2 + 1) - span // 4
            chosen.append((name, value))
    return FaultOrder(fault=fault, parameters=tuple(chosen))
