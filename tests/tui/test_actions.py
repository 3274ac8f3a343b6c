"""One source of keys, help line, map and list of actions: what is offered is what happens, and nothing else is."""

import pytest

from devices.model import Direction
from modctl.ipc.hands import TakeOver
from modctl.ipc.messages import Pause, Request, Resume, SessionView, Step
from tests.tui.fakes import asked, second_session, session
from tests.tui.stage import SIZE, Stage, drawn, perform
from tui.acts import CATALOGUE, every_act, help_words, map_rows
from tui.looks import line as line_of
from tui.looks import width_of
from tui.screens.base import TableScreen
from tui.widgets.choices import Choices

RUNS = second_session()
# Where a person may be, and how they get there: what the list says must fit all of it.
PLACES: dict[str, tuple[tuple[SessionView, ...], tuple[str, ...]]] = {
    "units": ((), ()),
    "patients": ((), ("1",)),
    "presets": ((), ("1", "down", "enter")),
    "question": ((asked("identify"),), ("tab",)),
    "confirm": ((asked("confirm"),), ("tab",)),
    "running": ((session(),), ()),
    "paused": ((session(phase="paused", output="off"),), ()),
    "two run": ((session(), RUNS), ("1",)),
    "end": ((asked("skin_after", after=True),), ("tab",)),
}


def top(stage: Stage) -> TableScreen:
    """The screen of the table that a person looks at, or that lies under the list."""
    return next(one for one in reversed(stage.app.screen_stack) if isinstance(one, TableScreen))


def listed(stage: Stage) -> list[str]:
    """The lines of the list."""
    rows = stage.app.screen.query_one(Choices).lines
    return ["".join(span.text for span in row).strip() for row in rows]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
def test_the_list_holds_what_the_help_line_names(place: str, key: str) -> None:
    """Every key that is named on the help line and does something stands in the list, and the other way round."""
    views, way = PLACES[place]

    async def act(stage: Stage) -> None:
        await stage.see(*views)
        await stage.press(*way)
        await stage.wait(600)  # where something is about to be confirmed, keys count after half a second
        offers = top(stage).all_offers()
        help_line = stage.text().splitlines()[-1]
        await stage.press(key)
        shown = "\n".join(listed(stage))

        assert "Back: close this list" in listed(stage)[0]
        for offer in offers:
            assert offer.act in every_act(), f"{offer.act.word} is not in the map"
            if offer.run is not None and offer.act.word not in ("more", "back"):
                assert (offer.key.capitalize() or offer.act.shown) in shown
        assert help_line.endswith("? keys  : more")

    perform(act)


def test_the_help_line_names_no_key_that_does_nothing_here() -> None:
    """No digit chooses a patient, and no fault is cleared where there is none."""

    async def act(stage: Stage) -> None:
        await stage.see()
        units = stage.text().splitlines()[-1]
        await stage.press("1")
        patients = stage.text().splitlines()[-1]

        assert "digit: choose" in units
        assert "clear fault" not in units
        assert "↑ ↓ Enter: choose" in patients

    perform(act)


def test_an_action_is_done_by_choosing_it() -> None:
    """Down to *raise*, Enter: one step up, and the list is gone."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        await stage.press("colon")
        shown = listed(stage)
        at = next(index for index, row in enumerate(shown) if "Raise by 0.5 mA, at most to 30.0 mA" in row)
        await stage.press(*["down"] * at, "enter")
        steps = [one.direction for one in stage.requests(Step) if isinstance(one, Step)]

        assert Direction.UP in steps
        assert "Back: close this list" not in stage.text()

    perform(act)


@pytest.mark.parametrize(("key", "kind"), [("p", Pause), ("h", TakeOver)])
def test_an_actions_own_key_does_it_from_the_list_too(key: str, kind: type[Request]) -> None:
    """Who has just learnt the key may press it."""

    async def act(stage: Stage) -> None:
        await stage.see(session(person="kim"))
        await stage.press("colon", key)

        assert 1 == len(stage.requests(kind))
        assert "Back: close this list" not in stage.text()

    perform(act)


def test_the_list_follows_what_happens() -> None:
    """Paused while the list is open: *resume* is there, *raise* is not, and its key raises nothing."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        await stage.press("colon")
        before = "\n".join(listed(stage))
        await stage.see(session(phase="paused", output="off"))
        after = "\n".join(listed(stage))
        await stage.press("plus")

        assert ("Raise by" in before, "Resume estim-1" in before) == (True, False)
        assert ("Raise by" in after, "Resume estim-1" in after) == (False, True)
        assert not [one for one in stage.requests(Step) if isinstance(one, Step) and one.direction is Direction.UP]
        assert not stage.requests(Resume)

    perform(act)


@pytest.mark.parametrize("closer", ["backspace", "colon", "ctrl+p", "enter"])
def test_the_list_goes_away_and_has_done_nothing(closer: str) -> None:
    """The first line is *back*: Enter by mistake starts, raises and stops nothing."""

    async def act(stage: Stage) -> None:
        await stage.see(session())
        await stage.press("ctrl+p", closer)

        assert "Back: close this list" not in stage.text()
        assert not stage.stops()
        assert {Direction.HOLD} >= {one.direction for one in stage.requests(Step) if isinstance(one, Step)}

    perform(act)


@pytest.mark.parametrize("size", [SIZE, (132, 43)])
def test_stop_keys_work_while_the_list_is_open_and_say_what_they_stop(size: tuple[int, int]) -> None:
    """A list is nothing that a stop waits for."""

    async def act(stage: Stage) -> None:
        await stage.see(session(), RUNS)
        await stage.press("1", "colon")
        there = stage.text()
        await stage.press("space", "s", "escape", "f12", "ctrl+c")

        assert ["S-1", "S-1", "S-1", None, None] == stage.stops()
        assert "STOP   Esc, space, s: estim-1, Ada Example   F12, Ctrl+C: ALL 2 sessions" in there
        assert "Stop estim-1, Ada Example" in there
        assert "Stop ALL 2 sessions" in there
        assert there.count("■ ENERGIZED") >= 2

    perform(act, size=size)


def test_in_a_field_the_list_opens_and_a_colon_is_a_colon() -> None:
    """Ctrl+P needs no free hand for Tab; the typed text is still there afterwards."""

    async def act(stage: Stage) -> None:
        await stage.see()
        await stage.press("1", "colon", "ctrl+p")
        there = stage.text()
        await stage.press("backspace")

        assert "Back: close this list" in there
        assert "Who works here?" in stage.text()

    perform(act, pin=None)


def test_every_act_is_in_the_map_once_and_fits_the_smallest_screen() -> None:
    """Sixteen lines beside the states of four sessions and the stop line: nothing scrolls away."""
    rows = map_rows()

    assert len(set(every_act())) == len(every_act())
    assert len(rows) <= SIZE[1] - 7  # four states, an empty line, the stop line, how it is closed
    assert len(CATALOGUE) + 2 == len(rows)
    assert all(len(does) <= SIZE[0] - 20 for _, does in rows)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("cells", [38, 78, 130])
def test_the_help_line_fits_and_keeps_its_two_doors(place: str, cells: int) -> None:
    """What does not fit is left out whole; the map and the list never are."""
    views, way = PLACES[place]

    async def act(stage: Stage) -> None:
        await stage.see(*views)
        await stage.press(*way)
        words = help_words(top(stage).all_offers(), cells)

        assert width_of(line_of(words)) <= cells
        assert words.endswith("? keys  : more")
        assert "…" not in words
        assert drawn(stage.app)

    perform(act)
