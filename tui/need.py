"""Who needs somebody next: what each session waits for, and in which order. Values in, values out.

Rule 1: the order is coarse, so that a row moves only when something about its session has changed, never with time
        that merely runs.
Rule 2: the order is for eyes alone: numbers, and what the stop keys stop, do not follow it.
"""

from enum import IntEnum
from typing import Final

import msgspec

from modctl import text
from modctl.ipc.messages import SessionView
from tui.alarms import HIGH, MEDIUM, standing, urgency_of
from tui.sight import Showing, Sight, only_asks, showing

TIMED: Final = ("starting", "running", "resuming")  # phases in which the time left runs down
ENDING_MS: Final = 60_000  # chosen: the way from one table to the next
SOON_MS: Final = 300_000  # chosen: something else may be begun, and should be short


class Rank(IntEnum):
    """How soon somebody is needed; the smallest first."""

    LOOK = 0  # nobody knows the output
    TAKE_OFF = 1  # only a person ends it
    ALARM = 2
    PROMPT = 3  # an alarm of medium urgency, a check that is late
    CHECK = 4
    HAND = 5  # it stands still until somebody does something
    ENDING = 6
    ANSWERS = 7  # after the end
    QUESTIONS = 8  # before the start
    SOON = 9
    LATER = 10
    NOTHING = 11


class Need(msgspec.Struct, frozen=True):
    """What a session waits for, and how soon. ``word`` fits 18 cells; empty: nothing."""

    rank: Rank
    word: str


def needs(sight: Sight, view: SessionView) -> Need:
    """What a person has to do for a session next."""
    return _at_once(sight, view) or _by_hand(sight, view) or _in_time(view)


def by_need(sight: Sight) -> tuple[tuple[int, SessionView, Need], ...]:
    """The sessions of this screen, who needs somebody first; equals keep the order of their numbers."""
    rows = [(number, view, needs(sight, view)) for number, view in sight.tabbed()]
    return tuple(sorted(rows, key=lambda row: (row[2].rank, row[0])))


def _at_once(sight: Sight, view: SessionView) -> Need | None:
    """What cannot wait: doubt, a pack that must come off, alarms and checks."""
    shown = showing(sight, view)
    is_unsure = shown is Showing.UNKNOWN or (shown is Showing.NO_DATA and not only_asks(sight, view))
    if is_unsure:
        return Need(Rank.LOOK, "LOOK NOW")
    alarms = standing(sight, view)
    urgency = min((urgency_of(alarm) for alarm in alarms), default=None)
    is_on = view.by_hand and view.phase == "stopping" and view.output != "off"
    if is_on or any(alarm.alarm == "take_pack_off" for alarm in alarms):
        return Need(Rank.TAKE_OFF, "TAKE THE PACK OFF")
    if urgency == HIGH:
        return Need(Rank.ALARM, "ALARM")
    if view.due is not None and view.due.late:
        return Need(Rank.PROMPT, "CHECK LATE")
    if urgency == MEDIUM:
        return Need(Rank.PROMPT, "alarm")
    return None if view.due is None else Need(Rank.CHECK, "check due")


def _by_hand(sight: Sight, view: SessionView) -> Need | None:
    """What stands still until somebody comes."""
    if view.phase == "checking" and view.session not in sight.starting:
        return Need(Rank.QUESTIONS, "question waits")
    if view.phase == "paused":
        return Need(Rank.HAND, "r resumes")
    if view.by_hand and view.phase == "starting":
        return Need(Rank.HAND, "pack on?")
    if view.phase in ("ended", "unconfirmed") and not view.closed:
        return Need(Rank.ANSWERS, "sign" if view.gate == "sign" else "question waits")
    return None


def _in_time(view: SessionView) -> Need:
    """What comes by itself."""
    if view.phase not in TIMED:
        return Need(Rank.NOTHING, "")
    left_ms = view.planned_ms - view.delivered_ms
    rank = Rank.ENDING if left_ms <= ENDING_MS else Rank.SOON if left_ms <= SOON_MS else Rank.LATER
    return Need(rank, f"{text.time_left(view.planned_ms, view.delivered_ms)} left")
