"""A line of words typed key by key while a session may run: in it every letter is a letter, s and space too.

Rule 1: Ctrl-C stops here as anywhere; Escape stops while something is energized, and gives the line up otherwise.
Rule 2: nothing moves a cursor back: what a person cannot see is said again instead.
"""

from typing import Final

import click

BACKSPACES: Final = ("\x7f", "\b")
ENDS: Final = ("\r", "\n")
ESCAPE: Final = "\x1b"


class TypedLine:
    """One line. ``hidden``: a PIN, of which nothing is shown."""

    def __init__(self, max_chars: int, *, hidden: bool = False) -> None:
        self._max_chars = max_chars
        self._hidden = hidden
        self._typed = ""

    def key(self, key: str) -> str | None:
        """The line that this key completes; None when it goes on."""
        if key in ENDS:
            self._show("\n")
            return self._typed.strip()
        if key in BACKSPACES:
            self._typed = self._typed[:-1]
            self._show("" if self._hidden else f"\n{self._typed}")
        elif key.isprintable() and len(self._typed) < self._max_chars:
            self._typed += key
            self._show("" if self._hidden else key)
        return None

    @staticmethod
    def _show(shown: str) -> None:
        click.echo(shown, err=True, nl=False)
