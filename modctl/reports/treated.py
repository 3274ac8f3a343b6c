"""From a chart's sessions to what claims and patterns are held against. Reads; judges nothing."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

import msgspec

from devices.model import NS_PER_S, ObservedAs, Sample
from modctl.chart.readable import Readable, every_session
from modctl.chart.reader import SessionRow
from modctl.chart.verify import Progress
from modctl.clinic.claims import Treatment
from modctl.clinic.suspicion import Watched, readings_digest
from modctl.engine.setup import Setup
from modctl.records import Entry, GateAnswer, Record, SessionPaused, SessionRequested, SetpointCommanded
from modctl.reports.telling import record_of, samples

PERSON_CAUSES = ("person", "resume")
RAMP_NS = 60 * NS_PER_S  # chosen: every ordinary ramp is over by then
STILL_PERMILLE = 20  # chosen: a resistor and a converter vary by less than 2 %
TOLD_EVERY = 50  # chosen: some times a second
DISTINCT = 20  # chosen: fewer different readings may repeat by chance


def treatments(chart: Readable, zone: tzinfo, progress: Progress | None = None) -> Iterator[Treatment]:
    """Every session that was started and has ended, the newest first. Presence is from first answer to last entry.

    Bench runs are none: nobody was treated.
    """
    for row in _treated(chart, progress):
        yield _treatment(row, chart.session(row.session), zone)


def watched(chart: Readable, zone: tzinfo, progress: Progress | None = None) -> Iterator[Watched]:
    """The same with what patterns need; slower, because every reading is opened."""
    for row in _treated(chart, progress):
        entries = chart.session_with_inputs(row.session)
        records = [record_of(entry) for entry in entries if entry.kind != "inputs"]
        readings = _readings(entries, _measured(records))
        yield Watched(
            treatment=_treatment(row, entries, zone),
            answers_ms=tuple(one.took_ms for one in records if isinstance(one, GateAnswer) and one.source == "person"),
            readings=readings_digest([_bytes(values) for _at_ns, values in readings] if _tells(readings) else []),
            is_varied=_is_acted_on(records) or _varies(readings) or _contact_changed(entries),
            is_simulated=row.simulated,
        )


def _treated(chart: Readable, progress: Progress | None) -> Iterator[SessionRow]:
    rows = [row for row in every_session(chart) if row.delivered_ms is not None and not row.load]
    for done, row in enumerate(rows):
        if progress is not None and done % TOLD_EVERY == 0:
            progress(done, len(rows))
        yield row


_Reading = tuple[int, tuple[int | None, ...]]


def _treatment(row: SessionRow, entries: Sequence[Entry], zone: tzinfo) -> Treatment:
    setup = _setup_of([record_of(entry) for entry in entries])
    present = [_utc_ms(entry) for entry in entries if entry.kind != "inputs"]
    answered = [_utc_ms(entry) for entry in entries if entry.kind == "gate.answered"]
    return Treatment(
        session=row.session,
        patient=row.patient,
        by=entries[0].actor or "",
        modality=row.modality,
        date=datetime.fromisoformat(row.started_at_utc).astimezone(zone).date().isoformat(),
        begin_ms=min(answered or present),
        end_ms=max(present),
        delivered_ms=row.delivered_ms or 0,
        is_attended=setup is not None and setup.attended,
    )


def _setup_of(records: Sequence[Record]) -> Setup | None:
    """What the session was judged by; None where its request was refused before that."""
    raw = next((bytes(one.setup) for one in records if isinstance(one, SessionRequested)), b"null")
    return None if raw == b"null" else msgspec.json.decode(raw, type=Setup)


def _measured(records: Sequence[Record]) -> tuple[str, ...]:
    """The parameters that this session's unit really measured."""
    setup = _setup_of(records)
    observed = () if setup is None else setup.observed
    return tuple(name for name, how in observed if how is ObservedAs.MEASURED)


def _readings(entries: Sequence[Entry], measured: Sequence[str]) -> list[_Reading]:
    if not measured:
        return []
    told: list[Sample] = [sample for entry in entries for sample in samples(entry)]
    return [(sample.at_ns, tuple(sample.get(name) for name in measured)) for sample in told]


def _bytes(values: tuple[int | None, ...]) -> bytes:
    return msgspec.json.encode(values)


def _tells(readings: Sequence[_Reading]) -> bool:
    return len({values for _at_ns, values in readings}) >= DISTINCT


def _is_acted_on(records: Sequence[Record]) -> bool:
    return any(
        isinstance(one, SessionPaused) or (isinstance(one, SetpointCommanded) and one.cause in PERSON_CAUSES)
        for one in records
    )


def _varies(readings: Sequence[_Reading]) -> bool:
    """Did a reading move by more than a resistor's would, once the ramp was over."""
    if not readings:
        return False
    after_ns = readings[0][0] + RAMP_NS
    for column in zip(*(values for at_ns, values in readings if at_ns >= after_ns), strict=True):
        told = [value for value in column if value is not None]
        if told and (max(told) - min(told)) * 1_000 > STILL_PERMILLE * max(1, *told):
            return True
    return False


def _contact_changed(entries: Sequence[Entry]) -> bool:
    return len({sample.contact for entry in entries for sample in samples(entry)}) > 1


def _utc_ms(entry: Entry) -> int:
    return round(datetime.fromisoformat(entry.at_utc).timestamp() * 1_000)
