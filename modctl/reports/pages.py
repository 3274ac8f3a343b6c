"""What is ready to be shown on a screen: words and columns, nothing to be worked out any more."""

import msgspec

from modctl.chart.reader import SessionRow


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A heading and rows of a name and what it is."""

    heading: str
    rows: tuple[tuple[str, str], ...]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One session. Values are in the level's canonical unit, one a column of equal time; None: no data."""

    title: str
    state: str
    says: str
    commanded: tuple[int | None, ...]
    reported: tuple[int | None, ...]
    top_text: str
    sections: tuple[Section, ...]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of as many words as there are columns; the last one may be long."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """What a question to the whole chart came to: one sentence, then tables. ``is_finding``: somebody must look."""

    title: str
    says: str
    tables: tuple[Table, ...] = ()
    is_finding: bool = False


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A sample: its sessions in the order in which they were drawn, what it was drawn by, and from how many."""

    rows: tuple[SessionRow, ...]
    root: str  # hexadecimal
    number: int
    of: int

    @property
    def says(self) -> str:
        """In one sentence."""
        return f"{len(self.rows)} of {self.of} sessions, by root {self.root[:16]} and number {self.number}"
