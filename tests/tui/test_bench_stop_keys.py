"""Every stop key of the bench, from every page and every line that is typed, while something runs on a load."""

import pytest

from modctl.ipc.messages import Stop
from tests.safety.more_knockouts import without_priority_of_stop_keys
from tests.tui.bench_stage import Stand, begun, on_load, perform
from tests.tui.test_bench_sheets import recording
from tui.bench.app import BenchApp
from tui.bench.pages import Page
from tui.bench.typed import Typed

EVERYWHERE = ("f12", "ctrl+c")
OF_WHAT_IS_SHOWN = ("escape", "space", "s")
RECORDED = ("c", "w")  # a check, recorded as empty as it is

# The keys from the run's own page on, and whether they end in a line that is typed.
ON_ITS_UNIT: dict[str, tuple[tuple[str, ...], Page, bool]] = {
    "run": ((), Page.RUN, False),
    "unit": (("backspace",), Page.UNIT, False),
    "faults": (("f",), Page.FAULTS, False),
    "numbers of a fault": (("f", "down", "enter"), Page.FAULTS, True),
    "trace": (("t",), Page.TRACE, False),
    "filter": (("t", "slash"), Page.TRACE, True),
    "file of the trace": (("t", "w"), Page.TRACE, True),
    "why it is held": (("backspace", "h"), Page.UNIT, True),
    "statement": (("backspace", "a"), Page.UNIT, True),
    "points": (("backspace", "o"), Page.POINTS, False),
    "meter": (("backspace", "o", "enter"), Page.POINTS, True),
    "what is on the output": (("backspace", "o", "down", "enter"), Page.POINTS, True),
    "reading": (("o",), Page.POINTS, True),
    "note": (("backspace", "o", "end", "down", "down", "down", "enter"), Page.POINTS, True),
    "checks": (("backspace", "c"), Page.ITEMS, False),
    "an item": (("backspace", "c", "enter"), Page.ITEMS, True),
    "record": (("backspace", *RECORDED), Page.RECORD, False),
    "file of the report": (("backspace", *RECORDED, "w"), Page.RECORD, True),
    "why it is held after a record": (("backspace", *RECORDED, "h"), Page.RECORD, True),
}
# No unit is shown: what this screen runs is what is shown.
ON_A_LIST: dict[str, tuple[tuple[str, ...], Page, bool]] = {
    "units": (("backspace", "backspace"), Page.UNITS, False),
    "rack": (("backspace", "backspace", "m"), Page.RACK, False),
    "models": (("backspace", "backspace", "m", "n"), Page.MODELS, False),
    "name of a simulator": (("backspace", "backspace", "m", "n", "enter"), Page.MODELS, True),
    "faults of a simulator": (("backspace", "backspace", "m", "f"), Page.FAULTS, False),
    "numbers of its fault": (("backspace", "backspace", "m", "f", "down", "enter"), Page.FAULTS, True),
}
OWN = {**ON_ITS_UNIT, **ON_A_LIST}
# What lies over a page for a moment, and what is typed under it: no field has the focus there, space and s stop.
LIST, MAP = "Back: close this list", "any other key closes this"
OVER: dict[str, tuple[tuple[str, ...], str]] = {
    "list over the run": (("colon",), LIST),
    "list over the units": (("backspace", "backspace", "ctrl+p"), LIST),
    "list over the rack": (("backspace", "backspace", "m", "colon"), LIST),
    "list over a line": (("backspace", "o", "enter", "ctrl+p"), LIST),
    "list with another line chosen": (("colon", "down", "down"), LIST),
    "map over the run": (("question_mark",), MAP),
    "map over the units": (("backspace", "backspace", "question_mark"), MAP),
}


def test_no_page_is_left_out() -> None:
    """A new page is named here, or nobody knows whether a run can be stopped from it."""
    assert set(Page) == {page for _, page, _ in OWN.values()}


async def there(stand: Stand, keys: tuple[str, ...]) -> None:
    """A run on estim-1 goes on, and somebody has gone on to another place."""
    await begun(stand)
    await stand.see(on_load())
    await stand.press(*keys)
    await stand.look_around()


@pytest.mark.parametrize("place", OWN)
def test_every_stop_key_stops_the_run_from_everywhere(place: str) -> None:
    """In a line that is typed, space and s are letters; every other stop key stops, and the line is given up."""
    keys, page, is_typed = OWN[place]

    async def act(stand: Stand) -> None:
        await there(stand, keys)
        typed = stand.app.query_one(Typed)
        assert (page, is_typed) == (stand.app.state().page, typed.is_asking)
        named = "Esc" if is_typed else "Esc, space, s"
        assert f"STOP   {named}, F12, Ctrl+C: " in stand.text()
        assert "bench run on" in stand.text()
        if is_typed:
            await stand.press("s", "space")
            assert [] == stand.sent(Stop)
        first = ("f12", "ctrl+c", "escape")[len(place) % 3]  # the line is given up by whichever comes first
        await stand.press(first)
        assert not typed.is_asking
        await stand.press(*(key for key in (*EVERYWHERE, *OF_WHAT_IS_SHOWN) if key != first))

        stops = [message.session for message in stand.sent(Stop) if isinstance(message, Stop)]
        assert ["B-1"] * 5 == stops

    perform(act, script=recording)


@pytest.mark.parametrize("place", OVER)
def test_every_stop_key_stops_the_run_through_what_lies_over_the_page(place: str) -> None:
    """A list is nothing that a stop waits for; it says what runs, what each key stops, and that it was sent."""
    keys, words = OVER[place]

    async def act(stand: Stand) -> None:
        await there(stand, keys)
        shown = stand.drawn()
        assert words in shown
        assert "estim-1" in shown.splitlines()[1]
        assert "STOP   Esc, space, s, F12, Ctrl+C: " in shown
        await stand.press(*EVERYWHERE, *OF_WHAT_IS_SHOWN)

        assert ["B-1"] * 5 == [message.session for message in stand.sent(Stop) if isinstance(message, Stop)]
        assert "STOP sent: " in stand.drawn()
        assert words in stand.drawn()

    perform(act, script=recording)


@pytest.mark.parametrize("place", OVER)
def test_the_stop_keys_reach_through_by_their_priority(place: str) -> None:
    """The knock-out: keys like all others are taken by what lies over the page, and the test above is red."""
    with without_priority_of_stop_keys(BenchApp), pytest.raises(AssertionError):
        test_every_stop_key_stops_the_run_through_what_lies_over_the_page(place)


@pytest.mark.parametrize("keys", [(), ("o",), ("c",), ("f",), ("t",), ("h",)])
def test_from_another_unit_f12_stops_the_run_and_escape_goes_back(keys: tuple[str, ...]) -> None:
    """What is not shown is not meant by Esc; the line of stops says so before anybody presses."""

    async def act(stand: Stand) -> None:
        await there(stand, ("backspace", "backspace", "down", "enter", *keys))
        assert "ultrasound-1: " in stand.text()
        assert "STOP   F12, Ctrl+C: bench run on estim-1" in stand.text()
        await stand.press("escape")
        assert [] == stand.sent(Stop)
        await stand.press("f12", "ctrl+c")

        assert ["B-1"] * 2 == [message.session for message in stand.sent(Stop) if isinstance(message, Stop)]

    perform(act)


@pytest.mark.parametrize("size", [(80, 24), (132, 43), (200, 60), (60, 15), (40, 12)])
def test_the_line_of_stops_stands_at_every_size(size: tuple[int, int]) -> None:
    """A window may be drawn small by somebody else's elbow."""

    async def act(stand: Stand) -> None:
        await there(stand, ("o",))
        lines = stand.drawn().splitlines()

        assert [line for line in lines if line.startswith(" STOP   Esc, F12, Ctrl+C: estim-1")]
        await stand.press("escape")
        assert 1 == len(stand.sent(Stop))

    perform(act, size=size, script=recording)
