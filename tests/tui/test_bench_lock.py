"""A bench that nobody touches: what it still shows and stops, what it takes no more, and that nothing typed is lost."""

from collections.abc import Callable

import msgspec
import pytest

from modctl.ipc.hands import Lock
from modctl.ipc.messages import Answer, SignIn, Stop
from modctl.ipc.servicing import BenchRun, CheckUnit, HoldUnit
from tests.safety.knockouts import patched
from tests.tui.bench_stage import NOBODY, Stand, on_load, perform
from tests.tui.fakes import snapshot
from tests.tui.test_bench_sheets import recording
from tui.bench import app
from tui.bench.pages import Do, Page
from tui.bench.screen import BenchScreen

LOCK_AFTER_S = 60


async def left_alone(stand: Stand, *sessions: object) -> None:
    """A minute without a key, in a site that locks after a minute; the controller goes on telling."""
    views = [one for one in sessions if isinstance(one, type(on_load()))]
    stand.client.push(msgspec.structs.replace(snapshot(stand.clock, *views), lock_after_s=LOCK_AFTER_S))
    await stand.settle()
    stand.clock.advance_ms(LOCK_AFTER_S * 1_000)
    await stand.look_around()
    await stand.see(*views)


async def sign_in(stand: Stand, pin: str = "1234") -> None:
    """The name stands there already."""
    await stand.press("enter")
    await stand.enter(pin)


async def run(stand: Stand) -> None:
    """A run on a load, begun by who is signed in."""
    await stand.see()
    await sign_in(stand)
    await stand.press("enter", "r")
    for words in ("500 ohm", "200", "10000", "5000", "20", "nobody"):
        await stand.enter(words)
    await stand.see(on_load())


def test_nothing_is_locked_before_its_time_and_what_runs_stays_in_sight() -> None:
    """A key starts the time anew; the controller is told, since it is the one who refuses."""

    async def act(stand: Stand) -> None:
        await run(stand)
        stand.client.push(msgspec.structs.replace(snapshot(stand.clock, on_load()), lock_after_s=LOCK_AFTER_S))
        await stand.settle()
        stand.clock.advance_ms((LOCK_AFTER_S - 1) * 1_000)
        await stand.look_around()
        assert [] == stand.sent(Lock)
        await stand.press("down")
        await left_alone(stand, on_load())

        assert 1 == len(stand.sent(Lock))
        assert Page.RUN is stand.app.state().page
        for words in ("LOCKED", "500 ohm", "STOP   Esc, space, s, F12, Ctrl+C", "Enter asks for your PIN"):
            assert words in stand.drawn(), words

    perform(act, pin=None)


def test_stop_keys_need_nobody() -> None:
    """Locked, and while the PIN is typed too."""

    async def act(stand: Stand) -> None:
        await run(stand)
        await left_alone(stand, on_load())
        await stand.press(
            "f12", "ctrl+c", "escape", "space", "s", "colon", "s", "escape", "backspace", "enter", "escape"
        )

        assert ["B-1"] * 8 == [one.session for one in stand.sent(Stop) if isinstance(one, Stop)]
        assert "LOCKED" in stand.drawn()

    perform(act, pin=None)


def test_nothing_is_made_stronger_and_nothing_recorded_until_somebody_signs_in() -> None:
    """Every key of every page that does more than show: by its letter and from the list."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await sign_in(stand)
        await stand.press("enter", "c", "p")
        await left_alone(stand)
        asked = len(stand.client.requests)
        await stand.press("w", "x", "p", "n", "backspace", "r", "h", "colon", "w", "backspace", "down")
        shown = stand.drawn()
        sent = [one for one in stand.client.requests[asked:] if isinstance(one, CheckUnit | HoldUnit | BenchRun)]
        await stand.press("enter")
        await sign_in(stand, "9999")
        refused = stand.drawn()
        await sign_in(stand)
        await stand.press("w")

        assert [] == sent
        assert [] == stand.made.ordered
        assert Page.ITEMS in shown
        assert "This screen is locked: Enter, then your PIN. Stop needs nobody." in shown
        assert "The name or the PIN is wrong." in refused
        assert 1 == len(stand.sent(CheckUnit))

    perform(act, pin=None, script=recording)


@pytest.mark.parametrize(
    ("check", "knockout"),
    [
        (test_nothing_is_made_stronger_and_nothing_recorded_until_somebody_signs_in, (app, "CALM", frozenset(Do))),
        (test_stop_keys_need_nobody, (BenchScreen, "_stop", lambda _screen, _target: False)),
    ],
)
def test_without_its_mitigation_a_locked_bench_is_seen(
    check: Callable[[], None], knockout: tuple[object, str, object]
) -> None:
    """The knock-outs: every key counts, and no stop is sent."""
    with patched(knockout), pytest.raises(AssertionError):
        check()


def test_the_question_before_a_start_waits_for_the_pin() -> None:
    """Enter asks who is there instead of answering that nobody is connected."""

    async def act(stand: Stand) -> None:
        await run(stand)
        asking = on_load(phase="checking", output="off", gates=(NOBODY,), gate="bench_nobody")
        await stand.see(asking)
        await left_alone(stand, asking)
        await stand.press("enter")
        assert [] == stand.sent(Answer)
        assert "who works here" in stand.text()
        await sign_in(stand)
        await stand.see(asking)
        await stand.press("enter")

        assert ["nobody"] == [one.answer for one in stand.sent(Answer) if isinstance(one, Answer)]
        assert 2 == len(stand.sent(SignIn))

    perform(act, pin=None)


def test_a_half_typed_line_and_the_worksheet_are_there_again() -> None:
    """The lines taken, and the one that was being typed: a technician goes for the meter's certificate."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await sign_in(stand)
        await stand.press("enter", "o", "enter")
        await stand.enter("Fluke 87")
        await stand.press("2", "0", "2")
        before = stand.drawn()
        await left_alone(stand)
        hidden = stand.drawn()
        await stand.press("enter")
        await sign_in(stand)
        after = stand.drawn()

        assert "202" == stand.line()
        assert before.splitlines()[-7:-4] == after.splitlines()[-7:-4]
        assert "LOCKED" in hidden
        assert "LOCKED" not in after

    perform(act, pin=None, script=recording)


def test_what_is_not_recorded_cannot_be_thrown_away_at_a_locked_screen() -> None:
    """Leaving twice loses a worksheet; that is for who typed it."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await sign_in(stand)
        await stand.press("enter", "c", "p")
        await left_alone(stand)
        await stand.press("ctrl+q", "ctrl+q", "q")

        assert "Typed, but not recorded: estim-1." in stand.drawn()
        assert stand.app.is_running

    perform(act, pin=None, script=recording)


def test_who_typed_no_pin_is_not_locked_out() -> None:
    """The demonstration signs in by itself."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await left_alone(stand)

        assert [] == stand.sent(Lock)

    perform(act)
