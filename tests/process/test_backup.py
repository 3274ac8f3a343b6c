"""A backup taken while a session runs, and what a controller makes of it after it was put back."""

from contextlib import closing
from pathlib import Path

from modctl.chart.verify import Judgement, verify_file
from modctl.controller.restore import declare, put_in_place, staged
from modctl.ipc.evidence import ExportChart
from modctl.ipc.messages import Done, ListUnits
from tests.process.small_site import CLOCK, begin, controller, data, entries, lay_down, simulators, truth, wait_for


def test_a_session_that_ran_when_the_backup_was_made_is_closed_and_its_unit_stopped(tmp_path: Path) -> None:
    """The copy is of one moment: chart, key and people fit. Put back, it holds an open session: nobody resumes it."""
    layout, backup = lay_down(tmp_path / "site", ["estim-1"]), tmp_path / "live.tar"
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        session = begin(client, "estim-1", duration_ms=10_000)
        wait_for(client, session, "running")
        asked = ExportChart(id=client.next_id(), path=str(backup), purpose="nightly", form="backup")
        assert isinstance(client.request(asked), Done)
        assert truth(layout, "estim-1").energized
        wait_for(client, session, "ended", seconds=20)
        assert 0 == running.end()
    with staged(backup, layout.root, "aside") as found:
        assert (Judgement.ANCHORED, ()) == (found.verdict.verdict, found.lost.sessions)
        assert found.lost.entries > 0
        declare(found, "the disk failed", "kim", CLOCK.stamp())
        assert put_in_place(found)
    with simulators(layout), controller(layout) as running, closing(running.client()) as client:
        rows = client.request(ListUnits(id=client.next_id()))
        assert isinstance(rows, Done)
        told = truth(layout, "estim-1")
        assert 0 == running.end()

    assert ["latched"] == [row.state for row in rows.units or ()]
    assert not told.energized
    (ended,) = entries(layout, "session.ended")
    assert (session, "controller_died") == (ended.session, data(ended)["reason"])
    assert () == verify_file(layout.chart).findings
    assert "backup: nightly" == data(entries(layout, "chart.exported")[0])["purpose"]
