"""What simulated units of makers' register maps have in common: tables, time, faults. A unit says the rest.

Rule 1: a read touches only registers that the document has; a write is judged whole before anything of it acts.
Rule 2: what a write does is asked of the fault board first: it may come late, twice or not at all.
Rule 3: the clock of a unit at rest jumps; every other one goes in measuring cycles, so that a run repeats to the bit.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final

import msgspec

from devices.model import NS_PER_MS, MonoNs
from devices.sim.device import FaultOrder, Truth
from devices.sim.faults import NOW, Fate, FaultBoard

HOLDING, INPUT = 3, 4
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4

LIFE: Final = frozenset({"reboot", "hang", "busy"})
SENSING: Final = frozenset({"frozen", "stuck", "offset", "drift", "no-value", "noise"})
HEATING: Final = frozenset({"run-away", "over-deliver", "under-deliver", "clip", "stuck-on", "stuck-off"})
OBEYING: Final = frozenset({"ignore-stop", "slow-stop", "accept-ignore", "apply-late", "apply-twice"})


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is, beside its behaviour. ``senses``: the readings that sensing faults act on."""

    model: str
    ucum: str
    can: frozenset[str]
    senses: frozenset[str]
    cycle_ms: int
    boot_ms: int


class _Later(msgspec.Struct, frozen=True):
    """A write that takes effect later."""

    due_ns: int
    address: int
    words: tuple[int, ...]


class Bank(ABC):
    """One unit as its document's tables."""

    unit_address = 1
    functions = frozenset({3, 4, 6, 16, 23})  # what the unit answers

    def __init__(self, name: str, seed: int, kind: Kind) -> None:
        self.name = name
        self.model = kind.model
        self.board = FaultBoard(kind.model, kind.can, seed, kind.senses)
        self._kind = kind
        self._cycle_ns: int | None = None
        self._deaf_until_ns = 0
        self._later: list[_Later] = []
        self.amplitude = 0
        self._was_energized = self.could_put_out()
        self._changed_ns = 0

    # What a unit says

    @abstractmethod
    def table(self, function: int, now_ns: MonoNs) -> Mapping[int, int] | None:
        """Every readable register of one table, address to word; None: no such table."""

    @abstractmethod
    def refusal(self, address: int, words: tuple[int, ...]) -> int | None:
        """The exception code that a write earns; None when it is taken."""

    @abstractmethod
    def is_stop(self, address: int, words: tuple[int, ...]) -> bool:
        """Whether a write switches the output off."""

    @abstractmethod
    def apply(self, address: int, words: tuple[int, ...]) -> None:
        """Do what an accepted write says."""

    @abstractmethod
    def power_on(self) -> None:
        """What is left after the power was away."""

    @abstractmethod
    def commanded(self) -> int:
        """The amplitude that the control asks of its output stage; 0 is nothing."""

    @abstractmethod
    def could_put_out(self) -> bool:
        """Output could come without another frame."""

    @abstractmethod
    def advance(self) -> None:
        """One measuring cycle of physics."""

    @abstractmethod
    def rests(self) -> bool:
        """Nothing of the physics moves."""

    @abstractmethod
    def panel(self, value: int) -> None:
        """Somebody sets a canonical value at the unit's own keys."""

    def stage(self, value: int) -> int:
        """A canonical value as an amplitude of the output stage."""
        return value

    def shown(self, amplitude: int) -> int:
        """What ``truth`` says of an amplitude."""
        return amplitude

    def own(self, function: int, octets: bytes, now_ns: MonoNs) -> bytes | int:  # noqa: ARG002  # the seam's shape
        """A function of the maker's own."""
        return ILLEGAL_FUNCTION

    # Registers

    def read(self, function: int, address: int, count: int, now_ns: MonoNs) -> tuple[int, ...] | int:
        """Words of one table, all of them there."""
        table = self.table(function, now_ns)
        if table is None:
            return ILLEGAL_FUNCTION
        wanted = range(address, address + count)
        if not all(at in table for at in wanted):
            return ILLEGAL_ADDRESS
        return tuple(table[at] & 0xFFFF for at in wanted)

    def write(self, address: int, values: tuple[int, ...], now_ns: MonoNs) -> int | None:
        """Judge a write, and carry it out as the faults allow."""
        refused = self.refusal(address, values)
        if refused is not None:
            return refused
        if self.is_stop(address, values):
            # A welded relay holds the output, not the control: that obeys, and says that it is off.
            fate = NOW if self.board.has("stuck-on") else self.board.fate_of_stop(now_ns)
        else:
            fate = self.board.fate_of_command(now_ns)
        self._obey(fate, address, values, now_ns)
        self.observe(now_ns)
        return None

    def is_deaf(self, now_ns: MonoNs) -> bool:
        """Starting up, or hung."""
        return now_ns < self._deaf_until_ns or self.board.is_hung(now_ns)

    def is_busy(self, now_ns: MonoNs) -> bool:
        """The fault of that name."""
        return self.board.is_busy(now_ns)

    # Time

    def update(self, now_ns: MonoNs) -> None:
        """Measuring cycles up to now."""
        cycle_ns = self._kind.cycle_ms * NS_PER_MS
        if self._cycle_ns is None or self.board.is_hung(now_ns):
            self._cycle_ns = now_ns
        while self._cycle_ns + cycle_ns <= now_ns:
            if self._is_still():
                self._cycle_ns += (now_ns - self._cycle_ns) // cycle_ns * cycle_ns
                break
            self._cycle_ns += cycle_ns
            self._cycle(MonoNs(self._cycle_ns))
        self._restart_if_ordered(now_ns)
        self.observe(now_ns)

    def next_wakeup(self) -> MonoNs | None:
        """The next thing that is sure to come by itself."""
        due = [later.due_ns for later in self._later]
        reboot_ns = self.board.reboot_due_ns()
        if reboot_ns is not None:
            due.append(reboot_ns)
        coming = [at for at in due if at > (self._cycle_ns or 0)]
        return MonoNs(min(coming) + self._kind.cycle_ms * NS_PER_MS) if coming else None

    def truth(self, now_ns: MonoNs) -> Truth:
        """Past every lie of the wire and of the sensors."""
        self.observe(now_ns)
        return Truth(
            name=self.name,
            model=self.model,
            energized=self._was_energized,
            output=self.shown(self.amplitude),
            unit=self._kind.ucum,
            state="energized" if self._was_energized else "off",
            changed_at_mono_ns=self._changed_ns,
            now_mono_ns=now_ns,
            lease_left_ms=None,
            channels=(self.shown(self.amplitude),),
            faults=self.board.active(),
        )

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch a fault on; those that happen at one moment happen now."""
        self.update(now_ns)
        if order.fault in ("uncommanded-on", "clip"):  # canonical values; the board works on the stage's amplitude
            staged = tuple((name, self.stage(value)) for name, value in order.parameters)
            order = msgspec.structs.replace(order, parameters=staged)
        self.board.inject(order, now_ns)
        if order.fault == "panel-change":
            self.board.done("panel-change")
            self.panel(order.get("value", 0))
        self._restart_if_ordered(now_ns)
        self.observe(now_ns)

    def clear(self, now_ns: MonoNs) -> None:
        """Take all faults back."""
        self.update(now_ns)
        self.board.clear(now_ns)
        self.observe(now_ns)

    def observe(self, now_ns: MonoNs) -> None:
        """What the output stage makes of its command, and when that changed."""
        before = (self.amplitude, self._was_energized)
        self.amplitude = self.board.true_amplitude(self.commanded(), now_ns)
        self._was_energized = self.could_put_out() or self.amplitude > 0
        if before != (self.amplitude, self._was_energized):
            self._changed_ns = now_ns

    def reported(self, name: str, value: int, now_ns: MonoNs) -> int | None:
        """A reading with the lies of its sensor; None: the sensor has none."""
        return self.board.reported(name, value, now_ns)

    def _cycle(self, now_ns: MonoNs) -> None:
        for later in [later for later in self._later if later.due_ns <= now_ns]:
            self._later.remove(later)
            self.apply(later.address, later.words)
        self.observe(now_ns)
        self.advance()
        self.observe(now_ns)

    def _is_still(self) -> bool:
        return not self._later and not self.board.active() and self.rests()

    def _restart_if_ordered(self, now_ns: MonoNs) -> None:
        due_ns = self.board.reboot_due_ns()
        if due_ns is not None and now_ns >= due_ns:
            self.board.done("reboot")
            self._later = []
            self.power_on()
            self._deaf_until_ns = now_ns + self._kind.boot_ms * NS_PER_MS

    def _obey(self, fate: Fate, address: int, words: tuple[int, ...], now_ns: int) -> None:
        if fate.now:
            self.apply(address, words)
        if fate.after_ms is not None:
            self._later.append(_Later(now_ns + fate.after_ms * NS_PER_MS, address, words))


def word(value: int | None, multiply: int, nothing: int) -> int:
    """A canonical reading as a signed 16-bit word; ``nothing`` where there is none or it does not fit."""
    if value is None or not -0x8000 <= value // multiply <= 0x7FFF:
        return nothing
    return value // multiply & 0xFFFF
