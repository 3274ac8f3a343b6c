"""The chart's writer in virtual time: it gathers as the controller's own does, and commits in the time its disk takes.

Rule 1: entries are committed in the order in which the engine made them, one commit after the other.
Rule 2: an entry is in the chart, and its session is told, when its commit is over, and not before.
Rule 3: how far it is behind is told on the controller's beat, as the controller's host tells it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from devices.model import NEVER_NS, NS_PER_MS, MonoNs
from modctl.clock import Stamp
from modctl.controller.guard import BEAT_NS
from modctl.controller.host import LAG_MS
from modctl.controller.writer import GATHER_NS, MAX_BATCH, Entry
from modctl.engine.core_events import CoreEvent, Durable, WriterLag
from modctl.records import Draft

QUIET_COMMIT_NS: Final = NS_PER_MS  # chosen: a commit on a quiet disk takes a third of this
Sink = Callable[[Draft, Stamp], None]
Committed = Callable[[Draft, Stamp, MonoNs], None]  # the last one: since when it is durable


def nobody(_draft: Draft, _stamp: Stamp, _at_ns: MonoNs) -> None:
    """For worlds in which an entry counts from when it is made."""


class Disk:
    """How long commits take, from now on. A commit under way ends when it was to end."""

    def __init__(self) -> None:
        self.commit_ns = QUIET_COMMIT_NS


class VirtualWriter:
    """Takes entries, and says when it is to be worked next. ``committed`` is called once an entry is durable."""

    def __init__(self, committed: Committed, disk: Disk) -> None:
        self._tell = committed
        self._disk = disk
        self._waiting: deque[Entry] = deque()
        self._batch: tuple[Entry, ...] = ()
        self._done_ns: int = NEVER_NS  # when the commit under way is over
        self._beat_ns = 0
        self._is_lagging = False

    def put(self, entry: Entry) -> None:
        """Queue one entry."""
        self._waiting.append(entry)

    def next_ns(self) -> int:
        """When ``work`` has something to do."""
        times = [self._done_ns if self._batch else self._begins_ns()]
        oldest = self._oldest_ns()
        if self._is_lagging:
            times.append(self._beat_ns)
        elif oldest is not None:
            times.append(max(self._beat_ns, oldest + LAG_MS * NS_PER_MS))
        return min(times)

    def work(self, now_ns: MonoNs) -> Sequence[CoreEvent]:
        """Begin and end what is due; what the engine is to hear of it."""
        told: list[CoreEvent] = []
        if self._batch and self._done_ns <= now_ns:
            told.extend(self._committed(now_ns))
        if not self._batch and self._begins_ns() <= now_ns:
            count = min(len(self._waiting), MAX_BATCH)
            self._batch = tuple(self._waiting.popleft() for _ in range(count))
            self._done_ns = now_ns + self._disk.commit_ns
        if self._beat_ns <= now_ns:
            told.extend(self._beat(now_ns))
        return told

    def _begins_ns(self) -> int:
        """At once when something hurries or a batch is full, else when it has gathered for long enough."""
        if not self._waiting:
            return NEVER_NS
        if len(self._waiting) >= MAX_BATCH or any(entry.at_once for entry in self._waiting):
            return 0
        return self._waiting[0].stamp.mono_ns + GATHER_NS

    def _committed(self, now_ns: MonoNs) -> Sequence[CoreEvent]:
        batch, self._batch = self._batch, ()
        self._done_ns = NEVER_NS
        for entry in batch:
            self._tell(entry.draft, entry.stamp, now_ns)
        awaited = ((entry.draft.session, entry.await_as) for entry in batch)
        return [Durable(session=session, what=what) for session, what in awaited if session and what]

    def _beat(self, now_ns: MonoNs) -> Sequence[CoreEvent]:
        oldest = self._oldest_ns()
        by_ms = 0 if oldest is None else (now_ns - oldest) // NS_PER_MS
        if by_ms < LAG_MS and not self._is_lagging:
            return ()
        self._beat_ns = now_ns + BEAT_NS
        self._is_lagging = by_ms >= LAG_MS
        return (WriterLag(by_ms=by_ms if self._is_lagging else 0),)

    def _oldest_ns(self) -> int | None:
        first = self._batch[0] if self._batch else self._waiting[0] if self._waiting else None
        return None if first is None else first.stamp.mono_ns
