"""Counts of early ends and opened limits, and the selection that is taken away."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from modctl.chart.reader import SessionRow
from modctl.cli.reading import FileChart
from modctl.errors import RefusedError, UnreachableError
from modctl.reports.counts import Count, Opened, counted, counts_paper
from modctl.reports.selection import write_selection
from tests.unit.chart.charts import ROW, make_chart, run_session


def row(session: str, **changes: object) -> SessionRow:
    """One session."""
    return msgspec.structs.replace(ROW, session=session, **changes)


ROWS: Sequence[SessionRow] = (
    row("a", actor="anna", unit="u1"),
    row("b", actor="anna", unit="u2", delivered_ms=60_000, outcome="stopped", reason="stop:screen"),
    row("c", actor="ben", unit="u1", delivered_ms=10_000, outcome="faulted", reason="stale", overrides=2),
    row("d", actor="ben", unit="u1", delivered_ms=None, outcome="open", reason=None),
)
OPENED = (
    Opened(session="c", limit="p24-current", has_second=True),
    Opened(session="c", limit="p24-charge", has_second=False),
    Opened(session="elsewhere", limit="p24-current", has_second=True),
)


def test_every_session_is_counted_once_in_each_group() -> None:
    """By person, by unit; early ends by reason; openings by limit, of these sessions alone."""
    found = {(one.by, one.name): one for one in counted(ROWS, OPENED)}

    assert (4, 2, 2, 1) == numbers(found["all", ""])
    assert (2, 1, 0, 0) == numbers(found["person", "anna"])
    assert (2, 1, 2, 1) == numbers(found["person", "ben"])
    assert (3, 1, 2, 1) == numbers(found["unit", "u1"])
    assert (1, 1, 0, 0) == numbers(found["reason", "stop:screen"])
    assert (1, 1) == (found["limit", "p24-current"].sessions, found["limit", "p24-current"].second_person)
    assert (1, 0) == (found["limit", "p24-charge"].sessions, found["limit", "p24-charge"].second_person)
    for by in ("person", "unit"):
        assert 4 == sum(one.sessions for one in found.values() if one.by == by)


def test_nothing_is_counted_of_nothing() -> None:
    """No division, no empty table that looks like a good result."""
    assert () == counted((), OPENED)
    assert "No session fits." == counts_paper((), OPENED, "by:nobody").says


def test_a_paper_says_none_where_there_is_none() -> None:
    """An empty table would look like one that was forgotten."""
    paper = counts_paper(ROWS[:1], (), "all sessions")

    assert "1 session: 1 completed. 0 ended early, 0 limits were opened." == paper.says
    assert ("0", "", "no session ended early") == paper.tables[2].rows[0]
    assert ("0", "0", "", "none was opened") == paper.tables[3].rows[0]


def numbers(count: Count) -> tuple[int, int, int, int]:
    """Sessions, early, overrides, bad."""
    return count.sessions, count.early, count.overrides, count.bad


@pytest.fixture
def chart(tmp_path: Path) -> FileChart:
    """Two sessions in a file."""
    store = make_chart(tmp_path)
    run_session(store, "s-1", second=10)
    run_session(store, "s-2", second=20, patient="=cmd()")
    store.close()
    return FileChart.open(tmp_path / "chart.db")


def test_entries_are_taken_away_as_lines(chart: FileChart, tmp_path: Path) -> None:
    """The oldest session first, each entry whole; nothing is replaced."""
    target = tmp_path / "selection.jsonl"
    written = write_selection(chart, chart.sessions(), target, lambda _done, _of: None)
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    before = target.read_bytes()

    assert len(lines) == written
    assert ["s-1", "s-2"] == list(dict.fromkeys(line["session"] for line in lines))
    assert [entry.seq for name in ("s-1", "s-2") for entry in chart.session_with_inputs(name)] == [
        line["seq"] for line in lines
    ]
    with pytest.raises(RefusedError, match="nothing was written"):
        write_selection(chart, chart.sessions(), target, lambda _done, _of: None)
    assert before == target.read_bytes()


def test_a_row_a_session_opens_in_a_spreadsheet_and_runs_nothing_there(chart: FileChart, tmp_path: Path) -> None:
    """A name that begins as a formula does is text."""
    target = tmp_path / "selection.CSV"
    written = write_selection(chart, chart.sessions(), target, lambda _done, _of: None)
    with target.open(newline="") as file:
        heading, *rows = csv.reader(file)

    assert (3, 2) == (written, len(rows))
    assert ["s-1", "s-2"] == [cells[heading.index("session")] for cells in rows]
    assert "'=cmd()" == rows[1][heading.index("patient")]


def test_half_a_selection_is_removed(chart: FileChart, tmp_path: Path) -> None:
    """Given up in the middle, it would look like all of it."""
    target = tmp_path / "selection.jsonl"

    def gives_up(done: int, _of: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_selection(chart, chart.sessions(), target, gives_up)

    assert not target.exists()
    with pytest.raises(UnreachableError, match="cannot be written"):
        write_selection(chart, chart.sessions(), tmp_path / "nowhere" / "x", gives_up)
