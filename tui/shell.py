"""What every screen is to its terminal and, where it has one, to the controller. What is shown is each screen's own.

Rule 1: however a screen ends (a key, a signal, a terminal that is gone) the terminal is left as it was found.
Rule 2: a screen ended by signal n says so with the status 128 + n; what it attended is stopped by the controller.
Rule 3: a beat says that the last frame has left for the terminal; a screen that nobody can see does not beat.
"""

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.events import Event, Key
from textual.widgets import Input

from devices.model import NS_PER_S
from modctl.clock import Clock
from modctl.ipc.messages import Request, SignIn, Subscribe
from tui.acts import Offer
from tui.client import Dial
from tui.connection import Connection
from tui.keys import KeyGuard
from tui.looks import Line
from tui.messages import Connected, LinkLost, ReadActions, Tick
from tui.overlays import Overlay, Palette
from tui.terminal import TerminalGone
from tui.theme import THEME, THEMES, after

TICK_S: Final = 0.25  # a screen that attends beats every 250 ms
REDIAL_NS: Final = NS_PER_S
ENDING: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)
NO_LINK: Final = "Not sent: there is no connection to the controller."


class Shell(App[None]):
    """The colours, and the ends that come from outside."""

    ENABLE_COMMAND_PALETTE = False  # the library's own takes the stop keys as text
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "palette", show=False, priority=True),
        Binding("f2", "other_colours", show=False, priority=True),
    ]
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, driver_class: type[Driver] | None = None) -> None:
        # With NO_COLOR (no-color.org) the terminal's own two colours stay: words and shapes say everything.
        super().__init__(driver_class=driver_class, ansi_color=True if os.environ.get("NO_COLOR") else None)
        for theme in THEMES:  # before the style sheet is read: it names the themes' own colours
            self.register_theme(theme)
        self.theme = THEME.name

    def offers(self) -> Sequence[Offer]:
        """What can be done now, for the list of actions. None: there is no list."""
        return ()

    def around(self, cells: int) -> tuple[Sequence[Line], Sequence[Line]]:
        """Lines that stay in sight above and below the list: states, and what the stop keys stop."""
        del cells
        return (), ()

    def action_other_colours(self) -> None:
        """The next set of colours, until this screen ends."""
        self.theme = after(self.theme)

    def action_palette(self) -> None:
        """Every action of this moment, to choose from; pressed again, it goes away."""
        if isinstance(self.screen, Overlay):
            self.screen.dismiss()
        elif self.offers():
            self.push_screen(Palette(self.offers, self.around))

    @on(ReadActions)
    def _read_actions(self) -> None:
        self.action_palette()

    def serve(self) -> int:
        """Show it until the person leaves; gives the exit status. The mouse stays the terminal's."""
        self.run(mouse=False)
        return self.return_code or 0

    def on_mount(self) -> None:
        """Listen for the signals that end programs."""
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, self._ended_by, number)

    @on(TerminalGone)
    def _terminal_gone(self) -> None:
        self._ended_by(signal.SIGHUP)

    def _ended_by(self, number: signal.Signals) -> None:
        self.exit(return_code=128 + number)


class AttendingShell(Shell):
    """A screen with a connection: it dials until somebody answers, beats, and drops the keys that must not count.

    ``dial`` gives a new connection each time it is called. With a PIN the person is signed in without being asked.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "leave", show=False, priority=True)]

    def __init__(self, dial: Dial, clock: Clock, *, pin: str | None, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class)
        self._connection = Connection(self, dial)
        self._clock = clock
        self._pin = pin
        self._guard = KeyGuard()
        self._dials_at_ns: int | None = None  # when to connect again

    # What a screen has to say

    def who(self) -> str:
        """The account that the PIN belongs to."""
        raise NotImplementedError

    def ticked(self, now_ns: int) -> None:
        """Four times a second: ages are looked at again."""
        raise NotImplementedError

    def linked(self) -> None:
        """The controller said hello; state and sign-in are asked for already."""
        raise NotImplementedError

    def unlinked(self, why: str) -> None:
        """There is no connection, or not any more: nobody is signed in on the next one."""
        raise NotImplementedError

    def say(self, notice: str) -> None:
        """One line for a person."""
        raise NotImplementedError

    # The same for all of them

    def on_mount(self) -> None:
        """The tick, the first connection."""
        self.set_interval(TICK_S, lambda: self.post_message(Tick()))
        self._connection.open()

    async def on_event(self, event: Event) -> None:
        """Keys that must not count are dropped before anything sees them."""
        is_pressed = isinstance(event, Key) and not event.is_forwarded
        if not (is_pressed and isinstance(event, Key) and self.takes_away(event)):
            await super().on_event(event)

    def takes_away(self, event: Key) -> bool:
        """The key does not count. In a text field all do: a PIN may repeat a digit."""
        return not (isinstance(self.focused, Input) or self._guard.takes(event.key, self.now_ns()))

    def now_ns(self) -> int:
        """Monotonic, nanoseconds."""
        return self._clock.mono_ns()

    def send(self, request: Request) -> None:
        """Ask the controller; says so where nobody can be asked."""
        if not self._connection.send(request):
            self.say(NO_LINK)

    @on(Tick)
    def _tick(self) -> None:
        now_ns = self.now_ns()
        if self._dials_at_ns is not None and now_ns >= self._dials_at_ns:
            self._dials_at_ns = None
            self._connection.open()
        self.ticked(now_ns)
        self._connection.beat()

    @on(Connected)
    def _connected(self, event: Connected) -> None:
        self._connection.adopt(event.client)
        self.send(Subscribe(id=0))
        if self._pin is not None:
            self.send(SignIn(id=0, user=self.who(), pin=self._pin))
        self.linked()

    @on(LinkLost)
    def _lost(self, event: LinkLost) -> None:
        if event.client is not self._connection.client:
            return
        self._connection.drop()
        self._dials_at_ns = self.now_ns() + REDIAL_NS
        self.unlinked(event.why)
