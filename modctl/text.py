"""The only place where integers become text with units, and the words of the product become sentences.

Rule 1: a state is a word and a shape, never a colour alone; unknown is a state of its own and never reads as off.
Rule 2: a word that is not in a table is shown as it is: a sentence that is missing hides nothing.
"""

from collections.abc import Mapping
from typing import Final

from devices.dose import body_weight_permille

MS_PER_S: Final = 1_000
S_PER_MIN: Final = 60
MIN_PER_H: Final = 60
NO_DATA: Final = "no data"
NOT_MEASURED: Final = "not measured by this unit"
NOT_KNOWN: Final = "not known"

# Sources


def source(named: str, mark: str) -> str:
    """Where a bound comes from. Only what was read in a source is *per* it; everything else is a site default."""
    return f"per {named}" if mark == "source" else f"site default: {named.removeprefix('chosen: ')}"


_DOORS: Final[Mapping[str, str]] = {
    "reason": "It can be opened for this session with a reason. ",
    "second_person": "It can be opened for this session with a reason and a second person. ",
}


def door(opens: str) -> str:
    """What opens a limit, as a sentence with a space behind it; empty for what has no door."""
    return _DOORS.get(opens, "")


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
    "on_ms": (1_000, True, "s"),
    "off_ms": (1_000, True, "s"),
    "ramp_up_ms": (1_000, True, "s"),
    "off_by_on_permille": (1_000, True, "to 1"),
    "power_mw": (1_000, True, "W"),
    "voltage_mv": (1_000, True, "V"),
    "burst_us": (1, False, "µs"),
    "load_ohm": (1, False, "Ω"),
    "electrode_mm2": (100, False, "cm²"),
    "area_mm2": (100, False, "cm²"),
    "era_mm2": (100, False, "cm²"),
    "body_weight_g": (1_000, False, "kg"),
}

SWITCH: Final[Mapping[int, str]] = {0: "closed", 1: "pressed", 2: "not connected"}  # devices.model
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
    "on_ms": "time on in a round",
    "off_ms": "time off in a round",
    "ramp_up_ms": "rise in a round",
    "off_by_on_permille": "time off by time on",
    "pressure_mmhg": "pressure",
    "power_mw": "electrical power",
    "voltage_mv": "supply voltage",
    "burst_us": "burst",
    "load_ohm": "load",
    "timer_ms": "unit's timer",
    "electrode_mm2": "electrode",
    "area_mm2": "treated area",
    "era_mm2": "radiating area of the head",
    "body_weight_g": "body weight",
    "stop_switch": "stop switch",
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
    "[ppb]": (10_000_000, "% of the thermal dose"),
}


def age(seconds: int) -> str:
    """How long ago, in the one unit that a person would say."""
    for per, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= per:
            return f"{seconds // per} {word}"
    return f"{seconds} s"


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
    if parameter == "stop_switch":
        return SWITCH.get(value, f"number {value}")
    if parameter not in _QUANTITIES:
        return f"{value} ({parameter})"
    per, keeps_zero, unit = _QUANTITIES[parameter]
    return f"{_tenths(value, per) if keeps_zero else _trimmed(value, per)} {unit}"


# Micronewton in one of the unit; NIST SP 811, appendix B.8: 1 kgf = 9.80665 N, 1 lbf = 4.448 222 N.
_FORCE_UN: Final[Mapping[str, int]] = {"kgf": 9_806_650, "lbf": 4_448_222}


def pull(force_n: int, body_weight_g: int | None, site_unit: str) -> str:
    """A pull in the site's unit (N, kgf or lbf) with the other beside it, and its part of the body's weight."""
    newton, beside = f"{force_n} N", "kgf" if site_unit == "N" else site_unit
    other = f"{_tenths(force_n * 1_000_000, _FORCE_UN[beside])} {beside}"
    told = f"{newton} ({other})" if site_unit == "N" else f"{other} ({newton})"
    permille = body_weight_permille({"force_n": force_n, "body_weight_g": body_weight_g or 0})
    return told if permille is None else f"{told}, {_trimmed(permille, 10)} % of the body weight"


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


def reading(value: int, unit: str) -> str:
    """A quantity as ``ucum`` writes it, to the last digit: what a meter read beside a bound is not rounded onto it."""
    per, shown = _UCUM.get(unit, (1, unit))
    whole, rest = divmod(abs(value), per)
    digits = f"{rest:0{len(str(per)) - 1}}".rstrip("0") if rest else ""
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}{'.' + digits if digits else ''} {shown}".rstrip()


def reading_span(low: int, high: int, unit: str) -> str:
    """Two bounds of one quantity, to the last digit: 1.6 to 2.4 mA."""
    return f"{reading(low, unit).partition(' ')[0]} to {reading(high, unit)}"


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
