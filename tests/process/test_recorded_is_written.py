"""What a technician is told is recorded lies on the disk: whoever reads the chart next finds it."""

from pathlib import Path

import pytest

from modctl.ipc.messages import Done
from modctl.ipc.servicing import CheckPointTyped, CheckUnit, LookBack
from tests.process import small_site as site

TIMES = 8  # chosen: an answer that runs ahead of its entry loses within a few of them


@pytest.mark.slow
def test_a_recorded_calibration_is_in_the_chart_when_its_answer_comes(tmp_path: Path) -> None:
    """The look-back asks at once; without the record it would say that nothing was out of tolerance."""
    layout = site.lay_down(tmp_path / "site", ("estim-1",))
    with site.simulators(layout), site.controller(layout) as running:
        client = running.client()
        client.sign_in("technician", site.PIN)
        found = []
        for reading in range(1_000, 1_000 + TIMES):
            points = (CheckPointTyped(set=2_000, found=reading), *(CheckPointTyped(set=n, found=n) for n in (5, 9)))
            request = CheckUnit(
                id=client.next_id(),
                unit="estim-1",
                what="calibration",
                points=points,
                meter="scope",
                meter_due="2099-01-31",
            )
            assert isinstance(client.request(request), Done)
            looked = client.request(LookBack(id=client.next_id(), unit="estim-1"))
            assert isinstance(looked, Done)
            found.append(None if looked.checked is None else looked.checked.points[0].found)
        client.close()
        assert 0 == running.end()

    assert list(range(1_000, 1_000 + TIMES)) == found
