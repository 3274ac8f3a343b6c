"""The connection: what is shown without one, what is tried again, and when a screen says that it is alive."""

import msgspec

from modctl.ipc.messages import Event, SignIn, Stop
from modctl.records import Alarm
from tests.tui.fakes import session
from tests.tui.stage import Stage, perform
from tests.tui.test_words import entry


def test_without_a_controller_the_screen_says_what_to_do_and_tries_each_second() -> None:
    """Somebody starts the table before the controller."""

    async def act(stage: Stage) -> None:
        drawn = stage.text()
        await stage.wait(999)
        early = len(stage.clients)
        await stage.wait(1)
        await stage.settle()

        assert "CONNECTION LOST" in drawn
        assert "modctl serve" in drawn
        assert (0, 1) == (early, len(stage.clients))

    perform(act, reachable=lambda attempt: attempt > 0)


def test_a_lost_connection_is_an_alarm_and_no_number_stays() -> None:
    """What this screen attended is being stopped, and whether it is nobody here can see."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        stage.client.cut()
        await stage.settle()
        drawn = stage.text()

        assert "▲▲▲ HIGH" in drawn
        assert "stops what this screen attends" in " ".join(drawn.split())
        assert "◇ NO DATA" in drawn
        assert "12.5" not in drawn
        assert "delivered" not in drawn

    perform(act)


def test_a_stop_without_a_connection_says_that_it_was_not_sent() -> None:
    """The worst thing a stop key can do is to look as if it had worked."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        stage.client.cut()
        await stage.settle()
        await stage.press("escape")

        assert "STOP NOT SENT" in stage.text()

    perform(act)


def test_a_stop_whose_connection_breaks_on_the_way_says_so() -> None:
    """Sent is not arrived."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        stage.client.is_lost = True  # the line is cut, and the snapshots have not ended yet
        await stage.press("escape")

        assert "STOP NOT SENT" in stage.text()

    perform(act)


def test_after_reconnecting_the_person_signs_in_again() -> None:
    """An identity belongs to its connection; the session that still runs is on the board meanwhile."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("1", "2", "3", "4", "enter")
        await stage.see(session())
        stage.client.cut()
        await stage.settle()
        await stage.wait(1_000)
        await stage.settle()
        await stage.see(session())
        drawn = stage.text()

        assert 2 == len(stage.clients)
        assert stage.clients[0].is_closed
        assert "Who works here?" in drawn
        assert "■ ENERGIZED" in drawn
        assert "STOP   Esc: estim-1" in drawn

    perform(act, pin=None)


def test_the_demonstration_signs_in_by_itself_each_time() -> None:
    """It was started with the PIN, and asks no questions."""

    async def act(stage: Stage) -> None:
        stage.client.cut()
        await stage.settle()
        await stage.wait(1_000)
        await stage.settle()

        assert [1, 1] == [sum(isinstance(told, SignIn) for told in client.requests) for client in stage.clients]

    perform(act)


def test_no_snapshot_for_a_second_is_no_data() -> None:
    """The controller may hang with its socket open; an old picture must not look like a new one."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        await stage.wait(960)  # with the sample's own 40 ms this is the last moment that counts
        fresh = stage.text()
        await stage.wait(1)
        old_sample = stage.text()
        await stage.wait(40)
        old_snapshot = stage.text()

        assert "■ ENERGIZED" in fresh
        assert "◇ NO DATA" in old_sample
        assert "● connected" in old_sample
        assert "◇ NO DATA for 1 s" in old_snapshot

    perform(act)


def test_the_screen_beats_after_its_frames() -> None:
    """The controller stops what nobody watches: a beat says that the last frame has left."""

    async def act(stage: Stage) -> None:
        before = stage.client.beats
        await stage.wait(250)
        await stage.wait(250)

        assert stage.client.beats >= before + 2

    perform(act)


def test_an_alarm_between_two_snapshots_is_still_told() -> None:
    """Events are lossless; a snapshot shows only what stands."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        alarm = Alarm(alarm="contact_lost", priority="medium", text="An electrode lost contact for a moment.")
        stage.client.chart(Event(seq=9, entry=msgspec.Raw(entry(alarm))))
        await stage.settle()

        assert "estim-1: An electrode lost contact for a moment." in stage.text()

    perform(act)


def test_a_notice_goes_after_a_while() -> None:
    """What was refused a minute ago is not news."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("3")
        before = stage.text()
        await stage.wait(8_000)

        assert "traction-1 cannot be used" in before
        assert "traction-1 cannot be used" not in stage.text()
        assert not stage.requests(Stop)

    perform(act)
