"""Combinations at the front desk: two requests judged as one treatment."""

from collections.abc import Iterator

import msgspec
import pytest

from modctl.config import Layout, load_site
from modctl.controller.snapshot import Card
from modctl.engine.core_events import Begin, Refuse
from modctl.ipc.hands import StartWith
from modctl.ipc.messages import Refused, Start
from tests.process.small_site import lay_down
from tests.unit.controller.frontdesks import START, Desk


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A small simulated site; hashing its PINs takes a while."""
    return lay_down(tmp_path_factory.mktemp("front") / "site")


@pytest.fixture
def desk(layout: Layout) -> Iterator[Desk]:
    """The desk of that site."""
    made = Desk(layout, load_site(layout.root))
    yield made
    made.front.close()


COMBINED = msgspec.structs.replace(
    START,
    unit="ultrasound-1",
    preset="hip-oa-combined-ultrasound",
    partner=StartWith(unit="estim-1", preset="hip-oa-combined-tens"),
    set=(("current_ua", 3_000), ("intensity_mw_cm2", 400)),
)


def both(desk: Desk, request: Start) -> tuple[Begin | Refuse, Card, Card]:
    """Prepare a combination; it becomes something that the engine is told."""
    assert request.partner is not None
    found = desk.front.begin_both(5, "therapist", request, request.partner, desk.units)
    assert not isinstance(found, Refused)
    return found


def test_a_combination_is_prepared_as_two_sessions_with_one_set_of_questions(desk: Desk) -> None:
    """Both screenings are asked, both placements and both settings are read back, in the leading session."""
    event, lead, partner = both(desk, COMBINED)

    assert isinstance(event, Begin)
    assert event.partner is not None
    assert (400, 3_000) == (event.setup.level.start, event.partner.setup.level.start)
    assert [event.setup.session] * 2 == [event.requested.group, event.partner.requested.group]
    assert [gate.gate for gate in (*event.setup.before, *event.setup.after)] == [gate.gate for gate in lead.gates]
    texts = {gate.gate: gate.text for gate in lead.gates}
    assert "Pacemaker" in texts["screening_with"]
    assert "cemented" in texts["screening"]
    assert "estim-1" in texts["confirm"]
    assert "buttock" in texts["placement"]
    assert "screening_with" not in [gate.gate for gate in partner.gates]


@pytest.mark.parametrize(
    ("unit", "preset", "why"),
    [
        ("ultrasound-1", "hip-oa-combined-ultrasound", "one ultrasound and one stimulation"),
        ("estim-1", "hip-oa-ultrasound-1mhz", "one ultrasound and one stimulation"),
    ],
)
def test_what_is_no_combination_is_refused_in_both_halves(desk: Desk, unit: str, preset: str, why: str) -> None:
    """Two heads, or a preset of another modality: charted for both, nothing begun."""
    event, lead, partner = both(
        desk, msgspec.structs.replace(COMBINED, set=(), partner=StartWith(unit=unit, preset=preset))
    )

    assert isinstance(event, Refuse)
    assert why in event.text
    assert ["no_combination"] * 2 == [event.refused.reason, event.partner.refused.reason if event.partner else ""]
    assert () == (*lead.gates, *partner.gates)


def test_a_head_that_cannot_feel_the_skin_carries_no_current(desk: Desk) -> None:
    """Without its word nobody would switch the current off when it is lifted."""
    unit = desk.units["ultrasound-1"]
    profile = unit.config.profile
    deaf = msgspec.structs.replace(profile, contact=msgspec.structs.replace(profile.contact, told=False))
    desk.units["ultrasound-1"] = msgspec.structs.replace(
        unit, config=msgspec.structs.replace(unit.config, profile=deaf)
    )
    event, _lead, _partner = both(desk, COMBINED)

    assert isinstance(event, Refuse)
    assert "does not tell whether its head has contact" in event.text


@pytest.mark.parametrize("half", [{"unit": "nope"}, {"preset": "nope"}])
def test_a_slip_in_the_other_half_is_told_before_the_chart_is_bothered(desk: Desk, half: dict[str, str]) -> None:
    """As in the first."""
    other = msgspec.structs.replace(StartWith(unit="estim-1", preset="hip-oa-combined-tens"), **half)
    found = desk.front.begin_both(5, "therapist", COMBINED, other, desk.units)

    assert isinstance(found, Refused)
    assert "usage" == found.code
