"""The site's signing keys: one Ed25519 key for each epoch, in a folder that only the controller's user can read.

Rule 1: one epoch, one key, one file (0600). The next key is on disk before the chart announces it.
Rule 2: a key whose epoch is over is overwritten and removed; what it signed can then be made by nobody again.
Rule 3: overwriting reaches the file, not every copy that a file system, an SSD or a backup may keep.
"""

import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from modctl.chart.errors import KeysError, NoteError
from modctl.chart.files import sync_folder, write_new
from modctl.chart.note import KEY_BYTES, SigningKey, VerifierKey, parse_private_key

GENESIS_VKEY: Final = "genesis.vkey"  # the first public key, for auditors

_KEY_FILE: Final = re.compile(r"epoch-([1-9][0-9]*)\.key")
_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o644


class KeyFolder:
    """The folder ``keys/`` of a site. ``entropy(n)`` gives n secret bytes; a simulated run may give seeded ones.

    Every method raises KeysError when the folder or a file in it is not as it must be.
    """

    def __init__(self, path: Path, entropy: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._path = path
        self._entropy = entropy

    def seed(self) -> bytes:
        """Fresh bytes for a key."""
        return self._entropy(KEY_BYTES)

    def keep(self, epoch: int, key: SigningKey) -> None:
        """Write an epoch's key; it is on the disk when this returns. Never over a file that is there."""
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_new(self.file(epoch), f"{key.private_text()}\n".encode(), _PRIVATE)
        except OSError as why:
            raise KeysError(f"the key of epoch {epoch} cannot be written to {self._path}: {why}") from why

    def keep_genesis(self, key: VerifierKey) -> None:
        """Write the first public key where an auditor finds it."""
        try:
            write_new(self._path / GENESIS_VKEY, f"{key}\n".encode(), _PUBLIC)
        except OSError as why:
            raise KeysError(f"{GENESIS_VKEY} cannot be written to {self._path}: {why}") from why

    def load(self, epoch: int) -> SigningKey:
        """The private key of an epoch."""
        path = self.file(epoch)
        try:
            mode = path.stat().st_mode
            text = path.read_text()
        except OSError as why:
            held = ", ".join(map(str, self.epochs())) or "none"
            raise KeysError(
                f"the chart is in epoch {epoch}, and its key cannot be read ({why}); epochs with a key here: {held}. "
                "A chart that was put back from a copy cannot be continued."
            ) from why
        if mode & _OPEN_TO_OTHERS:
            raise KeysError(f"{path} can be read by others (mode {stat.S_IMODE(mode):o}); it must be 600")
        try:
            return parse_private_key(text)
        except NoteError as why:
            raise KeysError(f"{path}: {why}") from why

    def epochs(self) -> tuple[int, ...]:
        """The epochs that have a private key here, in order."""
        try:
            names = [path.name for path in self._path.iterdir()]
        except OSError:
            return ()
        return tuple(sorted(int(match[1]) for name in names if (match := _KEY_FILE.fullmatch(name))))

    def erase(self, epoch: int) -> None:
        """Overwrite and remove an epoch's private key; nothing happens when there is none."""
        path = self.file(epoch)
        try:
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(self._path)
        except FileNotFoundError:
            return
        except OSError as why:
            raise KeysError(f"the key of epoch {epoch} cannot be erased, do it by hand: {path}: {why}") from why

    def erase_all_but(self, epoch: int) -> None:
        """Finish what a crash interrupted: a rotation that was announced, or one that never was."""
        for other in self.epochs():
            if other != epoch:
                self.erase(other)

    def file(self, epoch: int) -> Path:
        """Where an epoch's private key lies, or would."""
        return self._path / f"epoch-{epoch}.key"
