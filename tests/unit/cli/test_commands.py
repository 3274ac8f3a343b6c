"""The command line's contract, where no controller is needed: words, exit statuses, what is printed where."""

import subprocess
import sys
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from modctl.cli.common import Context
from modctl.cli.laying import lay_down
from modctl.cli.main import COMMANDS, cli
from modctl.config import Layout
from modctl.controller.accounts import People
from tests.safety.more_knockouts import without_dose_by_area

CANARY = "Zzcanary Example"


@pytest.fixture(scope="session")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated site, as it was laid down; not to be changed."""
    root = tmp_path_factory.mktemp("laid") / "site"
    lay_down(root, simulated=True)
    return root


@pytest.fixture
def site(laid: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    root = tmp_path / "site"
    subprocess.run(["cp", "-a", str(laid), str(root)], check=True)
    return root


def run(site: Path, *arguments: str, env: dict[str, str] | None = None) -> Result:
    """One command, as the program runs it without a terminal."""
    context = Context(site=site, plain=True)
    return CliRunner(catch_exceptions=False).invoke(cli, arguments, obj=context, env=env)


def objects(result: Result) -> list[dict[str, object]]:
    """The JSON objects on standard output."""
    return [msgspec.json.decode(line, type=dict[str, object]) for line in result.stdout.splitlines()]


def test_version_and_help_import_nothing_of_a_command() -> None:
    """They are asked often, by scripts and completions."""
    code = (
        "import sys\n"
        "from modctl.cli.main import cli\n"
        "try:\n    cli([sys.argv[1]])\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "loaded = {'msgspec', 'asyncio', 'textual', 'sqlite_utils', 'argon2'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    for flag in ("--version", "--help"):
        done = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr
        assert "modctl" in done.stdout


def commands(group: click.Group, context: click.Context) -> list[tuple[str, ...]]:
    """Every command and group, by its words."""
    found: list[tuple[str, ...]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, *rest) for rest in commands(command, context)]
    return found


def test_every_command_explains_itself_and_takes_the_shared_options(tmp_path: Path) -> None:
    """--site, --json and --plain stand before or after any subcommand."""
    every = commands(cli, click.Context(cli))
    assert {(name,) for name in COMMANDS} <= set(every)

    for words in every:
        result = run(tmp_path, *words, "--help")
        assert result.exit_code == 0, words
        for option in ("--site", "--json", "--plain"):
            assert option in result.stdout, words


def test_the_site_may_be_named_before_or_after(site: Path, tmp_path: Path) -> None:
    """People put it where they remember it."""
    elsewhere = tmp_path / "elsewhere"
    before = run(elsewhere, "--site", str(site), "--json", "patient", "list")
    after = run(elsewhere, "patient", "list", "--json", "--site", str(site))

    assert before.exit_code == after.exit_code == 0
    assert before.stdout == after.stdout
    assert ["P-001", "P-002", "P-003"] == [row["ref"] for row in objects(after)]


def test_no_site_says_how_to_make_one(tmp_path: Path) -> None:
    """Exit 3: it cannot be read."""
    result = run(tmp_path / "nothing", "patient", "list")

    assert result.exit_code == 3
    assert "modctl init" in result.stderr
    assert result.stdout == ""


def test_a_site_is_laid_down_whole_or_not_at_all(tmp_path: Path) -> None:
    """A folder that holds something is left as it is."""
    root = tmp_path / "new"
    made = run(tmp_path, "init", str(root), "--simulated", "--json")
    again = run(tmp_path, "init", str(root), "--simulated")

    assert made.exit_code == 0
    assert {"user.first_pin"} == {row["kind"] for row in objects(made)}
    assert ["1234"] * 5 == [row["pin"] for row in objects(made)]
    assert again.exit_code == 4
    assert "not empty" in again.stderr
    layout = Layout(root)
    assert all(path.exists() for path in (layout.chart, layout.people, layout.keys, layout.presets, layout.bench_links))
    assert root.stat().st_mode & 0o077 == 0


def test_first_pins_of_a_real_site_go_to_a_file_when_nobody_looks(tmp_path: Path) -> None:
    """Not into a log: one file, for the owner alone, and each PIN serves once."""
    root = tmp_path / "real"
    made = run(tmp_path, "init", str(root))

    assert made.exit_code == 0
    assert made.stdout == ""
    pins = Layout(root).first_pins
    assert pins.stat().st_mode & 0o777 == 0o600
    lines = pins.read_text(encoding="utf-8").splitlines()
    assert len({line.split()[1] for line in lines}) == len(lines) == 5
    people = People(Layout(root).people)
    assert all(user.is_once for user in people.users())
    assert people.patients() == ()
    people.close()


def test_stop_without_a_controller_says_that_nothing_is_held(site: Path) -> None:
    """Exit 3, and a sentence that can be acted on."""
    result = run(site, "stop")

    assert result.exit_code == 3
    assert "modctl serve" in result.stderr


def test_names_of_patients_are_not_listed(site: Path) -> None:
    """The list goes into scripts and scrollback; who it is stands at the table only."""
    arguments = ("--name", CANARY, "--birth-date", "1957-02-13", "--side", "left", "--weight-kg", "70")
    added = run(site, "patient", "add", "P-004", *arguments)
    listed = run(site, "patient", "list")

    assert added.exit_code == listed.exit_code == 0
    assert "P-004" in listed.stdout
    assert CANARY not in added.stdout + added.stderr + listed.stdout
    people = People(Layout(site).people)
    patient = people.patient("P-004")
    people.close()
    assert patient is not None
    assert (CANARY, 70_000) == (patient.name, patient.body_weight_g)


@pytest.mark.parametrize(
    ("ref", "born", "status"),
    [("P-001", "1950-01-01", 4), ("Ada Example", "1950-01-01", 2), ("P-9", "01.02.1950", 2), ("P-9", "1950-02-30", 2)],
)
def test_a_patient_that_cannot_be_is_refused(site: Path, ref: str, born: str, status: int) -> None:
    """A reference is charted, so it is no name; a birth date is an identifier, so it is a date."""
    result = run(site, "patient", "add", ref, "--name", "Ada", "--birth-date", born, "--side", "left")

    assert status == result.exit_code


def test_control_characters_in_a_name_become_visible(site: Path) -> None:
    """A name must not be able to write to the terminal of whoever treats its owner."""
    run(site, "patient", "add", "P-5", "--name", "Ev\x1b]0;il\x07", "--birth-date", "1950-01-01", "--side", "both")

    people = People(Layout(site).people)
    patient = people.patient("P-5")
    people.close()
    assert patient is not None
    assert patient.name == "Ev\ufffd]0;il\ufffd"


def test_a_new_user_sets_an_own_pin(site: Path, tmp_path: Path) -> None:
    """The first PIN is printed once, serves once, and its owner replaces it."""
    added = run(site, "user", "add", "kim", "--role", "therapist", "--json")
    once = objects(added)[0]["pin"]
    pins = tmp_path / "pins"
    pins.write_text(f"{once}\n4711\n", encoding="utf-8")
    changed = run(site, "user", "pin", "kim", "--pin-file", str(pins))
    wrong = run(site, "user", "pin", "kim", "--pin-file", str(pins))

    assert added.exit_code == changed.exit_code == 0
    assert wrong.exit_code == 4
    listed = objects(run(site, "user", "list", "--json"))
    assert [False] == [row["once"] for row in listed if row["name"] == "kim"]


def test_a_preset_is_approved_by_who_may(site: Path) -> None:
    """A changed preset falls back to unapproved; an auditor cannot take responsibility for it."""
    path = Layout(site).presets / "hip-heat-pad.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("cap = 42_000", "cap = 41_000"), encoding="utf-8")

    def approved() -> list[object]:
        rows = objects(run(site, "preset", "list", "--json"))
        return [row["approved"] for row in rows if row["id"] == "hip-heat-pad"]

    assert [False] == approved()
    pin = {"MODCTL_PIN": "1234"}
    assert run(site, "preset", "approve", "hip-heat-pad", "--as", "auditor", env=pin).exit_code == 4
    assert run(site, "preset", "approve", "hip-heat-pad", "--as", "nobody", env=pin).exit_code == 4
    assert run(site, "preset", "approve", "hip-heat-pad", "--as", "therapist", env={"MODCTL_PIN": "1"}).exit_code == 4
    assert [False] == approved()
    assert run(site, "preset", "approve", "hip-heat-pad", "--as", "therapist", env=pin).exit_code == 0
    assert [True] == approved()
    assert run(site, "preset", "approve", "nothing", "--as", "therapist", env=pin).exit_code == 2


def test_a_preset_shows_what_it_sets_and_its_source(site: Path) -> None:
    """Before somebody approves it, they must be able to read it."""
    shown = run(site, "preset", "show", "hip-oa-ultrasound-1mhz")

    assert shown.exit_code == 0
    for part in ("1.0 W/cm", "1 MHz", "5 min", "JOSPT 2017", "Superseded"):
        assert part in shown.stdout


def test_the_chart_of_a_new_site_is_sound_and_unanchored(site: Path, tmp_path: Path) -> None:
    """Nobody can tell that a chart's end is missing, without a head that was kept elsewhere."""
    alone = run(site, "chart", "verify", "--json")
    required = run(site, "chart", "verify", "--require-anchor")
    note = tmp_path / "head.note"
    signed = run(site, "chart", "checkpoint", "--out", str(note))
    anchored = run(site, "chart", "verify", "--checkpoint", str(note), "--require-anchor", "--json")

    (verdict,) = objects(alone)
    assert alone.exit_code == 0
    assert ("chart.verify", "unanchored", 1) == (verdict["kind"], verdict["verdict"], verdict["entries"])
    assert {"root", "last_checkpoint", "findings"} <= set(verdict)
    assert required.exit_code == 1
    assert signed.exit_code == anchored.exit_code == 0
    assert objects(anchored)[0]["verdict"] == "anchored"


def test_a_chart_that_was_cut_is_broken_by_its_anchor(site: Path, tmp_path: Path) -> None:
    """Yesterday's file in place of today's is found with today's head."""
    yesterday = tmp_path / "yesterday.db"
    run(site, "chart", "export", str(yesterday), "--purpose", "test")
    note = tmp_path / "head.note"
    run(site, "chart", "export", str(tmp_path / "other.db"), "--purpose", "one entry more")
    run(site, "chart", "checkpoint", "--out", str(note))

    result = run(site, "chart", "verify", str(yesterday), "--checkpoint", str(note), "--json")

    assert result.exit_code == 1
    assert objects(result)[0]["verdict"] == "broken"


def test_an_export_says_in_itself_that_it_was_taken(site: Path, tmp_path: Path) -> None:
    """Copies that leave are part of the record; none is written over something."""
    target = tmp_path / "copy.db"
    taken = run(site, "chart", "export", str(target), "--purpose", "quarterly audit", "--json")
    again = run(site, "chart", "export", str(target), "--purpose", "quarterly audit")
    checked = run(site, "chart", "verify", str(target), "--checkpoint", f"{target}.checkpoint", "--json")

    assert taken.exit_code == 0
    assert again.exit_code == 4
    assert objects(checked)[0]["verdict"] == "anchored"
    assert objects(checked)[0]["entries"] == 2


@pytest.mark.parametrize("what", ["/nonexistent/chart.db", "/dev/null"])
def test_what_cannot_be_read_as_a_chart_is_exit_3(site: Path, what: str) -> None:
    """A missing file is not a broken chart."""
    assert run(site, "chart", "verify", what).exit_code == 3


def test_an_empty_record_is_said_so(site: Path) -> None:
    """No session is not an error of the list, but there is none to show."""
    listed = run(site, "session", "list", "--json")

    assert (0, "") == (listed.exit_code, listed.stdout)
    assert run(site, "session", "show").exit_code == 2
    assert run(site, "session", "show", "nothing").exit_code == 2
    assert run(site, "session", "replay").exit_code == 2


START = ("session", "start", "--unit", "estim-1", "--patient", "P-001", "--preset", "hip-post-tha-tens", "--as", "kim")


@pytest.mark.parametrize(
    ("extra", "env"),
    [(("--answers", "demo"), {}), (("--pin-file", "/dev/null"), {}), ((), {"MODCTL_PIN": "1234"})],
)
def test_a_real_site_is_not_answered_by_a_script(tmp_path: Path, extra: tuple[str, ...], env: dict[str, str]) -> None:
    """Hazard H58: files and variables answer in simulated sites only."""
    root = tmp_path / "real"
    run(tmp_path, "init", str(root))

    result = run(root, *START, *extra, env=env)

    assert result.exit_code == 4
    assert "simulated site" in result.stderr


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        (("--set", "current_ua"), 2),
        (("--set", "current_ua=ten"), 2),
        (("--duration", "20"), 2),
        (("--duration", "1h"), 2),
        (("--answers", "/nonexistent.toml"), 3),
        (("--answers", "demo"), 3),
    ],
)
def test_a_request_that_makes_no_sense_reaches_nobody(site: Path, extra: tuple[str, ...], status: int) -> None:
    """Malformed is 2; what cannot be read, or a controller that does not run, is 3."""
    result = run(site, *START, *extra)

    assert status == result.exit_code
    assert result.stdout == ""


def test_the_doctor_names_what_to_do(site: Path) -> None:
    """Each row says what was looked at, how it is, and what to do about it."""
    rows = objects(run(site, "doctor", "--json"))

    assert {"check", "status", "found", "advice", "kind"} == set(rows[0])
    by_name = {str(row["check"]): row for row in rows}
    assert by_name["site"]["status"] == "ok"
    assert by_name["controller"]["status"] == "warn"
    assert "modctl serve" in str(by_name["controller"]["advice"])


def test_a_broken_site_fails_the_doctor(site: Path) -> None:
    """One failed check is exit 1; the others are still made."""
    Layout(site).site_toml.write_text("[site]\n", encoding="utf-8")

    result = run(site, "doctor", "--json")

    assert result.exit_code == 1
    assert {"fail"} <= {row["status"] for row in objects(result)}
    assert "disk" in {row["check"] for row in objects(result)}


def test_what_is_supported_is_listed_without_a_site(tmp_path: Path) -> None:
    """How each model was proven stands beside it."""
    rows = objects(run(tmp_path / "nothing", "unit", "list", "--models", "--json"))

    assert {"hasomed-p24", "reference-ultrasound"} <= {row["model"] for row in rows}
    assert {"verified", "class", "lease_ms", "source"} <= set(rows[0])


def test_lines_keep_to_the_width_that_was_asked_for(site: Path) -> None:
    """A braille line of forty cells."""
    result = run(site, "doctor", "--width", "40")

    assert max(len(line) for line in result.stdout.splitlines()) <= 40


def test_the_hazard_table_is_printed_with_its_quick_checks(tmp_path: Path) -> None:
    """On an installed copy, without a site: one line a row; what no quick check can show says where it is shown."""
    result = run(tmp_path / "none", "hazards", "--json")
    rows = objects(result)

    assert 0 == result.exit_code
    assert [f"H{number:02}" for number in range(1, 59)] == [row["id"] for row in rows]
    assert {"hazard"} == {row["kind"] for row in rows}
    assert {"ok", "by tests"} == {row["result"] for row in rows}
    assert sum(row["result"] == "ok" for row in rows) >= 25


def test_a_quick_check_that_fails_is_exit_1(tmp_path: Path) -> None:
    """The command is for scripts too."""
    with without_dose_by_area():
        result = run(tmp_path / "none", "hazards")

    assert 1 == result.exit_code
    assert "H24  FAILED" in result.stdout
