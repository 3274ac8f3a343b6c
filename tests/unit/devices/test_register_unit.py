"""The driver of register maps, byte by byte, against a unit that the test plays."""

import itertools

import msgspec
import pytest

from devices import profile
from devices.drivers.register_unit import LOOK_AGAIN_NS, OFF_PATIENCE_NS, RegisterUnitDriver
from devices.model import (
    NS_PER_MS,
    AccessorySeen,
    Ack,
    AckOf,
    Contact,
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
from protocols.errors import LocalProtocolError
from protocols.inspect import Config, Energize, Query
from protocols.inspect import Off as OffFrame
from protocols.modbus_crc import with_crc
from tests.unit.devices.register_talk import MADE_UP, TARGET, TEXT, Talk


def test_identity_comes_first_and_then_both_tables() -> None:
    """One block a table; the sample carries the moment of the older of its two questions."""
    talk = Talk()
    identity, status, force = talk.turn(), talk.turn(), b""
    asked_ns = talk.now_ns
    force = talk.turn()
    (who, sample, cell) = talk.events
    assert AccessorySeen(at_ns=sample.at_ns, serial="7") == cell

    assert bytes.fromhex("0103 0000 0002") == identity[:6]
    assert bytes.fromhex("0103 000a 0003") == status[:6]
    assert bytes.fromhex("0104 0005 0001") == force[:6]
    assert isinstance(who, Identity)
    assert ("made-up", "33", False) == (who.model, who.serial, who.is_simulator)
    assert isinstance(sample, Sample)
    assert asked_ns == sample.asked_ns
    assert sample.at_ns > sample.asked_ns
    assert (Output.OFF, Contact.GOOD, 0) == (sample.output, sample.contact, sample.get("force_n"))


def test_another_model_is_told_by_its_own_numbers() -> None:
    """A code that the map does not name is shown as it is, never as ours."""
    talk = Talk()
    talk.say(b"")
    frame = talk.asked()
    talk.say(with_crc(frame[:2] + bytes.fromhex("04 0005 0021")))
    (who,) = talk.events

    assert isinstance(who, Identity)
    assert "made-up" != who.model
    assert "5" in who.model


@pytest.mark.parametrize(
    ("status", "force", "output"),
    [
        (0, 0, Output.OFF),
        (0, 3, Output.UNKNOWN),
        (0, 0xFFFF, Output.UNKNOWN),
        (1, 0, Output.ENERGIZED),
        (2, 3, Output.ENERGIZED),
        (3, 0, Output.SUSPENDED),
        (4, 0, Output.UNKNOWN),
        (9, 0, Output.UNKNOWN),
    ],
)
def test_off_needs_every_proof(status: int, force: int, output: Output) -> None:
    """What contradicts itself, has no word or no value is UNKNOWN and never off."""
    talk = Talk()
    talk.status, talk.force = status, force

    assert output is talk.sample().output


def test_a_proof_that_was_not_read_proves_nothing() -> None:
    """A profile whose proof is not among the polled registers never shows off."""
    text = TEXT.replace('name = "force"\naddress = 5', 'name = "force"\naddress = 5\nunit = "N"').replace(
        "sentinel = 0xFFFF\npoll = true", "sentinel = 0xFFFF"
    )
    talk = Talk(profile.parse(text.encode(), "unpolled.toml"))

    assert Output.UNKNOWN is talk.sample().output


def test_a_reading_that_began_before_switching_on_is_no_fall() -> None:
    """Its status was asked for while the unit was still off; nobody went off by himself."""
    talk = Talk().identified()
    talk.permit = 1
    status = talk.turn()
    talk.driver.command(TARGET, talk.now_ns)
    kinds = [talk.driver.inspect(talk.turn()) for _ in range(6)]
    talk.driver.command(levels({"force_n": 51, "duty_permille": 20}), talk.now_ns)
    kinds += [talk.driver.inspect(talk.turn()) for _ in range(3)]

    assert bytes.fromhex("0103 000a 0003") == status[:6]
    assert Energize(((("force_n", 51),),)) in kinds
    assert [] == talk.faults()


def test_levels_are_written_in_the_profiles_order_and_then_acknowledged() -> None:
    """Lease, level, setting, timer, then the switches that the order does not name; one acknowledgement at the end."""
    talk = Talk().identified()
    talk.permit = 6
    talk.driver.command(TARGET, talk.now_ns, 90_500)
    frames = [talk.turn() for _ in range(6)]
    kinds = [talk.driver.inspect(frame) for frame in frames]

    assert [
        Config(values=(("permit", 6),), feeds_lease=True),
        Energize(((("force_n", 50),),)),
        Energize(((("duty_permille", 20),),)),
        Config(values=(("timer_ms", 91_000),)),
        Energize(((),)),
        Energize(((),)),
    ] == kinds
    assert [Ack(at_ns=talk.now_ns, of=AckOf.LEVELS, levels=TARGET)] == talk.events


def test_the_same_levels_again_are_in_force_already() -> None:
    """Nothing to write is an acknowledgement too: the engine waits for one."""
    talk = Talk().identified().energized()
    talk.driver.command(TARGET, talk.now_ns)

    talk.polled()

    assert [Ack(at_ns=talk.now_ns, of=AckOf.LEVELS, levels=TARGET)] == talk.events


def test_a_newer_target_replaces_the_one_under_way() -> None:
    """At most one target is pending; what was already written is not written twice."""
    talk = Talk().identified()
    talk.permit = 1
    talk.driver.command(TARGET, talk.now_ns)
    talk.turn()
    talk.turn()
    newer = levels({"force_n": 60, "duty_permille": 20})
    talk.driver.command(newer, talk.now_ns)
    values = [int.from_bytes(talk.turn()[4:6], "big") for _ in range(4)]

    assert [60, 20, 1, 0] == values
    assert [newer] == [event.levels for event in talk.events if isinstance(event, Ack)]


def test_an_energizing_write_without_an_answer_is_not_repeated() -> None:
    """A timeout is told; then the serial number is asked for, and nothing energizes before a new command."""
    talk = Talk().identified()
    talk.permit = 1
    talk.driver.command(TARGET, talk.now_ns)
    talk.turn()
    lost = talk.asked()
    talk.wait(200)
    kinds = [talk.driver.inspect(talk.turn()) for _ in range(6)]

    assert Energize(((("force_n", 50),),)) == talk.driver.inspect(lost)
    assert [Fault.TIMEOUT] == talk.faults()
    assert not [kind for kind in kinds if isinstance(kind, Energize)]


def test_a_refused_level_is_told_and_dropped() -> None:
    """An exception to a write ends the target; the code's name is in the fault."""
    talk = Talk().identified()
    talk.permit = 1
    talk.driver.command(TARGET, talk.now_ns)
    talk.turn()
    frame = talk.asked()
    talk.say(with_crc(bytes((1, frame[1] | 0x80, 3))))
    kinds = [talk.driver.inspect(talk.turn()) for _ in range(4)]
    (refused,) = [event for event in talk.events if isinstance(event, LinkFault)]

    assert (Fault.REFUSED, "illegal value (exception 3) to write set_force") == (refused.fault, refused.detail)
    assert not [kind for kind in kinds if isinstance(kind, Energize)]


def test_off_writes_every_switch_and_is_acknowledged_after_the_last() -> None:
    """Two switches: one acknowledgement, and a reading at once."""
    talk = Talk().identified().energized()
    talk.driver.command(Off(), talk.now_ns)
    first, second = talk.turn(), talk.turn()

    assert bytes.fromhex("0106 0014 0000") == first[:6]
    assert bytes.fromhex("0106 0015 0001") == second[:6]
    assert [AckOf.OFF] == [event.of for event in talk.events if isinstance(event, Ack)]
    assert bytes.fromhex("0103 000a 0003") == talk.asked()[:6]


def test_off_begins_again_when_a_part_of_it_is_lost() -> None:
    """Half an off is none: both switches are written again, at once after the reply time."""
    talk = Talk().identified().energized()
    talk.driver.command(Off(), talk.now_ns)
    first = talk.turn()
    lost = talk.asked()
    lost_ns = talk.now_ns
    again = talk.asked()

    assert first == again
    assert lost != again
    assert 80 * NS_PER_MS == talk.now_ns - lost_ns


def test_off_that_is_refused_is_asked_again_and_the_state_in_between() -> None:
    """A unit that refuses off is not flooded, and what it does is still looked at."""
    talk = Talk().identified().energized()
    talk.driver.command(Off(), talk.now_ns)
    frame = talk.asked()
    refused_ns = talk.now_ns
    talk.say(with_crc(bytes((1, frame[1] | 0x80, 4))))
    talk.wait(100)
    again = talk.asked()

    assert [Fault.REFUSED] == talk.faults()
    assert isinstance(talk.driver.inspect(again), OffFrame)
    assert talk.now_ns - refused_ns >= 80 * NS_PER_MS


def test_levels_after_an_off_wait_for_the_off() -> None:
    """A start that is commanded while a stop is still unacknowledged does not overtake it."""
    talk = Talk().identified().energized()
    talk.driver.command(Off(), talk.now_ns)
    talk.driver.command(TARGET, talk.now_ns)
    kinds = [talk.driver.inspect(talk.turn()) for _ in range(3)]

    assert [OffFrame(), OffFrame()] == kinds[:2]
    assert not isinstance(kinds[2], OffFrame)


def test_off_is_written_into_a_line_that_is_never_silent() -> None:
    """Babble does not hold a stop back for longer than the patience."""
    talk = Talk().identified().energized()
    talk.polled()
    talk.driver.abandon(talk.now_ns)
    talk.driver.command(Off(), talk.now_ns)
    asked_ns = talk.now_ns
    frame = b""
    while not frame:
        talk.wait(1)
        talk.say(b"\xaa\xaa")
        frame = talk.polled()

    assert isinstance(talk.driver.inspect(frame), OffFrame)
    assert talk.now_ns - asked_ns <= OFF_PATIENCE_NS


def test_without_a_permit_levels_wait_and_nobody_spins() -> None:
    """The driver looks again at a slow pace: a permit that comes is used within it."""
    talk = Talk().identified()
    talk.driver.command(TARGET, talk.now_ns)
    for _ in range(5):
        talk.now_ns = talk.driver.next_wakeup()
        frame = talk.polled()
        assert not frame or talk.driver.inspect(frame) == Query(feeds_lease=False)
        if frame:
            talk.answer(frame)
        else:
            assert talk.driver.next_wakeup() > talk.now_ns
    talk.permit = 3
    before_ns = talk.now_ns

    while talk.driver.inspect(talk.turn()) == Query(feeds_lease=False):
        pass

    assert talk.now_ns - before_ns <= 3 * LOOK_AGAIN_NS


def test_a_permit_feeds_once() -> None:
    """Only a new sequence is written: the old one would feed nothing."""
    talk = Talk().identified().energized()
    fed = []
    for _ in range(40):
        frame = talk.turn()
        kind = talk.driver.inspect(frame) if frame else None
        if isinstance(kind, Config):
            fed.append(kind.values)
        talk.permit = 1 if talk.now_ns < 2_000 * NS_PER_MS else 2

    assert [(("permit", 2),)] == fed


def test_the_units_timer_is_rewritten_only_when_it_is_off() -> None:
    """Every step of a ramp carries the time that is left; the line is not spent on repeating it."""
    talk = Talk().identified().energized(run_ms=60_000)
    talk.wait(10_000)
    talk.driver.command(levels({"force_n": 51, "duty_permille": 20}), talk.now_ns, 50_000)
    same = [talk.driver.inspect(talk.turn()) for _ in range(6)]
    talk.driver.command(levels({"force_n": 52, "duty_permille": 20}), talk.now_ns, 55_000)
    longer = [talk.driver.inspect(talk.turn()) for _ in range(6)]

    assert Config(values=(("timer_ms", 50_000),)) not in same
    assert Config(values=(("timer_ms", 55_000),)) in longer


def test_an_exchanged_accessory_is_a_mismatch() -> None:
    """A head or cell with another number has another calibration."""
    talk = Talk().identified()
    talk.accessory = 8
    talk.sample()

    assert [Fault.MISMATCH] == talk.faults()
    assert ["8"] == [event.serial for event in talk.events if isinstance(event, AccessorySeen)]


def test_another_serial_number_after_a_timeout_is_a_mismatch() -> None:
    """A unit that was swapped while the line was doubtful is noticed by the next question."""
    talk = Talk().identified()
    talk.asked()
    talk.wait(200)
    talk.serial = 34
    probe = talk.turn()

    assert bytes.fromhex("0103 0001 0001") == probe[:6]
    assert [Fault.TIMEOUT, Fault.MISMATCH] == talk.faults()


def test_an_abandoned_answer_is_late_and_not_believed() -> None:
    """What a stop did not wait for does not count, however right it is."""
    talk = Talk().identified()
    frame = talk.asked()
    talk.driver.abandon(talk.now_ns)
    talk.answer(frame)

    assert [Fault.LATE] == talk.faults()
    assert not [event for event in talk.events if isinstance(event, Sample)]
    assert not talk.driver.is_waiting()


def test_identify_forgets_everything_but_off() -> None:
    """After a new connection nothing of the old unit is believed or energized; a stop is still owed."""
    talk = Talk().identified().energized()
    talk.driver.command(TARGET, talk.now_ns)
    talk.driver.identify()
    kinds = [talk.driver.inspect(talk.turn()) for _ in range(6)]

    assert not [kind for kind in kinds if isinstance(kind, Energize)]

    talk.driver.command(Off(), talk.now_ns)
    talk.driver.identify()

    assert isinstance(talk.driver.inspect(talk.asked()), OffFrame)


def test_idle_units_are_sampled_at_their_own_pace() -> None:
    """An idle unit does not take the line from a busy one; close watching begins at once."""
    talk = Talk().identified()
    idle = [talk.sample().asked_ns for _ in range(3)]
    talk.driver.watch_closely(closely=True)
    close = [talk.sample().asked_ns for _ in range(3)]

    assert [400, 400] == [(b - a) // NS_PER_MS for a, b in itertools.pairwise(idle)]
    assert [100, 100] == [(b - a) // NS_PER_MS for a, b in itertools.pairwise(close)]


@pytest.mark.parametrize(
    "target",
    [
        levels({"force_n": 501, "duty_permille": 20}),
        levels({"force_n": -1, "duty_permille": 20}),
        levels({"force_n": 50}),
        levels({"force_n": 50, "duty_permille": 20, "current_ua": 1}),
    ],
)
def test_levels_that_the_map_cannot_say_are_our_mistake(target: Levels) -> None:
    """Too much, too little, incomplete, or for another unit: refused before anything is written."""
    talk = Talk().identified()
    talk.permit = 1
    with pytest.raises(LocalProtocolError):
        talk.driver.command(target, talk.now_ns)
    kinds = [talk.driver.inspect(talk.turn()) for _ in range(4)]

    assert {Query(feeds_lease=False)} == set(kinds)


def test_last_words_are_fixed_bytes() -> None:
    """The guard holds them before anything is known of the unit; on TCP they carry a number of their own."""
    tcp = msgspec.structs.replace(MADE_UP, link=msgspec.structs.replace(MADE_UP.link, kind="tcp"))
    body = (bytes.fromhex("01 06 0014 0000"), bytes.fromhex("01 06 0015 0001"))

    assert with_crc(body[0]) + with_crc(body[1]) == RegisterUnitDriver(MADE_UP).last_words()
    assert b"".join(bytes.fromhex("ffff 0000 0006") + one for one in body) == RegisterUnitDriver(tcp).last_words()


def test_a_wake_up_always_leads_somewhere() -> None:
    """Asked at the moment it names, the driver writes, tells, or names a later moment: nobody ever spins."""
    talk = Talk()
    for step in range(400):
        talk.now_ns = MonoNs(max(talk.now_ns, talk.driver.next_wakeup()))
        told = len(talk.events)
        frame = talk.polled()
        assert frame or len(talk.events) > told or talk.driver.next_wakeup() > talk.now_ns
        if frame and step % 3:
            talk.answer(frame)
        if step == 100:
            talk.driver.command(TARGET, talk.now_ns)
        if step == 150:
            talk.permit = step
        if step == 300:
            talk.driver.command(Off(), talk.now_ns)
