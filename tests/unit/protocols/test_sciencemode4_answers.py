"""What the unit's answers say, from published frames and over every impossible value."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from science_mode_4.general.general_device_id import PacketGeneralGetDeviceIdAck
from science_mode_4.mid_level.mid_level_current_data import PacketMidLevelGetCurrentDataAck
from science_mode_4.protocol.types import ResultAndError

from protocols.errors import RemoteProtocolError
from protocols.sciencemode import Packet
from protocols.sciencemode4 import decode
from protocols.sciencemode4_answers import (
    RESULTS,
    Answer,
    Battery,
    ChannelError,
    CurrentData,
    DeviceId,
    Done,
    MainStatus,
    Status,
    StimStatus,
    Version,
    answer_of,
    result_name,
)


class Frame(msgspec.Struct, frozen=True):
    """One published frame."""

    name: str
    frame_hex: str


class Frames(msgspec.Struct, frozen=True):
    """The file."""

    vectors: list[Frame]


FILE = Path(__file__).parent / "sciencemode4.json"
FRAMES = {each.name: each.frame_hex for each in msgspec.json.decode(FILE.read_bytes(), type=Frames).vectors}
FINE = (ChannelError.OK,) * 8
FIRST_FOUR = (True,) * 4 + (False,) * 4


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("device_id_ack", DeviceId(0, "P24-000123")),
        ("stim_status_ack_idle", Status(0, StimStatus.NONE, 1)),
        ("battery_ack", Battery(0, 87, 3985)),
        ("reset_ack", Done(0)),
        ("ml_init_ack_ok", Done(0)),
        ("ml_update_ack_ok", Done(0)),
        ("ml_stop_ack_ok", Done(0)),
        ("ml_update_ack_result_2", Done(2)),
        ("ml_update_ack_result_7", Done(7)),
        ("ml_update_ack_result_10", Done(10)),
        ("general_error_2", Done(2)),
        ("unknown_cmd_11", Done(11)),
        ("ml_current_data_ack_ch1to4_stuffed", CurrentData(0, 4, FIRST_FOUR, FINE)),
    ],
)
def test_published_answers_are_read(name: str, answer: Answer) -> None:
    """Frames that Hasomed's own library built."""
    assert answer == answer_of(decode(bytes.fromhex(FRAMES[name])))


@pytest.mark.parametrize(
    ("packet", "answer"),
    [
        (Packet(51, 0, bytes((0, 1, 2, 3, 4, 5, 6))), Version(0, (1, 2, 3), (4, 5, 6))),
        (Packet(69, 0, bytes((0, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 1, 1))), Version(0, (1, 2, 3), (4, 5, 6), True)),  # noqa: FBT003
        (Packet(65, 0, b"\x00\x05"), MainStatus(0, 5)),
        (Packet(53, 0, b"\x00P24\x00\x00\x00\x00\x00\x00\x00"), DeviceId(0, "P24")),
        (Packet(53, 0, b"\x00P24\xff56789a"), DeviceId(0, "P24\ufffd56789a")),
        (Packet(63, 0, b"\x15"), Done(21)),
    ],
)
def test_answers_without_a_published_frame_are_read_by_the_document(packet: Packet, answer: Answer) -> None:
    """Versions, padded names, and errors that are shorter than the good answer."""
    assert answer == answer_of(packet)


@pytest.mark.parametrize(
    "packet",
    [
        Packet(63, 0, b""),
        Packet(63, 0, b"\x00\x00"),
        Packet(63, 0, b"\x00\x00\x01\x00"),
        Packet(63, 0, b"\x00\x04\x01"),
        Packet(63, 0, b"\x00\x00\x07"),
        Packet(33, 0, b"\x00\x00"),
        Packet(37, 0, b"\x00\x04\x01\x04\x00\x00\x00"),
        Packet(37, 0, b"\x00\x04\x01\x00\x00\x00"),
        Packet(62, 0, b"\x00"),
        Packet(1, 0, b"\x00"),
    ],
)
def test_an_impossible_answer_is_refused(packet: Packet) -> None:
    """Right checksum, impossible content: a fault to report, not a value to use."""
    with pytest.raises(RemoteProtocolError):
        answer_of(packet)


@given(st.integers(0, 1023), st.binary(max_size=16))
def test_arbitrary_answers_raise_nothing_but_the_remote_error(command: int, payload: bytes) -> None:
    """Whatever comes with a right checksum."""
    try:
        answer = answer_of(Packet(command, 0, payload))
    except RemoteProtocolError:
        return

    assert answer.result == payload[0]


@given(mask=st.integers(0, 255), errors=st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_channel_errors_equal_those_of_the_published_client(mask: int, errors: list[int]) -> None:
    """Low nibble first: which channel lost its electrode must not depend on who reads."""
    nibbles = bytes(errors[at] | errors[at + 1] << 4 for at in range(0, 8, 2))
    payload = bytes((0, 4, mask)) + nibbles
    peer = PacketMidLevelGetCurrentDataAck(payload)
    words = {0: "NO_ERROR", 1: "ELECTRODE_ERROR", 2: "PULSE_TIMEOUT_ERROR", 3: "PULSE_LOW_CURRENT_ERROR"}

    ours = answer_of(Packet(37, 0, payload))

    assert isinstance(ours, CurrentData)
    assert list(peer.is_stimulation_active_per_channel) == list(ours.active)
    assert [error.name for error in peer.channel_error] == [words[error] for error in ours.errors]


def test_the_device_id_equals_that_of_the_published_client() -> None:
    """The serial number is what a session is bound to."""
    payload = b"\x00SIM0012345"

    assert DeviceId(0, PacketGeneralGetDeviceIdAck(payload).device_id) == answer_of(Packet(53, 0, payload))


def test_every_result_has_a_name_and_an_unnamed_one_its_number() -> None:
    """A technician reads words; the published client knows the same numbers."""
    assert {int(result) for result in ResultAndError} == set(RESULTS)
    assert result_name(b"\x0a\x00") == "electrode error (10)"
    assert result_name(b"\xc8") == "unnamed result (200)"
    assert result_name(b"") == "no result"
