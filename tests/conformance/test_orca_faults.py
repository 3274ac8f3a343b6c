"""What goes wrong between the ORCA driver and its motor: names, bounds, and that off is reached or not claimed."""

import pytest

from devices.model import NS_PER_MS, AckOf, Fault, MonoNs, Off, Output
from devices.sim.device import FaultOrder
from devices.sim.faults import CannotFail
from devices.sim.units.orca import CAN
from protocols.inspect import Energize, Query, Unknown
from protocols.modbus import Framing, encode, write
from tests.conformance.line_table import acks, faults, samples
from tests.conformance.orca_table import PROFILE, Table, pull


@pytest.mark.parametrize(
    ("fault", "parameters", "seen"),
    [
        ("silence", {}, {Fault.TIMEOUT}),
        ("mute", {}, {Fault.TIMEOUT}),
        ("half-open-tx", {}, {Fault.TIMEOUT}),
        ("half-open-rx", {}, {Fault.TIMEOUT}),
        ("drop", {"permille": 500}, {Fault.TIMEOUT}),
        ("duplicate", {"permille": 1000}, {Fault.FOREIGN}),
        ("delay", {"ms": 150}, {Fault.TIMEOUT, Fault.LATE}),
        ("late-reply", {"count": 1}, {Fault.TIMEOUT}),
        ("corrupt", {"permille": 1000}, {Fault.TIMEOUT, Fault.CORRUPT}),
        ("truncate", {"at": 4}, {Fault.TIMEOUT}),
        ("babble", {}, {Fault.CORRUPT}),
        ("oversize", {}, {Fault.CORRUPT}),
        ("foreign", {}, {Fault.FOREIGN}),
        ("exception", {"code": 4}, {Fault.REFUSED}),
        ("busy", {}, {Fault.REFUSED}),
        ("echo", {}, {Fault.FOREIGN, Fault.MALFORMED, Fault.CORRUPT}),
        ("baud-slip", {"permille": 100}, {Fault.TIMEOUT, Fault.CORRUPT}),
        ("two-answer", {}, {Fault.FOREIGN}),
        ("hang", {}, {Fault.TIMEOUT}),
    ],
)
def test_a_bad_wire_has_its_name_and_never_raises_the_pull(
    fault: str, parameters: dict[str, int], seen: set[Fault]
) -> None:
    """Each fault of the wire is told; no sample shows what was not measured; the pull is never above its command."""
    table = Table()
    table.start(100)
    before = len(table.truths)
    table.inject(fault, **parameters)
    events = table.run(3_000)

    assert seen & set(faults(events))
    assert max(output for _, output in table.truths[before:]) <= 100
    assert {sample.get("force_n") for sample in samples(events)} <= {0, 100}


@pytest.mark.parametrize("fault", ["silence", "mute", "drop", "corrupt", "delay", "truncate", "hang"])
def test_a_force_that_was_not_answered_is_not_repeated(fault: str) -> None:
    """After one missing answer to a force the motor lets go by itself, and an Off is needed before a new start."""
    parameters = {"drop": {"permille": 1000}, "corrupt": {"permille": 1000}, "delay": {"ms": 200}}
    table = Table()
    table.start(100)
    table.inject(fault, **parameters.get(fault, {}))
    first_ns = table.now
    while Fault.TIMEOUT not in faults(table.events) and Fault.CORRUPT not in faults(table.events):
        table.run(1)
    table.run(200)
    table.port.clear(table.now)
    clear_ns = table.now
    table.run(2_000)
    energized = [at for at, kind in table.written if at > clear_ns and isinstance(kind, Energize)]
    table.command(pull(110))
    refused = table.run(200)

    assert first_ns < clear_ns
    assert [] == energized
    assert 0 == table.truth().output
    assert Fault.REFUSED in faults(refused)

    table.command(Off())
    table.run(1_500)
    table.permitted = True
    table.command(pull(60))
    table.run(500)

    assert 60 == table.truth().output


def test_a_lost_question_does_not_let_go() -> None:
    """Only a force that is not answered does; one lost answer about the mode leaves time for the next feed."""
    table = Table()
    table.start(100)
    while table.written[-1][1] != Query(feeds_lease=False):
        table.run(1)
    table.inject("silence")
    table.run(20)
    table.port.clear(table.now)
    events = table.run(3_000)

    assert [Fault.TIMEOUT] == faults(events)
    assert 100 == table.truth().output


def test_a_restart_is_noticed_and_starts_nothing() -> None:
    """Asleep without an error, its limits gone: it is told as a restart, and levels are not written again."""
    table = Table()
    table.start(100)
    table.inject("reboot")
    before = table.now
    events = table.run(3_000)

    assert Fault.REBOOTED in faults(events)
    assert 0 == table.truth().output
    late = [at for at, kind in table.written if isinstance(kind, Energize) and at > before + 200 * NS_PER_MS]
    assert [] == late


def test_another_motor_behind_the_port_is_noticed() -> None:
    """After every doubtful exchange the serial number is asked for again."""
    table = Table()
    table.identify()
    table.inject("wrong-identity")
    table.inject("late-reply", count=1)
    events = table.run(1_500)

    assert Fault.MISMATCH in faults(events)


@pytest.mark.parametrize("fault", ["stuck-on", "ignore-stop", "slow-stop"])
def test_off_that_does_not_happen_is_never_shown_as_off(fault: str) -> None:
    """The motor says yes and goes on pulling: as long as that is true, samples say so."""
    table = Table()
    table.start(100)
    table.inject(fault)
    table.command(Off())
    before = table.now
    events = table.run(250)

    assert AckOf.OFF in acks(events)
    assert table.truth().energized
    assert {Output.ENERGIZED} == {sample.output for sample in samples(events) if sample.asked_ns > before}


@pytest.mark.parametrize(("fault", "ends_off"), [("ignore-stop", True), ("no-lease", True), ("stuck-on", False)])
def test_what_a_command_does_not_end_the_timeout_ends(fault: str, ends_off: bool) -> None:
    """Two ways to off; a stage that cannot be switched has none, and is never shown as off."""
    table = Table()
    table.start(100)
    table.inject(fault)
    table.command(Off())
    events = table.run(PROFILE.off.deadline_ms)

    assert ends_off is (table.truth().output == 0)
    assert ends_off is (Output.OFF is samples(events)[-1].output)


def test_asleep_with_force_in_the_rope_is_not_off() -> None:
    """One proof alone is none: the mode says asleep, the force does not."""
    table = Table()
    table.identify()
    table.inject("uncommanded-on", value=60)
    events = table.run(500)

    assert Output.ENERGIZED is samples(events)[-1].output
    assert 60 == samples(events)[-1].get("force_n")


def test_a_motor_that_pushes_is_told_as_a_fault_of_its_own() -> None:
    """Mounted the other way round, or inverted: what should pull the limb must not press it."""
    table = Table()
    table.start(100)
    table.inject("stuck", value=-100)
    events = table.run(300)

    assert ("pushes",) == samples(events)[-1].faults
    assert -100 == samples(events)[-1].get("force_n")


@pytest.mark.parametrize(
    ("fault", "parameters", "word"),
    [
        ("run-away", {"gain_permille": 9_000, "ramp_ms": 0}, "max-force"),
        ("over-temperature", {"mdegc": 61_000}, "max-temperature"),
    ],
)
def test_the_motors_own_limits_let_go(fault: str, parameters: dict[str, int], word: str) -> None:
    """What was written and read back acts without a host: above 495 N and 60 degC it sleeps and says why."""
    table = Table()
    table.start(100)
    table.inject(fault, **parameters)
    events = table.run(300)

    assert 0 == table.truth().output
    assert Fault.HALTED in faults(events)
    assert any(word in sample.faults for sample in samples(events))


@pytest.mark.parametrize(
    "fault", ["no-value", "timer-early", "timer-late", "panel-change", "switch-open", "switch-missing", "contact-loss"]
)
def test_what_this_motor_does_not_have_cannot_fail(fault: str) -> None:
    """No sentinel, no timer, no knob, and above all no patient's switch on this wire."""
    parameters = (("value", 1),) if fault == "panel-change" else ()
    assert fault not in CAN

    with pytest.raises(CannotFail, match="iris-orca"):
        Table().port.inject(FaultOrder(fault=fault, parameters=parameters), MonoNs(0))


def test_any_split_of_the_bytes_is_the_same() -> None:
    """Adapters deliver bytes in portions."""
    whole, split = Table(), Table(split=1)
    whole.start(100)
    split.start(100)
    whole.command(Off(fast=False))
    split.command(Off(fast=False))
    whole.run(4_000)
    split.run(4_000)

    assert whole.events == split.events
    assert whole.frames == split.frames


def test_no_frame_is_unknown_whatever_happens() -> None:
    """The whitelist holds for starts, feeds, releases and everything after a bad line."""
    table = Table()
    table.start(100)
    table.inject("drop", permille=100)
    table.run(1_000)
    table.command(Off(fast=False))
    table.run(3_000)

    assert not [kind for _, kind in table.written if isinstance(kind, Unknown)]


def test_the_same_seed_gives_the_same_run() -> None:
    """A fault that was seen once can be looked at again."""
    runs = []
    for _ in range(2):
        table = Table()
        table.start(100)
        table.inject("noise", permille=50)
        table.inject("drop", permille=100)
        table.run(2_000)
        runs.append((table.events, table.frames))

    assert runs[0] == runs[1]


def test_force_mode_without_force_is_not_off() -> None:
    """The other proof alone is none either: slack for seconds, and the next frame or none could pull."""
    table = Table()
    table.start(100)
    table.inject("stuck-off")
    events = table.run(3_000)

    assert {(Output.ENERGIZED, 0)} == {(sample.output, sample.get("force_n")) for sample in samples(events)[2:]}


@pytest.mark.parametrize("mode", [3, 4, 5, 55])
def test_a_motor_that_somebody_else_moves_is_energized(mode: int) -> None:
    """Position, haptic, kinematic, auto-zero: set by another program on this line, seen at the next sample."""
    table = Table()
    table.identify()
    while table.driver.is_waiting():
        table.run(1)
    table.port.receive(encode(write(1, 3, (mode,)), Framing.RTU), table.now)
    table.run(60)
    table.port.take(table.now)
    events = table.run(500)

    assert Output.ENERGIZED is samples(events)[-1].output
