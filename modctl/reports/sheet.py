"""One session as its chart tells it, gathered for a page: pure, from its entries alone.

Rule 1: nothing here judges; what a page says was charted, and each moment keeps its entry's number.
Rule 2: set, commanded, read back and delivered are four different things and never stand in for each other.
Rule 3: times are milliseconds since the session's start; what was before it is negative.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Final, TypeVar

import msgspec

from devices.model import NS_PER_MS, Contact, Output
from modctl import text
from modctl.engine.setup import Setup
from modctl.records import (
    Entry,
    GateAnswer,
    Record,
    SessionClosed,
    SessionEnded,
    SessionRequested,
    SessionSigned,
    SessionStarted,
    SetpointCommanded,
)
from modctl.reports.note import Delivered, NoteFacts
from modctl.reports.telling import STREAM_KINDS, record_of, samples, told

_R = TypeVar("_R", bound=Record)
QUIET_KINDS: Final = frozenset({"setpoint", "session.requested", "session.started"})


class SheetError(Exception):
    """These entries are no session."""


class Point(msgspec.Struct, frozen=True):
    """A level at a moment, in the parameter's canonical unit; None: no data."""

    at_ms: int
    value: int | None


class Span(msgspec.Struct, frozen=True):
    """A stretch of time that was something."""

    from_ms: int
    to_ms: int
    what: str  # no contact | paused | energized | suspended | unknown


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a person, with its source, age and the seconds it took."""

    gate: str
    answer: str
    source: str
    age_s: int
    took_ms: int
    by: str
    at: str


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, as a sentence."""

    seq: int
    at_ms: int
    at: str
    kind: str
    sentence: str
    by: str


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a page of one session shows."""

    session: str
    requested: SessionRequested
    setup: Setup | None
    started: SessionStarted | None
    ended: SessionEnded | None
    began: str  # local, with zone; of the request when it never started
    started_at_utc: str
    ended_at_utc: str  # empty while it is open
    zone: str
    requested_by: str
    signed_by: str
    is_closed: bool
    commanded: tuple[Point, ...]
    reported: tuple[Point, ...]
    spans: tuple[Span, ...]
    answers: tuple[Given, ...]
    moments: tuple[Moment, ...]
    first_seq: int
    last_seq: int

    @property
    def level(self) -> str:
        """The parameter that was ridden; empty for a request that was refused before it had one."""
        return "" if self.setup is None else self.setup.level.parameter

    @property
    def observed_as(self) -> str:
        """What the unit tells of the level."""
        return "none" if self.setup is None else str(dict(self.setup.observed).get(self.level, "none"))

    @property
    def length_ms(self) -> int:
        """From the start to the last thing that is known of it."""
        times = [point.at_ms for point in (*self.commanded, *self.reported)]
        times += [moment.at_ms for moment in self.moments if moment.kind == "session.ended"]
        return max([1, *times])

    @property
    def stopped_ms(self) -> int:
        """When off was decided for good, as far as the record knows: the end less the time to confirmed off."""
        after_ms = 0 if self.ended is None else self.ended.off_after_ms or 0
        return self.length_ms - after_ms

    def answer(self, gate: str) -> str:
        """What was answered to a question last."""
        found = [given.answer for given in self.answers if given.gate == gate]
        return found[-1].replace("-", " ") if found else "not answered"


def sheet_of(entries: Sequence[Entry], zone: tzinfo) -> Sheet:
    """Gather one session's entries, inputs included. SheetError when they are none."""
    records = [(entry, record_of(entry)) for entry in entries if entry.kind != "inputs"]
    asked = next(((entry, record) for entry, record in records if isinstance(record, SessionRequested)), None)
    if asked is None:
        raise SheetError("no session was requested in these entries")
    requested = asked[1]
    first = next((entry for entry, record in records if isinstance(record, SessionStarted)), asked[0])
    setup = None if bytes(requested.setup) == b"null" else msgspec.json.decode(requested.setup, type=Setup)
    parameter = "" if setup is None else setup.level.parameter
    return Sheet(
        session=asked[0].session or "",
        requested=requested,
        setup=setup,
        started=_one(records, SessionStarted),
        ended=_one(records, SessionEnded),
        began=_local(first.at_utc, zone, "%Y-%m-%d %H:%M %Z"),
        started_at_utc=first.at_utc,
        ended_at_utc=next((entry.at_utc for entry, record in records if isinstance(record, SessionEnded)), ""),
        zone=str(zone),
        requested_by=asked[0].actor or "",
        signed_by=next((entry.actor or "" for entry, record in records if isinstance(record, SessionSigned)), ""),
        is_closed=_one(records, SessionClosed) is not None,
        commanded=tuple(_commanded(records, parameter, first.mono_ns)),
        reported=tuple(_reported(entries, parameter, first.mono_ns)),
        spans=tuple(_spans(entries, first.mono_ns)),
        answers=tuple(_answers(records, zone)),
        moments=tuple(_moments(records, first.mono_ns, zone)),
        first_seq=entries[0].seq,
        last_seq=entries[-1].seq,
    )


def note_facts(sheet: Sheet, title: str) -> NoteFacts:
    """What the six lines of the note are made of."""
    ended, started = sheet.ended, sheet.started
    is_cold = sheet.setup is not None and sheet.setup.level.down_intensifies
    told = [point.value for point in sheet.commanded if point.value is not None]
    return NoteFacts(
        simulated=started is not None and started.simulated,
        began=sheet.began if started is not None else "",
        title=title or sheet.requested.preset,
        region="" if started is None else started.region,
        side="" if started is None else started.side,
        unit=sheet.requested.unit,
        model=sheet.requested.model,
        preset=sheet.requested.preset,
        settings=() if sheet.setup is None else sheet.setup.settings,
        level_parameter=sheet.level,
        highest_commanded=(min if is_cold else max)(told, default=None),
        observed_as=sheet.observed_as,
        dose=() if ended is None else tuple(Delivered(d.quantity, d.lower, d.upper, d.unit) for d in ended.dose),
        contractions=None if ended is None else ended.contractions,
        outcome=None if ended is None else ended.outcome,
        reason="" if ended is None else ended.reason,
        planned_ms=sheet.requested.planned_ms,
        delivered_ms=0 if ended is None else ended.delivered_ms,
        paused_ms=0 if ended is None else ended.paused_ms,
        no_contact_ms=0 if ended is None else ended.no_contact_ms,
        unknown_ms=0 if ended is None else ended.unknown_ms,
        pain_before=sheet.answer("pain_before"),
        pain_after=sheet.answer("pain_after"),
        skin_before=sheet.answer("skin_before"),
        skin_after=sheet.answer("skin_after"),
        followed_by=sheet.answer("followed_by"),
        signature=f"Signed by {sheet.signed_by}." if sheet.signed_by else "Not signed.",
        down_intensifies=is_cold,
    )


def _one(records: Sequence[tuple[Entry, Record]], kind: type[_R]) -> _R | None:
    return next((record for _entry, record in records if isinstance(record, kind)), None)


def _commanded(records: Sequence[tuple[Entry, Record]], parameter: str, zero_ns: int) -> Iterator[Point]:
    for entry, record in records:
        if isinstance(record, SetpointCommanded):
            yield Point((entry.mono_ns - zero_ns) // NS_PER_MS, dict(record.levels).get(parameter))


def _reported(entries: Sequence[Entry], parameter: str, zero_ns: int) -> Iterator[Point]:
    for entry in entries:
        for sample in samples(entry):
            yield Point((sample.at_ns - zero_ns) // NS_PER_MS, sample.get(parameter))


def _spans(entries: Sequence[Entry], zero_ns: int) -> Iterator[Span]:
    """What the unit said it did, from sample to sample, where that was not plain off."""
    word, since, last = "", 0, 0
    for entry in entries:
        for sample in samples(entry):
            last = (sample.at_ns - zero_ns) // NS_PER_MS
            now = "no contact" if sample.contact is Contact.OPEN else str(sample.output)
            if now != word:
                if word and word != Output.OFF:
                    yield Span(since, last, word)
                word, since = now, last
    if word and word != Output.OFF:
        yield Span(since, last, word)


def _answers(records: Sequence[tuple[Entry, Record]], zone: tzinfo) -> Iterator[Given]:
    for entry, record in records:
        if isinstance(record, GateAnswer):
            yield Given(
                gate=record.gate,
                answer=record.answer,
                source=record.source,
                age_s=record.age_s,
                took_ms=record.took_ms,
                by=entry.actor or "",
                at=_local(entry.at_utc, zone, "%H:%M:%S"),
            )


def _moments(records: Sequence[tuple[Entry, Record]], zero_ns: int, zone: tzinfo) -> Iterator[Moment]:
    """What a reader wants in a list: not each step of a ramp, not what stands elsewhere on the page."""
    for entry, record in records:
        if entry.kind in STREAM_KINDS - QUIET_KINDS or isinstance(record, SessionSigned | SessionClosed):
            yield Moment(
                seq=entry.seq,
                at_ms=(entry.mono_ns - zero_ns) // NS_PER_MS,
                at=_local(entry.at_utc, zone, "%H:%M:%S"),
                kind=entry.kind,
                sentence=text.plain(_sentence(record)),
                by=entry.actor or "",
            )


def _sentence(record: Record) -> str:
    match record:
        case SessionSigned(meaning=meaning):
            return f"SIGNED: {meaning}"
        case SessionClosed(answers=answers):
            return f"CLOSED: {answers} answers at the end"
        case _:
            return told(record)


def _local(at_utc: str, zone: tzinfo, pattern: str) -> str:
    return datetime.fromisoformat(at_utc).astimezone(zone).strftime(pattern)
