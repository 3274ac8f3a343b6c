"""A whole station in virtual time: the real engine, port logic, drivers and simulators; only the clock is ours.

The loop jumps from moment to moment: whoever wants to be called next says when. Nothing sleeps, nothing waits, and
one seed gives one history, to the byte.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from devices.registry import driver_for
from devices.sim.catalog import SimUnit
from devices.sim.port import SimPort
from modctl.clock import Stamp, utc_text
from modctl.engine.core import initial, step, wakeup
from modctl.engine.core_events import CoreEvent, Durable, FromUnit, Tick
from modctl.engine.effects import Append, Command, Effect, Identify, Permit, Quench, Reply, Revoke, Stopped, Watch
from modctl.engine.port import Port
from modctl.engine.state import CoreState
from modctl.engine.unit import UnitConfig
from modctl.records import Draft
from modctl.virtual.truth import TruthLine, Witness

LINK_NS: Final = NS_PER_MS  # chosen: a USB line's usual delay, each way
COMMIT_NS: Final = NS_PER_MS  # chosen: a commit on a quiet disk takes a third of this
BOOT: Final = "virtual"
Sink = Callable[[Draft, Stamp], None]


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


class _Wire:
    """One unit on a line of its own: port logic on one end, the simulated unit on the other, bytes under way."""

    def __init__(self, config: UnitConfig, sim: SimUnit, seed: int) -> None:
        self.name = config.name
        self._profile = config.profile
        self.port = self._new_port()
        self.sim = SimPort(sim, seed)
        self.to_sim: list[tuple[int, bytes]] = []
        self.to_port: list[tuple[int, bytes]] = []
        self.is_plugged = False
        self._told = TruthLine(unit=config.name, at_ns=0, energized=False, output=0)

    def begin_anew(self) -> None:
        """Another controller opens this line."""
        self.port = self._new_port()
        self.to_sim.clear()
        self.to_port.clear()
        self.is_plugged = False

    def _new_port(self) -> Port:
        return Port({self.name: driver_for(self._profile)}, {self.name: self._profile})

    def next_ns(self) -> int:
        """The next moment at which something happens on this line."""
        times = [at_ns for at_ns, _frame in (*self.to_sim[:1], *self.to_port[:1])]
        sim_ns = self.sim.next_wakeup()
        if sim_ns is not None:
            times.append(sim_ns)
        times.append(self.port.wakeup())
        return min(times)

    def work(self, now_ns: MonoNs) -> None:
        """Everything that is due on this line now."""
        self._plug(now_ns)
        while self.to_sim and self.to_sim[0][0] <= now_ns:
            self.sim.receive(self.to_sim.pop(0)[1], now_ns)
        answer = self.sim.take(now_ns)
        if answer and self.is_plugged:
            self.to_port.append((now_ns + LINK_NS, answer))
        while self.to_port and self.to_port[0][0] <= now_ns:
            self.port.received(self.to_port.pop(0)[1], now_ns)
        while frame := self.port.due(now_ns):
            self.to_sim.append((now_ns + LINK_NS, frame))

    def truth(self, now_ns: MonoNs) -> TruthLine | None:
        """What the unit really does, if it is something else than was told last."""
        truth, told = self.sim.truth(now_ns), self._told
        is_old = truth.energized is told.energized and truth.output == told.output
        if is_old and truth.faults == told.faults:
            return None
        self._told = TruthLine(
            unit=self.name,
            at_ns=now_ns if is_old else max(told.at_ns, truth.changed_at_mono_ns),
            energized=truth.energized,
            output=truth.output,
            faults=truth.faults,
        )
        return self._told

    def _plug(self, now_ns: MonoNs) -> None:
        plugged = self.sim.is_plugged
        if plugged and not self.is_plugged:
            self.port.opened(now_ns)
        if self.is_plugged and not plugged:
            self.to_sim.clear()
            self.to_port.clear()
            self.port.lost("lost", "the line was unplugged", now_ns)
        self.is_plugged = plugged


class World:
    """Units, engine, chart and the clock that moves them."""

    def __init__(
        self,
        units: Iterable[tuple[UnitConfig, SimUnit]],
        clock: VirtualClock,
        seed: int,
        sink: Sink,
        *,
        simulated: bool = True,
        witness: Witness | None = None,
    ) -> None:
        pairs = list(units)
        self.clock = clock
        self._witness = witness
        self.replies: list[Reply] = []
        self.stopped: list[Stopped] = []
        self._sink = sink
        self._wires = {config.name: _Wire(config, sim, seed + place) for place, (config, sim) in enumerate(pairs)}
        self.state: CoreState = initial([config for config, _sim in pairs], (), simulated=simulated)
        self._wakes: tuple[CoreState, int] = (self.state, wakeup(self.state))
        self._due_ns: dict[str, int] = {}  # when each line has something to do next
        self._stale: set[str] = set()  # lines of which that is not known any more
        self._touched: set[str] = set(self._wires)  # and those at which somebody has to look at the next moment
        self._acts: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = 0
        for wire in self._wires.values():
            wire.work(clock.now_ns)

    def sim(self, unit: str) -> SimPort:
        """The simulated end of one unit's line: inject, clear, truth. Not to be kept: what is done to it counts now."""
        self._touched.add(unit)
        return self._wires[unit].sim

    def at(self, at_ns: int, act: Callable[[], None]) -> None:
        """Do something at a moment of virtual time, after what is due then."""
        self._numbers += 1
        insort(self._acts, (at_ns, self._numbers, act), key=lambda planned: planned[:2])

    def post(self, event: CoreEvent) -> None:
        """Give the engine one event now."""
        self.state, effects = step(self.state, event, self.clock.now_ns)
        self._carry_out(effects)

    def run_until(self, until_ns: int, done: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, from moment to moment, up to a time or until ``done`` says so."""
        self._touch_all()
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
        for wire in self._wires.values():
            wire.begin_anew()
        self._touch_all()

    def _touch_all(self) -> None:
        self._touched.update(self._wires)

    def _wakeup_ns(self) -> int:
        if self._wakes[0] is not self.state:
            self._wakes = (self.state, wakeup(self.state))
        return self._wakes[1]

    def _next_ns(self) -> int:
        for name in self._stale | self._touched:
            self._due_ns[name] = self._wires[name].next_ns()
        self._stale.clear()
        times = [self._wakeup_ns(), *self._due_ns.values(), *(planned[0] for planned in self._acts[:1])]
        return min(times)

    def _work(self) -> None:
        now_ns = self.clock.now_ns
        touched, self._touched = self._touched, set()
        for name, wire in self._wires.items():
            if self._due_ns[name] > now_ns and name not in touched and name not in self._touched:
                continue
            self._work_on(wire)
            for unit, news in wire.port.drain():
                self.post(FromUnit(unit=unit, news=news))
        while self._acts and self._acts[0][0] <= now_ns:
            self._acts.pop(0)[2]()
        if self._wakeup_ns() <= now_ns:
            self.post(Tick())

    def _work_on(self, wire: _Wire) -> None:
        wire.work(self.clock.now_ns)
        self._stale.add(wire.name)
        if self._witness is not None:
            line = wire.truth(self.clock.now_ns)
            if line is not None:
                self._witness(line)

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Append():
                    self._append(effect)
                case Reply():
                    self.replies.append(effect)
                case Stopped():
                    self.stopped.append(effect)
                case Permit() | Command() | Revoke() | Quench() | Identify() | Watch():
                    wire = self._wires[effect.unit]
                    wire.port.order(effect, self.clock.now_ns)
                    self._work_on(wire)
                    self._touched.add(effect.unit)

    def _append(self, effect: Append) -> None:
        self._sink(effect.draft, self.clock.stamp())
        session, what = effect.draft.session, effect.await_as
        if what is not None and session is not None:
            event = Durable(session=session, what=what)
            self.at(self.clock.now_ns + COMMIT_NS, lambda: self.post(event))


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
