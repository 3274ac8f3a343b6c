"""Everything that keys do at the table: the one source of the help line, the map, the list of actions and the keys.

``CATALOGUE`` says what a key does in general; an ``Offer`` says what it does now, and does it.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Final

import msgspec

from tui.looks import line as line_of
from tui.looks import width_of


class Act(msgspec.Struct, frozen=True):
    """One thing that keys do. ``keys`` as the library names them, ``shown`` as people read them."""

    keys: tuple[str, ...]
    shown: str
    word: str  # on the help line
    does: str  # in the map


class Offer(msgspec.Struct, frozen=True):
    """An act that means something now. ``run`` None: the widget that has the focus does it, with its own keys."""

    act: Act
    run: Callable[[], object] | None = None
    word: str = ""  # instead of the act's own, where it is more exact now
    now: str = ""  # what it will do now, in full; empty: what it does in general
    key: str = ""  # of several keys of the act the one that is meant
    shown: str = ""  # instead of the act's own keys, where fewer of them count now
    is_rare: bool = False  # in the list, and not on the help line


STOP_ALL: Final = Act(("f12", "ctrl+c"), "F12, Ctrl+C", "stop all", "stop every session of this screen, at once")
STOP_LARGE: Final = Act(
    ("escape", "space", "s"),
    "Esc, space, s",
    "stop",
    "stop the session shown large (in a text field only Esc)",
)
RAISE: Final = Act(("plus",), "+", "raise", "raise; held, ride up at the rate of the modality")
LOWER: Final = Act(("minus",), "-", "lower", "lower")
HOLD: Final = Act((), "other keys", "hold", "hold the level where it is")
PAUSE: Final = Act(("p",), "p", "pause", "pause (off)")
RESUME: Final = Act(("r",), "r", "resume, by a ramp from off", "resume (by a ramp from off)")
PACK_ON: Final = Act(("o",), "o", "the pack is on", "pack: it is on")
PACK_OFF: Final = Act(("f",), "f", "the pack is off", "it is off")
NUMB: Final = Act(("u",), "u", "numb", "it is off, the skin is numb")
CHECK: Final = Act(("c",), "c", "answer the check", "answer the check that is due")
TAKE_OVER: Final = Act(("h",), "h", "take over", "take somebody's session over")
SWITCH: Final = Act(("tab", "1", "2", "3", "4"), "Tab, 1-4", "switch", "another session to the front")
UNCHANGED: Final = Act(("u",), "u", "unchanged", "unchanged, where an answer holds")
REPEAT: Final = Act(("r",), "r", "name and birth date are right: repeat", "repeat a last session")
ROUND: Final = Act(("d",), "d", "round", "the day's round")
CLEAR: Final = Act(("a",), "a", "clear fault", "clear a unit's fault")
BESIDE: Final = Act(("w",), "w", "with a second unit", "a second unit")
NEXT: Final = Act(("n",), "n", "next", "prepare one more")
CHOOSE: Final = Act((), "↑ ↓ Enter, digit:", "choose", "choose; a digit chooses at once")
ENDING: Final = Act(
    (), "Stopping:", "the same stop key again asks for more speed", "a stop key pressed again asks for more speed"
)
TYPE: Final = Act((), "digits, then Enter", "answer", "a number is typed")
FIELD: Final = Act((), "Enter", "goes on", "a field is taken")
OTHER_FIELD: Final = Act((), "Tab", "other field", "another field")
FIELD_BACK: Final = Act(("ctrl+g",), "Ctrl+G", "back", "one step back out of a field")
DONE: Final = Act(("enter",), "Enter", "done with this session", "done with a session")
UNLOCK: Final = Act(("enter",), "Enter", "asks for your PIN", "a locked screen asks for your PIN")
BACK: Final = Act(("backspace",), "Backspace", "back", "one step back (Ctrl+G too); what has not started is given up")
MAP: Final = Act(("question_mark",), "?", "keys", "the map of the keys")
ALL: Final = Act(("colon", "ctrl+p"), ":", "more", "every action of now (in a field Ctrl+P)")
LEAVE: Final = Act(("ctrl+q",), "Ctrl+Q", "leave", "leave; not while something is energized")

COLOURS: Final = Act(("f2",), "F2", "colours", "other colours")

NOTES: Final = "Stop never asks. While anything is energized Esc only stops."
LAST: Final = "The unit's emergency switch works when nothing here does."
CATALOGUE: Final[tuple[tuple[Act, ...], ...]] = (  # a line of the map each
    (STOP_ALL,),
    (STOP_LARGE,),
    (RAISE, LOWER),
    (HOLD,),
    (PAUSE, RESUME),
    (PACK_ON, PACK_OFF, NUMB),
    (CHECK, TAKE_OVER),
    (SWITCH, NEXT),
    (UNCHANGED, REPEAT),
    (ROUND, CLEAR, BESIDE),
    (CHOOSE,),
    (DONE, UNLOCK),
    (BACK,),
    (MAP, ALL),
    (LEAVE, COLOURS),
)


def map_rows() -> tuple[tuple[str, str], ...]:
    """Keys, and what they do in general; two lines are for everybody and no key's."""
    rows = [(_keys_of(group), "; ".join(act.does for act in group)) for group in CATALOGUE]
    return (*rows[:2], ("", NOTES), *rows[2:], ("", LAST))


def help_words(offers: Sequence[Offer], cells: int) -> str:
    """What the keys do now, as many as fit, in order; the last two of them (map and actions) are never left out."""
    words = list(dict.fromkeys(_word(one) for one in offers if not one.is_rare))
    *first, before, last = ["", "", *words] if len(words) < 2 else words  # noqa: PLR2004  # the two that stay
    kept = "  ".join(word for word in (before, last) if word)
    for word in reversed(_fitting(first, cells - _cells(kept))):
        kept = f"{word}  {kept}"
    return kept


def help_lines(offers: Sequence[Offer], cells: int) -> tuple[str, str]:
    """The same on two lines: the first as full as the order lets it be, the last with map and actions at its end."""
    named = [one for one in offers if not one.is_rare]
    if _cells(whole := "  ".join(_word(one) for one in named)) <= cells:
        return whole, ""
    first = next(
        (at for at in range(len(named) - 1) if _cells("  ".join(_word(one) for one in named[: at + 1])) > cells),
        max(0, len(named) - 2),
    )
    return "  ".join(_word(one) for one in named[:first]), help_words(named[first:], cells)


def wording_offers(back: Callable[[], object]) -> tuple[Offer, ...]:
    """While words are typed beside an answer."""
    return Offer(FIELD, word="answers, with your words or with none"), Offer(FIELD_BACK, back, word="another answer")


def of_key(offers: Iterable[Offer], key: str) -> Offer | None:
    """What a key does now."""
    return next(
        (one for one in offers if one.run is not None and key in ((one.key,) if one.key else one.act.keys)), None
    )


def now_of(offer: Offer) -> str:
    """What it will do now, with a capital letter."""
    told = offer.now or offer.word or offer.act.does
    return told[:1].upper() + told[1:]


def shown_key(offer: Offer) -> str:
    """The key as people read it."""
    return offer.key.capitalize() if offer.key else offer.act.shown


def every_act() -> tuple[Act, ...]:
    """The catalogue without its lines."""
    return tuple(chain.from_iterable(CATALOGUE))


def _keys_of(group: Sequence[Act]) -> str:
    return "   ".join(dict.fromkeys(act.shown for act in group))


def _word(offer: Offer) -> str:
    return f"{offer.shown or offer.act.shown} {offer.word or offer.act.word}"


def _fitting(words: Sequence[str], cells: int) -> list[str]:
    """In order, each that still has room."""
    found: list[str] = []
    for word in words:
        if _cells(word) + 2 <= cells:
            found.append(word)
            cells -= _cells(word) + 2
    return found


def _cells(text: str) -> int:
    return width_of(line_of(text))
