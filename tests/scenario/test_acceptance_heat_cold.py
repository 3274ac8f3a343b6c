"""Heat and cold at the table, one test for each check of the acceptance list, by number, through the whole chain."""

import msgspec
import pytest

from devices.dose import FULL_THERMAL_DOSE
from devices.model import NS_PER_S, PackAct
from devices.profile import load
from modctl.clinic.presets import Preset
from modctl.engine import events as ev
from modctl.engine.machine import Phase
from modctl.engine.unit import UnitStatus
from modctl.records import Alarm, TankRead
from tests.scenario.conftest import Lay
from tests.scenario.evidence import prove
from tests.scenario.table import Table, preset

HOT, COLD_PACK, PAD, CUFF, TANK = "passive", "passive-cold", "reference-heat", "reference-cold", "eurotherm-3216"
HOT_PRESET, COLD_PRESET, ICE_PRESET = "hip-hot-pack", "hip-cold-pack", "hip-ice-massage"
MIN_S = 60


class Ward(Table):
    """A table whose hot packs come out of a tank."""

    def __init__(self, *models: str) -> None:
        super().__init__(*models, tanks={HOT: TANK})


class HotPad(Table):
    """A pad whose preset allows all that the unit allows: 45 °C."""

    def preset_of(self, preset_id: str) -> Preset:
        """The shipped one, without its own cap."""
        return msgspec.structs.replace(preset(preset_id), cap=45_000)


def check(table: Table, session: str, answer: str, gate: str = "skin_check") -> str | None:
    """A person answers what is due; the reason of a refusal comes back."""
    event = ev.Answered(gate=gate, answer=answer, actor="therapist", source="person", age_s=0, took_ms=900)
    table.tell(session, event)
    return table.world.replies[-1].reason or None


def tank_reads(table: Table) -> list[tuple[str, int | None]]:
    """What was charted of the tank."""
    return [
        (draft.data.band, draft.data.temp_mdegc)
        for draft, _stamp in table.chart.entries
        if isinstance(draft.data, TankRead)
    ]


def minutes(value: object) -> float:
    """Milliseconds of a chart entry, in minutes."""
    return int(str(value)) / 60_000


# Heat


def test_heat_1_a_tank_is_read_all_day() -> None:
    """Equipment, not a session: its temperature is charted every ten minutes, and nobody is alarmed."""
    table = Ward(HOT, TANK)
    table.run_s(60 * MIN_S)
    reads = tank_reads(table)

    assert {("ready", 72_000)} == set(reads)
    assert 6 <= len(reads) <= 8
    assert UnitStatus.READY is table.world.state.units[TANK].status


@pytest.mark.parametrize(("mdegc", "is_closed"), [(77_000, False), (77_100, True), (79_000, True), (64_000, True)])
def test_heat_1_a_tank_outside_its_bounds_closes_every_pack_out_of_it(mdegc: int, *, is_closed: bool) -> None:
    """79 °C burns through eight towels; the refusal says what the tank has, the bound and who set it."""
    table = Ward(HOT, TANK)
    table.inject(TANK, "over-temperature", mdegc=mdegc)
    table.run_s(5)
    session = table.ask(HOT, HOT_PRESET, 1_200)
    reply = table.world.replies[-1]

    assert is_closed is (reply.code is not None and reply.code.startswith("tank:"))
    if is_closed:
        assert f"{mdegc // 1000}.{mdegc % 1000 // 100} °C" in reply.reason
        assert "session.refused" in [entry["kind"] for entry in table.chart.of(session)]


def test_heat_1_a_tank_that_gets_too_hot_closes_a_start_that_was_being_prepared() -> None:
    """The questions take minutes; what is true at the confirmation counts."""
    table = Ward(HOT, TANK)
    session = table.ask(HOT, HOT_PRESET, 1_200)
    table.inject(TANK, "over-temperature", mdegc=79_000)
    table.run_s(5)
    table.answer_all(session)

    assert "79.0 °C" in table.world.replies[-1].reason
    assert Phase.CHECKING is table.state(session).phase
    assert ["tank_too_hot:eurotherm-3216"] == [
        draft.data.alarm for draft, _stamp in table.chart.entries if isinstance(draft.data, Alarm)
    ]


def test_heat_1_a_tank_that_is_weak_warns() -> None:
    """68 °C: the pack may go on, and its person knows that it will do little."""
    table = Ward(HOT, TANK)
    table.inject(TANK, "over-temperature", mdegc=68_000)
    table.run_s(5)
    session = table.start(HOT, HOT_PRESET, 1_200)
    table.run_s(2)

    assert Phase.RUNNING is table.state(session).phase
    assert ["tank_weak"] == table.alarms(session)


@pytest.mark.parametrize("fault", ["silence", "disconnect", "no-value"])
def test_heat_1_a_tank_that_does_not_say_is_closed(fault: str) -> None:
    """Unknown is not warm enough, and not cool enough."""
    table = Ward(HOT, TANK)
    table.inject(TANK, fault)
    table.run_s(15)
    table.ask(HOT, HOT_PRESET, 1_200)

    assert "tank:unknown" == table.world.replies[-1].code
    assert ("unknown", None) == tank_reads(table)[-1]


def test_heat_2_minutes_on_skin_run_from_pack_on_to_pack_off(lay: Lay) -> None:
    """Time does not begin at the confirmation; at its end TAKE THE PACK OFF repeats until the key is pressed."""
    table = lay(HOT)
    session = table.ask(HOT, HOT_PRESET, 60)
    table.answer_all(session)
    table.run_s(90)  # the way to the tank
    assert (Phase.STARTING, 0) == (table.state(session).phase, table.state(session).ledger.energized_ns)

    table.put_on(session)
    table.run_s(60 + 50)
    assert Phase.STOPPING is table.state(session).phase
    assert ["take_pack_off"] * 4 == table.alarms(session)  # at the end, then every 15 s

    table.take_off(session)
    ended = table.run_to_end(session, limit_s=5)
    table.run_s(60)

    assert ("completed", "planned_time") == (ended["outcome"], ended["reason"])
    assert 1.0 == pytest.approx(minutes(ended["delivered_ms"]), abs=0.02)
    assert 110 / 60 == pytest.approx(minutes(ended["energized_ms"]), abs=0.04)
    assert 4 == len(table.alarms(session))
    moved = [(entry["act"], entry["source"]) for entry in table.chart.of(session) if entry["kind"] == "pack.moved"]
    assert [("on", "person"), ("off", "person")] == moved


def test_heat_2_a_pack_that_is_taken_off_early_ends_the_session(lay: Lay) -> None:
    """The person's word is the end; nobody is told to take off what is off."""
    table = lay(HOT)
    session = table.start(HOT, HOT_PRESET, 60)
    table.run_s(20)
    table.take_off(session)
    ended = table.run_to_end(session, limit_s=5)

    assert ("stopped", "pack_off", []) == (ended["outcome"], ended["reason"], table.alarms(session))
    assert UnitStatus.READY is table.world.state.units[HOT].status


def test_heat_2_a_pack_that_nobody_puts_on_ends_the_request(lay: Lay) -> None:
    """Ten minutes are long enough for the way; nothing was on, so nothing is to be taken off."""
    table = lay(HOT)
    session = table.ask(HOT, HOT_PRESET, 60)
    table.answer_all(session)
    ended = table.run_to_end(session, limit_s=700)

    assert ("stopped", "pack_not_put_on", 0) == (ended["outcome"], ended["reason"], ended["energized_ms"])
    assert [] == table.alarms(session)


def test_heat_3_fewer_than_six_layers_are_acknowledged(lay: Lay) -> None:
    """A question of its own, which names the bound; the answer is charted, and so is what it opened."""
    table = lay(HOT)
    six = table.ask(HOT, HOT_PRESET, 60, layers=6)
    assert "acknowledge_layers" not in [gate.gate for gate in table.state(six).setup.before]
    table.stop_all()
    table.run_s(1)

    session = table.start(HOT, HOT_PRESET, 60, layers=5)
    overrides = [entry["limit"] for entry in table.chart.of(session) if entry["kind"] == "override"]
    table.run_s(5)
    table.take_off(session)
    table.run_s(5)

    assert ["pack-layers"] == overrides


def test_heat_3_layers_that_are_not_acknowledged_are_not_started(lay: Lay) -> None:
    """The first answer is no."""
    table = lay(HOT)
    session = table.ask(HOT, HOT_PRESET, 60, layers=5)
    for gate in table.state(session).setup.before:
        opening = [word for word in gate.answers if word not in gate.closes] or ["4"]
        given = "not-acknowledged" if gate.gate == "acknowledge_layers" else opening[0]
        check(table, session, given, gate.gate)

    ended = table.chart.of(session)[-1]
    assert ("stopped", "refused") == (ended["outcome"], ended["reason"])


def test_heat_4_a_skin_check_that_nobody_answers_is_an_alarm(lay: Lay) -> None:
    """Due after five minutes on the skin, late a minute later: TAKE THE PACK OFF, and never a word of holding it."""
    table = lay(HOT)
    session = table.start(HOT, HOT_PRESET, 1_200)
    table.run_s(5 * MIN_S + 2)
    due = [entry for entry in table.chart.of(session) if entry["kind"] == "check.due"]
    assert (1, []) == (len(due), table.alarms(session))

    table.run_s(60 + 32)
    assert ["take_pack_off"] * 3 == table.alarms(session)
    assert (Phase.RUNNING, True) == (table.state(session).phase, table.truth(HOT).energized)

    assert check(table, session, "as-expected") is None
    table.run_s(60)
    assert 3 == len(table.alarms(session))

    table.run_s(4 * MIN_S)
    assert 2 == sum(entry["kind"] == "check.due" for entry in table.chart.of(session))
    table.take_off(session)
    table.run_s(5)


def test_heat_4_what_modctl_can_hold_is_held_until_a_person_has_looked(lay: Lay) -> None:
    """A pad goes off by itself; without an answer nobody resumes it."""
    table = lay(PAD)
    session = table.start(PAD, "hip-heat-pad", 1_200)
    table.run_s(6 * MIN_S + 10)
    assert (Phase.PAUSED, ["skin_check_late"]) == (table.state(session).phase, table.alarms(session))
    assert not table.truth(PAD).energized

    table.tell(session, ev.ResumeAsked(actor="therapist"))
    assert "skin check" in table.world.replies[-1].reason

    check(table, session, "not-done")
    table.tell(session, ev.ResumeAsked(actor="therapist"))
    assert "skin check" in table.world.replies[-1].reason

    check(table, session, "reddened")
    table.run_s(30)
    assert not table.truth(PAD).energized  # nothing commanded resumes by itself

    table.tell(session, ev.ResumeAsked(actor="therapist"))
    table.run_s(3)
    assert (Phase.RUNNING, True) == (table.state(session).phase, table.truth(PAD).energized)


def test_heat_5_a_pad_at_45_degrees_reaches_its_dose() -> None:
    """In 4.8 min +- 5 %: heater off, read back; and the warmth that stays is shown as warmth that stays."""
    table = HotPad(PAD)
    table.inject(PAD, "over-temperature", mdegc=45_000)
    session = table.start(PAD, "hip-heat-pad", 1_200, temp_mdegc=45_000)
    begun_ns = table.now_ns
    ended = table.run_to_end(session, limit_s=600)
    took_min = (table.now_ns - begun_ns) / NS_PER_S / 60
    (dose,) = [row for row in _rows(ended["dose"]) if row["quantity"] == "thermal_dose"]
    sample = table.world.state.units[PAD].sample

    assert 4.8 == pytest.approx(took_min, rel=0.05)
    assert ("faulted", "limit:hard-heat-dose") == (ended["outcome"], ended["reason"])
    assert FULL_THERMAL_DOSE <= int(str(dose["lower"])) <= FULL_THERMAL_DOSE * 11 // 10
    assert (False, "off") == (table.truth(PAD).energized, None if sample is None else str(sample.output))
    assert sample is not None
    assert (sample.get("temp_mdegc") or 0) >= 40_000
    prove(table)


def _rows(value: object) -> list[dict[str, object]]:
    assert isinstance(value, list)
    return value


def test_heat_6_a_stop_does_not_switch_a_tank_off() -> None:
    """It says what a person must do instead, and claims no off."""
    table = Ward(HOT, TANK)
    session = table.start(HOT, HOT_PRESET, 1_200)
    table.run_s(5)
    table.stop_all()
    (stopped,) = table.world.stopped

    assert ((HOT, False, None),) == stopped.units  # at once, and not claimed: the pack is where it lies
    assert table.truth(TANK).energized
    assert "the tank stays hot" in load(TANK).off.unknown_text
    assert ["take_pack_off"] == table.alarms(session)


@pytest.mark.parametrize(
    ("model", "preset_id", "gate", "answer"),
    [
        (HOT, HOT_PRESET, "skin_before", "insensate"),
        (PAD, "hip-heat-pad", "skin_before", "insensate"),
        (HOT, HOT_PRESET, "screening", "one-applies"),
    ],
    ids=["heat_7_pack", "heat_7_pad", "heat_7_screening"],
)
def test_heat_7_who_does_not_feel_gets_no_heat(lay: Lay, model: str, preset_id: str, gate: str, answer: str) -> None:
    """Closed, and there is no answer that opens it."""
    _assert_closed(lay(model), model, preset_id, gate, answer)


def _assert_closed(table: Table, model: str, preset_id: str, gate: str, answer: str) -> None:
    session = table.ask(model, preset_id, 300)
    for spec in table.state(session).setup.before:
        opening = [word for word in spec.answers if word not in spec.closes] or ["4"]
        check(table, session, answer if spec.gate == gate else opening[0], spec.gate)
    entries = table.chart.of(session)

    assert f"gate:{gate}:{answer}" in [entry.get("reason") for entry in entries]
    assert ("stopped", "refused", 0) == tuple(entries[-1][name] for name in ("outcome", "reason", "energized_ms"))
    assert "override" not in [entry["kind"] for entry in entries]


# Cold


def test_cold_1_above_20_minutes_is_acknowledged_and_above_30_refused(lay: Lay) -> None:
    """20 is the usual end; 30 has no door."""
    table = lay(COLD_PACK)
    gates = {}
    for minute in (15, 20, 25, 30):
        session = table.ask(COLD_PACK, COLD_PRESET, minute * MIN_S)
        gates[minute] = "acknowledge_duration" in [gate.gate for gate in table.state(session).setup.before]
        table.stop_all()
        table.run_s(1)
    assert {15: False, 20: False, 25: True, 30: True} == gates

    table.ask(COLD_PACK, COLD_PRESET, 31 * MIN_S)
    assert "limit" == table.world.replies[-1].code


@pytest.mark.parametrize(("rest_min", "is_refused"), [(0, True), (23, True), (59, True), (60, False), (None, False)])
def test_cold_1_a_region_has_its_hour_between_two_colds(lay: Lay, rest_min: int | None, *, is_refused: bool) -> None:
    """Else the refusal says when; heat is not asked for it."""
    table = lay(COLD_PACK)
    table.cold_rest_ms = None if rest_min is None else rest_min * 60_000
    table.ask(COLD_PACK, COLD_PRESET, 900)
    reply = table.world.replies[-1]

    assert is_refused is (reply.limit == "cold-rest")
    if rest_min is not None and is_refused:
        assert f"again in {60 - rest_min} min" in reply.reason


def test_cold_2_a_circulating_unit_is_safe_with_its_pump_off_and_no_pressure(lay: Lay) -> None:
    """The water may be as cold as it is."""
    table = lay(CUFF)
    session = table.start(CUFF, "hip-cold-circulating", 60)
    table.run_s(20)
    table.stop_all()
    table.run_to_end(session, limit_s=30)
    table.run_s(5)
    sample = table.world.state.units[CUFF].sample

    assert sample is not None
    assert not table.truth(CUFF).energized
    assert (sample.get("pressure_mmhg") or 0) <= 5
    assert (sample.get("temp_mdegc") or 0) < 20_000


def test_cold_3_a_bath_below_4_degrees_is_not_started_and_not_left_running(lay: Lay) -> None:
    """2 °C is refused before anything is commanded; while running the pump goes off."""
    table = lay(CUFF)
    table.inject(CUFF, "over-temperature", mdegc=2_000)
    table.run_s(3)
    session = table.ask(CUFF, "hip-cold-circulating", 60)
    table.answer_all(session)
    table.run_s(3)
    entries = table.chart.of(session)

    assert Phase.CHECKING is table.state(session).phase
    assert "Nothing was started" in table.world.replies[-1].reason
    assert [2_000] == [_value(entry["observed"]) for entry in entries if entry["kind"] == "limit.breached"]
    assert not any(entry["kind"] == "setpoint" for entry in entries)

    table.clear(CUFF)
    table.stop_all()
    table.run_s(60)
    running = table.start(CUFF, "hip-cold-circulating", 60)
    table.run_s(5)
    table.inject(CUFF, "over-temperature", mdegc=2_000)
    ended = table.run_to_end(running, limit_s=10)

    assert ("faulted", True) == (ended["outcome"], str(ended["reason"]).startswith("limit:"))
    assert not table.truth(CUFF).energized


def _value(quantity: object) -> object:
    return quantity["value"] if isinstance(quantity, dict) else None


def test_cold_4_a_lost_return_sensor_switches_the_pump_off(lay: Lay) -> None:
    """Missing is a finding: faulted, and out of use until somebody has looked."""
    table = lay(CUFF)
    session = table.start(CUFF, "hip-cold-circulating", 60)
    table.run_s(5)
    table.inject(CUFF, "no-value")
    ended = table.run_to_end(session, limit_s=10)

    assert "faulted" == ended["outcome"]
    assert not table.truth(CUFF).energized
    assert UnitStatus.LATCHED is table.world.state.units[CUFF].status


@pytest.mark.parametrize(
    ("model", "preset_id"), [(COLD_PACK, COLD_PRESET), (CUFF, "hip-cold-circulating")], ids=["pack", "circulating"]
)
def test_cold_5_white_or_hard_skin_ends_the_session(lay: Lay, model: str, preset_id: str) -> None:
    """With its reason, a high alarm and nothing that goes on; a pack is told to be taken off until it is."""
    table = lay(model)
    session = table.start(model, preset_id, 900)
    table.run_s(5 * MIN_S + 2)
    assert check(table, session, "white") is None
    table.run_s(3)
    if model == COLD_PACK:
        assert {"take_pack_off", "check_shows_harm"} == set(table.alarms(session))
        table.take_off(session)
    ended = table.run_to_end(session, limit_s=10)

    assert ("stopped", "skin_check:white") == (ended["outcome"], ended["reason"])
    assert "check_shows_harm" in table.alarms(session)
    assert not table.truth(model).energized


@pytest.mark.parametrize(("model", "preset_id"), [(COLD_PACK, COLD_PRESET), (CUFF, "hip-cold-circulating")])
def test_cold_6_raynaud_and_cryoglobulins_get_no_cold(lay: Lay, model: str, preset_id: str) -> None:
    """Closed, and there is no answer that opens it."""
    _assert_closed(lay(model), model, preset_id, "screening", "one-applies")


def test_cold_7_numb_is_one_key_and_a_normal_completion(lay: Lay) -> None:
    """After four of eight minutes the skin is numb, which is what the ice was for."""
    table = lay(COLD_PACK)
    session = table.start(COLD_PACK, ICE_PRESET, 480)
    table.run_s(4 * MIN_S)
    table.take_off(session, PackAct.NUMB)
    ended = table.run_to_end(session, limit_s=5)

    assert ("completed", "numb", []) == (ended["outcome"], ended["reason"], table.alarms(session))
    assert 4.0 == pytest.approx(minutes(ended["energized_ms"]), abs=0.1)
    assert UnitStatus.READY is table.world.state.units[COLD_PACK].status


def test_cold_7_numb_under_towels_is_no_completion(lay: Lay) -> None:
    """Of a cold pack it is a reason to look."""
    table = lay(COLD_PACK)
    session = table.start(COLD_PACK, COLD_PRESET, 480)
    table.run_s(10)
    table.tell(session, ev.PackMoved(actor="therapist", act=PackAct.NUMB, source="person"))

    assert "look at the skin" in table.world.replies[-1].reason
    assert Phase.RUNNING is table.state(session).phase
    table.take_off(session)
    table.run_s(5)
