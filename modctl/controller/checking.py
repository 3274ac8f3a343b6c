"""Readings that a technician typed, made a record: held against the unit, its heads, the meter and the tolerances.

Pure: the unit's state and the date are given. A sentence comes back where nothing can be recorded.
"""

from datetime import date, timedelta

from devices.model import Accessory, label
from modctl.clinic.checks import Judged, Reading, Typed, judge_calibration, judge_check
from modctl.engine.unit import UnitState
from modctl.ipc.servicing import CheckUnit
from modctl.service_records import UnitChecked

CALIBRATION = "calibration"
CHECK = "check"


def judged_check(request: CheckUnit, unit: UnitState, today: str, calibration_days: int) -> UnitChecked | str:
    """The record, with the next due date counted from ``today``; or why there is none, as a sentence."""
    problem = _problem(request, unit, today)
    if problem:
        return problem
    part = _part(request, unit)
    judged = _judged(request, unit, part)
    if isinstance(judged, str):
        return judged
    holds = request.what == CALIBRATION and judged.is_good
    next_due = (date.fromisoformat(today) + timedelta(days=calibration_days)).isoformat() if holds else ""
    identity = unit.identity
    return UnitChecked(
        unit=unit.config.name,
        model=unit.config.profile.device.id,
        serial=identity.serial if identity is not None else "",
        firmware=identity.firmware if identity is not None else "",
        simulated=identity is not None and identity.is_simulator,
        what=request.what,
        on=today,
        next_due=next_due,
        is_good=judged.is_good,
        head=request.head,
        points=judged.points,
        items=judged.items,
        tolerance=judged.tolerance,
        meter=label(request.meter),
        meter_due=request.meter_due,
        load=label(request.load),
        note=label(request.note),
    )


def _problem(request: CheckUnit, unit: UnitState, today: str) -> str:
    name = unit.config.name
    if request.what not in (CHECK, CALIBRATION):
        return f"{request.what!r} is neither a check nor a calibration."
    if unit.identity is None:
        return f"{name} does not answer, so it is not known which unit was on the bench."
    known = [part.serial for part in unit.config.accessories]
    if request.head and request.head not in known:
        return f"{name} has no head or part {request.head}; site.toml names {', '.join(known) or 'none'}."
    if request.head and unit.accessory and unit.accessory in known and request.head != unit.accessory:
        return f"{name} says that {unit.accessory} is plugged in, not {request.head}."
    if request.what == CHECK:
        return ""
    if any(part.kind == "head" for part in unit.config.accessories) and not request.head:
        return f"{name} is calibrated head by head: name the head ({', '.join(known)})."
    if not request.meter.strip():
        return "A calibration names its meter, and when the meter's own calibration ends."
    return _meter_problem(request, today)


def _meter_problem(request: CheckUnit, today: str) -> str:
    try:
        ends = date.fromisoformat(request.meter_due)
    except ValueError:
        return f"{request.meter_due!r} is no date; write YYYY-MM-DD."
    if ends < date.fromisoformat(today):
        return f"The calibration of {label(request.meter)} ended on {request.meter_due}: its readings prove nothing."
    return ""


def _part(request: CheckUnit, unit: UnitState) -> Accessory | None:
    return next((part for part in unit.config.accessories if part.serial == request.head), None)


def _judged(request: CheckUnit, unit: UnitState, part: Accessory | None) -> Judged | str:
    readings = tuple(Reading(set=one.set, found=one.found, left=one.left) for one in request.points)
    typed = Typed(readings=readings, items=request.items)
    profile = unit.config.profile
    if request.what == CHECK:
        return judge_check(profile.device.modality, typed)
    return judge_calibration(profile.level.name, typed, 0 if part is None else part.era_mm2)
