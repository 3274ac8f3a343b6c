"""The writer's side of a chart: number, hash, commit, sign.

Rule 1: one commit is one batch: all of it is durable when ``append`` returns, or none of it is there.
Rule 2: a commit that starts or ends a session carries its signed checkpoint in the same transaction.
Rule 3: nothing is changed or removed, ever.
Rule 4: a store is opened, used and closed by one thread (the writer's), in the process that holds the site lock.
"""

import contextlib
import os
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from sqlite_utils import Database, Migrations

from modctl.chart import schema
from modctl.chart.anchor import AnchorFailure, Head, push_head
from modctl.chart.body import encode_body
from modctl.chart.errors import ChartRefusedError, ChartUnreadableError, ChartWriteError
from modctl.chart.grammar import SIGNED_KINDS
from modctl.chart.keys import KeyFolder
from modctl.chart.note import Checkpoint, SigningKey, VerifierKey, checkpoint_text, sign
from modctl.chart.resume import FIRST_EPOCH, State, read_genesis, resume
from modctl.chart.sqlite import Connection, SqliteError, open_writer
from modctl.chart.tlog import Frontier, leaf_hash
from modctl.clock import Stamp
from modctl.records import Draft, Genesis, KeyRotated, SessionStarted

CHART_MODE: Final = 0o640

INSERT_ENTRY: Final = "INSERT INTO entry (seq, body, leaf) VALUES (?, ?, ?)"
INSERT_CHECKPOINT: Final = "INSERT INTO checkpoint (size, note, frontier) VALUES (?, ?, ?)"
_MIGRATIONS: Final = Migrations("modctl.chart")


class NewChart(msgspec.Struct, frozen=True, kw_only=True):
    """What a chart fixes for ever. ``program`` is "modctl VERSION"."""

    site: str
    simulated: bool
    program: str


class Written(msgspec.Struct, frozen=True):
    """One durable entry: its number, its bytes and their leaf hash."""

    seq: int
    body: bytes
    leaf: bytes


class Signed(msgspec.Struct, frozen=True):
    """The head over the whole chart, and the anchor folders that did not take it."""

    head: Head
    failures: tuple[AnchorFailure, ...]


class ChartStore:
    """The one read-write opening of a chart; made by ``create`` or ``open``."""

    def __init__(
        self,
        connection: Connection,
        keys: KeyFolder,
        anchors: Sequence[Path],
        genesis: Genesis,
        state: State,
    ) -> None:
        self.connection = connection  # for readers in the writer's thread; nobody else writes through it
        self.genesis = genesis
        self._keys = keys
        self._anchors = tuple(anchors)
        self._state: State | None = state  # None after a failed commit: the end is read again before the next

    @classmethod
    def create(
        cls,
        path: Path,
        keys: KeyFolder,
        new: NewChart,
        stamp: Stamp,
        anchors: Sequence[Path] = (),
    ) -> "ChartStore":
        """A new chart with its first entry and key. ChartRefusedError when there is a file already."""
        if path.is_symlink() or path.exists():
            raise ChartRefusedError(f"There is something at {path}; no chart is made over it.")
        seed = keys.seed()
        origin = _origin(new.site, SigningKey(new.site, seed).verifier)
        key = SigningKey(origin, seed)
        genesis = Genesis(
            site=new.site, simulated=new.simulated, origin=origin, vkey=str(key.verifier), program=new.program
        )
        keys.keep(FIRST_EPOCH, key)
        keys.keep_genesis(key.verifier)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, CHART_MODE))
            connection = open_writer(path)
            lay_down_tables(connection, stamp)
        except (OSError, SqliteError) as why:
            raise ChartWriteError(f"No chart could be made at {path}: {why}") from why
        store = cls(connection, keys, anchors, genesis, State(Frontier(), None, FIRST_EPOCH, key))
        store.append([(Draft(data=genesis), stamp)])
        return store

    @classmethod
    def open(cls, path: Path, keys: KeyFolder, anchors: Sequence[Path] = ()) -> "ChartStore":
        """Continue a chart; what a crash left half done of a rotation is finished.

        ChartUnreadableError when it does not fit its last signed head, KeysError when its key is not here.
        """
        if not path.is_file():
            raise ChartUnreadableError(f"There is no chart at {path}.")
        connection = open_writer(path)
        with contextlib.ExitStack() as undo:
            undo.callback(connection.close)
            try:
                _check_schema(connection, path)
                genesis = read_genesis(connection)
                state = resume(connection, genesis, keys)
            except SqliteError as why:
                raise ChartUnreadableError(f"{path} cannot be read as a chart: {why}") from why
            keys.erase_all_but(state.epoch)
            undo.pop_all()
        return cls(connection, keys, anchors, genesis, state)

    @property
    def size(self) -> int:
        """How many entries are durable; the last one has this number."""
        return self._ready().tree.size

    @property
    def head(self) -> Head:
        """The last signed head. It may be smaller than the chart."""
        head = self._ready().head
        if head is None:
            raise ChartUnreadableError("The chart has no signed head.")
        return head

    def append(self, drafts: Sequence[tuple[Draft, Stamp]]) -> tuple[Written, ...]:
        """Commit a batch; it is durable on return. Signed in the same commit when it starts or ends a session.

        ChartRefusedError for a simulated session in a real chart or the reverse; ChartWriteError when it could not be
        committed (disk full, input/output error): then nothing of it is in the chart, and the next append tries anew.
        """
        for draft, _ in drafts:
            if isinstance(draft.data, SessionStarted) and draft.data.simulated is not self.genesis.simulated:
                raise ChartRefusedError(
                    f"Session {draft.session}: simulated is {draft.data.simulated}, and the chart is for the opposite."
                )
        return self._commit(drafts, signed=any(draft.kind in SIGNED_KINDS for draft, _ in drafts))

    def checkpoint(self) -> Signed:
        """Sign the chart as it stands, unless that is done, and write the head to every anchor folder.

        It waits for the slowest folder; a caller that must not wait takes ``head`` to ``push_head`` on another thread.
        """
        if self.head.size != self.size:
            self._commit((), signed=True)
        return Signed(self.head, push_head(self.head, self._anchors))

    def rotate(self, stamp: Stamp) -> Written:
        """Announce the next epoch's key under the old one's signature, then erase the old one. Once a session.

        KeysError when the old key could not be erased: the new epoch is in force all the same, and the next ``open``
        tries again.
        """
        state = self._ready()
        epoch = state.epoch + 1
        key = SigningKey(self.genesis.origin, self._keys.seed())
        self._keys.erase_all_but(state.epoch)  # a key that was never announced, or is no longer in force
        self._keys.keep(epoch, key)
        # When this fails both keys stay: only the chart can tell which epoch is in force, and it is read again first.
        (written,) = self._commit([(Draft(data=KeyRotated(epoch=epoch, vkey=str(key.verifier))), stamp)], signed=True)
        self._state = msgspec.structs.replace(self._ready(), epoch=epoch, key=key)
        self._keys.erase(state.epoch)
        return written

    def wal_checkpoint(self) -> bool:
        """Move the write-ahead log into the file and empty it; False when a reader is in the way. After a session."""
        try:
            busy, _, _ = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except SqliteError as why:
            raise ChartWriteError(f"The write-ahead log could not be moved into the chart: {why}") from why
        return not busy

    def close(self) -> None:
        """Close the file; a clean close leaves no side files."""
        self.connection.close()

    def _commit(self, drafts: Sequence[tuple[Draft, Stamp]], *, signed: bool) -> tuple[Written, ...]:
        state = self._ready()
        tree, written = state.tree.copy(), []
        for draft, stamp in drafts:
            body = encode_body(tree.size + 1, draft, stamp)
            leaf = leaf_hash(body)
            tree.append(leaf)
            written.append(Written(tree.size, body, leaf))
        head = self._signed_head(tree, state.key) if signed else None
        self._state = None  # until the commit is known to be there
        try:
            self._write(written, head, tree)
        except SqliteError as why:
            raise ChartWriteError(
                f"{len(written)} entries after entry {state.tree.size} were not charted: {why}"
            ) from why
        self._state = State(tree, head or state.head, state.epoch, state.key)
        return tuple(written)

    def _write(self, written: Sequence[Written], head: Head | None, tree: Frontier) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(INSERT_ENTRY, [(entry.seq, entry.body, entry.leaf) for entry in written])
        if head is not None:
            self.connection.execute(INSERT_CHECKPOINT, (head.size, head.note, tree.to_bytes()))
        self.connection.execute("COMMIT")

    def _signed_head(self, tree: Frontier, key: SigningKey) -> Head:
        origin, root = self.genesis.origin, tree.root()
        return Head(origin, tree.size, root, sign(checkpoint_text(Checkpoint(origin, tree.size, root)), key))

    def _ready(self) -> State:
        """The chart's end, read again after a failed commit."""
        if self._state is None:
            try:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                self._state = resume(self.connection, self.genesis, self._keys)
            except SqliteError as why:
                raise ChartWriteError(f"The chart's end cannot be read after a failed commit: {why}") from why
        return self._state


@_MIGRATIONS()
def m001(db: Database) -> None:
    """The first schema."""
    for statement in schema.STATEMENTS:
        db.conn.execute(statement)


def lay_down_tables(connection: Connection, stamp: Stamp) -> None:
    """Make the tables. sqlite-utils notes the wall clock of doing so; the stamp replaces it, so that a run repeats."""
    db = Database(connection, execute_plugins=False)
    _MIGRATIONS.apply(db)
    with db.atomic():
        connection.execute(f"UPDATE {schema.MIGRATIONS_TABLE} SET applied_at = ?", (stamp.at_utc,))  # noqa: S608 - fixed text
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")


def _check_schema(connection: Connection, path: Path) -> None:
    db = Database(connection, execute_plugins=False)
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != schema.APPLICATION_ID or _MIGRATIONS.pending(db):
        raise ChartUnreadableError(f"{path} is not a chart, or one of another version of modctl.")


def _origin(site: str, key: VerifierKey) -> str:
    """The chart's name in heads and keys, for ever its own: no spaces, no plus (c2sp.org/tlog-checkpoint)."""
    slug = re.sub(r"[^a-z0-9]+", "-", site.lower()).strip("-") or "site"
    return f"modctl.chart/{slug}/{sha256(key.public).hexdigest()[:8]}"
