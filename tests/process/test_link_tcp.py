"""TCP lines on the loopback address: locks, wakes, closed peers and full buffers."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.link import LinkError
from protocols.link_tcp import TcpLink

MS = 1_000_000
HOLDER = """
import sys
from pathlib import Path
from protocols.link_tcp import TcpLink
link = TcpLink("127.0.0.1", int(sys.argv[1]), Path(sys.argv[2]))
link.open()
print("open", flush=True)
sys.stdin.read()
"""


def write_often(link: TcpLink, frame: bytes) -> None:
    """Until the system has noticed what is wrong with the other end; 65 MB of the longer frames."""
    for _ in range(1000):
        link.write(frame)
        time.sleep(0.001)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A unit's port."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(5)
        yield made


@pytest.fixture
def port(listener: socket.socket) -> int:
    """Its number."""
    number = listener.getsockname()[1]
    assert isinstance(number, int)
    return number


@pytest.fixture
def link(port: int, tmp_path: Path) -> Iterator[TcpLink]:
    """An open line to it."""
    made = TcpLink("127.0.0.1", port, tmp_path)
    made.open()
    yield made
    made.close()


@pytest.fixture
def far(listener: socket.socket, link: TcpLink) -> Iterator[socket.socket]:
    """The unit's end of the open line."""
    assert link.fileno() >= 0
    peer, _ = listener.accept()
    peer.settimeout(5)
    with peer:
        yield peer


def test_bytes_pass_both_ways(link: TcpLink, far: socket.socket) -> None:
    """A frame there, an answer back."""
    link.write(b"ask")
    asked = far.recv(16)
    far.sendall(b"answer")

    assert asked == b"ask"
    assert link.read(1000 * MS) == b"answer"


def test_a_wake_ends_a_read_at_once(link: TcpLink) -> None:
    """As on a serial line."""
    threading.Timer(0.05, link.wake).start()
    before = time.monotonic_ns()

    assert link.read(10_000 * MS) == b""
    assert time.monotonic_ns() - before < 1_000 * MS


def test_discarded_input_is_not_read(link: TcpLink, far: socket.socket) -> None:
    """As on a serial line."""
    far.sendall(b"old")
    time.sleep(0.05)
    link.discard_input()
    far.sendall(b"new")

    assert link.read(1000 * MS) == b"new"


def test_a_closed_peer_is_lost(link: TcpLink, far: socket.socket) -> None:
    """The unit's restart ends the wait at once."""
    far.close()
    with pytest.raises(LinkError) as lost:
        link.read(10_000 * MS)

    assert lost.value.code == "lost"


def test_a_half_closed_peer_is_lost_and_does_not_spin(link: TcpLink, far: socket.socket) -> None:
    """It still takes our bytes but can say nothing any more: nothing it does can be confirmed."""
    far.shutdown(socket.SHUT_WR)
    with pytest.raises(LinkError) as lost:
        link.read(10_000 * MS)

    assert lost.value.code == "lost"


def test_writing_to_a_dead_peer_is_lost(link: TcpLink, far: socket.socket) -> None:
    """The first frame may still leave; the error is seen as soon as the system knows."""
    far.close()
    with pytest.raises(LinkError) as lost:
        write_often(link, b"x")

    assert lost.value.code == "lost"


def test_a_peer_that_takes_nothing_is_stuck(link: TcpLink, far: socket.socket) -> None:
    """Buffers fill, the worker does not hang."""
    assert far.fileno() >= 0
    with pytest.raises(LinkError) as stuck:
        write_often(link, bytes(65_536))

    assert stuck.value.code == "stuck"


def test_a_second_owner_is_refused_and_free_after_the_first(port: int, link: TcpLink, tmp_path: Path) -> None:
    """A socket has no lock of its own; two controllers on one unit would interleave their commands."""
    second = TcpLink("127.0.0.1", port, tmp_path)
    with pytest.raises(LinkError) as refused:
        second.open()
    link.close()
    second.open()
    second.close()

    assert refused.value.code == "in_use"


def test_the_lock_dies_with_a_killed_holder(port: int, tmp_path: Path) -> None:
    """After SIGKILL the next controller opens the line at once."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(port), str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        link = TcpLink("127.0.0.1", port, tmp_path)
        with pytest.raises(LinkError) as refused:
            link.open()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    link.open()
    link.close()

    assert refused.value.code == "in_use"


def test_nobody_listening_is_absent_and_leaves_no_lock(tmp_path: Path) -> None:
    """The unit may be switched on later: the next try must not be refused by our own failed one."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    codes = []
    for link in (TcpLink("127.0.0.1", port, tmp_path), TcpLink("127.0.0.1", port, tmp_path)):
        with pytest.raises(LinkError) as absent:
            link.open()
        codes.append(absent.value.code)

    assert codes == ["absent", "absent"]


def test_a_folder_that_takes_no_locks_refuses_the_line(port: int, tmp_path: Path) -> None:
    """Without a lock there is no owner: the line is not opened."""
    with pytest.raises(LinkError) as refused:
        TcpLink("127.0.0.1", port, tmp_path / "missing").open()

    assert refused.value.code == "refused"


def test_an_open_line_has_a_descriptor_for_the_guard(link: TcpLink, far: socket.socket) -> None:
    """The guard writes its last words on a duplicate, also after the line was closed here."""
    duplicate = os.dup(link.fileno())
    link.close()
    os.write(duplicate, b"off")
    os.close(duplicate)

    assert far.recv(16) == b"off"
