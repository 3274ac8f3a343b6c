"""One person's way through the screens, step by step: what is asked of the controller, and what stands there."""

import msgspec

from modctl.ipc.messages import (
    Acknowledge,
    Answer,
    Done,
    Entries,
    ListSessions,
    Pause,
    Refused,
    Request,
    Resume,
    SessionRow,
    SignIn,
    Start,
    Step,
    Subscribe,
)
from tests.tui.fakes import asked, message_id, second_session, session
from tests.tui.stage import Stage, obliging, perform


def test_a_person_signs_in_with_a_pin_that_is_not_shown() -> None:
    """The PIN goes to the controller and to nobody who looks over a shoulder."""

    async def act(stage: Stage) -> None:
        await stage.press("7", "7", "9", "9", "enter")
        drawn = stage.text()

        assert [("therapist", "7799")] == [
            (asked.user, asked.pin) for asked in stage.requests(SignIn) if isinstance(asked, SignIn)
        ]
        assert "7799" not in drawn

    perform(act, pin=None)


def test_a_wrong_pin_is_refused_in_words_and_asked_again() -> None:
    """Nobody works on a screen of somebody else."""

    def refusing(message: Request) -> Done | Refused:
        if isinstance(message, SignIn):
            return Refused(id=message.id, code="wrong_pin", reason="Name or PIN is wrong.")
        return obliging(message)

    async def act(stage: Stage) -> None:
        await stage.see()
        drawn = stage.text()

        assert "Refused: Name or PIN is wrong." in drawn
        assert "Enter signs in" in drawn

    perform(act, script=refusing)


def test_snapshots_are_asked_for_before_and_after_signing_in() -> None:
    """What runs is seen at once; with a person signed in its patients are named."""

    async def act(stage: Stage) -> None:
        assert [Subscribe, SignIn, Subscribe] == [type(message) for message in stage.client.requests]

    perform(act)


def test_no_patient_is_preselected() -> None:
    """The last patient's name under the cursor, and Enter pressed too often, is the wrong patient treated."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("enter", "enter")
        drawn = stage.text()

        assert "▶ — choose a patient —" in drawn
        assert "Choose a patient with the arrows." in drawn
        assert not stage.requests(Start)

    perform(act)


def test_unit_patient_and_preset_are_chosen_and_the_start_is_asked_for() -> None:
    """Three lists, arrows and Enter."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("enter", "down", "down", "enter", "1")

        assert [Start(id=0, unit="estim-1", patient="P-002", preset="hip-post-tha-tens")] == _unnumbered(
            stage.requests(Start)
        )

    perform(act)


def test_a_preset_that_is_not_approved_cannot_be_taken() -> None:
    """It stands in the list, and says why it is closed."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("enter", "down", "enter", "2")

        assert "hip-draft is not approved" in stage.text()
        assert not stage.requests(Start)

    perform(act)


def test_one_key_repeats_the_last_session_of_a_patient_on_this_unit() -> None:
    """The first of the six keys from the patient's line to energized."""
    row = SessionRow(
        session="S-0", unit="estim-1", patient="P-001", preset="gluteal-nmes-after-tha", started_at_utc="2026-03-01",
        outcome="completed", planned_ms=1, delivered_ms=1, simulated=True, overrides=0,
    )  # fmt: skip
    elsewhere = msgspec.structs.replace(row, unit="ultrasound-1", preset="hip-oa-ultrasound-1mhz")

    def remembering(message: Request) -> Done | Refused:
        if isinstance(message, ListSessions):
            return Done(id=message.id, sessions=(elsewhere, row))
        return obliging(message)

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("enter", "r")
        before = len(stage.requests(Start))
        await stage.press("down", "r")

        assert 0 == before
        assert [Start(id=0, unit="estim-1", patient="P-001", preset="", repeat=True)] == _unnumbered(
            stage.requests(Start)
        )

    perform(act, script=remembering)


def test_each_question_is_answered_once_with_the_seconds_it_took() -> None:
    """The chart keeps how long a person looked at a question; a second Enter before the next one is nothing."""

    async def act(stage: Stage) -> None:
        await stage.bring(asked("identify"))
        await stage.wait(3_000)
        await stage.see(asked("identify"))
        await stage.press("enter", "enter")
        await stage.see(asked("pain_before"))
        await stage.press("7")

        answers = [message for message in stage.requests(Answer) if isinstance(message, Answer)]
        assert [("identify", "confirmed"), ("pain_before", "7")] == [(told.gate, told.answer) for told in answers]
        assert [3_000, 0] == [told.took_ms for told in answers]

    perform(act)


def test_a_refused_answer_may_be_given_again() -> None:
    """The controller says why; the question stays."""

    def refusing(message: Request) -> Done | Refused:
        if isinstance(message, Answer):
            return Refused(id=message.id, code="gate", reason="The unit is not ready yet.")
        return obliging(message)

    async def act(stage: Stage) -> None:
        await stage.bring(asked("identify"))
        await stage.press("1", "2")

        assert ["confirmed", "not-confirmed"] == [
            told.answer for told in stage.requests(Answer) if isinstance(told, Answer)
        ]
        assert "Refused: The unit is not ready yet." in stage.text()

    perform(act, script=refusing)


def test_a_number_that_was_not_said_is_not_sent() -> None:
    """Enter on the empty row of numbers answers nothing; ten is reached with End."""

    async def act(stage: Stage) -> None:
        await stage.bring(asked("pain_before"))
        await stage.press("enter")
        before = len(stage.requests(Answer))
        await stage.press("end", "enter")

        assert 0 == before
        assert ["10"] == [told.answer for told in stage.requests(Answer) if isinstance(told, Answer)]

    perform(act)


def test_confirm_takes_no_key_for_half_a_second_and_starts_at_not_yet() -> None:
    """Enter that was meant for the question before must not start anything; *not yet* is no answer and stays here."""

    async def act(stage: Stage) -> None:
        await stage.bring(asked("confirm"))
        stage.clock.advance_ms(499 - 200)  # a press itself takes 200 ms of the test's clock
        await stage.press("2")
        early = len(stage.requests(Answer))
        await stage.press("enter")
        not_yet = len(stage.requests(Answer))
        drawn = stage.text()
        await stage.press("2")

        assert (0, 0) == (early, not_yet)
        assert "▶ 1  Not yet" in drawn
        assert "Nothing was started." in drawn
        assert ["start"] == [told.answer for told in stage.requests(Answer) if isinstance(told, Answer)]

    perform(act)


def test_riding_sends_one_step_a_press_and_holds_on_any_other_key() -> None:
    """Plus and minus are the only keys that move the level; every other key keeps it where it is."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        await stage.press("plus", "minus", "x", "down", "equals_sign")

        assert ["up", "down", "hold", "hold", "hold"] == [
            told.direction for told in stage.requests(Step) if isinstance(told, Step)
        ]

    perform(act)


def test_a_held_plus_leaves_no_steps_behind_when_it_is_let_go() -> None:
    """A slow controller must not get a queue of raises that goes on after the key was released."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        stage.client.stalls = True
        await stage.press("plus", "plus", "plus", "x")

        assert ["up", "hold"] == [told.direction for told in stage.requests(Step) if isinstance(told, Step)]

    perform(act)


def test_pause_and_resume_are_a_key_each() -> None:
    """Resume is taken only while it is paused."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        await stage.press("r", "p")
        await stage.see(session(phase="paused", output="off", commanded=None))
        await stage.press("r")

        assert [Pause, Resume] == [type(told) for told in stage.requests(Pause, Resume)]

    perform(act)


def test_another_session_is_prepared_while_the_first_runs() -> None:
    """The one that runs stays on the board, and on the stop line."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        await stage.press("n")
        choosing = stage.text()
        await stage.see(session(), second_session())
        await stage.press("tab")
        large = stage.text()

        assert "Which unit?" in choosing
        assert "STOP   Esc, space, s: estim-1, Ada Example" in choosing
        assert "■ ENERGIZED" in choosing
        assert "▶1 SIM estim-1" in large

    perform(act)


def test_the_end_asks_and_then_shows_six_lines_until_enter() -> None:
    """Skin and pain after, what followed, the signature; then the note; then the next patient."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        await stage.see(asked("pain_after", after=True))
        await stage.press("3")
        await stage.see(asked("sign", after=True))
        await stage.press("enter")
        await stage.see(asked(None, after=True))
        note = stage.text()
        await stage.press("enter")

        assert [("pain_after", "3"), ("sign", "signed")] == [
            (told.gate, told.answer) for told in stage.requests(Answer) if isinstance(told, Answer)
        ]
        assert "Followed by: Exercise or functional training." in note
        assert len(stage.requests(Entries)) >= 2  # once when it ended, once when all was answered
        assert "Which unit?" in stage.text()

    perform(act)


def test_a_unit_with_a_fault_is_cleared_by_a_persons_statement() -> None:
    """First focus is *not yet*; the statement is charted in these words."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("4")
        closed = stage.text()
        await stage.press("a", "enter")
        not_yet = len(stage.requests(Acknowledge))
        await stage.press("4", "a", "3")

        assert "heat-1 cannot be used" in closed
        assert 0 == not_yet
        assert ["The patient is disconnected and the power of the unit is cut."] == [
            told.statement for told in stage.requests(Acknowledge) if isinstance(told, Acknowledge)
        ]
        assert "heat-1 may be used again." in stage.text()

    perform(act)


def test_giving_up_before_the_start_ends_the_session_in_the_chart() -> None:
    """Backspace leaves no half-prepared session behind."""

    async def act(stage: Stage) -> None:
        await stage.bring(asked("identify"))
        await stage.press("backspace")

        assert ["S-1"] == stage.stops()

    perform(act)


def _unnumbered(messages: list[Request]) -> list[Request]:
    return [msgspec.structs.replace(message, id=0) for message in messages if message_id(message)]
