"""A TCP line to a unit or a gateway. Same calls as a serial line; the lock is ours, since a socket has none."""

import fcntl
import os
import re
import select
import socket
from contextlib import suppress
from pathlib import Path

from protocols.link import LinkError

READ_BYTES = 4096  # chosen: several of the longest frames
CONNECT_MS = 1000  # chosen: a unit on the clinic's own network answers in a few; a dead one must not hold a worker
DISCARD_ROUNDS = 16  # chosen: 64 KiB; a peer that talks faster than we throw away is noticed by the next read
NS_PER_MS = 1_000_000


class TcpLink:
    """One TCP line by host and port. Satisfies ``protocols.link.Link``.

    ``lock_folder`` is where everybody on this machine who may open the line keeps its lock (the runtime folder).
    """

    def __init__(self, host: str, port: int, lock_folder: Path, connect_ms: int = CONNECT_MS) -> None:
        self._host = host
        self._port = port
        self._lock_path = lock_folder / f"tcp-{re.sub(r'[^A-Za-z0-9.-]', '_', host.lower())}-{port}.lock"
        self._connect_ms = connect_ms
        self._socket: socket.socket | None = None
        self._lock: int | None = None
        self._poll = select.poll()
        # Lives as long as the link: a wake that comes while another thread closes must not hit a stranger's file.
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def __del__(self) -> None:
        os.close(self._wake)

    def open(self) -> None:
        """Lock, then connect; raise LinkError, holding nothing, if either fails."""
        self.close()
        self._lock = self._locked()
        try:
            peer = socket.create_connection((self._host, self._port), timeout=self._connect_ms / 1000)
            peer.setblocking(False)  # noqa: FBT003  # the standard library's signature
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except PermissionError as error:
            self.close()
            raise LinkError("refused", f"{self._name}: {error.strerror}") from error
        except OSError as error:
            self.close()
            raise LinkError("absent", f"nobody answers at {self._name}: {error.strerror or error}") from error
        self._socket = peer
        self._poll = select.poll()
        self._poll.register(peer, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def close(self) -> None:
        """Close and unlock; safe to call twice and on a line that is lost."""
        peer, self._socket = self._socket, None
        if peer is not None:
            peer.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def write(self, frame: bytes) -> None:
        """Hand one frame to the line without blocking; raise LinkError ``stuck`` if it does not take all of it."""
        try:
            taken = self._open_socket().send(frame)
        except BlockingIOError:
            taken = 0
        except OSError as error:
            raise self._lost(error) from error
        if taken < len(frame):
            raise LinkError("stuck", f"{self._name} took {taken} of {len(frame)} bytes: nothing reads the other end")

    def read(self, timeout_ns: int) -> bytes:
        """Bytes that arrived, or ``b""`` after the timeout or a ``wake``; raise LinkError if the line is gone.

        A peer that has closed only its own direction counts as gone: what it cannot say, nobody can confirm.
        The wait is rounded up to whole milliseconds, as poll(2) counts them.
        """
        peer = self._open_socket()
        ready = dict(self._poll.poll(-(-max(timeout_ns, 0) // NS_PER_MS)))
        if self._wake in ready:
            with suppress(BlockingIOError):
                os.eventfd_read(self._wake)
        if peer.fileno() not in ready:
            return b""
        try:
            received = peer.recv(READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(error) from error
        if not received:
            raise LinkError("lost", f"{self._name} closed the line")
        return received

    def discard_input(self) -> None:
        """Throw away what has arrived and was not read."""
        peer = self._open_socket()
        try:
            for _ in range(DISCARD_ROUNDS):
                if not peer.recv(READ_BYTES):
                    return
        except BlockingIOError:
            return
        except OSError as error:
            raise self._lost(error) from error

    def wake(self) -> None:
        """Make a ``read`` in another thread return at once. The only call that any thread may make."""
        os.eventfd_write(self._wake, 1)

    def fileno(self) -> int:
        """The line's descriptor; raise LinkError when not open."""
        return self._open_socket().fileno()

    @property
    def _name(self) -> str:
        return f"{self._host}:{self._port}"

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise LinkError("lost", f"{self._name} is not open")
        return self._socket

    def _lost(self, error: OSError) -> LinkError:
        return LinkError("lost", f"{self._name} is gone: {error.strerror or error}")

    def _locked(self) -> int:
        """A descriptor that holds the lock of this host and port; the system drops it with its holder."""
        lock = -1
        try:
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise LinkError("in_use", f"{self._name} belongs to another program; close that one first") from error
        except OSError as error:
            if lock >= 0:
                os.close(lock)
            raise LinkError("refused", f"{self._lock_path} cannot be locked: {error.strerror}") from error
        return lock
