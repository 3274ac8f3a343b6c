"""Everything that can reach the engine from the outer ring. ``request`` is the number to answer with ``Reply``."""

import msgspec

from modctl.engine.events import SessionEvent
from modctl.engine.port import PortNews
from modctl.engine.setup import Setup
from modctl.records import Override, SessionRefused, SessionRequested
from modctl.service_records import UnitChecked


class FromUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A port has news of one of its units."""

    unit: str
    news: PortNews


class Partner(msgspec.Struct, frozen=True, kw_only=True):
    """The other half of a combination, prepared like the first."""

    setup: Setup
    requested: SessionRequested


class RefusedPartner(msgspec.Struct, frozen=True, kw_only=True):
    """The other half of a combination that could not be prepared: charted too."""

    session: str
    requested: SessionRequested
    refused: SessionRefused


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """A prepared session: every bound was held against the request already; interlocks are held here.

    ``overrides`` are the soft limits that a person opened for it: charted right after the request.
    """

    request: int
    actor: str
    setup: Setup
    requested: SessionRequested
    partner: Partner | None = None
    overrides: tuple[Override, ...] = ()


class Refuse(msgspec.Struct, frozen=True, kw_only=True):
    """A request that could not be prepared: charted, answered, over."""

    request: int
    actor: str
    session: str
    requested: SessionRequested
    refused: SessionRefused
    text: str
    partner: RefusedPartner | None = None


class ToSession(msgspec.Struct, frozen=True, kw_only=True):
    """A person's act on one session."""

    request: int
    session: str
    event: SessionEvent


class StopUnits(msgspec.Struct, frozen=True, kw_only=True):
    """Stop one session, one unit, or (neither named) everything. Needs nobody signed in."""

    request: int | None
    actor: str | None
    source: str
    unit: str | None = None
    session: str | None = None
    fast: bool = False


class AcknowledgeUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A person clears a latch."""

    request: int
    actor: str
    unit: str
    statement: str | None = None


class HoldUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A person takes a unit out of service."""

    request: int
    actor: str
    unit: str
    reason: str


class ReleaseUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A person puts a held unit back into service."""

    request: int
    actor: str
    unit: str


class IdentifyUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A person asks a unit anew who it is."""

    request: int
    unit: str


class RecordCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A judged check or calibration of a unit."""

    request: int
    actor: str
    checked: UnitChecked


class Durable(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that a session waits for is on the disk."""

    session: str
    what: str


class WriterLag(msgspec.Struct, frozen=True, kw_only=True):
    """The chart writer is behind by so much; 0: it has caught up."""

    by_ms: int


class ChartBroken(msgspec.Struct, frozen=True, kw_only=True):
    """The chart cannot be written any more."""

    why: str


class Stalled(msgspec.Struct, frozen=True, kw_only=True):
    """The machine slept (``slept_ms``, not on CLOCK_MONOTONIC), or the engine was later than the stop budget."""

    by_ms: int
    slept_ms: int = 0


class ScreenLost(msgspec.Struct, frozen=True, kw_only=True):
    """The screen that attends a session is gone."""

    session: str
    why: str


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline may have passed."""


CoreEvent = (
    FromUnit
    | Begin
    | Refuse
    | ToSession
    | StopUnits
    | AcknowledgeUnit
    | HoldUnit
    | ReleaseUnit
    | IdentifyUnit
    | RecordCheck
    | Durable
    | WriterLag
    | ChartBroken
    | Stalled
    | ScreenLost
    | Tick
)
