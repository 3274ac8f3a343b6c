"""The fault menu applied to one simulated unit: what its output, its sensors and its obedience become.

Rule 1: no fault without an order; with no order every method answers as a sound unit would.
Rule 2: chance comes from the seed and a counter alone, so that a run can be repeated to the byte.
Rule 3: a model that cannot have a fault refuses it and says why; nothing is silently ignored.
"""

import msgspec

from devices.bench import FAULTS, problem_with
from devices.model import NS_PER_MS, NS_PER_S, MonoNs
from devices.sim.device import FaultOrder


class CannotFail(Exception):  # noqa: N818  # agreed word: it is not an error of the program, it is an answer
    """This model cannot have the fault; the text is a sentence for a person."""


class Fate(msgspec.Struct, frozen=True):
    """What becomes of a command that the unit has acknowledged.

    ``now``: it takes effect at once. ``after_ms``: it takes effect (again) that much later; None: it does not.
    """

    now: bool
    after_ms: int | None = None


NOW = Fate(now=True)
IGNORED = Fate(now=False)


class Dice:
    """Seeded chance (SplitMix64: Steele, Lea, Flood 2014, "Fast Splittable Pseudorandom Number Generators").

    Our own, because ``random`` is a library of the machine that pure modules do not reach, and its sequence is
    not promised across versions for every method.
    """

    def __init__(self, seed: int) -> None:
        self._counter = seed & _MASK

    def below(self, bound: int) -> int:
        """0 to ``bound - 1``; the bias of the remainder is below 2**-32 for every bound used here."""
        self._counter = (self._counter + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._counter
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ (mixed >> 31)) % bound

    def hits(self, permille: int) -> bool:
        """True in so many of a thousand throws."""
        return self.below(1000) < permille

    def octets(self, count: int) -> bytes:
        """So many random bytes."""
        return bytes(self.below(256) for _ in range(count))


_MASK = 2**64 - 1


def completed(model: str, can: frozenset[str], order: FaultOrder) -> FaultOrder:
    """The order with the menu's defaults filled in; CannotFail if it is not of the menu or not for this model."""
    problem = problem_with(order.fault, order.parameters)
    if problem is not None:
        raise CannotFail(problem)
    if order.fault not in can:
        raise CannotFail(f"{model} cannot have {order.fault} ({FAULTS[order.fault].meaning})")
    given = dict(order.parameters)
    full: list[tuple[str, int]] = []
    for name, default in FAULTS[order.fault].parameters:
        value = given.get(name, default)
        if value is not None:
            full.append((name, value))
    return FaultOrder(fault=order.fault, parameters=tuple(full))


class _Active:
    """One order that is switched on, and how far it has gone."""

    def __init__(self, order: FaultOrder, since_ns: MonoNs) -> None:
        self.order = order
        self.since_ns = since_ns
        self.used = 0  # stops ignored so far
        self.ended_ns: int | None = None  # uncommanded-on ends with the first stop that takes effect
        self.held: dict[int, int] = {}  # stuck-on: what each channel cannot leave


class FaultBoard:
    """The faults of one simulated unit. The unit asks the board at each place where something can go wrong.

    ``can``: which faults of the menu this model can have. ``senses``: the reported values that stuck, offset,
    drift, no-value and noise act on; empty: every one. ``frozen`` always acts on every one.
    """

    def __init__(self, model: str, can: frozenset[str], seed: int, senses: frozenset[str] = frozenset()) -> None:
        self._model = model
        self._can = can
        self._senses = senses
        self._dice = Dice(seed)
        self._active: dict[str, _Active] = {}
        self._taken_back: tuple[int, dict[str, _Active]] = (-1, {})
        self._last_true: dict[int, int] = {}
        self._last_reported: dict[str, int | None] = {}

    def inject(self, order: FaultOrder, now_ns: MonoNs) -> None:
        """Switch a fault on; the same fault again replaces the older order. CannotFail if this unit cannot.

        An order that was cleared at this very instant goes on as it was: that is how one fault of several is
        taken back (clear, then the others again).
        """
        full = completed(self._model, self._can, order)
        cleared_ns, before = self._taken_back
        same = before.get(full.fault)
        if cleared_ns == now_ns and same is not None and same.order == full:
            self._active[full.fault] = same
            return
        self._active[full.fault] = _Active(full, now_ns)
        if full.fault == "stuck-on":
            self._active[full.fault].held = {c: value for c, value in self._last_true.items() if value}

    def clear(self, now_ns: MonoNs) -> None:
        """Take all back."""
        self._taken_back = (now_ns, self._active)
        self._active = {}

    def active(self) -> tuple[str, ...]:
        """The faults that are switched on, by id, in order of injection."""
        return tuple(self._active)

    def has(self, fault: str) -> bool:
        """Whether this fault is switched on."""
        return fault in self._active

    def get(self, fault: str) -> FaultOrder | None:
        """The active order, its parameters completed from the menu; None when the fault is off."""
        active = self._active.get(fault)
        return None if active is None else active.order

    def since_ns(self, fault: str) -> MonoNs | None:
        """When the fault was switched on; None when it is off."""
        active = self._active.get(fault)
        return None if active is None else active.since_ns

    # Output

    def true_amplitude(self, commanded: int, now_ns: MonoNs, channel: int = 0) -> int:
        """What a commanded amplitude becomes in truth, in the same unit (0: the output is switched off).

        Order of the stage: command, then its errors of gain, then its limit, then its switch.
        """
        if not self._active:
            self._last_true[channel] = commanded
            return commanded
        value = self._with_gain(commanded, now_ns)
        uncommanded = self._active.get("uncommanded-on")
        if uncommanded is not None and (uncommanded.ended_ns is None or now_ns < uncommanded.ended_ns):
            value = max(value, uncommanded.order.get("value", 0))
        clip = self._active.get("clip")
        if clip is not None:
            value = min(value, clip.order.get("at", 0))
        stuck_on = self._active.get("stuck-on")
        if stuck_on is not None:
            value = stuck_on.held.get(channel, value)
            if value:
                stuck_on.held[channel] = value
        if "stuck-off" in self._active:
            value = 0
        self._last_true[channel] = value
        return value

    def _with_gain(self, commanded: int, now_ns: MonoNs) -> int:
        value = commanded
        run_away = self._active.get("run-away")
        if run_away is not None:
            gain = run_away.order.get("gain_permille", 0)
            ramp_ns = run_away.order.get("ramp_ms", 0) * NS_PER_MS
            passed_ns = now_ns - run_away.since_ns
            if passed_ns < ramp_ns:
                gain = 1000 + (gain - 1000) * passed_ns // ramp_ns
            value = value * gain // 1000
        for fault in ("over-deliver", "under-deliver"):
            steady = self._active.get(fault)
            if steady is not None:
                value = value * steady.order.get("gain_permille", 0) // 1000
        return value

    # Obedience

    def fate_of_stop(self, now_ns: MonoNs) -> Fate:
        """What becomes of an off command. Counts against ``ignore-stop``: ask once for each command."""
        if "stuck-on" in self._active:
            return IGNORED
        ignore = self._active.get("ignore-stop")
        if ignore is not None:
            count = dict(ignore.order.parameters).get("count")
            ignore.used += 1
            if count is not None and ignore.used >= count:
                self.done("ignore-stop")
            return IGNORED
        slow = self._active.get("slow-stop")
        wait_ms = 0 if slow is None else slow.order.get("ms", 0)
        uncommanded = self._active.get("uncommanded-on")
        if uncommanded is not None and uncommanded.ended_ns is None:
            uncommanded.ended_ns = now_ns + wait_ms * NS_PER_MS
        return NOW if slow is None else Fate(now=False, after_ms=wait_ms)

    def fate_of_command(self, now_ns: MonoNs) -> Fate:  # noqa: ARG002  # the seam gives the time to every question
        """What becomes of any other command that the unit acknowledges."""
        if "accept-ignore" in self._active:
            return IGNORED
        late = self._active.get("apply-late")
        twice = self._active.get("apply-twice")
        if late is not None:
            return Fate(now=False, after_ms=late.order.get("ms", 0))
        if twice is not None:
            return Fate(now=True, after_ms=twice.order.get("ms", 0))
        return NOW

    # Sensing

    def reported(self, name: str, true_value: int, now_ns: MonoNs) -> int | None:
        """What the unit reports of a true value; None: the map's sentinel for *no reading*."""
        frozen = self._active.get("frozen")
        if frozen is not None and name in self._last_reported:
            return self._last_reported[name]
        value = self._sensed(name, true_value, now_ns)
        self._last_reported[name] = value
        return value

    def _sensed(self, name: str, true_value: int, now_ns: MonoNs) -> int | None:
        if not self._active or (self._senses and name not in self._senses):
            return true_value
        if "no-value" in self._active:
            return None
        stuck = self._active.get("stuck")
        if stuck is not None:
            return stuck.order.get("value", 0)
        value = true_value
        offset = self._active.get("offset")
        if offset is not None:
            value += offset.order.get("value", 0)
        drift = self._active.get("drift")
        if drift is not None:
            value += drift.order.get("value", 0)
            value += drift.order.get("per_s", 0) * (now_ns - drift.since_ns) // NS_PER_S
        noise = self._active.get("noise")
        if noise is not None:
            reach = abs(true_value) * noise.order.get("permille", 0) // 1000
            value += self._dice.below(2 * reach + 1) - reach
        return value

    # Life

    def is_hung(self, now_ns: MonoNs) -> bool:  # noqa: ARG002  # as fate_of_command
        """Frozen: the output stays as it is, nothing is answered, lease and timer do not run."""
        return "hang" in self._active

    def is_busy(self, now_ns: MonoNs) -> bool:  # noqa: ARG002  # as fate_of_command
        """Every request is answered with the protocol's *busy*."""
        return "busy" in self._active

    def lease_acts(self) -> bool:
        """Whether the unit's own watchdog works."""
        return "no-lease" not in self._active and "hang" not in self._active

    def timer_shift_ms(self) -> int:
        """How much later the unit's own timer ends than it should (negative: earlier)."""
        early, late = self._active.get("timer-early"), self._active.get("timer-late")
        shift = 0 if late is None else late.order.get("ms", 0)
        return shift - (0 if early is None else early.order.get("ms", 0))

    def reboot_due_ns(self) -> MonoNs | None:
        """When an ordered reboot happens; None when none is to come. The unit then calls ``done("reboot")``."""
        active = self._active.get("reboot")
        return None if active is None else MonoNs(active.since_ns + active.order.get("after_ms", 0) * NS_PER_MS)

    def done(self, fault: str) -> None:
        """This fault has happened, or is used up: it is no longer active. Nothing on a fault that is off."""
        self._active.pop(fault, None)
