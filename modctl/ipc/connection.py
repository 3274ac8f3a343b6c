"""One client of the controller's socket: its lines in, its bounded lines out, and what it has subscribed to.

Rule 1: nothing here waits; what a slow reader does not take is kept up to a bound, and then the reader is cut off.
Rule 2: answers and events are never dropped, a snapshot is replaced by the next one.
"""

import socket
from collections.abc import Sequence
from typing import Final

import msgspec

from devices.model import MonoNs
from modctl.ipc import wire
from modctl.ipc.messages import MAX_LINE_BYTES, Answering, Request
from modctl.ipc.wire import Nonsense

MAX_WAITING_BYTES: Final = 1 << 20  # chosen: sixteen of the longest answers; whoever leaves them unread is stuck
EVENTS_ROOM_BYTES: Final = 128 << 10  # chosen: two of the longest lines under way, the rest waits in the chart
RECEIVE_BYTES: Final = MAX_LINE_BYTES


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. ``user`` and ``role`` are of the person who signed in on this connection."""

    connection: int
    program: str
    attends: bool
    user: str | None = None
    role: str | None = None
    is_locked: bool = False  # nobody has been at this screen for a while


class Connection:
    """Used by the socket's thread alone."""

    def __init__(self, number: int, peer: socket.socket, now_ns: MonoNs) -> None:
        self.number = number
        self.since_ns = now_ns
        self.caller: Caller | None = None  # until it has said hello
        self.wants_snapshots = False
        self.next_seq: int | None = None  # the next entry to send; None: not subscribed
        self.is_live = False  # has caught up once: from here on, falling behind is a stuck reader
        self.is_paging = False  # a page from the chart is on its way
        self.is_closing = False  # hang up when all is sent
        self.open_requests = 0
        self._peer = peer
        self._lines = wire.request_reader()
        self._out = bytearray()
        self._snapshot = b""

    def fileno(self) -> int:
        """For waiting."""
        return self._peer.fileno()

    def receive(self) -> Sequence[Request | Nonsense] | None:
        """What has come in; None when the client has hung up."""
        try:
            received = self._peer.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return ()
        except OSError:
            return None
        return self._lines.feed(received) if received else None

    def say(self, message: Answering) -> None:
        """Queue one answer."""
        self._out += wire.encode(message)

    def say_line(self, line: bytes) -> None:
        """Queue one line that is encoded already."""
        self._out += line

    def show(self, snapshot: bytes) -> None:
        """Queue a snapshot in place of the one that was not taken yet."""
        self._snapshot = snapshot

    @property
    def has_room(self) -> bool:
        """More events may be queued."""
        return len(self._out) < EVENTS_ROOM_BYTES

    @property
    def is_stuck(self) -> bool:
        """The client has stopped reading."""
        return len(self._out) > MAX_WAITING_BYTES

    @property
    def wants_to_send(self) -> bool:
        """Something is queued."""
        return bool(self._out or self._snapshot)

    def flush(self) -> bool:
        """Send what the client takes now; False when it has hung up."""
        while self.wants_to_send:
            if not self._out:
                self._out += self._snapshot
                self._snapshot = b""
            try:
                sent = self._peer.send(self._out)
            except BlockingIOError:
                return True
            except OSError:
                return False
            del self._out[:sent]
        return True

    def close(self) -> None:
        """Hang up."""
        self._peer.close()
