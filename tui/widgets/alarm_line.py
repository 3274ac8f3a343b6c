"""Alarms, the most urgent first: a word, a shape, then the sentence. The shape blinks, the words stand still."""

from typing import Final

from tui.alarms import HIGH, LOW, MEDIUM, alarms_of, is_lit
from tui.looks import Line, Look, Span, fitted, text_of, wrapped
from tui.sight import Sight
from tui.widgets.rows import Rows

_HEADS: Final = {
    HIGH: (" ▲▲▲ HIGH ", Look.ALARM),
    MEDIUM: (" ▲▲ MEDIUM ", Look.PROMPT),
    LOW: (" ▲ LOW ", Look.AWARE),
}


def alarm_lines(sight: Sight, width: int, rows: int) -> tuple[Line, ...]:
    """The most urgent alarm in full, as far as ``rows`` reach, then how many more there are. None: no line."""
    found = alarms_of(sight)
    if not found:
        return ()
    first = found[0]
    head, look = _HEADS[first.urgency]
    if not is_lit(first.urgency, sight.now_ns - sight.since_ns):
        head = head.replace("▲", "△")
    more = f"  (and {len(found) - 1} more)" if len(found) > 1 else ""
    told = f"{first.unit}: {first.text}" if first.unit else first.text
    room = max(1, width - len(head) - 2)
    words = wrapped(f"{told}{more}", room)
    if len(words) > rows:
        whole = text_of(wrapped(told, room)[rows - 1 : rows]).rstrip(" .")
        words = (*words[: rows - 1], (Span(fitted(whole + "…", max(1, room - len(more))).rstrip() + more),))
    return tuple(
        (Span(head if index == 0 else " " * len(head), look if index == 0 else Look.PLAIN), Span(" "), *row)
        for index, row in enumerate(words)
    )


class AlarmLine(Rows):
    """The alarms of this screen; takes no room when there are none."""

    def see(self, sight: Sight, rows: int) -> None:
        """Show the newest."""
        self.show(alarm_lines(sight, self.size.width, rows))
