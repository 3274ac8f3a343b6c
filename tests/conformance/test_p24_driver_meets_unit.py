"""The P24 driver against the simulated P24 in virtual time: two readings of one document that must agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.drivers.p24 import P24Driver
from devices.model import (
    NS_PER_MS,
    Ack,
    AckOf,
    Contact,
    Fault,
    Identity,
    MonoNs,
    Off,
    Output,
)
from protocols.inspect import Energize, Query
from tests.conformance.line_table import PERMIT, acks, faults, samples
from tests.conformance.p24_table import PROFILE, Table, at_ua


def test_the_handshake_names_the_unit_and_marks_it_as_simulated() -> None:
    """A real site refuses units whose serial number says SIM."""
    table = Table()

    (identity,) = [event for event in table.run(200) if isinstance(event, Identity)]

    assert ("hasomed-p24", True) == (identity.model, identity.is_simulator)
    assert identity.serial.startswith("SIM")
    assert identity.firmware == "1.2.0 protocol 4.0.0"


def test_a_unit_found_running_is_stopped_before_it_is_asked_its_name() -> None:
    """What ran before modctl came was nobody's prescription."""
    table = Table()
    table.inject("uncommanded-on", value=20_000)
    assert table.truth().output == 20_000

    events = table.run(200)

    assert table.truth().output == 0
    assert isinstance(events[0], Identity)


def test_output_begins_with_the_first_levels_and_follows_them() -> None:
    """0 mA is a level like any other: running, energized, no current."""
    table = Table()
    table.start(current_ua=0)
    assert (True, 0) == (table.truth().energized, table.truth().output)

    for current_ua in range(500, 10_500, 500):
        table.command(at_ua(current_ua))
        events = table.run(500)
        assert acks(events) == [AckOf.LEVELS]
        assert table.truth().output == current_ua

    assert all(sample.output is Output.ENERGIZED for sample in samples(events))
    assert faults(table.events) == []


def test_ten_seconds_of_running_need_no_new_levels() -> None:
    """The lease is fed by the driver alone, and only as often as the profile says."""
    table = Table()
    table.start()

    events = table.run(10_000)

    assert (True, 20_000) == (table.truth().energized, table.truth().output)
    assert {sample.output for sample in samples(events)} == {Output.ENERGIZED}
    assert 95 <= len(samples(events)) <= 101
    fed = [at for at, kind in table.written if kind == Query(feeds_lease=True) and at > table.now - 10_000 * NS_PER_MS]
    assert 19 <= len(fed) <= 21
    assert faults(table.events) == []


def test_no_value_is_reported_as_measured() -> None:
    """The unit reads no current back; inventing one would be a lie on every chart."""
    table = Table()
    table.start()

    assert all(sample.values == () for sample in samples(table.run(1_000)))


@pytest.mark.parametrize(("current_ua", "contact"), [(14_500, Contact.UNKNOWN), (15_000, Contact.GOOD)])
def test_contact_is_known_from_15_ma(current_ua: int, contact: Contact) -> None:
    """Below, the unit cannot tell, and *cannot tell* is not *good*."""
    table = Table()
    table.start(current_ua)

    assert {contact} == {sample.contact for sample in samples(table.run(1_000))}


def test_without_a_permit_nothing_feeds_the_lease_and_the_unit_stops_by_itself() -> None:
    """A hung engine must not be kept alive by polling: the unit's own 2 s end its output."""
    table = Table()
    table.start()
    table.permit = None
    table.run(1_400)
    assert table.truth().energized

    events = table.run(700)

    assert (False, 0) == (table.truth().energized, table.truth().output)
    assert faults(events) == [Fault.HALTED]
    assert samples(events)[-1].output is Output.UNKNOWN  # stopped, and the high voltage still on


def test_a_permit_that_comes_back_after_the_lease_restarts_nothing() -> None:
    """An update after the lease would restart output silently: the target is dropped, off has to come first."""
    table = Table()
    table.start()
    table.permit = None
    table.run(2_500)
    table.permit = PERMIT
    table.command(at_ua(20_000))

    events = table.run(3_000)

    assert Fault.MISMATCH in faults(events)
    assert not any(isinstance(kind, Energize) for at, kind in table.written if at > table.now - 3_000 * NS_PER_MS)
    assert table.truth().output == 0


def test_a_host_that_stalls_longer_than_the_lease_asks_for_the_status_first() -> None:
    """The stall is noticed by the driver although its permit is live again and new levels wait."""
    table = Table()
    table.start()
    table.now = MonoNs(table.now + 2_600 * NS_PER_MS)
    table.command(at_ua(20_500))
    seen = len(table.written)

    events = table.run(1_000)

    assert table.written[seen][1] == Query(feeds_lease=False)
    assert not any(isinstance(kind, Energize) for _, kind in table.written[seen:])
    assert Fault.HALTED in faults(events)
    assert table.truth().output == 0


def test_off_is_off_within_the_budget_whatever_the_driver_was_doing() -> None:
    """From the decision to no output, at any phase of polling, feeding and updating."""
    for phase_ms in range(40):
        table = Table()
        table.start()
        if phase_ms % 3 == 0:
            table.command(at_ua(20_500))
        table.run(phase_ms * 3)
        decided = table.now
        table.command(Off())
        events = table.run(PROFILE.off.budget_ms)

        truth = table.truth()
        assert (False, 0) == (truth.energized, truth.output)
        assert truth.changed_at_mono_ns - decided <= 5 * NS_PER_MS
        assert acks(events)[-1:] == [AckOf.OFF]
        assert [Output.OFF] * 2 == [sample.output for sample in samples(events)][-2:]


def test_samples_that_prove_off_were_asked_after_its_acknowledgement() -> None:
    """A status that was on the line before the stop says nothing about the stop."""
    table = Table()
    table.start()
    table.command(Off())

    events = table.run(300)

    at = next(index for index, event in enumerate(events) if isinstance(event, Ack))
    acked = events[at]
    assert isinstance(acked, Ack)
    assert all(sample.asked_ns >= acked.at_ns for sample in samples(events[at:]))


def test_after_off_a_new_start_works() -> None:
    """Off leaves nothing behind that would refuse a person's new start from zero."""
    table = Table()
    table.start()
    table.command(Off())
    table.run(300)

    table.command(at_ua(0))
    events = table.run(300)

    assert acks(events) == [AckOf.LEVELS]
    assert (True, 0) == (table.truth().energized, table.truth().output)


def test_last_words_stop_the_unit_even_behind_half_a_frame() -> None:
    """The guard writes them blind, perhaps after the controller died in the middle of a frame."""
    table = Table()
    table.start()
    half = P24Driver(PROFILE).last_words()[:11]

    for cut in range(12):
        table.port.receive(half[:cut] + table.driver.last_words(), table.now)
        assert (False, 0) == (table.truth().energized, table.truth().output)


@settings(max_examples=30)
@given(split=st.integers(1, 9))
def test_answers_in_any_split_give_the_same_events(split: int) -> None:
    """A line cuts where it likes."""
    whole, cut = Table(), Table(split)
    for table in (whole, cut):
        table.start()
        table.command(Off())
        table.run(300)

    assert whole.events == cut.events
