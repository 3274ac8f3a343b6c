"""The ScienceMode 2 codec against published frames and arbitrary bytes."""

import itertools
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.damage import Damage
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Energize, FrameKind, Off, Query, Unknown
from protocols.sciencemode import Packet
from protocols.sciencemode2 import (
    MAX_FRAME,
    Command,
    Decoder,
    Pulse,
    crc8,
    decode,
    encode,
    init_ack,
    init_list,
    inspect,
    request,
    start_list,
)


class Vector(msgspec.Struct, frozen=True):
    """One published frame."""

    name: str
    packet_number: int
    command_code: int
    payload_hex: str
    frame_hex: str

    @property
    def frame(self) -> bytes:
        """Its bytes."""
        return bytes.fromhex(self.frame_hex)


class Vectors(msgspec.Struct, frozen=True):
    """The file."""

    vectors: list[Vector]


VECTORS = msgspec.json.decode((Path(__file__).parent / "sciencemode2.json").read_bytes(), type=Vectors).vectors
BY_NAME = {vector.name: vector for vector in VECTORS}
FEEDS = Query(feeds_lease=True)


# Published frames


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_every_published_frame_is_taken_apart_and_put_together_again(vector: Vector) -> None:
    """Length, checksum, stuffing and header escapes in both directions."""
    packet = decode(vector.frame)

    assert (vector.command_code, vector.packet_number) == (packet.command, packet.number)
    assert vector.payload_hex == packet.payload.hex()
    assert vector.frame == encode(packet)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("f0817f81560002000f", init_ack(0)),
        ("f0815c815701040f", request(Command.WATCHDOG, 1)),
        ("f081ef815704220f", request(Command.STOP_CHANNEL_LIST_MODE, 4)),
        ("f08138815c021e0003000d0062000f", init_list(2, (1, 2), 50_000)),
        (BY_NAME["get_stimulation_mode"].frame_hex, request(Command.GET_STIMULATION_MODE, 1)),
        (BY_NAME["init_cclm_all_1025ms"].frame_hex, init_list(2, tuple(range(1, 9)), 1_025_000)),
        (BY_NAME["init_cclm_ch1to4_stuffed_active_0x0f"].frame_hex, init_list(2, (1, 2, 3, 4), 25_000)),
        (BY_NAME["start_1ch_pw240_stuffed_f0"].frame_hex, start_list(3, (Pulse(10_000, 240),))),
        (BY_NAME["watchdog_pn_0xf0"].frame_hex, request(Command.WATCHDOG, 240)),
    ],
)
def test_published_requests_are_said(frame: str, said: bytes) -> None:
    """Byte for byte what the document and a captured exchange have."""
    assert bytes.fromhex(frame) == said


def test_the_checksum_is_the_common_one() -> None:
    """The check value of CRC-8 with polynomial 07."""
    assert crc8(b"123456789") == 0xF4


def test_a_doublet_captured_from_another_program_is_read() -> None:
    """Two channels, the second a doublet with a width whose low byte is escaped."""
    packet = decode(bytes.fromhex("f081eb815e032000012c140100fa815a0f"))

    assert (Command.START_CHANNEL_LIST_MODE, "00012c140100fa0f") == (packet.command, packet.payload.hex())


def test_a_published_frame_with_a_misprint_is_refused() -> None:
    """Its checksum belongs to a width of 281 us, not to the printed 350."""
    with pytest.raises(RemoteProtocolError, match="checksum"):
        decode(bytes.fromhex("f081d08153032000015e050f"))


@pytest.mark.parametrize("octet", [0x55, 0x0A, 0x00])
def test_what_is_escaped_without_need_is_read_and_never_written(octet: int) -> None:
    """Programs in the field escape more than the document asks; the gate lets through what we would say alone."""
    body = bytes((7, 34, 0x81, octet ^ 0x55))
    frame = bytes((0xF0, 0x81, crc8(body) ^ 0x55, 0x81, len(body) ^ 0x55)) + body + b"\x0f"

    assert Packet(34, 7, bytes((octet,))) == decode(frame)
    assert isinstance(inspect(frame), Unknown)


# The frame gate's eyes


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (BY_NAME["stop"].frame, Off()),
        (BY_NAME["header_crc_byte_is_0x81"].frame, Off()),
        (BY_NAME["get_stimulation_mode"].frame, FEEDS),
        (BY_NAME["watchdog_pn_0x0f"].frame, FEEDS),
        (init_ack(129), FEEDS),
        (init_list(1, (1,), 20_000), Energize(channels=((("period_us", 20_000),),))),
        (init_list(1, (3, 8), 8_000), Energize(channels=((("period_us", 8_000),),) * 2)),
        (
            start_list(1, (Pulse(20_000, 300), Pulse(0, 20))),
            Energize(
                channels=(
                    (("current_ua", 20_000), ("pulse_width_us", 300)),
                    (("current_ua", 0), ("pulse_width_us", 20)),
                )
            ),
        ),
    ],
)
def test_the_gate_reads_frames_for_what_they_do(frame: bytes, kind: FrameKind) -> None:
    """Every packet feeds the watchdog, so no query is free of it."""
    assert kind == inspect(frame)


@pytest.mark.parametrize("name", ["init_v1", "init_oscl_ch1", "single_pulse_ch1_200us_10mA", "init_ack_bad_version"])
def test_published_frames_that_are_not_ours_to_say_are_unknown(name: str) -> None:
    """The unit's own words, one-shot lists, single pulses, a refusal of the unit."""
    assert isinstance(inspect(BY_NAME[name].frame), Unknown)


def test_of_all_commands_without_data_exactly_three_are_known() -> None:
    """A whitelist, over the whole space of commands."""
    known = [command for command in range(256) if not isinstance(inspect(encode(Packet(command, 1))), Unknown)]

    assert [4, 10, 34] == known


@pytest.mark.parametrize(
    "payload",
    [
        "0101000d006200",
        "0001010d006200",
        "0001000c006200",
        "0001000d006201",
        "0000000d006200",
        "0001000d000d00",
        "0001000d080100",
        "0001000d0062",
        "0001000d00620000",
        "",
    ],
)
def test_a_list_that_is_not_one_pulse_each_interval_is_unknown(payload: str) -> None:
    """Factor, low-frequency mask, pulse gap, execution, no channel, interval too short or long, wrong length."""
    assert isinstance(inspect(encode(Packet(30, 1, bytes.fromhex(payload)))), Unknown)


@pytest.mark.parametrize(
    ("payload", "is_known"),
    [
        ("0000140a", True),
        ("0000130a", False),
        ("0001f40a", True),
        ("0001f50a", False),
        ("0000c882", True),
        ("0000c883", False),
        ("0100c80a", False),
        ("0200c80a", False),
        ("0000c8", False),
        ("", False),
        ("0000c80a" * 8, True),
        ("0000c80a" * 9, False),
    ],
)
def test_pulses_are_known_inside_the_units_ranges_alone(payload: str, is_known: bool) -> None:
    """Width 20 to 500 us, current 0 to 130 mA, single pulses, at most eight channels; at the bound and one beyond."""
    assert is_known == isinstance(inspect(encode(Packet(32, 1, bytes.fromhex(payload)))), Energize)


@given(current_ma=st.integers(0, 130), width_us=st.integers(20, 500), code=st.integers(14, 2048))
def test_the_gate_reads_back_every_level_that_can_be_said(current_ma: int, width_us: int, code: int) -> None:
    """The gate's eyes and the driver's hand agree over the whole range, 0 mA included."""
    period_us = 1_000 + 500 * code

    assert Energize(channels=((("period_us", period_us),),)) == inspect(init_list(5, (1,), period_us))
    assert Energize(channels=((("current_ua", current_ma * 1000), ("pulse_width_us", width_us)),)) == inspect(
        start_list(5, (Pulse(current_ma * 1000, width_us),))
    )


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_unknown_to_the_gate(frame: bytes) -> None:
    """Nothing slips through for want of a check."""
    assert isinstance(inspect(frame), Unknown)


@given(command=st.integers(0, 255), payload=st.binary(max_size=20))
@example(command=30, payload=bytes(7))
@example(command=32, payload=bytes(4))
def test_arbitrary_packets_never_break_the_gate(command: int, payload: bytes) -> None:
    """Whatever is in a good frame, the answer is a kind; with data, only three commands are known."""
    kind = inspect(encode(Packet(command, 0, payload)))

    assert isinstance(kind, Unknown) or not payload or command in (2, 30, 32)


# What cannot be said


@pytest.mark.parametrize(
    "pulse",
    [
        Pulse(500, 200),
        Pulse(20_500, 200),
        Pulse(131_000, 200),
        Pulse(-1_000, 200),
        Pulse(20_000, 19),
        Pulse(20_000, 501),
    ],
)
def test_pulses_off_the_grid_or_out_of_range_are_refused(pulse: Pulse) -> None:
    """Refused, never rounded and never clamped."""
    with pytest.raises(LocalProtocolError):
        start_list(0, (pulse,))


@pytest.mark.parametrize("period_us", [0, 7_500, 7_999, 8_250, 1_025_500, -8_000])
def test_intervals_off_the_grid_or_out_of_range_are_refused(period_us: int) -> None:
    """Below 8 ms the firmware does something else; 0 would be a one-shot list."""
    with pytest.raises(LocalProtocolError):
        init_list(0, (1,), period_us)


@pytest.mark.parametrize("channels", [(), (0,), (9,), (1, 9)])
def test_there_are_eight_channels_and_at_least_one(channels: tuple[int, ...]) -> None:
    """A list without channels is none."""
    with pytest.raises(LocalProtocolError):
        init_list(0, channels, 20_000)


@pytest.mark.parametrize("pulses", [(), (Pulse(1_000, 200),) * 9])
def test_a_start_has_one_to_eight_pulses(pulses: tuple[Pulse, ...]) -> None:
    """One for each channel of the list."""
    with pytest.raises(LocalProtocolError):
        start_list(0, pulses)


@pytest.mark.parametrize("command", [Command.INIT_ACK, Command.INIT_CHANNEL_LIST_MODE, Command.START_CHANNEL_LIST_MODE])
def test_requests_with_data_cannot_be_said_without(command: Command) -> None:
    """A slip in the driver is an error here, not a frame."""
    with pytest.raises(LocalProtocolError):
        request(command, 0)


@pytest.mark.parametrize("packet", [Packet(256, 0), Packet(-1, 0), Packet(34, 256), Packet(34, -1)])
def test_numbers_outside_their_byte_are_refused(packet: Packet) -> None:
    """They would change the command."""
    with pytest.raises(LocalProtocolError):
        encode(packet)


def test_the_longest_frame_has_69_bytes() -> None:
    """At the bound and one beyond; escapes count."""
    assert len(encode(Packet(32, 0, bytes(61)))) == MAX_FRAME
    for data in (bytes(62), bytes(60) + b"\xf0"):
        with pytest.raises(LocalProtocolError):
            encode(Packet(32, 0, data))


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
        st.sampled_from([vector.frame for vector in VECTORS]),
        st.sampled_from([b"\xf0", b"\x0f", b"\x81", b"\xf0\x81", b"\x81\xf0", VECTORS[0].frame[:-1]]),
        st.integers(1, 200).map(lambda size: b"\x81" * size),
        st.integers(1, 200).map(lambda size: b"\xf0" + bytes(size)),
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
    damaged = sum(len(event.frame) for event in whole if isinstance(event, Damage))
    packets = [event for event in whole if isinstance(event, Packet)]
    assert len(stream) >= damaged + 8 * len(packets)
    assert packets or stream == b"".join(event.frame for event in whole if isinstance(event, Damage))


@given(st.lists(st.builds(Packet, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=28))))
def test_every_packet_comes_back(packets: list[Packet]) -> None:
    """Encode and decode are one another's inverse, frames back to back."""
    assert packets == decoded([b"".join(encode(packet) for packet in packets)])


@given(st.binary(max_size=90))
def test_arbitrary_bytes_raise_nothing_but_the_remote_error(frame: bytes) -> None:
    """What a unit sends must never end the worker."""
    with suppress(RemoteProtocolError):
        packet = decode(frame)
        assert packet == decode(encode(packet))


@given(STREAMS)
def test_no_more_than_one_frame_is_ever_held(stream: bytes) -> None:
    """What is thrown away at once is never longer than the longest legal frame."""
    assert all(len(event.frame) <= MAX_FRAME for event in decoded([stream]) if isinstance(event, Damage))


def test_a_second_start_byte_begins_anew() -> None:
    """The document: what came before it is dropped, and parsing restarts there."""
    good = BY_NAME["stop"].frame

    assert [Damage("cut off by the next frame", good[:6]), decode(good)] == decoded([good[:6] + good])


@pytest.mark.parametrize("cut", range(1, 15))
def test_a_cut_frame_does_not_swallow_the_one_after_a_pause(cut: int) -> None:
    """After a pause the caller drops the piece; the next frame must come through whole, even behind an escape."""
    decoder = Decoder()
    decoder.feed(init_list(2, (1, 2), 50_000)[:cut])

    assert decoder.reset() is not None
    assert [decode(BY_NAME["init_v1"].frame)] == decoder.feed(BY_NAME["init_v1"].frame)


@pytest.mark.parametrize("body", ["0722f0", "07220f", "072281", "07", "8152"])
def test_a_body_that_is_no_packet_is_refused(body: str) -> None:
    """A delimiter inside, an escape without its byte, no command: with length and checksum right."""
    octets = bytes.fromhex(body)
    frame = bytes((0xF0, 0x81, crc8(octets) ^ 0x55, 0x81, len(octets) ^ 0x55)) + octets + b"\x0f"

    with pytest.raises(RemoteProtocolError):
        decode(frame)
