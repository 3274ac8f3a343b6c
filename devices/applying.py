"""The levels of one unit as its registers hold them: what each must hold, what is written next, what is in force.

The profile's ``apply_order`` says which registers bring levels into force, in which order; enable registers that it
does not name come last. Pure bookkeeping for a driver of register maps: nothing here is ever written by itself.
"""

from typing import Final

from devices.model import NS_PER_MS, NS_PER_S, Levels
from devices.profile import Profile
from devices.wear import Wear
from protocols.errors import LocalProtocolError
from protocols.registers import Effect, Register
from protocols.registers import encode as words_for

TIMER_TOLERANCE_NS: Final = NS_PER_S  # chosen: the unit's timer is a second line, rewritten when a second off


class Applying:
    """What was commanded, and how far the unit has acknowledged it."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        order = [profile.named_register(name) for name in profile.apply_order]
        off = [profile.named_register(name) for name in profile.off_order]
        self._order = order + [register for register in off if register not in order]
        level = profile.level
        self._rest = level.max if level.intensifies == "down" else level.min
        self._level = next((register for register in self._order if register.parameter == level.name), None)
        self._wear = Wear(profile.eeprom_writes_a_day)
        self._target: Levels | None = None  # commanded and not yet acknowledged
        self._wanted: dict[str, int] = {}  # register name -> canonical value; empty: nothing is to be energized
        self._written: dict[str, int] = {}  # acknowledged since the last off
        self._timer_end_ns = 0
        self.enabled_ns: int | None = None  # since then the unit may put out

    @property
    def is_wanted(self) -> bool:
        """Something is, or shall be, energized."""
        return bool(self._wanted)

    def objection(self, now_ns: int) -> str | None:
        """Why no levels are taken now, for a technician."""
        locked = [register.name for register in self._order if register.name in self._profile.locked]
        if locked:
            return f"{', '.join(locked)}: assumed, not proven; the site must enable it by name"
        spent = [one.name for one in self._order if one.eeprom and self._wear.is_spent(one.name, now_ns)]
        if spent:
            return f"{', '.join(spent)}: written {self._profile.eeprom_writes_a_day} times today; it wears out"
        return None

    def want(self, target: Levels, now_ns: int, run_ms: int) -> None:
        """Make this the target; LocalProtocolError, and the old one stays, when this map cannot say it exactly."""
        self._wanted, self._target = self._wanted_registers(target, now_ns, run_ms), target

    def want_nothing(self) -> None:
        """Off was commanded. What is written stays known until the unit has acknowledged that it is off."""
        self._target, self._wanted = None, {}

    def next_write(self) -> tuple[Register, int] | None:
        """The first register of the order that does not hold what is wanted, and what is written to it.

        Where enable comes before the level, the level is stated at rest first: nobody switches on a level unknown.
        """
        if self._target is None:
            return None
        for register in self._order:
            wanted = self._wanted.get(register.name)
            if wanted is None or self._written.get(register.name) == wanted:
                continue
            if register.eeprom and self._wear.holds(register.name, wanted):
                continue
            if register.effect is Effect.ENABLE and self._level and self._level.name not in self._written:
                return self._level, self._rest
            return register, wanted
        return None

    def acknowledged(self, register: Register, value: int, now_ns: int) -> None:
        """The unit has taken a write of any kind: what wears out counts."""
        if register.eeprom:
            self._wear.wrote(register.name, value, now_ns)

    def holds(self, register: Register, value: int, now_ns: int) -> None:
        """The unit acknowledged one register of the target."""
        self._written[register.name] = value
        if register.parameter == "timer_ms":
            self._timer_end_ns = now_ns + value * NS_PER_MS
        if register.effect is Effect.ENABLE and self.enabled_ns is None:
            self.enabled_ns = now_ns

    def now_in_force(self) -> Levels | None:
        """The target, once, as soon as every register holds what is wanted."""
        target = self._target
        if target is None or self.next_write() is not None:
            return None
        self._target = None
        return target

    def is_off(self) -> None:
        """The unit has acknowledged that it is off: its registers hold nothing of ours any more."""
        self._written.clear()
        self.enabled_ns = None

    def unanswered(self, register: Register) -> None:
        """Whether this register was written is not known: its target is dropped."""
        self._target = None
        self._written.pop(register.name, None)
        self._wanted = dict(self._written)

    def forget(self) -> None:
        """Nothing is known of what the unit holds."""
        self._target, self._wanted, self._written = None, {}, {}
        self.enabled_ns = None
        self._wear.forget()

    def _wanted_registers(self, target: Levels, now_ns: int, run_ms: int) -> dict[str, int]:
        """What each register of the order must hold; the words are tried here, before anything is written."""
        known = {register.parameter for register in self._order}
        for name, _ in target.values:
            if name not in known:
                raise LocalProtocolError(f"{self._profile.device.id} has no register to set {name}")
        wanted: dict[str, int] = {}
        for register in self._order:
            value = None if register.parameter is None else target.get(register.parameter)
            if register.effect is Effect.ENABLE:
                value = register.on_value
            elif register.parameter == "timer_ms":
                value = self._timer_value(register, now_ns, run_ms)
            elif value is None:
                raise LocalProtocolError(f"the target says nothing of {register.parameter or register.name}")
            if value is not None:
                words_for(register, value)
                wanted[register.name] = value
        return wanted

    def _timer_value(self, register: Register, now_ns: int, run_ms: int) -> int | None:
        """The unit's own timer, up to its next step; None where it is to be left alone."""
        if run_ms == 0:
            return None
        off_by_ns = abs(self._timer_end_ns - now_ns - run_ms * NS_PER_MS)
        if self.enabled_ns is not None and off_by_ns < TIMER_TOLERANCE_NS:
            return self._written.get(register.name)
        self._written.pop(register.name, None)
        return -(-run_ms // register.multiply) * register.multiply
