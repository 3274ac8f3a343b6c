"""An auditor's questions to a whole chart, wherever it is read. The answers are values; nothing is shown here."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from modctl.chart.errors import NoteError
from modctl.chart.note import parse_checkpoint, parse_note
from modctl.chart.readable import Readable, every_session
from modctl.chart.reader import SessionRow, record_as
from modctl.chart.verify import Progress
from modctl.clinic.claims import Judged, parse_claims, reconcile
from modctl.clinic.sampling import draw
from modctl.clinic.suspicion import Suspicion, suspicions
from modctl.errors import UnreachableError, UsageError
from modctl.records import Override
from modctl.reports.counts import Opened
from modctl.reports.pages import Drawn
from modctl.reports.treated import treatments, watched

NO_HEAD: Final = "This chart has no signed head: there is nothing to draw by. Take a checkpoint."


def openings(chart: Readable) -> tuple[Opened, ...]:
    """Every soft limit that was opened, the oldest first."""
    found = chart.of_kind_since("override", -1)
    told = ((entry.session or "", record_as(entry, Override)) for entry in found)
    return tuple(
        Opened(session=session, limit=one.limit, has_second=one.second_person is not None) for session, one in told
    )


def claims_judged(chart: Readable, name: str, content: str, zone: tzinfo, progress: Progress) -> tuple[Judged, ...]:
    """Claims (CSV) held against the chart; UsageError names every line that is malformed."""
    lines, findings = parse_claims(content)
    if findings:
        raise UsageError("\n".join(f"{name}: {finding}" for finding in findings))
    return reconcile(lines, tuple(treatments(chart, zone, progress)))


def patterns_seen(chart: Readable, zone: tzinfo, progress: Progress) -> tuple[Suspicion, ...]:
    """What fabrication looks like, if anything does."""
    return suspicions(tuple(watched(chart, zone, progress)))


def sample_drawn(chart: Readable, number: int, count: int) -> Drawn:
    """Sessions drawn by the chart's newest signed root and the auditor's number; bench runs are not drawn."""
    head = chart.last_head()
    if head is None:
        raise UnreachableError(NO_HEAD)
    try:
        signed = parse_checkpoint(parse_note(head).text)
    except NoteError as why:
        raise UnreachableError(f"The chart's head does not parse: {why}") from why
    rows: Sequence[SessionRow] = [row for row in every_session(chart) if row.seq <= signed.size and not row.load]
    named = {row.session: row for row in rows}
    drawn = draw(signed.root, number, tuple(named), count)
    return Drawn(rows=tuple(named[name] for name in drawn), root=signed.root.hex(), number=number, of=len(rows))
