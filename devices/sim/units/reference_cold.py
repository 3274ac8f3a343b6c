"""The reference circulating cold unit, from its published map (the common half is in ``devices.sim.reference``).

======  ==============================================================================================================
23      measured water temperature at the cuff, 0.1 °C, signed; 8000: no value
24      measured cuff pressure, mmHg; FFFF: no value         25  pump: 0 off, 1 on
26      set temperature, 0.1 °C       27  set pressure, mmHg  28–29  serial number of the cuff
36      set temperature, 0.1 °C: 40 to 180                   37  set pressure, mmHg: 0 to 75
======  ==============================================================================================================

A mixing valve brings the water to the set temperature within seconds. Off is the pump off and the cuff at or below
5 mmHg; the water's temperature is no part of it. Below 2 °C the unit goes off by itself with fault bit 2.
"""

from typing import Final

from devices.model import MonoNs
from devices.sim.reference import CYCLE_MS, NO_INT, TEMPERATURE, Kind, ReferenceUnit, Setting
from devices.sim.thermal import SKIN_MDEGC, Lag

GRID_MDEGC: Final = 100
IDLE_MDEGC: Final = 18_000
VALVE_TAU_MS: Final = 1_000  # chosen
FREEZING_MDEGC: Final = -2_000  # chosen: the water has some glycol in it
TRIP_MDEGC: Final = 2_000
OFF_MMHG: Final = 5
PUMP_MMHG_S: Final = 50  # chosen
VENT_MMHG_S: Final = 100  # chosen
CUFF_SERIAL: Final = 50_300

KIND: Final = Kind(
    model="reference-cold",
    code=5,
    ucum="m[Cel]",
    settings=(Setting(low=40, high=180, default=180), Setting(low=0, high=75, default=0)),
    can=frozenset({"over-temperature"}),
    senses=frozenset({"temperature"}),
)


class ReferenceCold(ReferenceUnit):
    """One cuff. The amplitude of its stage is the cold below the skin's own temperature."""

    def __init__(self, name: str, seed: int) -> None:
        self._water = Lag(IDLE_MDEGC, VALVE_TAU_MS)
        self._cuff_milli = 0  # thousandths of mmHg
        super().__init__(name, seed, KIND)

    def identity_words(self) -> tuple[int, ...]:
        """The cuff."""
        return (CUFF_SERIAL >> 16, CUFF_SERIAL & 0xFFFF)

    def readings(self, now_ns: MonoNs) -> tuple[int, ...]:
        """Water, cuff, pump, what is in force."""
        return (
            self.word("temperature", self._mdegc(), now_ns, multiply=GRID_MDEGC, nothing=NO_INT),
            self.word("pressure", self._mmhg(), now_ns),
            self.word("pump", int(self.amplitude > 0), now_ns),
            self.word("set_temperature", self.held[0], now_ns),
            self.word("set_pressure", self.held[1], now_ns),
            CUFF_SERIAL >> 16,
            CUFF_SERIAL & 0xFFFF,
        )

    def refuses_start(self) -> bool:
        """Too cold to start."""
        return self._mdegc() < TRIP_MDEGC

    def commanded(self) -> int:
        """Cold below the skin's temperature, while the pump runs."""
        return self.stage(self.held[0] * GRID_MDEGC) if self.is_enabled else 0

    def stage(self, value: int) -> int:
        """Of a temperature: how far it is below the skin's."""
        return max(0, SKIN_MDEGC - value)

    def shown(self, amplitude: int) -> int:
        """The temperature that is cooled for; 0 when nothing is."""
        return SKIN_MDEGC - amplitude if amplitude else 0

    def is_output_off(self) -> bool:
        """No water moves and the cuff is slack."""
        return self.amplitude == 0 and self._mmhg() <= OFF_MMHG

    def advance(self, now_ns: MonoNs) -> None:  # noqa: ARG002  # the seam's shape
        """Water and cuff follow; too cold is off."""
        cooled_mdegc = SKIN_MDEGC - self.amplitude if self.amplitude else IDLE_MDEGC
        self._water.step(max(FREEZING_MDEGC, cooled_mdegc), CYCLE_MS)
        wanted_milli = self.held[1] * 1000 if self.amplitude else 0
        change_milli = wanted_milli - self._cuff_milli
        self._cuff_milli += max(-VENT_MMHG_S * CYCLE_MS, min(PUMP_MMHG_S * CYCLE_MS, change_milli))
        if self._mdegc() < TRIP_MDEGC and self.is_enabled:
            self.switch_off(TEMPERATURE)

    def rests(self) -> bool:
        """Water and cuff are as at the start."""
        return self._water.is_at(IDLE_MDEGC) and self._cuff_milli == 0

    def panel(self, value: int) -> int | None:
        """The knob turns the set temperature."""
        return None if value % GRID_MDEGC else value // GRID_MDEGC

    def _mdegc(self) -> int:
        warm = self.board.get("over-temperature")
        return self._water.mdegc if warm is None else warm.get("mdegc", 0)

    def _mmhg(self) -> int:
        return self._cuff_milli // 1000
