"""The chart's thread: order, durability before it is told, one epoch a session, and what a broken chart does."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from devices.model import MonoNs
from modctl.chart.errors import ChartUnreadableError
from modctl.chart.keys import KeyFolder
from modctl.chart.reader import ChartReader
from modctl.chart.sqlite import Connection, open_writer
from modctl.chart.store import ChartStore, NewChart, Written
from modctl.chart.verify import Judgement, verify_file
from modctl.clock import SystemClock
from modctl.controller.writer import MAX_WAITING, ChartWriter, Entry
from modctl.records import Draft, Record, SessionEnded, StopPressed

CLOCK = SystemClock()
WAIT_S = 10
ENDED = SessionEnded(
    outcome="completed",
    reason="planned_time",
    planned_ms=1,
    delivered_ms=1,
    paused_ms=0,
    no_contact_ms=0,
    unknown_ms=0,
    energized_ms=1,
    off_after_ms=1,
)


class Told:
    """Everything that the writer said, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.seqs: list[int] = []
        self.changed = threading.Event()

    def durable(self, session: str | None, what: str) -> None:
        """Take note."""
        self.said.append(("durable", f"{session}:{what}"))
        self.changed.set()

    def committed(self, entries: Sequence[Written]) -> None:
        """Take note."""
        self.said.append(("committed", str(len(entries))))
        self.seqs += [entry.seq for entry in entries]
        self.changed.set()

    def broken(self, why: str) -> None:
        """Take note."""
        self.said.append(("broken", why))
        self.changed.set()

    def wait(self, kind: str) -> None:
        """Until it was said."""
        while not any(said == kind for said, _ in self.said):
            assert self.changed.wait(WAIT_S), self.said
            self.changed.clear()


class Kept:
    """A chart on the disk with a writer."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "chart.db"
        self.keys = KeyFolder(folder / "keys")
        ChartStore.create(self.path, self.keys, NewChart(site="s", simulated=True, program="p"), CLOCK.stamp()).close()
        self.told = Told()
        self.writer = ChartWriter(lambda: ChartStore.open(self.path, self.keys), self.told, CLOCK)

    def put(
        self, data: Record, session: str | None = None, await_as: str | None = None, *, at_once: bool = True
    ) -> bool:
        """One entry, made now."""
        draft = Draft(data=data, session=session)
        return self.writer.put(Entry(draft=draft, stamp=CLOCK.stamp(), await_as=await_as, at_once=at_once))

    def kinds(self) -> list[str]:
        """What is in the file."""
        reader = ChartReader.open(self.path)
        try:
            return [entry.kind for entry in reader.entries_since(0)]
        finally:
            reader.close()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A writer that runs."""
    made = Kept(tmp_path)
    made.writer.start()
    yield made
    made.writer.close()


def pressed(number: int) -> StopPressed:
    """Some entry."""
    return StopPressed(unit=None, source=str(number))


def test_durable_is_told_after_the_commit_and_not_before(kept: Kept) -> None:
    """START waits for exactly this: an entry that a power cut cannot take back."""
    kept.put(pressed(1), "s", "started")
    kept.told.wait("durable")

    assert [("committed", "1"), ("durable", "s:started")] == kept.told.said
    assert ["genesis", "stop.pressed"] == kept.kinds()


def test_entries_stand_in_the_order_in_which_they_were_made(kept: Kept) -> None:
    """A reader of the chart sees the order of decisions, whatever was urgent about them."""
    for number in range(300):
        kept.put(pressed(number), at_once=number % 7 == 0)
    assert kept.writer.close()

    reader = ChartReader.open(kept.path)
    sources = [msgspec.json.decode(entry.data)["source"] for entry in reader.entries_since(1)]
    reader.close()
    assert [str(number) for number in range(300)] == sources
    assert list(range(2, 302)) == kept.told.seqs


def test_telemetry_gathers_and_is_written_at_the_end(kept: Kept) -> None:
    """Nothing that was put is lost by an ordinary end."""
    for number in range(5):
        kept.put(pressed(number), at_once=False)

    assert kept.writer.close()
    assert 6 == len(kept.kinds())


def test_a_session_that_ends_ends_its_epoch(kept: Kept) -> None:
    """After the end its key is gone: what it signed cannot be made again by whoever steals the next one."""
    kept.put(ENDED, "s")
    assert kept.writer.close()

    assert ["genesis", "session.ended", "key.rotated"] == kept.kinds()
    assert (2,) == kept.keys.epochs()
    assert Judgement.UNANCHORED is verify_file(kept.path).verdict


def test_after_a_failed_commit_nothing_more_is_written(kept: Kept) -> None:
    """A chart with a hole would be worse than one that ends (hazard H38)."""
    connection = _break(kept.path)
    kept.put(pressed(1))
    kept.told.wait("broken")
    connection.close()
    kept.put(pressed(2), "s", "started")

    assert not kept.writer.close()
    assert ["genesis"] == kept.kinds()
    assert ["broken"] == [said for said, _ in kept.told.said]


def test_a_full_queue_refuses_and_loses_nothing(tmp_path: Path) -> None:
    """Full means stop; what was accepted is still written."""
    kept = Kept(tmp_path)
    accepted = [kept.put(pressed(number)) for number in range(MAX_WAITING + 1)]
    kept.writer.start()

    assert [True] * MAX_WAITING + [False] == accepted
    assert kept.writer.close()
    assert MAX_WAITING + 1 == len(kept.kinds())


def test_a_chart_that_does_not_open_is_said_at_the_start(tmp_path: Path) -> None:
    """The controller must not come up and find out at the first session."""
    writer = ChartWriter(lambda: ChartStore.open(tmp_path / "none.db", KeyFolder(tmp_path)), Told(), CLOCK)

    with pytest.raises(ChartUnreadableError):
        writer.start()


def test_lag_is_the_age_of_the_oldest_entry_that_is_not_durable(kept: Kept) -> None:
    """The engine holds raises at one second and stops at two: it needs the true figure while a commit hangs."""
    connection = _break(kept.path)
    stamp = CLOCK.stamp()
    kept.writer.put(Entry(draft=Draft(data=pressed(1)), stamp=stamp, await_as="started"))
    made_ns = MonoNs(stamp.mono_ns)
    while kept.writer.lag_ms(MonoNs(made_ns + 700_000_000)) == 0:
        assert CLOCK.mono_ns() < made_ns + WAIT_S * 1_000_000_000
    lag_ms = kept.writer.lag_ms(MonoNs(made_ns + 700_000_000))
    connection.execute("ROLLBACK")
    connection.close()
    kept.told.wait("durable")
    assert kept.writer.close()

    assert 700 == lag_ms
    assert 0 == kept.writer.lag_ms(CLOCK.mono_ns())


def _break(path: Path) -> Connection:
    """Hold the chart's write lock: a commit waits for a second and then fails."""
    connection = open_writer(path)
    connection.execute("BEGIN IMMEDIATE")
    return connection
