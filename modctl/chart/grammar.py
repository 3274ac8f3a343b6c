"""What a sound chart may say, entry after entry: sessions, times, simulated or real. Pure: entries in, findings out.

Rule 1: nothing is energized before its ``session.started`` stands in the chart.
Rule 2: ``session.ended`` comes once, and after it nothing of the session's stream.
Rule 3: a session's id is used once.
Rule 4: within one boot the clocks that nobody can set do not run backwards.
Rule 5: a chart is simulated or real as a whole.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from devices.model import NS_PER_S
from modctl.records import Entry, Genesis, Record, SessionStarted, SetpointCommanded

# A commit with one of these is signed in the same transaction, so that only what follows the last of them is unsigned.
SIGNED_KINDS: Final = frozenset({"genesis", "key.rotated", "session.started", "session.ended"})

# What belongs to a session's stream (and its inputs): nothing of it follows session.ended.
STREAM_KINDS: Final = frozenset(
    {
        "session.requested",
        "session.refused",
        "session.started",
        "session.paused",
        "session.resumed",
        "session.ended",
        "setpoint",
        "inputs",
        "limit.breached",
        "alarm",
        "override",
    }
)
# These say nothing without the session that they are about.
_NEEDS_SESSION: Final = frozenset(
    {
        "session.requested",
        "session.started",
        "session.paused",
        "session.resumed",
        "session.ended",
        "session.closed",
        "session.signed",
        "session.amended",
        "session.late_entry",
        "session.handed_over",
        "incident.opened",
        "setpoint",
        "inputs",
        "override",
    }
)
# What is done to a record, and so only to one that is complete.
AFTER_END: Final[Mapping[str, str]] = {
    "session.signed": "signed",
    "session.amended": "amended",
    "session.late_entry": "added to",
}
_OFF: Final = "off"  # SetpointCommanded.cause: off always passes

# Chosen: entries of several threads reach the writer in their own order, and a writer more than 2 s behind stops
# every session, so nothing older than that can still be on its way.
MAX_STEP_BACK_NS: Final = 2 * NS_PER_S


class Code(StrEnum):
    """What kind of thing is wrong."""

    FILE = "file.damaged"
    SCHEMA = "schema.changed"
    GAP = "entry.gap"
    LEAF = "entry.leaf"
    BODY = "entry.body"
    GENESIS = "genesis.wrong"
    GENESIS_KEY = "genesis.key"
    ROTATION = "key.rotation"
    CHECKPOINT = "checkpoint.wrong"
    CHECKPOINT_BEYOND = "checkpoint.beyond"
    CHECKPOINT_MISSING = "checkpoint.missing"
    SESSION = "session.order"
    SIMULATED = "session.simulated"
    TIME = "time.backwards"
    CUT_OFF = "anchor.cut-off"
    DIFFERS = "anchor.differs"
    FOREIGN = "anchor.foreign"
    RESTORED = "anchor.restored"
    PROOF = "receipt.proof"
    RECEIPT = "receipt.entry"


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong, where it shows first, and what it means. ``seq`` is None where no entry is to blame."""

    code: Code
    seq: int | None
    text: str


class _Course:
    """How far one session has come."""

    __slots__ = ("ended", "requested", "started")

    def __init__(self) -> None:
        self.requested = False
        self.started = False
        self.ended = False


class Grammar:
    """Reads a chart's entries in order; one for each chart."""

    def __init__(self) -> None:
        self._simulated: bool | None = None
        self._courses: dict[str, _Course] = {}
        self._clocks: dict[str, tuple[int, int]] = {}

    def read(self, entry: Entry, record: Record) -> Iterator[Finding]:
        """What is wrong with the next entry, given all before it."""
        yield from self._read_times(entry)
        if isinstance(record, Genesis):
            self._simulated = record.simulated
        elif isinstance(record, SessionStarted) and record.simulated is not self._simulated:
            record_is, chart_is = ("simulated", "real") if record.simulated else ("real", "simulated")
            yield Finding(Code.SIMULATED, entry.seq, f"a {record_is} unit's session in a {chart_is} chart")
        if entry.session is not None:
            for what in self._read_session(entry, entry.session, record):
                yield Finding(Code.SESSION, entry.seq, f"session {entry.session}: {what}")
        elif entry.kind in _NEEDS_SESSION:
            yield Finding(Code.SESSION, entry.seq, f"{entry.kind} without a session")

    def _read_session(self, entry: Entry, session: str, record: Record) -> Iterator[str]:
        course = self._courses.setdefault(session, _Course())
        kind = entry.kind
        if course.ended and kind in STREAM_KINDS:
            yield f"{kind} after session.ended"
        if kind == "session.requested":
            if course.requested:
                yield "this id is used twice"
            course.requested = True
        elif kind == "session.started":
            if course.started:
                yield "started twice"
            course.started = True
        elif kind in {"session.paused", "session.resumed"} or (
            isinstance(record, SetpointCommanded) and record.cause != _OFF
        ):
            if not course.started:
                yield f"{kind} before session.started"
        elif kind == "session.ended":
            course.ended = True
        elif kind in AFTER_END and not course.ended:
            yield f"it was {AFTER_END[kind]} before its end"

    def _read_times(self, entry: Entry) -> Iterator[Finding]:
        mono_ns, boottime_ns = self._clocks.get(entry.boot, (entry.mono_ns, entry.boottime_ns))
        back_ns = max(mono_ns - entry.mono_ns, boottime_ns - entry.boottime_ns)
        if back_ns > MAX_STEP_BACK_NS:
            yield Finding(Code.TIME, entry.seq, f"{back_ns} ns before an entry that stands earlier, in the same boot")
        self._clocks[entry.boot] = (max(mono_ns, entry.mono_ns), max(boottime_ns, entry.boottime_ns))
