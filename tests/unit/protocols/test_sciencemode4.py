"""The ScienceMode 4 codec against published frames and arbitrary bytes."""

import binascii
import itertools
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.damage import Damage
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Energize, FrameKind, Off, Query, Unknown
from protocols.sciencemode import Packet
from protocols.sciencemode4 import (
    MAX_FRAME,
    Command,
    Decoder,
    Pattern,
    Point,
    biphasic,
    decode,
    encode,
    fits,
    inspect,
    ml_get_current_data,
    ml_init,
    ml_update,
    request,
    update_of,
)


class Vector(msgspec.Struct, frozen=True):
    """One published frame."""

    name: str
    direction: str
    command: int
    packet_number: int
    frame_hex: str
    fields: dict[str, msgspec.Raw]
    c_library: bool

    @property
    def frame(self) -> bytes:
        """Its bytes."""
        return bytes.fromhex(self.frame_hex)


class Vectors(msgspec.Struct, frozen=True):
    """The file."""

    about: str
    vectors: list[Vector]


class Channel(msgspec.Struct, frozen=True):
    """One channel of an update, in the units of the file."""

    ramp: int
    period_ms: float
    points: list[tuple[int, float]]

    def pattern(self) -> Pattern:
        """The same in ours."""
        points = tuple(Point(duration_us, round(current_ma * 1000)) for duration_us, current_ma in self.points)
        return Pattern(round(self.period_ms * 1000), points, self.ramp)


VECTORS = msgspec.json.decode((Path(__file__).parent / "sciencemode4.json").read_bytes(), type=Vectors).vectors
BY_NAME = {vector.name: vector for vector in VECTORS}
UPDATES = [vector for vector in VECTORS if vector.command == Command.ML_UPDATE and "all_off" not in vector.name]


def channels_of(vector: Vector) -> dict[int, Pattern]:
    """What an update's fields say."""
    channels = msgspec.json.decode(vector.fields["channels"], type=dict[int, Channel])
    return {number: channel.pattern() for number, channel in channels.items()}


# Published frames


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_every_published_frame_is_taken_apart_and_put_together_again(vector: Vector) -> None:
    """Length, checksum, stuffing and header escapes in both directions."""
    packet = decode(vector.frame)

    assert (vector.command, vector.packet_number) == (packet.command, packet.number)
    assert vector.frame == encode(packet)


@pytest.mark.parametrize("vector", UPDATES, ids=lambda vector: vector.name)
def test_published_updates_are_said_and_understood(vector: Vector) -> None:
    """Points, periods in both steps, ramps, masks: from fields to bytes and back."""
    patterns = channels_of(vector)

    assert vector.frame == ml_update(vector.packet_number, patterns)
    assert patterns == update_of(decode(vector.frame).payload)


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("get_device_id_pn1", request(Command.GET_DEVICE_ID, 1)),
        ("get_device_id_pn60", request(Command.GET_DEVICE_ID, 60)),
        ("get_device_id_pn63", request(Command.GET_DEVICE_ID, 63)),
        ("get_version_main", request(Command.GET_VERSION_MAIN, 9)),
        ("ml_init_stop_on_all_errors_1", ml_init(1)),
        ("ml_get_current_data", ml_get_current_data(2)),
        ("ml_stop", request(Command.ML_STOP, 3)),
        ("reserved_value_in_header_pos6_0f", request(Command.ML_STOP, 35)),
    ],
)
def test_published_requests_are_said(name: str, frame: bytes) -> None:
    """Byte for byte what Hasomed's own library writes."""
    assert BY_NAME[name].frame == frame


# The frame gate's eyes


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ml_stop", Off()),
        ("get_device_id_pn1", Query()),
        ("get_version_main", Query()),
        ("ml_get_current_data", Query(feeds_lease=True)),
        ("ml_init_stop_on_all_errors_1", Energize(channels=())),
        (
            "ml_update_doc_example_2ch",
            Energize(
                channels=(
                    (("current_ua", 20_000), ("pulse_width_us", 200), ("period_us", 20_000)),
                    (("current_ua", 10_000), ("pulse_width_us", 100), ("period_us", 10_000)),
                )
            ),
        ),
        (
            "ml_update_ch1_35Hz_28.5ms",
            Energize(channels=((("current_ua", 15_500), ("pulse_width_us", 250), ("period_us", 28_500)),)),
        ),
    ],
)
def test_the_gate_reads_published_frames_for_what_they_do(name: str, kind: FrameKind) -> None:
    """A kind is read off the bytes."""
    assert kind == inspect(BY_NAME[name].frame)


@pytest.mark.parametrize(
    "name",
    [
        "ml_init_stop_on_all_errors_0",
        "ml_update_all_off",
        "ml_get_current_data_sel2",
        "ll_init_meas_current_hv_off",
        "ll_channel_config_not_executed",
        "device_id_ack",
        "ml_stop_ack_ok",
        "general_error_2",
        "reset_ack",
    ],
)
def test_what_is_not_whitelisted_is_unknown(name: str) -> None:
    """Low level, answers, legacy selections, an init that lets other channels go on: never written."""
    assert isinstance(inspect(BY_NAME[name].frame), Unknown)


def test_of_all_commands_without_data_exactly_seven_are_known() -> None:
    """A whitelist, over the whole space of commands."""
    known = [n for n in range(1024) if not isinstance(inspect(encode(Packet(n, 1))), Unknown)]

    assert [4, 34, 50, 52, 62, 64, 68] == known


def update_frame(*points: Point, period_word: int = 0x0050, head: int | None = None) -> bytes:
    """An update of channel 1 that our encoder might refuse."""
    words = b"".join(
        (point.duration_us << 20 | (point.current_ua // 500 + 300) << 10).to_bytes(4, "big") for point in points
    )
    first = (len(points) - 1) << 4 if head is None else head
    return encode(Packet(Command.ML_UPDATE, 1, b"\x01" + bytes((first,)) + period_word.to_bytes(2, "big") + words))


def raw_update(*words: str, tail: bytes = b"") -> bytes:
    """An update of channel 1, 20 ms, with points as they stand in the document."""
    head = bytes((1, (len(words) - 1) << 4)) + b"\x00\x50"
    return encode(Packet(Command.ML_UPDATE, 1, head + b"".join(map(bytes.fromhex, words)) + tail))


PAIR = (Point(200, 20_000), Point(100, 0), Point(200, -20_000))


@pytest.mark.parametrize(
    "frame",
    [
        update_frame(Point(200, 20_000)),
        update_frame(Point(200, 20_000), Point(100, 0), Point(200, -19_500)),
        update_frame(Point(200, 20_000), Point(100, 0), Point(199, -20_000)),
        update_frame(Point(200, 20_000), Point(100, 500), Point(200, -20_000)),
        update_frame(*PAIR, *PAIR),
        update_frame(Point(9, 20_000), Point(100, 0), Point(9, -20_000)),
        update_frame(*PAIR, period_word=0x0002 - 2),
        update_frame(Point(4000, 20_000), Point(100, 0), Point(4000, -20_000), period_word=0x0010),
        update_frame(Point(200, 200_000), Point(100, 0), Point(200, 20_000)),
        raw_update("0c855001", "0644b000", "0c841000"),
        raw_update("0c855000", "0644b000", "0c841000", tail=b"\x00"),
        update_frame(*PAIR, head=0x10),
        update_frame(*PAIR, head=0x30),
        b"".join((ml_update(1, {1: Pattern(20_000, PAIR)}), request(Command.ML_STOP, 1))),
        ml_update(1, {1: Pattern(20_000, PAIR)})[:-1],
        b"",
    ],
)
def test_an_update_that_is_not_wholly_understood_is_unknown(frame: bytes) -> None:
    """Net charge, several widths, bytes left over, two frames in one: not written."""
    assert isinstance(inspect(frame), Unknown)


@pytest.mark.parametrize(("word", "is_current"), [("0c896000", True), ("0c896400", False), ("0c8ffc00", False)])
def test_a_current_code_beyond_150_ma_is_refused(word: str, is_current: bool) -> None:
    """600 is the last code with a meaning; ten bits hold more."""
    payload = decode(raw_update(word)).payload
    if is_current:
        assert update_of(payload)[1].points == (Point(200, 150_000),)
        return
    with pytest.raises(RemoteProtocolError):
        update_of(payload)


@given(current=st.integers(0, 300), width_us=st.integers(10, 4095), period=st.integers(40, 32_766))
def test_the_gate_reads_back_every_level_that_can_be_said(current: int, width_us: int, period: int) -> None:
    """The gate's eyes and the driver's hand agree over the whole range, 0 mA included."""
    wanted = (("current_ua", current * 500), ("pulse_width_us", width_us), ("period_us", period * 500))

    assert Energize(channels=(wanted,)) == inspect(
        ml_update(5, {1: biphasic(current * 500, width_us, period * 500, gap_us=100)})
    )


@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_unknown_to_the_gate(frame: bytes) -> None:
    """Nothing slips through for want of a check."""
    assert isinstance(inspect(frame), Unknown)


@given(command=st.integers(0, 1023), payload=st.binary(max_size=40))
@example(command=32, payload=b"\x01")
@example(command=32, payload=b"\xff" + bytes(30))
def test_arbitrary_packets_never_break_the_gate(command: int, payload: bytes) -> None:
    """Whatever is in a good frame, the answer is a kind; with data, only whole updates and two others are known."""
    kind = inspect(encode(Packet(command, 0, payload)))

    known_with_data = {Command.ML_UPDATE, Command.ML_INIT, Command.ML_GET_CURRENT_DATA}
    assert isinstance(kind, Unknown) or not payload or command in known_with_data


# What cannot be said


@pytest.mark.parametrize(
    ("current_ua", "width_us", "period_us"),
    [
        (250, 200, 20_000),
        (20_001, 200, 20_000),
        (150_500, 200, 20_000),
        (20_000, 9, 20_000),
        (20_000, 4096, 20_000),
        (20_000, 200, 0),
        (20_000, 200, -20_000),
        (20_000, 200, 499),
        (20_000, 200, 20_125),
        (20_000, 200, 16_383_500),
        (20_000, 200, 559),
    ],
)
def test_levels_off_the_grid_or_out_of_range_are_refused(current_ua: int, width_us: int, period_us: int) -> None:
    """Refused, never rounded and never clamped."""
    with pytest.raises(LocalProtocolError):
        ml_update(0, {1: biphasic(current_ua, width_us, period_us, gap_us=100)})


@pytest.mark.parametrize(
    ("period_us", "word"),
    [(500, 0x0002), (750, 0x0007), (20_000, 0x0050), (28_500, 0x0072), (20_250, 0x00A3), (16_383_000, 0xFFFC)],
)
def test_periods_have_two_forms(period_us: int, word: int) -> None:
    """Half milliseconds where they are exact, quarters elsewhere (the document's own examples among them)."""
    points = (Point(10, 500), Point(10, -500))
    payload = decode(ml_update(0, {1: Pattern(period_us, points)})).payload

    assert word == int.from_bytes(payload[2:4], "big")
    assert period_us == update_of(payload)[1].period_us


def test_a_pattern_with_net_charge_is_refused() -> None:
    """Net charge burns skin."""
    with pytest.raises(LocalProtocolError):
        ml_update(0, {1: Pattern(20_000, (Point(200, 20_000), Point(200, -19_500)))})


@pytest.mark.parametrize(("busy_us", "does_fit"), [(939, True), (940, True), (941, False)])
def test_pulses_must_fit_into_their_period(busy_us: int, does_fit: bool) -> None:
    """Points and 60 us for each channel are at most the period, as in the C library."""
    assert does_fit == fits((Pattern(1_000, (Point(busy_us, 0),)),))


@pytest.mark.parametrize(
    "pattern",
    [
        Pattern(1_000, (Point(500, 500), Point(500, -500))),
        Pattern(20_000, ()),
        Pattern(20_000, PAIR[1:2] * 17),
        Pattern(20_000, PAIR, ramp=16),
        Pattern(20_000, PAIR, ramp=-1),
    ],
)
def test_patterns_out_of_range_are_refused(pattern: Pattern) -> None:
    """No time left in the period, no point or too many, a ramp of more than four bits."""
    with pytest.raises(LocalProtocolError):
        ml_update(0, {1: pattern})


@pytest.mark.parametrize("channels", [{}, {0: Pattern(20_000, PAIR)}, {9: Pattern(20_000, PAIR)}])
def test_there_are_eight_channels_and_at_least_one(channels: dict[int, Pattern]) -> None:
    """An update without channels would feed the unit and leave its high voltage on."""
    with pytest.raises(LocalProtocolError):
        ml_update(0, channels)


@pytest.mark.parametrize("command", [Command.ML_INIT, Command.ML_UPDATE, Command.ML_GET_CURRENT_DATA])
def test_requests_with_data_cannot_be_said_without(command: Command) -> None:
    """A slip in the driver is an error here, not a frame."""
    with pytest.raises(LocalProtocolError):
        request(command, 0)


@pytest.mark.parametrize("packet", [Packet(1024, 0), Packet(-1, 0), Packet(52, 64), Packet(52, -1)])
def test_numbers_outside_their_bits_are_refused(packet: Packet) -> None:
    """They would change the command."""
    with pytest.raises(LocalProtocolError):
        encode(packet)


def test_the_longest_frame_has_1200_bytes() -> None:
    """At the bound and one beyond."""
    assert len(encode(Packet(107, 0, bytes(1188)))) == MAX_FRAME
    with pytest.raises(LocalProtocolError):
        encode(Packet(107, 0, bytes(1189)))


# The stream


def decoded(pieces: list[bytes]) -> list[Packet | Damage]:
    """Events of a stream in pieces, what is left over at its end included."""
    decoder = Decoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    rest = decoder.reset()
    return events if rest is None else [*events, rest]


STREAMS = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.builds(Packet, st.integers(0, 1023), st.integers(0, 63), st.binary(max_size=24)).map(encode),
        st.sampled_from([b"\xf0", b"\x0f", b"\xf0\x81", b"\x81", VECTORS[0].frame[:-1], VECTORS[6].frame[:17]]),
        st.integers(1, 3000).map(bytes),
    ),
    max_size=8,
).map(b"".join)


@given(STREAMS, st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_any_split_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    """A line cuts where it likes; no byte is lost or told twice."""
    ends = list(itertools.accumulate(cuts))
    pieces = [stream[start:end] for start, end in zip([0, *ends], [*ends, len(stream)], strict=True)]

    whole = decoded([stream])

    assert whole == decoded(pieces) == decoded([bytes((octet,)) for octet in stream])
    assert stream == b"".join(encode(event) if isinstance(event, Packet) else event.frame for event in whole)


@given(st.lists(st.builds(Packet, st.integers(0, 1023), st.integers(0, 63), st.binary(max_size=200))))
def test_every_packet_comes_back(packets: list[Packet]) -> None:
    """Encode and decode are one another's inverse, frames back to back."""
    assert packets == decoded([b"".join(encode(packet) for packet in packets)])


@pytest.mark.parametrize("cut", range(1, 43))
def test_a_cut_frame_does_not_swallow_the_one_after_a_pause(cut: int) -> None:
    """After a pause the caller drops the piece; the next answer must come through whole."""
    decoder = Decoder()
    decoder.feed(BY_NAME["ml_update_doc_example_2ch"].frame[:cut])

    assert decoder.reset() is not None
    assert [decode(BY_NAME["ml_stop"].frame)] == decoder.feed(BY_NAME["ml_stop"].frame)


@pytest.mark.parametrize("cut", range(9, 42))
def test_a_start_inside_a_frame_ends_it_and_begins_the_next(cut: int) -> None:
    """Bodies are stuffed: a start byte there is a start, and the whole frame behind it is not lost."""
    whole = BY_NAME["ml_stop"].frame

    events = decoded([BY_NAME["ml_update_doc_example_2ch"].frame[:cut] + whole])

    assert decode(whole) == events[-1]
    assert len(events) == 2


def framed(body: bytes) -> bytes:
    """A frame with right length and checksum around any body."""
    crc = binascii.crc_hqx(body, 0)
    octets = (0, 10 + len(body), crc >> 8, crc & 0xFF)
    return b"\xf0" + b"".join(bytes((0x81, octet ^ 0x55)) for octet in octets) + body + b"\x0f"


@pytest.mark.parametrize("body", [b"\x81\xd4", b"\x04\x81", b"\x04\x81\x81\x04", b"\x04\x34\x81\x00"])
def test_a_body_with_wrong_escapes_is_refused(body: bytes) -> None:
    """Right checksum or not: half a command, or an escape of what needs none, is nobody's frame."""
    with pytest.raises(RemoteProtocolError):
        decode(framed(body))


@pytest.mark.parametrize("bit", range(15 * 8))
def test_every_single_bit_error_is_found(bit: int) -> None:
    """No damaged status is ever taken for a status."""
    frame = bytearray(BY_NAME["stim_status_ack_idle"].frame)
    frame[bit // 8] ^= 1 << bit % 8

    assert not any(isinstance(event, Packet) for event in decoded([bytes(frame)]))


@given(st.binary(max_size=40))
def test_decoding_arbitrary_bytes_raises_nothing_but_the_remote_error(frame: bytes) -> None:
    """Their nonsense is theirs."""
    with pytest.raises(RemoteProtocolError):
        decode(frame)


def test_noise_is_told_in_pieces_that_never_grow_beyond_one_frame() -> None:
    """Endless noise fills no memory."""
    events = decoded([bytes(5_000)])

    assert [1200, 1200, 1200, 1200, 200] == [len(event.frame) for event in events if isinstance(event, Damage)]
