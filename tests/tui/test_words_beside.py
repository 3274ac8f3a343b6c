"""Words beside an answer: *not done, because …*. A field like the others: letters are letters, Escape is a stop."""

import msgspec
import pytest

from devices.model import Direction
from modctl.ipc.messages import Answer, DueView, SessionView, Step, Stop
from tests.tui.fakes import asked, second_session, session
from tests.tui.stage import Stage, perform

WORDED = {"skin_after": ("reddened",), "pain_before": ("not-done",), "skin_check": ("not-done",)}
RUNS = second_session()


def worded(view: SessionView) -> SessionView:
    """The same, with words beside some answers of its questions."""
    gates = [msgspec.structs.replace(gate, words=WORDED.get(gate.gate, ())) for gate in view.gates]
    number = (("not-done", "Not done: it cannot be said now"),)
    gates = [msgspec.structs.replace(gate, answers=number) if gate.gate == "pain_before" else gate for gate in gates]
    return msgspec.structs.replace(view, gates=tuple(gates))


AFTER = worded(asked("skin_after", after=True))
BEFORE = worded(asked("pain_before"))


def answers(stage: Stage) -> list[tuple[str, str, str]]:
    """Gate, answer and words of everything that was answered."""
    return [(one.gate, one.answer, one.text) for one in stage.requests(Answer) if isinstance(one, Answer)]


def typed(words: str) -> tuple[str, ...]:
    """The keys of some words."""
    return tuple("space" if letter == " " else letter for letter in words)


def test_words_go_with_the_answer() -> None:
    """A space and an s are in almost every sentence; a backspace takes a letter back, and never the question."""

    async def act(stage: Stage) -> None:
        await stage.bring(AFTER)
        await stage.press("2")
        there = stage.text()
        await stage.press(*typed("as it waz"), "backspace", "s", "enter")

        assert "Reddened, fades when pressed, because …" in there
        assert "Enter answers, with your words or with none  Ctrl+G another answer" in there
        assert [("skin_after", "reddened", "as it was")] == [one for one in answers(stage) if one[0] == "skin_after"]
        assert not stage.stops()

    perform(act)


def test_enter_alone_answers_without_words() -> None:
    """Nobody is made to write; the answer itself is charted."""

    async def act(stage: Stage) -> None:
        await stage.bring(AFTER)
        await stage.press("2", "enter")

        assert [("skin_after", "reddened", "")] == answers(stage)

    perform(act)


def test_an_answer_that_is_as_it_should_be_asks_for_no_words() -> None:
    """One key, as before."""

    async def act(stage: Stage) -> None:
        await stage.bring(AFTER)
        await stage.press("1")

        assert [("skin_after", "intact", "")] == answers(stage)

    perform(act)


def test_words_beside_a_number() -> None:
    """*Not done* in place of a number takes words like any other."""

    async def act(stage: Stage) -> None:
        await stage.bring(BEFORE)
        await stage.press("n", *"asleep", "enter")

        assert [("pain_before", "not-done", "asleep")] == answers(stage)

    perform(act)


@pytest.mark.parametrize("key", ["escape", "ctrl+g"])
def test_out_of_the_words_with_nothing_answered_and_nothing_given_up(key: str) -> None:
    """Nothing runs, so Escape is back; one step, not two: the session is still being prepared."""

    async def act(stage: Stage) -> None:
        await stage.bring(BEFORE)
        await stage.press("n", "x", key)
        back = stage.text()
        await stage.wait(600)
        await stage.press("7")

        assert "because …" not in back
        assert [("pain_before", "7", "")] == answers(stage)
        assert not stage.requests(Stop)

    perform(act)


def test_while_words_are_typed_escape_stops_what_runs() -> None:
    """Another session runs beside the question; the stop line says which keys are left."""

    async def act(stage: Stage) -> None:
        await stage.see(AFTER, RUNS)
        await stage.press("1", "2")
        there = stage.text()
        await stage.press("s", "space", "escape", "f12", "ctrl+c")

        assert "STOP   Esc: ultrasound-1, Ben Sample" in there
        assert ["S-2", None, None] == stage.stops()
        assert not answers(stage)

    perform(act)


def test_a_check_that_is_due_takes_words_and_letters_hold_nothing() -> None:
    """Text typed over a running session rides nothing and stops nothing; Escape still does."""
    gate = msgspec.structs.replace(
        AFTER.gates[-3],
        gate="skin_check",
        answers=(("as-expected", "As expected"), ("not-done", "Not done: not looked at yet")),
        words=("not-done",),
    )
    view = session(due=DueView(gate=gate, since_mono_ns=0, late=False))

    async def act(stage: Stage) -> None:
        await stage.bring(view)
        await stage.press("c", "2", *typed("phone s"), "enter")
        await stage.press("c", "2", "x", "escape")

        assert [("skin_check", "not-done", "phone s")] == answers(stage)
        assert ["S-1"] == stage.stops()
        assert {Direction.HOLD} >= {one.direction for one in stage.requests(Step) if isinstance(one, Step)}

    perform(act)
