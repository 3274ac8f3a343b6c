"""The reference ultrasound unit, from its published map (the common half is in ``devices.sim.reference``).

======  ==============================================================================================================
12      effective radiating area of the head, mm²           13  its beam non-uniformity ratio, tenths
23      coupling, thousandths                               24  measured intensity (SATP), 10 mW/cm²; FFFF: no value
25      duty in force, thousandths                          26  frequency in force, kHz
27      head temperature, 0.1 °C, signed; 8000: no value    28–29  head's serial number
30      set intensity, 10 mW/cm²
36      set intensity (SATP), 10 mW/cm²: 0 to 300           37  duty, thousandths: 50 to 1000
38      frequency, kHz: 1000 or 3000
======  ==============================================================================================================

Switching on takes the set intensity as it stands. Without coupling (below 400 thousandths for 100 ms) the unit holds
its emission within 300 ms, status 3, and its timer stands; coupled again for 100 ms it goes back to the set level in
100 ms by itself. At 43 °C at the head it goes off with fault bit 2.
"""

from typing import Final

from devices.model import MonoNs
from devices.sim.coupling import Coupling
from devices.sim.reference import CYCLE_MS, GOOD, NO_INT, OPEN, POOR, TEMPERATURE, Kind, ReferenceUnit, Setting

ERA_MM2: Final = 500
BNR_TENTHS: Final = 40
HEAD_SERIAL: Final = 4711
GRID_MW_CM2: Final = 10
TRIP_MDEGC: Final = 43_000  # IEC 60601-2-5 (2009), simulated use; textbook knowledge, not read in the standard
LOST_BELOW_PERMILLE: Final = 400
POOR_BELOW_PERMILLE: Final = 700
DEBOUNCE_MS: Final = 100
RETURN_MS: Final = 100

KIND: Final = Kind(
    model="reference-ultrasound",
    code=1,
    ucum="mW/cm2",
    settings=(
        Setting(low=0, high=300, default=0),
        Setting(low=50, high=1000, default=200),
        Setting(low=1000, high=3000, default=1000, only=(1000, 3000)),
    ),
    can=frozenset({"contact-loss", "partial-lift", "dry-out", "gel-only", "over-temperature"}),
    senses=frozenset({"intensity"}),
)


class ReferenceUltrasound(ReferenceUnit):
    """One console with one head of 5 cm²."""

    def __init__(self, name: str, seed: int) -> None:
        self._coupling = Coupling()
        self._uncoupled_ms = 0
        self._coupled_ms = 0
        self._is_holding = False
        self._returning_ms = RETURN_MS
        super().__init__(name, seed, KIND)

    def identity_words(self) -> tuple[int, ...]:
        """The head."""
        return (HEAD_SERIAL >> 16, HEAD_SERIAL & 0xFFFF, ERA_MM2, BNR_TENTHS)

    def readings(self, now_ns: MonoNs) -> tuple[int, ...]:
        """Coupling, measured intensity, what is in force, head."""
        return (
            self.word("coupling", self._sensed_permille(), now_ns),
            self.word("intensity", self.amplitude, now_ns, multiply=GRID_MW_CM2),
            self.word("duty", self.held[1], now_ns),
            self.word("frequency", self.held[2], now_ns),
            self.word("head_temp", self._head_mdegc(), now_ns, multiply=100, nothing=NO_INT),
            HEAD_SERIAL >> 16,
            HEAD_SERIAL & 0xFFFF,
            self.word("set_intensity", self.held[0], now_ns),
        )

    def contact(self) -> int:
        """Good, poor or open, by the coupling sensor."""
        permille = self._sensed_permille()
        if permille < LOST_BELOW_PERMILLE:
            return OPEN
        return POOR if permille < POOR_BELOW_PERMILLE else GOOD

    def refuses_start(self) -> bool:
        """A head that is too hot does not start."""
        return self._head_mdegc() >= TRIP_MDEGC

    def is_suspended(self) -> bool:
        """Without coupling, and until the set level is reached again."""
        return self._is_holding or self._returning_ms < RETURN_MS

    def commanded(self) -> int:
        """The set level, nothing while holding, a part of it while coming back."""
        if self._is_holding or not self.is_enabled:
            return 0
        level = self.held[0] * GRID_MW_CM2
        return level * min(self._returning_ms, RETURN_MS) // RETURN_MS

    def advance(self, now_ns: MonoNs) -> None:  # noqa: ARG002  # the seam's shape
        """Coupling with its debounce, and the head's heat."""
        is_drying = self.board.has("dry-out")
        self._coupling.step(
            self.amplitude * self.held[1] // 1000, self._coupled_permille(), CYCLE_MS, is_drying=is_drying
        )
        if self._sensed_permille() < LOST_BELOW_PERMILLE:
            self._uncoupled_ms, self._coupled_ms = self._uncoupled_ms + CYCLE_MS, 0
        else:
            self._uncoupled_ms, self._coupled_ms = 0, self._coupled_ms + CYCLE_MS
        if self._is_holding and self._coupled_ms >= DEBOUNCE_MS:
            self._is_holding, self._returning_ms = False, 0
        elif self._uncoupled_ms >= DEBOUNCE_MS:
            self._is_holding = True
        elif not self._is_holding:
            self._returning_ms = min(self._returning_ms + CYCLE_MS, RETURN_MS)
        if self._head_mdegc() >= TRIP_MDEGC and self.is_enabled:
            self.switch_off(TEMPERATURE)

    def rests(self) -> bool:
        """As the coupling does, once the debounce has seen it."""
        return self._coupling.rests() and not self._is_holding and self._returning_ms == RETURN_MS

    def panel(self, value: int) -> int | None:
        """The knob turns the set level."""
        return None if value % GRID_MW_CM2 else value // GRID_MW_CM2

    def _coupled_permille(self) -> int:
        partial = self.board.get("partial-lift")
        return self._coupling.coupled_permille(
            is_lifted=self.board.has("contact-loss") or self.board.has("gel-only"),
            lifted_permille=0 if partial is None else partial.get("permille", 0),
            is_drying=self.board.has("dry-out"),
        )

    def _sensed_permille(self) -> int:
        """Gel on the head alone counts as contact, as on real units."""
        return 1000 if self.board.has("gel-only") else self._coupled_permille()

    def _head_mdegc(self) -> int:
        hot = self.board.get("over-temperature")
        return self._coupling.temp_mdegc if hot is None else hot.get("mdegc", 0)
