"""The seam between a worker thread and a line: five calls, no policy."""

from collections.abc import Sequence
from typing import Protocol


class LinkError(Exception):
    """The line is gone or was refused. ``why`` is a sentence for a person, ``code`` a word for the chart.

    Codes: ``absent`` (no such path or host), ``in_use`` (another owner holds the lock), ``lost`` (unplugged or
    closed by the peer), ``stuck`` (the line takes no bytes), ``refused`` (permission, wrong settings).
    """

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class Link(Protocol):
    """One open or openable line to one bus. Not thread safe: one worker owns it; only ``wake`` is for others."""

    def open(self) -> None:
        """Open, lock exclusively and configure the line; raise LinkError, holding nothing, if any of it fails."""

    def close(self) -> None:
        """Close and unlock; safe to call twice and on a line that is lost."""

    def write(self, frame: bytes) -> None:
        """Hand one frame to the line without blocking; raise LinkError ``stuck`` if it does not take all of it."""

    def read(self, timeout_ns: int) -> bytes:
        """Bytes that arrived, or ``b""`` after the timeout or a ``wake``; raise LinkError if the line is gone."""

    def discard_input(self) -> None:
        """Throw away what has arrived and was not read."""

    def wake(self) -> None:
        """Make a ``read`` in another thread return at once. The only call that any thread may make."""

    def fileno(self) -> int:
        """The line's descriptor (for the guard's duplicate); raise LinkError when not open."""


class LineSettings(Protocol):
    """What a link needs to know about the line; profiles satisfy it."""

    @property
    def baud(self) -> int:
        """Bits a second."""

    @property
    def parity(self) -> str:
        """``N``, ``E`` or ``O``."""

    @property
    def stop_bits(self) -> int:
        """1 or 2."""

    @property
    def rtscts(self) -> bool:
        """Hardware flow control."""


__all__: Sequence[str] = ("LineSettings", "Link", "LinkError")
