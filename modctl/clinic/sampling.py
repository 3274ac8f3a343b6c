"""A sample of sessions that neither side can choose: the site fixed its chart's root before the auditor said a number.

Each session's place is SHA-256 over root, number and its name; the smallest places are the sample. Whoever knows the
two inputs gets the same sample; whoever must commit to one of them first cannot steer it.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

SEPARATOR: Final = b"\x00"  # neither a root nor a number nor a session's name contains it


def draw(root: bytes, number: int, sessions: Sequence[str], count: int) -> tuple[str, ...]:
    """At most ``count`` sessions, in the order in which they were drawn. ``root`` is the chart's Merkle root."""
    return tuple(sorted(sessions, key=lambda session: (_place(root, number, session), session))[:count])


def _place(root: bytes, number: int, session: str) -> bytes:
    return hashlib.sha256(SEPARATOR.join((root, str(number).encode(), session.encode()))).digest()
