"""Packs and checks at the table screen: the keys that a therapist has, and what stands there meanwhile."""

import pytest

from devices.model import PackAct
from modctl import sentences
from modctl.ipc.hands import AlarmView
from modctl.ipc.messages import Answer, DueView, GateView, Pack, SessionView, Step
from tests.tui.fakes import UNITS, HandClock, session, snapshot, unit
from tests.tui.stage import Stage, perform
from tui.sight import Link, Sight, StopKey, stop_target

SKIN = GateView(
    gate="skin_check",
    title="Skin check",
    text="Lift an edge and look.",
    answers=(("as-expected", "As expected"), ("white", "White, hard, or nothing is felt"), ("not-done", "Not done")),
    closes=("white",),
)
TAKE_OFF = AlarmView(
    alarm="take_pack_off", priority="high", text=sentences.alarm("take_pack_off"), since_mono_ns=1_000_000_000_000
)


def pack(**changes: object) -> SessionView:
    """A hot pack on a hip, changed as said."""
    hot: dict[str, object] = {
        "unit": "hot-pack-1",
        "model": "passive",
        "modality": "heat",
        "title": "Stiff hip: moist hot pack",
        "attended": False,
        "by_hand": True,
        "level_parameter": "layers",
        "set_level": 8,
        "goal_level": 8,
        "level_max": 4,
        "person_step": 1,
        "settings": (),
        "commanded": 8,
        "contact": "unknown",
        "lease_ms": 0,
        "limits": (),
        "planned_ms": 1_200_000,
        "delivered_ms": 310_000,
        "energized_ms": 310_000,
    }
    return session(**{**hot, **changes})


def due(*, late: bool = False) -> DueView:
    """The skin check, since a moment ago."""
    return DueView(gate=SKIN, since_mono_ns=1_000_000_000_000 - 9_000_000_000, late=late)


def test_a_pack_waits_for_the_key_that_says_it_is_on() -> None:
    """The screen says which; pressing it is the person's word."""

    async def act(stage: Stage) -> None:
        await stage.bring(pack(phase="starting", output="off", commanded=None, delivered_ms=0, energized_ms=0))
        drawn = stage.text()
        await stage.press("o")

        assert "PACK NOT ON   Put the pack on, then press o" in drawn
        assert "o the pack is on" in drawn
        assert [PackAct.ON] == [message.act for message in stage.requests(Pack) if isinstance(message, Pack)]

    perform(act)


def test_at_the_end_of_its_time_a_pack_is_to_be_taken_off() -> None:
    """As an alarm, as the state's sentence, and on the keys' own line; the key says that it was done."""

    async def act(stage: Stage) -> None:
        await stage.bring(pack(phase="stopping", reason="planned_time", alarms=(TAKE_OFF,), energized_ms=1_215_000))
        drawn = stage.text()
        await stage.press("f")

        assert "HIGH  hot-pack-1: TAKE THE PACK OFF." in drawn
        assert "PACK ON   TAKE THE PACK OFF" in drawn
        assert "20:15 on the skin" in drawn
        assert [PackAct.OFF] == [message.act for message in stage.requests(Pack) if isinstance(message, Pack)]

    perform(act)


@pytest.mark.parametrize(("layers", "is_offered"), [(0, True), (1, False)])
def test_numb_is_a_key_of_ice_massage(layers: int, *, is_offered: bool) -> None:
    """Under towels it is not offered."""

    async def act(stage: Stage) -> None:
        await stage.bring(pack(modality="cold", unit="cold-pack-1", set_level=layers))

        assert is_offered is ("u numb" in stage.text())
        await stage.press("u")
        assert [PackAct.NUMB] == [message.act for message in stage.requests(Pack) if isinstance(message, Pack)]

    perform(act)


def test_a_pack_has_no_level_to_ride() -> None:
    """Plus and minus ask for nothing; stop keys stop as everywhere."""

    async def act(stage: Stage) -> None:
        await stage.bring(pack())
        await stage.press("plus", "minus", "x")
        assert not stage.requests(Step)

        await stage.press("s")
        assert ["S-1"] == stage.stops()

    perform(act)


def test_a_check_that_is_due_is_said_and_takes_no_key_before_it_is_called() -> None:
    """A digit that was meant for another session answers no question that has just appeared."""

    async def act(stage: Stage) -> None:
        await stage.bring(pack(due=due()))
        drawn = stage.text()
        await stage.press("1", "enter")

        assert "LOW  hot-pack-1: Skin check is due. Press c" in drawn
        assert "c answer the check" in drawn
        assert not stage.requests(Answer)

    perform(act)


def test_a_check_is_answered_as_the_gates_are() -> None:
    """c brings the question, a digit answers it, and it is gone."""

    async def act(stage: Stage) -> None:
        await stage.bring(pack(due=due(late=True)))
        await stage.press("c")
        asked = stage.text()
        await stage.press("2")
        answers = [message for message in stage.requests(Answer) if isinstance(message, Answer)]

        assert "MEDIUM" in asked
        assert "White, hard, or nothing is felt" in asked
        assert [("skin_check", "white")] == [(message.gate, message.answer) for message in answers]
        assert all(message.took_ms >= 9_000 for message in answers)
        assert "White, hard, or nothing is felt" not in stage.text()

    perform(act)


def test_a_check_that_another_screen_answered_goes_away() -> None:
    """Nobody answers a question twice."""

    async def act(stage: Stage) -> None:
        await stage.bring(pack(due=due()))
        await stage.press("c")
        await stage.see(pack())

        assert "Lift an edge" not in stage.text()

    perform(act)


def test_another_session_shows_on_the_board_that_its_pack_must_come_off() -> None:
    """Who is at another table sees it there."""

    async def act(stage: Stage) -> None:
        await stage.bring(session(), pack(session="S-2", phase="stopping", alarms=(TAKE_OFF,)))

        assert "PACK OFF" in stage.text()

    perform(act)


def test_warmth_that_stays_is_shown_with_the_end() -> None:
    """Off is off, and the skin under it is warm all the same."""

    async def act(stage: Stage) -> None:
        ended = session(phase="ended", outcome="stopped", reason="stop:screen", output="off", residual_mdegc=41_200)
        await stage.bring(ended)

        assert "still 41.2 °C under it" in stage.text()

    perform(act)


def test_a_hot_tank_does_not_keep_escape_from_stepping_back() -> None:
    """It is hot all day; nobody can stop it, and nothing is energized on a patient."""
    clock = HandClock()
    tank = unit(name="tank-1", model="eurotherm-3216", modality="heat", output="energized", monitored=True)
    sight = Sight(now_ns=clock.now_ns, link=Link.UP, snapshot=snapshot(clock, units=(*UNITS[:1], tank)))

    assert StopKey.NOTHING is stop_target(sight).key
