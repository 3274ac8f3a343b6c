"""A pack has no wire: what a person says is all that is known, and nothing else makes it off."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.drivers.passive import PassiveDriver
from devices.model import (
    NS_PER_MS,
    Ack,
    AckOf,
    DeviceEvent,
    Fault,
    Identity,
    LinkFault,
    MonoNs,
    Off,
    Output,
    Sample,
    levels,
)
from devices.profile import load
from protocols.inspect import Unknown

ON = levels({"layers": 8})


class Hand:
    """A driver with its time, asked whenever it wants to be."""

    def __init__(self) -> None:
        self.driver = PassiveDriver(load("passive"))
        self.driver.watch_closely(closely=True)
        self.now_ns = MonoNs(1_000 * NS_PER_MS)
        self.events: list[DeviceEvent] = []
        self.frames: list[bytes] = []

    def run(self, ms: int) -> list[DeviceEvent]:
        """Let so much time pass; what was told in it."""
        first, end_ns = len(self.events), self.now_ns + ms * NS_PER_MS
        while True:
            frame, events = self.driver.poll(self.now_ns, None)
            self.frames.append(frame)
            self.events += events
            due_ns = self.driver.next_wakeup()
            if due_ns > end_ns:
                self.now_ns = MonoNs(end_ns)
                return self.events[first:]
            self.now_ns = MonoNs(max(self.now_ns, due_ns))

    def hear(self, said: bytes) -> None:
        """The person's line."""
        self.events += self.driver.feed(said, self.now_ns)

    def output(self) -> Output:
        """What the newest sample says."""
        return next(event.output for event in reversed(self.events) if isinstance(event, Sample))


def on_the_skin() -> Hand:
    """A pack that was put on a second ago."""
    hand = Hand()
    hand.run(100)
    hand.driver.command(ON, hand.now_ns, 600_000)
    hand.run(1_000)
    return hand


def test_the_entry_is_believed_and_the_pack_is_off() -> None:
    """There is nobody to ask who it is."""
    hand = Hand()
    told = hand.run(0)

    assert Identity(at_ns=hand.now_ns, model="passive", serial="", firmware="", is_simulator=False) == told[0]
    assert Output.OFF is hand.output()


def test_a_start_means_that_the_pack_is_on() -> None:
    """Acknowledged at once, and every sample from there on says so."""
    hand = on_the_skin()
    (ack,) = [event for event in hand.events if isinstance(event, Ack)]
    after = [event.output for event in hand.events if isinstance(event, Sample) and event.asked_ns >= ack.at_ns]

    assert (AckOf.LEVELS, ON) == (ack.of, ack.levels)
    assert {Output.ENERGIZED} == set(after)
    assert len(after) >= 2


def test_off_asks_a_person_and_is_no_off() -> None:
    """Acknowledged, as often as it is said; the pack lies where it lies."""
    hand = on_the_skin()
    for _ in range(3):
        hand.driver.command(Off(), hand.now_ns)
        hand.run(600_000)

    assert 3 == sum(isinstance(event, Ack) and event.of is AckOf.OFF for event in hand.events)
    assert Output.ENERGIZED is hand.output()


def test_a_person_who_took_it_off_makes_it_off() -> None:
    """At once, and from two samples on it counts as confirmed."""
    hand = on_the_skin()
    hand.driver.command(Off(), hand.now_ns)
    hand.hear(b"off\n")
    told = [event.output for event in hand.run(1_000) if isinstance(event, Sample)]

    assert [Output.OFF, Output.OFF] == told[:2]


def test_a_new_identity_takes_no_pack_off() -> None:
    """The line was away; the pack was not."""
    hand = on_the_skin()
    hand.driver.identify()
    hand.driver.abandon(hand.now_ns)
    hand.run(1_000)

    assert Output.ENERGIZED is hand.output()


def test_nothing_is_ever_written() -> None:
    """No frame, no last words, and a frame of somebody else's would be held."""
    hand = on_the_skin()
    hand.driver.command(Off(), hand.now_ns)
    hand.run(10_000)

    assert {b""} == {*hand.frames, hand.driver.last_words()}
    assert not hand.driver.is_waiting()
    assert isinstance(hand.driver.inspect(b"off\n"), Unknown)


def test_samples_keep_the_pace_of_the_profile() -> None:
    """Closely in a session, slower while it is put away; never older than what may be shown."""
    hand = Hand()
    hand.run(0)
    close = [event for event in hand.run(5_000) if isinstance(event, Sample)]
    hand.driver.watch_closely(closely=False)
    idle = [event for event in hand.run(5_000) if isinstance(event, Sample)]

    assert (10, 5) == (len(close), len(idle))


@pytest.mark.parametrize("said", [b"of\n", b"OFF\n", b"off off\n", b"\xff\xfe\n", b"x" * 40 + b"\n"])
def test_other_words_take_no_pack_off(said: bytes) -> None:
    """They are a fault of the line, shown to a technician."""
    hand = on_the_skin()
    hand.hear(said)
    hand.run(1_000)
    (fault,) = [event for event in hand.events if isinstance(event, LinkFault)]

    assert (Fault.MALFORMED, Output.ENERGIZED) == (fault.fault, hand.output())


@given(st.binary(max_size=80), st.lists(st.integers(0, 80), max_size=6))
def test_any_bytes_in_any_split_say_the_same(said: bytes, cuts: list[int]) -> None:
    """No exception, and the pack is off after the whole exactly when it is off after the parts."""
    whole, split = on_the_skin(), on_the_skin()
    whole.hear(said)
    edges = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    for start, end in itertools.pairwise(edges):
        split.hear(said[start:end])
    whole.run(600)
    split.run(600)

    assert whole.events == split.events
