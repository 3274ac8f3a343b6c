"""Hasomed's published Python client (science-mode-4) drives the simulated P24 over a real pseudo-terminal."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from science_mode_4.device_p24 import DeviceP24
from science_mode_4.low_level.low_level_types import LowLevelHighVoltageSource, LowLevelMode
from science_mode_4.mid_level.mid_level_types import MidLevelChannelConfiguration
from science_mode_4.protocol.channel_point import ChannelPoint
from science_mode_4.protocol.exceptions import ProtocolError
from science_mode_4.protocol.types import Channel, Connector, ResultAndError, StimStatus
from science_mode_4.utils.serial_port_connection import SerialPortConnection

from devices.bench import Inject, Injected
from tests.interop.sim_process import Bench, simulated

KEEP_ALIVE_S = 2.0  # P24 Instructions for Use v1.1
NAP_S = 0.5  # as often as the driver feeds


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The simulator's process, with a pseudo-terminal and its control socket."""
    with simulated("estim-1", "hasomed-p24", tmp_path) as bench:
        yield bench


@contextlib.contextmanager
def opened(bench: Bench) -> Iterator[DeviceP24]:
    """The client on the unit's line."""
    connection = SerialPortConnection(bench.address)
    connection.open()
    try:
        yield DeviceP24(connection)
    finally:
        connection.close()


def channel(current_ma: float) -> MidLevelChannelConfiguration:
    """50 Hz, 200 us, balanced."""
    points = [ChannelPoint(200, current_ma), ChannelPoint(100, 0), ChannelPoint(200, -current_ma)]
    return MidLevelChannelConfiguration(True, 0, 20, points)  # noqa: FBT003  # the client's own signature


def test_the_client_identifies_the_unit(bench: Bench) -> None:
    """Status, device id, versions: the client's own opening."""

    async def run() -> None:
        with opened(bench) as device:
            await device.initialize()
            general = device.get_layer_general()

            assert general.device_id.startswith("SIM")
            assert (general.firmware_version, general.science_mode_version) == ("1.2.0", "4.0.0")

    asyncio.run(run())


def test_the_client_stimulates_at_mid_level_keeps_alive_and_stops(bench: Bench) -> None:
    """Output lasts as long as the client asks, ends by itself when it stops asking, and by Ml_stop at once."""

    async def run() -> None:
        with opened(bench) as device:
            await device.initialize()
            middle = device.get_layer_mid_level()
            await middle.init(True)  # noqa: FBT003  # the client's own signature
            await middle.update([None, channel(20)])
            assert bench.truth().channels == (0, 20_000, 0, 0, 0, 0, 0, 0)

            until = time.monotonic() + KEEP_ALIVE_S + 2 * NAP_S
            while time.monotonic() < until:
                await asyncio.sleep(NAP_S)
                result = await middle.get_current_data()
                assert result.is_stimulation_active_per_channel == [False, True] + [False] * 6
                assert set(result.channel_error) == {ResultAndError.NO_ERROR}
            assert bench.truth().output == 20_000

            await asyncio.sleep(KEEP_ALIVE_S + NAP_S)
            assert (bench.truth().energized, bench.truth().state) == (False, "mid level initialised")

            await middle.update([channel(10)])
            assert bench.truth().output == 10_000
            await middle.stop()
            assert (bench.truth().energized, bench.truth().output) == (False, 0)
            assert (await device.get_layer_general().get_stim_status()).stim_status == StimStatus.NO_LEVEL_INITIALIZED

    asyncio.run(run())


def test_the_client_meets_the_refusals_it_knows(bench: Bench) -> None:
    """An update before init, an electrode that fell off, values out of range."""

    async def run() -> None:
        with opened(bench) as device:
            await device.initialize()
            middle = device.get_layer_mid_level()
            with pytest.raises(ProtocolError, match="NOT_INITIALIZED"):
                await middle.update([channel(20)])
            await middle.init(True)  # noqa: FBT003  # the client's own signature
            with pytest.raises(ProtocolError, match="PARAMETER_ERROR"):
                await middle.update([channel(140)])
            assert isinstance(bench.ask(Inject(name="estim-1", fault="contact-loss")), Injected)
            await middle.update([channel(20)])
            with pytest.raises(ProtocolError, match="ELECTRODE_ERROR"):
                await middle.get_current_data()
            assert bench.truth().energized is False

    asyncio.run(run())


def test_the_client_drives_single_pulses_at_low_level(bench: Bench) -> None:
    """modctl never does; the simulated unit has it so that other people's programs meet what they know."""

    async def run() -> None:
        with opened(bench) as device:
            await device.initialize()
            low = device.get_layer_low_level()
            await low.init(LowLevelMode.NO_MEASUREMENT, LowLevelHighVoltageSource.STANDARD)
            points = [ChannelPoint(200, 20), ChannelPoint(200, -20)]
            low.send_channel_config(True, Channel.RED, Connector.YELLOW, points)  # noqa: FBT003  # the client's signature
            ack = None
            until = time.monotonic() + 5
            while ack is None and time.monotonic() < until:
                await asyncio.sleep(0.01)
                ack = low.packet_buffer.get_packet_from_buffer()
            assert ack is not None
            assert (ack.result, ack.channel, ack.connector) == (ResultAndError.NO_ERROR, 0, 0)
            await low.stop()

    asyncio.run(run())
