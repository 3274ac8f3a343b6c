"""``modctl bench`` on a real terminal: a controller, simulators, a run on a load, a stop, a fault, a hold."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modctl.config import Layout
from tests.process import small_site as site
from tests.process.screen_terminal import F12, Terminal


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[tuple[Layout, Terminal]]:
    """A small site that runs, and the technician's screen before it."""
    layout = site.lay_down(tmp_path / "site")
    with site.simulators(layout), site.controller(layout) as running:
        terminal = Terminal("--site", str(layout.root), "bench")
        try:
            yield layout, terminal
        finally:
            terminal.close()
        assert 0 == running.end()


@pytest.mark.slow
def test_a_technician_at_the_bench(bench: tuple[Layout, Terminal]) -> None:
    """What is true stands beside what is reported, a stop key switches off at once, and a fault shows as what it is."""
    layout, terminal = bench
    terminal.enters("who works here", "technician")
    terminal.enters("PIN:", site.PIN)
    terminal.sees("technician is signed in")
    terminal.types(b"\r")
    terminal.sees("calibration")
    terminal.types(b"r")
    terminal.enters("load on the output", "500 ohm")
    terminal.enters("pulse_width_us", "200")
    terminal.enters("period_us", "10000")
    terminal.enters("current_ua", "5000")
    terminal.enters("seconds", "60")
    terminal.enters("type nobody", "nobody")
    terminal.enters("Is nobody connected?", "")
    terminal.enters("Is the load connected?", "")
    terminal.sees("> Not yet")
    terminal.waits_until_keys_count()
    terminal.types(b"\x1b[B")
    terminal.sees("> Start now")
    terminal.types(b"\r")
    terminal.sees("■ ENERGIZED")

    terminal.sees("TRUE ■")
    assert site.truth(layout, "estim-1").energized
    terminal.types(F12)
    terminal.sees("□ STOPPED")
    assert not site.truth(layout, "estim-1").energized

    terminal.waits_until_keys_count()
    terminal.types(b"f")
    terminal.sees(">○ silence")
    terminal.types(b"\r")
    terminal.sees("faults now: silence")
    terminal.sees("reported ? UNKNOWN")
    assert ("silence",) == site.truth(layout, "estim-1").faults
    terminal.types(b"c")
    terminal.sees("faults now: none")

    for page in ("estim-1: run", "identity"):
        terminal.types(b"\x7f")
        terminal.sees(page)
    terminal.types(b"h")
    terminal.enters("why estim-1 is taken out of service", "cable worn")
    terminal.sees("out of service at every table")
    assert "Zzcanary" not in terminal.text()
    assert 0 == terminal.leaves()
