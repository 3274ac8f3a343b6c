"""Every stop key, from every screen, modal and focus, with one session and with two."""

import pytest

from modctl.ipc.messages import Answer, Done, Refused, Request, SessionView, Start
from tests.tui.fakes import asked, second_session, session
from tests.tui.stage import Stage, locked, obliging, perform

KEYS = {"f12": None, "ctrl+c": None, "escape": "S-2", "space": "S-2", "s": "S-2"}  # None: everything
RUNS = second_session()
OVER_A_FIELD = ("s", "space", "escape", "f12", "ctrl+c")

# Where a person may be while a session runs: the snapshot, and the keys that lead there.
PLACES: dict[str, tuple[tuple[SessionView, ...], tuple[str, ...]]] = {
    "running": ((RUNS,), ()),
    "units": ((RUNS,), ("n",)),
    "patients": ((RUNS,), ("n", "1")),
    "presets": ((RUNS,), ("n", "1", "down", "enter")),
    "acknowledge": ((RUNS,), ("n", "4", "a")),
    "question": ((asked("identify"), RUNS), ("n", "1")),
    "number": ((asked("pain_before"), RUNS), ("n", "1")),
    "confirm": ((asked("confirm"), RUNS), ("n", "1")),
    "end": ((asked("skin_after", after=True), RUNS), ("2",)),
    "map over running": ((RUNS,), ("question_mark",)),
    "map over units": ((RUNS,), ("n", "question_mark")),
    "map over confirm": ((asked("confirm"), RUNS), ("n", "1", "question_mark")),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_stop_key_stops_from_everywhere(place: str) -> None:
    """The person has one thing in mind; where the screen happens to be must not matter."""
    views, way = PLACES[place]

    async def act(stage: Stage) -> None:
        await stage.see(RUNS)
        await stage.see(*views)
        await stage.press(*way)
        there = stage.text()
        await stage.press(*KEYS)

        assert list(KEYS.values()) == stage.stops()
        assert "STOP   Esc, space, s: ultrasound-1, Ben Sample" in there

    perform(act)


@pytest.mark.parametrize("large", ["S-1", "S-2"])
@pytest.mark.parametrize("over", [(), ("question_mark",)])
def test_with_two_sessions_the_large_one_is_stopped_and_f12_stops_both(large: str, over: tuple[str, ...]) -> None:
    """The wrong session stopped is the right one still running; the line at the bottom names it."""
    names = {"S-1": "estim-1, Ada Example", "S-2": "ultrasound-1, Ben Sample"}

    async def act(stage: Stage) -> None:
        await stage.see(session(), second_session())
        await stage.press("1" if large == "S-1" else "2", *over)
        there = stage.text()
        await stage.press("escape", "s", "f12")

        assert [large, large, None] == stage.stops()
        assert f"STOP   Esc, space, s: {names[large]}   F12, Ctrl+C: ALL 2 sessions" in there

    perform(act)


@pytest.mark.parametrize("key", ["f12", "ctrl+c"])
def test_f12_stops_the_sessions_of_this_screen_and_another_screens_goes_on(key: str) -> None:
    """Two therapists, one controller: what one stops must not be the other one's patient."""
    mine = session(attended_by_me=True)
    theirs = second_session()

    async def act(stage: Stage) -> None:
        await stage.see(mine, theirs)
        await stage.press("1")
        there = stage.text()
        await stage.press(key)

        assert ["S-1"] == stage.stops()
        assert "F12, Ctrl+C: the 1 of this screen" in there

    perform(act)


def test_f12_leaves_the_questions_of_another_screen_alone() -> None:
    """Nothing is energized there yet, and somebody is in the middle of answering."""
    third = second_session(session="S-3", unit="heat-1", attended_by_me=True, phase="paused")

    async def act(stage: Stage) -> None:
        await stage.see(session(attended_by_me=True), asked("pain_before", session="S-2"), third)
        await stage.press("f12")

        assert ["S-1", "S-3"] == stage.stops()

    perform(act)


def test_f12_stops_everything_where_this_screen_has_all_there_is() -> None:
    """Also what was begun since the newest snapshot, and units that nobody commands."""

    async def act(stage: Stage) -> None:
        await stage.see(session(attended_by_me=True), second_session(attended_by_me=True))
        await stage.press("f12")

        assert [None] == stage.stops()

    perform(act)


def test_f12_stops_everything_when_the_snapshot_is_old() -> None:
    """Whose sessions run now nobody here knows."""

    async def act(stage: Stage) -> None:
        await stage.see(session(attended_by_me=True), second_session())
        await stage.wait(1_001)
        await stage.press("f12")

        assert [None] == stage.stops()

    perform(act)


def test_f12_means_what_was_just_confirmed_here_and_what_nobody_knows_to_be_off() -> None:
    """A start that no snapshot shows yet is this screen's; an output that was not confirmed off is everybody's."""
    unknown = second_session(session="S-2", phase="unconfirmed", outcome="unconfirmed", output="unknown")
    theirs = second_session(session="S-3", unit="heat-1")

    async def act(stage: Stage) -> None:
        await stage.bring(asked("confirm"))
        await stage.wait(600)
        await stage.press("2")
        await stage.see(asked("confirm"), unknown, theirs)
        await stage.press("f12")

        assert ["S-1", "S-2"] == stage.stops()

    perform(act)


def test_the_stop_line_says_that_a_combination_ends_as_a_whole() -> None:
    """One key, two units: whoever presses it knows."""

    async def act(stage: Stage) -> None:
        await stage.see(session(partner="S-2"), second_session(partner="S-1"))
        await stage.press("1")
        both = stage.text()
        await stage.see(session(partner="S-2"), second_session(partner="S-1", phase="ended", outcome="stopped"))

        assert "STOP   Esc, space, s: estim-1 + ultrasound-1" in both
        assert "STOP   Esc, space, s: estim-1, Ada Example" in stage.text()

    perform(act)


@pytest.mark.parametrize("field", [("pin",), ("who", "shift+tab")])
def test_in_a_text_field_escape_stops_and_letters_are_letters(field: tuple[str, ...]) -> None:
    """The sign-in is the only place with fields; the stop line says which keys are left."""

    async def act(stage: Stage) -> None:
        await stage.see(RUNS)
        await stage.press(*field[1:])
        there = stage.text()
        await stage.press("s", "space", "escape", "f12", "ctrl+c")

        assert ["S-2", None, None] == stage.stops()
        assert "STOP   Esc: ultrasound-1" in there

    perform(act, pin=None)


@pytest.mark.parametrize("door", ["reason", "second_person"])
def test_while_a_reason_is_typed_escape_stops_and_letters_are_letters(door: str) -> None:
    """Another session runs while a soft limit is being opened: its stop must not need a free hand for Tab."""
    refused = Refused(id=0, code="soft_limit", reason="no", limit="width-usual", door=door)

    def script(message: Request) -> Done | Refused:
        return refused if isinstance(message, Start) else obliging(message)

    async def act(stage: Stage) -> None:
        await stage.see(RUNS)
        await stage.press("n", "1", "down", "enter", "enter")
        there = stage.text()
        await stage.press("s", "space", "escape", "f12", "ctrl+c")

        assert ["S-2", None, None] == stage.stops()
        assert "STOP   Esc: ultrasound-1" in there
        assert "Reason" in there

    perform(act, script=script)


@pytest.mark.parametrize(
    ("way", "stops", "line"),
    [((), list(KEYS.values()), "STOP   Esc, space, s"), (("enter",), ["S-2", None, None], "STOP   Esc: ultrasound-1")],
)
def test_a_locked_screen_stops_like_any_other(way: tuple[str, ...], stops: list[str | None], line: str) -> None:
    """Nobody was here for a while, the patient still is: over the running session and over the question for a PIN."""

    async def act(stage: Stage) -> None:
        await locked(stage, RUNS)
        await stage.press(*way)
        there = stage.text()
        await stage.press("f12", "ctrl+c", "escape", "space", "s") if not way else await stage.press(*OVER_A_FIELD)

        assert stops == stage.stops()
        assert "LOCKED" in there
        assert line in there

    perform(act, pin=None)


def test_a_stop_needs_nobody_signed_in() -> None:
    """Whoever stands next to the table may stop it."""

    async def act(stage: Stage) -> None:
        await stage.see(RUNS)
        await stage.press("f12")

        assert [None] == stage.stops()

    perform(act, pin=None)


def test_the_same_stop_key_twice_is_two_stops() -> None:
    """Traction lets go at the set rate; the second press asks for the highest speed."""

    async def act(stage: Stage) -> None:
        await stage.see(session(phase="stopping"))
        await stage.press("escape", "escape")

        assert ["S-1", "S-1"] == stage.stops()

    perform(act)


def test_escape_right_after_confirming_stops_what_is_about_to_start() -> None:
    """Between the confirmation and the first snapshot of it the session is already somebody's to stop."""

    async def act(stage: Stage) -> None:
        await stage.bring(asked("confirm"))
        await stage.wait(600)
        await stage.press("2", "escape")

        assert ["S-1"] == stage.stops()
        assert 1 == len(stage.requests(Answer))

    perform(act)


@pytest.mark.parametrize("key", ["escape", "space", "s", "f12"])
def test_nothing_is_confirmed_by_a_key_that_comes_with_a_stop(key: str) -> None:
    """Escape and Enter within ten milliseconds, with the cursor on *start*: it is a stop."""

    async def act(stage: Stage) -> None:
        await stage.see(RUNS, asked("confirm"))
        await stage.press("2")
        await stage.wait(600)
        await stage.press("down")
        stage.clock.advance_ms(200)
        await stage.pilot.press(key)
        stage.clock.advance_ms(10)
        await stage.pilot.press("enter")
        await stage.settle()

        assert 1 == len(stage.stops())
        assert not stage.requests(Answer)

    perform(act)


def test_escape_steps_back_when_nothing_runs() -> None:
    """The way people expect, as long as it cannot be mistaken for anything else."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("1", "escape")

        assert "Which unit?" in stage.text()
        assert not stage.stops()

    perform(act)


def test_escape_stops_everything_when_the_snapshot_is_old() -> None:
    """Nothing was running a second ago; what runs now nobody knows."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.wait(1_001)
        await stage.press("escape")

        assert [None] == stage.stops()

    perform(act)


@pytest.mark.parametrize("needs", [{}, {"attended": False, "phase": "unconfirmed"}])
def test_leaving_is_refused_while_something_needs_the_screen(needs: dict[str, object]) -> None:
    """Ctrl+Q is next to nothing that means stop, and must not end an attended session by accident."""

    async def act(stage: Stage) -> None:
        await stage.see(session(**needs))
        await stage.press("ctrl+q")
        refused = stage.text()
        running = stage.app.is_running
        await stage.see()
        await stage.press("ctrl+q")

        assert "Not while something is energized" in refused
        assert running
        assert 0 == stage.app.return_code

    perform(act)


@pytest.mark.parametrize("size", [(40, 12), (79, 24), (80, 23)])
def test_on_a_screen_that_is_too_small_the_stop_keys_work_and_are_named(size: tuple[int, int]) -> None:
    """Somebody makes the window small; the patient is still on the table."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        drawn = stage.text()
        await stage.press("escape", "f12")

        assert ["S-1", None] == stage.stops()
        assert "STOP Esc space s: estim-1, Ada Example" in drawn
        assert "■ ENERGIZED" in drawn
        assert "The table needs" in drawn.replace("\n", " ")

    perform(act, size=size)


def test_es_8_a_session_that_needs_nobody_is_left_alone() -> None:
    """Acceptance ES 8: the screen may be left, and that sends no stop."""

    async def act(stage: Stage) -> None:
        await stage.see(session(attended=False))
        await stage.press("ctrl+q")

        assert 0 == stage.app.return_code
        assert [] == stage.stops()

    perform(act)
