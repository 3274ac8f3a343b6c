"""The writer in virtual time: one commit after the other, what hurries first, and its lateness told on the beat."""

from devices.model import NEVER_NS, NS_PER_MS, NS_PER_S, MonoNs
from modctl.clock import Stamp
from modctl.controller.writer import GATHER_NS, Entry
from modctl.engine.core_events import CoreEvent, Durable, WriterLag
from modctl.records import Alarm, Draft
from modctl.virtual.writing import QUIET_COMMIT_NS, Disk, VirtualWriter


class Desk:
    """A writer, its disk, and everything that it told."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.now_ns = NS_PER_S
        self.committed: list[tuple[str, int]] = []
        self.told: list[CoreEvent] = []
        self.writer = VirtualWriter(self._note, self.disk)

    def _note(self, draft: Draft, _stamp: Stamp, at_ns: MonoNs) -> None:
        assert isinstance(draft.data, Alarm)
        self.committed.append((draft.data.alarm, at_ns - NS_PER_S))

    def put(self, word: str, *, at_once: bool = True, await_as: str | None = None) -> None:
        """One entry, made now."""
        stamp = Stamp(at_utc="", mono_ns=MonoNs(self.now_ns), boottime_ns=self.now_ns, boot="")
        draft = Draft(data=Alarm(alarm=word, priority="low", text=""), session="s1")
        self.writer.put(Entry(draft=draft, stamp=stamp, await_as=await_as, at_once=at_once))

    def run_ms(self, milliseconds: int) -> None:
        """Let time pass, from one moment that the writer names to the next."""
        until_ns = self.now_ns + milliseconds * NS_PER_MS
        while self.writer.next_ns() <= until_ns:
            self.now_ns = max(self.now_ns, self.writer.next_ns())
            self.told.extend(self.writer.work(MonoNs(self.now_ns)))
        self.now_ns = until_ns


def test_what_hurries_is_durable_after_one_commit_and_telemetry_gathers() -> None:
    """As the controller's own writer: rule 2 of both."""
    desk = Desk()
    desk.put("sample", at_once=False)
    desk.run_ms(50)
    desk.put("stop", await_as="started")
    desk.run_ms(200)
    desk.put("later", at_once=False)
    desk.run_ms(200)
    quiet = QUIET_COMMIT_NS

    assert [("sample", 50 * NS_PER_MS + quiet), ("stop", 50 * NS_PER_MS + quiet)] == desk.committed[:2]
    assert ("later", 250 * NS_PER_MS + GATHER_NS + quiet) == desk.committed[2]
    assert [Durable(session="s1", what="started")] == desk.told
    assert NEVER_NS == desk.writer.next_ns()


def test_a_slow_disk_holds_what_came_after_and_says_how_far_it_is_behind() -> None:
    """One commit at a time: an entry waits for the one before it, and once all is written the lag is over."""
    desk = Desk()
    desk.disk.commit_ns = 3 * NS_PER_S
    desk.put("first")
    desk.run_ms(10)
    desk.put("second")
    desk.disk.commit_ns = QUIET_COMMIT_NS
    desk.run_ms(5_000)
    lags = [event.by_ms for event in desk.told if isinstance(event, WriterLag)]

    assert [("first", 3 * NS_PER_S), ("second", 3 * NS_PER_S + QUIET_COMMIT_NS)] == desk.committed
    assert 1_000 == lags[0]
    assert max(lags) >= 2_900
    assert 0 == lags[-1]
