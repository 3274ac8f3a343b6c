"""A saved trace, run again: what a driver makes of the bytes that a unit once sent. Pure: no line, no clock.

A driver believes an answer only to its own question. So nothing is given to it before the trace holds the frame that
a fresh driver says first, the question who the unit is; from there it is polled at the moments of the recorded
frames, and what arrived behind a frame is given to it where it said the same one. A session's commands are not its
own, and on wires that number their packets a driver is in step only with a trace of a line that was just opened.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from devices.driver import Driver
from devices.model import DeviceEvent, MonoNs
from modctl.ipc.servicing import FrameRow


class Retraced(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded row, whether the driver was in step with it, and what it made of it."""

    seq: int
    in_step: bool
    events: tuple[DeviceEvent, ...]


def retrace(fresh: Callable[[], Driver], rows: Iterable[FrameRow]) -> Iterator[Retraced]:
    """Every row in its order. ``fresh`` makes a driver that has not said anything yet."""
    driver: Driver | None = None
    in_step = False
    for row in rows:
        now_ns, recorded = MonoNs(row.at_mono_ns), bytes.fromhex(row.frame)
        events: Sequence[DeviceEvent] = ()
        if row.way == "out":
            asked = driver or fresh()
            frame, events = asked.poll(now_ns, None)
            in_step = frame == recorded
            if in_step:
                driver = asked
            elif frame and driver is not None:
                driver.abandon(now_ns)
        elif in_step and driver is not None:
            events = driver.feed(recorded, now_ns)
        yield Retraced(seq=row.seq, in_step=in_step, events=tuple(events))
