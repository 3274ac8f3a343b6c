"""The auditor's screen: a list with a filter, one session, the verdict, statistics, copies.

Rule 1: it writes nothing but the copy that a person names.
Rule 2: whatever takes time runs in a thread of its own and shows how far it is; keys go on working.
Rule 3: only the rows in sight are drawn: a hundred thousand sessions scroll like ten.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.driver import Driver
from textual.widgets import Input

from modctl.chart.reader import SessionRow
from modctl.errors import ModctlError
from modctl.reports.pages import Page
from tui.audit.lines import head_line, page_lines, row_line, statistics_lines, verdict_lines
from tui.audit.source import Lines, Source
from tui.audit.wanted import HELP, found, parse_wanted
from tui.looks import Look, Span, fitted, wrapped
from tui.shell import Shell
from tui.terminal import TableDriver
from tui.widgets.rows import Rows

_T = TypeVar("_T")
LIST_KEYS = " ↑↓ PgUp PgDn  Enter: open  /: filter  t: counts  v: verify  e: export  q: leave"
PAGE_KEYS = " ↑ ↓ PgUp PgDn  Esc, Enter: back to the list  q: leave"


def run(source: Source) -> int:
    """The screen until the person leaves."""
    return AuditApp(source, TableDriver).serve()


class AuditApp(Shell):
    """The application. All that it knows of the chart comes from its source."""

    CSS_PATH = "audit.tcss"
    AUTO_FOCUS = None  # keys are the list's until a line is typed
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "end(-1)", show=False),
        Binding("end", "end(1)", show=False),
        Binding("enter", "open", show=False),
        Binding("escape", "to_list", show=False, priority=True),
        Binding("slash", "filter", show=False),
        Binding("t", "statistics", show=False),
        Binding("v", "verify", show=False),
        Binding("e", "export", show=False),
        Binding("q", "quit", show=False),
        Binding("ctrl+c", "quit", show=False, priority=True),
    ]

    def __init__(self, source: Source, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class)
        self._source = source
        self._rows: Sequence[SessionRow] = ()
        self._shown: Sequence[SessionRow] = ()
        self._chosen = 0
        self._top = 0
        self._page: Page | None = None
        self._text: Lines | None = None  # statistics or a verdict, in place of the list
        self._scroll = 0
        self._asks = ""  # filter | export
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
        self._draw()
        self._load()

    def on_resize(self) -> None:
        """Another size: other lines."""
        self.call_after_refresh(self._draw)

    # Keys

    def action_move(self, by: int) -> None:
        """One row."""
        self._move(by)

    def action_page(self, by: int) -> None:
        """One screenful."""
        self._move(by * max(1, self._room() - 1))

    def action_end(self, by: int) -> None:
        """The first or the last row."""
        self._move(by * (len(self._shown) + len(self._reading()) + 1))

    def action_open(self) -> None:
        """Open the chosen session, or go back to the list."""
        if self._is_reading():
            self.action_to_list()
        elif self._shown:
            self._open(self._shown[self._chosen].session)

    def action_to_list(self) -> None:
        """To the list; out of the line that is being typed."""
        if self._asks:
            self._stop_typing()
        self._page = self._text = None
        self._scroll = 0
        self._draw()

    def action_filter(self) -> None:
        """Type a filter."""
        self._type("filter", f"filter: {HELP}")

    def action_export(self) -> None:
        """Type where the copy goes."""
        if self._shown and not self._is_reading():
            self._type("export", f"export {len(self._shown)} sessions as lines of JSON: path of a new file")

    def action_statistics(self) -> None:
        """Counts over what is shown."""
        self._text, self._scroll = statistics_lines(self._shown, self.size.width), 0
        self._draw()

    def action_verify(self) -> None:
        """Verify the chart, with progress."""
        self._verify()

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        asked, value = self._asks, event.value
        self._stop_typing()
        if asked == "export":
            self._export(Path(value).expanduser()) if value.strip() else None
            return
        wanted = parse_wanted(value)
        if isinstance(wanted, str):
            self._say(wanted)
            return
        self._shown, self._chosen, self._top = found(self._rows, wanted), 0, 0
        self._page = self._text = None
        self._say(f"{len(self._shown)} of {len(self._rows)} sessions{': ' + value if value.strip() else ''}")

    def _type(self, asks: str, placeholder: str) -> None:
        self._asks = asks
        line = self.query_one(Input)
        line.value, line.placeholder, line.display = "", placeholder, True
        line.focus()

    def _stop_typing(self) -> None:
        self._asks = ""
        self.query_one(Input).display = False
        self.set_focus(None)

    def _move(self, by: int) -> None:
        if self._is_reading():
            most = max(0, len(self._reading()) - self._room())
            self._scroll = min(max(0, self._scroll + by), most)
        elif self._shown:
            self._chosen = min(max(0, self._chosen + by), len(self._shown) - 1)
            room = max(1, self._room() - 1)
            self._top = min(max(self._top, self._chosen - room + 1), self._chosen)
        self._draw()

    # What takes time

    @work(exclusive=True, group="chart")
    async def _load(self) -> None:
        rows = await self._of(self._source.rows)
        if rows is not None:
            self._rows = self._shown = rows
            self._say(f"{len(rows)} sessions, the newest first")

    @work(exclusive=True, group="chart")
    async def _open(self, session: str) -> None:
        self._say(f"reading {session} …")
        page = await self._of(lambda: self._source.page(session))
        if page is not None:
            self._page, self._scroll = page, 0
            self._say(session)

    @work(exclusive=True, group="chart")
    async def _verify(self) -> None:
        loop = asyncio.get_running_loop()

        def progress(done: int, total: int) -> None:
            loop.call_soon_threadsafe(self._say, f"verifying: {done} of {total} entries")

        self._say("verifying …")
        verdict = await self._of(lambda: self._source.verify(progress))
        if verdict is not None:
            self._page, self._text, self._scroll = None, verdict_lines(verdict, self.size.width), 0
            self._say(f"verified: {verdict.verdict}")

    @work(exclusive=True, group="chart")
    async def _export(self, target: Path) -> None:
        names = [row.session for row in self._shown]
        self._say(f"writing {target} …")
        written = await self._of(lambda: self._source.export(names, target))
        if written is not None:
            self._say(f"wrote {written} entries of {len(names)} sessions to {target}")

    async def _of(self, ask: Callable[[], _T]) -> _T | None:
        """What the source says, from a thread of its own; a sentence where it cannot."""
        try:
            return await asyncio.to_thread(ask)
        except ModctlError as why:
            self._say(str(why))
            return None

    # Drawing

    def _say(self, notice: str) -> None:
        self._notice = notice
        self._draw()

    def _is_reading(self) -> bool:
        return self._page is not None or self._text is not None

    def _reading(self) -> Lines:
        if self._page is not None:
            return page_lines(self._page, self.size.width)
        return self._text or ()

    def _room(self) -> int:
        return max(1, self.query_one("#middle", Vertical).size.height)

    def _draw(self) -> None:
        width, room = self.size.width, self._room()
        simulated = "  SIMULATED" if self._source.simulated else ""
        title = f" AUDIT  {self._source.name}{simulated}  reads only"
        self.query_one("#head", Rows).show([(Span(fitted(title, width), Look.STOP),)])
        body = self.query_one("#body", Rows)
        if self._is_reading():
            body.show(self._reading()[self._scroll : self._scroll + room])
        else:
            rows = self._shown[self._top : self._top + room - 1]
            lines = [row_line(row, width, is_chosen=self._top + at == self._chosen) for at, row in enumerate(rows)]
            body.show([head_line(width), *lines])
        self.query_one("#notice", Rows).show(wrapped(f" {self._notice}", width)[:2])
        keys = PAGE_KEYS if self._is_reading() else LIST_KEYS
        self.query_one("#keys", Rows).show([(Span(fitted(keys, width), Look.QUIET),)])
