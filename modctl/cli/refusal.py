"""A refused request, as it was charted; and how one is told that never reached the chart."""

from typing import Final

import msgspec

from devices.model import NS_PER_MS, NS_PER_S
from modctl.clinic.bench import BENCH
from modctl.clock import SystemClock
from modctl.ipc.client import BlockingClient
from modctl.ipc.messages import Event, Refused, Start
from modctl.ipc.servicing import BenchRun
from modctl.records import Entry, SessionRequested
from modctl.reports.telling import ENDED, REFUSED, REQUESTED, entry_of, record_of

WAIT_NS: Final = 500 * NS_PER_MS  # chosen: a refusal is charted within one commit; not every one is charted


class _Uncharted(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=REFUSED):
    reason: str
    limit: str | None
    observed: int | None
    bound: int | None
    source: str | None


def uncharted(refusal: Refused) -> bytes:
    """A refusal of which the chart knows nothing, as one JSON object."""
    return msgspec.json.encode(
        _Uncharted(
            reason=refusal.code,
            limit=refusal.limit,
            observed=refusal.observed,
            bound=refusal.bound,
            source=refusal.source,
        )
    )


def refusal_entries(client: BlockingClient, start: Start | BenchRun) -> list[Entry]:
    """The request, its refusal and its end from the chart; empty when no refusal comes in time."""
    of_patient = (start.patient, start.preset) if isinstance(start, Start) else ("", BENCH)
    wanted = (start.unit, *of_patient)
    clock = SystemClock()
    deadline_ns = clock.mono_ns() + WAIT_NS
    asked: dict[str | None, list[Entry]] = {}
    refused: list[Entry] = []
    while (left_ns := deadline_ns - clock.mono_ns()) > 0:
        message = client.next_message(left_ns / NS_PER_S)
        if not isinstance(message, Event):
            continue
        entry = entry_of(message.entry)
        if entry.kind == REQUESTED:
            record = record_of(entry)
            if isinstance(record, SessionRequested) and (record.unit, record.patient, record.preset) == wanted:
                asked[entry.session] = [entry]
        elif entry.kind == REFUSED and entry.session in asked:
            refused = asked[entry.session]
            refused.append(entry)
        elif entry.kind == ENDED and refused and entry.session == refused[0].session:
            return [*refused, entry]
    return refused
