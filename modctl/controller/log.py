"""The controller's own messages, on standard error, written by a thread of their own and without patient data.

A terminal that was closed, or a pipe that nobody reads, must neither end nor hold up whoever has something to say.
"""

import sys
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Final

import structlog

MAX_WAITING: Final = 1_000  # chosen: lines; what nobody reads is not kept for ever
FLUSH_S: Final = 1.0


class LateStderr:
    """A text file that never waits and never fails: lines go to standard error when it takes them, in order."""

    def __init__(self) -> None:
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> int:
        """Queue one line, or drop it where too many wait already."""
        if self._lines.qsize() < MAX_WAITING:
            self._lines.put(line)
        return len(line)

    def flush(self) -> None:
        """Nothing to do: the thread flushes."""

    def close(self) -> None:
        """Write what waits, as far as somebody reads it."""
        self._lines.put(None)
        self._thread.join(FLUSH_S)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            with suppress(OSError, ValueError):
                sys.stderr.write(line)
                sys.stderr.flush()


def log_to(file: LateStderr) -> None:
    """Send every message of the process there, one line each."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.WriteLoggerFactory(file),  # type: ignore[arg-type]  # it only writes and flushes
    )
