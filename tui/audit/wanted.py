"""What the auditor looks for, as words on one line: ``by:anna outcome:faulted since:2026-03-01 override``. Pure."""

from collections.abc import Sequence

import msgspec

from modctl.chart.reader import SessionRow

EARLY_PERMILLE = 950  # chosen: stopped early is less than 95 % of what was planned
HELP = "patient: unit: by: preset: outcome: since: until: (2026-03-01) override early simulated"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Every field that is given must fit; ``until`` is a day and is included."""

    patient: str = ""
    unit: str = ""
    by: str = ""
    preset: str = ""
    outcome: str = ""
    since: str = ""
    until: str = ""
    override: bool = False
    early: bool = False
    simulated: bool = False


def parse_wanted(typed: str) -> Wanted | str:
    """The filter, or a sentence about the first word that is none."""
    wanted = Wanted()
    for word in typed.split():
        name, colon, value = word.partition(":")
        fields = {field.name: field.type for field in msgspec.structs.fields(Wanted)}
        kind = fields.get(name)
        if kind is None or (kind is bool) is bool(colon):
            return f"{word!r} is no filter. Words: {HELP}"
        if kind is not bool and not value:
            return f"{name}: needs a value, as in {name}:value"
        wanted = msgspec.structs.replace(wanted, **{name: True if kind is bool else value})
    return wanted


def found(rows: Sequence[SessionRow], wanted: Wanted) -> tuple[SessionRow, ...]:
    """The rows that fit, in their order."""
    return tuple(row for row in rows if _fits(row, wanted))


def is_early(row: SessionRow) -> bool:
    """Less was delivered than planned, by more than a wobble."""
    return row.delivered_ms is not None and row.delivered_ms * 1_000 < EARLY_PERMILLE * row.planned_ms


def _fits(row: SessionRow, wanted: Wanted) -> bool:
    named = (
        (wanted.patient, row.patient),
        (wanted.unit, row.unit),
        (wanted.by, row.actor or ""),
        (wanted.preset, row.preset),
        (wanted.outcome, row.outcome),
    )
    if any(asked and asked != has for asked, has in named):
        return False
    day = row.started_at_utc[:10]
    if (wanted.since and day < wanted.since) or (wanted.until and day > wanted.until):
        return False
    return (
        (not wanted.override or row.overrides > 0)
        and (not wanted.early or is_early(row))
        and (not wanted.simulated or row.simulated)
    )
