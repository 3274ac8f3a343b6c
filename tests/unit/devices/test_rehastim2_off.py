"""How the RehaStim 2 driver stops the unit, and what it believes; every answer is written out by the test."""

import itertools

import pytest

from devices.drivers.rehastim2 import BURST, Rehastim2Driver
from devices.model import (
    NS_PER_MS,
    Ack,
    AckOf,
    Fault,
    LinkFault,
    MonoNs,
    Off,
    Output,
    Sample,
)
from protocols.inspect import Energize, Unknown
from protocols.sciencemode2 import Pulse, decode, init_list, start_list
from tests.unit.devices.rehastim2_hand import (
    GET,
    HALT,
    LEASE_NS,
    MODE_START,
    MODE_STARTED,
    PERMIT,
    PROFILE,
    REPLY_NS,
    SILENCE_NS,
    START,
    Hand,
    at_ua,
)

MS = NS_PER_MS


# Off


def test_off_is_written_before_anything_else_and_acknowledged() -> None:
    """Also before the unit has said who it is."""
    hand = Hand()
    hand.driver.command(Off(), hand.now)

    assert [Ack(at_ns=START, of=AckOf.OFF)] == hand.tell(hand.asks(HALT))
    assert START == hand.now


def test_after_off_nothing_is_asked_until_the_watchdog_has_reset_the_unit() -> None:
    """Each question would feed it, permit or not. The Inits that follow are the proof."""
    hand = Hand().running()
    hand.driver.command(Off(), hand.now)
    hand.tell(hand.asks(HALT, PERMIT))
    hand.now = MonoNs(hand.now + LEASE_NS)

    assert hand.ask(PERMIT) is None
    assert [Sample(at_ns=hand.now, asked_ns=hand.now, output=Output.OFF)] == hand.init(1)


def test_off_comes_in_bursts_with_a_silence_between() -> None:
    """Three stops, one reply time apart; then longer than the watchdog needs; then three more."""
    hand = Hand().running()
    hand.driver.command(Off(), hand.now)
    moments: list[MonoNs] = []
    while len(moments) < 2 * BURST:
        packet = hand.wait(PERMIT)
        if packet is not None:
            assert HALT == packet.command
            moments.append(hand.now)

    gaps = [later - at for at, later in itertools.pairwise(moments)]
    assert [REPLY_NS, REPLY_NS, SILENCE_NS, REPLY_NS, REPLY_NS] == gaps


def test_stops_without_end_do_not_feed_the_unit_without_end() -> None:
    """Somebody holds the stop key, and the unit ignores it: its watchdog must get its time all the same."""
    hand = Hand().running()
    last = hand.now
    for _ in range(100):
        hand.driver.command(Off(), hand.now)
        packet = hand.ask()
        if packet is not None:
            last = hand.now
            hand.tell(packet)
        hand.now = MonoNs(hand.now + 10 * MS)

    assert hand.now - last >= 900 * MS


def test_an_init_after_a_stop_acknowledges_it() -> None:
    """A unit that waits to be accepted may leave a stop unanswered; that it waits says more than an answer."""
    hand = Hand()
    hand.init(0)
    hand.now = MonoNs(hand.now + 400 * MS)
    hand.driver.command(Off(), hand.now)
    hand.asks(HALT)
    hand.now = MonoNs(START + 500 * MS)

    assert [
        Ack(at_ns=hand.now, of=AckOf.OFF),
        Sample(at_ns=hand.now, asked_ns=hand.now, output=Output.OFF),
    ] == hand.init(1)
    assert not hand.driver.is_waiting()


def test_an_init_before_the_stop_was_written_acknowledges_nothing() -> None:
    """It was on its way already when off was wanted."""
    hand = Hand()
    hand.driver.command(Off(), hand.now)
    hand.init()

    assert not any(isinstance(event, Ack) for event in hand.events)
    hand.asks(HALT)


def test_levels_after_an_off_that_is_not_acknowledged_are_refused() -> None:
    """Off first, whatever else is wanted."""
    hand = Hand()
    hand.init()
    hand.driver.command(Off(), hand.now)
    hand.driver.command(at_ua(0), hand.now)

    hand.asks(HALT, PERMIT)

    assert [Fault.REFUSED] == hand.faults()


def test_off_cancels_levels_that_wait() -> None:
    """What a person wanted before the stop is not wanted after it."""
    hand = Hand().accepted()
    hand.driver.command(Off(), hand.now)
    hand.tell(hand.asks(HALT, PERMIT))
    hand.now = MonoNs(hand.now + LEASE_NS)
    hand.init(1)

    assert hand.ask(PERMIT) is None


# What is believed


@pytest.mark.parametrize(
    ("shift", "command", "payload", "fault"),
    [
        (1, 11, MODE_STARTED, Fault.FOREIGN),
        (0, 35, b"\x00", Fault.FOREIGN),
        (0, 60, bytes(6), Fault.FOREIGN),
        (0, 3, b"\x0a", Fault.REFUSED),
        (0, 11, b"\xff", Fault.REFUSED),
        (0, 11, b"\xf8", Fault.REFUSED),
        (0, 11, b"\x00\x03", Fault.MALFORMED),
        (0, 11, b"", Fault.MALFORMED),
    ],
)
def test_what_is_not_the_good_answer_is_named_and_not_believed(
    shift: int, command: int, payload: bytes, fault: Fault
) -> None:
    """Packet number, command, result and content must all be right."""
    hand = Hand().running()
    seen = len(hand.samples())
    packet = hand.asks(GET, PERMIT)

    hand.says(command, payload, packet.number + shift)

    assert [fault] == hand.faults()
    assert seen == len(hand.samples())


def test_an_answer_after_its_time_is_a_timeout_and_then_late() -> None:
    """The time decides, not the order of arrival."""
    hand = Hand().running()
    packet = hand.asks(GET, PERMIT)
    hand.now = MonoNs(hand.now + REPLY_NS)

    hand.tell(packet, MODE_STARTED)

    assert [Fault.TIMEOUT, Fault.LATE] == hand.faults()


def test_the_same_answer_twice_is_believed_once() -> None:
    """The second one answers nothing any more."""
    hand = Hand().running()
    packet = hand.asks(GET, PERMIT)
    hand.tell(packet, MODE_STARTED)

    (event,) = hand.tell(packet, MODE_START)

    assert isinstance(event, LinkFault)
    assert event.fault is Fault.LATE


def test_nonsense_of_the_units_own_is_named() -> None:
    """A stimulation error that the document does not know moves nothing."""
    hand = Hand().running()

    (event,) = hand.says(38, b"\x01")

    assert isinstance(event, LinkFault)
    assert event.fault is Fault.MALFORMED


def test_more_channels_than_the_profile_drives_are_unknown_to_the_gate() -> None:
    """The profile says one channel; a second one would be nobody's prescription."""
    driver = Rehastim2Driver(PROFILE)

    assert isinstance(driver.inspect(init_list(0, (1,), 20_000)), Energize)
    assert isinstance(driver.inspect(init_list(0, (1, 2), 20_000)), Unknown)
    assert isinstance(driver.inspect(start_list(0, (Pulse(0, 100),) * 2)), Unknown)


def test_last_words_are_stops_and_nothing_else() -> None:
    """Fixed bytes, the same from every driver at every time."""
    words = Rehastim2Driver(PROFILE).last_words()

    assert words == Hand().running().driver.last_words()
    size = len(words) // BURST
    assert {HALT} == {decode(words[at : at + size]).command for at in range(0, len(words), size)}


def test_an_error_told_after_off_is_a_fault_and_no_sample() -> None:
    """It was on its way when off was acknowledged; what proves off is the Init."""
    hand = Hand().running()
    hand.driver.command(Off(), hand.now)
    hand.tell(hand.asks(HALT))
    seen = len(hand.samples())

    hand.says(38, b"\xfe")

    assert [Fault.HALTED] == hand.faults()
    assert seen == len(hand.samples())
