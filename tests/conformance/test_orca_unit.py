"""The ORCA driver against the simulated motor on a 19200 baud line in virtual time: what is said, and off."""

import itertools

import pytest

from devices.model import NS_PER_MS, Ack, AckOf, Fault, Identity, MonoNs, Off, Output
from protocols.inspect import Config, Energize, Query
from protocols.inspect import Off as OffFrame
from tests.conformance.line_table import acks, faults, samples
from tests.conformance.orca_table import PROFILE, Table, pull

LEASE_MS = PROFILE.liveness.lease_ms
RELEASED_MS = LEASE_MS + 150  # the motor's timeout, and the way to the samples


def test_it_says_who_it_is_before_anything_else() -> None:
    """Serial number, firmware, and that it is a simulator."""
    table = Table()
    table.run(300)
    first = table.events[0]

    assert isinstance(first, Identity)
    assert ("iris-orca", "7.2.2", True) == (first.model, first.firmware, first.is_simulator)


def test_off_is_not_said_before_a_second_of_it_was_seen() -> None:
    """Asleep and slack at the first look is not yet off: the rope may just have been let go. It is unknown."""
    table = Table()
    table.driver.watch_closely(closely=True)
    table.run(2_000)
    seen = samples(table.events)
    until_ns = seen[0].at_ns + 1_000 * NS_PER_MS

    assert {Output.UNKNOWN} == {sample.output for sample in seen if sample.at_ns < until_ns}
    assert {Output.OFF} == {sample.output for sample in seen if sample.asked_ns > until_ns}


def test_limits_are_written_and_read_back_before_force_mode() -> None:
    """In this order, each time: settings, what they became, the least force, the mode, and only then the level."""
    table = Table()
    table.start(100)
    said = [kind for _, kind in table.written if not isinstance(kind, Query)]
    rest, on, level = (Energize(((("force_n", 15),),)), Energize(((),)), Energize(((("force_n", 100),),)))

    assert [Config, Config] == [type(kind) for kind in said[:2]]
    assert [rest, Config(values=(("control", 2),)), on, level] == said[2:6]
    assert {level} == set(said[6:])


@pytest.mark.parametrize("fault", ["accept-ignore", "apply-late"])
def test_limits_that_do_not_read_back_start_nothing(fault: str) -> None:
    """A motor that says yes and keeps its own limits gets no force."""
    table = Table()
    table.identify()
    table.inject(fault)
    table.permitted = True
    table.command(pull(100))
    events = table.run(1_000)

    assert [Fault.REFUSED] == faults(events)
    assert 0 == table.truth().output
    assert not [kind for _, kind in table.written if kind == Energize(((),))]


def test_a_motor_that_does_not_enter_force_mode_is_refused() -> None:
    """The mode is looked at until its time is over; then the start is given up."""
    table = Table()
    table.identify()
    table.permitted = True
    table.command(pull(100))
    while Energize(((),)) not in [kind for _, kind in table.written]:
        table.run(1)
    table.inject("accept-ignore")
    events = table.run(1_000)

    assert [Fault.REFUSED] == faults(events)
    assert acks(events) == []


def test_the_pull_is_fed_and_sampled_at_its_pace() -> None:
    """Twenty commands and ten samples a second on a 19200 baud line, every gap far inside the motor's timeout."""
    table = Table()
    table.start(100)
    before = len(table.written)
    events = table.run(10_000)
    fed = [at for at, kind in table.written[before:] if isinstance(kind, Energize)]
    gaps_ms = [(later - earlier) // NS_PER_MS for earlier, later in itertools.pairwise(fed)]

    assert 170 <= len(fed) <= 205
    assert max(gaps_ms) <= LEASE_MS // 3
    assert 95 <= len(samples(events)) <= 101
    assert {(Output.ENERGIZED, 100)} == {(sample.output, sample.get("force_n")) for sample in samples(events)}
    assert [] == faults(events)


def test_a_change_is_acknowledged_and_true() -> None:
    """Up and down."""
    table = Table()
    table.start(100)
    for force_n in (103, 150, 80, 15):
        table.command(pull(force_n))
        events = table.run(300)

        assert [pull(force_n)] == [event.levels for event in events if isinstance(event, Ack)]
        assert force_n == table.truth().output == samples(events)[-1].get("force_n")


@pytest.mark.parametrize("force_n", [PROFILE.level.min - 1, PROFILE.level.max + 1, 0, -100])
def test_a_force_out_of_range_is_refused_and_changes_nothing(force_n: int) -> None:
    """Refused, never clamped."""
    table = Table()
    table.start(100)
    table.command(pull(force_n))
    events = table.run(300)

    assert [Fault.REFUSED] == faults(events)
    assert 100 == table.truth().output


@pytest.mark.parametrize(
    "force_n", [PROFILE.level.min, PROFILE.level.min + 1, PROFILE.level.max - 1, PROFILE.level.max]
)
def test_both_bounds_are_inside(force_n: int) -> None:
    """At the bound is allowed, and the motor does it."""
    table = Table()
    table.start(force_n)

    assert force_n == table.truth().output


def test_nothing_that_feeds_or_energizes_goes_out_without_a_permit() -> None:
    """The engine hangs, the permit is gone: the motor lets go by its own timeout."""
    table = Table()
    table.start(100)
    table.permitted = False
    left_ns = table.now
    events = table.run(2_000)

    assert all(kind == Query(feeds_lease=False) for at, kind in table.written if at > left_ns)
    assert next(at for at, output in table.truths if at > left_ns and not output) - left_ns <= RELEASED_MS * NS_PER_MS
    assert [Fault.HALTED] == faults(events)
    assert "comms-timeout" in samples(events)[-1].faults


def test_an_old_force_is_not_repeated_right_behind_a_new_permit() -> None:
    """A permit may be the forerunner of a lower level: its ceiling would hold the old force back."""
    table = Table()
    table.start(100)
    seen = len(samples(table.events))
    while len(samples(table.events)) == seen:
        table.run(1)
    due = MonoNs(table.now + 40 * NS_PER_MS)  # the next force is due, the next sample is not
    at_once, _ = table.driver.poll(due, 1_000)
    later, _ = table.driver.poll(MonoNs(due + 5 * NS_PER_MS), 1_000)

    assert b"" == at_once
    assert Energize(((("force_n", 100),),)) == table.driver.inspect(later)


# Off


def test_off_is_the_next_frame_and_off_within_the_budget() -> None:
    """At any moment of a feed or a sample: sleep goes out at once, and two samples say so inside the budget."""
    for after_ms in range(0, 120, 7):
        table = Table()
        table.start(150)
        table.run(after_ms)
        before = len(table.written)
        stopped_ns = table.now
        table.command(Off())
        events = table.run(PROFILE.off.budget_ms)
        at_ns, first = table.written[before]
        off = [sample for sample in samples(events) if sample.output is Output.OFF]

        assert OffFrame() == first
        assert at_ns - stopped_ns <= 40 * NS_PER_MS
        assert (
            next(at for at, output in table.truths if at > stopped_ns and output <= 15) <= stopped_ns + 60 * NS_PER_MS
        )
        assert len(off) >= 2
        assert AckOf.OFF in acks(events)
        assert off[0].asked_ns - stopped_ns >= 1_000 * NS_PER_MS


def test_a_slow_off_falls_at_the_rate_and_never_rises() -> None:
    """50 N/s from 150 N, each step lower than the one before, then asleep."""
    table = Table()
    table.start(150)
    stopped_ns = table.now
    table.command(Off(fast=False))
    events = table.run(6_000)
    steps = [(at - stopped_ns, output) for at, output in table.truths if at >= stopped_ns]
    rate_at = [(at, output) for at, output in steps if output > 15]

    assert all(later[1] <= earlier[1] for earlier, later in itertools.pairwise(steps))
    assert all(abs(output - (150 - 50 * at // (1_000 * NS_PER_MS))) <= 8 for at, output in rate_at)
    assert [AckOf.OFF] == acks(events)
    assert Output.OFF is samples(events)[-1].output
    assert not table.truth().energized


def test_a_slow_off_that_is_repeated_goes_on_and_does_not_begin_anew() -> None:
    """As port logic does, with every sample that is not off yet."""
    table = Table()
    table.start(150)
    table.command(Off(fast=False))
    for _ in range(20):
        table.run(50)
        table.driver.command(Off(fast=False), table.now)

    assert 95 <= table.truth().output <= 105


@pytest.mark.parametrize("fault", ["silence", "corrupt", "exception"])
def test_a_slow_off_that_fails_becomes_a_fast_one(fault: str) -> None:
    """On a bad line nobody waits for gentleness: sleep, and the motor's own timeout beside it."""
    table = Table()
    table.start(150)
    table.command(Off(fast=False))
    table.run(300)
    table.inject(fault, **({"permille": 1000} if fault == "corrupt" else {}))
    table.run(RELEASED_MS)

    assert 0 == table.truth().output


def test_off_goes_before_identification() -> None:
    """A port that opens on a motor which pulls can let go first."""
    table = Table()
    table.driver.command(Off(), table.now)
    table.run(300)

    assert OffFrame() == table.written[0][1]
    assert [AckOf.OFF] == acks(table.events)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_off_is_repeated_until_it_is_acknowledged(count: int) -> None:
    """A line that loses frames delays a stop, it does not lose it."""
    table = Table()
    table.start(100)
    table.inject("silence")
    before = len(table.written)
    table.command(Off())
    table.run(count * PROFILE.liveness.reply_ms)
    table.port.clear(table.now)
    events = table.run(300)
    offs = [at for at, kind in table.written[before:] if kind == OffFrame()]

    assert [AckOf.OFF] == acks(events)
    assert len(offs) > count
    assert all(later - earlier <= 70 * NS_PER_MS for earlier, later in itertools.pairwise(offs))


def test_a_level_behind_an_off_is_refused() -> None:
    """Off cancels whatever is pending, and is not overtaken."""
    table = Table()
    table.start(100)
    table.driver.command(Off(), table.now)
    table.driver.command(pull(120), table.now)
    events = table.run(500)

    assert Fault.REFUSED in faults(events)
    assert 0 == table.truth().output


def test_last_words_are_off_and_let_go() -> None:
    """The guard knows nothing but these bytes, and nobody listens to the answer."""
    table = Table()
    table.start(100)
    words = table.driver.last_words()

    assert OffFrame() == table.driver.inspect(words)

    table.now = MonoNs(table.now + 50 * NS_PER_MS)
    table.port.receive(words, table.now)
    table.now = MonoNs(table.now + 50 * NS_PER_MS)

    assert 0 == table.truth().output
