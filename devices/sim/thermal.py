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


# A pack on skin, as two nodes: the pack drifts to the skin's own temperature, the skin to a share between both.
# The figures give what textbooks say: a hot pack of 71 °C is at about 60 °C after 20 minutes and the skin has its peak
# of 40 to 43 °C after 8 to 10; a cold pack of -5 °C brings the skin to 12 to 15 °C in 15 minutes.
HOT_PACK_MDEGC: Final = 71_000
COLD_PACK_MDEGC: Final = -5_000
_PACK_TAU_MS: Final = 3_510_000
_HOT: Final = (260, 180_000)  # share in thousandths through six to eight towels, and the skin's lag
_COLD: Final = (660, 280_000)  # through one damp towel


class PackOnSkin:
    """One pack and the skin under it."""

    def __init__(self, *, is_hot: bool) -> None:
        self._start_mdegc = HOT_PACK_MDEGC if is_hot else COLD_PACK_MDEGC
        self._share_permille, tau_ms = _HOT if is_hot else _COLD
        self._pack = Lag(self._start_mdegc, _PACK_TAU_MS)
        self._skin = Lag(SKIN_MDEGC, tau_ms)

    @property
    def skin_mdegc(self) -> int:
        """The skin's temperature."""
        return self._skin.mdegc

    @property
    def pack_mdegc(self) -> int:
        """The pack's temperature."""
        return self._pack.mdegc

    def exchange(self) -> None:
        """A fresh pack from the tank or the freezer."""
        self._pack = Lag(self._start_mdegc, _PACK_TAU_MS)

    def step(self, step_ms: int, *, is_on: bool) -> None:
        """One step of time, with the pack on the skin or off it."""
        if is_on:
            self._pack.step(SKIN_MDEGC, step_ms)
        pull_mdegc = (self._pack.mdegc - SKIN_MDEGC) * self._share_permille // 1000 if is_on else 0
        self._skin.step(SKIN_MDEGC + pull_mdegc, step_ms)
