"""The ScienceMode 4 codec against Hasomed's published Python client (science-mode-4), wherever both can say it."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from science_mode_4.general.general_device_id import PacketGeneralGetDeviceId
from science_mode_4.general.general_stim_status import PacketGeneralGetStimStatus
from science_mode_4.general.general_version import PacketGeneralGetExtendedVersion
from science_mode_4.mid_level.mid_level_current_data import PacketMidLevelGetCurrentData
from science_mode_4.mid_level.mid_level_init import PacketMidLevelInit
from science_mode_4.mid_level.mid_level_stop import PacketMidLevelStop
from science_mode_4.mid_level.mid_level_types import MidLevelChannelConfiguration
from science_mode_4.mid_level.mid_level_update import PacketMidLevelUpdate
from science_mode_4.protocol.channel_point import ChannelPoint
from science_mode_4.protocol.protocol import Protocol

from protocols.sciencemode import Packet
from protocols.sciencemode4 import (
    Command,
    Pattern,
    Point,
    encode,
    fits,
    ml_get_current_data,
    ml_init,
    ml_update,
    request,
)


def peers_update(ramp: int, period_ms: int, points: list[tuple[int, float]]) -> PacketMidLevelUpdate:
    """An update of channels 1 and 3 in the published client's words."""
    packet = PacketMidLevelUpdate()
    channel = MidLevelChannelConfiguration(
        True,  # noqa: FBT003  # the client's own signature
        ramp,
        period_ms,
        [ChannelPoint(duration_us, current_ma) for duration_us, current_ma in points],
    )
    packet.channel_configuration = [channel, None, channel]
    return packet


@pytest.mark.parametrize(
    ("command", "peer"),
    [
        (Command.GET_DEVICE_ID, PacketGeneralGetDeviceId),
        (Command.GET_STIM_STATUS, PacketGeneralGetStimStatus),
        (Command.GET_EXTENDED_VERSION, PacketGeneralGetExtendedVersion),
        (Command.ML_STOP, PacketMidLevelStop),
        (Command.ML_GET_CURRENT_DATA, PacketMidLevelGetCurrentData),
        (Command.ML_INIT, PacketMidLevelInit),
    ],
)
def test_requests_equal_those_of_the_published_client(command: Command, peer: type) -> None:
    """Two witnesses, over every packet number."""
    with_data = {Command.ML_INIT: ml_init, Command.ML_GET_CURRENT_DATA: ml_get_current_data}
    for number in range(64):
        packet = peer()
        packet.number = number
        packet.do_stop_on_all_errors = True
        ours = with_data[command](number) if command in with_data else request(command, number)

        assert Protocol.packet_to_bytes(packet) == ours


@given(
    number=st.integers(0, 63),
    ramp=st.integers(0, 15),
    period_ms=st.integers(100, 16_383),
    phases=st.lists(st.tuples(st.integers(10, 4095), st.integers(-300, 300)), min_size=1, max_size=8),
)
def test_updates_equal_those_of_the_published_client(
    number: int, ramp: int, period_ms: int, phases: list[tuple[int, int]]
) -> None:
    """Any balanced pattern on two channels; periods in whole milliseconds, which is all that the client can say."""
    halves = [(duration_us, half_ma / 2) for duration_us, half_ma in phases]
    points = halves + [(duration_us, -current_ma) for duration_us, current_ma in halves]
    packet = peers_update(ramp, period_ms, points)
    packet.number = number
    pattern = Pattern(period_ms * 1000, tuple(Point(us, round(ma * 1000)) for us, ma in points), ramp)

    assume(fits((pattern, pattern)))

    assert Protocol.packet_to_bytes(packet) == ml_update(number, {1: pattern, 3: pattern})


@given(st.builds(Packet, st.integers(0, 1023), st.integers(0, 63), st.binary(min_size=1, max_size=60)))
def test_the_published_client_reads_our_frames(packet: Packet) -> None:
    """Framing as the other side takes it apart."""
    frame = encode(packet)

    assert (0, len(frame) - 1) == Protocol.find_packet_in_buffer(frame)
    assert (packet.command, packet.number, packet.payload) == Protocol.extract_packet_data(frame)
