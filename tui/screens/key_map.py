"""What every key does. It lies over everything but the stop line, and the stop keys go through it."""

from typing import Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen

from tui.looks import Look, Span, fitted
from tui.messages import Tick
from tui.sight import Sight
from tui.states import state
from tui.widgets.help_line import HelpLine
from tui.widgets.rows import Rows

KEY_MAP: Final[tuple[tuple[str, str], ...]] = (
    ("F12, Ctrl+C", "stop every session of this screen, at once"),
    ("Esc, space, s", "stop the session shown large (in a text field only Esc)"),
    ("", "Stop never asks. While something is energized Esc only stops."),
    ("+   -", "raise, lower; hold + to ride up at the rate of the modality"),
    ("any other key", "holds the level where it is"),
    ("p   r", "pause (off), resume (by a ramp from off)"),
    ("o   f   u", "pack: it is on; it is off; it is off because the skin is numb"),
    ("c", "answer the check that is due"),
    ("Tab, 1 to 4", "bring another session to the front"),
    ("u   d", "unchanged, where an answer still holds; the day's round, from the units"),
    ("h", "take over a session that is somebody else's"),
    ("n", "prepare another session while the others go on"),
    ("↑ ↓ Enter", "choose; a digit chooses at once"),
    ("Backspace", "one step back; a session not yet started is given up"),
    ("Ctrl+Q", "leave; not while something is energized"),
    ("", "The emergency switch of the unit works when nothing here does."),
)


class KeyMap(ModalScreen[None]):
    """The map; any key that is no stop key closes it."""

    def __init__(self) -> None:
        super().__init__()
        self._can_be_seen = False

    def compose(self) -> ComposeResult:
        """The states on top, the map, the stop line."""
        with Vertical(id="map"):
            yield Rows(id="states")
            yield Rows(id="keys")
        yield HelpLine()

    def on_mount(self) -> None:
        """The words do not change; the states come with the next look."""
        rows = [(Span(f"  {keys:16}", Look.STRONG), Span(does)) for keys, does in KEY_MAP]
        self.query_one("#keys", Rows).show([(Span(""),), *rows])
        self._can_be_seen = True
        self.post_message(Tick())

    def see(self, sight: Sight) -> None:
        """The states stay in sight."""
        if not self._can_be_seen:
            return
        width = max(1, self.size.width - 8)
        views = [view for _, view in sight.tabbed()]
        lines = [
            (Span("  "), state(sight, view).word, Span(fitted(f"  {view.unit}", max(1, width - 24)))) for view in views
        ]
        self.query_one("#states", Rows).show(lines)
        self.query_one(HelpLine).see(sight, "any other key closes this")

    def on_key(self, event: Key) -> None:
        """Close."""
        event.stop()
        self.dismiss()
