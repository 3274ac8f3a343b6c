"""Where the controller listens: a socket in the site's run folder, or elsewhere when that path is too long for one."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

MAX_PATH_BYTES: Final = 100  # contract; unix(7): sun_path holds 108 with its final zero
MODE: Final = 0o660
BACKLOG: Final = 64  # chosen: as many as the server serves


def bind(path: Path, pointer: Path, elsewhere: Callable[[], Path]) -> socket.socket:
    """Listen at ``path``; where that is too long for a socket, in the folder ``elsewhere()``, and ``pointer`` says so.

    What lies there is from a controller before this one: the caller holds the site's lock.
    """
    place = path if len(os.fsencode(path)) <= MAX_PATH_BYTES else elsewhere() / path.name
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    place.unlink(missing_ok=True)
    pointer.unlink(missing_ok=True)
    listener.bind(str(place))
    place.chmod(MODE)
    listener.listen(BACKLOG)
    listener.setblocking(False)  # noqa: FBT003  # the standard library's signature
    if place != path:
        pointer.write_text(f"{place}\n", encoding="utf-8")
    return listener
