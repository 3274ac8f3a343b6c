"""The seam of a simulated unit: physics and protocol in virtual or real time, no I/O.

A simulated unit is written from the unit's document, never from the driver, and is as strict as the document.
"""

from typing import Protocol

import msgspec

from devices.model import MonoNs


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What the unit really does, past every lie told on the wire.

    ``energized``: output could differ from off without another frame (the off-phase of a cycle counts).
    ``output``: the largest channel amplitude, canonical integer; ``unit`` is its UCUM code.
    """

    name: str
    model: str
    energized: bool
    output: int
    unit: str
    state: str
    changed_at_mono_ns: int  # of ``energized`` or ``output``
    now_mono_ns: int
    lease_left_ms: int | None
    channels: tuple[int, ...]
    faults: tuple[str, ...]


class FaultOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of the menu (``devices.bench``) as it is switched on: its id and its integer parameters."""

    fault: str
    parameters: tuple[tuple[str, int], ...] = ()

    def get(self, name: str, default: int) -> int:
        """One parameter, or the menu's default."""
        return dict(self.parameters).get(name, default)


class SimDevice(Protocol):
    """One simulated unit."""

    def update(self, now_ns: MonoNs) -> None:
        """Let time pass: leases, timers, ramps, physics. Never backwards."""

    def handle(self, received: bytes, now_ns: MonoNs) -> bytes:
        """Bytes from the line in any split; the unit's answers, ready to send."""

    def truth(self, now_ns: MonoNs) -> Truth:
        """What is really going on now."""

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch a fault of the unit itself on (wire faults live in ``devices.sim.port``).

        Raises ``devices.sim.faults.CannotFail`` with a sentence when this model cannot have it.
        """

    def clear(self, now_ns: MonoNs) -> None:
        """Take all faults of the unit back."""

    def next_wakeup(self) -> MonoNs | None:
        """When ``update`` would change something by itself (unasked bytes, a reboot's end); None if never."""

    def unasked(self, now_ns: MonoNs) -> bytes:
        """Bytes that the unit sends without being asked since the last call."""
