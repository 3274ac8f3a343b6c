"""Signed heads in folders outside the site."""

from pathlib import Path

import pytest

from modctl.chart.anchor import Head, heads_in, push_head
from tests.unit.chart.charts import make_chart, run_session

HEAD = Head("modctl.chart/test/00000000", 7, bytes(32), b"the note of seven entries\n")


def test_every_head_is_a_file_of_its_own(tmp_path: Path) -> None:
    """A folder that only takes new files keeps the whole history of heads."""
    later = Head(HEAD.origin, 12, bytes(32), b"the note of twelve entries\n")
    failures = (*push_head(later, [tmp_path]), *push_head(HEAD, [tmp_path]))

    assert () == failures
    assert (HEAD.note, later.note) == heads_in(tmp_path, HEAD.origin)


def test_the_heads_of_another_chart_are_not_mixed_in(tmp_path: Path) -> None:
    """Several sites may share one folder."""
    push_head(HEAD, [tmp_path])

    assert () == heads_in(tmp_path, "modctl.chart/test/00000001")


def test_the_same_head_twice_is_no_failure(tmp_path: Path) -> None:
    """After a restart the last head is pushed again."""
    push_head(HEAD, [tmp_path])

    assert () == push_head(HEAD, [tmp_path])


def test_another_head_of_the_same_size_is_a_fork_and_stays_visible(tmp_path: Path) -> None:
    """A cloned station that went on writes a second truth; the first is evidence against it."""
    push_head(HEAD, [tmp_path])
    (failure,) = push_head(Head(HEAD.origin, 7, bytes(32), b"another note\n"), [tmp_path])

    assert "the chart is forked" in failure.why
    assert (HEAD.note,) == heads_in(tmp_path, HEAD.origin)


@pytest.mark.parametrize("left", [b"", HEAD.note[:9]])
def test_a_head_that_a_power_cut_tore_is_written_again(tmp_path: Path, left: bytes) -> None:
    """Half of this very note is no evidence of a fork."""
    push_head(HEAD, [tmp_path])
    (path,) = tmp_path.iterdir()
    path.write_bytes(left)

    assert () == push_head(HEAD, [tmp_path])
    assert HEAD.note == path.read_bytes()


def test_a_folder_that_is_gone_is_said_and_the_others_are_served(tmp_path: Path) -> None:
    """A stick that was pulled out must not keep the head from the server."""
    (failure,) = push_head(HEAD, [tmp_path / "gone", tmp_path])

    assert tmp_path / "gone" == failure.folder
    assert (HEAD.note,) == heads_in(tmp_path, HEAD.origin)


def test_a_stores_checkpoint_reaches_its_anchors(tmp_path: Path) -> None:
    """What is signed at the end of a session leaves the site's folder."""
    anchor = tmp_path / "anchor"
    anchor.mkdir()
    store = make_chart(tmp_path / "site", anchors=[anchor, tmp_path / "gone"])
    run_session(store, "s-1", second=1)
    signed = store.checkpoint()
    store.close()

    assert [tmp_path / "gone"] == [failure.folder for failure in signed.failures]
    assert (signed.head.note,) == heads_in(anchor, signed.head.origin)
