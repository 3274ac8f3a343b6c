"""Which screen attends which session, and whether it still does. Pure: connections, sessions and the time.

Rule 1: a session is attended by the connection that began it, or by the one that acted on it last.
Rule 2: a connection that ends is a lost screen, at once; a screen that beats is lost after a second of silence.
Rule 3: what a loss does is the session's own rule; here it is only noticed, once for each loss.
"""

from collections.abc import Sequence

import msgspec

from devices.model import NS_PER_S, MonoNs

SILENT_NS = 1 * NS_PER_S  # a screen beats every 250 ms: three may be late, the fourth is a loss (hazard H09)


class Lost(msgspec.Struct, frozen=True):
    """One session lost its screen."""

    session: str
    why: str


class Attendance:
    """Kept by one thread. Connections are numbers that are used once."""

    def __init__(self) -> None:
        self._screen_of: dict[str, int] = {}
        self._heard_ns: dict[int, MonoNs] = {}  # only of connections that beat

    def attend(self, session: str, connection: int, now_ns: MonoNs, *, beats: bool) -> None:
        """This connection attends the session from now on; one that beats has a second for the next one."""
        self._screen_of[session] = connection
        if beats:
            self._heard_ns[connection] = now_ns

    def beat(self, connection: int, now_ns: MonoNs) -> None:
        """A screen's frame has left for the terminal. Beats of a connection that attends nothing mean nothing."""
        if connection in self._heard_ns:
            self._heard_ns[connection] = now_ns

    def gone(self, connection: int) -> Sequence[Lost]:
        """The connection ended."""
        return self._lose(connection, "its screen is gone")

    def forget(self, session: str) -> None:
        """The session is over."""
        connection = self._screen_of.pop(session, None)
        if connection is not None and connection not in self._screen_of.values():
            self._heard_ns.pop(connection, None)

    def silent(self, now_ns: MonoNs) -> Sequence[Lost]:
        """Sessions whose screen has been silent for a second; told once."""
        late = [connection for connection, heard in self._heard_ns.items() if now_ns - heard >= SILENT_NS]
        return [lost for connection in late for lost in self._lose(connection, "its screen is frozen")]

    def attended(self) -> Sequence[str]:
        """The sessions that have a screen."""
        return tuple(self._screen_of)

    def sessions(self, connection: int) -> Sequence[str]:
        """The sessions that a connection attends."""
        return tuple(session for session, screen in self._screen_of.items() if screen == connection)

    def _lose(self, connection: int, why: str) -> Sequence[Lost]:
        self._heard_ns.pop(connection, None)
        lost = self.sessions(connection)
        for session in lost:
            del self._screen_of[session]
        return [Lost(session, why) for session in lost]
