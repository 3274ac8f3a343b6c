"""A chart file made again from entries and heads that were kept elsewhere: for the verifier, not to be written on.

Only bytes are taken over. Numbers of entries are theirs, hashes and the trees' edges are computed here.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from modctl.chart.errors import ChartRefusedError, ChartUnreadableError, ChartWriteError, NoteError
from modctl.chart.export import COPY_MODE
from modctl.chart.files import sync_folder
from modctl.chart.note import parse_checkpoint, parse_note
from modctl.chart.sqlite import SqliteError, open_writer
from modctl.chart.store import INSERT_CHECKPOINT, INSERT_ENTRY, lay_down_tables
from modctl.chart.tlog import Frontier, leaf_hash
from modctl.clock import Stamp


def assemble(target: Path, entries: Iterable[tuple[int, bytes]], heads: Iterable[bytes], stamp: Stamp) -> int:
    """Write a chart to ``target``, a new file, and give its number of entries. Nothing is verified by that.

    ChartUnreadableError for what can be no part of a chart; nothing is left behind then.
    """
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, COPY_MODE))
    except FileExistsError as why:
        raise ChartRefusedError(f"There is something at {target}; nothing is replaced.") from why
    except OSError as why:
        raise ChartWriteError(f"Nothing can be written to {target}: {why}") from why
    try:
        written = _assemble(target, entries, heads, stamp)
        sync_folder(target.parent)
    except BaseException:  # an interrupt too: half a chart is never left to be taken for one; raised again
        for path in (target, *(target.with_name(f"{target.name}-{side}") for side in ("wal", "shm"))):
            path.unlink(missing_ok=True)
        raise
    return written


def _assemble(target: Path, entries: Iterable[tuple[int, bytes]], heads: Iterable[bytes], stamp: Stamp) -> int:
    connection = open_writer(target)
    try:
        lay_down_tables(connection, stamp)
        connection.execute("PRAGMA journal_mode = delete")
        connection.execute("BEGIN")
        notes = {parse_checkpoint(parse_note(note).text).size: note for note in heads}
        tree = Frontier()
        for seq, body in entries:
            leaf = leaf_hash(body)
            tree.append(leaf)
            connection.execute(INSERT_ENTRY, (seq, body, leaf))
            if tree.size in notes:
                connection.execute(INSERT_CHECKPOINT, (tree.size, notes.pop(tree.size), tree.to_bytes()))
        for size, note in notes.items():  # the entries end before it: the verifier says so
            connection.execute(INSERT_CHECKPOINT, (size, note, b""))
        connection.execute("COMMIT")
    except (SqliteError, NoteError) as why:
        raise ChartUnreadableError(f"What was kept is no chart: {why}") from why
    finally:
        connection.close()
    return tree.size
