"""The end of a session: what was delivered, what is asked afterwards, and the six lines for the note."""

from collections.abc import Sequence

import msgspec
from textual.app import ComposeResult

from modctl import text
from modctl.ipc.messages import Done, Entries, GateView, Refused, Request, SessionView
from tui.acts import CHOOSE, DONE, Offer, wording_offers
from tui.journal import Journal, journal_of
from tui.looks import Line, Look, Span, fitted, wrapped
from tui.messages import Asked, Finished
from tui.note import gaps_text, highest_text, measured_text, six_lines
from tui.screens.asking import AskingScreen
from tui.sight import Sight
from tui.states import state, who_and_where
from tui.widgets.facts import residual
from tui.widgets.question import Question
from tui.widgets.rows import Rows


class EndScreen(AskingScreen):
    """Asks what belongs to the end, then shows the six lines until they are read."""

    def __init__(self, session: str) -> None:
        super().__init__(session)
        self._is_closed = False
        self._entries: tuple[msgspec.Raw, ...] = ()
        self._journal = Journal()

    def middle(self) -> ComposeResult:
        """State, summary, then question or note."""
        yield Rows(id="state")
        yield Rows(id="summary")
        yield Question()
        yield Rows(id="note")

    def on_mount(self) -> None:
        """Ask the chart what the snapshots do not hold."""
        self.post_message(Asked(Entries(id=0, session=self.session)))

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys."""
        del sight
        if self.query_one(Question).is_wording:
            return wording_offers(self.action_back)
        if self._is_closed:
            return (Offer(DONE, self._finish),)
        return (Offer(CHOOSE, word="answer"),)

    def _finish(self) -> None:
        self.post_message(Finished())

    def see_session(self, sight: Sight, view: SessionView, gate: GateView | None) -> None:
        """How it ended; all answered: the note."""
        del gate
        width = self.size.width
        timezone = "UTC" if sight.snapshot is None else sight.snapshot.timezone
        if view.closed and not self._is_closed:
            self._is_closed = True
            self.add_class("closed")
            self.query_one(Question).rest()
            self.set_focus(None)
            self.post_message(Asked(Entries(id=0, session=self.session)))
        self.query_one("#state", Rows).show(end_lines(sight, view, width))
        self.query_one("#summary", Rows).show(summary_lines(view, self._journal))
        self.query_one("#note", Rows).show(note_lines(view, self._journal, width, timezone) if view.closed else ())

    def answered(self, asked: Request, reply: Done | Refused) -> None:
        """Entries come in pages."""
        super().answered(asked, reply)
        if isinstance(asked, Entries) and isinstance(reply, Done):
            self._take_page(asked, reply)

    def _take_page(self, asked: Entries, reply: Done) -> None:
        page = reply.entries or ()
        self._entries = page if asked.since < 0 else (*self._entries, *page)
        if reply.more and page:
            newest = msgspec.json.decode(page[-1], type=_Numbered).seq
            self.post_message(Asked(Entries(id=0, session=self.session, since=newest)))
        else:
            self._journal = journal_of(self._entries)
            self._entries = ()


class _Numbered(msgspec.Struct, frozen=True):
    seq: int


def end_lines(sight: Sight, view: SessionView, width: int) -> tuple[Line, ...]:
    """How it ended; an unknown output takes all the room that its instruction needs."""
    told = state(sight, view)
    rows = wrapped(told.sentence, max(1, width - 2), told.word.look if view.phase == "unconfirmed" else Look.PLAIN)
    first = Span(fitted(f" {told.word.text}", width), told.word.look)
    if view.residual_mdegc is not None:
        rows = (*rows, (Span(f"Off, and {residual(view.residual_mdegc)}.", Look.WARNING),))
    return ((first,), *((Span(" "), *row) for row in rows), who_and_where(view, width))


def summary_lines(view: SessionView, journal: Journal) -> tuple[Line, ...]:
    """Delivered of planned with its gaps, and the level reached."""
    delivered = f"{text.clock(view.delivered_ms)} delivered of {text.clock(view.planned_ms)}"
    return (
        (Span(" "), Span(delivered, Look.STRONG), Span(gaps_text(view))),
        (Span(f" {highest_text(view, journal)}, {measured_text(view)}"),),
        (Span(""),),
    )


def note_lines(view: SessionView, journal: Journal, width: int, timezone: str) -> tuple[Line, ...]:
    """The six lines, from the left edge, so that a terminal's own selection copies them clean."""
    rows: list[Line] = [(Span(" For the note:", Look.QUIET),)]
    for told in six_lines(view, journal, timezone):
        rows.extend(wrapped(told, max(1, width)))
    return tuple(rows)
