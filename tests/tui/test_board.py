"""Who needs somebody next: the order of the board, its words, and that no stop key follows it."""

import pytest

from modctl import sentences
from modctl.ipc.hands import AlarmView
from modctl.ipc.messages import DueView, GateView, SessionView
from tests.tui.fakes import asked, second_session, session
from tests.tui.stage import Stage, perform
from tests.tui.test_sight import sight_of
from tui.looks import text_of
from tui.need import Need, Rank, by_need, needs
from tui.sight import Link
from tui.widgets.board import board_lines
from tui.widgets.help_line import stop_line

CHECK = GateView(gate="skin_check", title="Skin check", text="Look.", answers=(("fine", "Fine"),), closes=())


def alarm(word: str, priority: str) -> AlarmView:
    """A standing alarm."""
    return AlarmView(alarm=word, priority=priority, text=sentences.alarm(word), since_mono_ns=1)


HIGH, MEDIUM, LOW = alarm("no_data", "high"), alarm("contact_lost", "medium"), alarm("tank_weak", "low")
TAKE_OFF = alarm("take_pack_off", "high")


def due(*, late: bool) -> DueView:
    """A skin check."""
    return DueView(gate=CHECK, since_mono_ns=1, late=late)


@pytest.mark.parametrize(
    ("view", "need"),
    [
        (session(output="unknown"), Need(Rank.LOOK, "LOOK NOW")),
        (session(output="a word from tomorrow", alarms=(HIGH,)), Need(Rank.LOOK, "LOOK NOW")),
        (session(age_ms=None), Need(Rank.LOOK, "LOOK NOW")),
        (session(phase="unconfirmed", outcome="unconfirmed", output="off"), Need(Rank.LOOK, "LOOK NOW")),
        (session(by_hand=True, phase="stopping"), Need(Rank.TAKE_OFF, "TAKE THE PACK OFF")),
        (session(by_hand=True, alarms=(TAKE_OFF,)), Need(Rank.TAKE_OFF, "TAKE THE PACK OFF")),
        (session(alarms=(MEDIUM, HIGH), due=due(late=True)), Need(Rank.ALARM, "ALARM")),
        (session(alarms=(alarm("new_word", "urgent"),)), Need(Rank.ALARM, "ALARM")),
        (session(due=due(late=True)), Need(Rank.PROMPT, "CHECK LATE")),
        (session(alarms=(MEDIUM,)), Need(Rank.PROMPT, "alarm")),
        (session(due=due(late=False)), Need(Rank.CHECK, "check due")),
        (session(phase="paused", output="off"), Need(Rank.HAND, "r resumes")),
        (session(by_hand=True, phase="starting", output="off"), Need(Rank.HAND, "pack on?")),
        (session(delivered_ms=840_000), Need(Rank.ENDING, "1:00 left")),
        (session(delivered_ms=839_999), Need(Rank.SOON, "1:01 left")),
        (session(delivered_ms=600_000), Need(Rank.SOON, "5:00 left")),
        (session(delivered_ms=599_999), Need(Rank.LATER, "5:01 left")),
        (session(alarms=(LOW,)), Need(Rank.LATER, "10:48 left")),
        (asked("skin_after", after=True), Need(Rank.ANSWERS, "question waits")),
        (asked("sign", after=True), Need(Rank.ANSWERS, "sign")),
        (asked("identify"), Need(Rank.QUESTIONS, "question waits")),
        (asked("identify", age_ms=None), Need(Rank.QUESTIONS, "question waits")),
        (session(phase="stopping"), Need(Rank.NOTHING, "")),
        (asked(None, after=True, alarms=(HIGH,)), Need(Rank.NOTHING, "")),
    ],
)
def test_each_session_says_what_it_waits_for(view: SessionView, need: Need) -> None:
    """A row without its reason would have to be opened to be understood."""
    assert need == needs(sight_of(view), view)


def test_what_was_confirmed_here_asks_nothing_any_more() -> None:
    """Between the confirmation and the first snapshot of it there is no question left."""
    view = asked("confirm")

    assert "" == needs(sight_of(view, starting=frozenset({"S-1"})), view).word


@pytest.mark.parametrize("phase", ["checking", "starting", "running", "paused", "stopping"])
@pytest.mark.parametrize("changes", [{"snapshot_age_ms": 1_001}, {"link": Link.LOST}])
def test_without_news_everything_wants_a_look(phase: str, changes: dict[str, object]) -> None:
    """Also what was only being asked about: somebody may have confirmed it since."""
    view = session(phase=phase)
    age_ms = int(str(changes.get("snapshot_age_ms", 0)))
    sight = sight_of(view, snapshot_age_ms=age_ms, **{name: one for name, one in changes.items() if name == "link"})

    assert "LOOK NOW" == needs(sight, view).word


FOUR = (
    session(),
    second_session(due=due(late=False)),
    session(session="S-3", unit="heat-1", alarms=(MEDIUM,)),
    session(session="S-4", unit="cold-1", delivered_ms=870_000),
)


def test_the_board_stands_in_the_order_of_need_and_each_row_keeps_its_number() -> None:
    """Alarm, check, thirty seconds left, ten minutes left; a finger that learned *2* finds the same patient there."""
    drawn = text_of(board_lines(sight_of(*FOUR), 80)).splitlines()

    assert ["3", "2", "4", "1"] == [row[1] for row in drawn]
    assert ["heat-1", "ultrasound-1", "cold-1", "estim-1"] == [row[7:].split()[0] for row in drawn]


def test_rows_do_not_move_while_time_merely_runs() -> None:
    """A list that dances is read wrong."""
    orders = set()
    for delivered_ms in range(0, 590_000, 7_000):
        first, second = session(delivered_ms=delivered_ms), second_session(delivered_ms=590_000 - delivered_ms)
        orders.add(tuple(number for number, _, _ in by_need(sight_of(first, second))))

    assert {(1, 2)} == orders


def test_a_row_moves_when_something_happens_and_back_when_it_is_over() -> None:
    """Both ways at once, and only then."""
    calm, alarmed = (session(), second_session()), (session(), second_session(alarms=(HIGH,)))
    orders = [[number for number, _, _ in by_need(sight_of(*views))] for views in (calm, alarmed, calm)]

    assert [[1, 2], [2, 1], [1, 2]] == orders


@pytest.mark.parametrize("key", ["escape", "s", "space"])
def test_a_new_order_between_two_keys_moves_no_stop(key: str) -> None:
    """The alarm of another table goes to the top of the board; what is stopped is what stood in the stop line."""

    async def act(stage: Stage) -> None:
        await stage.see(session(), second_session())
        await stage.press("1")
        before = stage.text().splitlines()
        await stage.see(session(), second_session(alarms=(HIGH,)))
        after = stage.text().splitlines()
        await stage.press(key)

        assert (" 2 SIM ultrasound-1", "▶1 SIM estim-1") == (after[1][:19], after[2][:14])
        assert "STOP   Esc, space, s: estim-1, Ada Example" in before[-2]
        assert before[-2] == after[-2]
        assert ["S-1"] == stage.stops()

    perform(act)


def test_a_number_key_means_the_same_session_in_every_order() -> None:
    """*2* is the ultrasound, wherever its row stands; and the stop line says so before anything is stopped."""

    async def act(stage: Stage) -> None:
        for views in (FOUR, (*FOUR[:3], session(session="S-4", unit="cold-1", alarms=(HIGH,)))):
            await stage.see(*views)
            for number, unit in enumerate(("estim-1", "ultrasound-1", "heat-1", "cold-1"), 1):
                await stage.press(str(number))
                assert f"STOP   Esc, space, s: {unit}," in stage.text()
        await stage.press("2", "s")

        assert ["S-2"] == stage.stops()

    perform(act)


def test_whatever_the_order_the_stop_line_names_the_session_shown_large() -> None:
    """Every session in turn, every one of them on top of the board in turn."""
    names = ("S-1", "S-2", "S-3", "S-4")
    for urgent in names:
        views = [session(session=one, unit=f"unit-{one}", alarms=(HIGH,) if one == urgent else ()) for one in names]
        for large in names:
            sight = sight_of(*views, large=large)

            assert urgent == by_need(sight)[0][1].session
            assert f"Esc, space, s: unit-{large}," in text_of([stop_line(sight, 80)])
