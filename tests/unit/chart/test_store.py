"""The writer's side: numbers, commits, signed heads, rotations, and what a crash or a full disk leaves behind."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from modctl.chart.errors import ChartRefusedError, ChartUnreadableError, ChartWriteError, KeysError
from modctl.chart.keys import KeyFolder
from modctl.chart.note import (
    Checkpoint,
    Seal,
    SigningKey,
    checkpoint_text,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    seal,
    sign,
)
from modctl.chart.reader import ChartReader
from modctl.chart.sqlite import SqliteError, open_writer
from modctl.chart.store import ChartStore, NewChart
from modctl.chart.tlog import leaf_hash, tree_root
from modctl.chart.verify import Judgement, verify_file
from modctl.records import Draft, Genesis, SessionEnded, SessionStarted, StopPressed
from tests.unit.chart.charts import inputs, make_chart, open_chart, run_session, sample, stamp

STOP = Draft(data=StopPressed(unit=None, source="screen"))


def bodies(store: ChartStore) -> list[bytes]:
    """The stored bytes, in order."""
    return [body for (body,) in store.connection.execute("SELECT body FROM entry ORDER BY seq")]


def test_a_new_chart_begins_with_its_genesis_signed(tmp_path: Path) -> None:
    """Site, simulated and the first key are fixed before anything else can be written."""
    store = make_chart(tmp_path, site="Clinic Ångström & Sons")
    (entry,) = ChartReader(store.connection).entries_since(0)
    head = parse_note(store.head.note)
    store.close()

    assert ("genesis", 1) == (entry.kind, entry.seq)
    assert "Clinic Ångström & Sons" == store.genesis.site
    assert Seal.GOOD is seal(head, parse_vkey(store.genesis.vkey))
    assert Checkpoint(store.genesis.origin, 1, store.head.root) == parse_checkpoint(head.text)
    assert store.genesis.origin.startswith("modctl.chart/clinic-ngstr-m-sons/")


def test_a_batch_is_numbered_on_and_hashed_as_stored(tmp_path: Path) -> None:
    """The number and the hash are what everybody else refers to."""
    store = make_chart(tmp_path)
    written = store.append([(STOP, stamp(1)), (STOP, stamp(2))])
    stored = bodies(store)
    store.close()

    assert [2, 3] == [entry.seq for entry in written]
    assert stored[1:] == [entry.body for entry in written]
    assert [leaf_hash(body) for body in stored[1:]] == [entry.leaf for entry in written]


def test_an_empty_batch_changes_nothing(tmp_path: Path) -> None:
    """A writer that wakes up for nothing must not sign or number anything."""
    store = make_chart(tmp_path)
    before = store.head

    assert () == store.append([])
    assert (1, before) == (store.size, store.head)
    store.close()


@pytest.mark.parametrize("kind", [SessionStarted, SessionEnded])
def test_the_commit_that_starts_or_ends_a_session_is_signed(
    tmp_path: Path, kind: type[SessionStarted | SessionEnded]
) -> None:
    """A power cut between a commit and its signature would leave a session that nobody signed."""
    store = make_chart(tmp_path)
    store.append([(STOP, stamp(1))])

    assert 1 == store.head.size
    store.append([(Draft(data=sample(kind), session="s-1"), stamp(2)), (STOP, stamp(2))])

    assert 4 == store.head.size
    assert tree_root([leaf_hash(body) for body in bodies(store)]) == store.head.root
    store.close()


def test_a_checkpoint_signs_what_is_not_signed_and_nothing_twice(tmp_path: Path) -> None:
    """Two heads of one size would look like a fork."""
    store = make_chart(tmp_path)
    store.append([(STOP, stamp(1))])
    first, second = store.checkpoint(), store.checkpoint()
    (count,) = store.connection.execute("SELECT count(*) FROM checkpoint").fetchone()
    store.close()

    assert first == second
    assert (2, 2) == (first.head.size, count)


@pytest.mark.parametrize("chart_is_simulated", [True, False])
def test_a_simulated_session_does_not_enter_a_real_chart_nor_the_reverse(
    tmp_path: Path, *, chart_is_simulated: bool
) -> None:
    """Hazard H46: a simulator taken for hardware, or hardware for a simulator."""
    store = make_chart(tmp_path, simulated=chart_is_simulated)
    session = Draft(data=sample(SessionStarted, simulated=not chart_is_simulated), session="s-1")
    with pytest.raises(ChartRefusedError, match="opposite"):
        store.append([(session, stamp(1))])

    assert 1 == store.size
    store.close()


def test_a_chart_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Across restarts it is one tree."""
    store = make_chart(tmp_path)
    run_session(store, "s-1", second=1)
    store.append([(STOP, stamp(9))])
    before = store.size, store.head
    store.close()
    store = open_chart(tmp_path)

    assert before == (store.size, store.head)
    run_session(store, "s-2", second=10)
    root = tree_root([leaf_hash(body) for body in bodies(store)])

    assert root == store.checkpoint().head.root
    store.close()


def test_a_clean_close_leaves_one_file(tmp_path: Path) -> None:
    """Side files that somebody else opens could lock the controller out."""
    store = make_chart(tmp_path)
    run_session(store, "s-1", second=1)

    assert store.wal_checkpoint()
    assert 0 == (tmp_path / "chart.db-wal").stat().st_size
    store.close()

    assert {"chart.db", "keys"} == {path.name for path in tmp_path.iterdir()}


def test_a_reader_in_the_way_is_said_and_harms_nothing(tmp_path: Path) -> None:
    """An auditor's long look must not stop the clinic."""
    store = make_chart(tmp_path)
    run_session(store, "s-1", second=1)
    reader = ChartReader.open(tmp_path / "chart.db")
    view = open_writer(tmp_path / "chart.db")
    view.execute("BEGIN")
    view.execute("SELECT count(*) FROM entry").fetchone()
    run_session(store, "s-2", second=10)

    assert not store.wal_checkpoint()
    view.execute("ROLLBACK")

    assert store.wal_checkpoint()
    for connection in (view, reader, store):
        connection.close()


def test_nothing_is_made_over_an_existing_file(tmp_path: Path) -> None:
    """``init`` in the wrong folder must not cost a clinic its record."""
    make_chart(tmp_path).close()
    before = (tmp_path / "chart.db").read_bytes()
    with pytest.raises(ChartRefusedError, match="no chart is made over it"):
        make_chart(tmp_path)

    assert before == (tmp_path / "chart.db").read_bytes()


def test_a_dangling_link_is_something_too(tmp_path: Path) -> None:
    """It would make the chart somewhere else."""
    (tmp_path / "chart.db").symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(ChartRefusedError):
        make_chart(tmp_path)

    assert not (tmp_path / "elsewhere.db").exists()


def test_a_chart_in_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A sentence instead of a traceback."""
    new = NewChart(site="A", simulated=True, program="modctl 0.1.0")
    with pytest.raises(ChartWriteError, match="No chart could be made"):
        ChartStore.create(tmp_path / "no" / "chart.db", KeyFolder(tmp_path / "keys"), new, stamp(0))


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    """A simulated run repeats byte for byte, or a replay proves nothing."""
    for name in ("one", "two"):
        store = make_chart(tmp_path / name)
        run_session(store, "s-1", second=1)
        store.close()

    assert (tmp_path / "one" / "chart.db").read_bytes() == (tmp_path / "two" / "chart.db").read_bytes()


# Triggers: the guard rail


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET body = x'7b7d' WHERE seq = 2",
        "DELETE FROM entry WHERE seq = 2",
        "INSERT OR REPLACE INTO entry (seq, body, leaf) SELECT seq, body, leaf FROM entry WHERE seq = 2",
        "UPDATE checkpoint SET note = x'00'",
        "DELETE FROM checkpoint",
        "INSERT OR REPLACE INTO checkpoint SELECT * FROM checkpoint WHERE size = 1",
        "REPLACE INTO entry (seq, body, leaf) SELECT 2, body, leaf FROM entry WHERE seq = 3",
    ],
)
def test_a_slip_in_sql_is_stopped(tmp_path: Path, statement: str) -> None:
    """Not evidence, but a seat belt for whoever has the file open."""
    store = make_chart(tmp_path)
    run_session(store, "s-1", second=1)
    before = bodies(store)
    with pytest.raises(SqliteError, match="a chart is"):
        store.connection.execute(statement)

    assert before == bodies(store)
    store.close()


# Keys


def test_a_rotation_is_signed_by_the_old_key_which_is_then_gone(tmp_path: Path) -> None:
    """Whoever steals the key later cannot sign what came before."""
    store = make_chart(tmp_path)
    run_session(store, "s-1", second=1)
    note = parse_note(store.head.note)
    store.close()

    assert Seal.GOOD is seal(note, parse_vkey(store.genesis.vkey))
    assert (2,) == KeyFolder(tmp_path / "keys").epochs()


def crash_before_commit(site: Path) -> None:
    """The next key is on the disk, the chart does not know it."""
    shutil.copy(site / "keys" / "epoch-1.key", site / "keys" / "epoch-2.key")


def crash_before_erasing(site: Path) -> None:
    """The chart has announced the next key, the old one is still there."""
    old = (site / "keys" / "epoch-1.key").read_bytes()
    store = open_chart(site)
    store.rotate(stamp(90))
    store.close()
    (site / "keys" / "epoch-1.key").write_bytes(old)
    (site / "keys" / "epoch-1.key").chmod(0o600)


@pytest.mark.parametrize(("crash", "epoch"), [(crash_before_commit, 1), (crash_before_erasing, 2)])
def test_a_rotation_that_a_crash_interrupted_is_finished(
    tmp_path: Path, crash: Callable[[Path], None], epoch: int
) -> None:
    """At every moment exactly one key can continue the chart."""
    make_chart(tmp_path).close()
    crash(tmp_path)
    store = open_chart(tmp_path)

    assert (epoch,) == KeyFolder(tmp_path / "keys").epochs()
    run_session(store, "s-1", second=100)
    store.close()

    assert (epoch + 1,) == KeyFolder(tmp_path / "keys").epochs()
    assert Judgement.UNANCHORED is verify_file(tmp_path / "chart.db").verdict


def test_a_chart_from_a_backup_is_not_continued_with_newer_keys(tmp_path: Path) -> None:
    """Rolling the chart back without the keys is found before anything is written."""
    make_chart(tmp_path).close()
    backup = (tmp_path / "chart.db").read_bytes()
    store = open_chart(tmp_path)
    run_session(store, "s-1", second=1)
    store.close()
    (tmp_path / "chart.db").write_bytes(backup)
    with pytest.raises(KeysError, match="put back from a copy"):
        open_chart(tmp_path)

    assert (2,) == KeyFolder(tmp_path / "keys").epochs()


def test_another_sites_key_is_refused(tmp_path: Path) -> None:
    """Heads signed with it would verify nowhere."""
    make_chart(tmp_path / "one").close()
    make_chart(tmp_path / "two", seed=5).close()
    shutil.copy(tmp_path / "two" / "keys" / "epoch-1.key", tmp_path / "one" / "keys" / "epoch-1.key")

    with pytest.raises(KeysError, match="not the one that the chart announced"):
        open_chart(tmp_path / "one")


# What is not opened


def test_a_chart_that_is_not_there_is_not_made_by_opening(tmp_path: Path) -> None:
    """A mistyped path would otherwise begin a second chart."""
    with pytest.raises(ChartUnreadableError, match="no chart"):
        open_chart(tmp_path)

    assert [] == list(tmp_path.iterdir())


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    """It is left as it was."""
    connection = open_writer(tmp_path / "chart.db")
    connection.execute("CREATE TABLE something (a)")
    connection.close()

    with pytest.raises(ChartUnreadableError, match="is not a chart"):
        open_chart(tmp_path)


GUARDS = "SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger'"


@pytest.mark.parametrize(
    ("attack", "found"),
    [
        ("DELETE FROM entry", "no first entry"),
        ("UPDATE entry SET body = x'7b7d' WHERE seq = 1", "Entry 1 does not parse"),
        ("UPDATE entry SET seq = 100 - seq", "no first entry"),
        ("UPDATE entry SET body = (SELECT body FROM entry WHERE seq = 3) WHERE seq = 1", "begin with its genesis"),
        ("DELETE FROM checkpoint", "no signed head"),
        ("UPDATE checkpoint SET note = x'00'", "does not parse"),
        ("UPDATE checkpoint SET frontier = x'00'", "does not parse"),
        ("UPDATE checkpoint SET frontier = zeroblob(length(frontier))", "not the one that was signed"),
        ("UPDATE checkpoint SET size = size + 16", "not the one that was signed|does not parse"),
        ("UPDATE entry SET body = x'7b7d' WHERE seq = (SELECT max(seq) FROM entry)", "not as it was written"),
        ("UPDATE entry SET seq = seq + 1 WHERE seq = (SELECT max(seq) FROM entry)", "not as it was written"),
    ],
)
def test_a_chart_that_does_not_fit_its_last_head_is_not_continued(tmp_path: Path, attack: str, found: str) -> None:
    """To sign on top of it would make the damage look approved."""
    store = make_chart(tmp_path)
    run_session(store, "s-1", second=1, rotate=False)
    store.append([(STOP, stamp(9))])
    store.close()
    connection = open_writer(tmp_path / "chart.db")
    for (drop,) in connection.execute(GUARDS).fetchall():
        connection.execute(drop)
    connection.execute(attack)
    connection.close()
    before = (tmp_path / "chart.db").read_bytes()

    with pytest.raises(ChartUnreadableError, match=found):
        open_chart(tmp_path)
    assert before == (tmp_path / "chart.db").read_bytes()


def test_a_last_head_of_another_key_is_not_continued(tmp_path: Path) -> None:
    """It fits the entries, and the site never signed it: somebody rewrote both."""
    store = make_chart(tmp_path)
    head = store.head
    store.close()
    forged = sign(checkpoint_text(Checkpoint(head.origin, head.size, head.root)), SigningKey(head.origin, bytes(32)))
    connection = open_writer(tmp_path / "chart.db")
    connection.execute("DROP TRIGGER checkpoint_no_update")
    connection.execute("UPDATE checkpoint SET note = ?", (forged,))
    connection.close()

    with pytest.raises(ChartUnreadableError, match="not the one that was signed"):
        open_chart(tmp_path)


def test_an_announced_key_that_is_none_is_said(tmp_path: Path) -> None:
    """A genesis that somebody rewrote does not end in a traceback."""
    store = make_chart(tmp_path)
    body = bodies(store)[0].replace(store.genesis.vkey.encode(), b"nonsense")
    store.close()
    connection = open_writer(tmp_path / "chart.db")
    for (drop,) in connection.execute(GUARDS).fetchall():
        connection.execute(drop)
    connection.execute("UPDATE entry SET body = ? WHERE seq = 1", (body,))
    connection.close()

    with pytest.raises(ChartUnreadableError, match="no usable key"):
        open_chart(tmp_path)


# A full disk


def fill_up(store: ChartStore) -> None:
    """Let the file not grow any more: SQLite then fails as it does on a full disk (SQLITE_FULL)."""
    (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    store.connection.execute(f"PRAGMA max_page_count = {pages}")


def rotate_often(store: ChartStore) -> None:
    """Until the free room of the last page is used up, and beyond."""
    for second in range(1, 200):
        store.rotate(stamp(second))


def test_a_batch_that_does_not_fit_leaves_nothing_and_the_next_one_goes_on(tmp_path: Path) -> None:
    """All or nothing, and no gap in the numbers: hazard H38."""
    store = make_chart(tmp_path)
    run_session(store, "s-1", second=1)
    before = store.size, store.head
    fill_up(store)
    with pytest.raises(ChartWriteError, match="200 entries after entry 9 were not charted"):
        store.append([(Draft(data=inputs(second), session="s-1"), stamp(second)) for second in range(10, 210)])

    assert before == (store.size, store.head)
    store.connection.execute("PRAGMA max_page_count = 1000000")
    run_session(store, "s-2", second=300)
    store.close()

    assert Judgement.UNANCHORED is verify_file(tmp_path / "chart.db").verdict


def test_a_rotation_that_does_not_fit_keeps_the_key_in_force(tmp_path: Path) -> None:
    """The chart must be continued by the key that it announced last."""
    store = make_chart(tmp_path)
    fill_up(store)
    with pytest.raises(ChartWriteError):
        rotate_often(store)
    store.connection.execute("PRAGMA max_page_count = 1000000")
    store.rotate(stamp(300))
    store.close()
    open_chart(tmp_path).close()

    assert 1 == len(KeyFolder(tmp_path / "keys").epochs())
    assert Judgement.UNANCHORED is verify_file(tmp_path / "chart.db").verdict


def test_a_closed_connection_is_a_write_error(tmp_path: Path) -> None:
    """Whatever SQLite says becomes one kind of failure, which stops the sessions."""
    store = make_chart(tmp_path)
    store.close()
    with pytest.raises(ChartWriteError):
        store.append([(STOP, stamp(1))])
    with pytest.raises(ChartWriteError, match="cannot be read"):
        store.append([(STOP, stamp(1))])
    with pytest.raises(ChartWriteError, match="write-ahead log"):
        store.wal_checkpoint()


def test_two_writers_do_not_interleave(tmp_path: Path) -> None:
    """The site lock keeps them apart; should it fail, the second one's batch is refused, not renumbered."""
    first = make_chart(tmp_path)
    second = open_chart(tmp_path)
    first.append([(STOP, stamp(1))])
    with pytest.raises(ChartWriteError):
        second.append([(STOP, stamp(2))])

    assert 2 == first.size == second.size
    assert 3 == second.append([(STOP, stamp(3))])[0].seq
    first.close()
    second.close()


def test_the_genesis_is_read_as_it_was_made(tmp_path: Path) -> None:
    """Simulated stays simulated for ever."""
    make_chart(tmp_path, simulated=False, site="B").close()
    store = open_chart(tmp_path)
    store.close()

    assert isinstance(store.genesis, Genesis)
    assert ("B", False) == (store.genesis.site, store.genesis.simulated)


def test_a_damaged_page_ends_in_a_sentence(tmp_path: Path) -> None:
    """A bad block, found at the start of the day and not in the middle of a session."""
    make_chart(tmp_path).close()
    whole, page = (tmp_path / "chart.db").read_bytes(), 4_096
    refused = 0
    for at in range(page, len(whole), page):
        (tmp_path / "chart.db").write_bytes(whole[:at] + bytes([7]) * page + whole[at + page :])
        try:
            open_chart(tmp_path).close()
        except ChartUnreadableError:
            refused += 1

    assert refused > 0
