"""What the chart tells of sessions, printed as it comes: lines for people, or the stream's objects."""

from collections.abc import Sequence

from modctl.cli.common import Context, emit_raw, print_line
from modctl.records import Entry, SessionRequested
from modctl.reports.telling import STREAM_KINDS, Teller, flat, flat_sample, record_of, samples


class Printer:
    """Follows one session, or the two of a combination, and keeps the last line, to say it again."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tellers: dict[str, Teller] = {}
        self._units: dict[str, str] = {}  # by session, for the lines of a combination
        self.last_line = ""

    def follow(self, sessions: Sequence[str]) -> None:
        """These belong together."""
        self._tellers = {name: Teller() for name in sessions}

    def unit_of(self, session: str) -> str:
        """The unit of a session, as far as it was told."""
        return self._units.get(session, session)

    def tell(self, entry: Entry) -> None:
        """Print one entry."""
        if self._context.json:
            for sample in samples(entry):
                emit_raw(flat_sample(entry, sample))
            if entry.kind in STREAM_KINDS:
                emit_raw(flat(entry))
            return
        session, record = entry.session or "", record_of(entry)
        if isinstance(record, SessionRequested):
            self._units[session] = record.unit
        half = f"{self.unit_of(session)}: " if len(self._tellers) > 1 else ""
        for line in (self._tellers.get(session) or Teller()).lines(entry):
            self.last_line = half + line
            print_line(self.last_line)
