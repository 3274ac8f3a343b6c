"""A session's events as they are printed: chart entries, flattened; ``inputs`` opened into ``sample`` records.

Rule 1: what is printed is what the chart holds; nothing here adds a judgement.
Rule 2: the kinds of a stream are a contract; other kinds are shown only where everything is asked for.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from devices.model import Sample
from modctl import sentences, text
from modctl.clock import utc_text
from modctl.engine.events import SampleArrived, SessionEvent
from modctl.records import (
    KINDS,
    Alarm,
    CheckDue,
    Entry,
    GateAnswer,
    Inputs,
    LimitBreached,
    Override,
    PackMoved,
    Quantity,
    Record,
    SessionAmended,
    SessionEnded,
    SessionHandedOver,
    SessionLateEntry,
    SessionPaused,
    SessionRefused,
    SessionRequested,
    SessionResumed,
    SessionSigned,
    SessionStarted,
    SetpointCommanded,
)

STREAM_KINDS: Final = frozenset(
    {
        "session.requested",
        "session.refused",
        "session.started",
        "setpoint",
        "session.paused",
        "session.resumed",
        "limit.breached",
        "alarm",
        "override",
        "pack.moved",
        "check.due",
        "session.ended",
    }
)
ENDED: Final = "session.ended"
REQUESTED: Final = "session.requested"
REFUSED: Final = "session.refused"
NS_PER_US: Final = 1_000

_ENTRY: Final = msgspec.json.Decoder(Entry)
_EVENTS: Final = msgspec.json.Decoder(list[tuple[int, SessionEvent]])
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def entry_of(body: bytes | msgspec.Raw) -> Entry:
    """One chart entry from its stored bytes."""
    return _ENTRY.decode(bytes(body))


def record_of(entry: Entry) -> Record:
    """What the entry says, as its type."""
    return msgspec.json.decode(entry.data, type=KINDS[entry.kind])


def flat(entry: Entry) -> bytes:
    """One entry as one JSON object: kind, seq, times, session, then its own fields.

    A request's ``setup`` is left out: it is for replaying, and it is long.
    """
    fields = _FIELDS.decode(entry.data)
    fields.pop("setup", None)
    head: dict[str, object] = {
        "kind": entry.kind,
        "seq": entry.seq,
        "at_utc": entry.at_utc,
        "mono_ns": entry.mono_ns,
        "session": entry.session,
    }
    if entry.actor is not None:
        head["actor"] = entry.actor
    return msgspec.json.encode({**head, **fields})


def samples(entry: Entry) -> Iterator[Sample]:
    """The samples of one ``inputs`` entry, in order; nothing for other kinds."""
    if entry.kind == "inputs":
        for _, event in _EVENTS.decode(msgspec.json.decode(entry.data, type=Inputs).events):
            if isinstance(event, SampleArrived):
                yield event.sample


def flat_sample(entry: Entry, sample: Sample) -> bytes:
    """One sample as one JSON object. Its time is the unit's answer's; ``seq`` is of the entry that holds it."""
    since = timedelta(microseconds=(sample.at_ns - entry.mono_ns) // NS_PER_US)
    fields: dict[str, object] = {
        "kind": "sample",
        "seq": entry.seq,
        "at_utc": utc_text(datetime.fromisoformat(entry.at_utc) + since),
        "mono_ns": sample.at_ns,
        "session": entry.session,
        "output": sample.output,
        "contact": sample.contact,
    }
    if sample.faults:
        fields["faults"] = sample.faults
    return msgspec.json.encode({**fields, **dict(sample.values)})


class Teller:
    """Lines for people: one an event, the state first; of samples only what changed, and once a minute.

    ``parameter`` is the level's, known from the first setpoint on.
    """

    def __init__(self) -> None:
        self._last: tuple[str, str] | None = None
        self._marks: dict[str, str] = {}  # of the limits that bind the session, by id
        self._minute = 0
        self._first_ns: int | None = None

    def lines(self, entry: Entry) -> Iterator[str]:
        """What is said of one entry."""
        for sample in samples(entry):
            line = self._sample(sample)
            if line is not None:
                yield line
        if entry.kind in STREAM_KINDS:
            record = record_of(entry)
            if isinstance(record, SessionStarted):
                self._marks = {limit.id: limit.mark for limit in record.limits}
            if isinstance(record, LimitBreached):
                yield _breached(record, self._marks.get(record.limit, ""))
            else:
                yield told(record)

    def _sample(self, sample: Sample) -> str | None:
        if self._first_ns is None:
            self._first_ns = sample.at_ns
        now = (str(sample.output), str(sample.contact))
        minute = (sample.at_ns - self._first_ns) // (60 * 1_000_000_000)
        if now == self._last and minute == self._minute:
            return None
        self._last, self._minute = now, minute
        values = ", ".join(f"{text.parameter(name)} {text.quantity(name, value)}" for name, value in sample.values)
        parts = (text.output(sample.output), text.contact(sample.contact), values)
        return ", ".join(part for part in parts if part)


def answered(entry: Entry) -> Iterator[str]:
    """What is said of the kinds that are no part of a stream: answers, and what closed the record."""
    if entry.kind in STREAM_KINDS or entry.kind == "inputs":
        return
    record = record_of(entry)
    if isinstance(record, GateAnswer):
        age = f", {record.age_s} s old" if record.age_s else ""
        yield f"ANSWERED {record.gate}: {record.answer} ({record.source}{age}, {entry.actor})"
    else:
        told_of = _afterwards(record)
        yield f"{told_of} ({entry.actor})" if told_of else f"{entry.kind}: {entry.actor or 'modctl'}"


def _afterwards(record: Record) -> str:
    match record:
        case SessionAmended():
            return f"AMENDED {record.field}: {record.new}, before {record.old or 'not answered'}"
        case SessionSigned():
            return f"SIGNED as {record.meaning}"
        case SessionLateEntry():
            return f"LATE ENTRY about {record.about_utc}"
        case SessionHandedOver():
            return f"HANDED OVER: from {record.from_person} to {record.to_person}"
        case _:
            return ""


def told(record: Record) -> str:  # noqa: C901, PLR0911  # flat: one arm a kind
    """One event of a stream in a line, the state in words first."""
    match record:
        case SessionRequested():
            minutes = text.duration(record.planned_ms)
            levels = text.settings(record.effective)
            what = f"{record.preset} on {record.unit} for {record.patient}" if record.patient else _bench(record.unit)
            return f"REQUESTED: {what}, {minutes}, {levels}"
        case SessionRefused():
            return _refused(record)
        case SessionStarted():
            where = f"on {record.load}, no patient" if record.load else f"{record.region}, {record.side} side"
            head = f", head {record.head}" if record.head else ""
            return f"STARTED: {where}, {len(record.limits)} limits bind, unit {record.serial}{head}"
        case SetpointCommanded():
            return f"COMMANDED: {text.settings(record.levels) or 'off'} ({record.cause})"
        case SessionPaused() | SessionResumed():
            return _held_or_resumed(record)
        case LimitBreached():
            return _breached(record)
        case Alarm():
            return (
                f"{sentences.MARKS.get(record.priority, '***')} ALARM: {record.text or sentences.alarm(record.alarm)}"
            )
        case PackMoved() | CheckDue():
            return _by_person(record)
        case Override():
            return _opened(record)
        case SessionEnded():
            return _ended(record)
        case _:
            return type(record).__name__


def _by_person(record: PackMoved | CheckDue) -> str:
    if isinstance(record, CheckDue):
        return f"! DUE: {record.gate.replace('_', ' ')}, answer within {text.duration(record.grace_ms)}"
    said = {"on": "■ PACK ON", "off": "□ PACK OFF", "numb": "□ PACK OFF: the skin is numb"}
    return f"{said.get(record.act, record.act)} (said by {'a file' if record.source == 'file' else 'a person'})"


def _bench(unit: str) -> str:
    return f"BENCH RUN on {unit}, no patient"


def _held_or_resumed(record: SessionPaused | SessionResumed) -> str:
    if isinstance(record, SessionResumed):
        return "RESUMED: ramps up from off"
    return f"□ PAUSED: {sentences.reason(record.reason)}; off is confirmed. A person resumes."


def _opened(record: Override) -> str:
    far = "" if record.observed is None else f" up to {_shown(record.observed)}"
    bound = "" if record.bound is None else f", bound {_shown(record.bound)} ({_sourced(record.source, record.mark)})"
    return f"OVERRIDE: {record.limit} opened{far}{bound}, second person {record.second_person or 'none'}"


def _breached(record: LimitBreached, mark: str = "") -> str:
    seen = text.NO_DATA if record.observed is None else _shown(record.observed)
    return f"! LIMIT {record.limit}: {seen}, bound {_shown(record.bound)} ({_sourced(record.source, mark)})"


def _sourced(source: str, mark: str) -> str:
    """A bound's source; where the chart does not say its mark, the source as it stands there."""
    return text.source(source, mark) if mark else source


def _refused(record: SessionRefused) -> str:
    if record.limit is None:
        return f"REFUSED: {sentences.reason(record.reason)}. Nothing was sent to the unit."
    observed = "missing" if record.observed is None else _shown(record.observed)
    bound = "" if record.bound is None else f", bound {_shown(record.bound)}"
    source = "" if record.source is None else f" ({_sourced(record.source, record.mark or '')})"
    return f"REFUSED: {record.limit}: {observed}{bound}{source}. Nothing was sent to the unit."


def _ended(record: SessionEnded) -> str:
    parts = [
        f"{text.outcome(record.outcome)}: {sentences.reason(record.reason)}",
        f"delivered {text.clock(record.delivered_ms)} of {text.clock(record.planned_ms)}",
    ]
    for name, ms in (
        ("paused", record.paused_ms),
        ("no contact", record.no_contact_ms),
        ("unknown", record.unknown_ms),
    ):
        if ms:
            parts.append(f"{name} {text.clock(ms)}")
    off = "off NOT confirmed" if record.off_after_ms is None else f"off confirmed after {record.off_after_ms} ms"
    if record.energized_ms or record.outcome == "unconfirmed":
        parts.append(off)
    for dose in record.dose if record.energized_ms else ():
        low, high = text.ucum(dose.lower, dose.unit), text.ucum(dose.upper, dose.unit)
        parts.append(f"dose {low}" if low == high else f"dose between {low} and {high}")
    return ", ".join(parts)


def _shown(quantity: Quantity) -> str:
    return text.ucum(quantity.value, quantity.unit)
