"""People, presets and the preparing of sessions, with a real ``people.db`` and the shipped library."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from devices.limits import Max, Min
from devices.model import Accessory, AccessoryKind, Identity
from modctl.clinic.interlocks import Running
from modctl.clinic.validity import Earlier, Moment, Scene
from modctl.clock import SystemClock
from modctl.config import Layout, Narrowed, load_site
from modctl.controller.accounts import People, Role, User
from modctl.controller.frontdesk import FrontDesk, Opened
from modctl.controller.history import History, LastSession
from modctl.controller.pin_check import verifier_of
from modctl.controller.requests import site_limits
from modctl.controller.texts import Told
from modctl.controller.words import refusal_of
from modctl.engine.core_events import Begin, RecordCheck, Refuse
from modctl.engine.effects import Reply
from modctl.errors import UnreachableError
from modctl.ipc.hands import OverrideAsk
from modctl.ipc.messages import Done, Refused, SignIn, Start
from modctl.ipc.servicing import CheckUnit
from modctl.records import SignedIn
from tests.process.small_site import PIN, lay_down, preset_of
from tests.unit.controller.frontdesks import BENCH, START, Desk
from tests.unit.engine.made import calibrated

CHECKED = calibrated(unit="estim-1", model="hasomed-p24", serial="7", on="2025-01-01", next_due="2026-01-01")


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A small simulated site; hashing its PINs takes a while."""
    laid = lay_down(tmp_path_factory.mktemp("front") / "site")
    people = People(laid.people)
    people.add_user(User(name="kim", role=Role.ASSISTANT, verifier=verifier_of(PIN)))
    people.close()
    return laid


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


def test_a_patient_is_not_given_what_does_not_go_together(desk: Desk) -> None:
    """Hazard H32: refused with its reason, charted, and nothing is prepared."""
    running = [Running(patient="P-1", unit="estim-2", modality="estim")]
    found = desk.front.begin(5, "therapist", START, desk.units, running=running)

    assert not isinstance(found, Refused)
    event = found[0]
    assert isinstance(event, Refuse)
    assert "interlock" == event.refused.reason
    assert "estim-2" in event.text


def test_what_holds_is_offered_and_what_is_too_old_is_asked(desk: Desk) -> None:
    """The screens get the stored answer; the engine's order has it right after who it is."""
    stamp = SystemClock().stamp()
    first = desk.begin(START)
    assert isinstance(first, Begin)
    where = first.setup.started
    scene = Scene(patient="P-1", modality="estim", region=where.region, side=where.side, unit="estim-1")
    now = Moment(at_utc=stamp.at_utc, boottime_ns=stamp.boottime_ns, boot=stamp.boot)
    old = Moment(at_utc="2026-01-01T00:00:00.000Z", boottime_ns=0, boot="before")
    earlier = (
        Earlier(gate="consent", answer="given", moment=now, scene=scene),
        Earlier(gate="screening", answer="none", moment=old, scene=scene),
    )
    by_a_person = msgspec.structs.replace(START, file_answers=False)
    found = desk.front.begin(5, "therapist", by_a_person, desk.units, history=History(earlier=earlier))

    assert not isinstance(found, Refused)
    event, card = found
    assert isinstance(event, Begin)
    assert ["identify", "consent", "screening"] == [gate.gate for gate in event.setup.before[:3]]
    assert {"consent": "given"} == {gate.gate: gate.carried for gate in card.gates if gate.carried is not None}


def test_a_file_of_answers_carries_nothing(desk: Desk) -> None:
    """It is asked what every visit asks, whatever was said before: a file says what it says."""
    stamp = SystemClock().stamp()
    first = desk.begin(START)
    assert isinstance(first, Begin)
    where = first.setup.started
    scene = Scene(patient="P-1", modality="estim", region=where.region, side=where.side, unit="estim-1")
    now = Moment(at_utc=stamp.at_utc, boottime_ns=stamp.boottime_ns, boot=stamp.boot)
    earlier = (
        Earlier(gate="consent", answer="given", moment=now, scene=scene),
        Earlier(gate="sensation", answer="normal", moment=now, scene=scene),
    )
    found = desk.front.begin(5, "therapist", START, desk.units, history=History(earlier=earlier))

    assert not isinstance(found, Refused)
    assert {None} == {gate.carried for gate in found[1].gates}
    assert "consent" in {gate.gate for gate in found[1].gates}


def test_a_repeat_takes_the_last_prescription(desk: Desk) -> None:
    """Unit, preset, settings and time of the last session; the level begins as the preset says."""
    last = LastSession(
        unit="estim-1", preset=preset_of("estim-1"), settings=(("pulse_width_us", 150),), planned_ms=30_000
    )
    request = Start(id=1, unit="", patient="P-1", preset="", repeat=True)
    found = desk.front.begin(5, "therapist", request, desk.units, history=History(last=last))

    assert not isinstance(found, Refused)
    event, _card = found
    assert isinstance(event, Begin)
    assert ("estim-1", preset_of("estim-1")) == (event.setup.unit, event.setup.started.preset)
    assert 150 == dict(event.setup.settings)["pulse_width_us"]
    assert 30_000 == event.setup.started.planned_ms
    assert 0 == event.setup.level.start


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


# Opening soft limits

WIDE = msgspec.structs.replace(START, set=(("pulse_width_us", 401),))
REASON = OverrideAsk(limit="width-usual", reason="tried before, felt well")


def opened(desk: Desk, *asks: OverrideAsk, actor: str = "therapist") -> tuple[Opened, ...] | Refused:
    """What people write, sealed."""
    return desk.front.opened(actor, asks, desk.charted.append)


def test_a_reason_is_kept_and_its_commitment_goes_to_the_engine(desk: Desk, layout: Layout) -> None:
    """The chart never sees the words; people.db has them under the commitment that the chart holds."""
    made = opened(desk, REASON)
    assert not isinstance(made, Refused)
    found = desk.front.begin(5, "therapist", WIDE, desk.units, made)
    assert not isinstance(found, Refused)
    begin, _card = found
    assert isinstance(begin, Begin)
    people = People(layout.people)
    told = people.told(begin.overrides[0].reason)
    people.close()

    assert Told(state="kept", text="tried before, felt well") == told
    assert ("width-usual", None) == (begin.overrides[0].limit, begin.overrides[0].second_person)
    assert b"felt well" not in msgspec.json.encode(begin)
    assert ("width-usual",) == begin.setup.opened


def test_a_start_without_its_opening_says_what_opens_it(desk: Desk) -> None:
    """The client reads limit, numbers, mark and door from the refusal, not from a sentence."""
    refuse = desk.begin(WIDE)
    assert isinstance(refuse, Refuse)
    reply = Reply(request=5, code=refuse.refused.reason, reason=refuse.text, limit=refuse.refused.limit)
    told = refusal_of(reply, refuse.refused)

    assert ("soft_limit", "width-usual", 401, 400, "us", "chosen", "reason") == (
        told.code,
        told.limit,
        told.observed,
        told.bound,
        told.unit,
        told.mark,
        told.door,
    )


@pytest.mark.parametrize("reason", ["", "  ", "\t\n"])
def test_an_empty_reason_is_none(desk: Desk, reason: str) -> None:
    """Whoever opens a limit says why."""
    refused = opened(desk, msgspec.structs.replace(REASON, reason=reason))

    assert isinstance(refused, Refused)
    assert "override_reason" == refused.code


@pytest.mark.parametrize(
    ("actor", "second", "pin", "code"),
    [
        ("therapist", "therapist", PIN, "override_second_person"),
        ("therapist", "technician", PIN, "override_second_person"),
        ("therapist", "kim", "0000", "wrong_pin"),
        ("therapist", "nobody", PIN, "unknown"),
        ("therapist", "kim", PIN, None),
        ("kim", "therapist", PIN, None),
        ("kim", "", "", "override_second_person"),
    ],
)
def test_the_second_person_is_somebody_else_who_treats_and_shows_it(
    desk: Desk, actor: str, second: str, pin: str, code: str | None
) -> None:
    """Kim assists: with a therapist, in whichever order, and never alone."""
    made = opened(desk, msgspec.structs.replace(REASON, second_user=second, second_pin=pin), actor=actor)

    assert code == (made.code if isinstance(made, Refused) else None)


def test_a_second_persons_pin_is_charted_like_every_sign_in(desk: Desk) -> None:
    """Guessing somebody's PIN here leaves the same trace, and counts towards the same lock."""
    opened(desk, msgspec.structs.replace(REASON, second_user="kim", second_pin=PIN))

    assert [SignedIn(user="kim", role="assistant", result="ok")] == desk.charted


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
