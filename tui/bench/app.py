"""The technician's screen: connects, asks, draws. What is drawn and what is stopped is decided in pure modules.

Rule 1: the stop keys are taken here, before any field sees them; a stop is sent at once and asks nothing.
Rule 2: nothing on this screen names a patient, whoever is signed in.
Rule 3: a run is attended by this screen: the controller stops it when the screen is gone.
"""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Final

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.driver import Driver

from devices.bench import FaultSpec
from devices.model import NS_PER_MS, label
from modctl.clock import Clock, SystemClock
from modctl.errors import UsageError
from modctl.ipc.client import AsyncClient
from modctl.ipc.messages import Answer, Refused, Request, SessionView, SignIn, Subscribe, UnitRow
from modctl.ipc.servicing import BenchRun
from tui import messages
from tui.bench import watch
from tui.bench.acts import Acts
from tui.bench.form import Ask, needed
from tui.bench.lines import told
from tui.bench.picture import Shown, body_lines, choices, done, frame_filter, head_line, key_line, stop_line
from tui.bench.source import ReadFrame, Source
from tui.bench.state import (
    Bench,
    Page,
    Target,
    escape_target,
    mine_target,
    open_gate,
    shown_target,
    still_mine,
    without_patients,
)
from tui.bench.typed import Then, Typed
from tui.client import Dial
from tui.connection import NOT_SENT
from tui.looks import Look
from tui.shell import AttendingShell
from tui.sight import Link
from tui.terminal import TableDriver
from tui.widgets.rows import Rows

CONFIRM: Final = "confirm"
BACK: Final = {Page.FAULTS: Page.UNIT, Page.TRACE: Page.UNIT, Page.RUN: Page.UNIT}


def run(source: Source, socket_path: Path, user: str, pin: str | None) -> int:
    """The screen until the person leaves; gives the exit status (128 + n after signal n)."""
    if not sys.stdin.isatty():
        raise UsageError("The bench needs a terminal; without one: modctl unit, modctl sim.")
    dial = functools.partial(AsyncClient.connect, socket_path, "modctl bench", attends=True)
    app = BenchApp(source, dial, SystemClock(), user=label(user), pin=pin, driver_class=TableDriver)
    return app.serve()


class BenchApp(AttendingShell):
    """The application."""

    CSS_PATH = "bench.tcss"
    AUTO_FOCUS = None  # keys are the page's until a line is typed
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f12,ctrl+c", "stop_mine", show=False, priority=True),
        Binding("escape", "escape", show=False, priority=True),
        Binding("space,s", "stop_shown", show=False, priority=True),
        Binding("q", "leave", show=False),
        Binding("backspace", "step_back", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("end", "end", show=False),
        Binding("enter", "enter", show=False),
        Binding("slash", "filter", show=False),
        *(Binding(key, f"of_unit('{key}')", show=False) for key in "ftrhliacxw"),
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
        super().__init__(dial, clock, pin=pin, driver_class=driver_class)
        self._source, self._user = source, user
        self._watch = watch.Watch(self, source, self._connection)
        self._acts = Acts(source, self._watch, self._form, self.send, self.say)
        self._bench = Bench(now_ns=clock.mono_ns(), link=Link.CONNECTING)
        self._role = ""
        self._notice = "connecting …"
        self._choice = 0  # of the faults, or of the open question's answers
        self._gate = ("", 0)  # the open question, and since when it is shown
        self._filter = ""
        self._still: tuple[ReadFrame, ...] | None = None  # the wire, held still
        self._scroll = 0  # lines up from the newest

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
        if not self._stop(mine_target(self._now())):
            self.say("Nothing of this screen runs. Ctrl+Q leaves.")

    def action_stop_shown(self) -> None:
        """Space, s."""
        if not self._stop(shown_target(self._now())):
            self.say("Nothing of this screen runs.")

    def action_escape(self) -> None:
        """Stop; one step back only when there is nothing to stop."""
        if not self._stop(escape_target(self._now())):
            self.action_step_back()

    def action_step_back(self) -> None:
        """One step back; out of the line that is typed."""
        if self.query_one(Typed).is_asking:
            self.query_one(Typed).end()
            self.say("Given up; nothing was sent.")
        else:
            self._show(BACK.get(self._bench.page, Page.UNITS))

    def action_leave(self) -> None:
        """Not while this screen runs something."""
        if self._connection.client is not None and self._bench.mine:
            self.say("Not while this screen runs something: stop it first (F12).")
        else:
            self.exit(return_code=0)

    def _stop(self, target: Target) -> bool:
        sent = [self._connection.send(stop) for stop in target.stops]
        if sent:
            self._guard.close(self.now_ns())
            self.query_one(Typed).end()
            self.say(f"STOP sent: {target.words}." if all(sent) else NOT_SENT)
        return bool(sent)

    # Keys of the pages

    def action_move(self, by: int) -> None:
        """One row; on the wire's page it is held still first."""
        if self._bench.page is Page.UNITS:
            names = [row.name for row in self._bench.rows()]
            at = names.index(self._bench.unit) if self._bench.unit in names else 0
            if names:
                self._change(unit=names[min(max(0, at + by), len(names) - 1)])
        elif self._bench.page is Page.TRACE:
            if self._still is None:
                self._still = self._wanted_frames()
            self._scroll = min(max(0, self._scroll - by), max(0, len(self._still) - self._room()))
        else:
            self._choice = min(max(0, self._choice + by), max(0, choices(self._shown()) - 1))
        self._draw()

    def action_end(self) -> None:
        """The wire goes on."""
        self._still, self._scroll = None, 0
        self._draw()

    def action_enter(self) -> None:
        """Open the unit, inject the fault, give the answer."""
        page, row = self._bench.page, self._row()
        if row is None or self.query_one(Typed).is_asking:
            return
        if page is Page.UNITS:
            self._show(Page.UNIT)
        elif page is Page.FAULTS and (spec := self._spec(row)) is not None:
            self._acts.inject(row, spec)
        elif page is Page.RUN:
            self._answer()

    def action_filter(self) -> None:
        """Type what the wire's lines must hold."""
        if self._bench.page is Page.TRACE:
            self._form((Ask(label="only frames with (empty: all)", filled=self._filter),), self._filtered)

    def action_of_unit(self, key: str) -> None:
        """What one letter does to the unit shown."""
        row = self._row()
        if row is None or self.query_one(Typed).is_asking or self._bench.page is Page.UNITS:
            return
        acts: dict[str, Callable[[UnitRow], None]] = {
            "f": lambda _: self._show(Page.FAULTS),
            "t": lambda _: self._show(Page.TRACE),
            "r": self._run,
            "h": self._acts.hold,
            "l": self._acts.release,
            "i": self._acts.identify,
            "a": self._acts.acknowledge,
        }
        if self._bench.page is Page.FAULTS:
            acts |= {"c": self._acts.clear, "x": self._take_back}
        if self._bench.page is Page.TRACE:
            acts["w"] = lambda row: self._acts.save(row, self._still or self._wanted_frames())
        act = acts.get(key)
        if act is not None:
            act(row)

    # What is typed and answered

    def _run(self, row: UnitRow) -> None:
        view = self._bench.session_on(row.name)
        if view is not None and view.session in self._bench.mine:
            self._show(Page.RUN)
        else:
            self._acts.run(row)

    def _take_back(self, row: UnitRow) -> None:
        spec = self._spec(row)
        if spec is not None:
            self._acts.take_back(row, spec)

    def _filtered(self, given: Sequence[str]) -> None:
        self._filter = given[0].strip().lower()
        self.action_end()

    def _answer(self) -> None:
        view = self._view()
        gate = None if view is None else open_gate(view)
        if view is None or gate is None or self._choice >= len(gate.answers):
            return
        took_ms = max(0, self.now_ns() - self._gate[1]) // NS_PER_MS
        answer = gate.answers[self._choice][0]
        self.send(Answer(id=0, session=view.session, gate=gate.gate, answer=answer, took_ms=took_ms))

    # Lines that are typed

    def _form(self, asks: tuple[Ask, ...], then: Then) -> None:
        self.query_one(Typed).ask(asks, then)
        self._draw()

    def _ask_who(self) -> None:
        who = Ask(label="who works here (a technician)", filled=self._user, problem=needed)
        self._form((who, Ask(label="PIN", secret=True, problem=needed)), self._sign)

    def _sign(self, given: Sequence[str]) -> None:
        self._user = given[0].strip()
        self.send(SignIn(id=0, user=self._user, pin=given[1]))

    # What happened

    def who(self) -> str:
        """Who works here."""
        return self._user

    def ticked(self, now_ns: int) -> None:
        """Look at the rack and the wire again."""
        del now_ns
        shown = "" if self._bench.page is Page.UNITS or not self._role else self._bench.unit
        self._watch.look([row.name for row in self._bench.rows()], shown)
        self._draw()

    def linked(self) -> None:
        """The controller said hello."""
        self._change(link=Link.UP)
        if self._pin is None:
            self._ask_who()
        self.say("Sign in." if self._pin is None else "")

    def unlinked(self, why: str) -> None:
        """Nothing that was seen is believed any more."""
        self._watch.forget_link()
        self._role = ""
        self._change(link=Link.LOST)
        self.say(why)

    @on(messages.SnapshotArrived)
    def _heard(self, event: messages.SnapshotArrived) -> None:
        snapshot = without_patients(event.snapshot)
        unit = self._bench.unit or (snapshot.units[0].name if snapshot.units else "")
        self._change(snapshot=snapshot, unit=unit, mine=still_mine(self._bench.mine, snapshot))
        view = self._view()
        gate = "" if view is None or view.gate is None else view.gate
        if gate != self._gate[0]:
            self._gate, self._choice = (
                (gate, self.now_ns()),
                0 if self._bench.page is Page.RUN else self._choice,
            )
            if gate == CONFIRM:
                self._guard.close(self.now_ns())
        self._draw()

    @on(messages.Answered)
    def _answered(self, event: messages.Answered) -> None:
        asked, reply = event.asked, event.reply
        if self._watch.answered(asked, reply):
            return
        if isinstance(reply, Refused):
            self._refused(asked, reply)
        elif isinstance(asked, SignIn):
            self._role = reply.role or ""
            self.send(Subscribe(id=0))
            self.say(f"{self._user} is signed in as {self._role}.")
        elif isinstance(asked, BenchRun) and reply.session is not None:
            self._change(mine=(*self._bench.mine, reply.session))
            self._show(Page.RUN)
        else:
            self.say(done(asked) or self._notice)

    def _refused(self, asked: Request, reply: Refused) -> None:
        if isinstance(asked, SignIn):
            self._pin = None
            self._ask_who()
        if not isinstance(asked, Subscribe):  # asked again once somebody is signed in
            self.say(f"Refused: {reply.reason}{'' if reply.limit is None else f' ({reply.limit})'}")

    @on(watch.RackSeen)
    def _racked(self, event: watch.RackSeen) -> None:
        self._watch.racked(event)

    @on(watch.FramesRead)
    def _wired(self, event: watch.FramesRead) -> None:
        self._watch.seen(event)

    @on(watch.MenuRead)
    def _menued(self, event: watch.MenuRead) -> None:
        self._watch.menued(event)

    @on(watch.Told)
    def _told(self, event: watch.Told) -> None:
        self.say(event.text)

    # Drawing

    def say(self, notice: str) -> None:
        """One line for a person."""
        self._notice = notice
        self._draw()

    def _show(self, page: Page) -> None:
        self._choice, self._notice = 0, ""
        self._change(page=page)
        self.action_end()

    def _change(self, **changes: object) -> None:
        self._bench = msgspec.structs.replace(self._bench, **changes)

    def _now(self) -> Bench:
        """The state at this moment."""
        return msgspec.structs.replace(
            self._bench, now_ns=self.now_ns(), details=self._watch.details, truths=self._watch.truths
        )

    def _row(self) -> UnitRow | None:
        return self._bench.row(self._bench.unit)

    def _view(self) -> SessionView | None:
        view = self._bench.session_on(self._bench.unit)
        return view if view is not None and view.load else None

    def _spec(self, row: UnitRow) -> FaultSpec | None:
        menu = self._watch.menu(row.model)
        return menu[self._choice] if self._choice < len(menu) else None

    def _wanted_frames(self) -> tuple[ReadFrame, ...]:
        return frame_filter(self._watch.frames, self._filter)

    def _room(self) -> int:
        return max(1, self.query_one("#middle", Vertical).size.height)

    def _shown(self) -> Shown:
        """What the picture is made of."""
        row, page = self._row(), self._bench.page
        return Shown(
            bench=self._now(),
            user=self._user,
            role=self._role,
            choice=self._choice,
            rack_says=self._watch.rack_says,
            menu=() if row is None or page is not Page.FAULTS else self._watch.menu(row.model),
            adapter="" if row is None or page is not Page.UNIT else self._watch.adapter(row.address),
            trip=self._watch.trip,
            frames=() if page is not Page.TRACE else self._still or self._wanted_frames(),
            scroll=self._scroll,
            filter=self._filter,
            missed=self._watch.missed(),
            is_typing=self.query_one(Typed).is_asking,
        )

    def _draw(self) -> None:
        if not self.is_running or not self.query(Typed):
            return
        shown, width = self._shown(), self.size.width
        self.query_one("#head", Rows).show([head_line(shown, width)])
        self.query_one("#body", Rows).show(body_lines(shown, width, self._room()))
        self.query_one("#notice", Rows).show(told(self._notice, width, Look.STRONG)[:2])
        self.query_one("#stops", Rows).show([stop_line(shown, width)])
        self.query_one("#keys", Rows).show([key_line(shown, width)])
