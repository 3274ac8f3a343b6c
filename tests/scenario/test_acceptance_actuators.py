"""The acceptance checks of stimulation, ultrasound and traction that units and engine answer, one by one, by number.

What a screen has to show of them is tested with the screens.
"""

from collections.abc import Mapping

import msgspec
import pytest

from devices.model import NS_PER_MS, NS_PER_S, Direction
from modctl import sentences
from modctl.engine import events as ev
from modctl.engine.core_events import FromUnit
from modctl.engine.machine import Phase
from modctl.engine.phases import OVER
from tests.scenario.conftest import Lay
from tests.scenario.table import Table

STIM, TENS, NMES = "hasomed-p24", "hip-post-tha-tens", "gluteal-nmes-after-tha"
SOUND, MHZ = "reference-ultrasound", "hip-oa-ultrasound-1mhz"
PULL, HIP_PULL = "reference-traction", "hip-traction-intermittent"
MINIMUM_PULL_N = 15


def ms(ended: Mapping[str, object], name: str) -> int:
    """One of an end's accounts."""
    value = ended[name]
    assert isinstance(value, int)
    return value


def hold_up(table: Table, session: str, seconds: float) -> None:
    """The `+` key, held: thirty presses a second, as a keyboard repeats."""
    for _ in range(int(seconds * 30)):
        table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.UP))
        table.run_s(1 / 30)


# Stimulation


def test_es_1_a_start_is_nothing_until_somebody_raises(lay: Lay) -> None:
    """0.0 mA by the unit's own truth for as long as nobody touches a key."""
    table = lay(STIM)
    session = table.start(STIM, TENS, 60, current_ua=0)
    highest = 0
    for _ in range(100):
        table.run_s(0.1)
        highest = max(highest, table.truth(STIM).output)
    assert (Phase.RUNNING, 0) == (table.state(session).phase, highest)

    table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.UP))
    table.run_s(1)

    assert table.truth(STIM).output > 0


def test_es_2_a_held_key_rides_no_faster_than_the_level_may_rise(lay: Lay) -> None:
    """Three seconds of key repeat are three milliamperes; thirty milliamperes take half a minute."""
    table = lay(STIM)
    session = table.start(STIM, TENS, 120, current_ua=0)
    table.run_s(2)
    hold_up(table, session, 3)
    assert 2_000 <= table.truth(STIM).output <= 3_500

    begun_ns = table.now_ns
    while table.truth(STIM).output < 30_000:
        hold_up(table, session, 0.5)
    assert (table.now_ns - begun_ns) / NS_PER_S >= 26  # the last 27 of 30 mA

    table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.HOLD))
    table.run_s(0.2)
    held = table.truth(STIM).output
    table.run_s(5)
    assert held == table.truth(STIM).output

    table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.DOWN))
    table.run_s(0.1)  # one sample of this unit
    assert table.truth(STIM).output < held


def test_es_3_fifteen_minutes_of_contractions_are_fifteen_minutes(lay: Lay) -> None:
    """No limit on the rate trips on the cycle's own ramps; the contractions are counted."""
    table = lay(STIM)
    session = table.start(STIM, NMES, 900, current_ua=20_000)
    begun_ns = table.now_ns
    ended = table.run_to_end(session)

    assert ("completed", 900_000, 20) == (ended["outcome"], ms(ended, "delivered_ms"), ended["contractions"])
    assert 899 <= (table.now_ns - begun_ns) / NS_PER_S <= 901
    assert [] == [draft for draft, _stamp in table.chart.entries if draft.kind in ("limit.breached", "alarm")]


def test_es_4_a_lifted_electrode_is_zero_within_300_ms_and_stays_zero(lay: Lay) -> None:
    """Contact that comes back finds nothing; a person begins again from nothing."""
    table = lay("reference-estim")
    session = table.start("reference-estim", "hip-interferential", 60, current_ua=10_000)
    table.run_s(15)
    assert table.truth("reference-estim").output > 0

    table.inject("reference-estim", "contact-loss")
    table.run_s(0.3)
    assert 0 == table.truth("reference-estim").output

    table.clear("reference-estim")
    table.run_s(10)
    assert (Phase.PAUSED, 0) == (table.state(session).phase, table.truth("reference-estim").output)

    table.tell(session, ev.ResumeAsked(actor="therapist"))
    table.run_s(2)
    assert (Phase.RUNNING, 0) == (table.state(session).phase, table.truth("reference-estim").output)


def test_es_7_three_allowed_values_are_refused_together(lay: Lay) -> None:
    """110 mA, 1000 µs and 250 Hz, each inside its own range, are 77.8 mA rms against 50."""
    table = lay(STIM)
    session = table.ask(STIM, TENS, 60, current_ua=110_000, pulse_width_us=1_000, period_us=4_000)
    refused = next(entry for entry in table.chart.of(session) if entry["kind"] == "session.refused")

    assert "hard-es-rms" == refused["limit"]
    assert {"value": 77_782, "unit": "uA"} == refused["observed"]
    assert {"value": 50_000, "unit": "uA"} == refused["bound"]
    assert not table.truth(STIM).energized


@pytest.mark.parametrize(("must_attend", "goes_on"), [(False, True), (True, False)])
def test_es_8_a_preset_that_needs_nobody_at_its_screen_goes_on_without_it(
    lay: Lay, *, must_attend: bool, goes_on: bool
) -> None:
    """The question how it feels falls due, and is an alarm where nobody answers; a site may rather have it stop."""
    table = lay(STIM)
    table.must_attend = must_attend
    session = table.start(STIM, "hip-supervised-tens", 900, current_ua=5_000)
    table.run_s(10)
    table.tell(session, ev.AttendanceLost(why="left"))
    table.run_s(1)
    assert goes_on is (table.state(session).phase is Phase.RUNNING)
    if not goes_on:
        return

    assert ["left_alone"] == table.alarms(session)
    table.run_s(300)
    assert "ask_level" in [entry["gate"] for entry in table.chart.of(session) if entry["kind"] == "check.due"]
    table.run_s(61)
    assert ["left_alone", "ask_level_late"] == table.alarms(session)
    assert table.truth(STIM).energized

    table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.HOLD))
    assert not table.state(session).is_left
    table.stop_all()
    table.run_s(3)


def test_es_8_an_attended_preset_stops_with_its_screen(lay: Lay) -> None:
    """The same current, of a preset that needs somebody."""
    table = lay(STIM)
    session = table.start(STIM, TENS, 900, current_ua=5_000)
    table.run_s(10)
    table.tell(session, ev.AttendanceLost(why="closed"))

    ended = table.run_to_end(session, limit_s=5)
    assert ("stopped", "screen_lost:closed") == (ended["outcome"], ended["reason"])


# Ultrasound


def test_us_2_a_head_that_is_not_on_the_skin_gives_nothing_and_time_stands(lay: Lay) -> None:
    """Started in the air: the unit waits, and so does the treatment."""
    table = lay(SOUND)
    session = table.ask(SOUND, MHZ, 30)
    table.inject(SOUND, "contact-loss")
    table.run_s(1)
    table.answer_all(session)
    highest = 0
    for _ in range(40):
        table.run_s(0.1)
        highest = max(highest, table.truth(SOUND).output)
    assert (Phase.RUNNING, 0) == (table.state(session).phase, highest)

    table.clear(SOUND)
    ended = table.run_to_end(session)

    assert ("completed", 30_000) == (ended["outcome"], ms(ended, "delivered_ms"))
    assert ms(ended, "no_contact_ms") >= 3_500


def test_us_3_a_lift_of_four_seconds_is_a_gap_of_four_seconds(lay: Lay) -> None:
    """Suspended at once, back to the set value by itself, never above it, and all of the time is given."""
    table = lay(SOUND)
    session = table.start(SOUND, MHZ, 30)
    table.run_s(8)
    set_level = table.truth(SOUND).output
    table.inject(SOUND, "contact-loss")
    table.run_s(0.3)
    assert 0 == table.truth(SOUND).output

    table.run_s(3.7)
    table.clear(SOUND)
    table.run_s(3)
    assert set_level == table.truth(SOUND).output
    ended = table.run_to_end(session)

    assert ("completed", 30_000) == (ended["outcome"], ms(ended, "delivered_ms"))
    assert 3_800 <= ms(ended, "no_contact_ms") <= 4_200


def test_us_4_a_lift_of_more_than_a_minute_ends_the_session(lay: Lay) -> None:
    """Nothing comes back by itself afterwards."""
    table = lay(SOUND)
    session = table.start(SOUND, MHZ, 120)
    table.run_s(6)
    table.inject(SOUND, "contact-loss")
    table.run_s(62)
    assert ("stopped", "contact_lost") == (
        table.chart.of(session)[-1]["outcome"],
        table.chart.of(session)[-1]["reason"],
    )

    table.clear(SOUND)
    table.run_s(10)

    assert not table.truth(SOUND).energized


def test_us_5_a_head_on_gel_in_the_air_is_caught_by_its_temperature(lay: Lay) -> None:
    """The sensor says contact, the head heats: off at its limit, with that limit named."""
    table = lay(SOUND)
    session = table.start(SOUND, MHZ, 280, intensity_mw_cm2=1_000)
    table.run_s(6)
    table.inject(SOUND, "gel-only")
    ended = table.run_to_end(session)

    assert ("faulted", "limit:hard-us-head") == (ended["outcome"], ended["reason"])
    assert "Contact is reported and the head heats up" in sentences.alarm(str(ended["reason"]))
    assert not table.truth(SOUND).energized


def test_us_6_a_head_whose_temperature_nobody_knows_does_not_start(lay: Lay) -> None:
    """The unit's answer without a head temperature (the map's sentinel): refused by name, and nothing is energized."""
    table = lay(SOUND)
    session = table.ask(SOUND, MHZ, 30)
    sample = table.world.state.units[SOUND].sample
    assert sample is not None
    told = tuple((name, None if name == "head_temp_mdegc" else value) for name, value in sample.values)
    table.world.post(FromUnit(unit=SOUND, news=msgspec.structs.replace(sample, values=told)))
    table.answer_all(session)
    assert "head temperature" in table.world.replies[-1].reason

    table.run_s(5)

    assert (Phase.CHECKING, False) == (table.state(session).phase, table.truth(SOUND).energized)


def test_us_8_gaps_do_not_shorten_the_treatment(lay: Lay) -> None:
    """Nine minutes planned, 1:48 of gaps: nine minutes delivered, and the gaps in an account of their own."""
    table = lay(SOUND)
    session = table.start(SOUND, MHZ, 540)
    for _ in range(4):
        table.run_s(30)
        table.inject(SOUND, "contact-loss")
        table.run_s(27)
        table.clear(SOUND)
    ended = table.run_to_end(session)

    assert ("completed", 540_000) == (ended["outcome"], ms(ended, "delivered_ms"))
    assert 106_000 <= ms(ended, "no_contact_ms") <= 112_000


# Traction


def pulling(lay: Lay, seconds: int = 600, plan_s: float = 12, force_n: int = 150) -> tuple[Table, str]:
    """A hip under pull, in the first hold."""
    table = lay(PULL)
    session = table.start(PULL, HIP_PULL, seconds, force_n=force_n)
    table.run_s(plan_s)
    assert table.truth(PULL).output > 100
    return table, session


def test_tx_3_the_take_up_is_not_counted_the_cycles_are_and_the_peak_is_held(lay: Lay) -> None:
    """Intermittent, 10 minutes: rounds of 30 s; never more than a tenth above what is set."""
    table = lay(PULL)
    session = table.start(PULL, HIP_PULL, 600, force_n=150)
    begun_ns, taken_up_ns, highest = table.now_ns, 0, 0
    while table.state(session).phase not in OVER:
        table.run_s(0.1)
        force = table.truth(PULL).output
        if not taken_up_ns and force >= MINIMUM_PULL_N:
            taken_up_ns = table.now_ns
        highest = max(highest, force)
    ended = table.chart.of(session)[-1]

    assert ("completed", 600_000, 20) == (ended["outcome"], ms(ended, "delivered_ms"), ended["contractions"])
    assert 140 <= highest <= 165
    assert (table.now_ns - begun_ns) // NS_PER_MS >= 600_000 + (taken_up_ns - begun_ns) // NS_PER_MS - 500


def test_tx_4_the_patients_switch_releases_at_full_speed_and_nothing_starts_by_itself(lay: Lay) -> None:
    """At or below the minimum pull in well under the time of the set rate; what is left stays in the record."""
    table, session = pulling(lay)
    table.inject(PULL, "switch-open")
    pressed_ns = table.now_ns
    while table.truth(PULL).output > MINIMUM_PULL_N:
        table.run_s(0.05)
        assert (table.now_ns - pressed_ns) < NS_PER_S
    ended = table.run_to_end(session)
    assert ("faulted", "unit_fault:patient-switch") == (ended["outcome"], ended["reason"])
    assert 0 < ms(ended, "delivered_ms") < ms(ended, "planned_ms")
    assert ["high"] == [entry["priority"] for entry in table.chart.of(session) if entry["kind"] == "alarm"]

    table.clear(PULL)
    table.run_s(30)
    assert table.truth(PULL).output <= MINIMUM_PULL_N


def test_tx_5_a_stop_releases_at_the_set_rate_and_the_second_press_at_full_speed(lay: Lay) -> None:
    """150 N at 50 N/s are three seconds; who presses again does not want to wait."""
    table, session = pulling(lay)
    begun_ns = table.now_ns
    table.stop_all()
    table.run_s(1)
    assert 70 <= table.truth(PULL).output <= 130  # on its way, at the set rate
    table.stop_all()
    table.run_s(0.5)
    assert table.truth(PULL).output <= MINIMUM_PULL_N
    assert "stopped" == table.run_to_end(session)["outcome"]
    assert (table.now_ns - begun_ns) / NS_PER_S < 4


def test_tx_5_a_key_that_is_held_down_is_one_press(lay: Lay) -> None:
    """Thirty repeats a second do not turn the gentle release into an abrupt one."""
    table, _session = pulling(lay)
    for _ in range(9):
        table.stop_all()
        table.run_s(1 / 30)
    table.run_s(0.7)

    assert 70 <= table.truth(PULL).output <= 130


def test_tx_6_a_pause_lets_go_at_the_set_rate_and_comes_back_by_a_key_and_a_ramp(lay: Lay) -> None:
    """Treatment time stands meanwhile."""
    table, session = pulling(lay)
    before = table.truth(PULL).output
    table.tell(session, ev.PauseAsked(actor="therapist"))
    table.run_s(1)
    assert 70 <= table.truth(PULL).output <= 130
    table.run_s(8)
    assert (Phase.PAUSED, True) == (table.state(session).phase, table.truth(PULL).output <= MINIMUM_PULL_N)
    given_ns = table.state(session).ledger.delivered_ns

    table.run_s(20)
    assert (Phase.PAUSED, given_ns) == (table.state(session).phase, table.state(session).ledger.delivered_ns)

    table.tell(session, ev.ResumeAsked(actor="therapist"))
    felt = []
    for _ in range(700):  # two holds on: in a rest the pull waits at its own minimum
        table.run_s(0.1)
        felt.append(table.truth(PULL).output)
    assert felt[10] < 60
    assert before - 5 <= max(felt) <= before + 5


def test_tx_7_a_cough_does_not_trip_and_twelve_percent_for_longer_does(lay: Lay) -> None:
    """80 N for 0.3 s pass; 12 % above the set force for 0.6 s do not."""
    table, session = pulling(lay)
    table.inject(PULL, "cough", n=80)
    table.run_s(0.3)
    table.clear(PULL)
    table.run_s(2)
    assert Phase.RUNNING is table.state(session).phase

    table.inject(PULL, "over-deliver", gain_permille=1_120)
    table.run_s(3)
    ended = table.run_to_end(session)

    assert ("faulted", True) == (ended["outcome"], str(ended["reason"]).startswith("limit:tx-overforce"))


@pytest.mark.parametrize("model", [PULL])
def test_tx_9_off_is_said_after_the_pull_has_been_low(lay: Lay, model: str) -> None:
    """Nobody opens a harness under tension: the end comes after the force was at its minimum for a second."""
    table = lay(model)
    session = table.start(model, HIP_PULL, 12, force_n=150)
    low_since_ns = 0
    while table.state(session).phase not in OVER:
        table.run_s(0.02)
        is_low = table.truth(model).output <= MINIMUM_PULL_N
        low_since_ns = (low_since_ns or table.now_ns) if is_low else 0

    assert (table.now_ns - low_since_ns) / NS_PER_S >= 0.9
