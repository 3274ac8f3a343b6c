"""What each reference model does by itself, as its published map says it, seen through the driver."""

import pytest

from devices.model import Contact, Fault, Off, Output, Sample
from protocols.inspect import Energize
from protocols.inspect import Off as OffFrame
from tests.conformance.reference_rig import Rig

NS_PER_MS = 1_000_000


def energized(model: str, level: int | None = None, **settings: int) -> Rig:
    """A unit that puts out a level under a renewed permit."""
    rig = Rig(model)
    rig.identify()
    rig.permitted = True
    wanted = rig.target(rig.bench.ordinary if level is None else level, **settings)
    rig.driver.command(wanted, rig.now_ns, 600_000)
    rig.run(500 + rig.bench.settle_ms)
    return rig


def first(rig: Rig, output: Output, since_ns: int) -> Sample:
    """The first sample with this output after a moment."""
    return next(sample for sample in rig.seen(Sample) if sample.at_ns > since_ns and sample.output is output)


# Ultrasound


def test_ultrasound_suspends_itself_without_coupling_and_comes_back() -> None:
    """Head lifted for four seconds: nothing emitted within 300 ms, the timer stands, back at the set level alone."""
    rig = energized("reference-ultrasound")
    lifted_ns = rig.now_ns
    rig.inject("contact-loss")
    rig.run(1_000)
    timer_left_ms = rig.last().timer_left_ms
    suspended = first(rig, Output.SUSPENDED, lifted_ns)

    assert (suspended.at_ns - lifted_ns) // NS_PER_MS <= 300
    assert (0, "suspended", True) == (rig.truth().output, rig.truth().state, rig.truth().energized)
    assert (rig.truth().changed_at_mono_ns - lifted_ns) // NS_PER_MS <= 300
    assert Contact.OPEN is rig.last().contact

    rig.run(3_000)

    assert timer_left_ms == rig.last().timer_left_ms

    put_back_ns = rig.now_ns
    written = len(rig.written)
    rig.port.clear(rig.now_ns)
    rig.run(1_000)
    back = first(rig, Output.ENERGIZED, put_back_ns)

    assert (back.at_ns - put_back_ns) // NS_PER_MS <= 400
    assert rig.bench.ordinary == back.get("intensity_mw_cm2") == rig.truth().output
    assert [] == [one for one in rig.written[written:] if isinstance(one.kind, Energize)]


def test_ultrasound_never_shows_more_than_was_set_when_it_comes_back() -> None:
    """Coming back is a ramp at or below the set level."""
    rig = energized("reference-ultrasound")
    rig.inject("contact-loss")
    rig.run(500)
    rig.port.clear(rig.now_ns)
    most = 0
    for _ in range(50):
        rig.run(10)
        most = max(most, rig.truth().output)

    assert rig.bench.ordinary == most


def test_ultrasound_run_away_is_off_within_300_ms_of_the_first_sample_past_the_limit() -> None:
    """The measured intensity is what makes a run-away visible; the stop then costs one exchange of the line."""
    rig = energized("reference-ultrasound")
    limit = rig.bench.ordinary * 12 // 10
    rig.inject("run-away")
    while (rig.last().get("intensity_mw_cm2") or 0) <= limit:
        rig.run(10)
    breached_ns = rig.last().at_ns
    rig.stop()
    rig.run(500)

    assert not rig.truth().energized
    assert (rig.truth().changed_at_mono_ns - breached_ns) // NS_PER_MS <= 300


def test_ultrasound_head_in_the_air_with_gel_gets_hot() -> None:
    """The coupling sensor says good; the head's temperature tells, and at 43 °C the unit goes off by itself."""
    rig = energized("reference-ultrasound", 2_000, duty_permille=1_000)
    rig.inject("gel-only")
    rig.run(8_000)

    assert Contact.GOOD is rig.last().contact
    assert (rig.last().get("head_temp_mdegc") or 0) > 37_000

    rig.run(30_000)

    assert not rig.truth().energized
    assert ("temperature",) == rig.last().faults
    assert Output.UNKNOWN is rig.last().output

    rig.driver.command(Off(), rig.now_ns)
    rig.run(1_000)

    assert Output.OFF is rig.last().output


def test_ultrasound_coupled_head_stays_below_its_limit() -> None:
    """Five ordinary minutes end with a warm head, not with a hot one."""
    rig = energized("reference-ultrasound", 1_000, duty_permille=1_000)
    rig.run(300_000)

    assert rig.truth().energized
    assert 33_000 < (rig.last().get("head_temp_mdegc") or 0) < 41_000


@pytest.mark.parametrize(("permille", "contact"), [(200, Contact.GOOD), (500, Contact.POOR), (700, Contact.OPEN)])
def test_ultrasound_partial_lift_shows_in_the_contact(permille: int, contact: Contact) -> None:
    """How much of the head is off decides between good, poor and open."""
    rig = energized("reference-ultrasound")
    rig.inject("partial-lift", permille=permille)
    rig.run(300)

    assert contact is rig.last().contact


def test_ultrasound_refuses_a_frequency_between_its_two() -> None:
    """2000 kHz lies inside the register's range and the unit has no such crystal: exception 03."""
    rig = Rig("reference-ultrasound")
    poked = rig.poke(rig.profile.named_register("set_frequency"), 2_000)

    assert bytes((0x86, 3)) == poked.answer[1:3]


# Electrical stimulation


def test_estim_states_a_current_of_zero_before_it_switches_on() -> None:
    """Zero start: the frames say 0 mA, then on, then the level."""
    rig = energized("reference-estim", 5_000)
    said = [one.kind for one in rig.written if isinstance(one.kind, Energize)]
    zero, on, level = (Energize(((("current_ua", 0),),)), Energize(((),)), Energize(((("current_ua", 5_000),),)))

    assert [zero, on, level] == said[-3:]


def test_estim_does_not_switch_on_a_current() -> None:
    """The unit's own zero start: a set current above 0 is exception 04, whoever asks."""
    rig = Rig("reference-estim")
    rig.poke(rig.profile.named_register("set_current"), 1)
    rig.poke(rig.profile.named_register("timer"), 600)
    refused = rig.poke(rig.profile.named_register("enable"), 1)

    assert bytes((0x86, 4)) == refused.answer[1:3]


def test_estim_electrode_lift_ends_the_current_and_contact_does_not_bring_it_back() -> None:
    """Open electrodes: no current at once, and 0 mA set by the unit itself, so that re-contact is no shock."""
    rig = energized("reference-estim")
    lifted_ns = rig.now_ns
    rig.inject("contact-loss")
    rig.run(300)

    assert 0 == rig.truth().output
    assert rig.truth().changed_at_mono_ns - lifted_ns <= 100 * NS_PER_MS
    assert Contact.OPEN is rig.last().contact

    rig.port.clear(rig.now_ns)
    rig.run(2_000)

    assert 0 == rig.truth().output
    assert Contact.GOOD is rig.last().contact


def test_estim_current_that_the_load_does_not_let_through_is_seen() -> None:
    """A dry pad lets less through than is set: the measured current stays behind and the contact is poor."""
    rig = energized("reference-estim", 60_000)
    assert 60_000 == rig.last().get("current_ua")

    rig.inject("partial-lift", permille=700)
    rig.run(300)

    assert (rig.last().get("current_ua") or 0) < 60_000 * 8 // 10
    assert Contact.POOR is rig.last().contact


@pytest.mark.parametrize(("waveform", "duty_permille"), [(1, 1_000), (2, 1_000), (3, 500)])
def test_estim_has_three_waveforms(waveform: int, duty_permille: int) -> None:
    """Interferential, premodulated, Russian: set by number, read back as such."""
    rig = energized("reference-estim", waveform=waveform, duty_permille=duty_permille, carrier_hz=2_500, beat_hz=50)

    assert waveform == rig.last().get("waveform")
    assert (2_500, 50, duty_permille) == tuple(
        rig.last().get(name) for name in ("carrier_hz", "beat_hz", "duty_permille")
    )


# Traction


def test_traction_is_off_only_after_a_second_below_the_minimum_pull() -> None:
    """Full speed from 100 N takes a fraction of a second; off is said a second later, and not before."""
    rig = energized("reference-traction")
    stopped_ns = rig.now_ns
    rig.stop()
    rig.run(600)

    assert rig.truth().output <= 15
    assert Output.ENERGIZED is rig.last().output

    rig.run(1_000)
    off = first(rig, Output.OFF, stopped_ns)

    assert 1_000 <= (off.at_ns - stopped_ns) // NS_PER_MS <= rig.profile.off.budget_ms


def test_traction_releases_at_the_rate_for_a_slow_off_and_a_fast_one_overtakes_it() -> None:
    """The therapist's stop is gentle; the second press is not."""
    rig = energized("reference-traction")
    rig.permitted = False
    rig.driver.command(Off(fast=False), rig.now_ns)
    rig.run(1_000)

    assert 40 <= rig.truth().output <= 60
    assert all(isinstance(one.kind, OffFrame) for one in rig.written if one.permit is None and one.frame[1] == 6)

    rig.driver.command(Off(), rig.now_ns)
    rig.run(150)

    assert rig.truth().output <= 15


def test_traction_patients_switch_releases_at_full_speed() -> None:
    """Pressed: the unit releases by itself, says why, and does not pull again without an off and a start."""
    rig = energized("reference-traction")
    pressed_ns = rig.now_ns
    rig.inject("switch-open")
    rig.run(300)

    assert rig.truth().output <= 15
    assert rig.last().faults == ("patient-switch",)

    rig.port.clear(rig.now_ns)
    rig.run(2_000)

    assert not rig.truth().energized
    assert rig.now_ns > first(rig, Output.OFF, pressed_ns).at_ns


@pytest.mark.parametrize("fault", ["switch-missing", "switch-open"])
def test_traction_does_not_start_without_the_patients_switch(fault: str) -> None:
    """Not connected or pressed: switching on is refused, and the driver says so."""
    rig = Rig("reference-traction")
    rig.identify()
    rig.inject(fault)
    rig.energize()

    assert Fault.REFUSED in rig.faults()
    assert not rig.truth().energized


def test_traction_force_shows_coughs_and_slack() -> None:
    """A spike of 0.3 s and a body that slips towards the unit are in the measured force."""
    rig = energized("reference-traction")
    rig.inject("cough", n=80)
    rig.run(150)
    coughing = rig.truth().output
    rig.run(500)
    after = rig.truth().output
    rig.inject("slack", mm=20)
    rig.run(50)

    assert (180, 100) == (coughing, after)
    assert 55 <= rig.truth().output <= 70


def test_traction_without_a_load_cell_is_never_off() -> None:
    """Nobody knows the force: unknown, whatever was commanded."""
    rig = energized("reference-traction")
    rig.inject("no-value")
    rig.stop()
    rig.run(3_000)

    assert Output.UNKNOWN is rig.last().output


# Heat and cold


def test_heat_off_is_the_heater_and_the_pad_stays_warm() -> None:
    """Temperature goes on as a monitored residual."""
    rig = energized("reference-heat", 40_000)
    rig.run(30_000)
    rig.stop()
    rig.run(1_000)

    assert Output.OFF is rig.last().output
    assert (rig.last().get("temp_mdegc") or 0) > 38_000


def test_heat_goes_off_by_itself_when_too_hot() -> None:
    """A run-away of the heater ends at 46 °C, with or without a host."""
    rig = energized("reference-heat", 42_000)
    rig.inject("run-away")
    rig.run(60_000)

    assert not rig.truth().energized
    assert max(sample.get("temp_mdegc") or 0 for sample in rig.seen(Sample)) <= 46_500
    assert "temperature" in rig.last().faults


def test_cold_off_is_pump_off_and_cuff_slack() -> None:
    """With pressure in the cuff it is not off, however still the water."""
    rig = energized("reference-cold", pressure_mmhg=75)
    assert 75 == rig.last().get("pressure_mmhg")

    stopped_ns = rig.now_ns
    rig.stop()
    rig.run(300)

    assert Output.ENERGIZED is rig.last().output

    rig.run(1_200)
    off = first(rig, Output.OFF, stopped_ns)

    assert (off.at_ns - stopped_ns) // NS_PER_MS <= rig.profile.off.budget_ms
    assert (off.get("pressure_mmhg") or 0) <= 5


def test_cold_goes_off_by_itself_near_freezing() -> None:
    """A valve that sticks open makes the water colder than set; below 2 °C the pump stops."""
    rig = energized("reference-cold", 6_000)
    rig.inject("run-away")
    rig.run(3_000)

    assert not rig.truth().energized
    assert "temperature" in rig.last().faults
