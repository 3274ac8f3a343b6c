"""Whether anybody is at a screen. Values in, values out."""

from devices.model import NS_PER_S
from modctl.ipc.messages import Snapshot


def is_left_alone(snapshot: Snapshot | None, touched_ns: int, now_ns: int) -> bool:
    """Nobody has touched a screen for as long as the site lets it be; a site that says 0 s lets it be for ever."""
    after_s = 0 if snapshot is None else snapshot.lock_after_s
    return after_s > 0 and now_ns - touched_ns >= after_s * NS_PER_S
