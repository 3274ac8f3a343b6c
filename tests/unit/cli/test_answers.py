"""Answers from a file and from keys: what is not answered stays closed."""

from pathlib import Path

import pytest

from devices.model import Modality
from modctl.cli.answers import Question, from_file, read_answers
from modctl.cli.laying import DEMO_ANSWERS
from modctl.clinic.gates import gates_for, open_gate
from modctl.errors import UnreachableError, UsageError
from modctl.ipc.messages import GateView

CHOICE = GateView(
    gate="skin_before",
    title="Skin",
    text="Look.",
    answers=(("intact", "Whole"), ("broken", "Broken"), ("not-done", "Not done")),
    closes=("broken", "not-done"),
)
NUMBER = GateView(gate="pain_before", title="Pain", text="0 to 10", answers=(), closes=(), minimum=0, maximum=10)


@pytest.mark.parametrize("modality", list(Modality))
def test_the_demonstration_answers_open_every_gate(modality: Modality) -> None:
    """The first session of a newcomer must reach its end, whatever it is."""
    answers = read_answers(DEMO_ANSWERS, modality)

    assert open_gate(answers, gates_for(modality)) is None


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    """Unknown questions, answers that are none, values that are no answers."""
    path = tmp_path / "answers.toml"
    path.write_text('identify = "perhaps"\npain_before = 11\nconsent = true\nweather = "fine"\n', encoding="utf-8")

    with pytest.raises(UsageError) as refused:
        read_answers(path, Modality.ESTIM)

    for part in ("'weather'", "'perhaps'", "'11'", "$.consent", "Nothing was started"):
        assert part in str(refused.value)


def test_questions_of_the_contract_that_are_not_asked_are_taken(tmp_path: Path) -> None:
    """A file made for a site that measures range of motion also serves one that does not."""
    path = tmp_path / "answers.toml"
    path.write_text('rom_before = "90"\nidentify = "confirmed"\npain_before = 4\n', encoding="utf-8")

    assert read_answers(path, Modality.COLD)["pain_before"] == "4"
    with pytest.raises(UnreachableError):
        read_answers(tmp_path / "nothing.toml", Modality.COLD)


def test_a_missing_answer_is_not_done_where_that_can_be_said() -> None:
    """It is charted as what it is; where there is no such answer the question stays open."""
    assert from_file(CHOICE, {"skin_before": "intact"}) == "intact"
    assert from_file(CHOICE, {}) == "not-done"
    assert from_file(NUMBER, {}) is None


def test_a_digit_chooses_and_nothing_else_does() -> None:
    """Enter on a question that nobody read must not answer it."""
    question = Question(CHOICE)

    assert [None, None, None, None] == [question.key(key) for key in ("\n", " ", "0", "4")]
    assert question.key("2") == "broken"
    assert "1 Whole" in question.lines()


def test_a_number_is_typed_and_ended_with_enter() -> None:
    """Out of bounds is refused and asked again from nothing; a slip can be taken back."""
    question = Question(NUMBER)
    typed = [question.key(key) for key in ("1", "1", "\n", "4", "\x7f", "\r", "x", "1", "0", "\r")]

    assert [None] * 9 == typed[:9]
    assert typed[9] == "10"
