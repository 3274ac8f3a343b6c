"""The quick check of each row of the hazard table: milliseconds each, on any installed copy, nothing connected."""

from collections.abc import Callable, Mapping
from typing import Final

from modctl.virtual import quick_lines as lines
from modctl.virtual import quick_sessions as sessions
from modctl.virtual.bench import Seen

QUICK: Final[Mapping[str, Callable[[], Seen]]] = {
    check.__name__.upper(): check
    for check in (
        lines.h01, lines.h02, sessions.h03, sessions.h04, sessions.h05, lines.h06, sessions.h07, sessions.h09,
        sessions.h10, sessions.h11, sessions.h12, sessions.h13, lines.h14, sessions.h15, sessions.h16, sessions.h17,
        sessions.h18, sessions.h19, sessions.h20, sessions.h21, lines.h22, sessions.h23, lines.h24, sessions.h25,
        lines.h26, lines.h30, sessions.h33, sessions.h35, sessions.h37, sessions.h38, lines.h40, lines.h41,
        sessions.h43, sessions.h44, lines.h46, lines.h47, sessions.h50, lines.h55, sessions.h56, sessions.h57,
    )
}  # fmt: skip
