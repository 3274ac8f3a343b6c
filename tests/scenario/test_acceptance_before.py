"""Acceptance checks that are decided before anything is energized, by their numbers: US 1, US 7, TX 1, TX 2, TX 10."""

from collections.abc import Iterator

import msgspec
import pytest

from devices.model import Accessory, AccessoryKind, Modality
from modctl.cli.laying import lay_down
from modctl.clinic.gates import gates_for
from modctl.clinic.presets import Preset
from modctl.clinic.service import Fit, Fitness, Unfit, fitness
from modctl.clock import SystemClock
from modctl.config import Layout, load_site
from modctl.controller.accounts import Patient, People
from modctl.controller.frontdesk import FrontDesk
from modctl.controller.snapshot import Card
from modctl.controller.startup import unit_config
from modctl.engine.core_events import Begin, Refuse
from modctl.engine.unit import UnitState
from modctl.ipc.messages import Refused, Start
from modctl.records import PatientWeighed
from tests.scenario.table import Table
from tests.unit.engine.made import calibrated

PULL = Start(id=1, unit="traction-1", patient="P-80", preset="hip-traction-intermittent")
SOUND = Start(id=1, unit="ultrasound-1", patient="P-80", preset="hip-oa-ultrasound-1mhz")
TODAY = "2026-11-23"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A simulated site with two patients, of whom one was weighed today."""
    root = tmp_path_factory.mktemp("before") / "site"
    lay_down(root, simulated=True)
    people = People(Layout(root).people)
    now = SystemClock().stamp().at_utc
    for ref, weight_g, at_utc in (("P-80", 80_000, now), ("P-NO", None, None)):
        people.add_patient(
            Patient(
                ref=ref,
                name="Dora Example",
                birth_date="1950-02-03",
                side="left",
                body_weight_g=weight_g,
                weighed_at_utc=at_utc,
            )
        )
    people.close()
    return Layout(root)


class Desk:
    """The front desk of that site; its presets can be changed for one test."""

    def __init__(self, layout: Layout) -> None:
        site = load_site(layout.root)
        self.front = FrontDesk(layout.people, layout.presets, site, SystemClock(), "modctl test")
        self._units = {entry.name: UnitState(config=unit_config(entry), line_open=True) for entry in site.units}
        self.weighed: list[PatientWeighed] = []

    def begin(self, request: Start) -> tuple[Begin | Refuse, Card] | Refused:
        """Ask for a session."""
        return self.front.begin(1, "therapist", request, self._units, chart=self.weighed.append)


@pytest.fixture
def desk(layout: Layout) -> Iterator[Desk]:
    """A front desk of this test's own."""
    made = Desk(layout)
    yield made
    made.front.close()


def read_back(found: tuple[Begin | Refuse, Card] | Refused) -> str:
    """What *confirm start* says."""
    assert not isinstance(found, Refused), found
    return next(gate.text for gate in found[1].gates if gate.gate == "confirm")


def test_us_1_time_and_dose_stand_there_before_the_start(desk: Desk) -> None:
    """Area 20 cm², ERA 5, 1 W/cm², 100 %: five minutes are 75 J/cm²."""
    told = read_back(desk.begin(SOUND))

    assert "1.0 W/cm²" in told
    assert "75 J/cm² on 20 cm²" in told
    assert "5 min" in told


class Wide(Table):
    """A table whose ultrasound preset treats another area."""

    area_mm2 = 0

    def preset_of(self, preset_id: str) -> Preset:
        """The shipped preset on that area."""
        shipped = super().preset_of(preset_id)
        return msgspec.structs.replace(shipped, context={**shipped.context, "area_mm2": self.area_mm2})


@pytest.mark.parametrize(
    ("area_mm2", "refused"),
    [(2_000, ()), (10_000, ("us-area-ratio-wide",)), (10_001, ("hard-us-area",)), (20_000, ("hard-us-area",))],
)
def test_us_1_a_wide_field_is_warned_of_and_more_than_twenty_heads_refused(
    area_mm2: int, refused: tuple[str, ...]
) -> None:
    """Wide is a soft limit that a person opens; a square millimetre beyond twenty heads of 5 cm² has no door."""
    table = Wide("reference-ultrasound")
    table.area_mm2 = area_mm2
    session = table.ask("reference-ultrasound", SOUND.preset, 300)
    refusals = [entry["limit"] for entry in table.chart.of(session) if entry["kind"] == "session.refused"]

    assert list(refused) == refusals
    assert not table.truth("reference-ultrasound").energized


def test_us_7_of_two_heads_the_one_in_calibration_is_offered() -> None:
    """Head A is overdue and closed with its date; head B of the same console is named in the refusal, and fits."""
    heads = tuple(Accessory(kind=AccessoryKind.HEAD, serial=serial, era_mm2=500) for serial in "AB")
    checks = tuple(
        calibrated(unit="ultrasound-1", head=head, next_due=next_due)
        for head, next_due in (("A", "2026-11-22"), ("B", "2027-11-22"))
    )
    asked = Fitness(
        unit="ultrasound-1", accessories=heads, wire="", asked="", checks=checks, today=TODAY, is_required=True
    )
    closed, fits = (fitness(msgspec.structs.replace(asked, asked=head)) for head in "AB")

    assert isinstance(closed, Unfit)
    assert "2026-11-22" in closed.text
    assert "Use head B" in closed.text
    assert Fit(head=heads[1]) == fits


def test_tx_1_without_a_weight_the_gate_is_closed_and_one_number_opens_it(desk: Desk) -> None:
    """The refusal has a word of its own, so that screen and plain mode ask for the number."""
    closed = desk.begin(msgspec.structs.replace(PULL, patient="P-NO"))
    opened = desk.begin(msgspec.structs.replace(PULL, patient="P-NO", body_weight_kg=80))

    assert isinstance(closed, Refused)
    assert "body_weight" == closed.code
    assert "body weight" in read_back(opened)
    assert [80_000] == [one.body_weight_g for one in desk.weighed]


def test_tx_2_the_stop_switch_is_tested_each_day_at_the_gate_itself(desk: Desk) -> None:
    """It stands among the questions, *not tested* closes, and another day asks again (valid for one day, per unit)."""
    found = desk.begin(PULL)
    gate = next(one for one in gates_for(Modality.TRACTION) if one.id == "stop_switch")

    assert not isinstance(found, Refused)
    assert "stop_switch" in [one.gate for one in found[1].gates]
    assert ("not-done",) == gate.closes
    assert (1, ("unit",)) == (gate.valid_days, gate.shares)
