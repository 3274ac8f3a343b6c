"""The session shown large: its state, one big number, the time left, and the level's bar. It holds no text field."""

from collections.abc import Mapping
from typing import Final

from textual.app import ComposeResult
from textual.events import Key

from devices.model import Direction
from modctl.ipc.hands import TakeOver
from modctl.ipc.messages import Pause, Request, Resume, SessionView, Step
from tui.levels import RIDDEN, gauge_of, level_figure, time_figure, trace_of
from tui.looks import Line, Look, Span, fitted, wrapped
from tui.messages import Asked, Tick
from tui.screens.base import TableScreen
from tui.sight import Showing, Sight, showing
from tui.states import state, who_and_where
from tui.widgets.facts import Facts, fact_lines
from tui.widgets.figures import Figures, figures
from tui.widgets.level_bar import LevelBar, gauge_lines
from tui.widgets.rows import Rows
from tui.widgets.strip_chart import StripChart, trace_lines

STEPS: Final[Mapping[str, Direction]] = {
    "plus": Direction.UP,
    "minus": Direction.DOWN,
}
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
        self._is_somebody_elses = False
        self._trace: tuple[int | None, ...] = ()

    def middle(self) -> ComposeResult:
        """From the state down to the last minutes."""
        yield StateLine()
        yield Figures()
        yield LevelBar()
        yield Facts()
        yield StripChart()

    def keys(self, sight: Sight) -> str:
        """Its own keys, those that mean something now."""
        view = sight.session(self.session)
        others = "  Tab 1-4 switch" if len(sight.tabbed()) > 1 else ""
        if sight.is_locked:
            return f"LOCKED: Enter asks for your PIN   - lower  p pause{others}"
        match view.phase if view is not None else "":
            case "paused":
                own = "r resume, by a ramp from off"
            case phase if phase in RIDDEN:
                own = "+ raise  - lower  other keys hold  p pause"
            case _:
                own = "being switched off; the same stop key again asks for more speed"
        taken = "  h take over" if self._is_somebody_elses else ""
        return f"{own}{others}{taken}  n next  ? keys"

    def trace(self, values: tuple[int | None, ...]) -> None:
        """The last minutes, the newest second last."""
        self._trace = values

    def see_middle(self, sight: Sight) -> None:
        """Show the newest."""
        view = sight.session(self.session)
        if view is None:
            return
        self._phase = view.phase
        self._is_somebody_elses = bool(view.person) and view.person != sight.user
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
        request: Request = Step(id=0, session=self.session, direction=STEPS.get(event.key, Direction.HOLD))
        if event.key == "p":
            request = Pause(id=0, session=self.session)
        elif event.key == "h" and self._is_somebody_elses:
            request = TakeOver(id=0, session=self.session)
        elif event.key == "r" and self._phase == "paused":
            request = Resume(id=0, session=self.session)
        if not isinstance(request, Step) or self._phase in RIDDEN:
            self.post_message(Asked(request))

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
