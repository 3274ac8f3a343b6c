"""The site's own chart: through its controller when one runs, else directly while we hold the site."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from modctl.chart.keys import KeyFolder
from modctl.chart.reader import ChartReader
from modctl.chart.store import ChartStore
from modctl.cli.common import Context
from modctl.cli.reach import controller_if_any, done, site_to_ourselves
from modctl.clock import SystemClock
from modctl.config import Layout, load_site
from modctl.controller.leaving import charted, problem_with, write_out
from modctl.ipc.evidence import ExportChart, TakeCheckpoint


def take_checkpoint(context: Context) -> bytes:
    """Sign the head now; it also goes to the site's anchor folders."""
    client = controller_if_any(context)
    if client is not None:
        note = done(client.request(TakeCheckpoint(id=client.next_id()))).note
        return (note or "").encode()
    with store_to_ourselves(context) as store:
        return store.checkpoint().head.note


def export_live(context: Context, request: ExportChart) -> None:
    """Write what leaves the site; that it was taken is charted before, so that a copy itself says so."""
    client = controller_if_any(context)
    if client is not None:
        done(client.request(msgspec.structs.replace(request, id=client.next_id())))
        return
    with store_to_ourselves(context) as store:
        refused = problem_with(request, ChartReader(store.connection))
        if refused is not None:
            done(refused)
        now = SystemClock().stamp()
        store.append([(charted(request, None, store.size), now)])
        store.checkpoint()
        write_out(request, store.connection, Layout(context.site), now.at_utc)


@contextlib.contextmanager
def store_to_ourselves(context: Context) -> Iterator[ChartStore]:
    """The site's chart for writing, while no controller runs; RefusedError while one does."""
    layout = Layout(context.site)
    anchors = tuple(Path(anchor) for anchor in load_site(context.site).site.anchors)
    with site_to_ourselves(layout):
        store = ChartStore.open(layout.chart, KeyFolder(layout.keys), anchors)
        try:
            yield store
        finally:
            store.close()
