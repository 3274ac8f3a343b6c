"""A technician's morning on the screen, against a real controller, its guard and simulators, on a real terminal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modctl.config import Layout
from tests.process import small_site as site
from tests.process.cli_runs import run
from tests.process.screen_terminal import CTRL_Q, F12, Terminal
from tests.process.test_technician import POINTS, TREAT, Station

DOWN, ENTER, BACK = b"\x1b[B", b"\r", b"\x7f"


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[tuple[Layout, Terminal]]:
    """A site where somebody has been treated, and the technician's screen before it."""
    station = Station(tmp_path / "site")
    terminal: Terminal | None = None
    try:
        treated = run(station.site, *TREAT)
        assert (0, "completed") == (treated.status, treated.objects[-1]["outcome"])
        terminal = Terminal("--site", str(station.site), "bench", folder=tmp_path)
        yield Layout(station.site), terminal
    finally:
        if terminal is not None:
            terminal.close()
        status = station.close()
    assert status == 0


@pytest.mark.slow
@pytest.mark.timeout(180)  # chosen: three times the usual; it waits for one treatment, and for a person's pace
def test_a_technicians_morning_on_the_screen(morning: tuple[Layout, Terminal], tmp_path: Path) -> None:
    """Identify, run on 500 ohm and read the meter, five points with one off, look back, report, hold, a simulator."""
    layout, terminal = morning
    terminal.enters("who works here", "technician")
    terminal.enters("PIN:", site.PIN)
    terminal.sees("technician is signed in")
    _runs_on_a_load(layout, terminal)
    for page in ("estim-1: run", "estim-1: unit", "↑↓ Enter open"):
        terminal.types(BACK)
        terminal.sees(page)
    _calibrates(terminal)
    written = _looks_back_and_prints(terminal, tmp_path)
    assert {"report": b"%PDF", "sticker": b"%PDF"} == {name: path.read_bytes()[:4] for name, path in written.items()}
    _checks(terminal)
    _adds_a_simulator(layout, terminal)
    terminal.types(CTRL_Q)
    terminal.sees("Typed, but not recorded: estim-1.")
    assert 0 == terminal.leaves()

    units = {str(row["name"]): row for row in run(layout.root, "unit", "list").objects}
    held, heads = units["ultrasound-1"], units["ultrasound-1"]["heads"]
    assert ("held", "reads low") == (held["state"], held["reason"])
    assert isinstance(heads, list)
    assert ["failed", "never"] == [head["calibration"] for head in heads]
    assert 4 == run(layout.root, *TREAT).status


def _runs_on_a_load(layout: Layout, terminal: Terminal) -> None:
    """estim-1 is identified, runs on 500 ohm, and what the meter reads meanwhile stands on its worksheet."""
    terminal.types(ENTER)
    terminal.sees("estim-1: unit")
    terminal.types(b"i")
    terminal.sees("estim-1 answers: hasomed-p24, serial SIM")
    terminal.types(b"r")
    for asked, words in (
        ("load on the output", "500 ohm"),
        ("pulse_width_us", "200"),
        ("period_us", "10000"),
        ("current_ua", "5000"),
        ("seconds", "120"),
        ("type nobody", "nobody"),
        ("Is nobody connected?", ""),
        ("Is the load connected?", ""),
    ):
        terminal.enters(asked, words)
    terminal.sees("> Not yet")
    terminal.waits_until_keys_count()
    terminal.types(DOWN)
    terminal.sees("> Start now")
    terminal.types(ENTER)
    terminal.sees("■ ENERGIZED")
    terminal.sees("TRUE ■ 5000 uA")
    terminal.types(b"o")
    terminal.sees("STOP   Esc, F12, Ctrl+C: estim-1: bench run on 500 ohm")
    terminal.enters("set on the unit, in µA", "")
    terminal.enters("AS FOUND", "4900")
    terminal.enters("AS LEFT", "")
    terminal.sees("4.9 mA -2.0 %")
    terminal.types(F12)
    terminal.sees("STOP sent: ")
    site.wait_off(layout, "estim-1")
    terminal.waits_until_keys_count()


def _calibrates(terminal: Terminal) -> None:
    """Five points of the head that is plugged in; the first is out."""
    for _ in range(2):
        terminal.types(DOWN)
    terminal.sees(">ultrasound-1")
    terminal.types(ENTER)
    terminal.sees("ultrasound-1: unit")
    terminal.types(b"o")
    terminal.sees("output points of ultrasound-1 head 4711; calibration never")
    terminal.types(ENTER)
    terminal.enters("which meter", "UPM-DT10 SN 88")
    terminal.enters("its own calibration ends", "2099-01-31")
    terminal.sees("> on output")
    terminal.types(ENTER)
    terminal.enters("what is on the output", "degassed water")
    for number, point in enumerate(POINTS):
        level, _, reading = point.partition("=")
        terminal.sees("> another point")
        terminal.types(ENTER)
        terminal.enters("set on the unit", level)
        terminal.enters("AS FOUND", reading)
        terminal.enters("AS LEFT", "")
        terminal.sees(("OUT 1.9 W", "4.9 W", "7.6 W", "10.1 W", "12.3 W")[number])
    terminal.sees("Nothing is recorded yet: w records it.")
    terminal.types(b"w")
    terminal.sees("calibration of ")
    terminal.sees("NOT GOOD. No session starts")


def _looks_back_and_prints(terminal: Terminal, folder: Path) -> dict[str, Path]:
    """The one treated session is named with its dose by the meter; the papers lie where the screen says."""
    terminal.sees("1 session since the last good calibration.")
    terminal.sees("-24.0 %, beside a point out of tolerance")
    terminal.sees("by the meter")
    assert "P-001" not in terminal.text()
    terminal.types(b"h")
    terminal.enters("why ultrasound-1 is taken out of service", "reads low")
    terminal.sees("out of service at every table")
    terminal.types(b"w")
    terminal.enters("service report into this new file", "")
    terminal.enters("sticker into this new file", "")
    terminal.sees("Written: ")
    found = sorted(folder.glob("ultrasound-1-4711-calibration-*.pdf"))
    assert 2 == len(found)
    return {"sticker" if "sticker" in path.name else "report": path for path in found}


def _checks(terminal: Terminal) -> None:
    """The other things: looked at, timed, measured; recorded as a check of the unit."""
    terminal.types(BACK)
    terminal.sees("ultrasound-1: unit")
    terminal.types(b"c")
    terminal.sees("> Housing, plugs, cables")
    terminal.types(b"p")
    terminal.sees("> Own timer")
    terminal.types(ENTER)
    terminal.enters("timer is set to", "300")
    terminal.enters("stopwatch reads", "302")
    terminal.sees("pass: +2 s, at most ±30")
    terminal.types(b"p")
    terminal.sees("> Patient leakage, normal")
    terminal.types(ENTER)
    terminal.enters("in µA, or not-done", "35")
    terminal.sees("pass: 35 µA, at most 100 µA")
    terminal.types(b"w")
    terminal.sees("GOOD.")


def _adds_a_simulator(layout: Layout, terminal: Terminal) -> None:
    """It runs, it lacks something to be a unit, its power is cut, it goes."""
    for page in ("ultrasound-1: unit", "↑↓ Enter open"):
        terminal.types(BACK)
        terminal.sees(page)
    terminal.sees("m simulators")
    terminal.types(b"m")
    terminal.sees("ultrasound-1")
    terminal.types(b"n")
    terminal.sees("> hasomed-p24")
    terminal.types(ENTER)
    terminal.enters("name of the new hasomed-p24", "")
    terminal.enters("its line: a path, or tcp:PORT", "")
    terminal.sees("estim-3 is NO UNIT OF THIS SITE")
    assert not site.truth(layout, "estim-3").energized
    assert (layout.bench_links / "estim-3").is_symlink()
    terminal.types(b"x")
    terminal.sees("estim-3 has no power")
    assert "stopped" == site.truth(layout, "estim-3").state
    terminal.types(b"g")
    terminal.sees("estim-3 is on")
    terminal.types(b"d")
    terminal.sees("estim-3 is off the rack.")
    assert not (layout.bench_links / "estim-3").is_symlink()
