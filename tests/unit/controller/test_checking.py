"""Readings that a technician typed, made a record or refused; and the sessions that a bad reading concerns."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from devices.model import Accessory, AccessoryKind, Identity
from devices.profile import load
from modctl.chart.reader import ChartReader
from modctl.chart.store import ChartStore
from modctl.controller.checking import judged_check
from modctl.controller.lookback import looked_back
from modctl.engine.unit import UnitConfig, UnitState
from modctl.ipc.servicing import CheckPointTyped, CheckUnit
from modctl.records import DoseBound, Draft, Record, SessionEnded, SessionRequested, SessionStarted, SetpointCommanded
from modctl.service_records import CheckPoint, UnitChecked, UnitHeld, UnitReleased
from tests.unit.chart.charts import make_chart, sample, stamp

TODAY = "2026-11-23"
HEADS = tuple(Accessory(kind=AccessoryKind.HEAD, serial=serial, era_mm2=500) for serial in ("A", "B"))
POINTS = tuple(CheckPointTyped(set=level, found=level * 5) for level in (500, 1_000, 2_000))
CALIBRATE = CheckUnit(
    id=1, unit="u1", what="calibration", head="A", points=POINTS, meter="UPM 88", meter_due="2027-01-31"
)


def unit(**changes: object) -> UnitState:
    """An ultrasound unit with two heads that answers."""
    config = UnitConfig(name="u1", profile=load("reference-ultrasound"), address="virtual", accessories=HEADS)
    identity = Identity(at_ns=1, model="reference-ultrasound", serial="77", firmware="1.2", is_simulator=False)
    return msgspec.structs.replace(UnitState(config=config, line_open=True, identity=identity), **changes)


def test_a_good_calibration_holds_for_a_year() -> None:
    """The next date is counted from the day at the site, and the record names the unit that was on the bench."""
    checked = judged_check(CALIBRATE, unit(), TODAY, 365)

    assert isinstance(checked, UnitChecked)
    assert ("77", "1.2", "A", TODAY, "2027-11-23", True) == (
        checked.serial,
        checked.firmware,
        checked.head,
        checked.on,
        checked.next_due,
        checked.is_good,
    )
    assert (2_500, 5_000, 10_000) == tuple(point.expected for point in checked.points)


def test_a_bad_one_gives_no_date() -> None:
    """What closes the unit must not look due in a year."""
    points = (*POINTS[:2], CheckPointTyped(set=2_000, found=20_000))
    checked = judged_check(msgspec.structs.replace(CALIBRATE, points=points), unit(), TODAY, 365)

    assert isinstance(checked, UnitChecked)
    assert (False, "") == (checked.is_good, checked.next_due)


@pytest.mark.parametrize(
    ("asked", "state", "word"),
    [
        ({"what": "blessing"}, {}, "neither"),
        ({}, {"identity": None}, "does not answer"),
        ({"head": "Z"}, {}, "no head or part Z"),
        ({"head": "A"}, {"accessory": "B"}, "says that B"),
        ({"head": ""}, {}, "head by head"),
        ({"meter": " "}, {}, "names its meter"),
        ({"meter_due": "soon"}, {}, "no date"),
        ({"meter_due": "2026-11-22"}, {}, "prove nothing"),
        ({"points": POINTS[:2]}, {}, "3 points"),
        ({"what": "check"}, {}, "Left out"),
    ],
)
def test_what_proves_nothing_is_not_recorded(asked: dict[str, object], state: dict[str, object], word: str) -> None:
    """A reading of the wrong head, or of a meter out of date, would be a false certificate."""
    refused = judged_check(msgspec.structs.replace(CALIBRATE, **asked), unit(**state), TODAY, 365)

    assert isinstance(refused, str)
    assert word in refused


def test_a_check_needs_no_meter() -> None:
    """Looking at a housing does not."""
    items = (("visual", "pass"), ("head_face", "pass"))
    checked = judged_check(CheckUnit(id=1, unit="u1", what="check", items=items), unit(), TODAY, 365)

    assert isinstance(checked, UnitChecked)
    assert (True, "", ()) == (checked.is_good, checked.next_due, checked.points)


# Look-back


def point(found: int) -> CheckPoint:
    """At 1 W/cm² on a head of 5 cm²."""
    return CheckPoint(
        set=1_000, unit="mW/cm2", expected=5_000, found=found, left=5_000, low=4_000, high=6_000, reads_unit="mW"
    )


def calibration(found: int, head: str = "A") -> UnitChecked:
    """One calibration of a head."""
    return sample(
        UnitChecked, unit="u1", head=head, what="calibration", is_good=True, points=[msgspec.to_builtins(point(found))]
    )


class Book:
    """A chart that is written line by line."""

    def __init__(self, store: ChartStore) -> None:
        self._store = store
        self._second = 0

    def write(self, record: Record, session: str | None = None) -> None:
        """One entry."""
        self._second += 1
        self._store.append([(Draft(data=record, session=session, actor="x"), stamp(self._second))])

    def treat(self, session: str, head: str = "A", load_name: str = "", unit_name: str = "u1") -> None:
        """A session at 1 W/cm² that was charted as 1000 mJ/cm²."""
        asked = sample(
            SessionRequested, unit=unit_name, model="reference-ultrasound", effective=[["intensity_mw_cm2", 1_000]]
        )
        self.write(asked, session)
        self.write(sample(SessionStarted, unit=unit_name, head=head, load=load_name, simulated=True), session)
        self.write(SetpointCommanded(levels=(("intensity_mw_cm2", 1_000),), cause="ramp"), session)
        dose = DoseBound(quantity="spatial_average_energy", lower=1_000, upper=1_000, unit="mJ/cm2")
        self.write(sample(SessionEnded, dose=[msgspec.to_builtins(dose)], delivered_ms=9), session)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChartStore]:
    """An empty chart."""
    made = make_chart(tmp_path)
    yield made
    made.close()


def test_look_back_finds_the_sessions_since_the_last_good_calibration(store: ChartStore) -> None:
    """Neither those before it, nor another head's, nor another unit's, nor bench runs, nor those after the reading."""
    book = Book(store)
    book.treat("before")
    book.write(calibration(5_000))
    book.treat("this")
    book.treat("other head", head="B")
    book.treat("head not known", head="")
    book.treat("bench", load_name="degassed water")
    book.treat("other unit", unit_name="u2")
    book.write(calibration(3_500))
    book.treat("after")
    found = looked_back(ChartReader(store.connection), "u1", "A")

    assert ["this", "head not known"] == [row.session for row in found.affected]
    assert [(-300, -300, True)] * 2 == [
        (row.error_low_permille, row.error_high_permille, row.outside) for row in found.affected
    ]
    assert [700, 700] == [row.estimated[0].lower for row in found.affected]


def test_look_back_without_a_good_calibration_goes_to_the_beginning(store: ChartStore) -> None:
    """Nobody knows how long it was so."""
    book = Book(store)
    book.treat("first")
    book.write(calibration(3_500))

    assert ["first"] == [row.session for row in looked_back(ChartReader(store.connection), "u1", "A").affected]


def test_look_back_without_a_bad_reading_names_nobody(store: ChartStore) -> None:
    """Nothing was out of tolerance, so nothing is in doubt."""
    book = Book(store)
    book.treat("first")
    book.write(calibration(5_000))
    found = looked_back(ChartReader(store.connection), "u1", "A")

    assert (None, ()) == (found.checked, found.affected)


def test_holds_and_checks_are_rebuilt_from_the_chart(store: ChartStore) -> None:
    """What a controller must know at its start: the last word on each unit and head."""
    book = Book(store)
    good, bad = calibration(5_000), msgspec.structs.replace(calibration(3_500, "B"), is_good=False)
    for record in (
        UnitHeld(unit="u1", reason="first"),
        UnitReleased(unit="u1"),
        UnitHeld(unit="u2", reason="cable"),
        UnitHeld(unit="u1", reason="second"),
        calibration(3_500),
        bad,
        good,
    ):
        book.write(record)
    reader = ChartReader(store.connection)

    assert (("u1", "second"), ("u2", "cable")) == reader.held_units()
    assert (bad, good) == reader.checks_in_force()
