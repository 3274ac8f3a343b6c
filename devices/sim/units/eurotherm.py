"""A simulated Eurotherm 3216, from its manual HA028651 issue 7: on a hot-pack tank, or on a sensed heated pad.

Holding registers, one decimal place: 1 PV, 2 target SP, 3 manual output, 4 working output, 5 working SP (read only),
11 and 12 range, 13 and 14 alarm thresholds, 24 and 25 SP1 and SP2, 26 remote setpoint, 75 status bits, 276 local or
remote. Chosen where the manual pages do not say: a sensor that is broken reads the top of the range; after the power
was away the setpoint is local and the remote one stands at the bottom of the range; a write beyond the range is
exception 03; the control works four times a second.

Working output is what the control *asks*, not what a relay does: a relay that is welded shut is not in any register.
"""

from collections.abc import Mapping
from typing import Final

from devices.model import MonoNs
from devices.sim.bank import (
    HEATING,
    HOLDING,
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    LIFE,
    OBEYING,
    SENSING,
    Bank,
    Kind,
    word,
)
from devices.sim.thermal import SKIN_MDEGC, Lag

GRID: Final = 100  # one decimal place
CYCLE_MS: Final = 250
BOOT_MS: Final = 2_000  # chosen
LOW_MDEGC, HIGH_MDEGC = 0, 100_000  # range of this unit, chosen
ROOM_MDEGC: Final = 22_000
BAND_MDEGC: Final = 2_000  # full power this far below the setpoint, chosen
SENSOR_BREAK, OUT_OF_RANGE, ALARM_1 = 1 << 5, 1 << 10, 1
TARGET, SP_1, SP_2, REMOTE, SOURCE = 2, 24, 25, 26, 276
SETPOINTS: Final = (TARGET, SP_1, SP_2, REMOTE)
CAN: Final = LIFE | SENSING | HEATING | {"over-temperature", "uncommanded-on", "panel-change"}


class Eurotherm3216(Bank):
    """The controller; what it heats is the subclass's."""

    functions = frozenset({3, 6, 16})
    rest_mdegc = ROOM_MDEGC  # where what is heated goes with the heater off
    tau_ms = 600_000
    local_mdegc = LOW_MDEGC  # SP1 as it was commissioned
    alarm_mdegc = HIGH_MDEGC

    def __init__(self, name: str, seed: int, kind: Kind) -> None:
        self._sp_1 = self._sp_2 = self.local_mdegc
        self._remote = LOW_MDEGC
        self._is_remote = False
        self._lag = Lag(max(self.local_mdegc, self.rest_mdegc), self.tau_ms)
        super().__init__(name, seed, kind)

    def table(self, function: int, now_ns: MonoNs) -> Mapping[int, int] | None:
        """The registers of the manual that are of interest here."""
        if function != HOLDING:
            return None
        pv = self.reported("temperature", self._mdegc(), now_ns)
        tells_remote = self._is_remote != self.board.has("state-mismatch")
        return {
            1: word(pv, GRID, HIGH_MDEGC // GRID),
            TARGET: word(self._setpoint(), GRID, 0),
            3: 0,
            4: self._demand_permille(),
            5: word(self._setpoint(), GRID, 0),
            11: word(LOW_MDEGC, GRID, 0),
            12: word(HIGH_MDEGC, GRID, 0),
            13: word(self.alarm_mdegc, GRID, 0),
            14: 0,
            SP_1: word(self._sp_1, GRID, 0),
            SP_2: word(self._sp_2, GRID, 0),
            REMOTE: word(self._remote, GRID, 0),
            75: self._status(pv),
            SOURCE: int(tells_remote),
        }

    def refusal(self, address: int, words: tuple[int, ...]) -> int | None:
        """Setpoints and their source can be written, one at a time."""
        if len(words) != 1 or address not in (*SETPOINTS, SOURCE):
            return ILLEGAL_ADDRESS
        low, high = (0, 1) if address == SOURCE else (LOW_MDEGC // GRID, HIGH_MDEGC // GRID)
        return None if low <= words[0] <= high else ILLEGAL_VALUE

    def is_stop(self, address: int, words: tuple[int, ...]) -> bool:
        """Back to the local setpoint, which rests on a pad."""
        return address == SOURCE and words[0] == 0

    def apply(self, address: int, words: tuple[int, ...]) -> None:
        """Take the word."""
        value = words[0] * GRID
        if address == SOURCE:
            self._is_remote = bool(words[0])
        elif address == REMOTE:
            self._remote = value
        elif address == SP_2:
            self._sp_2 = value
        else:
            self._sp_1 = value

    def power_on(self) -> None:
        """Local again; what is stored stays."""
        self._is_remote = False
        self._remote = LOW_MDEGC

    def commanded(self) -> int:
        """Heat above the temperature at rest."""
        return self.stage(self._setpoint())

    def could_put_out(self) -> bool:
        """Under remote control, or a local setpoint that asks for heat."""
        return self._is_remote or self._setpoint() > self.rest_mdegc

    def stage(self, value: int) -> int:
        """How far a temperature is above that at rest."""
        return max(0, value - self.rest_mdegc)

    def shown(self, amplitude: int) -> int:
        """The temperature that is heated for; 0 when nothing is."""
        return self.rest_mdegc + amplitude if amplitude else 0

    def advance(self) -> None:
        """What is heated follows."""
        self._lag.step(self.rest_mdegc + self.amplitude, CYCLE_MS)

    def rests(self) -> bool:
        """As warm as it is heated for."""
        return self._lag.is_at(self.rest_mdegc + self.amplitude)

    def panel(self, value: int) -> None:
        """The keys at the front set SP1; a value off the grid or out of range cannot be set."""
        if LOW_MDEGC <= value <= HIGH_MDEGC and value % GRID == 0:
            self._sp_1 = value

    def _setpoint(self) -> int:
        return self._remote if self._is_remote else self._sp_1

    def _mdegc(self) -> int:
        hot = self.board.get("over-temperature")
        return self._lag.mdegc if hot is None else hot.get("mdegc", 0)

    def _demand_permille(self) -> int:
        short_mdegc = self._setpoint() - self._mdegc()
        held = self.stage(self._setpoint()) // 50
        return max(0, min(1000, held + short_mdegc * 1000 // BAND_MDEGC))

    def _status(self, pv: int | None) -> int:
        if pv is None:
            return SENSOR_BREAK
        outside = OUT_OF_RANGE if not LOW_MDEGC <= pv <= HIGH_MDEGC else 0
        return outside | (ALARM_1 if pv > self.alarm_mdegc else 0)


class EurothermTank(Eurotherm3216):
    """A hot-pack tank at its working temperature since the morning."""

    local_mdegc = 72_000

    def __init__(self, name: str, seed: int) -> None:
        kind = Kind(
            model="eurotherm-3216",
            ucum="m[Cel]",
            can=CAN,
            senses=frozenset({"temperature"}),
            cycle_ms=CYCLE_MS,
            boot_ms=BOOT_MS,
        )
        super().__init__(name, seed, kind)


class EurothermPad(Eurotherm3216):
    """A sensed heated pad on skin; SP1 was commissioned at the bottom of the range, so that local is off."""

    rest_mdegc = SKIN_MDEGC
    tau_ms = 10_000
    alarm_mdegc = 46_000

    def __init__(self, name: str, seed: int) -> None:
        kind = Kind(
            model="eurotherm-3216-pad",
            ucum="m[Cel]",
            can=CAN | OBEYING | {"state-mismatch"},
            senses=frozenset({"temperature"}),
            cycle_ms=CYCLE_MS,
            boot_ms=BOOT_MS,
        )
        super().__init__(name, seed, kind)
