"""The words between controller and clients: newline JSON, at most 64 KiB a line.

A client says ``Hello`` first. Every request has an ``id`` of the client's choice and gets one answer with that id;
``Snapshot`` (newest wins) and ``Event`` (lossless, in chart order) come unasked once subscribed.
"""

from typing import Final

import msgspec

from devices.model import Direction, PackAct
from modctl.ipc.evidence import ExportChart, LastHead, Progress, TakeCheckpoint, VerifyChart
from modctl.ipc.hands import (
    AlarmView,
    Amend,
    LateEntry,
    Lock,
    OpenIncident,
    OverrideAsk,
    SignSession,
    StartWith,
    StoppedUnit,
    TakeOver,
)
from modctl.ipc.servicing import (
    AffectedRow,
    BenchRun,
    CheckUnit,
    FrameRow,
    HeadRow,
    HoldUnit,
    IdentifyUnit,
    LookAtUnit,
    LookBack,
    ReleaseUnit,
    TraceUnit,
    UnitDetail,
)
from modctl.records import EffectiveLimit, RoundCheck
from modctl.service_records import UnitChecked

API: Final = 1
MAX_LINE_BYTES: Final = 65_536


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Strict at the border."""


class Hello(_Message, frozen=True, kw_only=True, tag="hello"):
    """First line of every connection. ``attends``: this client is a screen whose loss counts."""

    id: int
    api: int
    program: str
    attends: bool = False


class SignIn(_Message, frozen=True, kw_only=True, tag="sign_in"):
    """Bind a person to this connection; the PIN is checked on the controller's side."""

    id: int
    user: str
    pin: str


class Beat(_Message, frozen=True, kw_only=True, tag="beat"):
    """A screen's last frame has left for the terminal. Every 250 ms; no answer."""


class Subscribe(_Message, frozen=True, kw_only=True, tag="subscribe"):
    """Snapshots and events from now on; with ``since`` the committed entries after that number come first."""

    id: int
    since: int | None = None
    snapshots: bool = True


class ListUnits(_Message, frozen=True, kw_only=True, tag="list_units"):
    """All units of the site with their state."""

    id: int


class ListPatients(_Message, frozen=True, kw_only=True, tag="list_patients"):
    """Patients of the site; needs a signed-in person who may see them."""

    id: int


class ListPresets(_Message, frozen=True, kw_only=True, tag="list_presets"):
    """The site's library."""

    id: int
    unit: str | None = None  # only those that this unit can do


class ListSessions(_Message, frozen=True, kw_only=True, tag="list_sessions"):
    """Newest first, in pages: the next one begins ``before`` the ``seq`` of the last row."""

    id: int
    limit: int = 100
    before: int | None = None


class Entries(_Message, frozen=True, kw_only=True, tag="entries"):
    """Committed entries after ``since``, all, or of one session, or of one kind, in pages that fit a line.

    ``inputs`` False: without a session's readings, which are most of it.
    """

    id: int
    session: str | None = None
    since: int = -1
    kind_of: str | None = None  # ``kind`` is the message's own
    inputs: bool = True


class Start(_Message, frozen=True, kw_only=True, tag="start"):
    """Ask for a session. The answer names it; its gates are answered next.

    ``repeat``: the patient's last session once more, its unit, preset, settings and time; a unit named beside it
    narrows the search to that unit, a preset is not named. ``body_weight_kg`` is what a person has just read: it is
    kept with its date, and asked for by a refusal ``body_weight``.
    A refusal with the code ``soft_limit`` names the limit and its ``door``: ask again with what opens it.
    """

    id: int
    unit: str
    patient: str
    preset: str
    set: tuple[tuple[str, int], ...] = ()
    duration_ms: int | None = None
    file_answers: bool = False  # answers will come from a file: only in simulated sites
    partner: StartWith | None = None  # a combination; ``set`` names parameters of either half
    repeat: bool = False
    body_weight_kg: int | None = None
    overrides: tuple[OverrideAsk, ...] = ()
    head: str = ""  # serial number of the head in the hand, where the wire does not tell


class Answer(_Message, frozen=True, kw_only=True, tag="answer"):
    """Answer the next gate of a session.

    ``source`` is ``person``, ``file``, or ``carried``: a person says that the earlier answer still holds. Which answer
    that was and how old it is the controller knows; what a client says of both is not read.
    """

    id: int
    session: str
    gate: str
    answer: str
    took_ms: int
    source: str = "person"
    age_s: int = 0
    text: str = ""  # free text: charted as a commitment only


class Stop(_Message, frozen=True, kw_only=True, tag="stop"):
    """Stop one session, one unit, or (neither) everything. Needs no sign-in."""

    id: int
    session: str | None = None
    unit: str | None = None
    source: str = "command"


class Pause(_Message, frozen=True, kw_only=True, tag="pause"):
    """Off for now."""

    id: int
    session: str


class Resume(_Message, frozen=True, kw_only=True, tag="resume"):
    """Back, by a ramp from off."""

    id: int
    session: str


class Step(_Message, frozen=True, kw_only=True, tag="step"):
    """Ride the level."""

    id: int
    session: str
    direction: Direction


class Pack(_Message, frozen=True, kw_only=True, tag="pack"):
    """A person has put the pack of a session on, or has taken it off, and says so."""

    id: int
    session: str
    act: PackAct
    source: str = "person"  # file: only in simulated sites


class Acknowledge(_Message, frozen=True, kw_only=True, tag="acknowledge"):
    """Clear a unit's latch; ``statement`` when off cannot be confirmed."""

    id: int
    unit: str
    statement: str | None = None


class Round(_Message, frozen=True, kw_only=True, tag="round"):
    """The day's checks. ``sign`` None: look only; else ``open`` or ``close``: look and sign what was found."""

    id: int
    sign: str | None = None


Request = (
    Hello
    | SignIn
    | Beat
    | Subscribe
    | ListUnits
    | ListPatients
    | ListPresets
    | ListSessions
    | Entries
    | Start
    | BenchRun
    | HoldUnit
    | ReleaseUnit
    | IdentifyUnit
    | LookAtUnit
    | TraceUnit
    | CheckUnit
    | LookBack
    | Answer
    | Stop
    | Pause
    | Resume
    | Step
    | Pack
    | Lock
    | TakeOver
    | SignSession
    | Amend
    | LateEntry
    | OpenIncident
    | Acknowledge
    | Round
    | VerifyChart
    | ExportChart
    | TakeCheckpoint
    | LastHead
)


class UnitRow(msgspec.Struct, frozen=True, kw_only=True):
    """One unit, as ``unit list`` prints it and the screens show it."""

    name: str
    model: str
    modality: str
    model_class: str = msgspec.field(name="class")
    address: str
    state: str  # ready | missing | mismatch | in-session | latched | held | unknown
    simulated: bool
    verified: str
    lease_ms: int
    reason: str = ""  # of missing, mismatch, latched, held
    serial: str = ""
    firmware: str = ""
    output: str = "unknown"  # off | energized | suspended | unknown, newest sample
    stop_switch: str = ""  # of traction, where the unit tells: closed | pressed | not connected
    level_parameter: str = ""
    monitored: bool = False  # a tank, a bath, a witness: no session starts or stops it
    temp_mdegc: int | None = None  # of a tank or bath, newest sample; None too when that is old
    band: str = ""  # of a tank or bath: ready | weak | hot | too_cold | too_hot | unknown
    calibration: str = "never"  # never | valid | overdue | failed | unknown, of the unit itself
    due: str = ""  # up to when its calibration holds
    head: str = ""  # in use, where the wire tells
    heads: tuple[HeadRow, ...] = ()


class PatientRow(msgspec.Struct, frozen=True, kw_only=True):
    """A patient as the table needs one: the reference and two identifiers."""

    ref: str
    name: str
    birth_date: str
    side: str = "right"  # of the prescription in force


class PresetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the library."""

    id: str
    modality: str
    models: tuple[str, ...]
    title: str
    approved: bool
    region: str
    side: str
    planned_ms: int
    levels: tuple[tuple[str, int], ...]  # settings and the cap of the level
    source: str


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One session, as ``session list`` prints it and the auditor's screen shows it."""

    session: str
    unit: str
    patient: str
    preset: str
    started_at_utc: str
    outcome: str | None
    planned_ms: int
    delivered_ms: int
    simulated: bool
    overrides: int
    signed: bool = False
    amended: bool = False  # something was added or put right after it was signed
    load: str = ""  # of a bench run, which is no treatment; empty: a treatment
    head: str = ""
    actor: str | None = None
    modality: str = ""
    reason: str | None = None  # of the end
    seq: int = 0  # of its start: where the next page begins


class GateView(msgspec.Struct, frozen=True, kw_only=True):
    """One gate of one session: what is asked, what can be answered, and what was."""

    gate: str
    title: str
    text: str
    answers: tuple[tuple[str, str], ...]  # (answer, label); the first is focused; empty: a number, see below
    closes: tuple[str, ...]  # answers that close the gate
    minimum: int | None = None  # number gates
    maximum: int | None = None
    answered: str | None = None
    carried: str | None = None  # the answer of before that still holds: one key says so again
    age_s: int = 0  # of that answer, when the session was asked for
    words: tuple[str, ...] = ()  # answers beside which a person may type why


class DueView(msgspec.Struct, frozen=True, kw_only=True):
    """A question that fell due while there is output: what is asked, since when, and whether its grace is over."""

    gate: GateView
    since_mono_ns: int
    late: bool


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """One session, as the screens show it. Values are None where there is no data; nothing maps unknown to off."""

    session: str
    unit: str
    model: str
    modality: str
    patient: str
    patient_name: str
    preset: str
    title: str
    region: str
    side: str
    phase: str  # checking | armed | starting | running | pausing | paused | resuming | stopping | ended | unconfirmed
    output: str  # off | energized | suspended | unknown
    simulated: bool
    attended: bool
    level_parameter: str
    set_level: int
    goal_level: int
    level_max: int
    person_step: int
    settings: tuple[tuple[str, int], ...]
    commanded: int | None
    measured: int | None
    observed_as: str
    contact: str
    planned_ms: int
    delivered_ms: int
    paused_ms: int
    no_contact_ms: int
    unknown_ms: int
    age_ms: int | None  # of the newest sample
    stale_ms: int
    lease_ms: int
    resting: bool  # the plan is in a rest
    rounds: int
    gates: tuple[GateView, ...]
    gate: str | None  # the next one to answer
    alarms: tuple[AlarmView, ...]
    limits: tuple[EffectiveLimit, ...]
    reason: str = ""  # of the end, the pause, the stop
    outcome: str | None = None
    off_after_ms: int | None = None
    unknown_text: str = ""
    closed: bool = False  # nothing more to answer
    partner: str = ""  # of a combination: the session of the other half
    attended_by_me: bool = False  # the screen that asks is the one that attends it
    by_hand: bool = False  # a pack: a person puts it on and takes it off
    energized_ms: int = 0  # of a pack, the time on the skin
    due: DueView | None = None
    residual_mdegc: int | None = None  # what is still warm or cold under an output that is off
    held_raise: str = ""  # why the level may not be raised just now
    last_level: int | None = None  # what the patient's last session of this preset was ridden to; None: none is known
    person: str = ""  # whose session it is now
    head: str = ""  # serial number of the head that was confirmed, where the site keeps them
    load: str = ""  # of a bench run: nobody is connected; empty: a treatment


class Snapshot(_Message, frozen=True, kw_only=True, tag="snapshot"):
    """The whole controller at one moment; at most ten a second, the newest wins."""

    seq: int  # newest chart sequence
    mono_ns: int
    site: str
    simulated: bool
    units: tuple[UnitRow, ...]
    sessions: tuple[SessionView, ...]
    lock_after_s: int = 0  # the site's policy for a screen that nobody touches; 0: never
    alarms: tuple[AlarmView, ...] = ()  # of units without a session, each ``word:unit``, until its cause is gone
    timezone: str = "UTC"  # of the site, as in the IANA time zone database


class Event(_Message, frozen=True, kw_only=True, tag="event"):
    """One committed chart entry; ``entry`` is its stored body."""

    seq: int
    entry: msgspec.Raw


class Done(_Message, frozen=True, kw_only=True, tag="done"):
    """Yes. Only the field that belongs to the request is filled."""

    id: int
    session: str | None = None
    partner: str | None = None  # of a combination: the session of its other half
    role: str | None = None
    units: tuple[UnitRow, ...] | None = None
    patients: tuple[PatientRow, ...] | None = None
    presets: tuple[PresetRow, ...] | None = None
    sessions: tuple[SessionRow, ...] | None = None
    entries: tuple[msgspec.Raw, ...] | None = None
    more: bool = False
    stopped: tuple[StoppedUnit, ...] | None = None
    verdict: msgspec.Raw = msgspec.Raw(b"null")  # not optional: a union with Raw does not decode
    note: str | None = None
    checks: tuple[RoundCheck, ...] | None = None
    checked: UnitChecked | None = None
    detail: UnitDetail | None = None
    affected: tuple[AffectedRow, ...] | None = None
    frames: tuple[FrameRow, ...] | None = None


class Refused(_Message, frozen=True, kw_only=True, tag="refused"):
    """No, and why. ``code`` is a word, ``reason`` a sentence for a person."""

    id: int
    code: str
    reason: str
    limit: str | None = None
    observed: int | None = None
    bound: int | None = None
    source: str | None = None
    unit: str | None = None  # UCUM, of observed and bound
    mark: str | None = None  # where the bound comes from
    door: str | None = None  # what opens it: reason, second_person; None: nothing does


Answering = Done | Refused | Snapshot | Event | Progress
