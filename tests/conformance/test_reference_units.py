"""Every reference model: its driver against its simulated unit, in virtual time, on RTU at 19200 baud and on TCP."""

import itertools
from typing import Literal

import pytest

from devices.model import AckOf, Fault, Identity, LinkFault, Off, Output, Sample, levels
from devices.sim.device import FaultOrder
from protocols.errors import LocalProtocolError
from protocols.inspect import Config, Energize, Query, Unknown
from protocols.inspect import Off as OffFrame
from protocols.registers import Effect, Register
from tests.conformance.reference_rig import BENCHES, Rig

Framing = Literal["rtu", "tcp"]

pytestmark = pytest.mark.parametrize("model", sorted(BENCHES))
both = pytest.mark.parametrize("framing", ["rtu", "tcp"])


def energized(model: str, framing: Framing = "rtu") -> Rig:
    """A unit that puts out its ordinary level under a renewed permit."""
    rig = Rig(model, framing)
    rig.identify()
    rig.energize()
    rig.run(rig.bench.settle_ms)
    return rig


@both
def test_the_unit_says_who_it_is(model: str, framing: Framing) -> None:
    """Identity comes before anything else, and says that this is a simulator."""
    rig = Rig(model, framing)
    rig.run(200)
    (identity,) = rig.seen(Identity)

    assert (model, "1.2", True) == (identity.model, identity.firmware, identity.is_simulator)
    assert isinstance(rig.events[0], Identity)
    assert Output.OFF is rig.last().output


@both
def test_levels_come_into_force(model: str, framing: Framing) -> None:
    """The commanded level is acknowledged, read back, and true."""
    rig = energized(model, framing)
    (ack,) = rig.acks(AckOf.LEVELS)

    assert rig.target(rig.bench.ordinary) == ack.levels
    assert Output.ENERGIZED is rig.last().output
    assert rig.truth().energized
    assert abs(rig.bench.ordinary - rig.truth().output) <= rig.bench.noise
    assert abs(rig.bench.ordinary - (rig.last().get(rig.bench.level) or 0)) <= rig.bench.noise
    assert set() == rig.faults()


@both
def test_a_change_writes_only_what_changes(model: str, framing: Framing) -> None:
    """A step of the level is one frame, so that it costs a hundredth of a second of the line."""
    rig = energized(model, framing)
    before = len(rig.written)
    rig.energize(rig.bench.higher)
    changes = [one.kind for one in rig.written[before:] if isinstance(one.kind, Energize)]

    assert [Energize((((rig.bench.level, rig.bench.higher),),))] == changes
    assert rig.target(rig.bench.higher) == rig.acks(AckOf.LEVELS)[-1].levels


@both
def test_the_lease_is_fed_while_a_permit_lives(model: str, framing: Framing) -> None:
    """Ten leases long the output stays, and every feed carries a number that was not told before."""
    rig = energized(model, framing)
    rig.run(10 * rig.profile.liveness.lease_ms)
    fed = [one.kind.values[0][1] for one in rig.written if isinstance(one.kind, Config) and one.kind.feeds_lease]

    assert rig.truth().energized
    assert sorted(set(fed)) == fed
    assert len(fed) >= 10


@both
def test_without_a_permit_the_unit_goes_off_by_itself(model: str, framing: Framing) -> None:
    """The last line of all: nobody feeds, nobody writes, and the output ends within the lease."""
    rig = energized(model, framing)
    rig.permitted = False
    started_ms = rig.now_ms
    rig.run(rig.profile.liveness.lease_ms + 100 + rig.bench.release_ms)

    assert not rig.truth().energized
    assert rig.truth().changed_at_mono_ns // 1_000_000 - started_ms <= 1_020 + rig.bench.release_ms
    assert Output.OFF is rig.last().output
    assert "lease-expired" in rig.last().faults


@both
def test_nothing_that_feeds_or_energizes_goes_out_without_a_permit(model: str, framing: Framing) -> None:
    """The rule of drivers, judged by the frames and not by the driver's word."""
    rig = Rig(model, framing)
    rig.driver.command(rig.target(rig.bench.ordinary), rig.now_ns, 600_000)
    rig.run(3_000)
    rig.energize()
    rig.stop()
    rig.run(3_000)
    without = [one.kind for one in rig.written if one.permit is None]

    assert all(isinstance(kind, OffFrame) or kind == Query(feeds_lease=False) for kind in without)
    assert [] == [one.kind for one in rig.written if isinstance(one.kind, Unknown)]
    assert not rig.truth().energized


@both
def test_off_is_off_within_the_budget_and_seen_twice(model: str, framing: Framing) -> None:
    """Stop: acknowledged, true, and told by two samples that were asked after the acknowledgement."""
    rig = energized(model, framing)
    stopped_ns = rig.now_ns
    rig.stop()
    rig.run(rig.profile.off.deadline_ms)
    (ack,) = rig.acks(AckOf.OFF)
    after = [sample for sample in rig.seen(Sample) if sample.asked_ns > ack.at_ns and sample.output is Output.OFF]

    assert not rig.truth().energized
    assert (rig.truth().changed_at_mono_ns - stopped_ns) // 1_000_000 <= rig.profile.off.budget_ms
    assert len(after) >= 2
    assert after[1].at_ns - stopped_ns <= rig.profile.off.deadline_ms * 1_000_000


def test_off_goes_before_identification(model: str) -> None:
    """A port that opens on a unit which is on must be able to stop it first."""
    rig = Rig(model)
    rig.driver.command(Off(), rig.now_ns)
    rig.run(200)

    assert isinstance(rig.written[0].kind, OffFrame)
    assert [AckOf.OFF] == [ack.of for ack in rig.acks(AckOf.OFF)]
    assert rig.seen(Identity)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_off_is_repeated_until_it_is_acknowledged(model: str, count: int) -> None:
    """A line that loses frames delays a stop, it does not lose it."""
    rig = energized(model)
    rig.inject("silence")
    rig.stop()
    rig.run(count * rig.profile.liveness.reply_ms)
    rig.port.clear(rig.now_ns)
    rig.run(300 + rig.bench.release_ms)
    offs = [one.at_ms for one in rig.written if isinstance(one.kind, OffFrame)]

    assert 1 == len(rig.acks(AckOf.OFF))
    assert len(offs) > count
    assert max(later - earlier for earlier, later in itertools.pairwise(offs)) <= 90
    assert not rig.truth().energized


@both
def test_last_words_stop_the_unit(model: str, framing: Framing) -> None:
    """The guard knows nothing but these bytes, and nobody listens to the answer."""
    rig = energized(model, framing)

    assert isinstance(rig.driver.inspect(rig.driver.last_words()), OffFrame)

    rig.say_last_words()
    rig.run(200 + rig.bench.release_ms)

    assert not rig.truth().energized
    assert rig.last().output is Output.OFF


def bounded_registers(model: str) -> list[Register]:
    """Writable numbers of the model's map that lie inside the register's own range."""
    return [
        register
        for register in Rig(model).profile.register
        if register.effect in (Effect.LEVEL, Effect.CONFIG, Effect.ENABLE)
    ]


def test_every_bound_of_every_register_is_kept_by_gate_and_unit(model: str) -> None:
    """One grid step below, at, and one above each bound: the driver's encoder, the gate and the unit agree."""
    for register in bounded_registers(model):
        for bound, outside in ((register.min or 0, -1), (register.max or 0, 1)):
            raw = (bound - register.offset) * register.divide // register.multiply
            inside = Rig(model).poke(register, raw)
            beyond = Rig(model).poke(register, raw + outside) if 0 <= raw + outside < 0x10000 else None

            assert not isinstance(inside.kind, Unknown), (register.name, bound)
            assert inside.answer[1] < 0x80 or register.effect is Effect.ENABLE, (register.name, bound)
            if beyond is not None:
                assert isinstance(beyond.kind, Unknown), (register.name, bound)
                assert beyond.answer[1:3] == bytes((0x86, 3)), (register.name, bound)


def test_levels_outside_the_map_are_our_mistake(model: str) -> None:
    """The driver encodes exactly or not at all, and nothing has changed after a refusal."""
    rig = Rig(model)
    rig.identify()
    spec = rig.profile.level
    for wrong in (spec.max + spec.step, -spec.step * 1_000_000, spec.max + 1):
        with pytest.raises(LocalProtocolError):
            rig.driver.command(rig.target(wrong), rig.now_ns, 600_000)
    with pytest.raises(LocalProtocolError):
        rig.driver.command(levels({**dict(rig.target(spec.min).values), "voltage_v": 1}), rig.now_ns)
    with pytest.raises(LocalProtocolError):
        rig.driver.command(levels({}), rig.now_ns)
    rig.permitted = True
    rig.run(1_000)

    assert [] == [one for one in rig.written if isinstance(one.kind, Energize)]


@pytest.mark.parametrize(("timer", "numbers", "is_started"), [(600, [1], True), (600, [], False), (0, [1], False)])
def test_switching_on_needs_a_fed_lease_and_a_timer(
    model: str, timer: int, numbers: list[int], *, is_started: bool
) -> None:
    """The unit's own rules, asked with bytes that no driver wrote."""
    rig = Rig(model)
    for number in numbers:
        rig.poke(rig.profile.named_register("lease"), 0, number)
    rig.poke(rig.profile.named_register("timer"), timer)
    answer = rig.poke(rig.profile.named_register("enable"), 1).answer

    assert is_started is rig.truth().energized
    assert is_started is not (answer[1:3] == bytes((0x86, 4)))


@pytest.mark.parametrize(("step", "is_on"), [(1, True), (0, False)])
def test_only_a_new_number_feeds_the_lease(model: str, step: int, *, is_on: bool) -> None:
    """A host that hangs in a loop repeats itself; what it repeats does not keep the output on."""
    rig = Rig(model)
    rig.poke(rig.profile.named_register("lease"), 0, 1)
    rig.poke(rig.profile.named_register("timer"), 600)
    rig.poke(rig.profile.named_register("enable"), 1)
    for turn in range(60):
        rig.poke(rig.profile.named_register("lease"), 0, 1 + (turn + 1) * step)

    assert is_on is rig.truth().energized


def test_the_units_own_timer_ends_the_output(model: str) -> None:
    """The last thing between a hung host and a burn, where even the lease is still fed."""
    rig = Rig(model)
    rig.identify()
    rig.energize(run_ms=3_000)
    rig.run(2_000)

    assert rig.truth().energized

    rig.run(1_000 + rig.bench.slow_release_ms)

    assert not rig.truth().energized
    assert "timer-ended" in rig.last().faults


def test_a_unit_that_went_off_by_itself_is_not_switched_on_again(model: str) -> None:
    """Nothing resumes by itself: the next raise of a session that has not noticed yet is refused."""
    rig = Rig(model)
    rig.identify()
    rig.energize(run_ms=2_000)
    rig.run(2_000 + rig.bench.slow_release_ms)
    before = len(rig.written)
    rig.energize(rig.bench.higher)

    assert not rig.truth().energized
    assert [] == [one for one in rig.written[before:] if isinstance(one.kind, Energize)]
    assert Fault.REFUSED in rig.faults()

    rig.driver.command(Off(), rig.now_ns)
    rig.run(200)
    rig.energize()

    assert rig.truth().energized


def test_a_reboot_is_noticed(model: str) -> None:
    """After a brown-out the unit is off and says another boot number; levels are not written again."""
    rig = energized(model)
    rig.inject("reboot")
    before = len(rig.written)
    rig.run(2_000)

    assert {Fault.TIMEOUT, Fault.REBOOTED} <= rig.faults()
    assert not rig.truth().energized
    assert [] == [one for one in rig.written[before:] if isinstance(one.kind, Energize)]


def test_frozen_readings_are_noticed_by_the_counter(model: str) -> None:
    """The same answer for ever is not a measurement."""
    rig = energized(model)
    rig.inject("frozen")
    before = rig.now_ns
    rig.run(500)
    frozen = [fault for fault in rig.seen(LinkFault) if fault.fault is Fault.FROZEN]

    assert (frozen[0].at_ns - before) // 1_000_000 <= 450


@pytest.mark.parametrize(
    ("fault", "parameters", "expected"),
    [
        ("corrupt", {"permille": 1000}, {Fault.CORRUPT, Fault.TIMEOUT}),
        ("foreign", {}, {Fault.FOREIGN}),
        ("two-answer", {}, {Fault.FOREIGN}),
        ("exception", {"code": 4}, {Fault.REFUSED}),
        ("busy", {}, {Fault.REFUSED}),
        ("oversize", {}, {Fault.CORRUPT}),
        ("truncate", {"at": 4}, {Fault.TIMEOUT}),
        ("late-reply", {"count": 1}, {Fault.TIMEOUT, Fault.LATE}),
        ("silence", {}, {Fault.TIMEOUT}),
        ("mute", {}, {Fault.TIMEOUT}),
        ("half-open-tx", {}, {Fault.TIMEOUT}),
        ("half-open-rx", {}, {Fault.TIMEOUT}),
        ("hang", {}, {Fault.TIMEOUT}),
        ("babble", {}, {Fault.CORRUPT}),
        ("drop", {"permille": 1000}, {Fault.TIMEOUT}),
        ("delay", {"ms": 500}, {Fault.TIMEOUT, Fault.LATE}),
    ],
)
def test_a_bad_wire_has_its_name_and_is_never_believed(
    model: str, fault: str, parameters: dict[str, int], expected: set[Fault]
) -> None:
    """Each fault of the wire is told; and no sample shows anything but what the unit really measured."""
    rig = energized(model)
    before = len(rig.events)
    rig.inject(fault, **parameters)
    rig.run(3_000)
    told = {event.fault for event in rig.events[before:] if isinstance(event, LinkFault)}
    samples = [event for event in rig.events[before:] if isinstance(event, Sample)]

    assert told & expected
    for sample in samples:
        level = sample.get(rig.bench.level)
        assert level is not None
        assert sample.output is Output.OFF or abs(level - rig.bench.ordinary) <= rig.bench.noise


@pytest.mark.parametrize("delay_ms", [30, 90, 100, 150, 200, 250, 333, 400, 500, 700, 1000])
def test_samples_are_never_older_than_they_say(model: str, delay_ms: int) -> None:
    """Whatever the delay of the answers: a sample's content was measured after its request was written."""
    rig = energized(model)
    rig.inject("delay", ms=delay_ms)
    before = len(rig.events)
    truth_boot_ns = rig.now_ns
    rig.run(4_000)
    samples = [event for event in rig.events[before:] if isinstance(event, Sample)]

    for sample in samples:
        assert sample.counter is not None
        measured_ns = 20_000_000 * sample.counter + rig.first_cycle_ns
        assert measured_ns >= sample.asked_ns - 25_000_000, (delay_ms, sample.asked_ns - truth_boot_ns)


def test_another_unit_behind_the_port_is_noticed(model: str) -> None:
    """After every doubtful exchange the serial number is asked for again."""
    rig = Rig(model)
    rig.identify()
    rig.port.inject(FaultOrder(fault="wrong-identity"), rig.now_ns)
    rig.inject("late-reply", count=1)
    rig.run(1_000)

    assert Fault.MISMATCH in rig.faults()


def test_any_split_of_the_bytes_is_the_same(model: str) -> None:
    """Adapters deliver bytes in portions: one at a time gives the same identity and the same sample."""
    whole, split = Rig(model), Rig(model)
    split.byte_by_byte = True
    whole.run(300)
    split.run(300)

    assert [type(event) for event in whole.events] == [type(event) for event in split.events]
    assert whole.last().values == split.last().values


def test_a_sensor_without_a_reading_is_no_value_and_no_proof(model: str) -> None:
    """The sentinel becomes None, never a number; where off is proven by that sensor, off is not proven."""
    rig = energized(model)
    rig.inject("no-value")
    rig.run(300)

    assert rig.last().get(rig.bench.level) is None

    rig.stop()
    rig.run(500 + rig.bench.release_ms)

    assert rig.bench.sensor_proves_off is (Output.OFF is not rig.last().output)


@pytest.mark.parametrize("fault", ["ignore-stop", "stuck-on"])
def test_off_that_does_not_happen_is_never_shown_as_off(model: str, fault: str) -> None:
    """The unit acknowledges and goes on: samples must say so as long as it is true."""
    rig = energized(model)
    rig.inject(fault)
    rig.stop()
    rig.run(800)

    assert rig.acks(AckOf.OFF)
    assert rig.truth().energized
    assert Output.OFF is not rig.last().output


def test_output_without_a_command_is_seen(model: str) -> None:
    """A relay that closes by itself shows in the next idle sample."""
    rig = Rig(model)
    rig.run(1_000)
    rig.inject("uncommanded-on", value=rig.bench.ordinary)
    rig.run(1_000 + rig.bench.settle_ms)

    assert Output.ENERGIZED is rig.last().output
    assert rig.truth().energized


def test_the_same_seed_gives_the_same_run(model: str) -> None:
    """A fault that was seen once can be looked at again."""
    runs = []
    for _ in range(2):
        rig = energized(model)
        rig.inject("drop", permille=300)
        rig.inject("noise", permille=50)
        rig.run(3_000)
        runs.append((rig.events, [one.frame for one in rig.written]))

    assert runs[0] == runs[1]
