"""Which alarms stand, how urgent each is, and when one is heard. Values in, values out: no terminal, no clock.

Rule 1: the words of an alarm stand still; only its shape blinks, and the bell only repeats what is written.
Rule 2: an answer silences the bell of what it answers, never the alarm: that goes with its cause.
Rule 3: an alarm that is said again by the controller is a new one to the bell, whatever was answered before.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from devices.model import NS_PER_MS, NS_PER_S
from modctl.ipc.hands import AlarmView
from modctl.ipc.messages import Acknowledge, Answer, Pack, Pause, Request, Resume, SessionView, Stop
from tui.sight import Link, Sight

HIGH, MEDIUM, LOW = range(3)
ORDER: Final = ("high", "medium", "low")
# IEC 60601-1-8 as makers quote it: high flashes at 1.4 to 2.8 Hz, medium at 0.4 to 0.8 Hz, low is steady. Half of the
# period each, on the quarter seconds in which the screen looks at itself: 2 Hz and 0.5 Hz.
HALF_PERIOD_NS: Final[Mapping[int, int]] = {HIGH: 250 * NS_PER_MS, MEDIUM: 1_000 * NS_PER_MS}
LATE_NS: Final = 125 * NS_PER_MS  # chosen: half a look, so that one a little early or late falls in its own half period
# The same standard's bursts: high about every 10 s, medium about every 25 s; low may be said once.
REPEAT_NS: Final[Mapping[int, int]] = {HIGH: 10 * NS_PER_S, MEDIUM: 25 * NS_PER_S}


class ShownAlarm(msgspec.Struct, frozen=True, order=True):
    """One alarm, ordered by urgency, then by age. ``session`` or ``unit`` empty: it is not about one."""

    urgency: int  # HIGH, MEDIUM, LOW
    since_ns: int
    unit: str
    text: str
    word: str = ""
    session: str = ""


def alarms_of(sight: Sight) -> tuple[ShownAlarm, ...]:
    """Every standing alarm, and the one that is this screen's own: it hears nothing."""
    found: list[ShownAlarm] = []
    if sight.link is Link.LOST:
        found.append(ShownAlarm(HIGH, 0, "", f"{sight.link_text} Trying each second.", "link_lost"))
    for view in () if sight.snapshot is None else sight.snapshot.sessions:
        found += [_shown(alarm, view.unit, view.session) for alarm in standing(sight, view)]
        if view.due is not None:
            urgency = MEDIUM if view.due.late else LOW
            told = f"{view.due.gate.title} is due. Press c, then answer."
            found.append(ShownAlarm(urgency, view.due.since_mono_ns, view.unit, told, "due", view.session))
    said = {(alarm.word, alarm.unit) for alarm in found}
    for alarm in () if sight.snapshot is None else sight.snapshot.alarms:
        word, _, unit = alarm.alarm.partition(":")
        if (word, unit) not in said:  # where a session says it already, it says more
            found.append(_shown(alarm, unit, ""))
    return tuple(sorted(found))


def standing(sight: Sight, view: SessionView) -> tuple[AlarmView, ...]:
    """The alarms of a session; none of one that is over, answered, and known to be off."""
    is_over = view.phase == "ended" or (view.phase == "unconfirmed" and sight.is_settled(view))
    return () if is_over and view.closed else view.alarms


def urgency_of(alarm: AlarmView) -> int:
    """How urgent; a word that nobody knows is."""
    return ORDER.index(alarm.priority) if alarm.priority in ORDER else HIGH


def is_lit(urgency: int, since_start_ns: int) -> bool:
    """Whether the shape of an alarm is filled now, so long after the screen began. Low is always."""
    half_ns = HALF_PERIOD_NS.get(urgency)
    return half_ns is None or (since_start_ns + LATE_NS) // half_ns % 2 == 0


def _shown(alarm: AlarmView, unit: str, session: str) -> ShownAlarm:
    word = alarm.alarm.partition(":")[0]
    return ShownAlarm(urgency_of(alarm), alarm.since_mono_ns, unit, alarm.text, word, session)


class Bell:
    """Says when the terminal's bell is due. Asked at every look; rings at most once a look, however many there are."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self._known: dict[ShownAlarm, bool] = {}  # whether it was answered
        self._rang_ns = 0

    def rings(self, alarms: Sequence[ShownAlarm], now_ns: int) -> bool:
        """True for a new alarm, and again each ``REPEAT_NS`` of the most urgent one that nobody has answered."""
        known = [_untold(alarm) for alarm in alarms]
        is_new = any(alarm not in self._known for alarm in known)
        self._known = {alarm: self._known.get(alarm, False) for alarm in known}
        waiting = [alarm.urgency for alarm, is_answered in self._known.items() if not is_answered]
        repeat_ns = REPEAT_NS.get(min(waiting, default=LOW))
        is_due = repeat_ns is not None and now_ns - self._rang_ns >= repeat_ns
        if not is_new and not is_due:
            return False
        self._rang_ns = now_ns
        return not self._is_quiet

    def answered(self, request: Request) -> None:
        """A person has acted: what that act is about need not be said again."""
        self._known = {alarm: told or _is_about(request, alarm) for alarm, told in self._known.items()}


def _untold(alarm: ShownAlarm) -> ShownAlarm:
    """The same without its words: wording that changes is no new alarm."""
    return msgspec.structs.replace(alarm, text="")


def _is_about(request: Request, alarm: ShownAlarm) -> bool:
    match request:
        case Answer() | Pack() | Pause() | Resume():
            return request.session == alarm.session
        case Stop(session=None, unit=None):
            return bool(alarm.unit)  # that nothing is heard is not answered by sending something
        case Stop():
            return request.session == alarm.session
        case Acknowledge():
            return request.unit == alarm.unit
        case _:
            return False
