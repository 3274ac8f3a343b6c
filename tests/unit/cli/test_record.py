"""A session's record without a controller: what was written is read back, signed, amended, and shown as amended."""

import hashlib
import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from modctl.chart.keys import KeyFolder
from modctl.chart.reader import ChartReader
from modctl.chart.sqlite import open_writer
from modctl.chart.store import ChartStore
from modctl.cli.common import Context
from modctl.cli.main import cli
from modctl.config import Layout
from modctl.controller import pin_check
from modctl.controller.accounts import People, Role, User
from modctl.controller.texts import seal
from tests.process.small_site import PIN, lay_down
from tests.unit.controller.ended_session import drafts

BY = ("--as", "therapist")


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose chart holds one session, with a soft limit opened for it."""
    layout = lay_down(tmp_path_factory.mktemp("record") / "site")
    sealed = seal("wide pulse, tried before")
    people = People(layout.people)
    people.keep(sealed, "s1")
    people.add_user(User(name="assistant", role=Role.ASSISTANT, verifier=pin_check.verifier_of(PIN)))
    people.close()
    store = ChartStore.open(layout.chart, KeyFolder(layout.keys))
    store.append(drafts(sealed))
    store.close()
    return layout.root


@pytest.fixture
def site(laid: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    root = tmp_path / "site"
    shutil.copytree(laid, root)
    return root


def run(site: Path, *arguments: str) -> Result:
    """One command, with the PIN that a simulated site takes from the environment."""
    context = Context(site=site, plain=True)
    runner = CliRunner(catch_exceptions=False, env={"MODCTL_PIN": PIN})
    return runner.invoke(cli, ["session", *arguments], obj=context)


def rows(result: Result) -> list[dict[str, object]]:
    """The JSON objects on standard output."""
    return [msgspec.json.decode(line, type=dict[str, object]) for line in result.stdout.splitlines()]


def test_what_was_opened_is_counted_listed_and_told_with_its_reason(site: Path) -> None:
    """The auditor asks for overrides and gets the words; what we chose is no standard's number."""
    listed = rows(run(site, "list", "--overrides", "--json"))
    shown = run(site, "show")

    assert [1] == [row["overrides"] for row in listed]
    assert "OVERRIDE: width-usual opened up to 401 us, bound 400 us (site default: no treatment" in shown.stdout
    assert "  in words: wide pulse, tried before" in shown.stdout
    assert 0 == shown.exit_code


def test_an_altered_text_is_a_finding(site: Path) -> None:
    """The words were changed in people.db; the chart's commitment says so, and the status too."""
    connection = open_writer(Layout(site).people)
    connection.execute("UPDATE told SET text = 'two people looked'")
    connection.close()
    shown, told = run(site, "show"), rows(run(site, "show", "--json"))

    assert 1 == shown.exit_code
    assert "was altered" in shown.stdout
    assert "two people looked" not in shown.stdout
    assert [("altered", None)] == [(row["state"], row["text"]) for row in told if row["kind"] == "text"]


@pytest.mark.parametrize("gone", ["row", "file"])
def test_a_forgotten_text_leaves_a_sound_record(site: Path, gone: str) -> None:
    """A person was forgotten, or an auditor has the chart alone: the record stands, the words are not here."""
    people = Layout(site).people
    if gone == "file":
        people.unlink()
    else:
        connection = open_writer(people)
        connection.execute("DELETE FROM told")
        connection.close()
    shown = run(site, "show")

    assert 0 == shown.exit_code
    assert "text not kept here" in shown.stdout


def test_a_record_is_signed_amended_and_says_so(site: Path) -> None:
    """Sign, put right, add, sign again: each its entry, the list says amended, the old value stands beside the new."""
    assert 0 == run(site, "sign", *BY).exit_code
    assert 4 == run(site, "sign", *BY).exit_code
    assert [(True, False)] == [(row["signed"], row["amended"]) for row in rows(run(site, "list", "--json"))]

    amended = run(site, "amend", *BY, "--field", "pain_after", "--value", "5", "--reason", "patient corrected it")
    late = run(site, "late-entry", *BY, "--about", "2026-01-02T10:05", "--text", "red for an hour")
    shown = run(site, "show").stdout

    assert (0, 0) == (amended.exit_code, late.exit_code)
    assert [(True, True)] == [(row["signed"], row["amended"]) for row in rows(run(site, "list", "--json"))]
    assert "ANSWERED pain_after: 3" in shown
    assert "AMENDED pain_after: 5, before 3 (therapist)" in shown
    assert "LATE ENTRY about 2026-01-02T10:05:00.000Z (therapist)" in shown
    assert "  in words: patient corrected it" in shown
    assert "  in words: red for an hour" in shown
    assert 0 == run(site, "sign", *BY).exit_code
    assert 0 == CliRunner().invoke(cli, ["chart", "verify"], obj=Context(site=site)).exit_code


def test_who_may_not_changes_nothing(site: Path) -> None:
    """An assistant does not sign; whoever had no part in a session does not amend it; the chart stays as it is."""
    before = rows(run(site, "show", "--json"))

    assert 4 == run(site, "sign", "--as", "assistant").exit_code
    assert 4 == run(site, "late-entry", "--as", "assistant", "--about", "2026-01-02", "--text", "x").exit_code
    assert 2 == run(site, "amend", *BY, "--field", "dose", "--value", "5", "--reason", "x").exit_code
    assert before == rows(run(site, "show", "--json"))


def test_an_incident_without_a_controller_packs_and_holds(site: Path, tmp_path: Path) -> None:
    """The site is dark, the evidence is there; the next controller finds the unit out of use."""

    def pack(*arguments: str) -> Result:
        runner = CliRunner(catch_exceptions=False, env={"MODCTL_PIN": PIN})
        return runner.invoke(cli, ["incident", *arguments], obj=Context(site=site, plain=True))

    out = tmp_path / "evidence"
    by_assistant = pack("s1", "--as", "assistant", "--out", str(out))
    unknown = pack("s9", *BY, "--out", str(out))
    assert not out.exists()
    done, again = pack("s1", *BY, "--out", str(out)), pack("s1", *BY, "--out", str(out))
    reader = ChartReader.open(Layout(site).chart)
    held = list(reader.held_units())
    reader.close()

    assert (4, 2, 0, 4) == (by_assistant.exit_code, unknown.exit_code, done.exit_code, again.exit_code)
    assert [("hasomed-p24", "incident s1")] == held
    listed = [line.split("  ")[:2] for line in (out / "README").read_text().splitlines()[:-1]]
    assert [[hashlib.sha256((out / name).read_bytes()).hexdigest(), name] for _, name in listed] == listed
    assert {"README", *(name for _, name in listed)} == {path.name for path in out.iterdir()}


def test_a_list_is_narrowed_by_the_words_of_the_auditors_screen(site: Path) -> None:
    """One filter for both: what fits, what does not, and a word that is none, said with those that are."""
    whole = run(site, "list", "--json")
    opened = run(site, "list", "--overrides", "--json")
    words = run(site, "list", "override", "session:s1", "--json")
    nobody = run(site, "list", "by:nobody", "--json")
    wrong = run(site, "list", "whom:anna", "--json")
    day = run(site, "list", "since:yesterday")

    assert ["s1"] == [row["session"] for row in rows(whole)]
    assert whole.stdout == opened.stdout == words.stdout
    assert (0, "") == (nobody.exit_code, nobody.stdout)
    assert 2 == wrong.exit_code
    assert "'whom:anna' is no filter. Words: patient:" in wrong.stderr
    assert 2 == day.exit_code
    assert "since:2026-03-01" in day.stderr
