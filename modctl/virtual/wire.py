"""One line in virtual time: port logic on one end, simulated units on the other, bytes under way."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from devices.driver import Driver
from devices.model import NS_PER_MS, MonoNs
from devices.registry import driver_for
from devices.sim.catalog import SimUnit
from devices.sim.port import SimPort
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
        self.to_sim: list[tuple[int, bytes]] = []
        self.to_port: list[tuple[int, bytes]] = []
        self.is_plugged = False
        self._told = {name: TruthLine(unit=name, at_ns=0, energized=False, output=0) for name in self.sims}

    def begin_anew(self) -> None:
        """Another controller opens this line."""
        self.port = self._new_port()
        self.to_sim.clear()
        self.to_port.clear()
        self.is_plugged = False

    def _new_port(self) -> Port:
        drivers = {name: self._drivers.get(name) or driver_for(profile) for name, profile in self._profiles.items()}
        return Port(drivers, self._profiles)

    def next_ns(self) -> int:
        """The next moment at which something happens on this line."""
        times = [at_ns for at_ns, _frame in (*self.to_sim[:1], *self.to_port[:1])]
        times.extend(at_ns for sim in self.sims.values() if (at_ns := sim.next_wakeup()) is not None)
        times.append(self.port.wakeup())
        return min(times)

    def work(self, now_ns: MonoNs) -> None:
        """Everything that is due on this line now."""
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
        plugged = all(sim.is_plugged for sim in self.sims.values())
        if plugged and not self.is_plugged:
            self.port.opened(now_ns)
        if self.is_plugged and not plugged:
            self.to_sim.clear()
            self.to_port.clear()
            self.port.lost("lost", "the line was unplugged", now_ns)
        self.is_plugged = plugged


def lines_of(names: Sequence[str], buses: tuple[tuple[str, ...], ...]) -> Sequence[Sequence[int]]:
    """The places of the units of each line, in the order of the first one."""
    bus_of = {name: bus for bus in buses for name in bus}
    lines = dict.fromkeys(bus_of.get(name, (name,)) for name in names)
    return [[place for place, name in enumerate(names) if name in line] for line in lines]
