"""The first line: whose screen this is, whether anything here is real, and whether it hears the controller."""

from tui.looks import Line, Look, Span, columns
from tui.sight import Link, Sight
from tui.states import age_text
from tui.widgets.rows import Rows


def head_line(sight: Sight, width: int) -> Line:
    """Site and person at the left, the connection at the right."""
    left: list[Span] = [Span(" modctl ", Look.STRONG)]
    if sight.snapshot is not None:
        if sight.snapshot.simulated:
            left.append(Span(" SIMULATED ", Look.WARNING))
        left.append(Span(f" {sight.snapshot.site}"))
    person = sight.user if sight.role is not None else "nobody signed in"
    if sight.is_locked:
        left.append(Span(" LOCKED ", Look.WARNING))
    return columns(tuple(left), (Span(f" {person}  ", Look.QUIET), _connection(sight)), width)


def _connection(sight: Sight) -> Span:
    if sight.link is Link.LOST:
        return Span(" ◇ CONNECTION LOST ", Look.UNKNOWN)
    if sight.link is Link.CONNECTING or sight.snapshot is None:
        return Span(" ◇ connecting ", Look.QUIET)
    if not sight.is_current():
        return Span(f" ◇ NO DATA {age_text(sight)} ", Look.UNKNOWN)
    return Span("● connected ", Look.QUIET)


class Head(Rows):
    """The first line of every screen."""

    def see(self, sight: Sight) -> None:
        """Show the newest."""
        self.show([head_line(sight, self.size.width)])
