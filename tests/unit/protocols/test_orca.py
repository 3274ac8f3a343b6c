"""The ORCA's stream and register frames: captured traffic, the way back, nonsense, and what each frame means.

Captured: pyorcasdk 1.1.1 driving a responder on a pseudo-terminal; the responder's values are invented.
"""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer.rtu import FramerRTU

from devices.profile import load
from devices.sim.units.orca import telemetry
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Config, Energize, FrameKind, Off, Query, Unknown
from protocols.modbus import (
    Answer,
    AnswerDecoder,
    Arrival,
    Asked,
    Custom,
    Exceptional,
    Framing,
    Function,
    Octets,
    Registers,
    Trouble,
    TroubleKind,
    Written,
    encode,
    read,
    write,
)
from protocols.modbus_crc import with_crc
from protocols.orca import ANSWERS, COMMAND_STREAM, Streamed, inspect, stream_force, stream_nothing, streamed
from protocols.orca_requests import For, OrcaRequests
from protocols.registers import RegisterMap, decode, find

PROFILE = load("iris-orca")
MAP = RegisterMap(unit_address=1, registers=PROFILE.register, max_registers_per_read=125)
LOW, HIGH = PROFILE.level.min, PROFILE.level.max
TOLD = Streamed(position_um=1234, force_mn=-1500, power_w=5, temp_degc=30, supply_mv=24_000, errors=0)
STREAM_2500_MN = Custom(unit=1, function=COMMAND_STREAM, octets=struct.pack(">Bi", 28, 2_500))
STREAM_ANSWER = "0164000004d2fffffa2400051e5dc00000fa9a"

CAPTURED: list[tuple[str, Asked, str, str, Answer]] = [
    (
        "force",
        read(1, Function.READ_HOLDING, 348, 2),
        "0103015c000205e5",
        "010304fa24ffff8b50",
        Registers((0xFA24, 0xFFFF)),
    ),
    ("power", read(1, Function.READ_HOLDING, 350, 1), "0103015e0001e424", "01030200057847", Registers((5,))),
    ("supply", read(1, Function.READ_HOLDING, 338, 1), "0103015200012427", "0103025dc08084", Registers((24_000,))),
    ("errors", read(1, Function.READ_HOLDING, 432, 1), "010301b000018411", "0103020000b844", Registers((0,))),
    (
        "serial",
        read(1, Function.READ_HOLDING, 406, 2),
        "01030196000225db",
        "0103045678123466d5",
        Registers((0x5678, 0x1234)),
    ),
    ("force mode", write(1, 3, (2,)), "010600030002f80b", "010600030002f80b", Written()),
    ("most force", write(1, 140, (5_000, 0)), "0110008c000204138800007f34", "0110008c00028023", Written()),
    ("stream", STREAM_2500_MN, "01641c000009c4d5e5", STREAM_ANSWER, Octets(bytes.fromhex(STREAM_ANSWER)[2:-2])),
]


def meaning(frame: bytes, release_below_n: int | None = None) -> FrameKind:
    """What the frame gate sees."""
    return inspect(frame, MAP, LOW, HIGH, release_below_n)


def rtu(request: Asked) -> bytes:
    """A request's bytes."""
    return encode(request, Framing.RTU)


def arrivals_of(request: Asked, received: bytes, split: int = 1_000) -> list[Arrival]:
    """What a decoder makes of bytes in portions."""
    decoder = AnswerDecoder(Framing.RTU, ANSWERS)
    decoder.expect(request)
    found: list[Arrival] = []
    for at in range(0, len(received), split):
        found.extend(decoder.feed(received[at : at + split]))
    return found


@pytest.mark.parametrize(("request_", "sent", "answer", "meant"), [row[1:] for row in CAPTURED], ids=lambda _: "")
def test_captured_frames_are_said_and_understood(request_: Asked, sent: str, answer: str, meant: Answer) -> None:
    """Both directions of what the maker's own client put on a line, in any portions."""
    assert sent == rtu(request_).hex()
    for split in (1, 2, 7, 100):
        assert [meant] == arrivals_of(request_, bytes.fromhex(answer), split)


def test_the_captured_telemetry_has_its_values() -> None:
    """Big endian here: position 1234 um, force -1500 mN, 5 W, 30 degC, 24 V, no error."""
    assert TOLD == streamed(bytes.fromhex(STREAM_ANSWER)[2:-2])


def test_the_simulated_motor_says_the_captured_bytes() -> None:
    """The other witness: the same values through the simulator's own packing and pymodbus's checksum."""
    body = bytes((1, COMMAND_STREAM)) + telemetry(1234, -1500, 5, 30, 24_000, 0)

    assert STREAM_ANSWER == (body + FramerRTU.compute_CRC(body).to_bytes(2, "big")).hex()


def test_register_reads_have_their_low_word_first() -> None:
    """The same number stands the other way round in a register read."""
    serial = find(PROFILE.register, "serial")
    assert serial is not None

    assert 0x12345678 == decode(serial, (0x5678, 0x1234))


@given(force_n=st.integers(LOW, HIGH))
def test_every_force_of_the_range_comes_back_from_its_frame(force_n: int) -> None:
    """What the gate reads is what was meant, in newton."""
    assert Energize(((("force_n", force_n),),)) == meaning(rtu(stream_force(1, force_n)))


@pytest.mark.parametrize(
    ("value_mn", "is_known"),
    [
        (LOW * 1000 - 1, False),
        ((LOW - 1) * 1000, False),
        (LOW * 1000, True),
        ((LOW + 1) * 1000, True),
        ((HIGH - 1) * 1000, True),
        (HIGH * 1000, True),
        (HIGH * 1000 + 1, False),
        ((HIGH + 1) * 1000, False),
        (0, False),
        (-20_000, False),
        (100_500, False),
    ],
)
def test_a_force_outside_the_range_or_between_newtons_is_unknown(value_mn: int, *, is_known: bool) -> None:
    """One below, at, one above each bound; a push and half a newton too."""
    frame = with_crc(bytes((1, COMMAND_STREAM)) + struct.pack(">Bi", 28, value_mn))

    assert is_known is isinstance(meaning(frame), Energize)
    assert is_known is not isinstance(meaning(frame), Unknown)


@pytest.mark.parametrize(("force_n", "is_off"), [(99, True), (100, False), (101, False), (LOW, True)])
def test_a_lower_force_is_off_only_while_a_release_is_wanted(force_n: int, *, is_off: bool) -> None:
    """Strictly below what is held takes energy away; at or above it, or at another time, it is a level."""
    frame = rtu(stream_force(1, force_n))

    assert (Off() if is_off else Energize(((("force_n", force_n),),))) == meaning(frame, release_below_n=100)
    assert Energize(((("force_n", force_n),),)) == meaning(frame)


def test_everything_that_the_driver_can_say_has_its_kind() -> None:
    """Sleep is Off, force mode energizes at what was stated, limits are settings, the rest asks and feeds nothing."""
    say = OrcaRequests(MAP, LOW)
    kinds = [meaning(rtu(ask.request)) for ask in say.start()]

    assert Off() == meaning(rtu(say.sleep.request))
    assert {Query(feeds_lease=False)} == {
        meaning(rtu(ask.request)) for ask in (say.identity, say.probe, say.mode, say.telemetry)
    }
    limits = Config(values=(("max_temp", 60), ("max_force", 495_000), ("max_power", 200)))
    assert [limits, Config(values=(("comms_timeout", 300),)), Query(), Query()] == kinds[:4]
    assert [Energize(((("force_n", LOW),),)), Config(values=(("control", 2),)), Energize(((),)), Query()] == kinds[4:]
    assert For.OFF is say.sleep.why


@pytest.mark.parametrize(
    "request_",
    [
        write(1, 0, (1,)),  # reset
        write(1, 0, (4,)),  # zero position
        write(1, 0, (8,)),  # invert
        write(1, 3, (3,)),  # position mode
        write(1, 3, (4,)),  # haptic mode
        write(1, 3, (55,)),  # auto-zero: moves by itself
        write(1, 28, (1_000, 0)),  # a force past the stream
        write(1, 30, (0, 0)),  # a position
        write(1, 142, (201,)),
        write(1, 140, (62_921, 7)),  # 521 673 mN
        write(1, 163, (299,)),
        write(1, 163, (301,)),
        write(1, 163, (0,)),  # the timeout switched off
        write(2, 3, (1,)),
        read(1, Function.READ_HOLDING, 0, 1),
        read(1, Function.READ_INPUT, 317, 1),
        Custom(unit=1, function=COMMAND_STREAM, octets=struct.pack(">Bi", 30, 0)),  # a position
        Custom(unit=1, function=COMMAND_STREAM, octets=struct.pack(">Bi", 0, 1)),
        Custom(unit=1, function=COMMAND_STREAM, octets=struct.pack(">Bi", 29, 0)),
        Custom(unit=2, function=COMMAND_STREAM, octets=struct.pack(">Bi", 28, 100_000)),
        Custom(unit=1, function=COMMAND_STREAM, octets=bytes(4)),
        Custom(unit=1, function=104, octets=bytes(5)),
    ],
)
def test_what_is_not_of_the_whitelist_is_unknown(request_: Asked) -> None:
    """Nothing moves to a place, nothing resets, no limit is another one, nobody else is spoken to."""
    assert isinstance(meaning(rtu(request_)), Unknown)


@given(noise=st.binary(max_size=40))
def test_no_bytes_make_the_gate_fail(noise: bytes) -> None:
    """Whatever is asked to be written is judged."""
    for frame in (noise, with_crc(noise), with_crc(bytes((1, COMMAND_STREAM)) + noise)):
        kind = meaning(frame)

        assert isinstance(kind, Off | Query | Config | Energize | Unknown)


@pytest.mark.parametrize("octets", [b"", bytes(14), bytes(16)])
def test_telemetry_that_is_not_whole_is_theirs(octets: bytes) -> None:
    """Carries the bytes."""
    with pytest.raises(RemoteProtocolError):
        streamed(octets)


def test_a_force_that_no_frame_can_say_is_ours() -> None:
    """32 bits of millinewton."""
    with pytest.raises(LocalProtocolError):
        stream_force(1, 2_147_484)


STREAM = stream_force(1, 100)


@given(received=st.binary(max_size=600), splits=st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_any_bytes_in_any_portions_bring_the_same(received: bytes, splits: list[int]) -> None:
    """Nothing raises, nothing is searched for in garbage, and no more than the longest frame is kept."""
    whole = arrivals_of(STREAM, received)

    assert all(whole == arrivals_of(STREAM, received, split) for split in splits)
    assert all(len(arrival.frame) <= 260 for arrival in whole if isinstance(arrival, Trouble))


def test_an_answer_is_believed_only_once_and_only_by_its_request() -> None:
    """Late, twice, from another unit, to another question, with a broken checksum: never the telemetry."""
    good = bytes.fromhex(STREAM_ANSWER)
    other = with_crc(b"\x02" + good[1:-2])
    mode = read(1, Function.READ_HOLDING, 317, 1)

    assert [Octets(good[2:-2]), TroubleKind.FOREIGN] == [_kind(one) for one in arrivals_of(STREAM, good + good)]
    assert [TroubleKind.FOREIGN] == [_kind(one) for one in arrivals_of(STREAM, other)]
    assert [TroubleKind.FOREIGN] == [_kind(one) for one in arrivals_of(mode, good)]
    assert [TroubleKind.CORRUPT] == [_kind(one) for one in arrivals_of(STREAM, good[:-1] + b"\x00")]
    assert [Exceptional(4)] == arrivals_of(STREAM, with_crc(bytes((1, 0x80 | COMMAND_STREAM, 4))))


def test_an_answer_to_a_stream_that_was_given_up_is_late() -> None:
    """The next question is another one; the telemetry of the old one finds nobody waiting."""
    decoder = AnswerDecoder(Framing.RTU, ANSWERS)
    decoder.expect(STREAM)
    decoder.give_up()
    decoder.expect(read(1, Function.READ_HOLDING, 317, 1))

    assert [TroubleKind.LATE] == [_kind(one) for one in decoder.feed(bytes.fromhex(STREAM_ANSWER))]


def test_a_decoder_without_the_function_does_not_take_its_answers() -> None:
    """Other units' lines know nothing of it."""
    decoder = AnswerDecoder(Framing.RTU)
    decoder.expect(read(1, Function.READ_HOLDING, 317, 1))

    assert [TroubleKind.CORRUPT] == [_kind(one) for one in decoder.feed(bytes.fromhex(STREAM_ANSWER))]


def test_asking_with_nothing_feeds_nothing() -> None:
    """What keeps the motor pulling is a force, never a question."""
    assert Query(feeds_lease=False) == meaning(rtu(stream_nothing(1)))


def _kind(arrival: Arrival) -> Arrival | TroubleKind:
    return arrival.kind if isinstance(arrival, Trouble) else arrival
