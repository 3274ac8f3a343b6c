"""A patient's body weight, when a pull is asked for and nobody has weighed them of late."""

import msgspec
from textual import on
from textual.app import ComposeResult

from modctl.ipc.asks import WEIGHT_GATE
from modctl.ipc.messages import Start
from tui.looks import EMPTY, Look, Span
from tui.messages import Asked
from tui.screens.base import TableScreen
from tui.sight import Sight
from tui.widgets.question import Question
from tui.widgets.rows import Rows


class WeightScreen(TableScreen):
    """Asks for the number that was missing, and asks for the session once more."""

    def __init__(self, start: Start) -> None:
        super().__init__()
        self._start = start

    def middle(self) -> ComposeResult:
        """A title and the question."""
        yield Rows(id="title")
        yield Question()

    def on_mount(self) -> None:
        """Ask."""
        self.query_one(Question).ask(WEIGHT_GATE)

    def keys(self, sight: Sight) -> str:
        """Its own keys."""
        del sight
        return "digits, then Enter   Backspace takes one back   ? keys"

    def see_middle(self, sight: Sight) -> None:
        """For whom."""
        del sight
        told = f" {self._start.patient}: no pull without a weight of these days"
        self.query_one("#title", Rows).show([(Span(told, Look.STRONG),), EMPTY])

    @on(Question.Given)
    def _given(self, event: Question.Given) -> None:
        event.stop()
        self.post_message(Asked(msgspec.structs.replace(self._start, id=0, body_weight_kg=int(event.answer))))
