"""The words that drivers, simulators, engine and screens share. Values only: no I/O, no clock.

One integer in one canonical unit per parameter, and the unit is in the name:

========================  =====================================================================  =========
parameter                 meaning                                                                UCUM
========================  =====================================================================  =========
``current_ua``            peak current of one channel                                            uA
``pulse_width_us``        duration of one phase                                                  us
``period_us``             time from pulse to pulse (100 Hz = 10 000)                             us
``carrier_hz``            medium-frequency carrier                                               Hz
``beat_hz``               beat or burst frequency                                                Hz
``intensity_mw_cm2``      ultrasound, spatial average; SATP or SATA as the profile says          mW/cm2
``duty_permille``         time on of time, in thousandths                                        [ppth]
``frequency_khz``         ultrasound frequency                                                   kHz
``force_n``               traction force                                                         N
``temp_mdegc``            temperature, thousandths of a degree Celsius                           m[Cel]
``return_temp_mdegc``     water that comes back from a cuff                                       m[Cel]
``layers``                towel layers between a pack and the skin: fewer is more intense         1
``pressure_mmhg``         cuff pressure                                                          mm[Hg]
``load_ohm``              what a test current that nobody feels finds between electrodes          Ohm
``timer_ms``              the unit's own timer                                                   ms
``power_mw``              ultrasound generator, electrical power while a burst lasts             mW
``voltage_mv``            ultrasound transmitter, supply of its output stage                     mV
``burst_us``              ultrasound, time on in each ``period_us``                              us
``waveform``              1 interferential, 2 premodulated, 3 Russian                            1
``on_ms`` ``off_ms``      of one round of a plan: output at its height, and none                 ms
``ramp_up_ms``            of one round of a plan: its first rise                                 ms
``off_by_on_permille``    of one round of a plan: time off by time on                            [ppth]
========================  =====================================================================  =========
"""

import unicodedata
from enum import StrEnum
from typing import NewType

import msgspec

MonoNs = NewType("MonoNs", int)
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
NEVER_NS = MonoNs(1 << 62)  # 146 years: beyond every time that a monotonic clock can show

# Canonical parameter -> UCUM code (ucum.org); what is not listed here is not a parameter.
UCUM_OF: dict[str, str] = {
    "current_ua": "uA",
    "pulse_width_us": "us",
    "period_us": "us",
    "carrier_hz": "Hz",
    "beat_hz": "Hz",
    "intensity_mw_cm2": "mW/cm2",
    "duty_permille": "[ppth]",
    "frequency_khz": "kHz",
    "force_n": "N",
    "temp_mdegc": "m[Cel]",
    "head_temp_mdegc": "m[Cel]",
    "return_temp_mdegc": "m[Cel]",
    "pressure_mmhg": "mm[Hg]",
    "power_mw": "mW",
    "voltage_mv": "mV",
    "burst_us": "us",
    "timer_ms": "ms",
    "load_ohm": "Ohm",
    "waveform": "1",
    "layers": "1",
    "on_ms": "ms",
    "off_ms": "ms",
    "ramp_up_ms": "ms",
    "off_by_on_permille": "[ppth]",
    "stop_switch": "1",  # 0 closed, 1 pressed, 2 not connected: as the reference map has it
}


class Modality(StrEnum):
    """What kind of energy a unit gives."""

    ESTIM = "estim"
    ULTRASOUND = "ultrasound"
    TRACTION = "traction"
    HEAT = "heat"
    COLD = "cold"


COMBINED = frozenset({Modality.ULTRASOUND, Modality.ESTIM})  # two units, one treatment: current through the head


class ModelClass(StrEnum):
    """What a model is for; research models have no hip presets."""

    CLINIC = "clinic"
    REFERENCE = "reference"
    RESEARCH = "research"
    EQUIPMENT = "equipment"


class ObservedAs(StrEnum):
    """How far a unit can tell what it really puts out (decision 8 of the house)."""

    MEASURED = "measured"  # from a sensor at the output
    ECHOED = "echoed"  # the accepted set value, read back
    STATE = "state"  # only on or off
    NONE = "none"


class Output(StrEnum):
    """What one sample says of the unit's output. UNKNOWN is a state and never mapped to OFF."""

    OFF = "off"  # every proof field of the profile's off is there and says off
    ENERGIZED = "energized"
    SUSPENDED = "suspended"  # the unit holds its own output (ultrasound without coupling); it may return alone
    UNKNOWN = "unknown"


class Contact(StrEnum):
    """Electrode contact or coupling, as the unit reports it."""

    GOOD = "good"
    POOR = "poor"
    OPEN = "open"
    UNKNOWN = "unknown"  # this unit cannot tell, or not at this level


class Direction(StrEnum):
    """What a person asks of the level while riding it."""

    UP = "up"
    DOWN = "down"
    HOLD = "hold"


class PackAct(StrEnum):
    """What a person did with a pack, as the person says."""

    ON = "on"
    OFF = "off"
    NUMB = "numb"  # ice massage: off, because the skin is numb, which is what it was for


class Levels(msgspec.Struct, frozen=True, tag="levels"):
    """A target that energizes: (canonical parameter, integer) pairs, sorted by name.

    0 is a value like any other here. A unit with several channels drives each named channel alike.
    """

    values: tuple[tuple[str, int], ...]

    def get(self, parameter: str) -> int | None:
        """The value of one parameter, None when the target does not name it."""
        for name, value in self.values:
            if name == parameter:
                return value
        return None

    def replaced(self, parameter: str, value: int) -> "Levels":
        """The same target with one parameter changed."""
        return levels({**dict(self.values), parameter: value})


class Off(msgspec.Struct, frozen=True, tag="off"):
    """The unit's safe state. ``fast`` asks for the maximum speed where off takes time (traction)."""

    fast: bool = True


Setpoint = Off | Levels


def levels(values: dict[str, int]) -> Levels:
    """Levels with their names in order, so that equal targets compare and encode equal."""
    return Levels(tuple(sorted(values.items())))


class Sample(msgspec.Struct, frozen=True, kw_only=True, tag="sample"):
    """One consistent reading of a unit.

    ``asked_ns`` is when the *oldest* request that it answers was handed to the line: a stop is confirmed only by
    samples asked after the stop's acknowledgement. A parameter that the unit does not report is absent from
    ``values``; one whose sentinel says *no value* is there as None, which is a finding.
    """

    at_ns: int
    asked_ns: int
    output: Output
    values: tuple[tuple[str, int | None], ...] = ()
    contact: Contact = Contact.UNKNOWN
    faults: tuple[str, ...] = ()  # the unit's own fault words, empty when it reports none
    boot: int | None = None  # boot counter, where the unit has one
    counter: int | None = None  # sample counter: a value that must change from sample to sample
    timer_left_ms: int | None = None  # the unit's own timer

    def get(self, parameter: str) -> int | None:
        """A reported value; None when absent or *no value*."""
        for name, value in self.values:
            if name == parameter:
                return value
        return None


class Identity(msgspec.Struct, frozen=True, kw_only=True, tag="identity"):
    """Who answered the handshake."""

    at_ns: int
    model: str  # our model id if recognised, else the unit's own words as a label
    serial: str
    firmware: str
    is_simulator: bool  # the unit's SIM flag


class AccessorySeen(msgspec.Struct, frozen=True, kw_only=True, tag="accessory_seen"):
    """The unit told which head, cuff or cell it uses: at the first sample, and whenever it is another one."""

    at_ns: int
    serial: str


class AccessoryKind(StrEnum):
    """What can be exchanged on a unit and has a serial number and a calibration of its own."""

    HEAD = "head"
    CUFF = "cuff"
    SENSOR = "sensor"
    ELECTRODE = "electrode"


class Accessory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One exchangeable part of a unit, as the site's file names it.

    ``era_mm2`` and ``bnr_permille`` are an ultrasound head's effective radiating area and beam non-uniformity ratio
    (IEC 61689), from its own data sheet or calibration; 0: not known.
    """

    kind: AccessoryKind
    serial: str
    era_mm2: int = 0
    bnr_permille: int = 0
    note: str = ""


class AckOf(StrEnum):
    """What was acknowledged."""

    OFF = "off"  # the last frame of the off sequence
    LEVELS = "levels"  # the last frame that brings the commanded levels into force


class Ack(msgspec.Struct, frozen=True, kw_only=True, tag="ack"):
    """The unit accepted a command. Accepting is not doing: samples say what is."""

    at_ns: int
    of: AckOf
    levels: Levels | None = None  # for LEVELS: which target is now in force


class Fault(StrEnum):
    """What can be wrong with a link or an answer."""

    TIMEOUT = "timeout"  # no answer within the reply time
    CORRUPT = "corrupt"  # checksum or framing
    MALFORMED = "malformed"  # checksum right, content impossible
    FOREIGN = "foreign"  # answers with another address or to nothing we asked
    LATE = "late"  # an answer after its time, not believed
    REFUSED = "refused"  # the unit answered with an error
    LOST = "lost"  # the line is gone
    STUCK = "stuck"  # the line takes no bytes
    REBOOTED = "rebooted"  # boot counter or defaults changed
    HALTED = "halted"  # the unit ended commanded output by itself (its watchdog, an error of its own)
    FROZEN = "frozen"  # the sample counter stands still
    MISMATCH = "mismatch"  # not the unit that was identified


class LinkFault(msgspec.Struct, frozen=True, kw_only=True, tag="link_fault"):
    """One observed fault; whether it ends a session is not decided here."""

    at_ns: int
    fault: Fault
    detail: str  # for technicians; a Label


DeviceEvent = Sample | Identity | Ack | LinkFault | AccessorySeen

MAX_LABEL_CHARS = 80  # chosen: one line of the smallest screen
MAX_COMBINING_RUN = 2  # chosen: enough for written languages, too few to paint over neighbours


def label(text: str, max_chars: int = MAX_LABEL_CHARS) -> str:
    """Text from a unit, a file or a person, made safe to show: done once, at the border where it comes in.

    Terminals obey control characters and nothing after this point protects them (measured: a title or an
    answer-back string in a unit's name reaches the terminal through the UI library). Controls and format
    characters become U+FFFD, so that their presence is visible; line separators go; odd spaces become spaces.
    """
    out: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        if category.startswith("M"):
            marks += 1
            if marks <= MAX_COMBINING_RUN:
                out.append(char)
            continue
        marks = 0
        if category in ("Zl", "Zp"):
            continue
        if category.startswith("C"):
            out.append("\ufffd")
        else:
            out.append(" " if category == "Zs" else char)
    return "".join(out)[:max_chars]
