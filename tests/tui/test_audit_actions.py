"""The audit's list of actions and its page of keys: read from the one table of keys."""

import pytest
from textual.widgets import Input

from tests.tui.test_audit import MadeUp, Reader, on
from tui.audit.keys import KEYS, Where, keys_on
from tui.audit.lines import HELP
from tui.widgets.choices import Choices


@pytest.mark.parametrize("way", [(), ("down", "enter"), ("t",)])
def test_the_list_of_actions_holds_every_key_that_means_something_here(way: tuple[str, ...]) -> None:
    """What the one table of keys has for the list, for a session, for a table."""

    async def act(reader: Reader) -> None:
        await reader.press(*way)
        where = Where.LIST if not way else Where.PAGE if "enter" in way else Where.PAPER
        await reader.press("colon")
        listed = "\n".join("".join(span.text for span in row) for row in reader.app.screen.query_one(Choices).lines)

        assert "Back: close this list" in listed
        for one in keys_on(where):
            is_done = one.action not in ("", "palette")
            assert is_done is (f"{one.act.does[0].upper()}{one.act.does[1:]}"[:50] in listed), one.act.does

    on(MadeUp(), act)


@pytest.mark.parametrize("key", ["slash", "e", "c", "s"])
def test_a_key_of_the_list_opens_its_line_and_the_letters_behind_it_are_letters(key: str) -> None:
    """The list is gone first; what opens a line is taken early everywhere else, and here by the list."""

    async def act(reader: Reader) -> None:
        await reader.press("ctrl+p", key)
        await reader.press("t", "v")

        assert "Back: close this list" not in reader.drawn()
        assert reader.app.query_one(Input).display
        assert "tv" == reader.app.query_one(Input).value

    on(MadeUp(), act)


def test_over_a_line_and_over_what_comes_the_list_loses_nothing() -> None:
    """The words stay, the verdict that comes under it is announced over it, and Escape closes the list alone."""
    source = MadeUp()
    source.may_verify.clear()

    async def act(reader: Reader) -> None:
        await reader.hurry("v")
        await reader.until("verifying")
        for key in ("slash", "a", "ctrl+p"):
            await reader.hurry(key)
        assert "Back: close this list" in reader.drawn()
        source.may_verify.set()
        await reader.settle()
        over = reader.drawn()
        await reader.press("escape", "b")

        assert "The chart is verified; Esc shows it." in over
        assert "Back: close this list" not in reader.drawn()
        assert "ab" == reader.app.query_one(Input).value

    on(source, act)


def test_the_keys_page_is_read_from_the_same_table() -> None:
    """Every key that does something is explained there."""
    told = [row[0] for row in HELP.tables[0].rows]

    assert {one.act.shown for one in KEYS} <= set(told)
