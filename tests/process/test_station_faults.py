"""Faults of the station, not of the units: a full disk, a stalled machine, a race for the site, a lost stderr."""

import resource
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from modctl.chart.verify import Judgement, verify_file
from modctl.ipc.messages import Done, Refused, Start, Stop
from tests.process.small_site import (
    CLOCK,
    MODCTL,
    Controller,
    begin,
    controller,
    data,
    entries,
    inject,
    is_alive,
    kill,
    lay_down,
    preset_of,
    simulators,
    truth,
    wait_for,
    wait_off,
)

STARTS = 8


def test_a_chart_that_cannot_be_written_stops_what_runs(tmp_path: Path) -> None:
    """A full disk in the middle of a treatment: off first, no new session, and the next start says how it ended."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout):
        with controller(layout) as running, closing(running.client()) as client:
            session = begin(client, "estim-1")
            wait_for(client, session, "running")
            # No file of this process may grow any more: what a full disk does to a write, without filling one.
            resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (0, 0))
            told = wait_off(layout, "estim-1")
            ended = wait_for(client, session, "ended")
            refused = client.request(Start(id=900, unit="estim-1", patient="P-1", preset=preset_of("estim-1")))
            stopped = client.request(Stop(id=901))

            assert not told.energized
            assert ("faulted", "chart_failed") == (ended.outcome, ended.reason)
            assert isinstance(refused, Refused)
            assert isinstance(stopped, Done)
            assert 1 == running.end()
        with controller(layout) as again:
            assert 0 == again.end()
    (charted,) = (entry for entry in entries(layout, "session.ended") if entry.session == session)
    assert "controller_died" == data(charted)["reason"]
    assert Judgement.UNANCHORED is verify_file(layout.chart).verdict


def test_a_machine_that_stalls_for_longer_than_a_stop_may_take_stops_what_runs(tmp_path: Path) -> None:
    """Too short for the guard to act, too long for a limit to have been watched (hazard H06)."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        session = begin(client, "estim-1")
        wait_for(client, session, "running")
        kill(running.process.pid, signal.SIGSTOP)
        time.sleep(0.38)
        kill(running.process.pid, signal.SIGCONT)
        ended = wait_for(client, session, "ended")

        assert ("faulted", "host_stalled") == (ended.outcome, ended.reason)
        assert not truth(layout, "estim-1").energized


def test_of_many_starts_at_once_one_gets_the_site(tmp_path: Path) -> None:
    """Two controllers on one unit are hazard H31, however close the race."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    racing = [Controller(layout) for _ in range(STARTS)]
    try:
        until = CLOCK.mono_ns() + 20_000_000_000
        while sum(one.process.poll() is None for one in racing) > 1:
            assert CLOCK.mono_ns() < until
            time.sleep(0.02)
        (winner,) = (one for one in racing if one.process.poll() is None)
        winner.wait_ready()

        assert [4] * (STARTS - 1) == [one.process.returncode for one in racing if one is not winner]
        assert 0 == winner.end()
    finally:
        for one in racing:
            one.close()


def test_messages_that_nobody_reads_hold_nothing_up(tmp_path: Path) -> None:
    """A closed terminal or a full pipe at standard error must not end or stall a treatment."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    command = [str(MODCTL), "--site", str(layout.root), "serve"]
    with simulators(layout):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout as stdout, process.stderr as stderr:
            assert stdout.readline().startswith("ready ")
            stderr.close()
            inject(layout, "estim-1", "disconnect")
            time.sleep(1.5)
            process.terminate()

            assert 0 == process.wait(20)


@pytest.mark.parametrize(("unit", "fault"), [("estim-1", "disconnect"), ("ultrasound-1", "disconnect")])
def test_a_pulled_cable_ends_a_session_as_what_it_is(tmp_path: Path, unit: str, fault: str) -> None:
    """Nobody can say whether a unit is off that nobody hears: unconfirmed, latched, and its own lease ends it (H11)."""
    layout = lay_down(tmp_path / "site", [unit])
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        session = begin(client, unit)
        wait_for(client, session, "running")
        inject(layout, unit, fault)
        ended = wait_for(client, session, "unconfirmed")
        wait_off(layout, unit)

        assert ("unconfirmed", "line_lost") == (ended.outcome, ended.reason)
        assert "unknown" == ended.output
        assert 1 == running.end()


def test_nothing_is_left_behind_by_an_end(tmp_path: Path) -> None:
    """No guard, no socket, no write-ahead log: the folder can be copied as it stands."""
    layout = lay_down(tmp_path / "site", ["estim-1"])
    with controller(layout) as running:
        guard = running.guard_pid()
        running.end()

    assert not is_alive(guard)
    left = {path.name for path in (*layout.root.iterdir(), *layout.run.iterdir())}
    assert not left & {"modctl.sock", "modctl.sock.path", "chart.db-wal", "chart.db-shm"}
