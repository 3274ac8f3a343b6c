"""What the auditor's screen needs of a chart. Whoever starts the screen brings it; the screen opens no file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from modctl.chart.reader import SessionRow
from modctl.chart.verify import ChartVerdict
from modctl.reports.pages import Page
from tui.looks import Line

Progress = Callable[[int, int], None]  # entries done, entries in all


class Source(Protocol):
    """One chart. Every method blocks and is called in a thread of its own; each raises ModctlError with a sentence."""

    name: str
    simulated: bool

    def rows(self) -> Sequence[SessionRow]:
        """Every session that was started, the newest first."""

    def page(self, session: str) -> Page:
        """One of them."""

    def verify(self, progress: Progress) -> ChartVerdict:
        """Judge the chart."""

    def export(self, sessions: Sequence[str], target: Path) -> int:
        """Write every entry of these sessions as lines of JSON into a new file; how many lines."""


Lines = tuple[Line, ...]
