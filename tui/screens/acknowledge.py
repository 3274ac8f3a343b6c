"""Clearing a unit's fault: a person's charted act, never one key alone."""

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult

from modctl import sentences, text
from modctl.ipc.messages import Acknowledge, Done, Refused, Request
from tui.acts import CHOOSE, Offer
from tui.looks import Look, Span, wrapped
from tui.messages import Asked, Noticed, SteppedBack
from tui.screens.base import TableScreen
from tui.sight import Sight
from tui.widgets.choices import Choice, Choices
from tui.widgets.rows import Rows

STATEMENT = "The patient is disconnected and the power of the unit is cut."
NOT_YET = "not-yet"
OFF_SEEN = "off-seen"
POWER_CUT = "power-cut"


class AcknowledgeScreen(TableScreen):
    """Two ways: the unit confirms off, or a person states that nobody is connected and the power is cut."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def middle(self) -> ComposeResult:
        """What happened, then the answers."""
        yield Rows(id="title")
        yield Choices()

    def on_mount(self) -> None:
        """First in focus: not yet."""
        choices = self.query_one(Choices)
        choices.offer(
            [
                Choice(NOT_YET, "Not yet"),
                Choice(OFF_SEEN, "I have looked at the unit; it confirms off: clear the fault"),
                Choice(POWER_CUT, f"I state: {STATEMENT}"),
            ]
        )
        choices.focus()

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys."""
        del sight
        return (Offer(CHOOSE),)

    def see_middle(self, sight: Sight) -> None:
        """Why the unit is out of use."""
        row = sight.unit(self._unit)
        why = "" if row is None or not row.reason else f" {sentences.reason(row.reason).capitalize()}."
        output = "" if row is None else f" Its output: {text.output(row.output)}."
        told = f"{'SIM ' if row is not None and row.simulated else ''}{self._unit} is out of use.{why}{output}"
        shown = wrapped(told, max(1, self.size.width - 2), Look.STRONG)
        self.query_one("#title", Rows).show([(Span(" "), *words) for words in (*shown, (Span(""),))])

    def answered(self, asked: Request, reply: Done | Refused) -> None:
        """Cleared: back to the units."""
        if isinstance(asked, Acknowledge) and isinstance(reply, Done):
            self.post_message(Noticed(f"{asked.unit} may be used again."))
            self.post_message(SteppedBack())

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        if event.key == NOT_YET:
            self.post_message(SteppedBack())
        else:
            statement = STATEMENT if event.key == POWER_CUT else None
            self.post_message(Asked(Acknowledge(id=0, unit=self._unit, statement=statement)))
