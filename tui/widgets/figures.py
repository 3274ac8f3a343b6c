"""Two numbers that can be read from across the table: the level that is set, and the time left."""

from collections.abc import Mapping
from typing import Final

import msgspec

from tui.looks import Line, Look, Span, fitted
from tui.widgets.rows import Rows

ROWS: Final = 5  # of one glyph
GAP: Final = 2  # chosen: columns between the two numbers, so that they never read as one

_GLYPHS: Final[Mapping[str, tuple[str, ...]]] = {
    "0": ("█████", "█   █", "█   █", "█   █", "█████"),
    "1": ("  █  ", " ██  ", "  █  ", "  █  ", "█████"),
    "2": ("█████", "    █", "█████", "█    ", "█████"),
    "3": ("█████", "    █", " ████", "    █", "█████"),
    "4": ("█   █", "█   █", "█████", "    █", "    █"),
    "5": ("█████", "█    ", "█████", "    █", "█████"),
    "6": ("█████", "█    ", "█████", "█   █", "█████"),
    "7": ("█████", "    █", "   █ ", "  █  ", "  █  "),
    "8": ("█████", "█   █", "█████", "█   █", "█████"),
    "9": ("█████", "█   █", "█████", "    █", "█████"),
    ".": ("  ", "  ", "  ", "  ", "██"),
    ":": ("  ", "██", "  ", "██", "  "),
    "-": ("     ", "     ", "█████", "     ", "     "),
    "?": ("█████", "    █", "  ███", "     ", "  █  "),
    "O": ("█████", "█   █", "█   █", "█   █", "█████"),
    "F": ("█████", "█    ", "████ ", "█    ", "█    "),
}


def big(text: str, scale: int = 1) -> tuple[str, ...]:
    """The rows of a text in large glyphs; a character without one stays away, and the caller's words say it."""
    glyphs = [_GLYPHS[char] for char in text if char in _GLYPHS]
    rows = (" ".join(glyph[row] for glyph in glyphs) for row in range(ROWS))
    return tuple("".join(cell * scale for cell in row) for row in rows for _ in range(scale))


class Figure(msgspec.Struct, frozen=True):
    """A large text, the few words that stand beside its last rows, and its look. A number is never without words."""

    text: str
    caption: tuple[str, ...]
    look: Look


def figures(left: Figure, right: Figure, width: int, scale: int = 1) -> tuple[Line, ...]:
    """Two numbers side by side, each in its half, with ``scale`` cells for each of a glyph's."""
    half = (width - GAP) // 2
    rows: list[Line] = []
    for row in range(ROWS * scale):
        spans: list[Span] = []
        for figure in (left, right):
            glyphs = big(figure.text, scale)[row]
            at = row - (ROWS * scale - len(figure.caption))
            beside = figure.caption[at] if at >= 0 else ""
            room = max(0, half - len(glyphs) - 3)
            spans += [Span(" "), Span(glyphs, figure.look), Span("  " + fitted(beside, room)), Span(" " * GAP)]
        rows.append(tuple(spans[:-1]))
    return tuple(rows)


class Figures(Rows):
    """The two numbers; redrawn only when one of them changes."""
