"""What a unit measures, with what is only set: too much together, though nothing of it is too much alone."""

from collections.abc import Callable

import pytest

from tests.safety import knockouts
from tests.safety.knockouts import Knockout
from tests.scenario.table import Table

PULL = "reference-traction"


def test_h01_what_is_measured_is_held_against_the_bodys_weight() -> None:
    """Half of 31 kg are 152 N. 150 N are commanded and 162 pulled: inside the band that a rope has."""
    table = Table(PULL)
    table.body_weight_g = 31_000
    session = table.start(PULL, "hip-traction-intermittent", 60, force_n=150)
    table.run_s(8)
    table.inject(PULL, "over-deliver", gain_permille=1_080)
    table.run_s(30)

    assert "limit:hard-tx-weight" == table.state(session).reason
    assert "faulted" == table.state(session).outcome
    assert not table.truth(PULL).energized


def test_a_pull_at_the_bound_is_not_ended_by_the_noise_of_its_cell() -> None:
    """Readings of some newtons more and less are one pull; an alarm that cries at noise is switched off by people."""
    table = Table(PULL)
    table.body_weight_g = 30_600  # half of it is 150.04 N
    session = table.start(PULL, "hip-traction-intermittent", 60, force_n=150)
    table.run_s(75)

    assert ("completed", "planned_time") == (table.state(session).outcome, table.state(session).reason)


KNOCKOUTS: list[tuple[Callable[[], None], Knockout]] = [
    (test_h01_what_is_measured_is_held_against_the_bodys_weight, knockouts.without_measured_combinations),
]


@pytest.mark.parametrize(("check", "knockout"), KNOCKOUTS)
def test_without_its_mitigation_what_is_measured_together_is_not_seen(
    check: Callable[[], None], knockout: Knockout
) -> None:
    """A test that stays green when its mitigation is gone proves nothing."""
    check()
    with knockout(), pytest.raises(AssertionError):
        check()
