"""Files made to harm whoever verifies them: an auditor opens what somebody else hands over."""

from pathlib import Path

import msgspec
import pytest

from modctl.chart.errors import ChartUnreadableError, NoteError
from modctl.chart.grammar import Code
from modctl.chart.note import Checkpoint, SigningKey, checkpoint_text, sign
from modctl.chart.reader import ChartReader
from modctl.chart.sqlite import open_writer
from modctl.chart.tlog import EMPTY_ROOT
from modctl.chart.verify import MAX_FINDINGS, Judgement, verify_file
from tests.tamper.conftest import Target
from tests.tamper.forger import attacked, codes, sql

FOREVER = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT i AS seq, x'00' AS body, x'00' AS leaf FROM n"
)


def test_a_view_in_place_of_the_entries_is_not_run(tmp_path: Path) -> None:
    """It would answer for ever."""
    connection = open_writer(tmp_path / "chart.db")
    connection.execute(f"CREATE VIEW entry AS {FOREVER}")
    connection.execute("CREATE TABLE checkpoint (size, note, frontier)")
    connection.close()

    assert {Code.SCHEMA} == codes(tmp_path / "chart.db")


def test_another_database_is_not_a_chart(tmp_path: Path) -> None:
    """It is judged, not believed, and not written to."""
    open_writer(tmp_path / "other.db").close()
    before = (tmp_path / "other.db").read_bytes()

    assert {Code.SCHEMA} == codes(tmp_path / "other.db")
    assert before == (tmp_path / "other.db").read_bytes()


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 5_000, b'{"v":1}', b'{"seq":' + b"9" * 5_000])
def test_a_body_that_is_no_entry_is_a_finding(target: Target, body: bytes) -> None:
    """Not a traceback, and not a reason to stop reading. SQLite itself would not take it: it is written past it."""
    reader = ChartReader.open(target.chart)
    whole = reader.entries_since(11, limit=1)[0]
    reader.close()
    text = msgspec.json.encode(whole)
    held = target.chart.read_bytes()

    assert 1 == held.count(text)
    target.chart.write_bytes(held.replace(text, body[: len(text)].ljust(len(text))))
    verdict = verify_file(target.chart)

    assert 26 == verdict.entries
    assert {12} == {finding.seq for finding in verdict.findings if finding.code is Code.BODY}
    assert {Code.LEAF, Code.BODY, Code.CHECKPOINT} <= {finding.code for finding in verdict.findings}


def test_a_head_that_is_text_instead_of_bytes_is_a_finding(target: Target) -> None:
    """The tables are strict; only a hand-made file can hold another type."""
    relaxed = sql(
        "PRAGMA writable_schema = 1",
        "UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE name = 'checkpoint'",
    )
    chart = attacked(target.site, relaxed)

    assert Code.SCHEMA in codes(chart)


def test_findings_do_not_flood(target: Target) -> None:
    """A thousand lines say no more than a hundred, and hide the first."""
    noise = sql(*(f"CREATE VIEW v{number} AS SELECT 1" for number in range(MAX_FINDINGS + 50)))
    verdict = verify_file(attacked(target.site, noise))

    assert (Judgement.BROKEN, MAX_FINDINGS) == (verdict.verdict, len(verdict.findings))


@pytest.mark.parametrize("note", [b"", b"no note\n", b"origin\n0\nAAAA\n\n"])
def test_a_head_that_is_no_note_is_the_callers_mistake(target: Target, note: bytes) -> None:
    """The wrong file given as a head says nothing about the chart."""
    with pytest.raises(NoteError):
        verify_file(target.chart, [note])


def test_a_head_over_nothing_anchors_nothing(target: Target) -> None:
    """Every chart, and every forgery, begins with no entries."""
    nothing = sign(checkpoint_text(Checkpoint("anything", 0, EMPTY_ROOT)), SigningKey("anything", bytes(32)))
    with pytest.raises(NoteError, match="anchors nothing"):
        verify_file(target.chart, [nothing])


def test_a_key_that_is_none_is_the_callers_mistake(target: Target) -> None:
    """As above."""
    with pytest.raises(NoteError):
        verify_file(target.chart, genesis_vkey="PeterNeumann")


def test_a_truncated_file_is_unreadable_or_broken(target: Target) -> None:
    """A copy that was interrupted."""
    whole = target.chart.read_bytes()
    ends = []
    for kept in range(0, len(whole), 4_096):
        target.chart.write_bytes(whole[:kept])
        try:
            ends.append(verify_file(target.chart).verdict is Judgement.BROKEN)
        except ChartUnreadableError:
            ends.append(True)

    assert all(ends)


def test_progress_is_told_to_the_end(target: Target) -> None:
    """A long verification shows that it goes on."""
    told: list[tuple[int, int]] = []
    verify_file(target.chart, progress=lambda done, total: told.append((done, total)))

    assert (26, 26) == told[-1]


def test_a_page_that_was_overwritten_is_found(target: Target) -> None:
    """A bad block: the file opens, and somewhere in it reading fails. What was read before still counts."""
    whole, page = target.chart.read_bytes(), 4_096
    stopped = 0
    for at in range(page, len(whole), page):
        target.chart.write_bytes(whole[:at] + bytes([7]) * page + whole[at + page :])
        try:
            verdict = verify_file(target.chart)
        except ChartUnreadableError:
            continue

        assert Judgement.BROKEN is verdict.verdict
        stopped += any("cannot be read from here on" in finding.text for finding in verdict.findings)

    assert stopped > 0
