"""A saved trace, run again: what a driver makes of the bytes that a unit once sent. Pure: no line, no clock.

A driver believes an answer only to its own question. So a fresh one is polled at the moments of the recorded frames:
where it says the same frame, what arrived next is given to it; where it says another one, it is out of step (a trace
that begins in the middle, or a session's commands) and nothing is given to it until it is in step again. A trace that
holds an identification is in step from there.
"""

from collections.abc import Iterator, Sequence

import msgspec

from devices.driver import Driver
from devices.model import DeviceEvent, MonoNs
from modctl.ipc.servicing import FrameRow


class Retraced(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded row, whether the driver was in step with it, and what it made of it."""

    seq: int
    in_step: bool
    events: tuple[DeviceEvent, ...]


def retrace(driver: Driver, rows: Sequence[FrameRow]) -> Iterator[Retraced]:
    """Every row in its order. ``driver`` has not said anything yet."""
    in_step = False
    for row in rows:
        now_ns, recorded = MonoNs(row.at_mono_ns), bytes.fromhex(row.frame)
        events: Sequence[DeviceEvent] = ()
        if row.way == "out":
            frame, events = driver.poll(now_ns, None)
            in_step = frame == recorded
            if frame and not in_step:
                driver.abandon(now_ns)
        elif in_step:
            events = driver.feed(recorded, now_ns)
        yield Retraced(seq=row.seq, in_step=in_step, events=tuple(events))
