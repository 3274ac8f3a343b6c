"""The day's round: what is looked at before the first patient and after the last one. Pure; the desk gathers the facts.

Rule 1: a check says what was found, never what was meant to be found; what cannot be seen is open, not ok.
Rule 2: a stop switch counts as tested today when its unit told of the press and the release, whoever pressed it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from devices.model import NS_PER_S, Modality
from modctl import text
from modctl.engine.phases import OVER
from modctl.engine.session import next_gate
from modctl.engine.state import CoreState
from modctl.engine.unit import UnitState, UnitStatus
from modctl.records import RoundCheck

OK: Final = "ok"
OPEN: Final = "open"
JUST_NOW_NS: Final = 3_600 * NS_PER_S  # chosen: a round is signed within the hour; a test of yesterday is none of today


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine does not know. ``tested``: units whose switch was tested today, as the chart says.

    ``jumps`` counts the clock's jumps of the last day; ``anchors`` are the folders with what was found of each,
    empty where it can be used.
    """

    tested: frozenset[str]
    jumps: int
    anchors: tuple[tuple[str, str], ...]


def round_checks(state: CoreState, facts: Facts, now_ns: int) -> tuple[RoundCheck, ...]:
    """Everything that the round looks at: stop switches first, they are what a patient waits for."""
    pullers = [unit for unit in state.units.values() if unit.config.profile.device.modality is Modality.TRACTION]
    tanks = [unit for unit in state.units.values() if unit.config.profile.is_monitored]
    others = [unit for unit in state.units.values() if not unit.config.profile.is_monitored]
    return (
        *(_switch(unit, facts, now_ns) for unit in pullers if not unit.config.profile.is_monitored),
        *(_tank(unit) for unit in tanks),
        *(_unit(unit) for unit in others),
        _clock(facts),
        *_anchors(facts),
        _open_sessions(state),
    )


def _switch(unit: UnitState, facts: Facts, now_ns: int) -> RoundCheck:
    name, tested_ns = unit.config.name, unit.switch_tested_ns
    if tested_ns is not None and now_ns - tested_ns < JUST_NOW_NS:
        return _check("stop_switch", name, OK, f"pressed and let go {text.age((now_ns - tested_ns) // NS_PER_S)} ago")
    if name in facts.tested:
        return _check("stop_switch", name, OK, "tested today")
    if not unit.tells_switch:
        return _check("stop_switch", name, OPEN, "this unit does not tell: test it by hand, at the first session")
    pressed = "pressed now: let go" if unit.switch_is_pressed else "not tested today: press it for a second, let go"
    return _check("stop_switch", name, OPEN, pressed)


def _tank(unit: UnitState) -> RoundCheck:
    level = unit.config.profile.level.name
    value = None if unit.sample is None or not unit.line_open else unit.sample.get(level)
    return _check("tank", unit.config.name, OPEN if value is None else OK, text.quantity(level, value))


def _unit(unit: UnitState) -> RoundCheck:
    is_usable = unit.status in (UnitStatus.READY, UnitStatus.IN_SESSION)
    found = f"{unit.status}: {unit.reason}" if unit.reason else str(unit.status)
    return _check("unit", unit.config.name, OK if is_usable else OPEN, found)


def _clock(facts: Facts) -> RoundCheck:
    if facts.jumps == 0:
        return _check("clock", "", OK, "no jump within a day")
    return _check("clock", "", OPEN, f"{facts.jumps} jumps within a day: set the time service right")


def _anchors(facts: Facts) -> Sequence[RoundCheck]:
    if not facts.anchors:
        return [_check("anchor", "", OPEN, "none: no signed head leaves this machine")]
    return [_check("anchor", folder, OPEN if why else OK, why or "can be written") for folder, why in facts.anchors]


def _open_sessions(state: CoreState) -> RoundCheck:
    """What was ended and not answered, or is not over at all."""
    runs = [run.state for run in state.sessions.values()]
    live = [one.setup.unit for one in runs if one.phase not in OVER]
    unsaid = [one.setup.unit for one in runs if one.phase in OVER and next_gate(one) is not None]
    told = [*(f"{unit} is in a session" for unit in live), *(f"{unit} waits for answers" for unit in unsaid)]
    return _check("open_sessions", "", OPEN if told else OK, ", ".join(told) or "none")


def _check(check: str, subject: str, result: str, found: str) -> RoundCheck:
    return RoundCheck(check=check, subject=subject, result=result, found=found)
