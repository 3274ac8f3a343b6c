"""The bench's list of actions and its map: read from the one table of keys, over the page and never in its way."""

import msgspec
import pytest

from modctl.ipc.messages import Answer, Stop
from modctl.ipc.servicing import HoldUnit
from tests.tui.bench_stage import NOBODY, TRUTH, Stand, begun, on_load, perform
from tests.tui.test_bench_sheets import recording
from tui.bench.offered import map_rows
from tui.bench.pages import CALM, KEYS, Do, Page, does, page_letters
from tui.widgets.choices import Choices

# The way to every page from the list of units; a page that asks for a run or a record has one.
WAYS: dict[Page, tuple[str, ...]] = {
    Page.UNITS: (),
    Page.UNIT: ("enter",),
    Page.FAULTS: ("enter", "f"),
    Page.TRACE: ("enter", "t"),
    Page.POINTS: ("enter", "o"),
    Page.ITEMS: ("enter", "c"),
    Page.RECORD: ("enter", "c", "w"),
    Page.RACK: ("m",),
    Page.MODELS: ("m", "n"),
}
LIST = "Back: close this list"


def listed(stand: Stand) -> list[str]:
    """The lines of the list."""
    rows = stand.app.screen.query_one(Choices).lines
    return ["".join(span.text for span in row).strip() for row in rows]


@pytest.mark.parametrize("page", WAYS)
def test_the_list_holds_every_key_of_the_page_with_what_it_does_to_what(page: Page) -> None:
    """What the table of keys has is in the list, and the keys of no other page are."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press(*WAYS[page])
        await stand.look_around()
        subject = stand.app.state().subject()
        await stand.press("colon")
        shown = "\n".join(listed(stand))

        assert page is stand.app.state().page
        assert LIST in listed(stand)[0]
        for letter in page_letters(page):
            told = letter.act.does.format(it=subject)
            is_done = letter.does not in (Do.MOVE, Do.BACK, Do.LIST)
            assert is_done is (f"{told[0].upper()}{told[1:]}"[:50] in shown), told

    perform(act, script=recording, size=(132, 43))


def test_every_page_has_its_way_here() -> None:
    """A run's own page is tested with its run below."""
    assert set(Page) - {Page.RUN} == set(WAYS)


def test_an_action_is_done_by_choosing_it_and_by_its_own_key() -> None:
    """Both ask what the key itself asks, and the list is gone."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter", "colon")
        at = next(index for index, row in enumerate(listed(stand)) if "Take estim-1 out of service" in row)
        await stand.press(*["down"] * at, "enter")
        assert "why estim-1 is taken out of service" in stand.text()
        await stand.enter("loose socket")
        await stand.press("colon", "h")
        await stand.enter("loose socket")

        assert ["estim-1"] * 2 == [one.unit for one in stand.sent(HoldUnit) if isinstance(one, HoldUnit)]
        assert LIST not in stand.drawn()

    perform(act)


@pytest.mark.parametrize("closer", ["backspace", "colon", "ctrl+p", "enter", "escape"])
def test_the_list_goes_away_and_has_done_nothing(closer: str) -> None:
    """The page under it is the one that was left."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter", "colon")
        asked = len(stand.client.requests)
        await stand.press(closer)

        assert LIST not in stand.drawn()
        assert Page.UNIT is stand.app.state().page
        assert not [one for one in stand.client.requests[asked:] if isinstance(one, Stop | HoldUnit)]

    perform(act)


def test_in_a_line_a_colon_is_a_colon_and_what_is_typed_outlives_the_list() -> None:
    """Ctrl+P opens it there; closed again, the words are as they were and go on being typed."""

    async def act(stand: Stand) -> None:
        await stand.see()
        await stand.press("enter", "h", "a", "colon", "b", "ctrl+p")
        there = stand.drawn()
        await stand.look_around()
        await stand.press("backspace", "c")

        assert LIST in there
        assert "a:bc" == stand.line()

    perform(act)


def test_a_question_before_a_start_is_not_answered_from_the_list() -> None:
    """The list would hide what is asked; closed again, Enter answers."""

    async def act(stand: Stand) -> None:
        asking = on_load(phase="checking", output="off", gates=(NOBODY,), gate="bench_nobody")
        await begun(stand)
        await stand.see(asking)
        await stand.press("colon")
        shown = listed(stand)
        await stand.press("enter")
        assert [] == stand.sent(Answer)
        await stand.press("enter")

        assert not [row for row in shown if "answer" in row]
        assert ["nobody"] == [one.answer for one in stand.sent(Answer) if isinstance(one, Answer)]

    perform(act)


def test_what_happens_under_the_list_is_drawn_under_it_and_said_over_it() -> None:
    """Snapshots, simulators and answers go on coming; the list follows, and the page is right when it closes."""

    async def act(stand: Stand) -> None:
        await begun(stand)
        await stand.press("colon")
        await stand.see(on_load())
        stand.made.truth = (msgspec.structs.replace(TRUTH, energized=True, output=7_000),)
        stand.app.say("something that happened")
        await stand.look_around()
        over = stand.drawn()
        await stand.press("backspace")

        assert "■ 7000 uA" in over
        assert "something that happened" in over
        assert "something that happened" in stand.drawn()
        assert "500 ohm" in stand.drawn()

    perform(act)


def test_the_map_names_every_key_of_every_page_and_fits_the_smallest_screen() -> None:
    """Beside a unit that runs, its head, two lines of what happened, the stop line and how it is closed."""
    rows = map_rows()
    words = "\n".join(told for _, told in rows)

    assert all(f"{one.act.shown} {one.act.word}" in words for letters in KEYS.values() for one in letters)
    assert 24 - 6 >= len(rows)
    assert all(len(told) <= 80 - 20 for _, told in rows)


@pytest.mark.parametrize("page", Page)
def test_no_page_uses_a_key_twice(page: Page) -> None:
    """A key that means two things is a key that does the wrong one."""
    keys = [key for letter in page_letters(page) for key in letter.act.keys]

    assert sorted(set(keys)) == sorted(keys)
    assert all(does(page, key) is not None for key in keys)
    assert not {Do.RUN, Do.ENTER, Do.RECORD, Do.START, Do.HOLD} & CALM
