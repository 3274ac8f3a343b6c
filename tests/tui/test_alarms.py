"""Alarms: which stand, how they blink, when the bell is heard, and what silences it."""

import itertools

import msgspec
import pytest

from devices.model import Direction
from modctl import sentences
from modctl.ipc.hands import AlarmView
from modctl.ipc.messages import Acknowledge, Answer, Pause, Request, Step, Stop
from tests.tui.fakes import asked, second_session, session, snapshot
from tests.tui.stage import Stage, perform
from tests.tui.test_board import HIGH, LOW, MEDIUM, due
from tests.tui.test_sight import sight_of
from tui.alarms import Bell, ShownAlarm, alarms_of, is_lit
from tui.looks import text_of
from tui.screens.base import too_small_lines
from tui.sight import Link, Sight
from tui.widgets.alarm_line import alarm_lines

S, MS = 1_000_000_000, 1_000_000
TANK = AlarmView(alarm="tank_too_hot:tank-1", priority="medium", text=sentences.alarm("tank_too_hot"), since_mono_ns=5)
DOUBT = AlarmView(
    alarm="off_not_confirmed:estim-1", priority="high", text=sentences.alarm("off_not_confirmed"), since_mono_ns=6
)


def flashes_in_20_s(urgency: int) -> tuple[int, float]:
    """How often the shape is filled anew in twenty seconds, and for what share of them; looked at four times a second.

    The looks come up to a twentieth of a second early or late, as those of a busy machine do.
    """
    looks = [is_lit(urgency, max(0, at * 250 + (-50, 0, 50)[at % 3]) * MS) for at in range(80)]
    begins = sum(now and not before for before, now in itertools.pairwise(looks))
    return begins, sum(looks) / len(looks)


@pytest.mark.parametrize(("urgency", "least", "most"), [(0, 1.4, 2.8), (1, 0.4, 0.8)])
def test_an_alarm_blinks_at_the_rate_of_its_urgency(urgency: int, least: float, most: float) -> None:
    """IEC 60601-1-8: high 1.4 to 2.8 Hz, medium 0.4 to 0.8 Hz, 20 to 60 % of the time."""
    begins, share = flashes_in_20_s(urgency)

    assert least <= begins / 20 <= most
    assert 0.2 <= share <= 0.6


def test_an_alarm_of_low_urgency_is_steady() -> None:
    """It is there to be known, not to call."""
    assert (0, 1.0) == flashes_in_20_s(2)


@pytest.mark.parametrize(("alarm", "word"), [(HIGH, "HIGH"), (MEDIUM, "MEDIUM")])
def test_the_shape_blinks_and_the_words_stand_still(alarm: AlarmView, word: str) -> None:
    """A sentence that comes and goes is read half."""
    sight = sight_of(session(alarms=(alarm,)))
    drawn = [
        text_of(alarm_lines(msgspec.structs.replace(sight, since_ns=sight.now_ns - at * 250 * MS), 80, 2))
        for at in range(8)
    ]
    words = {one.replace("▲", "").replace("△", "") for one in drawn}

    assert 1 == len(words)
    assert f" {word} " in words.pop()
    assert {True, False} == {"▲" in one for one in drawn}
    assert {True} == {("▲" in one) != ("△" in one) for one in drawn}


def test_the_most_urgent_alarm_is_told_first_and_the_others_are_counted() -> None:
    """One line has room for one sentence."""
    sight = sight_of(session(alarms=(LOW, MEDIUM)), second_session(alarms=(HIGH,)))
    drawn = text_of(alarm_lines(sight, 132, 4))

    assert drawn.startswith(" ▲▲▲ HIGH  ultrasound-1: ")
    assert "(and 2 more)" in drawn


@pytest.mark.parametrize("width", [40, 60, 80, 81, 82, 83, 90])
def test_what_does_not_fit_is_cut_with_an_ellipsis_and_the_others_are_still_counted(width: int) -> None:
    """That there is a second alarm must not be what is cut off."""
    sight = sight_of(session(alarms=(HIGH, MEDIUM)), second_session(alarms=(MEDIUM,)))
    rows = text_of(alarm_lines(sight, width, 2)).splitlines()

    assert 2 == len(rows)
    assert all(len(row) <= width for row in rows)
    assert rows[1].endswith("  (and 2 more)")
    assert rows[1].count("more") == 1


def with_house(sight: Sight, *alarms: AlarmView) -> Sight:
    """The same with alarms of units that have no session."""
    assert sight.snapshot is not None
    return msgspec.structs.replace(sight, snapshot=msgspec.structs.replace(sight.snapshot, alarms=alarms))


def test_an_alarm_without_a_session_stands_with_its_unit_until_its_cause_is_gone() -> None:
    """A tank that boils calls nobody to a table, and burns whoever takes a pack out of it."""
    told = text_of(alarm_lines(with_house(sight_of(), TANK), 80, 4))

    assert told.startswith(" ▲▲ MEDIUM  tank-1: A tank is too hot.")
    assert () == alarms_of(with_house(sight_of()))


def test_a_unit_in_doubt_is_told_once_where_its_session_says_it_too() -> None:
    """Two lines for one cause hide a third."""
    own = AlarmView(alarm="off_not_confirmed", priority="high", text="", since_mono_ns=1)
    view = session(phase="unconfirmed", outcome="unconfirmed", output="unknown", alarms=(own,))

    assert ["S-1"] == [alarm.session for alarm in alarms_of(with_house(sight_of(view), DOUBT))]
    assert ["estim-1"] == [alarm.unit for alarm in alarms_of(with_house(sight_of(), DOUBT))]


def test_an_end_that_is_answered_and_off_alarms_nobody() -> None:
    """Its record stays in the chart; a line that never goes is not read any more."""
    over = asked(None, after=True, alarms=(HIGH,))
    waits = asked("skin_after", after=True, alarms=(HIGH,))
    doubtful = session(phase="unconfirmed", outcome="unconfirmed", closed=True, alarms=(HIGH,))

    assert [0, 1, 1] == [len(alarms_of(sight_of(view))) for view in (over, waits, doubtful)]


def test_the_smallest_screen_tells_the_alarm_too() -> None:
    """Somebody makes the window small; the patient is still on the table."""
    drawn = text_of(too_small_lines(sight_of(session(alarms=(HIGH,))), 40, 12))

    assert "▲▲▲ HIGH  estim-1: The unit" in drawn
    assert "The table needs" in drawn


# The bell


def one(urgency: int, **changes: object) -> ShownAlarm:
    """An alarm of a session on estim-1."""
    alarm = ShownAlarm(urgency, 1, "estim-1", "Something.", "word", "S-1")
    return msgspec.structs.replace(alarm, **changes)


def rung_at(bell: Bell, alarms: list[ShownAlarm], seconds: int, since_s: int = 1) -> list[float]:
    """The seconds at which the bell rings while these alarms stand, looked at four times a second."""
    times = [since_s * S + at * 250 * MS for at in range(seconds * 4)]
    return [now_ns / S - since_s for now_ns in times if bell.rings(alarms, now_ns)]


@pytest.mark.parametrize(
    ("urgency", "expected"),
    [(0, [0, 10, 20, 30, 40, 50]), (1, [0, 25, 50]), (2, [0])],
)
def test_the_bell_repeats_by_urgency(urgency: int, expected: list[float]) -> None:
    """IEC 60601-1-8 as makers quote it: high about every 10 s, medium about every 25 s, low once."""
    assert expected == rung_at(Bell(), [one(urgency)], 60)


def test_several_alarms_share_one_bell_and_a_new_one_is_heard_at_once() -> None:
    """Ten alarms are one calamity, not ten bells."""
    bell = Bell()
    first = rung_at(bell, [one(0), one(0, word="other"), one(1, session="S-2")], 15)
    second = rung_at(bell, [one(0), one(0, word="third")], 5, since_s=16)

    assert ([0, 10], [0]) == (first, second)


def test_nothing_rings_without_an_alarm_or_after_its_end() -> None:
    """What is over is not called again; what comes back is new."""
    bell = Bell()
    heard = [
        rung_at(bell, alarms, 15, since_s) for alarms, since_s in (([], 1), ([one(0)], 20), ([], 40), ([one(0)], 60))
    ]

    assert [[], [0, 10], [], [0, 10]] == heard


@pytest.mark.parametrize(
    ("request_", "is_silenced"),
    [
        (Answer(id=0, session="S-1", gate="skin_check", answer="fine", took_ms=1), True),
        (Pause(id=0, session="S-1"), True),
        (Stop(id=0, session="S-1"), True),
        (Stop(id=0), True),
        (Acknowledge(id=0, unit="estim-1"), True),
        (Answer(id=0, session="S-2", gate="skin_check", answer="fine", took_ms=1), False),
        (Stop(id=0, session="S-2"), False),
        (Acknowledge(id=0, unit="heat-1"), False),
        (Step(id=0, session="S-1", direction=Direction.HOLD), False),
    ],
)
def test_an_answer_silences_what_it_is_about(request_: Request, *, is_silenced: bool) -> None:
    """A bell that goes on while somebody works at it is pulled out of the wall; another table's goes on."""
    bell = Bell()
    rung_at(bell, [one(0)], 5)
    bell.answered(request_)

    assert is_silenced is (rung_at(bell, [one(0)], 30, since_s=6) == [])


def test_what_was_answered_and_is_raised_again_is_heard_again() -> None:
    """The controller says it again each minute as long as nobody knows that it is off."""
    bell = Bell()
    rung_at(bell, [one(0)], 5)
    bell.answered(Stop(id=0))
    again = rung_at(bell, [one(0, since_ns=60 * S)], 5, since_s=61)
    worse = rung_at(bell, [one(0, since_ns=60 * S), one(1, word="due")], 5, since_s=67)

    assert ([0], [0]) == (again, worse)


def test_wording_that_changes_is_no_new_alarm() -> None:
    """The seconds in a sentence are not a reason to ring."""
    bell = Bell()

    assert [0] == rung_at(bell, [one(0)], 5)
    assert [] == rung_at(bell, [one(0, text="Something else.")], 2, since_s=6)


def test_quiet_is_never_heard() -> None:
    """A ward at night: the line on the screen stays."""
    assert [] == rung_at(Bell(is_quiet=True), [one(0)], 60)


def test_no_connection_is_an_alarm_that_sending_does_not_answer() -> None:
    """A stop that could not be sent must not make it quiet."""
    bell = Bell()
    alarms = list(alarms_of(sight_of(link=Link.LOST, link_text="Gone.")))
    first = rung_at(bell, alarms, 5)
    bell.answered(Stop(id=0))

    assert ([0], [4, 14]) == (first, rung_at(bell, alarms, 20, since_s=7))


def test_a_check_that_becomes_late_is_heard_as_a_new_alarm() -> None:
    """Due is to be known; late is to be answered."""
    bell = Bell()
    heard = [
        bell.rings(alarms_of(sight_of(session(due=due(late=late)))), at * S)
        for at, late in ((1, False), (2, False), (3, True), (4, True))
    ]

    assert [True, False, True, False] == heard


def test_a_house_alarm_stands_on_every_screen_and_goes_with_its_cause() -> None:
    """While nothing runs the unit list is what people look at."""

    async def act(stage: Stage) -> None:
        told = snapshot(stage.clock)
        stage.client.push(msgspec.structs.replace(told, alarms=(TANK,)))
        await stage.settle()
        there = stage.text()
        stage.client.push(snapshot(stage.clock))
        await stage.settle()

        assert "MEDIUM  tank-1: A tank is too hot." in there
        assert "too hot" not in stage.text()

    perform(act)


def test_what_is_old_says_so_beside_an_alarm() -> None:
    """The alarm line does not hide that nothing has been heard since."""

    async def act(stage: Stage) -> None:
        await stage.see(session(alarms=(HIGH,)))
        await stage.wait(1_001)

        assert "NO DATA" in stage.text().splitlines()[0]
        assert "HIGH  estim-1" in stage.text()

    perform(act)
