"""Limit kinds as data. A limit says a bound, who set it and what opening it takes; ``engine.checks`` compares.

Rule 1: a limit without a source does not load.
Rule 2: bounds are inclusive: at the bound is allowed, one count beyond is not.
Rule 3: a missing or stale value is a finding of every limit that needs it.
"""

from enum import StrEnum

import msgspec


class Tier(StrEnum):
    """Soft limits have a door (a reason, a second person); hard ones have none."""

    SOFT = "soft"
    HARD = "hard"


class Door(StrEnum):
    """What opens a soft limit."""

    NONE = "none"
    REASON = "reason"
    SECOND_PERSON = "second_person"
    ACKNOWLEDGE = "acknowledge"  # a question of its own before the start, answered by a person at the table


class Mark(StrEnum):
    """Where a number comes from. Only ``source`` may be shown as *per* that source; the others are site defaults."""

    SOURCE = "source"  # a public source was read
    TEXTBOOK = "textbook"
    DERIVED = "derived"
    CHOSEN = "chosen"


class Phase(StrEnum):
    """When a limit on samples applies."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"


RUNNING_ONLY = (Phase.STARTING, Phase.RUNNING)


class _Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every kind has."""

    id: str
    source: str
    mark: Mark
    tier: Tier = Tier.HARD
    door: Door = Door.NONE
    applies_in: tuple[Phase, ...] = RUNNING_ONLY
    confirm: int = 1  # consecutive samples before it counts; 1 = at once


class Max(_Limit, frozen=True, kw_only=True, tag="max"):
    """Inclusive upper bound of one parameter: of the set value and of the reported one."""

    parameter: str
    bound: int


class Min(_Limit, frozen=True, kw_only=True, tag="min"):
    """Inclusive lower bound of one parameter."""

    parameter: str
    bound: int


class Rate(_Limit, frozen=True, kw_only=True, tag="rate"):
    """The most that a *level a person sets* may be raised in one second, and in one step."""

    parameter: str
    per_s: int
    per_step: int


class Deviation(_Limit, frozen=True, kw_only=True, tag="deviation"):
    """How far the reported value may lie from the commanded one, after ``settle_ms`` without a new command.

    The band is the larger of ``permille`` of the commanded value and ``floor`` in the canonical unit. ``floor``
    covers the unit's resolution and noise near zero. Above and below count alike unless ``above_only``.
    """

    parameter: str
    permille: int
    floor: int
    settle_ms: int
    above_only: bool = False


class Witness(_Limit, frozen=True, kw_only=True, tag="witness"):
    """How far an instrument of its own may read from what the unit reports, and for how long it may say nothing.

    The band is the larger of ``permille`` of the unit's reading and ``floor``. It stands in the instrument's profile
    and binds the sessions of the unit that the instrument watches.
    """

    parameter: str
    permille: int
    floor: int
    max_age_ms: int


class Duration(_Limit, frozen=True, kw_only=True, tag="duration"):
    """Bounds of the planned time of one session."""

    min_ms: int
    max_ms: int


class Stale(_Limit, frozen=True, kw_only=True, tag="stale"):
    """The oldest that the newest sample may be while output is allowed."""

    max_age_ms: int


class Combination(_Limit, frozen=True, kw_only=True, tag="combination"):
    """A bound on a quantity computed from several set values (``quantity`` names a function of ``devices.dose``)."""

    quantity: str
    bound: int
    unit: str


class Dose(_Limit, frozen=True, kw_only=True, tag="dose"):
    """A bound on what one session delivers (``quantity`` names an integral of ``devices.dose``)."""

    quantity: str
    bound: int
    unit: str


Limit = Max | Min | Rate | Deviation | Witness | Duration | Stale | Combination | Dose
