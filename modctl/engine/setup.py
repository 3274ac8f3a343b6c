"""All that a session's reducer begins with: one frozen value, charted whole, so that the session can be run again."""

from collections.abc import Mapping
from functools import cached_property
from typing import Final

import msgspec

from devices.limits import Combination, Deviation, Dose, Limit, Max, Min, Witness
from devices.model import NS_PER_MS, ObservedAs
from devices.plan import Plan
from modctl.records import SessionStarted

ADDS_UP: Final = ("us_area_dose_mj_cm2",)  # held against what was given so far, not against one moment
REPORTING: Final = (ObservedAs.MEASURED, ObservedAs.ECHOED)


class GateSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine must know of one gate: its place in the order and which answers close it."""

    gate: str
    closes: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()  # allowed words; with a maximum they stand beside a number, empty: a number alone
    minimum: int | None = None
    maximum: int | None = None
    opens: str = ""  # the soft limit that any other answer opens: it is charted as an override


class CheckSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A question that falls due while there is output, again and again.

    ``every_ns`` counts time with output. ``grace_ns`` after falling due it is late, and ``on_late`` says what that
    does: ``hold`` (off until a person answers and resumes), ``pack`` (TAKE THE PACK OFF, repeated), ``alarm``.
    """

    gate: GateSpec
    every_ns: int
    grace_ns: int
    on_late: str
    ends: tuple[str, ...] = ()  # answers that end the session
    leaves_open: tuple[str, ...] = ()  # answers that are charted and answer nothing


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """The parameter that is ridden. ``down`` intensifies for a cold unit; ``low``/``high`` are effective bounds."""

    parameter: str
    low: int
    high: int
    grid: int
    start: int  # what START ramps to
    rest: int  # where a ramp begins: the least intense value
    raise_per_s: int
    person_step: int
    down_intensifies: bool = False


class ContactRule(msgspec.Struct, frozen=True, kw_only=True):
    """What loss of contact does."""

    on_loss: str  # off | suspended-by-unit | none
    alarm_after_ns: int
    stop_after_ns: int


class Setup(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One session before it begins."""

    session: str
    begun_ns: int
    unit: str
    modality: str
    planned_ns: int
    level: Level
    settings: tuple[tuple[str, int], ...]
    context: tuple[tuple[str, int], ...]
    observed: tuple[tuple[str, ObservedAs], ...]
    plan: Plan
    limits: tuple[Limit, ...]
    contact: ContactRule
    attended: bool
    stale_ns: int
    lease_ms: int
    stop_deadline_ns: int
    confirm_samples: int
    has_timer: bool
    before: tuple[GateSpec, ...]
    after: tuple[GateSpec, ...]
    started: SessionStarted  # the entry that must be durable before anything is energized
    by_hand: bool = False  # a pack: on and off are a person's acts
    checks: tuple[CheckSpec, ...] = ()
    soft: tuple[Limit, ...] = ()  # soft rows as they bind this session: an opened one only up to what was opened
    opened: tuple[str, ...] = ()  # the soft rows that a person opened for this session

    # What follows from these fields is worked out once: they are asked for with every sample.

    @cached_property
    def witness(self) -> Witness | None:
        """What binds the unit's reading to that of an instrument beside it; None where there is none."""
        return next((limit for limit in self.limits if isinstance(limit, Witness)), None)

    @cached_property
    def on_samples(self) -> tuple[Limit, ...]:
        """The rows that are held against every sample: those on what can do harm and on what the unit reports."""
        return tuple(limit for limit in self.limits if self._binds_samples(limit))

    def is_harm(self, parameter: str, *, above: bool) -> bool:
        """A level's bound on its mild side binds what is set, not what is told: a pull takes up slack from nothing."""
        return parameter != self.level.parameter or above is not self.level.down_intensifies

    def is_reported(self, parameter: str) -> bool:
        """The unit reads this back: a sample without it is a finding."""
        return self.observed_as.get(parameter) in REPORTING

    def _binds_samples(self, limit: Limit) -> bool:
        match limit:
            case Max():
                return self.is_harm(limit.parameter, above=True)
            case Min():
                return self.is_harm(limit.parameter, above=False)
            case Deviation():
                return self.is_reported(limit.parameter)
            case Combination():
                return limit.quantity not in ADDS_UP
            case _:
                return False

    @cached_property
    def adding_up(self) -> tuple[Combination, ...]:
        """The rows that bound what the levels of a whole session make together."""
        rows = (limit for limit in self.limits if isinstance(limit, Combination))
        return tuple(limit for limit in rows if limit.quantity in ADDS_UP)

    @cached_property
    def stated(self) -> Mapping[str, int]:
        """Everything that is set or known but for the level."""
        return {**dict(self.context), **dict(self.settings)}

    @cached_property
    def doses(self) -> tuple[Dose, ...]:
        """The rows that bound what adds up."""
        return tuple(limit for limit in self.limits if isinstance(limit, Dose))

    @cached_property
    def level_deviations(self) -> tuple[Deviation, ...]:
        """The rows that bind the reported level to the commanded one."""
        rows = (limit for limit in self.limits if isinstance(limit, Deviation))
        return tuple(limit for limit in rows if limit.parameter == self.level.parameter)

    @cached_property
    def settle_ns(self) -> int:
        """How long the reported level may take until it is what was commanded."""
        return max((limit.settle_ms for limit in self.level_deviations), default=0) * NS_PER_MS

    @cached_property
    def observed_as(self) -> Mapping[str, ObservedAs]:
        """How far the unit can tell each parameter."""
        return dict(self.observed)
