"""The pages of the bench and what each letter does there: one table, which the keys and the line of help are read from.

Stop keys, arrows, Enter, Backspace and q do the same on every page; they are the app's.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec


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
    """What a letter does, to the unit that is shown."""

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


class Letter(msgspec.Struct, frozen=True):
    """One key of a page. Two pages may use one letter for two things; no page uses it twice."""

    key: str
    does: Do
    words: str


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one page. ``moves`` says what arrows and Enter do; ``hints`` what else there is to know."""

    moves: str = ""
    letters: tuple[Letter, ...] = ()
    hints: tuple[str, ...] = ()


_BACK: Final = "Backspace: back"
_FAULTS: Final = Letter("f", Do.SHOW_FAULTS, "faults")
_TRACE: Final = Letter("t", Do.SHOW_TRACE, "wire")
_RUN: Final = Letter("r", Do.RUN, "run")
_HOLD: Final = Letter("h", Do.HOLD, "hold")
_IDENTIFY: Final = Letter("i", Do.IDENTIFY, "identify")

KEYS: Final[Mapping[Page, Keys]] = {
    Page.UNITS: Keys(moves="↑↓ Enter: open", letters=(Letter("m", Do.SHOW_RACK, "simulators"),), hints=("q: leave",)),
    Page.UNIT: Keys(
        letters=(
            _RUN,
            Letter("o", Do.POINTS, "output points"),
            Letter("c", Do.ITEMS, "checks"),
            Letter("b", Do.LOOK_BACK, "look back"),
            _TRACE,
            _FAULTS,
            _HOLD,
            Letter("l", Do.RELEASE, "release"),
            _IDENTIFY,
            Letter("a", Do.ACKNOWLEDGE, "acknowledge"),
        )
    ),
    Page.FAULTS: Keys(
        moves="↑↓ Enter: inject",
        letters=(Letter("x", Do.TAKE_BACK, "take this one back"), Letter("c", Do.CLEAR, "clear all")),
        hints=(_BACK,),
    ),
    Page.TRACE: Keys(
        letters=(Letter("/", Do.FILTER, "filter"), Letter("w", Do.SAVE_TRACE, "save"), _IDENTIFY),
        hints=("↑↓: hold still, End: go on", _BACK),
    ),
    Page.RUN: Keys(
        moves="↑↓ Enter: answer",
        letters=(_RUN, Letter("o", Do.READING, "note what the meter reads"), _FAULTS, _TRACE),
        hints=(_BACK,),
    ),
    Page.POINTS: Keys(
        moves="↑↓ Enter: type this line",
        letters=(_RUN, Letter("x", Do.DROP, "take this point out"), Letter("w", Do.RECORD, "record it")),
        hints=(_BACK,),
    ),
    Page.ITEMS: Keys(
        moves="↑↓ Enter: type this line",
        letters=(
            Letter("p", Do.PASS, "pass"),
            Letter("x", Do.FAIL, "fail"),
            Letter("n", Do.NOT_DONE, "not done"),
            Letter("w", Do.RECORD, "record it"),
        ),
        hints=(_BACK,),
    ),
    Page.RECORD: Keys(
        moves="↑↓: sessions",
        letters=(
            Letter("w", Do.PAPER, "save report and sticker"),
            _HOLD,
            Letter("b", Do.LOOK_BACK, "look back"),
        ),
        hints=(_BACK,),
    ),
    Page.RACK: Keys(
        moves="↑↓",
        letters=(
            Letter("n", Do.ADD, "add one"),
            Letter("g", Do.START, "start"),
            Letter("x", Do.STOP, "cut its power"),
            Letter("d", Do.REMOVE, "remove"),
            _FAULTS,
        ),
        hints=(_BACK,),
    ),
    Page.MODELS: Keys(moves="↑↓ Enter: add one of this model", hints=(_BACK,)),
}
LETTERS: Final = tuple(sorted({letter.key for keys in KEYS.values() for letter in keys.letters}))


def does(page: Page, key: str) -> Do | None:
    """What a letter does on a page; None: nothing."""
    return next((letter.does for letter in KEYS[page].letters if letter.key == key), None)


def key_words(page: Page) -> tuple[str, ...]:
    """The line of help, key by key."""
    keys = KEYS[page]
    letters = (f"{letter.key}: {letter.words}" for letter in keys.letters)
    return tuple(part for part in (keys.moves, *letters, *keys.hints) if part)
