"""What a technician does to a unit: hold, release, ask who it is, record a check. None of it touches a session.

Rule 1: a unit in a session is left alone: to hold it, stop the session first. Whoever treats must not learn from the
        technician's screen that a unit went away, and a hold that waits for an end would be forgotten.
Rule 2: what a check says binds the next request, not one that runs: it was recorded while none ran.
"""

from devices.model import AccessorySeen
from modctl.engine import core_events as ce
from modctl.engine.effects import Identify, Reply
from modctl.engine.rounds import Rounds
from modctl.engine.unit import UnitState
from modctl.records import Record
from modctl.service_records import UnitAccessory, UnitHeld, UnitReleased

Service = ce.HoldUnit | ce.ReleaseUnit | ce.IdentifyUnit | ce.RecordCheck


class Servicing(Rounds):
    """The technician's part of one step."""

    def service(self, event: Service) -> None:
        """Do it, or say why not."""
        name = event.checked.unit if isinstance(event, ce.RecordCheck) else event.unit
        unit = self._units.get(name)
        problem = ("unknown_unit", f"This site has no unit {name!r}.") if unit is None else _objection(unit, event)
        if unit is None or problem is not None:
            code, text = problem or ("unknown_unit", "")
            self._effects.append(Reply(request=event.request, code=code, reason=text))
            return
        match event:
            case ce.HoldUnit():
                self._set(unit, held=event.reason)
                self._chart(UnitHeld(unit=name, reason=event.reason), event.actor)
            case ce.ReleaseUnit():
                self._set(unit, held="")
                self._chart(UnitReleased(unit=name), event.actor)
            case ce.IdentifyUnit():
                self._effects.append(Identify(unit=name))
            case _:  # a check; the type checker holds that nothing else is left
                kept = (one for one in unit.checks if not event.checked.outdates(one))
                self._set(unit, checks=(*kept, event.checked))
                self._chart(event.checked, event.actor)
        self._effects.append(Reply(request=event.request))

    def _chart(self, record: Record, actor: str) -> None:
        self._append(record, actor=actor)

    def on_accessory(self, unit: UnitState, seen: AccessorySeen) -> None:
        """Another head, cuff or cell than before, or the first one. A session was told of an exchange by its fault."""
        if seen.serial == unit.accessory:
            return
        self._set(unit, accessory=seen.serial)
        listed = any(one.serial == seen.serial for one in unit.config.accessories)
        self._append(UnitAccessory(unit=unit.config.name, serial=seen.serial, listed=listed))


def counted(before: tuple[tuple[str, int], ...], word: str) -> tuple[tuple[str, int], ...]:
    """One more of a word."""
    counts = dict(before)
    counts[str(word)] = counts.get(str(word), 0) + 1
    return tuple(sorted(counts.items()))


def _objection(unit: UnitState, event: Service) -> tuple[str, str] | None:
    name = unit.config.name
    if isinstance(event, ce.ReleaseUnit):
        return None if unit.held else ("not_held", f"{name} is not held.")
    if unit.session is not None:
        text = f"{name} is in a session; nothing was changed. Stop it or wait for its end, then ask again."
        return "unit_in_session", text
    match event:
        case ce.HoldUnit() if unit.hold_reason:
            return "already_held", f"{name} is held already: {unit.hold_reason}."
        case ce.IdentifyUnit() if not unit.line_open:
            return "unreachable", f"{name} cannot be asked: {unit.line_reason}."
        case _:
            return None
