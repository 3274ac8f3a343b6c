"""One line a session, who needs somebody next on top. The number in a row stays with its session."""

from modctl import text
from modctl.ipc.messages import SessionView
from tui.looks import Line, Look, Span, columns, fitted
from tui.need import TIMED, Need, Rank, by_need
from tui.sight import Showing, Sight, showing
from tui.states import sim, state
from tui.widgets.rows import Rows

STATE_CELLS = len(" ? UNKNOWN OUTPUT ")  # the longest state that must not be cut
NEED_CELLS = len("TAKE THE PACK OFF") + 1


def board_lines(sight: Sight, width: int, *, hides: str | None = None) -> tuple[Line, ...]:
    """The sessions of this screen. A single one that is shown large anyway (``hides``) needs no board."""
    rows = by_need(sight)
    if [view.session for _, view, _ in rows] == [hides]:
        return ()
    return tuple(_session_line(sight, number, view, need, width) for number, view, need in rows)


def _session_line(sight: Sight, number: int, view: SessionView, need: Need, width: int) -> Line:
    word = state(sight, view).word
    is_large = view.session == sight.large
    shown = showing(sight, view)
    is_known = shown in (Showing.ENERGIZED, Showing.SUSPENDED) and bool(view.level_parameter)
    level = text.quantity(view.level_parameter, view.set_level) if is_known else ""
    head = (
        Span("▶" if is_large else " ", Look.STRONG),
        Span(f"{number} ", Look.STRONG if is_large else Look.PLAIN),
        sim(is_simulated=view.simulated),
        Span(fitted(view.unit, 12) + " ", Look.STRONG if is_large else Look.PLAIN),
        Span(fitted(view.patient_name, max(6, width - 69)) + " "),
        Span(fitted(word.text, STATE_CELLS), word.look),
    )
    look = Look.WARNING if need.rank <= Rank.ENDING else Look.PLAIN
    tail = (Span(f"{level:>10} "), Span(fitted(_why(sight, view, need), NEED_CELLS), look))
    return columns(head, tail, width)


def _why(sight: Sight, view: SessionView, need: Need) -> str:
    """What is waited for; where that is not the time, the time left stands behind it, as far as there is room."""
    if need.word.endswith(" left") or (view.phase not in TIMED and view.phase != "paused"):
        return need.word
    left = text.time_left(view.planned_ms, view.delivered_ms) if sight.is_current() else "--:--"
    room = NEED_CELLS - 1 - len(need.word)
    return f"{need.word}{left:>{room}}" if len(left) < room else need.word


class Board(Rows):
    """All sessions of this screen; the one shown large is pointed at."""

    def see(self, sight: Sight, *, hides: str | None = None) -> None:
        """Show the newest."""
        self.show(board_lines(sight, self.size.width, hides=hides))
