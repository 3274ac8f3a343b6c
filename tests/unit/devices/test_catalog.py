"""Every simulated model against every fault of the menu."""

import pytest

from devices.bench import FAULTS, Group
from devices.model import NS_PER_MS, MonoNs
from devices.sim.catalog import SIMULATED
from devices.sim.device import FaultOrder
from devices.sim.faults import CannotFail
from devices.sim.port import SimPort

WITHOUT_PROTOCOL = ("passive", "passive-cold")  # a person is their line: nothing with addresses or checksums
HOT_ALL_DAY = ("eurotherm-3216", "omron-e5cc")  # tanks: nobody starts them, nobody stops them
WIRE = [fault for fault, spec in FAULTS.items() if spec.group is Group.WIRE]


def port_of(model: str) -> SimPort:
    """A simulated unit of that model on its line."""
    kind = SIMULATED[model]
    return SimPort(kind.make("unit-1", 1, "rtu"), 1, kind.baud)


def order_of(fault: str) -> FaultOrder:
    """The fault as the menu has it; what must be given is 1."""
    spec = FAULTS[fault]
    given = [name for name, default in spec.parameters if default is None and name not in spec.optional]
    return FaultOrder(fault=fault, parameters=tuple((name, 1) for name in given))


def refusal_of(port: SimPort, fault: str, now_ns: MonoNs) -> str | None:
    """Inject; why not, or None."""
    try:
        port.inject(order_of(fault), now_ns)
    except CannotFail as refusal:
        return str(refusal)
    return None


def let_pass(port: SimPort, from_ms: int, to_ms: int) -> None:
    """Time goes by in steps of 100 ms."""
    for ms in range(from_ms, to_ms, 100):
        port.take(MonoNs(ms * NS_PER_MS))


@pytest.mark.parametrize("model", SIMULATED)
def test_a_simulated_unit_starts_off_and_sound(model: str) -> None:
    """It carries the model's name, puts out nothing but a tank's heat, and nobody has thrown a fault at it."""
    truth = port_of(model).truth(MonoNs(0))

    assert (model, "unit-1", model in HOT_ALL_DAY, ()) == (truth.model, truth.name, truth.energized, truth.faults)


@pytest.mark.parametrize("model", SIMULATED)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_had_and_taken_back_or_refused(model: str, fault: str) -> None:
    """Nothing in between: an order either shows in the truth until *clear*, or names the model and why not."""
    port = port_of(model)
    let_pass(port, 0, 2_000)
    now = MonoNs(2_000 * NS_PER_MS)
    refusal = refusal_of(port, fault, now)
    if refusal is not None:
        assert model in refusal
        assert port.truth(now).faults == ()
        return
    shown = port.truth(now).faults
    let_pass(port, 2_100, 5_000)
    port.clear(MonoNs(5_000 * NS_PER_MS))
    after = port.truth(MonoNs(5_000 * NS_PER_MS))

    assert shown == (fault,) or FAULTS[fault].once
    assert after.faults == ()


@pytest.mark.parametrize("model", [model for model in SIMULATED if model not in WITHOUT_PROTOCOL])
@pytest.mark.parametrize("fault", WIRE)
def test_every_model_can_have_every_fault_of_the_wire(model: str, fault: str) -> None:
    """A wire is a wire; what needs the protocol's help, the unit helps with."""
    port = port_of(model)
    port.inject(order_of(fault), MonoNs(0))

    assert port.truth(MonoNs(0)).faults == (fault,)
