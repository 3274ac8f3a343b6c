"""Chart entries of a unit's service: held, released, checked, calibrated. The rules are those of ``records``."""

import msgspec

from modctl.record_base import Record


class UnitHeld(Record, frozen=True, kw_only=True):
    """A person took a unit out of service for every table; no session starts until a person releases it."""

    unit: str
    reason: str


class UnitReleased(Record, frozen=True, kw_only=True):
    """A person put a held unit back into service."""

    unit: str


class UnitAccessory(Record, frozen=True, kw_only=True):
    """The unit told which head, cuff or cell it uses. ``listed``: the site's file names it."""

    unit: str
    serial: str
    listed: bool


class CheckPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value that was set, what the meter should have read for it, and what it read before and after adjusting.

    ``low`` and ``high`` are what the tolerance allows, both included; they and the readings are in ``reads_unit``.
    """

    set: int
    unit: str  # UCUM
    expected: int
    found: int
    left: int
    low: int
    high: int
    reads_unit: str  # UCUM

    @property
    def is_found_good(self) -> bool:
        """Within tolerance before anybody adjusted anything."""
        return self.low <= self.found <= self.high

    @property
    def is_left_good(self) -> bool:
        """Within tolerance when the unit was given back."""
        return self.low <= self.left <= self.high


class CheckItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that was looked at or measured beside the output. ``result``: pass, fail or not-done."""

    item: str
    result: str
    measured: int | None = None
    bound: int | None = None
    unit: str = ""


class UnitChecked(Record, frozen=True, kw_only=True):
    """A technician checked or calibrated a unit, or one of its heads. Later sessions are closed or opened by it.

    ``head`` empty: the unit as a whole. ``next_due`` (a date) is empty where the result closes the unit.
    """

    unit: str
    model: str
    serial: str
    firmware: str
    simulated: bool
    what: str  # check | calibration
    on: str  # the date at the site
    next_due: str
    is_good: bool  # as left: everything that must be was done and is within tolerance
    head: str = ""
    points: tuple[CheckPoint, ...] = ()
    items: tuple[CheckItem, ...] = ()
    tolerance: str = ""  # with its source
    meter: str = ""
    meter_due: str = ""
    load: str = ""
    note: str = ""

    def outdates(self, older: "UnitChecked") -> bool:
        """Whether ``older`` says nothing any more: the newest of each sort counts, a good calibration ends them all."""
        if (self.unit, self.head) != (older.unit, older.head):
            return False
        return self.what == older.what or (self.what == "calibration" and self.is_good)
