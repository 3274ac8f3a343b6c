"""A snapshot as a line that always fits: what does not fit is said in fewer words, and never not at all. Pure.

Rule 1: a screen without a snapshot has no data of anything; so words are left out before sessions are.
Rule 2: a session that is not over, is unconfirmed, or has a question open is in every version.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from modctl.ipc import wire
from modctl.ipc.messages import SessionView, Snapshot


def _without_limits(view: SessionView) -> SessionView:
    """The rows that bind a session stand in its chart; its cap stays. Of its questions the open one stays."""
    gates = tuple(gate for gate in view.gates if gate.gate == view.gate)
    return msgspec.structs.replace(view, limits=(), gates=gates)


def _whole(view: SessionView) -> SessionView:
    return view


_WORDS: Final[Sequence[tuple[bool, Callable[[SessionView], SessionView]]]] = (
    (True, _whole),
    (False, _whole),
    (False, _without_limits),
)


def snapshot_line(snapshot: Snapshot) -> bytes:
    """The line; empty when not even the shortest version fits, which takes more units than a site has."""
    for with_closed, words in _WORDS:
        views = tuple(words(view) for view in snapshot.sessions if with_closed or not _is_settled(view))
        try:
            return wire.encode(msgspec.structs.replace(snapshot, sessions=views))
        except wire.LineTooLongError:
            continue
    return b""


def _is_settled(view: SessionView) -> bool:
    return view.phase == "ended" and view.closed
