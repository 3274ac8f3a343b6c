"""RehaStim 2: the driver against the simulated unit in virtual time, sound and with every fault; truth beside it."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.bench import FAULTS
from devices.drivers.rehastim2 import Rehastim2Driver
from devices.model import NS_PER_MS, Ack, AckOf, Contact, Fault, Identity, MonoNs, Off, Output
from devices.sim.faults import CannotFail
from devices.sim.units.rehastim2 import CAN
from protocols.inspect import Config, Energize, Query, Unknown
from protocols.inspect import Off as OffFrame
from tests.conformance.line_table import PERMIT, acks, faults, samples
from tests.conformance.rehastim2_table import PROFILE, Table, at_ua

LEASE_MS = PROFILE.liveness.lease_ms
NEEDED = {"clip": {"at": 1_000}, "uncommanded-on": {"value": 5_000}}

# Two readings of one document that must agree


def test_the_handshake_names_the_unit() -> None:
    """One Init is enough; nothing was written for it."""
    table = Table()

    (identity,) = [event for event in table.run(200) if isinstance(event, Identity)]

    assert ("hasomed-rehastim2", "", "ScienceMode2 version 1") == (identity.model, identity.serial, identity.firmware)
    assert table.written == []


def test_output_follows_the_levels() -> None:
    """0 mA is a level like any other: running, energized, no current."""
    table = Table()
    table.start(current_ua=0)
    assert (True, 0) == (table.truth().energized, table.truth().output)

    for current_ua in range(1_000, 11_000, 1_000):
        table.command(at_ua(current_ua))
        events = table.run(500)
        assert acks(events) == [AckOf.LEVELS]
        assert table.truth().output == current_ua

    assert faults(table.events) == []


def test_ten_seconds_of_running_are_fed_by_their_polls() -> None:
    """No new levels are needed, and no packet besides the mode's question."""
    table = Table()
    table.start()
    seen = len(table.written)

    events = table.run(10_000)

    assert (True, 20_000) == (table.truth().energized, table.truth().output)
    assert {(Output.ENERGIZED, Contact.GOOD, ())} == {(one.output, one.contact, one.values) for one in samples(events)}
    assert {Query(feeds_lease=True)} == {kind for _, kind in table.written[seen:]}
    assert 95 <= len(samples(events)) <= 101
    assert faults(table.events) == []


def test_without_a_permit_the_watchdog_ends_the_output() -> None:
    """A hung engine must not be kept alive by polling."""
    table = Table()
    table.start()
    table.permit = None

    events = table.run(LEASE_MS + 50)

    assert (False, 0) == (table.truth().energized, table.truth().output)
    assert faults(events) == [Fault.HALTED]
    assert Output.OFF is samples(events)[-1].output


def test_a_permit_that_comes_back_after_the_watchdog_restarts_nothing() -> None:
    """The target was dropped with the Init; output begins by new levels alone."""
    table = Table()
    table.start()
    table.permit = None
    table.run(LEASE_MS + 50)
    table.permit = PERMIT

    table.run(3_000)

    assert (False, 0) == (table.truth().energized, table.truth().output)


def test_a_host_that_stalls_longer_than_the_watchdog_restarts_nothing() -> None:
    """Its levels meet a unit that waits to be accepted, and is told so before they are written."""
    table = Table()
    table.start()
    table.now = MonoNs(table.now + 2_600 * NS_PER_MS)
    table.command(at_ua(21_000))

    events = table.run(1_000)

    assert Fault.HALTED in faults(events)
    assert table.truth().output == 0


def test_off_is_off_at_once_and_confirmed_within_its_deadline() -> None:
    """From the decision to no output, at any phase of polling and updating; then two Inits."""
    for phase_ms in range(0, 120, 7):
        table = Table()
        table.start()
        if phase_ms % 2:
            table.command(at_ua(21_000))
        table.run(phase_ms)
        decided = table.now
        table.command(Off())
        events = table.run(PROFILE.off.deadline_ms)

        truth = table.truth()
        assert (False, 0) == (truth.energized, truth.output)
        assert truth.changed_at_mono_ns - decided <= 5 * NS_PER_MS
        (ack,) = [event for event in events if isinstance(event, Ack)]
        proofs = [one for one in samples(events) if one.asked_ns >= ack.at_ns and one.output is Output.OFF]
        assert len(proofs) >= PROFILE.off.confirm_samples
        assert proofs == [one for one in samples(events) if one.at_ns > ack.at_ns]


def test_after_off_a_new_start_works() -> None:
    """Off leaves nothing behind that would refuse a person's new start from zero."""
    table = Table()
    table.start()
    table.command(Off())
    table.run(2_000)

    table.command(at_ua(0))
    events = table.run(600)

    assert acks(events) == [AckOf.LEVELS]
    assert (True, 0) == (table.truth().energized, table.truth().output)


def test_a_stop_of_an_idle_unit_is_confirmed() -> None:
    """Stop needs no session: the unit has not even been accepted."""
    table = Table()
    table.run(300)
    table.command(Off())

    events = table.run(1_100)

    assert acks(events) == [AckOf.OFF]
    assert [Output.OFF] * 2 == [sample.output for sample in samples(events)][-2:]
    assert faults(events) == []


def test_last_words_stop_the_unit_even_behind_half_a_frame() -> None:
    """The guard writes them blind, perhaps after the controller died in the middle of a frame."""
    half = Rehastim2Driver(PROFILE).last_words()[:7]
    for cut in range(8):
        table = Table()
        table.start()
        table.port.receive(half[:cut] + table.driver.last_words(), table.now)

        assert (False, 0) == (table.truth().energized, table.truth().output)


def test_a_unit_that_somebody_left_running_is_silent_until_its_watchdog_ends_it() -> None:
    """A new controller finds nothing but silence, says nothing, and then hears the Init."""
    table = Table()
    table.start()
    table.driver.identify()
    table.permit = None
    seen = len(table.written)

    events = table.run(LEASE_MS + 10)

    assert isinstance(events[0], Identity)
    assert (0, []) == (table.truth().output, table.written[seen:])


@settings(max_examples=20, deadline=None)
@given(split=st.integers(1, 9))
def test_answers_in_any_split_give_the_same_events(split: int) -> None:
    """A line cuts where it likes."""
    whole, cut = Table(), Table(split)
    for table in (whole, cut):
        table.start()
        table.command(Off())
        table.run(2_000)

    assert whole.events == cut.events


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
        ("corrupt", {"permille": 400}, {Fault.CORRUPT}),
        ("truncate", {}, {Fault.TIMEOUT, Fault.CORRUPT}),
        ("babble", {"bytes_s": 2000}, {Fault.CORRUPT}),
        ("oversize", {"bytes": 4096}, {Fault.TIMEOUT, Fault.CORRUPT}),
        ("foreign", {}, {Fault.TIMEOUT, Fault.FOREIGN}),
        ("exception", {"code": 8}, {Fault.REFUSED}),
        ("echo", {}, {Fault.FOREIGN}),
        ("baud-slip", {"permille": 30}, {Fault.CORRUPT}),
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


@pytest.mark.parametrize(
    ("fault", "parameters"), [("delay", {"ms": 150}), ("late-reply", {"count": 999}), ("foreign", {})]
)
def test_an_answer_that_is_not_the_awaited_one_is_never_believed(fault: str, parameters: dict[str, int]) -> None:
    """Off is acknowledged by its own answer in its own time, or by the unit's Init."""
    table = Table()
    table.start()
    table.inject(fault, **parameters)
    table.run(300)
    table.command(Off())

    events = table.run(1_000)

    assert (acks(events), samples(events)) == ([], [])
    assert table.truth().output == 0  # off all the same: the unit heard it


@pytest.mark.parametrize(
    "fault", ["drop", "duplicate", "reorder", "corrupt", "babble", "echo", "two-answer", "exception", "foreign"]
)
def test_off_gets_through_a_bad_wire(fault: str) -> None:
    """Three stops, and behind them the watchdog."""
    table = Table()
    table.start()
    table.inject(fault)

    assert table.ends_off()


@pytest.mark.parametrize("fault", ["duplicate", "two-answer", "reorder"])
def test_frames_that_come_twice_confirm_nothing_twice(fault: str) -> None:
    """Between two samples that confirm an off lie at least the unit's own two words."""
    table = Table()
    table.start()
    table.inject(fault, **({} if fault == "two-answer" else {"permille": 1000}))
    table.command(Off())

    told = [sample.at_ns for sample in samples(table.run(PROFILE.off.deadline_ms))]

    assert all(later - at >= 250 * NS_PER_MS for at, later in itertools.pairwise(told))


# Faults of the unit


def test_every_fault_ends_off_or_unconfirmed() -> None:
    """The rule for all of them at once: what is seen as off twice is off in truth."""
    for fault in sorted(CAN):
        table = Table()
        table.start()
        table.inject(fault, **NEEDED.get(fault, {}))
        table.run(500)
        table.command(Off())
        events = table.run(PROFILE.off.deadline_ms)
        outputs = [sample.output for sample in samples(events) if sample.at_ns > table.now - 1_200 * NS_PER_MS]
        is_confirmed = len(outputs) >= 2 and set(outputs) == {Output.OFF}

        assert not is_confirmed or not table.truth().energized
        assert is_confirmed == (fault not in {"hang", "no-lease", "stuck-on"})


@pytest.mark.parametrize("fault", ["ignore-stop", "slow-stop", "busy", "accept-ignore", "frozen", "state-mismatch"])
def test_the_watchdog_ends_what_a_stop_did_not(fault: str) -> None:
    """From the stop on nothing feeds, acknowledged or not; the permit may live as long as it likes."""
    table = Table()
    table.start()
    table.inject(fault)
    table.command(Off())
    table.run(LEASE_MS + 300)

    assert table.truth().output == 0


def test_a_watchdog_that_does_not_act_is_found_out_by_the_stop() -> None:
    """The output is off and nobody can know: no Init comes, nothing is confirmed, and the unit is not used again."""
    table = Table()
    table.start()
    table.inject("no-lease")
    table.command(Off())

    events = table.run(PROFILE.off.deadline_ms)

    assert table.truth().output == 0
    assert samples(events) == []


def test_a_restart_of_the_unit_is_noticed_and_drops_the_target() -> None:
    """After a restart the unit stands at its defaults; nothing that was commanded before holds."""
    table = Table()
    table.start()
    table.inject("reboot")
    seen = len(table.written)

    events = table.run(3_000)

    assert {Fault.REBOOTED, Fault.HALTED} & set(faults(events))
    assert samples(events)[-1].output is Output.OFF
    assert not any(isinstance(kind, Energize) for _, kind in table.written[seen:])


@pytest.mark.parametrize(
    ("fault", "contact", "word", "told"),
    [
        ("contact-loss", Contact.OPEN, "electrode error", []),
        ("switch-open", Contact.UNKNOWN, "emergency switch", [Fault.HALTED]),
        ("switch-missing", Contact.UNKNOWN, "emergency switch", [Fault.HALTED]),
    ],
)
def test_the_patients_side_ends_output_and_coming_back_restarts_nothing(
    fault: str, contact: Contact, word: str, told: list[Fault]
) -> None:
    """Current that returns with the electrode is a shock."""
    table = Table()
    table.start()
    table.inject(fault)
    assert table.truth().output == 0

    events = table.run(50)

    assert (contact, (word,)) == (samples(events)[0].contact, samples(events)[0].faults)
    assert told == faults(events)
    table.port.clear(table.now)
    table.run(3_000)
    assert (False, 0) == (table.truth().energized, table.truth().output)


def test_a_run_away_is_the_stated_residual_of_this_unit() -> None:
    """The wire carries no current back: only the truth of the simulator, and the patient, know."""
    table = Table()
    table.start(10_000)
    table.inject("run-away")

    events = table.run(1_000)

    assert table.truth().output == 20_000
    assert {(Output.ENERGIZED, ())} == {(sample.output, sample.values) for sample in samples(events)}


def test_output_that_nobody_commanded_is_seen_and_can_be_stopped() -> None:
    """In the place of its Inits the unit tells a module error."""
    table = Table()
    table.run(1_000)
    table.inject("uncommanded-on", value=20_000)

    assert samples(table.run(600))[-1].output is Output.UNKNOWN
    assert table.ends_off()


def test_an_unknown_version_is_never_driven() -> None:
    """Another protocol under the same frames: it is named, and no word follows."""
    table = Table()
    table.inject("firmware-changed")
    table.run(600)
    table.permit = PERMIT
    table.command(at_ua(0))

    table.run(2_000)

    newest = [event for event in table.events if isinstance(event, Identity)][-1]
    assert newest.model == "ScienceMode2 version 2"
    assert not any(isinstance(kind, Energize) for _, kind in table.written)


def test_every_fault_that_this_model_cannot_have_is_refused_with_a_sentence() -> None:
    """It has no timer, no sensor at its output, no name, no head and no rope."""
    table = Table()
    for fault in ("timer-early", "offset", "wrong-identity", "gel-only", "cough", "panel-change"):
        assert fault in FAULTS
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
    """The driver has exactly three kinds of words, and without a permit one."""
    table = Table()
    table.start()
    table.command(Off())
    table.run(500)

    assert not any(isinstance(kind, Config | Unknown) for _, kind in table.written)
    assert OffFrame() == table.written[-1][1]
