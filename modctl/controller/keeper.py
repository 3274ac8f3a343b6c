"""The controller's side of the guard: starts it, tells it of every port, beats, and notices when it is gone.

Rule 1: the beat comes from the engine's thread alone, so that a hung engine is a silent controller.
Rule 2: a guard that ended or does not answer its beats is replaced; what runs is stopped, since nobody watched it.
"""

import array
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog

from devices.model import NS_PER_S, MonoNs
from modctl.clock import Clock
from modctl.controller.guard import BEAT, Bye, Forget, Message, Watch

DEAF_NS: Final = 1 * NS_PER_S  # chosen: ten beats without an answer; the guard runs above everything ordinary
LISTEN_MS: Final = 250
RESTART_S: Final = 1.0
BYE_S: Final = 2.0  # chosen: the guard ends within milliseconds of Bye

_log = structlog.get_logger()


class _Line(msgspec.Struct):
    """One open port: our own duplicate of its descriptor, for a guard that is started later."""

    fd: int
    watch: Watch


class GuardKeeper:
    """Keeps one guard alive. ``on_loss`` is called, in the keeper's thread, each time a guard was lost."""

    def __init__(self, run_folder: Path, clock: Clock, on_loss: Callable[[str], None]) -> None:
        self._folder = run_folder
        self._clock = clock
        self._on_loss = on_loss
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._beaten_ns: MonoNs | None = None  # first beat that was not answered yet
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="guard-keeper", daemon=True)

    def start(self) -> None:
        """Start the guard; OSError when that is not possible."""
        self._start_guard()
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Without a guard nothing may be started."""
        return self._channel is not None

    @property
    def pid(self) -> int | None:
        """The guard's process, for the log."""
        return None if self._process is None else self._process.pid

    def beat(self, now_ns: MonoNs) -> None:
        """The engine is alive. Never waits."""
        channel = self._channel
        if channel is None:
            return
        if self._beaten_ns is None:
            self._beaten_ns = now_ns
        with suppress(OSError):  # a guard that is gone or deaf is noticed by the keeper's thread
            channel.send(BEAT)

    def watch(self, watch: Watch, fd: int) -> None:
        """A port was opened."""
        line = _Line(os.dup(fd), watch)
        with self._lock:
            self._drop(watch.port)
            self._lines[watch.port] = line
            self._tell(watch, line.fd)

    def forget(self, port: str) -> None:
        """A port is about to be closed."""
        with self._lock:
            if self._drop(port):
                self._tell(Forget(port=port))

    def bye(self) -> None:
        """All is off: let the guard go, and wait for it."""
        self._ending.set()
        with self._lock:
            self._tell(Bye())
        if self._process is not None:
            try:
                self._process.wait(BYE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _start_guard(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)  # noqa: FBT003  # the standard library's signature
        command = [sys.executable, "-P", "-m", "modctl.controller.guard"]
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(os.getpid()), str(self._folder)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        with self._lock:
            self._channel = ours
            self._beaten_ns = None
            for line in self._lines.values():
                self._tell(line.watch, line.fd)

    def _keep(self) -> None:
        """The keeper's thread."""
        while not self._ending.is_set():
            if self._channel is None:
                self._ending.wait(RESTART_S)
                with suppress(OSError):
                    self._start_guard()
                continue
            why = self._listen(self._channel)
            if why and not self._ending.is_set():
                self._replace(why)

    def _listen(self, channel: socket.socket) -> str:
        """Wait for an answer to a beat; why the guard counts as lost, or nothing."""
        poll = select.poll()
        poll.register(channel, select.POLLIN)
        if not poll.poll(LISTEN_MS):
            since = self._beaten_ns
            return "deaf" if since is not None and self._clock.mono_ns() - since >= DEAF_NS else ""
        try:
            heard = channel.recv(1)
        except OSError:
            heard = b""
        self._beaten_ns = None
        return "" if heard else "ended"

    def _replace(self, why: str) -> None:
        lost, self._channel = self._channel, None
        _log.error("guard lost", why=why, pid=self.pid)
        self._on_loss(why)
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if lost is not None:
            lost.close()
        with suppress(OSError):
            self._start_guard()

    def _drop(self, port: str) -> bool:
        line = self._lines.pop(port, None)
        if line is not None:
            os.close(line.fd)
        return line is not None

    def _tell(self, message: Message, fd: int | None = None) -> None:
        """Send one packet; a guard that cannot take it is lost, and its successor is told everything."""
        if self._channel is None:
            return
        ancillary = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        with suppress(OSError):
            self._channel.sendmsg([msgspec.json.encode(message)], ancillary)
