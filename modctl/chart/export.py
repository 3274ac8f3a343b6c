"""Copies that leave the site: one file with its signed head beside it, the entries as lines of JSON, or a receipt.

A copy is taken over any connection, a reading one too, so that the writer does not wait for it. That somebody took it
is the caller's to chart (``chart.exported``) before the copy is made: then the copy itself says so.
"""

import os
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from modctl.chart.errors import ChartRefusedError, ChartUnreadableError, ChartWriteError
from modctl.chart.files import sync_file, sync_folder, write_new
from modctl.chart.note import parse_checkpoint, parse_note
from modctl.chart.receipt import Receipt, make_receipt, verify_receipt
from modctl.chart.schema import NOT_INPUTS
from modctl.chart.sqlite import Connection, SqliteError, open_reader

HEAD_SUFFIX: Final = ".checkpoint"
COPY_MODE: Final = 0o640

_BODIES: Final = "SELECT body FROM entry ORDER BY seq"
_LEAVES: Final = "SELECT leaf FROM entry WHERE seq <= ? ORDER BY seq"
_FIRST: Final = "SELECT seq, body FROM entry WHERE seq = 1"
_OF_SESSION: Final = f"SELECT seq, body FROM entry WHERE session = ? AND {NOT_INPUTS} AND seq <= ? ORDER BY seq"  # noqa: S608 - fixed text
_ROTATIONS: Final = f"""SELECT e.seq, e.body, c.note FROM entry e JOIN checkpoint c ON c.size = e.seq
  WHERE e.kind = 'key.rotated' AND e.{NOT_INPUTS} AND e.seq < ? ORDER BY e.seq"""  # noqa: S608 - fixed text
_LAST_HEAD: Final = "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1"


def copy_chart(connection: Connection, target: Path) -> Path:
    """Write the chart to ``target`` as one file (no side files, journal mode DELETE) and its last head beside it.

    Gives the head's path. Nothing is replaced and no link followed: ChartRefusedError when either is there already.
    ChartWriteError when the copy cannot be finished; then neither is left behind.
    """
    head_path = target.with_name(target.name + HEAD_SUFFIX)
    _refuse_existing(head_path)
    _reserve(target)
    try:
        vacuum_into(connection, target)
        write_new(head_path, _last_head(target), COPY_MODE)
    except (OSError, ChartWriteError, ChartUnreadableError) as why:
        target.unlink()
        raise ChartWriteError(f"The chart could not be copied to {target}: {why}") from why
    return head_path


def vacuum_into(connection: Connection, target: Path) -> None:
    """Copy a database to a file that is not there or empty: journal mode DELETE, no side files, synced."""
    try:
        connection.execute("VACUUM INTO ?", (str(target),))
        sync_file(target)
    except SqliteError as why:
        raise ChartWriteError(f"It could not be copied to {target}: {why}") from why


def copy_lines(connection: Connection, target: Path) -> int:
    """Write every entry's body as one line and give their number. A line without its newline has the entry's leaf hash.

    Refuses and fails as ``copy_chart`` does.
    """
    _reserve(target)
    try:
        with target.open("wb") as file:
            written = _write_lines(connection, file)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(target.parent)
    except (OSError, SqliteError) as why:
        target.unlink()
        raise ChartWriteError(f"The chart could not be written to {target}: {why}") from why
    return written


def write_receipt(connection: Connection, session: str, target: Path, *, with_keys: bool) -> Receipt:
    """Write what ``receipt`` makes of one session under the chart's last head; it is verified before it is written.

    ChartRefusedError for a session that the head does not cover, or of a chart whose entries do not fit it. Refuses and
    fails as ``copy_chart`` does.
    """
    _refuse_existing(target)
    connection.execute("BEGIN")  # one view of the chart
    try:
        receipt = _receipt(connection, session, with_keys=with_keys)
    except SqliteError as why:
        raise ChartWriteError(f"The chart could not be read for a receipt: {why}") from why
    finally:
        connection.execute("ROLLBACK")
    findings = verify_receipt(receipt).findings
    if findings:
        raise ChartRefusedError(f"No receipt was written, it would not hold: {findings[0].text}. Verify the chart.")
    try:
        write_new(target, msgspec.json.encode(receipt) + b"\n", COPY_MODE)
    except OSError as why:
        raise ChartWriteError(f"The receipt could not be written to {target}: {why}") from why
    return receipt


def _receipt(connection: Connection, session: str, *, with_keys: bool) -> Receipt:
    head = connection.execute(_LAST_HEAD).fetchone()
    if head is None:
        raise ChartUnreadableError("The chart has no signed head.")
    size = parse_checkpoint(parse_note(head[0]).text).size
    bodies: dict[int, bytes] = dict(connection.execute(_OF_SESSION, (session, size)))
    if not bodies:
        raise ChartRefusedError(
            f"There is no session {session!r} under the chart's last head; see modctl session list."
        )
    rotations: dict[int, tuple[bytes, bytes]] = {
        seq: (body, note) for seq, body, note in connection.execute(_ROTATIONS, (size,))
    }
    bodies |= dict(connection.execute(_FIRST))
    bodies |= {seq: rotations[seq][0] for seq in [*rotations][-1:]}
    leaves = [leaf for (leaf,) in connection.execute(_LEAVES, (size,))]
    return make_receipt(session, head[0], leaves, bodies, rotations if with_keys else {})


def _write_lines(connection: Connection, file: BinaryIO) -> int:
    written = 0
    for (body,) in connection.execute(_BODIES):
        file.write(body)
        file.write(b"\n")
        written += 1
    return written


def _last_head(copy: Path) -> bytes:
    """The head that the copy itself holds, so that the two fit whatever was written meanwhile."""
    connection = open_reader(copy)
    try:
        row = connection.execute(_LAST_HEAD).fetchone()
    finally:
        connection.close()
    if row is None:
        raise ChartUnreadableError("The chart has no signed head.")
    note: bytes = row[0]
    return note


def _reserve(target: Path) -> None:
    """Make the empty file that will be filled; SQLite takes an empty file for a new one."""
    _refuse_existing(target)
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, COPY_MODE))
    except OSError as why:
        raise ChartWriteError(f"Nothing can be written to {target}: {why}") from why


def _refuse_existing(path: Path) -> None:
    if path.is_symlink() or path.exists():
        raise ChartRefusedError(f"There is something at {path}; an export replaces nothing.")
