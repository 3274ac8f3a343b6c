"""The technician's screen: connects, asks, draws. What is drawn and what is stopped is decided in pure modules.

Rule 1: nothing on this screen names a patient, whoever is signed in.
Rule 2: a run is attended by this screen: the controller stops it when the screen is gone.
"""

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from textual import on
from textual.binding import Binding, BindingType
from textual.driver import Driver

from devices.model import NS_PER_MS, label
from modctl.clock import Clock, SystemClock
from modctl.errors import UsageError
from modctl.ipc.client import AsyncClient
from modctl.ipc.messages import Answer, Refused, Request, SignIn, Subscribe
from modctl.ipc.servicing import BenchRun
from tui import messages
from tui.bench import watch
from tui.bench.desk import Doers
from tui.bench.form import Ask, needed
from tui.bench.pages import CALM, PRESSED, Do, Page, does
from tui.bench.picture import Shown, choices, done
from tui.bench.rack_acts import RackActs
from tui.bench.screen import LOCKED, BenchScreen
from tui.bench.sheet_acts import SheetActs
from tui.bench.source import Source
from tui.bench.state import open_gate, still_mine, without_patients
from tui.bench.unit_acts import UnitActs
from tui.client import Dial
from tui.journal import identity_text
from tui.sight import Link
from tui.terminal import TableDriver

CONFIRM: Final = "confirm"


def run(source: Source, socket_path: Path, user: str, pin: str | None) -> int:
    """The screen until the person leaves; gives the exit status (128 + n after signal n)."""
    if not sys.stdin.isatty():
        raise UsageError("The bench needs a terminal; without one: modctl unit, modctl sim.")
    dial = functools.partial(AsyncClient.connect, socket_path, "modctl bench", attends=True)
    app = BenchApp(source, dial, SystemClock(), user=label(user), pin=pin, driver_class=TableDriver)
    return app.serve()


class BenchApp(BenchScreen):
    """The application: the keys of the pages, and what happened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        *(Binding(key, f"key('{key}')", show=False) for key in PRESSED),
    ]

    def __init__(
        self,
        source: Source,
        dial: Dial,
        clock: Clock,
        *,
        user: str,
        pin: str | None,
        driver_class: type[Driver] | None = None,
    ) -> None:
        super().__init__(source, dial, clock, pin=pin, driver_class=driver_class)
        self._source, self._user = source, user
        self._sheets = SheetActs(self, source, self._watch)
        self._rack = RackActs(self, source, self._watch)
        units = UnitActs(self, source, self._watch, self._wire)
        self._doers = units.doers() | self._sheets.doers() | self._rack.doers() | self._own_doers()
        self._gate = ("", 0)  # the open question, and since when it is shown
        self._warned: tuple[str, ...] = ()  # whose worksheets would be lost, as it was said

    def action_leave(self) -> None:
        """Not while this screen runs something."""
        if self._connection.client is not None and self._bench.mine:
            self.say("Not while this screen runs something: stop it first (F12).")
        elif (lost := self._sheets.unrecorded()) and self._bench.is_locked:
            self.say(f"Typed, but not recorded: {', '.join(lost)}. {LOCKED}")
        elif lost and lost != self._warned:
            self._warned = lost
            self.say(f"Typed, but not recorded: {', '.join(lost)}. Leave once more to lose it.")
        else:
            self.exit(return_code=0)

    # Keys of the pages

    def action_move(self, by: int) -> None:
        """One row; on the wire's page it is held still first."""
        bench = self.state()
        if bench.is_locked and bench.page is not Page.TRACE:
            self.say(LOCKED)
        elif bench.page is Page.UNITS:
            self.change(unit=_beside(bench.unit, [row.name for row in bench.rows()], by))
        elif bench.page is Page.RACK:
            self.change(simulator=_beside(bench.simulator, [one.name for one in bench.rack], by))
        elif bench.page is Page.TRACE:
            self._wire.move(-by, self._watch.frames, self._room())
        else:
            self.change(choice=min(max(0, bench.choice + by), max(0, choices(self.shown()) - 1)))
        self._draw()

    def action_key(self, key: str) -> None:
        """What one key does on this page."""
        act = Do.ENTER if self._bench.is_locked and key == "enter" else does(self._bench.page, key)
        if act is not None and not self.typed.is_asking:
            self.do(act)

    def do(self, act: Do) -> None:
        """At a locked screen: only what shows or calms; Enter asks for the PIN."""
        if not self._bench.is_locked or act in CALM:
            self._doers[act]()
        elif act is Do.ENTER:
            self._ask_who()
        else:
            self.say(LOCKED)
        self._draw()

    def _own_doers(self) -> Doers:
        return {
            Do.ENTER: self._enter,
            Do.END: self._wire.go_on,
            Do.BACK: self.action_step_back,
            Do.LEAVE: self.action_leave,
            Do.MAP: self.read_map,
            Do.LIST: self.action_palette,
        }

    def _enter(self) -> None:
        """Open the unit, type the line, inject the fault, give the answer."""
        match self._bench.page:
            case Page.UNITS if self._row() is not None:
                self.show(Page.UNIT)
            case Page.FAULTS:
                self._rack.inject()
            case Page.MODELS:
                self._rack.chose_model(self._watch.models())
            case Page.POINTS | Page.ITEMS:
                self._sheets.type_line()
            case Page.RUN:
                self._answer()

    # What is answered and typed

    def _answer(self) -> None:
        view = self._view()
        gate = None if view is None else open_gate(view)
        choice = self._bench.choice
        if view is None or gate is None or choice >= len(gate.answers):
            return
        took_ms = max(0, self.now_ns() - self._gate[1]) // NS_PER_MS
        answer = gate.answers[choice][0]
        self.send(Answer(id=0, session=view.session, gate=gate.gate, answer=answer, took_ms=took_ms))

    def _ask_who(self) -> None:
        self.typed.put_aside()
        who = Ask(label="who works here (a technician)", filled=self._user, problem=needed)
        self.ask((who, Ask(label="PIN", secret=True, problem=needed)), self._sign)

    def _sign(self, given: Sequence[str]) -> None:
        self._user = given[0].strip()
        self.send(SignIn(id=0, user=self._user, pin=given[1]))

    # What happened

    def who(self) -> str:
        """Who works here."""
        return self._user

    def ticked(self, now_ns: int) -> None:
        """Look at the rack and the wire again."""
        self.lock_if_left_alone(now_ns)
        is_list = self._bench.page is Page.UNITS or self._bench.is_of_rack()
        shown = "" if is_list or not self._role else self._bench.unit
        self._watch.look([row.name for row in self._bench.rows()], shown)
        self._draw()

    def linked(self) -> None:
        """The controller said hello."""
        self.change(link=Link.UP)
        if self._pin is None:
            self._ask_who()
        self.say("Sign in." if self._pin is None else "")

    def unlinked(self, why: str) -> None:
        """Nothing that was seen is believed any more."""
        self._watch.forget_link()
        self._role = ""
        self.change(link=Link.LOST, is_locked=False)  # nobody is signed in: nothing is taken before somebody is
        self.say(why)

    @on(messages.SnapshotArrived)
    def _heard(self, event: messages.SnapshotArrived) -> None:
        snapshot = without_patients(event.snapshot)
        unit = self._bench.unit or (snapshot.units[0].name if snapshot.units else "")
        self.change(snapshot=snapshot, unit=unit, mine=still_mine(self._bench.mine, snapshot))
        view = self._view()
        gate = "" if view is None or view.gate is None else view.gate
        if gate != self._gate[0]:
            self._gate = (gate, self.now_ns())
            if self._bench.page is Page.RUN:
                self.change(choice=0)
            if gate == CONFIRM:
                self._guard.close(self.now_ns())
        self._draw()

    @on(messages.EventArrived)
    def _charted(self, event: messages.EventArrived) -> None:
        if said := identity_text(event.event.entry, self._bench.unit):
            self.say(said)

    @on(messages.Answered)
    def _answered(self, event: messages.Answered) -> None:
        asked, reply = event.asked, event.reply
        if self._watch.answered(asked, reply):
            return
        if isinstance(reply, Refused):
            self._refused(asked, reply)
        elif isinstance(asked, SignIn):
            self._role, self._touched_ns = reply.role or "", self.now_ns()
            self.change(is_locked=False)
            self.send(Subscribe(id=0))
            self.say(f"{self._user} is signed in as {self._role}.")
            self.typed.take_up()
        elif isinstance(asked, BenchRun) and reply.session is not None:
            self.change(mine=(*self._bench.mine, reply.session))
            self.show(Page.RUN)
        elif not self._sheets.answered(asked, reply):
            self.say(done(asked) or self._notice)
        self._draw()

    def _refused(self, asked: Request, reply: Refused) -> None:
        if isinstance(asked, SignIn):
            self._pin = None
            self._ask_who()
        if not isinstance(asked, Subscribe):  # asked again once somebody is signed in
            self.say(f"Refused: {reply.reason}{'' if reply.limit is None else f' ({reply.limit})'}")

    @on(watch.RackSeen)
    def _racked(self, event: watch.RackSeen) -> None:
        before = {"", *(one.name for one in self._watch.rack)}
        self._watch.racked(event)
        names = [one.name for one in self._watch.rack]
        if names and self._bench.simulator in before - set(names):  # gone; one just ordered is not there yet
            self.change(simulator=names[0])

    @on(watch.FramesRead)
    def _wired(self, event: watch.FramesRead) -> None:
        self._watch.seen(event)

    @on(watch.MenuRead)
    def _menued(self, event: watch.MenuRead) -> None:
        self._watch.menued(event)

    @on(watch.ModelsRead)
    def _modelled(self, event: watch.ModelsRead) -> None:
        self._watch.modelled(event)
        self._draw()

    @on(watch.Told)
    def _told(self, event: watch.Told) -> None:
        self.say(event.text)

    def shown(self) -> Shown:
        """What the picture is made of."""
        row, page, wire = self._row(), self._bench.page, self._wire
        is_sheet = row is not None and page in (Page.POINTS, Page.ITEMS)
        return Shown(
            bench=self.state(),
            user=self._user,
            role=self._role,
            rack_says=self._watch.rack_says,
            menu=self._rack.menu() if page is Page.FAULTS else (),
            models=self._watch.models() if page is Page.MODELS else (),
            plan=self._sheets.plan(row.model) if row is not None and is_sheet else None,
            adapter="" if row is None or page is not Page.UNIT else self._watch.adapter(row.address),
            trip=self._watch.trip,
            frames=wire.frames(self._watch.frames) if page is Page.TRACE else (),
            scroll=wire.scroll,
            filter=wire.wanted,
            missed=self._watch.missed(),
            is_typing=self.typed.is_asking,
        )


def _beside(name: str, names: Sequence[str], by: int) -> str:
    """The name so many further on in a list; the first where it is none of it."""
    at = names.index(name) + by if name in names else 0
    return names[min(max(0, at), len(names) - 1)] if names else name
