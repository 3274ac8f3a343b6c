"""Every order of events on a bus of two units, to a small depth; ``make soak`` goes deeper."""

import pytest

from modctl.engine.port import Port
from tests.safety import knockouts
from tests.soak.interleavings import Framing, On, Search, beginnings

SHALLOW = 3


def searched(framing: Framing, depth: int = SHALLOW) -> Search:
    """Every interleaving to a depth."""
    search = Search(framing, 1)
    for _ in range(depth):
        search.deepen(lambda: False)
    return search


@pytest.mark.parametrize("framing", ["rtu", "tcp"])
def test_in_every_order_off_goes_first_and_nobody_is_believed_for_another(framing: Framing) -> None:
    """Off reaches its unit before anything else is said, no foreign or late answer counts, no permit: no output."""
    search = searched(framing)

    assert [] == search.findings
    assert search.ways > 200


def test_from_every_end_a_stop_ends_in_off() -> None:
    """Whatever happened before, a healthy line and a stop are enough."""
    search = searched("rtu", 2)

    assert search.settle(lambda: False) > 20
    assert [] == search.findings


def test_without_its_place_at_the_front_an_off_is_found_behind_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that finds nothing where something is wrong would prove nothing."""
    monkeypatch.setattr(Port, "_stopping", lambda _self: None)

    assert any("before the Off" in finding for finding in searched("rtu").findings)


def test_without_the_end_of_permits_a_unit_is_found_without_its_off() -> None:
    """As above, for the permit."""
    with knockouts.without_permit_expiry():
        assert any("before the Off" in finding for finding in searched("rtu").findings)


@pytest.mark.parametrize("beginning", [0, 1])
def test_a_stop_asked_twice_of_one_unit_keeps_no_other_unit_waiting(beginning: int) -> None:
    """Its first Off is answered just then: nothing is left to say to that unit, so the other's Off goes first."""
    bus = beginnings("tcp")[beginning]
    for on in (On.STOP_2, On.RAISE_2, On.DUE, On.RAISE_2):
        bus.happen(on)

    bus.settle()
