"""What comes from the person at a terminal: single keys, and Ctrl-C, both as something to wait for."""

import contextlib
import os
import signal
import socket
import sys
import termios
import tty
from collections.abc import Iterator
from types import FrameType
from typing import Final

CHUNK_BYTES: Final = 1024


class Keys:
    """Keys of standard input, without Enter where it is a terminal; Ctrl-C as an event. Use as a context manager."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdin.isatty()
        self._input: int | None = None
        self._woken, self._wake = socket.socketpair()
        self._interrupts = 0
        self._typed: list[int | list[bytes | int]] | None = None  # how the terminal was: lines, echoed

    @contextlib.contextmanager
    def listening(self) -> Iterator["Keys"]:
        """Take keys and Ctrl-C over; the terminal is put back however this ends."""
        self._woken.setblocking(False)  # noqa: FBT003  # the standard library's signature
        self._wake.setblocking(False)  # noqa: FBT003  # as above
        with contextlib.ExitStack() as undo:
            undo.callback(self._woken.close)
            undo.callback(self._wake.close)
            self._open_input(undo)
            undo.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(self._wake.fileno()))
            undo.callback(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, self._on_interrupt))
            yield self

    @contextlib.contextmanager
    def typing(self) -> Iterator[None]:
        """A person types whole lines for as long as this lasts; Ctrl-C ends the command: nothing runs yet."""
        with contextlib.ExitStack() as undo:
            undo.callback(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
            if self._input is not None and self._typed is not None:
                undo.callback(tty.setcbreak, self._input)
                termios.tcsetattr(self._input, termios.TCSADRAIN, self._typed)
            yield

    def filenos(self) -> list[int]:
        """What to wait for."""
        return [self._woken.fileno(), *([] if self._input is None else [self._input])]

    def take_interrupts(self) -> int:
        """How often Ctrl-C was pressed since the last call."""
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(CHUNK_BYTES)
        taken, self._interrupts = self._interrupts, 0
        return taken

    def take(self) -> str:
        """The keys pressed since the last call; call it when the input is readable. At its end there are no more."""
        if self._input is None:
            return ""
        pressed = os.read(self._input, CHUNK_BYTES)
        if not pressed:
            self._input = None
        return pressed.decode(errors="replace")

    def _open_input(self, undo: contextlib.ExitStack) -> None:
        try:
            self._input = sys.stdin.fileno()
        except (OSError, ValueError):  # closed, or not a real file
            return
        if self.is_terminal:
            before = termios.tcgetattr(self._input)
            undo.callback(termios.tcsetattr, self._input, termios.TCSADRAIN, before)
            self._typed = before
            tty.setcbreak(self._input)

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._interrupts += 1
