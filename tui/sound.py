"""An alarm's sound beside the terminal's bell: a file of the site's, by a player of the machine's. Never waited for.

Rule 1: the bell of the terminal rings whether there is a sound or not; nothing depends on a player.
Rule 2: one at a time: what is still heard is not begun again.
"""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

PLAYERS: Final = ("pw-play", "paplay", "aplay")  # PipeWire, PulseAudio, ALSA: each takes a path and ends by itself


SILENT: Final = tuple((os.POSIX_SPAWN_OPEN, fileno, os.devnull, os.O_RDWR, 0) for fileno in range(3))


class Sound:
    """Plays one file. Without a file, or without a player, it is silent."""

    def __init__(self, file: Path | None) -> None:
        found = (shutil.which(name) for name in PLAYERS)
        self._player = next((path for path in found if path is not None), None)
        self._file = file
        self._playing: int | None = None  # the player's process

    def play(self) -> None:
        """Begin it, and go on at once."""
        if self._file is None or self._player is None or self._is_playing():
            return
        with contextlib.suppress(OSError):
            words = [self._player, os.fspath(self._file)]
            self._playing = os.posix_spawn(self._player, words, os.environ, file_actions=SILENT, setsid=True)

    def _is_playing(self) -> bool:
        """Whether the last one is still heard; looked at, never waited for."""
        if self._playing is None:
            return False
        try:
            ended, _ = os.waitpid(self._playing, os.WNOHANG)
        except ChildProcessError:  # somebody else has seen its end
            ended = self._playing
        self._playing = None if ended else self._playing
        return self._playing is not None
