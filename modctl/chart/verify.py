"""The verifier: reads a whole chart, recomputes everything, and says what is proven. ``FORMAT.md`` is its rule book.

Rule 1: stored hashes are compared, never believed; the tree grows from the bodies alone.
Rule 2: the first key is the genesis's; every later one counts because the one before it signed its announcement.
Rule 3: *anchored* needs a signed head from outside. Without one nobody can tell a sound chart from its own beginning.
Rule 4: a finding names the entry at which it shows; after the first head that does not fit no other head is judged.
"""

from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

import msgspec

from modctl.chart import schema
from modctl.chart.body import BodyError, check_canonical, decode_body, decode_record
from modctl.chart.errors import ChartUnreadableError, NoteError
from modctl.chart.grammar import SIGNED_KINDS, Code, Finding, Grammar
from modctl.chart.note import Checkpoint, Note, Seal, VerifierKey, parse_checkpoint, parse_note, parse_vkey, seal
from modctl.chart.restored import Restores
from modctl.chart.sqlite import Connection, DatabaseError, open_reader
from modctl.chart.tlog import Frontier, leaf_hash
from modctl.records import FORMAT_VERSION, Genesis, KeyRotated, Record

MAX_FINDINGS: Final = 100  # chosen: more of them say nothing more
PROGRESS_EVERY: Final = 5_000  # chosen: about ten times a second
STEPS_BETWEEN: Final = 1_000_000  # of SQLite's machine, chosen: a few times a second (measured)

_ENTRIES: Final = "SELECT seq, body, leaf FROM entry ORDER BY seq"
_HEADS: Final = "SELECT size, note, frontier FROM checkpoint ORDER BY size"
_LAST_SEQ: Final = "SELECT coalesce(max(seq), 0) FROM entry"
_OBJECTS: Final = "SELECT type, tbl_name, sql FROM sqlite_schema"
_TABLES: Final = frozenset(schema.STATEMENTS[:2])


class Judgement(StrEnum):
    """What a chart is worth as evidence."""

    ANCHORED = "anchored"  # sound, and it holds every head that was given from outside
    UNANCHORED = "unanchored"  # sound as far as it goes; whether it goes to its end, only an outside head can say
    BROKEN = "broken"


class ChartVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result. ``root`` is hexadecimal, over ``entries``; ``unsigned`` entries follow the last signed head."""

    kind: Literal["chart.verify"] = "chart.verify"
    verdict: Judgement
    entries: int
    root: str
    last_checkpoint: int | None  # size of the largest good head in the file
    unsigned: int
    anchored: int | None  # size of the largest head from outside that fits
    findings: tuple[Finding, ...]


# Entries done, entries in all; none is done while the file's own pages are checked. An exception of its gives it up.
Progress = Callable[[int, int], None]


def verify_file(
    path: Path,
    anchors: Sequence[bytes] = (),
    genesis_vkey: str | None = None,
    progress: Progress | None = None,
) -> ChartVerdict:
    """Judge a chart file that nobody is writing. ChartUnreadableError when it is no database at all.

    ``anchors`` are signed notes that were kept elsewhere, ``genesis_vkey`` the first key as somebody else knows it;
    NoteError when one of them is malformed.
    """
    if not path.is_file():
        raise ChartUnreadableError(f"There is no chart at {path}.")
    connection = open_reader(path)
    try:
        return verify(connection, anchors, genesis_vkey, progress)
    finally:
        connection.close()


def verify(
    connection: Connection,
    anchors: Sequence[bytes] = (),
    genesis_vkey: str | None = None,
    progress: Progress | None = None,
) -> ChartVerdict:
    """Judge the chart as it stands at this moment, over a connection of the calling thread."""
    outside = [_outside_head(note) for note in anchors]
    expected = None if genesis_vkey is None else parse_vkey(genesis_vkey)
    audit = _Audit(outside, expected, progress or _no_progress)
    connection.execute("BEGIN")  # one view of the chart, however long it takes
    try:
        audit.read(connection)
    finally:
        connection.execute("ROLLBACK")
    return audit.verdict()


class _Head(msgspec.Struct, frozen=True):
    """A checkpoint with the note that it came in."""

    checkpoint: Checkpoint
    note: Note


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """A row of the checkpoint table."""

    size: int
    note: bytes
    frontier: bytes


class _Audit:
    """One reading of one chart."""

    def __init__(self, outside: Sequence[_Head], genesis_key: VerifierKey | None, progress: Progress) -> None:
        self._given = len(outside)
        self._outside = deque(sorted(outside, key=lambda head: head.checkpoint.size))
        self._genesis_key = genesis_key
        self._progress = progress
        self._findings: list[Finding] = []
        self._grammar = Grammar()
        self._tree = Frontier()
        self._origin = ""
        self._key: VerifierKey | None = None
        self._epoch = 1
        self._last_good: int | None = None
        self._altered = False  # a head does not fit: every later one will not either
        self._anchored: int | None = None
        self._seq = 0
        self._must_be_signed = 0
        self._restores = Restores()

    def verdict(self) -> ChartVerdict:
        """What was found."""
        judgement = Judgement.ANCHORED if self._given else Judgement.UNANCHORED
        return ChartVerdict(
            verdict=Judgement.BROKEN if self._findings else judgement,
            entries=self._tree.size,
            root=self._tree.root().hex(),
            last_checkpoint=self._last_good,
            unsigned=self._tree.size - (self._last_good or 0),
            anchored=self._anchored,
            findings=tuple(self._findings),
        )

    def read(self, connection: Connection) -> None:
        """Everything, in the order in which a fault makes the rest unreadable."""
        try:
            if self._read_schema(connection):
                self._read_file(connection)
                self._read_entries(connection)
                self._read_end()
        except (DatabaseError, msgspec.ValidationError) as why:
            self._find(Code.FILE, self._seq + 1, f"the file cannot be read from here on: {why}")

    def _read_schema(self, connection: Connection) -> bool:
        """Whether the two tables are ours, so that their columns mean what they say."""
        ours = set(schema.STATEMENTS)
        objects = connection.execute(_OBJECTS).fetchall()
        found = {sql for kind, table, sql in objects if sql is not None and not _is_bookkeeping(kind, table)}
        for sql in sorted(found - ours):
            self._find(Code.SCHEMA, None, f"not of a chart: {sql.splitlines()[0]}")
        for sql in sorted(ours - found):
            self._find(Code.SCHEMA, None, f"missing or changed: {sql.splitlines()[0]}")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if (application, version) != (schema.APPLICATION_ID, schema.SCHEMA_VERSION):
            self._find(Code.SCHEMA, None, f"marked as application {application:#x} version {version}")
        return found >= _TABLES

    def _read_file(self, connection: Connection) -> None:
        """Pages, types, and indexes against rows: an index that lies would hide entries from a search."""
        (total,) = connection.execute(_LAST_SEQ).fetchone()
        # SQLite ends its check when this raises, and says so as an error of its own; the same call raises again below.
        connection.set_progress_handler(lambda: self._progress(0, total), STEPS_BETWEEN)
        try:
            for (problem,) in connection.execute("PRAGMA integrity_check"):
                if problem != "ok":
                    self._find(Code.FILE, None, problem)
        except DatabaseError as why:  # a body that is not JSON stops the check; the entries are read all the same
            self._find(Code.FILE, None, f"the file's own check does not end: {why}")
        finally:
            connection.set_progress_handler(None, 0)

    def _read_entries(self, connection: Connection) -> None:
        (total,) = connection.execute(_LAST_SEQ).fetchone()
        heads = (msgspec.convert(row, _Stored) for row in connection.execute(_HEADS))
        stored = next(heads, None)
        for seq, body, leaf in connection.execute(_ENTRIES):
            record = self._read_entry(seq, body, leaf)
            while stored is not None and stored.size <= seq:
                self._read_stored(stored)
                stored = next(heads, None)
            while self._outside and self._outside[0].checkpoint.size <= seq:
                self._read_outside(self._outside.popleft())
            if isinstance(record, KeyRotated):
                self._rotate(record)
            if seq % PROGRESS_EVERY == 0:
                self._progress(seq, total)
        if stored is not None:
            self._find(
                Code.CHECKPOINT_BEYOND,
                self._seq,
                f"the file holds a head of {stored.size} entries, and the chart ends here: its end was cut off",
            )
        self._progress(self._seq, total)

    def _read_entry(self, seq: int, body: bytes, leaf: bytes) -> Record | None:
        """Hash it, parse it, hold it against what stands before; None when it does not parse."""
        is_first = self._seq == 0
        if seq != self._seq + 1:
            self._find(Code.GAP, seq, f"the entries between {self._seq} and {seq} are missing")
        self._seq = seq
        computed = leaf_hash(body)
        self._tree.append(computed)
        if computed != leaf:
            self._find(Code.LEAF, seq, "the stored hash is not that of the entry's bytes: one of them was altered")
        try:
            entry = decode_body(body)
            check_canonical(body, entry)
            record = decode_record(entry)
        except BodyError as why:
            self._find(Code.BODY, seq, f"not an entry as modctl writes it: {why}")
            return None
        if (entry.seq, entry.v) != (seq, FORMAT_VERSION):
            self._find(Code.BODY, seq, f"it says that it is entry {entry.seq} of format {entry.v}")
        if isinstance(record, Genesis) is not is_first:
            self._find(Code.GENESIS, seq, f"{entry.kind} stands here; the genesis is the first entry and no other")
        elif isinstance(record, Genesis):
            self._begin(record)
        if entry.kind in SIGNED_KINDS:
            self._must_be_signed = seq
        for finding in (*self._grammar.read(entry, record), *self._restores.read(entry, record)):
            self._find(finding.code, finding.seq, finding.text)
        return record

    def _begin(self, genesis: Genesis) -> None:
        self._origin = genesis.origin
        self._key = self._announced(genesis.vkey, Code.GENESIS)
        if self._genesis_key is not None and self._key != self._genesis_key:
            self._find(Code.GENESIS_KEY, 1, "the first key is not the one that was given: this is another chart")

    def _rotate(self, rotated: KeyRotated) -> None:
        if self._last_good != self._seq and not self._altered:
            self._find(Code.ROTATION, self._seq, "the new key is not signed by the one before it")
        if rotated.epoch != self._epoch + 1:
            self._find(Code.ROTATION, self._seq, f"epoch {rotated.epoch} follows epoch {self._epoch}")
        self._epoch = rotated.epoch
        self._key = self._announced(rotated.vkey, Code.ROTATION)

    def _announced(self, vkey: str, code: Code) -> VerifierKey | None:
        try:
            key = parse_vkey(vkey)
        except NoteError as why:
            self._find(code, self._seq, f"the key announced here is none: {why}")
            return None
        if self._origin and key.name != self._origin:
            self._find(code, self._seq, f"the key announced here is of {key.name}, the chart is {self._origin}")
        return key

    def _read_stored(self, stored: _Stored) -> None:
        """A head in the file, when the tree has just reached its size."""
        try:
            head = _read_head(stored.note)
        except NoteError as why:
            self._find(Code.CHECKPOINT, stored.size, f"the stored head does not parse: {why}")
            return
        if self._altered:
            return
        wrong = self._signer_wrong(head) or self._root_wrong(head)
        if wrong is None and stored.frontier != self._tree.to_bytes():
            wrong = "the frontier that stands beside it is another tree's"
        if wrong is None:
            self._last_good = stored.size
        else:
            self._altered = True
            after = self._last_good or 0
            self._find(
                Code.CHECKPOINT,
                stored.size,
                f"{wrong}. Up to entry {after} all is as it was signed; from there to {stored.size} something is not",
            )

    def _read_outside(self, head: _Head) -> None:
        """A head from outside, when the tree has just reached its size."""
        size, origin = head.checkpoint.size, head.checkpoint.origin
        if origin != self._origin:
            self._find_foreign(origin)
        elif (wrong := self._signer_wrong(head) or self._root_wrong(head)) is not None:
            plain = Finding(
                Code.DIFFERS, size, f"{wrong}: since that head was kept the chart was altered, or it forked"
            )
            self._find_unfit(head, plain)
        else:
            self._anchored = size

    def _signer_wrong(self, head: _Head) -> str | None:
        if self._key is None:
            return "there is no key to hold the head against"
        if head.checkpoint.origin != self._origin:
            return f"the head is of {head.checkpoint.origin}, the chart is {self._origin}"
        match seal(head.note, self._key):
            case Seal.GOOD:
                return None
            case Seal.FORGED:
                return "the head's signature is not one of the key that it names"
            case Seal.ABSENT:
                return f"the head is not signed by the key that was in force, that of epoch {self._epoch}"

    def _root_wrong(self, head: _Head) -> str | None:
        checkpoint = head.checkpoint
        if (checkpoint.size, checkpoint.root) == (self._tree.size, self._tree.root()):
            return None
        return f"the first {checkpoint.size} entries are not those that were signed"

    def _read_end(self) -> None:
        if self._seq == 0:
            self._find(Code.GENESIS, None, "the chart is empty")
        for head in self._outside:
            size, origin = head.checkpoint.size, head.checkpoint.origin
            if origin == self._origin:
                text = f"the chart ends here, and {size} entries were signed: cut off"
                self._find_unfit(head, Finding(Code.CUT_OFF, self._seq, text))
            else:
                self._find_foreign(origin)
        if self._must_be_signed > (self._last_good or 0) and not self._altered:
            self._find(
                Code.CHECKPOINT_MISSING,
                self._must_be_signed,
                "a session's start or end, or a key, was charted here, and no signed head covers it: it was removed",
            )

    def _find_unfit(self, head: _Head, plain: Finding) -> None:
        """A head that this chart is not of: perhaps of what was lost with a restore that was declared."""
        in_force = self._key is not None and seal(head.note, self._key) is Seal.GOOD
        told = self._restores.told(head.checkpoint.size, plain, in_force=in_force)
        self._find(told.code, told.seq, told.text)

    def _find_foreign(self, origin: str) -> None:
        self._find(Code.FOREIGN, None, f"the head from outside is of {origin}, the chart is {self._origin or 'none'}")

    def _find(self, code: Code, seq: int | None, text: str) -> None:
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append(Finding(code, seq, text))


def _outside_head(note: bytes) -> _Head:
    head = _read_head(note)
    if head.checkpoint.size < 1:
        raise NoteError("a head over no entries anchors nothing")
    return head


def _read_head(note: bytes) -> _Head:
    parsed = parse_note(note)
    return _Head(parse_checkpoint(parsed.text), parsed)


def _is_bookkeeping(kind: str, table: str) -> bool:
    return table == schema.MIGRATIONS_TABLE and kind in {"table", "index"}


def _no_progress(_done: int, _total: int) -> None:
    """Nobody watches."""
