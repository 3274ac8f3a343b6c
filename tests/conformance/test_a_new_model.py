"""Adding a unit that is a register map takes a profile, a simulated unit and one line of the catalogue: done here.

The guide is ``devices/README.md``; this test follows it with a unit that does not exist. Nothing else of the program
knows the model, and every check of the inherited suite is run on it.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from devices import profile
from devices.model import Output
from devices.profile import PROFILES, ProfileError, parse
from devices.sim.catalog import SIMULATED, Framing, Kind, SimUnit
from devices.sim.modbus import SimModbus
from devices.sim.port import SimPort
from protocols.inspect import Energize
from tests.conformance import test_every_model as suite
from tests.conformance.example_gateway import MODEL, ExampleGateway
from tests.conformance.virtual_line import Rig
from tests.conformance.virtual_table import ModelTable

HERE = Path(__file__).parent
TEXT = (HERE / f"{MODEL}.toml").read_text()


def _example_gateway(name: str, seed: int, framing: Framing) -> SimUnit:
    return SimModbus(ExampleGateway(name, seed), framing)


@pytest.fixture(scope="module", autouse=True)
def _added(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The profile beside the shipped ones, and the one line of the catalogue."""
    folder = tmp_path_factory.mktemp("profiles")
    for path in (*PROFILES.glob("*.toml"), HERE / f"{MODEL}.toml"):
        (folder / path.name).symlink_to(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile, "PROFILES", folder)
        patch.setitem(cast("dict[str, Kind]", SIMULATED), MODEL, Kind(_example_gateway, 19_200))
        yield


def _inherited() -> Iterator[tuple[str, dict[str, str]]]:
    """Every test of the suite that a model which is switched over a wire has to pass, with what it is called with."""
    for name, test in vars(suite).items():
        if not name.startswith("test_") or name in NOT_FOR_IT:
            continue
        wanted = {"model": MODEL} | ({"link": "serial"} if "link" in inspect.signature(test).parameters else {})
        faults = [mark.args[1] for mark in test.pytestmark if mark.args[0] == "fault"]
        for fault in faults[0] if faults else [None]:
            yield name, wanted if fault is None else {**wanted, "fault": fault}


NOT_FOR_IT = ("test_monitored_equipment_is_only_asked", "test_nothing_is_written_to_what_has_no_wire")


@pytest.mark.parametrize(("name", "wanted"), list(_inherited()))
def test_it_inherits_every_check(name: str, wanted: dict[str, str]) -> None:
    """Without a line of test code of its own."""
    getattr(suite, name)(**wanted)


def test_the_suite_that_it_inherits_is_not_empty() -> None:
    """A suite that lost its tests would let everything pass."""
    names = {name for name, _ in _inherited()}

    assert {"test_it_keeps_what_its_profile_says", "test_every_fault_ends_off_or_unconfirmed"} <= names
    assert len(names) >= 15


def test_a_session_of_it_completes_and_gives_what_was_set() -> None:
    """From the request to the last entry of the chart, by the engine that every other unit has."""
    table = ModelTable(MODEL)
    session = table.start(MODEL, "conformance", 20)
    table.run_s(12)
    flowing = table.truth(MODEL)
    ended = table.run_to_end(session, 60)

    assert (True, 8_000, "uA") == (flowing.energized, flowing.output, flowing.unit)
    assert ("completed", 20_000) == (ended["outcome"], ended["planned_ms"])
    assert not table.truth(MODEL).energized


def test_its_own_words_are_on_the_line() -> None:
    """Low word first, input registers, its own addresses: the bytes of the document, not of another map."""
    rig = Rig(MODEL)
    rig.energize()
    frames = [one.frame for one in rig.written]
    levels = [one.frame for one in rig.written if isinstance(one.kind, Energize)]

    assert bytes.fromhex("01 04 00 00 00 05") == frames[0][:6]  # identity: five input registers from 0
    assert any(frame.startswith(bytes.fromhex("01 10 00 14 00 02 04 00 01 00 00")) for frame in frames)  # watchdog: 1
    assert any(frame.startswith(bytes.fromhex("01 06 00 10 00 03")) for frame in levels)  # 1.5 mA in 0.5 mA


def test_an_exemption_is_a_row_of_its_profile() -> None:
    """With a check of the suite and a reason; without a reason it does not load."""
    row = '\n[[exemption]]\ncheck = "polls_feed_no_lease"\nreason = "made up"\n'
    (exemption,) = parse((TEXT + row).encode(), "made-up.toml").exemption

    assert ("polls_feed_no_lease", "made up") == (exemption.check, exemption.reason)
    with pytest.raises(ProfileError, match="reason"):
        parse((TEXT + row.replace('reason = "made up"\n', "")).encode(), "made-up.toml")


def test_its_simulator_begins_off() -> None:
    """As every simulated unit does."""
    port = SimPort(_example_gateway("unit-1", 1, "rtu"), 1)

    assert not port.truth(Rig(MODEL).now_ns).energized
    assert Output.OFF.value == port.truth(Rig(MODEL).now_ns).state
