"""An alarm's sound beside the terminal's bell: a file of the site's, by a player of the machine's. Never waited for.

Rule 1: the bell of the terminal rings whether there is a sound or not; nothing depends on a player.
Rule 2: one at a time: what is still heard is not begun again.
"""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

PLAYERS: Final = ("pw-play", "paplay", "aplay")  # PipeWire, PulseAudio, ALSA: each takes a path and ends by itself


class Sound:
    """Plays one file. Without a file, or without a player, it is silent."""

    def __init__(self, file: Path | None) -> None:
        found = (shutil.which(name) for name in PLAYERS)
        self._player = next((path for path in found if path is not None), None)
        self._file = file
        self._playing: subprocess.Popen[bytes] | None = None

    def play(self) -> None:
        """Begin it, and go on at once."""
        if self._file is None or self._player is None or (self._playing is not None and self._playing.poll() is None):
            return
        with contextlib.suppress(OSError):
            self._playing = subprocess.Popen(  # noqa: S603  # a player of this machine, a file that the site names
                [self._player, os.fspath(self._file)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
