"""Ready lines on the screen: the base of every widget that shows words."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from devices.model import label
from tui.looks import Line, Look, Span

MAX_CHARS = 1_000  # chosen: wider than any screen; the widget's own width cuts


class Rows(Widget):
    """Draws lines itself: one widget without children costs a fifth of one with a child a line (measured)."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"look--{look}" for look in Look}

    lines: reactive[tuple[Line, ...]] = reactive((), layout=False, repaint=False)

    _given: Sequence[Line] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Show these lines; what is equal is not drawn again.

        Text from outside was made safe where it came in; the terminal obeys control characters, and this is the last
        place before it, so it is looked at once more.
        """
        shown = tuple(lines)
        if shown != self._given:
            self._given = shown
            self.lines = tuple(tuple(Span(label(span.text, MAX_CHARS), span.look) for span in line) for line in shown)

    def watch_lines(self, before: tuple[Line, ...], now: tuple[Line, ...]) -> None:
        """Ask for room only when the number of lines changed."""
        self.refresh(layout=len(before) != len(now))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as lines, where the style says *auto*."""
        del container, viewport, width
        return len(self.lines)

    def render_line(self, y: int) -> Strip:
        """One line, cut or filled to the width."""
        width = self.size.width
        filler = self.rich_style
        if y >= len(self.lines):
            return Strip.blank(width, filler)
        spans = self.lines[y]
        segments = [Segment(span.text, self.get_component_rich_style(f"look--{span.look}")) for span in spans]
        return Strip(segments).adjust_cell_length(width, filler)
