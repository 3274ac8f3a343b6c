"""A whole station in virtual time: the real engine, port logic, drivers and simulators; only the clock is ours.

The loop jumps from moment to moment: whoever wants to be called next says when. Nothing sleeps, nothing waits, and
one seed gives one history, to the byte.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from devices.model import NEVER_NS, NS_PER_S, MonoNs
from devices.sim.catalog import SimUnit
from devices.sim.port import SimPort
from modctl.clock import Stamp, utc_text
from modctl.controller.writer import Entry
from modctl.engine.core import initial, step, wakeup
from modctl.engine.core_events import CoreEvent, FromUnit, Tick
from modctl.engine.effects import Append, Effect, Reply, Stopped
from modctl.engine.state import CoreState
from modctl.engine.unit import UnitConfig
from modctl.records import Draft
from modctl.virtual.truth import Witness
from modctl.virtual.wire import APART, Wire, Wiring, lines_of
from modctl.virtual.writing import Committed, Disk, Sink, VirtualWriter, nobody

BOOT: Final = "virtual"


class VirtualClock:
    """Time as the loop tells it."""

    def __init__(self, start_utc: datetime, start_ns: int = NS_PER_S) -> None:
        self._start_utc = start_utc.astimezone(UTC)
        self._start_ns = start_ns
        self.now_ns = MonoNs(start_ns)

    def mono_ns(self) -> MonoNs:
        """Virtual nanoseconds."""
        return self.now_ns

    def stamp(self) -> Stamp:
        """The same moment on all clocks; microseconds of UTC are enough for milliseconds of text."""
        passed = timedelta(microseconds=(self.now_ns - self._start_ns) // 1_000)
        return Stamp(at_utc=utc_text(self._start_utc + passed), mono_ns=self.now_ns, boottime_ns=self.now_ns, boot=BOOT)


class World:
    """Units, engine, chart and the clock that moves them.

    ``sink`` gets every entry when the engine makes it, ``committed`` when the writer has it on its disk.
    """

    def __init__(
        self,
        units: Iterable[tuple[UnitConfig, SimUnit]],
        clock: VirtualClock,
        seed: int,
        sink: Sink,
        *,
        witness: Witness | None = None,
        wiring: Wiring = APART,
        committed: Committed = nobody,
    ) -> None:
        pairs = list(units)
        self.clock = clock
        self._body = wiring.body
        self._witness = witness
        self.replies: list[Reply] = []
        self.stopped: list[Stopped] = []
        self.disk = Disk()
        self._writer = VirtualWriter(committed, self.disk)
        self._sink = sink
        self._lines = [
            Wire([pairs[place] for place in places], seed + places[0], paced=wiring.paced)
            for places in lines_of([config.name for config, _sim in pairs], wiring.buses)
        ]
        self._wires = {name: number for number, wire in enumerate(self._lines) for name in wire.sims}
        self.state: CoreState = initial([config for config, _sim in pairs], (), simulated=True)
        self._wakeup_ns = wakeup(self.state)
        self._due_ns = [0] * len(self._lines)  # when each line has something to do next
        self._touched: set[int] = set()  # lines that somebody has to look at in the next moment, whatever it is
        self._acts: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = 0
        for number in range(len(self._lines)):
            self._work_on(number)

    def sim(self, unit: str) -> SimPort:
        """The simulated end of one unit's line: inject, clear, truth. Not to be kept: what is done to it counts now."""
        number = self._wires[unit]
        self._look_at(number)
        return self._lines[number].sims[unit]

    def at(self, at_ns: int, act: Callable[[], None]) -> None:
        """Do something at a moment of virtual time, after what is due then."""
        self._numbers += 1
        insort(self._acts, (at_ns, self._numbers, act), key=lambda planned: planned[:2])

    def post(self, event: CoreEvent) -> None:
        """Give the engine one event now."""
        self.state, effects = step(self.state, event, self.clock.now_ns)
        self._wakeup_ns = wakeup(self.state)
        self._carry_out(effects)

    def run_until(self, until_ns: int, done: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, from moment to moment, up to a time or until ``done`` says so."""
        self._look_at_all()
        while not done():
            next_ns = self._next_ns()
            if next_ns > until_ns:
                self.clock.now_ns = MonoNs(max(self.clock.now_ns, until_ns))
                return
            self.clock.now_ns = MonoNs(max(self.clock.now_ns, next_ns))
            self._work()

    def restart(self) -> None:
        """The controller ended and is started anew: it knows its units and their latches, and nothing else."""
        units = self.state.units.values()
        latched = [(unit.config.name, unit.latched) for unit in units if unit.latched]
        self.state = initial([unit.config for unit in units], latched, simulated=self.state.simulated)
        self._wakeup_ns = wakeup(self.state)
        for wire in self._lines:
            wire.begin_anew()
        self._look_at_all()

    def _look_at(self, number: int) -> None:
        self._lines[number].look()
        self._touched.add(number)

    def _look_at_all(self) -> None:
        for number in range(len(self._lines)):
            self._look_at(number)

    def _next_ns(self) -> int:
        for number in self._touched:
            self._due_ns[number] = self._lines[number].next_ns()
        next_ns = min(self._wakeup_ns, self._writer.next_ns(), min(self._due_ns, default=NEVER_NS))
        return min(next_ns, self._acts[0][0]) if self._acts else next_ns

    def _work(self) -> None:
        """One moment: lines, what their ports tell, what people do, and the engine's own deadlines, in this order."""
        now_ns = self.clock.now_ns
        if self._body is not None:
            self._body(now_ns)
            self._look_at_all()
        due = [number for number, due_ns in enumerate(self._due_ns) if due_ns <= now_ns]
        if self._touched:
            due = sorted(self._touched.union(due))
            self._touched.clear()
        for number in due:
            self._work_on(number)
            for unit, news in self._lines[number].port.drain():
                self.post(FromUnit(unit=unit, news=news))
        while self._acts and self._acts[0][0] <= now_ns:
            self._acts.pop(0)[2]()
        if self._writer.next_ns() <= now_ns:
            for told in self._writer.work(now_ns):
                self.post(told)
        if self._wakeup_ns <= now_ns:
            self.post(Tick())

    def _work_on(self, number: int) -> None:
        wire, now_ns = self._lines[number], self.clock.now_ns
        if wire.work(now_ns) and self._witness is not None:
            for line in wire.truths(now_ns):
                self._witness(line)
        self._due_ns[number] = wire.next_ns()

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        """In the engine's order; what the orders of one step let a port write goes out after the last of them."""
        for effect in effects:
            match effect:
                case Append():
                    self._append(effect)
                case Reply():
                    self.replies.append(effect)
                case Stopped():
                    self.stopped.append(effect)
                case _:
                    number = self._wires[effect.unit]
                    wire = self._lines[number]
                    wire.order(effect, self.clock.now_ns)
                    self._due_ns[number] = self.clock.now_ns if wire.port.has_news else wire.next_ns()

    def _append(self, effect: Append) -> None:
        self._sink(effect.draft, self.clock.stamp())
        entry = Entry(draft=effect.draft, stamp=self.clock.stamp(), await_as=effect.await_as, at_once=effect.at_once)
        self._writer.put(entry)


class Memory:
    """A chart that only remembers, for runs that keep none."""

    def __init__(self) -> None:
        self.entries: list[tuple[Draft, Stamp]] = []

    def __call__(self, draft: Draft, stamp: Stamp) -> None:
        """Take one entry."""
        self.entries.append((draft, stamp))

    def of(self, session: str) -> Sequence[Mapping[str, object]]:
        """One session's entries as plain data, each with its kind."""
        return [
            {"kind": draft.kind, **msgspec.json.decode(msgspec.json.encode(draft.data))}
            for draft, _stamp in self.entries
            if draft.session == session
        ]
