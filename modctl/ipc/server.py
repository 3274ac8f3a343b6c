"""The controller's socket: clients in, requests to the house, answers, snapshots and committed entries out.

Rule 1: one thread, sockets that do not block, bounded buffers: no client can hold up another one, or a stop.
Rule 2: a connection says hello first; a person is bound to it only by the house's answer to ``SignIn``.
Rule 3: entries go out in the order of the chart, each once; who falls 1 000 behind is cut off and asks again with
        ``since``. A snapshot says how things are now: the newest wins, at most ten a second, only to who listens.
"""

import itertools
import os
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

import msgspec
import structlog

from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from modctl.clock import Clock
from modctl.ipc import wire
from modctl.ipc.connection import Caller, Connection
from modctl.ipc.evidence import Progress
from modctl.ipc.fitting import snapshot_line
from modctl.ipc.hands import Lock
from modctl.ipc.messages import API, Beat, Done, Event, Hello, Refused, Request, SignIn, Snapshot, Stop, Subscribe
from modctl.ipc.wire import LineTooLongError, Nonsense

SNAPSHOT_NS: Final = 100 * NS_PER_MS  # contract: at most ten a second
TICK_NS: Final = 50 * NS_PER_MS  # chosen: a lost screen is noticed within this of its second
MAX_BEHIND: Final = 1_000  # contract: a client this far behind is cut off
MAX_CLIENTS: Final = 64  # chosen: a clinic has a screen a table; more are a mistake that must not eat descriptors
HELLO_NS: Final = 5 * NS_PER_S  # chosen: who says nothing does not keep a place
MAX_OPEN_REQUESTS: Final = 64  # chosen: a screen asks one thing at a time

_log = structlog.get_logger()


class House(Protocol):
    """What stands behind the socket. Called in the socket's thread; every call returns at once."""

    def asked(self, number: int, caller: Caller, request: Request) -> None:
        """Somebody asks; the answer comes through ``Server.answer`` with the number."""

    def beat(self, connection: int) -> None:
        """A screen is alive."""

    def gone(self, connection: int) -> None:
        """A connection ended."""

    def snapshot(self, caller: Caller) -> Snapshot:
        """How things are now, as far as this caller may see it."""

    def page(self, connection: int, since: int) -> None:
        """A client wants the entries after ``since``; they come through ``Server.page``."""

    def tick(self) -> None:
        """Called at least every 50 ms."""


class Body(msgspec.Struct, frozen=True):
    """One committed entry as its bytes."""

    seq: int
    body: bytes


class _Answer(msgspec.Struct, frozen=True):
    number: int
    answer: Done | Refused


class _Progress(msgspec.Struct, frozen=True):
    number: int
    done: int
    total: int


class _Page(msgspec.Struct, frozen=True):
    connection: int
    bodies: tuple[Body, ...]


class _Published(msgspec.Struct, frozen=True):
    bodies: tuple[Body, ...]


class Server:
    """The thread of the socket. ``newest`` is the chart's last number when it starts."""

    def __init__(self, listener: socket.socket, house: House, clock: Clock, newest: int) -> None:
        self.on_death: Callable[[], None] = lambda: None
        self._listener = listener
        self._house = house
        self._clock = clock
        self._newest = newest
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=MAX_BEHIND + 1)  # number and line
        self._connections: dict[int, Connection] = {}
        self._numbers = itertools.count(1)
        self._asked: dict[int, tuple[int, Request]] = {}
        self._outside: deque[_Answer | _Progress | _Page | _Published] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._snapshot_ns = MonoNs(0)
        self._ending = False
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._run, name="socket", daemon=True)

    def start(self) -> None:
        """Serve until ``close``."""
        self._thread.start()

    def close(self) -> None:
        """Send what is queued as far as the clients take it, and end."""
        self._ending = True
        os.eventfd_write(self._wake, 1)
        if self._thread.is_alive():
            self._thread.join()

    def answer(self, number: int, answer: Done | Refused) -> None:
        """Answer a request; its ``id`` is filled in here. Any thread."""
        self._put(_Answer(number, answer))

    def progress(self, number: int, done: int, total: int) -> None:
        """Say how far a request is that was not answered yet. Any thread."""
        self._put(_Progress(number, done, total))

    def publish(self, bodies: Sequence[Body]) -> None:
        """Entries have become durable. Any thread, but in the order of the chart."""
        self._put(_Published(tuple(bodies)))

    def page(self, connection: int, bodies: Sequence[Body]) -> None:
        """The entries that a client asked for; none when there is nothing after what it has. Any thread."""
        self._put(_Page(connection, tuple(bodies)))

    def _put(self, what: _Answer | _Progress | _Page | _Published) -> None:
        self._outside.append(what)
        os.eventfd_write(self._wake, 1)

    def _run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        try:
            while not self._ending:
                self._serve()
            self._take_outside()
        finally:
            for connection in tuple(self._connections.values()):
                connection.flush()
                connection.close()
            self._listener.close()
            self._selector.close()
            if not self._ending:
                self.on_death()

    def _serve(self) -> None:
        for key, _ in self._selector.select(TICK_NS / NS_PER_S):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj == self._wake:
                with suppress(BlockingIOError):
                    os.eventfd_read(self._wake)
            elif (connection := self._connections.get(key.data)) is not None:
                self._hear(connection)
        self._take_outside()
        self._send_snapshots()
        self._house.tick()
        for connection in tuple(self._connections.values()):
            self._feed(connection)
            self._settle(connection)

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError:  # gone again, or no descriptor is free: the next one may be luckier
            return
        if len(self._connections) >= MAX_CLIENTS:
            peer.close()
            return
        peer.setblocking(False)  # noqa: FBT003  # the standard library's signature
        number = next(self._numbers)
        self._connections[number] = Connection(number, peer, self._clock.mono_ns())
        self._selector.register(peer, selectors.EVENT_READ, number)

    def _hear(self, connection: Connection) -> None:
        messages = connection.receive()
        if messages is None:
            self._hang_up(connection)
            return
        for message in messages:
            if connection.is_closing:
                return
            self._obey(connection, message)

    def _obey(self, connection: Connection, message: Request | Nonsense) -> None:
        caller = connection.caller
        match message:
            case Nonsense(why=why, id=asked, is_fatal=is_fatal):
                connection.say(Refused(id=asked or 0, code="malformed", reason=why))
                connection.is_closing = connection.is_closing or is_fatal
            case Hello():
                self._greet(connection, message)
            case _ if caller is None:
                asked = 0 if isinstance(message, Beat) else message.id
                connection.say(Refused(id=asked, code="hello", reason="A connection says hello first."))
                connection.is_closing = True
            case Beat():
                self._house.beat(connection.number)
            case Subscribe(id=asked, since=since, snapshots=snapshots):
                connection.say(Done(id=asked))
                connection.wants_snapshots = snapshots
                connection.next_seq = self._newest + 1 if since is None else max(since, 0) + 1
                connection.is_live = False
            case _ if connection.open_requests >= MAX_OPEN_REQUESTS and not isinstance(message, Stop):
                connection.say(Refused(id=message.id, code="busy", reason="Too many requests are unanswered."))
            case _:
                number = next(self._numbers)
                self._asked[number] = (connection.number, message)
                connection.open_requests += 1
                self._house.asked(number, caller, message)

    def _greet(self, connection: Connection, hello: Hello) -> None:
        if hello.api != API:
            why = f"This controller speaks version {API}, the client {hello.api}: both must be of one installation."
            connection.say(Refused(id=hello.id, code="api", reason=why))
            connection.is_closing = True
            return
        known = connection.caller
        if known is not None:
            connection.say(Refused(id=hello.id, code="hello", reason="Hello is said once."))
            return
        connection.caller = Caller(connection=connection.number, program=hello.program[:80], attends=hello.attends)
        connection.say(Done(id=hello.id))

    def _take_outside(self) -> None:
        while self._outside:
            match self._outside.popleft():
                case _Answer(number=number, answer=answer):
                    self._take_answer(number, answer)
                case _Progress(number=number, done=done, total=total):
                    asker, request = self._asked.get(number, (None, None))
                    connection = None if asker is None else self._connections.get(asker)
                    if connection is not None and request is not None and not isinstance(request, Beat):
                        connection.say(Progress(id=request.id, done=done, total=total))
                case _Published(bodies=bodies):
                    for entry in bodies:
                        self._recent.append((entry.seq, _event_line(entry)))
                        self._newest = entry.seq
                case _Page(connection=number, bodies=bodies):
                    self._take_page(number, bodies)

    def _take_answer(self, number: int, answer: Done | Refused) -> None:
        asker, request = self._asked.pop(number, (None, None))
        connection = None if asker is None else self._connections.get(asker)
        if connection is None or connection.caller is None or request is None or isinstance(request, Beat):
            return
        connection.open_requests -= 1
        if isinstance(request, SignIn) and isinstance(answer, Done):
            connection.caller = msgspec.structs.replace(
                connection.caller, user=request.user, role=answer.role, is_locked=False
            )
        if isinstance(request, Lock) and isinstance(answer, Done):
            connection.caller = msgspec.structs.replace(connection.caller, is_locked=True)
        try:
            connection.say(msgspec.structs.replace(answer, id=request.id))
        except LineTooLongError as why:
            connection.say(Refused(id=request.id, code="too_long", reason=str(why)))

    def _take_page(self, number: int, bodies: Sequence[Body]) -> None:
        connection = self._connections.get(number)
        if connection is None:
            return
        connection.is_paging = False
        for entry in bodies:
            if entry.seq == connection.next_seq:
                connection.say_line(_event_line(entry))
                connection.next_seq = entry.seq + 1

    def _feed(self, connection: Connection) -> None:
        """Queue the entries that the client has room for, from what is recent or else from the chart."""
        if connection.next_seq is not None and connection.next_seq > self._newest:
            connection.is_live = True
        if connection.next_seq is None or connection.is_paging or connection.next_seq > self._newest:
            return
        oldest = self._recent[0][0] if self._recent else self._newest + 1
        if connection.next_seq >= oldest:
            for seq, line in itertools.islice(self._recent, connection.next_seq - oldest, None):
                if not connection.has_room:
                    return
                connection.say_line(line)
                connection.next_seq = seq + 1
            connection.is_live = True
        elif connection.is_live:
            _log.warning("client cut off", connection=connection.number, behind=self._newest - connection.next_seq)
            connection.is_closing = True
        elif connection.has_room:
            connection.is_paging = True
            self._house.page(connection.number, connection.next_seq - 1)

    def _send_snapshots(self) -> None:
        now = self._clock.mono_ns()
        listening = [one for one in self._connections.values() if one.wants_snapshots and one.caller is not None]
        if not listening or now < self._snapshot_ns:
            return
        self._snapshot_ns = MonoNs(now + SNAPSHOT_NS)
        for connection in listening:
            if connection.caller is not None:  # each its own: it says what this connection attends
                connection.show(_snapshot_line(self._house.snapshot(connection.caller)))

    def _settle(self, connection: Connection) -> None:
        """Send, wait for what cannot be sent yet, or hang up."""
        mute = connection.caller is None and self._clock.mono_ns() - connection.since_ns > HELLO_NS
        is_heard = connection.flush() and not connection.is_stuck and not mute
        is_over = connection.is_closing and (connection.is_live or not connection.wants_to_send)
        if is_over or not is_heard:
            self._hang_up(connection)
        elif connection.number in self._connections:
            waits = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.wants_to_send else 0)
            self._selector.modify(connection, waits, connection.number)

    def _hang_up(self, connection: Connection) -> None:
        if self._connections.pop(connection.number, None) is None:
            return
        self._selector.unregister(connection)
        connection.close()
        self._house.gone(connection.number)


def _event_line(entry: Body) -> bytes:
    """An entry's line. One that does not fit, which the engine never makes, keeps its number and loses its body."""
    try:
        return wire.encode(Event(seq=entry.seq, entry=msgspec.Raw(entry.body)))
    except LineTooLongError as why:
        _log.error("entry too long to send", seq=entry.seq, why=str(why))
        return wire.encode(Event(seq=entry.seq, entry=msgspec.Raw(b"null")))


def _snapshot_line(snapshot: Snapshot) -> bytes:
    """A snapshot's line; nothing when it does not fit: the screens then say that they have no data."""
    line = snapshot_line(snapshot)
    if not line:
        _log.error("snapshot too long to send", sessions=len(snapshot.sessions), units=len(snapshot.units))
    return line
