"""Cold on one region: when it was there last, as the chart has it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from devices.model import Modality
from modctl.chart.reader import ChartReader, SessionFilter, record_as
from modctl.records import SessionEnded, SessionStarted

COLDS_BACK: Final = timedelta(hours=12)  # chosen: a cold whose end nobody knows closes its region for a working day
_MILLISECOND: Final = timedelta(milliseconds=1)


class Cold(msgspec.Struct, frozen=True, kw_only=True):
    """One charted cold on one region. ``ended_at_utc`` None: it is on, or nobody knows."""

    region: str
    side: str
    ended_at_utc: str | None


def colds(reader: ChartReader, patient: str, since_utc: str) -> tuple[Cold, ...]:
    """The patient's cold sessions that began after a moment."""
    found = reader.sessions(SessionFilter(patient=patient, since_utc=since_utc))
    told = (_cold(reader, row.session) for row in found if row.modality == Modality.COLD)
    return tuple(cold for cold in told if cold is not None)


def _cold(reader: ChartReader, session: str) -> Cold | None:
    """What the skin had of one session; None when it had nothing."""
    entries = reader.session(session)
    started = next(record_as(one, SessionStarted) for one in entries if one.kind == "session.started")
    end = next((entry for entry in entries if entry.kind == "session.ended"), None)
    ended = None if end is None else record_as(end, SessionEnded)
    if ended is not None and not ended.energized_ms:
        return None
    is_known = end is not None and ended is not None and ended.outcome != "unconfirmed"
    at_utc = end.at_utc if end is not None and is_known else None
    return Cold(region=started.region, side=started.side, ended_at_utc=at_utc)


def cold_rest_ms(colds: Sequence[Cold], region: str, side: str, now: datetime) -> int | None:
    """Time since cold was last on a region; 0 while one is on or its end is not known; None: never, as far as charted.

    The clock of the wall counts, because the skin does not care for a restart; one set back gives 0, not a debt.
    """
    rests = [
        0 if cold.ended_at_utc is None else max(0, (now - datetime.fromisoformat(cold.ended_at_utc)) // _MILLISECOND)
        for cold in colds
        if (cold.region, cold.side) == (region, side)
    ]
    return min(rests, default=None)
