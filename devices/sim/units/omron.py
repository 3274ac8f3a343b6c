"""A simulated Omron E5CC on a hot-pack tank, from its communications manual H175.

Variable area: 0000 PV, 0002 status, 0004 internal SP, 0106 SP, 0108 alarm 1, 010A and 010C its upper and lower limit,
two registers each, high word first; the same in one register each from 2000: 2000 PV, 2001 status, 2002 internal SP,
2004 MV, 2103 SP, 2104 alarm 1, 2105 and 2106 the limits. FC 06 to 0000 is an operation command: code in the high
byte, argument in the low one. Chosen where the pages seen do not say: variables are refused with exception 04 until
communications writing is on, unknown operation commands with 03; every status bit is 0; one decimal place.
"""

from collections.abc import Mapping
from typing import Final

from devices.model import MonoNs
from devices.sim.bank import (
    DEVICE_FAILURE,
    HEATING,
    HOLDING,
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    LIFE,
    SENSING,
    Bank,
    Kind,
    word,
)
from devices.sim.thermal import Lag

GRID: Final = 100
CYCLE_MS: Final = 50
BOOT_MS: Final = 2_000  # chosen
ROOM_MDEGC: Final = 22_000
TANK_TAU_MS: Final = 600_000
HIGHEST_MDEGC: Final = 130_000  # chosen: what the input type of a tank can read
OPERATION: Final = 0x0000
SP, ALARM, UPPER, LOWER = 0x2103, 0x2104, 0x2105, 0x2106
WRITING, RUN_STOP, WRITE_MODE = 0x00, 0x01, 0x04
KIND: Final = Kind(
    model="omron-e5cc",
    ucum="m[Cel]",
    can=LIFE | SENSING | HEATING | {"over-temperature", "uncommanded-on", "panel-change"},
    senses=frozenset({"temperature"}),
    cycle_ms=CYCLE_MS,
    boot_ms=BOOT_MS,
)


class OmronE5cc(Bank):
    """A hot-pack tank at its working temperature since the morning."""

    functions = frozenset({3, 6, 8, 16})

    def __init__(self, name: str, seed: int) -> None:
        self._held = {SP: 720, ALARM: 0, UPPER: 50, LOWER: 50}
        self._runs = True
        self._writes = False
        self._lag = Lag(72_000, TANK_TAU_MS)
        super().__init__(name, seed, KIND)

    def table(self, function: int, now_ns: MonoNs) -> Mapping[int, int] | None:
        """Both areas."""
        if function != HOLDING:
            return None
        pv = word(self.reported("temperature", self._mdegc(), now_ns), GRID, HIGHEST_MDEGC // GRID)
        small = {0x2000: pv, 0x2001: 0, 0x2002: self._held[SP], 0x2004: self._mv_permille(), **self._held}
        pairs = {
            0x0000: 0x2000,
            0x0004: 0x2002,
            0x0008: 0x2004,
            0x0106: SP,
            0x0108: ALARM,
            0x010A: UPPER,
            0x010C: LOWER,
        }
        wide = {0x0002: 0, 0x0003: 0}
        for at, source in pairs.items():
            wide[at], wide[at + 1] = (0xFFFF if small[source] & 0x8000 else 0), small[source]
        return {**small, **wide}

    def own(self, function: int, octets: bytes, now_ns: MonoNs) -> bytes | int:  # noqa: ARG002  # the seam's shape
        """Function 08, sub-function 0: the line test returns what it was asked."""
        return octets if octets[:2] == bytes(2) else ILLEGAL_VALUE

    def refusal(self, address: int, words: tuple[int, ...]) -> int | None:
        """Operation commands at once; variables only after communications writing was switched on."""
        if address == OPERATION and len(words) == 1:
            code, argument = words[0] >> 8, words[0] & 0xFF
            return None if code in (WRITING, RUN_STOP, WRITE_MODE) and argument in (0, 1) else ILLEGAL_VALUE
        if not all(SP <= at <= LOWER for at in range(address, address + len(words))):
            return ILLEGAL_ADDRESS
        return None if self._writes else DEVICE_FAILURE

    def is_stop(self, address: int, words: tuple[int, ...]) -> bool:
        """The operation command of that name."""
        return address == OPERATION and words == (RUN_STOP << 8 | 1,)

    def apply(self, address: int, words: tuple[int, ...]) -> None:
        """Take what was accepted."""
        if address != OPERATION:
            self._held.update(enumerate(words, address))
        elif words[0] >> 8 == WRITING:
            self._writes = bool(words[0] & 0xFF)
        elif words[0] >> 8 == RUN_STOP:
            self._runs = not words[0] & 0xFF

    def power_on(self) -> None:
        """It runs as it did; communications writing is off."""
        self._writes = False

    def commanded(self) -> int:
        """Heat above the room's temperature."""
        return self.stage(self._held[SP] * GRID) if self._runs else 0

    def could_put_out(self) -> bool:
        """It controls."""
        return self._runs

    def stage(self, value: int) -> int:
        """How far a temperature is above the room's."""
        return max(0, value - ROOM_MDEGC)

    def shown(self, amplitude: int) -> int:
        """The temperature that is heated for; 0 when nothing is."""
        return ROOM_MDEGC + amplitude if amplitude else 0

    def advance(self) -> None:
        """The water follows."""
        self._lag.step(ROOM_MDEGC + self.amplitude, CYCLE_MS)

    def rests(self) -> bool:
        """As warm as it is heated for."""
        return self._lag.is_at(ROOM_MDEGC + self.amplitude)

    def panel(self, value: int) -> None:
        """The keys at the front set the SP."""
        if 0 <= value <= HIGHEST_MDEGC and value % GRID == 0:
            self._held[SP] = value // GRID

    def _mdegc(self) -> int:
        hot = self.board.get("over-temperature")
        return self._lag.mdegc if hot is None else hot.get("mdegc", 0)

    def _mv_permille(self) -> int:
        return max(0, min(1000, self.amplitude // 50)) if self._runs else 0
