"""The session shown large: its state, one big number, the time left, and the level's bar. It holds no text field."""

from collections.abc import Mapping
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.events import Key

from devices.model import NS_PER_MS, Direction, PackAct
from modctl.ipc.hands import TakeOver
from modctl.ipc.messages import Answer, Pack, Pause, Request, Resume, SessionView, Step
from tui.levels import RIDDEN, gauge_of, level_figure, time_figure, trace_of
from tui.looks import Line, Look, Span, fitted, wrapped
from tui.messages import Asked, Tick
from tui.screens.base import TableScreen
from tui.sight import Showing, Sight, showing
from tui.states import state, who_and_where
from tui.widgets.facts import Facts, fact_lines
from tui.widgets.figures import Figures, figures
from tui.widgets.level_bar import LevelBar, gauge_lines
from tui.widgets.question import WORDING_KEYS, Question
from tui.widgets.rows import Rows
from tui.widgets.strip_chart import StripChart, trace_lines

STEPS: Final[Mapping[str, Direction]] = {
    "plus": Direction.UP,
    "minus": Direction.DOWN,
}
PACKS: Final[Mapping[str, PackAct]] = {"o": PackAct.ON, "f": PackAct.OFF, "u": PackAct.NUMB}
CHECK: Final = "c"  # shows the question that is due; by itself it takes no key from anybody
WIDE: Final = 120  # chosen: from here the two numbers fit at twice their size


class StateLine(Rows):
    """Word, shape and colour of the output's state, then the sentence; and whose session this is."""


class RunningScreen(TableScreen):
    """Watch, ride, pause. Every key that is no stop key and no step holds the level."""

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

    def keys(self, sight: Sight) -> str:
        """Its own keys, those that mean something now."""
        view = sight.session(self.session)
        others = "  Tab 1-4 switch" if len(sight.tabbed()) > 1 else ""
        check = "c answer the check  " if view is not None and view.due is not None else ""
        if sight.is_locked:
            return f"LOCKED: Enter asks for your PIN   - lower  p pause{others}"
        if self.query_one(Question).is_wording:
            return WORDING_KEYS
        if self.has_class("checking"):
            return f"↑ ↓ Enter or digit: answer   {CHECK} back{others}  ? keys"
        match view.phase if view is not None else "":
            case _ if view is not None and view.by_hand:
                own = pack_keys(view)
            case "paused":
                own = "r resume, by a ramp from off"
            case phase if phase in RIDDEN:
                own = "+ raise  - lower  other keys hold  p pause"
            case _:
                own = "being switched off; the same stop key again asks for more speed"
        taken = "  h take over" if self._is_somebody_elses else ""
        return f"{check}{own}{others}{taken}  n next  ? keys"

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
        if view.due is None:
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
        """Steps, pause and resume; whatever else is pressed holds the level, and may mean something besides."""
        if event.key == CHECK:
            self._turn_check()
        if self._view is not None and self._view.by_hand:
            if event.key in PACKS:
                self.post_message(Asked(Pack(id=0, session=self.session, act=PACKS[event.key])))
            return
        request: Request = Step(id=0, session=self.session, direction=STEPS.get(event.key, Direction.HOLD))
        if event.key == "p":
            request = Pause(id=0, session=self.session)
        elif event.key == "h" and self._is_somebody_elses:
            request = TakeOver(id=0, session=self.session)
        elif event.key == "r" and self._phase == "paused":
            request = Resume(id=0, session=self.session)
        if not isinstance(request, Step) or self._phase in RIDDEN:
            self.post_message(Asked(request))

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


def pack_keys(view: SessionView) -> str:
    """What the keys of a pack do now."""
    if view.phase == "starting" and view.output == "off":
        return "o the pack is on"
    return "f the pack is off" + ("  u numb" if view.set_level == 0 and view.phase == "running" else "")


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
