"""The seam between port logic and one unit's protocol.

Rule 1: a driver has no I/O, no clock and no threads; it is given bytes and the time.
Rule 2: it keeps at most one pending target; Off cancels whatever is pending, and is repeated until acknowledged.
Rule 3: it never re-sends an energizing frame on its own: a timeout is a LinkFault, the next frame asks for state.
Rule 4: one request at a time is under way; an answer is believed only if it belongs to that request.
Rule 5: without a permit it writes only queries that feed no lease, and Off.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from devices.model import DeviceEvent, Fault, Levels, LinkFault, MonoNs, Setpoint, label
from devices.profile import Profile
from protocols.damage import Damage
from protocols.inspect import FrameKind

# What a person says of a unit without a wire, as its driver hears it: for a pack the person is the line.
PACK_IS_ON: Final = b"on\n"
PACK_IS_OFF: Final = b"off\n"


class Driver(Protocol):
    """One unit on one port."""

    def identify(self) -> None:
        """Forget the unit's identity; ask for it before anything but Off. An ``Identity`` event is the answer."""

    def command(self, setpoint: Setpoint, now_ns: MonoNs, run_ms: int = 0) -> None:
        """Make this the target. ``run_ms``: what the unit's own timer is set to where it has one (0: leave it)."""

    def poll(self, now_ns: MonoNs, permit: int | None) -> tuple[bytes, Sequence[DeviceEvent]]:
        """One whole frame to write now (``b""``: nothing is due), and faults noticed by time.

        ``permit`` is the sequence of the live permit, None when there is none: then nothing that feeds or
        energizes is returned.
        """

    def feed(self, received: bytes, now_ns: MonoNs) -> Sequence[DeviceEvent]:
        """Bytes from the line, in any split."""

    def next_wakeup(self) -> MonoNs:
        """When ``poll`` wants to be called next, if nothing arrives before."""

    def is_waiting(self) -> bool:
        """A request is on the line and its answer or timeout is still to come."""

    def abandon(self, now_ns: MonoNs) -> None:
        """Give up the answer under way, so that an Off can be written next; what still arrives is ``LATE``."""

    def watch_closely(self, *, closely: bool) -> None:
        """Sample at ``poll_ms`` (a session, a stop) or at ``idle_poll_ms``."""

    def last_words(self) -> bytes:
        """Off frames for the guard: fixed bytes that need no answer, in the order to be written."""

    def inspect(self, frame: bytes) -> FrameKind:
        """What a frame means on this unit, by the protocol's decoder: the frame gate's eyes."""


class DriverFactory(Protocol):
    """How the registry makes a driver."""

    def __call__(self, profile: Profile) -> Driver:
        """A driver that has not said anything yet; its first need is the unit's identity."""


def link_fault(at_ns: int, fault: Fault, detail: str) -> LinkFault:
    """What a driver says of its line; the detail is made safe to show."""
    return LinkFault(at_ns=at_ns, fault=fault, detail=label(detail))


def corrupt(at_ns: int, damage: Damage) -> LinkFault:
    """Bytes that are nothing its protocol knows."""
    return link_fault(at_ns, Fault.CORRUPT, f"{damage.why}: {damage.frame.hex(' ')}")


__all__: Sequence[str] = ("PACK_IS_OFF", "PACK_IS_ON", "Driver", "DriverFactory", "Levels", "corrupt", "link_fault")
