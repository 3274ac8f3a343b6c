"""What a guard left behind is read after whatever happened to the machine."""

from pathlib import Path

import msgspec

from modctl.chart.keys import KeyFolder
from modctl.chart.store import ChartStore, NewChart
from modctl.clock import SystemClock
from modctl.config import Layout
from modctl.controller import startup
from modctl.controller.guard import Acted


def test_noise_in_the_guards_log_keeps_no_controller_from_starting(tmp_path: Path) -> None:
    """A power cut may leave anything at the end of a file; the acts before it still count."""
    layout = Layout(tmp_path)
    new = NewChart(site="s", simulated=True, program="p")
    ChartStore.create(layout.chart, KeyFolder(layout.keys), new, SystemClock().stamp()).close()
    acted = Acted(at_utc="2026-01-01T00:00:00.000Z", mono_ns=5, reason="eof", ports=("p",), writes=40)
    layout.guard_log.parent.mkdir(exist_ok=True)
    layout.guard_log.write_bytes(msgspec.json.encode(acted) + b'\n{"at_utc":"\xff\xfe')

    assert [5] == [act.mono_ns for act in startup.remember(layout).acts]
