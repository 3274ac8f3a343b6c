"""A saved trace, run again: the driver makes of the same bytes what it made of them the first time."""

from devices.drivers.register_unit import RegisterUnitDriver
from devices.model import AccessorySeen, Identity, Sample
from modctl.controller.retrace import retrace
from modctl.controller.tap import IN, OUT
from modctl.ipc.servicing import FrameRow
from tests.unit.devices.register_talk import MADE_UP, Talk


class TracedTalk(Talk):
    """A conversation with a tap on its line."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[FrameRow] = []

    def polled(self) -> bytes:
        """What the driver writes now."""
        frame = super().polled()
        if frame:
            self._saw(OUT, frame)
        return frame

    def say(self, octets: bytes) -> None:
        """Bytes from the unit, in two pieces."""
        for piece in (octets[:3], octets[3:]):
            self._saw(IN, piece)
            super().say(piece)

    def _saw(self, way: str, octets: bytes) -> None:
        self.rows.append(FrameRow(seq=len(self.rows) + 1, at_mono_ns=self.now_ns, way=way, frame=octets.hex()))


def fresh() -> RegisterUnitDriver:
    """A driver that has not said anything."""
    return RegisterUnitDriver(MADE_UP)


def test_a_trace_that_begins_with_the_handshake_tells_the_same_again() -> None:
    """A technician sends a file, and whoever has the driver sees what it saw."""
    talk = TracedTalk()
    for _ in range(9):
        talk.turn()
    again = [event for one in retrace(fresh, talk.rows) for event in one.events]

    assert talk.events == again
    assert {Identity, Sample, AccessorySeen} == {type(event) for event in again}


def test_what_begins_in_the_middle_is_not_believed_before_it_is_in_step() -> None:
    """An answer to a question that this driver did not ask proves nothing."""
    talk = TracedTalk()
    for _ in range(9):
        talk.turn()
    found = list(retrace(fresh, talk.rows[3:9]))

    assert [] == [one.seq for one in found if one.in_step]
    assert [] == [event for one in found for event in one.events if isinstance(event, Identity | Sample)]


def test_a_trace_is_in_step_from_its_handshake_on() -> None:
    """Whoever traces a running line asks the unit who it is, and the rest is understood."""
    talk = TracedTalk()
    for _ in range(4):
        talk.turn()
    before = len(talk.rows)
    talk.events.clear()
    talk.driver.identify()
    for _ in range(6):
        talk.turn()
    found = list(retrace(fresh, talk.rows[3:]))

    assert all(not one.in_step for one in found if one.seq <= before)
    assert talk.events == [event for one in found for event in one.events]
