"""What every reference unit has in common, as the published maps say it; written from them, not from the driver.

Holding registers, zero-based. A reserved register reads 0. 32-bit numbers have their high word first.

======  ==============================================================================================================
0–15    identity, readable at once: magic 4D43, map version, model code, flags (bit 0 simulator), serial number (2),
        firmware, hardware, lease in ms, longest timer in 100 ms, accessory's serial number (2), and what the model says
16      status: 0 off, 1 armed, 2 energized, 3 suspended, 4 fault; told by the output's own sensor, not by the command
17      fault bits: 0 lease expired, 1 timer ended, 2 temperature, 3 patient's switch
18      boot counter        19  sample counter, one a measuring cycle of 20 ms
20      lease left, ms      21  own timer left, 100 ms
22      contact: 0 good, 1 poor, 2 open, 3 not told         23…  the model's readings
32      enable: 0 off, 1 on, 2 off at the rate that is set (traction only)
33–34   lease: a number unlike the last one feeds it        35   own timer, 100 ms
36      level                                               37…  settings
======  ==============================================================================================================

Rule 1: switching on needs a fed lease, a timer above 0, and what the model asks for; else exception 04.
Rule 2: off, for whatever reason, sets the timer to 0 and the level to its least intense value; settings stay. An off
        command also clears fault bits.
Rule 3: reads never feed the lease; neither does the number that was written last, since the last off.
"""

import zlib
from abc import ABC, abstractmethod
from typing import Final

import msgspec

from devices.model import NS_PER_MS, MonoNs
from devices.sim.device import FaultOrder, Truth
from devices.sim.faults import Fate, FaultBoard

MAGIC: Final = 0x4D43
MAP_VERSION: Final = 1
SIM_FLAG: Final = 1
FIRMWARE: Final = 0x0102
HARDWARE: Final = 1
LEASE_MS: Final = 1000
CYCLE_MS: Final = 20
CYCLE_NS: Final = CYCLE_MS * NS_PER_MS
BOOT_NS: Final = 300 * NS_PER_MS  # chosen: a small controller's start
TIMER_STEP_MS: Final = 100
TIMER_MAX: Final = 65_000  # 108 min; chosen: below the sentinel, above every session
NO_UINT: Final = 0xFFFF
NO_INT: Final = 0x8000

SAMPLE_AT: Final = 16
READINGS_AT: Final = 23
ENABLE, LEASE_HIGH, LEASE_LOW, TIMER, LEVEL = 32, 33, 34, 35, 36
NO_WORDS: Final = (0,) * SAMPLE_AT

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4

OFF_NOW, ON, OFF_SLOWLY = range(3)  # what enable takes
OFF, ARMED, ENERGIZED, SUSPENDED, FAULT = range(5)
STATUS_NAMES: Final = ("off", "armed", "energized", "suspended", "fault")
LEASE_EXPIRED, TIMER_ENDED, TEMPERATURE, SWITCH = (1 << bit for bit in range(4))
GOOD, POOR, OPEN, NOT_TOLD = range(4)

# What every reference unit can have; bodies and accessories are the model's.
COMMON_FAULTS: Final = frozenset(
    {
        *("reboot", "hang", "busy", "wrong-identity", "firmware-changed", "timer-early", "timer-late"),
        *("frozen", "stuck", "offset", "drift", "no-value", "noise"),
        *("run-away", "over-deliver", "under-deliver", "ignore-stop", "slow-stop", "accept-ignore", "apply-late"),
        *("apply-twice", "clip", "state-mismatch", "no-lease", "stuck-on", "stuck-off", "uncommanded-on"),
        "panel-change",
    }
)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A writable register of the model, in raw words; the first one is the level. ``only``: a closed set of values."""

    low: int
    high: int
    default: int
    only: tuple[int, ...] = ()

    def takes(self, word: int) -> bool:
        """Whether the unit accepts this word."""
        return self.low <= word <= self.high and (not self.only or word in self.only)


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is, beside its behaviour. ``senses``: the readings that sensing faults act on."""

    model: str
    code: int
    ucum: str
    settings: tuple[Setting, ...]
    can: frozenset[str]
    senses: frozenset[str]
    enables: tuple[int, ...] = (OFF_NOW, ON)


class _Later(msgspec.Struct, frozen=True):
    """A write that takes effect later, in the order in which it was acknowledged."""

    due_ns: int
    address: int
    word: int


class ReferenceUnit(ABC):
    """One reference unit as a bank of registers. A model says its settings, its readings, its output and its body."""

    unit_address = 1

    def __init__(self, name: str, seed: int, kind: Kind) -> None:
        self.name = name
        self.model = kind.model
        self.board = FaultBoard(kind.model, COMMON_FAULTS | kind.can, seed, kind.senses)
        self._kind = kind
        # Two units of one bench differ in their serial numbers even with one seed.
        self._serial = kind.code * 10_000_000 + (zlib.crc32(name.encode()) + seed) % 10_000_000
        self._boot = 1
        self._cycle_ns: int | None = None  # the last measuring cycle
        self._updated_ns: int | None = None
        self._deaf_until_ns = 0
        self._later: list[_Later] = []
        self._amplitude = 0
        self._was_energized = False
        self._changed_ns = 0
        self._reset()

    def _reset(self) -> None:
        """What power-on leaves."""
        self.held = [setting.default for setting in self._kind.settings]
        self.is_enabled = False
        self.faults = 0
        self._counter = 0
        self._lease: int | None = None
        self._lease_end_ns = 0
        self._timer = 0
        self._timer_left_ns = 0
        self._later = []

    # What a model says

    def identity_words(self) -> tuple[int, ...]:
        """Registers 10 to 15."""
        return ()

    @abstractmethod
    def readings(self, now_ns: MonoNs) -> tuple[int, ...]:
        """Registers 23 and on, as reported."""

    def contact(self) -> int:
        """Register 22."""
        return NOT_TOLD

    def refuses_start(self) -> bool:
        """Whether switching on fails for a reason of the model."""
        return False

    def is_suspended(self) -> bool:
        """The unit holds its output by itself and its timer stands."""
        return False

    @abstractmethod
    def commanded(self) -> int:
        """The amplitude that the control asks of the output stage now, switched on or not; 0 is nothing."""

    def load(self, amplitude: int, now_ns: MonoNs) -> int:  # noqa: ARG002  # for units whose patient has a say
        """What comes out of an output stage at this amplitude, the body being what it is."""
        return amplitude

    def stage(self, value: int) -> int:
        """A fault's canonical value as an amplitude of the output stage."""
        return value

    def shown(self, amplitude: int) -> int:
        """What ``truth`` shows of an amplitude, in the level's unit."""
        return amplitude

    def is_output_off(self) -> bool:
        """What the output's own sensor says."""
        return self.amplitude == 0

    def advance(self, now_ns: MonoNs) -> None:  # noqa: B027  # a unit without physics of its own has none
        """One measuring cycle of physics; ``amplitude`` is what the output stage really does."""

    def rests(self) -> bool:
        """With the output off, nothing of the model moves."""
        return True

    @abstractmethod
    def panel(self, value: int) -> int | None:
        """The level's word for a canonical value set at the unit's own knob; None if the knob has none."""

    def knows_its_output(self) -> bool:
        """Whether the sensor that status comes from has a reading."""
        return True

    # Registers

    def read(self, function: int, address: int, count: int, now_ns: MonoNs) -> tuple[int, ...] | int:
        """Any registers of the map together; none besides."""
        if function != 3:
            return ILLEGAL_FUNCTION
        if address + count > LEVEL + len(self._kind.settings):
            return ILLEGAL_ADDRESS
        identity = self._identity() if address < SAMPLE_AT else NO_WORDS
        return (*identity, *self._sample(now_ns), *self._written())[address : address + count]

    def write(self, address: int, values: tuple[int, ...], now_ns: MonoNs) -> int | None:
        """All or nothing: every word is judged before the first one acts, and enable acts last."""
        words = dict(enumerate(values, address))
        if not words.keys() <= set(range(ENABLE, LEVEL + len(self._kind.settings))):
            return ILLEGAL_ADDRESS
        if (LEASE_HIGH in words) != (LEASE_LOW in words):
            return ILLEGAL_ADDRESS
        if not all(self._takes(at, word) for at, word in words.items()):
            return ILLEGAL_VALUE
        if words.get(ENABLE) == ON and not self._may_start(words, now_ns):
            return DEVICE_FAILURE
        if LEASE_HIGH in words:
            self._feed(words[LEASE_HIGH] << 16 | words[LEASE_LOW], now_ns)
        for at, word in sorted(words.items(), key=lambda item: (item[0] == ENABLE, item[0])):
            if at in (LEASE_HIGH, LEASE_LOW):
                continue
            is_off = at == ENABLE and word != ON
            self._obey(
                self.board.fate_of_stop(now_ns) if is_off else self.board.fate_of_command(now_ns), at, word, now_ns
            )
        self._observe(now_ns)
        return None

    def is_deaf(self, now_ns: MonoNs) -> bool:
        """Starting up, or hung."""
        return now_ns < self._deaf_until_ns or self.board.is_hung(now_ns)

    def is_busy(self, now_ns: MonoNs) -> bool:
        """The fault of that name."""
        return self.board.is_busy(now_ns)

    # Time

    def update(self, now_ns: MonoNs) -> None:
        """Measuring cycles up to now; the clock of a resting unit jumps."""
        if now_ns == self._updated_ns:
            return
        self._updated_ns = now_ns
        if self._cycle_ns is None:
            self._cycle_ns = now_ns
        if self.board.is_hung(now_ns):
            self._cycle_ns = now_ns
            return
        while self._cycle_ns + CYCLE_NS <= now_ns:
            if self._is_still():
                cycles = (now_ns - self._cycle_ns) // CYCLE_NS
                self._cycle_ns += cycles * CYCLE_NS
                self._counter += cycles
                break
            self._cycle_ns += CYCLE_NS
            self._counter += 1
            self._cycle(MonoNs(self._cycle_ns))
        self._restart_if_ordered(now_ns)
        self._observe(now_ns)

    def next_wakeup(self) -> MonoNs | None:
        """The next thing that is sure to come; every cycle up to then happens with its own time when asked."""
        due = [later.due_ns for later in self._later]
        if self.is_enabled:
            due += [self._lease_end_ns, (self._cycle_ns or 0) + self._timer_left_ns]
        reboot_ns = self.board.reboot_due_ns()
        if reboot_ns is not None:
            due.append(reboot_ns)
        # A moment that has passed without effect (a watchdog that does not act) comes no more.
        coming = [at for at in due if at > (self._cycle_ns or 0)]
        return MonoNs(min(coming) + CYCLE_NS) if coming else None

    def truth(self, now_ns: MonoNs) -> Truth:
        """Past every lie: what the output stage does, and what it could do without another frame."""
        self._observe(now_ns)
        return Truth(
            name=self.name,
            model=self.model,
            energized=self._was_energized,
            output=self.shown(self._amplitude),
            unit=self._kind.ucum,
            state=STATUS_NAMES[self._status()],
            changed_at_mono_ns=self._changed_ns,
            now_mono_ns=now_ns,
            lease_left_ms=max(0, self._lease_end_ns - now_ns) // NS_PER_MS if self.is_enabled else None,
            channels=(self.shown(self._amplitude),),
            faults=self.board.active(),
        )

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch a fault on; those that happen at one moment happen now."""
        self.update(now_ns)
        self.board.inject(self._at_the_stage(order), now_ns)
        if order.fault == "panel-change":
            self.board.done("panel-change")
            word = self.panel(order.get("value", 0))
            if word is not None and self._kind.settings[0].takes(word):
                self.held[0] = word
        self._restart_if_ordered(now_ns)
        self._observe(now_ns)

    def _at_the_stage(self, order: FaultOrder) -> FaultOrder:
        """Faults of the output carry canonical values; the board works on the stage's amplitude."""
        if order.fault not in ("uncommanded-on", "clip"):
            return order
        parameters = tuple((name, self.stage(value)) for name, value in order.parameters)
        return msgspec.structs.replace(order, parameters=parameters)

    def clear(self, now_ns: MonoNs) -> None:
        """Take all faults back."""
        self.update(now_ns)
        self.board.clear(now_ns)
        self._observe(now_ns)

    @property
    def amplitude(self) -> int:
        """What the output stage really does, canonical."""
        return self._amplitude

    def switch_off(self, why: int = 0, *, slowly: bool = False) -> None:  # noqa: ARG002  # for units that take time
        """The unit's own off; ``why`` is the fault bit that says so."""
        if self.is_enabled:
            self.faults |= why
        self.is_enabled = False
        self.held[0] = self._kind.settings[0].default
        self._lease = None
        self._lease_end_ns = 0
        self._timer = 0
        self._timer_left_ns = 0

    def word(self, name: str, value: int, now_ns: MonoNs, *, multiply: int = 1, nothing: int = NO_UINT) -> int:
        """One reading as its register shows it: lies included, on the register's grid, inside its 16 bits.

        A reading that does not fit is *no value* too: a sensor beyond its range has none.
        """
        reported = self.board.reported(name, value, now_ns)
        if reported is None:
            return nothing
        raw = reported // multiply
        is_signed = nothing == NO_INT
        lowest, highest = (-0x7FFF, 0x7FFF) if is_signed else (0, 0xFFFE)
        return raw & 0xFFFF if lowest <= raw <= highest else nothing

    def _cycle(self, now_ns: MonoNs) -> None:
        was_enabled, coming = self.is_enabled, len(self._later)
        if coming:
            for later in [later for later in self._later if later.due_ns <= now_ns]:
                self._later.remove(later)
                self._apply(later.address, later.word)
        if self.is_enabled:
            if self.board.lease_acts() and now_ns >= self._lease_end_ns:
                self.switch_off(LEASE_EXPIRED)
            if not self.is_suspended():
                self._timer_left_ns -= CYCLE_NS
            if self._timer_left_ns <= 0:
                self.switch_off(TIMER_ENDED)
        if coming or was_enabled is not self.is_enabled or self.board.active():  # else nothing has moved since the last
            self._observe(now_ns)
        self.advance(now_ns)
        self._observe(now_ns)

    def _is_still(self) -> bool:
        is_quiet = not self.is_enabled and self.is_output_off() and not self._later and not self.board.active()
        return is_quiet and self.rests()

    def _observe(self, now_ns: MonoNs) -> None:
        """What the output stage makes of its command, and when that changed."""
        amplitude, was_energized = self._amplitude, self._was_energized
        self._amplitude = self.load(self.board.true_amplitude(self.commanded(), now_ns), MonoNs(now_ns))
        self._was_energized = self.is_enabled or not self.is_output_off()
        if amplitude != self._amplitude or was_energized is not self._was_energized:
            self._changed_ns = now_ns

    def _status(self) -> int:
        if self.is_enabled and self.is_suspended():
            return SUSPENDED
        if not self.knows_its_output():
            return FAULT
        if not self.is_output_off():
            return ENERGIZED
        if self.is_enabled:
            return ENERGIZED if self.commanded() else ARMED
        return FAULT if self.faults & TEMPERATURE else OFF

    def _restart_if_ordered(self, now_ns: MonoNs) -> None:
        due_ns = self.board.reboot_due_ns()
        if due_ns is not None and now_ns >= due_ns:
            self.board.done("reboot")
            self._reset()
            self._boot += 1
            self._deaf_until_ns = now_ns + BOOT_NS

    def _identity(self) -> tuple[int, ...]:
        serial = self._serial + self.board.has("wrong-identity")
        firmware = FIRMWARE + self.board.has("firmware-changed")
        fixed = (
            MAGIC,
            MAP_VERSION,
            self._kind.code,
            SIM_FLAG,
            serial >> 16,
            serial & 0xFFFF,
            firmware,
            HARDWARE,
            LEASE_MS,
        )
        own = self.identity_words()
        return (*fixed, TIMER_MAX, *own, *(0 for _ in range(SAMPLE_AT - len(fixed) - 1 - len(own))))

    def _sample(self, now_ns: MonoNs) -> tuple[int, ...]:
        status = self._status()
        if self.board.has("state-mismatch"):
            status = ENERGIZED if status == OFF else OFF
        lease_left_ms = max(0, self._lease_end_ns - now_ns) // NS_PER_MS if self.is_enabled else 0
        common = {
            "status": status,
            "fault_bits": self.faults,
            "boot": self._boot % 0x10000,
            "counter": self._counter % 0x10000,
            "lease_left": min(lease_left_ms, NO_UINT - 1),
            "timer_left": max(0, self._timer_left_ns) // NS_PER_MS // TIMER_STEP_MS,
            "contact": self.contact(),
        }
        words = [self.board.reported(name, value, now_ns) or 0 for name, value in common.items()]
        readings = self.readings(now_ns)
        return (*words, *readings, *(0 for _ in range(ENABLE - READINGS_AT - len(readings))))

    def _written(self) -> tuple[int, ...]:
        lease = self._lease or 0
        return (int(self.is_enabled), lease >> 16, lease & 0xFFFF, self._timer, *self.held)

    def _takes(self, address: int, word: int) -> bool:
        if address == ENABLE:
            return word in self._kind.enables
        if address == TIMER:
            return word <= TIMER_MAX
        return address in (LEASE_HIGH, LEASE_LOW) or self._kind.settings[address - LEVEL].takes(word)

    def _may_start(self, words: dict[int, int], now_ns: int) -> bool:
        is_fed = now_ns < self._lease_end_ns or not self.board.lease_acts()
        has_timer = words.get(TIMER, self._timer) > 0
        blocking = self.faults & ~(LEASE_EXPIRED | TIMER_ENDED)
        return self.is_enabled or (is_fed and has_timer and not blocking and not self.refuses_start())

    def _feed(self, number: int, now_ns: int) -> None:
        if number != self._lease:
            self._lease = number
            self._lease_end_ns = now_ns + LEASE_MS * NS_PER_MS

    def _obey(self, fate: Fate, address: int, word: int, now_ns: int) -> None:
        if fate.now:
            self._apply(address, word)
        if fate.after_ms is not None:
            self._later.append(_Later(now_ns + fate.after_ms * NS_PER_MS, address, word))

    def _apply(self, address: int, word: int) -> None:
        if address == ENABLE and word != ON:
            self.switch_off(slowly=word == OFF_SLOWLY)
            self.faults = 0
        elif address == ENABLE:
            if not self.is_enabled:
                self.faults = 0
                self._timer_left_ns = self._timer_ns()
            self.is_enabled = True
        elif address == TIMER:
            self._timer = word
            if self.is_enabled:
                self._timer_left_ns = self._timer_ns()
        else:
            self.held[address - LEVEL] = word

    def _timer_ns(self) -> int:
        return (self._timer * TIMER_STEP_MS + self.board.timer_shift_ms()) * NS_PER_MS
