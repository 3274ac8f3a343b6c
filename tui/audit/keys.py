"""The keys of the audit screen: one table, read by the keys, the line of help, the page of help and the list.

Rule 1: what opens a line is taken before the screen sees it (priority). Opened only there, the line would come after
the keys behind it had been taken for commands, and what is pasted or typed fast has keys behind it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec
from textual.binding import Binding, BindingType

from modctl.reports.pages import Table
from tui.acts import ALL, COLOURS, MAP, Act


class Where(StrEnum):
    """What a person is in the middle of."""

    LIST = "list"
    PAGE = "page"  # one session
    PAPER = "paper"
    LINE = "line"  # something is typed


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keys do here. ``action`` is the screen's; empty: several keys, or the field that has the focus."""

    act: Act
    on: frozenset[Where]
    action: str = ""
    opens_line: bool = False


_LIST: Final = frozenset({Where.LIST})
_READS: Final = frozenset({Where.PAGE, Where.PAPER})
_FREE: Final = _LIST | _READS
_LINE: Final = frozenset({Where.LINE})

# What arrows and their like do; the table names them in one word.
MOVES: Final[Sequence[tuple[str, str]]] = (
    ("up,k", "move(-1)"),
    ("down,j", "move(1)"),
    ("pageup", "page(-1)"),
    ("pagedown", "page(1)"),
    ("home", "end(-1)"),
    ("end", "end(1)"),
    ("left", "beside(-1)"),
    ("right", "beside(1)"),
)
KEYS: Final[Sequence[Key]] = (
    Key(act=Act((), "↑↓ PgUp PgDn", "move", "move, Home and End too (k and j: up and down)"), on=_READS),
    Key(
        act=Act((), "← →", "the session before, after", "in a session: the one before, the one after, as in the list"),
        on=frozenset({Where.PAGE}),
    ),
    Key(
        act=Act(("enter",), "Enter", "open", "open the chosen session; in a session: back to the list"),
        on=_LIST,
        action="open",
    ),
    Key(act=Act((), "Enter", "take it", "in a line: take what is typed"), on=_LINE),
    Key(
        act=Act(("escape",), "Esc", "back", "one step back: out of the line, of what is read"),
        on=_READS | _LINE,
        action="step_back",
    ),
    Key(
        act=Act(("slash",), "/", "filter", "narrow the list with words; an empty line shows all again"),
        on=_FREE,
        action="ask('filter')",
        opens_line=True,
    ),
    Key(
        act=Act(("t",), "t", "counts", "early ends and opened limits of what the list shows"),
        on=_FREE,
        action="question('counts')",
    ),
    Key(act=Act(("v",), "v", "verify", "verify the whole chart"), on=_FREE, action="question('verify')"),
    Key(
        act=Act(
            ("e",),
            "e",
            "export",
            "export what the list shows: rows, or every entry",
        ),
        on=_FREE,
        action="ask('export')",
        opens_line=True,
    ),
    Key(
        act=Act(("s",), "s", "sample", "draw a sample by your own number, to be listed"),
        on=_FREE,
        action="ask('sample')",
        opens_line=True,
    ),
    Key(
        act=Act(("c",), "c", "claims", "hold a file of claims against the chart"),
        on=_FREE,
        action="ask('claims')",
        opens_line=True,
    ),
    Key(
        act=Act(("p",), "p", "patterns", "look for patterns that fabrication leaves"),
        on=_FREE,
        action="question('patterns')",
    ),
    Key(
        act=Act(("r",), "r", "read again", "read the list again: a station's own chart grows"),
        on=_FREE,
        action="read_again",
    ),
    Key(
        act=Act(("escape",), "Esc", "all again", "in the list: out of the filter or the sample"),
        on=_LIST,
        action="step_back",
    ),
    Key(act=Act(("q",), "q", "leave", "leave (Ctrl+C and Ctrl+Q too, in a line as well)"), on=_FREE, action="leave"),
    Key(act=Act(("question_mark",), MAP.shown, MAP.word, "this page"), on=_FREE, action="help"),
    Key(act=ALL, on=_FREE, action="palette"),
    Key(act=Act((), "Ctrl+P", ALL.word, ALL.does), on=_LINE),
)
# Stop keys elsewhere; here nothing runs, and they leave from a line too.
LEAVES: Final = "ctrl+c,ctrl+q"


def keys_on(where: Where) -> tuple[Key, ...]:
    """The keys that mean something there, in the order of the line of help."""
    return tuple(one for one in KEYS if where in one.on)


def bindings() -> list[BindingType]:
    """Every key with its action; Ctrl+P is the shell's."""
    opened = {one.action for one in KEYS if one.opens_line} | {"step_back"}
    made = dict.fromkeys((",".join(key for key in one.act.keys if key != "ctrl+p"), one.action) for one in KEYS)
    return [
        *(Binding(keys, act, show=False, priority=act in opened) for keys, act in (*made, *MOVES) if act),
        Binding(LEAVES, "leave", show=False, priority=True),
    ]


def keys_table() -> Table:
    """For the page of help."""
    rows = [(one.act.shown, one.act.does) for one in KEYS]
    return Table(heading="Keys", columns=("key", "what it does"), rows=(*rows, (COLOURS.shown, COLOURS.does)))
