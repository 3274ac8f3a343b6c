"""The client's side of the controller's socket: one that blocks, for commands, and one for an asyncio loop.

Neither connects again by itself: a lost connection is told, what it means is the caller's to say.
"""

import asyncio
import itertools
import select
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from modctl.clock import SystemClock
from modctl.errors import RefusedError, UnreachableError
from modctl.ipc import wire
from modctl.ipc.evidence import Progress
from modctl.ipc.messages import API, Answering, Beat, Done, Event, Hello, Refused, Request, SignIn, Snapshot

NO_CONTROLLER: Final = (
    "No controller runs for this site, so no session runs and modctl holds no output. Start it with: modctl serve"
)
LOST: Final = (
    "The connection to the controller was lost. Sessions that this screen attended are being stopped; if the "
    "controller itself ended, the guard has switched the units off. Look at the units before you go on."
)
CHUNK_BYTES: Final = 65_536  # chosen: a whole line at once
NS_PER_S: Final = 1_000_000_000


class NoControllerError(UnreachableError):
    """Nobody listens at the site's socket."""


class LostError(UnreachableError):
    """The controller hung up, or said what cannot be understood."""


def find_socket(run: Path) -> Path:
    """Where the controller of a site listens, from its ``run`` folder: the socket, or the file that says where it is.

    A socket's path may not be long (about 100 bytes); then it is bound elsewhere and ``modctl.sock.path`` names it.
    """
    pointer = run / "modctl.sock.path"
    try:
        return Path(pointer.read_text(encoding="utf-8").strip())
    except OSError:
        return run / "modctl.sock"


class BlockingClient:
    """One connection, for commands. Events and snapshots that arrive meanwhile are kept for ``next_message``."""

    def __init__(self, path: Path, program: str, *, attends: bool = False) -> None:
        self._ids = itertools.count(1)
        self._reader = wire.answer_reader()
        self._waiting: deque[Answering] = deque()
        self._clock = SystemClock()
        self._socket = _connected(path)
        try:
            _welcomed(self.request(Hello(id=self.next_id(), api=API, program=program, attends=attends)))
        except BaseException:  # an interrupt too: nobody else has this connection yet; raised again
            self._socket.close()
            raise

    def next_id(self) -> int:
        """A number that this connection has not used."""
        return next(self._ids)

    def fileno(self) -> int:
        """For waiting on several things at once; look at ``has_waiting`` first."""
        return self._socket.fileno()

    def has_waiting(self) -> bool:
        """A message has been read and not been taken."""
        return bool(self._waiting)

    def request(self, message: Request, progress: Callable[[int, int], None] | None = None) -> Done | Refused:
        """Send one request and wait for the answer that carries its number; LostError when there will be none.

        ``progress`` is told of what is done and of how much, where the request asked for that.
        """
        if isinstance(message, Beat):
            raise TypeError("a beat has no answer: send it")
        self.send(message)
        passed: deque[Answering] = deque()
        while True:
            answer = self.next_message(None)
            if isinstance(answer, Done | Refused) and answer.id == message.id:
                self._waiting.extendleft(reversed(passed))
                return answer
            if isinstance(answer, Progress):
                if progress is not None and answer.id == message.id:
                    progress(answer.done, answer.total)
            elif answer is not None:
                passed.append(answer)

    def sign_in(self, user: str, pin: str) -> str:
        """Bind a person to this connection; gives the role, RefusedError with the controller's own sentence."""
        answer = self.request(SignIn(id=self.next_id(), user=user, pin=pin))
        if isinstance(answer, Refused):
            raise RefusedError(answer.reason)
        return answer.role or ""

    def send(self, message: Request) -> None:
        """Send without waiting; an answer comes through ``next_message``."""
        try:
            self._socket.sendall(wire.encode(message))
        except OSError as why:
            raise LostError(LOST) from why

    def next_message(self, timeout_s: float | None) -> Answering | None:
        """The next message, None after the timeout (0: only what is here); LostError at the end of the connection."""
        deadline_ns = None if timeout_s is None else self._clock.mono_ns() + int(timeout_s * NS_PER_S)
        while not self._waiting:
            left_s = None if deadline_ns is None else max(0.0, (deadline_ns - self._clock.mono_ns()) / NS_PER_S)
            if not select.select([self._socket], [], [], left_s)[0]:
                return None
            self._receive()
        return self._waiting.popleft()

    def close(self) -> None:
        """Hang up. A session that this connection attends is stopped by the controller."""
        self._socket.close()

    def _receive(self) -> None:
        try:
            received = self._socket.recv(CHUNK_BYTES)
        except OSError as why:
            raise LostError(LOST) from why
        if not received:
            raise LostError(LOST)
        for message in self._reader.feed(received):
            self._waiting.append(_understood(message))


class AsyncClient:
    """One connection, for the screens. Snapshots: the newest wins; events: all, in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ids = itertools.count(1)
        self._stream = reader
        self._writer = writer
        self._answers: dict[int, asyncio.Future[Done | Refused]] = {}
        self._snapshot: Snapshot | None = None
        self._snapshot_came = asyncio.Event()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._is_lost = False
        self._task = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def connect(cls, path: Path, program: str, *, attends: bool) -> "AsyncClient":
        """Connect and say hello; UnreachableError when nobody listens or speaks our language."""
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except OSError as why:
            raise NoControllerError(NO_CONTROLLER) from why
        client = cls(reader, writer)
        try:
            _welcomed(await client.request(Hello(id=client.next_id(), api=API, program=program, attends=attends)))
        except BaseException:  # an interrupt too: nobody else has this connection yet; raised again
            await client.close()
            raise
        return client

    @property
    def is_lost(self) -> bool:
        """The connection is over."""
        return self._is_lost

    def next_id(self) -> int:
        """A number that this connection has not used."""
        return next(self._ids)

    async def request(self, message: Request) -> Done | Refused:
        """Send one request and wait for its answer; LostError when there will be none."""
        if isinstance(message, Beat):
            raise TypeError("a beat has no answer: use beat()")
        if self._is_lost:
            raise LostError(LOST)
        answer: asyncio.Future[Done | Refused] = asyncio.get_running_loop().create_future()
        self._answers[message.id] = answer
        try:
            await self._send(message)
            return await answer
        finally:
            self._answers.pop(message.id, None)

    async def beat(self) -> None:
        """Say that the last frame has left for the terminal."""
        await self._send(Beat())

    async def snapshots(self) -> AsyncIterator[Snapshot]:
        """The newest snapshot, again and again, until the connection is over."""
        while True:
            await self._snapshot_came.wait()
            self._snapshot_came.clear()
            newest, self._snapshot = self._snapshot, None
            if newest is not None:
                yield newest
            if self._is_lost:
                self._snapshot_came.set()
                return

    async def events(self) -> AsyncIterator[Event]:
        """Every event in the order of the chart, until the connection is over."""
        while True:
            event = await self._events.get()
            if event is None:
                self._events.put_nowait(None)
                return
            yield event

    async def close(self) -> None:
        """Hang up. A session that this connection attends is stopped by the controller."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._lose()
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)

    async def _send(self, message: Request) -> None:
        try:
            self._writer.write(wire.encode(message))
            await self._writer.drain()
        except OSError as why:
            raise LostError(LOST) from why

    async def _read(self) -> None:
        lines = wire.answer_reader()
        try:
            while received := await self._stream.read(CHUNK_BYTES):
                for message in lines.feed(received):
                    self._take(_understood(message))
        except (OSError, LostError):
            pass  # either way the connection is over, which is told below
        finally:
            self._lose()

    def _take(self, message: Answering) -> None:
        if isinstance(message, Snapshot):
            self._snapshot = message
            self._snapshot_came.set()
        elif isinstance(message, Event):
            self._events.put_nowait(message)
        elif isinstance(message, Progress):
            pass  # no screen over this connection asks for any
        elif (answer := self._answers.get(message.id)) is not None and not answer.done():
            answer.set_result(message)

    def _lose(self) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(LostError(LOST))
        self._events.put_nowait(None)
        self._snapshot_came.set()


def _connected(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.connect(str(path))
    except OSError as why:
        made.close()
        if isinstance(why, PermissionError):
            raise UnreachableError(f"{path} may not be used by this account: its group decides who may.") from why
        raise NoControllerError(NO_CONTROLLER) from why
    return made


def _welcomed(answer: Done | Refused) -> None:
    if isinstance(answer, Refused):
        raise UnreachableError(answer.reason)


def _understood(message: Answering | wire.Nonsense) -> Answering:
    if isinstance(message, wire.Nonsense):
        raise LostError(f"The controller said something that this program does not understand ({message.why}). {LOST}")
    return message
