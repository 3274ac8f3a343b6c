"""The questions at the table: their order, their answers, and what each one shows."""

import pytest

from devices.model import Modality
from modctl.clinic.bench import bench_gates
from modctl.clinic.gates import (
    ANSWER_KEYS,
    Who,
    every_gate,
    gate_text,
    gates_for,
    open_gate,
    problem_with_answer,
    shown,
)
from modctl.clinic.library import SHIPPED, load_library
from modctl.clinic.presets import Gate

ASKED_FIRST = ["identify", "consent", "screening", "pain_before", "rom_before", "skin_before"]
BEFORE = {
    Modality.TRACTION: [*ASKED_FIRST, "stop_switch", "placement", "confirm"],
    **{one: [*ASKED_FIRST, "sensation", "placement", "confirm"] for one in set(Modality) - {Modality.TRACTION}},
}
AFTER = ["pain_after", "skin_after", "rom_after", "followed_by", "sign"]
EVERY_GATE = [gate for modality in Modality for gate in gates_for(modality)]


@pytest.mark.parametrize("modality", list(Modality))
def test_the_order_at_the_table_is_enforced(modality: Modality) -> None:
    """Who it is comes before everything, the read-back last before the start, in every modality."""
    assert BEFORE[modality] + AFTER == [gate.id for gate in gates_for(modality)]


@pytest.mark.parametrize("gate", EVERY_GATE, ids=lambda gate: gate.id)
def test_every_gate_can_be_answered_and_its_closing_answers_exist(gate: Gate) -> None:
    """A question without an answer would be a dead end with a patient waiting."""
    words = [word for word, _ in gate.answers]

    assert words
    assert (gate.minimum is None) == (gate.maximum is None)
    assert set(gate.closes) <= set(words) | {word for word, _ in gate.also}
    assert len(words) == len(set(words))
    assert gate.id in ANSWER_KEYS


def test_the_start_is_never_in_focus_first() -> None:
    """A key pressed twice must not start a session."""
    confirm = next(gate for gate in gates_for(Modality.ESTIM) if gate.id == "confirm")

    assert confirm.answers[0][0] == "not-yet"


@pytest.mark.parametrize(
    ("modality", "word"),
    [
        (Modality.ESTIM, "Pacemaker"),
        (Modality.ULTRASOUND, "Powered implant"),
        (Modality.TRACTION, "dislocation precautions"),
        (Modality.HEAT, "No feeling of warm and cold"),
        (Modality.COLD, "Raynaud"),
    ],
)
def test_each_modality_screens_for_what_it_must_not_meet(modality: Modality, word: str) -> None:
    """Hazard H28: the list is of this modality, and a yes closes."""
    screening = next(gate for gate in gates_for(modality) if gate.id == "screening")

    assert word.lower() in screening.text.lower()
    assert "one-applies" in screening.closes


def test_a_question_reads_back_what_will_be_done() -> None:
    """Unit, side, region and every value stand in the last question; two identifiers in the first."""
    preset = next(one for one in load_library(SHIPPED) if one.id == "hip-post-tha-tens")
    who = Who(name="Ada Example", birth_date="1951-03-04", side="left")
    settings = (("period_us", 10_000), ("pulse_width_us", 100))
    filled = shown(preset, who, "estim-1", "current at most 60.0 mA", settings, 1_800_000)
    said = {gate.id: gate_text(gate, filled) for gate in gates_for(Modality.ESTIM)}

    assert "Ada Example, born 1951-03-04" in said["identify"]
    for part in ("estim-1", "left side", "around the wound", "Ada Example", "100 Hz", "100 µs", "30 min"):
        assert part in said["confirm"]
    assert "current at most 60.0 mA" in said["confirm"]


def test_braces_in_a_name_are_text() -> None:
    """A name from people.db must not be able to fill in anything."""
    preset = next(one for one in load_library(SHIPPED) if one.id == "hip-post-tha-tens")
    who = Who(name="{unit} {0} {born.__class__}", birth_date="1951-03-04", side="left")
    filled = shown(preset, who, "estim-1", "", (), 1_000)

    identify = gates_for(Modality.ESTIM)[0]

    assert "{unit} {0} {born.__class__}, born 1951-03-04" in gate_text(identify, filled)


@pytest.mark.parametrize(("answer", "fits"), [("-1", False), ("0", True), ("10", True), ("11", False), ("³", False)])
def test_a_number_is_inside_its_bounds(answer: str, fits: bool) -> None:
    """Pain is 0 to 10; nothing else that looks like a number passes."""
    pain = next(gate for gate in gates_for(Modality.COLD) if gate.id == "pain_before")

    assert fits is (problem_with_answer(pain, answer) is None)


def test_a_missing_answer_is_a_closed_gate() -> None:
    """A file that leaves one question out leaves the session unstarted, but for questions that are younger than it."""
    gates = gates_for(Modality.HEAT)
    full = {gate.id: gate.answers[-1][0] if gate.id == "confirm" else _first(gate) for gate in gates}

    assert open_gate(full, gates) is None
    for gate in gates:
        rest = {name: answer for name, answer in full.items() if name != gate.id}
        found = open_gate(rest, gates)
        assert (None if gate.unsaid else gate.id) == (None if found is None else found[0])


def test_every_closing_answer_keeps_its_gate_closed() -> None:
    """No combination of a yes elsewhere opens it."""
    pairs = [(gates_for(modality), gate) for modality in Modality for gate in gates_for(modality)]
    for gates, gate in pairs:
        full = {one.id: _first(one) for one in gates} | {"confirm": "start"}
        for answer in gate.closes:
            found = open_gate(full | {gate.id: answer}, gates)
            assert found is not None
            assert found[0] == gate.id


def _first(gate: Gate) -> str:
    return gate.answers[0][0]


@pytest.mark.parametrize("gate", [*every_gate(), *bench_gates()], ids=lambda gate: f"{gate.id}-{gate.title[:10]}")
def test_words_stand_beside_answers_that_need_a_why(gate: Gate) -> None:
    """*Not done, because …* wherever it can be said; an answer that ends a running session waits for no words."""
    answers = {answer for answer, _label in gate.answers}
    ends = set(gate.closes) if gate.during else set()

    assert set(gate.words) <= answers - ends
    assert ("not-done" in answers) is ("not-done" in gate.words)
    assert gate.answers[0][0] not in gate.words or gate.maximum is not None
