"""Simulated units in a process of their own: real lines, real time, and a socket to throw faults at them.

Each unit has a pseudo-terminal, linked at the wanted path, or a TCP port on the loopback address. The process may
start before or after the controller. What decides is in ``devices.sim.port`` and the units; here bytes are moved.
"""

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
    List,
    Listed,
    NotPossible,
    Refusal,
    Reply,
    TruthIs,
    line_of,
    request_of,
)
from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from devices.racking import Listing
from devices.sim.catalog import SIMULATED, Kind
from devices.sim.lines import control_socket
from devices.sim.rack import Rack, Wanted

TICK_MS = 20  # chosen: units that say nothing of their next change are looked at this often
FOLLOW_NS = NS_PER_S  # a follower hears at least once a second that all is as it was
READ_BYTES = 4096  # chosen: several requests


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
            bench.rack.add(each)
        for listing in bench.rack.listings():
            ready(listing)
        # No wake-up descriptor is needed: a turn waits for no longer than a tick.
        while not stopping:
            bench.turn()
    finally:
        bench.close()
        for number, handler in before.items():
            signal.signal(number, handler)


class _Bench:
    """The loop: the rack, and who asks about it."""

    def __init__(self, control: Path, simulated: Mapping[str, Kind]) -> None:
        self.rack = Rack(simulated, _now)
        self._askers: list[_Asker] = []
        self._control_path = control
        self._control = control_socket(control)

    def turn(self) -> None:
        """Wait for bytes, a time or a request, for one tick at most; then do what is due."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        for asker in self._askers:
            poll.register(asker.peer, select.POLLIN | (select.POLLOUT if asker.unsent else 0))
        for descriptor in self.rack.descriptors():
            poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(self._wait_ms())}
        self.rack.move(ready)
        if self._control.fileno() in ready:
            with suppress(OSError):
                self._askers.append(_Asker(self._control.accept()[0]))
        for asker in list(self._askers):
            self._attend(asker, is_ready=asker.peer.fileno() in ready)

    def close(self) -> None:
        """Take every line, link and socket away."""
        self.rack.close()
        for asker in self._askers:
            asker.peer.close()
        self._control.close()
        self._control_path.unlink(missing_ok=True)

    def _wait_ms(self) -> int:
        now = _now()
        wakeup = self.rack.next_wakeup()
        tick = int(now) + TICK_MS * NS_PER_MS
        # At least 1 ms: a unit that names a moment already past must not turn the loop into a hot one.
        return max(1, -(-((tick if wakeup is None else min(tick, wakeup)) - now) // NS_PER_MS))

    # Requests

    def _attend(self, asker: "_Asker", *, is_ready: bool) -> None:
        if is_ready:
            for line in asker.lines():
                asker.send(self._answered(asker, line))
        now = _now()
        if asker.follows is not None and not self.rack.has(asker.follows):
            asker.is_gone = True  # what it follows was taken away
        elif asker.follows is not None and now >= asker.look_ns:
            asker.look_ns = int(now) + TICK_MS * NS_PER_MS
            asker.tell(self.rack.truth(asker.follows))
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
            return Listed(units=self.rack.listings())
        if not isinstance(request, Ask):
            return self.rack.carried_out(request)
        if not self.rack.has(request.name):
            return self.rack.unknown(request.name)
        asker.follows = request.name if request.follow else None
        asker.look_ns = int(_now()) + TICK_MS * NS_PER_MS
        return asker.noted(self.rack.truth(request.name))


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
