"""What a chart says of backups that were put back in its place, and what that explains. Pure.

Rule 1: a restore explains a head that the chart is not of; it never excuses it. Such a chart stays broken against it.
Rule 2: it explains what it declared: heads up to the highest that was known when the backup was put back.
"""

from collections.abc import Iterator

import msgspec

from modctl.chart.grammar import Code, Finding
from modctl.records import ChartRestored, Entry, KeyRotated, Record


class Restores:
    """The restores of one chart, read in its order."""

    def __init__(self) -> None:
        self._found: list[tuple[Entry, ChartRestored]] = []
        self._last: Record | None = None

    def read(self, entry: Entry, record: Record) -> Iterator[Finding]:
        """Note a restore; what is wrong with one."""
        if isinstance(self._last, ChartRestored) and not isinstance(record, KeyRotated):
            yield Finding(Code.ROTATION, entry.seq, "a backup was put back, and its key is still in force")
        if isinstance(record, ChartRestored):
            if record.entries != entry.seq - 1:
                text = f"it says that {record.entries} entries were put back, and stands after {entry.seq - 1}"
                yield Finding(Code.BODY, entry.seq, text)
            self._found.append((entry, record))
        self._last = record

    def told(self, size: int, plain: Finding, *, in_force: bool) -> Finding:
        """A finding about a head of ``size`` entries, with the last declared restore that went back behind it.

        ``in_force``: the key in force signed the head. Announced after the restore, it signed nothing that was lost.
        """
        behind = [(entry, record) for entry, record in self._found if entry.seq <= size]
        if not behind:
            return plain
        entry, record = behind[-1]
        if in_force and size > entry.seq + 1:
            return plain
        who = f"{entry.actor or 'somebody'} declared on {entry.at_utc} (entry {entry.seq})"
        what = f"{who} that a backup of {record.entries} entries was put back: {record.reason}"
        if record.lost_size is not None and size <= record.lost_size:
            return Finding(Code.RESTORED, plain.seq, f"{what}. The head is of what was lost with that: {plain.text}")
        known = "no lost head" if record.lost_size is None else f"heads of up to {record.lost_size} entries"
        return msgspec.structs.replace(
            plain, text=f"{plain.text}. {what}; it declared {known}, and this one is of {size}"
        )
