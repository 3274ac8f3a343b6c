"""What the auditor's screen needs of a chart. Whoever starts the screen brings it; the screen opens no file."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Protocol

from modctl.chart.reader import SessionRow
from modctl.chart.verify import ChartVerdict, Progress
from modctl.reports.pages import Drawn, Page, Paper
from tui.looks import Line


class Source(Protocol):
    """One chart. Every method blocks and is called in a thread of its own; each raises ModctlError with a sentence.

    ``progress`` may raise: then the question is given up.
    """

    name: str
    simulated: bool
    zone: tzinfo  # the clinic's

    def pages(self) -> Iterator[Sequence[SessionRow]]:
        """Every session that was started, the newest first; the first page is there at once."""

    def page(self, session: str) -> Page:
        """One of them."""

    def verify(self, progress: Progress) -> ChartVerdict:
        """Judge the chart."""

    def counts(self, rows: Sequence[SessionRow], what: str) -> Paper:
        """Opened limits and early ends of these sessions; ``what`` says which they are."""

    def export(self, rows: Sequence[SessionRow], target: Path, progress: Progress) -> int:
        """Write these sessions into a new file; how many lines."""

    def reconcile(self, claims: Path, progress: Progress) -> Paper:
        """Hold a file of claims against the chart."""

    def patterns(self, progress: Progress) -> Paper:
        """What fabrication looks like."""

    def sample(self, number: int, count: int) -> Drawn:
        """Sessions that neither side can choose."""


Lines = tuple[Line, ...]
