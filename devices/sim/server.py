"""Simulated units in a process of their own: real lines, real time, and a socket to throw faults at them.

Each unit has a pseudo-terminal, linked at the wanted path, or a TCP port on the loopback address. The process may
start before or after the controller. What decides is in ``devices.sim.port`` and the units; here bytes are moved.
"""

import heapq
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import msgspec

from devices.bench import (
    MAX_LINE_BYTES,
    Ask,
    Clear,
    Cleared,
    Inject,
    Injected,
    List,
    Listed,
    Listing,
    NotPossible,
    Refusal,
    Reply,
    Request,
    TruthIs,
    line_of,
    problem_with,
    request_of,
)
from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from devices.sim.catalog import SIMULATED, Kind
from devices.sim.device import FaultOrder
from devices.sim.faults import CannotFail
from devices.sim.lines import BenchError, Line, PtyLine, TcpLine, control_socket
from devices.sim.port import SimPort

TICK_MS = 20  # chosen: units that say nothing of their next change are looked at this often
FOLLOW_NS = NS_PER_S  # a follower hears at least once a second that all is as it was
READ_BYTES = 4096  # chosen: several requests


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One unit to simulate. ``address`` is a path, where a pseudo-terminal is linked, or ``tcp:PORT`` (0: any).

    ``pulled_by`` names the unit that pulls at the rope in which this one hangs.
    """

    name: str
    model: str
    address: str
    seed: int = 1
    pulled_by: str = ""


def serve(
    wanted: Sequence[Wanted],
    control: Path,
    ready: Callable[[Listing], None],
    simulated: Mapping[str, Kind] = SIMULATED,
) -> None:
    """Serve until TERM, INT or HUP; ``ready`` is told each unit once all can be reached. Main thread only.

    Raises BenchError, leaving nothing behind, when a line or the control socket cannot be made.
    """
    stopping: list[int] = []

    def stop(signum: int, _frame: FrameType | None) -> None:
        stopping.append(signum)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    bench = _Bench(control, simulated)
    try:
        for each in wanted:
            bench.add(each)
        for listing in bench.listings():
            ready(listing)
        # No wake-up descriptor is needed: a turn waits for no longer than a tick.
        while not stopping:
            bench.turn()
    finally:
        bench.close()
        for number, handler in before.items():
            signal.signal(number, handler)


class _Unit:
    """One simulated unit, its wire and its line."""

    def __init__(self, listing: Listing, port: SimPort, line: "Line", rehearse: Callable[[], SimPort]) -> None:
        self.listing = listing
        self.port = port
        self.line = line
        self.rehearse = rehearse  # a fresh twin, to see whether an order is possible before its time has come
        self.orders: dict[str, FaultOrder] = {}  # last begun, by fault: an older order's end is not a newer one's
        self.clears = 0  # an order that was to begin later does not survive a clear


class _Bench:
    """The loop: lines, units, timers, askers."""

    def __init__(self, control: Path, simulated: Mapping[str, Kind]) -> None:
        self._simulated = simulated
        self._units: dict[str, _Unit] = {}
        self._ropes: dict[str, str] = {}  # who hangs in a rope, and who pulls at it
        self._askers: list[_Asker] = []
        self._timers: list[tuple[int, int, Callable[[MonoNs], None]]] = []
        self._number = 0
        self._control_path = control
        self._control = control_socket(control)

    def add(self, wanted: Wanted) -> None:
        """Make one unit and open its line."""
        kind = self._simulated[wanted.model]
        is_tcp = wanted.address.startswith("tcp:")
        baud = None if is_tcp else kind.baud

        def make() -> SimPort:
            return SimPort(kind.make(wanted.name, wanted.seed, "tcp" if is_tcp else "rtu"), wanted.seed, baud)

        line: Line = TcpLine(wanted.address) if is_tcp else PtyLine(Path(wanted.address))
        line.open()
        listing = Listing(name=wanted.name, model=wanted.model, address=line.address)
        self._units[wanted.name] = _Unit(listing, make(), line, make)
        if wanted.pulled_by:
            self._ropes[wanted.name] = wanted.pulled_by

    def listings(self) -> tuple[Listing, ...]:
        """Every unit and where it is reached."""
        return tuple(unit.listing for unit in self._units.values())

    def turn(self) -> None:
        """Wait for bytes, a time or a request, for one tick at most; then do what is due."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        for asker in self._askers:
            poll.register(asker.peer, select.POLLIN | (select.POLLOUT if asker.unsent else 0))
        for unit in self._units.values():
            for descriptor in unit.line.descriptors():
                poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(self._wait_ms())}
        for hanging, pulling in self._ropes.items():
            self._units[hanging].port.pull(self._units[pulling].port.truth(_now()).output)
        for unit in self._units.values():
            for descriptor in ready.intersection(unit.line.descriptors()):
                for source, received in unit.line.receive(descriptor):
                    unit.port.receive(received, _now(), source)
            self._send(unit)
        self._run_timers()
        if self._control.fileno() in ready:
            with suppress(OSError):
                self._askers.append(_Asker(self._control.accept()[0]))
        for asker in list(self._askers):
            self._attend(asker, is_ready=asker.peer.fileno() in ready)

    def close(self) -> None:
        """Take every line, link and socket away."""
        for unit in self._units.values():
            unit.line.close()
        for asker in self._askers:
            asker.peer.close()
        self._control.close()
        self._control_path.unlink(missing_ok=True)

    def _wait_ms(self) -> int:
        now = _now()
        times = [int(now) + TICK_MS * NS_PER_MS]
        times += [at for at in (unit.port.next_wakeup() for unit in self._units.values()) if at is not None]
        if self._timers:
            times.append(self._timers[0][0])
        # At least 1 ms: a unit that names a moment already past must not turn the loop into a hot one.
        return max(1, -(-(min(times) - now) // NS_PER_MS))

    def _send(self, unit: _Unit) -> None:
        for destination, frame in unit.port.take_for(_now()):
            unit.line.send(destination, frame)
        if unit.port.is_plugged == unit.line.is_open:
            return
        if unit.line.is_open:
            unit.line.close()
        else:
            with suppress(BenchError):  # somebody else has the port meanwhile: tried again at the next turn
                unit.line.open()

    def _run_timers(self) -> None:
        now = _now()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2](now)

    def _at(self, at_ns: int, act: Callable[[MonoNs], None]) -> None:
        self._number += 1
        heapq.heappush(self._timers, (at_ns, self._number, act))

    # Requests

    def _attend(self, asker: "_Asker", *, is_ready: bool) -> None:
        if is_ready:
            for line in asker.lines():
                asker.send(self._answered(asker, line))
        now = _now()
        if asker.follows is not None and now >= asker.look_ns:
            asker.look_ns = int(now) + TICK_MS * NS_PER_MS
            asker.tell(self._truth(self._units[asker.follows], now))
        asker.flush()
        if asker.is_gone:
            asker.peer.close()
            self._askers.remove(asker)

    def _answered(self, asker: "_Asker", line: bytes) -> Reply:
        try:
            request = request_of(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return NotPossible(what=Refusal.NONSENSE, why=f"not a request: {error}")
        if isinstance(request, List):
            return Listed(units=self.listings())
        unit = self._units.get(request.name)
        if unit is None:
            names = ", ".join(self._units)
            return NotPossible(what=Refusal.NO_SUCH_UNIT, why=f"no simulated unit {request.name!r}; there is {names}")
        if isinstance(request, Ask):
            asker.follows = request.name if request.follow else None
            asker.look_ns = int(_now()) + TICK_MS * NS_PER_MS
            return asker.noted(self._truth(unit, _now()))
        return self._acted(unit, request)

    def _acted(self, unit: _Unit, request: Request) -> Reply:
        now = _now()
        if isinstance(request, Inject):
            try:
                return self._injected(unit, request, now)
            except CannotFail as error:
                return NotPossible(what=Refusal.CANNOT_FAIL, why=str(error))
        if isinstance(request, Clear) and request.fault:
            unit.orders.pop(request.fault, None)
            unit.port.take_back(request.fault, now)
            self._send(unit)
            return Cleared(at_mono_ns=now)
        unit.clears += 1
        unit.orders.clear()
        unit.port.clear(now)
        self._send(unit)
        return Cleared(at_mono_ns=now)

    def _injected(self, unit: _Unit, request: Inject, now: MonoNs) -> Reply:
        problem = problem_with(request.fault, request.parameters)
        if problem is not None:
            return NotPossible(what=Refusal.NO_SUCH_FAULT, why=problem)
        order = FaultOrder(fault=request.fault, parameters=request.parameters)
        clears = unit.clears

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
            unit.rehearse().inject(order, now)
            self._at(at_ns, begin_later)
        else:
            begin(now)
        if request.for_ms:
            self._at(at_ns + request.for_ms * NS_PER_MS, end)
        return Injected(at_mono_ns=at_ns)

    def _truth(self, unit: _Unit, now: MonoNs) -> TruthIs:
        return TruthIs(**msgspec.structs.asdict(unit.port.truth(now)))


class _Asker:
    """One connection to the control socket."""

    def __init__(self, peer: socket.socket) -> None:
        peer.setblocking(False)  # noqa: FBT003  # the standard library's signature
        self.peer = peer
        self.unsent = b""
        self.follows: str | None = None
        self.look_ns = 0
        self.is_gone = False
        self._unread = b""
        self._told: TruthIs | None = None

    def lines(self) -> Iterator[bytes]:
        """Whole lines that have arrived."""
        try:
            received = self.peer.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        self.is_gone = not received
        *whole, self._unread = (self._unread + received).split(b"\n")
        yield from (line for line in whole if line)
        if len(self._unread) > MAX_LINE_BYTES:
            self.is_gone = True

    def send(self, reply: Reply) -> None:
        """Queue one reply; who does not read is cut off."""
        self.unsent += line_of(reply)
        if len(self.unsent) > MAX_LINE_BYTES:
            self.is_gone = True

    def noted(self, truth: TruthIs) -> TruthIs:
        """The same, remembered as what this follower knows."""
        self._told = truth
        return truth

    def tell(self, truth: TruthIs) -> None:
        """Send the truth to a follower if it differs from what was told, or the last word is a second old."""
        told = self._told
        if told is not None and truth.now_mono_ns - told.now_mono_ns < FOLLOW_NS:
            same = msgspec.structs.replace(truth, now_mono_ns=told.now_mono_ns, lease_left_ms=told.lease_left_ms)
            if same == told:
                return
        self.send(self.noted(truth))

    def flush(self) -> None:
        """Send what the peer takes now."""
        if not self.unsent or self.is_gone:
            return
        try:
            self.unsent = self.unsent[self.peer.send(self.unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self.is_gone = True


def _now() -> MonoNs:
    return MonoNs(time.monotonic_ns())
