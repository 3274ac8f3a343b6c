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
from modctl.engine.effects import Append, Command, Effect, Identify, Permit, Quench, Reply, Revoke, Stopped, Watch
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
    """One line: port logic on one end, one simulated unit or several of them on the other, bytes under way."""

    def __init__(self, units: Sequence[tuple[UnitConfig, SimUnit]], seed: int, *, paced: bool) -> None:
        profiles = {config.name: config.profile for config, _sim in units}
        self.port = Port({name: driver_for(profile) for name, profile in profiles.items()}, profiles)
        self.sims = {
            config.name: SimPort(sim, seed + place, config.profile.link.baud if paced else None)
            for place, (config, sim) in enumerate(units)
        }
        self.to_sim: list[tuple[int, bytes]] = []
        self.to_port: list[tuple[int, bytes]] = []
        self.is_plugged = False

    def next_ns(self) -> int:
        """The next moment at which something happens on this line."""
        times = [at_ns for at_ns, _frame in (*self.to_sim[:1], *self.to_port[:1])]
        times.extend(at_ns for sim in self.sims.values() if (at_ns := sim.next_wakeup()) is not None)
        times.append(self.port.wakeup())
        return min(times)

    def work(self, now_ns: MonoNs) -> None:
        """Everything that is due on this line now. Every unit of a line hears every frame."""
        self._plug(now_ns)
        while self.to_sim and self.to_sim[0][0] <= now_ns:
            frame = self.to_sim.pop(0)[1]
            for sim in self.sims.values():
                sim.receive(frame, now_ns)
        for sim in self.sims.values():
            answer = sim.take(now_ns)
            if answer and self.is_plugged:
                self.to_port.append((now_ns + LINK_NS, answer))
        while self.to_port and self.to_port[0][0] <= now_ns:
            self.port.received(self.to_port.pop(0)[1], now_ns)
        while frame := self.port.due(now_ns):
            self.to_sim.append((now_ns + LINK_NS, frame))

    def _plug(self, now_ns: MonoNs) -> None:
        plugged = all(sim.is_plugged for sim in self.sims.values())
        if plugged and not self.is_plugged:
            self.port.opened(now_ns)
        if self.is_plugged and not plugged:
            self.to_sim.clear()
            self.to_port.clear()
            self.port.lost("lost", "the line was unplugged", now_ns)
        self.is_plugged = plugged


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """How the units hang together.

    ``buses`` names units that share a line; every other unit has one of its own. ``paced``: bytes take the time of
    the profile's baud rate. ``body`` is what couples units outside of their lines (a rope with two instruments in
    it); it is called at every moment of the run.
    """

    buses: tuple[tuple[str, ...], ...] = ()
    paced: bool = False
    body: Callable[[MonoNs], None] | None = None


APART: Final = Wiring()


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
        wiring: Wiring = APART,
    ) -> None:
        pairs = list(units)
        self.clock = clock
        self.replies: list[Reply] = []
        self.stopped: list[Stopped] = []
        self._sink = sink
        self._body = wiring.body
        self._lines = [
            _Wire([pairs[place] for place in places], seed + places[0], paced=wiring.paced)
            for places in _places([config.name for config, _sim in pairs], wiring.buses)
        ]
        self._wires = {name: wire for wire in self._lines for name in wire.sims}
        self.state: CoreState = initial([config for config, _sim in pairs], (), simulated=simulated)
        self._acts: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = 0
        for wire in self._lines:
            wire.work(clock.now_ns)

    def sim(self, unit: str) -> SimPort:
        """The simulated end of one unit's line: inject, clear, truth."""
        return self._wires[unit].sims[unit]

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
        times = [wire.next_ns() for wire in self._lines]
        times.append(wakeup(self.state))
        times.extend(planned[0] for planned in self._acts[:1])
        return min(times)

    def _work(self) -> None:
        now_ns = self.clock.now_ns
        if self._body is not None:
            self._body(now_ns)
        for wire in self._lines:
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
                case Permit() | Command() | Revoke() | Quench() | Identify() | Watch():
                    wire = self._wires[effect.unit]
                    wire.port.order(effect, self.clock.now_ns)
                    wire.work(self.clock.now_ns)

    def _append(self, effect: Append) -> None:
        self._sink(effect.draft, self.clock.stamp())
        session, what = effect.draft.session, effect.await_as
        if what is not None and session is not None:
            event = Durable(session=session, what=what)
            self.at(self.clock.now_ns + COMMIT_NS, lambda: self.post(event))


def _places(names: Sequence[str], buses: tuple[tuple[str, ...], ...]) -> Sequence[Sequence[int]]:
    """The places of the units of each line, in the order of the first one."""
    bus_of = {name: bus for bus in buses for name in bus}
    lines = dict.fromkeys(bus_of.get(name, (name,)) for name in names)
    return [[place for place, name in enumerate(names) if name in line] for line in lines]


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
