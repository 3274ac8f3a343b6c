"""What whoever audits needs of a chart, wherever it is read: in a file, or through the controller that holds it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from modctl.chart.reader import SessionRow
from modctl.chart.verify import ChartVerdict, Progress
from modctl.records import Entry, Genesis


class Readable(Protocol):
    """One chart, to be read by one thread. Every method raises ModctlError with a sentence."""

    def genesis(self) -> Genesis:
        """What the chart fixed for ever."""

    def last_head(self) -> bytes | None:
        """The newest signed checkpoint, as a note."""

    def page_before(self, before: int | None) -> Sequence[SessionRow]:
        """Some sessions whose start has a smaller number (None: the newest), the newest first; none: that was all."""

    def session(self, session: str) -> tuple[Entry, ...]:
        """A session's entries without its inputs, the oldest first; empty for an unknown session."""

    def session_with_inputs(self, session: str) -> tuple[Entry, ...]:
        """All of a session's entries, the oldest first."""

    def of_kind_since(self, kind: str, seq: int) -> tuple[Entry, ...]:
        """The entries of one kind (not ``inputs``) after ``seq``, the oldest first."""

    def verify(
        self, anchors: Sequence[bytes] = (), genesis_vkey: str | None = None, progress: Progress | None = None
    ) -> ChartVerdict:
        """Judge the chart against heads from outside, as ``modctl.chart.verify`` does."""


def pages(chart: Readable) -> Iterator[Sequence[SessionRow]]:
    """Every session that was started, the newest first, in pages: the first one is there at once."""
    before = None
    while page := chart.page_before(before):
        yield page
        before = page[-1].seq


def every_session(chart: Readable) -> Iterator[SessionRow]:
    """The same, one by one."""
    return (row for page in pages(chart) for row in page)
