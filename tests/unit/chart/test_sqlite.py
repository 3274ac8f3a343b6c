"""The door to SQLite: settings, and what a reader may and may not do."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modctl.chart import sqlite
from modctl.chart.errors import ChartUnreadableError, EngineError
from modctl.chart.sqlite import MIN_ENGINE, SqliteError, engine_version, open_reader, open_writer
from tests.unit.chart.charts import make_chart, run_session

needs_a_user = pytest.mark.skipif(os.geteuid() != 0, reason="gives up root's rights to act as another user")
NOBODY = 65534


def read_as_nobody(chart: Path) -> str:
    """What a user without any right to write sees: the number of entries, or the refusal."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from modctl.chart.errors import ChartUnreadableError\n"
        "from modctl.chart.sqlite import open_reader\n"
        "os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))\n"
        "try: print(open_reader(Path(sys.argv[1])).execute('SELECT count(*) FROM entry').fetchone()[0])\n"
        "except ChartUnreadableError as why: print(why)\n"
    )
    command = [sys.executable, "-c", script, str(chart), str(NOBODY)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may read and nobody else may write; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


def test_the_engine_has_no_known_fault() -> None:
    """SQLite before 3.51.3 can lose committed entries (sqlite.org/wal.html)."""
    assert tuple(map(int, engine_version().split("."))) >= MIN_ENGINE


def test_an_older_engine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the wheel comes from, it is looked at before a chart is opened."""
    monkeypatch.setattr(sqlite, "MIN_ENGINE", (99, 0, 0))
    with pytest.raises(EngineError, match=r"can lose committed entries; a chart needs 99\.0\.0"):
        open_writer(tmp_path / "chart.db")

    assert [] == list(tmp_path.iterdir())


def test_commits_are_durable_and_triggers_cannot_be_passed(tmp_path: Path) -> None:
    """SQLite forgets most settings between connections, so each one is set and read back."""
    connection = open_writer(tmp_path / "chart.db")
    settings = ["journal_mode", "synchronous", "recursive_triggers", "trusted_schema", "cell_size_check"]
    found = [connection.execute(f"PRAGMA {setting}").fetchone()[0] for setting in settings]
    connection.close()

    assert ["wal", 2, 1, 0, 1] == found


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """An auditor's view must not be able to change what it looks at."""
    open_writer(tmp_path / "chart.db").close()
    reader = open_reader(tmp_path / "chart.db")
    with pytest.raises(SqliteError):
        reader.execute("CREATE TABLE mine (a)")
    reader.close()


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be asked about it" * 30, b"SQLite format 3\0"]
)
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    """A sentence, not a traceback, when somebody verifies the wrong file."""
    path = tmp_path / "chart.db"
    path.write_bytes(content)

    with pytest.raises(ChartUnreadableError, match="cannot be opened"):
        open_reader(path)


def test_a_reader_does_not_make_a_chart(tmp_path: Path) -> None:
    """A mistyped path must not become an empty chart."""
    with pytest.raises(ChartUnreadableError):
        open_reader(tmp_path / "chart.db")

    assert [] == list(tmp_path.iterdir())


@needs_a_user
def test_a_closed_chart_is_read_without_any_right_to_write(shared: Path) -> None:
    """SQLite alone refuses a write-ahead-log file in a folder that it cannot write."""
    store = make_chart(shared)
    run_session(store, "s-1", second=1)
    size = store.size
    store.close()
    (shared / "chart.db").chmod(0o644)

    assert str(size) == read_as_nobody(shared / "chart.db")


@needs_a_user
def test_a_log_that_was_left_behind_is_never_skipped(shared: Path) -> None:
    """After a crash the newest entries are only in the log; to read past it would show an older chart as whole."""
    store = make_chart(shared)
    run_session(store, "s-1", second=1)
    crashed = shared / "crashed"
    crashed.mkdir(mode=0o755)
    for name in ("chart.db", "chart.db-wal"):
        (crashed / name).write_bytes((shared / name).read_bytes())
        (crashed / name).chmod(0o644)
    store.close()

    assert "cannot be opened" in read_as_nobody(crashed / "chart.db")


def test_a_machine_without_the_engine_is_told_so() -> None:
    """sqlite-utils would silently take the standard library's engine instead."""
    script = (
        "import sys; sys.modules['pysqlite3'] = None\n"
        "from modctl.chart.errors import EngineError\n"
        "try: import modctl.chart.sqlite\n"
        "except EngineError as why: print(why)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "needs pysqlite3, which has no wheel for this machine" in done.stdout
