"""What is done to a session's record after its end: signing it, amending a statement, a late entry. Pure.

Rule 1: nothing is changed: an amendment stands beside the old value, with who, when and why.
Rule 2: who had a session, or took it over, signs it as performed and amends it; another therapist signs as reviewed.
Rule 3: what was measured, commanded or delivered is no statement and cannot be amended.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from devices.model import Modality
from modctl.clinic.gates import gates_for, problem_with_answer
from modctl.controller.texts import Sealed, seal
from modctl.engine.setup import Setup
from modctl.ipc.hands import Amend, LateEntry, SignSession
from modctl.ipc.messages import Refused
from modctl.records import (
    KINDS,
    Draft,
    Entry,
    GateAnswer,
    Record,
    SessionAmended,
    SessionEnded,
    SessionHandedOver,
    SessionLateEntry,
    SessionRequested,
    SessionSigned,
)

ACTS: Final = ("confirm", "sign")  # these were done, not stated: there is nothing to put right in them
PERFORMED, AMENDED, REVIEWED = "performed", "amended", "reviewed"
Written = SignSession | Amend | LateEntry


class Addition(msgspec.Struct, frozen=True, kw_only=True):
    """An entry to be charted, and the words that belong to it, to be kept before."""

    draft: Draft
    sealed: Sealed | None = None


def addition(entries: Sequence[Entry], request: Written, actor: str, now_utc: str) -> Addition | Refused:
    """What a person adds to a session's record; ``entries`` are all of it, inputs or not, in the chart's order."""
    records = [_record(entry) for entry in entries if entry.kind != "inputs"]
    if not records:
        return _no("usage", f"There is no session {request.session!r} in this chart.")
    if not any(isinstance(record, SessionEnded) for record in records):
        return _no("not_now", "The session has not ended.")
    if isinstance(request, SignSession):
        return _signature(entries, request, actor)
    if actor not in _whose(entries):
        return _no("role", f"This session was not {actor}'s. Its own therapist does this, or takes it over first.")
    match request:
        case Amend():
            return _amendment(records, request, actor)
        case LateEntry():
            return _late_entry(request, actor, now_utc)


def _signature(entries: Sequence[Entry], request: SignSession, actor: str) -> Addition | Refused:
    """For whose session it was: performed, or amended since. For every other therapist: reviewed."""
    has_signed, is_signed, was_amended = False, False, False
    for entry in entries:
        if entry.kind == "session.signed":
            is_signed, has_signed = True, has_signed or entry.actor == actor
        elif entry.kind in ("session.amended", "session.late_entry"):
            was_amended, has_signed = was_amended or is_signed, False
    if has_signed:
        return _no("not_now", f"{actor} has signed it, and nothing was added since.")
    own = AMENDED if was_amended else PERFORMED
    return _added(request.session, actor, SessionSigned(meaning=own if actor in _whose(entries) else REVIEWED))


def _amendment(records: Sequence[Record], request: Amend, actor: str) -> Addition | Refused:
    old = stated(records).get(request.field)
    gate = next((gate for gate in gates_for(_modality(records)) if gate.id == request.field), None)
    if gate is None or gate.id in ACTS:
        known = ", ".join(gate.id for gate in gates_for(_modality(records)) if gate.id not in ACTS)
        return _no("usage", f"{request.field!r} is no statement of this session. There are: {known}.")
    problem = problem_with_answer(gate, request.value)
    if problem is not None:
        return _no("usage", f"{problem}.")
    if request.value == old:
        return _no("usage", f"{request.field} is {old!r} already.")
    sealed = seal(request.reason)
    if not sealed.text:
        return _no("usage", "An amendment takes a reason in words.")
    record = SessionAmended(field=request.field, old=old or "", new=request.value, reason=sealed.commitment)
    return _added(request.session, actor, record, sealed)


def _late_entry(request: LateEntry, actor: str, now_utc: str) -> Addition | Refused:
    sealed = seal(request.text)
    if not sealed.text:
        return _no("usage", "A late entry takes words.")
    if request.about_utc > now_utc:
        return _no("usage", "A late entry is about something that was.")
    record = SessionLateEntry(about_utc=request.about_utc, text=sealed.commitment)
    return _added(request.session, actor, record, sealed)


def stated(records: Sequence[Record]) -> dict[str, str]:
    """Every statement of a session as it stands now: what was answered, or what it was amended to."""
    values: dict[str, str] = {}
    for record in records:
        if isinstance(record, GateAnswer):
            values[record.gate] = record.answer
        elif isinstance(record, SessionAmended):
            values[record.field] = record.new
    return values


def unit_of(entries: Sequence[Entry]) -> str | None:
    """The unit of a session; None where there is no such session."""
    requested = next((entry for entry in entries if entry.kind == "session.requested"), None)
    return None if requested is None else msgspec.json.decode(requested.data, type=SessionRequested).unit


def incident_reason(session: str) -> str:
    """Why a unit is held whose session is looked into."""
    return f"incident {session}"


def _whose(entries: Sequence[Entry]) -> set[str]:
    """Who asked for it, who confirmed its start, and who took it over."""
    people: set[str] = set()
    for entry in entries:
        record = _record(entry) if entry.kind in ("session.requested", "gate.answered", "session.handed_over") else None
        is_theirs = isinstance(record, SessionRequested) or (
            isinstance(record, GateAnswer) and record.gate == "confirm"
        )
        if is_theirs and entry.actor is not None:
            people.add(entry.actor)
        elif isinstance(record, SessionHandedOver):
            people.add(record.to_person)
    return people


def _modality(records: Sequence[Record]) -> Modality:
    requested = next(record for record in records if isinstance(record, SessionRequested))
    return Modality(msgspec.json.decode(requested.setup, type=Setup).modality)


def _record(entry: Entry) -> Record:
    return msgspec.json.decode(entry.data, type=KINDS[entry.kind])


def _added(session: str, actor: str, record: Record, sealed: Sealed | None = None) -> Addition:
    return Addition(draft=Draft(data=record, session=session, actor=actor), sealed=sealed)


def _no(code: str, why: str) -> Refused:
    return Refused(id=0, code=code, reason=f"{why} Nothing was added.")
