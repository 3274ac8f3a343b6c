"""A simulated Julabo MAGIO circulator on a cold cuff, from the register tables of its Modbus TCP manual.

Holding: 0 start and stop, 1 setpoint source, 2–3 setpoint °C. Input: 0–1 firmware, 2 type, 5 remote mode (4: Modbus),
6 alarm, 7 warning, 10–11 bath °C, 12–13 external Pt100 °C, 14 power %, 15–16 safety sensor °C. The two tables have the
same addresses and are not the same registers. Temperatures are IEEE 754 single precision. Chosen where the pages seen
do not say: the high word comes first; a sensor that is not there reads NaN; a setpoint beyond -40 to 200 °C is
exception 03; after the power was away it stands still; alarm 33 is a broken sensor of the bath.
"""

import struct
from collections.abc import Mapping
from typing import Final

from devices.model import MonoNs
from devices.sim.bank import HEATING, HOLDING, ILLEGAL_ADDRESS, ILLEGAL_VALUE, INPUT, LIFE, OBEYING, SENSING, Bank, Kind
from devices.sim.thermal import SKIN_MDEGC, Lag

CYCLE_MS: Final = 100
BOOT_MS: Final = 3_000  # chosen
ROOM_MDEGC: Final = 20_000
BATH_TAU_MS: Final = 30_000  # chosen: quick enough for a demonstration
LOWEST, HIGHEST = -40.0, 200.0
RUN, SOURCE, SETPOINT = 0, 1, 2
MODBUS_MODE: Final = 4
FIRMWARE: Final = 0x0001_0203
TYPE: Final = 17  # chosen: the pages seen have no list of types
NAN: Final = (0x7FC0, 0)
SENSOR_ALARM: Final = 33
KIND: Final = Kind(
    model="julabo-magio",
    ucum="m[Cel]",
    can=LIFE
    | SENSING
    | HEATING
    | OBEYING
    | {"over-temperature", "uncommanded-on", "panel-change", "state-mismatch", "firmware-changed"},
    senses=frozenset({"bath"}),
    cycle_ms=CYCLE_MS,
    boot_ms=BOOT_MS,
)


class JulaboMagio(Bank):
    """The amplitude of its stage is the cold below the skin's own temperature."""

    def __init__(self, name: str, seed: int) -> None:
        self._set_mdegc = ROOM_MDEGC
        self._runs = False
        self._source = 0
        self._bath = Lag(ROOM_MDEGC, BATH_TAU_MS)
        super().__init__(name, seed, KIND)

    def table(self, function: int, now_ns: MonoNs) -> Mapping[int, int] | None:
        """Holding or input registers: the same addresses, other contents."""
        if function == HOLDING:
            high, low = _float_words(self._set_mdegc)
            tells_run = self._runs != self.board.has("state-mismatch")
            return {RUN: int(tells_run), SOURCE: self._source, SETPOINT: high, SETPOINT + 1: low}
        if function != INPUT:
            return None
        bath = self.reported("bath", self._mdegc(), now_ns)
        bath_words = NAN if bath is None else _float_words(bath)
        firmware = FIRMWARE + self.board.has("firmware-changed")
        pairs = {
            0: (firmware >> 16, firmware & 0xFFFF),
            10: bath_words,
            12: bath_words,
            15: _float_words(self._mdegc()),
        }
        alarm = SENSOR_ALARM if bath is None else 0
        single = {2: TYPE, 5: MODBUS_MODE, 6: alarm, 7: 0, 14: -min(100, self.amplitude // 500) & 0xFFFF}
        return {**single, **{at + half: pair[half] for at, pair in pairs.items() for half in (0, 1)}}

    def refusal(self, address: int, words: tuple[int, ...]) -> int | None:
        """Start, source and setpoint; the setpoint as its two words."""
        if (address, len(words)) in ((RUN, 1), (SOURCE, 1)):
            return None if words[0] <= 1 else ILLEGAL_VALUE
        if (address, len(words)) != (SETPOINT, 2):
            return ILLEGAL_ADDRESS
        return None if LOWEST <= _celsius(words) <= HIGHEST else ILLEGAL_VALUE

    def is_stop(self, address: int, words: tuple[int, ...]) -> bool:
        """Stop."""
        return address == RUN and words[0] == 0

    def apply(self, address: int, words: tuple[int, ...]) -> None:
        """Take what was accepted."""
        if address == RUN:
            self._runs = bool(words[0])
        elif address == SOURCE:
            self._source = words[0]
        else:
            self._set_mdegc = round(_celsius(words) * 1000)

    def power_on(self) -> None:
        """It stands still; the setpoint is kept."""
        self._runs = False

    def commanded(self) -> int:
        """Cold below the skin's temperature, while it runs."""
        return self.stage(self._set_mdegc) if self._runs else 0

    def could_put_out(self) -> bool:
        """The pump runs."""
        return self._runs

    def stage(self, value: int) -> int:
        """How far a temperature is below the skin's."""
        return max(0, SKIN_MDEGC - value)

    def shown(self, amplitude: int) -> int:
        """The temperature that is cooled for; 0 when nothing is."""
        return SKIN_MDEGC - amplitude if amplitude else 0

    def advance(self) -> None:
        """The bath follows."""
        self._bath.step(SKIN_MDEGC - self.amplitude if self.amplitude else ROOM_MDEGC, CYCLE_MS)

    def rests(self) -> bool:
        """Off, and as warm as the room."""
        return not self.amplitude and self._bath.is_at(ROOM_MDEGC)

    def panel(self, value: int) -> None:
        """The knob turns the setpoint."""
        if LOWEST * 1000 <= value <= HIGHEST * 1000:
            self._set_mdegc = value

    def _mdegc(self) -> int:
        warm = self.board.get("over-temperature")
        return self._bath.mdegc if warm is None else warm.get("mdegc", 0)


def _float_words(mdegc: int) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", mdegc / 1000))
    return high, low


def _celsius(words: tuple[int, ...]) -> float:
    (value,) = struct.unpack(">f", struct.pack(">HH", *words))
    return float(value)
