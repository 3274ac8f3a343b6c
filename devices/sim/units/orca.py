"""A simulated ORCA linear motor with a rope and a limb, from the maker's memory map and SDK, not from the driver.

======  ==============================================================================================================
0       control: 1 reset, 2 clear errors, 4 zero position, 8 invert (W)      3  mode command (W)
28–29   force command, mN    30–31  position command, um    133–138  position controller    139  most temperature, degC
140–141 most force, mN       142  most power, W    143  safety damping    163  communication timeout, ms
164–165 baud (read here)     169  address (read here)
317     mode in force: 1 sleep, 2 force, 3 position, 4 haptic, 5 kinematic, 55 auto-zero
321     status   336  board, degC   338  supply, mV   342–343  position, um   344–345  speed, mm/s   348–349  force, mN
350     power, W   356  coil, degC   406–407  serial   408–410  firmware   431  warnings   432  errors   433  latched
======  ==============================================================================================================

32-bit values have their low word first; function 100 is plain big endian: register, value in, position, force, power,
temperature, supply, errors out. Chosen where no source says: a mode shows after 10 ms (the SDK waits 25); every error
puts the motor to sleep and bars the other modes until it is cleared; the communication timeout runs in force and
position mode; a commanded force is cut at the most force; force is there at once; holding takes a watt for 2000 N².
The SDK's *invert* is refused, so are baud and address: this motor has one line. Serial numbers of simulators begin with
the letters SIM, as three bytes.
"""

import struct
import zlib
from typing import Final

import msgspec

from devices.model import NS_PER_MS, MonoNs
from devices.sim.device import FaultOrder, Truth
from devices.sim.faults import Fate, FaultBoard
from devices.sim.limb import force_n

CAN: Final = frozenset(
    {
        *("reboot", "hang", "busy", "wrong-identity", "firmware-changed"),
        *("frozen", "stuck", "offset", "drift", "noise"),
        *("run-away", "over-deliver", "under-deliver", "ignore-stop", "slow-stop", "accept-ignore", "apply-late"),
        *("apply-twice", "clip", "state-mismatch", "no-lease", "stuck-on", "stuck-off", "uncommanded-on"),
        *("over-temperature", "cough", "slack"),
    }
)
IN_NEWTON: Final = frozenset({"clip", "uncommanded-on", "stuck", "offset", "drift"})  # the board works in mN
SLEEP, FORCE, POSITION, HAPTIC, KINEMATIC, AUTO_ZERO = 1, 2, 3, 4, 5, 55
MODES: Final = {SLEEP: "sleep", FORCE: "force", POSITION: "position", HAPTIC: "haptic", KINEMATIC: "kinematic"}
MINIMUM_PULL_MN: Final = 15_000  # as on the Eltrac 471, manual p. 26: what counts as off
HELD_NS: Final = 1_000 * NS_PER_MS
MODE_NS: Final = 10 * NS_PER_MS
BOOT_NS: Final = 300 * NS_PER_MS
MAX_TEMPERATURE, MAX_FORCE, MAX_POWER, COMMS_TIMEOUT = 1 << 6, 1 << 7, 1 << 8, 1 << 11
ILLEGAL_ADDRESS, ILLEGAL_VALUE = 2, 3
COMMAND_STREAM: Final = 100
RESET, CLEAR, ZERO = 1, 2, 4
BOARD_DEGC, SUPPLY_MV, STATUS = 30, 24_000, 0
FIRMWARE: Final = (7, 2, 2)
REST_UM: Final = 100_000
GIVES_UM_N: Final = 100  # the limb follows the pull by a millimetre for 10 N
WATT_N2: Final = 2_000
# What stays as written until a restart, and what it is then.
KEPT: Final = dict.fromkeys((28, 29, 30, 31, 133, 134, 135, 136, 137, 138, 143, 163), 0) | {
    139: 80,
    140: 638_000 & 0xFFFF,
    141: 638_000 >> 16,
    142: 600,
}


class _Later(msgspec.Struct, frozen=True):
    """A command that takes effect later, in the order in which it was acknowledged."""

    due_ns: int
    address: int
    word: int


class SimOrca:
    """One motor as a bank of registers with a function of its own."""

    model = "iris-orca"
    unit_address = 1
    functions = frozenset({3, 6, 16, 23, COMMAND_STREAM})

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self._board = FaultBoard(self.model, CAN, seed, frozenset({"force"}))
        self._serial = int.from_bytes(b"SIM", "big") << 8 | (zlib.crc32(name.encode()) + seed) % 256
        self._deaf_until_ns = 0
        self._now_ns = 0
        self._output_mn = 0
        self._low_since_ns = -HELD_NS
        self._was_energized = False
        self._changed_ns = 0
        self._latched = 0
        self._reset()

    def _reset(self) -> None:
        """What power-on leaves."""
        self._kept = dict(KEPT)
        self._mode = self._shown_mode = SLEEP
        self._mode_shows_ns = 0
        self._errors = 0
        self._commanded_ns = 0
        self._later: list[_Later] = []

    # Registers

    def read(self, function: int, address: int, count: int, now_ns: MonoNs) -> tuple[int, ...] | int:  # noqa: ARG002  # one table
        """Registers of the map, in any run of them; nothing besides."""
        words = self._words(now_ns)
        wanted = range(address, address + count)
        return tuple(words[at] for at in wanted) if all(at in words for at in wanted) else ILLEGAL_ADDRESS

    def write(self, address: int, values: tuple[int, ...], now_ns: MonoNs) -> int | None:
        """All or nothing, in the order of the addresses."""
        words = dict(enumerate(values, address))
        for at, word in words.items():
            if at not in (0, 3) and at not in KEPT:
                return ILLEGAL_ADDRESS
            if (at == 0 and word not in (RESET, CLEAR, ZERO)) or (at == 3 and word not in (*MODES, AUTO_ZERO)):
                return ILLEGAL_VALUE
        for at, word in words.items():
            is_stop = at == 3 and word == SLEEP
            fate = self._board.fate_of_stop(now_ns) if is_stop else self._board.fate_of_command(now_ns)
            self._obey(fate, at, word, now_ns)
        self._settle(now_ns)
        return None

    def own(self, function: int, octets: bytes, now_ns: MonoNs) -> bytes | int:  # noqa: ARG002  # there is only one
        """The command stream."""
        if len(octets) != 5:
            return ILLEGAL_VALUE
        register, low, high = octets[0], int.from_bytes(octets[3:5], "big"), int.from_bytes(octets[1:3], "big")
        if register in (28, 30):
            fate = self._board.fate_of_command(now_ns)
            self._obey(fate, register, low, now_ns)
            self._obey(fate, register + 1, high, now_ns)
            self._settle(now_ns)
        return self._telemetry(now_ns)

    def is_deaf(self, now_ns: MonoNs) -> bool:
        """Starting up, or hung."""
        return now_ns < self._deaf_until_ns or self._board.is_hung(now_ns)

    def is_busy(self, now_ns: MonoNs) -> bool:
        """The fault of that name."""
        return self._board.is_busy(now_ns)

    # Time

    def update(self, now_ns: MonoNs) -> None:
        """Delayed commands, a mode that begins to show, the communication timeout, a restart: each at its own time."""
        if self._board.is_hung(now_ns):
            self._now_ns = now_ns
            return
        while (due_ns := self._next_due_ns()) is not None and due_ns <= now_ns:
            self._happen(MonoNs(due_ns))
        self._settle(now_ns)
        self._now_ns = now_ns

    def next_wakeup(self) -> MonoNs | None:
        """The next of those."""
        due_ns = None if self._board.has("hang") else self._next_due_ns()
        return None if due_ns is None else MonoNs(max(due_ns, self._now_ns + 1))

    def truth(self, now_ns: MonoNs) -> Truth:
        """Past every lie: the force in the rope, and whether it could be another one without another frame."""
        self._settle(now_ns)
        lease_ends_ns = self._lease_end_ns()
        return Truth(
            name=self.name,
            model=self.model,
            energized=self._was_energized,
            output=self._output_mn // 1000,
            unit="N",
            state=MODES.get(self._mode, "auto-zero"),
            changed_at_mono_ns=self._changed_ns,
            now_mono_ns=now_ns,
            lease_left_ms=None if lease_ends_ns is None else max(0, lease_ends_ns - now_ns) // NS_PER_MS,
            channels=(self._output_mn // 1000,),
            faults=self._board.active(),
        )

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch a fault on."""
        self.update(now_ns)
        if order.fault in IN_NEWTON:
            parameters = tuple((name, value * 1000) for name, value in order.parameters)
            order = msgspec.structs.replace(order, parameters=parameters)
        self._board.inject(order, now_ns)
        self.update(now_ns)

    def clear(self, now_ns: MonoNs) -> None:
        """Take all faults back."""
        self.update(now_ns)
        self._board.clear(now_ns)
        self.update(now_ns)

    def _next_due_ns(self) -> int | None:
        due = [later.due_ns for later in self._later]
        if self._shown_mode != self._mode:
            due.append(self._mode_shows_ns)
        lease_ends_ns = self._lease_end_ns()
        if lease_ends_ns is not None and self._board.lease_acts():
            due.append(lease_ends_ns)
        if self._was_energized and self._mode == SLEEP and self._output_mn <= MINIMUM_PULL_MN:
            due.append(self._low_since_ns + HELD_NS)
        reboot_ns = self._board.reboot_due_ns()
        if reboot_ns is not None:
            due.append(reboot_ns)
        return min(due, default=None)

    def _happen(self, now_ns: MonoNs) -> None:
        for later in [later for later in self._later if later.due_ns <= now_ns]:
            self._later.remove(later)
            self._apply(later.address, later.word, now_ns)
        if now_ns >= self._mode_shows_ns:
            self._shown_mode = self._mode
        lease_ends_ns = self._lease_end_ns()
        if lease_ends_ns is not None and now_ns >= lease_ends_ns and self._board.lease_acts():
            self._fail(COMMS_TIMEOUT, now_ns)
        reboot_ns = self._board.reboot_due_ns()
        if reboot_ns is not None and now_ns >= reboot_ns:
            self._board.done("reboot")
            self._restart(now_ns)
        self._settle(now_ns)

    def _restart(self, now_ns: int) -> None:
        self._reset()
        self._deaf_until_ns = now_ns + BOOT_NS

    def _lease_end_ns(self) -> int | None:
        is_watched = self._mode in (FORCE, POSITION) and self._kept[163] > 0
        return self._commanded_ns + self._kept[163] * NS_PER_MS if is_watched else None

    # What commands do

    def _obey(self, fate: Fate, address: int, word: int, now_ns: int) -> None:
        if fate.now:
            self._apply(address, word, now_ns)
        if fate.after_ms is not None:
            self._later.append(_Later(now_ns + fate.after_ms * NS_PER_MS, address, word))

    def _apply(self, address: int, word: int, now_ns: int) -> None:
        if address == 3:
            self._enter(word if self._errors == 0 or word == SLEEP else SLEEP, now_ns)
        elif address == 0 and word == RESET:
            self._restart(now_ns)
        elif address == 0:
            self._errors = 0 if word == CLEAR else self._errors
        else:
            self._kept[address] = word
            if address in (28, 30):
                self._commanded_ns = now_ns

    def _enter(self, mode: int, now_ns: int) -> None:
        if mode != self._mode:
            self._mode, self._mode_shows_ns = mode, now_ns + MODE_NS
            self._commanded_ns = now_ns

    def _fail(self, error: int, now_ns: int) -> None:
        self._errors |= error
        self._latched |= error
        self._enter(SLEEP, now_ns)

    # What comes of it

    def _settle(self, now_ns: MonoNs) -> None:
        """The force that there is, and what the motor itself makes of it."""
        self._pull(now_ns)
        exceeded = 0
        if self._output_mn > self._wide(140) and self._mode != SLEEP:
            exceeded |= MAX_FORCE
        if self._power_w() > self._kept[142] and self._mode != SLEEP:
            exceeded |= MAX_POWER
        if self._coil_degc() > self._kept[139]:
            exceeded |= MAX_TEMPERATURE
        if exceeded:
            self._fail(exceeded, now_ns)
            self._pull(now_ns)

    def _pull(self, now_ns: MonoNs) -> None:
        before = (self._output_mn, self._was_energized)
        commanded_mn = min(self._wide(28), self._wide(140)) if self._mode == FORCE else 0
        pull_mn = self._board.true_amplitude(commanded_mn, now_ns)
        in_rope_n = force_n(pull_mn // 1000, self._board, now_ns)
        self._output_mn = pull_mn + (in_rope_n - pull_mn // 1000) * 1000
        if max(before[0], self._output_mn) > MINIMUM_PULL_MN:
            self._low_since_ns = now_ns
        is_low = self._output_mn <= MINIMUM_PULL_MN and now_ns - self._low_since_ns >= HELD_NS
        self._was_energized = self._mode != SLEEP or not is_low
        if before != (self._output_mn, self._was_energized):
            self._changed_ns = now_ns

    def _power_w(self) -> int:
        return (self._output_mn // 1000) ** 2 // WATT_N2

    def _coil_degc(self) -> int:
        order = self._board.get("over-temperature")
        return BOARD_DEGC if order is None else order.get("mdegc", 0) // 1000

    def _wide(self, address: int) -> int:
        """A signed register pair, low word first."""
        raw = self._kept[address + 1] << 16 | self._kept[address]
        return raw - (1 << 32) if raw >> 31 else raw

    # What is told of it

    def _told_force_mn(self, now_ns: MonoNs) -> int:
        told = self._board.reported("force", self._output_mn, now_ns)
        return self._output_mn if told is None else max(-(1 << 31), min(told, (1 << 31) - 1))

    def _position_um(self) -> int:
        return REST_UM - self._output_mn * GIVES_UM_N // 1000

    def _told_mode(self, now_ns: MonoNs) -> int:
        mode = self._shown_mode
        if self._board.has("state-mismatch"):
            mode = FORCE if mode == SLEEP else SLEEP
        return self._board.reported("mode", mode, now_ns) or SLEEP

    def _telemetry(self, now_ns: MonoNs) -> bytes:
        """Function 100's answer."""
        told_mn, power_w = self._told_force_mn(now_ns), self._power_w()
        return telemetry(self._position_um(), told_mn, power_w, self._coil_degc(), SUPPLY_MV, self._errors)

    def _words(self, now_ns: MonoNs) -> dict[int, int]:
        serial = self._serial ^ self._board.has("wrong-identity")
        major, release, revision = FIRMWARE
        words = dict(self._kept)
        for address, value in (
            (164, 19_200),
            (342, self._position_um()),
            (344, 0),
            (348, self._told_force_mn(now_ns)),
            (406, serial),
        ):
            words[address], words[address + 1] = value & 0xFFFF, value >> 16 & 0xFFFF
        words.update({169: self.unit_address, 317: self._told_mode(now_ns), 321: STATUS, 336: BOARD_DEGC})
        words.update({338: SUPPLY_MV, 350: self._power_w(), 356: self._coil_degc()})
        words.update({408: major, 409: release, 410: revision + self._board.has("firmware-changed")})
        words.update({431: 0, 432: self._errors, 433: self._latched})
        return words


def telemetry(position_um: int, told_mn: int, power_w: int, coil_degc: int, supply_mv: int, errors: int) -> bytes:
    """What follows function 100 in its answer."""
    return struct.pack(">iiHBHH", position_um, told_mn, min(power_w, 0xFFFF), min(coil_degc, 0xFF), supply_mv, errors)
