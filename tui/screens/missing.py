"""What a start was refused for and a person knows: the body weight of a pull, the head in the hand."""

from collections.abc import Sequence

import msgspec
from textual import on
from textual.app import ComposeResult

from modctl.ipc.asks import HEAD
from modctl.ipc.messages import GateView, Start
from tui.acts import CHOOSE, TYPE, Offer
from tui.looks import EMPTY, Look, Span
from tui.messages import Asked
from tui.screens.base import TableScreen
from tui.sight import Sight
from tui.widgets.question import Question
from tui.widgets.rows import Rows


class MissingScreen(TableScreen):
    """Asks for the one thing that was missing, and asks for the session once more."""

    def __init__(self, start: Start, gate: GateView) -> None:
        super().__init__()
        self._start = start
        self._gate = gate

    def middle(self) -> ComposeResult:
        """A title and the question."""
        yield Rows(id="title")
        yield Question()

    def on_mount(self) -> None:
        """Ask."""
        self.query_one(Question).ask(self._gate)

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys."""
        del sight
        return (Offer(CHOOSE, word="answer") if self._gate.answers else Offer(TYPE),)

    def see_middle(self, sight: Sight) -> None:
        """For whom."""
        del sight
        told = f" {self._start.patient} on {self._start.unit}: nothing was started yet"
        self.query_one("#title", Rows).show([(Span(told, Look.STRONG),), EMPTY])

    @on(Question.Given)
    def _given(self, event: Question.Given) -> None:
        event.stop()
        if event.gate == HEAD:
            again = msgspec.structs.replace(self._start, id=0, head=event.answer)
        else:
            again = msgspec.structs.replace(self._start, id=0, body_weight_kg=int(event.answer))
        self.post_message(Asked(again))
