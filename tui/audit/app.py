"""The auditor's screen: a list with a filter, one session, the verdict, counts, claims, samples, patterns, copies.

Rule 1: it writes nothing but the copy that a person names.
Rule 2: whatever takes time runs in a thread of its own and shows how far it is; keys go on working.
Rule 3: only the rows in sight are drawn: a hundred thousand sessions scroll like ten.
"""

from collections.abc import Callable
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.driver import Driver
from textual.widgets import Input

from modctl.chart.verify import ChartVerdict
from modctl.reports.pages import Drawn, Page, Paper
from tui.audit.acts import ASKS, Acts
from tui.audit.errands import Came, Errands, RowsRead, Told
from tui.audit.lines import (
    HELP,
    LIST_KEYS,
    PAGE_KEYS,
    PAPER_KEYS,
    TYPING_KEYS,
    listed,
    page_lines,
    paper_lines,
    too_small_lines,
    verdict_lines,
)
from tui.audit.listing import Listing
from tui.audit.source import Lines, Source
from tui.looks import Look, Span, fitted, wrapped
from tui.shell import Shell
from tui.terminal import TableDriver
from tui.widgets.rows import Rows

NEEDS: Final = (80, 24)  # columns and rows
# Nobody sits and waits for these: what came of them does not push away what is being read.
LONG: Final = {
    "verify": "The chart is verified",
    "claims": "The claims are held against the chart",
    "patterns": "The search for patterns is over",
}


def run(source: Source) -> int:
    """The screen until the person leaves."""
    return AuditApp(source, TableDriver).serve()


class AuditApp(Shell):
    """The application. All that it knows of the chart comes from its source."""

    CSS_PATH = "audit.tcss"
    AUTO_FOCUS = None  # keys are the list's until a line is typed
    # What opens a line is taken here (priority): sent to the screen first, it would open the line only after the keys
    # behind it had been taken for commands, and what is pasted or typed fast has keys behind it.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "end(-1)", show=False),
        Binding("end", "end(1)", show=False),
        Binding("left", "beside(-1)", show=False),
        Binding("right", "beside(1)", show=False),
        Binding("enter", "open", show=False),
        Binding("escape", "step_back", show=False, priority=True),
        Binding("slash", "ask('filter')", show=False, priority=True),
        Binding("e", "ask('export')", show=False, priority=True),
        Binding("c", "ask('claims')", show=False, priority=True),
        Binding("s", "ask('sample')", show=False, priority=True),
        Binding("t", "question('counts')", show=False),
        Binding("v", "question('verify')", show=False),
        Binding("p", "question('patterns')", show=False),
        Binding("r", "read_again", show=False),
        Binding("question_mark", "help", show=False),
        Binding("q", "leave", show=False),
        Binding("ctrl+c,ctrl+q", "leave", show=False, priority=True),
    ]

    def __init__(self, source: Source, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class)
        self._source = source
        self._errands = Errands(self, source)
        self._list = Listing(source.zone)
        self._acts = Acts(self, source, self._errands, self._list)
        self._reading = 0  # number of the list's reading
        self._read: Callable[[int], Lines] | None = None  # what is read in place of the list, for a width
        self._page: Page | None = None  # the session that is read, if it is one
        self._scroll = 0
        self._waiting: list[Callable[[], None]] = []  # came while something else was read
        self._asks = ""  # what the line is typed for
        self._notice = "reading the chart …"

    def compose(self) -> ComposeResult:
        """A head, the middle, the line to type in, what happened, and the keys."""
        yield Rows(id="head")
        with Vertical(id="middle"):
            yield Rows(id="body")
        yield Input(id="typed")
        yield Rows(id="notice")
        yield Rows(id="keys")

    def on_mount(self) -> None:
        """Read the chart."""
        self.query_one(Input).display = False
        self.action_read_again()

    def on_unmount(self) -> None:
        """Whichever way it ends: what is under way is given up, and a copy that is not whole is removed."""
        self._errands.leave()

    def on_resize(self) -> None:
        """Another size: other lines."""
        self.call_after_refresh(self._draw)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a line is typed its letters are letters."""
        del parameters
        return not (action == "ask" and self._asks)

    # Keys

    def action_move(self, by: int) -> None:
        """One row."""
        if self._read is not None:
            most = max(0, len(self._read(self.size.width)) - self._room())
            self._scroll = min(max(0, self._scroll + by), most)
        else:
            self._list.move(by, self._room() - 1)
        self._draw()

    def action_page(self, by: int) -> None:
        """One screenful."""
        self.action_move(by * max(1, self._room() - 2))

    def action_end(self, by: int) -> None:
        """The first or the last row."""
        rows = len(self._list.shown) if self._read is None else len(self._read(self.size.width))
        self.action_move(by * (rows + 1))

    def action_beside(self, by: int) -> None:
        """The session before or after the one that is read, in the list's order."""
        if self._page is not None and self._list.move(by, self._room() - 1):
            self._acts.open()

    def action_open(self) -> None:
        """Open the chosen session, or go back to the list."""
        if self._read is not None:
            self._show(None)
        else:
            self._acts.open()

    def action_step_back(self) -> None:
        """Out of the line that is typed, of what is read, of the filter or sample: one at a time."""
        if self._asks:
            self._stop_typing()
            self._draw()
        elif self._waiting:
            self._waiting.pop(0)()
        elif self._read is not None:
            self._show(None)
            self.say(self._list.says())
        else:
            self._list.narrow("")
            self.say(self._list.says())

    def action_ask(self, what: str) -> None:
        """Type a filter, a path, a number."""
        if what == "export" and not self._list.shown:
            self.say("The list shows no session: there is nothing to export.")
            return
        self._asks = what
        line = self.query_one(Input)
        line.value, line.display = self._list.typed if what == "filter" else "", True
        self.set_focus(line)
        self.say(f"{what}: {ASKS[what]}")

    def action_question(self, what: str) -> None:
        """Counts, the verdict, patterns: nothing is typed for them."""
        {"counts": self._acts.counts, "verify": self._acts.verify, "patterns": self._acts.patterns}[what]()

    def action_read_again(self) -> None:
        """A station's own chart grows."""
        self._reading = self._errands.read_list()
        self._list.begin()
        self.say("reading the chart …")

    def action_help(self) -> None:
        """All keys and words."""
        self.show_paper(HELP)

    def action_leave(self) -> None:
        """The ordinary way out."""
        self.exit(return_code=0)

    # What was typed

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        asked, value = self._asks, event.value.strip()
        self._stop_typing()
        self._draw()
        if asked == "filter":
            problem = self._list.narrow(value)
            if not problem:
                self._show(None)
            self.say(problem or self._list.says())
        elif value:
            acts = {"export": self._acts.export, "claims": self._acts.claims, "sample": self._acts.sample}
            acts[asked](value)

    def _stop_typing(self) -> None:
        self._asks = ""
        self.query_one(Input).display = False
        self.set_focus(None)

    # What came of it

    @on(RowsRead)
    def _rows_read(self, event: RowsRead) -> None:
        self.call_after_refresh(event.taken.set)
        if event.number == self._reading:
            self._list.extend(event.rows, is_all=event.is_all)
            if self._read is None and not self._asks:
                self.say(self._list.says())

    @on(Told)
    def _told(self, event: Told) -> None:
        self.say(event.says)

    @on(Came)
    def _came(self, event: Came) -> None:
        if event.kind in LONG and (self._asks or self._read is not None):
            self._waiting.append(event.show)
            self.say(f"{LONG[event.kind]}; Esc shows it.")
        else:
            event.show()

    def show_page(self, page: Page) -> None:
        """One session."""
        self._show(lambda width: page_lines(page, width), page)
        self.say(f"session {self._list.chosen + 1} of {len(self._list.shown)}")

    def show_paper(self, paper: Paper) -> None:
        """Tables."""
        self._show(lambda width: paper_lines(paper, width))
        self.say(self._list.says())

    def show_verdict(self, verdict: ChartVerdict) -> None:
        """What the chart is worth."""
        self._show(lambda width: verdict_lines(verdict, width))
        self.say(f"verified: {verdict.verdict.upper()}")

    def show_drawn(self, drawn: Drawn) -> None:
        """A sample, in place of the list."""
        self._list.draw(drawn.rows, drawn.says)
        self._show(None)
        self.say(self._list.says())

    # Drawing

    def say(self, notice: str) -> None:
        """One line for a person."""
        self._notice = notice
        self._draw()

    def _show(self, read: Callable[[int], Lines] | None, page: Page | None = None) -> None:
        """Something to read in place of the list; None: the list."""
        self._read, self._page, self._scroll = read, page, 0
        self._draw()

    def _room(self) -> int:
        return max(2, self.query_one("#middle", Vertical).size.height)

    def _draw(self) -> None:
        if not self.is_running or not self.query(Input):
            return
        width, room, source = self.size.width, self._room(), self._source
        title = f" AUDIT  {source.name}{'  SIMULATED' * source.simulated}  times: {source.zone}  reads only"
        self.query_one("#head", Rows).show([(Span(fitted(title, width), Look.STOP),)])
        self.query_one("#body", Rows).show(self._body(width, room))
        self.query_one("#notice", Rows).show([(Span(" "), *line) for line in wrapped(self._notice, width - 1)[:2]])
        keys = TYPING_KEYS if self._asks else LIST_KEYS
        if not self._asks and self._read is not None:
            keys = PAPER_KEYS if self._page is None else PAGE_KEYS
        self.query_one("#keys", Rows).show([(Span(fitted(keys, width), Look.QUIET),)])

    def _body(self, width: int, room: int) -> Lines:
        if width < NEEDS[0] or self.size.height < NEEDS[1]:
            return too_small_lines(width, self.size.height, NEEDS)
        if self._read is not None:
            return self._read(width)[self._scroll : self._scroll + room]
        found = self._list
        return listed(found.shown, found.top, found.chosen, (width, room), found.zone)
