"""The list: what was read so far, what of it is wanted, which row is chosen. Pure; rows come in as they are read."""

from collections.abc import Sequence
from datetime import tzinfo

from modctl.chart.reader import SessionRow
from modctl.chart.wanted import Wanted, chosen, parse_wanted


class Listing:
    """The rows of one chart, narrowed by words or to a sample that was drawn."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.shown: list[SessionRow] = []
        self.chosen = 0
        self.top = 0  # the first row in sight
        self.typed = ""  # the filter's words
        self._rows: list[SessionRow] = []
        self._wanted = Wanted()
        self._drawn = ""  # what the sample was drawn by; empty: no sample is shown
        self._is_all = False

    def begin(self) -> None:
        """The list is read anew; the filter stays."""
        self._rows, self.shown, self._is_all, self._drawn = [], [], False, ""

    def extend(self, rows: Sequence[SessionRow], *, is_all: bool) -> None:
        """Some more of it; what is wanted of them is shown."""
        self._rows += rows
        self._is_all = is_all
        if not self._drawn:
            self.shown += chosen(rows, self._wanted, self.zone)

    def narrow(self, typed: str) -> str:
        """Show what fits these words; a sentence where one of them is none, and nothing is changed."""
        wanted = parse_wanted(typed)
        if isinstance(wanted, str):
            return wanted
        self.typed, self._wanted, self._drawn = typed, wanted, ""
        self._place(list(chosen(self._rows, wanted, self.zone)))
        return ""

    def draw(self, rows: Sequence[SessionRow], says: str) -> None:
        """Show a sample in the order in which it was drawn."""
        self.typed, self._wanted, self._drawn = "", Wanted(), says
        self._place(list(rows))

    def row(self) -> SessionRow | None:
        """The chosen one; None in an empty list."""
        return self.shown[self.chosen] if self.shown else None

    def move(self, by: int, room: int) -> bool:
        """Choose another row and keep it in sight. False: there is none in that direction."""
        before = self.chosen
        self.chosen = min(max(0, self.chosen + by), max(0, len(self.shown) - 1))
        self.top = min(max(self.top, self.chosen - max(1, room) + 1), self.chosen)
        return self.chosen != before

    def says(self) -> str:
        """What the list shows, in one line."""
        if self._drawn:
            return f"sample: {self._drawn}"
        so_far = "" if self._is_all else " so far, still reading …"
        if not self.typed:
            count = f"{len(self._rows)} session{'' if len(self._rows) == 1 else 's'}"
            return f"{count}{so_far or ', the newest first'}"
        return f"{len(self.shown)} of {len(self._rows)} sessions{so_far}: {self.typed}"

    def what(self) -> str:
        """Which sessions these are, in some words."""
        return "the sample" if self._drawn else self.typed or "all sessions"

    def _place(self, rows: list[SessionRow]) -> None:
        self.shown, self.chosen, self.top = rows, 0, 0
