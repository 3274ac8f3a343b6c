"""Whatever people, units and lines do to a table: what must be true of the chart and of the units' own truth.

Judged by charted entries and by what the simulated unit really does, never by the engine's own state. A fault that
makes a unit give out something by itself, or lie about being off, cannot be in here: the line cannot see through it.
"""

from collections.abc import Mapping

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devices.model import NS_PER_MS, NS_PER_S, Direction
from modctl.engine import events as ev
from modctl.engine.core_events import AcknowledgeUnit, ScreenLost, Stalled, WriterLag
from modctl.records import (
    OffConfirmed,
    Record,
    SessionEnded,
    SessionResumed,
    SessionStarted,
    SetpointCommanded,
    UnitAcknowledged,
)
from tests.scenario.table import Table

SLICE_NS = 50 * NS_PER_MS
PRESETS: Mapping[str, str] = {"hasomed-p24": "hip-post-tha-tens", "reference-ultrasound": "hip-oa-ultrasound-1mhz"}
LEVEL: Mapping[str, str] = {"hasomed-p24": "current_ua", "reference-ultrasound": "intensity_mw_cm2"}

# Faults that both units can have and that the line can see through, with parameters.
FAULTS: Mapping[str, dict[str, int]] = {
    "silence": {},
    "mute": {},
    "half-open-tx": {},
    "half-open-rx": {},
    "disconnect": {},
    "drop": {},
    "duplicate": {},
    "reorder": {},
    "delay": {"ms": 60},
    "late-reply": {},
    "corrupt": {},
    "truncate": {},
    "babble": {},
    "exception": {},
    "echo": {},
    "baud-slip": {},
    "reboot": {},
    "hang": {},
    "busy": {},
    "ignore-stop": {"count": 3},
    "slow-stop": {"ms": 400},
    "apply-late": {"ms": 200},
    "under-deliver": {},
    "contact-loss": {},
    "partial-lift": {},
    "dry-out": {},
}
# With these a measuring unit gives more than it was told.
EXCESS: Mapping[str, dict[str, int]] = {"run-away": {}, "over-deliver": {}, "panel-change": {"value": 1_500}}
# How long a measuring unit may give too much: settling, one sample, two exchanges; without answers, as long as a sample
# may be old, the stop's deadline, and the unit's own lease.
REACTION_NS = 3 * NS_PER_S


class History(RuleBasedStateMachine):
    """One table with one unit, and everything that can happen to it."""

    model = "hasomed-p24"

    @initialize(seed=st.integers(1, 1_000))
    def lay(self, seed: int) -> None:
        """A table."""
        self.table = Table(self.model, seed=seed)
        self.session = ""
        self.was_energized = False
        self.acts_seen = 0
        self.excess_since_ns: int | None = None

    def let_pass(self, seconds: float) -> None:
        """Time, in slices, each judged."""
        until_ns = self.table.now_ns + int(seconds * NS_PER_S)
        while self.table.now_ns < until_ns:
            self.table.run_s(SLICE_NS / NS_PER_S)
            self.judge()

    def records(self, kind: type[Record]) -> list[Record]:
        """What is charted of one kind."""
        return [draft.data for draft, _stamp in self.table.chart.entries if isinstance(draft.data, kind)]

    def is_open(self) -> bool:
        """A session was asked for and has no end in the chart."""
        return bool(self.session) and self.table.chart.of(self.session)[-1]["kind"] != "session.ended"

    # What happens

    @rule(seconds=st.sampled_from([0.05, 0.3, 1, 3]))
    def time_passes(self, seconds: float) -> None:
        """Nothing is done."""
        self.let_pass(seconds)

    @precondition(lambda self: not self.is_open())
    @rule(duration_s=st.sampled_from([10, 30]))
    def somebody_starts(self, duration_s: int) -> None:
        """A session from its request to its start, where it is allowed."""
        name = self.table.ask(self.model, PRESETS[self.model], duration_s)
        if self.table.chart.of(name)[-1]["kind"] != "session.ended":
            self.session = name
            self.table.answer_all(name)
        self.let_pass(0.3)

    @rule()
    def somebody_stops(self) -> None:
        """Everything."""
        self.table.stop_all()
        self.let_pass(0.1)

    @precondition(lambda self: self.session)
    @rule(way=st.sampled_from(list(Direction)), presses=st.integers(1, 8))
    def somebody_rides(self, way: Direction, presses: int) -> None:
        """A key, held."""
        for _ in range(presses):
            self.table.tell(self.session, ev.LevelAsked(actor="therapist", direction=way))
            self.let_pass(0.05)

    @precondition(lambda self: self.session)
    @rule()
    def somebody_pauses(self) -> None:
        """Off, and a person comes back."""
        self.table.tell(self.session, ev.PauseAsked(actor="therapist"))
        self.let_pass(0.4)

    @precondition(lambda self: self.session)
    @rule()
    def somebody_resumes(self) -> None:
        """Whether it is the time for it or not."""
        self.table.tell(self.session, ev.ResumeAsked(actor="therapist"))
        self.let_pass(0.2)

    @rule(fault=st.sampled_from(sorted(FAULTS)))
    def something_fails(self, fault: str) -> None:
        """A fault of the menu; faults combine."""
        self.table.inject(self.model, fault, **FAULTS[fault])
        self.let_pass(0.3)

    @rule()
    def all_is_mended(self) -> None:
        """Every fault is gone."""
        self.table.clear(self.model)
        self.let_pass(0.5)

    @rule(stated=st.booleans())
    def somebody_acknowledges(self, stated: bool) -> None:
        """A latch is looked at."""
        statement = "power is cut" if stated else None
        event = AcknowledgeUnit(request=0, actor="therapist", unit=self.model, statement=statement)
        energized = self.table.truth(self.model).energized
        before = len(self.records(UnitAcknowledged))
        self.table.world.post(event)
        for record in self.records(UnitAcknowledged)[before:]:
            assert isinstance(record, UnitAcknowledged)
            assert not (record.off_confirmed and energized), "acknowledged as off, and it was on"

    @precondition(lambda self: self.session)
    @rule(what=st.sampled_from(["screen", "late", "very late", "stalled"]))
    def the_house_fails(self, what: str) -> None:
        """A screen goes, the disk is slow, the machine slept."""
        match what:
            case "screen":
                self.table.world.post(ScreenLost(session=self.session, why="closed"))
            case "late" | "very late":
                self.table.world.post(WriterLag(by_ms=1_500 if what == "late" else 2_500))
                self.let_pass(0.5)
                self.table.world.post(WriterLag(by_ms=0))
            case _:
                self.table.world.post(Stalled(by_ms=5_000))
        self.let_pass(0.1)

    # What must be true

    @invariant()
    def judge(self) -> None:
        """Everything at once, at every moment."""
        truth = self.table.truth(self.model)
        entries = self.table.chart.entries
        if truth.energized:
            assert self.records(SessionStarted), "energized before any start was charted"
        acts = len(self.records(SessionStarted)) + len(self.records(SessionResumed))
        if truth.energized and not self.was_energized:
            assert acts > self.acts_seen, "energized from off without a person's charted act"
        if not truth.energized:
            self.acts_seen = acts if not self.is_open() else self.acts_seen
        self.was_energized = truth.energized
        if entries and isinstance(entries[-1][0].data, SessionEnded | OffConfirmed):
            data, stamp = entries[-1][0].data, entries[-1][1]
            says_off = isinstance(data, OffConfirmed) or data.off_after_ms is not None
            if says_off and stamp.mono_ns >= self.table.now_ns - SLICE_NS:
                assert not truth.energized, f"{data} and the unit is on"
        self.judge_ceiling(truth.output)

    def judge_ceiling(self, output: int) -> None:
        """No more than what was charted as commanded, for longer than a reaction takes."""

    def teardown(self) -> None:
        """At the end all is mended and stopped: off, and the chart agrees."""
        if not hasattr(self, "table"):
            return
        self.table.clear(self.model)
        self.table.run_s(1)
        self.table.stop_all()
        self.table.run_s(6)

        assert not self.table.truth(self.model).energized
        assert not self.is_open()


class SoundHistory(History):
    """The same with a unit that measures: it may also give more than it was told, and is caught."""

    model = "reference-ultrasound"

    @rule(fault=st.sampled_from(sorted(EXCESS)))
    def it_gives_too_much(self, fault: str) -> None:
        """More than was commanded."""
        self.table.inject(self.model, fault, **EXCESS[fault])
        self.let_pass(0.3)

    def judge_ceiling(self, output: int) -> None:
        """Against the highest level charted for this session, with the unit's own tolerance."""
        commanded = [
            dict(record.levels).get(LEVEL[self.model], 0)
            for record in self.records(SetpointCommanded)
            if isinstance(record, SetpointCommanded)
        ]
        ceiling = max(commanded, default=0)
        ceiling += max(100, ceiling // 5)
        is_hung = "hang" in self.table.truth(self.model).faults
        if output <= ceiling or is_hung:
            self.excess_since_ns = None
        elif self.excess_since_ns is None:
            self.excess_since_ns = self.table.now_ns
        else:
            assert self.table.now_ns - self.excess_since_ns <= REACTION_NS, f"{output} above {ceiling}"


# Chosen: enough to meet every rule with most others, inside the time that everybody waits for the tests.
History.TestCase.settings = settings(max_examples=30, stateful_step_count=30)
SoundHistory.TestCase.settings = settings(max_examples=25, stateful_step_count=30)
TestStimulation = History.TestCase
TestUltrasound = SoundHistory.TestCase
