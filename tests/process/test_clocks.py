"""Clocks that are set and machines that sleep, under a real controller, its guard and a simulated unit.

The unit's own clock is nobody's to set: its simulator reads the true one, as a unit on its line would.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from modctl.chart.verify import Judgement, verify_file
from modctl.config import Layout
from modctl.ipc.messages import Stop
from modctl.records import Entry
from tests.process import clocks
from tests.process.clocks import DAY_S, Clocks
from tests.process.fault_rows import Trail
from tests.process.small_site import begin, controller, data, entries, lay_down, simulators, wait_for

pytestmark = pytest.mark.skipif(clocks.compiler() is None, reason="needs a C compiler (cc)")

RUNS_MS = 10_000  # the shortest session of a simulated site
TICK_MS = 250  # planned and delivered agree within a tick; and what a busy machine adds
LONGER_THAN_A_LEASE_S = 3.5
UNITS = ("estim-1", "ultrasound-1")


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A site whose simulators run."""
    made = lay_down(tmp_path / "site", UNITS)
    with simulators(made):
        yield made


def jumps(layout: Layout, clock: str) -> list[int]:
    """By how many seconds the chart says that a clock jumped."""
    found = [data(entry) for entry in entries(layout, "clock.jumped")]
    return [round(int(str(jump["by_ms"])) / 1_000) for jump in found if jump["clock"] == clock]


def is_wall_of(entry: Entry, other: Entry, by_s: int) -> bool:
    """Whether one entry's time of the wall is so far from another's, apart from what passed between them."""
    wall = datetime.fromisoformat(entry.at_utc) - datetime.fromisoformat(other.at_utc)
    return abs(wall.total_seconds() - (entry.mono_ns - other.mono_ns) / 10**9 - by_s) < 1


@pytest.mark.parametrize("by_s", [DAY_S, -DAY_S])
def test_a_clock_set_in_the_middle_moves_no_limit_and_no_duration(layout: Layout, tmp_path: Path, by_s: int) -> None:
    """The treatment goes on to its planned time, and the chart states the jump between its own times (H06, H42)."""
    shifted = Clocks(tmp_path)
    with controller(layout, shifted.env) as running, closing(running.client()) as client:
        session = begin(client, "estim-1", RUNS_MS)
        wait_for(client, session, "running")
        shifted.set_by(by_s)
        ended = wait_for(client, session, "ended", 20)

        assert 0 == running.end()
    assert ("completed", RUNS_MS) == (ended.outcome, ended.planned_ms)
    assert abs(ended.delivered_ms - RUNS_MS) <= TICK_MS
    assert [by_s] == jumps(layout, "utc")
    started, last = (next(iter(entries(layout, kind))) for kind in ("session.started", "session.ended"))
    assert is_wall_of(last, started, by_s)
    assert 0 < (last.mono_ns - started.mono_ns) / 10**6 - RUNS_MS < 3_000
    assert Judgement.UNANCHORED is verify_file(layout.chart).verdict


@pytest.mark.parametrize("by_s", [DAY_S, -DAY_S])
def test_a_clock_set_while_nobody_looked_is_stated_at_the_next_start(layout: Layout, tmp_path: Path, by_s: int) -> None:
    """Between two controllers, with a session left open by the first: the next one closes it, and says both."""
    shifted = Clocks(tmp_path)
    with controller(layout, shifted.env) as running, closing(running.client()) as client:
        session = begin(client, "estim-1", 60_000)
        wait_for(client, session, "running")
        running.process.kill()
        running.process.wait()
    shifted.set_by(by_s)
    with controller(layout, shifted.env) as again, closing(again.client()) as client:
        other = begin(client, "ultrasound-1", 60_000)
        wait_for(client, other, "running")
        client.send(Stop(id=client.next_id(), session=other, source="screen"))
        stopped = wait_for(client, other, "ended")

        assert 0 == again.end()
    assert "stopped" == stopped.outcome
    left = next(entry for entry in entries(layout, "session.ended") if entry.session == session)
    assert "controller_died" == data(left)["reason"]
    assert [by_s] == jumps(layout, "utc")
    assert Judgement.UNANCHORED is verify_file(layout.chart).verdict


@pytest.mark.parametrize("unit", UNITS)
def test_a_machine_that_slept_stops_what_ran_and_nothing_comes_back(layout: Layout, tmp_path: Path, unit: str) -> None:
    """The unit went off by its own lease; on waking it stays off, and what passed is unknown, not lost (H43)."""
    shifted = Clocks(tmp_path)
    with controller(layout, shifted.env) as running, closing(running.client()) as client:
        session = begin(client, unit, 60_000)
        wait_for(client, session, "running")
        with closing(Trail(layout, unit)) as trail:
            assert trail.look().energized
            shifted.sleep(running, LONGER_THAN_A_LEASE_S)
            assert not trail.look().energized
            off_ns = trail.off_ns()
            wait_for(client, session, "ended")
            assert off_ns == trail.off_ns(), "it came back for a moment"

        assert 0 == running.end()
    ended = data(entries(layout, "session.ended")[0])
    assert "faulted" == ended["outcome"]
    assert [round(LONGER_THAN_A_LEASE_S)] == jumps(layout, "boottime")
    assert int(str(ended["unknown_ms"])) >= LONGER_THAN_A_LEASE_S * 1_000
    assert int(str(ended["energized_ms"])) >= LONGER_THAN_A_LEASE_S * 1_000
    assert Judgement.UNANCHORED is verify_file(layout.chart).verdict


def test_a_machine_that_slept_between_sessions_says_so_and_goes_on(layout: Layout, tmp_path: Path) -> None:
    """Nothing ran: nobody's unit is latched, and the next treatment is its own."""
    shifted = Clocks(tmp_path)
    with controller(layout, shifted.env) as running, closing(running.client()) as client:
        shifted.sleep(running, LONGER_THAN_A_LEASE_S)
        session = begin(client, "estim-1", RUNS_MS)
        ended = wait_for(client, session, "ended", 25)

        assert 0 == running.end()
    assert ("completed", 0) == (ended.outcome, ended.unknown_ms)
    assert [round(LONGER_THAN_A_LEASE_S)] == jumps(layout, "boottime")
