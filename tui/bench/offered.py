"""What the bench's list of actions holds, what its map says, and what stays in sight around both."""

import functools
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from tui.acts import ALL, COLOURS, LAST, STOP_ALL, STOP_LARGE, Offer
from tui.bench.lines import told, unit_head, unit_line
from tui.bench.pages import BACK, KEYS, LEAVE, Do, Page
from tui.bench.picture import Shown, letters_now, stop_line
from tui.bench.state import GIVES, mine_target, shown_target
from tui.looks import Line, Look, wrapped

MAP_CELLS: Final = 58  # of the smallest screen, beside the keys
STOPS: Final = (
    ("F12, Ctrl+C", "stop what this screen runs, and output that is nobody's"),
    ("Esc, space, s", "stop the unit shown (in a line only Esc; Esc no treatment)"),
    ("", "Stop never asks. In a line Ctrl+P opens the list."),
)


def offered(
    shown: Shown,
    do: Callable[[Do], object],
    stop_shown: Callable[[], None],
    stop_mine: Callable[[], None],
    other_colours: Callable[[], None],
) -> tuple[Offer, ...]:
    """The page's own keys, then what stops, as far as there is something to stop."""
    bench = shown.bench
    # A question is answered where it can be read: the list would hide it.
    hidden = {Do.LIST, Do.BACK, *((Do.ENTER,) if bench.page is Page.RUN and not bench.is_locked else ())}
    letters = [one for one in letters_now(shown) if one.does not in hidden]
    own = [
        Offer(
            one.act,
            None if one.does is Do.MOVE else functools.partial(do, one.does),
            now=one.act.does.format(it=bench.subject()),
            is_rare=one.is_rare,
        )
        for one in letters
    ]
    large, mine = shown_target(bench), mine_target(bench)
    stops = ((STOP_LARGE, stop_shown, large), (STOP_ALL, stop_mine, mine))
    return (
        *own,
        Offer(COLOURS, other_colours),
        *(Offer(act, stop, now=f"stop {target.words}") for act, stop, target in stops if target.stops),
    )


def around(shown: Shown, notice: str, cells: int) -> tuple[Sequence[Line], Sequence[Line]]:
    """The units that give output, or of which nobody knows, above; what happened and what stops below."""
    bench = shown.bench
    running = {view.unit for view in bench.sessions() if view.session in bench.mine}
    rows = [row for row in bench.rows() if row.name in running or row.output in (*GIVES, "unknown")]
    over = [unit_line(bench, row, cells, is_chosen=False) for row in rows]
    # No field has the focus under a list: space and s stop.
    stops = stop_line(msgspec.structs.replace(shown, is_typing=False), cells)
    says = told(notice, cells, Look.STRONG)[:2] if notice else ()
    return ((unit_head(cells), *over) if over else ()), (*says, stops)


def map_rows() -> tuple[tuple[str, str], ...]:
    """Keys, and what they do: what stops, every page's own, and what is the same on all of them."""
    pages: list[tuple[str, str]] = []
    for page, letters in KEYS.items():
        words = [f"{one.act.shown}\u00a0{one.act.word}".replace(" ", "\u00a0") for one in letters]
        lines = ["".join(span.text for span in line) for line in wrapped("  ".join(words), MAP_CELLS)]
        told_of = [line.replace("\u00a0", " ").strip() for line in lines]
        pages += [(str(page) if at == 0 else "", line) for at, line in enumerate(told_of)]
    ends = (
        (BACK.act.shown, "one step back"),
        (f"{LEAVE.act.shown}, Ctrl+Q", LEAVE.act.does),
        (f"{ALL.shown}  {COLOURS.shown}", f"{ALL.does}; {COLOURS.does}"),
    )
    return (*STOPS, *pages, *ends, ("", LAST))
