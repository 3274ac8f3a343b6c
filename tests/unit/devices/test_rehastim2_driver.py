"""The RehaStim 2 driver by hand: every answer is written out, so that each rule is seen on the bytes alone."""

import pytest

from devices.model import (
    NS_PER_MS,
    Ack,
    AckOf,
    Contact,
    Fault,
    Identity,
    Levels,
    LinkFault,
    MonoNs,
    Output,
    Sample,
)
from devices.model import levels as levels_of
from protocols.sciencemode import Packet
from protocols.sciencemode2 import Command, Pulse, decode, init_list, start_list
from tests.unit.devices.rehastim2_hand import (
    GET,
    GO,
    HALT,
    LEASE_NS,
    LIST,
    MODE_INITIALIZED,
    MODE_START,
    MODE_STARTED,
    PERMIT,
    REPLY_NS,
    SILENCE_NS,
    START,
    Hand,
    at_ua,
)

MS = NS_PER_MS

# Who is there


def test_an_init_is_the_identity_and_the_first_sample() -> None:
    """All that the protocol tells of the unit is its version; that it says Init is that nothing runs."""
    hand = Hand()

    identity, sample = hand.init(3)

    assert isinstance(identity, Identity)
    assert ("hasomed-rehastim2", "", "ScienceMode2 version 1", False) == (
        identity.model,
        identity.serial,
        identity.firmware,
        identity.is_simulator,
    )
    assert Sample(at_ns=START, asked_ns=START, output=Output.OFF) == sample


def test_another_version_is_another_model_and_is_never_accepted() -> None:
    """What a later protocol does with our frames nobody has read."""
    hand = Hand()
    hand.driver.command(at_ua(0), hand.now)

    identity = hand.init(version=2)[0]

    assert isinstance(identity, Identity)
    assert identity.model == "ScienceMode2 version 2"
    assert hand.ask(PERMIT) is None


def test_a_version_that_changes_is_told_as_another_identity() -> None:
    """Whoever compares identities sees that the unit was exchanged or updated."""
    hand = Hand()
    hand.init()
    hand.now = MonoNs(hand.now + 500 * MS)

    assert isinstance(hand.init(number=1, version=2)[0], Identity)


def test_the_handshake_is_silence() -> None:
    """Nothing is written: whatever ran before is ended by the watchdog that nobody feeds."""
    hand = Hand()
    hand.now = MonoNs(START + SILENCE_NS - 1)

    assert hand.ask() is None
    assert hand.ask(PERMIT) is None


def test_a_unit_that_stays_silent_is_stopped_and_asked_again() -> None:
    """A watchdog that does not act leaves something running that never says Init; a stop harms nobody."""
    hand = Hand()
    moments = []
    for _ in range(3):
        hand.asks(HALT)
        moments.append(hand.now)
        assert hand.wait() is None  # the reply time is over

    assert [START + SILENCE_NS * count for count in (1, 2, 3)] == moments
    assert [Fault.TIMEOUT] * 3 == hand.faults()


def test_inits_are_samples_without_a_permit() -> None:
    """Nothing is asked while nothing is permitted, and still the unit's state is known twice a second."""
    hand = Hand()
    for number in range(4):
        hand.init(number)
        assert hand.ask() is None
        hand.now = MonoNs(hand.now + 500 * MS)

    assert [Output.OFF] * 4 == [sample.output for sample in hand.samples()]


@pytest.mark.parametrize(("after_ms", "is_believed"), [(0, False), (249, False), (250, True)])
def test_an_init_that_came_twice_is_believed_once(after_ms: int, is_believed: bool) -> None:
    """Two samples confirm an off: one frame that the line has doubled must not count as two."""
    hand = Hand()
    hand.init(0)
    hand.now = MonoNs(hand.now + after_ms * MS)

    (event,) = hand.init(0)

    assert is_believed == isinstance(event, Sample)
    assert ([] if is_believed else [Fault.LATE]) == hand.faults()


# How output begins


def test_the_way_from_init_to_output() -> None:
    """Accept with the Init's own number, ask the mode, choose channel and interval, start."""
    hand = Hand()
    hand.init(7)
    hand.driver.command(at_ua(20_000), hand.now)

    assert Packet(2, 7, b"\x00") == hand.asks(Command.INIT_ACK, PERMIT)
    hand.tell(hand.asks(GET, PERMIT), MODE_START)
    chosen = hand.asks(LIST, PERMIT)
    assert decode(init_list(chosen.number, (1,), 10_000)) == chosen
    assert hand.tell(chosen) == []
    started = hand.asks(GO, PERMIT)
    assert decode(start_list(started.number, (Pulse(20_000, 100),))) == started
    assert [Ack(at_ns=hand.now, of=AckOf.LEVELS, levels=at_ua(20_000))] == hand.tell(started)
    assert START == hand.now
    hand.tell(hand.asks(GET, PERMIT), MODE_STARTED)
    assert (
        Sample(at_ns=hand.now, asked_ns=hand.now, output=Output.ENERGIZED, contact=Contact.GOOD) == hand.samples()[-1]
    )


def test_nothing_energizes_or_feeds_without_a_permit() -> None:
    """Not even the acceptance of an Init: from there on the watchdog would run for nobody."""
    hand = Hand()
    hand.init()
    hand.driver.command(at_ua(0), hand.now)

    assert hand.ask() is None


@pytest.mark.parametrize(("age_ms", "is_accepted"), [(249, True), (250, False)])
def test_an_old_init_is_not_accepted(age_ms: int, is_accepted: bool) -> None:
    """The next one could be on its way, with another number: the two would cross and nothing would start."""
    hand = Hand()
    hand.init()
    hand.now = MonoNs(hand.now + age_ms * MS)
    hand.driver.command(at_ua(0), hand.now)

    assert is_accepted == (hand.ask(PERMIT) is not None)
    hand.now = MonoNs(START + 500 * MS)
    hand.init(1)
    assert Packet(2, 1, b"\x00") == hand.ask(PERMIT)


@pytest.mark.parametrize("mode", [MODE_INITIALIZED, MODE_STARTED])
def test_output_begins_from_mode_start_alone(mode: bytes) -> None:
    """A unit that is in another mode right after its Init was accepted is not what it says."""
    hand = Hand()
    hand.init()
    hand.driver.command(at_ua(0), hand.now)
    hand.asks(Command.INIT_ACK, PERMIT)
    hand.tell(hand.asks(GET, PERMIT), mode)

    assert hand.wait(PERMIT) is None
    assert [Fault.MISMATCH] == hand.faults()


@pytest.mark.parametrize(("mode", "output"), [(0, Output.OFF), (1, Output.UNKNOWN), (2, Output.ENERGIZED)])
def test_modes_become_outputs(mode: int, output: Output) -> None:
    """Initialised is neither: unknown is a state, and never mapped to off."""
    hand = Hand()
    hand.init()
    hand.driver.command(at_ua(0), hand.now)
    hand.asks(Command.INIT_ACK, PERMIT)

    (sample,) = hand.tell(hand.asks(GET, PERMIT), bytes((0, mode)))

    assert isinstance(sample, Sample)
    assert output is sample.output


def test_levels_that_change_before_the_start_choose_their_interval_anew() -> None:
    """A list that was initialised for another interval would run at that one."""
    hand = Hand().accepted()
    hand.tell(hand.asks(LIST, PERMIT))
    hand.driver.command(at_ua(0, period_us=20_000), hand.now)

    again = hand.asks(LIST, PERMIT)

    assert decode(init_list(again.number, (1,), 20_000)) == again


@pytest.mark.parametrize(
    "wanted",
    [
        at_ua(500),
        at_ua(131_000),
        at_ua(-1_000),
        at_ua(1_000, period_us=7_500),
        at_ua(1_000, period_us=10_250),
        levels_of({"current_ua": 1_000, "period_us": 10_000}),
        levels_of({"current_ua": 1_000, "period_us": 10_000, "pulse_width_us": 501}),
        levels_of({"current_ua": 1_000, "period_us": 10_000, "pulse_width_us": 19}),
        levels_of({"force_n": 1, "current_ua": 1_000, "period_us": 10_000, "pulse_width_us": 100}),
    ],
)
def test_levels_that_the_unit_cannot_be_told_are_refused(wanted: Levels) -> None:
    """Off the grid, out of range, incomplete, or of another modality: nothing is rounded."""
    hand = Hand()
    hand.init()
    hand.driver.command(wanted, hand.now)

    assert hand.ask(PERMIT) is None
    assert [Fault.REFUSED] == hand.faults()


def test_the_interval_of_what_runs_cannot_be_changed() -> None:
    """The unit takes a new channel list from off alone; the old interval stays in force."""
    hand = Hand().running()
    hand.driver.command(at_ua(20_000, period_us=20_000), hand.now)

    hand.ask(PERMIT)

    assert [Fault.REFUSED] == hand.faults()


def test_new_levels_are_one_start_frame() -> None:
    """What runs is changed in place, without a new list and without a gap."""
    hand = Hand().running()
    hand.driver.command(at_ua(21_000), hand.now)

    packet = hand.asks(GO, PERMIT)

    assert decode(start_list(packet.number, (Pulse(21_000, 100),))) == packet
    assert [Ack(at_ns=hand.now, of=AckOf.LEVELS, levels=at_ua(21_000))] == hand.tell(packet)


@pytest.mark.parametrize("command", [LIST, GO])
@pytest.mark.parametrize("how", ["no answer", "refused", "given up"])
def test_a_frame_that_energizes_is_never_written_again(command: Command, how: str) -> None:
    """Whether it acts is not known: the mode is asked, and a person begins anew."""
    hand = Hand().accepted()
    packet = hand.asks(LIST, PERMIT)
    if command is GO:
        hand.tell(packet)
        packet = hand.asks(GO, PERMIT)
    match how:
        case "refused":
            hand.tell(packet, b"\xf8")
        case "given up":
            hand.driver.abandon(hand.now)
        case _:
            hand.now = MonoNs(hand.now + REPLY_NS)

    following = [hand.wait(PERMIT) for _ in range(4)]

    assert {LIST, GO}.isdisjoint(packet.command for packet in following if packet is not None)


# While it runs


@pytest.mark.parametrize(("closely", "interval_ms"), [(True, 100), (False, 400)])
def test_the_mode_is_asked_at_the_rate_of_the_profile(closely: bool, interval_ms: int) -> None:
    """Closely in a session; never so seldom that fewer than three fit into the watchdog's time."""
    hand = Hand().running()
    hand.driver.watch_closely(closely=closely)
    hand.tell(hand.asks(GET, PERMIT), MODE_STARTED)
    asked = hand.now

    hand.asks(GET, PERMIT)

    assert hand.now - asked == interval_ms * MS


@pytest.mark.parametrize(("current_ua", "contact"), [(0, Contact.UNKNOWN), (1_000, Contact.GOOD)])
def test_contact_is_known_while_pulses_pass_the_skin_check(current_ua: int, contact: Contact) -> None:
    """Without pulses there is no check, and *not checked* is not *good*."""
    assert contact is Hand().running(current_ua).samples()[-1].contact


@pytest.mark.parametrize(("after_ns", "fault"), [(LEASE_NS - 1, Fault.REBOOTED), (LEASE_NS, Fault.HALTED)])
def test_an_init_while_it_should_run_is_a_stop_of_its_own(after_ns: int, fault: Fault) -> None:
    """Told before the sample, so that the chart has the reason; a watchdog needs its time, a restart does not."""
    hand = Hand().running()
    hand.driver.command(at_ua(21_000), hand.now)
    hand.now = MonoNs(hand.now + after_ns)

    told, sample = hand.init(9)

    assert isinstance(told, LinkFault)
    assert fault is told.fault
    assert Sample(at_ns=hand.now, asked_ns=hand.now, output=Output.OFF) == sample
    assert hand.ask(PERMIT) is None


@pytest.mark.parametrize("mode", [MODE_START, MODE_INITIALIZED])
def test_another_mode_while_it_should_run_is_a_stop_of_its_own(mode: bytes) -> None:
    """The target is dropped: nothing restarts by itself."""
    hand = Hand().running()

    sample, told = hand.tell(hand.asks(GET, PERMIT), mode)

    assert isinstance(sample, Sample)
    assert isinstance(told, LinkFault)
    assert Fault.HALTED is told.fault
    assert hand.ask(PERMIT) is None


@pytest.mark.parametrize(
    ("error", "output", "contact", "word", "faults"),
    [
        (b"\xff", Output.OFF, Contact.UNKNOWN, "emergency switch", [Fault.HALTED]),
        (b"\xfe", Output.OFF, Contact.OPEN, "electrode error", []),
        (b"\xfd", Output.UNKNOWN, Contact.UNKNOWN, "stimulation module error", [Fault.HALTED]),
    ],
)
def test_stimulation_errors_say_why_it_stopped(
    error: bytes, output: Output, contact: Contact, word: str, faults: list[Fault]
) -> None:
    """A lost electrode is people's to deal with; what a broken module puts out nobody knows."""
    hand = Hand().running()

    sample = hand.says(38, error)[0]

    assert Sample(at_ns=hand.now, asked_ns=hand.now, output=output, contact=contact, faults=(word,)) == sample
    assert faults == hand.faults()
    assert hand.ask(PERMIT) is None


def test_levels_that_waited_when_an_electrode_was_lost_are_answered_by_a_fault() -> None:
    """Whoever waits for their acknowledgement must not wait for ever."""
    hand = Hand().running()
    hand.driver.command(at_ua(21_000), hand.now)
    hand.asks(GO, PERMIT)

    hand.says(38, b"\xfe")

    assert [Fault.HALTED] == hand.faults()


def test_a_module_error_of_an_idle_unit_is_a_sample() -> None:
    """It comes in the place of Init; an off that waits for confirmation must not take it for one."""
    hand = Hand()
    hand.init()
    hand.says(38, b"\xfd")

    assert Output.UNKNOWN is hand.samples()[-1].output
