"""The terminal's two directions, with the library's gaps closed: a stop key is always seen, a beat is never early.

Rule 1: an escape byte that is not the beginning of a whole, known sequence is the Escape key, at once. Textual waits
        100 ms for more and then reads Escape and Enter as Enter, which may confirm a start. A sequence that arrives in
        pieces therefore counts as Escape too: a stop too many is the safe side.
Rule 2: a paste gives no keys but the stop keys, and one without an end is over at the first pause.
Rule 3: bytes that are no text, or a terminal that is gone, never end the program in the middle of something.
"""

import codecs
import io
import os
import re
import selectors
import sys
from collections.abc import Iterator
from typing import Final

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, SPECIAL_SEQUENCES, XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key
from textual.message import Message

ESC: Final = "\x1b"
RESET: Final = "\x1b[m"  # every frame sets its own colours anyway
CTRL_C: Final = "\x03"
F12: Final = frozenset({"\x1b[24~", "\x1b[57375u"})  # xterm's sequence; the kitty keyboard protocol's number
IDLE_S: Final = 0.1  # chosen: a pause that no paste has inside and no person notices; also how soon an exit is seen
MAX_WAITING: Final = 20  # chosen: below the 30 frames at which the library's queue blocks
READ_BYTES: Final = 4096  # chosen: more than any person types between two reads

# ECMA-48, 5.4: a control sequence is ESC [, parameter bytes 30-3F, intermediate bytes 20-2F, one final byte 40-7E.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_SINGLE_SHIFT = re.compile(r"\x1bO[ -~]")
_STRING = re.compile(r"\x1b[P\]X^_][^\x07\x1b]*(?:\x07|\x1b\\)")  # ECMA-48, 5.6: a terminal's answers to queries
_FRAGMENT = re.compile(r"\x1b(?:O|\[[0-?]*[ -/]*)?\Z")
_KITTY_KEY = re.compile(r"\x1b\[(?:[\d:]*;?){2,3}[u~ABCDEFHPQRS]")  # as Textual reads them
_REPORT = re.compile(r"\x1b\[(?:[<=>?]|\d+;\d+R|48;)")  # modes, cursor, size: sent by terminals, typed by nobody


class TerminalGone(Message):
    """Nothing more can be read from the terminal: it was closed or hung up."""


class StopFirstParser(XTermParser):
    """Splits the input into whole sequences before the library's parser sees it; see the rules above."""

    def __init__(self, *, debug: bool = False) -> None:
        super().__init__(debug)
        self._held = ""  # the beginning of what may become a sequence; its Escape has been reported
        self._pasting = False

    def feed(self, data: str) -> Iterator[Message]:
        """The keys in what was read, in order. Nothing read is nothing, not the end (half a letter may be no text)."""
        reported, data, self._held = bool(self._held), self._held + data, ""
        while data:
            if data[0] != ESC:
                plain, escape, rest = data.partition(ESC)
                yield from self._plain(plain)
                data = escape + rest
            elif sequence := _whole_sequence(data):
                yield from self._sequence(sequence)
                data = data[len(sequence) :]
            else:
                fragment = _FRAGMENT.match(data)
                if not reported:
                    yield from self._escape()
                self._held = data if fragment else ""
                data = "" if fragment else data[_leftover_length(data, held=reported) :]
            reported = False

    def idle(self) -> None:
        """Nothing came for ``IDLE_S``: what was begun is over."""
        self._held = ""
        self._pasting = False

    def _escape(self) -> Iterator[Message]:
        self._pasting = False
        yield Key("escape", ESC)

    def _plain(self, text: str) -> Iterator[Message]:
        if not self._pasting:
            yield from super().feed(text)
        elif CTRL_C in text:
            self._pasting = False
            yield from super().feed(CTRL_C)

    def _sequence(self, sequence: str) -> Iterator[Message]:
        if sequence in (BRACKETED_PASTE_START, BRACKETED_PASTE_END):
            self._pasting = sequence == BRACKETED_PASTE_START
        elif not self._pasting or sequence in F12:
            yield from super().feed(sequence)
        if sequence in F12:
            self._pasting = False


def _whole_sequence(data: str) -> str | None:
    """The known sequence that ``data`` begins with, as a whole."""
    if match := _CONTROL.match(data) or _SINGLE_SHIFT.match(data):
        sequence = match[0]
        if sequence in ANSI_SEQUENCES_KEYS or sequence in SPECIAL_SEQUENCES:
            return sequence
        if _KITTY_KEY.fullmatch(sequence) or _REPORT.match(sequence):
            return sequence
    return None


def _leftover_length(data: str, *, held: bool) -> int:
    """How much of ``data`` to drop once its first byte was taken as Escape.

    An answer of the terminal or an unknown control sequence goes as a whole: its digits are nobody's keys.
    """
    if match := _STRING.match(data) or _CONTROL.match(data):
        return len(match[0])
    if held and (match := re.match(r"\x1b[O\[][0-?]*[ -/]*", data)):
        return len(match[0])
    return len(ESC)


class Outlet(io.TextIOWrapper):
    """The way to the terminal, which counts what has left and survives a terminal that is gone."""

    def __init__(self, fileno: int) -> None:
        super().__init__(io.BufferedWriter(io.FileIO(fileno, "w", closefd=False)), encoding="utf-8", errors="replace")
        self._written = 0
        self.left = 0  # writes whose bytes the terminal has taken
        self.gone = False

    def write(self, text: str) -> int:
        """Take a text on its way; the terminal has it after ``flush``."""
        self._written += 1
        if not self.gone:
            try:
                super().write(text)
            except OSError:
                self.gone = True
        return len(text)

    def flush(self) -> None:
        """Hand everything to the terminal; blocks for as long as it takes no bytes."""
        if self.gone:
            return
        try:
            super().flush()
            self.left = self._written
        except (OSError, ValueError):  # hung up; or closed under us at the very end
            self.gone = True


class TableDriver(LinuxDriver):
    """Textual's driver with our parser, and with an answer to *has the last frame left?*."""

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = False,
        size: tuple[int, int] | None = None,
    ) -> None:
        del mouse  # never: a terminal left with its mouse on is useless, and nothing here needs one
        super().__init__(app, debug=debug, mouse=False, size=size)
        self._outlet = Outlet((sys.__stderr__ or sys.stderr).fileno())
        self._file = self._outlet
        self._handed_over = 0
        self._has_dropped = False

    def write(self, data: str) -> None:
        """Queue one frame for the terminal; while it stands still, frames are dropped instead of waited for.

        The library's queue holds 30 and then blocks the whole program, its stop keys included.
        """
        if self._handed_over - self._outlet.left >= MAX_WAITING and not self.exit_event.is_set():
            self._has_dropped = True
            return
        self._handed_over += 1
        super().write(data)

    def takes_up_again(self) -> bool:
        """True once after frames were dropped and the terminal has moved again: all must be drawn anew."""
        if not (self._has_dropped and self.has_drained):
            return False
        self._has_dropped = False
        return True

    def touch(self) -> None:
        """Send something that changes nothing, so that a terminal that stands still is noticed without a new frame."""
        self.write(RESET)

    @property
    def has_drained(self) -> bool:
        """Every frame so far was taken by the terminal. False while it stands still, and for ever when it is gone."""
        return self._outlet.left == self._handed_over

    def run_input_thread(self) -> None:
        """Read keys until the program ends or the terminal does."""
        parser = StopFirstParser()
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if not selector.select(IDLE_S):
                    parser.idle()
                    continue
                try:
                    read = os.read(self.fileno, READ_BYTES)
                except OSError:  # what a hung-up terminal answers
                    read = b""
                if not read:
                    self.process_message(TerminalGone())
                    return
                for message in parser.feed(decoder.decode(read)):
                    self.process_message(message)
