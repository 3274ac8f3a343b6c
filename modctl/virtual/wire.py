"""One line in virtual time: port logic on one end, simulated units on the other, bytes under way."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from devices.driver import Driver
from devices.model import NEVER_NS, NS_PER_MS, MonoNs
from devices.registry import driver_for
from devices.sim.catalog import SimUnit
from devices.sim.port import SimPort
from modctl.engine.effects import PortEffect
from modctl.engine.port import Port
from modctl.engine.unit import UnitConfig
from modctl.virtual.truth import TruthLine

LINK_NS: Final = NS_PER_MS  # chosen: a USB line's usual delay, each way
THE_MODELS_OWN: Final[Mapping[str, Driver]] = MappingProxyType({})


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


class Wire:
    """One unit, or several of them, on one line. Every unit of a line hears every frame.

    ``drivers`` stand in for the models' own, to show what the gate does with a wrong one.
    """

    def __init__(
        self,
        units: Sequence[tuple[UnitConfig, SimUnit]],
        seed: int,
        *,
        paced: bool = False,
        drivers: Mapping[str, Driver] = THE_MODELS_OWN,
    ) -> None:
        self._profiles = {config.name: config.profile for config, _sim in units}
        self._drivers = dict(drivers)  # its own: a wire can be copied with the world around it
        self.port = self._new_port()
        self.sims = {
            config.name: SimPort(sim, seed + place, config.profile.link.baud if paced else None)
            for place, (config, sim) in enumerate(units)
        }
        self._sims = tuple(self.sims.values())
        self._to_sims: deque[tuple[int, bytes]] = deque()
        self._to_port: deque[tuple[int, bytes]] = deque()
        self._sims_ns = 0  # when somebody has to look at the units next, if nothing is written to them before
        self._port_ns = 0  # and at the port, if nothing arrives there before
        self._is_stale = True  # neither is known any more
        self.is_plugged = False
        self._told = {name: TruthLine(unit=name, at_ns=0, energized=False, output=0) for name in self.sims}

    def begin_anew(self) -> None:
        """Another controller opens this line."""
        self.port = self._new_port()
        self._to_sims.clear()
        self._to_port.clear()
        self.is_plugged = False
        self.look()

    def look(self) -> None:
        """Something was done to a unit from outside, or may have been: the next ``work`` looks at everything."""
        self._is_stale = True

    def order(self, order: PortEffect, now_ns: MonoNs) -> None:
        """Give the port an order of the engine; what comes of it is written by ``work``, when ``next_ns`` says so."""
        self.port.order(order, now_ns)
        self._port_ns = min(self._port_ns, self.port.wakeup())

    def _new_port(self) -> Port:
        drivers = {name: self._drivers.get(name) or driver_for(profile) for name, profile in self._profiles.items()}
        return Port(drivers, self._profiles)

    def next_ns(self) -> int:
        """The next moment at which something happens on this line."""
        if self._is_stale:
            self._sims_ns = min((self._wakeup_of(sim) for sim in self._sims), default=NEVER_NS)
            self._port_ns = self.port.wakeup()
        next_ns = min(self._sims_ns, self._port_ns)
        if self._to_sims:
            next_ns = min(next_ns, self._to_sims[0][0])
        return min(next_ns, self._to_port[0][0]) if self._to_port else next_ns

    def work(self, now_ns: MonoNs) -> bool:
        """Everything that is due on this line now. Whether its units were looked at: what they do may have changed."""
        is_stale, self._is_stale = self._is_stale, False
        is_theirs = is_stale or self._sims_ns <= now_ns or bool(self._to_sims and self._to_sims[0][0] <= now_ns)
        if is_theirs:
            self._work_units(now_ns)
        if is_stale or self._port_ns <= now_ns or (self._to_port and self._to_port[0][0] <= now_ns):
            self._work_port(now_ns)
        return is_theirs

    def _work_units(self, now_ns: MonoNs) -> None:
        self._plug(now_ns)
        while self._to_sims and self._to_sims[0][0] <= now_ns:
            frame = self._to_sims.popleft()[1]
            for sim in self._sims:
                sim.receive(frame, now_ns)
        next_ns: int = NEVER_NS
        for sim in self._sims:
            answer = sim.take(now_ns)
            if answer and self.is_plugged:
                self._to_port.append((now_ns + LINK_NS, answer))
            next_ns = min(next_ns, self._wakeup_of(sim))
        self._sims_ns = next_ns

    @staticmethod
    def _wakeup_of(sim: SimPort) -> int:
        wakeup_ns = sim.next_wakeup()
        return NEVER_NS if wakeup_ns is None else wakeup_ns

    def _work_port(self, now_ns: MonoNs) -> None:
        while self._to_port and self._to_port[0][0] <= now_ns:
            self.port.received(self._to_port.popleft()[1], now_ns)
        while frame := self.port.due(now_ns):
            self._to_sims.append((now_ns + LINK_NS, frame))
        self._port_ns = self.port.wakeup()

    def truths(self, now_ns: MonoNs) -> tuple[TruthLine, ...]:
        """What each unit really does, where it is something else than was told last."""
        return tuple(line for name in self.sims if (line := self._truth(name, now_ns)) is not None)

    def _truth(self, name: str, now_ns: MonoNs) -> TruthLine | None:
        truth, told = self.sims[name].truth(now_ns), self._told[name]
        is_old = truth.energized is told.energized and truth.output == told.output
        if is_old and truth.faults == told.faults:
            return None
        self._told[name] = TruthLine(
            unit=name,
            at_ns=now_ns if is_old else max(told.at_ns, truth.changed_at_mono_ns),
            energized=truth.energized,
            output=truth.output,
            faults=truth.faults,
        )
        return self._told[name]

    def _plug(self, now_ns: MonoNs) -> None:
        plugged = all(sim.is_plugged for sim in self._sims)
        if plugged is self.is_plugged:
            return
        self.is_plugged = plugged
        self._port_ns = 0
        if plugged:
            self.port.opened(now_ns)
        else:
            self._to_sims.clear()
            self._to_port.clear()
            self.port.lost("lost", "the line was unplugged", now_ns)


def lines_of(names: Sequence[str], buses: tuple[tuple[str, ...], ...]) -> Sequence[Sequence[int]]:
    """The places of the units of each line, in the order of the first one."""
    bus_of = {name: bus for bus in buses for name in bus}
    lines = dict.fromkeys(bus_of.get(name, (name,)) for name in names)
    return [[place for place, name in enumerate(names) if name in line] for line in lines]
