"""Every fault that a research generator or its wire can have, seen by the driver; the truth is asked beside it."""

import itertools

import pytest

from devices.model import NS_PER_MS, AckOf, Fault, Identity, Off, Output
from devices.sim.faults import CannotFail
from protocols.inspect import Energize
from protocols.inspect import Off as OffFrame
from tests.conformance.line_table import PERMIT, acks, faults, samples
from tests.conformance.research_table import BENCHES, LIFU, TPO, Table

models = pytest.mark.parametrize("model", list(BENCHES))

# Faults of the wire

WIRE: list[tuple[str, dict[str, int], dict[str, set[Fault]]]] = [
    ("silence", {}, {TPO: {Fault.TIMEOUT}, LIFU: {Fault.TIMEOUT}}),
    ("mute", {}, {TPO: {Fault.TIMEOUT}, LIFU: {Fault.TIMEOUT}}),
    ("half-open-tx", {}, {TPO: {Fault.TIMEOUT}, LIFU: {Fault.TIMEOUT}}),
    ("half-open-rx", {}, {TPO: {Fault.TIMEOUT}, LIFU: {Fault.TIMEOUT}}),
    ("drop", {"permille": 400}, {TPO: {Fault.TIMEOUT}, LIFU: {Fault.TIMEOUT}}),
    ("duplicate", {"permille": 1000}, {TPO: {Fault.LATE}, LIFU: {Fault.LATE}}),
    ("reorder", {"permille": 1000}, {TPO: {Fault.TIMEOUT}, LIFU: {Fault.TIMEOUT}}),
    ("delay", {"ms": 350}, {TPO: {Fault.TIMEOUT, Fault.LATE}, LIFU: {Fault.TIMEOUT, Fault.LATE}}),
    ("late-reply", {"count": 50}, {TPO: {Fault.TIMEOUT, Fault.LATE}, LIFU: {Fault.TIMEOUT, Fault.LATE}}),
    ("corrupt", {"permille": 400}, {TPO: {Fault.TIMEOUT}, LIFU: {Fault.TIMEOUT, Fault.CORRUPT}}),
    ("truncate", {}, {TPO: {Fault.TIMEOUT}, LIFU: {Fault.TIMEOUT, Fault.CORRUPT}}),
    ("babble", {"bytes_s": 2000}, {TPO: {Fault.CORRUPT}, LIFU: {Fault.CORRUPT}}),
    ("oversize", {"bytes": 4096}, {TPO: {Fault.TIMEOUT, Fault.CORRUPT}, LIFU: {Fault.TIMEOUT, Fault.CORRUPT}}),
    ("foreign", {}, {TPO: {Fault.TIMEOUT, Fault.FOREIGN}, LIFU: {Fault.TIMEOUT, Fault.FOREIGN}}),
    ("exception", {"code": 2}, {TPO: {Fault.REFUSED}, LIFU: {Fault.REFUSED}}),
    ("echo", {}, {TPO: {Fault.FOREIGN}, LIFU: {Fault.FOREIGN}}),
    ("baud-slip", {"permille": 60}, {TPO: {Fault.TIMEOUT}, LIFU: {Fault.TIMEOUT, Fault.CORRUPT}}),
    ("two-answer", {}, {TPO: {Fault.LATE}, LIFU: {Fault.LATE}}),
]


@models
@pytest.mark.parametrize(("fault", "parameters", "seen"), WIRE)
def test_a_bad_wire_is_named_and_never_raises_output(
    model: str, fault: str, parameters: dict[str, int], seen: dict[str, set[Fault]]
) -> None:
    """Each fault of the wire shows as what it is; the unit never puts out more than the levels last commanded."""
    table = Table(model)
    table.start()
    table.inject(fault, **parameters)

    for _ in range(60):
        table.run(100)
        assert table.truth().output <= table.bench.ordinary

    assert seen[model] <= set(faults(table.events))


@models
@pytest.mark.parametrize(
    ("fault", "parameters"), [("delay", {"ms": 350}), ("late-reply", {"count": 999}), ("foreign", {})]
)
def test_an_answer_that_is_not_the_awaited_one_is_never_believed(
    model: str, fault: str, parameters: dict[str, int]
) -> None:
    """Off is not confirmed by what was asked before, nor by what somebody else says."""
    table = Table(model)
    table.start()
    table.inject(fault, **parameters)
    table.run(300)
    table.command(Off())

    events = table.run(3_000)

    assert samples(events) == []
    assert table.truth().output == 0  # off all the same: the unit heard it


@models
@pytest.mark.parametrize(
    "fault", ["drop", "duplicate", "reorder", "corrupt", "babble", "echo", "two-answer", "exception", "baud-slip"]
)
def test_off_gets_through_a_bad_wire(model: str, fault: str) -> None:
    """Off is repeated until it is acknowledged; one lost frame costs one reply time."""
    table = Table(model)
    table.start()
    table.inject(fault)

    assert table.ends_off()


@models
def test_off_is_repeated_every_reply_time_until_acknowledged(model: str) -> None:
    """The unit may hear the tenth when it did not hear the first nine."""
    table = Table(model)
    table.start()
    table.inject("silence")
    table.command(Off())
    seen = len(table.written)
    table.run(table.profile.liveness.reply_ms * 10 - 1)

    stops = [at for at, kind in table.written[seen:] if isinstance(kind, OffFrame)]
    assert len(stops) == 10
    assert {table.profile.liveness.reply_ms * NS_PER_MS} == {later - at for at, later in itertools.pairwise(stops)}

    table.port.clear(table.now)
    events = table.run(2_000)

    assert AckOf.OFF in acks(events)
    assert samples(events)[-1].output is Output.OFF


@models
def test_silence_while_output_is_on_is_followed_by_off_from_the_driver_itself(model: str) -> None:
    """There is no watchdog in these units: waiting for the engine's second would be a second of output more."""
    table = Table(model)
    table.start()
    table.inject("mute")

    table.run(table.profile.liveness.poll_ms + table.profile.liveness.reply_ms + 50)

    assert OffFrame() in table.since(200)
    assert not table.truth().energized


# Faults of the unit


@models
def test_a_restart_of_the_unit_is_noticed_and_drops_the_target(model: str) -> None:
    """After a restart the unit stands at its defaults; nothing that was commanded before holds."""
    table = Table(model)
    table.start()
    table.inject("reboot")

    events = table.run(6_000)

    assert Fault.REBOOTED in faults(events)
    assert samples(events)[-1].output is Output.OFF
    assert not any(isinstance(kind, Energize) for kind in table.since(6_000))


@models
@pytest.mark.parametrize("fault", ["wrong-identity", "firmware-changed"])
def test_another_unit_on_the_same_line_has_another_identity(model: str, fault: str) -> None:
    """A unit that was exchanged while the line was away must not get the other one's session."""
    table = Table(model)
    (first,) = [event for event in table.run(500) if isinstance(event, Identity)]
    table.inject(fault)
    table.inject("reboot")  # the generator tells its version in its greeting alone
    table.run(3_000)
    table.driver.identify()

    second = [event for event in table.run(1_000) if isinstance(event, Identity)][-1]

    assert (first.serial, first.firmware) != (second.serial, second.firmware)


@models
@pytest.mark.parametrize(
    ("fault", "is_off"),
    [
        ("accept-ignore", True),
        ("over-deliver", True),
        ("ignore-stop", False),
        ("slow-stop", False),
        ("stuck-on", False),
        ("hang", False),
    ],
)
def test_off_is_confirmed_exactly_when_the_unit_is_off(model: str, fault: str, is_off: bool) -> None:
    """A unit that acknowledges is not a unit that does; the state decides."""
    table = Table(model)
    table.start()
    table.inject(fault, **({"ms": 10_000} if fault == "slow-stop" else {}))
    table.run(100)
    table.command(Off())

    events = table.run(table.profile.off.deadline_ms)

    assert is_off == (table.truth().output == 0)
    assert is_off == ([Output.OFF] * 2 == [sample.output for sample in samples(events)][-2:])


@models
def test_a_unit_that_reports_another_state_than_it_runs_is_stopped(model: str) -> None:
    """The report is all there is: what it calls off while driven is a halt, and the target is dropped."""
    table = Table(model)
    table.start()
    table.inject("state-mismatch")

    assert Fault.HALTED in faults(table.run(500))


@models
def test_output_that_nobody_commanded_is_seen_and_can_be_stopped(model: str) -> None:
    """Sampling goes on without a session, at the idle rate."""
    table = Table(model)
    table.run(1_000)
    table.inject("uncommanded-on", value=20_000)

    assert samples(table.run(1_200))[-1].output is Output.ENERGIZED
    assert table.ends_off()


@models
def test_a_start_that_is_acknowledged_and_not_done_is_seen(model: str) -> None:
    """An acknowledgement is not output: the next sample says so, and the target is dropped."""
    table = Table(model)
    table.driver.watch_closely(closely=True)
    table.run(500)
    table.permit = PERMIT
    table.inject("accept-ignore")
    table.command(table.at(table.bench.ordinary))

    events = table.run(1_500)

    assert {Fault.HALTED, Fault.REBOOTED, Fault.REFUSED} & set(faults(events))
    assert not table.truth().energized


@models
def test_every_fault_that_this_model_cannot_have_is_refused_with_a_sentence(model: str) -> None:
    """No lease, no coupling sensor, no rope."""
    table = Table(model)
    for fault in ("no-lease", "busy", "contact-loss", "gel-only", "cough", "no-value"):
        with pytest.raises(CannotFail, match="cannot have"):
            table.inject(fault)


@models
def test_the_whole_run_is_the_same_from_the_same_seed(model: str) -> None:
    """A run that cannot be repeated cannot be examined."""

    def run() -> Table:
        table = Table(model)
        table.start()
        table.inject("corrupt")
        table.run(2_000)
        return table

    first, second = run(), run()

    assert (first.events, first.frames) == (second.events, second.frames)
