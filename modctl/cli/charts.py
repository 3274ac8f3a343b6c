"""The site's own chart: through its controller when one runs, else directly while we hold the site."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from modctl.chart.export import copy_chart
from modctl.chart.keys import KeyFolder
from modctl.chart.store import ChartStore
from modctl.chart.verify import ChartVerdict, verify_file
from modctl.cli.common import Context
from modctl.cli.reach import controller_if_any, done, site_to_ourselves
from modctl.clock import SystemClock
from modctl.config import Layout, load_site
from modctl.ipc.messages import ExportChart, TakeCheckpoint, VerifyChart
from modctl.records import ChartExported, Draft


def verify_live(context: Context, outside: tuple[bytes, ...], vkey: str | None) -> ChartVerdict:
    """Verify the chart where it is."""
    client = controller_if_any(context)
    if client is None:
        layout = Layout(context.site)
        with site_to_ourselves(layout):
            return verify_file(layout.chart, outside, vkey)
    note = outside[0].decode(errors="replace") if outside else None
    answer = done(client.request(VerifyChart(id=client.next_id(), checkpoint=note, vkey=vkey)))
    return msgspec.json.decode(answer.verdict, type=ChartVerdict)


def take_checkpoint(context: Context) -> bytes:
    """Sign the head now; it also goes to the site's anchor folders."""
    client = controller_if_any(context)
    if client is not None:
        note = done(client.request(TakeCheckpoint(id=client.next_id()))).note
        return (note or "").encode()
    with store_to_ourselves(context) as store:
        return store.checkpoint().head.note


def export_live(context: Context, target: Path, purpose: str) -> None:
    """Write a copy; that it was taken is charted before, so that the copy itself says so."""
    client = controller_if_any(context)
    if client is not None:
        done(client.request(ExportChart(id=client.next_id(), path=str(target), purpose=purpose)))
        return
    with store_to_ourselves(context) as store:
        exported = ChartExported(purpose=purpose, entries=store.size)
        store.append([(Draft(data=exported), SystemClock().stamp())])
        store.checkpoint()
        copy_chart(store.connection, target)


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
