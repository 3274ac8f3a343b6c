"""What people wrote, read back: the chart holds commitments, ``people.db`` the words, where it still has them."""

from typing import Final, Literal

import msgspec

from modctl.cli.common import Context
from modctl.config import Layout
from modctl.controller.accounts import People
from modctl.controller.texts import ALTERED, KEPT, NOT_KEPT, Told
from modctl.errors import ModctlError
from modctl.records import Entry, GateAnswer, Override, Record, SessionAmended, SessionLateEntry

TOLD: Final = {
    NOT_KEPT: "text not kept here",
    ALTERED: "! the text that is kept here is not the one that was charted: it was altered",
}


class TextLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="text"):
    """What stands behind one commitment. ``state`` is kept, altered or not_kept; ``text`` only where it is kept."""

    seq: int
    session: str | None
    commitment: str
    state: Literal["kept", "altered", "not_kept"]
    text: str | None


class Texts:
    """The words behind a session's entries. Without a readable ``people.db`` none is kept here."""

    def __init__(self, context: Context) -> None:
        self.is_altered = False
        self._people: People | None
        try:
            self._people = People(Layout(context.site).people)
        except ModctlError:
            self._people = None

    def close(self) -> None:
        """Close the file."""
        if self._people is not None:
            self._people.close()

    def of(self, entry: Entry, record: Record) -> TextLine | None:
        """What was written with this entry; None where nothing was."""
        commitment = commitment_of(record)
        if not commitment:
            return None
        told = self._told(commitment)
        self.is_altered = self.is_altered or told.state == ALTERED
        line = TextLine(seq=entry.seq, session=entry.session, commitment=commitment, state="not_kept", text=told.text)
        return msgspec.structs.replace(line, state=told.state)

    def _told(self, commitment: str) -> Told:
        if self._people is None:
            return Told(state=NOT_KEPT)
        try:
            return self._people.told(commitment)
        except ModctlError:
            return Told(state=NOT_KEPT)


def commitment_of(record: Record) -> str:
    """The commitment that an entry carries; empty for entries without words."""
    match record:
        case GateAnswer():
            return record.text
        case Override() | SessionAmended():
            return record.reason
        case SessionLateEntry():
            return record.text
        case _:
            return ""


def told(line: TextLine) -> str:
    """One text as a line for people."""
    return f"  in words: {line.text}" if line.state == KEPT else f"  {TOLD[line.state]}"
