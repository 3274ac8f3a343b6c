"""Integers become text in one place; nobody misreads a unit, and nothing unknown reads as off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.model import UCUM_OF, Contact, Output
from devices.model import Fault as LineFault
from modctl import sentences, text
from modctl.engine.machine import Outcome, Phase
from modctl.engine.session import ENDS_SESSION


@pytest.mark.parametrize(
    ("parameter", "value", "shown"),
    [
        ("current_ua", 12_500, "12.5 mA"),
        ("current_ua", 0, "0.0 mA"),
        ("current_ua", 49, "0.0 mA"),
        ("current_ua", 50, "0.1 mA"),
        ("period_us", 10_000, "100 Hz"),
        ("period_us", 250_000, "4 Hz"),
        ("period_us", 12_048, "83 Hz"),
        ("pulse_width_us", 300, "300 µs"),
        ("intensity_mw_cm2", 1_000, "1.0 W/cm²"),
        ("duty_permille", 500, "50 %"),
        ("duty_permille", 125, "12.5 %"),
        ("frequency_khz", 1_000, "1 MHz"),
        ("frequency_khz", 3_300, "3.3 MHz"),
        ("force_n", 150, "150 N"),
        ("temp_mdegc", 40_049, "40.0 °C"),
        ("temp_mdegc", -3_250, "-3.3 °C"),
        ("timer_ms", 483_000, "8:03"),
        ("waveform", 3, "Russian"),
        ("waveform", 4, "number 4"),
        ("current_ua", None, "no data"),
    ],
)
def test_a_value_is_read_as_people_write_it(parameter: str, value: int | None, shown: str) -> None:
    """A decimal point that moves is a dose ten times too high; a missing value is not a zero."""
    assert shown == text.quantity(parameter, value)


def test_every_canonical_parameter_has_a_name_and_a_unit_for_people() -> None:
    """A new parameter must not reach a screen as an identifier."""
    for parameter in UCUM_OF:
        assert "_" not in text.parameter(parameter)
        assert f"({parameter})" not in text.quantity(parameter, 1_000)


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(0, "0:00"), (999, "0:00"), (1_000, "0:01"), (843_000, "14:03"), (3_723_000, "1:02:03"), (-1_500, "-0:01")],
)
def test_times_are_minutes_and_seconds(ms: int, shown: str) -> None:
    """Delivered time is never rounded up."""
    assert shown == text.clock(ms)


@pytest.mark.parametrize(("delivered", "shown"), [(0, "0:10"), (1, "0:10"), (9_001, "0:01"), (10_000, "0:00")])
def test_time_left_is_zero_only_when_it_is_over(delivered: int, shown: str) -> None:
    """A clock that says 0:00 while output goes on is not believed twice."""
    assert shown == text.time_left(10_000, delivered)


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(500, "500 ms"), (1_500, "1.5 s"), (15_000, "15 s"), (90_000, "1 min 30 s"), (1_200_000, "20 min")],
)
def test_spans_use_the_words_of_the_command_line(ms: int, shown: str) -> None:
    """What was asked is said back the way it was asked."""
    assert shown == text.duration(ms)


@given(st.text())
def test_no_word_but_off_reads_as_off(word: str) -> None:
    """Unknown is a state of its own."""
    if word != Output.OFF:
        assert text.output(word) != text.OUTPUTS["off"]


def test_every_word_of_the_engine_is_known_to_people() -> None:
    """A new state, outcome or fault needs its sentence before it can be shown."""
    assert set(text.OUTPUTS) == set(Output)
    assert set(text.PHASES) == set(Phase)
    assert set(text.OUTCOMES) == set(Outcome)
    assert set(text.CONTACTS) == set(Contact)
    assert set(sentences.FAULTS) == set(LineFault)
    assert set(ENDS_SESSION.values()) <= set(sentences.REASONS)
    assert set(ENDS_SESSION.values()) <= set(sentences.ALARMS)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("planned_time", "the planned time was delivered"),
        ("stop:screen", "it was stopped at the screen"),
        ("stop:lantern", "it was stopped (lantern)"),
        ("limit:us-intensity-max", "a limit was passed (us-intensity-max)"),
        ("gate:screening:one-applies", "the question 'screening' was answered 'one applies'"),
        ("brand_new", "brand new"),
    ],
)
def test_a_reason_reads_as_the_rest_of_a_sentence(word: str, said: str) -> None:
    """Details stay, and a word that nobody wrote a sentence for is shown, not hidden."""
    assert said == sentences.reason(word)


def test_an_alarm_says_what_happened_what_the_output_does_and_what_to_do() -> None:
    """A person who reads only the alarm line must be able to act."""
    for word, told in sentences.ALARMS.items():
        assert told.happened in sentences.alarm(word)
        assert told.output in sentences.alarm(word)
        detailed = word if ":" in word else f"{word}:detail"
        assert told.act in sentences.alarm(detailed)
        assert sentences.priority(detailed) == told.priority


def test_an_alarm_that_nobody_knows_is_urgent() -> None:
    """Better one look too many."""
    assert sentences.priority("never_heard_of") == "high"


def test_an_unmeasured_value_is_never_shown_as_measured() -> None:
    """What was commanded is no proof of what came out."""
    assert text.measured("current_ua", 5_000, "none") == text.NOT_MEASURED
    assert text.measured("current_ua", 5_000, "state") == text.NOT_MEASURED
    assert text.measured("current_ua", 5_000, "echoed") == "5.0 mA (set, read back)"
    assert text.measured("current_ua", None, "measured") == text.NO_DATA


def test_plain_text_keeps_the_words_and_drops_the_shapes() -> None:
    """A braille line shows letters; what a state is must not depend on a square."""
    assert text.plain("■ ENERGIZED  1.0 W/cm²") == "ENERGIZED  1.0 W/cm2"
    assert text.plain("? UNKNOWN OUTPUT") == "UNKNOWN OUTPUT"
    assert text.plain("Ready? Yes, 40.0 °C, 300 µs") == "Ready? Yes, 40.0 deg C, 300 us"
    for shown in (*text.OUTPUTS.values(), *text.OUTCOMES.values()):
        assert text.plain(shown).isascii()


@pytest.mark.parametrize("mark", ["textbook", "derived", "chosen", "", "anything"])
def test_only_what_was_read_in_a_source_is_per_that_source(mark: str) -> None:
    """A number from memory must never pass for a standard's, whatever its row names."""
    assert "per IEC 60601-2-5, 3 W/cm2" == text.source("IEC 60601-2-5, 3 W/cm2", "source")
    assert "site default: IEC 60601-2-10, as quoted" == text.source("IEC 60601-2-10, as quoted", mark)
    assert "site default: usual speeds" == text.source("chosen: usual speeds", mark)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1_960, "mW", "1.96 W"),
        (2_000, "mW", "2 W"),
        (-5, "mW", "-0.005 W"),
        (300, "N", "300 N"),
        (45_500, "m[Cel]", "45.5 °C"),
        (7, "furlong", "7 furlong"),
    ],
)
def test_what_a_meter_read_is_not_rounded_onto_its_bound(value: int, unit: str, said: str) -> None:
    """1.96 W under a bound of 2 W is out; written as 2 W nobody would believe it."""
    assert said == text.reading(value, unit)


@pytest.mark.parametrize("word", sentences.ALARMS)
@pytest.mark.parametrize(
    ("phase", "now"), [("ended", "The output is off and stays off."), ("unconfirmed", "It may still give output.")]
)
def test_an_alarm_that_stands_after_the_end_tells_the_output_as_it_is_then(word: str, phase: str, now: str) -> None:
    """A tired person must not read that something is going on which is over, or which nobody knows of."""
    while_it_runs = sentences.standing(word, "stopping", "")
    after = sentences.standing(word, phase, "")

    assert while_it_runs == sentences.alarm(word)
    assert not any(said in after for said in ("The output is being switched off.", "The pull is being released."))
    assert (now in after) is (while_it_runs != after) or now in while_it_runs


def test_what_to_do_where_off_is_in_doubt_is_said_of_the_very_unit() -> None:
    """There are no electrodes on a heated pad."""
    told = sentences.standing("off_not_confirmed", "unconfirmed", "take the pad off the skin, then pull its plug")

    assert told.endswith("Take the pad off the skin, then pull its plug.")
    assert "electrodes" not in told


def test_a_patient_who_presses_the_switch_is_asked_and_no_technician_is_called() -> None:
    """The unit reports it among its faults; it is none."""
    told = sentences.standing("unit_fault:patient-switch", "ended", "")

    assert "stop switch is pressed" in told
    assert "Ask the patient" in told
    assert "technician" not in told
