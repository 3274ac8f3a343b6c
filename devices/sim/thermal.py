"""Temperatures that follow their cause with a lag. Integers, one step a measuring cycle; figures are test values."""

from typing import Final

SKIN_MDEGC: Final = 33_000  # skin under clothes; chosen
_FINE: Final = 1_000_000  # millionths of a millidegree: a cycle's change must not vanish in rounding


class Lag:
    """A first-order temperature."""

    def __init__(self, start_mdegc: int, tau_ms: int) -> None:
        self._fine = start_mdegc * _FINE
        self._tau_ms = tau_ms

    @property
    def mdegc(self) -> int:
        """The temperature now."""
        return self._fine // _FINE

    def step(self, towards_mdegc: int, step_ms: int) -> None:
        """One cycle closer."""
        self._fine += (towards_mdegc * _FINE - self._fine) * step_ms // self._tau_ms

    def is_at(self, mdegc: int) -> bool:
        """Within a thousandth of a degree."""
        return abs(self._fine - mdegc * _FINE) <= _FINE
