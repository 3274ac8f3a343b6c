"""Typed questions to a chart. Rows are found by the generated columns; what they say is decoded from the bodies.

Nothing here verifies: a reader trusts the file, the verifier does not.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self, TypeVar

import msgspec

from modctl.chart import schema
from modctl.chart.body import BodyError, decode_body, decode_record
from modctl.chart.errors import ChartUnreadableError
from modctl.chart.resume import FIRST_EPOCH
from modctl.chart.sqlite import Connection, SqliteError, open_reader
from modctl.records import (
    Entry,
    Genesis,
    KeyRotated,
    Record,
    SessionEnded,
    SessionRequested,
    SessionStarted,
    UnitAcknowledged,
    UnitLatched,
)
from modctl.service_records import UnitChecked, UnitHeld, UnitReleased

OPEN: Final = "open"  # the outcome of a session that has not ended
NO_LIMIT: Final = -1  # sqlite.org/lang_select.html: a negative LIMIT is none


# SQLite's rows carry no types: every row is checked against one of these before it is used.
class _EntryRow(msgspec.Struct, frozen=True, array_like=True):
    seq: int
    body: bytes


class _OpenRow(msgspec.Struct, frozen=True, array_like=True):
    session: str
    seq: int
    started: int
    body: bytes


class _FoundSession(msgspec.Struct, frozen=True, array_like=True):
    seq: int
    started: bytes
    ended: bytes | None
    overrides: int
    signed: int | None  # the first signature
    added: int | None  # the last amendment or late entry


class _HeadRow(msgspec.Struct, frozen=True, array_like=True):
    note: bytes


_MAX_SEQ: Final = 2**63 - 1  # sqlite.org/datatype3.html: signed 64-bit integers
_R = TypeVar("_R", bound=Record)
_Row = TypeVar("_Row", bound=msgspec.Struct)


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list of sessions. ``delivered_ms`` is None while the session is open."""

    session: str
    unit: str
    patient: str
    preset: str
    started_at_utc: str
    outcome: str  # completed | stopped | faulted | unconfirmed | open
    planned_ms: int
    delivered_ms: int | None
    simulated: bool
    overrides: int
    actor: str | None
    modality: str
    reason: str | None  # of the end
    seq: int  # of session.started
    signed: bool = False
    amended: bool = False  # something was added or put right after it was signed
    head: str = ""
    load: str = ""  # of a bench run; empty: a treatment


class SessionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which sessions: every field that is given must fit. Times are RFC 3339 as in the chart, ``until`` exclusive."""

    patient: str | None = None
    unit: str | None = None
    actor: str | None = None
    since_utc: str | None = None
    until_utc: str | None = None
    before: int | None = None  # only sessions whose start has a smaller number: the next page of a list


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session without an end in the chart. Only a ``started`` one can have energized anything."""

    session: str
    unit: str
    seq: int  # of its session.requested, else of its session.started
    started: bool


class LatchedUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit out of use until a person acknowledges."""

    unit: str
    reason: str
    output: str  # off | energized | unknown, as last seen
    session: str | None
    at_utc: str
    seq: int


# Each query that should use a partial index repeats the index's own term: SQLite looks for exactly that.
_COLUMNS: Final = "SELECT seq, body FROM entry"
_OF_SESSION: Final = f"{_COLUMNS} WHERE session = ? AND {schema.NOT_INPUTS} ORDER BY seq"
_OF_KIND: Final = f"{_COLUMNS} WHERE kind = ? AND {schema.NOT_INPUTS} ORDER BY seq DESC LIMIT ?"
_OF_KIND_SINCE: Final = f"{_COLUMNS} WHERE kind = ? AND seq > ? AND {schema.NOT_INPUTS} ORDER BY seq LIMIT ?"
_OF_KIND_IN_SESSION: Final = f"{_COLUMNS} WHERE session = ? AND kind = ? AND {schema.NOT_INPUTS} ORDER BY seq"
_BETWEEN: Final = f"{_COLUMNS} WHERE seq BETWEEN ? AND ? AND session = ? ORDER BY seq"
_SINCE: Final = f"{_COLUMNS} WHERE seq > ? ORDER BY seq LIMIT ?"
_LAST: Final = f"{_COLUMNS} ORDER BY seq DESC LIMIT 1"
_UNENDED: Final = f"""SELECT o.session, o.seq, o.started, e.body FROM (
  SELECT session, min(CASE WHEN kind IN ('session.requested', 'session.started') THEN seq END) AS seq,
    max(kind = 'session.started') AS started
  FROM entry WHERE {schema.IS_BOUND}
  GROUP BY session
  HAVING NOT max(kind = 'session.ended')
  AND (max(kind = 'session.started') OR NOT max(kind = 'session.refused'))
) o JOIN entry e ON e.seq = o.seq ORDER BY o.seq"""  # noqa: S608 - text of this module
_SESSIONS: Final = f"""SELECT s.seq, s.body,
  (SELECT e.body FROM entry e WHERE e.session = s.session AND e.kind = 'session.ended' AND e.{schema.NOT_INPUTS})
    AS ended,
  (SELECT count(*) FROM entry o WHERE o.session = s.session AND o.kind = 'override' AND o.{schema.NOT_INPUTS})
    AS overrides,
  (SELECT min(o.seq) FROM entry o WHERE o.session = s.session AND o.kind = 'session.signed' AND o.{schema.NOT_INPUTS})
    AS signed,
  (SELECT max(o.seq) FROM entry o WHERE o.session = s.session
    AND o.kind IN ('session.amended', 'session.late_entry') AND o.{schema.NOT_INPUTS}) AS added
FROM entry s WHERE s.{schema.IS_STARTED} AND s.{schema.NOT_INPUTS}{{narrowed}} ORDER BY s.seq DESC LIMIT ?"""  # noqa: S608 - text of this module
_HEADS: Final = "SELECT note FROM checkpoint ORDER BY size"
_HEAD: Final = "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1"


class ChartReader:
    """Reads one chart over a connection of the calling thread.

    Every method raises ChartUnreadableError when the file cannot be read or an entry does not parse.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read a chart file that nobody is writing, or a copy. ``close`` it afterwards."""
        if not path.is_file():
            raise ChartUnreadableError(f"There is no chart at {path}.")
        return cls(open_reader(path))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def genesis(self) -> Genesis:
        """What the chart fixed for ever."""
        entries = self.entries_since(0, limit=1)
        if not entries:
            raise ChartUnreadableError("The chart is empty.")
        return record_as(entries[0], Genesis)

    def epoch(self) -> int:
        """The number of the key in force."""
        rotated = self.entries_of_kind("key.rotated", limit=1)
        return record_as(rotated[0], KeyRotated).epoch if rotated else FIRST_EPOCH

    def last_entry(self) -> Entry | None:
        """The newest entry; None in an empty chart."""
        return next(self._entries(_LAST, ()), None)

    def last_head(self) -> bytes | None:
        """The newest signed checkpoint, as a note."""
        rows = self._rows(_HEAD, (), _HeadRow)
        return rows[0].note if rows else None

    def heads(self) -> tuple[bytes, ...]:
        """Every signed checkpoint, as a note, the smallest first."""
        return tuple(row.note for row in self._rows(_HEADS, (), _HeadRow))

    def entries_since(self, seq: int, limit: int = NO_LIMIT) -> tuple[Entry, ...]:
        """The entries after ``seq``, the oldest first."""
        return tuple(self._entries(_SINCE, (seq, limit)))

    def entries_of_kind(self, kind: str, limit: int = NO_LIMIT) -> tuple[Entry, ...]:
        """The entries of one kind (not ``inputs``), the newest first."""
        return tuple(self._entries(_OF_KIND, (kind, limit)))

    def of_kind_since(self, kind: str, seq: int, limit: int = NO_LIMIT) -> tuple[Entry, ...]:
        """The entries of one kind (not ``inputs``) after ``seq``, the oldest first."""
        return tuple(self._entries(_OF_KIND_SINCE, (kind, seq, limit)))

    def session(self, session: str) -> tuple[Entry, ...]:
        """A session's entries without its inputs, the oldest first; empty for an unknown session."""
        return tuple(self._entries(_OF_SESSION, (session,)))

    def of_kind_in_session(self, session: str, kind: str) -> tuple[Entry, ...]:
        """A session's entries of one kind (not ``inputs``), the oldest first."""
        return tuple(self._entries(_OF_KIND_IN_SESSION, (session, kind)))

    def session_with_inputs(self, session: str) -> tuple[Entry, ...]:
        """All of a session's entries, as a replay needs them, the oldest first."""
        entries = self.session(session)
        if not entries:
            return ()
        end = next((entry.seq for entry in entries if entry.kind == "session.ended"), _MAX_SEQ)
        until_end = tuple(self._entries(_BETWEEN, (entries[0].seq, end, session)))
        return (*until_end, *(entry for entry in entries if entry.seq > end))

    def sessions(self, wanted: SessionFilter | None = None, limit: int = NO_LIMIT) -> tuple[SessionRow, ...]:
        """The sessions that were started, the newest first; many of them in pages (``before``, ``limit``)."""
        query, values = _sessions_query(wanted or SessionFilter())
        return tuple(_session_row(found) for found in self._rows(query, (*values, limit), _FoundSession))

    def open_sessions(self) -> tuple[OpenSession, ...]:
        """Sessions that were requested or started, neither refused before the start nor ended; the oldest first."""
        return tuple(
            OpenSession(session=row.session, unit=_unit(_entry(row.body)), seq=row.seq, started=bool(row.started))
            for row in self._rows(_UNENDED, (), _OpenRow)
        )

    def latched_units(self) -> tuple[LatchedUnit, ...]:
        """Units that were latched and not acknowledged since, by name."""
        acknowledged: dict[str, int] = {}
        for entry in self.entries_of_kind("unit.acknowledged"):
            acknowledged.setdefault(_unit(entry), entry.seq)
        latched: dict[str, LatchedUnit] = {}
        for entry in self.entries_of_kind("unit.latched"):
            record = record_as(entry, UnitLatched)
            if entry.seq > acknowledged.get(record.unit, 0) and record.unit not in latched:
                latched[record.unit] = LatchedUnit(
                    unit=record.unit,
                    reason=record.reason,
                    output=record.output,
                    session=entry.session,
                    at_utc=entry.at_utc,
                    seq=entry.seq,
                )
        return tuple(latched[unit] for unit in sorted(latched))

    def held_units(self) -> tuple[tuple[str, str], ...]:
        """Units that were taken out of service and not released since, with the reason, by name."""
        released: dict[str, int] = {}
        for entry in self.entries_of_kind("unit.released"):
            released.setdefault(record_as(entry, UnitReleased).unit, entry.seq)
        held: dict[str, str] = {}
        for entry in reversed(self.entries_of_kind("unit.held")):
            record = record_as(entry, UnitHeld)
            if entry.seq > released.get(record.unit, 0):
                held[record.unit] = record.reason
        return tuple(sorted(held.items()))

    def checks(self, unit: str | None = None) -> tuple[tuple[int, UnitChecked], ...]:
        """Every check and calibration, of one unit or of all, with its number, the oldest first."""
        found = ((entry.seq, record_as(entry, UnitChecked)) for entry in self.entries_of_kind("unit.checked"))
        return tuple(reversed([pair for pair in found if unit is None or pair[1].unit == unit]))

    def checks_in_force(self) -> tuple[UnitChecked, ...]:
        """The checks that still say something of their unit or head, the oldest first."""
        kept: tuple[UnitChecked, ...] = ()
        for _, checked in self.checks():
            kept = (*(one for one in kept if not checked.outdates(one)), checked)
        return kept

    def _entries(self, query: str, values: tuple[str | int, ...]) -> Iterator[Entry]:
        return (_entry(row.body) for row in self._rows(query, values, _EntryRow))

    def _rows(self, query: str, values: tuple[str | int, ...], row: type[_Row]) -> list[_Row]:
        try:
            return [msgspec.convert(found, row) for found in self._connection.execute(query, values)]
        except (SqliteError, msgspec.ValidationError) as why:
            raise ChartUnreadableError(f"The chart cannot be read: {why}") from why


def record_as(entry: Entry, kind: type[_R]) -> _R:
    """The entry's data as the one type that the caller expects of it."""
    record = _record(entry)
    if not isinstance(record, kind):
        raise ChartUnreadableError(f"Entry {entry.seq} is {entry.kind}, not what stands there in a sound chart.")
    return record


def _entry(body: bytes) -> Entry:
    try:
        return decode_body(body)
    except BodyError as why:
        raise ChartUnreadableError(f"An entry does not parse: {why}") from why


def _record(entry: Entry) -> Record:
    try:
        return decode_record(entry)
    except BodyError as why:
        raise ChartUnreadableError(f"Entry {entry.seq} does not parse: {why}") from why


def _unit(entry: Entry) -> str:
    record = _record(entry)
    if isinstance(record, SessionRequested | SessionStarted | UnitLatched | UnitAcknowledged):
        return record.unit
    raise ChartUnreadableError(f"Entry {entry.seq} is {entry.kind}, which names no unit.")


def _session_row(found: _FoundSession) -> SessionRow:
    entry = _entry(found.started)
    started = record_as(entry, SessionStarted)
    ended = None if found.ended is None else record_as(_entry(found.ended), SessionEnded)
    return SessionRow(
        session=entry.session or "",
        unit=started.unit,
        patient=started.patient,
        preset=started.preset,
        started_at_utc=entry.at_utc,
        outcome=ended.outcome if ended else OPEN,
        planned_ms=started.planned_ms,
        delivered_ms=ended.delivered_ms if ended else None,
        simulated=started.simulated,
        overrides=found.overrides,
        actor=entry.actor,
        modality=started.modality,
        reason=ended.reason if ended else None,
        seq=entry.seq,
        signed=found.signed is not None,
        amended=found.signed is not None and found.added is not None and found.added > found.signed,
        head=started.head,
        load=started.load,
    )


def _sessions_query(wanted: SessionFilter) -> tuple[str, tuple[str | int, ...]]:
    """The query and its values. Only names written here reach the SQL; what a person typed is a value."""
    terms = (
        ("s.patient = ?", wanted.patient),
        ("s.unit = ?", wanted.unit),
        ("s.actor = ?", wanted.actor),
        ("s.at_utc >= ?", wanted.since_utc),
        ("s.at_utc < ?", wanted.until_utc),
        ("s.seq < ?", wanted.before),
    )
    narrowed = "".join(f" AND {term}" for term, value in terms if value is not None)
    return _SESSIONS.format(narrowed=narrowed), tuple(value for _, value in terms if value is not None)
