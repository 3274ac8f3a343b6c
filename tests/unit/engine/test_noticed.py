"""Small things of the engine that no other test would have noticed; each was found by changing it (``make soak``)."""

from devices.model import Modality
from devices.profile import load
from modctl.engine.gate import NOTHING_WRITTEN, remember
from modctl.engine.phases import begin_ended
from modctl.engine.port import gate_rules
from modctl.records import SessionEnded
from protocols.inspect import Energize

RULES = gate_rules(load("reference-ultrasound"))
LEVEL = Energize(((("intensity_mw_cm2", 200),),))


def test_a_session_that_never_was_has_spent_no_time_in_anything() -> None:
    """Its end is in the chart like any other, and sums of a day count it."""
    ended = next(one.draft.data for one in begin_ended("s1", "a", "x", 0) if isinstance(one.draft.data, SessionEnded))

    spent = (ended.delivered_ms, ended.paused_ms, ended.no_contact_ms, ended.unknown_ms, ended.energized_ms)
    assert (0, 0, 0, 0, 0) == spent
    assert ended.off_after_ms is None


def test_the_same_level_said_again_is_no_rise() -> None:
    """The time since the last rise counts from the rise, not from a repetition; else a level fed often never rises."""
    first = remember(LEVEL, NOTHING_WRITTEN, RULES, 1_000)

    assert Modality.ULTRASOUND is RULES.modality
    assert first == remember(LEVEL, first, RULES, 2_000)
