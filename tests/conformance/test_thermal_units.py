"""Heated pad, circulator and tanks: their driver against their simulated units, in virtual time."""

import itertools

import msgspec
import pytest

from devices.bench import FAULTS, Group
from devices.model import Ack, AckOf, Fault, Identity, Off, Output, Sample, levels
from devices.profile import load
from devices.sim.device import FaultOrder
from devices.sim.faults import CannotFail
from protocols.errors import LocalProtocolError
from protocols.inspect import Config, Energize, Query, Unknown
from protocols.inspect import Off as OffFrame
from protocols.modbus import Framing, encode, write
from protocols.registers import WordType
from protocols.registers import encode as words_for
from tests.conformance.thermal_rig import COLD, PAD, TANKS, ThermalRig, proven

applicators = pytest.mark.parametrize("model", [PAD, COLD])
tanks = pytest.mark.parametrize("model", TANKS)

# A relay that is welded shut heats with a working output of 0: no register of a 3216 tells it (see the profile).
NOT_TOLD = {(PAD, "stuck-on")}
OWN = [fault for fault, spec in FAULTS.items() if spec.group is not Group.WIRE]


def order_of(fault: str) -> FaultOrder:
    """The fault as the menu has it; what must be given is 40 °C."""
    spec = FAULTS[fault]
    given = [name for name, default in spec.parameters if default is None and name not in spec.optional]
    return FaultOrder(fault=fault, parameters=tuple((name, 40_000) for name in given))


def has_fault(rig: ThermalRig, fault: str) -> bool:
    """Throw it at the unit; False where the model cannot have it."""
    try:
        rig.port.inject(order_of(fault), rig.now_ns)
    except CannotFail:
        return False
    return True


def is_confirmed(rig: ThermalRig) -> bool:
    """Two samples in a row, asked after the last acknowledged Off, say off."""
    acks = rig.acks(AckOf.OFF)
    if not acks:
        return False
    after = [sample for sample in rig.seen(Sample) if sample.asked_ns >= acks[0].at_ns]
    return any(first.output is second.output is Output.OFF for first, second in itertools.pairwise(after))


@applicators
def test_levels_come_into_force_and_are_measured(model: str) -> None:
    """Commanded, acknowledged, true, and told by the sensor once it has got there."""
    rig = ThermalRig(model).energized()
    rig.run(rig.bench.settle_ms)
    (ack,) = rig.acks(AckOf.LEVELS)

    assert rig.target(rig.bench.ordinary) == ack.levels
    assert (True, rig.bench.ordinary) == (rig.truth().energized, rig.truth().output)
    assert abs(rig.bench.ordinary - (rig.last().get("temp_mdegc") or 0)) <= 200
    assert (Output.ENERGIZED, ()) == (rig.last().output, rig.last().faults)
    assert set() == rig.faults()


@applicators
def test_a_unit_that_does_not_tell_who_it_is_is_believed_without_a_serial(model: str) -> None:
    """The entry is all there is; a site that asks for a serial number gets a mismatch."""
    rig = ThermalRig(model)
    rig.identify()
    (identity,) = rig.seen(Identity)

    assert (model, "", False) == (identity.model, identity.serial, identity.is_simulator)
    assert Output.OFF is rig.last().output


@applicators
def test_every_frame_means_something_and_nothing_feeds_a_lease(model: str) -> None:
    """The whitelist over a whole session; without a permit only questions and Off; nothing here has a lease."""
    rig = ThermalRig(model).energized()
    rig.energize(rig.bench.higher)
    rig.stop()
    rig.run(2_000)
    kinds = [one.kind for one in rig.written]

    assert [] == [kind for kind in kinds if isinstance(kind, Unknown | Config)]
    assert [] == [kind for kind in kinds if isinstance(kind, Query) and kind.feeds_lease]
    assert all(isinstance(one.kind, Query | OffFrame) for one in rig.written if one.permit is None)
    assert is_confirmed(rig)
    assert not rig.truth().energized


@applicators
def test_a_step_writes_the_level_alone(model: str) -> None:
    """What does not change is not written again."""
    rig = ThermalRig(model).energized()
    before = len(rig.written)
    rig.energize(rig.bench.higher)
    changes = [one.kind for one in rig.written[before:] if isinstance(one.kind, Energize)]

    assert [Energize(((("temp_mdegc", rig.bench.higher),),))] == changes


@applicators
def test_the_level_is_stated_before_the_output_is_switched_on(model: str) -> None:
    """Nobody switches on a setpoint that somebody else has left."""
    rig = ThermalRig(model).energized()
    said = [one.kind for one in rig.written if isinstance(one.kind, Energize)]

    assert [Energize(((("temp_mdegc", rig.bench.ordinary),),)), Energize(((),))] == said


@applicators
def test_off_goes_out_before_everything_else(model: str) -> None:
    """Under way or not identified yet: the next frame is Off, and the unit is off within its budget."""
    rig = ThermalRig(model).energized()
    rig.driver.command(rig.target(rig.bench.higher), rig.now_ns)
    rig.driver.poll(rig.now_ns, rig.permit)
    before, stopped_ns = len(rig.written), rig.now_ns
    rig.stop()
    rig.run(1_000)

    assert OffFrame() == rig.written[before].kind
    assert (rig.truth().changed_at_mono_ns - stopped_ns) // 1_000_000 <= rig.profile.off.budget_ms

    unmet = ThermalRig(model)
    unmet.stop()
    unmet.run(200)

    assert OffFrame() == unmet.written[0].kind


@applicators
def test_the_guards_last_words_are_off(model: str) -> None:
    """Fixed bytes, no answer needed, and never a level."""
    rig = ThermalRig(model).energized()
    rig.say_last_words()

    assert OffFrame() == rig.driver.inspect(rig.driver.last_words())
    assert not rig.truth().energized


@applicators
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_the_set_range_is_inclusive_on_the_wire(model: str, beyond: int) -> None:
    """One step of the register's own grid below, at, and above each end, as the frame gate sees it."""
    rig = ThermalRig(model)
    register = rig.profile.named_register("set_temperature")
    low, high = register.min or 0, register.max or 0
    widened = msgspec.structs.replace(register, min=None, max=None)
    framing = Framing.TCP if model == COLD else Framing.RTU
    grid = 1 if register.type is WordType.FLOAT32 else register.multiply
    for value, is_inside in ((low + beyond * grid, beyond >= 0), (high + beyond * grid, beyond <= 0)):
        request = write(rig.profile.link.unit, register.address, words_for(widened, value))
        kind = rig.driver.inspect(encode(request, framing))

        assert (Energize(((("temp_mdegc", value),),)) == kind) is is_inside
        assert isinstance(kind, Unknown) is not is_inside


@applicators
@pytest.mark.parametrize("fault", ["foreign", "truncate", "mute", "exception"])
def test_an_answer_that_is_none_is_not_believed(model: str, fault: str) -> None:
    """No sample is made of it, and the stop gets through although nobody can say so."""
    rig = ThermalRig(model).energized()
    rig.inject(fault, **({"at": 4} if fault == "truncate" else {}))
    rig.run(300)
    before = len(rig.seen(Sample))
    rig.run(2_000)
    rig.stop()
    rig.run(rig.profile.off.deadline_ms)

    assert before == len(rig.seen(Sample))
    assert rig.faults()
    assert not rig.truth().energized or fault == "exception"
    assert not is_confirmed(rig)


@applicators
def test_an_answer_from_before_does_not_answer_for_now(model: str) -> None:
    """Late and doubled answers are noticed, and every temperature that is believed is a true one."""
    rig = ThermalRig(model).energized()
    rig.run(rig.bench.settle_ms)
    rig.inject("delay", ms=rig.profile.liveness.reply_ms + 20)
    rig.run(1_000)
    rig.port.clear(rig.now_ns)
    rig.inject("duplicate", permille=1_000)
    rig.run(3_000)
    told = {sample.get("temp_mdegc") for sample in rig.seen(Sample)[-5:]}

    assert rig.faults() & {Fault.LATE, Fault.TIMEOUT, Fault.FOREIGN}
    assert all(value is not None and abs(value - rig.bench.ordinary) <= 200 for value in told)


@applicators
def test_bytes_in_any_split_mean_the_same(model: str) -> None:
    """A line gives what it gives, when it likes."""
    whole, split = ThermalRig(model), ThermalRig(model)
    split.byte_by_byte = True
    for rig in (whole, split):
        rig.energized()
        rig.stop()
        rig.run(1_000)

    assert whole.events == split.events


@applicators
@pytest.mark.parametrize("fault", OWN)
def test_every_fault_ends_off_or_is_not_called_off(model: str, fault: str) -> None:
    """Whatever breaks: after a stop the unit is truly off within its deadline, or nobody says that it is."""
    rig = ThermalRig(model).energized()
    if not has_fault(rig, fault):
        return  # the catalogue's test holds the sentence of a refusal
    rig.run(2_000)
    rig.stop()
    rig.run(rig.profile.off.deadline_ms)

    truly_on = rig.truth().energized or rig.truth().output > 0
    assert (truly_on and is_confirmed(rig)) is ((model, fault) in NOT_TOLD)


@applicators
def test_a_unit_that_started_again_stays_off_until_a_person_starts_it(model: str) -> None:
    """The power was away: off is told, and new levels are refused before an Off of ours."""
    rig = ThermalRig(model).energized()
    rig.inject("reboot")
    rig.run(6_000)
    assert (Output.OFF, False) == (rig.last().output, rig.truth().energized)

    rig.energize(rig.bench.higher)

    assert Fault.REFUSED in rig.faults()
    assert not rig.truth().energized


# The circulator: a float whose word order nobody has printed


def test_an_assumed_setpoint_is_not_written_until_the_site_has_enabled_it() -> None:
    """Refused with its name; nothing that energizes leaves; stopping is possible all the same."""
    rig = ThermalRig(COLD, load(COLD))
    rig.energized()
    register = rig.profile.named_register("set_temperature")
    frame = encode(write(1, register.address, (0x4140, 0)), Framing.TCP)  # 12.0
    rig.stop()
    rig.run(500)

    assert Fault.REFUSED in rig.faults()
    assert [] == [one for one in rig.written if isinstance(one.kind, Energize)]
    assert isinstance(rig.driver.inspect(frame), Unknown)
    assert isinstance(ThermalRig(COLD).driver.inspect(frame), Energize)
    assert is_confirmed(rig)


def test_a_bath_whose_sensor_is_lost_has_no_temperature() -> None:
    """Not a number on the wire: None here, for both sensors, and the unit's own alarm."""
    rig = ThermalRig(COLD).energized()
    rig.inject("no-value")
    rig.run(500)
    sample = rig.last()

    assert {"temp_mdegc": None, "return_temp_mdegc": None} == dict(sample.values)
    assert ("alarm-33",) == sample.faults


def test_pump_off_is_off_however_cold_the_bath_is() -> None:
    """The temperature of the bath is a residual; the safe state is that nothing moves."""
    rig = ThermalRig(COLD).energized()
    rig.run(rig.bench.settle_ms)
    rig.stop()
    rig.run(1_000)

    assert Output.OFF is rig.last().output
    assert (rig.last().get("temp_mdegc") or 0) < 15_000


def test_a_pump_that_goes_on_is_never_off() -> None:
    """Told to stop, it says so, and its power says otherwise."""
    rig = ThermalRig(COLD).energized()
    rig.inject("stuck-on")
    rig.stop()
    rig.run(2_000)

    assert Output.UNKNOWN is rig.last().output


# The pad: a controller without a stop


def test_a_pad_that_was_not_commissioned_is_never_off() -> None:
    """SP1 asks for heat: local is no off, and it shows before anybody starts."""
    rig = ThermalRig(PAD)
    rig.inject("panel-change", value=40_000)
    rig.identify()

    assert Output.ENERGIZED is rig.last().output
    assert rig.truth().energized


def test_a_pad_without_its_sensor_says_so() -> None:
    """Sensor break is a fault word; what else the status says by day is none."""
    rig = ThermalRig(PAD).energized()
    assert () == rig.last().faults

    rig.inject("no-value")
    rig.run(500)

    assert ("sensor-break",) == rig.last().faults


def test_a_register_that_wears_is_not_switched_on_more_often_than_the_day_allows() -> None:
    """Two starts and two stops are four writes; the third start is refused, and Off still goes out."""
    worn = msgspec.structs.replace(proven(PAD), eeprom_writes_a_day=4)
    rig = ThermalRig(PAD, worn)
    rig.identify()
    for _ in range(2):
        rig.energize()
        assert rig.truth().energized
        rig.stop()
        rig.run(1_000)
    rig.energize()
    refused, before = Fault.REFUSED in rig.faults(), len(rig.acks(AckOf.OFF))
    rig.stop()
    rig.run(500)

    assert (True, False) == (refused, rig.truth().energized)
    assert before + 1 == len(rig.acks(AckOf.OFF))


# Tanks


@tanks
def test_a_tank_is_read_and_never_written(model: str) -> None:
    """Nothing but questions leaves, whatever was commanded; no last words; nothing is promised about off."""
    rig = ThermalRig(model)
    rig.identify()
    rig.driver.command(Off(), rig.now_ns)
    rig.permitted = True
    rig.run(5_000)

    assert {Query(feeds_lease=False)} == {one.kind for one in rig.written}
    assert b"" == rig.driver.last_words()
    assert [] == rig.seen(Ack)
    assert (Output.ENERGIZED, 72_000) == (rig.last().output, rig.last().get("temp_mdegc"))


@tanks
def test_a_tank_that_is_too_hot_is_seen(model: str) -> None:
    """79 °C, as its sensor tells it."""
    rig = ThermalRig(model)
    rig.identify()
    rig.inject("over-temperature", mdegc=79_000)
    rig.run(2_500)

    assert 79_000 == rig.last().get("temp_mdegc")


@tanks
def test_a_tank_takes_no_levels(model: str) -> None:
    """Its map has no register to set; a bug of ours would show here."""
    rig = ThermalRig(model)
    rig.identify()
    with pytest.raises(LocalProtocolError, match="has no register to set temp_mdegc"):
        rig.driver.command(levels({"temp_mdegc": 40_000}), rig.now_ns)


def test_a_tank_with_a_broken_sensor_says_so() -> None:
    """The Eurotherm's status bit; the Omron's status is not interpreted, which its profile says."""
    rig = ThermalRig("eurotherm-3216")
    rig.identify()
    rig.inject("no-value")
    rig.run(2_500)

    assert ("sensor-break",) == rig.last().faults
