"""The guard: whatever ends or freezes the controller, the units go off within a second, and the chart says so."""

import array
import os
import pty
import signal
import socket
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from modctl.chart.verify import Judgement, verify_file
from modctl.config import Layout
from modctl.controller.guard import BEAT, Acted, Bye, Message, Watch
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import Acknowledge, Done, ListUnits, Refused, Start
from tests.process.small_site import (
    CLOCK,
    PIN,
    begin,
    controller,
    data,
    entries,
    is_alive,
    kill,
    lay_down,
    preset_of,
    simulators,
    truth,
    view,
    wait_for,
    wait_off,
)

CHARTED_MS = 1_500  # what is gathered for the chart is a second old at most: by then some delivery is in it
OFF_MS = 1_000  # product aim: less than a unit's own lease
WORDS = b"OFF!"
NOBODY = "0"  # no process: a guard ends its controller, and here that would be the test


@pytest.mark.parametrize("unit", ["estim-1", "ultrasound-1"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_controller_that_is_gone_or_frozen_is_off_within_a_second(
    tmp_path: Path, unit: str, number: signal.Signals
) -> None:
    """Hazard H08: nothing the controller does not do may leave output on; nor may it come back as if nothing was."""
    layout = lay_down(tmp_path / "site", [unit])
    with simulators(layout):
        with controller(layout) as running, closing(running.client()) as client:
            session = begin(client, unit)
            wait_for(client, session, "running")
            while view(client, session).delivered_ms < CHARTED_MS:
                pass
            assert truth(layout, unit).energized
            killed_ns = CLOCK.mono_ns()
            kill(running.process.pid, number)
            told = wait_off(layout, unit)
            running.process.wait(5)
        assert (told.changed_at_mono_ns - killed_ns) // 1_000_000 < OFF_MS

        with controller(layout) as again, closing(again.client()) as client:
            _assert_latched_until_acknowledged(client, unit)
            assert 0 == again.end()
    _assert_charted(layout, session, "eof" if number is signal.SIGKILL else "silent")


def _assert_latched_until_acknowledged(client: BlockingClient, unit: str) -> None:
    client.sign_in("therapist", PIN)
    refused = client.request(Start(id=1_000, unit=unit, patient="P-1", preset=preset_of(unit)))
    assert isinstance(refused, Refused)
    assert "unit_latched" == refused.code
    assert isinstance(client.request(Acknowledge(id=1_001, unit=unit)), Done)
    units = client.request(ListUnits(id=1_002))
    assert isinstance(units, Done)
    assert ["ready"] == [row.state for row in units.units or ()]


def _assert_charted(layout: Layout, session: str, reason: str) -> None:
    (acted,) = entries(layout, "guard.acted")
    assert reason == data(acted)["reason"]
    (ended,) = (entry for entry in entries(layout, "session.ended") if entry.session == session)
    assert ("faulted", "controller_died") == (data(ended)["outcome"], data(ended)["reason"])
    assert 0 < int(str(data(ended)["delivered_ms"])) < 20_000
    assert Judgement.UNANCHORED is verify_file(layout.chart).verdict


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_guard_stops_what_runs_and_is_replaced(tmp_path: Path, number: signal.Signals) -> None:
    """Without a guard nobody would switch off a dead controller's units: not one more minute of output."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        session = begin(client, "estim-1")
        wait_for(client, session, "running")
        lost = running.guard_pid()
        kill(lost, number)
        ended = wait_for(client, session, "ended")

        assert "stop:guard" == ended.reason
        assert not truth(layout, "estim-1").energized
        assert not is_alive(lost)
        assert lost != running.guard_pid()
        again = begin(client, "estim-1", duration_ms=10_000)
        wait_for(client, again, "running")
        killed_ns = CLOCK.mono_ns()
        kill(running.process.pid, signal.SIGKILL)
        told = wait_off(layout, "estim-1")
        assert (told.changed_at_mono_ns - killed_ns) // 1_000_000 < OFF_MS


def test_h08_without_the_guard_a_unit_goes_on_until_its_own_lease(tmp_path: Path) -> None:
    """The knock-out of hazard H08: controller frozen, guard killed, controller killed; then a second is not kept."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        session = begin(client, "estim-1")
        wait_for(client, session, "running")
        guard = running.guard_pid()
        kill(running.process.pid, signal.SIGSTOP)
        kill(guard, signal.SIGKILL)
        killed_ns = CLOCK.mono_ns()
        kill(running.process.pid, signal.SIGKILL)
        told = wait_off(layout, "estim-1")

    assert (told.changed_at_mono_ns - killed_ns) // 1_000_000 > OFF_MS


def test_a_guard_takes_no_orders_but_the_controllers(tmp_path: Path) -> None:
    """A signal to the process group, or a hang-up, must not take the last line away."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with controller(layout) as running:
        guard = running.guard_pid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            kill(guard, number)

        assert guard == running.guard_pid()
        assert 0 == running.end()
    assert not is_alive(guard)
    assert not layout.guard_log.exists()


class _Line:
    """One guard and one line of its own, without a controller."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.unit, line = pty.openpty()
        tty.setraw(line)
        os.set_blocking(line, False)
        os.set_blocking(self.unit, False)
        command = [sys.executable, "-P", "-m", "modctl.controller.guard"]
        self.process = subprocess.Popen([*command, str(theirs.fileno()), NOBODY, str(run)], pass_fds=[theirs.fileno()])
        theirs.close()
        self.tell(Watch(port="p", words=(WORDS,), lease_ms=100), line)
        os.close(line)

    def tell(self, message: Message, fd: int | None = None) -> None:
        """Send one message."""
        ancillary = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        self.ours.sendmsg([msgspec.json.encode(message)], ancillary)

    def written(self) -> bytes:
        """What the unit has received."""
        try:
            return os.read(self.unit, 65_536)
        except OSError:
            return b""

    def close(self) -> None:
        """End it, whatever it does."""
        self.ours.close()
        self.process.kill()
        self.process.wait()
        os.close(self.unit)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[_Line]:
    """A guard that watches one line."""
    made = _Line(tmp_path)
    yield made
    made.close()


def test_the_end_of_the_channel_is_answered_with_the_last_words_again_and_again(line: _Line) -> None:
    """One Off may be lost on the way; the record says how often it was said."""
    line.ours.close()
    status = line.process.wait(10)
    said = line.written()

    assert 0 == status
    acted = msgspec.json.decode((line.run / "guard.jsonl").read_bytes(), type=Acted)
    assert ("eof", ("p",)) == (acted.reason, acted.ports)
    assert acted.writes > 20
    assert WORDS * acted.writes == said


def test_a_farewell_lets_the_guard_go_without_a_word(line: _Line) -> None:
    """After an ordinary end everything is off and charted: nothing more may be written to a line."""
    line.ours.send(BEAT)
    line.tell(Bye())
    status = line.process.wait(10)

    assert 0 == status
    assert b"" == line.written()
    assert not (line.run / "guard.jsonl").exists()
