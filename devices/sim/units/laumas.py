"""A simulated Laumas TLB load-cell transmitter, from its Modbus register list, not from the driver.

=====  ===============================================================================================================
0–4    firmware, type, year, serial number, program type        5  command (RW)      6  status
7–8    gross weight    9–10  net weight    11–12  peak    13  unit and division     16, 17  inputs, outputs
=====  ===============================================================================================================

Weights are magnitudes, high word first; their signs are bits 7 to 9 of the status. Bits 0 to 5 say that the weight is
none: 0 cell, 1 converter, 2 over the maximum by 9 divisions, 3 over 110 % of full scale, 4 and 5 overflow. 10 net is
shown, 11 stable, 12 within a quarter division of zero. Functions 03 and 16 alone; at most 32 registers in one query.
Chosen where the list does not say: 13 is 0406 (newton, division 1), a lost cell reads 0, the peak is the largest pull
since power-on; year 0 marks a simulator.
The load is ``load_mn``: whoever puts the cell into a rope pulls at it. It is an instrument: it puts nothing out.
"""

import zlib
from typing import Final

from devices.model import NS_PER_MS, MonoNs
from devices.sim.device import FaultOrder, Truth
from devices.sim.faults import FaultBoard

CAN: Final = frozenset(
    {
        *("reboot", "hang", "busy", "wrong-identity", "firmware-changed"),
        *("frozen", "stuck", "offset", "drift", "no-value", "noise", "panel-change"),
    }
)
FULL_SCALE_N: Final = 1_000
OVER_N: Final = FULL_SCALE_N * 110 // 100
CELL_LOST, OVER_RANGE, GROSS_BELOW_0, NET_BELOW_0, STABLE = 1, 1 << 3, 1 << 7, 1 << 8, 1 << 11
NEWTONS: Final = 0x0406
KILOGRAMS: Final = 0x0006  # what somebody may turn the unit to at its panel
ILLEGAL_ADDRESS, ILLEGAL_VALUE = 2, 3
MOST_REGISTERS: Final = 32
BOOT_NS: Final = 500 * NS_PER_MS


class SimLaumas:
    """One transmitter and its cell."""

    model = "laumas-tlb"
    functions = frozenset({3, 16})

    def __init__(self, name: str, seed: int, unit_address: int = 2) -> None:
        self.name = name
        self.unit_address = unit_address  # 2: beside a motor that is 1
        self.load_mn = 0
        self._board = FaultBoard(self.model, CAN, seed, frozenset({"load"}))
        self._serial = (zlib.crc32(name.encode()) + seed) % 60_000
        self._unit = NEWTONS
        self._command = 0
        self._peak_n = 0
        self._deaf_until_ns = 0
        self._changed_ns = 0

    def pull(self, force_n: int) -> None:
        """The rope that the cell hangs in is pulled with so much."""
        self.load_mn = force_n * 1_000

    def own(self, function: int, octets: bytes, now_ns: MonoNs) -> bytes | int:  # noqa: ARG002  # the seam's shape
        """It has no function of its own."""
        return ILLEGAL_VALUE

    def read(self, function: int, address: int, count: int, now_ns: MonoNs) -> tuple[int, ...] | int:  # noqa: ARG002  # one table
        """At most 32 registers of the list."""
        if count > MOST_REGISTERS:
            return ILLEGAL_VALUE
        words = self._words(now_ns)
        return words[address : address + count] if address + count <= len(words) else ILLEGAL_ADDRESS

    def write(self, address: int, values: tuple[int, ...], now_ns: MonoNs) -> int | None:  # noqa: ARG002  # acts at once
        """The command register; this simulator knows no command: it is kept and does nothing."""
        if (address, len(values)) != (5, 1):
            return ILLEGAL_ADDRESS
        self._command = values[0]
        return None

    def is_deaf(self, now_ns: MonoNs) -> bool:
        """Starting up, or hung."""
        return now_ns < self._deaf_until_ns or self._board.is_hung(now_ns)

    def is_busy(self, now_ns: MonoNs) -> bool:
        """The fault of that name."""
        return self._board.is_busy(now_ns)

    def update(self, now_ns: MonoNs) -> None:
        """A restart."""
        due_ns = self._board.reboot_due_ns()
        if due_ns is not None and now_ns >= due_ns:
            self._board.done("reboot")
            self._peak_n = self._command = 0
            self._deaf_until_ns = now_ns + BOOT_NS
            self._changed_ns = now_ns

    def next_wakeup(self) -> MonoNs | None:
        """That restart."""
        return self._board.reboot_due_ns()

    def truth(self, now_ns: MonoNs) -> Truth:
        """It measures; what it hangs in is another unit's truth."""
        return Truth(
            name=self.name,
            model=self.model,
            energized=False,
            output=0,
            unit="N",
            state="measuring",
            changed_at_mono_ns=self._changed_ns,
            now_mono_ns=now_ns,
            lease_left_ms=None,
            channels=(0,),
            faults=self._board.active(),
        )

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch a fault on; a change at the panel is another unit of measure."""
        self.update(now_ns)
        self._board.inject(order, now_ns)
        if order.fault == "panel-change":
            self._board.done("panel-change")
            self._unit = order.get("value", KILOGRAMS) & 0xFFFF
        self.update(now_ns)

    def clear(self, now_ns: MonoNs) -> None:
        """Take all faults back."""
        self._board.clear(now_ns)
        self._unit = NEWTONS

    def _words(self, now_ns: MonoNs) -> tuple[int, ...]:
        told_n = self._board.reported("load", self.load_mn // 1000, now_ns)
        gross_n = 0 if told_n is None else told_n
        self._peak_n = max(self._peak_n, gross_n)
        status = STABLE
        status |= CELL_LOST if told_n is None else OVER_RANGE if abs(gross_n) > OVER_N else 0
        status |= (GROSS_BELOW_0 | NET_BELOW_0) if gross_n < 0 else 0
        firmware = 0x0102 + self._board.has("firmware-changed")
        serial = self._serial + self._board.has("wrong-identity")
        weights = (abs(gross_n), abs(gross_n), self._peak_n)
        halves = [half for weight in weights for half in (weight >> 16 & 0xFFFF, weight & 0xFFFF)]
        return (firmware, 4, 0, serial, 0, self._command, status, *halves, self._unit, 0, 0, 0, 0)
