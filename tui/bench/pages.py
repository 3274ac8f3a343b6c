"""The pages of the bench and what each key does there: one table.

The keys, the line of help, the map and the list of actions are read from it. Stop keys do the same on every page and in
every line; they are the screen's.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from tui.acts import ALL, MAP, Act


class Page(StrEnum):
    """What is in the middle."""

    UNITS = "units"
    UNIT = "unit"
    FAULTS = "faults"
    TRACE = "trace"
    RUN = "run"
    POINTS = "output points"
    ITEMS = "checks"
    RECORD = "record"
    RACK = "simulators"
    MODELS = "models"


class Do(StrEnum):
    """What a key does, to the unit that is shown."""

    ENTER = "enter"
    MOVE = "move"
    END = "end"
    BACK = "back"
    LEAVE = "leave"
    MAP = "map"
    LIST = "list"
    SHOW_RACK = "show rack"
    SHOW_FAULTS = "show faults"
    SHOW_TRACE = "show trace"
    RUN = "run"
    POINTS = "points"
    ITEMS = "items"
    LOOK_BACK = "look back"
    HOLD = "hold"
    RELEASE = "release"
    IDENTIFY = "identify"
    ACKNOWLEDGE = "acknowledge"
    TAKE_BACK = "take back"
    CLEAR = "clear"
    SAVE_TRACE = "save trace"
    FILTER = "filter"
    READING = "reading"
    DROP = "drop"
    PASS = "pass"  # noqa: S105  # a result, no secret
    FAIL = "fail"
    NOT_DONE = "not done"
    RECORD = "record"
    PAPER = "paper"
    ADD = "add"
    START = "start"
    STOP = "stop"
    REMOVE = "remove"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a page, and what it does there. Two pages may use one key for two things; no page uses it twice.

    ``act.does`` may name what it is done to: ``{it}``.
    """

    act: Act
    does: Do
    is_rare: bool = False  # in the list, and not on the line of help


def _key(shown: str, does: Do, words: str, in_full: str) -> Letter:
    """A key as people read it; arrows beside it move the choice, which is the app's."""
    pressed = shown.rsplit(maxsplit=1)[-1]
    keys = () if does is Do.MOVE else (KEY_NAMES.get(pressed, pressed.lower()),)
    return Letter(act=Act(keys, shown, words, in_full), does=does)


KEY_NAMES: Final = {"/": "slash"}  # as the terminal library calls them
# These need nobody at a screen that is locked. The page stays: what is half typed on it goes on where it was.
CALM: Final = frozenset({Do.END, Do.LEAVE, Do.MAP, Do.LIST})

_FAULTS: Final = _key("f", Do.SHOW_FAULTS, "faults", "the faults that a simulator can have")
_TRACE: Final = _key("t", Do.SHOW_TRACE, "wire", "read the wire of {it}, both ways")
_RUN: Final = _key("r", Do.RUN, "run", "run {it} on a load, with nobody connected")
_HOLD: Final = _key("h", Do.HOLD, "hold", "take {it} out of service at every table")
_IDENTIFY: Final = _key("i", Do.IDENTIFY, "identify", "ask {it} who it is")
_LOOK_BACK: Final = _key("b", Do.LOOK_BACK, "look back", "the sessions since the last good check of {it}")
_RECORD: Final = _key("w", Do.RECORD, "record", "record this worksheet of {it} in the chart")
_LINE: Final = _key("↑↓ Enter", Do.ENTER, "type it", "type the chosen line of the worksheet")

BACK: Final = _key("Backspace", Do.BACK, "back", "one step back")
LEAVE: Final = _key("q", Do.LEAVE, "leave", "leave; not while this screen runs something")
ENDS: Final = (Letter(act=MAP, does=Do.MAP), Letter(act=ALL, does=Do.LIST))  # the last two of every page
UNLOCK: Final = _key("Enter", Do.ENTER, "asks for your PIN", "ask for your PIN: this screen is locked")
TYPING: Final = (
    _key("Enter", Do.MOVE, "next", "a line is taken"),
    Letter(act=Act((), "Ctrl+P", ALL.word, ALL.does), does=Do.LIST),
)

KEYS: Final[Mapping[Page, Sequence[Letter]]] = {
    Page.UNITS: (
        _key("↑↓ Enter", Do.ENTER, "open", "open {it}"),
        _key("m", Do.SHOW_RACK, "simulators", "the simulators: add, start, cut the power, remove"),
    ),
    Page.UNIT: (
        _RUN,
        _key("o", Do.POINTS, "output points", "the worksheet of output points of {it}"),
        _key("c", Do.ITEMS, "checks", "the worksheet of checks of {it}"),
        _LOOK_BACK,
        _TRACE,
        _FAULTS,
        _HOLD,
        _key("l", Do.RELEASE, "release", "put {it} back in service at every table"),
        _IDENTIFY,
        _key("a", Do.ACKNOWLEDGE, "acknowledge", "clear the fault of {it}, with a statement"),
    ),
    Page.FAULTS: (
        _key("↑↓ Enter", Do.ENTER, "inject", "throw the chosen fault at {it}"),
        _key("x", Do.TAKE_BACK, "take this one back", "take the chosen fault of {it} back"),
        _key("c", Do.CLEAR, "clear all", "take every fault of {it} back"),
    ),
    Page.TRACE: (
        _key("/", Do.FILTER, "filter", "show only frames with some words in them"),
        _key("w", Do.SAVE_TRACE, "save", "save what is shown of the wire into a new file"),
        _IDENTIFY,
        _key("↑↓", Do.MOVE, "hold still", "hold the wire still"),
        _key("End", Do.END, "go on", "let the wire go on"),
    ),
    Page.RUN: (
        _key("↑↓ Enter", Do.ENTER, "answer", "give the chosen answer"),
        _RUN,
        _key("o", Do.READING, "note a reading", "note what the meter reads as an output point"),
        _FAULTS,
        _TRACE,
    ),
    Page.POINTS: (
        _LINE,
        _RUN,
        _key("x", Do.DROP, "take it out", "take the chosen point out of the worksheet"),
        _RECORD,
    ),
    Page.ITEMS: (
        _LINE,
        _key("p", Do.PASS, "pass", "note that the chosen check is passed"),
        _key("x", Do.FAIL, "fail", "note that the chosen check is failed"),
        _key("n", Do.NOT_DONE, "not done", "note that the chosen check was not done"),
        _RECORD,
    ),
    Page.RECORD: (
        _key("↑↓", Do.MOVE, "sessions", "the sessions that it concerns"),
        _key("w", Do.PAPER, "report and sticker", "save the service report and the sticker into new files"),
        _HOLD,
        _LOOK_BACK,
    ),
    Page.RACK: (
        _key("↑↓", Do.MOVE, "choose", "choose a simulator"),
        _key("n", Do.ADD, "add", "add a simulator"),
        _key("g", Do.START, "start", "switch {it} on"),
        _key("x", Do.STOP, "cut power", "cut the power of {it}"),
        _key("d", Do.REMOVE, "remove", "take {it} off the rack"),
        _FAULTS,
    ),
    Page.MODELS: (_key("↑↓ Enter", Do.ENTER, "add one of this model", "add a simulator of the chosen model"),),
}


def page_letters(page: Page) -> tuple[Letter, ...]:
    """Every key of a page, in the order of the line of help."""
    q = msgspec.structs.replace(LEAVE, is_rare=page is not Page.UNITS)
    back = () if page is Page.UNITS else (BACK,)
    return (*KEYS[page], *back, q, *ENDS)


# Ctrl+P is taken before a field sees it: the shell's own.
PRESSED: Final = tuple(
    sorted({key for page in Page for one in page_letters(page) for key in one.act.keys if key != "ctrl+p"})
)


def does(page: Page, key: str) -> Do | None:
    """What a key does on a page; None: nothing."""
    return next((letter.does for letter in page_letters(page) if key in letter.act.keys), None)
