"""Real lines of simulated units: pseudo-terminals, loopback TCP ports, and the simulators' control socket."""

import os
import socket
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from devices.sim.port import ANYBODY

READ_BYTES = 4096  # chosen: several of the longest frames
LOOPBACK = "127.0.0.1"
PSEUDO_TERMINALS = Path("/dev/pts")  # where Linux keeps them, and to what a link of ours leads
SUN_PATH_BYTES = 100  # sockaddr_un holds 107 characters; the house keeps below 100


class BenchError(Exception):
    """The simulators cannot start; the text says why and what to do."""


class Line(Protocol):
    """How bytes of one unit reach the world."""

    @property
    def address(self) -> str:
        """Where the unit is reached."""

    @property
    def is_open(self) -> bool:
        """False before ``open`` and after ``close``."""

    def open(self) -> None:
        """Make it reachable; BenchError when that fails."""

    def close(self) -> None:
        """Pull the plug: whoever holds the other end sees it go."""

    def descriptors(self) -> Sequence[int]:
        """What to poll for input."""

    def receive(self, descriptor: int) -> list[tuple[int, bytes]]:
        """What has arrived there, with its source."""

    def send(self, destination: int, frame: bytes) -> None:
        """Send without waiting; bytes that nobody takes are lost, as on a wire."""


class PtyLine:
    """A pseudo-terminal with a symbolic link at the wanted path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Ours stays open: without it the master hangs up as soon as the controller leaves.
        self._master, self._slave = -1, -1

    @property
    def address(self) -> str:
        """The path of the link."""
        return str(self._path)

    @property
    def is_open(self) -> bool:
        """False before ``open`` and after ``close``."""
        return self._master >= 0

    def open(self) -> None:
        """Make a fresh pseudo-terminal and point the link to it; an old link of ours is replaced, nothing else is."""
        if self._path.exists() and not self._path.is_symlink():
            raise BenchError(f"{self._path} is there already and is no link; give another address")
        if self._path.exists() and self._path.resolve().parent != PSEUDO_TERMINALS:
            raise BenchError(f"{self._path} leads to {self._path.resolve()}, no simulator's line; give another address")
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(os.ttyname(self._slave))
            fresh.replace(self._path)  # at once, so that nobody finds the path missing
        except OSError as error:
            self.close()
            raise BenchError(f"cannot link {self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Hang up and take the link away, unless it points to somebody else by now."""
        if not self.is_open:
            return
        with suppress(OSError):
            if str(self._path.readlink()) == os.ttyname(self._slave):
                self._path.unlink()
        os.close(self._master)
        os.close(self._slave)
        self._master, self._slave = -1, -1

    def descriptors(self) -> Sequence[int]:
        """The master's side."""
        return (self._master,) if self.is_open else ()

    def receive(self, descriptor: int) -> list[tuple[int, bytes]]:
        """What the other end wrote; there is one source, 0."""
        try:
            return [(0, os.read(descriptor, READ_BYTES))]
        except OSError:
            return []

    def send(self, destination: int, frame: bytes) -> None:  # noqa: ARG002  # a pseudo-terminal has one other end
        """Send without waiting; what does not fit, because nobody reads, is lost."""
        with suppress(OSError):
            os.write(self._master, frame)


class TcpLine:
    """A listener on the loopback address; several clients at once, each hears its own answers, as at a gateway."""

    def __init__(self, address: str) -> None:
        port = address.removeprefix("tcp:").removeprefix(f"{LOOPBACK}:")
        if not port.isdecimal():
            raise BenchError(f"{address}: simulators listen on {LOOPBACK} only; write tcp:PORT")
        self._port = int(port)
        self._listener: socket.socket | None = None
        self._clients: dict[int, socket.socket] = {}  # by source: a number of ours that is not used again
        self._sources = 0

    @property
    def address(self) -> str:
        """``tcp:PORT``; with port 0 only known after ``open``."""
        return f"tcp:{self._port}"

    @property
    def is_open(self) -> bool:
        """False before ``open`` and after ``close``."""
        return self._listener is not None

    def open(self) -> None:
        """Listen; after a ``close`` on the same port again."""
        try:
            self._listener = socket.create_server((LOOPBACK, self._port), reuse_port=False)
        except (OSError, OverflowError) as error:
            raise BenchError(f"cannot listen on {LOOPBACK}:{self._port}: {error}") from error
        self._listener.setblocking(False)  # noqa: FBT003  # the standard library's signature
        self._port = self._listener.getsockname()[1]

    def close(self) -> None:
        """Stop listening and drop every client."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for source in list(self._clients):
            self._drop(source)

    def descriptors(self) -> Sequence[int]:
        """The listener and every client."""
        if self._listener is None:
            return ()
        return (self._listener.fileno(), *(client.fileno() for client in self._clients.values()))

    def receive(self, descriptor: int) -> list[tuple[int, bytes]]:
        """Accept a client, or read one; a client that has closed its direction is dropped."""
        if self._listener is not None and descriptor == self._listener.fileno():
            with suppress(OSError):
                client, _ = self._listener.accept()
                client.setblocking(False)  # noqa: FBT003  # the standard library's signature
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sources += 1
                self._clients[self._sources] = client
            return []
        for source, client in self._clients.items():
            if client.fileno() == descriptor:
                return self._received(source, client)
        return []

    def _received(self, source: int, client: socket.socket) -> list[tuple[int, bytes]]:
        try:
            received = client.recv(READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            received = b""
        if not received:
            self._drop(source)
            return []
        return [(source, received)]

    def send(self, destination: int, frame: bytes) -> None:
        """Send to one client or to all; a client that takes nothing loses it."""
        for source in list(self._clients) if destination == ANYBODY else [destination]:
            client = self._clients.get(source)
            if client is None:
                continue
            try:
                client.send(frame)
            except BlockingIOError:
                continue
            except OSError:
                self._drop(source)

    def _drop(self, source: int) -> None:
        self._clients.pop(source).close()


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name of a socket's path that fits into a socket address, however deep the path lies (Linux)."""
    if len(os.fsencode(path)) < SUN_PATH_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def control_socket(path: Path) -> socket.socket:
    """Listen at the path; what a killed process left there is taken away, a living one is not disturbed."""
    if _is_served(path):
        raise BenchError(f"simulators are running already at {path}; stop those, or give another --control")
    listener = socket.socket(socket.AF_UNIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with short_name(path) as name:
            listener.bind(name)
        path.chmod(0o660)  # as the controller's socket
        listener.listen()
    except OSError as error:
        listener.close()
        raise BenchError(f"cannot listen at {path}: {error.strerror or error}") from error
    return listener


def _is_served(path: Path) -> bool:
    """Whether somebody accepts there now."""
    with suppress(OSError), short_name(path) as name, socket.socket(socket.AF_UNIX) as other:
        other.connect(name)
        return True
    return False
