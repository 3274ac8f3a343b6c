"""The one door to SQLite: pysqlite3, never the standard library's module.

Two SQLite libraries in one process share POSIX locks by accident: one that closes the chart drops the locks of the
other, and commits are lost without an error (sqlite.org/howtocorrupt.html 2.2.1). A connection belongs to the thread
that opened it; the writer's is opened inside the writer thread.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from modctl.chart.errors import ChartUnreadableError, EngineError
from modctl.chart.files import sync_folder

try:
    import pysqlite3
except ModuleNotFoundError as missing:
    raise EngineError(
        "The chart needs pysqlite3, which has no wheel for this machine (there is none for Linux on ARM, macOS on "
        "Intel, glibc before 2.28). Verify and read charts on another machine; no session can run on this one."
    ) from missing

Connection = pysqlite3.Connection
Cursor = pysqlite3.Cursor
SqliteError = pysqlite3.Error
DatabaseError = pysqlite3.DatabaseError

# sqlite.org/wal.html, "The WAL-reset bug": 3.7.0 to 3.51.2 can lose committed writes; 3.51.3 does not.
MIN_ENGINE: Final = (3, 51, 3)
BUSY_MS: Final = 1_000  # chosen, because a writer that lags by a second may not raise anything any more
WAL_SUFFIX: Final = "-wal"

_COMMON: Final[Mapping[str, str | int]] = {
    "trusted_schema": 0,  # a chart from elsewhere may carry hostile SQL in its schema
    "cell_size_check": 1,  # and damaged pages
    "foreign_keys": 1,
    "recursive_triggers": 1,  # without it INSERT OR REPLACE deletes a row past the triggers
    "busy_timeout": BUSY_MS,
    "encoding": "UTF-8",
}
_WRITER: Final[Mapping[str, str | int]] = {
    **_COMMON,
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: a commit that returned has been synced
}


def engine_version() -> str:
    """The SQLite in use, for the chart and the doctor."""
    return pysqlite3.sqlite_version


def open_writer(path: Path) -> Connection:
    """The read-write connection: autocommit between explicit transactions, write-ahead log, synced commits.

    The caller holds the site lock: there is one such connection a chart. Creates an empty database where none is.
    ChartUnreadableError also when the names of the chart and its log cannot be made durable: SQLite syncs their folder
    once and takes no notice when that fails, and a log whose name is lost takes every synced commit with it.
    """
    connection = _opened(path, "rwc", _WRITER)
    try:
        sync_folder(path.parent)
    except OSError as why:
        connection.close()
        raise ChartUnreadableError(
            f"The folder of {path} cannot be synced, so nothing is written to it: {why}"
        ) from why
    return connection


def open_reader(path: Path) -> Connection:
    """A connection that cannot write. Where the folder may not be written either, a cleanly closed chart is read as is.

    ``immutable`` is taken only when there is no write-ahead log beside the file: with one, it would silently leave out
    the newest entries.
    """
    try:
        return _opened(path, "ro", _COMMON)
    except ChartUnreadableError:
        if not path.is_file() or path.with_name(path.name + WAL_SUFFIX).exists():
            raise
        return _opened(path, "ro&immutable=1", _COMMON)


def _opened(path: Path, mode: str, pragmas: Mapping[str, str | int]) -> Connection:
    _check_engine()
    connection = None
    try:
        connection = pysqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name} = {value!r}")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        found = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas}
    except SqliteError as why:
        if connection is not None:
            connection.close()
        raise ChartUnreadableError(f"{path} cannot be opened as a chart: {why}") from why
    wrong = {name: found[name] for name, value in pragmas.items() if found[name] != value}
    if wrong:
        connection.close()
        raise EngineError(f"SQLite {engine_version()} did not take these settings for {path}: {wrong}")
    return connection


def _check_engine() -> None:
    if pysqlite3.sqlite_version_info < MIN_ENGINE:
        needed = ".".join(map(str, MIN_ENGINE))
        raise EngineError(f"SQLite {engine_version()} can lose committed entries; a chart needs {needed} or newer.")
    if not Connection.__module__.startswith("pysqlite3"):
        raise EngineError(f"pysqlite3 here is only another name of {Connection.__module__}; install the real one.")
