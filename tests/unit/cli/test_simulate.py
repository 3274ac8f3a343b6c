"""``modctl simulate --clinic``: one object, one chart for one seed, an exit status that says what the judge found."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from modctl.cli.common import Context
from modctl.cli.main import cli
from modctl.virtual.clinic import Tally
from tests.safety import knockouts

CLINIC = ("simulate", "--clinic", "2", "--hours", "0.1", "--seed", "2", "--json")


def run(*words: str) -> Result:
    """One command; no site is needed."""
    return CliRunner().invoke(cli, words, obj=Context(site=Path("nowhere")))


def test_a_clinic_is_one_object_and_one_seed_is_one_chart(tmp_path: Path) -> None:
    """What was found can be found again, by anybody, to the byte."""
    results = [run(*CLINIC, "--chart", str(tmp_path / name)) for name in ("one", "two")]
    tally = msgspec.json.decode(results[0].stdout, type=Tally)
    sums = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("one", "two")}

    assert [0, 0] == [result.exit_code for result in results]
    assert (2, 2, ()) == (tally.seed, tally.tables, tally.findings)
    assert tally.sessions
    assert results[0].stdout == results[1].stdout
    assert 1 == len(sums)


def test_what_the_judge_finds_is_the_exit_status() -> None:
    """A script that runs clinics all night looks at one number."""
    with knockouts.with_start_before_the_chart():
        result = run(*CLINIC)

    assert 1 == result.exit_code
    assert "energized-before-start" in result.stdout
    assert "energized-before-start" in result.stderr


@pytest.mark.parametrize("words", [("--hours", "1"), ("--pace", "400"), ("--clinic", "2", "scenario.toml")])
def test_a_clinic_stands_instead_of_a_scenario(words: tuple[str, ...]) -> None:
    """Two things at once would be neither."""
    result = run("simulate", *words)

    assert 2 == result.exit_code
