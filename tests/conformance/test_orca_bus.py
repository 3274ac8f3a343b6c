"""Motor and witness on one bus: what a silent or lying load cell costs, and that a stop waits for neither."""

import itertools

import pytest

from devices.model import NS_PER_MS, Fault, Identity, LinkFault, MonoNs, Off, Output
from modctl.engine.effects import Command
from modctl.engine.port import FrameHeld
from protocols.inspect import Energize
from protocols.inspect import Off as OffFrame
from tests.conformance.orca_bus import CELL, MOTOR, PROFILES, Bus

REPLY_MS = PROFILES[CELL].liveness.reply_ms


def pulling(force_n: int = 150) -> Bus:
    """A bus whose motor pulls."""
    bus = Bus()
    bus.pull(50)
    bus.run(1_500)
    for force_n_now in range(60, force_n + 1, 10):
        bus.pull(force_n_now)
        bus.run(300)
    assert force_n == bus.truth().output, "the scenery of a test, not the test"
    return bus


def feed_gaps_ms(bus: Bus, since: MonoNs) -> list[int]:
    """Times between two forces that were written."""
    fed = [at for at, _, kind in bus.written if at > since and isinstance(kind, Energize)]
    return [(later - earlier) // NS_PER_MS for earlier, later in itertools.pairwise(fed)]


def link_faults(bus: Bus, unit: str) -> set[Fault]:
    """What was wrong with a unit's answers."""
    return {news.fault for _, name, news in bus.news if name == unit and isinstance(news, LinkFault)}


def test_both_units_are_known_and_sampled_at_their_pace() -> None:
    """One line carries twenty forces and ten samples of each a second."""
    bus = pulling()
    since = bus.now
    bus.run(5_000)

    assert {MOTOR, CELL} == {name for _, name, news in bus.news if isinstance(news, Identity)}
    assert max(feed_gaps_ms(bus, since)) <= 120
    for unit, output in ((MOTOR, Output.ENERGIZED), (CELL, Output.OFF)):
        found = bus.samples(unit, since)
        assert 40 <= len(found) <= 51
        assert {(output, 150)} == {(sample.output, sample.get("force_n")) for sample in found}
    assert [] == [news for _, _, news in bus.news if isinstance(news, FrameHeld | LinkFault)]


def test_a_silent_witness_costs_one_reply_time_and_not_the_pull() -> None:
    """The cell is unplugged: each of its questions takes a reply time, and the motor is fed in between."""
    bus = pulling()
    bus.inject(CELL, "silence")
    since = bus.now
    bus.run(5_000)

    assert max(feed_gaps_ms(bus, since)) <= REPLY_MS + 100 < PROFILES[MOTOR].liveness.lease_ms
    assert 150 == bus.truth().output
    assert len(bus.samples(MOTOR, since)) >= 30
    assert [] == bus.samples(CELL, MonoNs(since + REPLY_MS * NS_PER_MS))
    assert ({Fault.TIMEOUT}, set()) == (link_faults(bus, CELL), link_faults(bus, MOTOR))


@pytest.mark.parametrize("witness", ["sound", "silent"])
def test_a_stop_jumps_the_queue_at_any_moment(witness: str) -> None:
    """Whoever is being asked: the next frame is sleep, and it does not wait for an answer that may never come."""
    bus = pulling()
    if witness == "silent":
        bus.inject(CELL, "silence")
    for after_ms in range(0, 130, 13):
        bus.run(after_ms)
        before, stopped_ns = len(bus.written), bus.now
        bus.stop()
        bus.run(100)
        at_ns, unit, kind = bus.written[before]

        assert (MOTOR, OffFrame()) == (unit, kind)
        assert at_ns - stopped_ns <= 40 * NS_PER_MS < REPLY_MS * NS_PER_MS
        assert 0 == bus.truth().output

        bus.run(1_500)
        assert Output.OFF is bus.samples(MOTOR, MonoNs(stopped_ns))[-1].output
        bus.pull(60)
        bus.run(1_000)
        assert 60 == bus.truth().output


def test_a_slow_release_leaves_the_witness_its_turns() -> None:
    """The cell sees the force fall, and the motor is asleep at the end of it."""
    bus = pulling()
    since = bus.now
    bus.stop(fast=False)
    bus.run(5_000)
    seen = [sample.get("force_n") or 0 for sample in bus.samples(CELL, since)]

    assert sorted(seen, reverse=True) == seen
    assert len({force_n for force_n in seen if 15 < force_n < 150}) >= 10
    assert Output.OFF is bus.samples(MOTOR, since)[-1].output
    assert [] == [news for _, _, news in bus.news if isinstance(news, FrameHeld)]


def test_an_off_for_the_witness_is_true_at_once_and_stops_nobody() -> None:
    """A stop of all units reaches it too: acknowledged, sampled, and the motor's feeding goes on."""
    bus = pulling()
    since = bus.now
    bus.port.order(Command(unit=CELL, setpoint=Off()), bus.now)
    bus.run(500)

    assert Output.OFF is bus.samples(CELL, since)[-1].output
    assert 150 == bus.truth().output
    assert max(feed_gaps_ms(bus, since)) <= 120


def test_witnesses_that_differ_are_both_told() -> None:
    """The motor says 150 N, the cell 190 N: each is in its own sample, for whoever compares them."""
    bus = pulling()
    bus.inject(CELL, "offset", value=40)
    since = MonoNs(bus.now + 200 * NS_PER_MS)
    bus.run(1_000)

    assert {150} == {sample.get("force_n") for sample in bus.samples(MOTOR, since)}
    assert {190} == {sample.get("force_n") for sample in bus.samples(CELL, since)}


def test_a_motor_that_pulls_more_than_it_says_is_seen_by_the_witness_alone() -> None:
    """What the motor makes of its own currents stands still; the cell in the rope does not."""
    bus = pulling()
    bus.inject(MOTOR, "stuck", value=150)
    bus.inject(MOTOR, "over-deliver", gain_permille=1_400)
    since = MonoNs(bus.now + 200 * NS_PER_MS)
    bus.run(1_000)

    assert {150} == {sample.get("force_n") for sample in bus.samples(MOTOR, since)}
    assert {210} == {sample.get("force_n") for sample in bus.samples(CELL, since)}
