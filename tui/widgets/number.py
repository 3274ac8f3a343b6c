"""A whole number between two bounds, by digit or arrows. No text field: space and s stay stop keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.events import Key
from textual.message import Message
from textual.reactive import reactive

from tui.looks import Line, Look, Span
from tui.widgets.rows import Rows

ONE_DIGIT = 10  # up to here a digit alone answers; 10 itself is taken with End and Enter


class NumberRow(Rows, can_focus=True):
    """Small ranges are a row of numbers, a digit answers at once; larger ones are typed and taken with Enter."""

    cursor: reactive[int | None] = reactive[int | None](None, layout=False, repaint=False)

    @dataclass
    class Entered(Message):
        """A number inside the bounds."""

        value: int

    @dataclass
    class Said(Message):
        """A word in place of a number, such as *not done*."""

        answer: str

    def __init__(self, widget_id: str | None = None) -> None:
        super().__init__(id=widget_id)
        self._low = 0
        self._high = ONE_DIGIT
        self._words: tuple[tuple[str, str], ...] = ()

    def ask(self, low: int, high: int, words: Sequence[tuple[str, str]] = ()) -> None:
        """Ask for a number, both bounds included. Nothing is preselected: a number that was not said is not one.

        ``words`` are answers beside the number, each taken by its first letter.
        """
        self._low, self._high = low, high
        self._words = tuple(words)
        self.cursor = None
        self._draw()

    def watch_cursor(self) -> None:
        """Show it."""
        self._draw()

    def on_key(self, event: Key) -> None:
        """Digits, arrows, Home, End, Backspace and Enter; everything else is somebody else's."""
        word = next((answer for answer, _ in self._words if answer[0] == event.key), None)
        if word is not None:
            self.post_message(self.Said(word))
        elif event.key.isdecimal() and len(event.key) == 1:
            self._digit(int(event.key))
        elif event.key in ("left", "down", "right", "up"):
            step = 1 if event.key in ("right", "up") else -1
            at = self._low - 1 if self.cursor is None else self.cursor
            self.cursor = min(self._high, max(self._low, at + step))
        elif event.key in ("home", "end"):
            self.cursor = self._low if event.key == "home" else self._high
        elif event.key == "backspace" and self.cursor is not None:
            self.cursor = self.cursor // 10 or None
        elif event.key == "enter" and self.cursor is not None:
            self._enter(self.cursor)
        else:
            return
        event.stop()

    def _digit(self, digit: int) -> None:
        if self._high <= ONE_DIGIT:
            self._enter(digit)
            return
        typed = (self.cursor or 0) * 10 + digit
        if typed <= self._high:
            self.cursor = typed

    def _enter(self, value: int) -> None:
        if self._low <= value <= self._high:
            self.post_message(self.Entered(value))

    def _draw(self) -> None:
        if self._high <= ONE_DIGIT:
            hint = (Span(" a digit answers at once; ← → and Enter do too (10: End, Enter)", Look.QUIET),)
            self.show([self._row_of_numbers(), hint, *self._word_lines()])
        else:
            self.show([self._typed(), *self._word_lines()])

    def _word_lines(self) -> tuple[Line, ...]:
        return tuple((Span(f" {answer[0]}  ", Look.STRONG), Span(label)) for answer, label in self._words)

    def _row_of_numbers(self) -> Line:
        numbers = range(self._low, self._high + 1)
        return tuple(
            Span(f"[{number}]" if number == self.cursor else f" {number} ", self._look(number)) for number in numbers
        )

    def _typed(self) -> Line:
        shown = "…" if self.cursor is None else str(self.cursor)
        return (Span(" ▶ "), Span(f" {shown} ", Look.CHOSEN), Span(f"  ({self._low} to {self._high})", Look.QUIET))

    def _look(self, number: int) -> Look:
        return Look.CHOSEN if number == self.cursor else Look.PLAIN
