"""What the judge of charts goes by: its rules, what a chart says as far as it is needed here, and what excuses a unit.

Written from ``chart/FORMAT.md``, the records' own words and the fault menu. Nothing of the engine is in here: what is
written twice from the same definition can disagree.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000

# One sample and what it takes until it counts: the pace at which a session's unit is asked, the slowest answer (120 ms;
# profiles: reply_ms), and a frame that is under way is waited for before the next one is asked.
OWN_PACE_MS: Final = 100  # the slowest poll of a session in the profiles of the clinic's models
ANSWER_MS: Final = 250
STARTING_NS: Final = 3 * NS_PER_S  # house rule: START and RESUME either reach the unit in this time or end
EXACT_NS: Final = 50 * NS_PER_MS  # chosen: rounding to milliseconds of five accounts, two commits and two frames
COMMIT_NS: Final = 1 * NS_PER_MS  # what a quiet disk takes for a commit: before it an entry is not durable
# House rule: what the chart has not got for two seconds ends in off. A stop's own time comes on top of it, and a beat.
BEHIND_NS: Final = 2 * NS_PER_S
BEAT_NS: Final = 150 * NS_PER_MS
# A fault may show after it is gone: a command carried out late (1 s on the menu), a lease that still runs (2 s), a
# release (up to 9 s from 450 N).
LINGERS_NS: Final = 12 * NS_PER_S
# A unit outside a session is looked at twice a second and a sample may be a second old (profiles: idle_poll_ms,
# stale_ms); a second more for a bad line.
NOTICE_NS: Final = 2_500 * NS_PER_MS


class Rule(StrEnum):
    """What must be true of every chart and of the units' truth beside it."""

    START = "energized-before-start"
    LEVEL = "above-the-level"
    END = "energized-after-end"
    TIME = "time-does-not-add-up"
    DOSE = "dose-out-of-bounds"
    ACT = "on-without-an-act"
    UNIT = "two-sessions-on-a-unit"
    COURSE = "request-without-one-end"
    BEHIND = "on-while-the-chart-is-behind"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One broken rule. ``at_ns`` is on the chart's monotonic clock; empty words where nobody is to blame."""

    rule: Rule
    at_ns: int
    unit: str
    session: str
    text: str

    def __str__(self) -> str:
        return f"{self.at_ns / NS_PER_S:.3f} s {self.unit} {self.session}: {self.rule}: {self.text}"


# Excuses. Each is a fault of the menu that no controller can see through or undo on the line; the judge then asks for
# what is still possible, or for nothing. All other faults excuse nothing.

# The unit tells something else than it does: what is charted in good faith is wrong.
LIES: Final = frozenset(
    {"forge", "foreign", "two-answer", "frozen", "stuck", "offset", "drift", "noise", "no-value", "state-mismatch"}
)
# The unit comes on by itself: nobody commanded it. The chart has to say so where the unit lets it be seen.
SELF_WILLED: Final = frozenset({"uncommanded-on", "apply-late", "apply-twice", "stuck-on"})
# The output differs from what was commanded: seen where the unit measures, a stated residual where it does not.
WRONG_OUTPUT: Final = frozenset(
    {
        "run-away",
        "over-deliver",
        "under-deliver",
        "clip",
        "stuck-on",
        "stuck-off",
        "uncommanded-on",
        "panel-change",
        "apply-late",
        "apply-twice",
        "accept-ignore",
        "partial-lift",
        "contact-loss",
        "short",
        "dry-out",
        "gel-only",
        "cough",
        "slack",
    }
)
# Nobody hears the unit, or it hears nobody: nothing of it can be noticed in time.
DEAF: Final = frozenset(
    {
        "silence",
        "mute",
        "half-open-tx",
        "half-open-rx",
        "disconnect",
        "drop",
        "delay",
        "late-reply",
        "corrupt",
        "truncate",
        "babble",
        "oversize",
        "exception",
        "echo",
        "baud-slip",
        "reorder",
        "duplicate",
        "hang",
        "busy",
    }
)
# Off does not work, or not in time: a person must act, and the chart must not say that it is off.
# What the units' truth cannot be held against: thermal dose is of the skin, the truth of the unit's own output.
OF_THE_BODY: Final = frozenset({"thermal_dose"})
UNSTOPPABLE: Final = frozenset({"hang", "stuck-on", "ignore-stop", "slow-stop", "no-lease"})


class LimitRow(msgspec.Struct, frozen=True):
    """One limit of a session's setup, as far as it is about the level."""

    kind: str
    parameter: str = ""
    bound: int = 0
    permille: int = 0
    floor: int = 0
    settle_ms: int = 0
    confirm: int = 1


class LevelRow(msgspec.Struct, frozen=True):
    """What is ridden."""

    parameter: str
    low: int
    high: int
    rest: int
    down_intensifies: bool


class SetupRow(msgspec.Struct, frozen=True):
    """What a request says of itself."""

    modality: str
    level: LevelRow
    settings: tuple[tuple[str, int], ...]
    observed: tuple[tuple[str, str], ...]
    limits: tuple[LimitRow, ...]
    stale_ns: int
    lease_ms: int
    stop_deadline_ns: int


class Requested(msgspec.Struct, frozen=True):
    """``session.requested``."""

    unit: str
    planned_ms: int
    setup: SetupRow | None


class Named(msgspec.Struct, frozen=True):
    """Entries that name a unit."""

    unit: str
    off_confirmed: bool = False
    output: str = "off"


class Answer(msgspec.Struct, frozen=True):
    """``gate.answered``."""

    gate: str
    answer: str


class Levels(msgspec.Struct, frozen=True):
    """``setpoint``."""

    levels: tuple[tuple[str, int], ...]
    cause: str


class Dose(msgspec.Struct, frozen=True):
    """One quantity of ``session.ended``."""

    quantity: str
    lower: int
    upper: int


class Ended(msgspec.Struct, frozen=True):
    """``session.ended``."""

    outcome: str
    reason: str
    planned_ms: int
    delivered_ms: int
    paused_ms: int
    no_contact_ms: int
    unknown_ms: int
    energized_ms: int
    off_after_ms: int | None
    dose: tuple[Dose, ...] = ()


class Nothing(msgspec.Struct, frozen=True):
    """An entry of which only its being there matters."""


Said = Requested | Named | Answer | Levels | Ended | Nothing
SAYS: Final[Mapping[str, type[Said]]] = {
    "session.requested": Requested,
    "session.started": Named,
    "session.ended": Ended,
    "gate.answered": Answer,
    "setpoint": Levels,
    "unit.latched": Named,
    "unit.acknowledged": Named,
    "output.off_confirmed": Named,
    "output.uncommanded": Named,
    "session.paused": Nothing,
    "session.resumed": Nothing,
    "session.refused": Nothing,
}


class Line(msgspec.Struct, frozen=True):
    """One entry of a chart (FORMAT.md, section 2), as far as it is needed here."""

    seq: int
    mono_ns: int
    kind: str
    session: str | None
    actor: str | None
    data: msgspec.Raw


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The same with its data read. ``durable_ns``: since when it is on the disk, which is not in the entry itself."""

    seq: int
    at_ns: int
    durable_ns: int
    kind: str
    session: str | None
    actor: str | None
    said: Said


_LINES: Final = msgspec.json.Decoder(Line)
_DATA: Final[Mapping[str, msgspec.json.Decoder[Said]]] = {
    kind: msgspec.json.Decoder(said) for kind, said in SAYS.items()
}
_NOTHING: Final = Nothing()


def entry_of(body: bytes, durable_ns: int | None = None) -> Entry:
    """Read one entry's bytes; raises msgspec.DecodeError where they are none. Without a word it is durable at once."""
    line = _LINES.decode(body)
    decoder = _DATA.get(line.kind)
    said = _NOTHING if decoder is None else decoder.decode(line.data)
    durable_ns = line.mono_ns + COMMIT_NS if durable_ns is None else durable_ns
    return Entry(
        durable_ns=durable_ns,
        seq=line.seq,
        at_ns=line.mono_ns,
        kind=line.kind,
        session=line.session,
        actor=line.actor,
        said=said,
    )
