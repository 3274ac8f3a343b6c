"""One test per hazard that the engine alone answers, and for each of them its knock-out: without the mitigation, red.

The ids are those of the hazard table. What needs processes, files or screens to answer is tested there.
"""

import itertools
from collections.abc import Callable

from devices.drivers.p24 import P24Driver
from devices.model import NS_PER_MS, NS_PER_S, Direction, Fault, Levels, MonoNs, Output, Sample, levels
from devices.profile import load
from modctl.engine import core_events as ce
from modctl.engine import events as ev
from modctl.engine.effects import Band, Command, Permit, Watch
from modctl.engine.machine import Phase
from modctl.engine.port import FrameHeld
from modctl.engine.unit import UnitStatus
from tests.safety import knockouts as ko
from tests.scenario.table import Table
from tests.unit.engine.made import Person, at_phase, raises
from tests.unit.engine.made_core import Engine, config, identity, replies
from tests.unit.engine.made_port import P24_LEVELS, Bus

P24, TENS = "hasomed-p24", "hip-post-tha-tens"
SOUND, MHZ = "reference-ultrasound", "hip-oa-ultrasound-1mhz"
BOTH = ((P24, TENS), (SOUND, MHZ))


def off_within(table: Table, unit: str, seconds: float) -> bool:
    """Let time pass; is the unit truly off at the end of it."""
    table.run_s(seconds)
    return not table.truth(unit).energized


def running(model: str, preset: str, seconds: float = 6, duration_s: int = 60, **asked: int) -> tuple[Table, str]:
    """A table whose session has run for so long."""
    table = Table(model)
    session = table.start(model, preset, duration_s, **asked)
    table.run_s(seconds)
    assert Phase.RUNNING is table.state(session).phase
    assert table.truth(model).energized
    return table, session


def wide_permit(bus: Bus, values: dict[str, int]) -> Permit:
    """A permit that allows anything, for the electrode of the shipped presets."""
    return Permit(
        session="s1",
        unit="u1",
        sequence=1,
        until_ns=bus.now_ns + 10 * NS_PER_S,
        bands=tuple(Band(name, 0, 10**6) for name in values),
        context=(("electrode_mm2", 4_500),),
    )


def test_h01_no_level_above_a_hard_bound_reaches_the_line() -> None:
    """Whatever permit, driver and engine say: 1001 µs is above the hard bound, and the unit would take it."""
    bus = Bus(model=P24)
    bus.open()
    values = {**P24_LEVELS, "pulse_width_us": 1_001}
    bus.order(wide_permit(bus, values))
    bus.order(Command(unit="u1", setpoint=levels(values)))
    bus.run(1_000)

    assert 1 == len(bus.told(FrameHeld))
    assert not bus.truth().energized


def test_h02_the_level_does_not_jump() -> None:
    """10 mA from off in one frame, inside permit and hard bounds, is held."""
    bus = Bus(model=P24)
    bus.open()
    values = {**P24_LEVELS, "current_ua": 10_000}
    bus.order(wide_permit(bus, values))
    bus.order(Command(unit="u1", setpoint=levels(values)))
    highest = 0
    for _ in range(200):
        bus.run(5)
        highest = max(highest, bus.truth().output)

    assert 0 == highest


def test_h03_lost_contact_stays_off_until_a_person_resumes() -> None:
    """A pad that was lifted and falls back must find no current."""
    table, session = running(P24, TENS, seconds=21, current_ua=20_000)
    table.inject(P24, "contact-loss")
    table.run_s(1)
    assert Phase.PAUSED is table.state(session).phase

    table.clear(P24)
    for _ in range(20):
        assert off_within(table, P24, 0.5)


def test_h04_nothing_rises_while_nothing_is_felt() -> None:
    """The head is in the air, somebody turns it up, the head comes back."""
    table, session = running(SOUND, MHZ, seconds=5)
    before = table.truth(SOUND).output
    table.inject(SOUND, "contact-loss")
    table.run_s(1)
    for _ in range(10):
        table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.UP))
        table.run_s(0.3)
    table.clear(SOUND)
    table.run_s(1)

    assert table.truth(SOUND).output <= before


def test_h05_a_stop_that_is_ignored_is_repeated_until_off_is_seen() -> None:
    """Some Offs lost: off all the same, and confirmed."""
    for ignored in (1, 2, 3, 5):
        table, session = running(P24, TENS)
        table.inject(P24, "ignore-stop", count=ignored)
        table.stop_all()
        ended = table.run_to_end(session)

        assert ("stopped", False) == (ended["outcome"], table.truth(P24).energized)


def test_h05_an_off_that_is_only_acknowledged_is_not_off() -> None:
    """Every Off ignored, each acknowledged: the record says that it was not confirmed."""
    table, session = running(P24, TENS)
    table.inject(P24, "ignore-stop")
    table.stop_all()
    ended = table.run_to_end(session)

    assert ("unconfirmed", None) == (ended["outcome"], ended["off_after_ms"])


def test_h06_an_engine_that_stands_still_does_not_keep_a_unit_on() -> None:
    """Ten seconds without a word of the engine: off from the port, within its permit and one exchange."""
    bus = Bus(model=P24)
    bus.open()
    bus.energize(until_ms=600)
    bus.run(100)  # the permit ends here
    bus.run(200)
    assert not bus.truth().energized

    bus.run(10_000)

    assert not bus.truth().energized


def test_h07_treatment_takes_as_long_as_planned_whatever_interrupts_it() -> None:
    """A pause in the middle: the unit was really on for the planned time."""
    table = Table(SOUND)
    session = table.start(SOUND, MHZ, 20)
    on_ms = 0
    for at_ms in range(0, 40_000, 20):
        if at_ms == 8_000:
            table.tell(session, ev.PauseAsked(actor="therapist"))
        if at_ms == 14_000:
            table.tell(session, ev.ResumeAsked(actor="therapist"))
        table.run_s(0.02)
        on_ms += 20 if table.truth(SOUND).energized else 0

    assert "completed" == table.chart.of(session)[-1]["outcome"]
    assert 19_800 <= on_ms <= 20_500


def test_h09_h10_a_lost_screen_stops_what_a_person_must_attend() -> None:
    """Frozen or gone: nobody sees the patient through it."""
    table, session = running(P24, TENS)
    table.world.post(ce.ScreenLost(session=session, why="no beat"))

    assert off_within(table, P24, 0.3)


def test_h11_a_pulled_cable_ends_the_session_at_once() -> None:
    """Not when a second without data is over; and it is not called off."""
    table, session = running(P24, TENS)
    table.inject(P24, "disconnect")
    table.run_s(0.1)
    assert Phase.STOPPING is table.state(session).phase

    ended = table.run_to_end(session)

    assert ("unconfirmed", "line_lost") == (ended["outcome"], ended["reason"])
    assert off_within(table, P24, 2)  # by its own lease


def test_h12_a_line_that_only_writes_is_stopped_blind() -> None:
    """No answers any more: off all the same, within a second and an exchange."""
    table, _session = running(P24, TENS)
    table.inject(P24, "half-open-tx")

    assert off_within(table, P24, 1.2)


def test_h13_a_line_that_only_reads_is_an_alarm() -> None:
    """Nothing that is said arrives: the person must act, and is told within two seconds and a half."""
    table, session = running(P24, TENS)
    table.inject(P24, "half-open-rx")
    table.run_s(2.5)
    alarms = [entry["alarm"] for entry in table.chart.of(session) if entry["kind"] == "alarm"]

    assert ["no_data", "off_not_confirmed"] == alarms


def test_h14_another_unit_on_the_port_is_not_used() -> None:
    """Two units of one model, renumbered."""
    engine = Engine(known=False, configs=[config("u1", serial="SIM0000001")])
    engine.meet()
    assert UnitStatus.READY is engine.unit().status

    engine.lose()
    engine.meet_as(P24, serial="SIM0000002")

    assert ["unit_mismatch"] == [reply.code for reply in replies(engine.begin())]


def test_h14_a_unit_exchanged_in_a_session_ends_it() -> None:
    """Behind an open line."""
    engine = Engine()
    engine.start()
    engine.news(identity(engine.now_ns, serial="SIM0000002"))

    assert Phase.STOPPING is engine.phase()


def test_h15_a_unit_that_restarted_stays_off() -> None:
    """Boot defaults, no resume, latched until somebody has looked."""
    for model, preset in BOTH:
        table, session = running(model, preset)
        table.inject(model, "reboot")
        ended = table.run_to_end(session, limit_s=5)

        assert "faulted" == ended.get("outcome")
        assert UnitStatus.LATCHED is table.world.state.units[model].status
        for _ in range(20):
            assert off_within(table, model, 0.5)


def test_h16_an_answer_from_before_the_stop_proves_no_off() -> None:
    """Every order of three samples, each asked before or after the acknowledgement: off needs two asked after it."""
    for ages in itertools.product((-5, 5), repeat=3):
        person = at_phase(Phase.STOPPING)
        person.ack_off()
        acked_ns = person.now_ns
        person.wait(50)
        for age_ms in ages:
            person.see(Output.OFF, asked_ns=acked_ns + age_ms * NS_PER_MS)
        proven = sum(age_ms > 0 for age_ms in ages) >= 2

        assert proven is (person.state.phase is Phase.ENDED), ages


def test_h17_a_command_whose_answer_was_lost_is_not_sent_again() -> None:
    """Nobody knows whether it is in force; the session ends instead, at once."""
    person = at_phase(Phase.STARTING)
    before = len(raises(person.effects))
    person.fault(Fault.TIMEOUT)
    assert Phase.STOPPING is person.state.phase

    for _ in range(30):
        person.wait(100)
        person.see(Output.ENERGIZED)
        person.tick()

    assert before == len(raises(person.effects))


def test_h18_a_reading_that_is_not_there_ends_the_session() -> None:
    """The unit's own word for *no value* is no good value."""
    table, session = running(SOUND, MHZ)
    person = Person(table.state(session).setup)
    person.run_with(intensity_mw_cm2=0, duty_permille=1_000, frequency_khz=1_000, head_temp_mdegc=30_000)
    person.wait(100)
    person.see(Output.ENERGIZED, intensity_mw_cm2=None, duty_permille=1_000, frequency_khz=1_000, head_temp_mdegc=None)

    assert Phase.STOPPING is person.state.phase


def test_h19_frozen_readings_end_the_session() -> None:
    """The same sample for ever is no sample."""
    table, _session = running(SOUND, MHZ)
    table.inject(SOUND, "frozen")

    assert off_within(table, SOUND, 0.6)


def test_h20_a_stuck_output_is_found_before_a_session() -> None:
    """Off-state leakage: latched, and no session starts."""
    for model, preset in BOTH:
        table = Table(model)
        table.inject(model, "uncommanded-on", value=300)
        table.run_s(1.5)
        assert UnitStatus.LATCHED is table.world.state.units[model].status

        table.ask(model, preset)

        assert "unit_latched" == table.world.replies[-1].code


def test_h21_dose_is_what_was_read_back() -> None:
    """A unit that gives a sixth less than it says, inside its tolerance: the lower bound must not say more."""
    table = Table(SOUND)
    session = table.start(SOUND, MHZ, 20)
    table.inject(SOUND, "under-deliver", gain_permille=840)
    given_mj = 0.0
    while table.state(session).phase is not Phase.ENDED:
        table.run_s(0.02)
        given_mj += table.truth(SOUND).output * 0.02
    dose = table.state(session).ledger.dose_lower // NS_PER_S

    assert 0 < dose <= given_mj * 1.01


class Tenfold(P24Driver):
    """A driver that mistakes the unit: ten times the current that it was told."""

    def command(self, setpoint: object, now_ns: MonoNs, run_ms: int = 0) -> None:
        """Ten times as much."""
        if isinstance(setpoint, Levels):
            setpoint = setpoint.replaced("current_ua", 10 * (setpoint.get("current_ua") or 0))
        super().command(setpoint, now_ns, run_ms)  # type: ignore[arg-type]  # an Off or levels


def test_h22_a_factor_of_ten_in_a_driver_stays_on_this_side_of_the_line() -> None:
    """The gate reads the bytes, not the intention: 1 mA is not 0.1 mA."""
    bus = Bus(model=P24, wild=Tenfold(load(P24)))
    bus.open()
    values = {**P24_LEVELS, "current_ua": 100}
    bus.order(
        Permit(
            session="s1",
            unit="u1",
            sequence=1,
            until_ns=bus.now_ns + NS_PER_S,
            bands=(Band("current_ua", 0, 500), Band("period_us", 10_000, 10_000), Band("pulse_width_us", 100, 100)),
            context=(("electrode_mm2", 4_500),),
        )
    )
    bus.order(Command(unit="u1", setpoint=levels(values)))
    bus.run(500)

    assert 0 == bus.truth().output


def test_h33_a_turn_of_the_units_own_knob_is_found_and_stopped() -> None:
    """0.8 W/cm² where 0.5 was commanded."""
    table, session = running(SOUND, MHZ)
    table.inject(SOUND, "panel-change", value=800)
    table.run_s(0.5)

    assert not table.truth(SOUND).energized
    assert Phase.RUNNING is not table.state(session).phase


def test_h35_a_bouncing_key_is_one_key() -> None:
    """Fifty presses in a second raise no more than one second's worth."""
    table, session = running(P24, TENS, current_ua=1_000)
    before = table.truth(P24).output
    for _ in range(50):
        table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.UP))
        table.run_s(0.02)

    assert 0 < table.truth(P24).output - before <= 1_500


def test_h37_nothing_is_energized_before_its_start_is_durable() -> None:
    """The disk takes its time; the patient waits."""
    engine = Engine()
    effects = engine.arm()
    engine.wait(500)

    assert Phase.ARMED is engine.phase()
    assert [] == raises(effects)
    assert engine.unit().permit is None


def test_h38_a_chart_that_cannot_be_written_stops_the_treatment() -> None:
    """What cannot be proved is not given."""
    table, _session = running(P24, TENS)
    table.world.post(ce.ChartBroken(why="disk full"))

    assert off_within(table, P24, 0.3)


def test_h43_a_machine_that_slept_finds_its_sessions_stopped() -> None:
    """Nobody watched for as long as it slept."""
    table, _session = running(P24, TENS)
    table.world.post(ce.Stalled(by_ms=60_000))

    assert off_within(table, P24, 0.3)


def test_h44_after_a_stop_nothing_resumes() -> None:
    """A new request, all its questions, and a ramp from off; there is no other way."""
    table, session = running(P24, TENS)
    table.stop_all()
    table.run_to_end(session)
    table.tell(session, ev.ResumeAsked(actor="therapist"))
    assert "not_now" == table.world.replies[-1].code

    table.run_s(5)

    assert not table.truth(P24).energized


def test_h48_one_silent_unit_does_not_hold_up_its_neighbours() -> None:
    """On one bus, each unit has its turn."""
    bus = Bus("u1", "u2")
    bus.open()
    for unit in bus.names:
        bus.order(Watch(unit=unit, closely=True))
    bus.inject("silence", "u2")
    bus.run(1_000)
    before = len(bus.told(Sample, "u1"))
    bus.run(5_000)

    assert len(bus.told(Sample, "u1")) - before >= 20


def test_h50_output_outside_any_session_is_stopped() -> None:
    """A panel, a relay, another program: off, charted, latched."""
    for model, _preset in BOTH:
        table = Table(model)
        table.inject(model, "uncommanded-on", value=300)
        table.run_s(1.5)
        kinds = [draft.kind for draft, _stamp in table.chart.entries]

        assert not table.truth(model).energized
        assert {"output.uncommanded", "unit.latched"} <= set(kinds)


def test_h55_the_stop_that_was_meant_is_the_one_that_happens() -> None:
    """One session named: that one. None named: all."""
    table = Table(P24, SOUND)
    left = table.start(P24, TENS, 60)
    right = table.start(SOUND, MHZ, 60)
    table.run_s(5)
    table.world.post(ce.StopUnits(request=None, actor=None, source="screen", session=right))
    table.run_s(1)
    assert (Phase.RUNNING, Phase.ENDED) == (table.state(left).phase, table.state(right).phase)

    table.stop_all()
    table.run_s(1)

    assert Phase.ENDED is table.state(left).phase


KNOCKOUTS: list[ko.Pair] = [
    (test_h01_no_level_above_a_hard_bound_reaches_the_line, ko.without_hard_bounds),
    (test_h02_the_level_does_not_jump, ko.without_raise_limit),
    (test_h03_lost_contact_stays_off_until_a_person_resumes, ko.without_contact_rule),
    (test_h04_nothing_rises_while_nothing_is_felt, ko.without_hold_by_contact),
    (test_h05_a_stop_that_is_ignored_is_repeated_until_off_is_seen, ko.without_repeated_off),
    (test_h05_an_off_that_is_only_acknowledged_is_not_off, ko.without_confirmation),
    (test_h06_an_engine_that_stands_still_does_not_keep_a_unit_on, ko.without_permit_expiry),
    (test_h07_treatment_takes_as_long_as_planned_whatever_interrupts_it, ko.with_pauses_counted_as_treatment),
    (test_h09_h10_a_lost_screen_stops_what_a_person_must_attend, ko.without_attendance),
    (test_h11_a_pulled_cable_ends_the_session_at_once, ko.without_fault("lost")),
    (test_h12_a_line_that_only_writes_is_stopped_blind, ko.without_stale_limit),
    (test_h13_a_line_that_only_reads_is_an_alarm, ko.without_stale_limit),
    (test_h14_another_unit_on_the_port_is_not_used, ko.without_identity),
    (test_h14_a_unit_exchanged_in_a_session_ends_it, ko.without_fault("mismatch")),
    (test_h15_a_unit_that_restarted_stays_off, ko.without_sample_gate),
    (test_h16_an_answer_from_before_the_stop_proves_no_off, ko.without_age_of_samples),
    (test_h17_a_command_whose_answer_was_lost_is_not_sent_again, ko.without_doubt),
    (test_h18_a_reading_that_is_not_there_ends_the_session, ko.with_missing_as_good),
    (test_h19_frozen_readings_end_the_session, ko.without_fault("frozen")),
    (test_h20_a_stuck_output_is_found_before_a_session, ko.without_watch_over_idle_units),
    (test_h21_dose_is_what_was_read_back, ko.with_dose_from_the_command),
    (test_h22_a_factor_of_ten_in_a_driver_stays_on_this_side_of_the_line, ko.without_permit_bands),
    (test_h33_a_turn_of_the_units_own_knob_is_found_and_stopped, ko.without_deviation),
    (test_h35_a_bouncing_key_is_one_key, ko.without_time_between_steps),
    (test_h37_nothing_is_energized_before_its_start_is_durable, ko.with_start_before_the_chart),
    (test_h38_a_chart_that_cannot_be_written_stops_the_treatment, ko.without_chart_watch),
    (test_h43_a_machine_that_slept_finds_its_sessions_stopped, ko.without_stall_check),
    (test_h44_after_a_stop_nothing_resumes, ko.with_a_way_back_from_the_end),
    (test_h48_one_silent_unit_does_not_hold_up_its_neighbours, ko.without_reply_time),
    (test_h50_output_outside_any_session_is_stopped, ko.without_watch_over_idle_units),
    (test_h55_the_stop_that_was_meant_is_the_one_that_happens, ko.with_stops_for_the_first_unit_alone),
]


@ko.each(KNOCKOUTS)
def test_without_its_mitigation_a_hazard_is_seen(check: Callable[[], None], knockout: ko.Knockout) -> None:
    """A test that stays green when its mitigation is gone proves nothing."""
    ko.goes_red(check, knockout)


def test_every_hazard_here_has_a_knockout() -> None:
    """Nobody can add one half without the other."""
    assert set() == ko.unpaired(globals(), KNOCKOUTS)
