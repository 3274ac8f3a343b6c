"""The technician's screen as it stands: what is on it, and what stops. The keys of its pages are ``app``'s.

Rule 1: the stop keys are taken here, before any field sees them; a stop is sent at once and asks nothing.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.driver import Driver
from textual.events import Key

from modctl.clock import Clock
from modctl.ipc.hands import Lock
from modctl.ipc.messages import SessionView, UnitRow
from tui.acts import Offer
from tui.bench.form import Ask
from tui.bench.lines import told
from tui.bench.offered import around, map_rows, offered
from tui.bench.pages import Do, Page
from tui.bench.picture import Shown, body_lines, head_line, key_lines, stop_line
from tui.bench.source import Source
from tui.bench.state import Bench, Target, escape_target, mine_target, shown_target
from tui.bench.typed import Then, Typed
from tui.bench.watch import Watch
from tui.bench.wire import Wire
from tui.client import Dial
from tui.connection import NOT_SENT
from tui.idle import is_left_alone
from tui.looks import Line, Look
from tui.overlays import KeyMap, Overlay
from tui.shell import AttendingShell
from tui.sight import Link
from tui.widgets.rows import Rows

LOCKED: Final = "This screen is locked: Enter, then your PIN. Stop needs nobody."


class BenchScreen(AttendingShell):
    """Everything but the keys of the pages."""

    CSS_PATH = "bench.tcss"
    AUTO_FOCUS = None  # keys are the page's until a line is typed
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f12,ctrl+c", "stop_mine", show=False, priority=True),
        Binding("escape", "escape", show=False, priority=True),
        Binding("space,s", "stop_shown", show=False, priority=True),
    ]

    def __init__(
        self, source: Source, dial: Dial, clock: Clock, *, pin: str | None, driver_class: type[Driver] | None
    ) -> None:
        super().__init__(dial, clock, pin=pin, driver_class=driver_class)
        self._watch = Watch(self, source, self._connection)
        self._wire = Wire()
        self._bench = Bench(now_ns=clock.mono_ns(), link=Link.CONNECTING)
        self._notice = "connecting …"
        self._role = ""  # of who is signed in; empty: nobody is
        self._touched_ns = 0  # when somebody was here last

    def shown(self) -> Shown:
        """What the picture is made of."""
        raise NotImplementedError

    def do(self, act: Do) -> None:
        """What a key does."""
        raise NotImplementedError

    @property
    def typed(self) -> Typed:
        """The line that is typed into; it is the page's, whatever lies over that."""
        return self.default_screen.query_one(Typed)

    # What lies over the page for a moment: see ``overlays``

    def offers(self) -> Sequence[Offer]:
        """What can be done now, on the page under the list."""
        return offered(self.shown(), self.do, self.action_stop_shown, self.action_stop_mine, self.action_other_colours)

    def around(self, cells: int) -> tuple[Sequence[Line], Sequence[Line]]:
        """What stays in sight under the map and under the list."""
        return around(self.shown(), self._notice, cells)

    def compose(self) -> ComposeResult:
        """A head, the middle, the line to type in, what happened, what stops, and the keys."""
        yield Rows(id="head")
        with Vertical(id="middle"):
            yield Rows(id="body")
        yield Typed()
        yield Rows(id="notice")
        yield Rows(id="stops")
        yield Rows(id="keys")

    def on_mount(self) -> None:
        """The first picture."""
        self._draw()

    def on_resize(self) -> None:
        """Another size: other lines."""
        self.call_after_refresh(self._draw)

    def read_map(self) -> None:
        """What every key does, on every page."""
        self.push_screen(KeyMap(map_rows(), self.around))

    # The lock

    def takes_away(self, event: Key) -> bool:
        """The key does not count. Whoever presses one is here."""
        if not self._bench.is_locked:
            self._touched_ns = self.now_ns()
        return super().takes_away(event)

    def lock_if_left_alone(self, now_ns: int) -> None:
        """The controller is told, since it is the one who refuses. Who typed no PIN is not locked out."""
        may = bool(self._role) and self._pin is None and not self._bench.is_locked
        if may and is_left_alone(self._bench.snapshot, self._touched_ns, now_ns):
            self.change(is_locked=True)
            self.typed.put_aside()
            self.send(Lock(id=0))
            self.say(LOCKED)

    # Stop keys, and the way back

    def action_stop_mine(self) -> None:
        """F12, Ctrl+C."""
        if not self._stop(mine_target(self.state())):
            self.say("Nothing of this screen runs. Ctrl+Q leaves.")

    def action_stop_shown(self) -> None:
        """Space, s."""
        if not self._stop(shown_target(self.state())):
            self.say("Nothing of this screen runs.")

    def action_escape(self) -> None:
        """Stop; one step back only when there is nothing to stop, and from what lies over the page first."""
        if self._stop(escape_target(self.state())):
            return
        if isinstance(self.screen, Overlay):
            self.screen.dismiss()
        else:
            self.action_step_back()

    def action_step_back(self) -> None:
        """One step back; out of the line that is typed."""
        if self.typed.is_asking:
            self.typed.end()
            self.say("Given up; nothing was sent.")
        elif self._bench.is_locked:
            self.say(LOCKED)
        else:
            self._turn_to(self._bench.went_back())

    def _stop(self, target: Target) -> bool:
        sent = [self._connection.send(stop) for stop in target.stops]
        if sent:
            self._guard.close(self.now_ns())
            self.typed.end()
            self.say(f"STOP sent: {target.words}." if all(sent) else NOT_SENT)
        return bool(sent)

    # What acts may do: see ``desk``

    def ask(self, asks: tuple[Ask, ...], then: Then) -> None:
        """Ask one line after the other; ``then`` gets all the answers, or nothing happens."""

        def done(given: Sequence[str]) -> None:
            then(given)
            self._draw()

        self.typed.ask(asks, done)
        self._draw()

    def say(self, notice: str) -> None:
        """One line for a person."""
        self._notice = notice
        self._draw()

    def show(self, page: Page) -> None:
        """Another page; Backspace leads here again."""
        self._turn_to(self._bench.went(page))

    def _turn_to(self, bench: Bench) -> None:
        self._bench, self._notice = bench, ""
        self._wire.go_on()
        self._draw()

    def change(self, **fields: object) -> None:
        """Other values for some of what is known."""
        self._bench = msgspec.structs.replace(self._bench, **fields)

    def state(self) -> Bench:
        """Everything that is known at this moment."""
        seen = self._watch
        return msgspec.structs.replace(
            self._bench, now_ns=self.now_ns(), details=seen.details, truths=seen.truths, rack=seen.rack
        )

    def _row(self) -> UnitRow | None:
        return self._bench.row(self._bench.unit)

    def _view(self) -> SessionView | None:
        view = self._bench.session_on(self._bench.unit)
        return view if view is not None and view.load else None

    def _room(self) -> int:
        return max(1, self.default_screen.query_one("#middle", Vertical).size.height)

    # Drawing

    def _draw(self) -> None:
        """The page, and what lies over it. At the very end there is no screen left."""
        if not self.is_running or not self.screen_stack or not self.default_screen.query("#keys"):
            return
        shown, width, page = self.shown(), self.size.width, self.default_screen
        page.query_one("#head", Rows).show([head_line(shown, width)])
        page.query_one("#body", Rows).show(body_lines(shown, width, self._room()))
        page.query_one("#notice", Rows).show(told(self._notice, width, Look.STRONG)[:2])
        page.query_one("#stops", Rows).show([stop_line(shown, width)])
        page.query_one("#keys", Rows).show(key_lines(shown, width))
        if isinstance(self.screen, Overlay):
            self.screen.look()
