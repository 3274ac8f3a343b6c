"""What the auditor's screen asks of a chart, answered as the commands are answered."""

import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from modctl.chart.readable import Readable, pages
from modctl.chart.reader import SessionRow
from modctl.chart.verify import ChartVerdict, Progress
from modctl.errors import UnreachableError, UsageError
from modctl.reports.audited import page_of
from modctl.reports.counts import counts_paper
from modctl.reports.inquiry import claims_judged, openings, patterns_seen, sample_drawn
from modctl.reports.pages import Drawn, Page, Paper
from modctl.reports.papers import claims_paper, patterns_paper
from modctl.reports.selection import write_selection
from modctl.reports.sheet import SheetError, sheet_of


class ChartSource:
    """One chart, opened anew for each question, in the thread that asks."""

    def __init__(
        self, opened: Callable[[], AbstractContextManager[Readable]], where: str, zone: zoneinfo.ZoneInfo
    ) -> None:
        self._opened = opened
        self.zone = zone
        with opened() as chart:
            genesis = chart.genesis()
        self.name = f"{genesis.site}, {where}"
        self.simulated = genesis.simulated

    def pages(self) -> Iterator[Sequence[SessionRow]]:
        """Every session that was started, the newest first."""
        with self._opened() as chart:
            yield from pages(chart)

    def page(self, session: str) -> Page:
        """One of them, as picture and rows."""
        with self._opened() as chart:
            entries = chart.session_with_inputs(session)
        try:
            return page_of(sheet_of(entries, self.zone))
        except SheetError as why:
            raise UsageError(f"{session}: {why}.") from why

    def verify(self, progress: Progress) -> ChartVerdict:
        """Judge it, without a head from outside."""
        with self._opened() as chart:
            return chart.verify(progress=progress)

    def counts(self, rows: Sequence[SessionRow], what: str) -> Paper:
        """Overrides and early ends of these sessions."""
        with self._opened() as chart:
            return counts_paper(rows, openings(chart), what)

    def export(self, rows: Sequence[SessionRow], target: Path, progress: Progress) -> int:
        """Write these sessions into a new file; how many lines."""
        with self._opened() as chart:
            return write_selection(chart, rows, target, progress)

    def reconcile(self, claims: Path, progress: Progress) -> Paper:
        """Hold a file of claims against it."""
        content = text_of(claims)
        with self._opened() as chart:
            return claims_paper(claims_judged(chart, claims.name, content, self.zone, progress), claims.name)

    def patterns(self, progress: Progress) -> Paper:
        """What fabrication looks like."""
        with self._opened() as chart:
            return patterns_paper(patterns_seen(chart, self.zone, progress))

    def sample(self, number: int, count: int) -> Drawn:
        """Sessions that neither side can choose."""
        with self._opened() as chart:
            return sample_drawn(chart, number, count)


def text_of(path: Path) -> str:
    """A file that a person named, as text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as why:
        raise UnreachableError(f"{path} cannot be read: {why}") from why
