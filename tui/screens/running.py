"""The session shown large: its state, one big number, the time left, and the level's bar. It holds no text field."""

import functools
from collections.abc import Sequence
from typing import ClassVar, Final

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.events import Key
from textual.widgets import Input

from devices.model import NS_PER_MS, Direction, PackAct
from modctl import text
from modctl.ipc.hands import TakeOver
from modctl.ipc.messages import Answer, Pack, Pause, Request, Resume, SessionView, Step
from tui.acts import (
    CHECK,
    CHOOSE,
    ENDING,
    HOLD,
    LOWER,
    NUMB,
    PACK_OFF,
    PACK_ON,
    PAUSE,
    RAISE,
    RESUME,
    TAKE_OVER,
    UNLOCK,
    Act,
    Offer,
    of_key,
    wording_offers,
)
from tui.levels import RIDDEN, gauge_of, level_figure, time_figure, trace_of
from tui.looks import Line, Look, Span, fitted, wrapped
from tui.messages import Asked, Tick, Unlocking
from tui.screens.base import TableScreen
from tui.sight import Showing, Sight, showing
from tui.states import state, who_and_where
from tui.widgets.facts import Facts, fact_lines
from tui.widgets.figures import Figures, figures
from tui.widgets.level_bar import LevelBar, gauge_lines
from tui.widgets.question import Question
from tui.widgets.rows import Rows
from tui.widgets.strip_chart import StripChart, trace_lines

RIDES: Final = (RAISE, LOWER, PAUSE, RESUME, TAKE_OVER, UNLOCK)  # keys that hold nothing by the way
WIDE: Final = 120  # chosen: from here the two numbers fit at twice their size


class StateLine(Rows):
    """Word, shape and colour of the output's state, then the sentence; and whose session this is."""


class RunningScreen(TableScreen):
    """Watch, ride, pause. Every key that is no stop key and no step holds the level."""

    STEPS_BACK: ClassVar[bool] = False

    def __init__(self, session: str) -> None:
        super().__init__()
        self.session = session
        self.subject = session
        self._phase = ""
        self._view: SessionView | None = None
        self._now_ns = 0
        self._is_somebody_elses = False
        self._trace: tuple[int | None, ...] = ()

    def middle(self) -> ComposeResult:
        """From the state down to the last minutes."""
        yield StateLine()
        yield Figures()
        yield LevelBar()
        yield Facts()
        yield Question()
        yield StripChart()

    def offers(self, sight: Sight) -> Sequence[Offer]:
        """Its own keys, those that mean something now."""
        view = sight.session(self.session)
        if view is None:
            return ()
        if self.query_one(Question).is_wording:
            return wording_offers(self.action_back)
        ridden = self._rides(view)
        if sight.is_locked:
            calm = (one for one in ridden if one.act in (LOWER, PAUSE))
            return (Offer(UNLOCK, self._unlock, word="asks for your PIN"), *calm)
        is_checking = self.has_class("checking")
        check = (Offer(CHECK, self._turn_check, word="back" if is_checking else ""),) if view.due is not None else ()
        answers = (Offer(CHOOSE, word="answer"),) if is_checking else ()
        taken = (self._asks(TAKE_OVER, TakeOver(id=0, session=self.session), f"take over from {view.person}"),)
        return (*answers, *check, *ridden, *(taken if self._is_somebody_elses else ()))

    def _rides(self, view: SessionView) -> Sequence[Offer]:
        """What may be done to the output."""
        if view.by_hand:
            return self._packs(view)
        pause = self._asks(PAUSE, Pause(id=0, session=self.session), f"pause {view.unit}: off, the time stands still")
        if view.phase == "paused":
            told = f"resume {view.unit}, by a ramp from off"
            return (self._asks(RESUME, Resume(id=0, session=self.session), told), pause)
        if view.phase not in RIDDEN:
            return (Offer(ENDING), pause)
        by = text.quantity(view.level_parameter, view.person_step)
        up, down = (Step(id=0, session=self.session, direction=way) for way in (Direction.UP, Direction.DOWN))
        raised = self._asks(
            RAISE, up, f"raise by {by}, at most to {text.quantity(view.level_parameter, view.level_max)}"
        )
        return (raised, self._asks(LOWER, down, f"lower by {by}"), Offer(HOLD), pause)

    def _packs(self, view: SessionView) -> Sequence[Offer]:
        """What the keys of a pack do now."""
        if view.phase == "starting" and view.output == "off":
            return (self._asks(PACK_ON, Pack(id=0, session=self.session, act=PackAct.ON)),)
        off = self._asks(PACK_OFF, Pack(id=0, session=self.session, act=PackAct.OFF))
        numb = self._asks(NUMB, Pack(id=0, session=self.session, act=PackAct.NUMB))
        is_ice = view.set_level == 0 and view.phase == "running"  # under towels it is a reason to look
        return off, msgspec.structs.replace(numb, is_rare=not is_ice)

    def _asks(self, act: Act, request: Request, now: str = "") -> Offer:
        return Offer(act, functools.partial(self.post_message, Asked(request)), now=now)

    def _unlock(self) -> None:
        self.post_message(Unlocking())

    def takes_back(self) -> bool:
        """Out of the words beside an answer."""
        return self.query_one(Question).take_back()

    def trace(self, values: tuple[int | None, ...]) -> None:
        """The last minutes, the newest second last."""
        self._trace = values

    def see_middle(self, sight: Sight) -> None:
        """Show the newest."""
        view = sight.session(self.session)
        if view is None:
            return
        self._phase, self._view, self._now_ns = view.phase, view, sight.now_ns
        self._is_somebody_elses = bool(view.person) and view.person != sight.user
        if view.due is None or sight.is_locked:
            self._end_check()
        width = self.size.width
        is_tall = self.has_class("tall")
        self.query_one(StateLine).show(state_lines(sight, view, width))
        self.query_one(Figures).show(figure_lines(sight, view, width, 2 if is_tall and width >= WIDE else 1))
        self.query_one(Facts).show(fact_lines(sight, view, width, 8 if is_tall else 2))
        if view.level_parameter:
            self.query_one(LevelBar).show(gauge_lines(gauge_of(sight, view), width))
            chart = self.query_one(StripChart)
            chart.show(trace_lines(trace_of(view, self._trace), width, chart.size.height))

    def on_key(self, event: Key) -> None:
        """Whatever is pressed and is no step, pause or resume holds the level, and may mean something besides."""
        if isinstance(self.focused, Input) or self._view is None or self._view.by_hand:
            return
        offer = of_key(self.all_offers(), event.key)
        if self._phase in RIDDEN and (offer is None or offer.act not in RIDES):
            self.post_message(Asked(Step(id=0, session=self.session, direction=Direction.HOLD)))

    @on(Question.Given)
    def _answered_check(self, event: Question.Given) -> None:
        event.stop()
        if self._view is not None and self._view.due is not None:
            took_ms = max(0, self._now_ns - self._view.due.since_mono_ns) // NS_PER_MS
            answer = Answer(
                id=0, session=self.session, gate=event.gate, answer=event.answer, took_ms=took_ms, text=event.text
            )
            self.post_message(Asked(answer))
        self._end_check()

    def _turn_check(self) -> None:
        """The question that is due comes to the front, or goes back."""
        if self.has_class("checking") or self._view is None or self._view.due is None:
            self._end_check()
            return
        self.add_class("checking")
        self.query_one(Question).ask(self._view.due.gate)

    def _end_check(self) -> None:
        if self.has_class("checking"):
            self.remove_class("checking")
            self.query_one(Question).rest()
            self.set_focus(None)

    def on_show(self) -> None:
        """The chart knows its height only now."""
        self.post_message(Tick())


def state_lines(sight: Sight, view: SessionView, width: int) -> tuple[Line, ...]:
    """The state, with its sentence as far as it fits; who and where; what is done."""
    told = state(sight, view)
    first = Span(fitted(f" {told.word.text}  {told.sentence}", width), told.word.look)
    return (first,), who_and_where(view, width), (Span(f" {view.title}"),)


def figure_lines(sight: Sight, view: SessionView, width: int, scale: int) -> tuple[Line, ...]:
    """Level and time; where nobody knows the output, what to do instead of a number."""
    if showing(sight, view) is not Showing.UNKNOWN:
        return figures(level_figure(sight, view), time_figure(sight, view), width, scale)
    told = wrapped(state(sight, view).sentence, max(1, width - 4), Look.UNKNOWN)
    return ((Span(""),), *((Span("  "), *row) for row in told))
