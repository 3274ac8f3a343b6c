"""The technician's screen against a scripted controller: what it shows and asks for, and what its stop keys stop."""

from pathlib import Path

import msgspec

from devices.bench import Clear, Inject
from modctl.ipc.messages import Answer, Stop
from modctl.ipc.servicing import BenchRun, HoldUnit, ReleaseUnit
from tests.tui.bench_stage import NOBODY, TRUTH, Stand, begun, on_load, perform
from tests.tui.fakes import session


def test_the_list_shows_true_beside_reported_and_how_the_lines_do() -> None:
    """A unit that reports off and gives output must be seen from the list."""

    async def act(stand: Stand) -> None:
        stand.made.truth = (msgspec.structs.replace(TRUTH, energized=True, output=7000, faults=("stuck-on",)),)
        await stand.see()
        await stand.look_around()

        row = next(line for line in stand.text().splitlines() if "estim-1" in line)
        assert ["ready", "□ OFF", "■ 7000 uA", "SIM-0001", "never"] == [
            word for word in ("ready", "□ OFF", "■ 7000 uA", "SIM-0001", "never") if word in row
        ]
        assert "5" == row.split()[-1]
        assert "estim-1 has: stuck-on" in stand.text()

    perform(act)


def test_a_wrong_pin_is_said_and_asked_for_again() -> None:
    """Nobody services a unit without a name under it."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter")
        await stand.enter("9999")

        assert "The name or the PIN is wrong." in stand.text()
        assert "nobody is signed in" in stand.text()
        await stand.press("enter")
        await stand.enter("1234")

        assert "technician is signed in as technician." in stand.text()

    perform(act, pin=None)


def test_no_patient_is_shown_whoever_is_signed_in() -> None:
    """An administrator may see patients elsewhere; here nobody does."""

    async def act(stand: Stand) -> None:
        await stand.see(session())
        for keys in ((), ("enter",), ("t",), ("backspace", "r")):
            await stand.press(*keys)

            assert not [word for word in ("Ada", "P-001", "hip", "TENS", "right") if word in stand.text()]

    perform(act)


def test_a_unit_s_page_says_what_went_wrong_on_its_line() -> None:
    """Late, foreign, malformed and bad CRC are different ills."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter")
        await stand.look_around()

        assert "late 2, corrupt 3" in stand.text()
        assert "p50 20.0 ms, p99 20.0 ms, over 1 of 2 frames" in stand.text()
        assert "no adapter at run/bench/estim-1" in stand.text()

    perform(act)


def test_faults_are_thrown_combined_and_taken_back_one_by_one() -> None:
    """Real faults come together, and go one by one."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter", "f")
        await stand.press("enter")  # silence has no numbers: it acts at once
        await stand.press("down", "enter")
        await stand.enter(" for_ms=5000")
        await stand.see()

        assert "faults now: silence, run-away" in stand.text()
        assert "● silence" in stand.text()
        await stand.press("x")
        await stand.see()

        assert "faults now: silence" in stand.text()
        await stand.press("c")
        await stand.see()

        assert "faults now: none" in stand.text()
        run_away = (("gain_permille", 2000), ("ramp_ms", 500))
        assert [
            Inject(name="estim-1", fault="silence"),
            Inject(name="estim-1", fault="run-away", parameters=run_away, for_ms=5000),
            Clear(name="estim-1", fault="run-away"),
            Clear(name="estim-1"),
        ] == stand.made.ordered

    perform(act)


def test_without_simulators_the_screen_says_how_to_start_them() -> None:
    """A true output that cannot be known is not off."""

    async def act(stand: Stand) -> None:
        stand.made.is_there = False
        await stand.see()

        assert "Start them with: modctl sim run" in stand.text()
        assert "□ OFF       -" in stand.text()

    perform(act)


def test_the_wire_is_read_filtered_and_saved() -> None:
    """What is looked for is found, and what was found is kept."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter", "t")
        await stand.look_around()

        assert "→ query     01 03 00" in stand.text()
        assert "←           01 03 1e" in stand.text()
        await stand.press("slash")
        await stand.enter("energize")

        assert "→ energize  01 06 ff" in stand.text()
        assert "01 03" not in stand.text()
        await stand.press("w")
        await stand.enter("there")

        assert "a trace replaces nothing" in stand.text()
        await stand.press("w")
        await stand.enter("wire")

        assert [(Path("wire"), "estim-1", 1)] == stand.made.saved

    perform(act)


def test_a_hold_needs_a_reason() -> None:
    """Whoever stands at a table must read why."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter", "h", "enter")

        assert "This is needed." in stand.text()
        await stand.enter("cable worn")
        await stand.press("l")

        assert [("cable worn", None)] == [
            (message.reason, None) for message in stand.sent(HoldUnit) if isinstance(message, HoldUnit)
        ]
        assert ["estim-1"] == [message.unit for message in stand.sent(ReleaseUnit) if isinstance(message, ReleaseUnit)]

    perform(act)


def test_a_run_states_everything_and_each_question_is_answered_by_a_person() -> None:
    """Nothing is filled in: neither a level, nor that nobody is connected."""

    async def act(stand: Stand) -> None:
        await begun(stand)

        wanted = (("pulse_width_us", 200), ("period_us", 10_000), ("current_ua", 5_000))
        asked = [message for message in stand.sent(BenchRun) if isinstance(message, BenchRun)]
        assert [("500 ohm", True, wanted, 20_000)] == [
            (one.load, one.nobody_connected, one.set, one.duration_ms) for one in asked
        ]
        await stand.see(on_load(phase="checking", output="off", gates=(NOBODY,), gate="bench_nobody"))

        assert "Is nobody connected?" in stand.text()
        assert "500 ohm; nobody is connected" not in stand.text()
        await stand.press("down", "enter")

        answers = [message for message in stand.sent(Answer) if isinstance(message, Answer)]
        assert [("B-1", "bench_nobody", "somebody")] == [(one.session, one.gate, one.answer) for one in answers]

    perform(act)


def test_a_run_is_not_asked_for_until_nobody_is_connected() -> None:
    """Enter alone, or any other word, states nothing."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter", "r")
        for line in ("500 ohm", "200", "10000", "5000", "20", "", "yes "):
            await stand.enter(line)

        assert [] == stand.sent(BenchRun)
        assert "Type nobody if it is so" in stand.text()

    perform(act)


def test_every_stop_key_stops_a_run_at_once() -> None:
    """Stop never asks, from any page of the unit."""

    async def act(stand: Stand) -> None:
        await begun(stand)
        await stand.see(on_load())
        for key in ("f12", "ctrl+c", "escape", "space", "s"):
            stand.clock.advance_ms(500)
            await stand.see(on_load())
            await stand.press("f", key)

        assert [("B-1", None)] * 5 == [(one.session, one.unit) for one in stand.sent(Stop) if isinstance(one, Stop)]
        assert "STOP sent: estim-1: bench run on 500 ohm" in stand.text()

    perform(act)


def test_what_is_being_typed_does_not_hold_up_a_stop() -> None:
    """A question on the screen is no reason to go on; in a line s and space are letters."""

    async def act(stand: Stand) -> None:
        await begun(stand)
        await stand.see(on_load())
        for key in ("f12", "ctrl+c", "escape"):
            stand.clock.advance_ms(500)
            await stand.see(on_load())
            await stand.press("o", "enter", "s", "space")  # the next time its page is there already

            assert "STOP   Esc, F12, Ctrl+C: estim-1" in stand.text()
            await stand.press(key)

        assert ["B-1"] * 3 == [one.session for one in stand.sent(Stop) if isinstance(one, Stop)]

    perform(act)


def test_a_screen_that_runs_something_is_not_left() -> None:
    """Leaving would stop it without anybody having said stop."""

    async def act(stand: Stand) -> None:
        await begun(stand)
        await stand.see(on_load())
        await stand.press("ctrl+q")

        assert "Not while this screen runs something" in stand.text()
        await stand.see(on_load(phase="ended", outcome="stopped", output="off"))
        await stand.press("ctrl+q")

        assert 0 == stand.app.return_code

    perform(act)
