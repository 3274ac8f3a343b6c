"""A list to choose from with arrows and Enter, or with a digit. Nothing is chosen by looking at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from textual.events import Key, Resize
from textual.message import Message
from textual.reactive import reactive

from tui.looks import Line, Look, Span, fitted
from tui.widgets.rows import Rows

DIGITS: Final = "123456789"
MOVES: Final = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10}


class Choice(msgspec.Struct, frozen=True):
    """One row: its word for the program, its text for people, and whether Enter may take it."""

    key: str
    text: str
    is_open: bool = True


class Choices(Rows, can_focus=True):
    """Shows choices, keeps the cursor, posts what was chosen. A choice that is not open says so when it is tried."""

    cursor: reactive[int] = reactive(0, layout=False, repaint=False)

    @dataclass
    class Chosen(Message):
        """Enter or a digit on a choice; ``is_open`` False: it cannot be had, and the caller says why."""

        key: str
        is_open: bool

    @dataclass
    class Moved(Message):
        """The cursor stands on another choice."""

        key: str

    def __init__(self, *, numbered: bool = True, widget_id: str | None = None) -> None:
        super().__init__(id=widget_id)
        self._choices: tuple[Choice, ...] = ()
        self._numbered = numbered

    def offer(self, choices: Sequence[Choice], *, cursor: int | None = None) -> None:
        """Show these; the cursor stays where it is unless the choices are others."""
        if tuple(choices) == self._choices and cursor is None:
            return
        before = [choice.key for choice in self._choices]
        self._choices = tuple(choices)
        if before != [choice.key for choice in choices] or cursor is not None:
            self.cursor = cursor or 0
            self._tell()
        self._draw()

    def current(self) -> Choice | None:
        """The choice under the cursor."""
        return self._choices[self.cursor] if self._choices else None

    def watch_cursor(self) -> None:
        """Tell where the cursor went."""
        self._draw()
        self._tell()

    def on_resize(self, event: Resize) -> None:
        """Another width, other lines."""
        del event
        self._draw()

    def on_key(self, event: Key) -> None:
        """Arrows move, Enter takes, a digit takes at once; everything else is somebody else's."""
        last = len(self._choices) - 1
        if last < 0:
            return
        if event.key in MOVES:
            self.cursor = min(last, max(0, self.cursor + MOVES[event.key]))
        elif event.key in ("home", "end"):
            self.cursor = 0 if event.key == "home" else last
        elif event.key == "enter":
            self._take(self.cursor)
        elif self._numbered and event.key in DIGITS[: last + 1]:
            self.cursor = DIGITS.index(event.key)
            self._take(self.cursor)
        else:
            return
        event.stop()

    def _tell(self) -> None:
        if (choice := self.current()) is not None:
            self.post_message(self.Moved(choice.key))

    def _take(self, index: int) -> None:
        choice = self._choices[index]
        self.post_message(self.Chosen(choice.key, choice.is_open))

    def _draw(self) -> None:
        height = max(1, self.size.height or len(self._choices))
        first = min(max(0, self.cursor - height // 2), max(0, len(self._choices) - height))
        shown = list(enumerate(self._choices))[first : first + height]
        rows = [self._row(index, choice, "") for index, choice in shown]
        if first > 0:
            rows[0] = self._row(*shown[0], "↑ more")
        if first + height < len(self._choices):
            rows[-1] = self._row(*shown[-1], "↓ more")
        self.show(rows)

    def _row(self, index: int, choice: Choice, more: str) -> Line:
        is_here = index == self.cursor
        number = f"{index + 1}  " if self._numbered and index < len(DIGITS) else ""
        text = fitted(f" {'▶' if is_here else ' '} {number}{choice.text}", self.size.width - len(more)) + more
        if is_here:
            return (Span(text, Look.CHOSEN),)
        return (Span(text, Look.PLAIN if choice.is_open else Look.QUIET),)
