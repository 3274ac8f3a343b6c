"""The wire between a controller and one simulated unit: faults, pacing, and nothing else.

Rule 1: no I/O and no clock; bytes and the time come in, bytes go out, so that one seed gives one run.
Rule 2: what one ``receive`` brings is one frame towards the unit, what one ``handle`` returns one frame back.
Rule 3: the unit never learns of a fault of the wire; it lives on behind it, and ``truth`` still tells.
"""

import heapq
from collections import deque
from typing import Protocol, runtime_checkable

import msgspec

from devices.bench import FAULTS, Group, Parameters
from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from devices.sim.catalog import SimUnit
from devices.sim.device import FaultOrder, Truth
from devices.sim.faults import CannotFail, Dice, FaultBoard, completed

WIRE = frozenset(spec.id for spec in FAULTS.values() if spec.group is Group.WIRE)
BITS_PER_BYTE = 10  # start, eight data, stop: 8N1
BABBLE_STEP_MS = 20  # chosen: fine enough to fall between a request and its answer
BABBLE_CATCH_UP = 50  # steps, 1 s; chosen: a host that was away is not drowned in what it missed
SLIP = 0x55  # chosen: half of the bits read wrong, as when sampled off their middle
ANYBODY = -1  # destination of bytes that nobody asked for


@runtime_checkable
class Varies(Protocol):
    """What a unit offers when its protocol has checksums, addresses and errors that a wire cannot invent."""

    def wire_variant(self, kind: str, reply: bytes, request: bytes, parameters: Parameters) -> bytes | None:
        """What goes out in the place of ``reply``, by kind of fault; None: this protocol has no such thing."""


@runtime_checkable
class Hangs(Protocol):
    """What a unit offers that can hang in a rope."""

    def pull(self, force_n: int) -> None:
        """So much pulls now."""


# The faults that need the unit's help, in the order in which they act on one answer.
VARIED = ("exception", "foreign", "forge", "oversize", "two-answer")


class SimPort:
    """One simulated unit and its line. ``baud`` None: bytes take no time (memory, TCP)."""

    def __init__(self, device: SimUnit, seed: int, baud: int | None = None) -> None:
        self._device = device
        self._byte_ns = 0 if baud is None else BITS_PER_BYTE * NS_PER_S // baud
        self._board = FaultBoard(device.model, WIRE, seed)
        self._dice = Dice(seed)
        self._number = 0  # keeps answers of one moment in order
        self._inbound: deque[tuple[int, int, bytes]] = deque()  # due, source, frame: in the order of the line
        self._outbound: list[tuple[int, int, int, bytes]] = []  # due, number, destination, frame
        self._in_free_ns = 0
        self._out_free_ns = 0
        self._swapped_in: tuple[int, bytes] | None = None
        self._swapped_out: tuple[int, bytes] | None = None
        self._late: list[tuple[int, bytes]] = []
        self._late_count = 0
        self._slipped = 0
        self._babbled_ns = 0
        self._orders: dict[str, FaultOrder] = {}  # every order that is on, of the wire and of the unit

    # Bytes

    def receive(self, received: bytes, now_ns: MonoNs, source: int = 0) -> None:
        """One frame of the controller's. ``source`` tells apart several clients of one TCP unit."""
        if not received or not self.is_plugged:
            return
        if not self._orders and self._swapped_in is None:
            self._arrive(received, source, now_ns, joins=True)
            return
        if "echo" in self._orders:
            self._send(received, source, now_ns)
        if "silence" in self._orders or "half-open-rx" in self._orders:
            return
        frames = self._mistreated(received)
        for frame in frames:
            if self._swaps():
                self._swapped_in, earlier = (source, frame), self._swapped_in
                if earlier is not None:
                    self._arrive(earlier[1], earlier[0], now_ns, joins=False)
                continue
            self._arrive(frame, source, now_ns, joins=len(frames) == 1)
            if self._swapped_in is not None:
                (held_source, held), self._swapped_in = self._swapped_in, None
                self._arrive(held, held_source, now_ns, joins=False)

    def take(self, now_ns: MonoNs) -> bytes:
        """Every byte that has reached the controller's end by now."""
        return b"".join(frame for _, frame in self.take_for(now_ns))

    def take_for(self, now_ns: MonoNs) -> list[tuple[int, bytes]]:
        """The same, frame by frame with the source it answers (``ANYBODY``: every client hears it)."""
        self._advance(now_ns)
        taken: list[tuple[int, bytes]] = []
        while self._outbound and self._outbound[0][0] <= now_ns:
            _, _, destination, frame = heapq.heappop(self._outbound)
            taken.append((destination, frame))
        return taken

    def next_wakeup(self) -> MonoNs | None:
        """When ``take`` may give something, or the unit changes by itself, if nothing is received before."""
        times = [frames[0][0] for frames in (self._inbound, self._outbound) if frames]
        own = self._device.next_wakeup()
        if own is not None:
            times.append(own)
        if "babble" in self._orders and self.is_plugged:
            times.append(self._babbled_ns + BABBLE_STEP_MS * NS_PER_MS)
        return MonoNs(min(times)) if times else None

    def pull(self, force_n: int) -> None:
        """What the rope in which the unit hangs is pulled with, by another unit; nothing, where it hangs in none."""
        if isinstance(self._device, Hangs):
            self._device.pull(force_n)

    # Faults

    @property
    def is_plugged(self) -> bool:
        """False while ``disconnect`` is on: whoever holds the descriptor closes it, and makes it anew after."""
        return "disconnect" not in self._orders

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch a fault on, of the wire or of the unit; CannotFail when it cannot be, and nothing has changed."""
        self._advance(now_ns)
        if order.fault in WIRE:
            full = completed(self._device.model, WIRE, order)
            if full.fault in VARIED and not isinstance(self._device, Varies):
                raise CannotFail(f"{self._device.model}: its protocol has nothing for {full.fault} to act on")
            self._board.inject(full, now_ns)
            self._begin(full, now_ns)
        else:
            self._device.inject(order, now_ns)
        self._orders[order.fault] = order

    def take_back(self, fault: str, now_ns: MonoNs) -> None:
        """Take one fault back and leave the others as they are; nothing if it is not on."""
        self._advance(now_ns)
        if self._orders.pop(fault, None) is None:
            return
        if fault in WIRE:
            self._board.done(fault)
            return
        # A unit takes back all or nothing; what was still on begins again, and its board lets it go on.
        still_on = self._device.truth(now_ns).faults
        self._device.clear(now_ns)
        for order in self._orders.values():
            if order.fault in still_on and not FAULTS[order.fault].once:
                self._device.inject(order, now_ns)

    def clear(self, now_ns: MonoNs) -> None:
        """Take all back, and with the faults of the wire what they left under way to the controller."""
        self._advance(now_ns)
        if self._board.active():
            self._outbound.clear()
            self._out_free_ns = now_ns
        self._orders.clear()
        self._board.clear(now_ns)
        self._device.clear(now_ns)

    def truth(self, now_ns: MonoNs) -> Truth:
        """What the unit really does now, with the faults of its wire beside its own."""
        self._advance(now_ns)
        truth = self._device.truth(now_ns)
        return msgspec.structs.replace(truth, faults=(*truth.faults, *self._board.active()))

    def _begin(self, order: FaultOrder, now_ns: MonoNs) -> None:
        if order.fault == "disconnect":
            self._inbound.clear()
            self._outbound.clear()
            self._swapped_in = self._swapped_out = None
            self._late.clear()
        elif order.fault == "babble":
            self._babbled_ns = now_ns
        elif order.fault == "late-reply":
            self._late_count = order.get("count", 1)

    # Towards the unit

    def _arrive(self, frame: bytes, source: int, now_ns: MonoNs, *, joins: bool) -> None:
        due = now_ns
        if self._byte_ns:
            due = MonoNs(max(now_ns, self._in_free_ns) + len(frame) * self._byte_ns)
            self._in_free_ns = due
            # What comes while the line is still busy is the rest of the same frame: without a pause between them
            # the unit hears one, however the host's system split it.
            if joins and self._inbound and self._inbound[-1][1] == source:
                frame = self._inbound.pop()[2] + frame
        self._inbound.append((due, source, frame))
        self._advance(now_ns)

    def _advance(self, now_ns: MonoNs) -> None:
        """Let everything happen that was to happen by now, each at its own time."""
        while self._inbound and self._inbound[0][0] <= now_ns:
            due, source, frame = self._inbound.popleft()
            self._exchange(frame, source, MonoNs(due))
        self._device.update(now_ns)
        unasked = self._device.unasked(now_ns)
        if unasked:
            self._answer(unasked, ANYBODY, now_ns)
        if "babble" in self._orders:
            self._babble(now_ns)

    def _exchange(self, frame: bytes, source: int, at_ns: MonoNs) -> None:
        self._device.update(at_ns)
        late, self._late = self._late, []
        for destination, answer in late:
            self._send(answer, destination, at_ns)
        reply = self._device.handle(frame, at_ns)
        if self._orders:
            for kind in VARIED:
                reply = self._varied(kind, reply, frame)
        if not reply:
            return
        if "late-reply" in self._orders:
            self._late.append((source, reply))
            self._late_count -= 1
            if not self._late_count:
                del self._orders["late-reply"]
                self._board.done("late-reply")
            return
        self._answer(reply, source, at_ns)

    def _varied(self, kind: str, reply: bytes, request: bytes) -> bytes:
        order = self._board.get(kind)
        if order is None or not isinstance(self._device, Varies):
            return reply
        # Another unit answers requests that are not for ours; everything else needs an answer to act on.
        if not reply and kind != "foreign":
            return reply
        if kind == "forge" and not self._dice.hits(order.get("permille", 0)):
            return reply
        variant = self._device.wire_variant(kind, reply, request, order.parameters)
        return reply if variant is None else variant

    # Towards the controller

    def _answer(self, frame: bytes, destination: int, at_ns: MonoNs) -> None:
        if not self._orders and self._swapped_out is None:
            self._send(frame, destination, at_ns)
            return
        if not self.is_plugged or any(fault in self._orders for fault in ("silence", "mute", "half-open-tx")):
            return
        truncate = self._board.get("truncate")
        if truncate is not None:
            at = dict(truncate.parameters).get("at")
            frame = frame[: self._dice.below(len(frame)) if at is None else at]
        delay = self._board.get("delay")
        due_ns = int(at_ns)
        if delay is not None:
            due_ns += (delay.get("ms", 0) + self._dice.below(delay.get("jitter_ms", 0) + 1)) * NS_PER_MS
        for each in self._mistreated(frame):
            if self._swaps():
                self._swapped_out, earlier = (destination, each), self._swapped_out
                if earlier is not None:
                    self._send(earlier[1], earlier[0], due_ns)
                continue
            self._send(each, destination, due_ns)
            if self._swapped_out is not None:
                (held_destination, held), self._swapped_out = self._swapped_out, None
                self._send(held, held_destination, due_ns)

    def _send(self, frame: bytes, destination: int, due_ns: int) -> None:
        if not frame:
            return
        if self._byte_ns:
            due_ns = max(due_ns, self._out_free_ns) + len(frame) * self._byte_ns
            self._out_free_ns = due_ns
        self._number += 1
        heapq.heappush(self._outbound, (due_ns, self._number, destination, frame))

    def _babble(self, now_ns: MonoNs) -> None:
        order = self._board.get("babble")
        if order is None or not self.is_plugged:
            return
        step_ns = BABBLE_STEP_MS * NS_PER_MS
        self._babbled_ns = max(self._babbled_ns, now_ns - BABBLE_CATCH_UP * step_ns)
        while self._babbled_ns + step_ns <= now_ns:
            self._babbled_ns += step_ns
            count = max(1, order.get("bytes_s", 0) * BABBLE_STEP_MS // 1000)
            self._number += 1
            heapq.heappush(self._outbound, (self._babbled_ns, self._number, ANYBODY, self._dice.octets(count)))

    # Either way

    def _mistreated(self, frame: bytes) -> list[bytes]:
        """One frame as it comes out of a bad wire: none, one or two frames, with bits wrong."""
        drop, duplicate = self._board.get("drop"), self._board.get("duplicate")
        corrupt, slip = self._board.get("corrupt"), self._board.get("baud-slip")
        if drop is not None and self._dice.hits(drop.get("permille", 0)):
            return []
        if corrupt is not None and frame and self._dice.hits(corrupt.get("permille", 0)):
            bit = self._dice.below(len(frame) * 8)
            wrong = bytearray(frame)
            wrong[bit // 8] ^= 1 << bit % 8
            frame = bytes(wrong)
        if slip is not None:
            frame = self._slip(frame, 1000 // slip.get("permille", 1))
        if duplicate is not None and self._dice.hits(duplicate.get("permille", 0)):
            return [frame, frame]
        return [frame]

    def _slip(self, frame: bytes, every: int) -> bytes:
        wrong = bytearray(frame)
        for at in range(len(wrong)):
            self._slipped += 1
            if self._slipped % every == 0:
                wrong[at] ^= SLIP
        return bytes(wrong)

    def _swaps(self) -> bool:
        order = self._board.get("reorder")
        return order is not None and self._dice.hits(order.get("permille", 0))
