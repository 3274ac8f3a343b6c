"""The technician's words between controller and clients, and what is answered to them; ``messages`` has the rest."""

import msgspec

from modctl.records import DoseBound


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Strict at the border."""


class BenchRun(_Message, frozen=True, kw_only=True, tag="bench_run"):
    """Ask for a session without a patient, on a named load. Its questions are answered next."""

    id: int
    unit: str
    load: str
    nobody_connected: bool
    set: tuple[tuple[str, int], ...]
    duration_ms: int
    head: str = ""
    file_answers: bool = False


class HoldUnit(_Message, frozen=True, kw_only=True, tag="hold_unit"):
    """Take a unit out of service for every table."""

    id: int
    unit: str
    reason: str


class ReleaseUnit(_Message, frozen=True, kw_only=True, tag="release_unit"):
    """Put a held unit back into service."""

    id: int
    unit: str


class IdentifyUnit(_Message, frozen=True, kw_only=True, tag="identify_unit"):
    """Ask a unit anew who it is; the answer is its next ``unit.identified`` entry."""

    id: int
    unit: str


class LookAtUnit(_Message, frozen=True, kw_only=True, tag="look_at_unit"):
    """The newest sample of one unit and what its line did so far."""

    id: int
    unit: str


class TraceUnit(_Message, frozen=True, kw_only=True, tag="trace_unit"):
    """What went over a unit's line after number ``since``; asking keeps the tap open for some seconds."""

    id: int
    unit: str
    since: int = 0


class FrameRow(msgspec.Struct, frozen=True, kw_only=True):
    """Some bytes of a line. ``way``: out (one frame of ours) or in (what arrived at once)."""

    seq: int
    at_mono_ns: int
    way: str
    frame: str  # hexadecimal


class CheckPointTyped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One point: set on the unit, read from the meter as found, and again as left where something was adjusted."""

    set: int
    found: int
    left: int | None = None


class CheckUnit(_Message, frozen=True, kw_only=True, tag="check_unit"):
    """Record a check (items) or a calibration (points) of a unit or of one of its heads."""

    id: int
    unit: str
    what: str  # check | calibration
    head: str = ""
    points: tuple[CheckPointTyped, ...] = ()
    items: tuple[tuple[str, str], ...] = ()
    meter: str = ""
    meter_due: str = ""  # a date
    load: str = ""
    note: str = ""


class LookBack(_Message, frozen=True, kw_only=True, tag="look_back"):
    """Which sessions the last reading out of tolerance concerns, of a unit and (or) one of its heads."""

    id: int
    unit: str
    head: str = ""


class HeadRow(msgspec.Struct, frozen=True, kw_only=True):
    """One head, cuff or sensor of a unit with its own calibration."""

    kind: str
    serial: str
    calibration: str
    due: str
    era_mm2: int = 0


class UnitDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One unit's newest sample. ``age_ms`` None: there is none."""

    unit: str
    state: str
    output: str
    age_ms: int | None
    contact: str
    values: tuple[tuple[str, int | None], ...]
    faults: tuple[str, ...]
    head: str
    boot: int | None
    counter: int | None
    link_faults: tuple[tuple[str, int], ...] = ()  # how often each was seen since the start


class AffectedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One session before a reading out of tolerance; errors in thousandths, dose as a band. Names no patient."""

    session: str
    at_utc: str
    preset: str
    head: str
    error_low_permille: int
    error_high_permille: int
    outside: bool
    delivered_ms: int
    charted: tuple[DoseBound, ...]
    estimated: tuple[DoseBound, ...]
