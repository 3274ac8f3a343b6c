"""Alarms of units that have no session: they stand as long as the cause does, and no longer."""

import msgspec
import pytest

from devices.model import NS_PER_MS, Identity, MonoNs, Output, Sample
from devices.profile import load
from modctl.controller.snapshot import Site, take_snapshot, unit_rows
from modctl.engine.state import CoreState
from modctl.engine.unit import UnitConfig, UnitState
from modctl.ipc.messages import Snapshot

TANK = UnitState(
    config=UnitConfig(name="tank-1", profile=load("eurotherm-3216"), address="line"),
    line_open=True,
    identity=Identity(at_ns=0, model="eurotherm-3216", serial="1", firmware="1", is_simulator=True),
)
P24 = UnitState(config=UnitConfig(name="estim-1", profile=load("hasomed-p24"), address="line"), line_open=True)
PACK = UnitState(config=UnitConfig(name="hot-pack-1", profile=load("passive"), address=""), line_open=True)
NOW_NS = 10**12


def shown(*units: UnitState) -> Snapshot:
    """A snapshot of these units and nothing else."""
    core = CoreState(simulated=True, units={unit.config.name: unit for unit in units}, sessions={})
    site = Site(name="clinic", simulated=True, cards={}, alarms={}, timezone="Europe/Berlin")
    return take_snapshot(core, site, 7, NOW_NS, with_patients=False)


def names(*units: UnitState) -> list[tuple[str, str]]:
    """Word and priority of each alarm."""
    return [(alarm.alarm, alarm.priority) for alarm in shown(*units).alarms]


@pytest.mark.parametrize("band", ["ready", "weak", "hot", "too_cold", "unknown", ""])
def test_only_a_tank_that_is_too_hot_alarms(band: str) -> None:
    """The others close the gate of a pack, which is said there; nobody is burned by a tank that is cold."""
    too_hot = msgspec.structs.replace(TANK, band="too_hot", band_ns=5)

    assert [("tank_too_hot:tank-1", "medium")] == names(too_hot)
    assert [] == names(msgspec.structs.replace(TANK, band=band))


def test_a_unit_whose_off_is_in_doubt_alarms_until_that_is_known_or_a_person_clears_it() -> None:
    """Its session may be long gone; and it is said again whenever the engine says it again."""
    doubtful = msgspec.structs.replace(P24, latched="off_not_confirmed", off_doubt_ns=5)
    said_again = msgspec.structs.replace(doubtful, reminded_ns=60)

    assert [("off_not_confirmed:estim-1", "high")] == names(doubtful)
    assert [5, 60] == [shown(unit).alarms[0].since_mono_ns for unit in (doubtful, said_again)]
    assert [] == names(msgspec.structs.replace(doubtful, off_doubt_ns=None))
    assert [] == names(msgspec.structs.replace(doubtful, latched=""))


def test_a_pack_in_doubt_says_to_take_it_off() -> None:
    """There is no power to cut."""
    doubtful = msgspec.structs.replace(PACK, latched="off_not_confirmed", off_doubt_ns=5)

    assert [("take_pack_off:hot-pack-1", "high")] == names(doubtful)


@pytest.mark.parametrize(
    ("age_ms", "line_open", "expected"),
    [(0, True, (72_300, "ready")), (60_000, True, (None, "unknown")), (0, False, (None, "unknown"))],
)
def test_the_temperature_of_a_tank_is_shown_only_while_it_is_new(
    age_ms: int, *, line_open: bool, expected: tuple[int | None, str]
) -> None:
    """Yesterday's 72 degrees would open the lid today."""
    values = (("temp_mdegc", 72_300),)
    at_ns = NOW_NS - age_ms * NS_PER_MS
    sample = Sample(at_ns=MonoNs(at_ns), asked_ns=at_ns, output=Output.ENERGIZED, values=values)
    core = CoreState(
        simulated=True,
        units={"tank-1": msgspec.structs.replace(TANK, sample=sample, line_open=line_open)},
        sessions={},
    )
    (row,) = unit_rows(core, NOW_NS)

    assert expected == (row.temp_mdegc, row.band)


def test_the_snapshot_names_the_sites_timezone_and_an_older_one_reads_as_utc() -> None:
    """A controller of the release before sends neither zone, nor alarms of the house, nor bands."""
    told = shown(TANK)
    older = msgspec.json.decode(msgspec.json.encode(told), type=dict[str, object])
    for name in ("alarms", "timezone"):
        del older[name]
    read = msgspec.convert(older, Snapshot)

    assert "Europe/Berlin" == told.timezone
    assert ("UTC", ()) == (read.timezone, read.alarms)
    assert "unknown" == told.units[0].band
