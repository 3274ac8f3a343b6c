"""The acceptance checks that concern the screen, by their numbers: where each is shown on screen and in plain mode.

C0 is common to all modalities; ES, US, TX stand in ``tests/scenario/test_acceptance_*.py`` under their own numbers.
"""

import ast
import re
from pathlib import Path

import msgspec
import pytest

from modctl.cli.answers import Question
from modctl.ipc.messages import SessionView
from tests.tui.fakes import CONFIRM_GATE, asked, second_session, session
from tests.tui.stage import Stage, perform
from tests.tui.test_stop_keys import FIELDS, PLACES

CLI = "tests/process/test_cli_session.py"
HANDS = "tests/process/test_plain_hands.py"
# Check of the common list -> (its test on the screen, its test in plain mode).
COMMON = {
    1: ("tests/tui/test_repeat.py::test_from_the_patients_line_to_the_start_it_takes_six_keys",
        f"{CLI}::test_the_last_session_is_repeated_with_six_keys"),
    2: ("tests/tui/test_repeat.py::test_an_answer_that_is_too_old_is_asked_and_nothing_else",
        f"{CLI}::test_the_last_session_is_repeated_with_six_keys"),
    3: ("tests/tui/test_acceptance_screen.py::test_c0_3_confirm_reads_back_and_a_wrong_side_looks_wrong",
        "tests/tui/test_acceptance_screen.py::test_c0_3_plain_mode_reads_the_same_back"),
    4: ("tests/tui/test_stop_keys.py::test_every_stop_key_stops_from_everywhere",
        f"{HANDS}::test_a_session_is_taken_over_from_another_terminal"),
    5: ("tests/tui/test_journey.py::test_the_end_asks_and_then_shows_six_lines_until_enter",
        f"{CLI}::test_the_record_of_a_session_can_be_read_replayed_and_verified"),
    6: ("tests/tui/test_acceptance_screen.py::test_c0_6_every_line_that_names_a_simulated_unit_says_so",
        f"{CLI}::test_a_unit_lists_what_is_known_of_it"),
}  # fmt: skip
NUMBERS = {"es": 8, "us": 8, "tx": 10, "heat": 7, "cold": 7}


def names_in(path: Path) -> set[str]:
    """The functions of a file."""
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("check", COMMON)
def test_each_common_check_is_shown_on_the_screen_and_in_plain_mode(check: int) -> None:
    """A test that is renamed or lost makes the list untrue."""
    for proof in COMMON[check]:
        path, _, name = proof.partition("::")

        assert name in names_in(Path(path)), proof


@pytest.mark.parametrize("modality", NUMBERS)
def test_every_check_of_a_modality_has_a_test_by_its_number(modality: str) -> None:
    """None is left out, and none stands there that the list does not have."""
    folders = ("scenario", "tui", "unit/controller")
    paths = (path for folder in folders for path in Path("tests", folder).glob("test_*.py"))
    names = {name for path in paths for name in names_in(path)}
    found = {int(match[1]) for name in names if (match := re.match(rf"test_{modality}_(\d+)_", name))}

    assert set(range(1, NUMBERS[modality] + 1)) == found


def read_back(side: str) -> SessionView:
    """A session that waits for its confirmation, on one side."""
    text = CONFIRM_GATE.text.replace("right side", f"{side} side")
    view = asked("confirm", side=side)
    gates = tuple(msgspec.structs.replace(one, text=text) if one.gate == "confirm" else one for one in view.gates)
    return msgspec.structs.replace(view, gates=gates)


@pytest.mark.parametrize(("side", "mark", "other"), [("right", "RIGHT ▶", "◀ LEFT"), ("left", "◀ LEFT", "RIGHT ▶")])
def test_c0_3_confirm_reads_back_and_a_wrong_side_looks_wrong(side: str, mark: str, other: str) -> None:
    """Unit, side, region and all set values; left and right differ in word, shape and place."""

    async def act(stage: Stage) -> None:
        await stage.bring(read_back(side))
        shown = stage.text()

        for part in ("estim-1", "hip, lateral", "30.0 mA", "100 Hz", "100 µs", "Ada Example", f"{side} side", mark):
            assert part in shown
        assert other not in shown

    perform(act)


def test_c0_3_plain_mode_reads_the_same_back() -> None:
    """The question is the controller's: plain mode says all of it, a line each, before the numbers."""
    lines = Question(read_back("left").gates[2]).lines()

    assert [*read_back("left").gates[2].text.splitlines()] == list(lines[1:4])
    assert any("left side" in line for line in lines)


@pytest.mark.parametrize("under", ["running", "confirm", "end", "units"])
def test_c0_4_stop_keys_are_tested_under_map_list_and_fields(under: str) -> None:
    """Help, a note's field and the list of actions are places of the matrix like any other."""
    assert f"map over {under}" in PLACES
    assert f"list over {under}" in PLACES
    assert {"words before", "words after", "reason", "pin"} <= set(FIELDS)


@pytest.mark.parametrize("size", [(80, 24), (132, 43)])
@pytest.mark.parametrize("view", [session(), asked("confirm"), asked("skin_after", after=True)], ids=lambda v: v.phase)
def test_c0_6_every_line_that_names_a_simulated_unit_says_so(view: SessionView, size: tuple[int, int]) -> None:
    """Running, questions and the end; what is read back as a sentence stands below a marked line and head."""

    async def act(stage: Stage) -> None:
        await stage.see(view, second_session())
        await stage.press("1")
        shown = stage.text().splitlines()
        naming = [line for line in shown if ("estim-1" in line or "ultrasound-1" in line) and "STOP" not in line]

        assert "SIMULATED" in shown[0]
        assert naming
        assert [] == [line for line in naming if "SIM" not in line and ": Pain" not in line]

    perform(act, size=size)


@pytest.mark.parametrize("size", [(80, 24), (132, 43)])
def test_c0_6_the_list_of_units_marks_each_simulated_one(size: tuple[int, int]) -> None:
    """Before anything is chosen."""

    async def act(stage: Stage) -> None:
        await stage.see()
        units = [line for line in stage.text().splitlines() if "reference-" in line or "hasomed" in line]

        assert 4 == len(units)
        assert all("SIM" in line for line in units)

    perform(act, size=size)
