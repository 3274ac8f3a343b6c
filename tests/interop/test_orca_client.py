"""Iris Dynamics' published Python client (pyorcasdk) drives the simulated motor over a real pseudo-terminal.

The client holds Python's one lock while it waits: the motor must live in another process.
"""

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.bench import Inject, Injected
from tests.interop.sim_process import Bench, simulated

if importlib.util.find_spec("pyorcasdk") is None:
    pytest.skip("pyorcasdk is not installed", allow_module_level=True)

from pyorcasdk import Actuator, MotorMode

TIMEOUT_REGISTER, MODE_REGISTER, MAX_FORCE_REGISTER = 163, 317, 140
COMMS_TIMEOUT_BIT = 1 << 11
PATIENCE_US = 200_000  # the client's own 25 ms are less than a paced 19200 baud line and a busy machine may need
PATIENCE_S = 10


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The simulator's process, with a pseudo-terminal and its control socket."""
    with simulated("traction-1", "iris-orca", tmp_path) as bench:
        yield bench


@pytest.fixture
def motor(bench: Bench) -> Iterator[Actuator]:
    """The client on the motor's line."""
    client = Actuator("motor", 1)
    error = client.open_serial_port(bench.address, 19_200, 2_000)
    assert not error, error.what()
    client.set_response_timeout(PATIENCE_US)
    yield client
    client.close_serial_port()


def entered(motor: Actuator, mode: MotorMode) -> bool:
    """Whether the motor takes a mode. The client gives it 25 ms, which a busy machine may need itself: three tries."""
    return any(not motor.set_mode(mode) for _ in range(3))


def streamed(motor: Actuator, force_mn: int, seconds: float) -> None:
    """Keep commanding a force."""
    motor.set_streamed_force_mN(force_mn)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        motor.run()


def test_the_client_reads_who_the_motor_is(motor: Actuator) -> None:
    """Serial number, versions and supply by the client's own names for the registers."""
    serial = motor.get_serial_number()

    assert not serial.error
    assert int.from_bytes(b"SIM", "big") == serial.value >> 8
    assert (7, 2) == (motor.get_major_version().value, motor.get_revision_number().value)
    assert (24_000, 0, 0) == (motor.get_voltage_mV().value, motor.get_errors().value, motor.get_force_mN().value)


def test_the_client_writes_limits_and_reads_them_back(motor: Actuator) -> None:
    """Low word first, both ways."""
    assert not motor.set_max_force(123_456)
    assert not motor.set_max_temp(55)
    assert not motor.write_register_blocking(TIMEOUT_REGISTER, 300)

    assert 123_456 == motor.read_wide_register_blocking(MAX_FORCE_REGISTER).value
    assert 300 == motor.read_register_blocking(TIMEOUT_REGISTER).value


def test_the_client_pulls_by_its_stream_and_lets_go(bench: Bench, motor: Actuator) -> None:
    """Force mode, the stream, telemetry, sleep: the maker's own way to do what modctl does."""
    motor.set_max_force(200_000)
    assert entered(motor, MotorMode.ForceMode)
    motor.enable_stream()
    streamed(motor, 100_000, 0.5)
    told = motor.get_stream_data()

    assert (True, 100) == (bench.truth().energized, bench.truth().output)
    assert (100_000, 0) == (told.force, told.errors)

    assert entered(motor, MotorMode.SleepMode)
    assert 0 == bench.truth().output
    assert MotorMode.SleepMode == motor.get_mode().value


def test_a_client_that_falls_silent_is_let_go_of(bench: Bench, motor: Actuator) -> None:
    """The communication timeout ends the pull and says so; the client's clear makes the next start possible."""
    motor.write_register_blocking(TIMEOUT_REGISTER, 300)
    assert entered(motor, MotorMode.ForceMode)
    motor.enable_stream()
    streamed(motor, 50_000, 0.5)
    assert 50 == bench.truth().output

    time.sleep(0.5)

    assert 0 == bench.truth().output
    assert COMMS_TIMEOUT_BIT == motor.get_errors().value & COMMS_TIMEOUT_BIT
    assert not entered(motor, MotorMode.ForceMode)

    assert not motor.clear_errors()
    assert entered(motor, MotorMode.ForceMode)


def test_the_client_meets_a_motor_that_is_silent(bench: Bench, motor: Actuator) -> None:
    """Its own timeout, as with a real one."""
    assert isinstance(bench.ask(Inject(name="traction-1", fault="silence")), Injected)

    assert motor.read_register_blocking(MODE_REGISTER).error
