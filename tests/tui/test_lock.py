"""A screen that nobody touches: what it still shows, what it still takes, and how it comes back; and handing over."""

from modctl.ipc.hands import Lock, TakeOver
from modctl.ipc.messages import Pause, Request, Resume, SignIn, Step
from tests.tui.fakes import asked, session
from tests.tui.stage import LOCK_AFTER_S, PIN_KEYS, Stage, idle, locked, perform

MINE = session(person="therapist")


def test_nothing_is_locked_before_its_time_and_everything_after() -> None:
    """A key starts the time anew; the controller is told, since it is the one who refuses."""

    async def act(stage: Stage) -> None:
        await stage.see(MINE)
        await stage.press(*PIN_KEYS)
        stage.client.push(idle(stage, MINE))
        await stage.settle()
        await stage.wait((LOCK_AFTER_S - 1) * 1_000)
        await stage.press("tab")
        await stage.wait((LOCK_AFTER_S - 1) * 1_000)
        before = len(stage.requests(Lock))
        await stage.wait(1_000)

        assert (0, 1) == (before, len(stage.requests(Lock)))
        assert "LOCKED" in stage.text()

    perform(act, pin=None)


def test_a_running_session_stays_in_sight() -> None:
    """State, level and time, as before: a lock must not blind whoever comes back to the table."""

    async def act(stage: Stage) -> None:
        await locked(stage, MINE)
        shown = stage.text()

        assert "■ ENERGIZED" in shown
        assert "12.5 mA" in shown
        assert "Enter asks for your PIN" in shown

    perform(act, pin=None)


def test_a_locked_screen_raises_and_resumes_nothing_but_lowers_and_pauses() -> None:
    """What makes it weaker needs nobody."""

    async def act(stage: Stage) -> None:
        await locked(stage, MINE)
        await stage.press("plus", "n", "h", "minus", "p")
        asked_for = [type(one) for one in stage.requests(Step, Pause, Resume, TakeOver)]
        directions = [one.direction for one in stage.requests(Step) if isinstance(one, Step)]

        assert "up" not in directions
        assert "down" in directions
        assert Pause in asked_for
        assert Resume not in asked_for
        assert "Which unit?" not in stage.text()

    perform(act, pin=None)


def test_who_is_treated_is_not_left_on_a_locked_screen_while_nothing_runs() -> None:
    """Questions before a start name a person; they make room for the PIN and are there again afterwards."""

    async def act(stage: Stage) -> None:
        asking = asked("identify")
        await stage.see(asking)
        await stage.press(*PIN_KEYS, "1")
        await stage.see(asking)
        shown = stage.text()
        stage.client.push(idle(stage, asking))
        await stage.settle()
        await stage.wait(LOCK_AFTER_S * 1_000)
        hidden = stage.text()
        await stage.press(*PIN_KEYS)
        await stage.see(asking)

        assert "Who is on the table?" in shown
        assert "Who works here?" in hidden
        assert "born 1956" not in hidden
        assert "Who is on the table?" in stage.text()

    perform(act, pin=None)


def test_the_pin_unlocks() -> None:
    """Enter, the PIN, and the level may be raised again."""

    async def act(stage: Stage) -> None:
        await locked(stage, MINE)
        await stage.press("enter")
        asked_for = stage.text()
        await stage.press(*PIN_KEYS)
        await stage.see(MINE)
        await stage.press("plus")

        assert "PIN" in asked_for
        assert ["therapist"] * 2 == [one.user for one in stage.requests(SignIn) if isinstance(one, SignIn)]
        assert "LOCKED" not in stage.text()
        assert ["up"] == [str(one.direction) for one in stage.requests(Step) if isinstance(one, Step)]

    perform(act, pin=None)


def test_somebody_elses_session_is_taken_over_with_a_key_and_ones_own_is_not() -> None:
    """The key is named where it means something; anywhere else it holds, as every other key."""

    async def act(stage: Stage) -> None:
        requests: list[list[Request]] = []
        for whose in ("kim", "therapist"):
            await stage.bring(session(person=whose))
            shown = stage.text()
            await stage.press("h")
            requests.append(stage.requests(TakeOver))

            assert ("h take over" in shown) is (whose == "kim")

        assert [1, 1] == [len(one) for one in requests]

    perform(act)
