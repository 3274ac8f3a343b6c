"""The session machine as one literal table; what is not in it is named too, with its reason.

Rule 1: whatever moves a session from phase to phase is listed here; ``session`` only carries it out.
Rule 2: from every phase that may be energized, STOP, FAULT and DEADLINE lead to STOPPING.
Rule 3: STOPPING is left only by confirmed off or by its deadline.
"""

from collections.abc import Mapping
from enum import StrEnum


class Phase(StrEnum):
    """Where a session is."""

    CHECKING = "checking"  # the gates before the start are being answered
    ARMED = "armed"  # confirmed; waits until its start is durable
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    RESUMING = "resuming"
    STOPPING = "stopping"
    ENDED = "ended"
    UNCONFIRMED = "unconfirmed"  # over, and off was not seen in time


class On(StrEnum):
    """What can move a session, after the reducer has judged what arrived."""

    CONFIRMED = "confirmed"  # the last gate was answered
    CHARTED = "charted"  # the entry waited for is durable
    EXECUTING = "executing"  # the unit says that it does what it was told
    DONE = "done"  # the planned time is delivered
    HOLD = "hold"  # a pause, or contact lost where that means off
    RESUME = "resume"
    OFF_CONFIRMED = "off_confirmed"
    STOP = "stop"
    FAULT = "fault"
    DEADLINE = "deadline"


class Outcome(StrEnum):
    """How a session ended, best first: the worst reason wins."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    FAULTED = "faulted"
    UNCONFIRMED = "unconfirmed"


_BADNESS = tuple(Outcome)


def worse(one: Outcome, other: Outcome | None) -> bool:
    """Is ``one`` a worse end than ``other``."""
    return other is None or _BADNESS.index(one) > _BADNESS.index(other)


TRANSITIONS: Mapping[tuple[Phase, On], Phase] = {
    (Phase.CHECKING, On.CONFIRMED): Phase.ARMED,
    (Phase.CHECKING, On.STOP): Phase.ENDED,
    (Phase.CHECKING, On.FAULT): Phase.ENDED,
    (Phase.CHECKING, On.DEADLINE): Phase.ENDED,
    (Phase.ARMED, On.CHARTED): Phase.STARTING,
    (Phase.ARMED, On.STOP): Phase.STOPPING,
    (Phase.ARMED, On.FAULT): Phase.STOPPING,
    (Phase.ARMED, On.DEADLINE): Phase.STOPPING,
    (Phase.STARTING, On.EXECUTING): Phase.RUNNING,
    (Phase.STARTING, On.HOLD): Phase.PAUSING,
    (Phase.STARTING, On.STOP): Phase.STOPPING,
    (Phase.STARTING, On.FAULT): Phase.STOPPING,
    (Phase.STARTING, On.DEADLINE): Phase.STOPPING,
    (Phase.RUNNING, On.DONE): Phase.STOPPING,
    (Phase.RUNNING, On.HOLD): Phase.PAUSING,
    (Phase.RUNNING, On.STOP): Phase.STOPPING,
    (Phase.RUNNING, On.FAULT): Phase.STOPPING,
    (Phase.PAUSING, On.OFF_CONFIRMED): Phase.PAUSED,
    (Phase.PAUSING, On.STOP): Phase.STOPPING,
    (Phase.PAUSING, On.FAULT): Phase.STOPPING,
    (Phase.PAUSING, On.DEADLINE): Phase.STOPPING,
    (Phase.PAUSED, On.RESUME): Phase.RESUMING,
    (Phase.PAUSED, On.STOP): Phase.STOPPING,
    (Phase.PAUSED, On.FAULT): Phase.STOPPING,
    (Phase.RESUMING, On.CHARTED): Phase.RESUMING,  # durable: the ramp from off begins
    (Phase.RESUMING, On.EXECUTING): Phase.RUNNING,
    (Phase.RESUMING, On.HOLD): Phase.PAUSING,
    (Phase.RESUMING, On.STOP): Phase.STOPPING,
    (Phase.RESUMING, On.FAULT): Phase.STOPPING,
    (Phase.RESUMING, On.DEADLINE): Phase.STOPPING,
    (Phase.STOPPING, On.OFF_CONFIRMED): Phase.ENDED,
    (Phase.STOPPING, On.STOP): Phase.STOPPING,
    (Phase.STOPPING, On.FAULT): Phase.STOPPING,
    (Phase.STOPPING, On.DEADLINE): Phase.UNCONFIRMED,
}

_LATE = "arrived after the phase that waited for it; changes nothing"
_OVER = "the session is over; what the unit still does is the unit machine's matter"
_NOT_YET = "nothing is energized yet"

IGNORED: Mapping[tuple[Phase, On], str] = {
    **{(Phase.ENDED, on): _OVER for on in On},
    **{(Phase.UNCONFIRMED, on): _OVER for on in On},
    **{
        (phase, on): _NOT_YET
        for phase in (Phase.CHECKING, Phase.ARMED)
        for on in (On.EXECUTING, On.DONE, On.OFF_CONFIRMED)
    },
    (Phase.CHECKING, On.CHARTED): _LATE,
    (Phase.STARTING, On.CHARTED): _LATE,
    (Phase.STARTING, On.DONE): "time counts from RUNNING on",
    (Phase.STARTING, On.OFF_CONFIRMED): _LATE,
    (Phase.RUNNING, On.CHARTED): _LATE,
    (Phase.RUNNING, On.EXECUTING): "every good sample says so",
    (Phase.RUNNING, On.OFF_CONFIRMED): _LATE,
    (Phase.RUNNING, On.DEADLINE): "RUNNING has no deadline but the elapsed limit, which is a STOP",
    (Phase.PAUSING, On.CHARTED): _LATE,
    (Phase.PAUSING, On.EXECUTING): _LATE,
    (Phase.PAUSING, On.DONE): _LATE,
    (Phase.PAUSING, On.HOLD): "already on its way to off",
    (Phase.PAUSED, On.CHARTED): _LATE,
    (Phase.PAUSED, On.EXECUTING): "a paused unit that energizes is a FAULT, judged on the sample",
    (Phase.PAUSED, On.DONE): "time stands while paused",
    (Phase.PAUSED, On.HOLD): "already off",
    (Phase.PAUSED, On.OFF_CONFIRMED): "already off",
    (Phase.PAUSED, On.DEADLINE): "a pause ends by the elapsed limit, which is a STOP",
    (Phase.RESUMING, On.DONE): "time counts from RUNNING on",
    (Phase.RESUMING, On.OFF_CONFIRMED): _LATE,
    (Phase.STOPPING, On.CHARTED): _LATE,
    (Phase.STOPPING, On.EXECUTING): _LATE,
    (Phase.STOPPING, On.DONE): _LATE,
    (Phase.STOPPING, On.HOLD): "a stop is more than a pause",
}

REFUSED: Mapping[tuple[Phase, On], str] = {
    (Phase.CHECKING, On.HOLD): "there is nothing to pause",
    (Phase.CHECKING, On.RESUME): "there is nothing to resume",
    (Phase.ARMED, On.CONFIRMED): "confirmed already",
    (Phase.ARMED, On.HOLD): "there is nothing to pause; stop instead",
    (Phase.ARMED, On.RESUME): "there is nothing to resume",
    (Phase.STARTING, On.CONFIRMED): "confirmed already",
    (Phase.STARTING, On.RESUME): "there is nothing to resume",
    (Phase.RUNNING, On.CONFIRMED): "confirmed already",
    (Phase.RUNNING, On.RESUME): "there is nothing to resume",
    (Phase.PAUSING, On.CONFIRMED): "confirmed already",
    (Phase.PAUSING, On.RESUME): "off is not confirmed yet",
    (Phase.PAUSED, On.CONFIRMED): "confirmed already",
    (Phase.RESUMING, On.CONFIRMED): "confirmed already",
    (Phase.RESUMING, On.RESUME): "resuming already",
    (Phase.STOPPING, On.CONFIRMED): "confirmed already",
    (Phase.STOPPING, On.RESUME): "a stopped session is over; start a new one",
}
