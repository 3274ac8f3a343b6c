"""The last minutes of the level, one column a second. Redrawn once a second, however often snapshots come."""

from typing import Final

import msgspec

from tui.looks import Line, Look, Span, fitted
from tui.widgets.rows import Rows

BLOCKS: Final = " ▁▂▃▄▅▆▇█"
STEPS: Final = len(BLOCKS) - 1
NOTHING: Final = "·"  # no data: neither a low value nor a high one
LABEL: Final = 11  # columns before the trace
TITLED_ROWS: Final = 3  # from here there is a row for the title between top and bottom of the scale


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One value a second, the newest last; None where there was no data. ``high`` is the top of the scale."""

    values: tuple[int | None, ...]
    low: int
    high: int
    top_text: str
    bottom_text: str
    title: str


def trace_lines(trace: Trace, width: int, height: int) -> tuple[Line, ...]:
    """So many rows, the scale at the left, the newest second at the right."""
    if height < 1:
        return ()
    room = max(0, width - LABEL - 1)
    shown = trace.values[-room:] if room else ()
    shown = (None,) * (room - len(shown)) + shown
    seen = len(trace.values)
    rows: list[Line] = []
    for row in range(height):
        label = trace.top_text if row == 0 and height > 1 else trace.bottom_text if row == height - 1 else ""
        if row == 1 and height >= TITLED_ROWS:
            label = trace.title
        cells = "".join(
            _cell(value, trace, height - 1 - row, height, began=at >= room - seen) for at, value in enumerate(shown)
        )
        rows.append((Span(fitted(f" {label}", LABEL), Look.QUIET), Span(cells, Look.BAR)))
    return tuple(rows)


def _cell(value: int | None, trace: Trace, row: int, height: int, *, began: bool) -> str:
    """One character: how far a value fills a row, counted from the bottom."""
    if value is None:
        return NOTHING if began and row == 0 else " "
    span = max(1, trace.high - trace.low)
    above = min(max(0, value - trace.low), span) * height * STEPS // span
    if row == 0 and value > trace.low:
        above = max(1, above)
    return BLOCKS[min(STEPS, max(0, above - row * STEPS))]


class StripChart(Rows):
    """The trace. Its caller gives it new lines once a second."""
