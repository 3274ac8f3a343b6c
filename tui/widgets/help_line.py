"""The last two lines: what the stop keys stop now, and what the other keys do."""

from tui.looks import Line, Look, Span, fitted
from tui.sight import Sight, StopKey, StopTarget, of_this_screen, stop_target
from tui.widgets.rows import Rows


def stop_line(sight: Sight, width: int) -> Line:
    """What each stop key does at this moment, by name."""
    target = stop_target(sight)
    keys = "Esc" if sight.types_text else "Esc, space, s"
    if target.key is StopKey.NOTHING:
        return (Span(fitted(" Nothing runs here.   F12, Ctrl+C: stop all   Esc: back", width), Look.STOP),)
    everything = _everything(sight)
    mine = _of_this_screen(sight)
    if target.key is StopKey.EVERYTHING and mine == everything:
        return (Span(fitted(f" STOP   {keys}, F12, Ctrl+C: {everything}", width), Look.STOP),)
    tail = f"   F12, Ctrl+C: {mine}"
    named = everything if target.key is StopKey.EVERYTHING else _one(sight, target)
    head = fitted(f" STOP   {keys}: {named}", width - len(tail)).rstrip()
    return (Span(fitted(head + tail, width), Look.STOP),)


def stop_words(sight: Sight) -> tuple[str, str]:
    """What Escape, space and s stop now, and what F12 and Ctrl+C do."""
    target = stop_target(sight)
    large = _one(sight, target) if target.key is StopKey.SESSION else _everything(sight)
    return f"stop {large}", f"stop {_of_this_screen(sight)}"


def stop_lines(sight: Sight, width: int) -> tuple[Line, ...]:
    """The same for the narrowest screens: a line for each pair of keys."""
    target = stop_target(sight)
    one = {
        StopKey.SESSION: _one(sight, target),
        StopKey.EVERYTHING: _everything(sight),
        StopKey.NOTHING: "nothing runs",
    }
    keys = "Esc" if sight.types_text else "Esc space s"
    told = (f" STOP {keys}: {one[target.key]}", f" STOP F12 Ctrl+C: {_of_this_screen(sight)}")
    return tuple((Span(fitted(words, width), Look.STOP),) for words in told)


def _one(sight: Sight, target: StopTarget) -> str:
    view = sight.session(target.session)
    if view is None:
        return ""
    other = sight.session(view.partner)
    both = f" + {other.unit}" if other is not None and other in sight.live() else ""
    return f"{view.unit}{both}, {view.patient_name}"


def _everything(sight: Sight) -> str:
    count = len(sight.live())
    return f"ALL {count} sessions" if count > 1 else "ALL"


def _of_this_screen(sight: Sight) -> str:
    """What F12 and Ctrl+C stop."""
    count = len(of_this_screen(sight))
    return f"the {count} of this screen" if count else _everything(sight)


class HelpLine(Rows):
    """Always there, over nothing and under nothing."""

    def see(self, sight: Sight, keys: str) -> None:
        """Show the newest; ``keys`` is what the screen's own keys do."""
        width = self.size.width
        self.show([stop_line(sight, width), (Span(fitted(f" {keys}", width), Look.QUIET),)])
