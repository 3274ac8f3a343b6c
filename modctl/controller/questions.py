"""Questions that a request brings with it: soft limits that a person acknowledges, checks that fall due while it runs.

Rule 1: what is acknowledged is asked by itself, before the start is confirmed, and names the limit and its source.
Rule 2: the first answer is the one that does not go on.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from devices.limits import Door, Duration, Limit, Tier
from devices.model import NS_PER_MS, UCUM_OF
from modctl import text
from modctl.clinic.gates import during_gate
from modctl.clinic.presets import Gate, Preset
from modctl.engine.checks import Verdict, check_duration, check_levels
from modctl.engine.setup import CheckSpec, GateSpec

GRACE_MS: Final = 60_000  # chosen: a minute to come from another table; a site may say otherwise
NOT_DONE: Final = "not-done"
CONFIRM: Final = "confirm"


def is_acknowledged(limit: Limit) -> bool:
    """The limit is opened by a question of its own instead of being refused."""
    return limit.tier is Tier.SOFT and limit.door is Door.ACKNOWLEDGE


Asked = tuple[Gate, str]  # a question, and the id of the limit that it opens


def acknowledgements(limits: Sequence[Limit], values: Mapping[str, int], planned_ms: int) -> tuple[Asked, ...]:
    """A question, with the id of its limit, for each acknowledged limit that the request is beyond; one a subject."""
    found: dict[str, Asked] = {}
    for limit in limits:
        verdict = _verdict(limit, values, planned_ms) if is_acknowledged(limit) else None
        if verdict is not None:
            subject = "duration" if isinstance(limit, Duration) else _parameter(limit)
            found[subject] = (_gate(subject, verdict), verdict.limit)
    return tuple(found.values())


def before_confirm(gates: Sequence[Gate], more: Sequence[Gate]) -> tuple[Gate, ...]:
    """The gates with ``more`` of them before the start is confirmed."""
    at = next((place for place, gate in enumerate(gates) if gate.id == CONFIRM), len(gates))
    return (*gates[:at], *more, *gates[at:])


def checks_of(preset: Preset, *, by_hand: bool, grace_ms: int) -> tuple[CheckSpec, ...]:
    """What falls due while a session of this preset runs."""
    holds = "pack" if by_hand else "hold"
    rows = (
        ("skin_check", preset.skin_check_every_ms, holds),
        ("ask_level", preset.ask_level_every_ms, "alarm"),
    )
    return tuple(
        _check(during_gate(name), every_ms, on_late, grace_ms)
        for name, every_ms, on_late in rows
        if every_ms is not None
    )


def gate_spec(gate: Gate, opens: str = "") -> GateSpec:
    """What the engine must know of a gate."""
    return GateSpec(
        gate=gate.id,
        closes=gate.closes,
        answers=tuple(answer for answer, _label in (*gate.answers, *gate.also)),
        minimum=gate.minimum,
        maximum=gate.maximum,
        opens=opens,
    )


def _verdict(limit: Limit, values: Mapping[str, int], planned_ms: int) -> Verdict | None:
    if not isinstance(limit, Duration):
        return check_levels((limit,), values)
    verdict = check_duration(limit, planned_ms)
    return None if verdict.is_within else verdict


def _parameter(limit: Limit) -> str:
    return str(getattr(limit, "parameter", limit.id))


def _gate(subject: str, verdict: Verdict) -> Gate:
    told = (verdict.observed or 0, verdict.bound)
    if subject in UCUM_OF:
        asked, bound = (text.quantity(subject, value) for value in told)
    else:
        asked, bound = (text.duration(value) for value in told)
    name = text.parameter(subject) if subject in UCUM_OF else subject
    return Gate(
        id=f"acknowledge_{subject}",
        title=f"Beyond what is usual: {asked}",
        text=f"{name}: {asked} is asked for; the usual bound is {bound} ({verdict.source}). Is that meant?",
        answers=(("not-acknowledged", "No: not like this"), ("acknowledged", "Yes, it is meant")),
        closes=("not-acknowledged",),
    )


def _check(gate: Gate, every_ms: int, on_late: str, grace_ms: int) -> CheckSpec:
    return CheckSpec(
        gate=gate_spec(gate),
        every_ns=every_ms * NS_PER_MS,
        grace_ns=grace_ms * NS_PER_MS,
        on_late=on_late,
        ends=gate.closes,
        leaves_open=tuple(answer for answer, _label in gate.answers if answer == NOT_DONE),
    )
