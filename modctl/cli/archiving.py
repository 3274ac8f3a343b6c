"""``modctl chart sync``: the chart's new entries and heads into the clinic group's archive, and a chart out of it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from modctl.chart.archive import Archive, Held
from modctl.chart.assemble import assemble
from modctl.chart.errors import NoteError
from modctl.chart.grammar import Code, Finding
from modctl.chart.keys import GENESIS_VKEY
from modctl.chart.note import parse_vkey
from modctl.chart.reader import ChartReader
from modctl.chart.sqlite import Connection, open_reader
from modctl.chart.verify import Judgement, verify
from modctl.cli.charts import export_live
from modctl.cli.common import Context, Slowly, emit, emit_raw, finish, print_line
from modctl.clock import SystemClock
from modctl.config import Layout, load_site
from modctl.errors import Exit, UnreachableError, UsageError
from modctl.ipc.evidence import ExportChart

PURPOSE: Final = "sync with the archive"


class Synced(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="chart.sync"):
    """What the archive held and holds. With findings nothing was sent."""

    entries: int
    added: int
    archived_before: int  # size of the archive's largest head
    arrived: str  # when that came, by the archive's clock
    findings: tuple[Finding, ...] = ()


class Pulled(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="chart.pull"):
    """A chart file that was made of what the archive holds. It is not verified yet."""

    path: str
    entries: int


def sync(context: Context) -> None:
    """Push what is new; one that does not continue what the archive holds is a finding, and sends nothing."""
    with tempfile.TemporaryDirectory(prefix="modctl-sync-") as made, Archive(_dsn(context)) as archive:
        copy = Path(made) / "chart.db"
        export_live(context, ExportChart(id=0, path=str(copy), purpose=PURPOSE))
        chart = open_reader(copy)
        try:
            result = _sync(archive, chart)
        finally:
            chart.close()
    if context.json:
        emit_raw(msgspec.json.encode(result))
    else:
        _tell(result)
    finish(Exit.FINDINGS if result.findings else Exit.OK)


def pull(context: Context, target: Path) -> None:
    """Make a chart file of what the archive holds of this site's chart, for ``chart verify``."""
    with Archive(_dsn(context)) as archive:
        origin = _origin(context)
        held = archive.held(origin)
        if not held.entries:
            raise UnreachableError(f"The archive holds nothing of {origin}, or nothing that this role may see.")
        rows = _counted(archive.entries(origin), held.entries)
        entries = assemble(target, rows, archive.heads(origin), SystemClock().stamp())
    emit(Pulled(path=str(target), entries=entries), f"{target}, {entries} entries: modctl chart verify {target}")


def _counted(rows: Iterator[tuple[int, bytes]], total: int) -> Iterator[tuple[int, bytes]]:
    told = Slowly("From the archive")
    for seq, body in rows:
        told(seq, total)
        yield seq, body


def _sync(archive: Archive, chart: Connection) -> Synced:
    origin = ChartReader(chart).genesis().origin
    held = archive.held(origin)
    anchors = () if held.note is None else (held.note,)
    verdict = verify(chart, anchors, progress=Slowly("Verified"))
    findings = verdict.findings or _unfinished(archive, chart, origin, held)
    size = verdict.entries
    if verdict.verdict is not Judgement.BROKEN and not findings:
        size = archive.push(chart, origin, held, Slowly("Sent"))
    return Synced(
        entries=size,
        added=0 if findings else size - held.entries,
        archived_before=held.size,
        arrived=held.arrived,
        findings=findings,
    )


def _unfinished(archive: Archive, chart: Connection, origin: str, held: Held) -> tuple[Finding, ...]:
    """Entries that an earlier push left without a head over them must be ours too."""
    for seq, body in archive.entries(origin, held.size):
        row = chart.execute("SELECT body FROM entry WHERE seq = ?", (seq,)).fetchone()
        if row is None or row[0] != body:
            text = (
                "the archive holds another entry of this number, under no head: somebody else adds to this chart there"
            )
            return (Finding(Code.DIFFERS, seq, text),)
    return ()


def _tell(result: Synced) -> None:
    if not result.findings:
        print_line(f"The archive holds {result.entries} entries, {result.added} of them new.")
        return
    print_line(
        f"broken: this chart does not continue what the archive holds, a head of {result.archived_before} entries that "
        f"arrived {result.arrived}. Nothing was sent, and nothing there was changed."
    )
    for finding in result.findings:
        where = "" if finding.seq is None else f" at entry {finding.seq}"
        print_line(f"! {finding.code}{where}: {finding.text}")
    print_line("To look at what it holds: modctl chart sync --pull FILE, then modctl chart verify FILE.")


def _dsn(context: Context) -> str:
    dsn = load_site(context.site).site.archive
    if not dsn:
        raise UsageError('site.toml names no archive: [site] archive = "host=… dbname=… user=…". Nothing was sent.')
    return dsn


def _origin(context: Context) -> str:
    path = Layout(context.site).keys / GENESIS_VKEY
    try:
        return parse_vkey(path.read_text(encoding="utf-8")).name
    except (OSError, NoteError) as why:
        raise UnreachableError(f"{path} does not say which chart this site's is: {why}.") from why
