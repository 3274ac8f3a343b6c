"""The P24 driver by hand: every answer is written out, so that each rule is seen on the bytes alone."""

import pytest

from devices.drivers.p24 import LAST_WORDS, P24Driver
from devices.model import (
    NS_PER_MS,
    Ack,
    AckOf,
    Fault,
    Identity,
    Levels,
    LinkFault,
    MonoNs,
    Off,
    Output,
    Sample,
    levels,
)
from protocols.inspect import Energize, Unknown
from protocols.sciencemode import Packet
from protocols.sciencemode4 import Command, biphasic, decode, ml_update
from tests.unit.devices.p24_hand import OFF_STATUS, PERMIT, PROFILE, REPLY_NS, RUNNING_STATUS, Hand, at_ua


def test_nothing_but_off_comes_before_the_handshake() -> None:
    """A stop after a lost line must not wait until the unit has told its name."""
    hand = Hand()
    hand.driver.command(Off(), hand.now)

    stop = hand.asks(Command.ML_STOP)

    assert [Ack(at_ns=hand.now, of=AckOf.OFF)] == hand.tell(stop)
    hand.asks(Command.GET_STIM_STATUS)


def test_a_unit_without_a_name_gives_no_samples() -> None:
    """Another unit on the line could confirm an off that the first one never did."""
    hand = Hand()

    assert hand.tell(hand.asks(Command.GET_STIM_STATUS)) == []
    assert hand.tell(hand.asks(Command.GET_DEVICE_ID)) == []
    (identity,) = hand.tell(hand.asks(Command.GET_EXTENDED_VERSION))
    assert isinstance(identity, Identity)
    assert ("P24-000123", "1.2.3 protocol 4.0.0", False) == (
        identity.serial,
        identity.firmware,
        identity.is_simulator,
    )


@pytest.mark.parametrize(
    ("status", "stop"),
    [(1, Command.LL_STOP), (2, Command.ML_STOP), (3, Command.ML_STOP)],
)
def test_a_unit_found_active_is_stopped_first(status: int, stop: Command) -> None:
    """Whatever level is active, it was not us."""
    hand = Hand()
    hand.tell(hand.asks(Command.GET_STIM_STATUS), bytes((0, status, 6)))

    hand.tell(hand.asks(stop))

    hand.asks(Command.GET_DEVICE_ID)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_failed_handshake_begins_anew_after_a_pause(at: int) -> None:
    """A silent line is asked twice a second, not as fast as it can be."""
    hand = Hand()
    for command in (Command.GET_STIM_STATUS, Command.GET_DEVICE_ID)[:at]:
        hand.tell(hand.asks(command))
    hand.ask()
    assert hand.ask() is None
    failed = hand.now

    hand.asks(Command.GET_STIM_STATUS)

    assert [Fault.TIMEOUT] == hand.faults()
    assert hand.now - failed == PROFILE.liveness.idle_poll_ms * NS_PER_MS


@pytest.mark.parametrize(("closely", "interval_ms"), [(True, 100), (False, 500)])
def test_the_status_is_asked_at_the_rate_of_the_profile(closely: bool, interval_ms: int) -> None:
    """Closely in a session and a stop, seldom in between."""
    hand = Hand().identified()
    hand.driver.watch_closely(closely=closely)
    hand.tell(hand.asks(Command.GET_STIM_STATUS))
    asked = hand.now

    hand.asks(Command.GET_STIM_STATUS)

    assert hand.now - asked == interval_ms * NS_PER_MS


@pytest.mark.parametrize("status", range(4))
@pytest.mark.parametrize("high_voltage", range(7))
def test_off_is_not_running_and_high_voltage_off_and_nothing_else(status: int, high_voltage: int) -> None:
    """Unknown is a state; it is never mapped to off."""
    hand = Hand().identified()

    (sample,) = hand.tell(hand.asks(Command.GET_STIM_STATUS), bytes((0, status, high_voltage)))

    expected = Output.ENERGIZED if status == 3 else Output.OFF if high_voltage == 1 else Output.UNKNOWN
    assert isinstance(sample, Sample)
    assert (expected, hand.now) == (sample.output, sample.asked_ns)


def test_the_first_levels_initialise_and_then_update() -> None:
    """High voltage on with *stop on all errors*, then one balanced pulse on channel 1."""
    hand = Hand().identified()
    hand.driver.command(at_ua(20_000), hand.now)

    init = hand.asks(Command.ML_INIT, PERMIT)
    assert init.payload == b"\x01"
    assert hand.tell(init) == []
    update = hand.asks(Command.ML_UPDATE, PERMIT)
    assert update == decode(ml_update(update.number, {1: biphasic(20_000, 100, 10_000, gap_us=100)}))
    assert [Ack(at_ns=hand.now, of=AckOf.LEVELS, levels=at_ua(20_000))] == hand.tell(update)


def test_a_start_waits_for_a_status() -> None:
    """Right after the handshake nothing is known of the output yet: that is asked, and then it begins."""
    hand = Hand()
    for command in (Command.GET_STIM_STATUS, Command.GET_DEVICE_ID, Command.GET_EXTENDED_VERSION):
        hand.tell(hand.asks(command))
    hand.driver.command(at_ua(0), hand.now)

    hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT))

    hand.asks(Command.ML_INIT, PERMIT)


def test_levels_without_a_permit_wait() -> None:
    """Commanded is not permitted."""
    hand = Hand().identified()
    hand.driver.command(at_ua(20_000), hand.now)

    for _ in range(5):
        packet = hand.ask()
        assert packet is None or packet.command == Command.GET_STIM_STATUS
        if packet is not None:
            hand.tell(packet)


@pytest.mark.parametrize("lost", [Command.ML_INIT, Command.ML_UPDATE])
@pytest.mark.parametrize("answer", [None, b"\x02"])
def test_an_energizing_frame_that_failed_is_never_written_again(lost: Command, answer: bytes | None) -> None:
    """Whether it was executed is not known: the next frame asks for the state, and a person's act must follow."""
    hand = Hand().identified()
    hand.driver.command(at_ua(20_000), hand.now)
    if lost is Command.ML_UPDATE:
        hand.tell(hand.asks(Command.ML_INIT, PERMIT))
    packet = hand.asks(lost, PERMIT)
    if answer is not None:
        hand.tell(packet, answer)

    following = []
    for _ in range(8):
        following.append(hand.ask(PERMIT))
        if following[-1] is not None:
            hand.tell(following[-1])

    assert hand.faults()[0] is (Fault.TIMEOUT if answer is None else Fault.REFUSED)
    assert next(each.command for each in following if each) == Command.GET_STIM_STATUS
    assert not any(each and each.command in (Command.ML_INIT, Command.ML_UPDATE) for each in following)


def test_an_abandoned_update_is_never_written_again() -> None:
    """Given up for a stop is given up."""
    hand = Hand().identified()
    hand.driver.command(at_ua(20_000), hand.now)
    hand.asks(Command.ML_INIT, PERMIT)
    hand.driver.abandon(hand.now)

    for _ in range(4):
        hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT))


def test_levels_of_before_a_new_handshake_are_forgotten() -> None:
    """The line was away: whoever is there now starts from off, by a person's act."""
    hand = Hand().identified()
    hand.driver.command(at_ua(20_000), hand.now)
    hand.driver.identify()
    for command in (Command.GET_STIM_STATUS, Command.GET_DEVICE_ID, Command.GET_EXTENDED_VERSION):
        hand.tell(hand.asks(command, PERMIT))

    for _ in range(4):
        hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT))


@pytest.mark.parametrize(
    "target",
    [
        at_ua(250),
        at_ua(-500),
        at_ua(150_500),
        levels({"current_ua": 20_000, "pulse_width_us": 100}),
        levels({"current_ua": 20_000, "pulse_width_us": 100, "period_us": 10_100}),
        levels({"current_ua": 20_000, "pulse_width_us": 100, "period_us": 0}),
        levels({"current_ua": 20_000, "pulse_width_us": 0, "period_us": 10_000}),
        levels({"current_ua": 20_000, "pulse_width_us": 100, "period_us": 10_000, "carrier_hz": 4_000}),
        levels({"current_ua": 20_000, "pulse_width_us": 5_000, "period_us": 20_000}),
    ],
)
def test_levels_that_the_unit_cannot_do_are_refused_and_not_rounded(target: Levels) -> None:
    """They become an event, not a frame and not an exception."""
    hand = Hand().identified()
    hand.driver.command(target, hand.now)

    following = [hand.ask(PERMIT) for _ in range(3)]

    assert [Fault.REFUSED] == hand.faults()[:1]
    assert not any(packet and packet.command in (Command.ML_INIT, Command.ML_UPDATE) for packet in following)


def test_levels_do_not_overtake_an_off_that_is_not_acknowledged() -> None:
    """Off is repeated until it is heard; what comes after it waits for a new command."""
    hand = Hand().running()
    hand.driver.command(Off(), hand.now)
    hand.driver.command(at_ua(20_000), hand.now)

    hand.tell(hand.asks(Command.ML_STOP, PERMIT))

    assert [Fault.REFUSED] == hand.faults()
    for _ in range(4):
        hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT))


def test_off_cancels_levels_that_wait() -> None:
    """One target; Off wins."""
    hand = Hand().identified()
    hand.driver.command(at_ua(20_000), hand.now)
    hand.driver.command(Off(), hand.now)

    hand.tell(hand.asks(Command.ML_STOP, PERMIT))

    for _ in range(4):
        hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT))


def test_a_refused_off_is_repeated_after_the_reply_time_and_nothing_feeds_in_between() -> None:
    """The permit may be live still: a driver that wants off asks for the status alone."""
    hand = Hand().running()
    hand.now = MonoNs(hand.now + 600 * NS_PER_MS)  # status and lease are both overdue
    hand.driver.command(Off(), hand.now)
    refused = hand.now
    hand.tell(hand.asks(Command.ML_STOP, PERMIT), b"\x15")

    hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT), RUNNING_STATUS)
    assert (refused, b"") == (hand.now, hand.driver.poll(hand.now, PERMIT)[0])
    hand.asks(Command.ML_STOP, PERMIT)
    assert hand.now - refused == REPLY_NS


def test_the_proof_of_off_is_asked_at_once() -> None:
    """The stop time is short; the next regular poll may be far."""
    hand = Hand().running()
    hand.driver.watch_closely(closely=False)
    hand.tell(hand.asks(Command.GET_STIM_STATUS, PERMIT), RUNNING_STATUS)
    hand.driver.command(Off(), hand.now)
    hand.tell(hand.asks(Command.ML_STOP))
    acked = hand.now

    hand.asks(Command.GET_STIM_STATUS)

    assert acked == hand.now


@pytest.mark.parametrize("feeds", [Command.ML_GET_CURRENT_DATA, Command.ML_UPDATE])
def test_the_lease_is_counted_from_the_writing_of_the_frame_that_was_answered(feeds: Command) -> None:
    """Not from its answer, and not from one that may have been lost: the unit's clock may have begun earlier."""
    hand = Hand().running()
    if feeds is Command.ML_UPDATE:
        hand.driver.command(at_ua(20_000), hand.now)
    while (fed := hand.ask(PERMIT)) is None or fed.command != feeds:
        if fed is not None:
            hand.tell(fed, RUNNING_STATUS)
    fed_ns = hand.now
    hand.now = MonoNs(hand.now + 90 * NS_PER_MS)
    hand.tell(fed)
    hand.now = MonoNs(fed_ns + PROFILE.liveness.lease_ms * NS_PER_MS)
    hand.driver.command(at_ua(20_500), hand.now)

    hand.asks(Command.GET_STIM_STATUS, PERMIT)


def test_half_an_answer_does_not_spoil_the_next_one() -> None:
    """Two bytes, then silence: what follows the timeout is read from its own beginning."""
    hand = Hand().identified()
    hand.asks(Command.GET_STIM_STATUS)
    hand.driver.feed(b"\xf0\x81", hand.now)

    (sample,) = hand.tell(hand.asks(Command.GET_STIM_STATUS))

    assert isinstance(sample, Sample)
    assert [Fault.TIMEOUT, Fault.CORRUPT] == hand.faults()


def test_off_is_written_at_once_when_the_answer_under_way_is_given_up() -> None:
    """A dead unit's reply time is not a stop's."""
    hand = Hand().running()
    pending = hand.asks(Command.GET_STIM_STATUS, PERMIT)
    hand.driver.command(Off(), hand.now)
    hand.driver.abandon(hand.now)

    stop, _ = hand.driver.poll(hand.now, PERMIT)

    assert decode(stop).command == Command.ML_STOP
    hand.tell(pending, RUNNING_STATUS)
    assert [Fault.LATE] == hand.faults()


@pytest.mark.parametrize(("result", "is_acked"), [(0, True), (7, True), (2, False), (21, False)])
def test_a_stop_that_finds_nothing_to_stop_is_heard_all_the_same(result: int, is_acked: bool) -> None:
    """Result 7 is *not initialised*; the status says whether that is off. Anything else is repeated."""
    hand = Hand().identified()
    hand.driver.command(Off(), hand.now)

    events = hand.tell(hand.asks(Command.ML_STOP), bytes((result,)))

    assert is_acked == isinstance(events[0], Ack)
    following = [packet.command for packet in (hand.ask() for _ in range(6)) if packet]
    assert is_acked != (Command.ML_STOP in following)


@pytest.mark.parametrize(("after_ns", "is_believed"), [(REPLY_NS - 1, True), (REPLY_NS, False), (REPLY_NS + 1, False)])
def test_an_answer_is_believed_only_within_the_reply_time(after_ns: int, is_believed: bool) -> None:
    """Late is late, also when nobody has polled in between."""
    hand = Hand().identified()
    packet = hand.asks(Command.GET_STIM_STATUS)
    hand.now = MonoNs(hand.now + after_ns)

    events = hand.tell(packet)

    assert is_believed == isinstance(events[0], Sample)
    assert is_believed or [Fault.TIMEOUT, Fault.LATE] == hand.faults()


@pytest.mark.parametrize(
    ("shift", "command", "payload", "fault"),
    [
        (1, 63, OFF_STATUS, Fault.FOREIGN),
        (0, 35, b"\x00", Fault.FOREIGN),
        (0, 62, b"", Fault.FOREIGN),
        (0, 66, b"\x02", Fault.REFUSED),
        (0, 67, b"\x0b", Fault.REFUSED),
        (1, 66, b"\x02", Fault.REFUSED),
        (0, 63, b"\x15\x00\x01", Fault.REFUSED),
        (0, 63, b"\x00\x04\x01", Fault.MALFORMED),
        (0, 63, b"", Fault.MALFORMED),
    ],
)
def test_what_is_not_the_good_answer_is_named_and_not_believed(
    shift: int, command: int, payload: bytes, fault: Fault
) -> None:
    """Packet number, command, result and content must all be right."""
    hand = Hand().identified()
    packet = hand.asks(Command.GET_STIM_STATUS)

    hand.tell(Packet(packet.command, (packet.number + shift) % 64), payload, command=command)

    assert [fault] == hand.faults()
    assert sum(isinstance(event, Sample) for event in hand.events) == 1  # the handshake's


def test_an_error_that_the_unit_tells_of_its_own_accord_ends_no_request() -> None:
    """An unasked General_error before the answer: both are heard."""
    hand = Hand().identified()
    packet = hand.asks(Command.GET_STIM_STATUS)
    hand.tell(Packet(packet.command, (packet.number + 7) % 64), b"\x08", command=66)

    (sample,) = hand.tell(packet)

    assert isinstance(sample, Sample)
    assert [Fault.REFUSED] == hand.faults()


def test_the_same_answer_twice_is_believed_once() -> None:
    """The second one answers nothing any more."""
    hand = Hand().identified()
    packet = hand.asks(Command.GET_STIM_STATUS)
    hand.tell(packet)

    (event,) = hand.tell(packet, RUNNING_STATUS)

    assert isinstance(event, LinkFault)
    assert event.fault is Fault.LATE


def test_packet_numbers_count_to_63_and_begin_again() -> None:
    """Six bits, each request its own."""
    hand = Hand().identified()
    first = hand.asks(Command.GET_STIM_STATUS)
    hand.tell(first)
    numbers = []
    for _ in range(64):
        packet = hand.asks(Command.GET_STIM_STATUS)
        numbers.append(packet.number)
        hand.tell(packet)

    assert [(first.number + step) % 64 for step in range(1, 65)] == numbers


def test_more_channels_than_the_profile_drives_are_unknown_to_the_gate() -> None:
    """The profile says one channel; a second one would be nobody's prescription."""
    pattern = biphasic(20_000, 100, 10_000, gap_us=100)
    driver = P24Driver(PROFILE)

    assert isinstance(driver.inspect(ml_update(0, {1: pattern})), Energize)
    assert isinstance(driver.inspect(ml_update(0, {1: pattern, 2: pattern})), Unknown)


def test_last_words_are_stops_and_nothing_else() -> None:
    """Fixed bytes, the same from every driver at every time."""
    words = P24Driver(PROFILE).last_words()

    assert words == Hand().running().driver.last_words()
    size = len(words) // LAST_WORDS
    assert {Command.ML_STOP} == {decode(words[at : at + size]).command for at in range(0, len(words), size)}


def test_text_from_the_unit_is_made_safe_to_show() -> None:
    """A serial number can carry a terminal's control characters."""
    hand = Hand()
    hand.tell(hand.asks(Command.GET_STIM_STATUS))
    hand.tell(hand.asks(Command.GET_DEVICE_ID), b"\x00\x1b[31mSIM\x07\x9b")

    (identity,) = hand.tell(hand.asks(Command.GET_EXTENDED_VERSION))

    assert isinstance(identity, Identity)
    assert identity.serial == "\ufffd[31mSIM\ufffd\ufffd"
    assert not identity.is_simulator
