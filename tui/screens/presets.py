"""What is done next: the site's library, as far as this unit can do it."""

from collections.abc import Sequence

import msgspec
from textual import on
from textual.app import ComposeResult

from devices.model import COMBINED
from modctl import text
from modctl.ipc.hands import StartWith
from modctl.ipc.messages import Done, ListPresets, PresetRow, Refused, Request, Start
from tui.acts import BESIDE, CHOOSE, Offer
from tui.looks import EMPTY, Look, Span, fitted, wrapped
from tui.messages import Asked, BesideWanted, Noticed
from tui.screens.base import TableScreen
from tui.sight import Sight
from tui.widgets.choices import Choice, Choices
from tui.widgets.rows import Rows

DETAIL_ROWS = 4
AROUND = 15  # columns of a line that are not the title: the cursor, the number, the time


class PresetsScreen(TableScreen):
    """The list of presets, with the values of the one under the cursor."""

    def __init__(self, unit: str, patient: str, name: str, lead: Start | None = None) -> None:
        super().__init__()
        self._lead = lead  # of a combination, whose second half is chosen here
        self._is_combined = False  # this unit's modality can be
        self._unit = unit
        self._patient = patient
        self._name = name
        self._presets: tuple[PresetRow, ...] = ()

    def middle(self) -> ComposeResult:
        """A title, the list, the details."""
        yield Rows(id="title")
        yield Choices()
        yield Rows(id="more")

    def on_mount(self) -> None:
        """Ask what there is."""
        self.query_one(Choices).focus()
        self.post_message(Asked(ListPresets(id=0, unit=self._unit)))

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys."""
        del sight
        return (Offer(CHOOSE), *((Offer(BESIDE, self._want_beside),) if self._is_combined else ()))

    def see_middle(self, sight: Sight) -> None:
        """For which unit and patient the preset is chosen."""
        row = sight.unit(self._unit)
        mark = "SIM " if row is not None and row.simulated else ""
        self._is_combined = self._lead is None and row is not None and row.modality in COMBINED
        beside = "" if self._lead is None else f"With {self._lead.unit}: "
        title = f" {beside}{mark}{self._unit}, {self._name} ({self._patient}): which preset?"
        self.query_one("#title", Rows).show([(Span(title, Look.STRONG),), EMPTY])

    def answered(self, asked: Request, reply: Done | Refused) -> None:
        """The list has come."""
        if isinstance(asked, ListPresets) and isinstance(reply, Done):
            self._presets = reply.presets or ()
            width = self.size.width
            self.query_one(Choices).offer(
                [Choice(row.id, preset_text(row, width), row.approved) for row in self._presets]
            )

    @on(Choices.Moved)
    def _moved(self, event: Choices.Moved) -> None:
        row = next((row for row in self._presets if row.id == event.key), None)
        width = max(1, self.size.width - 6)
        shown = () if row is None else wrapped(detail_text(row), width, Look.QUIET)
        self.query_one("#more", Rows).show([(Span("   "), *words) for words in shown[:DETAIL_ROWS]])

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        if event.is_open and self._lead is not None:
            partner = StartWith(unit=self._unit, preset=event.key)
            self.post_message(Asked(msgspec.structs.replace(self._lead, partner=partner)))
        elif event.is_open:
            self.post_message(Asked(self._start(event.key)))
        else:
            self.post_message(Noticed(f"{event.key} is not approved on this site: its owner approves presets."))

    def _want_beside(self) -> None:
        choice = self.query_one(Choices).current()
        if choice is not None and choice.is_open:
            self.post_message(BesideWanted(self._start(choice.key)))

    def _start(self, preset: str) -> Start:
        return Start(id=0, unit=self._unit, patient=self._patient, preset=preset)


def preset_text(row: PresetRow, width: int) -> str:
    """One line of the list."""
    mark = "" if row.approved else "NOT APPROVED  "
    return f"{mark}{fitted(row.title, width - AROUND - len(mark))} {text.clock(row.planned_ms):>7}"


def detail_text(row: PresetRow) -> str:
    """What the preset sets, where, and who says so."""
    return f"{row.id}: {row.region}. {text.settings(row.levels)}. Source: {row.source}"
