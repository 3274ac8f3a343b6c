"""What simulated units that speak a protocol of their own have in common: time, faults, truth. A unit says the rest.

Rule 1: everything that happens by itself happens at its own time, in that order, however seldom the unit is asked.
Rule 2: what a command does is asked of the fault board first: it may come late, twice or not at all.
Rule 3: a hung unit does nothing but restart; a unit that hangs or restarts forgets what it has half heard.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar
from zlib import crc32

from devices.model import NS_PER_MS, MonoNs
from devices.sim.device import FaultOrder, Truth
from devices.sim.faults import Fate, FaultBoard

Effect = Callable[[MonoNs], None]
EVERYTHING: frozenset[str] = frozenset()


class Speaker(ABC):
    """One unit on its line. ``can``: the faults that it may have; ``senses``: the readings that they act on."""

    model: ClassVar[str]
    ucum: ClassVar[str]  # of what it puts out
    boot_ns: ClassVar[int]

    def __init__(
        self, name: str, seed: int, can: frozenset[str], *, senses: frozenset[str] = EVERYTHING, channels: int = 1
    ) -> None:
        self._name = name
        self._seed = seed
        self._faults = FaultBoard(self.model, can, seed, senses)
        self._received = bytearray()
        self._boots_until_ns = MonoNs(0)
        self._later: list[tuple[int, Effect]] = []
        self._updated_ns: MonoNs | None = None
        self._changed_ns = MonoNs(0)
        self._is_energized = False
        self._channels: tuple[int, ...] = (0,) * channels

    # What a unit says

    @abstractmethod
    def hear(self, received: bytes, now_ns: MonoNs) -> bytes:
        """Answers to every whole request, each of them settled before the next one is read."""

    def coming(self) -> list[tuple[int, Effect]]:
        """What else happens by itself, and when."""
        return []

    @abstractmethod
    def power_on(self, now_ns: MonoNs) -> None:
        """What is left after the power was away."""

    @abstractmethod
    def true_channels(self, now_ns: MonoNs) -> tuple[int, ...]:
        """What every channel puts out."""

    @abstractmethod
    def could_put_out(self) -> bool:
        """Output could come without another frame."""

    def check_patient(self, now_ns: MonoNs) -> None:  # noqa: B027  # a unit that looks at nobody has nothing to do
        """What the unit finds out by itself, whenever something may have changed."""

    @abstractmethod
    def state(self) -> str:
        """In words, while it neither hangs nor restarts."""

    def lease_left_ns(self, now_ns: MonoNs) -> int | None:  # noqa: ARG002  # for units with a lease
        """Until its output ends by itself; None: it has no lease, or none runs."""
        return None

    # The seam

    def update(self, now_ns: MonoNs) -> None:
        """Whatever comes by itself, each at its own time."""
        if now_ns == self._updated_ns:
            return
        self._updated_ns = now_ns
        while (due := self._next_due()) is not None and due[0] <= now_ns:
            due[1](MonoNs(due[0]))
            self._notice(MonoNs(due[0]))
        if not self._faults.is_hung(now_ns):
            self.check_patient(now_ns)
        self._notice(now_ns)

    def handle(self, received: bytes, now_ns: MonoNs) -> bytes:
        """What it answers at once."""
        self.update(now_ns)
        if self._faults.is_hung(now_ns) or now_ns < self._boots_until_ns:
            self._received.clear()
            return b""
        return self.hear(received, now_ns)

    def truth(self, now_ns: MonoNs) -> Truth:
        """Past every lie told on the wire. Between two pulses or bursts it is energized."""
        self.update(now_ns)
        state = "restarting" if now_ns < self._boots_until_ns else self.state()
        left_ns = self.lease_left_ns(now_ns)
        return Truth(
            name=self._name,
            model=self.model,
            energized=self._is_energized,
            output=self._output,
            unit=self.ucum,
            state="hung" if self._faults.is_hung(now_ns) else state,
            changed_at_mono_ns=self._changed_ns,
            now_mono_ns=now_ns,
            lease_left_ms=None if left_ns is None else max(0, left_ns // NS_PER_MS),
            channels=self._channels,
            faults=self._faults.active(),
        )

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch a fault of the unit or of its patient on."""
        self.update(now_ns)
        self._faults.inject(order, now_ns)
        self._settle(now_ns)

    def clear(self, now_ns: MonoNs) -> None:
        """Take all back."""
        self.update(now_ns)
        self._faults.clear(now_ns)
        self._settle(now_ns)

    def next_wakeup(self) -> MonoNs | None:
        """What happens next by itself."""
        due = self._next_due()
        return None if due is None else MonoNs(due[0])

    def unasked(self, now_ns: MonoNs) -> bytes:  # noqa: ARG002  # for units that say something of their own accord
        """Nothing."""
        return b""

    # For the unit

    @property
    def _output(self) -> int:
        return max(self._channels)

    def _settle(self, now_ns: MonoNs) -> None:
        """What was just asked or injected acts before anything else is looked at."""
        self._updated_ns = None
        self.update(now_ns)

    def _at(self, due_ns: int, effect: Effect) -> None:
        """Let something happen later; a restart forgets it."""

        def once(at_ns: MonoNs) -> None:
            self._later.remove((due_ns, once))
            effect(at_ns)

        self._later.append((due_ns, once))

    def _follow(self, fate: Fate, effect: Effect, now_ns: MonoNs) -> None:
        """Let a command take effect as the faults have it: now, later, both or never."""
        if fate.now:
            effect(now_ns)
        if fate.after_ms is not None:
            self._at(now_ns + fate.after_ms * NS_PER_MS, effect)

    def _told(self, name: str, value: int, now_ns: MonoNs) -> int:
        """A reading with the lies of its sensor; one without a value is told as it is."""
        told = self._faults.reported(name, value, now_ns)
        return value if told is None else told

    def _serial(self, digits: int) -> int:
        """Its own among units of one name and seed; another one under the fault of that name."""
        beyond: int = 10**digits
        return (crc32(f"{self._name}:{self._seed}".encode()) + self._faults.has("wrong-identity")) % beyond

    def _restart(self, now_ns: MonoNs) -> None:
        self._later = []
        self._received.clear()
        self.power_on(now_ns)
        self._boots_until_ns = MonoNs(now_ns + self.boot_ns)

    # Time

    def _next_due(self) -> tuple[int, Effect] | None:
        due = [] if self._faults.has("hang") else [*self._later, *self.coming()]
        reboot_ns = self._faults.reboot_due_ns()
        if reboot_ns is not None:
            due.append((reboot_ns, self._reboot))
        return min(due, key=lambda one: one[0]) if due else None

    def _reboot(self, now_ns: MonoNs) -> None:
        self._faults.done("reboot")
        self._restart(now_ns)

    def _notice(self, now_ns: MonoNs) -> None:
        channels = self.true_channels(now_ns)
        is_energized = max(channels) > 0 or self.could_put_out()
        if is_energized != self._is_energized or max(channels) != self._output:
            self._changed_ns = now_ns
        self._is_energized, self._channels = is_energized, channels
