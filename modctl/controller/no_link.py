"""The line of a unit without a wire: it opens, carries nothing, and lets its worker wait."""

import threading
from typing import Final

from protocols.link import LinkError

NS_PER_S: Final = 1_000_000_000


class NoLink:
    """A pack on a table. Satisfies ``protocols.link.Link``; there is no descriptor, so no guard can write to it."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def open(self) -> None:
        """Nothing can be in the way."""

    def close(self) -> None:
        """Nothing is held."""

    def write(self, frame: bytes) -> None:
        """Refuse: whatever the bytes mean, there is nobody to hear them."""
        raise LinkError("refused", f"there is no wire, and {len(frame)} bytes were to be written")

    def read(self, timeout_ns: int) -> bytes:
        """Nothing, after the timeout or a ``wake``."""
        self._woken.wait(timeout_ns / NS_PER_S)
        self._woken.clear()
        return b""

    def discard_input(self) -> None:
        """There is none."""

    def wake(self) -> None:
        """Make ``read`` return at once."""
        self._woken.set()

    def fileno(self) -> int:
        """Refuse: there is no descriptor."""
        raise LinkError("refused", "there is no wire")
