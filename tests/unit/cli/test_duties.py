"""Every duty of the three people can be done without a screen: the list, its command, and the test that does it."""

import ast
from pathlib import Path

import click
import msgspec
import pytest

from modctl.cli.attend import KEYS_HELP, PACK_HELP, PAIR_HELP
from modctl.cli.main import cli

TERMINAL = "tests/process/test_cli_session.py"
HANDS = "tests/process/test_plain_hands.py"
MORNING = "tests/process/test_technician.py::test_a_technicians_morning"
RECORD = "tests/unit/cli/test_record.py"
RUN = f"{TERMINAL}::test_the_record_of_a_session_can_be_read_replayed_and_verified"
CLEARED = f"{TERMINAL}::test_a_faulted_unit_is_out_of_use_until_a_person_acknowledges"
OPENED = f"{TERMINAL}::test_a_soft_limit_is_opened_with_a_reason_and_listed"
BOARD = "tests/unit/cli/test_board.py::test_who_needs_somebody_first"
COMMANDS = "tests/unit/cli/test_commands.py"
SIM = "tests/process/test_sim_command.py"
AUDIT = "tests/unit/reports/test_audit.py"
CLAIMS = f"{AUDIT}::test_every_planted_error_of_a_quarter_is_found_and_no_honest_claim_is_named"
DRAWN = f"{AUDIT}::test_a_sample_is_the_same_for_everybody_and_moves_with_the_number"
PATTERNS = f"{AUDIT}::test_an_honest_quarter_shows_no_pattern_but_the_planted_one"


class Duty(msgspec.Struct, frozen=True):
    """What somebody must be able to do. ``proof`` is a test that does it by this command or key, never by a screen."""

    person: str
    duty: str
    command: str
    proof: str
    options: tuple[str, ...] = ()
    key: str = ""  # while a session runs


def therapist(duty: str, command: str, proof: str, *options: str, key: str = "") -> Duty:
    """One at the table."""
    return Duty("therapist", duty, command, proof, options, key)


def auditor(duty: str, command: str, proof: str, *options: str) -> Duty:
    """One of the auditor."""
    return Duty("auditor", duty, command, proof, options)


def technician(duty: str, command: str, proof: str, *options: str) -> Duty:
    """One at the bench."""
    return Duty("technician", duty, command, proof, options)


START = "session start"
DUTIES = (
    therapist(
        "see who needs somebody next", "session now", "tests/unit/cli/test_board.py::test_who_needs_somebody_first"
    ),
    therapist("see the units", "unit list", f"{TERMINAL}::test_a_unit_lists_what_is_known_of_it"),
    therapist("see the library", "preset show", f"{COMMANDS}::test_a_preset_shows_what_it_sets_and_its_source"),
    therapist("answer and start", START, f"{TERMINAL}::test_a_person_at_a_terminal_is_asked_everything", "--as"),
    therapist("repeat the last", START, f"{TERMINAL}::test_the_last_session_is_repeated_with_six_keys", "--repeat"),
    therapist("combine two units", START, f"{TERMINAL}::test_a_combination_runs_to_its_end_from_one_command", "--with"),
    therapist("name a head", START, f"{HANDS}::test_which_head_is_asked_and_answered_with_a_key", "--head"),
    therapist("say why", START, f"{HANDS}::test_words_a_lock_and_two_pairs_of_hands"),
    therapist("open a soft limit", START, OPENED, "--override"),
    therapist("raise", START, f"{TERMINAL}::test_keys_pause_resume_and_stop", key="+ raises"),
    therapist("lower", START, f"{TERMINAL}::test_keys_pause_resume_and_stop", key="- lowers"),
    therapist("hold", START, f"{TERMINAL}::test_keys_pause_resume_and_stop", key="any other holds"),
    therapist("pause", START, f"{TERMINAL}::test_keys_pause_resume_and_stop", key="p pauses"),
    therapist("resume", START, f"{TERMINAL}::test_keys_pause_resume_and_stop", key="r resumes"),
    therapist("stop", START, f"{TERMINAL}::test_keys_pause_resume_and_stop", key="s stops"),
    therapist("hear all now", START, f"{TERMINAL}::test_a_person_at_a_terminal_is_asked_everything", key="w says all"),
    therapist("hand over here", START, f"{HANDS}::test_words_a_lock_and_two_pairs_of_hands", key="h hands over"),
    therapist("unlock", START, f"{HANDS}::test_words_a_lock_and_two_pairs_of_hands"),
    therapist("take over", "session attend", f"{HANDS}::test_a_session_is_taken_over_from_another_terminal", "--as"),
    therapist("stop from anywhere", "stop", f"{TERMINAL}::test_stop_reaches_one_unit_or_all_and_needs_nobody"),
    therapist(
        "paste the note",
        "session report",
        RUN,
    ),
    therapist("sign later", "session sign", f"{RECORD}::test_a_record_is_signed_amended_and_says_so", "--as"),
    therapist("put right", "session amend", f"{RECORD}::test_a_record_is_signed_amended_and_says_so", "--as"),
    therapist("add later", "session late-entry", f"{RECORD}::test_a_record_is_signed_amended_and_says_so", "--as"),
    therapist("open the day", "round open", f"{TERMINAL}::test_the_round_counts_as_the_days_test_of_a_stop_switch"),
    therapist(
        "clear a fault",
        "unit acknowledge",
        f"{TERMINAL}::test_a_faulted_unit_is_out_of_use_until_a_person_acknowledges",
    ),
    therapist("open an incident", "incident", f"{RECORD}::test_an_incident_without_a_controller_packs_and_holds"),
    auditor(
        "find sessions",
        "session list",
        "tests/unit/cli/test_record.py::test_what_was_opened_is_counted_listed_and_told_with_its_reason",
        *("--overrides", "--chart"),
    ),
    auditor("read one", "session show", RUN),
    auditor(
        "run one again", "session replay", f"{TERMINAL}::test_the_record_of_a_session_can_be_read_replayed_and_verified"
    ),
    auditor(
        "its picture",
        "session report",
        RUN,
        "--html",
    ),
    auditor("verify", "chart verify", f"{COMMANDS}::test_a_chart_that_was_cut_is_broken_by_its_anchor", "--checkpoint"),
    auditor("take a copy", "chart export", f"{COMMANDS}::test_an_export_says_in_itself_that_it_was_taken"),
    auditor(
        "hold claims against it",
        "audit reconcile",
        CLAIMS,
    ),
    auditor(
        "draw a sample",
        "audit sample",
        DRAWN,
        "--number",
    ),
    auditor(
        "look for fabrication",
        "audit patterns",
        PATTERNS,
    ),
    technician("identify", "unit identify", MORNING, "--as"),
    technician("read the wire", "unit trace", MORNING),
    technician("watch a unit", "unit watch", MORNING),
    technician("run on a load", "unit run", MORNING, "--load", "--nobody-connected"),
    technician("check", "unit check", MORNING, "--item"),
    technician("calibrate", "unit calibrate", MORNING, "--point", "--meter"),
    technician("look back", "unit look-back", MORNING),
    technician("hold", "unit hold", MORNING, "--as"),
    technician("release", "unit release", MORNING, "--as"),
    technician("throw a fault", "sim inject", f"{SIM}::test_a_fault_is_injected_with_its_parameters_and_cleared"),
    technician("take it back", "sim clear", f"{SIM}::test_a_fault_is_injected_with_its_parameters_and_cleared"),
    technician("see the truth", "sim truth", f"{SIM}::test_truth_has_the_promised_fields"),
)


def command_of(words: str) -> click.Command:
    """The command of some words, as the program finds it."""
    found: click.Command = cli
    context = click.Context(found)
    for word in words.split():
        assert isinstance(found, click.Group), words
        inner = found.get_command(context, word)
        assert inner is not None, f"there is no modctl {words}"
        found, context = inner, click.Context(inner, parent=context)
    return found


def proofs_in(path: str) -> set[str]:
    """The names of the tests in a file."""
    tree = ast.parse(Path(path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: f"{duty.person}: {duty.duty}")
def test_a_duty_has_its_command_its_options_and_its_proof(duty: Duty) -> None:
    """A command that is renamed, an option that is lost or a proof that goes away makes the list untrue."""
    known = {name for parameter in command_of(duty.command).params for name in parameter.opts}
    path, _, name = duty.proof.partition("::")

    assert set(duty.options) <= known
    assert name in proofs_in(path), f"{duty.proof} is not there"
    assert duty.key in f"{KEYS_HELP} {PAIR_HELP} {PACK_HELP}"


def test_each_of_the_three_has_duties_and_no_screen_is_a_proof() -> None:
    """The list is of plain mode: what only a screen does proves nothing here."""
    assert {"therapist", "auditor", "technician"} == {duty.person for duty in DUTIES}
    assert not [duty for duty in DUTIES if duty.proof.startswith("tests/tui")]
