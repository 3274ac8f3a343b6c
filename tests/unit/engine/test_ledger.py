"""Where a session's time goes: every nanosecond in one account, doubt taken back, dose between two bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import NEVER_NS, Output
from modctl.engine.ledger import Doing, Ledger, account, close_doubt, observed

START_NS = 1_000


def running(level: int = 10) -> Ledger:
    """Energized and delivering since START_NS."""
    return observed(Ledger(mark_ns=START_NS).energizing(START_NS), Output.ENERGIZED, level, None)


def test_time_before_the_first_step_is_nobodys() -> None:
    """Waiting for answers and for the unit is not treatment."""
    ledger = account(Ledger(mark_ns=START_NS), START_NS + 500)

    assert (0, 0, 0) == (ledger.delivered_ns, ledger.energized_ns, ledger.unknown_ns)


def test_energized_time_begins_with_the_first_frame_and_delivery_with_the_unit() -> None:
    """The skin has been under current longer than the treatment says."""
    ledger = Ledger(mark_ns=START_NS).energizing(START_NS + 10)
    ledger = observed(account(ledger, START_NS + 30), Output.ENERGIZED, 10, None)
    ledger = account(ledger, START_NS + 130)

    assert (120, 100) == (ledger.energized_ns, ledger.delivered_ns)


@pytest.mark.parametrize("output", [Output.SUSPENDED, Output.OFF, Output.UNKNOWN])
def test_only_energized_is_delivery(output: Output) -> None:
    """What the unit does not say it gives was not given."""
    ledger = account(observed(running(), output, 10, None), START_NS + 100)

    assert (0, 100) == (ledger.delivered_ns, ledger.no_contact_ns)


@pytest.mark.parametrize(("measured", "upper"), [(None, 0), (0, 0), (14, 1_400)])
def test_what_is_measured_without_contact_is_in_the_upper_bound_alone(measured: int | None, upper: int) -> None:
    """A rope at its minimum pull is called interrupted and pulls all the same; nobody claims it, nobody denies it."""
    before = observed(running(), Output.SUSPENDED, 10, measured)
    ledger = account(before, START_NS + 100)

    assert (before.dose_lower, before.dose_upper + upper) == (ledger.dose_lower, ledger.dose_upper)


def test_stopping_ends_delivery_and_off_ends_energized_time() -> None:
    """Between the stop and its confirmation nobody claims treatment, and nobody claims off."""
    ledger = running().stopping(START_NS + 100)
    ledger = ledger.ended(START_NS + 150)
    ledger = account(ledger, START_NS + 900)

    assert (100, 50, 150, 0) == (ledger.delivered_ns, ledger.stopping_ns, ledger.energized_ns, ledger.unknown_ns)


def test_what_passed_while_the_machine_slept_is_unknown_and_may_have_been_delivered() -> None:
    """Its own clock stood still; the unit's did not. Without this, seconds under current are in no account (H43)."""
    before = running(10)
    ledger = before.slept(500)

    assert (500, 500) == (ledger.unknown_ns, ledger.energized_ns - before.energized_ns)
    assert (before.dose_lower, before.dose_upper + 5_000) == (ledger.dose_lower, ledger.dose_upper)


def test_a_sleep_with_the_output_off_is_nobodys() -> None:
    """Nothing was given, and nothing is doubtful."""
    ledger = running().stopping(START_NS).paused(START_NS + 10)

    assert ledger == ledger.slept(500)


def test_paused_time_is_counted_apart_and_not_as_energized() -> None:
    """A pause is off."""
    ledger = running().stopping(START_NS + 100).paused(START_NS + 120)
    ledger = ledger.stopping(START_NS + 420)

    assert (100, 300, 120) == (ledger.delivered_ns, ledger.paused_ns, ledger.energized_ns)


def test_when_samples_stop_the_time_since_the_last_one_is_taken_back() -> None:
    """Nobody knows what the unit did; the chart must not claim it."""
    ledger = close_doubt(account(running(level=10), START_NS + 1_000), START_NS + 300)

    assert (300, 700, 3_000, 10_000) == (
        ledger.delivered_ns,
        ledger.unknown_ns,
        ledger.dose_lower,
        ledger.dose_upper,
    )


def test_doubt_is_never_more_than_what_was_booked() -> None:
    """A sample from before the start cannot make delivery negative."""
    ledger = close_doubt(account(running(), START_NS + 100), START_NS - 5_000)

    assert (0, 100, 0) == (ledger.delivered_ns, ledger.unknown_ns, ledger.dose_lower)


def test_doubt_takes_nothing_back_while_nothing_was_booked() -> None:
    """A suspended unit that falls silent has delivered nothing since."""
    ledger = account(observed(running(), Output.SUSPENDED, 10, None), START_NS + 100)

    assert ledger == close_doubt(ledger, START_NS)


def test_time_in_which_off_was_not_confirmed_is_unknown_and_may_have_delivered() -> None:
    """The upper bound of the dose is what the patient may have had."""
    ledger = running(level=10).stopping(START_NS + 100).ended(START_NS + 1_100, confirmed=False)

    assert (100, 1_000, 1_000, 11_000) == (
        ledger.delivered_ns,
        ledger.unknown_ns,
        ledger.dose_lower,
        ledger.dose_upper,
    )


def test_until_off_is_confirmed_the_upper_bound_goes_on() -> None:
    """A unit that is slow to stop gives more than the plan; the upper bound must hold that too."""
    ledger = running(level=10).stopping(START_NS + 100).ended(START_NS + 300)

    assert (1_000, 3_000) == (ledger.dose_lower, ledger.dose_upper)


def test_an_earlier_pause_is_no_doubt_when_the_end_is_unconfirmed() -> None:
    """Off was confirmed then; only the time since the last confirmed off is unknown."""
    ledger = running(level=10).stopping(START_NS + 100).paused(START_NS + 150)
    ledger = observed(ledger.energizing(START_NS + 400), Output.ENERGIZED, 10, None)
    ledger = ledger.stopping(START_NS + 500).ended(START_NS + 1_500, confirmed=False)

    assert 1_000 == ledger.unknown_ns


@pytest.mark.parametrize(
    ("measured", "lower", "upper"), [(None, 1_000, 1_000), (8, 800, 1_000), (10, 1_000, 1_000), (13, 1_000, 1_300)]
)
def test_commanded_and_measured_bound_the_dose(measured: int | None, lower: int, upper: int) -> None:
    """Where the two differ the truth lies between them; where nothing is measured there is one number."""
    ledger = Ledger(mark_ns=START_NS).energizing(START_NS)
    ledger = account(observed(ledger, Output.ENERGIZED, 10, measured), START_NS + 100)

    assert (lower, upper) == (ledger.dose_lower, ledger.dose_upper)


def test_between_a_command_and_the_next_sample_either_level_may_be_given() -> None:
    """The unit follows before it is asked; the dose's bounds must hold both."""
    ledger = account(running(level=10).expecting(15), START_NS + 100)
    ledger = account(ledger.expecting(5), START_NS + 200)

    assert (500 + 1_000, 3_000) == (ledger.dose_lower, ledger.dose_upper)


def test_delivered_time_can_be_asked_ahead() -> None:
    """The end of the plan is a moment that the engine wakes for."""
    ledger = running()

    assert (250, START_NS + 400) == (ledger.delivered_at(START_NS + 250), ledger.moment_of(400))


def test_while_time_stands_the_end_never_comes() -> None:
    """A suspended session must not end by its own clock."""
    ledger = account(observed(running(), Output.SUSPENDED, 10, None), START_NS + 100)

    assert (0, NEVER_NS) == (ledger.delivered_at(START_NS + 500), ledger.moment_of(400))


def test_a_moment_that_is_past_is_now() -> None:
    """The plan is over already."""
    ledger = account(running(), START_NS + 100)

    assert START_NS + 100 == ledger.moment_of(50)


def test_time_never_runs_backwards() -> None:
    """An event with an older stamp books nothing."""
    ledger = account(running(), START_NS + 100)

    assert ledger == account(ledger, START_NS + 50)


ACTS = ("energizing", "stopping", "paused", "energized", "suspended", "doubt")


@given(steps=st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 1_000)), max_size=40), confirmed=st.booleans())
def test_the_accounts_add_up_to_the_time_that_passed(steps: list[tuple[str, int]], confirmed: bool) -> None:
    """Delivered, paused, without contact, unknown and stopping, with what was nobody's, are all the time there was."""
    ledger, now_ns, nobodys = Ledger(mark_ns=START_NS), START_NS, 0
    for act, wait_ns in steps:
        now_ns += wait_ns
        nobodys += wait_ns if ledger.doing is Doing.NOTHING else 0
        ledger = account(ledger, now_ns)
        match act:
            case "energizing":
                ledger = ledger.energizing(now_ns)
            case "stopping":
                ledger = ledger.stopping(now_ns)
            case "paused":
                ledger = ledger.paused(now_ns)
            case "doubt":
                ledger = close_doubt(ledger, now_ns - wait_ns // 2)
            case _:
                ledger = observed(ledger, Output(act), 10, None)
    ledger = ledger.ended(now_ns, confirmed=confirmed)
    booked = ledger.delivered_ns + ledger.paused_ns + ledger.no_contact_ns + ledger.unknown_ns + ledger.stopping_ns

    assert now_ns - START_NS == booked + nobodys
    assert 0 <= ledger.dose_lower <= ledger.dose_upper
