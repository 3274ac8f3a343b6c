"""What a screen may claim at one moment. Values in, values out: no clock, no socket, no library.

Rule 1: the last good number is never shown as today's: what is older than it may be is *no data*.
Rule 2: unknown is a state; nothing here turns it into off.
Rule 3: Escape steps back only when a current snapshot proves that no session is live; in doubt it stops.
"""

from enum import StrEnum
from typing import Final

import msgspec

from devices.model import NS_PER_MS, NS_PER_S
from modctl.ipc.messages import SessionView, Snapshot, UnitRow

SNAPSHOT_MAX_AGE_NS: Final = NS_PER_S  # the screens' own rule: after one second of silence there is no data
MAX_TABS: Final = 4  # chosen: what one person can look after, and what 24 lines can show
NOT_LIVE: Final = ("checking", "ended")


class Link(StrEnum):
    """The connection to the controller."""

    CONNECTING = "connecting"
    UP = "up"
    LOST = "lost"


class Showing(StrEnum):
    """What is said of a session's output."""

    OFF = "off"
    ENERGIZED = "energized"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"
    NO_DATA = "no data"


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """All that the screens draw from."""

    now_ns: int
    link: Link
    since_ns: int = 0  # when this screen began: what blinks keeps time with it
    snapshot: Snapshot | None = None
    tabs: tuple[str | None, ...] = (None,) * MAX_TABS  # session of each tab; a tab never moves while it is taken
    large: str | None = None  # the session shown large
    starting: frozenset[str] = frozenset()  # confirmed here, not yet seen to begin or end
    user: str = ""
    role: str | None = None  # None: nobody is signed in on this connection
    link_text: str = ""  # why there is no connection
    notice: str = ""
    is_locked: bool = False  # nobody has touched this screen for a while
    types_text: bool = False  # a text field has the focus: printable keys are text

    def age_ns(self) -> int | None:
        """Age of the newest snapshot; None without one."""
        return None if self.snapshot is None else self.now_ns - self.snapshot.mono_ns

    def is_current(self) -> bool:
        """The newest snapshot is young enough to be believed, and more can come."""
        age_ns = self.age_ns()
        return self.link is Link.UP and age_ns is not None and 0 <= age_ns <= SNAPSHOT_MAX_AGE_NS

    def session(self, session: str | None) -> SessionView | None:
        """One session of the newest snapshot."""
        found = () if self.snapshot is None else self.snapshot.sessions
        return next((view for view in found if view.session == session), None)

    def shown_large(self) -> SessionView | None:
        """The session shown large."""
        return self.session(self.large)

    def unit(self, name: str) -> UnitRow | None:
        """One unit of the newest snapshot."""
        found = () if self.snapshot is None else self.snapshot.units
        return next((row for row in found if row.name == name), None)

    def tabbed(self) -> tuple[tuple[int, SessionView], ...]:
        """The sessions of this screen with their numbers, from 1."""
        found = ((number, self.session(name)) for number, name in enumerate(self.tabs, 1))
        return tuple((number, view) for number, view in found if view is not None)

    def live(self) -> tuple[SessionView, ...]:
        """Sessions whose output could differ from off, in the order of their start."""
        if self.snapshot is None:
            return ()
        settled = settled_units(self.snapshot)
        return tuple(view for view in self.snapshot.sessions if is_live(view, settled, self.starting))

    def is_settled(self, view: SessionView) -> bool:
        """The session's unit is in use again: whatever was unknown, a person has cleared it since."""
        return self.snapshot is not None and view.unit in settled_units(self.snapshot)

    def is_fresh(self, view: SessionView) -> bool:
        """The unit's newest sample may still be shown as what is."""
        age_ns = self.age_ns()
        if not self.is_current() or age_ns is None or view.age_ms is None:
            return False
        return view.age_ms * NS_PER_MS + age_ns <= view.stale_ms * NS_PER_MS


def settled_units(snapshot: Snapshot) -> frozenset[str]:
    """Units that may be used. A unit whose off was not confirmed is not one until a person has acknowledged it."""
    return frozenset(row.name for row in snapshot.units if row.state in ("ready", "in-session"))


def is_live(view: SessionView, settled: frozenset[str], starting: frozenset[str] = frozenset()) -> bool:
    """The session's output could differ from off, or nobody knows."""
    if view.phase == "ended" or (view.phase == "unconfirmed" and view.unit in settled):
        return False
    return view.phase not in NOT_LIVE or view.output != "off" or view.session in starting


def held_here(sight: Sight) -> bool:
    """Something live needs a screen: somebody must stay, or what it gives is not known, or it is being started."""
    return any(view.attended or view.phase == "unconfirmed" or view.session in sight.starting for view in sight.live())


def showing(sight: Sight, view: SessionView) -> Showing:
    """What may be said of a session's output now. An end that was confirmed needs no fresh sample."""
    if view.phase == "unconfirmed" or view.outcome == "unconfirmed":
        return Showing.OFF if sight.is_settled(view) else Showing.UNKNOWN
    if view.phase == "ended":
        return Showing.OFF
    if not sight.is_fresh(view):
        return Showing.NO_DATA
    known = (Showing.OFF, Showing.ENERGIZED, Showing.SUSPENDED)
    return next((state for state in known if state == view.output), Showing.UNKNOWN)


def only_asks(sight: Sight, view: SessionView) -> bool:
    """The questions before the start are open, and the controller says so now: a unit at rest need not talk."""
    return view.phase == "checking" and view.session not in sight.starting and sight.is_current()


class StopKey(StrEnum):
    """What the keys of the session shown large do now."""

    SESSION = "session"
    EVERYTHING = "everything"
    NOTHING = "nothing"  # nothing is live: Escape steps back


class StopTarget(msgspec.Struct, frozen=True):
    """What Escape, space and s stop."""

    key: StopKey
    session: str | None = None


def stop_target(sight: Sight) -> StopTarget:
    """The live session shown large; else the only live one; else, when several or nobody knows, everything."""
    live = sight.live()
    if any(view.session == sight.large for view in live):
        return StopTarget(StopKey.SESSION, sight.large)
    if len(live) == 1:
        return StopTarget(StopKey.SESSION, live[0].session)
    if live or not sight.is_current() or _has_output(sight.snapshot):
        return StopTarget(StopKey.EVERYTHING)
    return StopTarget(StopKey.NOTHING)


def of_this_screen(sight: Sight) -> tuple[str, ...]:
    """The sessions that F12 and Ctrl+C stop by name. None named: everything, because no other screen has a session.

    So it is too where this screen has none, or where the newest snapshot is too old to be believed: in doubt
    everything stops. A session whose off was not confirmed is everybody's.
    """
    if sight.snapshot is None or not sight.is_current():
        return ()
    live = sight.live()
    going = [view for view in sight.snapshot.sessions if view in live or view.phase not in ("ended", "unconfirmed")]
    mine = [view.session for view in going if view.attended_by_me or view.session in sight.starting]
    doubtful = [view.session for view in going if view.phase == "unconfirmed"]
    named = {*mine, *doubtful} if mine else set()
    return tuple(view.session for view in going if view.session in named) if len(named) < len(going) else ()


def _has_output(snapshot: Snapshot | None) -> bool:
    """A unit gives output, whoever commanded it. A unit that does not answer is not a reason to keep Escape."""
    found = () if snapshot is None else snapshot.units
    return any(row.output in ("energized", "suspended") and not row.monitored for row in found)  # a tank is always hot


def tabs_after(tabs: tuple[str | None, ...], snapshot: Snapshot, large: str | None) -> tuple[str | None, ...]:
    """Tabs with what has ended and is answered taken off (not while it is shown large) and what is new put on."""
    settled = settled_units(snapshot)
    open_now = [
        view.session for view in snapshot.sessions if is_live(view, settled) or not view.closed or view.session == large
    ]
    kept = [name if name in open_now else None for name in tabs]
    for name in open_now:
        if name not in kept and None in kept:
            kept[kept.index(None)] = name
    return tuple(kept)
