"""The reference heated pad, from its published map (the common half is in ``devices.sim.reference``).

======  ==============================================================================================================
23      measured temperature between pad and skin, 0.1 °C, signed; 8000: no value
24      heater: 0 off, 1 on           25  set temperature, 0.1 °C          28–29  serial number of the pad
36      set temperature, 0.1 °C: 300 to 450
======  ==============================================================================================================

Off is the heater off; the pad stays warm for a while and its temperature goes on being told. At 46 °C it goes off by
itself with fault bit 2 and does not start again before it has cooled.
"""

from typing import Final

from devices.model import MonoNs
from devices.sim.reference import CYCLE_MS, NO_INT, TEMPERATURE, Kind, ReferenceUnit, Setting
from devices.sim.thermal import SKIN_MDEGC, Lag

GRID_MDEGC: Final = 100
PAD_TAU_MS: Final = 10_000  # chosen: quick enough for a demonstration
TRIP_MDEGC: Final = 46_000
PAD_SERIAL: Final = 30_100

KIND: Final = Kind(
    model="reference-heat",
    code=4,
    ucum="m[Cel]",
    settings=(Setting(low=300, high=450, default=300),),
    can=frozenset({"over-temperature"}),
    senses=frozenset({"temperature"}),
)


class ReferenceHeat(ReferenceUnit):
    """One pad. The amplitude of its stage is the heat above the skin's own temperature."""

    def __init__(self, name: str, seed: int) -> None:
        self._pad = Lag(SKIN_MDEGC, PAD_TAU_MS)
        super().__init__(name, seed, KIND)

    def identity_words(self) -> tuple[int, ...]:
        """The pad."""
        return (PAD_SERIAL >> 16, PAD_SERIAL & 0xFFFF)

    def readings(self, now_ns: MonoNs) -> tuple[int, ...]:
        """Temperature, heater, set temperature, pad."""
        return (
            self.word("temperature", self._mdegc(), now_ns, multiply=GRID_MDEGC, nothing=NO_INT),
            self.word("heater", int(self.amplitude > 0), now_ns),
            self.word("set_temperature", self.held[0], now_ns),
            0,
            0,
            PAD_SERIAL >> 16,
            PAD_SERIAL & 0xFFFF,
        )

    def refuses_start(self) -> bool:
        """Too hot to start."""
        return self._mdegc() >= TRIP_MDEGC

    def commanded(self) -> int:
        """Heat above the skin's temperature, while switched on."""
        return self.stage(self.held[0] * GRID_MDEGC) if self.is_enabled else 0

    def stage(self, value: int) -> int:
        """Of a temperature: how far it is above the skin's."""
        return max(0, value - SKIN_MDEGC)

    def shown(self, amplitude: int) -> int:
        """The temperature that is heated for; 0 when nothing is."""
        return SKIN_MDEGC + amplitude if amplitude else 0

    def advance(self, now_ns: MonoNs) -> None:  # noqa: ARG002  # the seam's shape
        """The pad follows; too hot is off."""
        self._pad.step(SKIN_MDEGC + self.amplitude, CYCLE_MS)
        if self._mdegc() >= TRIP_MDEGC and self.is_enabled:
            self.switch_off(TEMPERATURE)

    def rests(self) -> bool:
        """As warm as the skin."""
        return self._pad.is_at(SKIN_MDEGC)

    def panel(self, value: int) -> int | None:
        """The knob turns the set temperature."""
        return None if value % GRID_MDEGC else value // GRID_MDEGC

    def _mdegc(self) -> int:
        hot = self.board.get("over-temperature")
        return self._pad.mdegc if hot is None else hot.get("mdegc", 0)
