"""What a person asks of the chart, and what is typed for it: one line each, a thread each, one way to show it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

from modctl.chart.verify import ChartVerdict, Progress
from modctl.reports.pages import Drawn, Page, Paper
from tui.audit.errands import Errands
from tui.audit.listing import Listing
from tui.audit.source import Source

_T = TypeVar("_T")
SAMPLE: Final = 5  # sessions, chosen: what an auditor asks for when nobody says how many
ASKS: Final = {
    "filter": "by:anna outcome:faulted since:2026-03-01 override; empty shows all (? lists the words)",
    "export": "what the list shows, into a new file; name.csv: a row a session, else every entry as JSON",
    "claims": "path of a CSV file of claims: patient,date,code,minutes",
    "sample": "your number, and how many sessions, as in 42 5",
}


class Shows(Protocol):
    """The screen, as far as it is told something here."""

    def say(self, notice: str) -> None:
        """One line for a person."""

    def show_page(self, page: Page) -> None:
        """One session."""

    def show_paper(self, paper: Paper) -> None:
        """Tables."""

    def show_verdict(self, verdict: ChartVerdict) -> None:
        """What the chart is worth."""

    def show_drawn(self, drawn: Drawn) -> None:
        """A sample."""


class Acts:
    """Each sends an errand; what comes of it is shown."""

    def __init__(self, screen: Shows, source: Source, errands: Errands, listing: Listing) -> None:
        self._screen, self._source, self._errands, self._list = screen, source, errands, listing

    def open(self) -> None:
        """The chosen session."""
        row = self._list.row()
        if row is not None:
            name = row.session
            self._send("page", f"reading {name}", lambda _: self._source.page(name), self._screen.show_page)

    def counts(self) -> None:
        """Counts over what is shown."""
        rows, what = tuple(self._list.shown), self._list.what()
        self._send("counts", "counting", lambda _: self._source.counts(rows, what), self._screen.show_paper)

    def verify(self) -> None:
        """Judge the chart."""
        self._send("verify", "verifying", self._source.verify, self._screen.show_verdict)

    def patterns(self) -> None:
        """What fabrication looks like."""
        self._send("patterns", "looking for patterns", self._source.patterns, self._screen.show_paper)

    def export(self, typed: str) -> None:
        """Write what is shown into a new file."""
        rows, target = tuple(self._list.shown), Path(typed).expanduser()

        def wrote(lines: int) -> None:
            self._screen.say(f"wrote {lines} lines of {len(rows)} sessions to {target}")

        self._send("export", f"writing {target}", lambda progress: self._source.export(rows, target, progress), wrote)

    def claims(self, typed: str) -> None:
        """Hold a file of claims against the chart."""
        path = Path(typed).expanduser()
        says = f"holding {path.name} against the chart"
        self._send("claims", says, lambda progress: self._source.reconcile(path, progress), self._screen.show_paper)

    def sample(self, typed: str) -> None:
        """Draw sessions by a number that the site could not know."""
        number, _, rest = typed.partition(" ")
        count = rest.strip() or str(SAMPLE)
        if not number.removeprefix("-").isdecimal() or not count.isdecimal() or int(count) < 1:
            self._screen.say(f"{typed!r} is no sample: type your number, and how many sessions, as in 42 5.")
            return
        self._send("sample", "drawing", lambda _: self._source.sample(int(number), int(count)), self._screen.show_drawn)

    def _send(self, kind: str, says: str, ask: Callable[[Progress], _T], show: Callable[[_T], None]) -> None:
        if not self._errands.send(kind, says, ask, show):
            self._screen.say(f"{says}: that is under way already.")
