"""The controller's socket with a scripted house behind it: who may speak, what is kept apart, who is cut off."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from modctl.clock import SystemClock
from modctl.ipc import wire
from modctl.ipc.connection import Caller
from modctl.ipc.listener import MAX_PATH_BYTES, bind
from modctl.ipc.messages import (
    API,
    MAX_LINE_BYTES,
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
    Stop,
    Subscribe,
)
from modctl.ipc.server import MAX_BEHIND, MAX_OPEN_REQUESTS, Body, Server

CLOCK = SystemClock()
WAIT_S = 10


class ScriptedHouse:
    """Notes what it is asked; answers as it is told."""

    def __init__(self) -> None:
        self.server: Server
        self.chart: list[Body] = []
        self.asks: list[tuple[int, Caller, Request]] = []
        self.lost: list[int] = []
        self.beats: list[int] = []
        self.is_mute = False
        self.changed = threading.Event()

    def asked(self, number: int, caller: Caller, request: Request) -> None:
        """Answer at once, unless mute."""
        self.asks.append((number, caller, request))
        self.changed.set()
        if isinstance(request, SignIn):
            right = request.pin == "1234"
            self.server.answer(number, Done(id=0, role="therapist") if right else Refused(id=0, code="x", reason="no"))
        elif not self.is_mute:
            self.server.answer(number, Done(id=0))

    def beat(self, connection: int) -> None:
        """A screen is alive."""
        self.beats.append(connection)
        self.changed.set()

    def gone(self, connection: int) -> None:
        """A connection ended."""
        self.lost.append(connection)
        self.changed.set()

    def snapshot(self, caller: Caller) -> Snapshot:
        """An empty one that tells from which connection it was asked."""
        number = caller.connection
        return Snapshot(seq=number, mono_ns=CLOCK.mono_ns(), site="", simulated=True, units=(), sessions=())

    def page(self, connection: int, since: int) -> None:
        """What the chart has after ``since``, a few at a time."""
        self.server.page(connection, [body for body in self.chart if body.seq > since][:7])

    def tick(self) -> None:
        """Nothing falls due here."""

    def wait(self, is_so: Callable[[], bool]) -> None:
        """Until something is so."""
        while not is_so():
            assert self.changed.wait(WAIT_S)
            self.changed.clear()


class Peer:
    """A client that can also misbehave."""

    def __init__(self, path: Path, hello: Request | None = None) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(WAIT_S)
        self.socket.connect(str(path))
        self._reader = wire.answer_reader()
        self._got: list[Answering] = []
        if hello is not None:
            self.say(hello)
            assert isinstance(self.hear(), Done)

    def say(self, message: Request) -> None:
        """Send one request."""
        self.socket.sendall(wire.encode(message))

    def hear(self) -> Answering | None:
        """The next message; None when the controller has hung up."""
        while not self._got:
            try:
                received = self.socket.recv(65_536)
            except ConnectionResetError:
                return None
            if not received:
                return None
            for message in self._reader.feed(received):
                assert not isinstance(message, wire.Nonsense)
                self._got.append(message)
        return self._got.pop(0)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


HELLO = Hello(id=1, api=API, program="test")


class Bench:
    """A server with its house; peers are closed at the end."""

    def __init__(self, folder: Path, newest: int = 0) -> None:
        self.path = folder / "s.sock"
        self.house = ScriptedHouse()
        self.server = Server(bind(self.path, folder / "p", lambda: folder), self.house, CLOCK, newest)
        self.house.server = self.server
        self.server.start()
        self.peers: list[Peer] = []

    def peer(self, hello: Request | None = HELLO) -> Peer:
        """One more client."""
        made = Peer(self.path, hello)
        self.peers.append(made)
        return made

    def publish(self, count: int, size: int = 10) -> None:
        """Commit entries after those that are there."""
        first = len(self.house.chart) + 1
        new = [Body(seq, msgspec.json.encode("x" * size)) for seq in range(first, first + count)]
        self.house.chart += new
        self.server.publish(new)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A server that serves."""
    made = Bench(tmp_path)
    yield made
    for peer in made.peers:
        peer.close()
    made.server.close()


def test_a_connection_says_hello_first(bench: Bench) -> None:
    """A stranger on the socket is told so and hung up on; nothing of it reaches the house."""
    peer = bench.peer(None)
    peer.say(Stop(id=7))
    answer = peer.hear()

    assert isinstance(answer, Refused)
    assert (7, "hello") == (answer.id, answer.code)
    assert peer.hear() is None
    assert [] == bench.house.asks


def test_another_version_is_told_both_versions(bench: Bench) -> None:
    """A screen left open over an update must say what is wrong instead of misreading messages."""
    peer = bench.peer(None)
    peer.say(Hello(id=3, api=API + 1, program="newer"))
    answer = peer.hear()

    assert isinstance(answer, Refused)
    assert "api" == answer.code
    assert str(API + 1) in answer.reason
    assert peer.hear() is None


def test_nonsense_is_answered_and_the_connection_goes_on(bench: Bench) -> None:
    """A wrong field in one request must not cost the screen its sessions."""
    peer = bench.peer()
    peer.socket.sendall(b'{"kind":"stop","id":5,"sessoin":"x"}\n')
    refused = peer.hear()
    peer.say(ListUnits(id=6))
    done = peer.hear()

    assert isinstance(refused, Refused)
    assert (5, "malformed") == (refused.id, refused.code)
    assert done == Done(id=6)


def test_a_line_without_an_end_is_hung_up_on(bench: Bench) -> None:
    """Memory for one client is bounded (STRIDE: oversized lines)."""
    peer = bench.peer()
    peer.socket.sendall(b"x" * (MAX_LINE_BYTES + 1))
    refused = peer.hear()

    assert isinstance(refused, Refused)
    assert peer.hear() is None


def test_a_person_is_bound_to_one_connection_only(bench: Bench) -> None:
    """Signing in at one screen must not make the next one signed in (STRIDE: acting as another)."""
    signed_in, other = bench.peer(), bench.peer()
    signed_in.say(SignIn(id=2, user="anna", pin="1234"))
    signed_in.hear()
    signed_in.say(ListUnits(id=3))
    signed_in.hear()
    other.say(ListUnits(id=3))
    other.hear()

    callers = [caller.user for _, caller, request in bench.house.asks if isinstance(request, ListUnits)]
    assert ["anna", None] == callers


def test_a_wrong_pin_binds_nobody(bench: Bench) -> None:
    """And it does not sign out who was there before: the session on the screen goes on."""
    peer = bench.peer()
    for pin in ("0000", "1234", "9999"):
        peer.say(SignIn(id=2, user="anna", pin=pin))
        peer.hear()
        peer.say(ListUnits(id=3))
        peer.hear()

    callers = [caller.user for _, caller, request in bench.house.asks if isinstance(request, ListUnits)]
    assert [None, "anna", "anna"] == callers


def test_answers_go_to_who_asked_under_the_number_it_gave(bench: Bench) -> None:
    """Two clients use the same numbers; neither may read the other's answer."""
    one, two = bench.peer(), bench.peer()
    bench.house.is_mute = True
    one.say(ListUnits(id=9))
    bench.house.wait(lambda: len(bench.house.asks) == 1)
    two.say(ListUnits(id=9))
    bench.house.wait(lambda: len(bench.house.asks) == 2)
    second, first = bench.house.asks[1][0], bench.house.asks[0][0]
    bench.server.answer(second, Done(id=0, session="two"))
    bench.server.answer(first, Done(id=0, session="one"))

    assert Done(id=9, session="one") == one.hear()
    assert Done(id=9, session="two") == two.hear()


def test_beats_and_the_end_of_a_connection_are_told(bench: Bench) -> None:
    """Attendance stands on these two."""
    peer = bench.peer(Hello(id=1, api=API, program="screen", attends=True))
    peer.say(Beat())
    bench.house.wait(lambda: len(bench.house.beats) == 1)
    peer.close()
    bench.house.wait(lambda: len(bench.house.lost) == 1)

    assert bench.house.beats == bench.house.lost


def test_events_are_gapless_from_the_chart_into_the_stream(bench: Bench) -> None:
    """The join between what is read and what is told is where an entry could be lost or doubled."""
    bench.publish(40)
    peer = bench.peer()
    peer.say(Subscribe(id=2, since=3, snapshots=False))
    assert Done(id=2) == peer.hear()
    bench.publish(40)
    seqs: list[int] = []
    while len(seqs) < 77:
        message = peer.hear()
        assert isinstance(message, Event)
        seqs.append(message.seq)

    assert list(range(4, 81)) == seqs


def test_old_entries_come_from_the_chart_page_by_page(tmp_path: Path) -> None:
    """After a restart the server remembers nothing; the chart does."""
    bench = Bench(tmp_path, newest=50)
    bench.house.chart = [Body(seq, b'"old"') for seq in range(1, 51)]
    peer = bench.peer()
    peer.say(Subscribe(id=2, since=0, snapshots=False))
    peer.hear()
    bench.publish(3)
    seqs: list[int] = []
    while len(seqs) < 53:
        message = peer.hear()
        assert isinstance(message, Event)
        seqs.append(message.seq)
    peer.close()
    bench.server.close()

    assert list(range(1, 54)) == seqs


def test_a_client_too_far_behind_is_cut_off_and_the_others_are_not(bench: Bench) -> None:
    """A stuck reader costs its own connection, and finds everything again with ``since``."""
    stuck, reading = bench.peer(), bench.peer()
    for peer in (stuck, reading):
        peer.say(Subscribe(id=2, snapshots=False))
        assert Done(id=2) == peer.hear()
    seqs: list[int] = []
    for _ in range(MAX_BEHIND // 100 + 6):
        bench.publish(100, size=1_000)
        while len(seqs) < len(bench.house.chart):
            message = reading.hear()
            assert isinstance(message, Event)
            seqs.append(message.seq)
    bench.house.wait(lambda: len(bench.house.lost) == 1)
    got = 0
    while isinstance(stuck.hear(), Event):
        got += 1

    assert list(range(1, len(bench.house.chart) + 1)) == seqs
    assert got < len(seqs)


def test_snapshots_come_to_who_asked_for_them_at_most_ten_a_second(bench: Bench) -> None:
    """The newest wins; more would only be thrown away by the screen."""
    listening, silent = bench.peer(), bench.peer()
    listening.say(Subscribe(id=2))
    assert Done(id=2) == listening.hear()
    first = listening.hear()
    later = [listening.hear() for _ in range(3)][-1]
    silent.say(ListUnits(id=2))

    assert isinstance(first, Snapshot)
    assert isinstance(later, Snapshot)
    assert later.mono_ns - first.mono_ns >= 3 * 90_000_000
    assert Done(id=2) == silent.hear()


def test_too_many_open_requests_are_refused_but_never_a_stop(bench: Bench) -> None:
    """A client that floods is bounded; its stop still goes through."""
    peer = bench.peer()
    bench.house.is_mute = True
    for number in range(MAX_OPEN_REQUESTS + 1):
        peer.say(ListUnits(id=number))
    refused = peer.hear()
    peer.say(Stop(id=99))
    bench.house.wait(lambda: any(isinstance(request, Stop) for _, _, request in bench.house.asks))

    assert isinstance(refused, Refused)
    assert (MAX_OPEN_REQUESTS, "busy") == (refused.id, refused.code)


@pytest.mark.parametrize(("length", "is_elsewhere"), [(MAX_PATH_BYTES, False), (MAX_PATH_BYTES + 1, True)])
def test_a_path_too_long_for_a_socket_is_answered_by_a_pointer(
    tmp_path: Path, length: int, *, is_elsewhere: bool
) -> None:
    """A hundred bytes still fit; one more is bound elsewhere, and the pointer says where."""
    folder = tmp_path / ("d" * (length - len(str(tmp_path)) - 3))
    pointer, elsewhere = tmp_path / "pointer", tmp_path / "e"
    folder.mkdir()
    elsewhere.mkdir()
    assert length == len(str(folder / "s"))
    bind(folder / "s", pointer, lambda: elsewhere).close()

    assert is_elsewhere == pointer.exists()
    assert is_elsewhere == (elsewhere / "s").exists()
    assert is_elsewhere != (folder / "s").exists()


def test_every_screen_gets_a_snapshot_of_its_own(bench: Bench) -> None:
    """It says which sessions this screen attends, and F12 stops those; another's would be the wrong ones (H55)."""
    for peer in (bench.peer(), bench.peer()):
        peer.say(SignIn(id=2, user="anna", pin="1234"))
        peer.hear()
        peer.say(Subscribe(id=3))
        peer.hear()
    told = [peer.hear() for peer in bench.peers]

    assert all(isinstance(message, Snapshot) for message in told)
    assert 2 == len({message.seq for message in told if isinstance(message, Snapshot)})
