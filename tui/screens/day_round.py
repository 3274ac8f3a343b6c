"""The day's round: what is looked at before the first patient and after the last one, signed once."""

from collections.abc import Sequence
from typing import Final

from textual import on
from textual.app import ComposeResult

from devices.model import NS_PER_S
from modctl.ipc.messages import Done, Refused, Request, Round
from modctl.records import RoundCheck
from tui.acts import CHOOSE, Offer
from tui.looks import EMPTY, Line, Look, Span, fitted
from tui.messages import Asked, Noticed, SteppedBack
from tui.screens.base import TableScreen
from tui.sight import Sight
from tui.widgets.choices import Choice, Choices
from tui.widgets.rows import Rows

AGAIN_NS: Final = NS_PER_S  # chosen: a switch that is let go is seen while the hand is still on it
ROWS: Final = 9  # on the smallest screen: the title, the choices and the board need the rest
NOT_YET: Final = "not-yet"


class RoundScreen(TableScreen):
    """Looks once a second; what is open stands first. Signing charts everything as it was found."""

    def __init__(self) -> None:
        super().__init__()
        self._checks: tuple[RoundCheck, ...] = ()
        self._looks_at_ns = 0

    def middle(self) -> ComposeResult:
        """A title, what was found, and what can be signed."""
        yield Rows(id="title")
        yield Rows(id="done")
        yield Choices()

    def on_mount(self) -> None:
        """First in focus: not yet."""
        self.query_one("#title", Rows).show([(Span(" The day's round", Look.STRONG),), EMPTY])
        self.query_one(Choices).offer(
            [
                Choice(NOT_YET, "Not yet: look again"),
                Choice("open", "Open the day: I sign what stands here"),
                Choice("close", "Close the day: I sign what stands here"),
            ]
        )
        self.query_one(Choices).focus()

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys."""
        del sight
        return (Offer(CHOOSE),)

    def see_middle(self, sight: Sight) -> None:
        """Look again, once a second."""
        if sight.now_ns >= self._looks_at_ns:
            self._looks_at_ns = sight.now_ns + AGAIN_NS
            self.post_message(Asked(Round(id=0)))
        self.query_one("#done", Rows).show((*round_lines(self._checks, self.size.width), EMPTY))

    def answered(self, asked: Request, reply: Done | Refused) -> None:
        """What was found; after a signature back to the units."""
        if not isinstance(asked, Round) or isinstance(reply, Refused):
            return
        self._checks = reply.checks or ()
        if asked.sign is not None:
            still = sum(one.result != "ok" for one in self._checks)
            self.post_message(Noticed(f"Signed: {still} open." if still else "Signed: nothing is open."))
            self.post_message(SteppedBack())

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        event.stop()
        if event.key == NOT_YET:
            self._looks_at_ns = 0
        else:
            self.post_message(Asked(Round(id=0, sign=event.key)))


def round_lines(checks: tuple[RoundCheck, ...], width: int) -> tuple[Line, ...]:
    """What is open first; what does not fit is counted."""
    if not checks:
        return ((Span("   Looking …"),),)
    found = sorted(checks, key=lambda one: one.result == "ok")
    told = [_line(one, width) for one in found[:ROWS]]
    if len(found) > ROWS:
        told[-1] = (Span(f"   and {len(found) - ROWS + 1} more", Look.QUIET),)
    return tuple(told)


def _line(one: RoundCheck, width: int) -> Line:
    is_ok = one.result == "ok"
    name = f"{one.check.replace('_', ' ')} {one.subject}".strip()
    words = f"   {'✓ ok  ' if is_ok else '! OPEN'}  {fitted(name, 26)} {one.found}"
    return (Span(fitted(words, width), Look.PLAIN if is_ok else Look.STRONG),)
