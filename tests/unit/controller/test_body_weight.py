"""A pull is bounded by a part of the body's weight: without a weight of these days its gate is closed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from modctl.cli.laying import lay_down
from modctl.clock import SystemClock, utc_text
from modctl.config import Layout, load_site
from modctl.controller.accounts import Patient, People
from modctl.controller.frontdesk import FrontDesk
from modctl.controller.startup import unit_config
from modctl.engine.core_events import Begin, Refuse
from modctl.engine.unit import UnitState
from modctl.errors import UsageError
from modctl.ipc.messages import Refused, Start
from modctl.records import PatientWeighed

NOW = datetime.fromisoformat(SystemClock().stamp().at_utc)
PULL = Start(id=1, unit="traction-1", patient="P-OLD", preset="hip-traction-intermittent")


class Desk:
    """A front desk in this thread, and the weights that it charted."""

    def __init__(self, layout: Layout, **policy: object) -> None:
        site = load_site(layout.root)
        site = msgspec.structs.replace(site, site=msgspec.structs.replace(site.site, **policy))
        self.front = FrontDesk(layout.people, layout.presets, site, SystemClock(), "modctl test")
        self._units = {entry.name: UnitState(config=unit_config(entry), line_open=True) for entry in site.units}
        self.charted: list[PatientWeighed] = []
        self.asked: dict[str, str] = {}  # the questions of the newest session, by gate

    def begin(self, **changes: object) -> Begin | Refuse | Refused:
        """Ask for a pull."""
        request = msgspec.structs.replace(PULL, **changes)
        found = self.front.begin(5, "therapist", request, self._units, chart=self.charted.append)
        if isinstance(found, Refused):
            return found
        self.asked = {view.gate: view.text for view in found[1].gates}
        return found[0]


def patient(ref: str, weight_g: int | None, days: int | None) -> Patient:
    """One of the site's patients, weighed so many days ago."""
    at_utc = None if days is None else utc_text(NOW - timedelta(days=days))
    return Patient(
        ref=ref,
        name="Dora Example",
        birth_date="1950-02-03",
        side="left",
        body_weight_g=weight_g,
        weighed_at_utc=at_utc,
    )


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A simulated site with patients weighed long ago, of an unknown day, and never."""
    root = tmp_path_factory.mktemp("weight") / "site"
    lay_down(root, simulated=True)
    people = People(Layout(root).people)
    for one in (
        patient("P-OLD", 80_000, 30),
        patient("P-FRESH", 80_000, 29),
        patient("P-WHEN", 80_000, None),
        patient("P-NO", None, None),
    ):
        people.add_patient(one)
    people.close()
    return Layout(root)


@pytest.fixture
def desk(layout: Layout) -> Iterator[Desk]:
    """The desk of that site."""
    made = Desk(layout)
    yield made
    made.front.close()


@pytest.mark.parametrize(
    ("ref", "told"), [("P-OLD", "30 days old"), ("P-WHEN", "of an unknown day"), ("P-NO", "not known")]
)
def test_a_weight_that_is_too_old_or_missing_closes_the_gate(desk: Desk, ref: str, told: str) -> None:
    """The refusal says what opens it; nothing is prepared and nothing charted."""
    refused = desk.begin(patient=ref)

    assert isinstance(refused, Refused)
    assert "body_weight" == refused.code
    assert told in refused.reason
    assert [] == desk.charted


def test_a_weight_of_these_days_is_enough_and_a_site_may_want_a_younger_one(layout: Layout, desk: Desk) -> None:
    """Twenty-nine days are; at a site that weighs each week they are not."""
    strict = Desk(layout, gate_days={"body_weight": 7})
    found = strict.begin(patient="P-FRESH")
    strict.front.close()

    assert isinstance(desk.begin(patient="P-FRESH"), Begin)
    assert isinstance(found, Refused)


def test_a_weight_that_is_entered_opens_the_gate_and_is_kept_with_its_date(desk: Desk) -> None:
    """One number: charted, kept for the next visit, and what bounds this pull."""
    begun = desk.begin(patient="P-NO", body_weight_kg=82)

    assert isinstance(begun, Begin)
    assert 82_000 == dict(begun.setup.context)["body_weight_g"]
    assert [PatientWeighed(patient="P-NO", body_weight_g=82_000)] == desk.charted
    assert isinstance(desk.begin(patient="P-NO"), Begin)


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        ("N", "at most 150 N (15.3 kgf), 19.2 % of the body weight"),
        ("kgf", "at most 15.3 kgf (150 N), 19.2 % of the body weight"),
        ("lbf", "at most 33.7 lbf (150 N), 19.2 % of the body weight"),
    ],
)
def test_tx_10_a_pull_is_read_back_in_the_sites_unit_beside_newton_and_as_a_part_of_the_weight(
    layout: Layout, unit: str, told: str
) -> None:
    """Acceptance TX 10: who thinks in pounds and who thinks in newton confirm the same pull of 80 kg."""
    desk = Desk(layout, force_unit=unit)
    begun = desk.begin(patient="P-FRESH")
    desk.front.close()

    assert isinstance(begun, Begin)
    assert told in desk.asked["confirm"]


@pytest.mark.parametrize("kg", [9, 401, 0, -1])
def test_a_weight_that_nobody_has_is_refused(desk: Desk, kg: int) -> None:
    """A slip of a digit would move the bound of the pull."""
    with pytest.raises(UsageError):
        desk.begin(body_weight_kg=kg)


def test_a_file_from_before_weights_had_dates_is_read_and_its_weights_are_asked_for(tmp_path: Path) -> None:
    """An update must not take a weight of nobody knows when for one of today."""
    path = tmp_path / "people.db"
    older = People.create(path)
    older._execute("ALTER TABLE patient DROP COLUMN weighed_at_utc", ())  # noqa: SLF001  # as older files are
    row = ("P-1", "A", "1950-01-01", "left", 70_000)
    older._execute("INSERT INTO patient VALUES (?, ?, ?, ?, ?)", row)  # noqa: SLF001  # and its patients
    older.close()

    opened = People(path)
    found = opened.patient("P-1")
    opened.close()

    assert found is not None
    assert (70_000, None) == (found.body_weight_g, found.weighed_at_utc)
