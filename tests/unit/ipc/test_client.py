"""The client's side of the socket, against a scripted controller on a real Unix socket."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from modctl.errors import RefusedError, UnreachableError
from modctl.ipc import wire
from modctl.ipc.client import AsyncClient, BlockingClient, LostError, NoControllerError, find_socket
from modctl.ipc.messages import (
    Answering,
    Beat,
    Done,
    Event,
    Hello,
    ListUnits,
    Refused,
    Request,
    SignIn,
    Snapshot,
    Subscribe,
)

Script = Callable[[Request | wire.Nonsense], list[Answering] | None]
SNAPSHOT = Snapshot(seq=4, mono_ns=5, site="test", simulated=True, units=(), sessions=())
PASSING = (Event(seq=1, entry=msgspec.Raw(b"{}")), Event(seq=2, entry=msgspec.Raw(b"{}")))


def welcome(message: Request | wire.Nonsense) -> list[Answering] | None:
    """A controller that says yes to everything, and talks in between."""
    if isinstance(message, Subscribe):
        noise: list[Answering] = [
            SNAPSHOT,
            Event(seq=1, entry=msgspec.Raw(b"{}")),
            Event(seq=2, entry=msgspec.Raw(b"{}")),
        ]
        return [*noise, Done(id=message.id)]
    if isinstance(message, SignIn):
        if message.pin == "1234":
            return [Done(id=message.id, role="therapist")]
        return [Refused(id=message.id, code="wrong_pin", reason="Not right.")]
    if isinstance(message, Beat | wire.Nonsense):
        return []
    if isinstance(message, ListUnits):
        return None  # hangs up
    return [Done(id=message.id)]


@contextlib.contextmanager
def controller(path: Path, script: Script) -> Iterator[None]:
    """Serve one client in a thread; a script's None hangs up."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    def serve() -> None:
        with contextlib.suppress(OSError):
            peer, _ = listener.accept()
            reader = wire.request_reader()
            with peer:
                while received := peer.recv(65_536):
                    for message in reader.feed(received):
                        answers = script(message)
                        if answers is None:
                            return
                        peer.sendall(b"".join(wire.encode(answer) for answer in answers))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # wakes an accept that nobody came to
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_the_socket_is_found_where_the_site_says(tmp_path: Path) -> None:
    """A deep folder has its socket elsewhere, and a file that names it."""
    assert find_socket(tmp_path) == tmp_path / "modctl.sock"

    (tmp_path / "modctl.sock.path").write_text("/run/user/0/modctl-1.sock\n", encoding="utf-8")
    assert find_socket(tmp_path) == Path("/run/user/0/modctl-1.sock")


def test_no_controller_says_what_to_do(tmp_path: Path) -> None:
    """The one error that everybody meets first."""
    with pytest.raises(NoControllerError, match="modctl serve"):
        BlockingClient(tmp_path / "none.sock", "test")


def test_an_answer_is_found_among_what_comes_unasked(tmp_path: Path) -> None:
    """Events that pass while a request waits are kept, in order, and none is lost."""
    path = tmp_path / "c.sock"
    with controller(path, welcome):
        client = BlockingClient(path, "test")
        answer = client.request(Subscribe(id=client.next_id()))
        unasked = [client.next_message(0) for _ in range(3)]
        nothing = client.next_message(0)
        client.close()

    assert isinstance(answer, Done)
    assert [SNAPSHOT, *PASSING] == unasked
    assert nothing is None


def test_a_person_signs_in_or_is_told_why_not(tmp_path: Path) -> None:
    """The controller's own sentence reaches the person."""
    path = tmp_path / "c.sock"
    with controller(path, welcome):
        client = BlockingClient(path, "test")
        role = client.sign_in("kim", "1234")
        with pytest.raises(RefusedError, match="Not right"):
            client.sign_in("kim", "0000")
        client.close()

    assert role == "therapist"


def test_a_controller_that_hangs_up_is_said_to_be_lost(tmp_path: Path) -> None:
    """A command must not wait for an answer that cannot come, and must say what that means for the units."""
    path = tmp_path / "c.sock"
    with controller(path, welcome):
        client = BlockingClient(path, "test")
        with pytest.raises(LostError, match="guard"):
            client.request(ListUnits(id=client.next_id()))
        client.close()


def test_another_version_is_refused_at_hello(tmp_path: Path) -> None:
    """Half-understood requests are worse than none."""

    def old(message: Request | wire.Nonsense) -> list[Answering] | None:
        assert isinstance(message, Hello)
        return [Refused(id=message.id, code="api", reason="Other version.")]

    path = tmp_path / "c.sock"
    with controller(path, old), pytest.raises(UnreachableError, match="Other version"):
        BlockingClient(path, "test")


def test_an_answer_that_cannot_be_understood_ends_the_connection(tmp_path: Path) -> None:
    """Guessing what the controller meant is not an option."""
    path = tmp_path / "c.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    def babble() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(65_536)
            peer.sendall(b"hello?\n")

    thread = threading.Thread(target=babble)
    thread.start()
    with pytest.raises(LostError, match="does not understand"):
        BlockingClient(path, "test")
    thread.join()
    listener.close()


def test_the_screens_client_gives_answers_snapshots_and_events(tmp_path: Path) -> None:
    """One connection, three streams: answers by number, the newest snapshot, every event."""
    path = tmp_path / "c.sock"

    async def talk() -> tuple[Done | Refused, Snapshot, list[Event]]:
        client = await AsyncClient.connect(path, "test", attends=True)
        answer = await client.request(Subscribe(id=client.next_id()))
        await client.beat()
        snapshot = await anext(client.snapshots())
        events = client.events()
        got = [await anext(events), await anext(events)]
        await client.close()
        return answer, snapshot, got

    with controller(path, welcome):
        answer, snapshot, events = asyncio.run(talk())

    assert isinstance(answer, Done)
    assert snapshot == SNAPSHOT
    assert [1, 2] == [event.seq for event in events]


def test_the_screens_client_ends_its_streams_when_the_connection_does(tmp_path: Path) -> None:
    """A screen that goes on showing the last good number would be a lie."""
    path = tmp_path / "c.sock"

    async def talk() -> tuple[bool, list[Snapshot], list[Event]]:
        client = await AsyncClient.connect(path, "test", attends=True)
        with pytest.raises(LostError):
            await client.request(ListUnits(id=client.next_id()))
        snapshots = [snapshot async for snapshot in client.snapshots()]
        events = [event async for event in client.events()]
        with pytest.raises(LostError):
            await client.request(ListUnits(id=client.next_id()))
        lost = client.is_lost
        await client.close()
        return lost, snapshots, events

    with controller(path, welcome):
        lost, snapshots, events = asyncio.run(talk())

    assert lost
    assert snapshots == []
    assert events == []


def test_the_screens_client_says_when_nobody_listens(tmp_path: Path) -> None:
    """The screen tries again each second; it needs to know why."""
    with pytest.raises(NoControllerError):
        asyncio.run(AsyncClient.connect(tmp_path / "none.sock", "test", attends=True))
