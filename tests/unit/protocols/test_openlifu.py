"""OpenLIFU packets: the SDK's own frames, framing under noise, and what is never said."""

import math
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.damage import Damage
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Config, Energize, Off, Query, Unknown
from protocols.openlifu import (
    MAX_DATA,
    MAX_FRAME,
    SHOWN_BYTES,
    Decoder,
    Packet,
    Trigger,
    Word,
    decode,
    encode,
    inspect,
    request,
    text_of,
    trigger_of,
    trigger_payload,
    voltage_of,
    voltage_payload,
)
from protocols.openlifu_exchange import Belonging, OpenLifuExchange, Received

SDK_TRIGGER = (
    b'{"TriggerFrequencyHz": 10, "TriggerPulseCount": 1, "TriggerPulseWidthUsec": 20000, '
    b'"TriggerPulseTrainInterval": 1000000, "TriggerPulseTrainCount": 10, "TriggerMode": 0, '
    b'"ProfileIndex": 0, "ProfileIncrement": 1}'
)
# Frames that openlifu-sdk builds: id, type, command, data, frame (the payload values are invented).
VECTORS: list[tuple[int, int, int, bytes, str]] = [
    (1, 0xE2, 0x00, b"", "aa0001e200000000008927dd"),
    (1, 0xE3, 0x00, b"", "aa0001e30000000000cc87dd"),
    (3, 0xE2, 0x03, b"hello", "aa0003e2030000000568656c6c6fdb89dd"),
    (3, 0xE3, 0x03, b"hello", "aa0003e3030000000568656c6c6f03c0dd"),
    (7, 0xE3, 0x32, bytes.fromhex("00004841"), "aa0007e3320000000400004841d44bdd"),
    (8, 0xEB, 0x33, b"", "aa0008eb33000000000835dd"),
    (9, 0xEB, 0x34, b"", "aa0009eb3400000000d780dd"),
    (10, 0xEB, 0x35, b"", "aa000aeb3500000000a553dd"),
    (12, 0xEB, 0x39, b"\x28", "aa000ceb390000000128ab3cdd"),
    (13, 0xEA, 0x13, SDK_TRIGGER, "aa000dea13000000d2" + SDK_TRIGGER.hex() + "d887dd"),
    (14, 0xEA, 0x15, b"", "aa000eea15000000002981dd"),
    (15, 0xEA, 0x16, b"", "aa000fea16000000007f32dd"),
    (8, 0xEE, 0x7F, b"", "aa0008ee7f00000000d177dd"),
    (43741, 0xE2, 0x03, bytes.fromhex("aaddaadd"), "aaaadde20300000004aaddaadd76eedd"),
]
packets = st.builds(
    Packet,
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFF),
    st.integers(0, 0xFF),
    st.binary(max_size=40),
    st.integers(0, 0xFF),
    st.integers(0, 0xFF),
)


def fed(received: bytes, split: int) -> list[Packet | Damage]:
    """All events of bytes that arrive in pieces of one length."""
    decoder = Decoder()
    events: list[Packet | Damage] = []
    for at in range(0, len(received), split):
        events += decoder.feed(received[at : at + split])
    return events


@pytest.mark.parametrize(("number", "kind", "command", "payload", "frame"), VECTORS)
def test_the_sdks_frames_are_built_and_read(number: int, kind: int, command: int, payload: bytes, frame: str) -> None:
    """In both directions, start and end bytes inside the data included."""
    packet = Packet(number, kind, command, payload)

    assert frame == encode(packet).hex()
    assert packet == decode(bytes.fromhex(frame))


@given(packet=packets, split=st.integers(1, 9))
def test_any_packet_comes_back_in_any_split(packet: Packet, split: int) -> None:
    """Nothing is stuffed: the length alone says where a frame ends."""
    assert [packet, packet] == fed(encode(packet) * 2, split)


@given(received=st.binary(max_size=300), split=st.integers(1, 9))
def test_any_bytes_in_any_split_give_the_same_events_and_raise_nothing(received: bytes, split: int) -> None:
    """A line cuts where it likes, and a stranger may talk on it."""
    events = fed(received, split)

    assert fed(received, MAX_FRAME) == events
    assert all(len(event.frame) <= SHOWN_BYTES for event in events if isinstance(event, Damage))


@given(noise=st.binary(max_size=60).filter(lambda noise: b"\xaa" not in noise), packet=packets)
def test_a_frame_behind_noise_is_found(noise: bytes, packet: Packet) -> None:
    """Noise without a start byte costs nothing; it is told once, when the frame is there."""
    events = fed(noise + encode(packet), 1)

    assert packet == events[-1]
    assert [type(event) for event in events[:-1]] == [Damage] * bool(noise)


@given(packet=packets.filter(lambda packet: not packet.payload), bit=st.integers(8, 12 * 8 - 1))
def test_one_wrong_bit_never_becomes_a_packet(packet: Packet, bit: int) -> None:
    """Behind the start byte, each of them: checksum, length or end says so."""
    wrong = bytearray(encode(packet))
    wrong[bit // 8] ^= 1 << bit % 8
    decoder = Decoder()
    events = decoder.feed(bytes(wrong))

    assert not any(isinstance(event, Packet) for event in events)


def test_a_bad_frame_swallows_no_good_one() -> None:
    """The next start is looked for one byte behind the old one, not behind what the bad length says."""
    good = request(Word.PING, 5)
    bad = bytearray(request(Word.PING, 4))
    bad[8] = 12  # claims the next frame as its data

    events = fed(bytes(bad) + good + good, 1)

    assert [Packet(5, 0xE2, 0)] * 2 == [event for event in events if isinstance(event, Packet)]


def test_a_length_beyond_the_longest_frame_is_not_waited_for() -> None:
    """64 kB that never come would hold the line up."""
    events = fed(b"\xaa\x00\x01\xe3\x00\x00\x00\xff\xff" + request(Word.PING, 5), 3)

    assert [Damage("longer than any frame", bytes.fromhex("aa0001e3000000ffff")), Packet(5, 0xE2, 0)] == events


def test_the_longest_frame_is_taken_and_nothing_longer_can_be_said() -> None:
    """2048 bytes, as the firmware's buffer."""
    longest = encode(Packet(1, 0xE3, 3, bytes(MAX_DATA)))

    assert MAX_FRAME == len(longest)
    assert [decode(longest)] == fed(longest, 100)
    with pytest.raises(LocalProtocolError, match="bytes of data"):
        encode(Packet(1, 0xE3, 3, bytes(MAX_DATA + 1)))
    with pytest.raises(LocalProtocolError, match="cannot encode"):
        encode(Packet(0x10000, 0xE3, 3))


# Mixed endianness


@pytest.mark.parametrize("voltage_mv", [5_000, 12_500, 33_300, 60_000, 99_999, 100_000])
def test_a_voltage_is_set_big_endian_and_told_little_endian(voltage_mv: int) -> None:
    """The same bytes read the other way round are no voltage at all."""
    assert struct.pack(">f", voltage_mv / 1000) == voltage_payload(voltage_mv)
    assert voltage_mv == voltage_of(voltage_payload(voltage_mv)[::-1])


def test_twelve_and_a_half_volts_are_the_sdks_bytes() -> None:
    """From the SDK's own frame."""
    assert 12_500 == voltage_of(bytes.fromhex("00004841"))
    assert bytes.fromhex("41480000") == voltage_payload(12_500)


@pytest.mark.parametrize("volts", [math.nan, math.inf, -math.inf, 1e30, -1e9])
def test_what_is_no_voltage_is_nonsense(volts: float) -> None:
    """Not a number is not 0 V."""
    with pytest.raises(RemoteProtocolError):
        voltage_of(struct.pack("<f", volts))


@pytest.mark.parametrize("voltage_mv", [0, 4_999, 100_001, -12_000])
def test_a_voltage_outside_its_range_is_not_said(voltage_mv: int) -> None:
    """5 to 100 V, both included."""
    with pytest.raises(LocalProtocolError, match="cannot encode"):
        voltage_payload(voltage_mv)


# The trigger


SOUND = Trigger(
    frequency_hz=10,
    pulse_count=10,
    pulse_width_us=20,
    train_interval_us=1_000_000,
    train_count=60,
    mode=0,
    profile_index=0,
    profile_increment=0,
)


def trigger(**other: int) -> Trigger:
    """Ten pulses a second for a minute, with some fields changed."""
    return msgspec.structs.replace(SOUND, **other)


def test_the_sdks_trigger_is_built_and_read() -> None:
    """Byte for byte, in the order and with the spaces of Python's json."""
    sound = trigger(pulse_count=1, pulse_width_us=20_000, train_count=10, profile_increment=1)

    assert SDK_TRIGGER == trigger_payload(sound)
    assert sound == trigger_of(SDK_TRIGGER)


@pytest.mark.parametrize(
    "other",
    [
        {"mode": 1},
        {"mode": 2},
        {"frequency_hz": 0},
        {"frequency_hz": -1},
        {"pulse_count": 0},
        {"train_count": 0},
        {"train_count": 2**31},
        {"pulse_width_us": 100_000},
        {"train_interval_us": 999_999},
        {"train_interval_us": 0},
        {"pulse_count": 1, "train_interval_us": 100_000},
        {"profile_index": 1},
        {"profile_increment": 2},
        {"trains_done": 0},
    ],
)
def test_a_trigger_that_does_not_run_or_does_not_end_is_not_said(other: dict[str, int]) -> None:
    """Mode 1 runs until somebody stops it, and there is no watchdog."""
    with pytest.raises(LocalProtocolError, match="cannot encode a trigger"):
        trigger_payload(trigger(**other))


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1]", b"\xff", b'{"TriggerMode": 1.5}', SDK_TRIGGER[:-1]])
def test_what_is_no_trigger_is_nonsense(payload: bytes) -> None:
    """It raises the one error that a driver expects."""
    with pytest.raises(RemoteProtocolError):
        trigger_of(payload)


def test_text_ends_at_a_zero_and_stays_ascii() -> None:
    """The console sends its terminator, the transmitter does not."""
    assert ["1.2.1", "2.0.7", "??"] == [text_of(raw) for raw in (b"1.2.1\0rest", b"2.0.7", b"\xff\xfe")]


# What a frame means


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (request(Word.STOP_TRIGGER, 1), Off()),
        (request(Word.VOLTAGE_OFF, 1), Off()),
        (request(Word.START_TRIGGER, 1), Energize(channels=((),))),
        (request(Word.VOLTAGE_ON, 1), Energize(channels=((),))),
        (request(Word.SET_VOLTAGE, 1, voltage_payload(20_000)), Energize(channels=((("voltage_mv", 20_000),),))),
        (request(Word.SET_TRIGGER, 1, trigger_payload(trigger())), Energize(channels=((("beat_hz", 10),),))),
        (request(Word.GET_TRIGGER, 1), Query()),
        (request(Word.IS_VOLTAGE_ON, 1), Query()),
        (request(Word.GET_VOLTAGE, 1), Query()),
    ],
)
def test_each_frame_means_one_thing(frame: bytes, kind: Off | Energize | Query) -> None:
    """The gate judges levels in canonical units."""
    assert kind == inspect(frame)


@pytest.mark.parametrize(
    "packet",
    [
        Packet(1, 0xE2, 0x0F),  # reset
        Packet(1, 0xE2, 0x0D),  # firmware update
        Packet(1, 0xEB, 0x42, address=1),  # enables the voltage by a header byte
        Packet(1, 0xEB, 0x42),
        Packet(1, 0xEB, 0x3F, bytes(8)),  # DACs
        Packet(1, 0xEB, 0x41, bytes(2)),
        Packet(1, 0xEB, 0x35),  # 12 V
        Packet(1, 0xE6, 0x22, bytes(6)),  # chip registers
        Packet(1, 0xEA, 0x15, address=1),
        Packet(1, 0xEA, 0x16, b"x"),
        Packet(1, 0xEB, 0x34, reserved=1),
        Packet(1, 0xEB, 0x31, b""),
        Packet(1, 0xEB, 0x31, voltage_payload(20_000)[::-1]),
        Packet(1, 0xEB, 0x31, struct.pack(">f", 20.00000191)),
        Packet(1, 0xEB, 0x31, struct.pack(">f", 4.0)),
        Packet(1, 0xEB, 0x31, struct.pack(">f", math.nan)),
        Packet(1, 0xEA, 0x13, SDK_TRIGGER.replace(b'"TriggerMode": 0', b'"TriggerMode": 1')),
        Packet(1, 0xEA, 0x13, SDK_TRIGGER.replace(b" ", b"")),
        Packet(1, 0xEA, 0x13, SDK_TRIGGER[:-1] + b', "TriggerMode": 1}'),
        Packet(1, 0xE3, 0x16),
    ],
)
def test_what_is_not_of_the_whitelist_is_unknown(packet: Packet) -> None:
    """Values hide in header bytes, floats have two byte orders, and of two equal keys the last one counts."""
    assert isinstance(inspect(encode(packet)), Unknown)


@given(st.one_of(st.binary(max_size=60), packets.map(encode)))
def test_arbitrary_bytes_are_judged_without_an_exception(frame: bytes) -> None:
    """Whatever a broken driver would write."""
    assert isinstance(inspect(frame), Off | Query | Config | Energize | Unknown)


# Which answer belongs to what


@pytest.mark.parametrize(
    ("answer", "belonging"),
    [
        (Packet(1, 0xE3, 0x14), Belonging.ANSWER),
        (Packet(1, 0xE3, 0x15), Belonging.FOREIGN),
        (Packet(2, 0xE3, 0x14), Belonging.FOREIGN),
        (Packet(1, 0xEA, 0x14), Belonging.FOREIGN),
        *((Packet(1, kind, 0), Belonging.ERROR) for kind in (0xE1, 0xEC, 0xED, 0xEE, 0xEF)),
    ],
)
def test_an_answer_has_the_requests_id_and_command(answer: Packet, belonging: Belonging) -> None:
    """Our own frame that comes back has its id too, and is no answer."""
    exchange = OpenLifuExchange()
    exchange.begin(Word.GET_TRIGGER, b"", 0, 100)

    (received,) = exchange.feed(encode(answer))

    assert isinstance(received, Received)
    assert belonging is received.belonging
    assert (belonging in (Belonging.ANSWER, Belonging.ERROR)) == (exchange.sent is None)


def test_a_second_answer_is_late() -> None:
    """Also that of a request that was given up, and after its time."""
    exchange = OpenLifuExchange()
    exchange.begin(Word.PING, b"", 0, 100)
    exchange.feed(encode(Packet(1, 0xE3, 0)))
    exchange.begin(Word.PING, b"", 0, 100)
    assert exchange.expire(99) is None
    assert exchange.expire(100) is not None
    exchange.begin(Word.PING, b"", 200, 100)

    late = exchange.feed(encode(Packet(1, 0xE3, 0)) + encode(Packet(2, 0xE3, 0)))

    assert [Belonging.LATE] * 2 == [received.belonging for received in late if isinstance(received, Received)]
    assert exchange.sent is not None
