"""People, presets and the preparing of sessions, with a real ``people.db`` and the shipped library."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from devices.limits import Max, Min
from devices.model import Identity
from modctl.clock import SystemClock
from modctl.config import Layout, Narrowed, SiteConfig, load_site
from modctl.controller.frontdesk import FrontDesk, site_limits
from modctl.controller.snapshot import Card
from modctl.controller.startup import unit_config
from modctl.engine.core_events import Begin, Refuse
from modctl.engine.unit import UnitState
from modctl.errors import UnreachableError
from modctl.ipc.messages import Done, Refused, SignIn, Start, StartWith
from modctl.records import SignedIn
from tests.process.small_site import PIN, lay_down, preset_of

START = Start(id=1, unit="estim-1", patient="P-1", preset=preset_of("estim-1"), duration_ms=20_000, file_answers=True)


class Desk:
    """A front desk in this thread, and the units that it is told of."""

    def __init__(self, layout: Layout, site: SiteConfig) -> None:
        self.front = FrontDesk(layout.people, layout.presets, site, SystemClock(), "modctl test")
        self.units = {entry.name: UnitState(config=unit_config(entry), line_open=True) for entry in site.units}
        self.charted: list[SignedIn] = []

    def begin(self, request: Start) -> Begin | Refuse | Refused:
        """Prepare one request; what comes of it."""
        found = self.front.begin(5, "therapist", request, self.units)
        return found if isinstance(found, Refused) else found[0]


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


@pytest.mark.parametrize(
    ("user", "pin", "word", "role"),
    [("therapist", PIN, "ok", "therapist"), ("therapist", "0000", "wrong_pin", ""), ("nobody", PIN, "unknown", "")],
)
def test_a_sign_in_gives_the_role_and_is_charted_however_it_ends(
    desk: Desk, user: str, pin: str, word: str, role: str
) -> None:
    """Guessing leaves its trace; whether the user exists is not told to who guesses."""
    answer = desk.front.sign_in(SignIn(id=1, user=user, pin=pin), desk.charted.append)

    assert [SignedIn(user=user, role=role, result=word)] == desk.charted
    assert (role or None) == (answer.role if isinstance(answer, Done) else None)


def test_a_request_becomes_a_session_with_its_questions(desk: Desk) -> None:
    """What the engine is told and what the screens show come from one preparation."""
    identity = Identity(at_ns=1, model="hasomed-p24", serial="7", firmware="1", is_simulator=True)
    desk.units["estim-1"] = msgspec.structs.replace(desk.units["estim-1"], identity=identity)
    found = desk.front.begin(5, "therapist", START, desk.units)

    assert not isinstance(found, Refused)
    event, card = found
    assert isinstance(event, Begin)
    assert ("therapist", "estim-1", "7") == (event.actor, event.setup.unit, event.setup.started.serial)
    assert "Zzcanary Test" == card.patient_name
    assert [gate.gate for gate in (*event.setup.before, *event.setup.after)] == [gate.gate for gate in card.gates]
    assert any("Zzcanary Test" in gate.text for gate in card.gates)


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


def test_two_requests_never_have_one_name(desk: Desk) -> None:
    """A session's id is used once in a chart's life, also for two refusals within a second."""
    names = set()
    for _ in range(50):
        event = desk.begin(START)
        assert isinstance(event, Begin)
        names.add(event.setup.session)

    assert 50 == len(names)


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"unit": "nope"}, "unit"), ({"patient": "P-9"}, "patient"), ({"preset": "nope"}, "preset")],
)
def test_unknown_words_are_told_before_the_chart_is_bothered(desk: Desk, changes: dict[str, str], what: str) -> None:
    """A slip of the fingers is no refused treatment."""
    refused = desk.begin(msgspec.structs.replace(START, **changes))

    assert isinstance(refused, Refused)
    assert "usage" == refused.code
    assert what in refused.reason


def test_a_site_for_real_units_takes_no_answers_from_a_file(layout: Layout) -> None:
    """Hazard H58: the statements at the table are a person's."""
    site = load_site(layout.root)
    real = msgspec.structs.replace(site, site=msgspec.structs.replace(site.site, simulated=False))
    desk = Desk(layout, real)
    refused = desk.begin(START)
    desk.front.close()

    assert isinstance(refused, Refused)
    assert "refused" == refused.code


def test_a_value_above_the_sites_own_bound_is_refused_with_it(layout: Layout) -> None:
    """What the site narrowed in its file binds the session, and the refusal names the file."""
    site = load_site(layout.root)
    narrowed = tuple(msgspec.structs.replace(unit, limits={"current_ua": Narrowed(max=4_000)}) for unit in site.units)
    desk = Desk(layout, msgspec.structs.replace(site, units=narrowed))
    refuse = desk.begin(START)
    desk.front.close()

    assert isinstance(refuse, Refuse)
    assert ("site-current_ua-max", "site.toml") == (refuse.refused.limit, refuse.refused.source)


def test_a_sites_bounds_become_limits_of_both_sides() -> None:
    """A bound that is not stated is not invented."""
    limits = site_limits({"current_ua": Narrowed(max=4_000), "force_n": Narrowed(min=50, max=100)})

    assert [("current_ua", 4_000), ("force_n", 100)] == [
        (one.parameter, one.bound) for one in limits if isinstance(one, Max)
    ]
    assert [("force_n", 50)] == [(one.parameter, one.bound) for one in limits if isinstance(one, Min)]


def test_the_library_of_one_unit_is_what_its_model_can_do(desk: Desk) -> None:
    """The therapist at the ultrasound unit is not offered a current."""
    mine = desk.front.presets("ultrasound-1")
    all_of_them = desk.front.presets(None)

    assert isinstance(mine, Done)
    assert isinstance(all_of_them, Done)
    assert {"ultrasound"} == {preset.modality for preset in mine.presets or ()}
    assert len(mine.presets or ()) < len(all_of_them.presets or ())


def test_a_folder_without_people_is_said(tmp_path: Path, layout: Layout) -> None:
    """The desk opens at the first question; what is missing must come out as a sentence."""
    with pytest.raises(UnreachableError, match=r"people\.db"):
        FrontDesk(tmp_path / "people.db", layout.presets, load_site(layout.root), SystemClock(), "modctl test")
