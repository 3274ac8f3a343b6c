"""Traction with a second instrument in the rope: the unit's word is held against it, on one bus and on two lines."""

from collections.abc import Mapping

import pytest

from devices.model import NS_PER_MS, Direction
from modctl.engine import events as ev
from modctl.engine.machine import Phase
from tests.scenario.evidence import prove
from tests.scenario.rope import CELL, MOTOR, ONE_BUS, Buses, Rope, pulling

BOTH_WAYS = pytest.mark.parametrize("buses", [ONE_BUS, ()], ids=["one bus", "two lines"])


def breaches(rope: Rope, session: str) -> list[Mapping[str, object]]:
    """What was found outside a limit."""
    return [entry for entry in rope.chart.of(session) if entry["kind"] == "limit.breached"]


@BOTH_WAYS
def test_two_that_agree_run_to_the_planned_end(buses: Buses) -> None:
    """Ramp, pull, a step of a person's, a cough and the release: nothing of it makes the two differ for long."""
    rope, session = pulling(buses)
    rope.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.UP))
    rope.run_s(3)
    rope.inject(MOTOR, "cough", n=80)
    ended = rope.run_to_end(session)

    assert ("completed", []) == (ended["outcome"], breaches(rope, session))
    assert not rope.truth(MOTOR).energized
    prove(rope)


@BOTH_WAYS
@pytest.mark.parametrize("newtons", [40, -40])
def test_tx_8_a_drift_of_the_witness_stops(buses: Buses, newtons: int) -> None:
    """150 beside 190 (acceptance TX 8): nobody knows which one is right, so nothing pulls."""
    rope, session = pulling(buses)
    rope.inject(CELL, "offset", value=newtons)
    since_ns = rope.now_ns
    ended = rope.run_to_end(session, limit_s=5)

    assert ("faulted", "witnesses_differ") == (ended["outcome"], ended["reason"])
    assert ["tlb-witness"] == [entry["limit"] for entry in breaches(rope, session)]
    assert "witnesses_differ" in [entry["alarm"] for entry in rope.chart.of(session) if entry["kind"] == "alarm"]
    assert rope.now_ns - since_ns <= 2_500 * NS_PER_MS  # half a second to believe it, a second of low force to be off
    assert not rope.truth(MOTOR).energized
    assert rope.world.state.units[MOTOR].latched
    prove(rope)


def test_a_drift_of_the_unit_stops_and_its_own_word_confirms_nothing() -> None:
    """It says 110 N and pulls 150; told to let go it says that it pushes, and so off is never taken for confirmed."""
    rope, session = pulling()
    rope.inject(MOTOR, "offset", value=-40)
    rope.run_s(1)
    assert 0 == rope.truth(MOTOR).output
    ended = rope.run_to_end(session, limit_s=15)

    assert ("unconfirmed", "witnesses_differ") == (ended["outcome"], ended["reason"])
    prove(rope)


def test_a_difference_of_a_moment_stops_nothing() -> None:
    """Two instruments are never asked at the same moment."""
    rope, session = pulling()
    rope.inject(CELL, "offset", value=60)
    rope.run_s(0.3)
    rope.clear(CELL)
    ended = rope.run_to_end(session)

    assert ("completed", []) == (ended["outcome"], breaches(rope, session))


@pytest.mark.parametrize("fault", ["silence", "no-value"])
def test_a_witness_that_says_nothing_is_a_fault(fault: str) -> None:
    """Without it the pull is on one instrument's word, which is what the site did not want."""
    rope, session = pulling()
    rope.inject(CELL, fault)
    ended = rope.run_to_end(session, limit_s=6)

    assert ("faulted", "witness_silent") == (ended["outcome"], ended["reason"])
    assert not rope.truth(MOTOR).energized
    prove(rope)


@pytest.mark.parametrize("fault", ["silence", "no-value"])
def test_nothing_starts_without_its_witness(fault: str) -> None:
    """A cable that came off over night is found before the patient is in the harness."""
    rope = Rope()
    rope.inject(CELL, fault)
    rope.run_s(3)
    session = rope.ask(MOTOR, "pull")
    refused = [entry["reason"] for entry in rope.chart.of(session) if entry["kind"] == "session.refused"]

    assert ["witness_missing"] == refused
    assert session not in rope.world.state.sessions


def test_nothing_starts_when_the_witness_falls_silent_among_the_questions() -> None:
    """It answered when the session was prepared; the confirmation looks again."""
    rope = Rope()
    session = rope.ask(MOTOR, "pull")
    rope.inject(CELL, "silence")
    rope.run_s(3)
    rope.answer_all(session)
    rope.run_s(2)

    assert "not_now" == rope.world.replies[-1].code
    assert "witness" in rope.world.replies[-1].reason
    assert not rope.truth(MOTOR).energized


def test_nothing_is_resumed_without_its_witness() -> None:
    """Nor from a pause."""
    rope, session = pulling()
    rope.tell(session, ev.PauseAsked(actor="therapist"))
    rope.run_s(6)
    rope.inject(CELL, "silence")
    rope.run_s(3)
    rope.tell(session, ev.ResumeAsked(actor="therapist"))
    rope.run_s(2)

    assert "not_now" == rope.world.replies[-1].code
    assert Phase.PAUSED is rope.state(session).phase


def test_on_a_line_of_its_own_speed_the_two_still_keep_pace() -> None:
    """19200 baud, 20 commands and two times 10 samples a second on one line: nobody is late, and a stop is a stop."""
    rope, session = pulling(paced=True)
    rope.run_s(5)
    assert Phase.RUNNING is rope.state(session).phase

    rope.inject(CELL, "offset", value=40)
    ended = rope.run_to_end(session, limit_s=5)

    assert ("faulted", "witnesses_differ") == (ended["outcome"], ended["reason"])
    assert not rope.truth(MOTOR).energized
