"""The tables of a chart file, as SQL text. ``FORMAT.md`` explains them; the verifier holds a file against this text.

The columns besides ``body`` and ``leaf`` are generated from the body at reading, so they cannot say anything else than
the body does. Triggers are a guard rail against mistakes, not evidence: whoever writes the file can drop them.
"""

from typing import Final

APPLICATION_ID: Final = 0x6D6F6463  # "modc", chosen; sqlite.org/fileformat2.html 1.3.12
SCHEMA_VERSION: Final = 1  # PRAGMA user_version

# Repeated in every query that should use the partial index of the same term (sqlite.org/partialindex.html 3).
NOT_INPUTS: Final = "kind <> 'inputs'"
IS_BOUND: Final = "kind IN ('session.requested', 'session.refused', 'session.started', 'session.ended')"
IS_STARTED: Final = "kind = 'session.started'"


def _column(name: str, sql_type: str, json_path: str) -> str:
    # The cast keeps SQLite from taking the bytes for its own binary JSON.
    value = f"json_extract(CAST(body AS TEXT), '$.{json_path}')"
    return f"  {name} {sql_type} GENERATED ALWAYS AS ({value}) VIRTUAL"


_ENTRY: Final = ",\n".join(
    [
        "CREATE TABLE entry (\n  seq INTEGER PRIMARY KEY",
        "  body BLOB NOT NULL",
        "  leaf BLOB NOT NULL CHECK (length(leaf) = 32)",
        _column("kind", "TEXT", "kind"),
        _column("session", "TEXT", "session"),
        _column("actor", "TEXT", "actor"),
        _column("at_utc", "TEXT", "at_utc"),
        _column("mono_ns", "INTEGER", "mono_ns"),
        _column("patient", "TEXT", "data.patient"),
        _column("unit", "TEXT", "data.unit"),
    ]
)

_CHECKPOINT: Final = """CREATE TABLE checkpoint (
  size INTEGER PRIMARY KEY,
  note BLOB NOT NULL,
  frontier BLOB NOT NULL
) STRICT"""


def _never(table: str, act: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} BEGIN\n"
        f"  SELECT RAISE(ABORT, 'a chart is only appended to');\nEND"
    )


STATEMENTS: Final = (
    f"{_ENTRY}\n) STRICT",
    _CHECKPOINT,
    f"CREATE INDEX entry_by_kind ON entry (kind) WHERE {NOT_INPUTS}",
    f"CREATE INDEX entry_by_session ON entry (session, kind) WHERE {NOT_INPUTS}",
    f"CREATE INDEX session_bounds ON entry (session, kind) WHERE {IS_BOUND}",
    f"CREATE INDEX session_by_patient ON entry (patient) WHERE {IS_STARTED}",
    f"CREATE INDEX session_by_unit ON entry (unit) WHERE {IS_STARTED}",
    _never("entry", "UPDATE"),
    _never("entry", "DELETE"),
    _never("checkpoint", "UPDATE"),
    _never("checkpoint", "DELETE"),
)
MIGRATIONS_TABLE: Final = "_sqlite_migrations"  # sqlite-utils' own book-keeping; holds nothing that is evidence
