"""Requests of the socket in the engine's words, and the engine's answers in the socket's. Pure."""

from typing import Final

import msgspec

from devices.model import label
from devices.profile import Profile
from modctl.chart.anchor import Head
from modctl.engine.core_events import AcknowledgeUnit, HoldUnit, IdentifyUnit, ReleaseUnit, ToSession
from modctl.engine.effects import Reply
from modctl.engine.events import Answered, LevelAsked, PackMoved, PauseAsked, ResumeAsked
from modctl.ipc import servicing
from modctl.ipc.hands import StoppedUnit
from modctl.ipc.messages import Acknowledge, Answer, Done, Pack, Pause, Refused, Resume, Step
from modctl.records import SessionRefused

CHART_BROKEN: Final = "The chart cannot be written. Everything is being stopped; look at the controller's own messages."


def event_of(
    number: int, actor: str, request: Answer | Pause | Resume | Step | Pack | Acknowledge, text: str = ""
) -> ToSession | AcknowledgeUnit:
    """A person's act, in the engine's words. ``text`` is the commitment to what they wrote."""
    match request:
        case Acknowledge(unit=unit, statement=statement):
            said = None if statement is None else label(statement)
            return AcknowledgeUnit(request=number, actor=actor, unit=unit, statement=said)
        case Answer(session=session):
            answered = Answered(
                gate=request.gate,
                answer=request.answer,
                actor=actor,
                source=request.source,
                age_s=request.age_s,
                took_ms=request.took_ms,
                text=text,
            )
            return ToSession(request=number, session=session, event=answered)
        case Pause(session=session):
            return ToSession(request=number, session=session, event=PauseAsked(actor=actor))
        case Resume(session=session):
            return ToSession(request=number, session=session, event=ResumeAsked(actor=actor))
        case Pack(session=session):
            moved = PackMoved(actor=actor, act=request.act, source=request.source)
            return ToSession(request=number, session=session, event=moved)
        case Step(session=session, direction=direction):
            return ToSession(request=number, session=session, event=LevelAsked(actor=actor, direction=direction))


Service = servicing.HoldUnit | servicing.ReleaseUnit | servicing.IdentifyUnit


def service_of(number: int, actor: str, request: Service) -> HoldUnit | ReleaseUnit | IdentifyUnit:
    """A technician's act, in the engine's words."""
    match request:
        case servicing.HoldUnit(unit=unit, reason=reason):
            return HoldUnit(request=number, actor=actor, unit=unit, reason=label(reason) or "no reason was given")
        case servicing.ReleaseUnit(unit=unit):
            return ReleaseUnit(request=number, actor=actor, unit=unit)
        case servicing.IdentifyUnit(unit=unit):
            return IdentifyUnit(request=number, unit=unit)


def refusal_of(reply: Reply, found: SessionRefused | None) -> Refused:
    """The engine's refusal, with the numbers where a limit was the reason."""
    refused = Refused(id=0, code=reply.code or "", reason=reply.reason, limit=reply.limit)
    if found is None:
        return refused
    return msgspec.structs.replace(
        refused,
        observed=None if found.observed is None else found.observed.value,
        bound=None if found.bound is None else found.bound.value,
        source=found.source,
        unit=None if found.bound is None else found.bound.unit,
        mark=found.mark or None,
        door=found.door or None,
    )


def stopped_unit(profile: Profile, unit: str, after_ms: int | None, *, off: bool) -> StoppedUnit:
    """What a stop reached on one unit; where modctl switches nothing, what a person must do."""
    note = profile.off.unknown_text if not off and (profile.is_monitored or profile.is_by_hand) else ""
    return StoppedUnit(unit=unit, off=off, after_ms=after_ms, note=note, monitored=profile.is_monitored)


def head_answer(head: Head | None) -> Done | Refused:
    """A signed head as an answer; there is none when the chart is broken."""
    if head is None:
        return Refused(id=0, code="failed", reason=CHART_BROKEN)
    return Done(id=0, note=head.note.decode())
