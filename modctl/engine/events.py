"""Everything that can reach a session's reducer. All of it is charted, so that the session can be run again."""

import msgspec

from devices.model import Ack, Direction, LinkFault, PackAct, Sample


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="is"):
    """One thing that happened; past tense."""


class SampleArrived(_Event, frozen=True, kw_only=True, tag="sample"):
    """The unit told what it does."""

    sample: Sample


class Acked(_Event, frozen=True, kw_only=True, tag="ack"):
    """The unit accepted a command."""

    ack: Ack


class LinkFaulted(_Event, frozen=True, kw_only=True, tag="link"):
    """Something is wrong with the line or an answer."""

    fault: LinkFault


class GateBroken(_Event, frozen=True, kw_only=True, tag="gate"):
    """The frame gate held back a frame: a bug or an attack, never an ordinary outcome."""

    why: str


class Charted(_Event, frozen=True, kw_only=True, tag="charted"):
    """The entry that START or RESUME waits for is durable."""

    what: str  # started | resumed


class Ticked(_Event, frozen=True, kw_only=True, tag="tick"):
    """Nothing arrived until a deadline of this session."""


class Answered(_Event, frozen=True, kw_only=True, tag="answered", omit_defaults=True):
    """A person answered a gate. ``text`` is the commitment to what was added in words; empty: nothing."""

    gate: str
    answer: str
    actor: str
    source: str  # person | file | carried
    age_s: int
    took_ms: int
    text: str = ""


class StopAsked(_Event, frozen=True, kw_only=True, tag="stop"):
    """Somebody or something asked for a stop. Always accepted."""

    actor: str | None
    source: str  # screen | command | signal | socket …
    fast: bool = False  # traction: maximum speed


class PauseAsked(_Event, frozen=True, kw_only=True, tag="pause"):
    """A person asked for a pause."""

    actor: str


class ResumeAsked(_Event, frozen=True, kw_only=True, tag="resume"):
    """A signed-in person resumes."""

    actor: str


class LevelAsked(_Event, frozen=True, kw_only=True, tag="level"):
    """A person rides the level."""

    actor: str
    direction: Direction


class PackMoved(_Event, frozen=True, kw_only=True, tag="pack"):
    """A person put the pack on or took it off, and says so."""

    actor: str
    act: PackAct
    source: str  # person | file


class AttendanceLost(_Event, frozen=True, kw_only=True, tag="attendance"):
    """The screen that attends this session was lost."""

    why: str


class HostStalled(_Event, frozen=True, kw_only=True, tag="stalled", omit_defaults=True):
    """The machine slept or the engine was late by more than the stop budget.

    ``slept_ms``: the part that CLOCK_MONOTONIC, and with it every other account of time, has not counted.
    """

    by_ms: int
    slept_ms: int = 0


class WriterLate(_Event, frozen=True, kw_only=True, tag="writer"):
    """The chart writer is behind; 0 when it has caught up."""

    by_ms: int


class WitnessSaid(_Event, frozen=True, kw_only=True, tag="witness"):
    """The instrument beside the unit gave a reading; None: it has none to give (no cell, overload, wrong unit)."""

    at_ns: int
    value: int | None


class PartnerEnded(_Event, frozen=True, kw_only=True, tag="partner_ended"):
    """The other half of a combination ends; ``outcome`` is what its end has come to by now."""

    outcome: str


class PartnerLifted(_Event, frozen=True, kw_only=True, tag="partner_lifted"):
    """The head that carries this session's current is not on the skin."""


class ChartFailed(_Event, frozen=True, kw_only=True, tag="chart_failed"):
    """The chart cannot be written any more."""

    why: str


SessionEvent = (
    SampleArrived
    | Acked
    | LinkFaulted
    | GateBroken
    | Charted
    | Ticked
    | Answered
    | StopAsked
    | PauseAsked
    | ResumeAsked
    | LevelAsked
    | PackMoved
    | AttendanceLost
    | HostStalled
    | WriterLate
    | WitnessSaid
    | PartnerEnded
    | PartnerLifted
    | ChartFailed
)
