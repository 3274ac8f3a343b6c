"""The bench's words: the menu of faults, and the messages of the simulators' control socket.

Shared by the command line, scenario files, the bench screen, the simulators and tests. Faults exist in simulators
only; nothing here reaches a real unit. One message is one line of JSON; every request gets exactly one reply,
but for ``Ask(follow=True)``, which is answered by ``TruthIs`` again and again until the asker hangs up.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from devices.racking import Listing, Racking

MAX_LINE_BYTES = 65_536  # chosen: as on the controller's socket; a longer line is nonsense and ends the connection
MAX_INTEGER = 2**31 - 1  # chosen: larger than any value a unit can hold, small enough for every product of two
MAX_WAIT_MS = 24 * 3_600_000  # chosen: a day on the bench

Parameters = tuple[tuple[str, int], ...]


class Group(StrEnum):
    """What a fault breaks."""

    WIRE = "wire"
    LIFE = "life"
    SENSING = "sensing"
    OUTPUT = "output"
    BODY = "body"


class FaultSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of the menu. A parameter whose default is None must be given, unless it is in ``optional``."""

    id: str
    group: Group
    meaning: str
    parameters: tuple[tuple[str, int | None], ...] = ()
    optional: frozenset[str] = frozenset()  # may be left out; what that does is in ``meaning``
    once: bool = False  # happens at one moment; there is nothing to take back


# What a parameter may be, by its name: (smallest, largest), both included. Not listed: any 32-bit integer.
RANGES: dict[str, tuple[int, int]] = {
    "permille": (1, 1000),
    "gain_permille": (0, 10_000),
    "ms": (0, MAX_WAIT_MS),
    "after_ms": (0, MAX_WAIT_MS),
    "ramp_ms": (0, MAX_WAIT_MS),
    "jitter_ms": (0, MAX_WAIT_MS),
    "count": (1, MAX_INTEGER),
    "at": (0, MAX_INTEGER),
    "bytes_s": (1, 1_000_000),
    "bytes": (1, 65_536),
    "code": (1, 255),
    "mm": (0, MAX_INTEGER),
}


def _spec(
    group: Group,
    fault: str,
    meaning: str,
    *parameters: tuple[str, int | None],
    optional: tuple[str, ...] = (),
    once: bool = False,
) -> FaultSpec:
    return FaultSpec(
        id=fault, group=group, meaning=meaning, parameters=parameters, optional=frozenset(optional), once=once
    )


_MENU = (
    _spec(Group.WIRE, "silence", "hears nothing, answers nothing"),
    _spec(Group.WIRE, "mute", "hears and acts, does not answer"),
    _spec(Group.WIRE, "half-open-tx", "only our frames get through"),
    _spec(Group.WIRE, "half-open-rx", "only its answers get through"),
    _spec(Group.WIRE, "disconnect", "the plug is pulled; the unit lives on"),
    _spec(Group.WIRE, "drop", "frames are lost, each way", ("permille", 200)),
    _spec(Group.WIRE, "duplicate", "frames come twice, each way", ("permille", 200)),
    _spec(Group.WIRE, "reorder", "a frame changes places with the next one, each way", ("permille", 200)),
    _spec(Group.WIRE, "delay", "every answer late", ("ms", 500), ("jitter_ms", 0)),
    _spec(Group.WIRE, "late-reply", "an answer arrives during the next request", ("count", 1)),
    _spec(Group.WIRE, "corrupt", "one bit flipped, checksum left wrong", ("permille", 200)),
    _spec(Group.WIRE, "forge", "an answer's content changed, checksum right", ("permille", 200)),
    _spec(Group.WIRE, "truncate", "answer cut after that byte, or after a random one", ("at", None), optional=("at",)),
    _spec(Group.WIRE, "babble", "unasked bytes, endless", ("bytes_s", 2000)),
    _spec(Group.WIRE, "oversize", "answer longer than any legal frame", ("bytes", 4096)),
    _spec(Group.WIRE, "foreign", "answers in another unit's name"),
    _spec(Group.WIRE, "exception", "answers every request with that error", ("code", 4)),
    _spec(Group.WIRE, "echo", "our own bytes come back first"),
    _spec(Group.WIRE, "baud-slip", "every nth byte wrong, both ways", ("permille", 30)),
    _spec(Group.WIRE, "two-answer", "a second unit answers too"),
    _spec(Group.LIFE, "reboot", "reset with boot defaults, boot counter up", ("after_ms", 0), once=True),
    _spec(Group.LIFE, "hang", "frozen: output stays as it is, nothing answered, no lease"),
    _spec(Group.LIFE, "busy", "answers busy for ever"),
    _spec(Group.LIFE, "wrong-identity", "another serial number or model"),
    _spec(Group.LIFE, "firmware-changed", "another version than at the handshake"),
    _spec(Group.LIFE, "timer-early", "its own timer ends too early", ("ms", 5000)),
    _spec(Group.LIFE, "timer-late", "its own timer ends too late", ("ms", 5000)),
    _spec(Group.SENSING, "frozen", "reported values stand still"),
    _spec(Group.SENSING, "stuck", "one reported value fixed", ("value", None)),
    _spec(Group.SENSING, "offset", "reported differs from true", ("value", None)),
    _spec(Group.SENSING, "drift", "reported leaves true, so much a second", ("per_s", None), ("value", 0)),
    _spec(Group.SENSING, "no-value", "the map's sentinel for no reading"),
    _spec(Group.SENSING, "noise", "reported jumps about the true value", ("permille", 100)),
    _spec(Group.OUTPUT, "run-away", "output grows past the command", ("gain_permille", 2000), ("ramp_ms", 500)),
    _spec(Group.OUTPUT, "over-deliver", "steadily more than commanded", ("gain_permille", 1300)),
    _spec(Group.OUTPUT, "under-deliver", "steadily less than commanded", ("gain_permille", 600)),
    _spec(
        Group.OUTPUT,
        "ignore-stop",
        "that many off commands have no effect, or all",
        ("count", None),
        optional=("count",),
    ),
    _spec(Group.OUTPUT, "slow-stop", "off comes late", ("ms", 1500)),
    _spec(Group.OUTPUT, "accept-ignore", "acknowledges, does nothing"),
    _spec(Group.OUTPUT, "apply-late", "does it later than it says", ("ms", 1000)),
    _spec(Group.OUTPUT, "apply-twice", "does it now and once more", ("ms", 1000)),
    _spec(Group.OUTPUT, "clip", "silently limits the output", ("at", None)),
    _spec(Group.OUTPUT, "state-mismatch", "reports another state or mask than it runs"),
    _spec(Group.OUTPUT, "no-lease", "its own watchdog does not act"),
    _spec(Group.OUTPUT, "stuck-on", "the output stage cannot be switched off"),
    _spec(Group.OUTPUT, "stuck-off", "the output stage cannot be switched on"),
    _spec(Group.OUTPUT, "uncommanded-on", "output without any command (panel, relay)", ("value", None)),
    _spec(Group.OUTPUT, "panel-change", "somebody turns the knob", ("value", None), once=True),
    _spec(Group.BODY, "contact-loss", "electrode or head lifted; clear puts it back"),
    _spec(Group.BODY, "partial-lift", "a part of the pad is off: density up, no open circuit", ("permille", 500)),
    _spec(Group.BODY, "short", "leads touch"),
    _spec(Group.BODY, "dry-out", "impedance creeps up"),
    _spec(Group.BODY, "gel-only", "head in the air, gel counts as contact"),
    _spec(Group.BODY, "over-temperature", "head, skin or tank too hot", ("mdegc", 45_000)),
    _spec(Group.BODY, "cough", "force spike", ("n", 80)),
    _spec(Group.BODY, "slack", "the limb moves towards the unit", ("mm", None)),
    _spec(Group.BODY, "switch-open", "the patient's stop is pressed"),
    _spec(Group.BODY, "switch-missing", "the patient's stop is unplugged"),
)
FAULTS: dict[str, FaultSpec] = {spec.id: spec for spec in _MENU}


def problem_with(fault: str, parameters: Parameters) -> str | None:
    """Why this is not an order of the menu, as a sentence; None when it is one. Says nothing about models."""
    spec = FAULTS.get(fault)
    if spec is None:
        return f"there is no fault {fault!r}; the menu has {', '.join(sorted(FAULTS))}"
    known = dict(spec.parameters)
    given = dict(parameters)
    if len(given) != len(parameters):
        return f"{fault}: a parameter is given twice"
    for name, value in parameters:
        if name not in known:
            return f"{fault} has no parameter {name!r}; it has {', '.join(known) or 'none'}"
        low, high = RANGES.get(name, (-MAX_INTEGER, MAX_INTEGER))
        if not low <= value <= high:
            return f"{fault}: {name} is {low} to {high}, not {value}"
    for name, default in spec.parameters:
        if default is None and name not in given and name not in spec.optional:
            return f"{fault} needs {name}=INTEGER"
    return None


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strict, because the socket is a border."""


Integer = Annotated[int, msgspec.Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
WaitMs = Annotated[int, msgspec.Meta(ge=0, le=MAX_WAIT_MS)]


class Inject(_Message, frozen=True, kw_only=True, tag="inject"):
    """Switch a fault of unit ``name`` on ``after_ms`` from now, and take it back ``for_ms`` later (0: stays)."""

    name: str
    fault: str
    parameters: tuple[tuple[str, Integer], ...] = ()
    after_ms: WaitMs = 0
    for_ms: WaitMs = 0


class Clear(_Message, frozen=True, kw_only=True, tag="clear"):
    """Take every fault of unit ``name`` back, those still to come included; or only ``fault``, if it acts now."""

    name: str
    fault: str = ""


class Ask(_Message, frozen=True, kw_only=True, tag="ask"):
    """Ask what unit ``name`` really does. ``follow``: tell it at every change and once a second from now on."""

    name: str
    follow: bool = False


class List(_Message, frozen=True, kw_only=True, tag="list"):
    """Ask which units there are."""


class Injected(_Message, frozen=True, kw_only=True, tag="injected"):
    """The fault acts from this moment (CLOCK_MONOTONIC; after the reply when ``after_ms`` was asked)."""

    at_mono_ns: int


class Cleared(_Message, frozen=True, kw_only=True, tag="cleared"):
    """All faults are gone since this moment (CLOCK_MONOTONIC)."""

    at_mono_ns: int


class TruthIs(_Message, frozen=True, kw_only=True, tag="truth"):
    """``devices.sim.device.Truth`` of one unit, wire faults included in ``faults``."""

    name: str
    model: str
    energized: bool
    output: int
    unit: str
    state: str
    changed_at_mono_ns: int
    now_mono_ns: int
    lease_left_ms: int | None
    channels: tuple[int, ...]
    faults: tuple[str, ...]


class Listed(_Message, frozen=True, kw_only=True, tag="listed"):
    """Every unit of this simulator process, in the order in which they came."""

    units: tuple[Listing, ...]


class Refusal(StrEnum):
    """Why a request was not carried out."""

    NO_SUCH_UNIT = "no-such-unit"
    NO_SUCH_FAULT = "no-such-fault"  # not on the menu, or its parameters are wrong
    CANNOT_FAIL = "cannot-fail"  # this model cannot have the fault
    NO_SUCH_MODEL = "no-such-model"
    NO_ROOM = "no-room"  # the name or the address is taken, the line cannot be made, or the rack is full
    IN_USE = "in-use"  # another unit needs it
    STOPPED = "stopped"  # it has no power
    NONSENSE = "nonsense"  # not a request


class NotPossible(_Message, frozen=True, kw_only=True, tag="not-possible"):
    """The request was not carried out; ``why`` is a sentence for a person."""

    what: Refusal
    why: str


Request = Inject | Clear | Ask | List | Racking
Reply = Injected | Cleared | TruthIs | Listed | NotPossible

_REQUESTS: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_REPLIES: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)


def line_of(message: Request | Reply) -> bytes:
    """One message as one line, newline included."""
    return msgspec.json.encode(message) + b"\n"


def request_of(line: bytes) -> Request:
    """Decode one line of an asker; raises msgspec.DecodeError (ValidationError is one) with what is wrong."""
    try:
        return _REQUESTS.decode(line)
    except UnicodeDecodeError as why:
        raise msgspec.DecodeError(str(why)) from why


def reply_of(line: bytes) -> Reply:
    """Decode one line of the simulators; raises msgspec.DecodeError."""
    try:
        return _REPLIES.decode(line)
    except UnicodeDecodeError as why:
        raise msgspec.DecodeError(str(why)) from why
