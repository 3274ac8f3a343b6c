"""The printed table of faults keeps its promise: off in time and called so, or unconfirmed with what to do by hand.

The two units of the first minutes have their claims row by row in ``test_fault_menu``; here are the others, with all
faults that a wire does not explain. The whole table: ``python -m tests.scenario.fault_table``.
"""

import msgspec
import pytest

from devices.bench import FAULTS, Group
from tests.scenario.fault_table import PRESETS, Row, throw

OTHERS = sorted(set(PRESETS) - {"hasomed-p24", "reference-ultrasound"})
INSIDE = [fault for fault, spec in FAULTS.items() if spec.group in (Group.OUTPUT, Group.BODY)]
GOOD = Row(model="hasomed-p24", fault="x", outcome="stopped", reason="stop:screen", off_ms=100)


@pytest.mark.parametrize("model", OTHERS)
def test_every_fault_of_output_and_body_ends_in_off_or_in_an_alarm(model: str) -> None:
    """And at least half of the menu is something that the model can have: a table of refusals would prove nothing."""
    came = [throw(model, fault) for fault in INSIDE]

    assert [] == [(row.fault, row.problem()) for row in came if row.problem()]
    assert sum(not row.cannot for row in came) >= len(came) // 2


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"cannot": "no electrodes"}, ""),
        ({"off_ms": 2_300}, ""),  # the unit's lease, and what it takes to see it
        ({"off_ms": 2_301}, "called stopped and on for 2301 ms"),
        ({"off_ms": None}, "called stopped and on for None ms"),
        ({"outcome": ""}, "no end: "),
        ({"outcome": "unconfirmed"}, "unconfirmed without its alarm"),
        ({"outcome": "unconfirmed", "alarms": ("off_not_confirmed",)}, ""),
        ({"outcome": "unconfirmed", "alarms": ("off_not_confirmed",), "off_ms": None}, "on for None ms"),
        ({"outcome": "unconfirmed", "alarms": ("off_not_confirmed",), "off_ms": None, "fault": "hang"}, ""),
        ({"fault": "hang", "off_ms": None}, "called stopped and on for None ms"),
    ],
)
def test_a_row_that_breaks_the_promise_is_found(changes: dict[str, object], problem: str) -> None:
    """A judge that is content with everything is none."""
    assert problem == msgspec.structs.replace(GOOD, **changes).problem()
