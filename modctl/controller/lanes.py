"""A queue of two lanes between threads: what stops goes first, and a signal handler may put into it.

``queue.Queue`` takes a lock that a signal handler can find held by the very thread it interrupts; a deque's append
and a SimpleQueue's put are reentrant (docs.python.org, queue.SimpleQueue.put).
"""

from collections import deque
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from devices.model import NS_PER_S

T = TypeVar("T")


class Lanes(Generic[T]):
    """Many threads put, one takes. There is one token for every item, and one for every ``wake``."""

    def __init__(self) -> None:
        self._first: deque[T] = deque()
        self._then: deque[T] = deque()
        self._tokens: SimpleQueue[None] = SimpleQueue()

    def put(self, item: T, *, first: bool = False) -> None:
        """Add an item; ``first`` puts it before everything that is not."""
        (self._first if first else self._then).append(item)
        self._tokens.put(None)

    def wake(self) -> None:
        """Make a waiting ``take`` return, with nothing."""
        self._tokens.put(None)

    def take(self, timeout_ns: int) -> T | None:
        """The next item, or None after the timeout (0 or less: do not wait) or a wake."""
        try:
            if timeout_ns > 0:
                self._tokens.get(timeout=timeout_ns / NS_PER_S)
            else:
                self._tokens.get_nowait()
        except Empty:
            return None
        if self._first:
            return self._first.popleft()
        return self._then.popleft() if self._then else None

    def __len__(self) -> int:
        return len(self._first) + len(self._then)
