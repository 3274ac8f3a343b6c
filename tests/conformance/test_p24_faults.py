"""Every fault that a P24 or its wire can have, seen by the driver in virtual time; the truth is asked beside it."""

import itertools

import pytest

from devices.model import (
    NS_PER_MS,
    AckOf,
    Contact,
    Fault,
    Identity,
    Off,
    Output,
)
from devices.sim.faults import CannotFail
from devices.sim.units.p24 import CAN
from protocols.inspect import Config, Energize, Unknown
from protocols.inspect import Off as OffFrame
from tests.conformance.line_table import acks, faults, samples
from tests.conformance.p24_table import PROFILE, Table

# Faults of the wire


@pytest.mark.parametrize(
    ("fault", "parameters", "seen"),
    [
        ("silence", {}, {Fault.TIMEOUT}),
        ("mute", {}, {Fault.TIMEOUT}),
        ("half-open-tx", {}, {Fault.TIMEOUT}),
        ("half-open-rx", {}, {Fault.TIMEOUT}),
        ("drop", {"permille": 400}, {Fault.TIMEOUT}),
        ("duplicate", {"permille": 1000}, {Fault.LATE}),
        ("reorder", {"permille": 1000}, {Fault.TIMEOUT}),
        ("delay", {"ms": 150}, {Fault.TIMEOUT, Fault.LATE}),
        ("late-reply", {"count": 50}, {Fault.TIMEOUT}),
        ("corrupt", {"permille": 400}, {Fault.TIMEOUT, Fault.CORRUPT}),
        ("truncate", {}, {Fault.TIMEOUT, Fault.CORRUPT}),
        ("babble", {"bytes_s": 2000}, {Fault.CORRUPT}),
        ("oversize", {"bytes": 4096}, {Fault.TIMEOUT, Fault.CORRUPT}),
        ("foreign", {}, {Fault.TIMEOUT, Fault.FOREIGN}),
        ("exception", {"code": 21}, {Fault.REFUSED}),
        ("echo", {}, {Fault.FOREIGN}),
        ("baud-slip", {"permille": 30}, {Fault.TIMEOUT, Fault.CORRUPT}),
        ("two-answer", {}, {Fault.LATE}),
    ],
)
def test_a_bad_wire_is_named_and_never_raises_output(fault: str, parameters: dict[str, int], seen: set[Fault]) -> None:
    """Each fault of the wire shows as what it is; the unit never puts out more than the levels last commanded."""
    table = Table()
    table.start(5_000)
    table.inject(fault, **parameters)

    for _ in range(30):
        table.run(100)
        assert table.truth().output <= 5_000

    assert seen <= set(faults(table.events))


@pytest.mark.parametrize("fault", ["delay", "late-reply", "foreign"])
def test_an_answer_that_is_not_the_awaited_one_is_never_believed(fault: str) -> None:
    """Off is not confirmed by what was asked before, nor by what somebody else says."""
    table = Table()
    table.start()
    table.inject(fault, **({"ms": 150} if fault == "delay" else {"count": 999} if fault == "late-reply" else {}))
    table.run(300)
    table.command(Off())

    events = table.run(2_000)

    assert acks(events) == []
    assert samples(events) == []
    assert table.truth().output == 0  # off all the same: the unit heard it


@pytest.mark.parametrize(
    "fault", ["drop", "duplicate", "reorder", "corrupt", "babble", "echo", "two-answer", "exception"]
)
def test_off_gets_through_a_bad_wire(fault: str) -> None:
    """Off is repeated until it is acknowledged; one lost frame costs one reply time."""
    table = Table()
    table.start()
    table.inject(fault)

    assert table.ends_off()


def test_off_is_repeated_every_reply_time_until_acknowledged() -> None:
    """The unit may hear the tenth when it did not hear the first nine."""
    table = Table()
    table.start()
    table.inject("silence")
    table.command(Off())
    seen = len(table.written)
    table.run(950)

    stops = [at for at, kind in table.written[seen:] if isinstance(kind, OffFrame)]
    assert len(stops) == 10
    assert {PROFILE.liveness.reply_ms * NS_PER_MS} == {later - at for at, later in itertools.pairwise(stops)}

    table.port.clear(table.now)
    events = table.run(300)

    assert acks(events) == [AckOf.OFF]
    assert samples(events)[-1].output is Output.OFF


# Faults of the unit


def test_a_restart_of_the_unit_is_noticed_and_drops_the_target() -> None:
    """After a restart the unit stands at its defaults; nothing that was commanded before holds."""
    table = Table()
    table.start()
    table.inject("reboot")

    events = table.run(3_000)

    assert Fault.REBOOTED in faults(events)
    assert samples(events)[-1].output is Output.OFF
    assert not any(isinstance(kind, Energize) for at, kind in table.written if at > table.now - 3_000 * NS_PER_MS)


def test_contact_loss_ends_output_and_is_told_as_open_contact() -> None:
    """The unit stops on the electrode error; the sample says why, so that a person may start anew from off."""
    table = Table()
    table.start()
    table.inject("contact-loss")

    events = table.run(300)

    assert (False, 0) == (table.truth().energized, table.truth().output)
    first = samples(events)[0]
    assert (Contact.OPEN, ("electrode error",)) == (first.contact, first.faults)
    assert faults(events) == []


def test_contact_that_comes_back_restarts_nothing() -> None:
    """Current that returns with the electrode is a shock."""
    table = Table()
    table.start()
    table.inject("contact-loss")
    table.run(300)
    table.port.clear(table.now)

    table.run(3_000)

    assert (False, 0) == (table.truth().energized, table.truth().output)


def test_contact_loss_below_15_ma_is_not_seen() -> None:
    """A stated residual of this unit: it says so itself by reporting the contact as unknown."""
    table = Table()
    table.start(10_000)
    table.inject("contact-loss")

    events = table.run(1_000)

    assert {(Output.ENERGIZED, Contact.UNKNOWN)} == {(sample.output, sample.contact) for sample in samples(events)}
    assert table.truth().output < 2_000  # there is no way for the current


def test_a_current_that_is_not_reached_is_told_as_poor_contact() -> None:
    """High impedance: the level is refused to rise, and does not count as reached."""
    table = Table()
    table.start(100_000)
    table.inject("partial-lift")

    events = table.run(300)

    assert samples(events)[0].contact is Contact.POOR
    assert samples(events)[0].faults == ("low current",)
    assert faults(events) == [Fault.HALTED]


def test_a_run_away_is_the_stated_residual_of_this_unit() -> None:
    """The wire carries no current back: only the truth of the simulator, and the patient, know."""
    table = Table()
    table.start(10_000)
    table.inject("run-away")

    events = table.run(1_000)

    assert table.truth().output == 20_000
    assert {(Output.ENERGIZED, ())} == {(sample.output, sample.values) for sample in samples(events)}


@pytest.mark.parametrize(
    ("fault", "is_off"),
    [
        ("accept-ignore", True),
        ("no-lease", True),
        ("ignore-stop", False),
        ("slow-stop", False),
        ("stuck-on", False),
        ("hang", False),
        ("busy", False),
    ],
)
def test_off_is_confirmed_exactly_when_the_unit_is_off(fault: str, is_off: bool) -> None:
    """A unit that acknowledges is not a unit that does; the status decides."""
    table = Table()
    table.start()
    table.inject(fault)
    table.run(200)
    table.command(Off())

    events = table.run(PROFILE.off.deadline_ms)

    assert is_off == (table.truth().output == 0)
    assert is_off == ([Output.OFF] * 2 == [sample.output for sample in samples(events)][-2:])


@pytest.mark.parametrize("fault", ["ignore-stop", "busy"])
def test_the_lease_ends_what_a_stop_did_not(fault: str) -> None:
    """From the stop on nothing feeds, acknowledged or not; the permit may live as long as it likes."""
    table = Table()
    table.start()
    table.inject(fault)
    table.command(Off())

    events = table.run(2_600)

    assert table.truth().output == 0
    assert Output.OFF not in {sample.output for sample in samples(events)}  # the high voltage is on still


def test_a_unit_that_reports_another_state_than_it_runs_is_seen_as_stopped() -> None:
    """The report is all there is: the driver drops its target, and Off is the answer to it."""
    table = Table()
    table.start()
    table.inject("state-mismatch")

    assert Fault.REBOOTED in faults(table.run(300))


def test_output_that_nobody_commanded_is_seen_and_can_be_stopped() -> None:
    """Sampling goes on without a session, at the idle rate."""
    table = Table()
    table.run(1_000)
    table.inject("uncommanded-on", value=20_000)

    assert samples(table.run(600))[-1].output is Output.ENERGIZED
    assert table.ends_off()


def test_an_answer_of_busy_is_a_refusal_and_not_a_state() -> None:
    """Busy for ever gives no samples, and no samples is stale."""
    table = Table()
    table.start()
    table.inject("busy")

    events = table.run(1_000)

    assert samples(events) == []
    assert set(faults(events)) == {Fault.REFUSED}


@pytest.mark.parametrize("fault", ["wrong-identity", "firmware-changed"])
def test_another_unit_on_the_same_line_has_another_identity(fault: str) -> None:
    """A unit that was exchanged while the line was away must not get the other one's session."""
    table = Table()
    (first,) = [event for event in table.run(200) if isinstance(event, Identity)]
    table.inject(fault)
    table.driver.identify()

    (second,) = [event for event in table.run(200) if isinstance(event, Identity)]

    assert (first.serial, first.firmware) != (second.serial, second.firmware)


def test_every_fault_that_this_model_cannot_have_is_refused_with_a_sentence() -> None:
    """A P24 has no timer, no sensor at its output, no head and no rope."""
    table = Table()
    for fault in ("timer-early", "offset", "gel-only", "cough", "panel-change"):
        assert fault not in CAN
        with pytest.raises(CannotFail, match="cannot have"):
            table.inject(fault, **({"value": 1} if fault in ("offset", "panel-change") else {}))


def test_the_whole_run_is_the_same_from_the_same_seed() -> None:
    """A run that cannot be repeated cannot be examined."""

    def run() -> Table:
        table = Table()
        table.start()
        table.inject("corrupt")
        table.run(2_000)
        return table

    first, second = run(), run()

    assert (first.events, first.written) == (second.events, second.written)


def test_no_frame_is_a_configuration_or_unknown() -> None:
    """The driver has exactly three kinds of words; the gate would refuse anything else."""
    table = Table()
    table.start()
    table.command(Off())
    table.run(500)

    assert not any(isinstance(kind, Config | Unknown) for _, kind in table.written)
