"""A seeded share of the table of faults, with a real controller and real simulators in processes of their own.

The whole table: ``make faults``. The printed rows are what people read; what is asserted is their promise: off within
the unit's time, or within its own lease where no command reaches it, or an alarm that says what to do by hand.
"""

import random

import msgspec
import pytest

from devices import profile
from devices.bench import FAULTS
from tests.process.fault_rows import Row
from tests.process.fault_site import EXEMPT, Job
from tests.process.fault_table import MODELS, thrown
from tests.process.fault_tanks import CLOSED, GIVEN, TankRow

pytestmark = pytest.mark.timeout(240)

SEED = 1
EACH = 2  # faults a model
ALWAYS: tuple[Job, ...] = (("reference-ultrasound", "run-away"), ("hasomed-p24", "run-away"))
CHOSEN = ((model, fault) for model in MODELS for fault in random.Random(f"{SEED} {model}").sample(sorted(FAULTS), EACH))
SHARE: tuple[Job, ...] = tuple(dict.fromkeys((*ALWAYS, *CHOSEN)))
GOOD = Row(
    model="hasomed-p24",
    fault="echo",
    outcome="stopped",
    reason="stop:screen",
    said="x",
    off_ms=90,
    after_decision_ms=90,
)
BY_HAND = profile.load("hasomed-p24").off.unknown_text
IN_DOUBT = {"outcome": "unconfirmed", "said": BY_HAND}
PULL = {"model": "iris-orca", "fault": "noise"}
TANK = TankRow(model="omron-e5cc", fault="silence", band="unknown", outcome=CLOSED, said="x")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[Job, Row | TankRow]:
    """The share, thrown once."""
    made = list(thrown(tmp_path_factory.mktemp("faults"), SHARE, 1))
    print("\n".join(["", *(row.line() for row in made)]))  # noqa: T201  # the table is the test's result
    return {(row.model, row.fault): row for row in made}


def test_every_model_has_its_rows_or_a_reason() -> None:
    """A model that is added stands in the table, or says why it cannot."""
    assert set(profile.models()) == {*MODELS, *EXEMPT}


@pytest.mark.parametrize("job", SHARE, ids="-".join)
def test_a_fault_ends_in_off_or_in_an_alarm(rows: dict[Job, Row | TankRow], job: Job) -> None:
    """Off in time and called so, or unconfirmed with what to do by hand; chart and truth never disagree in silence."""
    row = rows[job]

    assert row.cannot or row.said
    assert "" == row.problem(), row


def test_a_run_away_is_off_within_300_ms_of_the_first_bad_sample(rows: dict[Job, Row | TankRow]) -> None:
    """The ultrasound unit measures, so its run-away is seen; the P24 does not: there it is a stated residual."""
    ultrasound, estim = (rows[job] for job in ALWAYS)

    assert isinstance(ultrasound, Row)
    assert isinstance(estim, Row)
    assert ("faulted", "limit:us-intensity-deviates") == (ultrasound.outcome, ultrasound.reason)
    assert ultrasound.after_sample_ms is not None
    assert ultrasound.after_sample_ms <= 300
    assert estim.at_stop, "a P24 cannot tell; if it could, the residual would be stated wrongly"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"cannot": "no electrodes", "outcome": ""}, ""),
        ({"outcome": "", "said": "not begun"}, "no end: not begun"),
        ({"outcome": "not over: stopping"}, "no end: not over: stopping"),
        ({"after_decision_ms": 1_302}, ""),  # its deadline and what it takes to see it
        ({"after_decision_ms": 1_303}, "called stopped, and off 1303 ms after the decision, not 1302"),
        ({"after_decision_ms": None}, "called stopped, and off None ms after the decision, not 1302"),
        ({"fault": "run-away", "after_decision_ms": 603}, "called stopped, and off 603 ms after the decision, not 602"),
        ({**PULL, "after_decision_ms": 1_803}, "called stopped, and off 1803 ms after the decision, not 1802"),
        ({**PULL, "after_decision_ms": 1_803, "at_stop": True}, ""),  # a person's stop releases at the set rate
        ({"after_end_ms": 40}, "called stopped 40 ms before it was off"),
        ({"after_end_ms": 40, "fault": "forge"}, ""),  # it said that it was off
        (IN_DOUBT, ""),
        ({**IN_DOUBT, "said": "Something is wrong."}, "unconfirmed, and nothing says what to do by hand"),
        ({**IN_DOUBT, "after_decision_ms": None}, "its own lease did not end it"),
        ({**IN_DOUBT, "after_decision_ms": None, "fault": "hang"}, ""),
    ],
)
def test_a_row_that_breaks_the_promise_is_found(changes: dict[str, object], problem: str) -> None:
    """A judge that is content with everything is none."""
    assert problem == msgspec.structs.replace(GOOD, **changes).problem()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"said": ""}, "refused without a reason"),
        ({"outcome": GIVEN}, "a pack is given out of a tank that says nothing"),
        ({"outcome": GIVEN, "fault": "noise"}, ""),
    ],
)
def test_a_tank_that_gives_a_pack_blindly_is_found(changes: dict[str, object], problem: str) -> None:
    """What is not known closes."""
    assert problem == msgspec.structs.replace(TANK, **changes).problem()
