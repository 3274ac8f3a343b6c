"""How far a person has scrolled up the wire, and what they look for in it. Values only; ``watch`` has the frames."""

from collections.abc import Iterable

from tui.bench.lines import frame_text
from tui.bench.source import ReadFrame


class Wire:
    """The wire as it is looked at: live, or held still."""

    def __init__(self) -> None:
        self._still: tuple[ReadFrame, ...] | None = None
        self.scroll = 0  # lines up from the newest
        self.wanted = ""  # what a frame's words or bytes must hold

    def frames(self, live: Iterable[ReadFrame]) -> tuple[ReadFrame, ...]:
        """What is shown."""
        return self._found(live) if self._still is None else self._still

    def move(self, up: int, live: Iterable[ReadFrame], room: int) -> None:
        """Hold still, then go so many lines up."""
        if self._still is None:
            self._still = self._found(live)
        self.scroll = min(max(0, self.scroll + up), max(0, len(self._still) - room))

    def go_on(self) -> None:
        """Live again."""
        self._still, self.scroll = None, 0

    def look_for(self, wanted: str) -> None:
        """Only frames that hold this; empty: all."""
        self.wanted = wanted.strip().lower()
        self.go_on()

    def _found(self, live: Iterable[ReadFrame]) -> tuple[ReadFrame, ...]:
        return tuple(frame for frame in live if self.wanted in frame_text(frame).lower())
