"""A unit that a person takes out of use: nothing starts on it until somebody clears it, and no session is cut short."""

from modctl.engine import core_events as ce
from modctl.engine.effects import Append
from modctl.engine.unit import UnitStatus
from modctl.records import UnitLatched
from tests.unit.engine.made_core import Engine, replies

HOLD = ce.HoldUnit(request=9, actor="therapist", unit="u1", reason="incident")


def test_a_held_unit_is_charted_refused_and_cleared_like_a_latched_one() -> None:
    """Its reason says why; off is confirmed, so an acknowledgement is enough."""
    engine = Engine()
    effects = engine.give(HOLD)

    assert [UnitLatched(unit="u1", reason="incident", output="off")] == [
        effect.draft.data for effect in effects if isinstance(effect, Append)
    ]
    assert (UnitStatus.LATCHED, "incident") == (engine.unit().status, engine.unit().reason)

    engine.give(ce.AcknowledgeUnit(request=10, actor="therapist", unit="u1"))

    assert UnitStatus.READY is engine.unit().status


def test_a_unit_in_a_session_is_not_held() -> None:
    """Stopping is a decision of its own, with its own keys."""
    engine = Engine()
    engine.begin()

    assert ["not_now"] == [reply.code for reply in replies(engine.give(HOLD))]
    assert UnitStatus.IN_SESSION is engine.unit().status


def test_a_unit_of_another_site_is_said() -> None:
    """A slip of the fingers."""
    engine = Engine()
    effects = engine.give(ce.HoldUnit(request=9, actor="therapist", unit="u9", reason="incident"))

    assert ["usage"] == [reply.code for reply in replies(effects)]
