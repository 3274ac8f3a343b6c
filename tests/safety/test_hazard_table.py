"""The hazard table is kept: no row without a test, no test of a row that is not there, no knock-out that is not thrown.

That a knock-out passes, and so proves nothing, fails where it is thrown.
"""

import re
from pathlib import Path

import msgspec
import pytest

from modctl.virtual.hazards import Hazard, findings, hazards, parse
from modctl.virtual.quick import QUICK
from tests.safety.hazard_table import thrown

ROWS = hazards()
ENFORCED = [row for row in ROWS if row.status == "enforced"]
TEST = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)
NAMED = re.compile(r"h(\d\d)")
ROW = ROWS[0]


def every_test() -> set[str]:
    """Every test function of the suite, as the table names tests."""
    return {
        f"{path}::{name}"
        for path in sorted(Path("tests").rglob("test_*.py"))
        for name in TEST.findall(path.read_text())
    }


def test_the_table_has_every_row_and_each_is_whole() -> None:
    """Fifty-eight hazards are known; a row that vanished would be a hazard that nobody answers for."""
    assert [f"H{number:02}" for number in range(1, 59)] == [row.id for row in ROWS]
    assert () == findings(ROWS)


@pytest.mark.parametrize("row", ENFORCED, ids=lambda row: row.id)
def test_the_tests_of_a_row_are_there(row: Hazard) -> None:
    """A test that was renamed or deleted takes its row's promise with it."""
    assert set() == set(row.tests) - every_test()


@pytest.mark.parametrize("row", ENFORCED, ids=lambda row: row.id)
def test_the_knockouts_of_a_row_are_thrown_at_its_tests(row: Hazard) -> None:
    """Named and not thrown would be a claim."""
    at_its_tests = {name for test, name in thrown() if test in row.tests}

    assert set() == set(row.knockouts) - at_its_tests


def test_a_test_that_is_named_after_a_hazard_is_of_a_row_that_has_it() -> None:
    """Row and test point at each other, or one of them is a leftover."""
    tests_of = {row.id: set(row.tests) for row in ROWS}
    strays = {
        f"{test}: H{number}"
        for test in every_test()
        for number in NAMED.findall(test.split("::test_", 1)[1].partition("_")[0] + _second_number(test))
        if test not in tests_of.get(f"H{number}", set())
    }

    assert set() == strays


def _second_number(test: str) -> str:
    """A test may answer for two rows: ``test_h09_h10_…``."""
    words = test.split("::test_", 1)[1].split("_")
    return words[1] if re.fullmatch(r"h\d\d", words[0]) and re.fullmatch(r"h\d\d", "".join(words[1:2])) else ""


def test_every_quick_check_is_of_an_enforced_row() -> None:
    """``modctl hazards`` must not say *ok* of what waits."""
    assert set() == set(QUICK) - {row.id for row in ENFORCED}
    assert len(QUICK) >= 25


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tests": ()}, "H01 has no test"),
        ({"knockouts": ()}, "H01 needs a knock-out, or one reason why it has none"),
        ({"no_knockout": "because"}, "H01 needs a knock-out, or one reason why it has none"),
        ({"waits_for": "better days"}, "H01 is enforced and waits for better days"),
        ({"status": "waits_for"}, "H01 waits for nothing"),
    ],
)
def test_a_row_that_is_not_whole_is_found(changes: dict[str, object], said: str) -> None:
    """A table that takes anything is no table."""
    assert (said,) == findings((msgspec.structs.replace(ROW, **changes),))


def test_a_row_that_stands_twice_is_found() -> None:
    """Two truths about one hazard."""
    assert ("H01 stands twice",) == findings((ROW, ROW))


def test_an_unknown_word_in_the_table_is_refused() -> None:
    """A misspelt key would be a mitigation that nobody reads."""
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        parse(b'[[hazard]]\nid = "H01"\nhazrad = "x"\n')
