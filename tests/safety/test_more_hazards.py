"""The hazards that lie beside the engine, each with its knock-out; and every quick check with one of its row's."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from devices.limits import Mark, Max
from devices.profile import load
from modctl.clock import SystemClock
from modctl.config import Layout, load_site
from modctl.controller.frontdesk import FrontDesk
from modctl.controller.startup import take_lock
from modctl.engine.core_events import Begin
from modctl.errors import RefusedError
from modctl.ipc.messages import Refused
from modctl.virtual.bench import Seen
from modctl.virtual.hazards import Hazard, hazards
from modctl.virtual.quick import QUICK
from tests.process.small_site import lay_down
from tests.safety import knockouts as ko
from tests.safety import more_knockouts as more
from tests.safety import test_hazards as on_the_engine
from tests.safety.test_hazards import P24, TENS
from tests.scenario.table import Table
from tests.tui.fakes import asked, second_session
from tests.tui.stage import Stage, perform
from tests.unit.controller.frontdesks import START, Desk


def quick(row: str) -> Seen:
    """The quick check of a row, which has to hold."""
    seen = QUICK[row]()

    assert seen.passed, seen.saw
    return seen


def test_h23_a_head_that_is_too_warm_ends_the_session() -> None:
    """Before the unit's own limit, two degrees above."""
    assert "hard-us-head" in quick("H23").saw


def test_h24_too_much_ultrasound_for_its_area_is_refused() -> None:
    """The same minutes over half the area are twice the dose."""
    assert "hard-us-dose" in quick("H24").saw


def test_h25_a_pull_that_is_stronger_than_set_is_ended() -> None:
    """A rope that pulls a third more than it was told, and one whose patient could not stop it."""
    assert "limit:tx-overforce" in quick("H25").saw


def test_h26_a_frame_that_the_map_does_not_have_is_unknown_and_never_written() -> None:
    """There is no word for a motion: not in the driver, and not past the gate."""
    assert "not a writable register" in quick("H26").saw


def test_h30_a_current_is_judged_by_the_electrode_that_it_passes() -> None:
    """What a large pad takes burns under a small one."""
    assert "hard-es-density" in quick("H30").saw


def test_h31_a_site_has_one_controller() -> None:
    """The second one is told so, and nothing was changed."""
    with tempfile.TemporaryDirectory() as root:
        layout = Layout(Path(root))
        first = take_lock(layout)
        try:
            told = _second_lock(layout)
        finally:
            os.close(first)

    assert "Another controller" in told


def _second_lock(layout: Layout) -> str:
    try:
        os.close(take_lock(layout))
    except RefusedError as why:
        return str(why)
    return ""


def test_h36_a_stop_key_is_heard_wherever_the_focus_is() -> None:
    """On a question, with the map of keys over it, and in a field that would copy its text with Ctrl+C."""
    heard: list[list[str | None]] = []

    async def on_a_question(stage: Stage) -> None:
        await stage.see(asked("confirm"), second_session())
        await stage.press("n", "1", "question_mark", "space", "s", "escape", "f12", "ctrl+c")
        heard.append(stage.stops())

    async def in_a_field(stage: Stage) -> None:
        await stage.see(second_session())
        await stage.press("shift+tab", "home", "shift+end")  # a field whose text is selected copies it
        await stage.press("escape", "f12", "ctrl+c")
        heard.append(stage.stops())

    perform(on_a_question)
    perform(in_a_field, pin=None)

    assert [["S-2", "S-2", "S-2", None, None], ["S-2", None, None]] == heard


def test_h40_an_altered_preset_is_not_the_approved_one() -> None:
    """Not one bit of it."""
    assert quick("H40").saw.startswith("0 of 400")


def test_h41_a_limit_is_never_wider_than_the_one_above_it() -> None:
    """One microampere more than the hard row, in a profile: no session, and the row is named."""
    quick("H41")
    profile = load(P24)
    wider = Max(id="amplitude", parameter="current_ua", bound=110_001, source="somebody", mark=Mark.CHOSEN)
    table = Table(P24, profiles={P24: msgspec.structs.replace(profile, limit=(*profile.limit, wider))})
    table.ask(P24, TENS)

    assert "limit_widened" == table.world.replies[-1].code


def test_h45_a_controller_whose_files_were_replaced_begins_nothing() -> None:
    """Two versions at one table: what runs goes on with what it has loaded, and nothing new begins."""
    with tempfile.TemporaryDirectory() as root:
        layout = lay_down(Path(root) / "site")
        desk = Desk(layout, load_site(layout.root))
        unchanged = desk.begin(START)
        desk.front.close()
        desk.front = FrontDesk(
            layout.people, layout.presets, load_site(layout.root), SystemClock(), "modctl 1", lambda: "modctl 2"
        )
        answer = desk.begin(START)
        desk.front.close()

    assert isinstance(unchanged, Begin)
    assert isinstance(answer, Refused)
    assert "updated" == answer.code


def test_h46_a_simulator_is_not_used_at_a_site_for_real_units() -> None:
    """It says what it is, and that is the end of it."""
    assert "simulator" in quick("H46").saw


def test_h47_every_word_of_a_level_register_comes_back_and_nothing_beyond_it_is_said() -> None:
    """All 65,536 of each; what does not fit is refused, not moved."""
    assert quick("H47").saw.endswith("0 wrong")


def test_h56_a_head_on_the_table_ends_by_its_temperature() -> None:
    """The unit believes in its contact; its own warmth gives it away."""
    assert "hard-us-head" in quick("H56").saw


def test_h57_a_stop_releases_a_pull_at_the_set_rate_and_a_second_press_faster() -> None:
    """A limb that is let go at once hurts; one that must be free is free."""
    quick("H57")


def test_h58_a_site_for_real_units_takes_no_answers_from_a_file() -> None:
    """The statements at the table are a person's."""
    with tempfile.TemporaryDirectory() as root:
        layout = lay_down(Path(root) / "site")
        site = load_site(layout.root)
        desk = Desk(layout, msgspec.structs.replace(site, site=msgspec.structs.replace(site.site, simulated=False)))
        answer = desk.begin(START)
        desk.front.close()

    assert isinstance(answer, Refused)


KNOCKOUTS: list[tuple[Callable[[], None], ko.Knockout]] = [
    (test_h23_a_head_that_is_too_warm_ends_the_session, more.without_head_temperature),
    (test_h24_too_much_ultrasound_for_its_area_is_refused, more.without_dose_by_area),
    (test_h25_a_pull_that_is_stronger_than_set_is_ended, ko.without_deviation),
    (test_h26_a_frame_that_the_map_does_not_have_is_unknown_and_never_written, more.with_every_register_known),
    (test_h30_a_current_is_judged_by_the_electrode_that_it_passes, more.without_density),
    (test_h31_a_site_has_one_controller, more.without_file_locks),
    (test_h36_a_stop_key_is_heard_wherever_the_focus_is, more.without_priority_of_stop_keys),
    (test_h40_an_altered_preset_is_not_the_approved_one, more.without_hashes_of_presets),
    (test_h41_a_limit_is_never_wider_than_the_one_above_it, more.without_narrowing),
    (test_h45_a_controller_whose_files_were_replaced_begins_nothing, more.without_a_look_at_the_site),
    (test_h46_a_simulator_is_not_used_at_a_site_for_real_units, ko.without_identity),
    (
        test_h47_every_word_of_a_level_register_comes_back_and_nothing_beyond_it_is_said,
        more.with_clamping_registers,
    ),
    (test_h56_a_head_on_the_table_ends_by_its_temperature, more.without_head_temperature),
    (
        test_h57_a_stop_releases_a_pull_at_the_set_rate_and_a_second_press_faster,
        more.with_every_release_at_full_speed,
    ),
    (test_h58_a_site_for_real_units_takes_no_answers_from_a_file, more.without_a_look_at_the_site),
]


@pytest.mark.parametrize(("check", "knockout"), [pytest.param(*pair, id=pair[0].__name__[5:]) for pair in KNOCKOUTS])
def test_without_its_mitigation_a_hazard_is_seen(check: Callable[[], None], knockout: ko.Knockout) -> None:
    """A test that stays green when its mitigation is gone proves nothing."""
    with knockout(), pytest.raises(AssertionError):
        check()


def test_every_hazard_here_has_a_knockout() -> None:
    """Nobody can add one half without the other."""
    here = {name for name in globals() if name.startswith("test_h")}

    assert here == {check.__name__ for check, _knockout in KNOCKOUTS}


BY_NAME = {knockout.__name__: knockout for _check, knockout in (*on_the_engine.KNOCKOUTS, *KNOCKOUTS)}


@pytest.mark.parametrize("row", [row for row in hazards() if row.id in QUICK], ids=lambda row: row.id)
def test_a_quick_check_holds_and_fails_without_its_mitigation(row: Hazard) -> None:
    """What ``modctl hazards`` prints can be red: with at least one knock-out of its row it is."""
    quick(row.id)
    red = []
    for name in (name for name in row.knockouts if name in BY_NAME):
        with BY_NAME[name]():
            red.append(not QUICK[row.id]().passed)

    assert any(red)
