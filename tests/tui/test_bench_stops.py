"""What the technician's stop keys stop, and what the numbers of a fault may be: pure values."""

import msgspec

from devices.bench import Inject
from devices.model import NS_PER_MS
from modctl.ipc.messages import SessionView
from tests.tui.bench_stage import on_load
from tests.tui.fakes import HandClock, session, snapshot
from tui.bench.form import inject_problem, inject_request
from tui.bench.pages import Page
from tui.bench.state import Bench, escape_target, mine_target, shown_target, without_patients
from tui.sight import Link


def bench(*sessions: SessionView, **changes: object) -> Bench:
    """The state with these sessions, a unit's page shown."""
    clock = HandClock()
    state = Bench(
        now_ns=clock.now_ns,
        link=Link.UP,
        page=Page.UNIT,
        unit="estim-1",
        snapshot=without_patients(snapshot(clock, *sessions)),
    )
    return msgspec.structs.replace(state, **changes)


def test_escape_from_a_page_does_not_end_a_treatment_and_s_does() -> None:
    """Leaving a page must not take a patient's treatment away; who means to stop it can."""
    state = bench(session())

    assert () == escape_target(state).stops
    assert ["S-1"] == [stop.session for stop in shown_target(state).stops]
    assert "estim-1: a SESSION AT A TABLE" == shown_target(state).words


def test_f12_stops_what_this_screen_runs_and_output_of_nobody() -> None:
    """A treatment elsewhere goes on; a unit that gives output by itself is stopped too."""
    state = bench(session(), on_load(unit="ultrasound-1"), mine=("B-1",))
    assert state.snapshot is not None
    wild = tuple(
        msgspec.structs.replace(row, output="energized" if row.name == "heat-1" else row.output)
        for row in state.snapshot.units
    )
    state = msgspec.structs.replace(state, snapshot=msgspec.structs.replace(state.snapshot, units=wild))

    assert [("B-1", None), (None, "heat-1")] == [(stop.session, stop.unit) for stop in mine_target(state).stops]


def test_without_a_current_word_a_run_is_stopped_with_everything() -> None:
    """Nobody knows what runs: one stop too many is the safe side."""
    state = bench(on_load(), mine=("B-1",))
    old = msgspec.structs.replace(state, now_ns=state.now_ns + 2_000 * NS_PER_MS)

    assert [(None, None)] == [(stop.session, stop.unit) for stop in mine_target(old).stops]
    assert [(None, None)] == [(stop.session, stop.unit) for stop in shown_target(old).stops]


def test_an_end_without_a_confirmed_off_is_still_to_be_stopped() -> None:
    """Unknown is not off."""
    latched = bench(on_load(phase="unconfirmed", outcome="unconfirmed", output="unknown"), mine=("B-1",))

    assert [(None, "estim-1")] == [(stop.session, stop.unit) for stop in shown_target(latched).stops]


def test_the_numbers_of_a_fault_are_held_against_the_menu() -> None:
    """A wrong number is told before anything is ordered; a word of the menu's own stays the menu's."""
    assert "run-away: gain_permille is 0 to 10000, not 99999." == inject_problem("run-away")("gain_permille=99999")
    assert "Write NAME=INTEGER, with spaces between." == inject_problem("run-away")("gain_permille=much")
    assert "stuck needs value=INTEGER." == inject_problem("stuck")("")
    assert "" == inject_problem("truncate")("at=")
    assert Inject(name="u", fault="reboot", parameters=(("after_ms", 50),)) == inject_request(
        "u", "reboot", "after_ms=50"
    )
    assert Inject(name="u", fault="mute", after_ms=50) == inject_request("u", "mute", "after_ms=50")
