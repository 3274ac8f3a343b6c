"""A whole station in virtual time: the real engine, port logic, drivers and simulators; only the clock is ours.

The loop jumps from moment to moment: whoever wants to be called next says when. Nothing sleeps, nothing waits, and
one seed gives one history, to the byte.
"""

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
from modctl.engine.effects import (
    Append,
    Command,
    Effect,
    Identify,
    PackSaid,
    Permit,
    Quench,
    Reply,
    Revoke,
    Stopped,
    Watch,
)
from modctl.engine.port import Port
from modctl.engine.state import CoreState
from modctl.engine.unit import UnitConfig
from modctl.records import Draft

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
        name = config.name
        self.name = name
        self.port = Port({name: driver_for(config.profile)}, {name: config.profile})
        self.sim = SimPort(sim, seed)
        self.to_sim: list[tuple[int, bytes]] = []
        self.to_port: list[tuple[int, bytes]] = []
        self.is_plugged = False

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
    ) -> None:
        pairs = list(units)
        self.clock = clock
        self.replies: list[Reply] = []
        self.stopped: list[Stopped] = []
        self._sink = sink
        self._wires = {config.name: _Wire(config, sim, seed + place) for place, (config, sim) in enumerate(pairs)}
        self.state: CoreState = initial([config for config, _sim in pairs], (), simulated=simulated)
        self._acts: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = 0
        for wire in self._wires.values():
            wire.work(clock.now_ns)

    def sim(self, unit: str) -> SimPort:
        """The simulated end of one unit's line: inject, clear, truth."""
        return self._wires[unit].sim

    def at(self, at_ns: int, act: Callable[[], None]) -> None:
        """Do something at a moment of virtual time, after what is due then."""
        self._numbers += 1
        self._acts.append((at_ns, self._numbers, act))
        self._acts.sort(key=lambda planned: planned[:2])

    def post(self, event: CoreEvent) -> None:
        """Give the engine one event now."""
        self.state, effects = step(self.state, event, self.clock.now_ns)
        self._carry_out(effects)

    def run_until(self, until_ns: int, done: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, from moment to moment, up to a time or until ``done`` says so."""
        while not done():
            next_ns = self._next_ns()
            if next_ns > until_ns:
                self.clock.now_ns = MonoNs(max(self.clock.now_ns, until_ns))
                return
            self.clock.now_ns = MonoNs(max(self.clock.now_ns, next_ns))
            self._work()

    def _next_ns(self) -> int:
        times = [wire.next_ns() for wire in self._wires.values()]
        times.append(wakeup(self.state))
        times.extend(planned[0] for planned in self._acts[:1])
        return min(times)

    def _work(self) -> None:
        now_ns = self.clock.now_ns
        for wire in self._wires.values():
            wire.work(now_ns)
            self._drain(wire)
        while self._acts and self._acts[0][0] <= now_ns:
            self._acts.pop(0)[2]()
        if wakeup(self.state) <= now_ns:
            self.post(Tick())

    def _drain(self, wire: _Wire) -> None:
        for unit, news in wire.port.drain():
            self.post(FromUnit(unit=unit, news=news))

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Append():
                    self._append(effect)
                case Reply():
                    self.replies.append(effect)
                case Stopped():
                    self.stopped.append(effect)
                case Permit() | Command() | Revoke() | Quench() | Identify() | Watch() | PackSaid():
                    wire = self._wires[effect.unit]
                    wire.port.order(effect, self.clock.now_ns)
                    wire.work(self.clock.now_ns)

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
