"""Look-back: which sessions a reading out of tolerance concerns. Reads the chart; ``clinic.service`` does the sums.

What counts: the newest calibration of the unit or head that was out of tolerance as found, and every treatment with
it since the calibration before that left it good (or since the chart began). A session whose head is not known is
counted: it may have been this one. Bench runs are none: nobody was treated.
"""

import msgspec

from devices.profile import load
from modctl.chart.reader import ChartReader, SessionFilter, SessionRow, record_as
from modctl.clinic.service import Affected, Treated, look_back
from modctl.ipc.servicing import AffectedRow
from modctl.records import DoseBound, SessionEnded, SessionRequested, SetpointCommanded
from modctl.service_records import UnitChecked


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a look-back came to. ``checked`` None: nothing was out of tolerance as found."""

    checked: UnitChecked | None
    affected: tuple[AffectedRow, ...]


def looked_back(reader: ChartReader, unit: str, head: str) -> Found:
    """The newest calibration out of tolerance as found, and the sessions before it, the oldest first."""
    mine = [pair for pair in reader.checks(unit) if pair[1].head == head and pair[1].points]
    bad = [pair for pair in mine if not all(point.is_found_good for point in pair[1].points)]
    if not bad:
        return Found(checked=None, affected=())
    until, checked = bad[-1]
    good = [seq for seq, one in mine if seq < until and one.is_good]
    since = good[-1] if good else 0
    rows = [row for row in reader.sessions(SessionFilter(unit=unit)) if since < row.seq < until]
    treated = [_treated(reader, row) for row in reversed(rows) if not row.load and row.head in ("", head)]
    affected = look_back(checked.points, [one for one in treated if one.delivered_ms])
    return Found(checked=checked, affected=tuple(_row(one) for one in affected))


def _treated(reader: ChartReader, row: SessionRow) -> Treated:
    target, parameter, delivered_ms = None, "", 0
    levels: list[int] = []
    dose: tuple[DoseBound, ...] = ()
    for entry in reader.session(row.session):
        if entry.kind == "session.requested":
            requested = record_as(entry, SessionRequested)
            parameter = load(requested.model).level.name
            target = dict(requested.effective).get(parameter)
        elif entry.kind == "setpoint":
            levels += [value for name, value in record_as(entry, SetpointCommanded).levels if name == parameter]
        elif entry.kind == "session.ended":
            ended = record_as(entry, SessionEnded)
            dose, delivered_ms = ended.dose, ended.delivered_ms
    highest = max(levels, default=target or 0)
    return Treated(
        session=row.session,
        at_utc=row.started_at_utc,
        preset=row.preset,
        head=row.head,
        level_low=highest if target is None else min(target, highest),
        level_high=highest,
        delivered_ms=delivered_ms,
        dose=dose,
    )


def _row(one: Affected) -> AffectedRow:
    return AffectedRow(**msgspec.structs.asdict(one))
