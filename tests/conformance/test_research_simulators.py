"""The simulated research generators by their own words: what clients quote and what the firmware does."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import NS_PER_MS, MonoNs
from devices.sim.openlifu import Said, packet, taken
from devices.sim.units.openlifu import SimOpenLifu
from devices.sim.units.tpo import SimTpo

NOW = MonoNs(1_000 * NS_PER_MS)
# What clients send and print of the answers (newer firmware); the answers that nobody printed are our own choice.
EXCHANGES = [
    ("LOCAL=0", "Local: 0"),
    ("VOLUME=2", "Sound volume: 2"),
    ("TIMER=0", "Timer: 0.000 ms"),
    ("RAMPLENGTH=4000", "Ramp length: 4.000 ms"),
    ("FOCUS=41900", "Focus: 41.900 mm"),
    ("ENFORCELIMITS=1", "Enforce Power Limits: 1"),
    ("GLOBALPOWER=12690", "Global power: 12.690"),
    ("SYSTEMSTATE?", "0"),
    ("FOO?", "E3"),
    ("FOO", "E1"),
    ("CLEARERROR", "Error cleared"),
    ("BURST=5", "E2"),
]


def said_by(unit: SimTpo, text: str, at: MonoNs = NOW) -> str:
    """One line and its answer."""
    answer = unit.handle(text.encode() + b"\r", at).decode()
    assert answer.endswith("\r\n")
    return answer[:-2]


def tpo(*, dialect_ok: bool = False) -> SimTpo:
    """A generator under remote control."""
    unit = SimTpo("tpo-1", 1, dialect="ok" if dialect_ok else "names")
    said_by(unit, "LOCAL=0")
    return unit


def test_the_generator_answers_as_clients_quote_it() -> None:
    """In the order of a client's session."""
    unit = SimTpo("tpo-1", 1)

    assert [answer for _, answer in EXCHANGES] == [said_by(unit, text) for text, _ in EXCHANGES]


def test_older_firmware_says_ok() -> None:
    """To what it takes; a question still gets its number."""
    unit = tpo(dialect_ok=True)

    assert ["OK", "0.080 ms", "12.000"] == [
        said_by(unit, text) for text in ("GLOBALPOWER=12000", "BURST?", "GLOBALPOWER?")
    ]


def test_the_front_panel_has_control_until_local_is_0() -> None:
    """Nothing is set or started from the line before; questions and ABORT are answered."""
    unit = SimTpo("tpo-1", 1)

    assert "E1" == said_by(unit, "GLOBALPOWER=100")
    assert "0" == said_by(unit, "SYSTEMSTATE?")
    assert "Treatment aborted" == said_by(unit, "ABORT")


def test_a_latched_error_answers_everything_until_it_is_cleared() -> None:
    """Also what would be right."""
    unit = tpo()
    assert "E2" == said_by(unit, "BURST=15")

    assert ["E2", "E2", "Error cleared", "Global power: 0.100"] == [
        said_by(unit, text) for text in ("GLOBALPOWER=100", "START", "CLEARERROR", "GLOBALPOWER=100")
    ]


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (("PERIOD=1000", "BURST=500"), "PERIOD=490"),
        (("TIMER=30000",), "TIMER=19990"),
        (("TIMER=30000",), "PERIOD=30010"),
        ((), "BURST=20010"),
    ],
)
def test_timer_period_and_burst_hold_each_other(held: tuple[str, ...], text: str) -> None:
    """Each step alone is judged."""
    unit = tpo()
    for each in held:
        assert "E" != said_by(unit, each)[0]

    assert "E2" == said_by(unit, text)


def test_a_timer_of_0_never_ends_and_another_does() -> None:
    """This is why a controller must not say 0."""
    unit = tpo()
    said_by(unit, "GLOBALPOWER=1000")
    said_by(unit, "START")
    hours = MonoNs(NOW + 36_000_000 * NS_PER_MS)
    assert (True, 1_000) == (unit.truth(hours).energized, unit.truth(hours).output)
    said_by(unit, "ABORT", hours)
    assert not unit.truth(hours).energized

    said_by(unit, "TIMER=5000000", hours)
    said_by(unit, "START", hours)
    assert unit.truth(MonoNs(hours + 4_999 * NS_PER_MS)).energized
    assert not unit.truth(MonoNs(hours + 5_000 * NS_PER_MS)).energized


@pytest.mark.parametrize("word", ["SHAM", "ARM", "SHAMARM"])
def test_dangerous_words_are_errors(word: str) -> None:
    """modctl has no use for a unit that starts with the next stray byte."""
    unit = tpo()
    assert "E1" == said_by(unit, word)
    said_by(unit, "x")

    assert not unit.truth(NOW).energized


def test_the_generator_greets_once_after_each_start() -> None:
    """The one place where its version stands."""
    unit = SimTpo("tpo-1", 1)

    assert b"TPO" in unit.unasked(NOW)
    assert b"" == unit.unasked(NOW)


@given(received=st.binary(max_size=600), split=st.integers(1, 50))
def test_the_generator_survives_any_bytes(received: bytes, split: int) -> None:
    """And puts nothing out for noise without a START line."""
    unit = tpo()
    for at in range(0, len(received), split):
        unit.handle(received[at : at + split], NOW)

    assert b"START" in received.upper() or not unit.truth(NOW).energized


# OpenLIFU


def answers(unit: SimOpenLifu, *said: Said, at: MonoNs = NOW) -> list[Said]:
    """What comes back at once."""
    held = bytearray(unit.handle(b"".join(packet(each) for each in said), at))
    told = []
    while held:
        one = taken(held)
        assert one is not None
        told.append(one)
    return told


def later(unit: SimOpenLifu, at: MonoNs) -> list[Said]:
    """What comes unasked by then."""
    unit.update(at)
    held = bytearray(unit.unasked(at))
    told = []
    while held:
        one = taken(held)
        assert one is not None
        told.append(one)
    return told


TRIGGER = (
    b'{"TriggerFrequencyHz": 10.0, "TriggerPulseCount": 10, "TriggerPulseWidthUsec": 20, '
    b'"TriggerPulseTrainInterval": 1000000.0, "TriggerPulseTrainCount": 5, "TriggerMode": 0, '
    b'"ProfileIndex": 0, "ProfileIncrement": 0}'
)


def test_ping_and_echo_are_the_sdks_frames() -> None:
    """Byte for byte."""
    unit = SimOpenLifu("lifu-1", 1)

    assert "aa0001e30000000000cc87dd" == unit.handle(bytes.fromhex("aa0001e200000000008927dd"), NOW).hex()
    assert (
        "aa0003e3030000000568656c6c6f03c0dd"
        == unit.handle(bytes.fromhex("aa0003e2030000000568656c6c6fdb89dd"), NOW).hex()
    )


def test_an_unknown_command_and_a_wrong_checksum_are_told_apart() -> None:
    """EE and ED, as the firmware answers them."""
    unit = SimOpenLifu("lifu-1", 1)
    bad = bytearray(packet(Said(7, 0xE2, 0)))
    bad[-2] ^= 1

    assert [Said(8, 0xEE, 0x7F)] == answers(unit, Said(8, 0xEB, 0x7F))
    assert 0xED == unit.handle(bytes(bad), NOW)[3]


def test_the_voltage_is_taken_big_endian_and_told_little_endian() -> None:
    """12.5 V: the console measures it after its ramp, not before."""
    unit = SimOpenLifu("lifu-1", 1)
    answers(unit, Said(1, 0xEB, 0x31, data=struct.pack(">f", 12.5)))
    assert [] == answers(unit, Said(2, 0xEB, 0x33))
    done = MonoNs(NOW + 2_000 * NS_PER_MS)
    assert [Said(2, 0xE3, 0x33)] == later(unit, done)

    (told,) = answers(unit, Said(3, 0xEB, 0x32), at=done)
    assert bytes.fromhex("00004841") == told.data


def test_the_console_hears_nothing_in_its_ramp_and_the_transmitter_does() -> None:
    """What the console is told meanwhile is answered after the ramp, in its order."""
    unit = SimOpenLifu("lifu-1", 1)
    answers(unit, Said(1, 0xEA, 0x13, data=TRIGGER), Said(2, 0xEB, 0x31, data=struct.pack(">f", 50.0)))
    answers(unit, Said(3, 0xEB, 0x33))
    soon = MonoNs(NOW + 20 * NS_PER_MS)

    assert [(4, 0xE3)] == [(told.number, told.kind) for told in answers(unit, Said(4, 0xEA, 0x16), at=soon)]
    assert [] == answers(unit, Said(5, 0xEB, 0x34), Said(6, 0xEB, 0x3D), at=soon)
    assert [(3, 0), (5, 0), (6, 0)] == [
        (told.number, told.reserved) for told in later(unit, MonoNs(NOW + 3_000 * NS_PER_MS))
    ]


def test_a_trigger_ends_after_its_trains() -> None:
    """Five trains of a second; fractions are cut off as the firmware's parser does."""
    unit = SimOpenLifu("lifu-1", 1)
    (told,) = answers(unit, Said(1, 0xEA, 0x13, data=TRIGGER))
    assert told.data.endswith(b'"TrainCount": 0,"TriggerStatus": "STOPPED"}')
    answers(unit, Said(2, 0xEA, 0x15))

    for ms, status in ((4_999, b'"RUNNING"'), (5_000, b'"STOPPED"')):
        (told,) = answers(unit, Said(3, 0xEA, 0x14), at=MonoNs(NOW + ms * NS_PER_MS))
        assert status in told.data


def test_a_continuous_trigger_never_ends() -> None:
    """This is why a controller must not say mode 1."""
    unit = SimOpenLifu("lifu-1", 1)
    answers(unit, Said(1, 0xEA, 0x13, data=TRIGGER.replace(b'"TriggerMode": 0', b'"TriggerMode": 1')))
    answers(unit, Said(2, 0xEA, 0x15))

    (told,) = answers(unit, Said(3, 0xEA, 0x14), at=MonoNs(NOW + 36_000_000 * NS_PER_MS))
    assert b'"RUNNING"' in told.data


@pytest.mark.parametrize(
    "changed",
    [
        (b'"TriggerPulseWidthUsec": 20', b'"TriggerPulseWidthUsec": 100000'),
        (b'"TriggerPulseTrainInterval": 1000000.0', b'"TriggerPulseTrainInterval": 999999'),
        (b'"TriggerFrequencyHz": 10.0', b'"TriggerFrequencyHz": 0'),
    ],
)
def test_a_trigger_that_does_not_fit_does_not_start(changed: tuple[bytes, bytes]) -> None:
    """It is taken when it is set and refused when it is started."""
    unit = SimOpenLifu("lifu-1", 1)
    (told,) = answers(unit, Said(1, 0xEA, 0x13, data=TRIGGER.replace(*changed)))
    assert 0xE3 == told.kind

    assert [0xEF] == [told.kind for told in answers(unit, Said(2, 0xEA, 0x15))]


@given(received=st.binary(max_size=600), split=st.integers(1, 50))
def test_the_boards_survive_any_bytes(received: bytes, split: int) -> None:
    """And put nothing out for noise."""
    unit = SimOpenLifu("lifu-1", 1)
    for at in range(0, len(received), split):
        unit.handle(received[at : at + split], NOW)

    assert not unit.truth(NOW).energized
