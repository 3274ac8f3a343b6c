"""The simulated ORCA by itself: its registers and its stream, asked past every driver."""

import struct

import pytest

from devices.model import NS_PER_MS, MonoNs
from devices.sim.modbus import SimModbus
from devices.sim.units.orca import SimOrca
from protocols.modbus import Custom, Framing, Function, encode, read, write
from protocols.modbus_crc import with_crc
from protocols.orca import stream_force, stream_nothing


class Line:
    """A motor whose registers are asked and told past every driver."""

    def __init__(self) -> None:
        self.now = MonoNs(1_000 * NS_PER_MS)
        self.unit = SimModbus(SimOrca("traction-1", 3))

    def ask(self, request: bytes, wait_ms: int = 20) -> bytes:
        """One exchange, and some time after it."""
        answer = self.unit.handle(request, self.now)
        self.now = MonoNs(self.now + wait_ms * NS_PER_MS)
        self.unit.update(self.now)
        return answer

    def write(self, address: int, *words: int) -> bytes:
        """Registers."""
        return self.ask(encode(write(1, address, words), Framing.RTU))

    def word(self, address: int) -> int:
        """One register."""
        answer = self.ask(encode(read(1, Function.READ_HOLDING, address, 1), Framing.RTU))
        return int.from_bytes(answer[3:5], "big")

    def stream(self, force_n: int) -> bytes:
        """A force command."""
        return self.ask(encode(stream_force(1, force_n), Framing.RTU))

    def output(self) -> int:
        """The force in the rope, N."""
        return self.unit.truth(self.now).output


def test_the_motor_pulls_only_in_force_mode() -> None:
    """A force that is commanded while it sleeps waits for the mode."""
    line = Line()
    line.stream(100)
    assert 0 == line.output()

    line.write(3, 2)
    assert (2, 100) == (line.word(317), line.output())

    line.write(3, 1)
    assert (1, 0) == (line.word(317), line.output())


def test_the_motor_lets_go_when_no_force_is_commanded_for_its_timeout() -> None:
    """Neither reads nor telemetry feed it; the error says why, and bars force mode until it is cleared."""
    line = Line()
    line.write(163, 300)
    line.stream(100)
    line.write(3, 2)
    for _ in range(10):
        line.ask(encode(stream_nothing(1), Framing.RTU))
        line.word(317)
    assert 0 == line.output()
    assert 1 << 11 == line.word(432)

    line.write(3, 2)
    assert 0 == line.output()

    line.write(0, 2)
    line.stream(100)
    line.write(3, 2)
    assert (0, 1 << 11, 100) == (line.word(432), line.word(433), line.output())


def test_a_commanded_force_is_cut_at_the_most_force() -> None:
    """Its own limit stands behind ours."""
    line = Line()
    line.write(140, 90_000 & 0xFFFF, 90_000 >> 16)
    line.stream(100)
    line.write(3, 2)

    assert 90 == line.output()


def test_telemetry_is_what_the_registers_say() -> None:
    """Two ways to ask, two orders of the words, one motor."""
    line = Line()
    line.stream(100)
    line.write(3, 2)
    position_um, force_mn, power_w, degc, supply_mv, errors = struct.unpack(">iiHBHH", line.stream(100)[2:-2])
    low, high = line.word(348), line.word(349)

    assert 100_000 == force_mn == high << 16 | low
    assert (line.word(342), line.word(350), line.word(356)) == (position_um & 0xFFFF, power_w, degc)
    assert (24_000, 0) == (supply_mv, errors)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (read(1, Function.READ_INPUT, 317, 1), 1),
        (read(1, Function.READ_HOLDING, 500, 1), 2),
        (write(1, 317, (2,)), 2),
        (write(1, 3, (7,)), 3),
        (write(1, 0, (8,)), 3),
        (Custom(unit=1, function=100, octets=bytes(3)), 3),
        (Custom(unit=1, function=101, octets=bytes(5)), 1),
    ],
)
def test_what_the_motor_does_not_have_is_an_exception(request_: Custom, code: int) -> None:
    """As strict as its map."""
    assert bytes((code,)) == Line().ask(encode(request_, Framing.RTU))[2:3]


def test_the_motor_answers_nobody_elses_frames() -> None:
    """Another address, a broadcast, a broken checksum."""
    frame = encode(stream_force(1, 100), Framing.RTU)
    line = Line()

    assert b"" == line.ask(with_crc(b"\x02" + frame[1:-2]))
    assert b"" == line.ask(with_crc(b"\x00" + frame[1:-2]))
    assert b"" == line.ask(frame[:-1] + bytes((frame[-1] ^ 1,)))


def test_the_stream_is_answered_on_tcp_too() -> None:
    """The same octets behind MBAP, with its length and its transaction."""
    unit = SimModbus(SimOrca("traction-1", 3), "tcp")
    answer = unit.handle(encode(stream_nothing(1), Framing.TCP, 7), MonoNs(0))

    assert bytes.fromhex("0007000000110164") == answer[:8]
    assert 6 + 17 == len(answer)
