"""What is looked for among sessions, as words: ``by:anna outcome:faulted since:2026-03-01 override``. Pure.

The same words on the auditor's screen and on the command line. A word that is none is refused: one that did nothing
would hide what was looked for.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

import msgspec

from modctl.chart.reader import OPEN, SessionRow
from modctl.clock import utc_text

EARLY_PERMILLE: Final = 950  # chosen: stopped early is less than 95 % of what was planned
OUTCOMES: Final = ("completed", "stopped", "faulted", "unconfirmed", OPEN)
HELP: Final = (
    "patient: unit: by: preset: outcome: session: with a value, since: until: with a day (2026-03-01), "
    "override, early, simulated"
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Every field that is given must fit, in any case of letters. Days are the clinic's; ``until`` is included."""

    patient: str = ""
    unit: str = ""
    by: str = ""
    preset: str = ""
    outcome: str = ""
    session: str = ""
    since: str = ""
    until: str = ""
    override: bool = False
    early: bool = False
    simulated: bool = False


EVERYTHING: Final = Wanted()
_KINDS: Final = {field.name: field.type for field in msgspec.structs.fields(Wanted)}


def parse_wanted(typed: str) -> Wanted | str:
    """The filter, or a sentence about the first word that is none, with the words that are."""
    given: dict[str, str | bool] = {}
    for word in typed.split():
        name, colon, value = word.partition(":")
        problem = _problem(word, name, colon, value)
        if not problem and name in given:
            problem = f"{name} is there twice; a session has one of it, so nothing would fit."
        if problem:
            return problem
        given[name] = value if colon else True
    wanted = msgspec.convert(given, Wanted)
    if wanted.since and wanted.until and wanted.since > wanted.until:
        return f"since:{wanted.since} is after until:{wanted.until}: nothing would fit."
    return wanted


def chosen(rows: Iterable[SessionRow], wanted: Wanted, zone: tzinfo) -> Iterator[SessionRow]:
    """The rows that fit, in their order. ``zone`` is the clinic's: it says where a day begins."""
    if wanted == EVERYTHING:
        return iter(rows)
    since = _midnight(wanted.since, zone, days=0)
    until = _midnight(wanted.until, zone, days=1)
    return (row for row in rows if _fits(row, wanted, since, until))


def is_early(row: SessionRow) -> bool:
    """Less was delivered than planned, by more than a wobble."""
    return row.delivered_ms is not None and row.delivered_ms * 1_000 < EARLY_PERMILLE * row.planned_ms


def _problem(word: str, name: str, colon: str, value: str) -> str:
    kind = _KINDS.get(name)
    if kind is None or (kind is bool) is bool(colon):
        return f"{word!r} is no filter. Words: {HELP}."
    if kind is bool:
        return ""
    if not value:
        return f"{name}: needs a value, as in {name}:{'2026-03-01' if name in ('since', 'until') else 'value'}."
    if name in ("since", "until") and not _is_day(value):
        return f"{word}: a day is written as in {name}:2026-03-01."
    if name == "outcome" and value.lower() not in OUTCOMES:
        return f"{word}: an outcome is one of {', '.join(OUTCOMES)}."
    return ""


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _midnight(day: str, zone: tzinfo, *, days: int) -> str:
    """When a day of the clinic begins (or so many days later), as charts write it; empty for no day."""
    if not day:
        return ""
    begins = datetime.combine(date.fromisoformat(day) + timedelta(days=days), time(), zone)
    return utc_text(begins.astimezone(UTC))


def _fits(row: SessionRow, wanted: Wanted, since: str, until: str) -> bool:
    named = (
        (wanted.patient, row.patient),
        (wanted.unit, row.unit),
        (wanted.by, row.actor or ""),
        (wanted.preset, row.preset),
        (wanted.outcome, row.outcome),
        (wanted.session, row.session),
    )
    return (
        all(not asked or asked.casefold() == has.casefold() for asked, has in named)
        and (not since or row.started_at_utc >= since)
        and (not until or row.started_at_utc < until)
        and (not wanted.override or row.overrides > 0)
        and (not wanted.early or is_early(row))
        and (not wanted.simulated or row.simulated)
    )
