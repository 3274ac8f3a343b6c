"""What clients read of the live chart, over a reading connection of the controller's own process.

A reader in another process could leave side files that lock the writer out; so everybody asks here.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from modctl.chart.reader import OPEN, ChartReader, SessionFilter
from modctl.chart.reader import SessionRow as ChartRow
from modctl.chart.sqlite import Connection, open_reader
from modctl.chart.verify import Progress
from modctl.config import Layout
from modctl.controller.history import History, history, jumps_of_a_day, switches_of_today
from modctl.controller.judge import Question, judged
from modctl.controller.leaving import problem_with, write_out
from modctl.controller.lookback import looked_back
from modctl.controller.rounds import Facts
from modctl.ipc.evidence import ExportChart, VerifyChart
from modctl.ipc.messages import Done, Entries, ListSessions, Refused, SessionRow, Start
from modctl.ipc.server import Body
from modctl.ipc.servicing import LookBack
from modctl.records import Entry

PAGE_BYTES: Final = 48_000  # chosen: with its envelope a page stays inside a line of 64 KiB
PAGE_ROWS: Final = 256  # chosen: more than fit a page of ordinary entries
MAX_SESSIONS: Final = 100  # chosen: about 30 kB


class Reading:
    """One open reading connection; used by the thread that made it. ``busy`` is told of a long reading."""

    def __init__(self, layout: Layout, busy: Callable[[bool], None]) -> None:
        self._layout = layout
        self._connection: Connection = open_reader(layout.chart)
        self._reader = ChartReader(self._connection)
        self._busy = busy
        self._held: tuple[str, tuple[Entry, ...]] = ("", ())  # a session and its entries, for the next page

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def sessions(self, request: ListSessions) -> Done:
        """One page of sessions, the newest first."""
        limit = min(max(request.limit, 1), MAX_SESSIONS)
        rows = self._reader.sessions(SessionFilter(before=request.before), limit=limit + 1)
        shown = _rows_fitting(_session_row(row) for row in rows[:limit])
        return Done(id=0, sessions=shown, more=len(rows) > len(shown))

    def entries(self, request: Entries) -> Done:
        """One page of entries after ``since``, of one session, of one kind, or of all."""
        is_all = True
        if request.session is not None:
            name, since, kind = request.session, request.since, request.kind_of
            entries = self.session(name, since) if request.inputs else self._reader.session(name)
            found: Sequence[Entry] = [one for one in entries if one.seq > since and kind in (None, one.kind)]
        else:
            found = (
                self._reader.entries_since(request.since, PAGE_ROWS)
                if request.kind_of is None
                else self._reader.of_kind_since(request.kind_of, request.since, PAGE_ROWS)
            )
            is_all = len(found) < PAGE_ROWS
        page = _fitting(found)
        raws = tuple(msgspec.Raw(body.body) for body in page)
        return Done(id=0, entries=raws, more=len(page) < len(found) or not is_all)

    def history(self, request: Start, now_utc: str) -> History | Refused:
        """What the chart knows when a session is asked for."""
        return history(self._reader, request, now_utc)

    def facts(self, now_utc: str, timezone: str, anchors: tuple[str, ...]) -> Facts:
        """What the day's round needs of the chart and of the folders that its heads go to."""
        return Facts(
            tested=switches_of_today(self._reader, now_utc, timezone),
            jumps=jumps_of_a_day(self._reader, now_utc),
            anchors=tuple((folder, _problem_with_anchor(folder)) for folder in anchors),
        )

    def page(self, since: int) -> Sequence[Body]:
        """The entries after ``since`` as bytes, as many as fit a page."""
        return _fitting(self._reader.entries_since(since, PAGE_ROWS))

    def last_head(self) -> Done:
        """The newest signed head."""
        note = self._reader.last_head()
        return Done(id=0, note=None if note is None else note.decode(errors="replace"))

    def verify(self, request: VerifyChart, progress: Progress) -> Done:
        """Have the live chart judged."""
        question = Question(chart=str(self._layout.chart), checkpoint=request.checkpoint, vkey=request.vkey)
        self._busy(True)  # noqa: FBT003  # a callback has no keywords
        try:
            verdict = judged(question, progress)
        finally:
            self._busy(False)  # noqa: FBT003
        return Done(id=0, verdict=msgspec.Raw(msgspec.json.encode(verdict)))

    def look_back(self, request: LookBack) -> Done:
        """The sessions that the newest reading out of tolerance concerns; no check: none was out of tolerance."""
        found = looked_back(self._reader, request.unit, request.head)
        return Done(
            id=0, checked=found.checked, affected=found.affected[:MAX_SESSIONS], more=len(found.affected) > MAX_SESSIONS
        )

    def problem_with(self, request: ExportChart) -> Refused | None:
        """Why nothing can be exported so, found before it is charted; None when it can."""
        return problem_with(request, self._reader)

    def export(self, request: ExportChart, now_utc: str) -> Done:
        """Write what was asked for, as the site stands now."""
        self._busy(True)  # noqa: FBT003
        try:
            return write_out(request, self._connection, self._layout, now_utc)
        finally:
            self._busy(False)  # noqa: FBT003

    def session(self, session: str, since: int = -1) -> Sequence[Entry]:
        """All entries of one session. Of a page that goes on after ``since`` they are those of the first page.

        Else each page would read a session of twenty minutes again while another one runs and the chart grows.
        """
        held, entries = self._held
        if held != session or since < 0 or not entries or entries[-1].seq <= since:
            self._held = (session, self._reader.session_with_inputs(session))
        return self._held[1]


def _problem_with_anchor(folder: str) -> str:
    if not Path(folder).is_dir():
        return "is not there: is the disk in, the share mounted?"
    return "" if os.access(folder, os.W_OK) else "may not be written"


def _fitting(entries: Iterable[Entry]) -> list[Body]:
    """As many entries as fit a page, one at least. Encoding an entry again gives its stored bytes: it is canonical."""
    page: list[Body] = []
    room = PAGE_BYTES
    for entry in entries:
        body = msgspec.json.encode(entry)
        room -= len(body)
        if page and room < 0:
            break
        page.append(Body(entry.seq, body))
    return page


def _rows_fitting(rows: Iterable[SessionRow]) -> tuple[SessionRow, ...]:
    """As many rows as fit a page, one at least."""
    page: list[SessionRow] = []
    room = PAGE_BYTES
    for row in rows:
        room -= len(msgspec.json.encode(row))
        if page and room < 0:
            break
        page.append(row)
    return tuple(page)


def _session_row(row: ChartRow) -> SessionRow:
    return SessionRow(
        session=row.session,
        unit=row.unit,
        patient=row.patient,
        preset=row.preset,
        started_at_utc=row.started_at_utc,
        outcome=None if row.outcome == OPEN else row.outcome,
        planned_ms=row.planned_ms,
        delivered_ms=row.delivered_ms or 0,
        simulated=row.simulated,
        overrides=row.overrides,
        signed=row.signed,
        amended=row.amended,
        load=row.load,
        head=row.head,
        actor=row.actor,
        modality=row.modality,
        reason=row.reason,
        seq=row.seq,
    )
