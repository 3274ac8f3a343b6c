"""The words by which simulated units come and go while their process runs; ``bench`` has the rest of the socket.

Each is answered by ``Listed``, every unit that there is then, or by ``NotPossible``. A unit on the rack is none of the
site: which units a controller opens is said in ``site.toml`` alone, and a site for real units opens no simulator.
"""

from typing import Annotated, Final

import msgspec

NAME_PATTERN: Final = "^[a-z0-9][a-z0-9-]{0,31}$"  # as unit names in site.toml: typed by hand, part of file names
MAX_UNITS: Final = 64  # chosen: several times a large clinic, and few enough for one process
TCP: Final = "tcp:"


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strict, because the socket is a border."""


class Add(_Message, frozen=True, kw_only=True, tag="add"):
    """Make one more unit and open its line. ``address`` is an absolute path or ``tcp:PORT`` (0: any)."""

    name: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
    model: str
    address: str
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 1


class Remove(_Message, frozen=True, kw_only=True, tag="remove"):
    """Take a unit and its line away; its name may be given anew."""

    name: str


class Start(_Message, frozen=True, kw_only=True, tag="start"):
    """Switch a stopped unit on: it boots, on the same line. One that runs goes on as it is."""

    name: str


class Stop(_Message, frozen=True, kw_only=True, tag="stop"):
    """Cut a unit's power: it gives nothing, answers nothing, has no line, and forgets its faults."""

    name: str


class Listing(_Message, frozen=True, kw_only=True):
    """One simulated unit and where it is reached: a path, or ``tcp:PORT``. ``running`` False: it is stopped."""

    name: str
    model: str
    address: str
    running: bool = True


Racking = Add | Remove | Start | Stop
