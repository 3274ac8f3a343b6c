"""The chart judged in a process of its own: the same verdict, how far it is, and an end when nobody waits."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from modctl.chart.errors import NoteError
from modctl.chart.keys import KeyFolder
from modctl.chart.readable import pages
from modctl.chart.store import ChartStore
from modctl.chart.verify import Judgement, verify_file
from modctl.cli.reading import FileChart, LiveChart
from modctl.controller.judge import Question, judged
from modctl.errors import ModctlError, RefusedError, UnreachableError
from tests.process import small_site as site
from tests.unit.chart.charts import make_chart, run_session


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A sound one with a session in it."""
    store = make_chart(tmp_path)
    run_session(store, "s-1", second=10)
    store.close()
    return tmp_path / "chart.db"


def question(chart: Path, checkpoint: str | None = None) -> Question:
    """Without a key."""
    return Question(chart=str(chart), checkpoint=checkpoint, vkey=None)


def children() -> set[str]:
    """The processes that this one has started and not buried."""
    return {
        child
        for thread in Path(f"/proc/{os.getpid()}/task").iterdir()
        for child in (thread / "children").read_text().split()
    }


def test_it_says_what_the_verifier_says_and_how_far_it_is(chart: Path) -> None:
    """Word for word; the last step is the end."""
    told: list[tuple[int, int]] = []
    verdict = judged(question(chart), lambda done, total: told.append((done, total)))

    assert verify_file(chart) == verdict
    assert Judgement.UNANCHORED is verdict.verdict
    assert (verdict.entries, verdict.entries) == told[-1]


def test_a_head_from_outside_goes_with_the_question(chart: Path) -> None:
    """Anchored by its own head; a head that is none is refused as the verifier refuses it."""
    with closing(FileChart.open(chart)) as reader:
        head = (reader.last_head() or b"").decode()

    assert Judgement.ANCHORED is judged(question(chart, head), lambda _done, _total: None).verdict
    with pytest.raises(ModctlError) as refused:
        judged(question(chart, "no note"), lambda _done, _total: None)
    with pytest.raises(NoteError) as expected:
        verify_file(chart, (b"no note",))
    assert (str(expected.value), expected.value.exit_code) == (str(refused.value), refused.value.exit_code)


def test_no_chart_is_unreachable(tmp_path: Path) -> None:
    """With the verifier's own sentence."""
    with pytest.raises(UnreachableError, match="There is no chart at"):
        judged(question(tmp_path / "none.db"), lambda _done, _total: None)


def test_who_does_not_wait_any_more_ends_it(chart: Path) -> None:
    """No process goes on reading for nobody."""
    before = children()

    def gives_up(_done: int, _total: int) -> None:
        raise RefusedError("nobody waits")

    with pytest.raises(RefusedError, match="nobody waits"):
        judged(question(chart), gives_up)

    assert children() <= before


def test_a_live_chart_is_read_in_pages_that_fit_and_judged_with_progress(tmp_path: Path) -> None:
    """Over the socket it is the same chart as in its file: every row, every head, every word."""
    layout = site.lay_down(tmp_path / "site")
    with closing(ChartStore.open(layout.chart, KeyFolder(layout.keys))) as store:
        for number in range(250):
            run_session(store, f"s-{number:03}", second=10 + number, seconds=0, rotate=False, patient="P" * 120)
        store.checkpoint()
    with closing(FileChart.open(layout.chart)) as reader:
        expected = [row for page in pages(reader) for row in page]
        head = reader.last_head()
    told: list[int] = []
    with site.controller(layout) as running, closing(running.client()) as client:
        live = LiveChart(client)
        found = list(pages(live))
        verdict = live.verify(progress=lambda done, _total: told.append(done))

        assert expected == [row for page in found for row in page]
        assert head == live.last_head()
        assert "small" == live.genesis().site
        assert Judgement.UNANCHORED is verdict.verdict
        assert verdict.entries == told[-1]
        assert 0 == running.end()
