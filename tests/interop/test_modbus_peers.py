"""Clients and servers that nobody here wrote, against the simulated ultrasound unit and against our codec."""

import os
import select
import shutil
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import minimalmodbus
import pytest
import serial
from modbus_tk import defines, modbus_rtu
from modbus_tk.modbus import ModbusError
from pymodbus.client import ModbusTcpClient
from pyModbusTCP.client import ModbusClient

from devices import profile
from protocols.modbus import (
    AnswerDecoder,
    Exceptional,
    Framing,
    Function,
    Registers,
    Request,
    Written,
    encode,
    read,
    write,
)
from protocols.registers import Register

SERVE = """
import sys
from pathlib import Path
from devices.sim.rack import Wanted
from devices.sim.server import serve
serve([Wanted(name="ultrasound-1", model="reference-ultrasound", address=sys.argv[1])], Path(sys.argv[2]),
      lambda listing: print(listing.address, flush=True))
"""
MODBUS_TK = """
import sys, time
import serial
from modbus_tk import defines, modbus_rtu
server = modbus_rtu.RtuServer(serial.Serial(sys.argv[1], 19200))
server.start()
slave = server.add_slave(1)
slave.add_block("holding", defines.HOLDING_REGISTERS, 0, 20)
slave.set_values("holding", 4, [7, 8, 9])
print("ready", flush=True)
time.sleep(60)
"""
ULTRASOUND = profile.load("reference-ultrasound")
IDENTITY_WORDS = (0x4D43, 1, 1, 1)
PATIENCE_S = 10

mbpoll = pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed")


def at(name: str) -> int:
    """A register's address by its published name."""
    register: Register = ULTRASOUND.named_register(name)
    return register.address


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Starts the simulator's process on an address, and tells where it is reached."""
    started: list[subprocess.Popen[str]] = []

    def start(address: str) -> str:
        arguments = [sys.executable, "-c", SERVE, address, str(tmp_path / "sim.sock")]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip()

    yield start
    for process in started:
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def pty(served: Callable[[str], str], tmp_path: Path) -> str:
    """The unit on a pseudo-terminal."""
    return served(str(tmp_path / "ultrasound-1"))


@pytest.fixture
def tcp(served: Callable[[str], str]) -> int:
    """The unit on a port of the loopback address."""
    return int(served("tcp:0").rpartition(":")[2])


def polled(line: list[str], *arguments: str) -> tuple[int, list[int], str]:
    """One call of mbpoll: exit status, values in order, complaints. Addresses from 0, one poll, no parity."""
    command = ["mbpoll", "-q", "-a", "1", "-0", "-1", "-o", "2", *line[:-1], *arguments[:-1], line[-1], arguments[-1]]
    done = subprocess.run(
        [one for one in command if one], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    values = [int(row.rpartition("\t")[2].split()[0]) for row in done.stdout.splitlines() if row.startswith("[")]
    return done.returncode, values, done.stderr


def rtu_line(path: str) -> list[str]:
    """How mbpoll opens a serial line; its default parity is even."""
    return ["-m", "rtu", "-b", "19200", "-P", "none", path]


def tcp_line(port: int) -> list[str]:
    """How mbpoll opens a network line."""
    return ["-m", "tcp", "-p", str(port), "127.0.0.1"]


def check_with_mbpoll(line: list[str]) -> None:
    """Identity, a write that is read back, a value and an address that are refused."""
    status, words, _ = polled(line, "-t", "4", "-r", "0", "-c", "16", "")

    assert 0 == status
    assert IDENTITY_WORDS == tuple(words[:4])
    assert 16 == len(words)

    status, _, _ = polled(line, "-t", "4", "-r", str(at("set_duty")), "500")

    assert 0 == status
    assert [500] == polled(line, "-t", "4", "-r", str(at("set_duty")), "-c", "1", "")[1]

    status, _, complaint = polled(line, "-t", "4", "-r", str(at("set_frequency")), "2000")

    assert 1 == status
    assert "Illegal data value" in complaint

    status, _, complaint = polled(line, "-t", "4", "-r", "100", "-c", "1", "")

    assert 1 == status
    assert "Illegal data address" in complaint


@mbpoll
def test_mbpoll_reads_and_writes_on_a_serial_line(pty: str) -> None:
    """libmodbus in C, as any technician has it."""
    check_with_mbpoll(rtu_line(pty))


@mbpoll
def test_mbpoll_reads_and_writes_over_tcp(tcp: int) -> None:
    """The same registers behind MBAP."""
    check_with_mbpoll(tcp_line(tcp))


@mbpoll
def test_mbpoll_cannot_switch_on_what_nobody_feeds(pty: str) -> None:
    """The unit's own rules hold for every client."""
    status, _, complaint = polled(rtu_line(pty), "-t", "4", "-r", str(at("enable")), "1")

    assert 1 == status
    assert "failure" in complaint


def test_minimalmodbus_reads_and_writes_on_a_serial_line(pty: str) -> None:
    """A client that keeps the 3.5 characters itself and knows 32-bit numbers."""
    unit = minimalmodbus.Instrument(pty, 1)
    unit.serial.baudrate = 19_200
    unit.serial.timeout = 0.5
    try:
        assert list(IDENTITY_WORDS) == unit.read_registers(0, 4)
        assert unit.read_long(at("serial")) == unit.read_long(4)

        unit.write_register(at("set_intensity"), 80, functioncode=6)

        assert 80 == unit.read_register(at("set_intensity"))
        with pytest.raises(minimalmodbus.IllegalRequestError):
            unit.write_register(at("set_intensity"), 301, functioncode=6)
    finally:
        unit.serial.close()


def test_modbus_tk_reads_and_writes_on_a_serial_line(pty: str) -> None:
    """Another master in Python, with its own framing and its own idea of an exception."""
    with serial.Serial(pty, 19_200, timeout=0.5) as line:
        master = modbus_rtu.RtuMaster(line)
        master.set_timeout(1.0)
        assert IDENTITY_WORDS == tuple(master.execute(1, defines.READ_HOLDING_REGISTERS, 0, 4))

        master.execute(1, defines.WRITE_SINGLE_REGISTER, at("set_intensity"), output_value=80)

        assert (80,) == tuple(master.execute(1, defines.READ_HOLDING_REGISTERS, at("set_intensity"), 1))
        with pytest.raises(ModbusError, match="Exception code = 3"):
            master.execute(1, defines.WRITE_SINGLE_REGISTER, at("set_intensity"), output_value=301)


def test_pymodbus_as_a_client_reads_and_writes_over_tcp(tcp: int) -> None:
    """Its client knows nothing of its server's part in our simulators but the standard between them."""
    with ModbusTcpClient("127.0.0.1", port=tcp, timeout=2, retries=0) as unit:
        assert list(IDENTITY_WORDS) == unit.read_holding_registers(0, count=4, device_id=1).registers

        assert not unit.write_register(at("set_intensity"), 80, device_id=1).isError()

        assert [80] == unit.read_holding_registers(at("set_intensity"), count=1, device_id=1).registers
        assert 3 == unit.write_register(at("set_intensity"), 301, device_id=1).exception_code


def test_pymodbustcp_switches_on_and_off_over_tcp(tcp: int) -> None:
    """Lease, timer, level, enable, off: the published map is all that another program needs."""
    unit = ModbusClient("127.0.0.1", tcp, unit_id=1, auto_open=True, timeout=2)
    try:
        assert list(IDENTITY_WORDS) == unit.read_holding_registers(0, 4)
        assert unit.write_multiple_registers(at("lease"), [0, 1])
        assert unit.write_single_register(at("timer"), 600)
        assert unit.write_single_register(at("set_intensity"), 50)
        assert unit.write_single_register(at("enable"), 1)
        assert [2] == unit.read_holding_registers(at("status"), 1)
        assert [50] == unit.read_holding_registers(at("intensity"), 1)
        assert unit.write_single_register(at("enable"), 0)
        assert [0] == unit.read_holding_registers(at("status"), 1)
    finally:
        unit.close()


def test_a_client_that_stops_feeding_is_switched_off(tcp: int) -> None:
    """Polling does not feed: a second without a new number is off, however often status is read."""
    unit = ModbusClient("127.0.0.1", tcp, unit_id=1, auto_open=True, timeout=2)
    try:
        unit.write_multiple_registers(at("lease"), [0, 1])
        unit.write_single_register(at("timer"), 600)
        unit.write_single_register(at("set_intensity"), 50)
        assert unit.write_single_register(at("enable"), 1)
        seen = []
        until = threading.Event()
        for _ in range(30):
            until.wait(0.05)
            seen.append((unit.read_holding_registers(at("status"), 1) or [None])[0])

        assert 2 == seen[0]
        assert 0 == seen[-1]
        assert [1] == unit.read_holding_registers(at("faults"), 1)
    finally:
        unit.close()


def exchange(line: int, request: Request) -> list[object]:
    """One request of ours on a descriptor."""
    decoder = AnswerDecoder(Framing.RTU)
    decoder.expect(request)
    os.write(line, encode(request, Framing.RTU))
    arrivals: list[object] = []
    while not arrivals:
        readable, _, _ = select.select([line], [], [], PATIENCE_S)
        assert readable, "no answer"
        arrivals.extend(decoder.feed(os.read(line, 7)))
    return arrivals


def test_our_codec_talks_to_a_server_of_others() -> None:
    """modbus-tk's RTU server answers our reads, writes and mistakes."""
    line, its_end = os.openpty()
    tty.setraw(its_end)
    command = [sys.executable, "-c", MODBUS_TK, os.ttyname(its_end)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert "ready" == server.stdout.readline().strip()
            assert [Registers((7, 8, 9))] == exchange(line, read(1, Function.READ_HOLDING, 4, 3))
            assert [Written()] == exchange(line, write(1, 5, (77,)))
            assert [Written()] == exchange(line, write(1, 6, (1, 2, 3)))
            assert [Registers((7, 77, 1, 2, 3))] == exchange(line, read(1, Function.READ_HOLDING, 4, 5))
            assert [Exceptional(2)] == exchange(line, read(1, Function.READ_HOLDING, 19, 3))
        finally:
            server.kill()
            os.close(line)
            os.close(its_end)


def test_our_codec_reads_the_simulator_over_a_real_serial_line(pty: str) -> None:
    """Every portion that a pseudo-terminal delivers."""
    decoder = AnswerDecoder(Framing.RTU)
    with serial.Serial(pty, 19_200, timeout=0.5, exclusive=True) as line:
        request = read(1, Function.READ_HOLDING, 0, 16)
        decoder.expect(request)
        line.write(encode(request, Framing.RTU))
        arrivals: list[object] = []
        while not arrivals:
            arrivals.extend(decoder.feed(line.read(5)))
    (answer,) = arrivals

    assert isinstance(answer, Registers)
    assert IDENTITY_WORDS == answer.words[:4]
