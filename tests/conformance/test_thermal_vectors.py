"""Frames of the controllers' and the circulator's documents, byte for byte: our client's and the simulators' side.

Printed by Omron (manual H175: alarm limits, line test); computed from the maps of the other manuals.
"""

import pytest

from devices.model import MonoNs
from devices.profile import load
from devices.sim.device import FaultOrder
from devices.sim.modbus import SimModbus
from devices.sim.units.eurotherm import EurothermPad, EurothermTank
from devices.sim.units.julabo import JulaboMagio
from devices.sim.units.omron import OmronE5cc
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
from protocols.modbus_crc import with_crc
from protocols.registers import decode

NOW = MonoNs(1_000_000_000)


def answered(request: Request, frame: str, framing: Framing, transaction: int = 0) -> object:
    """What our client makes of an answer to its own request."""
    decoder = AnswerDecoder(framing)
    decoder.expect(request, transaction)
    (arrival,) = decoder.feed(bytes.fromhex(frame))
    return arrival


class ThreePointSeven(EurothermTank):
    """A controller with the readings of the example: 37.0 °C, setpoint 40.0 °C, output 20.0 %."""

    local_mdegc = 40_000

    def _mdegc(self) -> int:
        return 37_000

    def _demand_permille(self) -> int:
        return 200


def test_eurotherm_reads_five_values_in_one_frame() -> None:
    """Process value to working setpoint, one decimal place."""
    request = read(1, Function.READ_HOLDING, 1, 5)
    told = "01030a01720190000000c80190d816"

    assert bytes.fromhex("010300010005d409") == encode(request, Framing.RTU)
    assert Registers((0x0172, 0x0190, 0, 0x00C8, 0x0190)) == answered(request, told, Framing.RTU)
    assert bytes.fromhex(told) == SimModbus(ThreePointSeven("u", 1)).handle(encode(request, Framing.RTU), NOW)


def test_eurotherm_takes_a_remote_setpoint_and_echoes_it() -> None:
    """40.0 °C to address 26, which does not wear."""
    request = write(1, 26, (400,))
    frame = bytes.fromhex("0106001a0190a9f1")

    assert frame == encode(request, Framing.RTU)
    assert Written() == answered(request, frame.hex(), Framing.RTU)
    assert frame == SimModbus(EurothermPad("u", 1)).handle(frame, NOW)


def test_eurotherm_refuses_what_is_read_only() -> None:
    """Exception 02 to the working setpoint."""
    request = write(1, 5, (400,))

    assert bytes.fromhex("0106000501909837") == encode(request, Framing.RTU)
    assert Exceptional(2) == answered(request, "018602c3a1", Framing.RTU)
    assert bytes.fromhex("018602c3a1") == SimModbus(EurothermPad("u", 1)).handle(encode(request, Framing.RTU), NOW)


@pytest.mark.parametrize(
    ("argument", "frame"), [(0x0001, "010600000001480a"), (0x0100, "010600000100885a"), (0x0101, "010600000101499a")]
)
def test_omron_takes_its_operation_commands(argument: int, frame: str) -> None:
    """Communications writing on, run, stop: one frame each, echoed."""
    request = write(1, 0, (argument,))

    assert bytes.fromhex(frame) == encode(request, Framing.RTU)
    assert Written() == answered(request, frame, Framing.RTU)
    assert bytes.fromhex(frame) == SimModbus(OmronE5cc("u", 1)).handle(bytes.fromhex(frame), NOW)


def test_omron_takes_alarm_limits_as_printed() -> None:
    """Two registers from 2105, after communications writing was switched on; before, they are refused."""
    request = write(1, 0x2105, (0x03E8, 0xFC18))
    frame = bytes.fromhex("0110210500020403e8fc1866bb")
    unit = SimModbus(OmronE5cc("u", 1))
    refused = unit.handle(frame, NOW)
    unit.handle(encode(write(1, 0, (1,)), Framing.RTU), NOW)

    assert (frame, bytes((0x90, 4))) == (encode(request, Framing.RTU), refused[1:3])
    assert Written() == answered(request, "0110210500025bf5", Framing.RTU)
    assert bytes.fromhex("0110210500025bf5") == unit.handle(frame, NOW)
    limits = unit.handle(encode(read(1, Function.READ_HOLDING, 0x2105, 2), Framing.RTU), NOW)
    assert bytes.fromhex("03e8fc18") == limits[3:7]


def test_omron_returns_the_line_test() -> None:
    """Function 08 is no question of ours: the checksum is ours, the echo the unit's."""
    frame = bytes.fromhex("010800001234ed7c")

    assert frame == with_crc(frame[:-2])
    assert frame == SimModbus(OmronE5cc("u", 1)).handle(frame, NOW)
    assert bytes((0x88, 1)) == SimModbus(EurothermPad("u", 1)).handle(frame, NOW)[1:3]


def test_julabo_takes_a_setpoint_in_two_words() -> None:
    """40.0 °C, high word first, which is assumed."""
    request = write(1, 2, (0x4220, 0x0000))
    frame = bytes.fromhex("00030000000b0110000200020442200000")
    register = load("julabo-magio").named_register("set_temperature")

    assert frame == encode(request, Framing.TCP, 3)
    assert 40_000 == decode(register, request.values)
    assert Written() == answered(request, "000300000006011000020002", Framing.TCP, 3)
    assert bytes.fromhex("000300000006011000020002") == SimModbus(JulaboMagio("u", 1), "tcp").handle(frame, NOW)


def test_julabo_tells_bath_and_external_temperature() -> None:
    """39.9 and 37.0 °C become exact thousandths of a degree."""
    request = read(1, Function.READ_INPUT, 10, 4)
    told = "00040000000b010408421f999a42140000"
    registers = [load("julabo-magio").named_register(name) for name in ("bath_temperature", "return_temperature")]
    arrival = answered(request, told, Framing.TCP, 4)
    unit = SimModbus(JulaboMagio("u", 1), "tcp")
    unit.inject(FaultOrder(fault="over-temperature", parameters=(("mdegc", 39_900),)), NOW)

    assert bytes.fromhex("0004000000060104000a0004") == encode(request, Framing.TCP, 4)
    assert isinstance(arrival, Registers)
    assert [39_900, 37_000] == [decode(registers[0], arrival.words[:2]), decode(registers[1], arrival.words[2:])]
    assert bytes.fromhex(told)[:13] == unit.handle(encode(request, Framing.TCP, 4), NOW)[:13]


def test_julabo_tells_alarm_and_warning() -> None:
    """Both 0: nothing is wrong."""
    request = read(1, Function.READ_INPUT, 6, 2)
    told = "00050000000701040400000000"

    assert bytes.fromhex("000500000006010400060002") == encode(request, Framing.TCP, 5)
    assert Registers((0, 0)) == answered(request, told, Framing.TCP, 5)
    assert bytes.fromhex(told) == SimModbus(JulaboMagio("u", 1), "tcp").handle(encode(request, Framing.TCP, 5), NOW)


def test_julabos_two_tables_are_two() -> None:
    """Holding 2 is a setpoint, input 2 a type: the same address is not the same register."""
    unit = SimModbus(JulaboMagio("u", 1), "tcp")
    holding = unit.handle(encode(read(1, Function.READ_HOLDING, 2, 1), Framing.TCP, 6), NOW)
    told = unit.handle(encode(read(1, Function.READ_INPUT, 2, 1), Framing.TCP, 7), NOW)

    assert (0x41A0, 17) == (int.from_bytes(holding[-2:], "big"), int.from_bytes(told[-2:], "big"))
