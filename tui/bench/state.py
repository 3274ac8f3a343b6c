"""What the technician's screen knows at one moment, and what its stop keys stop. Values in, values out.

Rule 1: no patient is ever on it, whoever is signed in: names and treatments are taken out before anything is kept.
Rule 2: what is older than it may be is no data; nothing here turns unknown into off.
Rule 3: what a stop key stops is said before it is pressed, and it never asks.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from devices.bench import TruthIs
from devices.racking import Listing
from modctl.ipc.messages import GateView, SessionView, Snapshot, Stop, UnitRow
from modctl.ipc.servicing import AffectedRow, UnitDetail
from modctl.service_records import UnitChecked
from tui.bench.pages import Page
from tui.bench.sheet import Sheet
from tui.sight import SNAPSHOT_MAX_AGE_NS, Link, settled_units

SCREEN: Final = "screen"
GIVES: Final = ("energized", "suspended")
RACKED: Final = (Page.RACK, Page.MODELS)
AT_A_TABLE: Final = "a SESSION AT A TABLE"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded last, or looked back at; ``says`` what the look-back came to, empty before there was one."""

    head: str
    checked: UnitChecked | None
    affected: tuple[AffectedRow, ...] = ()
    says: str = ""


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """All that is drawn from."""

    now_ns: int
    link: Link
    page: Page = Page.UNITS
    trail: tuple[Page, ...] = ()  # the pages that lead back
    unit: str = ""  # the one of the site that is chosen or shown
    simulator: str = ""  # the one of the rack that is chosen
    choice: int = 0  # which line of the page
    snapshot: Snapshot | None = None  # without patients
    mine: tuple[str, ...] = ()  # sessions that this screen began and has not seen end
    details: Mapping[str, UnitDetail] = {}
    truths: Mapping[str, TruthIs] = {}
    rack: tuple[Listing, ...] = ()
    sheet: Sheet | None = None
    record: Record | None = None
    is_locked: bool = False  # nothing but looking and stopping is taken here until somebody signs in

    def is_of_rack(self) -> bool:
        """The page is about the simulators, not about a unit of the site."""
        return self.page in RACKED or Page.RACK in self.trail

    def subject(self) -> str:
        """The name that the page is about."""
        return self.simulator if self.is_of_rack() else self.unit

    def slot(self, name: str) -> Listing | None:
        """One simulated unit."""
        return next((one for one in self.rack if one.name == name), None)

    def went(self, page: Page) -> "Bench":
        """Another page; a page that leads here already is gone back to."""
        trail = (*self.trail, self.page)
        if page in trail:
            trail = trail[: trail.index(page)]
        return msgspec.structs.replace(self, page=page, trail=trail, choice=0)

    def went_back(self) -> "Bench":
        """The page before."""
        return self.went(self.trail[-1] if self.trail else Page.UNITS)

    def is_current(self) -> bool:
        """The newest snapshot is young enough to be believed."""
        if self.link is not Link.UP or self.snapshot is None:
            return False
        return 0 <= self.now_ns - self.snapshot.mono_ns <= SNAPSHOT_MAX_AGE_NS

    def rows(self) -> tuple[UnitRow, ...]:
        """Every unit of the site."""
        return () if self.snapshot is None else self.snapshot.units

    def row(self, name: str) -> UnitRow | None:
        """One unit."""
        return next((row for row in self.rows() if row.name == name), None)

    def session_on(self, unit: str) -> SessionView | None:
        """The session on a unit that is not over, else the newest bench run that was."""
        found = [view for view in self.sessions() if view.unit == unit]
        settled = frozenset() if self.snapshot is None else settled_units(self.snapshot)
        going = [view for view in found if not is_over(view, settled)]
        ended = [view for view in found if view.load]
        return next(iter(reversed(going or ended)), None)

    def sessions(self) -> tuple[SessionView, ...]:
        """Every session that the controller tells of."""
        return () if self.snapshot is None else self.snapshot.sessions


def without_patients(snapshot: Snapshot) -> Snapshot:
    """The same without anybody who is treated and without what they are treated for."""
    return msgspec.structs.replace(snapshot, sessions=tuple(_without_patient(view) for view in snapshot.sessions))


def _without_patient(view: SessionView) -> SessionView:
    if view.load:
        return view
    return msgspec.structs.replace(
        view, patient="", patient_name="", preset="", title="", region="", side="", gates=(), gate=None
    )


def is_over(view: SessionView, settled: frozenset[str]) -> bool:
    """Nothing is left to stop. An end without a confirmed off is none until a person has cleared the unit."""
    return view.phase == "ended" or (view.phase == "unconfirmed" and view.unit in settled)


def still_mine(mine: tuple[str, ...], snapshot: Snapshot) -> tuple[str, ...]:
    """Of the sessions that this screen began, those that are not over; one not told of yet is not."""
    settled = settled_units(snapshot)
    over = {view.session for view in snapshot.sessions if is_over(view, settled)}
    return tuple(name for name in mine if name not in over)


def open_gate(view: SessionView) -> GateView | None:
    """The question before a bench run that is asked now."""
    if view.phase != "checking" or not view.load:
        return None
    return next((one for one in view.gates if one.gate == view.gate), None)


class Target(msgspec.Struct, frozen=True):
    """What a stop key stops, in words and as requests; nothing: there is nothing to stop."""

    words: str = ""
    stops: tuple[Stop, ...] = ()


NOTHING: Final = Target()
ALL: Final = Target("ALL units of the site", (Stop(id=0, source=SCREEN),))


def shown_target(bench: Bench) -> Target:
    """What space and s stop: what is on the unit shown; from the list what this screen runs."""
    if not bench.is_current():
        return ALL if bench.mine else _whole_unit(bench)
    if _is_list(bench):
        return _mine(bench)
    view = _going(bench, bench.unit)
    if view is not None and view.phase != "unconfirmed":
        words = f"{bench.unit}: bench run on {view.load}" if view.load else f"{bench.unit}: {AT_A_TABLE}"
        return Target(words, (Stop(id=0, session=view.session, source=SCREEN),))
    row = bench.row(bench.unit)
    return _whole_unit(bench) if view is not None or (row is not None and row.output in GIVES) else NOTHING


def escape_target(bench: Bench) -> Target:
    """What Escape stops: the same, but for a treatment at a table, which nobody ends by leaving a page of the bench."""
    view = _going(bench, bench.unit)
    is_treated = not _is_list(bench) and view is not None and not view.load
    return NOTHING if is_treated else shown_target(bench)


def mine_target(bench: Bench) -> Target:
    """What F12 and Ctrl+C stop: everything this screen runs, and every output that belongs to no session.

    Without a current word from the controller, while something runs here: all units of the site.
    """
    if not bench.is_current():
        return ALL if bench.mine else NOTHING
    wild = [row.name for row in bench.rows() if row.output in GIVES and _going(bench, row.name) is None]
    mine = _mine(bench)
    words = [mine.words, *(f"{name}, which gives output" for name in wild)]
    stops = (*mine.stops, *(Stop(id=0, unit=name, source=SCREEN) for name in wild))
    return Target(" and ".join(word for word in words if word), stops)


def _is_list(bench: Bench) -> bool:
    """No one unit of the site is shown."""
    return bench.page is Page.UNITS or bench.is_of_rack()


def _mine(bench: Bench) -> Target:
    if not bench.mine:
        return NOTHING
    names = [view.unit for view in bench.sessions() if view.session in bench.mine]
    words = f"bench run on {', '.join(names)}" if names else "the bench run that was just begun"
    return Target(words, tuple(Stop(id=0, session=name, source=SCREEN) for name in bench.mine))


def _whole_unit(bench: Bench) -> Target:
    if _is_list(bench) or not bench.unit:
        return NOTHING
    return Target(bench.unit, (Stop(id=0, unit=bench.unit, source=SCREEN),))


def _going(bench: Bench, unit: str) -> SessionView | None:
    view = bench.session_on(unit)
    settled = frozenset() if bench.snapshot is None else settled_units(bench.snapshot)
    return None if view is None or is_over(view, settled) else view
