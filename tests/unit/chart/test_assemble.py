"""A chart made again from what was kept elsewhere: the same chart, or one that the verifier calls broken."""

import subprocess
import sys
from pathlib import Path

import pytest

from modctl.chart.assemble import assemble
from modctl.chart.errors import ChartRefusedError, ChartUnreadableError
from modctl.chart.sqlite import Connection
from modctl.chart.verify import Judgement, verify_file
from tests.unit.chart.charts import make_chart, run_session, stamp

Kept = tuple[list[tuple[int, bytes]], list[bytes]]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """The entries and heads of a chart of two sessions."""
    store = make_chart(tmp_path / "site")
    run_session(store, "s-1", second=10)
    run_session(store, "s-2", second=20)
    found = _all_of(store.connection)
    store.close()
    return found


def test_the_same_bytes_make_the_same_chart(kept: Kept, tmp_path: Path) -> None:
    """One file, without side files, that verifies by itself and against its last head."""
    entries, heads = kept
    written = assemble(tmp_path / "again.db", entries, heads, stamp(0))
    ours, again = verify_file(tmp_path / "site" / "chart.db"), verify_file(tmp_path / "again.db", heads[-1:])

    assert (len(entries), Judgement.ANCHORED, ours.root) == (written, again.verdict, again.root)
    assert ["again.db", "site"] == sorted(path.name for path in tmp_path.iterdir())


def test_what_is_missing_shows(kept: Kept, tmp_path: Path) -> None:
    """An entry taken out, an end cut off, a head left out: it is put together all the same, and does not verify."""
    entries, heads = kept
    for name, rows, notes in (
        ("entry", [*entries[:4], *entries[5:]], heads),
        ("end", entries[:-3], heads),
        ("head of a new key", entries, heads[:3] + heads[4:]),
    ):
        assemble(tmp_path / name, rows, notes, stamp(0))

        assert Judgement.BROKEN is verify_file(tmp_path / name).verdict, name


def test_what_can_be_no_chart_leaves_nothing(kept: Kept, tmp_path: Path) -> None:
    """Bytes that are no entry, a head that is no note, a number twice."""
    entries, heads = kept
    for rows, notes in (([(1, b"\xff")], heads), (entries, [b"no note"]), ([entries[0], entries[0]], heads)):
        with pytest.raises(ChartUnreadableError):
            assemble(tmp_path / "again.db", rows, notes, stamp(0))

        assert ["site"] == [path.name for path in tmp_path.iterdir()]


def test_nothing_is_replaced(kept: Kept, tmp_path: Path) -> None:
    """Least of all the site's own chart."""
    with pytest.raises(ChartRefusedError):
        assemble(tmp_path / "site" / "chart.db", *kept, stamp(0))

    assert Judgement.UNANCHORED is verify_file(tmp_path / "site" / "chart.db").verdict


def test_without_psycopg_the_archive_says_what_to_install() -> None:
    """It is an extra: nothing else of modctl needs it."""
    code = (
        "import sys\n"
        "sys.modules['psycopg'] = None\n"
        "from modctl.chart.errors import ChartUnreadableError\n"
        "try:\n    import modctl.chart.archive\nexcept ChartUnreadableError as why:\n    print(why)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "install modctl[archive]" in done.stdout


def _all_of(connection: Connection) -> Kept:
    entries = connection.execute("SELECT seq, body FROM entry ORDER BY seq").fetchall()
    return entries, [note for (note,) in connection.execute("SELECT note FROM checkpoint ORDER BY size")]
