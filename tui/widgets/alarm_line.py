"""Alarms, the most urgent first: a word, a shape, then the sentence."""

from typing import Final

import msgspec

from tui.looks import Line, Look, Span, wrapped
from tui.sight import Link, Sight
from tui.widgets.rows import Rows

_HEADS: Final = {
    "high": (" ▲▲▲ HIGH ", Look.ALARM),
    "medium": (" ▲▲ MEDIUM ", Look.WARNING),
    "low": (" ▲ LOW ", Look.STRONG),
}
_ORDER: Final = tuple(_HEADS)


class ShownAlarm(msgspec.Struct, frozen=True, order=True):
    """One alarm, ordered by urgency, then by age."""

    urgency: int
    since_ns: int
    who: str
    text: str


def alarms_of(sight: Sight) -> tuple[ShownAlarm, ...]:
    """Every standing alarm, and the one that is this screen's own: it hears nothing."""
    found: list[ShownAlarm] = []
    if sight.link is Link.LOST:
        found.append(ShownAlarm(0, 0, "", f"{sight.link_text} Trying each second."))
    for view in () if sight.snapshot is None else sight.snapshot.sessions:
        for alarm in view.alarms:
            urgency = _ORDER.index(alarm.priority) if alarm.priority in _ORDER else 0
            found.append(ShownAlarm(urgency, alarm.since_mono_ns, f"{view.unit}: ", alarm.text))
        if view.due is not None:
            urgency = _ORDER.index("medium" if view.due.late else "low")
            text = f"{view.due.gate.title} is due. Press c, then answer."
            found.append(ShownAlarm(urgency, view.due.since_mono_ns, f"{view.unit}: ", text))
    return tuple(sorted(found))


def alarm_lines(sight: Sight, width: int, rows: int) -> tuple[Line, ...]:
    """The most urgent alarm in full, as far as ``rows`` reach, then how many more there are. None: no line."""
    found = alarms_of(sight)
    if not found:
        return ()
    first = found[0]
    head, look = _HEADS[_ORDER[first.urgency]]
    more = f"  (and {len(found) - 1} more)" if len(found) > 1 else ""
    words = wrapped(f"{first.who}{first.text}{more}", max(1, width - len(head) - 2))
    if len(words) > rows:
        words = words[:rows]
        words = (*words[:-1], (Span(words[-1][0].text.rstrip(" .") + "…" + more),))
    return tuple(
        (Span(head if index == 0 else " " * len(head), look if index == 0 else Look.PLAIN), Span(" "), *row)
        for index, row in enumerate(words)
    )


class AlarmLine(Rows):
    """The alarms of this screen; takes no room when there are none."""

    def see(self, sight: Sight, rows: int) -> None:
        """Show the newest."""
        self.show(alarm_lines(sight, self.size.width, rows))
