"""A session as a picture: what was commanded and what was read back over time, the limit, gaps and events.

The drawing is a list of plain shapes in a box of its own size; HTML and PDF put the same shapes on their pages, so
that both show the same picture. Nothing is told by colour alone: lines differ in stroke, stretches carry their word.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from devices.limits import Max, Min
from modctl import text
from modctl.reports.sheet import Point, Sheet

WIDTH: Final = 720  # in units of the drawing; a page scales them
HEIGHT: Final = 240
LEFT: Final = 70  # room for the values at the axis
RIGHT: Final = 10
TOP: Final = 14
BOTTOM: Final = 30
COLUMNS: Final = 320  # chosen: one column is two units wide; more cannot be seen
TICKS: Final = 5


class Line(msgspec.Struct, frozen=True, tag="line"):
    """A polyline. ``kind``: commanded | reported | limit | axis | event."""

    kind: str
    points: tuple[tuple[int, int], ...]


class Box(msgspec.Struct, frozen=True, tag="box"):
    """A stretch of time in the background."""

    x: int
    width: int
    what: str


class Label(msgspec.Struct, frozen=True, tag="label"):
    """A word at a place; ``anchor`` is start, middle or end."""

    x: int
    y: int
    said: str
    anchor: str


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """Shapes from back to front; y grows downwards. ``says`` is the whole picture in a sentence."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    labels: tuple[Label, ...]
    says: str


def picture_of(sheet: Sheet) -> Picture:
    """Draw one session. A session that never started is an empty frame that says so."""
    scale = _Scale(sheet)
    lines = [
        *_axes(),
        *scale.limit(),
        *(Line("reported", part) for part in scale.curve(sheet.reported)),
        Line("commanded", tuple(scale.steps(sheet.commanded, sheet.stopped_ms))),
        *(
            Line("event", ((scale.x(moment.at_ms), TOP), (scale.x(moment.at_ms), HEIGHT - BOTTOM)))
            for moment in sheet.moments
            if moment.kind in ("alarm", "limit.breached", "session.paused", "session.resumed", "override")
        ),
    ]
    boxes = [
        Box(scale.x(span.from_ms), max(1, scale.x(span.to_ms) - scale.x(span.from_ms)), span.what)
        for span in sheet.spans
        if span.what != "energized"
    ]
    return Picture(
        boxes=tuple(boxes),
        lines=tuple(line for line in lines if len(line.points) > 1),
        labels=tuple(scale.labels()),
        says=_says(sheet),
    )


class _Scale:
    """From milliseconds and canonical values to places on the drawing."""

    def __init__(self, sheet: Sheet) -> None:
        self._length_ms = sheet.length_ms
        self._parameter = sheet.level
        self._limit = _bound(sheet)
        values = [point.value for point in (*sheet.commanded, *sheet.reported) if point.value is not None]
        values += [self._limit] if self._limit is not None else []
        self._low = min([0, *values])
        self._high = max([self._low + 1, *values])

    def x(self, at_ms: int) -> int:
        """Where a moment is; what was before the start or after the end stands at the edge."""
        inside_ms = min(max(at_ms, 0), self._length_ms)
        return LEFT + inside_ms * (WIDTH - LEFT - RIGHT) // self._length_ms

    def y(self, value: int) -> int:
        """Where a value is."""
        return HEIGHT - BOTTOM - (value - self._low) * (HEIGHT - TOP - BOTTOM) // (self._high - self._low)

    def limit(self) -> Iterator[Line]:
        """The bound that is nearest to harm."""
        if self._limit is not None:
            yield Line("limit", ((LEFT, self.y(self._limit)), (WIDTH - RIGHT, self.y(self._limit))))

    def steps(self, points: Sequence[Point], stopped_ms: int) -> Iterator[tuple[int, int]]:
        """A commanded value holds until the next one, and the last one until off was decided."""
        before: int | None = None
        for point in points:
            if point.value is None:
                continue
            if before is not None:
                yield self.x(point.at_ms), self.y(before)
            yield self.x(point.at_ms), self.y(point.value)
            before = point.value
        if before is not None:
            yield self.x(stopped_ms), self.y(before)

    def curve(self, points: Sequence[Point]) -> Iterator[tuple[tuple[int, int], ...]]:
        """Samples, as many as can be seen: of each column its least and its most. A gap in the data is a gap."""
        part: list[tuple[int, int]] = []
        for column in _columns(points, self._length_ms):
            told = [point for point in column if point.value is not None]
            if not told:
                if len(part) > 1:
                    yield tuple(part)
                part = []
                continue
            ordered = sorted({min(told, key=_value), max(told, key=_value)}, key=lambda point: point.at_ms)
            part.extend((self.x(point.at_ms), self.y(_value(point))) for point in ordered)
        if len(part) > 1:
            yield tuple(part)

    def labels(self) -> Iterator[Label]:
        """Values at the axis, minutes below it."""
        for tick in range(TICKS + 1):
            value = self._low + (self._high - self._low) * tick // TICKS
            yield Label(LEFT - 6, self.y(value) + 4, text.quantity(self._parameter, value), "end")
            at_ms = self._length_ms * tick // TICKS
            anchor = "end" if tick == TICKS else "middle"
            yield Label(self.x(at_ms), HEIGHT - BOTTOM + 18, text.clock(at_ms), anchor)


def _value(point: Point) -> int:
    return 0 if point.value is None else point.value


def _columns(points: Sequence[Point], length_ms: int) -> Iterator[list[Point]]:
    column: list[Point] = []
    number = -1
    for point in points:
        if not 0 <= point.at_ms <= length_ms:
            continue
        its = point.at_ms * COLUMNS // length_ms
        if its != number and column:
            yield column
            column = []
        number = its
        column.append(point)
    if column:
        yield column


def _bound(sheet: Sheet) -> int | None:
    """The effective bound of the level on its harmful side."""
    if sheet.setup is None:
        return None
    level = sheet.setup.level
    if level.down_intensifies:
        lows = [one.bound for one in sheet.setup.limits if isinstance(one, Min) and one.parameter == level.parameter]
        return max([level.low, *lows])
    highs = [one.bound for one in sheet.setup.limits if isinstance(one, Max) and one.parameter == level.parameter]
    return min([level.high, *highs])


def _axes() -> Iterator[Line]:
    yield Line("axis", ((LEFT, TOP), (LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM)))


def _says(sheet: Sheet) -> str:
    if sheet.started is None:
        return "The session was never started: nothing was commanded."
    highest = max((point.value for point in sheet.commanded if point.value is not None), default=None)
    seen = max((point.value for point in sheet.reported if point.value is not None), default=None)
    told = text.measured(sheet.level, seen, sheet.observed_as)
    reported = f"read back: {told}" if seen is None else f"reported up to {told}"
    return (
        f"{text.parameter(sheet.level).capitalize()} over {text.clock(sheet.length_ms)}: "
        f"commanded up to {text.quantity(sheet.level, highest)}, {reported}."
    )
