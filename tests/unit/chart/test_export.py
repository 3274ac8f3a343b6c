"""Copies that leave the site."""

from pathlib import Path

import pytest

from modctl.chart.errors import ChartRefusedError, ChartWriteError
from modctl.chart.export import copy_chart, copy_lines
from modctl.chart.sqlite import open_reader, open_writer
from modctl.chart.tlog import leaf_hash, tree_root
from modctl.chart.verify import Judgement, verify_file
from modctl.records import Draft, StopPressed
from tests.unit.chart.charts import make_chart, run_session, stamp


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with one session, closed, and a folder for what is taken away."""
    (tmp_path / "out").mkdir()
    store = make_chart(tmp_path / "site")
    run_session(store, "s-1", second=1)
    store.close()
    return tmp_path


def test_a_copy_is_one_file_and_verifies_against_the_head_beside_it(site: Path) -> None:
    """An auditor takes two files away and needs nothing else."""
    reader = open_reader(site / "site" / "chart.db")
    head = copy_chart(reader, site / "out" / "copy.db")
    reader.close()
    verdict = verify_file(site / "out" / "copy.db", [head.read_bytes()])

    assert ["copy.db", "copy.db.checkpoint"] == sorted(path.name for path in (site / "out").iterdir())
    assert Judgement.ANCHORED is verdict.verdict
    assert verify_file(site / "site" / "chart.db").root == verdict.root


def test_a_copy_of_a_chart_that_is_being_written_fits_its_own_head(site: Path) -> None:
    """The clinic does not stop for an export; the copy may have unsigned entries after its head."""
    store = make_chart(site / "busy")
    store.append([(Draft(data=StopPressed(unit=None, source="screen")), stamp(1))])
    head = copy_chart(store.connection, site / "out" / "copy.db")
    store.close()
    verdict = verify_file(site / "out" / "copy.db", [head.read_bytes()])

    assert (Judgement.ANCHORED, 2, 1) == (verdict.verdict, verdict.entries, verdict.unsigned)


def test_every_line_of_an_export_has_its_entrys_hash(site: Path) -> None:
    """Lossless: the root can be computed from the lines with nothing but SHA-256."""
    reader = open_reader(site / "site" / "chart.db")
    written = copy_lines(reader, site / "out" / "chart.jsonl")
    reader.close()
    lines = (site / "out" / "chart.jsonl").read_bytes().splitlines()

    assert written == len(lines)
    assert verify_file(site / "site" / "chart.db").root == tree_root([leaf_hash(line) for line in lines]).hex()


@pytest.mark.parametrize("name", ["copy.db", "copy.db.checkpoint"])
@pytest.mark.parametrize("link", [False, True])
def test_nothing_is_replaced_and_no_link_followed(site: Path, name: str, *, link: bool) -> None:
    """An export path is typed by a person or planted by one."""
    victim = site / "out" / "victim"
    victim.write_bytes(b"keep me")
    there = site / "out" / name
    if link:
        there.symlink_to(victim)
    else:
        there.write_bytes(b"keep me")
    reader = open_reader(site / "site" / "chart.db")
    with pytest.raises(ChartRefusedError, match="replaces nothing"):
        copy_chart(reader, site / "out" / "copy.db")
    reader.close()

    assert b"keep me" == victim.read_bytes() == there.read_bytes()
    assert {"victim", name} == {path.name for path in (site / "out").iterdir()}


def test_lines_replace_nothing_either(site: Path) -> None:
    """As for the copy."""
    (site / "out" / "chart.jsonl").symlink_to(site / "out" / "elsewhere")
    reader = open_reader(site / "site" / "chart.db")
    with pytest.raises(ChartRefusedError):
        copy_lines(reader, site / "out" / "chart.jsonl")
    reader.close()

    assert not (site / "out" / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_said(site: Path) -> None:
    """A stick that is not plugged in."""
    reader = open_reader(site / "site" / "chart.db")
    with pytest.raises(ChartWriteError, match="Nothing can be written"):
        copy_chart(reader, site / "nowhere" / "copy.db")
    reader.close()


@pytest.mark.parametrize("copy", [copy_chart, copy_lines])
def test_a_copy_that_fails_leaves_nothing_behind(site: Path, copy: object) -> None:
    """Half a chart with a plausible name is worse than none."""
    connection = open_reader(site / "site" / "chart.db")
    connection.close()
    with pytest.raises(ChartWriteError, match="could not be"):
        (copy_chart if copy is copy_chart else copy_lines)(connection, site / "out" / "copy")

    assert [] == list((site / "out").iterdir())


def test_a_database_without_a_head_is_not_exported(site: Path) -> None:
    """There would be nothing to verify the copy against."""
    connection = open_writer(site / "bare.db")
    connection.execute("CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note BLOB)")
    with pytest.raises(ChartWriteError, match="no signed head"):
        copy_chart(connection, site / "out" / "copy.db")
    connection.close()

    assert [] == list((site / "out").iterdir())
