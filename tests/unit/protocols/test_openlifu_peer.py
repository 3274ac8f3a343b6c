"""The OpenLIFU codec against the packet builder of Openwater's SDK (openlifu-sdk), wherever both can say it."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.openlifu import Packet, Trigger, decode, encode, trigger_payload, voltage_payload

peer = pytest.importorskip("openlifu_sdk.io.uart_packet", reason="openlifu-sdk is not installed")


@given(
    number=st.integers(0, 0xFFFF),
    octets=st.tuples(*[st.integers(0, 0xFF)] * 4),
    payload=st.binary(max_size=200),
)
def test_frames_equal_those_of_the_sdk(number: int, octets: tuple[int, int, int, int], payload: bytes) -> None:
    """Built by either, read by the other."""
    kind, command, address, reserved = octets
    theirs = peer.OWUartPacket(
        id=number, packet_type=kind, command=command, addr=address, reserved=reserved, data=payload
    ).to_bytes()
    ours = encode(Packet(number, kind, command, payload, address, reserved))
    read = peer.OWUartPacket(buffer=ours)

    assert theirs == ours
    assert Packet(number, kind, command, payload, address, reserved) == decode(theirs)
    assert (number, kind, command, bytes(payload)) == (read.id, read.packet_type, read.command, bytes(read.data))


@given(st.integers(50, 1_000).map(lambda tenths: tenths * 100))
def test_a_voltage_has_the_bytes_of_the_sdk(voltage_mv: int) -> None:
    """set_voltage packs a float32 big endian."""
    assert struct.pack(">f", voltage_mv / 1000) == voltage_payload(voltage_mv)


@given(frequency_hz=st.integers(2, 1_000), trains=st.integers(1, 600))
def test_a_trigger_has_the_bytes_of_the_sdks_json(frequency_hz: int, trains: int) -> None:
    """set_trigger_json sends what Python's json makes of the eight keys."""
    keys = {
        "TriggerFrequencyHz": frequency_hz,
        "TriggerPulseCount": frequency_hz,
        "TriggerPulseWidthUsec": 20,
        "TriggerPulseTrainInterval": 1_000_000,
        "TriggerPulseTrainCount": trains,
        "TriggerMode": 0,
        "ProfileIndex": 0,
        "ProfileIncrement": 0,
    }
    ours = Trigger(
        frequency_hz=frequency_hz,
        pulse_count=frequency_hz,
        pulse_width_us=20,
        train_interval_us=1_000_000,
        train_count=trains,
        mode=0,
        profile_index=0,
        profile_increment=0,
    )

    assert json.dumps(keys).encode() == trigger_payload(ours)
