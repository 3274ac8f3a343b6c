"""The clinic group's archive in PostgreSQL: entries and heads go there, and nothing there is ever changed by us.

It is a witness too: its last head must be one of this chart before anything is added to it. ``archive.sql`` gives the
clinic's role INSERT and SELECT alone, so whoever has the station and its password can add, and undo nothing.

Rule 1: one transaction a batch, entries before the heads over them: what is broken off is gone on with.
Rule 2: what the archive gives is bytes to be verified; no hash and no size of it is believed.
Rule 3: the password comes by PostgreSQL's own means (a password file, a service file), never from the site's file.
"""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

import msgspec

from modctl.chart.errors import ChartRefusedError, ChartUnreadableError
from modctl.chart.sqlite import Connection

try:
    import psycopg
except ImportError as missing:
    raise ChartUnreadableError(
        "The archive needs psycopg, which is not here: install modctl[archive]. Nothing was sent."
    ) from missing

CONNECT_S: Final = 10  # chosen: a person waits; nothing of a session does
STATEMENT_MS: Final = 60_000  # chosen: a batch takes milliseconds; a server that hangs is given up
BATCH: Final = 1_000  # chosen: about half a megabyte a transaction
OPTIONS: Final = f"-c statement_timeout={STATEMENT_MS} -c search_path=modctl"

_ENTRIES: Final = "SELECT seq, body FROM entry WHERE seq > ? AND seq <= ? ORDER BY seq"
_HEADS: Final = "SELECT size, note FROM checkpoint WHERE size > ? ORDER BY size"


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What the archive holds of one chart. ``note``: its largest head, None for none; ``arrived`` by its own clock."""

    entries: int
    note: bytes | None = None
    size: int = 0
    arrived: str = ""


class Archive:
    """One connection to an archive; a context manager. Every method raises ChartUnreadableError when it is lost."""

    def __init__(self, dsn: str) -> None:
        try:
            self._connection = psycopg.connect(dsn, connect_timeout=CONNECT_S, options=OPTIONS, autocommit=True)
        except psycopg.Error as why:
            raise _lost(why) from why

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, what: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def held(self, origin: str) -> Held:
        """How far it has come."""
        try:
            (entries,) = self._one("SELECT coalesce(max(seq), 0) FROM entry WHERE origin = %s", origin) or (0,)
            head = self._one(
                "SELECT size, note, arrived::text FROM head WHERE origin = %s ORDER BY size DESC LIMIT 1", origin
            )
        except psycopg.Error as why:
            raise _lost(why) from why
        last = msgspec.convert(entries, int)
        if head is None:
            return Held(entries=last)
        size, note, arrived = msgspec.convert(head, tuple[int, bytes, str])
        return Held(entries=last, note=note, size=size, arrived=arrived)

    def entries(self, origin: str, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """The entries' numbers and bytes after a number, in order, as many at a time as a batch."""
        query = "SELECT seq, body FROM entry WHERE origin = %s AND seq > %s ORDER BY seq LIMIT %s"
        while True:
            try:
                rows = self._connection.execute(query, (origin, after, BATCH)).fetchall()
            except psycopg.Error as why:
                raise _lost(why) from why
            for row in rows:
                yield msgspec.convert(row, tuple[int, bytes])
            if len(rows) < BATCH:
                return
            after = msgspec.convert(rows[-1][0], int)

    def heads(self, origin: str) -> tuple[bytes, ...]:
        """Every head's note, the smallest first."""
        try:
            query = "SELECT note FROM head WHERE origin = %s ORDER BY size"
            rows = self._connection.execute(query, (origin,)).fetchall()
        except psycopg.Error as why:
            raise _lost(why) from why
        return tuple(msgspec.convert(row[0], bytes) for row in rows)

    def push(self, chart: Connection, origin: str, held: Held, told: Callable[[int, int], None]) -> int:
        """Add what the chart's heads cover and the archive does not hold; gives how many entries it then holds.

        The caller has verified that ``held`` is of this chart. ``told`` is called with the entries done and in all.
        ChartRefusedError when something stands there already that was not there before: somebody else adds to it.
        """
        (size,) = chart.execute("SELECT coalesce(max(size), 0) FROM checkpoint").fetchone()
        try:
            self._connection.execute("INSERT INTO chart (origin) VALUES (%s) ON CONFLICT DO NOTHING", (origin,))
            for first in range(held.entries, size, BATCH):
                rows = chart.execute(_ENTRIES, (first, min(first + BATCH, size))).fetchall()
                self._add("INSERT INTO entry (origin, seq, body) VALUES (%s, %s, %s)", origin, rows)
                told(min(first + BATCH, size), size)
            heads = chart.execute(_HEADS, (held.size,)).fetchall()
            self._add("INSERT INTO head (origin, size, note) VALUES (%s, %s, %s)", origin, heads)
        except (psycopg.errors.UniqueViolation, psycopg.errors.InsufficientPrivilege) as why:
            raise ChartRefusedError(
                f"The archive takes nothing of this chart: {_first_line(why)}. Either somebody else adds to it, or its "
                "chart belongs to another role there. Nothing that it holds was changed."
            ) from why
        except psycopg.Error as why:
            raise _lost(why) from why
        return int(size)

    def _add(self, query: str, origin: str, rows: list[tuple[int, bytes]]) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(query.encode(), [(origin, number, content) for number, content in rows])

    def _one(self, query: str, origin: str) -> tuple[object, ...] | None:
        return self._connection.execute(query.encode(), (origin,)).fetchone()


def _lost(why: psycopg.Error) -> ChartUnreadableError:
    return ChartUnreadableError(
        f"The archive cannot be used: {_first_line(why)}. What it already took stays there; ask again and it goes on."
    )


def _first_line(why: psycopg.Error) -> str:
    return str(why).strip().partition("\n")[0] or type(why).__name__
