"""What the list of actions holds at the table, and what stays in sight around it. Values in, values out."""

from collections.abc import Callable, Sequence

from tui.acts import ALL, BACK, COLOURS, STOP_ALL, STOP_LARGE, Offer
from tui.looks import Line, Span, fitted
from tui.sight import Sight
from tui.states import state
from tui.widgets.help_line import stop_line, stop_words


def offered(
    sight: Sight,
    mine: Sequence[Offer],
    stop_large: Callable[[], None],
    stop_all: Callable[[], None],
    other_colours: Callable[[], None],
) -> tuple[Offer, ...]:
    """The screen's own offers, then what stops, as far as there is something to stop."""
    large, everything = stop_words(sight)
    own = tuple(one for one in mine if one.act not in (ALL, BACK))
    stops = (Offer(STOP_LARGE, stop_large, now=large),) if sight.live() else ()
    return (*own, Offer(COLOURS, other_colours), *stops, Offer(STOP_ALL, stop_all, now=everything))


def around(sight: Sight, cells: int) -> tuple[Sequence[Line], Sequence[Line]]:
    """The states of this screen's sessions above; below what the stop keys stop."""
    room = max(1, cells - 32)
    views = [view for _, view in sight.tabbed()]
    over = [(Span("  "), state(sight, view).word, Span(fitted(f"  {view.unit}", room))) for view in views]
    return over, (stop_line(sight, cells),)
