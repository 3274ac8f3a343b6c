"""Ultrasound with stimulation through its head: two units, one treatment; judged by chart and truth."""

from collections.abc import Callable

import pytest

from devices.model import NS_PER_MS, Direction
from modctl.engine import core_events as ce
from modctl.engine import events as ev
from modctl.engine.machine import Phase
from modctl.engine.phases import OVER
from tests.scenario.conftest import Lay
from tests.scenario.table import Table

SOUND, ESTIM = "reference-ultrasound", "hasomed-p24"
HEAD, CURRENT = (SOUND, "hip-oa-combined-ultrasound"), (ESTIM, "hip-oa-combined-tens")
BUDGET_NS = 300 * NS_PER_MS  # acceptance US 3, ES 4
EITHER = pytest.mark.parametrize("lead_first", [True, False], ids=["ultrasound leads", "stimulation leads"])


def begun(lay: Lay, duration_s: int = 30, *, lead_first: bool = True) -> tuple[Table, str, str]:
    """Both halves asked for and every question answered; the sessions of ultrasound and stimulation come back."""
    table = lay(SOUND, ESTIM)
    halves = (HEAD, CURRENT) if lead_first else (CURRENT, HEAD)
    lead, partner = table.ask_both(*halves, duration_s)
    table.answer_all(lead)
    return (table, lead, partner) if lead_first else (table, partner, lead)


def running(lay: Lay, duration_s: int = 30) -> tuple[Table, str, str]:
    """Both halves at their level."""
    table, sound, estim = begun(lay, duration_s)
    table.run_s(7)
    assert (500, 5_000) == (table.truth(SOUND).output, table.truth(ESTIM).output)
    return table, sound, estim


def off_after_ns(table: Table, unit: str) -> int:
    """From now on, until the unit is truly off: at the latest after two seconds."""
    since_ns = table.now_ns
    table.world.run_until(since_ns + 2_000 * NS_PER_MS, lambda: not table.truth(unit).energized)
    assert not table.truth(unit).energized
    return table.now_ns - since_ns


def kinds(table: Table, session: str) -> list[object]:
    """The kinds of a session's entries."""
    return [entry["kind"] for entry in table.chart.of(session)]


@EITHER
def test_a_combination_is_asked_once_and_completes_together(lay: Lay, lead_first: bool) -> None:
    """One patient, one confirmation, two units to the planned end; the record says that they belong together."""
    table, sound, estim = begun(lay, lead_first=lead_first)
    lead, partner = (sound, estim) if lead_first else (estim, sound)
    ended = [table.run_to_end(session) for session in (sound, estim)]

    assert ["completed", "completed"] == [one["outcome"] for one in ended]
    assert [lead, lead] == [table.chart.of(session)[0]["group"] for session in (lead, partner)]
    assert all(one["planned_ms"] - one["delivered_ms"] <= 1_000 for one in ended)  # type: ignore[operator]  # integers
    asked = [entry["gate"] for entry in table.chart.of(lead) if entry["kind"] == "gate.answered"]
    mirrored = [entry["gate"] for entry in table.chart.of(partner) if entry["kind"] == "gate.answered"]
    assert [*asked[:3], *asked[4:]] == mirrored
    assert ["screening", "screening_with"] == asked[2:4]


def test_both_screenings_are_held(lay: Lay) -> None:
    """A contraindication of the partner's list ends both, before anything is sent."""
    table = lay(SOUND, ESTIM)
    lead, partner = table.ask_both(HEAD, CURRENT)
    for gate, answer in (("identify", "confirmed"), ("consent", "given"), ("screening", "none")):
        table.tell(lead, answered(gate, answer))
    table.tell(lead, answered("screening_with", "one-applies"))

    assert [Phase.ENDED] * 2 == [table.state(session).phase for session in (lead, partner)]
    assert "partner_ended" == table.chart.of(partner)[-1]["reason"]


def answered(gate: str, answer: str) -> ev.Answered:
    """A person's answer."""
    return ev.Answered(gate=gate, answer=answer, actor="therapist", source="person", age_s=0, took_ms=900)


def test_a_lift_is_off_and_contact_alone_brings_nothing_back(lay: Lay) -> None:
    """The head in the air breaks the circuit; put back, ultrasound returns by itself and the current does not."""
    table, sound, estim = running(lay, 60)
    table.inject(SOUND, "contact-loss")

    assert off_after_ns(table, ESTIM) <= BUDGET_NS
    table.run_s(2)
    assert (Phase.RUNNING, Phase.PAUSED) == (table.state(sound).phase, table.state(estim).phase)
    table.tell(estim, ev.ResumeAsked(actor="therapist"))
    assert "not_now" == table.world.replies[-1].code
    table.clear(SOUND)
    for _ in range(20):
        table.run_s(0.5)
        assert not table.truth(ESTIM).energized
    assert 500 == table.truth(SOUND).output

    table.tell(estim, ev.ResumeAsked(actor="therapist"))
    table.run_s(2)
    assert (Phase.RUNNING, 0) == (table.state(estim).phase, table.truth(ESTIM).output)
    table.tell(estim, ev.LevelAsked(actor="therapist", direction=Direction.UP))
    table.run_s(2)

    assert 500 == table.truth(ESTIM).output
    assert ["partner_lifted"] == [e["reason"] for e in table.chart.of(estim) if e["kind"] == "session.paused"]


def test_a_lost_electrode_is_off_by_its_own_rule_and_the_ultrasound_goes_on(lay: Lay) -> None:
    """Each half by its own rule: nothing is wrong with the head."""
    table = lay(SOUND, ESTIM)
    sound, estim = table.ask_both(HEAD, CURRENT, 60, current_ua=20_000)
    table.answer_all(sound)
    table.run_s(22)  # below 10 mA this stimulator cannot tell
    table.inject(ESTIM, "contact-loss")

    assert off_after_ns(table, ESTIM) <= BUDGET_NS
    table.run_s(1)
    assert (Phase.RUNNING, Phase.PAUSED) == (table.state(sound).phase, table.state(estim).phase)
    assert 500 == table.truth(SOUND).output


@pytest.mark.parametrize("stopped", [0, 1], ids=["ultrasound", "stimulation"])
def test_one_stop_stops_both(lay: Lay, stopped: int) -> None:
    """Whichever half is named; and whoever asked is told of both units."""
    table, *halves = running(lay)
    since_ns = table.now_ns
    table.world.post(ce.StopUnits(request=77, actor=None, source="screen", session=halves[stopped]))
    table.world.run_until(since_ns + BUDGET_NS)
    assert [False, False] == [table.truth(unit).energized for unit in (SOUND, ESTIM)]
    table.run_s(1)

    assert [Phase.ENDED] * 2 == [table.state(session).phase for session in halves]
    assert ["stopped"] * 2 == [table.chart.of(session)[-1]["outcome"] for session in halves]
    (told,) = [one for one in table.world.stopped if one.request == 77]
    assert {(SOUND, True), (ESTIM, True)} == {(unit, off) for unit, off, _after_ms in told.units}


@pytest.mark.parametrize(("broken", "sound_one"), [(SOUND, ESTIM), (ESTIM, SOUND)])
def test_a_fault_of_one_ends_the_other(lay: Lay, broken: str, sound_one: str) -> None:
    """A unit that restarts leaves its partner alone with the patient: off, and only the broken one is latched."""
    table, sound, estim = running(lay)
    halves = {SOUND: sound, ESTIM: estim}
    table.inject(broken, "reboot")
    ends = {unit: table.run_to_end(session, limit_s=5) for unit, session in halves.items()}

    assert ("faulted", "stopped") == (ends[broken]["outcome"], ends[sound_one]["outcome"])
    assert "partner_ended" == ends[sound_one]["reason"]
    assert not table.truth(sound_one).energized
    assert [True, False] == [bool(table.world.state.units[unit].latched) for unit in (broken, sound_one)]


def test_a_lost_screen_stops_both(lay: Lay) -> None:
    """Nobody sees the patient through it, whichever half it attended."""
    table, sound, estim = running(lay)
    table.world.post(ce.ScreenLost(session=estim, why="no beat"))
    table.run_s(0.3)

    assert [False, False] == [table.truth(unit).energized for unit in (SOUND, ESTIM)]
    assert (Phase.ENDED, "partner_ended") == (table.state(sound).phase, table.state(sound).reason)


def test_a_pause_is_of_both_and_each_is_resumed_by_a_person(lay: Lay) -> None:
    """The head has to run and to have contact before a current goes through it."""
    table, sound, estim = running(lay, 60)
    table.tell(estim, ev.PauseAsked(actor="therapist"))
    table.run_s(1)
    assert [False, False] == [table.truth(unit).energized for unit in (SOUND, ESTIM)]

    table.tell(estim, ev.ResumeAsked(actor="therapist"))
    assert "not_now" == table.world.replies[-1].code
    for session in (sound, estim):
        table.tell(session, ev.ResumeAsked(actor="therapist"))
        table.run_s(3)

    assert [Phase.RUNNING] * 2 == [table.state(session).phase for session in (sound, estim)]


def test_neither_is_energized_before_both_starts_are_durable(lay: Lay) -> None:
    """Record both before either is energized."""
    table = lay(SOUND, ESTIM)
    lead, partner = table.ask_both(HEAD, CURRENT)
    started: list[str | None] = []
    seen: list[tuple[bool, bool]] = []

    def look(kind: str, session: str | None) -> None:
        if kind == "session.started":
            started.append(session)
        if kind == "setpoint":
            seen.append((lead in started, partner in started))

    table.on_entry = lambda draft: look(draft.kind, draft.session)
    table.answer_all(lead)
    table.run_s(2)

    assert {(True, True)} == set(seen)


def _latch_the_stimulator(table: Table) -> None:
    table.inject(ESTIM, "uncommanded-on", value=300)
    table.run_s(1.5)


@pytest.mark.parametrize(
    ("spoil", "halves", "reasons"),
    [
        (lambda _table: None, (HEAD, (SOUND, HEAD[1])), ["no_combination", "no_combination"]),
        (_latch_the_stimulator, (HEAD, CURRENT), ["partner_refused", "unit_latched"]),
        (lambda _table: None, (HEAD, (ESTIM, "hip-interferential")), ["partner_refused", "preset_not_for_model"]),
    ],
    ids=["two heads", "partner latched", "wrong preset"],
)
def test_one_refused_is_both_refused(
    lay: Lay, spoil: Callable[[Table], None], halves: tuple[tuple[str, str], tuple[str, str]], reasons: list[str]
) -> None:
    """Half a combination is another treatment."""
    table = lay(SOUND, ESTIM)
    spoil(table)
    sessions = table.ask_both(*halves)

    refused = [[e["reason"] for e in table.chart.of(one) if e["kind"] == "session.refused"] for one in sessions]
    assert [[reason] for reason in reasons] == refused
    assert ["session.ended"] * 2 == [kinds(table, session)[-1] for session in sessions]
    assert table.world.replies[-1].code is not None
    assert all(session not in table.world.state.sessions for session in sessions)


def test_density_is_judged_on_the_heads_area(lay: Lay) -> None:
    """60 mA on 45 cm² is 0.19 mA/cm² rms and allowed; on the head's 5 cm² the session says what binds it."""
    table = lay(SOUND, ESTIM)
    _lead, partner = table.ask_both(HEAD, (ESTIM, "hip-post-tha-tens"))

    assert 500 == dict(table.state(partner).setup.context)["electrode_mm2"]


def test_the_partners_questions_are_not_answered_beside_the_leading_session(lay: Lay) -> None:
    """Two places for one question are two answers."""
    table = lay(SOUND, ESTIM)
    _lead, partner = table.ask_both(HEAD, CURRENT)
    table.tell(partner, answered("identify", "confirmed"))

    assert "not_now" == table.world.replies[-1].code
    assert () == table.state(partner).answers


def test_the_end_is_answered_once_too(lay: Lay) -> None:
    """Pain, skin, what followed and the signature are of both; each record has its own."""
    table, sound, estim = begun(lay, 15)
    table.run_to_end(sound)
    given = {"pain_after": "3", "rom_after": "95", "sign": "signed"}
    for gate in table.state(sound).setup.after:
        table.tell(sound, answered(gate.gate, given.get(gate.gate) or gate.answers[0]))
    table.run_s(2)
    assert table.state(estim).phase in OVER

    assert [True, True] == ["session.signed" in kinds(table, session) for session in (sound, estim)]
    assert ["session.closed"] * 2 == [kinds(table, session)[-1] for session in (sound, estim)]
