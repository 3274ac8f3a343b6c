"""Where a chart is read: the one way for every command and for the auditor's screen.

A named copy is opened as a file. Of a site's own chart the controller is asked when one runs, since nobody but the
holder of the site's lock opens a live chart; when none runs, the lock is held for as long as the reading takes. So a
screen that stands open keeps no controller from starting, and follows one that did.
"""

import contextlib
import zoneinfo
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from modctl.chart.readable import Readable
from modctl.chart.reader import OPEN, ChartReader, SessionFilter, SessionRow, record_as
from modctl.chart.verify import ChartVerdict, Progress, verify
from modctl.cli.common import Context
from modctl.cli.reach import controller_if_any, done, site_to_ourselves
from modctl.config import Layout, load_site
from modctl.errors import UnreachableError, UsageError
from modctl.ipc.client import BlockingClient
from modctl.ipc.evidence import LastHead, VerifyChart
from modctl.ipc.messages import Entries, ListSessions
from modctl.ipc.messages import SessionRow as WireRow
from modctl.records import Entry, Genesis
from modctl.reports.telling import entry_of

FILE_PAGE: Final = 1_000  # chosen: 15 ms of reading (measured), and the first screenful is in it
WIRE_PAGE: Final = 100  # the controller gives no more


class FileChart(ChartReader):
    """A chart that nobody is writing."""

    def page_before(self, before: int | None) -> tuple[SessionRow, ...]:
        """Some sessions before this number, the newest first."""
        return self.sessions(SessionFilter(before=before), FILE_PAGE)

    def verify(
        self, anchors: Sequence[bytes] = (), genesis_vkey: str | None = None, progress: Progress | None = None
    ) -> ChartVerdict:
        """Judge the file."""
        return verify(self._connection, anchors, genesis_vkey, progress)


class LiveChart:
    """The chart of a running controller, read over its socket. Nobody is signed in, so nothing can be written."""

    def __init__(self, client: BlockingClient) -> None:
        self._client = client

    def genesis(self) -> Genesis:
        """The first entry."""
        found = self.of_kind_since("genesis", -1)
        if not found:
            raise UnreachableError("The chart is empty.")
        return record_as(found[0], Genesis)

    def last_head(self) -> bytes | None:
        """The newest head that is signed already."""
        note = done(self._client.request(LastHead(id=self._client.next_id()))).note
        return None if note is None else note.encode()

    def page_before(self, before: int | None) -> tuple[SessionRow, ...]:
        """Some sessions before this number, the newest first."""
        asked = ListSessions(id=self._client.next_id(), limit=WIRE_PAGE, before=before)
        return tuple(_row(one) for one in done(self._client.request(asked)).sessions or ())

    def session(self, session: str) -> tuple[Entry, ...]:
        """Without its inputs."""
        return tuple(self._pages(Entries(id=0, session=session, inputs=False)))

    def session_with_inputs(self, session: str) -> tuple[Entry, ...]:
        """All of it."""
        return tuple(self._pages(Entries(id=0, session=session)))

    def of_kind_since(self, kind: str, seq: int) -> tuple[Entry, ...]:
        """All entries of one kind after this number."""
        return tuple(self._pages(Entries(id=0, kind_of=kind, since=seq)))

    def verify(
        self, anchors: Sequence[bytes] = (), genesis_vkey: str | None = None, progress: Progress | None = None
    ) -> ChartVerdict:
        """Have the controller judge it. One head from outside, as the socket takes it."""
        note = anchors[0].decode(errors="replace") if anchors else None
        asked = VerifyChart(
            id=self._client.next_id(), checkpoint=note, vkey=genesis_vkey, progress=progress is not None
        )
        return msgspec.json.decode(done(self._client.request(asked, progress)).verdict, type=ChartVerdict)

    def _pages(self, asked: Entries) -> Iterator[Entry]:
        since = asked.since
        while True:
            answer = done(self._client.request(msgspec.structs.replace(asked, id=self._client.next_id(), since=since)))
            page = [entry_of(body) for body in answer.entries or ()]
            yield from page
            if not page or not answer.more:
                return
            since = page[-1].seq


@contextlib.contextmanager
def reading(context: Context, copy: Path | None = None) -> Iterator[Readable]:
    """The named copy, or the site's chart in the way that is right at this moment."""
    if copy is not None:
        with contextlib.closing(FileChart.open(copy)) as chart:
            yield chart
        return
    client = controller_if_any(context)
    if client is not None:
        with contextlib.closing(client):
            yield LiveChart(client)
        return
    layout = Layout(context.site)
    with site_to_ourselves(layout), contextlib.closing(FileChart.open(layout.chart)) as chart:
        yield chart


def clinic_zone(context: Context, named: str | None) -> zoneinfo.ZoneInfo:
    """The clinic's time zone: the one that was named, else the site's."""
    name = named or load_site(context.site).site.timezone
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as why:
        raise UsageError(f"There is no time zone {name!r}.") from why


def _row(row: WireRow) -> SessionRow:
    said = {name: getattr(row, name) for name in SessionRow.__struct_fields__}
    is_open = row.outcome is None
    return msgspec.convert(
        {**said, "outcome": row.outcome or OPEN, "delivered_ms": None if is_open else row.delivered_ms}, SessionRow
    )
