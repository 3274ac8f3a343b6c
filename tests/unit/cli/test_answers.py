"""Answers from a file and from keys: what is not answered stays closed."""

from pathlib import Path

import msgspec
import pytest

from devices.model import Modality
from modctl.cli.answers import Question, from_file, held_lines, read_answers
from modctl.cli.laying import DEMO_ANSWERS
from modctl.clinic.gates import gates_for, open_gate
from modctl.errors import UnreachableError, UsageError
from modctl.ipc.asks import held
from modctl.ipc.messages import GateView

CHOICE = GateView(
    gate="skin_before",
    title="Skin",
    text="Look.",
    answers=(("intact", "Whole"), ("broken", "Broken"), ("not-done", "Not done")),
    closes=("broken", "not-done"),
)
NUMBER = GateView(gate="pain_before", title="Pain", text="0 to 10", answers=(), closes=(), minimum=0, maximum=10)
DEGREES = GateView(
    gate="rom_before",
    title="Hip flexion",
    text="Lying.",
    answers=(("not-done", "Not done: cannot be measured"), ("declined", "Not done: not wanted")),
    closes=(),
    minimum=0,
    maximum=150,
)


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


def test_a_small_number_is_one_key() -> None:
    """Pain is a digit: no Enter with gloves on. Ten has a key of its own, and what is out of bounds is none."""
    question = Question(NUMBER)

    assert ["0", "7", "10", None, None] == [question.key(key) for key in ("0", "7", "x", "y", "\n")]


def test_a_larger_number_is_typed_and_ended_with_enter() -> None:
    """Out of bounds is refused and asked again from nothing; a slip can be taken back."""
    question = Question(DEGREES)
    typed = [question.key(key) for key in ("9", "9", "9", "\n", "9", "4", "\x7f", "5", "\r")]

    assert [None] * 8 == typed[:8]
    assert "95" == typed[8]


def test_not_done_is_always_an_answer() -> None:
    """What could not be measured is charted as that, with its reason, and by one key."""
    assert "not-done" == Question(DEGREES).key("n")
    assert "declined" == Question(DEGREES).key("d")
    assert "n Not done: cannot be measured" in Question(DEGREES).lines()


def test_what_held_is_told_with_its_age_and_ends_at_the_first_open_question() -> None:
    """One key says again what is shown, and nothing behind a question that is asked anew."""
    consent = msgspec.structs.replace(CHOICE, gate="consent", title="Consent", carried="intact", age_s=720)
    gates = (NUMBER, consent, NUMBER, consent)

    assert (consent,) == held(gates, "consent")
    assert () == held(gates, "pain_before")
    assert ("Consent: Whole, 12 min ago", "u unchanged (1), a ask again") == held_lines((consent,))
