"""Opening a soft limit: what is passed, by how much, who says so; then a reason, and where it says so a second person.

Nothing has been sent to the unit when this is asked, and nothing is until it is answered.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from modctl import text
from modctl.ipc.hands import OverrideAsk
from modctl.ipc.messages import Refused, Start
from tui.acts import FIELD, FIELD_BACK, Offer
from tui.looks import Look, Span, line, wrapped
from tui.messages import Asked, Noticed
from tui.screens.base import TableScreen
from tui.sight import Sight
from tui.widgets.rows import Rows

TWO_PEOPLE: Final = "second_person"
MAX_REASON_CHARS: Final = 200  # chosen: what fits this screen; the controller keeps up to 500
WORDS: Final = {"reason": " Reason ", "second": " Second person ", "second-pin": " PIN of the second person "}


class OverrideScreen(TableScreen):
    """Text fields, as at the sign-in: in a field space and s are text; Escape, F12 and Ctrl+C stop as everywhere."""

    AUTO_FOCUS: ClassVar[str | None] = None
    TAB_SWITCHES: ClassVar[bool] = False

    def __init__(self, asked: Start, refused: Refused) -> None:
        super().__init__()
        self._asked = asked
        self._refused = refused
        self._fields = ("reason", "second", "second-pin") if refused.door == TWO_PEOPLE else ("reason",)

    def middle(self) -> ComposeResult:
        """What is passed, then the fields, each under its word."""
        yield Rows(id="title")
        for field in self._fields:
            yield Rows(id=f"{field}-word")
            yield Input(id=field, password=field == "second-pin", max_length=MAX_REASON_CHARS)

    def on_mount(self) -> None:
        """The reason has the focus."""
        for field in self._fields:
            self.query_one(f"#{field}-word", Rows).show([line(Span(WORDS[field]))])
        self.query_one("#reason", Input).focus()

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys."""
        del sight
        return (Offer(FIELD), Offer(FIELD_BACK, self.action_back, word="back, nothing is opened"))

    def see_middle(self, sight: Sight) -> None:
        """The limit in words."""
        del sight
        shown = wrapped(limit_text(self._refused), max(1, self.size.width - 2), Look.STRONG)
        self.query_one("#title", Rows).show([(Span(" "), *words) for words in (*shown, (Span(""),))])

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        given = {field: self.query_one(f"#{field}", Input).value.strip() for field in self._fields}
        empty = next((field for field, value in given.items() if not value), None)
        if empty is not None:
            self.query_one(f"#{empty}", Input).focus()
            if event.input.id == empty:
                self.post_message(Noticed(f"Type it, then Enter: {WORDS[empty].strip()}."))
            return
        opened = OverrideAsk(
            limit=self._refused.limit or "",
            reason=given["reason"],
            second_user=given.get("second", ""),
            second_pin=given.get("second-pin", ""),
        )
        others = tuple(one for one in self._asked.overrides if one.limit != opened.limit)
        self.post_message(Asked(msgspec.structs.replace(self._asked, id=0, overrides=(*others, opened))))


def limit_text(refused: Refused) -> str:
    """What is passed, by how much, who says so, and what opens it."""
    unit = refused.unit or ""
    asked = text.NO_DATA if refused.observed is None else text.ucum(refused.observed, unit)
    bound = "" if refused.bound is None else f", the limit is {text.ucum(refused.bound, unit)}"
    source = "" if refused.source is None else f" ({text.source(refused.source, refused.mark or '')})"
    return f"{refused.limit}: asked for {asked}{bound}{source}. {text.door(refused.door or '')}"
