"""What lies over a screen for a moment: the map of the keys, and the list of actions. Stop keys go through both.

Neither holds a text field: space and s stop here as everywhere.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.events import Key
from textual.screen import ModalScreen

from tui.acts import Offer, now_of, of_key, shown_key
from tui.looks import EMPTY, Line, Look, Span, fitted
from tui.widgets.choices import Choice, Choices
from tui.widgets.rows import Rows

CLOSE: Final = "close"
BACK: Final = Choice(CLOSE, "Back: close this list")
KEY_CELLS: Final = 18
CLOSERS: Final = ("backspace", "colon", "ctrl+p", "ctrl+g", "escape")

Around = Callable[[int], tuple[Sequence[Line], Sequence[Line]]]  # lines above and below, for so many cells


class Overlay(ModalScreen[None]):
    """States on top, the stop line at the bottom: they stay in sight."""

    CLOSED_BY: ClassVar[str] = "Backspace closes this"

    DEFAULT_CSS = """
    Overlay { background: $background; }
    Overlay #over, Overlay #under { height: auto; }
    Overlay #inside { height: 1fr; }
    """

    def __init__(self, around: Around) -> None:
        super().__init__()
        self._around = around

    def compose(self) -> ComposeResult:
        """What is inside stands between what must stay in sight."""
        yield Rows(id="over")
        yield from self.inside()
        yield Rows(id="under")

    def inside(self) -> ComposeResult:
        """The middle."""
        yield Rows(id="inside")

    def look(self) -> None:
        """Show the newest."""
        if not self.query("#under"):
            return
        over, under = self._around(self.size.width)
        self.query_one("#over", Rows).show(over)
        self.query_one("#under", Rows).show((*under, (Span(f" {self.CLOSED_BY}", Look.QUIET),)))

    def on_mount(self) -> None:
        """The first look."""
        self.look()

    def on_resize(self) -> None:
        """Other lines."""
        self.look()


class KeyMap(Overlay):
    """What every key does; any key that is no stop key closes it."""

    CLOSED_BY: ClassVar[str] = "any other key closes this"

    def __init__(self, rows: Sequence[tuple[str, str]], around: Around) -> None:
        super().__init__(around)
        self._rows = rows

    def on_mount(self) -> None:
        """The words do not change; the states come with the next look."""
        rows = [(Span(f"  {keys:{KEY_CELLS}}", Look.STRONG), Span(does)) for keys, does in self._rows]
        self.query_one("#inside", Rows).show([EMPTY, *rows])

    def on_key(self, event: Key) -> None:
        """Close."""
        event.stop()
        self.dismiss()


class Palette(Overlay):
    """Every action of this moment, with what it will do now. First in focus: back.

    An action is chosen with the arrows and Enter, or done at once with its own key.
    """

    def __init__(self, offers: Callable[[], Sequence[Offer]], around: Around) -> None:
        super().__init__(around)
        self._offers = offers

    def inside(self) -> ComposeResult:
        """The list. No digits: some of the actions are digits."""
        yield Choices(numbered=False, widget_id="inside")

    def on_mount(self) -> None:
        """The list has the focus."""
        self.query_one(Choices).focus()

    def look(self) -> None:
        """What can be done may have changed."""
        super().look()
        if self.query(Choices):
            told = [f"{fitted(shown_key(one), KEY_CELLS)} {now_of(one)}" for one in self._listed()]
            choices = [Choice(_name(one), words) for one, words in zip(self._listed(), told, strict=True)]
            self.query_one(Choices).offer([BACK, *choices])

    def on_key(self, event: Key) -> None:
        """An action's own key does it; the keys that opened the list close it, whatever else they mean."""
        event.stop()
        offer = None if event.key in CLOSERS else of_key(self._offers(), event.key)
        if event.key in CLOSERS:
            self.dismiss()
        elif offer is not None:
            self._do(offer)

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        event.stop()
        offer = next((one for one in self._listed() if _name(one) == event.key), None)
        if offer is None:
            self.dismiss()
        else:
            self._do(offer)

    def _do(self, offer: Offer) -> None:
        self.dismiss()
        if offer.run is not None:
            self.app.call_later(offer.run)

    def _listed(self) -> list[Offer]:
        return [one for one in self._offers() if one.run is not None]


def _name(offer: Offer) -> str:
    return f"{offer.act.shown} {offer.key}"
