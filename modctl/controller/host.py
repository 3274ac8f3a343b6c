"""The engine's thread: events in, ``core.step``, effects out, in order. It decides nothing and waits for nobody.

Rule 1: what stops is taken first; port orders leave before the entries that tell of them.
Rule 2: the beat to the guard comes from this loop alone: when it hangs, the guard ends it.
Rule 3: it measures its own lateness and the machine's sleep, and tells the engine.
Rule 4: the one broad ``except`` of the program is here: off to every port, each on its own, then out, and without a
        farewell to the guard, which then writes the last words as well.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec
import structlog

from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from modctl.clock import Clock, moved
from modctl.controller.guard import BEAT_NS
from modctl.controller.keeper import GuardKeeper
from modctl.controller.lanes import Lanes
from modctl.controller.ports import PortWorker
from modctl.controller.writer import ChartWriter, Entry
from modctl.engine import core
from modctl.engine.core_events import ChartBroken, CoreEvent, Stalled, StopUnits, Tick, WriterLag
from modctl.engine.effects import Append, Reply, Stopped
from modctl.engine.phases import OVER
from modctl.engine.state import CoreState
from modctl.errors import Exit
from modctl.records import ClockJumped, ControllerStopped, Draft

STALL_NS: Final = 300 * NS_PER_MS  # house rule: the stop budget
JUMP_MS: Final = 1_000  # house rule: clocks that move apart by more than this within a beat
LAG_MS: Final = 1_000  # house rule: a writer this far behind means no raise
MAX_INBOX: Final = 10_000  # chosen: minutes of samples; nothing of it would be true any more
END_NS: Final = 30 * NS_PER_S  # chosen: every stop deadline of a profile is shorter; a traction unit's is the longest
END_REQUEST: Final = 0  # requests of clients begin at 1
RECOVERY_REQUEST: Final = -1


class Counter(Protocol):
    """Where answers to requests go; called in the engine's thread, returns at once."""

    def replied(self, reply: Reply) -> None:
        """The engine answered."""

    def stopped(self, stopped: Stopped) -> None:
        """A stop that somebody asked for was settled."""

    def noted(self, draft: Draft) -> None:
        """This goes to the chart."""


class _Chart(msgspec.Struct, frozen=True):
    """Put an entry of somebody else into the chart, in order with the engine's own, then do ``then``."""

    draft: Draft
    then: Callable[[], None]


class _End(msgspec.Struct, frozen=True):
    """Stop all and end."""

    source: str


class _Died(msgspec.Struct, frozen=True):
    """A thread that nothing works without has ended by an error."""

    name: str


class ThreadDiedError(Exception):
    """A thread of the controller ended by an error of ours."""


class Host:
    """Runs the engine in the thread that calls ``run``."""

    def __init__(
        self,
        state: CoreState,
        workers: Mapping[str, PortWorker],
        writer: ChartWriter,
        keeper: GuardKeeper,
        counter: Counter,
        clock: Clock,
    ) -> None:
        self.state = state  # replaced, never changed: other threads may read it
        self.on_beat: Callable[[MonoNs], None] = lambda _: None
        self._workers = workers  # by unit; units of one bus share one
        self._writer = writer
        self._keeper = keeper
        self._counter = counter
        self._clock = clock
        self._inbox: Lanes[CoreEvent | _Chart | _End | _Died] = Lanes()
        self._expected: dict[int, Callable[[Stopped], None]] = {}
        self._stamp = clock.stamp()
        self._beat_ns = clock.mono_ns()
        self._lagging = False
        self._ending: _End | None = None
        self._end_by_ns = MonoNs(0)
        self._off_confirmed: bool | None = None  # known when the last stop of all is settled
        self._is_overdue = False

    # Any thread

    def post(self, event: CoreEvent, *, first: bool = False) -> None:
        """Give the engine an event; ``first`` for what stops."""
        self._inbox.put(event, first=first)

    def chart(self, draft: Draft, then: Callable[[], None] = lambda: None) -> None:
        """Put an entry into the chart that is not the engine's own; ``then`` is called when the writer has it."""
        self._inbox.put(_Chart(draft, then))

    def end(self, source: str) -> None:
        """Stop all, confirm, chart, and return from ``run``. A signal handler may call it."""
        self._inbox.put(_End(source), first=True)

    def died(self, name: str) -> None:
        """A worker's thread ended by an error: nothing can be trusted any more."""
        self._inbox.put(_Died(name), first=True)

    def expect(self, request: int, then: Callable[[Stopped], None]) -> None:
        """Call ``then`` in the engine's thread when the stop with this number is settled. Before ``run``."""
        self._expected[request] = then

    # The engine's thread

    def run(self) -> Exit:
        """Until ``end`` is settled. OK when off was confirmed everywhere, FINDINGS when not."""
        try:
            self._loop()
        except Exception as error:
            return self._last_resort(error)
        confirmed = self._off_confirmed is True
        self._append(Draft(data=ControllerStopped(reason=self._why_ended(), off_confirmed=confirmed)))
        return Exit.OK if confirmed else Exit.FINDINGS

    def _loop(self) -> None:
        self._beat_ns = self._clock.mono_ns()
        while self._off_confirmed is None or not (self._is_quiet() or self._is_overdue):
            wake = MonoNs(min(core.wakeup(self.state), self._beat_ns))
            item = self._inbox.take(wake - self._clock.mono_ns())
            now = self._clock.mono_ns()
            if now - wake > STALL_NS:
                self._step(Stalled(by_ms=(now - wake) // NS_PER_MS), now)
            if item is not None:
                self._take(item, now)
            if now >= core.wakeup(self.state):
                self._step(Tick(), now)
            if now >= self._beat_ns:
                self._beat(now)

    def _take(self, item: CoreEvent | _Chart | _End | _Died, now_ns: MonoNs) -> None:
        match item:
            case _Chart(draft=draft, then=then):
                self._append(draft)
                then()
            case _End() if self._ending is None:
                self._ending = item
                self._end_by_ns = MonoNs(now_ns + END_NS)
                self.expect(END_REQUEST, self._settled)
                stop = StopUnits(request=END_REQUEST, actor=None, source=item.source, unit=None, session=None)
                self._step(stop, now_ns)
            case _End():
                pass  # asked again: it is under way
            case _Died(name=name):
                raise ThreadDiedError(name)
            case _:
                self._step(item, now_ns)

    def _settled(self, stopped: Stopped) -> None:
        """A unit that nobody has met, and about which there is no doubt, does not count."""
        self._off_confirmed = all(off or not self._matters(unit) for unit, off, _ in stopped.units)

    def _matters(self, name: str) -> bool:
        unit = self.state.units[name]
        met = unit.identity is not None or unit.session is not None
        return met or bool(unit.latched) or unit.off_doubt_ns is not None

    def _is_quiet(self) -> bool:
        """Every session has its end."""
        return all(run.state.phase in OVER for run in self.state.sessions.values())

    def _step(self, event: CoreEvent, now_ns: MonoNs) -> None:
        self.state, effects = core.step(self.state, event, now_ns)
        for effect in effects:
            match effect:
                case Append(draft=draft, await_as=await_as, at_once=at_once):
                    self._append(draft, await_as, at_once=at_once)
                case Reply():
                    self._counter.replied(effect)
                case Stopped():
                    self._expected.pop(effect.request, self._counter.stopped)(effect)
                case _:
                    self._workers[effect.unit].put(effect)

    def _append(self, draft: Draft, await_as: str | None = None, *, at_once: bool = True) -> None:
        self._counter.noted(draft)
        entry = Entry(draft=draft, stamp=self._clock.stamp(), await_as=await_as, at_once=at_once)
        if not self._writer.put(entry):
            self.post(ChartBroken(why="The chart's queue is full."), first=True)

    def _beat(self, now_ns: MonoNs) -> None:
        self._beat_ns = MonoNs(now_ns + BEAT_NS)
        self._keeper.beat(now_ns)
        self.on_beat(now_ns)
        self._compare_clocks(now_ns)
        lag = self._writer.lag_ms(now_ns)
        if lag >= LAG_MS or self._lagging:
            self._lagging = lag >= LAG_MS
            self._step(WriterLag(by_ms=lag if self._lagging else 0), now_ns)
        if len(self._inbox) > MAX_INBOX:
            raise ThreadDiedError("the engine does not keep up with what arrives")
        if self._ending is not None and now_ns > self._end_by_ns:
            self._off_confirmed, self._is_overdue = False, True

    def _compare_clocks(self, now_ns: MonoNs) -> None:
        before, after = self._stamp, self._clock.stamp()
        self._stamp = after
        apart = moved(before, after)
        if apart.slept_ms > JUMP_MS:
            self._step(Stalled(by_ms=apart.slept_ms, slept_ms=apart.slept_ms), now_ns)
            self._append(Draft(data=ClockJumped(by_ms=apart.slept_ms, clock="boottime")))
        if abs(apart.set_ms) > JUMP_MS:
            self._append(Draft(data=ClockJumped(by_ms=apart.set_ms, clock="utc")))

    def _why_ended(self) -> str:
        return "asked" if self._ending is None else self._ending.source

    def _last_resort(self, error: Exception) -> Exit:
        """Off to every port whatever else fails; the guard, which hears no beat any more, does the same."""
        structlog.get_logger().critical("controller failed", error=type(error).__name__, exc_info=error)
        for worker in self._workers.values():
            try:
                worker.end(in_order=False)
            except Exception as another:
                structlog.get_logger().critical("no last words", port=worker.name, error=type(another).__name__)
        reason = f"internal error: {type(error).__name__}"
        self._append(Draft(data=ControllerStopped(reason=reason, off_confirmed=False)))
        return Exit.FINDINGS
