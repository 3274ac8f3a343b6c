"""Which questions are asked again, which answers still hold, and which measures are not due. Pure.

Rule 1: an answer that closes its gate is never carried; neither is one whose age is not known for sure.
Rule 2: an answer that holds is still said by a person: a valid gate is one line and one key, not nothing.
Rule 3: a site shortens how long an answer holds and never lengthens it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from modctl.clinic.presets import Gate

NS_PER_S: Final = 1_000_000_000
S_PER_DAY: Final = 86_400
BODY_WEIGHT: Final = "body_weight"
BODY_WEIGHT_DAYS: Final = 30  # contract
CLOCKS_AGREE_S: Final = 60  # chosen: more than that between two clocks of one boot is a clock that was set
ROM_BEFORE: Final = "rom_before"
ROM_AFTER: Final = "rom_after"


class Ask(StrEnum):
    """What becomes of one gate in this session."""

    ASK = "ask"
    VALID = "valid"
    NOT_DUE = "not-due"


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A moment on the clocks that a chart entry has: RFC 3339, and CLOCK_BOOTTIME of one boot."""

    at_utc: str
    boottime_ns: int
    boot: str


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Where an answer was given, or is to be given: what it may have to share with a later session."""

    patient: str
    modality: str
    region: str
    side: str
    unit: str


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """One answer out of the chart, with its moment on all clocks."""

    gate: str
    answer: str
    moment: Moment
    scene: Scene


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One gate now. ``answer`` and ``age_s`` are of the answer that holds; of a measure that is not due, the last."""

    gate: Gate
    ask: Ask
    answer: str | None = None
    age_s: int = 0


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What every gate is judged by. ``days`` are the site's shorter times; ``rom_is_goal``: measured at every visit."""

    scene: Scene
    now: Moment
    timezone: str = "UTC"
    days: Mapping[str, int] = msgspec.field(default_factory=dict)
    rom_is_goal: bool = False


def standings(gates: Sequence[Gate], earlier: Sequence[Earlier], asking: Asking) -> tuple[Standing, ...]:
    """Every gate in its order, with what becomes of it. What is asked after the end follows what is asked before."""
    judged = tuple(_standing(gate, earlier, asking) for gate in gates)
    rom_is_asked = any(one.gate.id == ROM_BEFORE and one.ask is Ask.ASK for one in judged)
    return tuple(
        msgspec.structs.replace(one, ask=Ask.NOT_DUE) if one.gate.id == ROM_AFTER and not rom_is_asked else one
        for one in judged
    )


def arranged(standing: Sequence[Standing]) -> tuple[Standing, ...]:
    """The session's gates: who it is, then what only has to be said again, then what is asked, in the table's order."""
    taken = [one for one in standing if one.ask is not Ask.NOT_DUE]
    first, rest = taken[:1], taken[1:]
    return (*first, *(one for one in rest if one.ask is Ask.VALID), *(one for one in rest if one.ask is Ask.ASK))


def age_s(then: Moment, now: Moment) -> int | None:
    """Whole seconds between two moments; None where the clocks do not agree on it, or run backwards."""
    wall = (_wall(now) - _wall(then)).total_seconds()
    if wall < 0:
        return None
    if then.boot != now.boot:
        return int(wall)
    since_boot = (now.boottime_ns - then.boottime_ns) / NS_PER_S
    return int(wall) if since_boot >= 0 and abs(wall - since_boot) <= CLOCKS_AGREE_S else None


def policy_problems(gates: Sequence[Gate], days: Mapping[str, int]) -> tuple[str, ...]:
    """What is wrong with a site's own times, one sentence each: a gate that is not, a time that is no shorter one."""
    allowed = {BODY_WEIGHT: BODY_WEIGHT_DAYS, **{gate.id: gate.valid_days for gate in gates}}
    strange = [f"gate_days.{name}: no answer to {name!r} is ever kept" for name in days if not allowed.get(name)]
    wider = [
        f"gate_days.{name}: {given} days; from 0 (asked every time) to {allowed[name]}"
        for name, given in days.items()
        if allowed.get(name) and not 0 <= given <= allowed[name]
    ]
    return (*strange, *wider)


def weight_age_days(weighed_at_utc: str | None, now_utc: str) -> int | None:
    """Whole days since a patient was weighed; None when that is not known or lies ahead."""
    if weighed_at_utc is None:
        return None
    seconds = (datetime.fromisoformat(now_utc) - datetime.fromisoformat(weighed_at_utc)).total_seconds()
    return int(seconds) // S_PER_DAY if seconds >= 0 else None


def _standing(gate: Gate, earlier: Sequence[Earlier], asking: Asking) -> Standing:
    days = min(gate.valid_days, asking.days.get(gate.id, gate.valid_days))
    if gate.measure and asking.rom_is_goal:
        days = min(days, 1)
    last = _last(gate, earlier, asking.scene)
    if gate.measure and last is not None and not last.answer.isdecimal():
        days = min(days, 1)  # why it was not measured holds for the visit
    age = None if last is None or days == 0 else age_s(last.moment, asking.now)
    if last is None or age is None or not _holds(last, days, age, asking):
        return Standing(gate=gate, ask=Ask.ASK)
    return Standing(gate=gate, ask=Ask.NOT_DUE if gate.measure else Ask.VALID, answer=last.answer, age_s=age)


def _last(gate: Gate, earlier: Sequence[Earlier], scene: Scene) -> Earlier | None:
    """The newest answer of the same circumstances. One that closed is the newest too: an older one cannot open it."""
    fitting = [one for one in earlier if one.gate == gate.id and _shares(gate, one.scene, scene)]
    last = fitting[-1] if fitting else None
    return None if last is None or last.answer in gate.closes or not _is_answer(gate, last.answer) else last


def _is_answer(gate: Gate, answer: str) -> bool:
    """Words may have changed since: an answer that nobody could give today is not carried."""
    return any(answer == word for word, _ in (*gate.answers, *gate.also)) or answer.isdecimal()


def _shares(gate: Gate, then: Scene, now: Scene) -> bool:
    if gate.shares != ("unit",) and then.patient != now.patient:
        return False
    pairs = {
        "modality": (then.modality, now.modality),
        "region": (then.region, now.region),
        "side": (then.side, now.side),
        "unit": (then.unit, now.unit),
    }
    return all(before == after for before, after in (pairs[name] for name in gate.shares))


def _holds(last: Earlier, days: int, age: int, asking: Asking) -> bool:
    """One day is the visit: the same date at the site, however few hours ago; more days are times 24 hours."""
    if days == 1:
        return _date(last.moment, asking.timezone) == _date(asking.now, asking.timezone)
    return age < days * S_PER_DAY


def _date(moment: Moment, timezone: str) -> str:
    return f"{_wall(moment).astimezone(ZoneInfo(timezone)):%Y-%m-%d}"


def _wall(moment: Moment) -> datetime:
    return datetime.fromisoformat(moment.at_utc).astimezone(UTC)
