"""Typed questions to a chart, and that each of them finds its index."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modctl.chart.errors import ChartUnreadableError
from modctl.chart.reader import ChartReader, SessionFilter, record_as
from modctl.chart.sqlite import open_writer
from modctl.chart.store import ChartStore
from modctl.records import (
    Draft,
    Genesis,
    Override,
    SessionClosed,
    SessionRefused,
    SessionRequested,
    SessionStarted,
    StopPressed,
    UnitAcknowledged,
    UnitLatched,
)
from tests.unit.chart.charts import make_chart, run_session, sample, stamp


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChartStore]:
    """A chart with three sessions of two patients on two units; the third was overridden and faulted."""
    store = make_chart(tmp_path)
    run_session(store, "s-1", second=10)
    run_session(store, "s-2", second=20, patient="p-2", unit="heat-1", actor="assistant")
    override = Draft(data=sample(Override), session="s-3", actor="therapist")
    store.append([(override, stamp(29))])
    run_session(store, "s-3", second=30, outcome="faulted")
    yield store
    store.close()


@pytest.fixture
def reader(store: ChartStore) -> ChartReader:
    """Reads over the writer's own connection."""
    return ChartReader(store.connection)


def test_sessions_come_newest_first_with_what_a_list_shows(reader: ChartReader) -> None:
    """The fields are a contract: others script against `modctl session list --json`."""
    newest = reader.sessions()[0]

    assert ["s-3", "s-2", "s-1"] == [row.session for row in reader.sessions()]
    assert ("estim-1", "p-1", "hip-nmes", "2026-03-02T08:00:30.000Z", "faulted", True, 1) == (
        newest.unit,
        newest.patient,
        newest.preset,
        newest.started_at_utc,
        newest.outcome,
        newest.simulated,
        newest.overrides,
    )
    assert (len("planned_ms"), len("delivered_ms")) == (newest.planned_ms, newest.delivered_ms)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (SessionFilter(patient="p-1"), ["s-3", "s-1"]),
        (SessionFilter(unit="heat-1"), ["s-2"]),
        (SessionFilter(actor="assistant"), ["s-2"]),
        (SessionFilter(since_utc="2026-03-02T08:00:20.000Z"), ["s-3", "s-2"]),
        (SessionFilter(until_utc="2026-03-02T08:00:20.000Z"), ["s-1"]),
        (SessionFilter(patient="p-1", unit="estim-1", since_utc="2026-03-02T08:00:20.000Z"), ["s-3"]),
        (SessionFilter(patient="' OR 1=1 --"), []),
    ],
)
def test_a_session_is_found_by_what_an_auditor_knows(
    reader: ChartReader, wanted: SessionFilter, found: list[str]
) -> None:
    """Patient, unit, person, date; what is typed is a value, never SQL."""
    assert found == [row.session for row in reader.sessions(wanted)]


def test_a_list_goes_on_where_a_page_ended(reader: ChartReader) -> None:
    """A hundred thousand sessions are read in pages; each begins before the last row of the one before."""
    pages = []
    before = None
    while page := reader.sessions(SessionFilter(before=before), limit=2):
        pages.append([row.session for row in page])
        before = page[-1].seq

    assert [["s-3", "s-2"], ["s-1"]] == pages


def test_a_list_can_be_cut(reader: ChartReader) -> None:
    """A board shows what fits."""
    assert ["s-3", "s-2"] == [row.session for row in reader.sessions(limit=2)]


def test_a_session_that_runs_is_listed_as_open(store: ChartStore, reader: ChartReader) -> None:
    """It has delivered nothing that is settled, and no number says otherwise."""
    store.append([(Draft(data=sample(SessionStarted), session="s-4"), stamp(50))])
    row = reader.sessions(limit=1)[0]

    assert ("s-4", "open", None, None) == (row.session, row.outcome, row.delivered_ms, row.reason)


def test_a_sessions_entries_come_in_order_and_inputs_only_when_asked(store: ChartStore, reader: ChartReader) -> None:
    """A timeline is not drowned; a replay has everything."""
    store.append([(Draft(data=sample(SessionClosed), session="s-2", actor="assistant"), stamp(60))])
    shown = [entry.kind for entry in reader.session("s-2")]
    replayed = [entry.kind for entry in reader.session_with_inputs("s-2")]

    assert ["session.requested", "session.started", "setpoint", "session.ended", "session.closed"] == shown
    assert [*shown[:3], "inputs", "inputs", "inputs", *shown[3:]] == replayed


def test_an_unfinished_session_is_replayed_to_its_last_entry(store: ChartStore, reader: ChartReader) -> None:
    """After a crash the last seconds are what one wants to see."""
    run_session(store, "s-4", second=70, rotate=False)
    run_session(store, "s-5", second=80, rotate=False)
    store.append([(Draft(data=sample(SessionStarted), session="s-6"), stamp(90))])

    assert ["session.started"] == [entry.kind for entry in reader.session_with_inputs("s-6")]


def test_an_unknown_session_has_no_entries(reader: ChartReader) -> None:
    """The caller says so in its own words."""
    assert () == reader.session("s-9") == reader.session_with_inputs("s-9")


def test_sessions_without_an_end_are_found(store: ChartStore, reader: ChartReader) -> None:
    """The next start stops and latches their units before anything else."""
    asked = sample(SessionRequested, unit="traction-1")
    store.append([(Draft(data=asked, session="s-4"), stamp(50))])
    store.append([(Draft(data=asked, session="s-5"), stamp(51))])
    store.append([(Draft(data=sample(SessionStarted, unit="traction-1"), session="s-5"), stamp(52))])
    store.append([(Draft(data=asked, session="s-6"), stamp(53))])
    store.append([(Draft(data=sample(SessionRefused), session="s-6"), stamp(54))])
    store.append([(Draft(data=sample(SessionRefused), session="s-7"), stamp(55))])
    store.append([(Draft(data=sample(SessionStarted, unit="cold-1"), session="s-7"), stamp(56))])
    found = [(row.session, row.unit, row.started) for row in reader.open_sessions()]

    assert [("s-4", "traction-1", False), ("s-5", "traction-1", True), ("s-7", "cold-1", True)] == found


def test_a_latch_holds_until_a_person_acknowledges(store: ChartStore, reader: ChartReader) -> None:
    """Latches are rebuilt from the chart after a restart, so the chart must give each of them."""
    latch = Draft(data=sample(UnitLatched, unit="estim-1", reason="overcurrent", output="unknown"), session="s-3")
    clear = Draft(data=sample(UnitAcknowledged, unit="estim-1"), actor="therapist")
    other = Draft(data=sample(UnitLatched, unit="cold-1"))

    assert () == reader.latched_units()
    store.append([(latch, stamp(50)), (other, stamp(50))])

    assert ["cold-1", "estim-1"] == [row.unit for row in reader.latched_units()]
    assert ("overcurrent", "unknown", "s-3") == (
        reader.latched_units()[1].reason,
        reader.latched_units()[1].output,
        reader.latched_units()[1].session,
    )
    store.append([(clear, stamp(51))])

    assert ["cold-1"] == [row.unit for row in reader.latched_units()]
    store.append([(latch, stamp(52))])

    assert ["cold-1", "estim-1"] == [row.unit for row in reader.latched_units()]


def test_a_stream_resumes_after_the_entry_that_was_seen_last(store: ChartStore, reader: ChartReader) -> None:
    """A client that was cut off misses nothing and sees nothing twice."""
    last = reader.last_entry()

    assert last is not None
    assert store.size == last.seq
    assert [4, 5] == [entry.seq for entry in reader.entries_since(3, limit=2)]
    assert () == reader.entries_since(last.seq)


def test_what_the_chart_is_can_be_asked(store: ChartStore, reader: ChartReader) -> None:
    """Every screen and sheet says whether it is simulated."""
    assert store.genesis == reader.genesis()
    assert store.head.note == reader.last_head()


def test_an_empty_database_is_no_chart(tmp_path: Path) -> None:
    """Refusals, not tracebacks."""
    open_writer(tmp_path / "empty.db").close()
    reader = ChartReader.open(tmp_path / "empty.db")
    with pytest.raises(ChartUnreadableError, match="cannot be read"):
        reader.genesis()
    reader.close()
    with pytest.raises(ChartUnreadableError, match="no chart"):
        ChartReader.open(tmp_path / "missing.db")


def test_an_emptied_chart_has_no_genesis_and_no_head(store: ChartStore, reader: ChartReader) -> None:
    """The verifier says what that means; a reader only must not stumble."""
    for name in ("entry_no_delete", "checkpoint_no_delete"):
        store.connection.execute(f"DROP TRIGGER {name}")
    store.connection.execute("DELETE FROM entry")
    store.connection.execute("DELETE FROM checkpoint")

    assert reader.last_entry() is None
    assert reader.last_head() is None
    with pytest.raises(ChartUnreadableError, match="empty"):
        reader.genesis()


def test_an_entry_of_another_kind_than_expected_is_refused(reader: ChartReader) -> None:
    """A damaged chart ends in a sentence."""
    entry = reader.entries_since(1, limit=1)[0]

    assert isinstance(record_as(reader.entries_since(0, limit=1)[0], Genesis), Genesis)
    with pytest.raises(ChartUnreadableError, match="not what stands there"):
        record_as(entry, StopPressed)


@pytest.mark.parametrize("body", [b'{"kind":"session.started","session":"s-1"}', b"{}", b"[]"])
def test_a_body_that_does_not_parse_is_refused(store: ChartStore, reader: ChartReader, body: bytes) -> None:
    """Damage in one entry does not end in a traceback on a screen."""
    store.connection.execute("DROP TRIGGER entry_no_update")
    store.connection.execute("UPDATE entry SET body = ? WHERE seq = 3", (body,))

    with pytest.raises(ChartUnreadableError, match="does not parse"):
        reader.entries_since(0)


def test_data_that_does_not_parse_is_refused(store: ChartStore, reader: ChartReader) -> None:
    """As above, one layer deeper."""
    store.connection.execute("DROP TRIGGER entry_no_update")
    store.connection.execute(
        "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'planned_ms', 'planned_s') AS BLOB) WHERE seq = 3"
    )

    with pytest.raises(ChartUnreadableError, match="Entry 3 does not parse"):
        reader.sessions()


def plan(store: ChartStore, ask: str, reader: ChartReader) -> str:
    """How SQLite runs what one method of the reader asks."""
    asked: list[str] = []
    store.connection.set_trace_callback(asked.append)
    questions: dict[str, Callable[[], object]] = {
        "session": lambda: reader.session("s-2"),
        "entries_of_kind": lambda: reader.entries_of_kind("alarm"),
        "sessions": reader.sessions,
        "sessions of a patient": lambda: reader.sessions(SessionFilter(patient="p-1")),
        "sessions of a unit": lambda: reader.sessions(SessionFilter(unit="heat-1")),
        "open_sessions": reader.open_sessions,
        "latched_units": reader.latched_units,
        "entries_since": lambda: reader.entries_since(5),
    }
    questions[ask]()
    store.connection.set_trace_callback(None)
    return "\n".join(step[3] for sql in asked for step in store.connection.execute(f"EXPLAIN QUERY PLAN {sql}"))


@pytest.mark.parametrize(
    ("ask", "indexes"),
    [
        ("session", ["entry_by_session (session=?)"]),
        ("entries_of_kind", ["entry_by_kind (kind=?)"]),
        ("sessions", ["entry_by_kind (kind=?)", "entry_by_session (session=? AND kind=?)"]),
        ("sessions of a patient", ["session_by_patient (patient=?)", "entry_by_session (session=? AND kind=?)"]),
        ("sessions of a unit", ["session_by_unit (unit=?)", "entry_by_session (session=? AND kind=?)"]),
        ("open_sessions", ["session_bounds"]),
        ("latched_units", ["entry_by_kind (kind=?)"]),
        ("entries_since", ["PRIMARY KEY (rowid>?)"]),
    ],
)
def test_no_question_scans_the_chart(store: ChartStore, reader: ChartReader, ask: str, indexes: list[str]) -> None:
    """A partial index is used only by a query that repeats its term; without it a year's chart takes seconds."""
    steps = plan(store, ask, reader)

    assert "SCAN entry\n" not in f"{steps}\n"
    assert [] == [index for index in indexes if index not in steps], steps
