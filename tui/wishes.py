"""What people want to see next. It changes what is shown, and asks nothing of the controller."""

from typing import Final

import msgspec

from devices.model import Direction
from modctl.ipc.messages import Pause, Request, Step
from tui.desk import Desk, Place, Route
from tui.messages import (
    BesideChosen,
    BesideWanted,
    Finished,
    LatchShown,
    NextSession,
    PatientChosen,
    RoundShown,
    TabChosen,
    UnitChosen,
    Unlocking,
    Wish,
)
from tui.sight import Sight

OVER: Final = ("ended", "unconfirmed")
LOCKED: Final = "This screen is locked: Enter, then your PIN. Stop, pause and lower need nobody."


def follow(desk: Desk, wish: Wish, sight: Sight) -> str:
    """Change what is shown; gives a sentence where that is refused, else nothing."""
    match wish:
        case NextSession() if desk.is_locked:
            return LOCKED
        case UnitChosen():
            _choose_unit(desk, wish.unit, sight)
        case TabChosen(number=None):
            desk.show_next_tab(sight.now_ns)
        case TabChosen():
            desk.show_tab(wish.number or 0, sight.now_ns)
        case Finished():
            desk.finish()
        case Unlocking():
            desk.is_unlocking = True
        case _:
            desk.choosing = _chosen(desk.choosing, wish)
    return ""


def _chosen(now: Route | None, wish: Wish) -> Route | None:
    """What is being prepared, with one thing more chosen."""
    match wish:
        case NextSession():
            return Route(Place.UNITS)
        case LatchShown():
            return Route(Place.ACKNOWLEDGE, unit=wish.unit)
        case RoundShown():
            return Route(Place.ROUND)
        case PatientChosen() if now is not None:
            return Route(Place.PRESETS, unit=now.unit, patient=wish.patient, name=wish.name)
        case BesideWanted() if now is not None:
            return msgspec.structs.replace(now, place=Place.BESIDE, start=wish.start)
        case BesideChosen() if now is not None:
            return msgspec.structs.replace(now, place=Place.PRESETS, unit=wish.unit)
        case _:
            return now


def calms(request: Request) -> bool:
    """What makes nothing stronger: a locked screen still takes it."""
    return isinstance(request, Pause) or (isinstance(request, Step) and request.direction is not Direction.UP)


def _choose_unit(desk: Desk, unit: str, sight: Sight) -> None:
    """A unit in a session brings that session to the front; any other is prepared."""
    busy = next((view for _, view in sight.tabbed() if view.unit == unit and view.phase not in OVER), None)
    if busy is not None:
        desk.show_large(busy.session, sight.now_ns)
    else:
        desk.choosing = Route(Place.PATIENTS, unit=unit)
