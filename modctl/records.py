"""Every kind of chart entry, as a type. ``chart/FORMAT.md`` says the bytes.

Rule 1: a kind, once released, stays readable for ever; fields are only added, with a default.
Rule 2: field order is byte order; a golden test holds one entry of each kind.
Rule 3: integers only; a name without a unit carries a ``Quantity``; free text from people is a commitment.
"""

from typing import Final

import msgspec

FORMAT_VERSION: Final = 1


class Quantity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value whose unit is not in the name that carries it; ``unit`` is UCUM."""

    value: int
    unit: str


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of every entry's ``data``."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The envelope of one chart entry, exactly as its bytes decode."""

    v: int
    seq: int
    at_utc: str
    mono_ns: int
    boottime_ns: int
    boot: str
    kind: str
    session: str | None
    actor: str | None
    data: msgspec.Raw


class Genesis(Record, frozen=True, kw_only=True):
    """The first entry of every chart: fixes site, ``simulated`` and the first public key for ever."""

    site: str
    simulated: bool
    origin: str  # the checkpoint origin line (C2SP tlog-checkpoint)
    vkey: str  # C2SP signed-note verifier key of the first epoch
    program: str  # "modctl VERSION"


class KeyRotated(Record, frozen=True, kw_only=True):
    """The next epoch's public key, announced under the old key, which is then erased."""

    epoch: int
    vkey: str


class ChartExported(Record, frozen=True, kw_only=True):
    """A copy left the house."""

    purpose: str
    entries: int


class ControllerStarted(Record, frozen=True, kw_only=True):
    """A controller took the site. ``guard`` is what the guard of the one before it left behind."""

    program: str
    pid: int
    scheduling: str  # what was got: fifo, slice, plain
    sqlite: str
    guard: tuple[str, ...] = ()
    found_open: tuple[str, ...] = ()  # sessions without an end in the chart


class ControllerStopped(Record, frozen=True, kw_only=True):
    """The controller ended of its own accord."""

    reason: str
    off_confirmed: bool


class GuardActed(Record, frozen=True, kw_only=True):
    """What the guard did while no controller lived; charted by the next start."""

    at_utc: str
    mono_ns: int
    reason: str  # eof: the controller was gone; silent: it was killed by the guard
    ports: tuple[str, ...]
    writes: int


class ClockJumped(Record, frozen=True, kw_only=True):
    """Wall clock against monotonic, or boot time against monotonic, moved apart by more than a second."""

    by_ms: int
    clock: str  # utc | boottime


class SignedIn(Record, frozen=True, kw_only=True):
    """A person's identity was checked on the controller's side."""

    user: str
    role: str
    result: str  # ok | wrong_pin | locked | unknown


class UnitIdentified(Record, frozen=True, kw_only=True):
    """A handshake ended."""

    unit: str
    model: str
    serial: str
    firmware: str
    simulated: bool
    matches: bool


class UnitLatched(Record, frozen=True, kw_only=True):
    """A unit was taken out of use until a person acknowledges."""

    unit: str
    reason: str
    output: str  # off | energized | unknown, as last seen


class UnitAcknowledged(Record, frozen=True, kw_only=True):
    """A person cleared a latch, with off confirmed, or by stating that nobody is connected and power is cut."""

    unit: str
    off_confirmed: bool
    statement: str | None = None


class OffConfirmed(Record, frozen=True, kw_only=True):
    """Off was seen on a unit outside a session's own end (after ``unconfirmed``, at start, after a stop of all)."""

    unit: str
    after_ms: int


class UncommandedOutput(Record, frozen=True, kw_only=True):
    """A unit without a permit reported output."""

    unit: str
    observed: tuple[tuple[str, int | None], ...]


class StopPressed(Record, frozen=True, kw_only=True):
    """Somebody asked for a stop; charted after the stop went out."""

    unit: str | None  # None: all
    source: str  # screen, command, signal, guard …


class GateAnswer(Record, frozen=True, kw_only=True):
    """One statement by a person at the table, with its source, age and the seconds it took."""

    gate: str
    answer: str
    source: str  # person | file | carried
    age_s: int
    took_ms: int


class EffectiveLimit(Record, frozen=True, kw_only=True):
    """One limit as it binds this session, after all narrowing."""

    id: str
    kind: str
    parameter: str
    bound: Quantity
    tier: str
    source: str
    mark: str


class SessionRequested(Record, frozen=True, kw_only=True):
    """What was asked for, as it was asked. ``setup`` is all that the session's reducer begins with."""

    unit: str
    model: str
    patient: str
    preset: str
    planned_ms: int
    asked: tuple[tuple[str, int], ...]
    effective: tuple[tuple[str, int], ...]
    setup: msgspec.Raw
    group: str | None = None


class SessionRefused(Record, frozen=True, kw_only=True):
    """Nothing was commanded, and why."""

    reason: str
    limit: str | None = None
    observed: Quantity | None = None
    bound: Quantity | None = None
    source: str | None = None


class SessionStarted(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Durable before the first frame that energizes.

    ``load`` names what was connected in a bench run, a session without a patient; empty: a treatment. Both fields
    with a default are left out of the bytes unless they are set, so that older sessions still run again to the byte.
    """

    unit: str
    model: str
    serial: str
    firmware: str
    simulated: bool
    verified: str
    modality: str
    patient: str
    preset: str
    region: str
    side: str
    planned_ms: int
    lease_ms: int
    limits: tuple[EffectiveLimit, ...]
    profile_sha256: str
    preset_sha256: str
    program: str
    head: str = ""  # serial number of the head in use, where the site keeps them
    load: str = ""


class SetpointCommanded(Record, frozen=True, kw_only=True):
    """A level that a person or the plan asked for; charted before it is written to the line when it rises."""

    levels: tuple[tuple[str, int], ...]
    cause: str  # ramp | person | plan | resume | off


class Inputs(Record, frozen=True, kw_only=True):
    """Everything that reached the session's reducer since the last such entry, in order.

    ``events`` is a JSON array of ``[delta_ns, event]``, the first delta counted from ``from_ns``.
    ``effects_sha256`` is over the canonical JSON of every effect that the reducer returned for them.
    """

    from_ns: int
    events: msgspec.Raw
    effects: int
    effects_sha256: str


class SessionPaused(Record, frozen=True, kw_only=True):
    """Off was confirmed for a pause."""

    reason: str


class SessionResumed(Record, frozen=True, kw_only=True):
    """A person resumed; durable before anything is energized."""


class LimitBreached(Record, frozen=True, kw_only=True):
    """A sample, or its absence, was outside a limit."""

    limit: str
    finding: str  # breach | missing | stale
    observed: Quantity | None
    bound: Quantity
    source: str


class Alarm(Record, frozen=True, kw_only=True):
    """Something a person must know now."""

    alarm: str  # a word of modctl.sentences.ALARMS
    priority: str  # high | medium | low
    text: str  # empty: the word's own sentence, made where it is shown, so that wording never changes a decision


class Override(Record, frozen=True, kw_only=True):
    """A soft limit was opened by a person."""

    limit: str
    reason: str  # commitment
    second_person: str | None = None


class DoseBound(Record, frozen=True, kw_only=True):
    """Delivered dose of one quantity; the two differ where the unit left doubt."""

    quantity: str
    lower: int
    upper: int
    unit: str


class SessionEnded(Record, frozen=True, kw_only=True):
    """Always a session's last event."""

    outcome: str  # completed | stopped | faulted | unconfirmed
    reason: str
    planned_ms: int
    delivered_ms: int
    paused_ms: int
    no_contact_ms: int
    unknown_ms: int
    energized_ms: int
    off_after_ms: int | None  # from the decision to stop to confirmed off; None when unconfirmed
    dose: tuple[DoseBound, ...] = ()
    contractions: int | None = None


class SessionClosed(Record, frozen=True, kw_only=True):
    """After ``session.ended``: what was asked at the end (skin, pain, what followed) was answered or declared open."""

    answers: int


class SessionSigned(Record, frozen=True, kw_only=True):
    """A person's signature: name and time are in the envelope; the log's order binds it to all that stands before."""

    meaning: str


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


KINDS: dict[str, type[Record]] = {
    "genesis": Genesis,
    "key.rotated": KeyRotated,
    "chart.exported": ChartExported,
    "controller.started": ControllerStarted,
    "controller.stopped": ControllerStopped,
    "guard.acted": GuardActed,
    "clock.jumped": ClockJumped,
    "user.signed_in": SignedIn,
    "unit.identified": UnitIdentified,
    "unit.latched": UnitLatched,
    "unit.acknowledged": UnitAcknowledged,
    "output.off_confirmed": OffConfirmed,
    "output.uncommanded": UncommandedOutput,
    "stop.pressed": StopPressed,
    "gate.answered": GateAnswer,
    "session.requested": SessionRequested,
    "session.refused": SessionRefused,
    "session.started": SessionStarted,
    "setpoint": SetpointCommanded,
    "inputs": Inputs,
    "session.paused": SessionPaused,
    "session.resumed": SessionResumed,
    "limit.breached": LimitBreached,
    "alarm": Alarm,
    "override": Override,
    "session.ended": SessionEnded,
    "session.closed": SessionClosed,
    "session.signed": SessionSigned,
    "unit.held": UnitHeld,
    "unit.released": UnitReleased,
    "unit.accessory": UnitAccessory,
    "unit.checked": UnitChecked,
}
KIND_OF: dict[type[Record], str] = {record: kind for kind, record in KINDS.items()}


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An entry on its way to the chart: everything but its number. The writer numbers and hashes it."""

    data: Record
    session: str | None = None
    actor: str | None = None

    @property
    def kind(self) -> str:
        """The entry's kind, from the type of its data."""
        return KIND_OF[type(self.data)]
