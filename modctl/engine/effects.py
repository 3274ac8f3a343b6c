"""What the pure core asks the outer ring to do, in the order in which it must be done."""

import msgspec

from devices.model import Setpoint
from modctl.records import Draft


class Band(msgspec.Struct, frozen=True):
    """Inclusive bounds of one parameter at this moment."""

    parameter: str
    low: int
    high: int


class Permit(msgspec.Struct, frozen=True, kw_only=True, tag="permit"):
    """Leave for one unit to be kept energized, until ``until_ns`` and inside ``bands``. Short, renewed by the engine.

    ``bands`` has every parameter that a frame may state; what is not named may not be written. ``sequence`` grows
    by one with each renewal and is what feeds a lease register.
    """

    session: str
    unit: str
    sequence: int
    until_ns: int
    bands: tuple[Band, ...]
    context: tuple[tuple[str, int], ...] = ()  # what the unit is not told and a combination needs (areas, weight)


class Command(msgspec.Struct, frozen=True, kw_only=True, tag="command"):
    """Make this the unit's target; an Off goes to the front of its port's queue."""

    unit: str
    setpoint: Setpoint
    run_ms: int = 0  # for the unit's own timer: the remaining time plus margin


class Revoke(msgspec.Struct, frozen=True, kw_only=True, tag="revoke"):
    """Take the unit's permit away now."""

    unit: str


class Quench(msgspec.Struct, frozen=True, kw_only=True, tag="quench"):
    """Off was not confirmed: burst of Off, silence for lease and a quarter, status, again until it is."""

    unit: str
    lease_ms: int


class Identify(msgspec.Struct, frozen=True, kw_only=True, tag="identify"):
    """Ask the unit who it is, before anything but Off."""

    unit: str


class PackSaid(msgspec.Struct, frozen=True, kw_only=True, tag="pack_said"):
    """Tell the driver of a unit without a wire what a person said of it. Nothing is written anywhere."""

    unit: str
    is_on: bool


class Watch(msgspec.Struct, frozen=True, kw_only=True, tag="watch"):
    """Sample the unit at its running or at its idle pace."""

    unit: str
    closely: bool


class Append(msgspec.Struct, frozen=True, kw_only=True, tag="append"):
    """Put an entry into the chart. ``await_as``: send ``Charted(await_as)`` back when it is durable."""

    draft: Draft
    await_as: str | None = None
    at_once: bool = True  # commands, stops and alarms commit at once; telemetry may gather


class Latch(msgspec.Struct, frozen=True, kw_only=True, tag="latch"):
    """Take the unit out of use until a person acknowledges."""

    unit: str
    reason: str


class Stopped(msgspec.Struct, frozen=True, kw_only=True, tag="stopped"):
    """The answer to a stop: per unit, whether off was confirmed, and after how many ms (None: it was not)."""

    request: int
    units: tuple[tuple[str, bool, int | None], ...]


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag="reply"):
    """Answer one request. ``code`` is None for done."""

    request: int
    code: str | None = None
    reason: str = ""
    limit: str | None = None
    session: str | None = None
    partner: str | None = None  # of a combination: the session of its other half


SessionEffect = Command | Quench | Append | Latch | PackSaid
PortEffect = Permit | Command | Revoke | Quench | Identify | Watch | PackSaid
Effect = PortEffect | Append | Reply | Stopped
