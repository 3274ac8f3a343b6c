"""What this screen is in the middle of: who works here, what is shown large, what is being prepared. No library.

Rule 1: only a person's key or a session's own progress changes what is shown; an alarm of another table does not.
Rule 2: what is asked of the controller and not answered yet counts as if it had begun.
"""

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from devices.model import NS_PER_S
from modctl.ipc.messages import GateView, Refused, SessionView, Snapshot, Start
from tui.idle import is_left_alone
from tui.levels import traced_value
from tui.sight import MAX_TABS, NOT_LIVE, Link, Sight, is_live, settled_units, tabs_after

NOTICE_NS: Final = 8 * NS_PER_S  # chosen: long enough to be read twice by somebody who looks at the skin meanwhile
JUST_SAID_NS: Final = NS_PER_S // 2  # chosen: longer than an answer takes, shorter than a person reads
AWAIT_NS: Final = 3 * NS_PER_S  # chosen: a session that no snapshot names for so long after its answer is not coming
TRACE_SECONDS: Final = 600  # chosen: more columns than any screen has


class Place(StrEnum):
    """The screens."""

    SIGN_IN = "sign in"
    UNITS = "units"
    ACKNOWLEDGE = "acknowledge"
    PATIENTS = "patients"
    PRESETS = "presets"
    MISSING = "missing"
    BESIDE = "beside"
    ROUND = "round"
    OVERRIDE = "override"
    GATES = "gates"
    RUNNING = "running"
    END = "end"


class Route(msgspec.Struct, frozen=True):
    """The screen that belongs on top, and what it is about."""

    place: Place
    unit: str = ""
    patient: str = ""
    name: str = ""  # the patient's
    session: str = ""
    start: Start | None = None  # what was asked for, or will be, and waits for something more
    gate: GateView | None = None  # what that is


class Desk:
    """Everything the screens remember. Changed by the app alone; gives values."""

    def __init__(self, user: str, *, signs_in_itself: bool) -> None:
        self.user = user
        self.signs_in_itself = signs_in_itself
        self.role: str | None = None
        self.link = Link.CONNECTING
        self.link_text = ""
        self.since_ns = 0  # when the screen began
        self.choosing: Route | None = None
        self.is_locked = False  # nothing that makes anything stronger is taken here until somebody signs in
        self.is_unlocking = False  # the PIN is being asked over a running session
        self._touched_ns = 0
        self.shut: tuple[Start, Refused] | None = None  # what a soft limit refused
        self.large: str | None = None
        self._large_since_ns = 0
        self._snapshot: Snapshot | None = None
        self._tabs: tuple[str | None, ...] = (None,) * MAX_TABS
        self._starting: frozenset[str] = frozenset()
        self._notice = ("", 0)
        self._traces: dict[str, deque[int | None]] = {}
        self._traced_ns = 0

    # What happened

    def heard(self, snapshot: Snapshot) -> None:
        """The newest state of the controller."""
        self._snapshot = snapshot
        checking = {view.session for view in snapshot.sessions if view.phase == "checking"}
        self._starting &= checking
        if self.large is not None and all(view.session != self.large for view in snapshot.sessions):
            self._forget_lost_large(snapshot)
        self._tabs = tabs_after(self._tabs, snapshot, self.large)
        if self.large is None:
            self._pick_large()

    def touched(self, now_ns: int) -> None:
        """Somebody is at this screen."""
        self._touched_ns = now_ns

    def wants_lock(self, now_ns: int) -> bool:
        """Nobody has touched this screen for as long as the site lets it be. Who typed no PIN is not locked out."""
        may = self.role is not None and not self.is_locked and not self.signs_in_itself
        return may and is_left_alone(self._snapshot, self._touched_ns, now_ns)

    def signed_in(self, role: str, now_ns: int) -> None:
        """A person has shown who they are: the screen is theirs."""
        self.role = role
        self.is_locked = self.is_unlocking = False
        self._touched_ns = now_ns

    def lost(self, why: str) -> None:
        """No connection: nobody is signed in on the next one."""
        self.link = Link.LOST
        self.link_text = why
        self.role = None
        self.is_locked = self.is_unlocking = False

    def begun(self, session: str, now_ns: int) -> None:
        """The controller has taken a start: its questions come next."""
        self.choosing = None
        self.show_large(session, now_ns)

    def refused_softly(self, asked: Start, refused: Refused) -> None:
        """A soft limit stands before the start: what opens it is asked next."""
        self.shut = (msgspec.structs.replace(asked, body_weight_kg=None), refused)  # a weight was kept before that
        name = "" if self.choosing is None else self.choosing.name
        opened = "|".join(
            (refused.limit or "", *(one.limit for one in asked.overrides))
        )  # another limit, another screen
        self.choosing = Route(Place.OVERRIDE, unit=asked.unit, patient=asked.patient, name=name, session=opened)

    def confirmed(self, session: str) -> None:
        """A person has confirmed the start: from now on the session is live until a snapshot says otherwise."""
        self._starting |= {session}

    def unconfirmed(self, session: str) -> None:
        """The controller has refused that confirmation."""
        self._starting -= {session}

    def show_large(self, session: str, now_ns: int) -> None:
        """Bring a session to the front."""
        self.choosing = None
        self.large = session
        self._large_since_ns = now_ns

    def show_tab(self, number: int, now_ns: int) -> None:
        """Bring the session of a tab (from 1) to the front; an empty tab does nothing."""
        if (session := self._tabs[number - 1]) is not None:
            self.show_large(session, now_ns)

    def show_next_tab(self, now_ns: int) -> None:
        """Bring the next session to the front, around the corner."""
        taken = [session for session in self._tabs if session is not None]
        if taken:
            at = taken.index(self.large) + 1 if self.choosing is None and self.large in taken else 0
            self.show_large(taken[at % len(taken)], now_ns)

    def finish(self) -> None:
        """The session shown large is ended, answered, and read: take it off. What waits for answers comes next."""
        self.large = None
        if self._snapshot is not None:
            self._tabs = tabs_after(self._tabs, self._snapshot, None)
        self._pick_large()
        if self.large is None:
            waiting = (name for name in self._tabs if name is not None and self._waits_for_answers(name))
            self.large = next(waiting, None)

    def _waits_for_answers(self, session: str) -> bool:
        view = self._view(session)
        return view is not None and view.phase == "ended" and not view.closed

    def step_back(self) -> None:
        """One step back in what is being prepared."""
        before = {
            Place.MISSING: Place.PATIENTS,
            Place.PRESETS: Place.PATIENTS,
            Place.PATIENTS: Place.UNITS,
            Place.ROUND: Place.UNITS,
            Place.ACKNOWLEDGE: Place.UNITS,
        }
        now = self.choosing
        if now is not None and now.place is Place.OVERRIDE:
            self.choosing = msgspec.structs.replace(now, place=Place.PRESETS, session="")
        elif now is not None and now.place is Place.BESIDE and now.start is not None:
            self.choosing = msgspec.structs.replace(now, place=Place.PRESETS, unit=now.start.unit, start=None)
        elif now is not None and now.place is Place.PRESETS and now.start is not None:
            self.choosing = msgspec.structs.replace(now, place=Place.BESIDE)
        elif self.choosing is not None and self.choosing.place in before:
            self.choosing = Route(before[self.choosing.place], unit=self.choosing.unit)
        elif self.choosing is not None and self.large is not None:
            self.choosing = None
        else:
            self.choosing = Route(Place.UNITS)

    def say(self, notice: str, now_ns: int) -> None:
        """One line for a person, gone after a while."""
        self._notice = (notice, now_ns)

    def moved_on(self, now_ns: int) -> None:
        """Another screen is on top: what was said on the one before is over, unless it was said with the move."""
        if now_ns - self._notice[1] > JUST_SAID_NS:
            self._notice = ("", 0)

    def trace(self, now_ns: int) -> None:
        """Keep one value a second of every session."""
        if now_ns - self._traced_ns < NS_PER_S:
            return
        self._traced_ns = now_ns
        sight = self.sight(now_ns)
        tabbed = {view.session: view for _, view in sight.tabbed()}
        self._traces = {session: self._traces.get(session) or deque(maxlen=TRACE_SECONDS) for session in tabbed}
        for session, view in tabbed.items():
            if view in sight.live() and view.level_parameter:
                self._traces[session].append(traced_value(sight, view))

    # What is

    def sight(self, now_ns: int, *, types_text: bool = False) -> Sight:
        """All that the screens draw from, at this moment."""
        notice, said_ns = self._notice
        return Sight(
            now_ns=now_ns,
            link=self.link,
            since_ns=self.since_ns,
            snapshot=self._snapshot,
            tabs=self._tabs,
            large=self.large if self.choosing is None else None,
            starting=self._starting,
            user=self.user,
            role=self.role,
            link_text=self.link_text,
            notice=notice if now_ns - said_ns < NOTICE_NS else "",
            types_text=types_text,
            is_locked=self.is_locked,
        )

    def traces(self) -> Mapping[str, tuple[int | None, ...]]:
        """The last minutes of every session of this screen, the newest second last."""
        return {session: tuple(values) for session, values in self._traces.items()}

    def route(self) -> Route:
        """The screen that belongs on top now."""
        was_here = self.link is Link.LOST and self._snapshot is not None  # then what was shown stays, as old data
        if self.role is None and not self.signs_in_itself and not was_here:
            return Route(Place.SIGN_IN)
        if self.is_locked:
            return self._locked_route()
        if self.choosing is not None:
            return self.choosing
        if self.large is None:
            return Route(Place.UNITS)
        view = self._view(self.large)
        if view is None or (view.phase == "checking" and view.session not in self._starting):
            return Route(Place.GATES, session=self.large)
        return Route(Place.END if view.phase in ("ended", "unconfirmed") else Place.RUNNING, session=self.large)

    def _locked_route(self) -> Route:
        """What runs stays in sight; everything else, which shows who is treated, makes room for the PIN."""
        view = None if self.large is None else self._view(self.large)
        runs = view is not None and (view.phase not in NOT_LIVE or view.session in self._starting)
        if view is None or not runs or self.is_unlocking:
            return Route(Place.SIGN_IN)
        return Route(Place.RUNNING, session=view.session)

    # Inside

    def _view(self, session: str) -> SessionView | None:
        found = () if self._snapshot is None else self._snapshot.sessions
        return next((view for view in found if view.session == session), None)

    def _forget_lost_large(self, snapshot: Snapshot) -> None:
        if snapshot.mono_ns - self._large_since_ns > AWAIT_NS:
            self.large = None

    def _pick_large(self) -> None:
        """What is live belongs to the front when nobody chose anything; what others only prepare or answer does not."""
        views = [view for name in self._tabs if name is not None and (view := self._view(name)) is not None]
        settled = frozenset() if self._snapshot is None else settled_units(self._snapshot)
        first = next((view for view in views if is_live(view, settled)), None)
        self.large = None if first is None else first.session
