"""A thread that does slow things one after the other for those who may not wait: reading, hashing, looking up.

Rule 1: what a task needs (a connection belongs to one thread) is opened in the room, at the first task.
Rule 2: every task is answered: by what it gives, by the sentence of what refused it, or by a note that it failed.
Rule 3: a task that fails by an error of ours ends the room's thread, not the program; the next task gets a new one.
"""

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from modctl.controller.lanes import Lanes
from modctl.errors import Exit, ModctlError
from modctl.ipc.messages import Done, Refused

T = TypeVar("T")
Task = Callable[[T], Done | Refused | None]  # None: somebody else answers later
Answer = Callable[[Done | Refused], None]

IDLE_NS: Final = 1_000_000_000  # chosen: how long an ending room may be waited for
CODES: Final = {Exit.USAGE: "usage", Exit.UNREACHABLE: "unreachable", Exit.REFUSED: "refused"}


class Room(Generic[T]):
    """One thread and what it needs. ``close`` undoes ``open`` in the same thread."""

    def __init__(self, name: str, open_: Callable[[], T], close: Callable[[T], None]) -> None:
        self._name = name
        self._open = open_
        self._close = close
        self._tasks: Lanes[tuple[Task[T], Answer]] = Lanes()
        self._ending = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self, do: Task[T], answer: Answer) -> None:
        """Have something done; ``answer`` is called in the room's thread. Any thread may ask."""
        self._tasks.put((do, answer))
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End after the task under way; what still waits is not done."""
        self._ending = True
        self._tasks.wake()
        if self._thread is not None:
            self._thread.join(IDLE_NS / 1e9)

    def _run(self) -> None:
        needed: T | None = None
        try:
            while not self._ending:
                waiting = self._tasks.take(IDLE_NS)
                if waiting is not None:
                    needed = self._serve(*waiting, needed)
        finally:
            if needed is not None:
                self._close(needed)

    def _serve(self, do: Task[T], reply: Answer, needed: T | None) -> T | None:
        answer: Done | Refused | None = Refused(id=0, code="failed", reason=FAILED)
        try:
            if needed is None:
                needed = self._open()
            answer = do(needed)
        except ModctlError as why:
            answer = Refused(id=0, code=CODES.get(why.exit_code, "failed"), reason=str(why))
        finally:
            if answer is not None:
                reply(answer)
        return needed


FAILED: Final = "The controller could not do this because of an error of its own. What runs goes on and can be stopped."
