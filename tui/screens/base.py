"""What every screen has: the first line, the board, the alarms, and the two lines about keys. Nothing hides them."""

import functools
from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key, Resize
from textual.screen import Screen
from textual.widgets import Input

from modctl.ipc.messages import Done, Refused, Request
from tui.acts import ALL, BACK, MAP, NEXT, SWITCH, Offer, help_words, of_key
from tui.looks import Line, Look, Span, fitted, wrapped
from tui.messages import Leaving, NextSession, ReadActions, ReadMap, SteppedBack, TabChosen, Tick
from tui.sight import Sight
from tui.states import patient_of, sim, state
from tui.widgets.alarm_line import AlarmLine, alarm_lines
from tui.widgets.board import Board
from tui.widgets.head import Head
from tui.widgets.help_line import HelpLine, stop_lines
from tui.widgets.rows import Rows

WIDTH: Final = 80  # the smallest terminal on which everything needed stands
HEIGHT: Final = 24
TALL: Final = 36  # chosen: from here alarms and facts get more rows


class Notice(Rows):
    """One line to a person: what was refused, what was sent."""


class TooSmall(Rows):
    """All that is shown when the terminal is smaller than it must be."""


class TableScreen(Screen[None]):
    """One screen of the table. Subclasses say what is in the middle and what their own keys offer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+g", "back", show=False, priority=True)]
    STEPS_BACK: ClassVar[bool] = True  # a running session is not stepped back from
    TAB_SWITCHES: ClassVar[bool] = True  # to another session; where there are several fields it goes to the next one

    def __init__(self) -> None:
        super().__init__()
        self._can_be_seen = False
        self._sight: Sight | None = None  # what was shown last: keys mean what stood there
        self.subject: str | None = None  # the session that this screen is about: it needs no line on the board

    def compose(self) -> ComposeResult:
        """The frame around the middle."""
        yield Head()
        yield Board()
        yield AlarmLine()
        with Vertical(id="middle"):
            yield from self.middle()
        yield Notice()
        yield HelpLine()
        yield TooSmall()

    def middle(self) -> ComposeResult:
        """The widgets between the board and the last lines."""
        yield from ()

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """What the screen's own keys do now, the weightiest first."""
        del sight
        return ()

    def all_offers(self) -> tuple[Offer, ...]:
        """The same with what every screen has. In a text field only what is no letter."""
        sight = self._sight
        if sight is None:
            return ()
        own = tuple(self.offers(sight))
        if isinstance(self.focused, Input):
            return (*own, Offer(ALL, self._read_actions, key="ctrl+p"))
        mine = {one.act for one in own}
        common = (
            *self._switches(sight),
            Offer(NEXT, self._next, now="prepare another session while these go on"),
            *((Offer(BACK, self.action_back),) if self.STEPS_BACK else ()),
        )
        ends = (Offer(MAP, self._read_map, now="show what every key does"), Offer(ALL, self._read_actions))
        return (*own, *(one for one in common if one.act not in mine), *ends)

    def _switches(self, sight: Sight) -> Sequence[Offer]:
        others = [(number, view) for number, view in sight.tabbed() if view.session != self.subject]
        if not others:
            return ()
        told = (
            Offer(
                SWITCH,
                functools.partial(self.post_message, TabChosen(number)),
                key=str(number),
                now=f"show {view.unit}, {patient_of(view)}",
            )
            for number, view in others
        )
        tab = Offer(
            SWITCH, functools.partial(self.post_message, TabChosen(None)), key="tab", now="show the next session"
        )
        return (tab, *told) if self.TAB_SWITCHES else tuple(told)

    def _next(self) -> None:
        self.post_message(NextSession())

    def _read_actions(self) -> None:
        self.post_message(ReadActions())

    def leave(self) -> None:
        """For good; the app may refuse."""
        self.post_message(Leaving())

    def _read_map(self) -> None:
        self.post_message(ReadMap())

    def see_middle(self, sight: Sight) -> None:
        """Show the newest in the middle."""

    def takes_back(self) -> bool:
        """One step back inside this screen. False: there is none, the screen itself is stepped back from."""
        return False

    def action_back(self) -> None:
        """Ctrl+G: one step back, also where Escape is a stop and a field takes every other key."""
        self.post_message(SteppedBack())

    def answered(self, asked: Request, reply: Done | Refused) -> None:
        """The controller has answered something that was asked while this screen was on top."""

    def on_mount(self) -> None:
        """Everything stands: show something."""
        self._can_be_seen = True
        self.post_message(Tick())

    def on_resize(self, event: Resize) -> None:
        """Another size: other lines."""
        self.set_class(event.size.width < WIDTH or event.size.height < HEIGHT, "small")
        self.set_class(event.size.height >= TALL, "tall")
        self.post_message(Tick())

    def on_key(self, event: Key) -> None:
        """Keys that mean the same on every screen, when nothing that has the focus wants them.

        The library calls this after a subclass's own handler, unless that one prevents it.
        """
        if isinstance(self.focused, Input):
            return  # a field's own keys, Backspace among them, are its own
        offer = of_key(self.all_offers(), event.key)
        if offer is not None and offer.run is not None:
            offer.run()
            event.stop()

    def see(self, sight: Sight) -> None:
        """Show the newest everywhere."""
        self._sight = sight
        if not self._can_be_seen:
            return
        width = self.size.width
        if self.has_class("small"):
            self.query_one(TooSmall).show(too_small_lines(sight, width, self.size.height))
            return
        self.query_one(Head).see(sight)
        self.query_one(Board).see(sight, hides=self.subject)
        self.query_one(AlarmLine).see(sight, 4 if self.has_class("tall") else 2)
        self.query_one(Notice).show([(Span(fitted(f" {sight.notice}", width), Look.STRONG),)])
        self.query_one(HelpLine).see(sight, help_words(self.all_offers(), width - 2))
        self.see_middle(sight)


def too_small_lines(sight: Sight, width: int, height: int) -> tuple[Line, ...]:
    """What to do about the size; and, since somebody may be on the table, states and stop keys first."""
    lines: list[Line] = list(stop_lines(sight, width))
    for _, view in sight.tabbed():
        lines.append((state(sight, view).word, Span(" "), sim(is_simulated=view.simulated), Span(view.unit)))
    lines += alarm_lines(sight, width, 2)
    told = f"This terminal is {width}x{height}. The table needs {WIDTH}x{HEIGHT} or more: make it larger."
    return (*lines, *wrapped(told, max(1, width), Look.STRONG))[: max(1, height)]
