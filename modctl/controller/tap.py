"""What went over a line, kept for whoever looks; off when nobody does.

Rule 1: the line's thread never waits for whoever looks: it appends to a bounded ring, the oldest frames go first.
Rule 2: a look keeps the tap open for a short time only, so that a technician who leaves leaves nothing running.
"""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from devices.model import NS_PER_S, MonoNs

RING: Final = 512  # chosen: ten seconds of a busy line, 30 kB
OPEN_NS: Final = 3 * NS_PER_S  # chosen: fifteen looks may be late
OUT: Final = "out"
IN: Final = "in"
PAGE_BYTES: Final = 16_000  # chosen: twice in hexadecimal with its names still inside a line of 64 KiB
ROW_BYTES: Final = 40  # chosen: what a row costs besides its frame


class Seen(msgspec.Struct, frozen=True):
    """Some bytes, the way they went: ``out`` is one frame, ``in`` is what arrived at once."""

    seq: int
    at_ns: int
    way: str
    frame: bytes


class Tap:
    """One line's frames. ``saw`` is the line's thread's, ``look`` anybody's."""

    def __init__(self) -> None:
        self._open_until_ns = 0
        self._seq = 0
        self._ring: deque[Seen] = deque(maxlen=RING)
        self._lock = threading.Lock()  # of the ring, for the length of an append or a copy

    def saw(self, way: str, frame: bytes, now_ns: MonoNs) -> None:
        """Keep it if somebody looks."""
        if now_ns >= self._open_until_ns:
            return
        with self._lock:
            self._seq += 1
            self._ring.append(Seen(self._seq, now_ns, way, frame))

    def look(self, since: int, now_ns: MonoNs) -> tuple[Seen, ...]:
        """What was seen after number ``since``, and keep the tap open. A gap in the numbers was too old to keep."""
        self._open_until_ns = now_ns + OPEN_NS
        with self._lock:
            return tuple(one for one in self._ring if one.seq > since)


def fitting(seen: Sequence[Seen]) -> Sequence[Seen]:
    """As many, the oldest first, as fit one answer; one at least."""
    room = PAGE_BYTES
    for at, one in enumerate(seen):
        room -= ROW_BYTES + len(one.frame)
        if room < 0 and at:
            return seen[:at]
    return seen
