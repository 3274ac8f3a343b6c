"""Our driver over our links, against Modbus servers that nobody here wrote: libmodbus in C and modbus-tk in Python."""

import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from devices.model import Ack, AckOf, DeviceEvent, Identity, LinkFault, Off, Output, Sample
from devices.profile import Profile, load
from devices.registry import driver_for
from modctl.clock import SystemClock
from protocols.link import Link, LinkError
from protocols.link_serial import SerialLink
from protocols.link_tcp import TcpLink

SOURCE = Path(__file__).with_name("modbus_server.c")
MODBUS_TK = """
import sys, threading, time
import serial
from modbus_tk import defines, modbus_rtu, modbus_tcp
kind, where = sys.argv[1:3]
if kind == "tcp":
    server = modbus_tcp.TcpServer(int(where), "127.0.0.1")
else:
    server = modbus_rtu.RtuServer(serial.Serial(where, 19200))
server.start()
unit = server.add_slave(1)
unit.add_block("all", defines.HOLDING_REGISTERS, 0, 64)
unit.set_values("all", 0, [0x4D43, 1, 1, 1, 0, 4242, 0x0102, 1, 1000, 18000, 0, 7, 500, 60])
unit.set_values("all", 18, 1)
unit.set_values("all", 27, 3300)
print("ready", flush=True)
for number in range(2000):
    unit.set_values("all", 19, number % 65536)
    time.sleep(0.02)
"""
PATIENCE_NS = 3_000_000_000
READ_NS = 20_000_000
WANTED_SAMPLES = 5
ULTRASOUND = "reference-ultrasound"


@pytest.fixture(scope="module")
def libmodbus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program, compiled here."""
    compiler = shutil.which("cc")
    if compiler is None or not Path("/usr/include/modbus/modbus.h").exists():
        pytest.skip("needs a C compiler and libmodbus-dev")
    program = str(tmp_path_factory.mktemp("libmodbus") / "server")
    subprocess.run([compiler, "-I/usr/include/modbus", "-o", program, str(SOURCE), "-lmodbus"], check=True)
    return program


@pytest.fixture(params=["libmodbus", "modbus-tk"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """How one of the servers is started."""
    if request.param == "modbus-tk":
        return [sys.executable, "-c", MODBUS_TK]
    program: str = request.getfixturevalue("libmodbus")
    return [program]


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A serial cable between two programs: the names of its ends."""
    if shutil.which("socat") is None:
        pytest.skip("needs socat")
    ends = (str(tmp_path / "theirs"), str(tmp_path / "ours"))
    command = ["socat", *(f"pty,raw,echo=0,link={end}" for end in ends)]
    with subprocess.Popen(command) as joined:
        until = threading.Event()
        for _ in range(200):
            if all(Path(end).exists() for end in ends):
                break
            until.wait(0.01)
        yield ends
        joined.kill()


@pytest.fixture(params=["rtu", "tcp"])
def line(request: pytest.FixtureRequest, command: list[str], tmp_path: Path) -> Iterator[tuple[Link, Profile]]:
    """The server on one kind of line, and our end of it, open."""
    profile = load(ULTRASOUND)
    link: Link
    if request.param == "rtu":
        where, ours = request.getfixturevalue("cable")
        link = SerialLink(ours, profile.link)
    else:
        with socket.create_server(("127.0.0.1", 0)) as free:
            where = str(free.getsockname()[1])
        link = TcpLink("127.0.0.1", int(where), tmp_path)
        profile = msgspec.structs.replace(profile, link=msgspec.structs.replace(profile.link, kind="tcp"))
    with subprocess.Popen([*command, request.param, where], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert "ready" == server.stdout.readline().strip()
        _open(link)
        yield link, profile
        link.close()
        server.kill()


def _open(link: Link) -> None:
    """A server may say that it is ready a moment before it listens."""
    until = threading.Event()
    for _ in range(100):
        try:
            return link.open()
        except LinkError:
            until.wait(0.02)
    return link.open()


def test_the_driver_meets_a_unit_made_by_others(line: tuple[Link, Profile]) -> None:
    """Identity, samples, Off: through our links, with the answers that their server makes."""
    link, profile = line
    clock, driver = SystemClock(), driver_for(profile)
    driver.watch_closely(closely=True)
    seen: list[DeviceEvent] = []
    until_ns, is_told = clock.mono_ns() + PATIENCE_NS, False
    while clock.mono_ns() < until_ns and not _is_enough(seen):
        now_ns = clock.mono_ns()
        if not is_told and any(isinstance(one, Sample) for one in seen):
            driver.command(Off(), now_ns)
            is_told = True
        frame, noticed = driver.poll(now_ns, None)
        seen.extend(noticed)
        if frame:
            link.write(frame)
        received = link.read(READ_NS)
        if received:
            seen.extend(driver.feed(received, clock.mono_ns()))

    identities = [one for one in seen if isinstance(one, Identity)]
    assert [(ULTRASOUND, "4242", True)] == [(one.model, one.serial, one.is_simulator) for one in identities]
    assert {Output.OFF} == {one.output for one in seen if isinstance(one, Sample)}
    assert AckOf.OFF in {one.of for one in seen if isinstance(one, Ack)}
    assert [] == [one for one in seen if isinstance(one, LinkFault)]


def _is_enough(seen: list[DeviceEvent]) -> bool:
    is_off = any(isinstance(one, Ack) and one.of is AckOf.OFF for one in seen)
    return is_off and sum(isinstance(one, Sample) for one in seen) >= WANTED_SAMPLES
