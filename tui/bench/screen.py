"""The technician's screen as it stands: what is on it, and what stops. The keys of its pages are ``app``'s.

Rule 1: the stop keys are taken here, before any field sees them; a stop is sent at once and asks nothing.
"""

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.driver import Driver

from modctl.clock import Clock
from modctl.ipc.messages import SessionView, UnitRow
from tui.bench.form import Ask
from tui.bench.lines import told
from tui.bench.pages import Page
from tui.bench.picture import Shown, body_lines, head_line, key_lines, stop_line
from tui.bench.source import Source
from tui.bench.state import Bench, Target, escape_target, mine_target, shown_target
from tui.bench.typed import Then, Typed
from tui.bench.watch import Watch
from tui.bench.wire import Wire
from tui.client import Dial
from tui.connection import NOT_SENT
from tui.looks import Look
from tui.shell import AttendingShell
from tui.sight import Link
from tui.widgets.rows import Rows


class BenchScreen(AttendingShell):
    """Everything but the keys of the pages."""

    CSS_PATH = "bench.tcss"
    AUTO_FOCUS = None  # keys are the page's until a line is typed
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f12,ctrl+c", "stop_mine", show=False, priority=True),
        Binding("escape", "escape", show=False, priority=True),
        Binding("space,s", "stop_shown", show=False, priority=True),
        Binding("backspace", "step_back", show=False),
    ]

    def __init__(
        self, source: Source, dial: Dial, clock: Clock, *, pin: str | None, driver_class: type[Driver] | None
    ) -> None:
        super().__init__(dial, clock, pin=pin, driver_class=driver_class)
        self._watch = Watch(self, source, self._connection)
        self._wire = Wire()
        self._bench = Bench(now_ns=clock.mono_ns(), link=Link.CONNECTING)
        self._notice = "connecting …"

    def shown(self) -> Shown:
        """What the picture is made of."""
        raise NotImplementedError

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
        """Stop; one step back only when there is nothing to stop."""
        if not self._stop(escape_target(self.state())):
            self.action_step_back()

    def action_step_back(self) -> None:
        """One step back; out of the line that is typed."""
        if self.query_one(Typed).is_asking:
            self.query_one(Typed).end()
            self.say("Given up; nothing was sent.")
        else:
            self._turn_to(self._bench.went_back())

    def _stop(self, target: Target) -> bool:
        sent = [self._connection.send(stop) for stop in target.stops]
        if sent:
            self._guard.close(self.now_ns())
            self.query_one(Typed).end()
            self.say(f"STOP sent: {target.words}." if all(sent) else NOT_SENT)
        return bool(sent)

    # What acts may do: see ``desk``

    def ask(self, asks: tuple[Ask, ...], then: Then) -> None:
        """Ask one line after the other; ``then`` gets all the answers, or nothing happens."""

        def done(given: Sequence[str]) -> None:
            then(given)
            self._draw()

        self.query_one(Typed).ask(asks, done)
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
        return max(1, self.query_one("#middle", Vertical).size.height)

    # Drawing

    def _draw(self) -> None:
        if not self.is_running or not self.query(Typed):
            return
        shown, width = self.shown(), self.size.width
        self.query_one("#head", Rows).show([head_line(shown, width)])
        self.query_one("#body", Rows).show(body_lines(shown, width, self._room()))
        self.query_one("#notice", Rows).show(told(self._notice, width, Look.STRONG)[:2])
        self.query_one("#stops", Rows).show([stop_line(shown, width)])
        self.query_one("#keys", Rows).show(key_lines(shown, width))
