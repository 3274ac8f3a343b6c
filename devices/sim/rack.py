"""The simulated units of one process: what is asked of them, and their lines. The loop around it is ``server``'s.

Rule 1: a stopped unit has no power: no line, no output, no faults, and it boots anew when it is started.
Rule 2: an order for later does not survive a clear, a stop or the unit itself.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from devices.bench import Clear, Cleared, Inject, Injected, Listed, NotPossible, Refusal, Reply, TruthIs, problem_with
from devices.model import NS_PER_MS, MonoNs
from devices.racking import MAX_UNITS, TCP, Add, Listing, Racking, Remove, Start, Stop
from devices.sim.catalog import Kind
from devices.sim.device import FaultOrder
from devices.sim.faults import CannotFail
from devices.sim.lines import BenchError, Line, PtyLine, TcpLine
from devices.sim.port import SimPort

STOPPED = "stopped"
ANY_PORT = f"{TCP}0"

Clock = Callable[[], MonoNs]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One unit to simulate. ``address`` is a path, where a pseudo-terminal is linked, or ``tcp:PORT`` (0: any).

    ``pulled_by`` names the unit that pulls at the rope in which this one hangs.
    """

    name: str
    model: str
    address: str
    seed: int = 1
    pulled_by: str = ""


class _Unit:
    """One simulated unit, its wire and its line."""

    def __init__(self, wanted: Wanted, line: Line, make: Callable[[], SimPort]) -> None:
        self.wanted = wanted
        self.line = line
        self.make = make  # a fresh twin: what boots, and what shows whether an order is possible before its time
        self.port = make()
        self.is_running = True
        self.orders: dict[str, FaultOrder] = {}  # last begun, by fault: an older order's end is not a newer one's
        self.clears = 0  # an order that was to begin later does not survive a clear

    @property
    def listing(self) -> Listing:
        """How it is told of."""
        wanted = self.wanted
        return Listing(name=wanted.name, model=wanted.model, address=self.line.address, running=self.is_running)

    def forget_orders(self) -> None:
        """Nothing ordered so far happens any more."""
        self.clears += 1
        self.orders.clear()


class Rack:
    """Units by name; ``clock`` is monotonic."""

    def __init__(self, simulated: Mapping[str, Kind], clock: Clock) -> None:
        self._simulated = simulated
        self._clock = clock
        self._units: dict[str, _Unit] = {}
        self._timers: list[tuple[int, int, Callable[[MonoNs], None]]] = []
        self._number = 0

    def add(self, wanted: Wanted) -> None:
        """Make one unit and open its line; BenchError where that fails."""
        kind = self._simulated[wanted.model]
        is_tcp = wanted.address.startswith(TCP)
        baud = None if is_tcp else kind.baud

        def make() -> SimPort:
            return SimPort(kind.make(wanted.name, wanted.seed, "tcp" if is_tcp else "rtu"), wanted.seed, baud)

        line: Line = TcpLine(wanted.address) if is_tcp else PtyLine(Path(wanted.address))
        line.open()
        self._units[wanted.name] = _Unit(wanted, line, make)

    def listings(self) -> tuple[Listing, ...]:
        """Every unit and where it is reached."""
        return tuple(unit.listing for unit in self._units.values())

    def has(self, name: str) -> bool:
        """Whether there is such a unit."""
        return name in self._units

    def truth(self, name: str) -> TruthIs:
        """What a unit really does."""
        unit = self._units[name]
        told = TruthIs(**msgspec.structs.asdict(unit.port.truth(self._clock())))
        if unit.is_running:
            return told
        return msgspec.structs.replace(
            told, energized=False, output=0, state=STOPPED, lease_left_ms=None, channels=(0,) * len(told.channels)
        )

    def close(self) -> None:
        """Take every line and link away."""
        for unit in self._units.values():
            unit.line.close()

    # The loop's side

    def descriptors(self) -> Sequence[int]:
        """What to poll for input."""
        return [descriptor for unit in self._units.values() for descriptor in unit.line.descriptors()]

    def next_wakeup(self) -> MonoNs | None:
        """When something is to be done, if nothing arrives before."""
        running = [unit.port.next_wakeup() for unit in self._units.values() if unit.is_running]
        times = [*(at for at in running if at is not None), *(at for at, _, _ in self._timers[:1])]
        return MonoNs(min(times)) if times else None

    def move(self, ready: set[int]) -> None:
        """Carry bytes both ways, then do what is due."""
        self._pull()
        for unit in self._units.values():
            for descriptor in ready.intersection(unit.line.descriptors()):
                for source, received in unit.line.receive(descriptor):
                    unit.port.receive(received, self._clock(), source)
            self._send(unit)
        now = self._clock()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2](now)

    def _pull(self) -> None:
        for unit in self._units.values():
            if unit.wanted.pulled_by:
                unit.port.pull(self.truth(unit.wanted.pulled_by).output)

    def _send(self, unit: _Unit) -> None:
        if not unit.is_running:
            return
        for destination, frame in unit.port.take_for(self._clock()):
            unit.line.send(destination, frame)
        if unit.port.is_plugged == unit.line.is_open:
            return
        if unit.line.is_open:
            unit.line.close()
        else:
            with suppress(BenchError):  # somebody else has the port meanwhile: tried again at the next turn
                unit.line.open()

    def _at(self, at_ns: int, act: Callable[[MonoNs], None]) -> None:
        self._number += 1
        heapq.heappush(self._timers, (at_ns, self._number, act))

    # Requests

    def carried_out(self, request: Inject | Clear | Racking) -> Reply:
        """Do it, or say why not."""
        if isinstance(request, Add):
            return self._added(request)
        unit = self._units.get(request.name)
        if unit is None:
            return self.unknown(request.name)
        match request:
            case Inject():
                return self._injected(unit, request)
            case Clear():
                return self._cleared(unit, request)
            case Remove():
                return self._removed(unit)
            case Start():
                return self._started(unit)
            case Stop():
                return self._stopped(unit)

    def unknown(self, name: str) -> NotPossible:
        """There is no such unit."""
        known = ", ".join(self._units) or "none"
        return NotPossible(what=Refusal.NO_SUCH_UNIT, why=f"no simulated unit {name!r}; there is {known}")

    def _added(self, request: Add) -> Reply:
        if request.model not in self._simulated:
            known = ", ".join(self._simulated)
            why = f"there is no simulator of {request.model!r}; there are {known}"
            return NotPossible(what=Refusal.NO_SUCH_MODEL, why=why)
        problem = self._problem_with_place(request)
        if problem:
            return NotPossible(what=Refusal.NO_ROOM, why=problem)
        try:
            self.add(Wanted(name=request.name, model=request.model, address=request.address, seed=request.seed))
        except BenchError as why:
            return NotPossible(what=Refusal.NO_ROOM, why=str(why))
        return Listed(units=self.listings())

    def _problem_with_place(self, request: Add) -> str:
        if request.name in self._units:
            return f"there is a simulated unit {request.name} already"
        if len(self._units) >= MAX_UNITS:
            return f"the rack is full: it holds {MAX_UNITS} units"
        if not request.address.startswith((TCP, "/")):
            return f"{request.address}: write a path from the root, or tcp:PORT"
        taken = [unit.wanted.name for unit in self._units.values() if unit.line.address == request.address]
        return f"{request.address} is the line of {taken[0]}" if taken and request.address != ANY_PORT else ""

    def _removed(self, unit: _Unit) -> Reply:
        name = unit.wanted.name
        hanging = [other.wanted.name for other in self._units.values() if other.wanted.pulled_by == name]
        if hanging:
            return NotPossible(what=Refusal.IN_USE, why=f"{name} pulls at {', '.join(hanging)}; remove that first")
        unit.forget_orders()
        unit.line.close()
        del self._units[name]
        return Listed(units=self.listings())

    def _stopped(self, unit: _Unit) -> Reply:
        unit.forget_orders()
        unit.line.close()
        unit.is_running = False
        unit.port = unit.make()
        return Listed(units=self.listings())

    def _started(self, unit: _Unit) -> Reply:
        if not unit.is_running:
            try:
                unit.line.open()
            except BenchError as why:
                return NotPossible(what=Refusal.NO_ROOM, why=str(why))
            unit.port = unit.make()  # it boots now, not when it was stopped
            unit.is_running = True
        return Listed(units=self.listings())

    def _cleared(self, unit: _Unit, request: Clear) -> Reply:
        now = self._clock()
        if request.fault:
            unit.orders.pop(request.fault, None)
            unit.port.take_back(request.fault, now)
        else:
            unit.forget_orders()
            unit.port.clear(now)
        self._send(unit)
        return Cleared(at_mono_ns=now)

    def _injected(self, unit: _Unit, request: Inject) -> Reply:
        problem = problem_with(request.fault, request.parameters)
        if problem is not None:
            return NotPossible(what=Refusal.NO_SUCH_FAULT, why=problem)
        if not unit.is_running:
            return NotPossible(what=Refusal.STOPPED, why=f"{request.name} is stopped; start it first")
        try:
            return self._ordered(unit, request)
        except CannotFail as error:
            return NotPossible(what=Refusal.CANNOT_FAIL, why=str(error))

    def _ordered(self, unit: _Unit, request: Inject) -> Reply:
        order = FaultOrder(fault=request.fault, parameters=request.parameters)
        clears, now = unit.clears, self._clock()

        def begin(at_ns: MonoNs) -> None:
            unit.port.inject(order, at_ns)
            unit.orders[order.fault] = order
            self._send(unit)

        def begin_later(at_ns: MonoNs) -> None:
            # Rehearsed; where the unit has changed since so that it refuses after all, nothing happens to it.
            with suppress(CannotFail):
                if unit.clears == clears:
                    begin(at_ns)

        def end(at_ns: MonoNs) -> None:
            if unit.orders.get(order.fault) is order:
                unit.port.take_back(order.fault, at_ns)
                self._send(unit)

        at_ns = now + request.after_ms * NS_PER_MS
        if request.after_ms:
            unit.make().inject(order, now)
            self._at(at_ns, begin_later)
        else:
            begin(now)
        if request.for_ms:
            self._at(at_ns + request.for_ms * NS_PER_MS, end)
        return Injected(at_mono_ns=at_ns)
