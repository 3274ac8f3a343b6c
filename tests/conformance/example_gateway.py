"""A made-up gateway for one channel of muscle stimulation, as a bank of registers, from this document of its own.

Input registers (function 04), 32-bit numbers low word first:

======  ==============================================================================================================
0       model: 77        1  firmware, major in the high byte        2–3  serial number        4  bit 0: simulator
256     state: 0 idle, 1 ready, 2 stimulating, 9 error
257     error bits: 0 watchdog, 1 timer, 2 electrode
258     starts since it was made        259  measurements, one every 10 ms
260     measured current, 0.5 mA; FFFF: none        261  electrode: 0 good, 2 open        262  timer left, s
======  ==============================================================================================================

Holding registers (functions 03, 06, 16):

======  ==============================================================================================================
16      set current, 0.5 mA: 0 to 120        17  pulse width, 10 µs: 5 to 50
18      period, 0.25 ms: 40 to 4000          19  timer, s: 0 to 3600
20–21   watchdog, low word first: a changed number feeds it for 1500 ms
22      output: 0 off, 1 on
======  ==============================================================================================================

On needs a fed watchdog and a timer (else exception 04). Off, however it comes, sets current and timer to 0.
"""

from typing import Final

from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from devices.sim.device import FaultOrder, Truth
from devices.sim.faults import Fate, FaultBoard
from devices.sim.modbus import ILLEGAL_FUNCTION

MODEL: Final = "example-gateway"
ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 2, 3, 4
CAN: Final = frozenset(
    {
        *("reboot", "hang", "busy", "wrong-identity", "firmware-changed", "timer-early", "timer-late", "frozen"),
        *("stuck", "offset", "drift", "no-value", "noise", "run-away", "over-deliver", "under-deliver", "clip"),
        *("ignore-stop", "slow-stop", "accept-ignore", "apply-late", "apply-twice", "no-lease", "stuck-on"),
        *("stuck-off", "uncommanded-on", "contact-loss"),
    }
)
RANGES: Final = {16: (0, 120), 17: (5, 50), 18: (40, 4000), 19: (0, 3600), 20: (0, 0xFFFF), 21: (0, 0xFFFF), 22: (0, 1)}
AT_START: Final = {16: 0, 17: 20, 18: 80, 19: 0, 20: 0, 21: 0, 22: 0}
CURRENT, TIMER, WATCHDOG_LOW, WATCHDOG_HIGH, OUTPUT = 16, 19, 20, 21, 22
GRID_UA: Final = 500
WATCHDOG_NS: Final = 1_500 * NS_PER_MS
MEASURES_NS: Final = 10 * NS_PER_MS
BOOT_NS: Final = 400 * NS_PER_MS
NONE: Final = 0xFFFF


class ExampleGateway:
    """One gateway. Satisfies ``devices.sim.modbus.RegisterBank``."""

    model = MODEL
    unit_address = 1

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self._board = FaultBoard(MODEL, CAN, seed, frozenset({"current"}))
        self._serial = 700_000 + seed
        self._starts = 1
        self._error = 0
        self._deaf_until_ns = 0
        self._fed_until_ns = 0
        self._ends_ns = 0
        self._later: list[tuple[int, int, int]] = []
        self._held = dict(AT_START)
        self._was = (False, 0)
        self._changed_ns = 0

    def read(self, function: int, address: int, count: int, now_ns: MonoNs) -> tuple[int, ...] | int:
        """Registers of one table that lie together."""
        table = self._inputs(now_ns) if function == 4 else self._held if function == 3 else None
        if table is None:
            return ILLEGAL_FUNCTION
        wanted = range(address, address + count)
        return tuple(table[at] for at in wanted) if all(at in table for at in wanted) else ILLEGAL_ADDRESS

    def write(self, address: int, values: tuple[int, ...], now_ns: MonoNs) -> int | None:
        """All or nothing, in the order of the addresses."""
        words = dict(enumerate(values, address))
        if not set(words) <= set(RANGES) or (WATCHDOG_LOW in words) != (WATCHDOG_HIGH in words):
            return ILLEGAL_ADDRESS
        if not all(RANGES[at][0] <= word <= RANGES[at][1] for at, word in words.items()):
            return ILLEGAL_VALUE
        if words.get(OUTPUT) and not self._held[OUTPUT] and not self._may_start(words, now_ns):
            return DEVICE_FAILURE
        if WATCHDOG_LOW in words:
            self._feed(words[WATCHDOG_LOW], words[WATCHDOG_HIGH], now_ns)
        for at, word in words.items():
            if at not in (WATCHDOG_LOW, WATCHDOG_HIGH):
                is_off = at == OUTPUT and not word
                fate = self._board.fate_of_stop(now_ns) if is_off else self._board.fate_of_command(now_ns)
                self._obey(fate, at, word, now_ns)
        self._notice(now_ns)
        return None

    def is_deaf(self, now_ns: MonoNs) -> bool:
        """Starting, or hung."""
        return now_ns < self._deaf_until_ns or self._board.is_hung(now_ns)

    def is_busy(self, now_ns: MonoNs) -> bool:
        """The fault of that name."""
        return self._board.is_busy(now_ns)

    def update(self, now_ns: MonoNs) -> None:
        """Watchdog, timer and what was put off, each at its own time."""
        while not self._board.is_hung(now_ns) and (due_ns := self._due_ns()) is not None and due_ns <= now_ns:
            self._happen(due_ns)
        self._notice(now_ns)

    def truth(self, now_ns: MonoNs) -> Truth:
        """The current that flows, and whether it could."""
        self._notice(now_ns)
        energized, output = self._was
        return Truth(
            name=self.name,
            model=MODEL,
            energized=energized,
            output=output,
            unit="uA",
            state="on" if energized else "off",
            changed_at_mono_ns=self._changed_ns,
            now_mono_ns=now_ns,
            lease_left_ms=max(0, self._fed_until_ns - now_ns) // NS_PER_MS if self._held[OUTPUT] else None,
            channels=(output,),
            faults=self._board.active(),
        )

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch a fault on."""
        self._board.inject(order, now_ns)
        self.update(now_ns)

    def clear(self, now_ns: MonoNs) -> None:
        """Take all back."""
        self._board.clear(now_ns)
        self._notice(now_ns)

    def next_wakeup(self) -> MonoNs | None:
        """The next thing that is sure to come."""
        due_ns = None if self._board.has("hang") else self._due_ns()
        return None if due_ns is None else MonoNs(due_ns)

    def _may_start(self, words: dict[int, int], now_ns: int) -> bool:
        is_fed = now_ns < self._fed_until_ns or not self._board.lease_acts()
        return is_fed and words.get(TIMER, self._held[TIMER]) > 0

    def _feed(self, low: int, high: int, now_ns: int) -> None:
        if (low, high) != (self._held[WATCHDOG_LOW], self._held[WATCHDOG_HIGH]):
            self._held[WATCHDOG_LOW], self._held[WATCHDOG_HIGH] = low, high
            self._fed_until_ns = now_ns + WATCHDOG_NS

    def _obey(self, fate: Fate, at: int, word: int, now_ns: int) -> None:
        if fate.now:
            self._apply(at, word, now_ns)
        if fate.after_ms is not None:
            self._later.append((now_ns + fate.after_ms * NS_PER_MS, at, word))

    def _apply(self, at: int, word: int, now_ns: int) -> None:
        if at == OUTPUT and not word:
            self._switch_off(0)
            return
        if at == OUTPUT:
            self._error = 0
        self._held[at] = word
        if at == TIMER:
            self._ends_ns = now_ns + word * NS_PER_S + self._board.timer_shift_ms() * NS_PER_MS

    def _switch_off(self, why: int) -> None:
        self._error = why if self._held[OUTPUT] else 0
        for at in (OUTPUT, CURRENT, TIMER, WATCHDOG_LOW, WATCHDOG_HIGH):
            self._held[at] = 0
        self._fed_until_ns = 0

    def _due_ns(self) -> int | None:
        due = [at_ns for at_ns, _, _ in self._later]
        if self._held[OUTPUT]:
            due.append(self._ends_ns)
            due += [self._fed_until_ns] if self._board.lease_acts() else []
        reboot_ns = self._board.reboot_due_ns()
        return min([*due, *([] if reboot_ns is None else [reboot_ns])], default=None)

    def _happen(self, at_ns: int) -> None:
        reboot_ns = self._board.reboot_due_ns()
        if reboot_ns is not None and reboot_ns <= at_ns:
            self._board.done("reboot")
            self._held, self._later, self._error = dict(AT_START), [], 0
            self._starts += 1
            self._deaf_until_ns = at_ns + BOOT_NS
        for due_ns, at, word in [one for one in self._later if one[0] <= at_ns]:
            self._later.remove((due_ns, at, word))
            self._apply(at, word, at_ns)
        if self._held[OUTPUT] and self._board.lease_acts() and at_ns >= self._fed_until_ns:
            self._switch_off(1)
        if self._held[OUTPUT] and at_ns >= self._ends_ns:
            self._switch_off(2)
        self._notice(MonoNs(at_ns))

    def _notice(self, now_ns: MonoNs) -> None:
        commanded = self._held[CURRENT] * GRID_UA if self._held[OUTPUT] else 0
        flows = 0 if self._board.has("contact-loss") else self._board.true_amplitude(commanded, now_ns)
        now = (bool(self._held[OUTPUT]) or flows > 0, flows)
        if now != self._was:
            self._was, self._changed_ns = now, now_ns

    def _inputs(self, now_ns: MonoNs) -> dict[int, int]:
        energized, output = self._was
        is_open = self._board.has("contact-loss")
        measured = self._board.reported("current", output, now_ns)
        serial = self._serial + self._board.has("wrong-identity")
        left_s = max(0, self._ends_ns - now_ns) // NS_PER_S if self._held[OUTPUT] else 0
        told = {
            "state": (2 if output else 1) if energized else 0,
            "error": self._error | (4 if is_open else 0),
            "starts": self._starts,
            "measurements": now_ns // MEASURES_NS % 0x10000,
            "electrode": 2 if is_open else 0,
            "left": left_s,
        }
        state, error, starts, counter, electrode, left = (
            self._board.reported(name, value, now_ns) or 0 for name, value in told.items()
        )
        current = NONE if measured is None or not 0 <= measured < NONE * GRID_UA else measured // GRID_UA
        firmware = 0x0103 + self._board.has("firmware-changed")
        identity = {0: 77, 1: firmware, 2: serial & 0xFFFF, 3: serial >> 16, 4: 1}
        sample = {256: state, 257: error, 258: starts, 259: counter, 260: current, 261: electrode, 262: left}
        return identity | sample
