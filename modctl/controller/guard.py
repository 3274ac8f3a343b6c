"""The last line: a process of its own that switches every unit off when the controller cannot (hazard H08).

Rule 1: it knows nothing but the ports' descriptors and fixed Off frames; it can not energize anything.
Rule 2: the end of the controller's channel, or half a second without a beat, is a dead controller; one that only
        hangs is killed first, so that nobody writes to the ports beside the guard.
Rule 3: it keeps the ports' locks until it has written for as long as a unit could go on by itself.
Rule 4: only ``Bye`` lets it go without a word. TERM, INT and HUP do not: they are for the controller.

Started as ``modctl-guard CHANNEL CONTROLLER_PID RUN_FOLDER`` by the controller, in a session of its own.
"""

import array
import fcntl
import os
import select
import signal
import socket
import sys
import termios
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from devices.model import NS_PER_MS, MonoNs
from modctl.clock import Clock, SystemClock
from modctl.controller.scheduling import GUARD_PRIORITY, hurry

BEAT: Final = b"."
BEAT_NS: Final = 100 * NS_PER_MS  # what the controller keeps to
SILENT_NS: Final = 500 * NS_PER_MS  # chosen: five beats; with the writing, off is reached within a second
GAP_MS: Final = 40  # chosen: the answer to one Off has passed (19200 baud: 15 ms and the unit's turn) before the next
LEASE_PERCENT: Final = 125  # a unit that did not hear us has gone off by its own watchdog
SHORTEST_MS: Final = 2_000  # chosen: fifty Off frames; a line that fails for so long is cut
LONGEST_MS: Final = 3_000  # chosen, so that the next controller, which waits for it, is ready within its 5 s
RECORDS: Final = "guard.jsonl"
LOCK: Final = "guard.lock"
MAX_PACKET: Final = 65_536
_RECORD_MODE: Final = 0o640


class Watch(msgspec.Struct, frozen=True, kw_only=True, tag="watch"):
    """A port was opened; its descriptor comes with this packet. ``words``: the Off of each unit on it."""

    port: str
    words: tuple[bytes, ...]
    lease_ms: int  # the longest of its units'


class Forget(msgspec.Struct, frozen=True, kw_only=True, tag="forget"):
    """A port was closed."""

    port: str


class Bye(msgspec.Struct, frozen=True, kw_only=True, tag="bye"):
    """Everything is off and charted; there is nothing left to guard."""


Message = Watch | Forget | Bye


class Acted(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``guard.jsonl``: what the next controller charts."""

    at_utc: str
    mono_ns: int
    reason: str  # eof | silent
    ports: tuple[str, ...]
    writes: int


class _Line(msgspec.Struct):
    """One watched port."""

    fd: int
    words: tuple[bytes, ...]
    lease_ms: int


def main() -> int:
    """Watch until there is no controller, then write the last words; the exit status is always 0."""
    channel_fd, controller, folder = sys.argv[1:]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    hurry(GUARD_PRIORITY)
    lock = os.open(Path(folder) / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with suppress(BlockingIOError):  # a guard from before still holds it: its ports stay locked, and that is enough
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    guard = Guard(socket.socket(fileno=int(channel_fd)), int(controller), SystemClock())
    reason = guard.watch()
    if reason:
        acted = guard.switch_off(reason)
        _keep(Path(folder) / RECORDS, acted)
    return 0


class Guard:
    """Watches one controller."""

    def __init__(self, channel: socket.socket, controller: int, clock: Clock) -> None:
        self._channel = channel
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._controller: int | None = None  # a process descriptor: a number could have been given to somebody else
        with suppress(OSError):
            self._controller = os.pidfd_open(controller)
        self._is_child = os.getppid() == controller

    def watch(self) -> str:
        """Why the guard has to act: ``eof`` or ``silent``; empty when it may go."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        heard: MonoNs | None = None  # the first beat says that the controller's loop runs
        while True:
            now = self._clock.mono_ns()
            if heard is not None and now - heard >= SILENT_NS and not poll.poll(0):
                return "silent"
            wait = SILENT_NS if heard is None else heard + SILENT_NS - now
            if not poll.poll(max(0, -(-wait // NS_PER_MS))):
                continue
            packet, fd = self._receive()
            if not packet:
                return "eof"
            if packet == BEAT:
                heard = self._clock.mono_ns()
                with suppress(OSError):
                    self._channel.send(BEAT, socket.MSG_DONTWAIT)
            elif self._obey(packet, fd):
                return ""

    def switch_off(self, reason: str) -> Acted:
        """End a controller that hangs, then write the last words of all ports again and again."""
        if self._controller is not None and self._is_child:
            with suppress(OSError):
                signal.pidfd_send_signal(self._controller, signal.SIGKILL)
        stamp = self._clock.stamp()
        writes = self._write_last_words()
        return Acted(at_utc=stamp.at_utc, mono_ns=stamp.mono_ns, reason=reason, ports=tuple(self._lines), writes=writes)

    def _receive(self) -> tuple[bytes, int | None]:
        """One packet and the descriptor that came with it; nothing at the end of the channel."""
        try:
            packet, ancillary, _, _ = self._channel.recvmsg(MAX_PACKET, socket.CMSG_SPACE(array.array("i").itemsize))
        except OSError:
            return b"", None
        fds = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        return packet, fds[0] if fds else None

    def _obey(self, packet: bytes, fd: int | None) -> bool:
        """Take one message; True when the guard may go."""
        message = msgspec.json.decode(packet, type=Message)
        if isinstance(message, Bye):
            return True
        known = self._lines.pop(message.port, None)
        if known is not None:
            os.close(known.fd)
        if isinstance(message, Watch) and fd is not None:
            self._lines[message.port] = _Line(fd, message.words, message.lease_ms)
        return False

    def _write_last_words(self) -> int:
        lines = list(self._lines.values())
        longest = max((line.lease_ms * LEASE_PERCENT // 100 for line in lines), default=0)
        until = self._clock.mono_ns() + min(max(longest, SHORTEST_MS), LONGEST_MS) * NS_PER_MS
        for line in lines:
            _drop_unsent(line.fd)
        quiet = select.poll()
        turn = writes = 0
        while lines and self._clock.mono_ns() < until:
            for line in lines:
                writes += _say(line.fd, line.words[turn % len(line.words)])
            turn += 1
            quiet.poll(GAP_MS)
        return writes


def _drop_unsent(fd: int) -> None:
    """What the controller had handed to the line and the line has not sent is not to be sent any more."""
    with suppress(OSError, termios.error):
        if os.isatty(fd):
            termios.tcflush(fd, termios.TCOFLUSH)


def _say(fd: int, words: bytes) -> int:
    """Write one Off without waiting, and throw away what the units answer; 1 when the line took it."""
    with suppress(OSError):
        os.read(fd, MAX_PACKET)
    with suppress(OSError):
        return int(os.write(fd, words) == len(words))
    return 0


def _keep(path: Path, acted: Acted) -> None:
    """Add the record and put it on the disk."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _RECORD_MODE)
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.json.encode(acted) + b"\n")
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    sys.exit(main())
