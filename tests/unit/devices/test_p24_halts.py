"""What the P24 driver makes of electrode errors and of a unit that stopped by itself."""

import pytest

from devices.model import (
    Contact,
    Fault,
    Off,
    Output,
    Sample,
)
from protocols.sciencemode4 import Command
from tests.unit.devices.p24_hand import PERMIT, READY_STATUS, RUNNING_STATUS, Hand, at_ua


@pytest.mark.parametrize(
    ("nibble", "contact", "words"),
    [
        (0, Contact.GOOD, ()),
        (1, Contact.OPEN, ("electrode error",)),
        (2, Contact.UNKNOWN, ("pulse timeout",)),
        (3, Contact.POOR, ("low current",)),
    ],
)
def test_error_nibbles_become_contact_and_fault_words(nibble: int, contact: Contact, words: tuple[str, ...]) -> None:
    """The unit may go on running on a channel error; the next sample says what it found."""
    hand = Hand().identified()
    hand.driver.command(at_ua(20_000), hand.now)
    hand.tell(hand.asks(Command.ML_INIT, PERMIT))
    hand.tell(hand.asks(Command.ML_UPDATE, PERMIT))
    hand.tell(hand.asks(Command.ML_GET_CURRENT_DATA, PERMIT), b"\x00\x04\x01" + bytes((nibble, 0, 0, 0)))

    (sample,) = hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT), RUNNING_STATUS)

    assert isinstance(sample, Sample)
    assert (contact, words) == (sample.contact, sample.faults)


def test_contact_is_unknown_again_below_the_current_from_which_it_can_be_told() -> None:
    """Good at 20 mA says nothing at 10 mA."""
    hand = Hand().running()
    hand.driver.command(at_ua(10_000), hand.now)
    hand.tell(hand.asks(Command.ML_UPDATE, PERMIT))

    (sample,) = hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT), RUNNING_STATUS)

    assert isinstance(sample, Sample)
    assert sample.contact is Contact.UNKNOWN


def test_a_channel_error_is_followed_by_the_status_at_once() -> None:
    """Whether it still runs must not wait for the next regular poll."""
    hand = Hand().running()
    hand.driver.watch_closely(closely=False)
    while (packet := hand.ask(PERMIT)) is None or packet.command != Command.ML_GET_CURRENT_DATA:
        if packet is not None:
            hand.tell(packet, RUNNING_STATUS)
    hand.tell(packet, b"\x00\x04\x00" + bytes(4))
    told = hand.now

    hand.asks(Command.GET_STIM_STATUS, PERMIT)

    assert told == hand.now


def test_a_halt_is_asked_for_its_cause_before_it_is_told() -> None:
    """Electrode lost and unit defective need different acts; one exchange tells them apart."""
    hand = Hand().running()
    assert hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT), READY_STATUS) == []

    events = hand.tell(hand.asks(Command.ML_GET_CURRENT_DATA, PERMIT), b"\x0a\x04\x00\x01\x00\x00\x00")

    (sample,) = events
    assert isinstance(sample, Sample)
    assert (Output.UNKNOWN, Contact.OPEN) == (sample.output, sample.contact)


def test_levels_that_waited_when_the_unit_halted_are_answered_by_a_fault() -> None:
    """Whoever waits for their acknowledgement must not wait for ever."""
    hand = Hand().running()
    status = hand.asks(Command.GET_STIM_STATUS, PERMIT)
    hand.driver.command(at_ua(20_500), hand.now)
    hand.tell(status, READY_STATUS)
    hand.tell(hand.asks(Command.ML_GET_CURRENT_DATA, PERMIT), b"\x0a\x04\x00\x01\x00\x00\x00")

    assert [Fault.HALTED] == hand.faults()
    for _ in range(4):
        hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT), READY_STATUS)


@pytest.mark.parametrize("how", ["no answer", "no permit", "off"])
def test_a_halt_is_told_when_its_cause_cannot_be_asked(how: str) -> None:
    """The question must not swallow the sample."""
    hand = Hand().running()
    hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT), READY_STATUS)
    if how == "off":
        hand.driver.command(Off(), hand.now)
    if how == "no answer":
        hand.asks(Command.ML_GET_CURRENT_DATA, PERMIT)
    seen = len(hand.events)

    hand.ask(None if how == "no permit" else PERMIT)

    told = hand.events[seen:]
    assert Fault.HALTED in hand.faults()
    assert any(isinstance(event, Sample) and event.output is Output.UNKNOWN for event in told)


@pytest.mark.parametrize("status", [READY_STATUS, RUNNING_STATUS, b"\x00\x01\x06"])
def test_output_begins_from_off_alone(status: bytes) -> None:
    """A unit that is found initialised or running is stopped by a person's act before it is started."""
    hand = Hand().identified()
    hand.tell(hand.asks(Command.GET_STIM_STATUS), status)
    hand.driver.command(at_ua(0), hand.now)

    following = [hand.ask(PERMIT) for _ in range(3)]

    assert Fault.MISMATCH in hand.faults()
    assert not any(packet and packet.command in (Command.ML_INIT, Command.ML_UPDATE) for packet in following)
