"""People, presets and the preparing of sessions, with a real ``people.db`` and the shipped library."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from devices.limits import Max, Min
from devices.model import Accessory, AccessoryKind, Identity
from modctl.clock import SystemClock
from modctl.config import Layout, Narrowed, SiteConfig, load_site
from modctl.controller.frontdesk import FrontDesk, site_limits
from modctl.controller.startup import unit_config
from modctl.engine.core_events import Begin, RecordCheck, Refuse
from modctl.engine.unit import UnitState
from modctl.errors import UnreachableError
from modctl.ipc.messages import Done, Refused, SignIn, Start
from modctl.ipc.servicing import BenchRun, CheckUnit
from modctl.records import SignedIn, UnitChecked
from tests.process.small_site import PIN, lay_down, preset_of

START = Start(id=1, unit="estim-1", patient="P-1", preset=preset_of("estim-1"), duration_ms=20_000, file_answers=True)

BENCH = BenchRun(
    id=1,
    unit="estim-1",
    load="500 ohm",
    nobody_connected=True,
    set=(("current_ua", 10_000), ("period_us", 10_000), ("pulse_width_us", 200)),
    duration_ms=10_000,
)
CHECKED = UnitChecked(
    unit="estim-1",
    model="hasomed-p24",
    serial="7",
    firmware="1",
    simulated=True,
    what="calibration",
    on="2025-01-01",
    next_due="2026-01-01",
    is_good=True,
)


class Desk:
    """A front desk in this thread, and the units that it is told of."""

    def __init__(self, layout: Layout, site: SiteConfig) -> None:
        self.front = FrontDesk(layout.people, layout.presets, site, SystemClock(), "modctl test")
        self.units = {entry.name: UnitState(config=unit_config(entry), line_open=True) for entry in site.units}
        self.charted: list[SignedIn] = []

    def bench(self, **changes: object) -> Begin | Refuse | Refused:
        """Prepare a bench run; what comes of it."""
        found = self.front.begin_bench(5, "technician", msgspec.structs.replace(BENCH, **changes), self.units)
        return found if isinstance(found, Refused) else found[0]

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


# The bench, and calibration as an interlock


def test_a_bench_run_has_a_load_and_no_patient(desk: Desk) -> None:
    """Hazard H49: what is no treatment cannot be taken for one, in the chart and on the screens."""
    event = desk.bench()

    assert isinstance(event, Begin)
    started = event.setup.started
    assert ("500 ohm", "", "bench") == (started.load, started.patient, started.preset)
    assert ["bench_nobody", "bench_load", "confirm"] == [gate.gate for gate in event.setup.before]
    assert () == event.setup.after
    assert 10_000 == event.setup.level.high


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"nobody_connected": False}, "refused", "nobody is connected"),
        ({"load": " "}, "usage", "load"),
        ({"set": BENCH.set[:2]}, "usage", "pulse_width_us"),
        ({"unit": "nope"}, "usage", "nope"),
    ],
)
def test_a_bench_run_leaves_nothing_unsaid(desk: Desk, changes: dict[str, object], code: str, word: str) -> None:
    """Nothing is filled in that nobody asked for."""
    refused = desk.bench(**changes)

    assert isinstance(refused, Refused)
    assert code == refused.code
    assert word in refused.reason


@pytest.mark.parametrize(("current_ua", "is_begun"), [(110_000, True), (110_500, False)])
def test_a_bench_run_stays_inside_the_units_bounds(desk: Desk, current_ua: int, is_begun: bool) -> None:
    """A load of 500 ohm is no licence: the unit's own range and the hard bounds bind as in a treatment."""
    event = desk.bench(set=(("current_ua", current_ua), *BENCH.set[1:]))

    assert is_begun == isinstance(event, Begin)


def test_a_unit_out_of_calibration_treats_nobody_but_runs_on_the_bench(desk: Desk) -> None:
    """Hazard H39: the refusal is charted; the technician can find out why."""
    desk.units["estim-1"] = msgspec.structs.replace(desk.units["estim-1"], checks=(CHECKED,))
    refused = desk.begin(START)

    assert isinstance(refused, Refuse)
    assert "unit_uncalibrated" == refused.refused.reason
    assert "2026-01-01" in refused.text
    assert isinstance(desk.bench(), Begin)


def test_a_site_for_real_units_asks_for_a_first_calibration(layout: Layout) -> None:
    """What nobody measured treats nobody; a simulated site works at once."""
    site = load_site(layout.root)
    strict = msgspec.structs.replace(site, site=msgspec.structs.replace(site.site, require_calibration=True))
    desk = Desk(layout, strict)
    refused = desk.begin(START)
    desk.front.close()

    assert isinstance(refused, Refuse)
    assert "unit_uncalibrated" == refused.refused.reason


@pytest.mark.parametrize(("era_mm2", "used_mm2"), [(600, 600), (0, 500)])
def test_the_heads_own_area_replaces_the_presets(desk: Desk, era_mm2: int, used_mm2: int) -> None:
    """Watts over another area are another intensity; which head it was is in the record."""
    unit = desk.units["ultrasound-1"]
    head = Accessory(kind=AccessoryKind.HEAD, serial="4711", era_mm2=era_mm2)
    config = msgspec.structs.replace(unit.config, accessories=(head,))
    desk.units["ultrasound-1"] = msgspec.structs.replace(unit, config=config)
    asked = msgspec.structs.replace(START, unit="ultrasound-1", preset=preset_of("ultrasound-1"))
    found = desk.front.begin(5, "therapist", asked, desk.units)

    assert not isinstance(found, Refused)
    event, card = found
    assert isinstance(event, Begin)
    assert used_mm2 == dict(event.setup.context)["era_mm2"]
    assert "4711" == event.setup.started.head
    assert all("4711" in gate.text for gate in card.gates if gate.gate in ("placement", "confirm"))


def test_a_small_head_closes_a_field_that_is_too_large_for_it(desk: Desk) -> None:
    """The same preset on a head of 2 cm²: ten times the head instead of four."""
    unit = desk.units["ultrasound-1"]
    head = Accessory(kind=AccessoryKind.HEAD, serial="4711", era_mm2=200)
    config = msgspec.structs.replace(unit.config, accessories=(head,))
    desk.units["ultrasound-1"] = msgspec.structs.replace(unit, config=config)
    refused = desk.begin(msgspec.structs.replace(START, unit="ultrasound-1", preset=preset_of("ultrasound-1")))

    assert isinstance(refused, Refuse)
    assert "us-area-ratio-wide" == refused.refused.limit


def test_typed_readings_become_a_record_with_its_next_date(desk: Desk) -> None:
    """Judged before the engine hears of it; a simulated site's record says that it is one."""
    identity = Identity(at_ns=1, model="hasomed-p24", serial="7", firmware="1", is_simulator=True)
    desk.units["estim-1"] = msgspec.structs.replace(desk.units["estim-1"], identity=identity)
    asked = CheckUnit(id=1, unit="estim-1", what="check", items=(("visual", "pass"),))
    found = desk.front.check(5, "technician", asked, desk.units)

    assert isinstance(found, RecordCheck)
    assert (True, True, "7") == (found.checked.is_good, found.checked.simulated, found.checked.serial)
    refused = desk.front.check(5, "technician", msgspec.structs.replace(asked, items=()), desk.units)
    assert isinstance(refused, Refused)
    assert "Nothing was recorded" in refused.reason
