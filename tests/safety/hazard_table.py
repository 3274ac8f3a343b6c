"""The hazard table from the tests' side: which knock-outs there are, and which test throws each of them."""

from collections.abc import Mapping
from typing import Final

from tests.safety import test_hazards, test_more_hazards

# Knock-outs that are tests of their own, because they take processes or threads.
THROWN_BY: Final[Mapping[str, str]] = {
    "guard_killed_first": "tests/process/test_guard.py::test_h08_without_the_guard_a_unit_goes_on_until_its_own_lease",
    "without_clock_watch": (
        "tests/unit/controller/test_host.py::test_h42_without_the_look_at_the_clocks_a_jump_is_not_charted"
    ),
}


def thrown() -> frozenset[tuple[str, str]]:
    """Every pair of a test and a knock-out that turns it red, as the suite runs them."""
    pairs = frozenset(
        (f"tests/safety/{module}.py::{check.__name__}", knockout.__name__)
        for module, knockouts in (
            ("test_hazards", test_hazards.KNOCKOUTS),
            ("test_more_hazards", test_more_hazards.KNOCKOUTS),
        )
        for check, knockout in knockouts
    )
    return pairs | {(test, name) for name, test in THROWN_BY.items()}
