"""What a screen draws, before it is drawn: lines of spans, each with a look. Looks become colours in ``app.tcss``."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec
from rich.cells import cell_len, chop_cells, set_cell_size


class Look(StrEnum):
    """How a span looks. What it means is said by its words and shape."""

    PLAIN = "plain"
    STRONG = "strong"
    QUIET = "quiet"
    ENERGIZED = "energized"
    OFF = "off"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"
    ALARM = "alarm"  # of the highest urgency
    PROMPT = "prompt"
    AWARE = "aware"
    WARNING = "warning"
    STOP = "stop"
    CHOSEN = "chosen"
    BAR = "bar"


class Span(msgspec.Struct, frozen=True):
    """Some text of one look."""

    text: str
    look: Look = Look.PLAIN


Line = tuple[Span, ...]

EMPTY: Final[Line] = (Span(""),)


def line(*spans: str | Span) -> Line:
    """A line from plain text and spans."""
    return tuple(Span(span) if isinstance(span, str) else span for span in spans)


def width_of(shown: Line) -> int:
    """Cells that a line takes: wide letters take two."""
    return sum(cell_len(span.text) for span in shown)


def fitted(text: str, cells: int) -> str:
    """Exactly so many cells: padded, or cut with an ellipsis, so that a cut never looks like the whole."""
    if cells <= 0:
        return ""
    if cell_len(text) > cells:
        return set_cell_size(text, cells - 1) + "…"
    return set_cell_size(text, cells)


def columns(left: Line, right: Line, cells: int) -> Line:
    """One line with a left and a right end; what does not fit is cut from the left part."""
    room = cells - width_of(right)
    shown: list[Span] = []
    for span in left:
        taken = min(cell_len(span.text), room)
        if taken > 0:
            shown.append(Span(fitted(span.text, taken), span.look))
            room -= taken
    return (*shown, Span(" " * max(0, room)), *right)


def wrapped(text: str, cells: int, look: Look = Look.PLAIN) -> tuple[Line, ...]:
    """A text broken at its spaces; a word longer than a line is broken inside."""
    rows: list[str] = []
    for paragraph in text.splitlines() or [""]:
        row = ""
        for word in paragraph.split(" "):
            if cell_len(row) + cell_len(word) + bool(row) <= cells:
                row = f"{row} {word}" if row else word
                continue
            if row:
                rows.append(row)
            *whole, row = chop_cells(word, max(1, cells)) or [""]
            rows.extend(whole)
        rows.append(row)
    return tuple((Span(row, look),) for row in rows)


def text_of(lines: Sequence[Line]) -> str:
    """The words alone."""
    return "\n".join("".join(span.text for span in shown).rstrip() for shown in lines)
