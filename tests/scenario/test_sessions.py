"""Whole sessions in virtual time: engine, port logic, drivers and simulated units; judged by chart and truth."""

import itertools
from pathlib import Path

import pytest

from devices.model import NS_PER_MS, NS_PER_S, Direction
from modctl.clinic.library import parse
from modctl.clinic.presets import Preset
from modctl.engine import events as ev
from modctl.engine.machine import Phase
from modctl.engine.phases import OVER
from tests.scenario.conftest import Lay
from tests.scenario.evidence import bodies, replays
from tests.scenario.table import SHIPPED, Table

P24, TENS, NMES = "hasomed-p24", "hip-post-tha-tens", "gluteal-nmes-after-tha"
SOUND, MHZ = "reference-ultrasound", "hip-oa-ultrasound-1mhz"
BOTH = [(P24, TENS), (SOUND, MHZ)]
TICK_MS = 1  # a session ends on the moment that the engine woke for
PRESETS = [parse(path.read_bytes(), path.name) for path in sorted(Path(SHIPPED).glob("*.toml"))]


def kinds(table: Table, session: str) -> list[str]:
    """The kinds of a session's entries, in order, telemetry left out."""
    return [str(entry["kind"]) for entry in table.chart.of(session) if entry["kind"] != "inputs"]


def energized_ms(table: Table, unit: str, session: str, step_ms: int = 10) -> int:
    """Run a session to its end; how long the unit really was on."""
    spent = 0
    while table.state(session).phase not in OVER:
        table.run_s(step_ms / 1_000)
        spent += step_ms if table.truth(unit).energized else 0
    return spent


# From the request to the end


@pytest.mark.parametrize("preset", [pytest.param(preset, id=preset.id) for preset in PRESETS])
def test_every_shipped_preset_runs_to_its_end(lay: Lay, preset: Preset) -> None:
    """On the first unit that it is made for: planned is delivered, to the tick, and off is confirmed."""
    model = preset.models[0]
    table = lay(model)
    session = table.start(model, preset.id, 30)
    if table.state(session).setup.by_hand:
        table.run_s(31)
        table.take_off(session)
    ended = table.run_to_end(session)

    assert ("completed", "planned_time") == (ended["outcome"], ended["reason"])
    delivered_ms, planned_ms = ended["delivered_ms"], ended["planned_ms"]
    assert isinstance(delivered_ms, int)
    assert isinstance(planned_ms, int)
    assert abs(delivered_ms - planned_ms) <= TICK_MS
    assert not table.truth(model).energized


@pytest.mark.parametrize(("model", "preset"), BOTH)
def test_a_session_is_charted_from_its_request_to_its_end(lay: Lay, model: str, preset: str) -> None:
    """In the order in which it happened, the last entry last."""
    table = lay(model)
    session = table.start(model, preset)
    table.run_to_end(session)
    told = [kind for kind, _run in itertools.groupby(kinds(table, session))]

    assert ["session.requested", "gate.answered", "session.started", "setpoint", "session.ended"] == told


@pytest.mark.parametrize(("model", "preset"), BOTH)
def test_elapsed_time_lies_in_the_accounts(lay: Lay, model: str, preset: str) -> None:
    """Energized is delivered, the way to the first acknowledgement, and the way to confirmed off."""
    table = lay(model)
    session = table.start(model, preset)
    ended = table.run_to_end(session)
    energized, delivered, off_after = (ended[name] for name in ("energized_ms", "delivered_ms", "off_after_ms"))

    assert isinstance(energized, int)
    assert isinstance(delivered, int)
    assert isinstance(off_after, int)
    assert delivered + off_after <= energized <= delivered + off_after + 150


@pytest.mark.parametrize(("model", "preset"), BOTH)
def test_the_unit_was_really_on_for_the_planned_time(lay: Lay, model: str, preset: str) -> None:
    """By its own truth, not by what it said."""
    table = lay(model)
    session = table.start(model, preset, 20)

    assert 20_000 <= energized_ms(table, model, session) <= 20_200


@pytest.mark.parametrize(("rounds", "seconds"), [(0, 43), (1, 44), (1, 87), (3, 132)])
def test_contractions_are_counted_when_they_are_whole(lay: Lay, rounds: int, seconds: int) -> None:
    """44 s each: 2 s up, 10 s on, 2 s down, 30 s rest."""
    table = lay(P24)
    session = table.start(P24, NMES, seconds)
    ended = table.run_to_end(session)

    assert ("completed", rounds or None) == (ended["outcome"], ended["contractions"])


def test_a_cycle_ramps_holds_ramps_down_and_rests(lay: Lay) -> None:
    """As the muscle feels it: the third contraction, when the person's level has long been reached."""
    table = lay(P24)
    session = table.start(P24, NMES, 150, current_ua=6_000)
    begun_ns = table.now_ns
    felt: dict[int, int] = {}
    while table.state(session).phase not in OVER:
        table.run_s(0.1)
        felt[(table.now_ns - begun_ns) // (100 * NS_PER_MS)] = table.truth(P24).output

    third = 88 * 10  # tenths of a second
    assert 6_000 == max(felt.values())
    assert {6_000} == {felt[third + at] for at in range(25, 118)}  # on
    assert {0} == {felt[third + at] for at in range(145, 430)}  # rest
    up = [felt[third + at] for at in range(2, 22)]
    down = [felt[third + at] for at in range(122, 142)]
    assert (sorted(up), sorted(down, reverse=True)) == (up, down)
    assert 500 == max(later - earlier for earlier, later in itertools.pairwise(up))


@pytest.mark.parametrize("current_ua", [3_000, 15_000, 30_000])
def test_a_cycle_reaches_any_level_without_a_jump(lay: Lay, current_ua: int) -> None:
    """What a person sets is reached step by step, in as many contractions as it takes."""
    table = lay(P24)
    session = table.start(P24, NMES, 200, current_ua=current_ua)
    highest, rise = 0, 0
    while table.state(session).phase not in OVER:
        table.run_s(0.02)
        output = table.truth(P24).output
        rise = max(rise, output - highest)
        highest = max(highest, output)

    assert ("completed", current_ua, 500) == (table.chart.of(session)[-1]["outcome"], highest, rise)


# Riding, pausing


def test_a_person_rides_the_level_up_and_holds_it(lay: Lay) -> None:
    """1 mA a second while the key is held, and where it was when it is released."""
    table = lay(P24)
    session = table.start(P24, TENS, 40, current_ua=500)
    table.run_s(3)
    before = table.truth(P24).output
    for _ in range(100):
        table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.UP))
        table.run_s(0.05)
    table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.HOLD))
    table.run_s(0.1)
    held = table.truth(P24).output
    assert 4_000 <= held - before <= 5_500

    table.run_s(5)

    assert held == table.truth(P24).output


def test_down_is_felt_within_two_exchanges(lay: Lay) -> None:
    """Less never waits."""
    table = lay(P24)
    session = table.start(P24, TENS, 40)
    table.run_s(8)
    table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.DOWN))
    table.run_s(0.02)

    assert 4_500 == table.truth(P24).output


def test_the_caps_end_is_reached_and_not_passed(lay: Lay) -> None:
    """0.5 W/cm² were set; the preset's cap is 1.0."""
    table = lay(SOUND)
    session = table.start(SOUND, MHZ, 60)
    highest = 0
    for _ in range(200):
        table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.UP))
        table.run_s(0.1)
        highest = max(highest, table.truth(SOUND).output)

    assert 1_000 == highest


@pytest.mark.parametrize(("model", "preset"), BOTH)
def test_a_pause_is_off_and_a_person_comes_back_by_a_ramp(lay: Lay, model: str, preset: str) -> None:
    """Off while paused, from off on the way back, never higher than it was, and all of the planned time is given."""
    table = lay(model)
    session = table.start(model, preset, 20)
    table.run_s(8)
    before = table.truth(model).output
    table.tell(session, ev.PauseAsked(actor="therapist"))
    table.run_s(1)
    assert (Phase.PAUSED, False) == (table.state(session).phase, table.truth(model).energized)

    table.run_s(10)
    assert not table.truth(model).energized

    table.tell(session, ev.ResumeAsked(actor="therapist"))
    levels = []
    for _ in range(600):
        table.run_s(0.01)
        levels.append(table.truth(model).output)
    assert sorted(levels) == levels
    assert levels[0] < before / 2
    assert before == levels[-1]

    ended = table.run_to_end(session)
    paused_ms = ended["paused_ms"]
    assert isinstance(paused_ms, int)
    assert ("completed", 20_000) == (ended["outcome"], ended["delivered_ms"])
    assert 10_700 <= paused_ms <= 11_000
    assert ["session.paused", "session.resumed"] == [
        kind for kind in kinds(table, session) if kind in ("session.paused", "session.resumed")
    ]


def test_a_pause_that_nobody_ends_is_ended_by_the_clock(lay: Lay) -> None:
    """Twice the planned time, and the time of a start."""
    table = lay(P24)
    session = table.start(P24, TENS, 20)
    begun_ns = table.now_ns
    table.run_s(5)
    table.tell(session, ev.PauseAsked(actor="therapist"))
    ended = table.run_to_end(session)

    assert ("stopped", "elapsed_limit") == (ended["outcome"], ended["reason"])
    assert 43 <= (table.now_ns - begun_ns) / NS_PER_S <= 44


# Contact


def test_lost_contact_is_off_and_waits_for_a_person(lay: Lay) -> None:
    """20 mA, a pad comes off and falls back: off at once, off it stays, and a person begins at nothing."""
    table = lay(P24)
    session = table.start(P24, TENS, 60, current_ua=20_000)
    table.run_s(25)
    table.inject(P24, "contact-loss")
    table.run_s(0.7)
    assert (Phase.PAUSED, False) == (table.state(session).phase, table.truth(P24).energized)

    table.clear(P24)
    table.run_s(20)
    assert not table.truth(P24).energized

    table.tell(session, ev.ResumeAsked(actor="therapist"))
    table.run_s(5)

    assert (Phase.RUNNING, 0) == (table.state(session).phase, table.truth(P24).output)


@pytest.mark.parametrize("offset_ms", range(0, 520, 20))
def test_contact_lost_at_any_moment_of_a_ramp_is_found(lay: Lay, offset_ms: int) -> None:
    """Between a command and its acknowledgement as well as between two samples."""
    table = lay(P24)
    session = table.start(P24, TENS, 60, current_ua=25_000)
    table.run_s(18 + offset_ms / 1_000)
    table.inject(P24, "contact-loss")
    table.run_s(1.2)

    assert (Phase.PAUSED, "contact_lost") == (table.state(session).phase, table.state(session).pause_reason)
    assert not table.truth(P24).energized


def test_ultrasound_suspends_itself_and_comes_back_no_higher(lay: Lay) -> None:
    """The unit's own business: time stands meanwhile, and all of it is given in the end."""
    table = lay(SOUND)
    session = table.start(SOUND, MHZ, 20)
    table.run_s(8)
    before = table.truth(SOUND).output
    table.inject(SOUND, "contact-loss")
    table.run_s(1)
    assert 0 == table.truth(SOUND).output

    table.run_s(3)
    table.clear(SOUND)
    highest = 0
    for _ in range(100):
        table.run_s(0.02)
        highest = max(highest, table.truth(SOUND).output)
    assert before == highest

    ended = table.run_to_end(session)
    no_contact_ms = ended["no_contact_ms"]
    assert isinstance(no_contact_ms, int)
    assert ("completed", 20_000) == (ended["outcome"], ended["delivered_ms"])
    assert 3_700 <= no_contact_ms <= 4_400


def test_a_head_that_is_put_down_is_an_alarm_and_then_a_stop(lay: Lay) -> None:
    """10 s and 60 s after the coupling was lost."""
    table = lay(SOUND)
    session = table.start(SOUND, MHZ, 120)
    table.run_s(6)
    table.inject(SOUND, "contact-loss")
    lost_ns = table.now_ns
    ended = table.run_to_end(session)
    alarm_ns = next(
        stamp.mono_ns for draft, stamp in table.chart.entries if draft.kind == "alarm" and draft.session == session
    )

    assert ("stopped", "contact_lost") == (ended["outcome"], ended["reason"])
    assert 10.0 <= (alarm_ns - lost_ns) / NS_PER_S <= 10.6
    assert 60.0 <= (table.now_ns - lost_ns) / NS_PER_S <= 61.0


# The same again


def story(seed: int) -> list[bytes]:
    """A session with people, noise and a stop; every entry's bytes."""
    table = Table(SOUND, seed=seed)
    session = table.start(SOUND, MHZ, 30)
    table.run_s(4)
    table.inject(SOUND, "drop", permille=50)
    table.run_s(2)
    table.tell(session, ev.PauseAsked(actor="therapist"))
    table.run_s(2)
    table.tell(session, ev.ResumeAsked(actor="therapist"))
    table.run_s(5)
    table.stop_all()
    table.run_s(3)
    return bodies(table)


def test_one_seed_is_one_history_to_the_byte() -> None:
    """A red run can be run again."""
    assert story(7) == story(7)


def test_another_seed_is_another_history() -> None:
    """Or the seed would be decoration."""
    assert story(7) != story(8)


def test_the_record_of_a_session_replays_decision_by_decision(lay: Lay) -> None:
    """Not trivially: many decisions, the same to the byte."""
    table = lay(P24)
    table.run_to_end(table.start(P24, NMES, 60))
    replayed = replays(table)

    assert [True] == [one.same for one in replayed]
    assert replayed[0].decisions > 50


@pytest.mark.parametrize(("model", "preset"), BOTH)
def test_the_dose_lies_between_its_bounds(lay: Lay, model: str, preset: str) -> None:
    """Against what the unit really gave, with a ramp, a ridden level and a pause in it."""
    table = lay(model)
    session = table.start(model, preset, 20)
    given = 0.0
    step_s = 0.005
    while table.state(session).phase not in OVER:
        at_ms = table.now_ns // NS_PER_MS
        if at_ms % 4_000 < step_s * 1_000:
            table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.UP))
        table.run_s(step_s)
        given += table.truth(model).output * step_s
    dose = table.chart.of(session)[-1]["dose"]
    assert isinstance(dose, list)

    assert dose[0]["lower"] <= given * 1.002
    assert given * 0.998 <= dose[0]["upper"]
    assert dose[0]["upper"] - dose[0]["lower"] <= given * 0.05


def test_a_slow_stop_is_inside_the_upper_bound_of_the_dose(lay: Lay) -> None:
    """What flowed after the decision to stop is the patient's too."""
    table = lay(P24)
    session = table.start(P24, TENS, 20)
    table.run_s(10)
    table.inject(P24, "slow-stop", ms=600)
    table.stop_all()
    ended = table.run_to_end(session)
    dose = ended["dose"]
    assert isinstance(dose, list)

    assert "stopped" == ended["outcome"]
    assert dose[0]["upper"] - dose[0]["lower"] >= 5_000 * 0.6
