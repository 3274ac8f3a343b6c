"""The research drivers against their simulated units in virtual time: two readings of one source that must agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.limits import Combination, Max, Min
from devices.model import NS_PER_MS, Ack, AckOf, Contact, Fault, Identity, ObservedAs, Off, Output, levels
from devices.profile import load
from devices.sim.units.tpo import SimTpo
from modctl.engine.bounds import HARD, widenings
from modctl.engine.checks import check_levels
from protocols.inspect import Config, Energize, Query
from protocols.inspect import Off as OffFrame
from tests.conformance.line_table import PERMIT, acks, faults, samples
from tests.conformance.research_table import BENCHES, LIFU, TPO, Table

models = pytest.mark.parametrize("model", list(BENCHES))


@models
def test_the_handshake_names_the_unit_and_marks_it_as_simulated(model: str) -> None:
    """A real site refuses units whose serial number says SIM."""
    table = Table(model)

    (identity,) = [event for event in table.run(500) if isinstance(event, Identity)]

    assert (model, True) == (identity.model, identity.is_simulator)
    assert identity.serial
    assert identity.firmware


@models
def test_a_unit_found_running_is_stopped_before_it_is_asked_its_name(model: str) -> None:
    """What ran before modctl came was nobody's prescription."""
    table = Table(model)
    table.inject("uncommanded-on", value=20_000)
    assert table.truth().output == 20_000

    events = table.run(500)

    assert table.truth().output == 0
    assert any(isinstance(event, Identity) for event in events)
    first_off = next(at for at, kind in table.written if kind == OffFrame())
    assert all(event.at_ns > first_off for event in events if isinstance(event, Identity))


@models
def test_output_begins_with_the_first_levels_and_follows_them(model: str) -> None:
    """Each level is acknowledged once, is what the unit then puts out, and what it reports."""
    table = Table(model)
    step = table.profile.level.step
    ordinary = table.bench.ordinary
    assert acks(table.start()) == [AckOf.LEVELS]

    for level in range(ordinary, ordinary + 5 * step, step):
        table.command(table.at(level))
        events = table.run(1_000)
        assert acks(events) == [AckOf.LEVELS]
        assert table.truth().output == level
        assert samples(events)[-1].get(table.bench.level) == level

    assert samples(events)[-1].output is Output.ENERGIZED
    assert faults(table.events) == []


@models
def test_every_reported_parameter_is_there_in_every_sample(model: str) -> None:
    """A parameter that is said to be measured or echoed and is missing would be a finding in each session."""
    table = Table(model)
    table.start()
    told = {
        spec.name for spec in table.profile.parameter if spec.observed_as in (ObservedAs.MEASURED, ObservedAs.ECHOED)
    }

    for sample in samples(table.run(1_000)):
        assert told == {name for name, _ in sample.values}
        assert sample.contact is Contact.UNKNOWN


@models
def test_settings_hold_while_the_level_is_ridden(model: str) -> None:
    """Only the level changes while output is on; anything else needs an off first."""
    table = Table(model)
    table.start()
    name, value = next(iter(table.bench.settings.items()))
    table.command(table.at(table.bench.ordinary, **{name: value * 2}))

    events = table.run(500)

    assert Fault.REFUSED in faults(events)
    assert not any(isinstance(kind, Energize) for kind in table.since(500))
    assert dict(samples(events)[-1].values)[name] == value


@models
def test_nothing_starts_without_a_time_for_the_units_own_timer(model: str) -> None:
    """Nobody but that timer ends output on a line that is lost."""
    table = Table(model)
    table.run(500)
    table.permit = PERMIT
    table.command(table.at(table.bench.ordinary), run_ms=0)

    assert Fault.REFUSED in faults(table.run(1_000))
    assert not any(isinstance(kind, Energize | Config) for _, kind in table.written)
    assert not table.truth().energized


@models
@pytest.mark.parametrize("run_ms", [10_000, 12_345])
def test_a_lost_line_ends_with_the_units_own_timer(model: str, run_ms: int) -> None:
    """The one thing that bounds these units: the timer is the session's remaining time, up to its next step."""
    table = Table(model)
    table.start(run_ms=run_ms)
    started = table.truth().changed_at_mono_ns
    table.inject("silence")
    table.run(run_ms + 1_500)

    truth = table.truth()
    assert not truth.energized
    assert 0 <= truth.changed_at_mono_ns - started - run_ms * NS_PER_MS <= 1_000 * NS_PER_MS


@models
def test_a_unit_that_ends_by_itself_is_told_and_not_started_again(model: str) -> None:
    """Its timer, its panel, its own fault: the target is dropped, and a person starts anew."""
    table = Table(model)
    table.start(run_ms=10_000)

    events = table.run(12_000)

    assert [Fault.HALTED] == faults(events)
    assert not any(isinstance(kind, Energize) for kind in table.since(12_000))
    assert not table.truth().energized


@models
def test_without_a_permit_nothing_is_said_but_questions_and_off(model: str) -> None:
    """The table itself asserts it on every frame; levels that are commanded wait."""
    table = Table(model)
    table.run(500)
    table.command(table.at(table.bench.ordinary))
    table.run(2_000)

    assert {Query(), OffFrame()} >= {kind for _, kind in table.written}
    assert not table.truth().energized


@models
def test_off_is_off_within_the_budget_whatever_the_driver_was_doing(model: str) -> None:
    """From the decision to no output, at any phase of polling, setting and starting."""
    for phase_ms in range(0, 120, 3):
        table = Table(model)
        table.start()
        if phase_ms % 2 == 0:
            table.command(table.at(table.bench.higher))
        table.run(phase_ms)
        decided = table.now
        table.command(Off())
        events = table.run(table.profile.off.deadline_ms)

        truth = table.truth()
        assert (False, 0) == (truth.energized, truth.output)
        assert truth.changed_at_mono_ns - decided <= 10 * NS_PER_MS
        assert acks(events)[-1:] == [AckOf.OFF]
        assert [Output.OFF] * 2 == [sample.output for sample in samples(events)][-2:]


@models
def test_off_at_every_moment_of_a_start_leaves_nothing_running(model: str) -> None:
    """A start is a dozen exchanges; a stop may come between any two."""
    for phase_ms in range(0, 400, 7):
        table = Table(model)
        table.driver.watch_closely(closely=True)
        table.run(500)
        table.permit = PERMIT
        table.command(table.at(table.bench.ordinary))
        table.run(phase_ms)
        table.command(Off())
        table.run(table.profile.off.deadline_ms)

        assert (False, 0) == (table.truth().energized, table.truth().output)
        assert samples(table.events)[-1].output is Output.OFF


@models
def test_samples_that_prove_off_were_asked_after_its_acknowledgement(model: str) -> None:
    """A state that was on the line before the stop says nothing about the stop."""
    table = Table(model)
    table.start()
    table.command(Off())

    events = table.run(1_000)

    at = next(index for index, event in enumerate(events) if isinstance(event, Ack))
    acked = events[at]
    assert isinstance(acked, Ack)
    assert all(sample.asked_ns >= acked.at_ns for sample in samples(events[at:]))


@models
def test_after_off_a_new_start_works(model: str) -> None:
    """Off leaves nothing behind that would refuse a person's new start."""
    table = Table(model)
    table.start()
    table.command(Off())
    table.run(table.profile.off.deadline_ms)

    table.command(table.at(table.bench.ordinary))
    events = table.run(1_000)

    assert acks(events) == [AckOf.LEVELS]
    assert table.bench.ordinary == table.truth().output


@models
def test_levels_do_not_overtake_an_off_that_is_not_acknowledged(model: str) -> None:
    """Off is repeated until it is heard; what comes after it waits for a new command."""
    table = Table(model)
    table.start()
    table.inject("silence")
    table.command(Off())
    table.run(50)
    table.command(table.at(table.bench.ordinary))
    table.port.clear(table.now)

    events = table.run(2_000)

    assert Fault.REFUSED in faults(events)
    assert not table.truth().energized


@models
def test_levels_that_the_unit_cannot_do_are_refused_and_not_rounded(model: str) -> None:
    """They become an event, not a frame and not an exception."""
    table = Table(model)
    table.run(500)
    table.permit = PERMIT
    level, most = table.bench.level, 200_000
    for target in (
        table.at(most),
        table.at(-1),
        levels({level: table.bench.ordinary}),
        table.at(table.bench.ordinary, duty_permille=500),
        table.at(table.bench.ordinary, **dict.fromkeys(table.bench.settings, 0)),
    ):
        table.command(target)
        assert Fault.REFUSED in faults(table.run(300))

    assert not any(isinstance(kind, Energize | Config) for _, kind in table.written)


@models
def test_last_words_stop_the_unit_even_behind_half_a_frame(model: str) -> None:
    """The guard writes them blind, perhaps after the controller died in the middle of a frame."""
    half = b"GLOBALPOWER=20" if model == TPO else b"\xaa\x00\x05\xeb\x31\x00\x00\x00\x04AH"
    for cut in range(len(half)):
        table = Table(model)
        table.start()
        table.port.receive(half[:cut] + table.driver.last_words(), table.now)
        table.port.take(table.now)

        assert (False, 0) == (table.truth().energized, table.truth().output)


@models
@settings(max_examples=15)
@given(split=st.integers(1, 9))
def test_answers_in_any_split_give_the_same_events(model: str, split: int) -> None:
    """A line cuts where it likes."""
    whole, cut = Table(model), Table(model, split=split)
    for table in (whole, cut):
        table.start()
        table.command(Off())
        table.run(500)

    assert whole.events == cut.events


# Bounds


@models
def test_each_bound_of_the_profile_is_inclusive_and_one_count_beyond_is_refused(model: str) -> None:
    """At -1, 0 and +1, for every row that binds one parameter."""
    for row in load(model).limit:
        if isinstance(row, Max | Min):
            beyond = 1 if isinstance(row, Max) else -1
            found = [check_levels((row,), {row.parameter: row.bound + step * beyond}) for step in (-1, 0, 1)]
            assert [None, None, row.id] == [None if verdict is None else verdict.limit for verdict in found]


@pytest.mark.parametrize(("power_mw", "limit"), [(9_999, None), (10_000, None), (10_001, "tpo-mean-power")])
def test_the_generators_mean_power_is_bounded_with_all_three_values(power_mw: int, limit: str | None) -> None:
    """10 W for half of the time is 5 W; one milliwatt more is refused although each value lies on its dial."""
    rows = tuple(row for row in load(TPO).limit if isinstance(row, Combination))
    verdict = check_levels(rows, {"power_mw": power_mw, "burst_us": 5_000, "period_us": 10_000})

    assert limit == (None if verdict is None else verdict.limit)


@models
def test_no_row_of_the_profile_is_wider_than_the_hard_bounds(model: str) -> None:
    """Bounds only narrow."""
    profile = load(model)

    assert () == widenings(HARD[profile.device.modality], profile.limit)


# What is the generator's alone


def test_the_generators_settings_are_read_back_before_it_starts() -> None:
    """A bit that turned over in a power on the way out is found while nothing runs yet."""
    table = Table(TPO)
    table.start()

    words = [frame.rstrip(b"\r") for frame in table.frames]
    start = words.index(b"START")
    assert [b"GLOBALPOWER?", b"BURST?", b"PERIOD?", b"TIMER?"] == words[start - 4 : start]
    assert b"LOCAL=0" == next(word for word in words if b"=" in word)


@pytest.mark.parametrize("burst_us", [10, 200, 10_000])
@pytest.mark.parametrize("period_us", [10_000, 1_000_000])
def test_the_generators_times_hold_each_other_at_every_step(burst_us: int, period_us: int) -> None:
    """The simulated unit answers E2 to any step that breaks TIMER >= PERIOD >= BURST; none does, up nor down."""
    table = Table(TPO)
    table.start()
    for other in ({"burst_us": burst_us, "period_us": period_us}, {}):
        table.command(Off())
        table.run(1_500)
        table.command(table.at(table.bench.ordinary, **other))
        events = table.run(500)
        assert acks(events) == [AckOf.LEVELS]
        assert faults(events) == []


def test_an_older_generator_that_says_ok_is_driven_alike() -> None:
    """Other words, the same meaning: what OK does not tell is asked."""
    table = Table(TPO, SimTpo("research-1", 3, dialect="ok"))
    table.start()
    table.command(table.at(table.bench.higher))

    events = table.run(500)

    assert acks(events) == [AckOf.LEVELS]
    assert table.truth().output == table.bench.higher
    assert table.ends_off()
    assert faults(table.events) == []


def test_a_run_away_is_the_stated_residual_of_the_generator() -> None:
    """It echoes what it was told: only the truth of the simulator, and a hydrophone, know."""
    table = Table(TPO)
    table.start()
    table.inject("run-away")

    events = table.run(1_000)

    assert table.truth().output == 2 * table.bench.ordinary
    assert {table.bench.ordinary} == {sample.get("power_mw") for sample in samples(events)}


def test_a_latched_error_is_cleared_with_the_next_start() -> None:
    """After E2 everything is answered with E2 until CLEARERROR: the start begins with it."""
    table = Table(TPO)
    table.run(500)
    table.port.receive(b"LOCAL=0\rBURST=5\r", table.now)
    table.run(100)

    assert acks(table.start()) == [AckOf.LEVELS]


# What is OpenLIFU's alone


def test_the_stop_is_trigger_then_voltage_then_the_question() -> None:
    """The trigger's stop is heard at once; the console may be deaf in its ramp."""
    table = Table(LIFU)
    table.start()
    seen = len(table.frames)
    table.command(Off())
    table.run(300)

    assert [(0xEA, 0x16), (0xEB, 0x34), (0xEA, 0x14), (0xEB, 0x3D)] == [
        (frame[3], frame[4]) for frame in table.frames[seen : seen + 4]
    ]


def test_a_stop_in_the_consoles_ramp_ends_emission_at_once() -> None:
    """HV ON takes half a second, in which the console hears nothing; the trigger is not the console's."""
    table = Table(LIFU)
    table.start(40_000)
    table.command(table.at(41_000))
    table.run(150)  # inside the ramp
    decided = table.now
    table.command(Off())
    events = table.run(table.profile.off.deadline_ms)

    assert not table.truth().energized
    assert table.truth().changed_at_mono_ns - decided <= 10 * NS_PER_MS
    assert acks(events) == [AckOf.OFF]
    assert [Output.OFF] * 2 == [sample.output for sample in samples(events)][-2:]


def test_a_rail_that_runs_away_is_measured() -> None:
    """The supply is what this unit can measure; the sound is not."""
    table = Table(LIFU)
    table.start()
    table.inject("run-away")

    events = table.run(1_000)

    assert samples(events)[-1].get("voltage_mv") == 2 * table.bench.ordinary == table.truth().output


def test_a_start_of_a_hot_transmitter_is_acknowledged_and_nothing_starts() -> None:
    """As its firmware does it: the answer says yes, the trigger says stopped, and the driver believes the trigger."""
    table = Table(LIFU)
    table.driver.watch_closely(closely=True)
    table.run(500)
    table.permit = PERMIT
    table.inject("over-temperature")
    table.command(table.at(table.bench.ordinary))

    events = table.run(1_500)

    assert acks(events) == [AckOf.LEVELS]
    assert Fault.HALTED in faults(events)
    assert not table.truth().energized


def test_a_transmitter_that_was_never_configured_answers_its_stop_with_an_error_and_is_off() -> None:
    """Its firmware has no other answer: whether it is off is the state's to say."""
    table = Table(LIFU)
    table.run(500)
    table.command(Off())

    events = table.run(1_000)

    assert acks(events) == [AckOf.OFF]
    assert faults(events) == []
    assert samples(events)[-1].output is Output.OFF
