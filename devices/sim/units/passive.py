"""A simulated pack: the person at the table and the skin under it. There is no document and no protocol.

``panel-change`` is what the person's hands do: 1 puts a fresh pack on, 0 takes it off and says so, as the key at the
table does. Until then the pack lies where it lies, whatever modctl thinks. ``silence`` and the other faults of a wire
are a person who is not heard. Its output is the skin's temperature while the pack is on.
"""

from typing import Final

from devices.model import NS_PER_MS, MonoNs
from devices.sim.device import FaultOrder, Truth
from devices.sim.faults import FaultBoard
from devices.sim.thermal import PackOnSkin

WORD: Final = b"off\n"
STEP_MS: Final = 1_000
CAN: Final = frozenset({"panel-change"})


class SimPassive:
    """One hot or cold pack."""

    def __init__(self, name: str, seed: int, *, is_hot: bool) -> None:
        self.model = "passive" if is_hot else "passive-cold"
        self._name = name
        self._board = FaultBoard(self.model, CAN, seed)
        self._pack = PackOnSkin(is_hot=is_hot)
        self._is_on = False
        self._changed_ns = 0
        self._stepped_ns: int | None = None
        self._said = b""

    def update(self, now_ns: MonoNs) -> None:
        """Warmth moves."""
        if self._stepped_ns is None:
            self._stepped_ns = now_ns
        while self._stepped_ns + STEP_MS * NS_PER_MS <= now_ns:
            self._stepped_ns += STEP_MS * NS_PER_MS
            self._pack.step(STEP_MS, is_on=self._is_on)

    def handle(self, received: bytes, now_ns: MonoNs) -> bytes:  # noqa: ARG002  # the seam's shape
        """A pack hears nothing."""
        return b""

    def truth(self, now_ns: MonoNs) -> Truth:
        """Where the pack is, and what the skin has of it."""
        skin_mdegc = self._pack.skin_mdegc if self._is_on else 0
        return Truth(
            name=self._name,
            model=self.model,
            energized=self._is_on,
            output=skin_mdegc,
            unit="m[Cel]",
            state="on the skin" if self._is_on else "off the skin",
            changed_at_mono_ns=self._changed_ns,
            now_mono_ns=now_ns,
            lease_left_ms=None,
            channels=(skin_mdegc,),
            faults=self._board.active(),
        )

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """A person's hands."""
        self.update(now_ns)
        self._board.inject(order, now_ns)
        self._board.done("panel-change")
        is_on = order.get("value", 0) != 0
        if is_on and not self._is_on:
            self._pack.exchange()
        if not is_on:
            self._said += WORD
        if is_on is not self._is_on:
            self._is_on, self._changed_ns = is_on, now_ns

    def clear(self, now_ns: MonoNs) -> None:
        """Nothing stays switched on."""
        self._board.clear(now_ns)

    def next_wakeup(self) -> MonoNs | None:
        """When there is something to be heard."""
        return MonoNs(0) if self._said else None

    def unasked(self, now_ns: MonoNs) -> bytes:  # noqa: ARG002  # the seam's shape
        """The person's word."""
        said, self._said = self._said, b""
        return said
