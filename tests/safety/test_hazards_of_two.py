"""Hazards that two units together bring, with their knock-outs: a combination, and a unit with its witness."""

from collections.abc import Callable

import pytest

from modctl.engine import events as ev
from modctl.engine.machine import Phase
from tests.safety import knockouts as ko
from tests.safety.test_hazards import P24, SOUND, off_within
from tests.scenario.rope import CELL, MOTOR, pulling
from tests.scenario.table import Table


def combined() -> tuple[Table, str, str]:
    """Ultrasound and stimulation through its head, both at their level."""
    table = Table(SOUND, P24)
    sound, estim = table.ask_both((SOUND, "hip-oa-combined-ultrasound"), (P24, "hip-oa-combined-tens"), 60)
    table.answer_all(sound)
    table.run_s(7)
    assert table.truth(SOUND).energized
    assert table.truth(P24).energized
    return table, sound, estim


def test_h03_a_lifted_head_ends_the_current_through_it() -> None:
    """Off while it is in the air; put back, it finds no current until a person resumes."""
    table, _sound, _estim = combined()
    table.inject(SOUND, "contact-loss")
    assert off_within(table, P24, 0.3)

    table.clear(SOUND)
    for _ in range(20):
        assert off_within(table, P24, 0.5)


def test_h03_no_current_is_resumed_through_a_head_in_the_air() -> None:
    """A person presses resume, looking at the skin and not at the head."""
    table, _sound, estim = combined()
    table.inject(SOUND, "contact-loss")
    table.run_s(2)
    table.tell(estim, ev.ResumeAsked(actor="therapist"))
    table.run_s(1)

    assert Phase.PAUSED is table.state(estim).phase


def test_h05_what_ends_one_half_of_a_combination_ends_both() -> None:
    """A line that is pulled, a session that is stopped: nobody expects the other half to go on."""
    for broken in (SOUND, P24):
        table, _sound, _estim = combined()
        table.inject(broken, "disconnect")
        table.run_s(3)

        assert [False, False] == [table.truth(unit).energized for unit in (SOUND, P24)]


def test_h25_a_force_that_drifts_from_its_witness_is_let_go() -> None:
    """The unit says 150 N, the cell in the rope 190: one of them is wrong."""
    rope, _session = pulling()
    rope.inject(CELL, "offset", value=40)
    rope.run_s(1)

    assert 0 == rope.truth(MOTOR).output


def test_h25_a_witness_that_falls_silent_is_no_witness() -> None:
    """A cable of the cell came off: the pull is on one instrument's word."""
    rope, _session = pulling()
    rope.inject(CELL, "silence")
    rope.run_s(2)

    assert 0 == rope.truth(MOTOR).output


KNOCKOUTS: list[tuple[Callable[[], None], ko.Knockout]] = [
    (test_h03_a_lifted_head_ends_the_current_through_it, ko.without_lift_rule),
    (test_h03_no_current_is_resumed_through_a_head_in_the_air, ko.without_word_of_the_partner),
    (test_h05_what_ends_one_half_of_a_combination_ends_both, ko.without_ends_together),
    (test_h25_a_force_that_drifts_from_its_witness_is_let_go, ko.without_witness),
    (test_h25_a_witness_that_falls_silent_is_no_witness, ko.without_need_of_a_witness),
]


@pytest.mark.parametrize(("check", "knockout"), [pytest.param(*pair, id=pair[0].__name__[5:]) for pair in KNOCKOUTS])
def test_without_its_mitigation_a_hazard_of_two_is_seen(check: Callable[[], None], knockout: ko.Knockout) -> None:
    """A test that stays green when its mitigation is gone proves nothing."""
    check()
    with knockout(), pytest.raises(AssertionError):
        check()


def test_every_hazard_of_two_has_a_knockout() -> None:
    """Nobody can add one half without the other."""
    here = {name for name in globals() if name.startswith("test_h")}

    assert here == {check.__name__ for check, _knockout in KNOCKOUTS}
