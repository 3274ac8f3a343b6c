"""The words of Sonic Concepts' TPO (transducer power output) generators, and what a line of them means.

No document of the maker is public. Sources are published clients that agree with each other: [U] UCL's TPO control
toolbox (MATLAB, from the maker's own code; TPO-201, firmware 4.12), [D] Donders' Radboud-FUS driving software,
[T] TUSC. What only one of them shows is marked where it stands.

A request is one line ended by CR, each answered by one line: ``NAME=decimal``, ``NAME?`` or a verb. Errors are the
exact lines E1 (command), E2 (value), E3 (query); they latch until CLEARERROR.

Rule 1: set requests take µs, mW and µm, answers print ms, W and mm. An answer is read by its own form, and one
        without the three decimals and the unit of its quantity is not read at all.
Rule 2: the unit holds TIMER >= PERIOD >= BURST at every moment; ``safe_order`` keeps to it from any state.
Rule 3: TIMER=0 runs until ABORT and is never said. SHAM and the ARM verbs (any stray byte then starts output) have
        no words here.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.inspect import Config, Energize, FrameKind, Off, Query, Unknown
from protocols.lines import encode

MAX_LINE = 200  # characters; chosen: the longest answer seen has 24, a list of transducers is longer
GRID_US = 10  # [U] setBurst, setPeriod, setTimer
MAX_TIMER_US = 600_000_000  # [D]
MAX_PERIOD_US = 1_000_000  # [D]; one client goes to 120 s
HZ_PER_KHZ = 1_000
US_PER_MS = 1_000


class Name(StrEnum):
    """What can be set or asked."""

    LOCAL = "LOCAL"
    GLOBALFREQ = "GLOBALFREQ"
    GLOBALPOWER = "GLOBALPOWER"
    BURST = "BURST"
    PERIOD = "PERIOD"
    TIMER = "TIMER"
    RAMPMODE = "RAMPMODE"
    RAMPLENGTH = "RAMPLENGTH"
    TRIGGERMODE = "TRIGGERMODE"
    VOLUME = "VOLUME"
    FOCUS = "FOCUS"
    ENFORCELIMITS = "ENFORCELIMITS"
    SYSTEMSTATE = "SYSTEMSTATE"
    XDRLIST = "XDRLIST"


class Verb(StrEnum):
    """What is said without a value."""

    START = "START"
    ABORT = "ABORT"
    CLEARERROR = "CLEARERROR"
    ACCEPTEULA = "ACCEPTEULA"


class Request(msgspec.Struct, frozen=True):
    """One line of ours: a verb, a question (``value`` None), or a value to set, in the unit's own set unit."""

    word: Name | Verb
    value: int | None = None

    @property
    def text(self) -> str:
        """The line without its end."""
        if isinstance(self.word, Verb):
            return self.word
        return f"{self.word}?" if self.value is None else f"{self.word}={self.value}"


class Timing(msgspec.Struct, frozen=True):
    """The three times that hold each other. A timer of 0 is *until ABORT*, longer than any."""

    burst_us: int
    period_us: int
    timer_us: int


# Inclusive ranges and grids of what modctl sets.
SETTABLE: Mapping[Name, tuple[int, int, int]] = {
    Name.LOCAL: (0, 0, 1),  # remote control; the front panel is a person's choice
    Name.GLOBALFREQ: (100_000, 10_000_000, HZ_PER_KHZ),  # [U] 0.1 to 10 MHz; whole kHz are all that modctl means
    Name.GLOBALPOWER: (0, 30_000, 1),  # [U] 30 W in steps of 1 mW
    Name.BURST: (GRID_US, MAX_PERIOD_US, GRID_US),
    Name.PERIOD: (GRID_US, MAX_PERIOD_US, GRID_US),
    Name.TIMER: (US_PER_MS, MAX_TIMER_US, US_PER_MS),  # whole milliseconds are all that modctl means
    Name.RAMPMODE: (0, 0, 1),  # none: a ramp inside a burst would make its power another one
    Name.TRIGGERMODE: (0, 0, 1),  # off: output starts by START alone
    Name.ENFORCELIMITS: (1, 1, 1),  # the unit's own caps stay on
}
# RANGE?, SPPALIMIT? and SPTALIMIT? exist too; nothing here needs them.
ASKABLE = frozenset(
    {
        *(Name.BURST, Name.PERIOD, Name.TIMER, Name.RAMPMODE, Name.RAMPLENGTH, Name.FOCUS, Name.GLOBALPOWER),
        *(Name.ENFORCELIMITS, Name.TRIGGERMODE, Name.VOLUME, Name.SYSTEMSTATE, Name.XDRLIST),
    }
)
_LEVEL_OF: Mapping[Name, tuple[str, int]] = {
    Name.GLOBALPOWER: ("power_mw", 1),
    Name.BURST: ("burst_us", 1),
    Name.PERIOD: ("period_us", 1),
    Name.GLOBALFREQ: ("frequency_khz", HZ_PER_KHZ),
}


def line(request: Request) -> bytes:
    """One request; LocalProtocolError for what cannot be asked, or a value outside its range or off its grid."""
    if isinstance(request.word, Name) and not _can_be_said(request.word, request.value):
        raise LocalProtocolError(f"cannot encode {request.text}")
    return encode(request.text, MAX_LINE)


def safe_order(held: Timing, wanted: Timing) -> tuple[Request, ...]:
    """BURST, PERIOD and TIMER, each once, so that TIMER >= PERIOD >= BURST holds after every step.

    ``held`` is what the unit has now; LocalProtocolError when ``wanted`` itself does not hold.
    """
    if not 0 < wanted.burst_us <= wanted.period_us <= wanted.timer_us:
        raise LocalProtocolError(f"not TIMER >= PERIOD >= BURST: {wanted}")
    burst = Request(Name.BURST, wanted.burst_us)
    period = Request(Name.PERIOD, wanted.period_us)
    timer = Request(Name.TIMER, wanted.timer_us)
    shrinks = wanted.burst_us < held.burst_us
    grows = held.timer_us != 0 and wanted.timer_us > held.timer_us
    first = (burst,) * shrinks + (timer,) * grows
    return (*first, period, *(timer,) * (not grows), *(burst,) * (not shrinks))


def inspect(frame: bytes) -> FrameKind:
    """What writing this line does to the unit. Levels are power_mw, burst_us, period_us, frequency_khz."""
    text = frame[:-1].decode("ascii", "replace")
    if frame[-1:] != b"\r" or not text.isascii():
        return Unknown("not one whole line")
    if text in _VERBS:
        return _VERBS[text]
    match = _REQUEST.fullmatch(text)
    if match is None or match["name"] not in _NAMES:
        return Unknown(f"not a word of ours: {text[:MAX_LINE]!r}")
    name, value = Name(match["name"]), None if match["value"] is None else int(match["value"])
    if not _can_be_said(name, value) or Request(name, value).text != text:
        return Unknown(f"{text[:MAX_LINE]} is not said")
    if value is None:
        return Query()
    if name in _LEVEL_OF:
        parameter, per = _LEVEL_OF[name]
        return Energize(channels=(((parameter, value // per),),))
    return Config(values=(("timer_ms", value // US_PER_MS),) if name is Name.TIMER else ())


_NAMES = frozenset(map(str, Name))
_REQUEST = re.compile(r"(?P<name>[A-Z]{1,16})(?:=(?P<value>[0-9]{1,10})|\?)")
_VERBS: Mapping[str, FrameKind] = {
    Verb.ABORT: Off(),
    Verb.START: Energize(channels=((),)),  # the levels written last come into force
    Verb.CLEARERROR: Config(),
    Verb.ACCEPTEULA: Config(),  # a person's act: the driver never says it
}


def _can_be_said(name: Name, value: int | None) -> bool:
    if value is None:
        return name in ASKABLE
    if name not in SETTABLE:
        return False
    low, high, grid = SETTABLE[name]
    return low <= value <= high and value % grid == 0


# Answers


class Form(msgspec.Struct, frozen=True):
    """How an answer prints one quantity: decimals and unit. The value without its point is in the unit of setting."""

    places: int
    units: tuple[str, ...]
    needs_unit: bool = False


_MS = Form(3, ("ms",), needs_unit=True)
_WATT = Form(3, ("", "w"))
_MM = Form(3, ("mm",), needs_unit=True)
_COUNT = Form(0, ("",))
FORMS: Mapping[Name, Form] = {
    Name.BURST: _MS,
    Name.PERIOD: _MS,
    Name.TIMER: _MS,
    Name.RAMPLENGTH: _MS,
    Name.FOCUS: _MM,
    Name.GLOBALPOWER: _WATT,
    Name.LOCAL: _COUNT,
    Name.RAMPMODE: _COUNT,
    Name.TRIGGERMODE: _COUNT,
    Name.VOLUME: _COUNT,
    Name.ENFORCELIMITS: _COUNT,
    Name.SYSTEMSTATE: _COUNT,
}
# What newer firmware prints before the number, in lower case. Older firmware answers OK or the number alone.
LABELS: Mapping[str, Name] = {
    "local": Name.LOCAL,
    "sound volume": Name.VOLUME,
    "trigger mode": Name.TRIGGERMODE,
    "burst length": Name.BURST,
    "burst period": Name.PERIOD,
    "timer": Name.TIMER,
    "ramp mode": Name.RAMPMODE,
    "ramp length": Name.RAMPLENGTH,
    "focus": Name.FOCUS,
    "enforce power limits": Name.ENFORCELIMITS,
    "global power": Name.GLOBALPOWER,
}
_ENDINGS = {"started": Verb.START, "aborted": Verb.ABORT}  # Treatment / Sonication ...
_NUMBER = re.compile(
    r"(?:(?P<label>[A-Za-z ]{1,40}?):? +)?(?P<whole>[0-9]{1,9})(?:\.(?P<part>[0-9]{1,6}))? ?(?P<unit>[A-Za-z]{0,3})"
)
_ERRORS = {"E1": "command error", "E2": "value error", "E3": "query error"}


def error_of(text: str) -> str | None:
    """What an error line says; None when it is none. Exact lines only."""
    return f"{text}, {_ERRORS[text]}" if text in _ERRORS else None


def banner_of(text: str) -> str | None:
    """The greeting after the port was opened or the unit has started: it names TPO and a version."""
    lowered = text.lower()
    return text.strip() if "tpo" in lowered and "version" in lowered else None


def is_ok(text: str) -> bool:
    """What older firmware says to everything that it takes."""
    return text.strip().lower() == "ok"


def word_of(text: str) -> Name | Verb | None:
    """Which request this text plainly answers; None when it does not say. A lone digit is the system's state."""
    lowered = text.strip().lower()
    for ending, verb in _ENDINGS.items():
        if lowered.endswith(ending):
            return verb
    number = _NUMBER.fullmatch(text.strip())
    if number is None:
        return None
    if number["label"]:
        return LABELS.get(number["label"].strip().lower())
    return Name.SYSTEMSTATE if lowered in ("0", "1") else None


def value_of(name: Name, text: str) -> int:
    """The number of an answer in the unit of setting (µs, mW, µm, count); RemoteProtocolError without its form."""
    number, form = _NUMBER.fullmatch(text.strip()), FORMS.get(name)
    if number is None or form is None:
        raise RemoteProtocolError(f"no number for {name}", text.encode())
    part, unit = number["part"] or "", number["unit"].lower()
    if len(part) != form.places or unit not in form.units:
        raise RemoteProtocolError(f"not the form of {name}", text.encode())
    return int(number["whole"] + part)


def is_request(text: str) -> bool:
    """A line of our own making that comes back."""
    return "=" in text or "?" in text or text.strip() in _VERBS
