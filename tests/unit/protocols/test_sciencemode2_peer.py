"""Two readings of one document: the driver's codec and the simulated unit's wire."""

from hypothesis import given
from hypothesis import strategies as st

from devices.sim.sciencemode2 import Pulse as SimPulse
from devices.sim.sciencemode2 import Request, Timing, frame_of, pulses_of, requests_in, timing_of
from protocols.damage import Damage
from protocols.sciencemode import Packet
from protocols.sciencemode2 import Decoder, Pulse, decode, encode, init_list, start_list

OCTETS = st.integers(0, 255)


@given(number=OCTETS, command=OCTETS, data=st.binary(max_size=28))
def test_both_put_the_same_frame_around_a_packet(number: int, command: int, data: bytes) -> None:
    """Stuffing, checksum and length, made twice from one document."""
    frame = encode(Packet(command, number, data))

    assert frame == frame_of(number, command, data)
    assert [Request(number, command, data)] == list(requests_in(bytearray(frame)))


@given(number=OCTETS, command=OCTETS, data=st.binary(max_size=20), bit=st.integers(0, 10_000))
def test_neither_believes_a_frame_with_a_wrong_bit(number: int, command: int, data: bytes, bit: int) -> None:
    """One bit anywhere: whole or not, no packet is read from it."""
    wrong = bytearray(encode(Packet(command, number, data)))
    wrong[bit // 8 % len(wrong)] ^= 1 << bit % 8

    assert all(isinstance(event, Damage) for event in Decoder().feed(bytes(wrong)))
    assert all(request.data is None for request in requests_in(wrong))


@given(channels=st.sets(st.integers(1, 8), min_size=1), code=st.integers(14, 2048))
def test_both_read_a_channel_list_alike(channels: set[int], code: int) -> None:
    """Channels and interval, over the whole range."""
    period_us = 1_000 + 500 * code
    payload = decode(init_list(1, tuple(sorted(channels)), period_us)).payload

    assert Timing(tuple(channel - 1 for channel in sorted(channels)), 8_000, period_us) == timing_of(payload)


@given(current_ma=st.integers(0, 130), width_us=st.integers(20, 500))
def test_both_read_a_pulse_alike(current_ma: int, width_us: int) -> None:
    """Current and width, over the whole range."""
    payload = decode(start_list(1, (Pulse(current_ma * 1000, width_us),))).payload

    assert {3: SimPulse(1, width_us, current_ma * 1000)} == pulses_of(payload, Timing((3,), 8_000, 20_000))


@given(st.binary(max_size=300), st.integers(1, 50))
def test_the_simulated_unit_holds_no_more_than_one_frame(received: bytes, step: int) -> None:
    """Whatever comes in, in whatever pieces."""
    held = bytearray()
    for at in range(0, len(received), step):
        held += received[at : at + step]
        list(requests_in(held))
        assert len(held) <= 69
