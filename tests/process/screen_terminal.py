"""A screen of modctl on a real terminal, for tests: keys in, a picture to look at."""

import contextlib
import os
import time
from pathlib import Path

import pexpect
import pyte

from tests.process import small_site as site

ROWS, COLUMNS = 24, 80
WAIT_S = 20  # the longest that a step may take on a busy machine; nothing waits that long when it works
F12 = b"\x1b[24~"
CTRL_Q = b"\x11"


class Terminal:
    """One of the screens on a terminal: ``words`` are the command's. What it writes goes below ``folder``."""

    def __init__(self, *words: str, size: tuple[int, int] = (COLUMNS, ROWS), folder: Path | None = None) -> None:
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._child = pexpect.spawn(
            str(site.MODCTL),
            list(words),
            dimensions=size[::-1],
            env={**os.environ, "TERM": "xterm-256color"},
            cwd=None if folder is None else str(folder),
            timeout=WAIT_S,
        )

    def sees(self, words: str) -> None:
        """Wait until these words stand on the screen."""
        until_ns = site.CLOCK.mono_ns() + WAIT_S * 1_000_000_000
        while words not in self.text():
            assert site.CLOCK.mono_ns() < until_ns, f"{words!r} never came:\n{self.text()}"
            with contextlib.suppress(pexpect.TIMEOUT):
                self._stream.feed(self._child.read_nonblocking(65_536, timeout=1))

    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self._screen.display)

    def types(self, keys: bytes) -> None:
        """Bytes as a keyboard sends them."""
        self._child.send(keys)

    def enters(self, asked: str, words: str) -> None:
        """Wait for a question, then answer it with a line."""
        self.sees(asked)
        self.types(words.encode() + b"\r")

    def waits_until_keys_count(self) -> None:
        """For half a second after the last question, and after a stop, only stop keys do."""
        time.sleep(0.6)

    def leaves(self, key: bytes = CTRL_Q) -> int:
        """Ctrl+Q, or another key; the exit status."""
        self.types(key)
        self._child.expect(pexpect.EOF)
        self._child.wait()
        return int(self._child.exitstatus or 0)

    def close(self) -> None:
        """Leave nothing running."""
        self._child.close(force=True)
