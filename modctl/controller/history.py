"""What the chart knows when a session is asked for: earlier answers, the patient's last session, its level.

Read by the reading room, used by the front desk. Only sessions that were started count: what was said at a table that
was left before anything began is said again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from devices import profile as profiles
from modctl.chart.reader import ChartReader, SessionFilter, SessionRow, record_as
from modctl.clinic.validity import Earlier, Moment, Scene
from modctl.clock import utc_text
from modctl.controller.colds import COLDS_BACK, Cold, colds
from modctl.ipc.messages import Refused, Start
from modctl.records import (
    Entry,
    GateAnswer,
    RoundOpened,
    SessionAmended,
    SessionRequested,
    SessionStarted,
    SetpointCommanded,
)

LOOKED_THROUGH: Final = 60  # chosen: sessions of one patient; a course of treatment has fewer than twenty
SESSIONS_A_DAY: Final = 200  # chosen: four tables all day
JUMPS: Final = 100  # chosen: more than that is told as that many
ROUNDS: Final = 4  # chosen: rounds of one day, some opened twice
TESTED: Final = "tested"
AMENDED: Final = "session.amended"
STOP_SWITCH: Final = "stop_switch"
SET_BY_PEOPLE: Final = ("ramp", "person", "resume")


class LastSession(msgspec.Struct, frozen=True, kw_only=True):
    """The session that a repeat repeats, as it was asked for."""

    unit: str
    preset: str
    settings: tuple[tuple[str, int], ...]  # without the level: that starts as the preset says, from off
    planned_ms: int


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Earlier answers, the oldest first; ``levels`` is what the last session of each preset was ridden to."""

    earlier: tuple[Earlier, ...] = ()
    last: LastSession | None = None
    levels: tuple[tuple[str, int], ...] = ()
    colds: tuple[Cold, ...] = ()  # the patient's last ones


def history(reader: ChartReader, request: Start, now_utc: str) -> History | Refused:
    """All that one request needs; Refused where there is nothing to repeat."""
    mine = reader.sessions(SessionFilter(patient=request.patient), LOOKED_THROUGH)
    last = next((row for row in mine if not request.unit or row.unit == request.unit), None)
    if request.repeat and last is None:
        where = f" on {request.unit}" if request.unit else ""
        why = f"{request.patient} has had no session{where} to repeat. Choose a preset. Nothing was started."
        return Refused(id=0, code="nothing_to_repeat", reason=why)
    unit = last.unit if request.repeat and last is not None else request.unit
    day_ago = utc_text(datetime.fromisoformat(now_utc) - timedelta(days=1))
    of_unit = reader.sessions(SessionFilter(unit=unit, since_utc=day_ago), LOOKED_THROUGH)
    rows = {row.session: row for row in (*mine, *of_unit)}
    found = [(entry.seq, one) for row in rows.values() for entry, one in _answers(reader, row)]
    found += [(entry.seq, one) for entry in reader.entries_of_kind("round.opened", ROUNDS) for one in _tested(entry)]
    return History(
        earlier=tuple(one for _, one in sorted(found, key=lambda pair: pair[0])),
        last=_asked_for(reader, last) if request.repeat and last is not None else None,
        levels=_levels(reader, mine),
        colds=colds(reader, request.patient, utc_text(datetime.fromisoformat(now_utc) - COLDS_BACK)),
    )


def switches_of_today(reader: ChartReader, now_utc: str, timezone: str) -> frozenset[str]:
    """Units whose stop switch was tested on this date at the site, at a session's gate or in a round."""
    day_ago = utc_text(datetime.fromisoformat(now_utc) - timedelta(days=1))
    of_day = reader.sessions(SessionFilter(since_utc=day_ago), SESSIONS_A_DAY)
    found = [one for row in of_day for _, one in _answers(reader, row) if one.gate == STOP_SWITCH]
    found += [one for entry in reader.entries_of_kind("round.opened", ROUNDS) for one in _tested(entry)]
    zone = ZoneInfo(timezone)
    today = datetime.fromisoformat(now_utc).astimezone(zone).date()
    return frozenset(
        one.scene.unit
        for one in found
        if one.answer == TESTED and datetime.fromisoformat(one.moment.at_utc).astimezone(zone).date() == today
    )


def jumps_of_a_day(reader: ChartReader, now_utc: str) -> int:
    """How often a clock jumped within the last day."""
    day_ago = utc_text(datetime.fromisoformat(now_utc) - timedelta(days=1))
    return sum(entry.at_utc >= day_ago for entry in reader.entries_of_kind("clock.jumped", JUMPS))


def _answers(reader: ChartReader, row: SessionRow) -> Iterable[tuple[Entry, Earlier]]:
    started = next(iter(reader.of_kind_in_session(row.session, "session.started")), None)
    if started is None:
        return
    where = record_as(started, SessionStarted)
    scene = Scene(patient=where.patient, modality=where.modality, region=where.region, side=where.side, unit=where.unit)
    amendments = (record_as(entry, SessionAmended) for entry in reader.of_kind_in_session(row.session, AMENDED))
    amended = {one.field: one.new for one in amendments}
    for entry in reader.of_kind_in_session(row.session, "gate.answered"):
        told = record_as(entry, GateAnswer)
        answer = amended.get(told.gate, told.answer)  # what was put right since is what holds, from when it was asked
        yield entry, Earlier(gate=told.gate, answer=answer, moment=_moment(entry, told.age_s), scene=scene)


def _moment(entry: Entry, age_s: int) -> Moment:
    """When an answer was true: a carried one was given earlier than it was charted, so it never grows younger."""
    at_utc = utc_text(datetime.fromisoformat(entry.at_utc) - timedelta(seconds=age_s))
    return Moment(at_utc=at_utc, boottime_ns=entry.boottime_ns - age_s * 1_000_000_000, boot=entry.boot)


def _tested(entry: Entry) -> Iterable[Earlier]:
    for check in record_as(entry, RoundOpened).checks:
        if check.check == STOP_SWITCH and check.result == "ok":
            scene = Scene(patient="", modality="", region="", side="", unit=check.subject)
            yield Earlier(gate=STOP_SWITCH, answer=TESTED, moment=_moment(entry, 0), scene=scene)


def _asked_for(reader: ChartReader, row: SessionRow) -> LastSession:
    asked = record_as(reader.of_kind_in_session(row.session, "session.requested")[0], SessionRequested)
    level = _level_of(asked.model)
    settings = tuple((name, value) for name, value in asked.asked if name != level)
    return LastSession(unit=asked.unit, preset=asked.preset, settings=settings, planned_ms=asked.planned_ms)


def _levels(reader: ChartReader, rows: Sequence[SessionRow]) -> tuple[tuple[str, int], ...]:
    newest = {row.preset: row for row in reversed(rows)}
    found = ((preset, _level(reader, row)) for preset, row in newest.items())
    return tuple((preset, level) for preset, level in found if level is not None)


def _level(reader: ChartReader, row: SessionRow) -> int | None:
    """What a session was ridden to in the end."""
    started = record_as(reader.of_kind_in_session(row.session, "session.started")[0], SessionStarted)
    parameter = _level_of(started.model)
    setpoints = (record_as(entry, SetpointCommanded) for entry in reader.of_kind_in_session(row.session, "setpoint"))
    levels = [dict(one.levels).get(parameter or "") for one in setpoints if one.cause in SET_BY_PEOPLE]
    return levels[-1] if levels else None


def _level_of(model: str) -> str | None:
    """The parameter that is ridden on a model; None for one that this program does not have any more."""
    return profiles.load(model).level.name if model in profiles.models() else None
