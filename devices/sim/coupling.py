"""The patient's side of an ultrasound head: how much of it is coupled, and how warm its surface gets.

Integers only, one step a measuring cycle, so that a run repeats to the bit. The figures are chosen test values, not
measurements: a head in the air warms by 0.5 °C a second for each W/cm² and loses heat with a time constant of 40 s;
a coupled one gives its heat to the skin with a time constant of 6 s.
"""

from typing import Final

AIR_MDEGC: Final = 25_000
SKIN_MDEGC: Final = 33_000
HEATING_MDEGC_S_PER_W_CM2: Final = 500  # chosen
AIR_TAU_MS: Final = 40_000  # chosen
SKIN_TAU_MS: Final = 6_000  # chosen
PERMILLE: Final = 1000
DRY_OUT_PERMILLE_S: Final = 5  # chosen: gel that lasts a little over three minutes
_FINE: Final = 1_000_000  # millionths of a millidegree: a cycle's change must not vanish in rounding


class Coupling:
    """One head at the patient, or not."""

    def __init__(self) -> None:
        self._fine = SKIN_MDEGC * _FINE
        self._dried_permille_ms = 0

    @property
    def temp_mdegc(self) -> int:
        """Temperature of the head's surface."""
        return self._fine // _FINE

    def coupled_permille(self, *, is_lifted: bool, lifted_permille: int, is_drying: bool) -> int:
        """How much of the head's surface is coupled, in thousandths, gel in the air not counted."""
        if is_lifted:
            return 0
        dried = self._dried_permille_ms // 1000 if is_drying else 0
        return max(0, PERMILLE - lifted_permille - dried)

    def step(self, average_mw_cm2: int, coupled_permille: int, step_ms: int, *, is_drying: bool) -> None:
        """One cycle at a temporal average intensity."""
        self._dried_permille_ms = self._dried_permille_ms + DRY_OUT_PERMILLE_S * step_ms if is_drying else 0
        heating = average_mw_cm2 * HEATING_MDEGC_S_PER_W_CM2 * _FINE * step_ms // 1_000_000
        to_skin = (self._fine - SKIN_MDEGC * _FINE) * step_ms // SKIN_TAU_MS * coupled_permille // PERMILLE
        to_air = (self._fine - AIR_MDEGC * _FINE) * step_ms // AIR_TAU_MS * (PERMILLE - coupled_permille) // PERMILLE
        self._fine += heating - to_skin - to_air

    def rests(self) -> bool:
        """On the skin and as warm as it: nothing moves without output."""
        return abs(self.temp_mdegc - SKIN_MDEGC) <= 1 and self._dried_permille_ms == 0
