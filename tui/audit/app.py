"""The auditor's screen: a list with a filter, one session, the verdict, counts, claims, samples, patterns, copies.

Rule 1: it writes nothing but the copy that a person names.
Rule 2: whatever takes time runs in a thread of its own and shows how far it is; keys go on working.
Rule 3: only the rows in sight are drawn: a hundred thousand sessions scroll like ten.
"""

import functools
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.driver import Driver
from textual.widgets import Input

from modctl.chart.verify import ChartVerdict
from modctl.reports.pages import Drawn, Page, Paper
from tui.acts import COLOURS, Offer, help_words
from tui.audit.acts import ASKS, Acts
from tui.audit.errands import Came, Errands, RowsRead, Told
from tui.audit.keys import Where, bindings, keys_on
from tui.audit.lines import (
    HELP,
    listed,
    page_lines,
    paper_lines,
    sentence,
    title_line,
    too_small_lines,
    verdict_lines,
)
from tui.audit.listing import Listing
from tui.audit.source import Lines, Source
from tui.looks import Line, Look, Span, fitted
from tui.overlays import Overlay
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
    BINDINGS: ClassVar[list[BindingType]] = bindings()

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
        self._line().display = False
        self.action_read_again()

    def on_unmount(self) -> None:
        """Whichever way it ends: what is under way is given up, and a copy that is not whole is removed."""
        self._errands.leave()

    def on_resize(self) -> None:
        """Another size: other lines."""
        self.call_after_refresh(self._draw)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a line is typed its letters are letters; what lies over the list has its keys to itself."""
        del parameters
        return not (action == "ask" and (self._asks or isinstance(self.screen, Overlay)))

    def offers(self) -> Sequence[Offer]:
        """What can be done now, on what lies under the list."""
        named = [one for one in keys_on(self._where()) if one.action not in ("", "palette")]
        own = (Offer(one.act, functools.partial(self.run_action, one.action), now=one.act.does) for one in named)
        return (*own, Offer(COLOURS, self.action_other_colours))

    def around(self, cells: int) -> tuple[Sequence[Line], Sequence[Line]]:
        """What stays in sight under the list: whose chart it is, and how far what takes time has come."""
        return (title_line(self._source, cells),), sentence(self._notice, cells)[:2]

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
        """Out of what lies over it, the line that is typed, what is read, the filter or sample: one at a time."""
        if isinstance(self.screen, Overlay):
            self.screen.dismiss()
        elif self._asks:
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
        line = self._line()
        line.value, line.display = self._list.typed if what == "filter" else "", True
        self.default_screen.set_focus(line)
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
        self._line().display = False
        self.default_screen.set_focus(None)

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

    def _line(self) -> Input:
        return self.default_screen.query_one(Input)

    def _where(self) -> Where:
        if self._asks:
            return Where.LINE
        if self._read is None:
            return Where.LIST
        return Where.PAPER if self._page is None else Where.PAGE

    def _room(self) -> int:
        return max(2, self.default_screen.query_one("#middle", Vertical).size.height)

    def _draw(self) -> None:
        """The page, and what lies over it. At the very end there is no screen left."""
        if not self.is_running or not self.screen_stack or not self.default_screen.query("#keys"):
            return
        width, room, page = self.size.width, self._room(), self.default_screen
        page.query_one("#head", Rows).show([title_line(self._source, width)])
        page.query_one("#body", Rows).show(self._body(width, room))
        page.query_one("#notice", Rows).show(sentence(self._notice, width)[:2])
        named = help_words([Offer(one.act) for one in keys_on(self._where())], width - 1)
        page.query_one("#keys", Rows).show([(Span(fitted(f" {named}", width), Look.QUIET),)])
        if isinstance(self.screen, Overlay):
            self.screen.look()

    def _body(self, width: int, room: int) -> Lines:
        if width < NEEDS[0] or self.size.height < NEEDS[1]:
            return too_small_lines(width, self.size.height, NEEDS)
        if self._read is not None:
            return self._read(width)[self._scroll : self._scroll + room]
        found = self._list
        return listed(found.shown, found.top, found.chosen, (width, room), found.zone)
