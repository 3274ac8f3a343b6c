"""Every kind of chart entry, as a type. ``chart/FORMAT.md`` says the bytes.

Rule 1: a kind, once released, stays readable for ever; fields are only added, with a default.
Rule 2: field order is byte order; a golden test holds one entry of each kind.
Rule 3: integers only; a name without a unit carries a ``Quantity``; free text from people is a commitment.
"""

from typing import Final

import msgspec

from modctl.record_base import Record as Record  # noqa: PLC0414  # also for who imports it with the kinds
from modctl.service_records import UnitAccessory, UnitChecked, UnitHeld, UnitReleased

FORMAT_VERSION: Final = 1


class Quantity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value whose unit is not in the name that carries it; ``unit`` is UCUM."""

    value: int
    unit: str


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


class ChartRestored(Record, frozen=True, kw_only=True):
    """A backup was put back by who is in the envelope. The next entry announces another key: the backup held this one.

    It ended with the entry before; what came after that is lost. ``lost_*``: the highest head that was known here then
    and that this chart is not of; None where none was known, which does not say that nothing was lost. Roots are
    hexadecimal.
    """

    reason: str
    entries: int  # of the backup
    root: str
    lost_size: int | None
    lost_root: str | None
    lost_known_from: str  # chart: the one that was in place; else the anchor's folder; empty: nobody knew of one


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


class GateAnswer(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One statement by a person at the table, with its source, age and the seconds it took."""

    gate: str
    answer: str
    source: str  # person | file | carried
    age_s: int
    took_ms: int
    text: str = ""  # commitment to what the person added; left out where nothing was


class PackMoved(Record, frozen=True, kw_only=True):
    """A person put a pack on, or took it off: who is in the envelope. ``numb``: off, because the skin is numb."""

    act: str  # on | off | numb
    source: str  # person | file


class CheckDue(Record, frozen=True, kw_only=True):
    """A question to a person fell due while there was output; its answer is a ``gate.answered``."""

    gate: str
    grace_ms: int


class TankRead(Record, frozen=True, kw_only=True):
    """How warm a tank or bath is: at each change of its band, and every ten minutes."""

    unit: str
    temp_mdegc: int | None  # None: it does not say
    band: str  # ready | weak | hot | too_hot | too_cold | unknown


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
    mark: str | msgspec.UnsetType = msgspec.UNSET  # where the bound comes from; only with a limit
    door: str | msgspec.UnsetType = (
        msgspec.UNSET
    )  # what opens a soft limit: reason, second_person; never with a hard one


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
    """A soft limit was opened by a person, for this session, up to ``observed`` and no further."""

    limit: str
    reason: str  # commitment
    second_person: str | None = None
    observed: Quantity | None = None
    bound: Quantity | None = None
    source: str = ""
    mark: str = ""


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
    reached: Quantity | None = None  # the highest level that the unit was seen to follow; None where it does not say


class SessionClosed(Record, frozen=True, kw_only=True):
    """After ``session.ended``: what was asked at the end (skin, pain, what followed) was answered or declared open."""

    answers: int


class SessionSigned(Record, frozen=True, kw_only=True):
    """A person's signature: name and time are in the envelope; the log's order binds it to all that stands before."""

    meaning: str


class PatientWeighed(Record, frozen=True, kw_only=True):
    """A patient's body weight, entered by a person: traction is bounded by a part of it."""

    patient: str
    body_weight_g: int


class RoundCheck(Record, frozen=True, kw_only=True):
    """One thing that the day's round looked at."""

    check: str  # stop_switch | unit | tank | clock | anchor | open_sessions
    subject: str  # the unit's name, the anchor's folder; empty where there is only one
    result: str  # ok | open: not done or not found good
    found: str


class RoundOpened(Record, frozen=True, kw_only=True):
    """The day's checks, signed once by who is in the envelope, before the first patient."""

    checks: tuple[RoundCheck, ...]


class RoundClosed(Record, frozen=True, kw_only=True):
    """The day's end, signed once: what was still open then."""

    checks: tuple[RoundCheck, ...]


class SessionAmended(Record, frozen=True, kw_only=True):
    """A statement of a session was put right after its end; the old value stays where it was, and here beside it."""

    field: str  # the gate whose answer it was
    old: str  # empty: it had not been answered
    new: str
    reason: str  # commitment


class SessionLateEntry(Record, frozen=True, kw_only=True):
    """Something was added after a session's end; when it was added is in the envelope."""

    about_utc: str  # the time that it is about
    text: str  # commitment


class SessionHandedOver(Record, frozen=True, kw_only=True):
    """A session goes on in somebody else's hands; the envelope's actor is who took it."""

    from_person: str
    to_person: str


class IncidentOpened(Record, frozen=True, kw_only=True):
    """The evidence of a session was asked for, and its unit taken out of use."""

    unit: str


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
    "pack.moved": PackMoved,
    "check.due": CheckDue,
    "tank.read": TankRead,
    "patient.weighed": PatientWeighed,
    "round.opened": RoundOpened,
    "round.closed": RoundClosed,
    "session.amended": SessionAmended,
    "session.late_entry": SessionLateEntry,
    "session.handed_over": SessionHandedOver,
    "incident.opened": IncidentOpened,
    "unit.held": UnitHeld,
    "unit.released": UnitReleased,
    "unit.accessory": UnitAccessory,
    "unit.checked": UnitChecked,
    "chart.restored": ChartRestored,
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
