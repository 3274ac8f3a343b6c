"""What takes time, each in a thread of its own, and what the screen hears of it: how far it is, what came of it.

Rule 1: nothing of it holds up a key, and whoever leaves is not kept waiting: every errand is asked to go on or not.
Rule 2: one of a kind at a time: a second verification beside the first would make both slower and say the same.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from textual.app import App
from textual.message import Message

from modctl.chart.reader import SessionRow
from modctl.chart.verify import Progress
from modctl.errors import ModctlError
from tui.audit.source import Source

_T = TypeVar("_T")
TAKEN_S: Final = 0.1  # chosen: how soon a reading notices that its reader has left
BATCH: Final = 2_000  # rows, chosen: the first page comes alone, the others so many at a time


@dataclass
class RowsRead(Message):
    """Some more rows of reading number ``number``; ``is_all``: these were the last. No more come before ``taken``."""

    number: int
    rows: Sequence[SessionRow]
    is_all: bool
    taken: threading.Event


@dataclass
class Told(Message):
    """A sentence for a person."""

    says: str


@dataclass
class Came(Message):
    """An errand is over; ``show`` puts what came of it on the screen."""

    kind: str
    show: Callable[[], None]


class LeftError(Exception):
    """Nobody waits for it any more."""


class Errands:
    """The threads. Everything that they have to say is posted to the app."""

    def __init__(self, app: App[None], source: Source) -> None:
        self._app = app
        self._source = source
        self._number = 0
        self._running: set[str] = set()  # changed in the app's thread, and at the end of an errand
        self._has_left = threading.Event()

    def leave(self) -> None:
        """Nobody waits any more."""
        self._has_left.set()

    def read_list(self) -> int:
        """Read the list anew; its rows come as RowsRead with this number, those of an earlier reading are stale."""
        self._number += 1
        number = self._number
        self._app.run_worker(lambda: self._read(number), group="list", thread=True)
        return number

    def send(self, kind: str, says: str, ask: Callable[[Progress], _T], show: Callable[[_T], None]) -> bool:
        """Ask the source; ``show`` gets the answer in the app's thread. False: one of this kind is under way."""
        if kind in self._running:
            return False
        self._running.add(kind)
        self._app.post_message(Told(f"{says} …"))
        self._app.run_worker(lambda: self._errand(kind, says, ask, show), group=kind, thread=True)
        return True

    def _errand(self, kind: str, says: str, ask: Callable[[Progress], _T], show: Callable[[_T], None]) -> None:
        def progress(done: int, total: int) -> None:
            if self._has_left.is_set():
                raise LeftError
            share = f": {done * 100 // total} %, {done} of {total}" if total and done else ""
            self._app.post_message(Told(f"{says}{share} …"))

        try:
            found = ask(progress)
        except ModctlError as why:
            self._app.post_message(Told(str(why)))
        except LeftError:
            pass
        else:
            self._app.post_message(Came(kind, lambda: show(found)))
        finally:
            self._running.discard(kind)

    def _read(self, number: int) -> None:
        gathered: list[SessionRow] = []
        is_first = True
        try:
            for page in self._source.pages():
                if self._has_left.is_set() or number != self._number:
                    return
                gathered += page
                if is_first or len(gathered) >= BATCH:
                    self._give(number, gathered, is_all=False)
                    gathered, is_first = [], False
            self._give(number, gathered, is_all=True)
        except ModctlError as why:
            self._app.post_message(Told(str(why)))

    def _give(self, number: int, rows: Sequence[SessionRow], *, is_all: bool) -> None:
        """Wait until they are drawn: a queue full of rows would keep the first picture and every key behind them."""
        given = RowsRead(number, tuple(rows), is_all, threading.Event())
        self._app.post_message(given)
        while not given.taken.wait(TAKEN_S) and not self._has_left.is_set():
            pass
