"""One session, ready to be shown on a screen: words and columns, nothing to be worked out any more."""

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A heading and rows of a name and what it is."""

    heading: str
    rows: tuple[tuple[str, str], ...]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Values are in the level's canonical unit, one a column of equal time; None: no data."""

    title: str
    state: str
    says: str
    commanded: tuple[int | None, ...]
    reported: tuple[int | None, ...]
    top_text: str
    sections: tuple[Section, ...]
