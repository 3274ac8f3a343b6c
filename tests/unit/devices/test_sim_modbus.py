"""The server's side of Modbus, as the specification wants it and pymodbus alone does not do it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import NS_PER_MS, MonoNs
from devices.sim.device import FaultOrder
from devices.sim.modbus import SILENCE_NS, SimModbus
from devices.sim.units.reference_ultrasound import ReferenceUltrasound
from protocols.modbus import Framing, Function, Request, encode, read, write
from protocols.modbus_crc import crc16, with_crc

NOW = MonoNs(5_000 * NS_PER_MS)
IDENTITY = read(1, Function.READ_HOLDING, 0, 16)


def unit(framing: Framing = Framing.RTU) -> SimModbus:
    """A simulated ultrasound unit that has been on for a while."""
    sim = SimModbus(ReferenceUltrasound("unit-1", 1), "rtu" if framing is Framing.RTU else "tcp")
    sim.update(NOW)
    return sim


def ask(sim: SimModbus, frame: bytes, at_ms: int = 0) -> bytes:
    """Bytes in, bytes out."""
    return sim.handle(frame, MonoNs(NOW + at_ms * NS_PER_MS))


@pytest.mark.parametrize("framing", list(Framing))
def test_the_identity_block_is_readable_at_once(framing: Framing) -> None:
    """Sixteen registers: magic, version, model, simulator flag; serial numbers differ by name."""
    back = ask(unit(framing), encode(IDENTITY, framing, 7))
    pdu = back[1:-2] if framing is Framing.RTU else back[7:]

    assert bytes((3, 32)) + bytes.fromhex("4d43 0001 0001 0001") == pdu[:10]
    assert 34 == len(pdu)
    assert framing is Framing.RTU or back[:2] == b"\x00\x07"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("01 07", "87 01", id="a function that no unit of ours has"),
        pytest.param("01 2b 0e 01 00", "ab 01", id="another one, longer"),
        pytest.param("01 04 0000 0001", "84 01", id="input registers: the map has none"),
        pytest.param("01 03 0000 0000", "83 03", id="no registers"),
        pytest.param("01 03 0000 007e", "83 03", id="more than 125"),
        pytest.param("01 03 0000 0040", "83 02", id="beyond the map"),
        pytest.param("01 06 0010 0001", "86 02", id="a register that cannot be written"),
        pytest.param("01 06 0026 07d0", "86 03", id="a frequency that the unit does not have"),
        pytest.param("01 06 0020 0002", "86 03", id="enable knows 0 and 1"),
        pytest.param("01 06 0021 0002", "86 02", id="half of the lease"),
        pytest.param("01 10 0024 0001 04 0000 0000", "90 03", id="byte count and word count disagree"),
        pytest.param("01 10 0024 0003 06 0001 0001 03e8", "90 03", id="one bad word refuses all"),
    ],
)
def test_refusals_have_the_specifications_codes(body: str, expected: str) -> None:
    """V1.1b3 chapter 7: 01 function, 02 address, 03 value; each with a right checksum."""
    back = ask(unit(), with_crc(bytes.fromhex(body)))

    assert bytes.fromhex(expected) == back[1:-2]
    assert 0 == crc16(back)


def test_a_refused_write_changes_nothing() -> None:
    """All words of a frame or none."""
    sim = unit()
    ask(sim, encode(write(1, 36, (50, 1, 1_000)), Framing.RTU))
    back = ask(sim, encode(read(1, Function.READ_HOLDING, 36, 3), Framing.RTU), 10)

    assert bytes.fromhex("0000 00c8 03e8") == back[3:-2]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(encode(read(2, Function.READ_HOLDING, 0, 1), Framing.RTU), id="for another unit"),
        pytest.param(with_crc(bytes.fromhex("0006 0024 0032")), id="a broadcast"),
        pytest.param(encode(IDENTITY, Framing.RTU)[:-1] + b"\x00", id="a wrong checksum"),
        pytest.param(with_crc(bytes.fromhex("0183 02")), id="somebody's exception"),
        pytest.param(b"\xff\xff\xff\xff", id="noise"),
    ],
)
def test_what_is_not_for_the_unit_is_not_answered(frame: bytes) -> None:
    """A line with several units works only if each keeps silent; broadcasts act and are not answered."""
    assert b"" == ask(unit(), frame)


def test_a_broadcast_acts() -> None:
    """Nobody answers, everybody does it."""
    sim = unit()
    ask(sim, with_crc(bytes.fromhex("0006 0024 0032")))
    back = ask(sim, encode(read(1, Function.READ_HOLDING, 36, 1), Framing.RTU), 10)

    assert bytes.fromhex("0032") == back[3:-2]


def test_silence_ends_a_frame() -> None:
    """The first half of a frame is forgotten after 3.5 characters; within them it is continued."""
    frame = encode(IDENTITY, Framing.RTU)
    broken, whole = unit(), unit()
    broken.handle(frame[:4], NOW)
    whole.handle(frame[:4], NOW)

    assert b"" == broken.handle(frame[4:], MonoNs(NOW + SILENCE_NS + 1))
    assert 37 == len(whole.handle(frame[4:], MonoNs(NOW + SILENCE_NS)))


def test_two_requests_on_tcp_are_two_answers() -> None:
    """A gateway may hand over more than one frame at once."""
    sim = unit(Framing.TCP)
    one = encode(read(1, Function.READ_HOLDING, 2, 1), Framing.TCP, 1)
    other = encode(read(1, Function.READ_HOLDING, 3, 1), Framing.TCP, 2)
    back = ask(sim, one + other)

    assert bytes.fromhex("0001 0000 0005 01 03 02 0001 0002 0000 0005 01 03 02 0001") == back


@pytest.mark.parametrize("head", ["0001 0001 0006 01", "0001 0000 ffff 01", "0001 0000 0001 01"])
def test_a_header_that_cannot_be_true_costs_what_was_received(head: str) -> None:
    """Otherwise one bad header would stop the unit for ever."""
    sim = unit(Framing.TCP)

    assert b"" == ask(sim, bytes.fromhex(head) + b"\x03\x00\x00\x00\x01")
    assert 9 + 32 == len(ask(sim, encode(IDENTITY, Framing.TCP, 1)))


def test_read_and_write_in_one_frame() -> None:
    """Function 23 writes first (V1.1b3 6.17)."""
    asked = Request(unit=1, function=Function.READ_WRITE, address=36, count=1, values=(40,), write_address=36)
    back = ask(unit(), encode(asked, Framing.RTU))

    assert bytes.fromhex("17 02 0028") == back[1:-2]


@pytest.mark.parametrize("framing", list(Framing))
@given(junk=st.lists(st.binary(max_size=80), max_size=8))
def test_nothing_breaks_the_server(framing: Framing, junk: list[bytes]) -> None:
    """After any bytes, and a silence, the next good request is answered."""
    sim = unit(framing)
    for at_ms, piece in enumerate(junk):
        ask(sim, piece, at_ms)
    if framing is Framing.TCP:
        ask(sim, b"\xff" * 300, 50)  # whatever frame was begun is ended, and its successor has no true header
    back = ask(sim, encode(IDENTITY, framing, 1), 100)

    assert 32 <= len(back)


def test_a_hung_unit_hears_nothing_and_a_busy_one_says_so() -> None:
    """Exception 06 is an answer; silence is none."""
    sim = unit()
    sim.inject(FaultOrder(fault="busy"), NOW)
    busy = ask(sim, encode(IDENTITY, Framing.RTU), 10)
    sim.inject(FaultOrder(fault="hang"), NOW)

    assert bytes((1, 0x83, 6)) == busy[:3]
    assert b"" == ask(sim, encode(IDENTITY, Framing.RTU), 20)


@pytest.mark.parametrize("framing", list(Framing))
def test_variants_of_a_bad_wire(framing: Framing) -> None:
    """Forged frames have right checksums, foreign ones another address, oversized ones no end."""
    sim = unit(framing)
    asked = encode(read(1, Function.READ_HOLDING, 16, 4), framing, 9)
    reply = ask(sim, asked)
    at = 0 if framing is Framing.RTU else 6
    forged = sim.wire_variant("forge", reply, asked, ())
    foreign = sim.wire_variant("foreign", reply, asked, ())
    refused = sim.wire_variant("exception", reply, asked, (("code", 4),))
    long = sim.wire_variant("oversize", reply, asked, (("bytes", 4096),))
    both = sim.wire_variant("two-answer", reply, asked, ())

    assert forged is not None
    assert foreign is not None
    assert refused is not None
    assert forged != reply
    assert len(reply) == len(forged)
    assert framing is Framing.TCP or 0 == crc16(forged) == crc16(foreign) == crc16(refused)
    assert reply[at] + 9 == foreign[at]
    assert bytes((0x83, 4)) == refused[at + 1 : at + 3]
    assert 4096 == len(long or b"")
    assert 2 * len(reply) == len(both or b"")
    assert sim.wire_variant("no such kind", reply, asked, ()) is None


def test_a_stranger_answers_requests_that_are_not_ours() -> None:
    """``foreign`` on a request for unit 2: our registers under its address."""
    sim = unit()
    asked = encode(read(2, Function.READ_HOLDING, 0, 1), Framing.RTU)

    assert with_crc(bytes.fromhex("02 03 02 4d43")) == sim.wire_variant("foreign", b"", asked, ())
