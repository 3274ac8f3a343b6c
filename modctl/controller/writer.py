"""The thread that owns the chart: what the engine decides becomes durable here, and is then told.

Rule 1: one thread opens, writes and closes the store; entries come in the order in which the engine made them.
Rule 2: commands, stops and alarms commit at once, with all that is queued; telemetry gathers for 100 ms.
Rule 3: the queue is bounded, and a full one is a broken chart, never a dropped entry.
Rule 4: after a failed commit nothing more is written: what runs is stopped, and the next start finds it open.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
import structlog

from devices.model import NS_PER_MS, MonoNs
from modctl.chart.anchor import AnchorFailure, Head, push_head
from modctl.chart.errors import ChartWriteError, KeysError
from modctl.chart.store import ChartStore, Written
from modctl.clock import Clock, Stamp
from modctl.controller.lanes import Lanes
from modctl.errors import ModctlError
from modctl.records import Draft, SessionEnded

GATHER_NS: Final = 100 * NS_PER_MS  # measured: from 13 to 5 % of a core for eight units at 20 Hz
MAX_BATCH: Final = 256  # chosen: more rows in a commit cost what they cost alone (13 µs each)
MAX_WAITING: Final = 4_096  # chosen: eight units at 20 Hz for 25 s; a writer 2 s behind has stopped everything
CLOSE_S: Final = 10.0  # chosen: a commit under a disk hog takes 0.15 s; a dead disk must not hold the exit for ever

_log = structlog.get_logger()


class Outlet(Protocol):
    """Who is told, in the writer's thread; each call returns at once."""

    def durable(self, session: str | None, what: str) -> None:
        """The entry that was put with ``await_as`` is on the disk."""

    def committed(self, entries: Sequence[Written]) -> None:
        """These entries are on the disk, in order."""

    def broken(self, why: str) -> None:
        """The chart cannot be written any more."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry on its way."""

    draft: Draft
    stamp: Stamp
    await_as: str | None = None
    at_once: bool = True


class _SignHead(msgspec.Struct, frozen=True):
    """Sign the chart as it stands and give the head."""

    take: Callable[[Head | None], None]


class _Close(msgspec.Struct, frozen=True):
    """Write what is queued and close."""


class ChartWriter:
    """The chart's thread. ``open_store`` is called in it; it opens without anchors, which are this writer's."""

    def __init__(
        self, open_store: Callable[[], ChartStore], outlet: Outlet, clock: Clock, anchors: Sequence[Path] = ()
    ) -> None:
        self._open_store = open_store
        self._outlet = outlet
        self._clock = clock
        self._anchors = anchors
        self._queue: Lanes[Entry | _SignHead | _Close] = Lanes()
        self._oldest_ns: MonoNs | None = None  # when the oldest entry was made that is not durable
        self._opened = threading.Event()
        self._failure: ModctlError | None = None
        self._broken = False
        self._pushing: threading.Thread | None = None
        self.is_read_at_length = False  # somebody holds a long read; the write-ahead log waits until it is over
        self._thread = threading.Thread(target=self._run, name="chart-writer", daemon=True)

    def start(self) -> None:
        """Open the chart, or raise what kept it from opening."""
        self._thread.start()
        self._opened.wait()
        if self._failure is not None:
            raise self._failure

    def put(self, entry: Entry) -> bool:
        """Queue one entry. Any one thread; False when the queue is full, and then the entry is not in it."""
        if len(self._queue) >= MAX_WAITING:
            return False
        self._queue.put(entry)
        return True

    def sign_head(self, take: Callable[[Head | None], None]) -> None:
        """Sign the chart with all that is queued now; ``take`` gets the head in the writer's thread, None if broken."""
        self._queue.put(_SignHead(take))

    def lag_ms(self, now_ns: MonoNs) -> int:
        """How long the oldest entry has been waiting to be durable."""
        oldest = self._oldest_ns
        return 0 if oldest is None else max(0, (now_ns - oldest) // NS_PER_MS)

    def close(self) -> bool:
        """Write what is queued and close; False when that did not succeed in time or the chart is broken."""
        self._queue.put(_Close())
        self._thread.join(CLOSE_S)
        return not self._thread.is_alive() and not self._broken

    def _run(self) -> None:
        try:
            store = self._open_store()
        except ModctlError as failure:
            self._failure = failure
            return
        finally:
            self._opened.set()
        in_order = False
        try:
            while self._serve(store):
                pass
            in_order = True
        finally:
            if not in_order:
                self._outlet.broken("The chart's writer ended by an error of its own.")
            store.close()
            if self._pushing is not None:
                self._pushing.join()

    def _serve(self, store: ChartStore) -> bool:
        """One batch and the order that ended it; False after the last."""
        batch, order = self._gather()
        if self._broken:
            batch.clear()
        if batch:
            self._commit(store, batch)
        if isinstance(order, _SignHead):
            order.take(self._signed(store))
        self._oldest_ns = None
        return not isinstance(order, _Close)

    def _gather(self) -> tuple[list[Entry], _SignHead | _Close | None]:
        """Entries until one must be durable at once, the gathering time is over, or the batch is full."""
        batch: list[Entry] = []
        hurried = False
        while len(batch) < MAX_BATCH:
            order = self._queue.take(self._patience(batch, hurried=hurried))
            if order is None:
                if batch:
                    break
                continue
            if not isinstance(order, Entry):
                return batch, order
            if not batch:
                self._oldest_ns = MonoNs(order.stamp.mono_ns)
            batch.append(order)
            hurried = hurried or order.at_once
        return batch, None

    def _patience(self, batch: Sequence[Entry], *, hurried: bool) -> int:
        if not batch:
            return 1000 * NS_PER_MS
        return 0 if hurried else batch[0].stamp.mono_ns + GATHER_NS - self._clock.mono_ns()

    def _commit(self, store: ChartStore, batch: Sequence[Entry]) -> None:
        try:
            written = store.append([(entry.draft, entry.stamp) for entry in batch])
        except ModctlError as failure:
            self._break(failure)
            return
        self._outlet.committed(written)
        for entry in batch:
            if entry.await_as is not None:
                self._outlet.durable(entry.draft.session, entry.await_as)
        if any(isinstance(entry.draft.data, SessionEnded) for entry in batch):
            self._turn_the_page(store, batch[-1].stamp)
        elif store.head.size == written[-1].seq:
            self._push(store.head)

    def _turn_the_page(self, store: ChartStore, stamp: Stamp) -> None:
        """After a session: push its head, begin the next key's epoch, empty the write-ahead log."""
        try:
            self._push(store.head)
            self._outlet.committed([store.rotate(stamp)])
            if not self.is_read_at_length:
                store.wal_checkpoint()
        except KeysError as failure:
            _log.error("old signing key not erased", why=str(failure))
        except ChartWriteError as failure:
            self._break(failure)

    def _signed(self, store: ChartStore) -> Head | None:
        if self._broken:
            return None
        try:
            head = store.checkpoint().head
        except ModctlError as failure:
            self._break(failure)
            return None
        self._push(head)
        return head

    def _break(self, failure: ModctlError) -> None:
        self._broken = True
        _log.critical("chart broken", why=str(failure))
        self._outlet.broken(str(failure))

    def _push(self, head: Head) -> None:
        """Give a head to the anchors on a thread of its own: a folder on a slow network must not hold the chart."""
        if not self._anchors or (self._pushing is not None and self._pushing.is_alive()):
            return  # every later head says what this one says, and more
        self._pushing = threading.Thread(
            target=lambda: _report(push_head(head, self._anchors)), name="anchors", daemon=True
        )
        self._pushing.start()


def _report(failures: Sequence[AnchorFailure]) -> None:
    for failure in failures:
        _log.warning("anchor not reached", folder=str(failure.folder), why=failure.why)
