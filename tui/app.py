"""The table: the ring around the desk. Connects, sends, draws; the desk and the sight decide what is shown.

Rule 1: the stop keys are taken here, before any screen, modal or field sees them.
Rule 2: a stop is sent at once and waits for nothing; what stopping reached is shown by the next snapshots.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.events import DescendantBlur, DescendantFocus, Key
from textual.widgets import Input

from devices.model import Direction
from modctl.clock import Clock
from modctl.ipc.hands import Lock
from modctl.ipc.messages import Answer, Refused, Request, Resume, SignIn, Start, Step, Stop, Subscribe
from tui import messages, refusals
from tui.acts import Offer, map_rows
from tui.alarms import Bell, alarms_of
from tui.client import Dial
from tui.connection import NOT_SENT
from tui.desk import Desk, Place, Route
from tui.journal import alarm_text
from tui.looks import Line
from tui.making import screen_of
from tui.offered import around, offered
from tui.overlays import KeyMap, Overlay
from tui.screens.base import TableScreen
from tui.screens.gates import CONFIRM
from tui.screens.running import RunningScreen
from tui.shell import AttendingShell
from tui.sight import Link, Sight, StopKey, StopTarget, held_here, of_this_screen, stop_target
from tui.sound import Sound
from tui.wishes import LOCKED, calms, follow


class TableApp(AttendingShell):
    """The application."""

    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f12,ctrl+c", "stop_all", show=False, priority=True),
        Binding("escape", "escape", show=False, priority=True),
        Binding("space,s", "stop_large", show=False, priority=True),
    ]

    def __init__(
        self,
        dial: Dial,
        clock: Clock,
        *,
        user: str,
        pin: str | None,
        driver_class: type[Driver] | None = None,
        is_quiet: bool = False,
    ) -> None:
        super().__init__(dial, clock, pin=pin, driver_class=driver_class)
        self._desk = Desk(user, signs_in_itself=pin is not None)
        self._bell = Bell(is_quiet=is_quiet)
        self.sound = Sound(None)  # beside the bell, where the site has a file
        self._route: Route | None = None
        self._steps_out: set[Direction] = set()  # steps whose answer has not come: a held key sends no further ones

    # Keys

    def takes_away(self, event: Key) -> bool:
        """The key does not count. Whoever presses one is here."""
        if not self._desk.is_locked:
            self._desk.touched(self.now_ns())
        return super().takes_away(event)

    def action_stop_all(self) -> None:
        """F12, Ctrl+C: every session of this screen; everything, where no other screen has one, and in doubt."""
        mine = of_this_screen(self._sight())
        for target in [StopTarget(StopKey.SESSION, one) for one in mine] or [StopTarget(StopKey.EVERYTHING)]:
            self._stop(target)

    def action_stop_large(self) -> None:
        """Space, s: the session shown large, or what the stop line names."""
        self._stop(stop_target(self._sight()))

    def action_escape(self) -> None:
        """Stop; one step back only when nothing is live. Either way the next key is not an answer."""
        self._guard.close(self.now_ns())
        target = stop_target(self._sight())
        if target.key is not StopKey.NOTHING:
            self._stop(target)
        elif isinstance(self.screen, Overlay):
            self.screen.dismiss()
        else:
            self._step_back()

    def action_leave(self) -> None:
        """Ctrl+Q: not while something needs this screen. Without a connection nothing is held by leaving."""
        if self._desk.link is Link.UP and held_here(self._sight()):
            self.say("Not while something is energized or unknown: stop it first (F12 stops all).")
        else:
            self.exit(return_code=0)

    def _stop(self, target: StopTarget) -> None:
        if target.key is StopKey.NOTHING:
            return
        self._guard.close(self.now_ns())
        stop = Stop(id=0, session=target.session, source="screen")
        was_sent = self._connection.send(stop)
        self._bell.answered(stop)
        view = self._sight().session(target.session)
        self.say(f"STOP sent: {'all' if view is None else view.unit}." if was_sent else NOT_SENT)

    # The connection

    def on_mount(self) -> None:
        """The first picture."""
        self._desk.since_ns = self.now_ns()
        self._settle()

    def who(self) -> str:
        """Who works at this table."""
        return self._desk.user

    def linked(self) -> None:
        """The controller said hello."""
        self._desk.link = Link.UP
        self._settle()

    def unlinked(self, why: str) -> None:
        """What was shown stays, as old data."""
        self._steps_out.clear()
        self._desk.lost(why)
        self._settle()

    # What happened

    def ticked(self, now_ns: int) -> None:
        """Ages, the lock, the bell."""
        self._desk.trace(now_ns)
        if self._desk.wants_lock(now_ns):
            self._desk.is_locked = True
            self.send(Lock(id=0))
            self._settle()
        self._paint()
        if self._bell.rings(alarms_of(self._sight()), now_ns):
            self.sound.play()
            self.bell()  # one more write in the driver's queue, dropped like a frame where the terminal stands still

    @on(messages.SnapshotArrived)
    def _heard(self, event: messages.SnapshotArrived) -> None:
        self._desk.heard(event.snapshot)
        self._settle()

    @on(messages.EventArrived)
    def _charted(self, event: messages.EventArrived) -> None:
        if (alarm := alarm_text(event.event.entry)) is not None:
            session, told = alarm
            view = self._sight().session(session)
            self.say(f"{'' if view is None else f'{view.unit}: '}{told}")

    @on(messages.Answered)
    def _answered(self, event: messages.Answered) -> None:
        asked, reply = event.asked, event.reply
        if isinstance(asked, Step):
            self._steps_out.discard(asked.direction)
        if isinstance(reply, Refused):
            self._refused(asked, reply)
        elif isinstance(asked, SignIn):
            self._desk.signed_in(reply.role or "", self.now_ns())
            self.send(Subscribe(id=0))
        elif isinstance(asked, Start) and reply.session is not None:
            self._desk.begun(reply.session, self.now_ns())
        for screen in self.screen_stack:
            if isinstance(screen, TableScreen):
                screen.answered(asked, reply)
        self._settle()

    def _refused(self, asked: Request, reply: Refused) -> None:
        if isinstance(asked, SignIn):
            self._pin = None
        if told := refusals.take(self._desk, asked, reply, self._sight()):
            self.say(told)

    # What people want

    @on(messages.Asked)
    def _asked(self, event: messages.Asked) -> None:
        request = event.request
        if self._desk.is_locked and not calms(request):
            self.say(LOCKED)
            return
        if isinstance(request, Step) and request.direction is not Direction.HOLD:
            if request.direction in self._steps_out:
                return  # a held key repeats faster than steps are answered; none may be left over when it is let go
            self._steps_out.add(request.direction)
        if isinstance(request, Answer) and request.gate == CONFIRM:
            self._desk.confirmed(request.session)
        if isinstance(request, Resume):
            self.say("Resuming from off.")
        self._bell.answered(request)
        self.send(request)

    @on(messages.SignedWith)
    def _signed(self, event: messages.SignedWith) -> None:
        self._desk.user = event.user
        self.send(SignIn(id=0, user=event.user, pin=event.pin))

    @on(messages.Wish)
    def _wished(self, event: messages.Wish) -> None:
        if refused := follow(self._desk, event, self._sight()):
            self.say(refused)
        self._settle()

    @on(messages.SteppedBack)
    def _step_back(self) -> None:
        route = self._desk.route()
        if isinstance(self.screen, TableScreen) and self.screen.takes_back():
            pass
        elif self._desk.is_locked:
            self._desk.is_unlocking = False
        elif route.place is Place.GATES:
            self._guard.close(self.now_ns())
            self.send(Stop(id=0, session=route.session, source="screen"))
            self.say("Given up: this session is being ended.")
        elif route.place not in (Place.SIGN_IN, Place.RUNNING):
            self._desk.step_back()
        self._settle()

    @on(messages.ConfirmShown)
    def _confirm_shown(self) -> None:
        self._guard.close(self.now_ns())

    @on(messages.Noticed)
    def _noticed(self, event: messages.Noticed) -> None:
        self.say(event.text)

    @on(messages.Leaving)
    def _leaving(self) -> None:
        self.action_leave()

    @on(messages.ReadMap)
    def _read_map(self) -> None:
        self.push_screen(KeyMap(map_rows(), self.around))

    def offers(self) -> Sequence[Offer]:
        """What can be done now, on the screen under the list."""
        screen = next((one for one in reversed(self.screen_stack) if isinstance(one, TableScreen)), None)
        mine = () if screen is None else screen.all_offers()
        return offered(self._sight(), mine, self.action_stop_large, self.action_stop_all, self.action_other_colours)

    def around(self, cells: int) -> tuple[Sequence[Line], Sequence[Line]]:
        """What stays in sight under the map and under the list."""
        return around(self._sight(), cells)

    # Drawing

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _focus_moved(self) -> None:
        """Which keys stop depends on the field that has the focus: the lines that say so wait for no tick."""
        self._paint()

    def _sight(self) -> Sight:
        has_screen = bool(self.screen_stack)  # at the very end a last tick finds none
        return self._desk.sight(self.now_ns(), types_text=has_screen and isinstance(self.focused, Input))

    def say(self, notice: str) -> None:
        """One line for a person, gone after a while."""
        self._desk.say(notice, self.now_ns())
        self._paint()

    def _settle(self) -> None:
        """Bring the screen on top that belongs there, and draw. At the very end there is nothing to draw on."""
        if not self.is_running:
            return
        route = self._desk.route()
        if route != self._route:
            self._route = route
            self._desk.moved_on(self.now_ns())
            while isinstance(self.screen, Overlay):
                self.pop_screen()
            if len(self.screen_stack) > 1:
                self.switch_screen(screen_of(route, self._desk))
            else:
                self.push_screen(screen_of(route, self._desk))
        self._paint()

    def _paint(self) -> None:
        if not self.is_running:
            return
        sight = self._sight()
        for screen in self.screen_stack:
            if isinstance(screen, RunningScreen):
                screen.trace(self._desk.traces().get(screen.session, ()))
            if isinstance(screen, TableScreen):
                screen.see(sight)
            elif isinstance(screen, Overlay):
                screen.look()
