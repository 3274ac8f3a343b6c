"""How often soft limits were opened and sessions ended early: by person, unit, reason and limit. Pure.

Counts are no verdicts: who treats more stops more. So each count stands beside the number of sessions behind it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from modctl import sentences
from modctl.chart.reader import SessionRow
from modctl.chart.wanted import is_early
from modctl.reports.pages import Paper, Table

GOOD: Final = ("completed", "stopped")


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """One soft limit that was opened in a session."""

    session: str
    limit: str
    has_second: bool


class Count(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="audit.count"):
    """One line. ``by``: all, person, unit, reason (of the early ends) or limit (that was opened).

    ``overrides`` are openings, of ``sessions`` sessions; ``bad`` are faulted or unconfirmed ones.
    """

    by: str
    name: str
    sessions: int
    early: int
    overrides: int
    bad: int
    second_person: int = 0  # of the openings: a second person stood by


def counted(rows: Sequence[SessionRow], opened: Iterable[Opened]) -> tuple[Count, ...]:
    """Counts over these sessions; what was opened in others is passed over."""
    if not rows:
        return ()
    early = [row for row in rows if is_early(row)]
    groups = (
        *_grouped("all", rows, lambda _: ""),
        *_grouped("person", rows, lambda row: row.actor or "?"),
        *_grouped("unit", rows, lambda row: row.unit),
        *_grouped("reason", early, lambda row: row.reason or "?"),
    )
    names = {row.session for row in rows}
    return (*groups, *_limits([one for one in opened if one.session in names]))


def counts_paper(rows: Sequence[SessionRow], opened: Iterable[Opened], what: str) -> Paper:
    """The same, to be read. ``what`` says which sessions these are."""
    counts = counted(rows, opened)
    if not counts:
        return Paper(title="Counts", says="No session fits.")
    whole = counts[0]
    outcomes = Counter(row.outcome for row in rows)
    spread = ", ".join(f"{count} {word}" for word, count in outcomes.most_common())
    sessions = "1 session" if whole.sessions == 1 else f"{whole.sessions} sessions"
    said = f"{sessions}: {spread}. {whole.early} ended early, {whole.overrides} limits were opened."
    return Paper(
        title=f"Counts over {what}",
        says=said,
        tables=(
            _table("By person", counts, "person"),
            _table("By unit", counts, "unit"),
            Table(
                heading="Why sessions ended early (less than 95 % of what was planned)",
                columns=("sessions", "share", "reason"),
                rows=tuple(
                    (str(one.sessions), _share(one.sessions, whole.early), sentences.reason(one.name))
                    for one in _most(counts, "reason")
                )
                or (("0", "", "no session ended early"),),
            ),
            Table(
                heading="Soft limits that were opened",
                columns=("times", "sessions", "with a second person", "limit"),
                rows=tuple(
                    (str(one.overrides), str(one.sessions), str(one.second_person), one.name)
                    for one in _most(counts, "limit")
                )
                or (("0", "0", "", "none was opened"),),
            ),
        ),
    )


def _grouped(by: str, rows: Sequence[SessionRow], name_of: Callable[[SessionRow], str]) -> Iterable[Count]:
    groups: dict[str, list[SessionRow]] = defaultdict(list)
    for row in rows:
        groups[name_of(row)].append(row)
    for name, group in sorted(groups.items()):
        yield Count(
            by=by,
            name=name,
            sessions=len(group),
            early=sum(map(is_early, group)),
            overrides=sum(row.overrides for row in group),
            bad=sum(row.outcome not in (*GOOD, "open") for row in group),
        )


def _limits(opened: Sequence[Opened]) -> Iterable[Count]:
    groups: dict[str, list[Opened]] = defaultdict(list)
    for one in opened:
        groups[one.limit].append(one)
    for limit, group in sorted(groups.items()):
        sessions = len({one.session for one in group})
        seconds = sum(one.has_second for one in group)
        yield Count(
            by="limit", name=limit, sessions=sessions, early=0, overrides=len(group), bad=0, second_person=seconds
        )


def _most(counts: Sequence[Count], by: str) -> list[Count]:
    found = (one for one in counts if one.by == by)
    return sorted(found, key=lambda one: (-max(one.overrides, one.sessions), one.name))


def _table(heading: str, counts: Sequence[Count], by: str) -> Table:
    return Table(
        heading=heading,
        columns=("", "sessions", "early", "", "overrides", "faulted or unconfirmed"),
        rows=tuple(
            (
                one.name,
                str(one.sessions),
                str(one.early),
                _share(one.early, one.sessions),
                str(one.overrides),
                str(one.bad),
            )
            for one in counts
            if one.by == by
        ),
    )


def _share(count: int, of: int) -> str:
    return f"{count * 100 // of} %" if of else ""
