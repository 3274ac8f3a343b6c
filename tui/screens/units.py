"""Which unit is next: all of them, with what they are doing."""

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult

from modctl import sentences, text
from modctl.ipc.messages import UnitRow
from tui.acts import CHOOSE, CLEAR, LEAVE, ROUND, Offer
from tui.looks import EMPTY, Look, Span, fitted
from tui.messages import LatchShown, Noticed, RoundShown, UnitChosen
from tui.screens.base import TableScreen
from tui.sight import Sight
from tui.widgets.choices import Choice, Choices
from tui.widgets.rows import Rows

OPEN_STATES = ("ready", "in-session")
UNFIT = ("too_hot", "too_cold")  # bands out of which no pack is given


class UnitsScreen(TableScreen):
    """The list of units. One in a session brings that session to the front."""

    def __init__(self) -> None:
        super().__init__()
        self._units: tuple[UnitRow, ...] = ()

    def middle(self) -> ComposeResult:
        """A title and the list."""
        yield Rows(id="title")
        yield Choices()
        yield Rows(id="more")

    def on_mount(self) -> None:
        """The list has the focus."""
        self.query_one(Choices).focus()

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys; a fault is cleared on the line of its unit."""
        del sight
        row = self._row()
        now = "" if row is None else f"clear the fault of {row.name}, if it has one"
        clear = Offer(CLEAR, self._clear, now=now, is_rare=row is None or row.state != "latched")
        return Offer(CHOOSE), clear, Offer(ROUND, self._round), Offer(LEAVE, self.leave)

    def _round(self) -> None:
        self.post_message(RoundShown())

    def see_middle(self, sight: Sight) -> None:
        """Units and their states, from the newest snapshot."""
        asked = " Which unit? Then the patient, then the preset."
        title = asked if sight.snapshot is not None else " Waiting for the controller …"
        self.query_one("#title", Rows).show([(Span(title, Look.STRONG),), EMPTY])
        self._units = () if sight.snapshot is None else sight.snapshot.units
        self.query_one(Choices).offer(
            [Choice(row.name, unit_text(row, sight), row.state in OPEN_STATES) for row in self._units]
        )
        self._show_more()

    @on(Choices.Moved)
    def _moved(self) -> None:
        self._show_more()

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        if event.is_open:
            self.post_message(UnitChosen(event.key))
        elif (row := self._row()) is not None:
            self.post_message(Noticed(f"{row.name} cannot be used: {why_not(row)}"))

    def _clear(self) -> None:
        row = self._row()
        if row is not None and row.state == "latched":
            self.post_message(LatchShown(row.name))
        elif row is not None:
            self.post_message(Noticed(f"{row.name} has no fault to clear."))

    def _row(self) -> UnitRow | None:
        choice = self.query_one(Choices).current()
        return next((row for row in self._units if choice is not None and row.name == choice.key), None)

    def _show_more(self) -> None:
        row = self._row()
        more = (
            ""
            if row is None
            else f"   {row.serial or 'no serial number'}, firmware {row.firmware or '?'}: {row.verified}"
        )
        why = "" if row is None or row.state in OPEN_STATES else f"   {why_not(row)}"
        self.query_one("#more", Rows).show(
            [(Span(fitted(words, self.size.width), Look.QUIET),) for words in (more, why)]
        )


def unit_text(row: UnitRow, sight: Sight) -> str:
    """One line of the list; a simulated unit says so first. A tank says how warm it is, and whether that is fit."""
    mark = "SIM " if row.simulated else "    "
    state = row.state if row.state in text.UNIT_STATES else "unknown"
    shown = f"{state:7} {warmth(row)}" if row.band else fitted(state, 11) + _output(row)
    if not sight.is_current():
        shown = "◇ NO DATA"
    return f"{mark}{fitted(row.name, 14)}{fitted(row.modality, 11)}{fitted(row.model, 21)}{shown}"


def warmth(row: UnitRow) -> str:
    """The temperature of a tank or bath with the word of its band; one that nobody knows is never a number."""
    if row.temp_mdegc is None or row.band == "unknown":
        return "? UNKNOWN"
    word = row.band.replace("_", " ")
    return f"{text.quantity('temp_mdegc', row.temp_mdegc)} {word.upper() if row.band in UNFIT else word}"


def _output(row: UnitRow) -> str:
    shape, word, *_ = text.output(row.output).split()
    return "" if row.output == "off" else f"{shape} {word}"


def why_not(row: UnitRow) -> str:
    """Why a unit cannot be used, and what opens it."""
    why = f" ({sentences.reason(row.reason)})" if row.reason else ""
    opens = " Press a to clear it." if row.state == "latched" else ""
    return f"{text.unit_state(row.state)}{why}.{opens}"
