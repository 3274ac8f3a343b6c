"""Every output word in every phase, with fresh, old and no data: the screens never claim more than is known."""

import itertools

import msgspec
import pytest

from devices.model import Output
from modctl import text
from modctl.ipc.messages import SessionView, UnitRow
from tests.tui.fakes import HandClock, session, snapshot, unit
from tests.tui.stage import Stage, perform
from tests.tui.test_sight import sight_of
from tui.journal import Journal
from tui.levels import gauge_of, level_figure, time_figure
from tui.looks import text_of
from tui.note import six_lines
from tui.screens.units import unit_text
from tui.sight import Link, Showing, Sight, StopKey, is_live, showing, stop_target
from tui.states import state
from tui.widgets.board import board_lines

STRANGE = "a word from tomorrow"
OUTPUTS = (*(str(output) for output in Output), STRANGE)
PHASES = (*text.PHASES, "a phase from tomorrow")
PAIRS = tuple(itertools.product(PHASES, OUTPUTS))
OVER = ("ended", "unconfirmed")
OLD: dict[str, tuple[SessionView, int, Link]] = {
    "an old snapshot": (session(), 1_001, Link.UP),
    "no connection": (session(), 0, Link.LOST),
    "an old sample": (session(age_ms=1_001), 0, Link.UP),
    "no sample": (session(age_ms=None), 0, Link.UP),
}


def in_phase(view: SessionView, phase: str, output: str) -> SessionView:
    """The same in another phase with another output."""
    outcome = {"ended": "completed", "unconfirmed": "unconfirmed"}.get(phase)
    return msgspec.structs.replace(view, phase=phase, output=output, outcome=outcome)


@pytest.mark.parametrize(("phase", "output"), PAIRS)
def test_only_a_fresh_off_or_a_confirmed_end_reads_as_off(phase: str, output: str) -> None:
    """Whatever the two words are; a word that this screen does not know is unknown."""
    view = in_phase(session(), phase, output)
    said = showing(sight_of(view), view)
    expected = {
        "ended": Showing.OFF,
        "unconfirmed": Showing.UNKNOWN,
    }.get(phase, Showing.UNKNOWN if output == STRANGE else Showing(output))

    assert expected == said


@pytest.mark.parametrize(("phase", "output"), PAIRS)
@pytest.mark.parametrize("old", OLD)
def test_old_data_claims_nothing_in_any_phase(phase: str, output: str, old: str) -> None:
    """No state, no level, no bar: neither *off* nor *energized*. An end that was confirmed stays one."""
    view, age_ms, link = OLD[old]
    view = in_phase(view, phase, output)
    sight = sight_of(view, snapshot_age_ms=age_ms, link=link)
    word = state(sight, view).word.text
    figure, gauge = level_figure(sight, view).text, gauge_of(sight, view)

    if phase == "ended":
        expected = "□ COMPLETED"
    elif phase == "unconfirmed":
        expected = "? UNKNOWN OUTPUT"
    elif phase == "checking" and age_ms == 0 and link is Link.UP:
        expected = "○ NOT STARTED"  # a unit at rest need not talk; the controller says that it was not started
    else:
        expected = "◇ NO DATA"
    assert expected == word.strip()
    assert (None, None) == (gauge.commanded, gauge.measured)
    assert figure in {"ended": ("OFF",), "unconfirmed": ("?",)}.get(phase, ("--",))


@pytest.mark.parametrize("phase", [phase for phase in PHASES if phase not in OVER])
@pytest.mark.parametrize("output", OUTPUTS)
def test_a_stalled_controller_leaves_no_number_on_the_board_and_escape_stops(phase: str, output: str) -> None:
    """A countdown that stands still looks like one that runs; and what may be live is stopped by every stop key."""
    view = in_phase(session(), phase, output)
    sight = sight_of(view, snapshot_age_ms=1_001)
    row = text_of(board_lines(sight, 80))

    assert "NO DATA" in row
    assert "12.5 mA" not in row
    assert "10:48" not in row
    assert "--:--" == time_figure(sight, view).text
    assert StopKey.NOTHING is not stop_target(sight).key


@pytest.mark.parametrize(("phase", "output"), PAIRS)
def test_what_does_not_read_as_off_is_live(phase: str, output: str) -> None:
    """The stop keys and the words agree: nothing that may give output is beyond Escape."""
    view = in_phase(session(), phase, output)
    reads_off = showing(sight_of(view), view) is Showing.OFF

    assert reads_off or is_live(view, frozenset())


def test_within_a_second_of_silence_every_phase_says_no_data() -> None:
    """On the screen itself: 1 000 ms after its snapshot a number still counts, 1 ms later there is none."""

    async def act(stage: Stage) -> None:
        for phase in ("armed", "starting", "running", "pausing", "paused", "resuming", "stopping"):
            await stage.see(
                session(phase=phase, age_ms=0, stale_ms=2_000), session(session="S-2", unit="heat-1", stale_ms=2_000)
            )
            await stage.press("1")
            before = stage.text()
            stage.clock.advance_ms(-200)
            await stage.wait(1_000)
            at_limit = stage.text()
            await stage.wait(1)
            after = stage.text()

            assert ("NO DATA" in before, "NO DATA" in at_limit) == (False, False)
            assert 3 <= after.count("NO DATA")  # the first line, two rows of the board, the large view
            assert "■" not in after.split("STOP")[0]

    perform(act)


def units_sight(*rows: UnitRow, age_ms: int = 0) -> Sight:
    """A sight of a house without sessions."""
    clock = HandClock()
    told = snapshot(clock, units=rows)
    return Sight(now_ns=clock.now_ns + age_ms * 1_000_000, link=Link.UP, snapshot=told)


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_unit_in_the_list_never_reads_as_off_for_unknown(output: str) -> None:
    """Only a unit that says off has nothing behind its state; an old list says so in every row."""
    row = unit(output=output)
    words = {"off": "", "energized": "■ ENERGIZED", "suspended": "◪ SUSPENDED"}

    assert unit_text(row, units_sight(row)).endswith(f"ready      {words.get(output, '? UNKNOWN')}")
    assert unit_text(row, units_sight(row, age_ms=1_001)).endswith("◇ NO DATA")


@pytest.mark.parametrize(
    ("temp_mdegc", "band", "shown"),
    [
        (72_300, "ready", "72.3 °C ready"),
        (66_000, "weak", "66.0 °C weak"),
        (76_000, "hot", "76.0 °C hot"),
        (80_100, "too_hot", "80.1 °C TOO HOT"),
        (40_000, "too_cold", "40.0 °C TOO COLD"),
        (None, "unknown", "? UNKNOWN"),
        (72_300, "unknown", "? UNKNOWN"),
        (None, "ready", "? UNKNOWN"),
    ],
)
def test_a_tank_says_how_warm_it_is(temp_mdegc: int | None, band: str, shown: str) -> None:
    """The number and whether it is fit; a temperature that nobody knows is no number."""
    tank = unit(name="tank-1", model="eurotherm-3216", modality="heat", monitored=True, output="energized")
    row = msgspec.structs.replace(tank, temp_mdegc=temp_mdegc, band=band)

    told = unit_text(row, units_sight(row))

    assert told.endswith(f"ready   {shown}")
    assert len(told) <= 74  # behind the cursor and the number, on 80 columns


@pytest.mark.parametrize(
    ("timezone", "began"),
    [
        ("UTC", "2026-03-02 23:30 UTC"),
        ("Europe/Berlin", "2026-03-03 00:30 CET"),
        ("America/New_York", "2026-03-02 18:30 EST"),
        ("Nowhere/Land", "2026-03-02 23:30 UTC"),
    ],
)
def test_the_note_has_the_time_of_the_sites_own_clock(timezone: str, began: str) -> None:
    """With the zone's letters, across midnight too; a zone that this machine does not know is not guessed."""
    journal = Journal(started_at_utc="2026-03-02T23:30:59.000Z")

    assert six_lines(session(), journal, timezone)[0].startswith(f"SIMULATED. {began}. Pain")
