"""The hazard table from the tests' side: which knock-outs there are, and which test throws each of them.

A module of this folder that has a list ``KNOCKOUTS`` of (check, knock-out), and one test that begins with
``test_without_its_mitigation`` and throws them, is found by itself.
"""

import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

FOLDER: Final = Path("tests/safety")
THROWER: Final = re.compile(r"^def (test_without_its_mitigation\w*)", re.MULTILINE)

# Knock-outs that are tests of their own, because they take processes or threads.
THROWN_BY: Final[Mapping[str, str]] = {
    "guard_killed_first": "tests/process/test_guard.py::test_h08_without_the_guard_a_unit_goes_on_until_its_own_lease",
    "without_clock_watch": (
        "tests/unit/controller/test_host.py::test_h42_without_the_look_at_the_clocks_a_jump_is_not_charted"
    ),
}


def throwers() -> tuple[str, ...]:
    """The tests that throw the knock-outs of their module."""
    return tuple(f"{path}::{name}" for path, name in _modules())


def thrown() -> frozenset[tuple[str, str]]:
    """Every pair of a test and a knock-out that turns it red, as the suite runs them."""
    pairs = {(test, name) for name, test in THROWN_BY.items()}
    for path, _name in _modules():
        module = importlib.import_module(f"tests.safety.{path.stem}")
        pairs |= {(f"{path}::{check.__name__}", knockout.__name__) for check, knockout in module.KNOCKOUTS}
    return frozenset(pairs)


def _modules() -> Iterator[tuple[Path, str]]:
    for path in sorted(FOLDER.glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        found = THROWER.search(text)
        if found is not None and "\nKNOCKOUTS: " in text:
            yield path, found[1]
