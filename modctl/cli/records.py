"""The record of sessions, from the running controller or, when none runs, from the chart while we hold the site."""

from collections.abc import Iterator

from modctl.cli.common import Context
from modctl.cli.reach import controller_if_any, done, site_to_ourselves
from modctl.config import Layout
from modctl.errors import UsageError
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import Entries, ListSessions, SessionRow
from modctl.records import Entry
from modctl.reports.telling import entry_of


def session_rows(context: Context, limit: int, *, overridden: bool = False) -> tuple[SessionRow, ...]:
    """At most ``limit`` sessions, the newest first; ``overridden``: only those with an opened limit."""
    client = controller_if_any(context)
    if client is not None:
        return tuple(_pages_of_sessions(client, limit, overridden=overridden))
    from modctl.chart.reader import OPEN, ChartReader, SessionFilter

    layout = Layout(context.site)
    with site_to_ourselves(layout):
        reader = ChartReader.open(layout.chart)
        found = reader.sessions(SessionFilter(overridden=overridden), limit=limit)
        reader.close()
    return tuple(
        SessionRow(
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
        )
        for row in found
    )


def named(context: Context, wanted: str | None) -> str:
    """The session that is meant: the one that was said, else the last."""
    name = wanted or next((row.session for row in session_rows(context, 1)), None)
    if name is None:
        raise UsageError("There is no session in this chart yet.")
    return name


def entries_of(context: Context, session: str) -> tuple[Entry, ...]:
    """Every entry of one session, its inputs included, in the order of the chart; none for an unknown session."""
    client = controller_if_any(context)
    if client is not None:
        return tuple(_pages_of_entries(client, session))
    from modctl.chart.reader import ChartReader

    layout = Layout(context.site)
    with site_to_ourselves(layout):
        reader = ChartReader.open(layout.chart)
        found = reader.session_with_inputs(session)
        reader.close()
    return found


def wanted_entries(context: Context, wanted: str | None) -> tuple[Entry, ...]:
    """Every entry of the named session, or of the last one. UsageError when there is none."""
    name = named(context, wanted)
    found = entries_of(context, name)
    if not found:
        raise UsageError(f"There is no session {name!r} in this chart; see modctl session list.")
    return found


def _pages_of_sessions(client: BlockingClient, limit: int, *, overridden: bool) -> Iterator[SessionRow]:
    given = 0
    while given < limit:
        asked = ListSessions(id=client.next_id(), limit=min(100, limit - given), offset=given, overridden=overridden)
        answer = done(client.request(asked))
        rows = answer.sessions or ()
        yield from rows
        given += len(rows)
        if not rows or not answer.more:
            return


def _pages_of_entries(client: BlockingClient, session: str) -> Iterator[Entry]:
    since = -1
    while True:
        answer = done(client.request(Entries(id=client.next_id(), session=session, since=since)))
        page = [entry_of(body) for body in answer.entries or ()]
        yield from page
        if not page or not answer.more:
            return
        since = page[-1].seq
