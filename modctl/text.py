"""The only place where integers become text with units, and the words of the product become sentences.

Rule 1: a state is a word and a shape, never a colour alone; unknown is a state of its own and never reads as off.
Rule 2: a word that is not in a table is shown as it is: a sentence that is missing hides nothing.
Rule 3: an alarm says what happened, what the output does now, and what to do, in this order.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

MS_PER_S: Final = 1_000
S_PER_MIN: Final = 60
MIN_PER_H: Final = 60
NO_DATA: Final = "no data"
NOT_MEASURED: Final = "not measured by this unit"
NOT_KNOWN: Final = "not known"

# Quantities


def _tenths(value: int, per: int) -> str:
    """Rounded to one decimal, half away from zero, without ever passing through a float."""
    scaled = (abs(value) * 20 + per) // (2 * per)
    sign = "-" if value < 0 and scaled else ""
    return f"{sign}{scaled // 10}.{scaled % 10}"


def _trimmed(value: int, per: int) -> str:
    """As ``_tenths``, but whole numbers without their zero: 1 MHz, 3.3 MHz."""
    return _tenths(value, per).removesuffix(".0")


def _rate_of(period_us: int) -> str:
    """A pulse rate from the time between pulses; 0 has none."""
    return f"{_trimmed(1_000_000, period_us)} Hz" if period_us > 0 else f"{period_us} µs period"


# Parameter -> (canonical integers in one shown unit, whole numbers keep their ".0", the shown unit).
_QUANTITIES: Final[Mapping[str, tuple[int, bool, str]]] = {
    "current_ua": (1_000, True, "mA"),
    "pulse_width_us": (1, False, "µs"),
    "carrier_hz": (1, False, "Hz"),
    "beat_hz": (1, False, "Hz"),
    "intensity_mw_cm2": (1_000, True, "W/cm²"),
    "duty_permille": (10, False, "%"),
    "frequency_khz": (1_000, False, "MHz"),
    "force_n": (1, False, "N"),
    "temp_mdegc": (1_000, True, "°C"),
    "head_temp_mdegc": (1_000, True, "°C"),
    "return_temp_mdegc": (1_000, True, "°C"),
    "pressure_mmhg": (1, False, "mmHg"),
    "layers": (1, False, "layers"),
    "power_mw": (1_000, True, "W"),
    "voltage_mv": (1_000, True, "V"),
    "burst_us": (1, False, "µs"),
    "electrode_mm2": (100, False, "cm²"),
    "area_mm2": (100, False, "cm²"),
    "era_mm2": (100, False, "cm²"),
    "body_weight_g": (1_000, False, "kg"),
}

WAVEFORMS: Final[Mapping[int, str]] = {1: "interferential", 2: "premodulated", 3: "Russian"}  # devices.model

_NAMES: Final[Mapping[str, str]] = {
    "current_ua": "current",
    "pulse_width_us": "phase duration",
    "period_us": "pulse rate",
    "waveform": "waveform",
    "carrier_hz": "carrier",
    "beat_hz": "beat",
    "intensity_mw_cm2": "intensity",
    "duty_permille": "duty",
    "frequency_khz": "frequency",
    "force_n": "pull",
    "temp_mdegc": "temperature",
    "head_temp_mdegc": "head temperature",
    "return_temp_mdegc": "return temperature",
    "layers": "towel layers",
    "pressure_mmhg": "pressure",
    "power_mw": "electrical power",
    "voltage_mv": "supply voltage",
    "burst_us": "burst",
    "timer_ms": "unit's timer",
    "electrode_mm2": "electrode",
    "area_mm2": "treated area",
    "era_mm2": "radiating area of the head",
    "body_weight_g": "body weight",
}

# UCUM codes of the chart (ucum.org) as people write them; the value is the same integer.
_UCUM: Final[Mapping[str, tuple[int, str]]] = {
    "uA": (1_000, "mA"),
    "us": (1, "µs"),
    "mW": (1_000, "W"),
    "mV": (1_000, "V"),
    "Hz": (1, "Hz"),
    "mW/cm2": (1_000, "W/cm²"),
    "[ppth]": (10, "%"),
    "kHz": (1_000, "MHz"),
    "N": (1, "N"),
    "m[Cel]": (1_000, "°C"),
    "mm[Hg]": (1, "mmHg"),
    "ms": (1_000, "s"),
    "uA/cm2": (1_000, "mA/cm²"),
    "uJ": (1_000, "mJ"),
    "mJ": (1_000, "J"),
    "mJ/cm2": (1_000, "J/cm²"),
    "uC": (1_000, "mC"),
    "N.s": (1, "N·s"),
    "uA.s": (1_000, "mA·s"),
}


def quantity(parameter: str, value: int | None) -> str:
    """A canonical value with its unit, as a therapist reads it; None is *no data*, never 0."""
    if value is None:
        return NO_DATA
    if parameter == "period_us":
        return _rate_of(value)
    if parameter == "timer_ms":
        return clock(value)
    if parameter == "waveform":
        return WAVEFORMS.get(value, f"number {value}")
    if parameter not in _QUANTITIES:
        return f"{value} ({parameter})"
    per, keeps_zero, unit = _QUANTITIES[parameter]
    return f"{_tenths(value, per) if keeps_zero else _trimmed(value, per)} {unit}"


def parameter(name: str) -> str:
    """What people call a canonical parameter."""
    return _NAMES.get(name, name.replace("_", " "))


def measured(parameter_name: str, value: int | None, observed_as: str) -> str:
    """A reported value, or why there is none. An echoed value is not a measurement and says so."""
    if observed_as in ("none", "state"):
        return NOT_MEASURED
    shown = quantity(parameter_name, value)
    return f"{shown} (set, read back)" if observed_as == "echoed" and value is not None else shown


def settings(values: tuple[tuple[str, int], ...]) -> str:
    """Several parameters in one line: ``pulse rate 100 Hz, phase duration 100 µs``."""
    return ", ".join(f"{parameter(name)} {quantity(name, value)}" for name, value in values)


def ucum(value: int, unit: str) -> str:
    """A quantity of the chart (value and UCUM code) as people write it."""
    per, shown = _UCUM.get(unit, (1, unit))
    return f"{_trimmed(value, per)} {shown}".rstrip()


def clock(ms: int) -> str:
    """Minutes and seconds, hours when there are any; parts of a second are dropped: 14:03, 1:02:03."""
    sign = "-" if ms < 0 else ""
    minutes, seconds = divmod(abs(ms) // MS_PER_S, S_PER_MIN)
    hours, minutes = divmod(minutes, MIN_PER_H)
    return f"{sign}{hours}:{minutes:02}:{seconds:02}" if hours else f"{sign}{minutes}:{seconds:02}"


def time_left(planned_ms: int, delivered_ms: int) -> str:
    """Time that is still to be delivered, started seconds counted whole, so that it shows 0:00 only at the end."""
    return clock(max(0, -((delivered_ms - planned_ms) // MS_PER_S)) * MS_PER_S)


def duration(ms: int) -> str:
    """A span in the words of the command line: 500 ms, 15 s, 20 min, 1 min 30 s."""
    if ms % MS_PER_S:
        return f"{ms} ms" if abs(ms) < MS_PER_S else f"{_tenths(ms, MS_PER_S)} s"
    minutes, seconds = divmod(ms // MS_PER_S, S_PER_MIN)
    if not minutes:
        return f"{seconds} s"
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"


# States

OUTPUTS: Final[Mapping[str, str]] = {
    "off": "□ OFF",
    "energized": "■ ENERGIZED",
    "suspended": "◪ SUSPENDED BY THE UNIT",
    "unknown": "? UNKNOWN OUTPUT",
}

PHASES: Final[Mapping[str, tuple[str, str]]] = {
    "checking": ("CHECKING", "The questions before the start are open. The output is off."),
    "armed": ("ARMED", "The start is being written to the chart. The output is off."),
    "starting": ("STARTING", "The level ramps up from off."),
    "running": ("RUNNING", "The session runs."),
    "pausing": ("PAUSING", "The output is being switched off for a pause."),
    "paused": ("PAUSED", "The output is off. A person resumes, by a ramp from off."),
    "resuming": ("RESUMING", "The level ramps up from off again."),
    "stopping": ("STOPPING", "The output is being switched off and the unit asked whether it is."),
    "ended": ("ENDED", "The output is off, confirmed by the unit."),
    "unconfirmed": ("UNCONFIRMED", "Nobody knows whether the output is off."),
}

OUTCOMES: Final[Mapping[str, str]] = {
    "completed": "□ COMPLETED",
    "stopped": "□ STOPPED",
    "faulted": "! FAULTED",
    "unconfirmed": "? UNCONFIRMED",
}

CONTACTS: Final[Mapping[str, str]] = {
    "good": "contact good",
    "poor": "contact poor",
    "open": "no contact",
    "unknown": "contact not known",
}

UNIT_STATES: Final[Mapping[str, str]] = {
    "ready": "ready",
    "missing": "missing: it does not answer; it is tried again each second",
    "mismatch": "another unit than the site expects answers here",
    "in-session": "in a session",
    "latched": "out of use after a fault, until a person acknowledges it",
    "held": "taken out of use by a person",
    "unknown": "? UNKNOWN OUTPUT: nobody knows whether it is off",
}


def output(word: str) -> str:
    """The output's state as word and shape. What is not a known state is unknown."""
    return OUTPUTS.get(word, OUTPUTS["unknown"])


def phase(word: str) -> str:
    """A session's phase as a word in capitals."""
    return PHASES[word][0] if word in PHASES else word.upper()


def outcome(word: str | None) -> str:
    """How a session ended, as word and shape; None: it has not."""
    return "■ NOT ENDED" if word is None else OUTCOMES.get(word, word.upper())


def contact(word: str) -> str:
    """What the unit tells about electrodes or coupling."""
    return CONTACTS.get(word, CONTACTS["unknown"])


def unit_state(word: str) -> str:
    """A unit's state in a line."""
    return UNIT_STATES.get(word, word)


# Reasons, faults, alarms

# A reason is a word, or ``word:detail``; the table has the words.
REASONS: Final[Mapping[str, str]] = {
    "planned_time": "the planned time was delivered",
    "stop": "it was stopped",
    "pause": "a person paused it",
    "contact_lost": "contact was lost",
    "screen_lost": "the screen that attended it was lost",
    "line_lost": "the line to the unit was lost",
    "line_stuck": "the line to the unit took no more bytes",
    "no_data": "the unit told nothing new in time",
    "output_unknown": "the unit did not say whether it gives output",
    "uncommanded_output": "the unit gave output that nobody commanded",
    "unit_switched_off": "the unit switched off by itself",
    "unit_fault": "the unit reported a fault",
    "unit_refused": "the unit refused a command",
    "unit_rebooted": "the unit restarted by itself",
    "unit_exchanged": "another unit answered than the one that was identified",
    "readings_frozen": "the unit repeated the same sample",
    "foreign_answer": "something else answered than the unit",
    "command_unanswered": "a command was not answered",
    "limit": "a limit was passed",
    "frame_held": "the last check before the line held back a frame",
    "chart_failed": "the chart could not be written",
    "chart_behind": "the chart was written too late",
    "host_stalled": "this machine slept or stood still",
    "starting_timeout": "the unit did not reach the start level in time",
    "resuming_timeout": "the unit did not reach the level again in time",
    "armed_timeout": "the start could not be charted in time",
    "stopping_timeout": "off was not confirmed in time",
    "pausing_timeout": "off was not confirmed in time for a pause",
    "elapsed_limit": "it took too long over all",
    "off_not_confirmed": "off was not confirmed",
    "controller_died": "the controller ended without a stop, and the guard switched off",
    "abandoned": "the questions before the start were given up",
    "gate": "a question was answered with no",
    "too_short": "it is too short to be a treatment",
    "soft_limit": "a soft limit was passed",
    "limit_widened": "a profile or a site limit is wider than its parent",
    "unknown_parameter": "it names a parameter that the preset does not have",
    "preset_not_approved": "the preset is not approved at this site",
    "preset_not_for_model": "the preset is not made for this model",
    "preset_incomplete": "the preset does not state every setting of this model",
    "unit_missing": "the unit does not answer",
    "unit_mismatch": "another unit than expected answers",
    "unit_in_session": "the unit is in a session",
    "unit_latched": "the unit is out of use until a person acknowledges it",
    "chart_broken": "the chart cannot be written",
}

_TOLD_TO_END: Final = "because the controller was told to end"
SOURCES: Final[Mapping[str, str]] = {
    "screen": "at the screen",
    "command": "from the command line",
    "terminal": "at the terminal",
    "guard": "because the guard was lost",
    "start": "by a controller that started and found it open",
    "SIGTERM": _TOLD_TO_END,
    "SIGINT": _TOLD_TO_END,
    "SIGHUP": _TOLD_TO_END,
    "socket": "over the socket",
    "patient": "by the patient's switch",
}

FAULTS: Final[Mapping[str, str]] = {
    "timeout": "The unit did not answer in time.",
    "corrupt": "An answer arrived damaged (checksum).",
    "malformed": "An answer says something that cannot be.",
    "foreign": "Something else answered than the unit that was asked.",
    "late": "An answer came too late and was not believed.",
    "refused": "The unit refused the command.",
    "lost": "The line to the unit is gone: cable, adapter or power.",
    "stuck": "The line takes no more bytes.",
    "rebooted": "The unit restarted by itself.",
    "halted": "The unit ended its output by itself.",
    "frozen": "The unit reports the same sample again and again.",
    "mismatch": "This is not the unit that was identified before.",
}

Priority = Literal["high", "medium", "low"]
MARKS: Final[Mapping[str, str]] = {"high": "***", "medium": "**", "low": "*"}  # IEC 60601-1-8 symbols in text form


class AlarmText(msgspec.Struct, frozen=True):
    """One alarm of the product: how urgent, what happened, what the output does, what to do."""

    priority: Priority
    happened: str
    output: str
    act: str

    @property
    def sentence(self) -> str:
        """All three, in order."""
        return f"{self.happened} {self.output} {self.act}"


_OFF_NOW: Final = "The output is being switched off."
_OFF_HELD: Final = "The output is off and stays off."
_CABLE: Final = "Check the cable and the unit's power."
_TECHNICIAN: Final = "Tag the unit and call a technician."
_LOOK: Final = "Look at the skin, then at the unit, before anybody starts again."

# Words are those of the reasons, and a few of their own. Priorities after IEC 60601-1-8: high = injury without an
# immediate answer, medium = prompt, low = to know; which word is which is ours, because no standard names them.
ALARMS: Final[Mapping[str, AlarmText]] = {
    "off_not_confirmed": AlarmText(
        "high",
        "Off was not confirmed.",
        "Nobody knows whether the output is off.",
        "Remove the electrodes, take the head off or open the release, then cut the unit's power.",
    ),
    "output_unknown": AlarmText("high", "The unit does not say whether it gives output.", _OFF_NOW, _LOOK),
    "uncommanded_output": AlarmText("high", "The unit gives output that nobody commanded.", _OFF_NOW, _LOOK),
    "line_lost": AlarmText("high", "The line to the unit was lost.", _OFF_NOW, _CABLE),
    "line_stuck": AlarmText("high", "The line to the unit takes no more bytes.", _OFF_NOW, _CABLE),
    "no_data": AlarmText("high", "The unit has told nothing new in time.", _OFF_NOW, _CABLE),
    "command_unanswered": AlarmText("high", "The unit did not answer a command.", _OFF_NOW, _CABLE),
    "foreign_answer": AlarmText("high", "Something else answered than the unit.", _OFF_NOW, _TECHNICIAN),
    "readings_frozen": AlarmText("high", "The unit repeats the same sample.", _OFF_NOW, _TECHNICIAN),
    "unit_exchanged": AlarmText("high", "Another unit answers than the one identified.", _OFF_NOW, _TECHNICIAN),
    "unit_rebooted": AlarmText("high", "The unit restarted by itself.", _OFF_NOW, _LOOK),
    "unit_refused": AlarmText("high", "The unit refused a command.", _OFF_NOW, _TECHNICIAN),
    "unit_switched_off": AlarmText("high", "The unit switched off by itself.", _OFF_NOW, "Read its display."),
    "unit_fault": AlarmText("high", "The unit reports a fault.", _OFF_NOW, "Read its display; call a technician."),
    "limit": AlarmText("high", "A limit was passed.", _OFF_NOW, _LOOK),
    "frame_held": AlarmText("high", "The last check before the line held back a frame.", _OFF_NOW, _TECHNICIAN),
    "chart_failed": AlarmText("high", "The chart cannot be written.", _OFF_NOW, "Check the disk."),
    "chart_behind": AlarmText("high", "The chart is written too late.", _OFF_NOW, "Check the disk."),
    "host_stalled": AlarmText("high", "This machine slept or stood still.", _OFF_NOW, _LOOK),
    "starting_timeout": AlarmText("high", "The unit did not reach the start level in time.", _OFF_NOW, _TECHNICIAN),
    "resuming_timeout": AlarmText("high", "The unit did not reach the level again in time.", _OFF_NOW, _TECHNICIAN),
    "armed_timeout": AlarmText("high", "The start could not be charted in time.", _OFF_HELD, "Check the disk."),
    "pausing_timeout": AlarmText("high", "Off was not confirmed in time for a pause.", _OFF_NOW, _LOOK),
    "screen_lost": AlarmText("high", "The screen that attends the session is gone.", _OFF_NOW, "Open the table again."),
    "contact_lost": AlarmText("medium", "Contact was lost.", _OFF_NOW, "Fix it; then resume, from off."),
    "coupling_lost": AlarmText(
        "medium", "The head has no coupling.", "The unit suspends its output; time stands.", "Add gel, keep it moving."
    ),
}


def reason(word: str) -> str:
    """Why something ended, paused or was refused, as the rest of a sentence. ``word`` may carry ``:detail``."""
    known, _, detail = word.partition(":")
    said = REASONS.get(known, known.replace("_", " ").replace("-", " "))
    if not detail:
        return said
    if known == "stop":
        return f"{said} {SOURCES.get(detail, f'({detail})')}"
    if known == "gate":
        gate, _, answer = detail.partition(":")
        return f"the question {gate.replace('_', ' ')!r} was answered {answer.replace('-', ' ')!r}"
    return f"{said} ({detail.replace('_', ' ')})"


def fault(word: str) -> str:
    """A fault of a line or an answer, as a sentence that a therapist reads."""
    return FAULTS.get(word, f"The unit or its line reports: {word}.")


def alarm(word: str) -> str:
    """An alarm as one paragraph: what happened, the output's state, what to do."""
    known, _, detail = word.partition(":")
    told = ALARMS.get(known)
    if told is None:
        return f"Alarm: {word.replace('_', ' ')}. Look at the patient and the unit."
    return f"{told.sentence} ({detail})" if detail else told.sentence


def priority(word: str) -> Priority:
    """How urgent an alarm is; one that is not in the table is urgent."""
    told = ALARMS.get(word.partition(":")[0])
    return "high" if told is None else told.priority


# Plain

_SHAPES: Final = ("■ ", "□ ", "◪ ")
_LEADING: Final = ("? ", "! ")  # anywhere else these are punctuation
_SPOKEN: Final[Mapping[str, str]] = {
    "µ": "u",
    "²": "2",
    "³": "3",
    "°": "deg ",
    "·": ".",
    "×": "x",
    "–": "-",
    "—": "-",
    "…": "...",
    "→": "to",
}


def plain(shown: str) -> str:
    """The same words without shapes and symbols, for lines that are spoken or felt; letters of names are kept."""
    for mark in _LEADING:
        shown = shown.removeprefix(mark)
    for shape in _SHAPES:
        shown = shown.replace(shape, "")
    for symbol, spoken in _SPOKEN.items():
        shown = shown.replace(symbol, spoken)
    return shown
