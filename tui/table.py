"""The table's screen as a program: who is at it, and over which socket."""

import functools
import sys
from pathlib import Path

from devices.model import label
from modctl.clock import SystemClock
from modctl.errors import UsageError
from modctl.ipc.client import AsyncClient
from tui.app import TableApp
from tui.sound import Sound
from tui.terminal import TableDriver


def run(
    socket_path: Path,
    user: str,
    pin: str | None,
    *,
    is_quiet: bool = False,
    colours: str = "night",
    sound: Path | None = None,
) -> int:
    """The table screen until the person leaves; gives the exit status (128 + n after signal n).

    With a PIN the person is signed in without being asked (the demonstration does that); without one the screen asks.
    Quiet: alarms are shown and never heard. ``sound``: a file that is played beside the bell.
    """
    if not sys.stdin.isatty():
        raise UsageError("The table needs a terminal; without one use --plain.")
    dial = functools.partial(AsyncClient.connect, socket_path, "modctl table", attends=True)
    app = TableApp(dial, SystemClock(), user=label(user), pin=pin, driver_class=TableDriver, is_quiet=is_quiet)
    app.theme = colours
    app.sound = Sound(sound)
    return app.serve()
