"""Serial lines on real pseudo-terminals: locks, wakes, plugs and full buffers."""

import os
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.profile import LinkSpec
from protocols.link import LinkError
from protocols.link_serial import SerialLink

MS = 1_000_000
SETTINGS = LinkSpec()
HOLDER = """
import sys
from devices.profile import LinkSpec
from protocols.link_serial import SerialLink
link = SerialLink(sys.argv[1], LinkSpec())
link.open()
print("open", flush=True)
sys.stdin.read()
"""


class Cable:
    """A pseudo-terminal: ``far`` is the unit's end, ``path`` leads to ours."""

    def __init__(self, path: Path) -> None:
        self.far, self.kept = os.openpty()
        tty.setraw(self.kept)
        path.symlink_to(os.ttyname(self.kept))
        self.path = str(path)

    def pull(self) -> None:
        """Hang up."""
        for descriptor in (self.far, self.kept):
            if descriptor >= 0:
                os.close(descriptor)
        self.far = self.kept = -1


def write_much(link: SerialLink) -> None:
    """More than any pseudo-terminal keeps (16.5 kB measured)."""
    for _ in range(1000):
        link.write(bytes(256))


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    """A pseudo-terminal with a link to it, as the simulators make them."""
    made = Cable(tmp_path / "unit")
    yield made
    made.pull()


@pytest.fixture
def link(cable: Cable) -> Iterator[SerialLink]:
    """An open line on that cable."""
    made = SerialLink(cable.path, SETTINGS)
    made.open()
    yield made
    made.close()


def test_bytes_pass_untouched_both_ways(cable: Cable, link: SerialLink) -> None:
    """Every byte value: no flow control, no newline translation, no echo."""
    every = bytes(range(256))
    link.write(every)
    os.write(cable.far, every)

    assert every == os.read(cable.far, 4096)
    assert every == link.read(1000 * MS)


def test_a_read_without_bytes_ends_with_its_timeout(link: SerialLink) -> None:
    """A worker's every wait is bounded."""
    before = time.monotonic_ns()

    assert link.read(30 * MS) == b""
    assert 29 * MS <= time.monotonic_ns() - before < 500 * MS


def test_a_wake_ends_a_read_at_once(link: SerialLink) -> None:
    """A queued stop must not wait for an answer that never comes."""
    threading.Timer(0.05, link.wake).start()
    before = time.monotonic_ns()

    assert link.read(10_000 * MS) == b""
    assert time.monotonic_ns() - before < 1_000 * MS


def test_one_wake_ends_one_read(link: SerialLink) -> None:
    """A wake before the read counts, several count once, and the next read waits again."""
    link.wake()
    link.wake()
    before = time.monotonic_ns()
    link.read(10_000 * MS)
    link.read(30 * MS)

    assert 29 * MS <= time.monotonic_ns() - before < 1_000 * MS


def test_discarded_input_is_not_read(cable: Cable, link: SerialLink) -> None:
    """After a timeout the line is cleaned before the next request."""
    os.write(cable.far, b"old")
    time.sleep(0.05)
    link.discard_input()
    os.write(cable.far, b"new")

    assert link.read(1000 * MS) == b"new"


def test_a_second_owner_in_the_same_process_is_refused(cable: Cable, link: SerialLink) -> None:
    """One owner a port, by name of the cause; the first owner's line is not disturbed."""
    second = SerialLink(cable.path, SETTINGS)
    with pytest.raises(LinkError) as refused:
        second.open()
    os.write(cable.far, b"still here")

    assert refused.value.code == "in_use"
    assert link.read(1000 * MS) == b"still here"


def test_the_lock_dies_with_a_killed_holder(cable: Cable) -> None:
    """After SIGKILL the next controller, or the guard, opens the port at once."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, cable.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        link = SerialLink(cable.path, SETTINGS)
        with pytest.raises(LinkError) as refused:
            link.open()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    link.open()
    link.close()

    assert refused.value.code == "in_use"


def test_a_closed_line_is_free_and_can_be_opened_again(cable: Cable, link: SerialLink) -> None:
    """Closing twice is harmless; a closed line says so instead of answering."""
    link.close()
    link.close()
    with pytest.raises(LinkError) as closed:
        link.read(0)
    link.open()
    os.write(cable.far, b"again")

    assert closed.value.code == "lost"
    assert link.read(1000 * MS) == b"again"


def test_a_pulled_plug_is_noticed_while_waiting(cable: Cable, link: SerialLink) -> None:
    """The read ends with an error at once, it does not time out and look like a silent unit."""
    threading.Timer(0.05, cable.pull).start()
    before = time.monotonic_ns()
    with pytest.raises(LinkError) as lost:
        link.read(10_000 * MS)

    assert lost.value.code == "lost"
    assert time.monotonic_ns() - before < 1_000 * MS


def test_every_call_on_an_unplugged_line_is_a_link_error(cable: Cable, link: SerialLink) -> None:
    """Whatever family of exceptions the system raises, the worker sees one; closing is still harmless."""
    cable.pull()
    codes = []
    for call in (lambda: link.write(b"x"), lambda: link.read(0), link.discard_input):
        with pytest.raises(LinkError) as lost:
            call()
        codes.append(lost.value.code)
    link.close()

    assert codes == ["lost", "lost", "lost"]


def test_a_line_that_takes_no_bytes_is_stuck(link: SerialLink) -> None:
    """A dead peer fills the buffer; a blocking write would hold the worker, and the stop behind it, for ever."""
    before = time.monotonic_ns()
    with pytest.raises(LinkError) as stuck:
        write_much(link)

    assert stuck.value.code == "stuck"
    assert time.monotonic_ns() - before < 5_000 * MS


def test_parity_does_not_stand_in_a_pseudo_terminals_way(cable: Cable) -> None:
    """A pseudo-terminal drops parity and then refuses every reopen that asks for it (termios EINVAL)."""
    link = SerialLink(cable.path, LinkSpec(parity="E", stop_bits=2, rtscts=True))
    for _ in range(3):
        link.open()
        link.close()


def test_a_missing_path_is_absent(tmp_path: Path) -> None:
    """The sentence names the path and what to look at."""
    with pytest.raises(LinkError, match="no-such-port") as absent:
        SerialLink(str(tmp_path / "no-such-port"), SETTINGS).open()

    assert absent.value.code == "absent"


def test_a_file_is_no_serial_line(tmp_path: Path) -> None:
    """A wrong path in the site's file is refused, not written to."""
    path = tmp_path / "notes.txt"
    path.write_text("keep me")
    with pytest.raises(LinkError) as refused:
        SerialLink(str(path), SETTINGS).open()

    assert refused.value.code == "refused"
    assert path.read_text() == "keep me"


def test_an_open_line_has_a_descriptor_for_the_guard(cable: Cable, link: SerialLink) -> None:
    """The guard writes its last words on a duplicate, also after the line was closed here."""
    duplicate = os.dup(link.fileno())
    link.close()
    os.write(duplicate, b"off")
    os.close(duplicate)

    assert os.read(cable.far, 16) == b"off"
