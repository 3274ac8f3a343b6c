"""Commanded and measured level side by side, with the marks that hold them."""

from typing import Final

import msgspec

from tui.looks import Line, Look, Span, fitted
from tui.widgets.rows import Rows

LABEL: Final = 11  # columns before the bar
FULL: Final = "█"
COMING: Final = "▒"
EMPTY: Final = "─"
MARK: Final = "┃"
LAST: Final = "◇"


class Gauge(msgspec.Struct, frozen=True, kw_only=True):
    """What one bar shows, in one parameter's canonical unit; the texts say the same with units.

    ``low`` and ``high`` are the ends of the scale. None where there is no value: then the text stands alone.
    """

    low: int
    high: int
    commanded: int | None
    goal: int | None
    measured: int | None
    marks: tuple[int, ...]
    last: int | None = None  # what the last session of this kind was ridden to
    commanded_text: str
    measured_text: str
    scale_text: str


def gauge_lines(gauge: Gauge, width: int) -> tuple[Line, ...]:
    """Three rows: commanded, measured, and the scale in words."""
    return (
        _bar("commanded", gauge, gauge.commanded, gauge.goal, gauge.commanded_text, width),
        _bar("measured", gauge, gauge.measured, None, gauge.measured_text, width),
        (Span(" " * LABEL), Span(fitted(gauge.scale_text, max(0, width - LABEL)), Look.QUIET)),
    )


def _bar(label: str, gauge: Gauge, value: int | None, goal: int | None, text: str, width: int) -> Line:
    head = Span(fitted(f" {label}", LABEL), Look.QUIET)
    if value is None:
        return head, Span(fitted(text, max(0, width - LABEL)), Look.STRONG)
    room = max(1, width - LABEL - len(text) - 2)
    filled = _column(gauge, value, room)
    coming = max(filled, _column(gauge, goal, room)) if goal is not None else filled
    cells = list(FULL * filled + COMING * (coming - filled) + EMPTY * (room - coming))
    if gauge.last is not None:
        cells[min(room - 1, _column(gauge, gauge.last, room))] = LAST
    for mark in gauge.marks:
        cells[min(room - 1, _column(gauge, mark, room))] = MARK
    return head, Span("".join(cells), Look.BAR), Span(f" {text} ", Look.STRONG)


def _column(gauge: Gauge, value: int, room: int) -> int:
    """Where a value ends on the bar; anything above nothing shows at least one column."""
    span = max(1, gauge.high - gauge.low)
    above = min(max(0, value - gauge.low), span)
    return max(bool(above), room * above // span)


class LevelBar(Rows):
    """The bar; redrawn only when one of its columns changes."""
