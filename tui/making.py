"""From a route to the screen that shows it: one line a place."""

from collections.abc import Callable, Mapping
from typing import Final

from textual.screen import Screen

from tui.desk import Desk, Place, Route
from tui.screens.acknowledge import AcknowledgeScreen
from tui.screens.beside import BesideScreen
from tui.screens.day_round import RoundScreen
from tui.screens.end import EndScreen
from tui.screens.gates import GatesScreen
from tui.screens.missing import MissingScreen
from tui.screens.override import OverrideScreen
from tui.screens.patients import PatientsScreen
from tui.screens.presets import PresetsScreen
from tui.screens.running import RunningScreen
from tui.screens.sign_in import SignInScreen
from tui.screens.units import UnitsScreen

_MAKES: Final[Mapping[Place, Callable[[Route, Desk], Screen[None]]]] = {
    Place.SIGN_IN: lambda _, desk: SignInScreen(desk.user),
    Place.UNITS: lambda *_: UnitsScreen(),
    Place.ACKNOWLEDGE: lambda route, _: AcknowledgeScreen(route.unit),
    Place.PATIENTS: lambda route, _: PatientsScreen(route.unit),
    Place.PRESETS: lambda route, _: PresetsScreen(route.unit, route.patient, route.name, route.start),
    Place.ROUND: lambda *_: RoundScreen(),
    Place.MISSING: lambda route, _: _missing(route),
    Place.BESIDE: lambda route, _: UnitsScreen() if route.start is None else BesideScreen(route.start),
    Place.OVERRIDE: lambda _, desk: UnitsScreen() if desk.shut is None else OverrideScreen(*desk.shut),
    Place.GATES: lambda route, _: GatesScreen(route.session),
    Place.RUNNING: lambda route, _: RunningScreen(route.session),
    Place.END: lambda route, _: EndScreen(route.session),
}


def screen_of(route: Route, desk: Desk) -> Screen[None]:
    """A new screen for a place; KeyError for one that nobody makes."""
    return _MAKES[route.place](route, desk)


def _missing(route: Route) -> Screen[None]:
    """What a refused start needs; where nobody knows that, its patient is chosen again."""
    if route.start is None or route.gate is None:
        return PatientsScreen(route.unit)
    return MissingScreen(route.start, route.gate)
