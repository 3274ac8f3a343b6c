"""The second unit of a combination: ultrasound, and stimulation through its head."""

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult

from devices.model import COMBINED
from modctl.ipc.messages import Start, UnitRow
from tui.acts import CHOOSE, Offer
from tui.looks import EMPTY, Look, Span, wrapped
from tui.messages import BesideChosen, Noticed
from tui.screens.base import TableScreen
from tui.screens.units import unit_text, why_not
from tui.sight import Sight
from tui.widgets.choices import Choice, Choices
from tui.widgets.rows import Rows

BOTH = (
    "One confirmation starts both; what ends one ends the other. One pair of pads, and the head is the other electrode."
)


class BesideScreen(TableScreen):
    """The units that can be the other half, with what they are doing."""

    def __init__(self, lead: Start) -> None:
        super().__init__()
        self._lead = lead
        self._units: tuple[UnitRow, ...] = ()

    def middle(self) -> ComposeResult:
        """A title and the list."""
        yield Rows(id="title")
        yield Choices()

    def on_mount(self) -> None:
        """The list has the focus."""
        self.query_one(Choices).focus()

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys."""
        del sight
        return (Offer(CHOOSE),)

    def see_middle(self, sight: Sight) -> None:
        """Units and their states, from the newest snapshot."""
        self._units = other_halves(sight, self._lead.unit)
        asked = f" Together with {self._lead.unit}, {self._lead.preset}: which second unit?"
        told = wrapped(BOTH if self._units else "No unit of this site can be the other half.", self.size.width - 2)
        self.query_one("#title", Rows).show([(Span(asked, Look.STRONG),), *((Span(" "), *row) for row in told), EMPTY])
        self.query_one(Choices).offer(
            [Choice(row.name, unit_text(row, sight), row.state == "ready") for row in self._units]
        )

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        if event.is_open:
            self.post_message(BesideChosen(event.key))
            return
        row = next((row for row in self._units if row.name == event.key), None)
        if row is not None:
            self.post_message(Noticed(f"{row.name} cannot be used: {why_not(row)}"))


def other_halves(sight: Sight, unit: str) -> tuple[UnitRow, ...]:
    """The units whose modality is combined with that of this one."""
    lead = sight.unit(unit)
    if lead is None or lead.modality not in COMBINED:
        return ()
    units = () if sight.snapshot is None else sight.snapshot.units
    return tuple(row for row in units if row.modality in COMBINED and row.modality != lead.modality)
