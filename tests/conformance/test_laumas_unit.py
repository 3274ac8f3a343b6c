"""The load cell's driver and simulator: signs, losses, units, and that nothing is ever written to it."""

import msgspec
import pytest

from devices.drivers.laumas import LaumasDriver
from devices.model import NS_PER_MS, Ack, DeviceEvent, Fault, Identity, LinkFault, MonoNs, Off, Output, Sample, levels
from devices.profile import load
from devices.sim.device import FaultOrder
from devices.sim.modbus import SimModbus
from devices.sim.port import SimPort
from devices.sim.units.laumas import SimLaumas
from protocols.inspect import Query, Unknown
from protocols.modbus import AnswerDecoder, Framing, Function, Registers, decode_request, encode, read, write
from protocols.modbus_crc import with_crc
from protocols.registers import bit_names

PROFILE = load("laumas-tlb")
LOSSES = ["load-cell", "converter", "over-maximum", "over-full-scale", "gross-overflow", "net-overflow"]


class Rig:
    """Driver and instrument on a line, in steps of a millisecond."""

    def __init__(self) -> None:
        self.now = MonoNs(1_000 * NS_PER_MS)
        self.driver = LaumasDriver(PROFILE)
        self.unit = SimLaumas("cell-1", 1)
        self.port = SimPort(SimModbus(self.unit), 1, PROFILE.link.baud)
        self.events: list[DeviceEvent] = []
        self.frames: list[bytes] = []

    def run(self, ms: int) -> list[DeviceEvent]:
        """Let so much time pass; the events of that time."""
        seen = len(self.events)
        for _ in range(ms):
            self.now = MonoNs(self.now + NS_PER_MS)
            self.events += self.driver.feed(self.port.take(self.now), self.now)
            frame, events = self.driver.poll(self.now, None)
            self.events += events
            if frame:
                assert Query(feeds_lease=False) == self.driver.inspect(frame)
                self.frames.append(frame)
                self.port.receive(frame, self.now)
        return self.events[seen:]

    def inject(self, fault: str, **parameters: int) -> None:
        """Switch a fault on."""
        self.port.inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.now)

    def last(self) -> Sample:
        """The newest sample."""
        return next(event for event in reversed(self.events) if isinstance(event, Sample))

    def faults(self) -> set[Fault]:
        """What was wrong so far."""
        return {event.fault for event in self.events if isinstance(event, LinkFault)}


def sample_of(*words: int) -> Sample:
    """What the driver makes of the eight registers from the status on."""
    rig = Rig()
    rig.run(100)
    while not rig.driver.is_waiting():
        rig.now = MonoNs(rig.now + NS_PER_MS)
        rig.driver.poll(rig.now, None)
    body = bytes((2, 3, 16)) + b"".join(word.to_bytes(2, "big") for word in words)
    (sample,) = rig.driver.feed(with_crc(body), rig.now)
    assert isinstance(sample, Sample)
    return sample


def test_it_says_who_it_is() -> None:
    """Serial number, firmware, and that it is a simulator."""
    rig = Rig()
    rig.run(200)
    first = rig.events[0]

    assert isinstance(first, Identity)
    assert ("laumas-tlb", "1.2", True) == (first.model, first.firmware, first.is_simulator)


@pytest.mark.parametrize("load_n", [0, 1, 150, -1, -1_000, 1_100])
def test_the_force_has_its_sign(load_n: int) -> None:
    """A magnitude and a bit of the status that came with it."""
    rig = Rig()
    rig.unit.load_mn = load_n * 1_000
    rig.run(1_000)

    assert (Output.OFF, load_n, ()) == (rig.last().output, rig.last().get("force_n"), rig.last().faults)


def test_the_documented_answer_is_minus_1234() -> None:
    """Status 0980: gross and net negative, stable."""
    assert -1_234 == sample_of(0x0980, 0, 1_234, 0, 1_040, 0, 0, 0x0406).get("force_n")


@pytest.mark.parametrize("bit", range(16))
def test_the_lower_six_bits_are_the_loss_of_the_force(bit: int) -> None:
    """No value, never 0 and never the magnitude that stands beside them; the other bits change nothing but the sign."""
    sample = sample_of(1 << bit, 0, 100, 0, 100, 0, 100, 0x0406)

    assert (None if bit < 6 else -100 if bit == 7 else 100) == sample.get("force_n")
    assert ((LOSSES[bit],) if bit < 6 else ()) == sample.faults


def test_a_weight_in_another_unit_is_no_force() -> None:
    """Somebody turned it to kilograms: 15 of them are no 15 N."""
    rig = Rig()
    rig.unit.load_mn = 150_000
    rig.run(500)
    rig.inject("panel-change", value=0x0006)
    rig.run(600)

    assert (None, ("unit-of-measure",)) == (rig.last().get("force_n"), rig.last().faults)


def test_a_lost_cell_is_no_value() -> None:
    """Whatever the registers still show."""
    rig = Rig()
    rig.inject("no-value")
    rig.run(600)

    assert (None, ("load-cell",)) == (rig.last().get("force_n"), rig.last().faults)


def test_an_off_is_true_at_once_and_a_level_is_refused() -> None:
    """It has no output to switch, and nothing can be set."""
    rig = Rig()
    rig.run(300)
    rig.driver.command(Off(), rig.now)
    events = rig.run(100)

    assert [Ack, Sample] == [type(event) for event in events]

    rig.driver.command(levels({"force_n": 15}), rig.now)
    rig.run(100)

    assert {Fault.REFUSED} == rig.faults()
    assert b"" == rig.driver.last_words()


@pytest.mark.parametrize(
    "frame",
    [
        encode(write(2, 5, (99,)), Framing.RTU),
        encode(write(2, 18, (1,)), Framing.RTU),
        encode(read(1, Function.READ_HOLDING, 6, 8), Framing.RTU),
        encode(read(2, Function.READ_INPUT, 6, 8), Framing.RTU),
        b"",
    ],
)
def test_nothing_but_questions_of_its_map_is_said(frame: bytes) -> None:
    """Above all not the command that wears its memory."""
    assert isinstance(LaumasDriver(PROFILE).inspect(frame), Unknown)


@pytest.mark.parametrize(
    ("fault", "parameters", "seen"),
    [
        ("silence", {}, Fault.TIMEOUT),
        ("corrupt", {"permille": 1000}, Fault.TIMEOUT),
        ("babble", {}, Fault.CORRUPT),
        ("foreign", {}, Fault.FOREIGN),
        ("two-answer", {}, Fault.FOREIGN),
        ("exception", {}, Fault.REFUSED),
        ("busy", {}, Fault.REFUSED),
        ("delay", {"ms": 150}, Fault.LATE),
        ("wrong-identity", {}, Fault.MISMATCH),
    ],
)
def test_a_bad_line_has_its_name_and_is_not_believed(fault: str, parameters: dict[str, int], seen: Fault) -> None:
    """No sample but with what the cell measured."""
    rig = Rig()
    rig.unit.load_mn = 150_000
    rig.run(300)
    if fault == "wrong-identity":
        rig.inject("late-reply", count=1)
    rig.inject(fault, **parameters)
    rig.run(3_000)

    assert seen in rig.faults()
    assert {150} == {event.get("force_n") for event in rig.events if isinstance(event, Sample)}


# The instrument by itself


def bare(unit_address: int = 1, load_n: int = 0) -> SimModbus:
    """An instrument at the address of the documented frames."""
    unit = SimLaumas("cell-1", 1, unit_address)
    unit.load_mn = load_n * 1_000
    return SimModbus(unit)


def test_the_documented_frames_are_answered() -> None:
    """Computed from the register list: status, gross and net in five registers; more than 32 are refused."""
    answer = bare(load_n=-1_040).handle(bytes.fromhex("01030006000565c8"), MonoNs(0))
    refused = bare().handle(bytes.fromhex("01030000002185d2"), MonoNs(0))

    assert "01030a09800000041000000410" == answer[:-2].hex()
    assert "0183030131" == refused.hex()


def test_the_documented_answer_is_understood() -> None:
    """-1234 gross, -1040 net."""
    request = read(1, Function.READ_HOLDING, 6, 5)
    decoder = AnswerDecoder(Framing.RTU)
    decoder.expect(request)
    (answer,) = decoder.feed(bytes.fromhex("01030a0980000004d2000004102fc5"))

    assert "01030006000565c8" == encode(request, Framing.RTU).hex()
    assert Registers((0x0980, 0, 1_234, 0, 1_040)) == answer
    assert ("gross-negative", "net-negative", "stable") == bit_names(PROFILE.named_register("status"), 0x0980)


@pytest.mark.parametrize(("function", "code"), [("04", 1), ("06", 1), ("17", 1)])
def test_only_two_functions_are_answered(function: str, code: int) -> None:
    """03 and 16."""
    asked = {
        "04": encode(read(1, Function.READ_INPUT, 6, 1), Framing.RTU),
        "06": encode(write(1, 5, (0,)), Framing.RTU),
        "17": encode(
            msgspec.structs.replace(
                decode_request(encode(read(1, Function.READ_HOLDING, 6, 1), Framing.RTU), Framing.RTU),
                function=Function.READ_WRITE,
                values=(0,),
                write_address=5,
            ),
            Framing.RTU,
        ),
    }

    assert bytes((int(function, 16) | 0x80, code)) == bare().handle(asked[function], MonoNs(0))[1:3]
