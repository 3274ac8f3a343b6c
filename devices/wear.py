"""Registers that each write wears out: how often one may be written a day, and what it holds already.

Rule 1: only counts and answers; a write that takes energy away is counted and never held back by its caller.
Rule 2: what a register holds is known only from an acknowledged write since the unit was identified.
"""

from typing import Final

from devices.model import NS_PER_S

DAY_NS: Final = 24 * 3600 * NS_PER_S


class Wear:
    """The writes of one unit's worn registers in the last 24 hours. Forgotten when the program starts again."""

    def __init__(self, a_day: int) -> None:
        self._a_day = a_day
        self._writes: dict[str, list[int]] = {}
        self._held: dict[str, int] = {}

    def wrote(self, register: str, value: int, now_ns: int) -> None:
        """The unit acknowledged a write."""
        self._recent(register, now_ns).append(now_ns)
        self._held[register] = value

    def holds(self, register: str, value: int) -> bool:
        """The register is known to hold this value: writing it again would only wear it."""
        return self._held.get(register) == value

    def is_spent(self, register: str, now_ns: int) -> bool:
        """The day's writes of this register are used up."""
        return len(self._recent(register, now_ns)) >= self._a_day

    def forget(self) -> None:
        """What the registers hold is not known any more; what was written wore them all the same."""
        self._held.clear()

    def _recent(self, register: str, now_ns: int) -> list[int]:
        recent = [at_ns for at_ns in self._writes.get(register, []) if now_ns - at_ns < DAY_NS]
        self._writes[register] = recent
        return recent
