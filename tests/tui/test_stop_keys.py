"""Every stop key, from every screen, modal, focused field and layout, with one session and with four."""

import msgspec
import pytest

from modctl.ipc.messages import Answer, Done, Refused, Request, SessionView, Start
from tests.tui.fakes import asked, second_session, session
from tests.tui.stage import Stage, locked, obliging, perform

SIZES = ((80, 24), (132, 43))
RUNS = second_session()
OTHERS = (
    second_session(session="S-3", unit="estim-2", patient_name="Cleo Third"),
    second_session(session="S-4", unit="cold-1", patient_name="Dora Fourth"),
    second_session(session="S-5", unit="cold-2", patient_name="Eva Fifth"),
)
KEYS = ("f12", "ctrl+c", "escape", "space", "s")
OVER_A_FIELD = ("s", "space", "escape", "f12", "ctrl+c")
TO_PRESETS = ("n", "1", "down", "enter")


class There(msgspec.Struct, frozen=True):
    """Where a person may be while sessions run: what else is shown, the keys that lead there, what is refused."""

    way: tuple[str, ...] = ()
    beside: tuple[SessionView, ...] = ()  # in the first tab, before what runs
    is_large: bool = False  # the session that runs is the one shown large
    refused: Refused | None = None
    pin: str | None = "1234"

    def script(self, message: Request) -> Done | Refused:
        """A controller that refuses a start, where the place comes from that."""
        if isinstance(message, Start) and self.refused is not None:
            return self.refused
        return obliging(message)


def with_words(view: SessionView) -> SessionView:
    """The same, with words beside its second answers."""
    gates = tuple(msgspec.structs.replace(gate, words=tuple(key for key, _ in gate.answers[1:])) for gate in view.gates)
    return msgspec.structs.replace(view, gates=gates)


def refusal(code: str, door: str | None = None) -> Refused:
    """A refused start."""
    return Refused(id=0, code=code, reason="no", limit="width-usual" if door else None, door=door)


QUESTION = (asked("identify"),)
CONFIRM = (asked("confirm"),)
ENDED = (asked("skin_after", after=True),)
PLACES = {
    "running": There(is_large=True),
    "units": There(("n",)),
    "patients": There(("n", "1")),
    "presets": There(TO_PRESETS),
    "second unit": There((*TO_PRESETS, "w")),
    "round": There(("n", "d")),
    "acknowledge": There(("n", "4", "a")),
    "weight": There((*TO_PRESETS, "enter"), refused=refusal("body_weight")),
    "question": There(("1",), QUESTION),
    "number": There(("1",), (asked("pain_before"),)),
    "confirm": There(("1",), CONFIRM),
    "end": There(("1",), ENDED),
    **{
        f"{name} over {under}": msgspec.structs.replace(
            there, way=(*there.way, *(("wait",) if under == "confirm" else ()), key)
        )
        for name, key in (("map", "question_mark"), ("list", "colon"))
        for under, there in (
            ("running", There(is_large=True)),
            ("units", There(("n",))),
            ("confirm", There(("1",), CONFIRM)),
            ("end", There(("1",), ENDED)),
        )
    },
}
FIELDS = {
    "pin": There(pin=None),
    "name": There(("shift+tab",), pin=None),
    "reason": There((*TO_PRESETS, "enter"), refused=refusal("soft_limit", "reason")),
    "second person": There((*TO_PRESETS, "enter"), refused=refusal("soft_limit", "second_person")),
    "words before": There(("1", "2"), (with_words(asked("identify")),)),
    "words after": There(("1", "2"), (with_words(ENDED[0]),)),
}


async def go(stage: Stage, there: There, others: int) -> None:
    """Be there, with so many sessions more that run."""
    await stage.see(*there.beside, RUNS)
    await stage.see(*there.beside, RUNS, *OTHERS[:others])
    for key in there.way:
        await (stage.wait(600) if key == "wait" else stage.press(key))


def meant(there: There, others: int) -> str | None:
    """What Escape, space and s stop: the large one, else the only one, else everything."""
    return "S-2" if there.is_large or not others else None


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize("place", PLACES)
def test_every_stop_key_stops_from_everywhere(place: str, others: int, size: tuple[int, int]) -> None:
    """The person has one thing in mind; where the screen happens to be must not matter."""
    there = PLACES[place]
    more = others - len(there.beside) if others else 0  # four in all

    async def act(stage: Stage) -> None:
        await go(stage, there, more)
        shown = stage.text()
        await stage.press(*KEYS)

        one = meant(there, more)
        assert [None, None, one, one, one] == stage.stops()
        assert f"STOP   Esc, space, s{': ultrasound-1, Ben Sample' if one else ', F12, Ctrl+C: ALL'}" in shown

    perform(act, size=size, script=there.script)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize("field", FIELDS)
def test_in_every_text_field_escape_stops_and_letters_are_letters(
    field: str, others: int, size: tuple[int, int]
) -> None:
    """What runs beside a field must not need a free hand for Tab; the stop line says which keys are left."""
    there = FIELDS[field]
    more = others - len(there.beside) if others else 0

    async def act(stage: Stage) -> None:
        await go(stage, there, more)
        shown = stage.text()
        await stage.press(*OVER_A_FIELD)
        # who signs in is at the first session that began to run; a form was opened from a list of units
        one = "S-2" if field in ("pin", "name") else meant(there, more)

        assert [one, None, None] == stage.stops()
        assert f"STOP   Esc{': ultrasound-1, Ben Sample' if one else ', F12, Ctrl+C: ALL'}" in shown

    perform(act, size=size, script=there.script, pin=there.pin)


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


@pytest.mark.parametrize(
    ("way", "stops", "line"),
    [
        ((), [None, None, "S-2", "S-2", "S-2"], "STOP   Esc, space, s"),
        (("enter",), ["S-2", None, None], "STOP   Esc: ultrasound-1"),
    ],
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
