"""One line a session, so that it is seen who needs somebody next."""

from modctl import text
from modctl.ipc.messages import SessionView
from tui.looks import Line, Look, Span, columns, fitted
from tui.sight import Showing, Sight, showing
from tui.states import sim, state
from tui.widgets.rows import Rows

STATE_CELLS = len(" ? UNKNOWN OUTPUT ")  # the longest state that must not be cut


def board_lines(sight: Sight, width: int, *, hides: str | None = None) -> tuple[Line, ...]:
    """The sessions of this screen. A single one that is shown large anyway (``hides``) needs no board."""
    tabbed = sight.tabbed()
    if [view.session for _, view in tabbed] == [hides]:
        return ()
    return tuple(_session_line(sight, number, view, width) for number, view in tabbed)


def needs(sight: Sight, view: SessionView) -> str:
    """What a person has to do for a session now; empty: nothing."""
    shown = showing(sight, view)
    if shown in (Showing.UNKNOWN, Showing.NO_DATA) and view.phase != "checking":
        return "LOOK NOW"
    if view.alarms:
        return "PACK OFF" if any(alarm.alarm == "take_pack_off" for alarm in view.alarms) else "alarm"
    if view.due is not None:
        return "check due"
    if view.by_hand and view.phase in ("starting", "stopping"):
        return "pack on?" if view.phase == "starting" else "PACK OFF"
    open_gates = sum(gate.answered is None for gate in view.gates)
    match view.phase:
        case "checking":
            return "questions"
        case "paused":
            return "r resumes"
        case "ended" | "unconfirmed" if not view.closed:
            return f"{open_gates} to answer"
        case _:
            return ""


def _session_line(sight: Sight, number: int, view: SessionView, width: int) -> Line:
    word = state(sight, view).word
    is_large = view.session == sight.large
    shown = showing(sight, view)
    is_known = shown in (Showing.ENERGIZED, Showing.SUSPENDED) and bool(view.level_parameter)
    level = text.quantity(view.level_parameter, view.set_level) if is_known else ""
    left = text.time_left(view.planned_ms, view.delivered_ms) if sight.is_current() else "--:--"
    head = (
        Span("▶" if is_large else " ", Look.STRONG),
        Span(f"{number} ", Look.STRONG if is_large else Look.PLAIN),
        sim(is_simulated=view.simulated),
        Span(fitted(view.unit, 12) + " ", Look.STRONG if is_large else Look.PLAIN),
        Span(fitted(view.patient_name, max(6, width - 69)) + " "),
        Span(fitted(word.text, STATE_CELLS), word.look),
    )
    tail = (Span(f"{level:>10}"), Span(f"{left:>7} "), Span(fitted(needs(sight, view), 11), Look.WARNING))
    return columns(head, tail, width)


class Board(Rows):
    """All sessions of this screen; the one shown large is pointed at."""

    def see(self, sight: Sight, *, hides: str | None = None) -> None:
        """Show the newest."""
        self.show(board_lines(sight, self.size.width, hides=hides))
