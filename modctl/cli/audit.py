"""``modctl audit``: claims against the chart, a sample that nobody can steer, and what fabrication looks like."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from modctl.cli.common import COPY, ZONE, Context, emit, fail, finish, pass_context, say
from modctl.errors import Exit

if TYPE_CHECKING:
    from modctl.clinic.claims import Judged
    from modctl.reports.counts import Count


class ClaimLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="audit.claim"):
    """One claim and what the chart says to it."""

    row: int
    patient: str
    date: str
    code: str
    minutes: int
    verdict: str
    sessions: tuple[str, ...]
    delivered_min: int
    attended_min: int
    says: str


class DrawnLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="audit.sample"):
    """One session of a sample, and what it was drawn with."""

    session: str
    place: int
    root: str
    number: int
    of: int


class SuspicionLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="audit.pattern"):
    """One pattern and the sessions that show it."""

    pattern: str
    by: str
    says: str
    sessions: tuple[str, ...]


class SelectionLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="audit.export"):
    """What was written."""

    path: str
    sessions: int
    lines: int


@click.group(invoke_without_command=True)
@COPY
@ZONE
@click.pass_context
def audit(ctx: click.Context, copy: Path | None, zone_name: str | None) -> None:
    """Without a subcommand: the auditor's screen. Reads only.

    On a copy it needs no site, no controller and no unit. Without --chart it reads the station's own chart: through
    the controller while one runs, with nobody signed in, so that nothing can be written; else the file itself.

    Example: modctl audit --chart copy.db --zone Europe/Berlin
    """
    if ctx.invoked_subcommand is not None:
        return
    context = ctx.find_object(Context)
    if context is None or context.plain:
        fail(
            Exit.USAGE,
            "The screen needs a terminal. Without one: modctl session list, session show, chart verify, and "
            "modctl audit counts, export, reconcile, sample, patterns; each takes --chart COPY.",
        )
    finish(_show(context, copy, zone_name))


@audit.command()
@click.argument("claims", type=click.Path(path_type=Path, dir_okay=False))
@COPY
@ZONE
@pass_context
def reconcile(context: Context, claims: Path, copy: Path | None, zone_name: str | None) -> None:
    """Hold claims (CSV with patient, date, code, minutes) against what was delivered and attended.

    Verdicts: match, short, no_session, overlap, not_ours. Exit 1 when a claim has no full session behind it.
    Example: modctl audit reconcile quarter.csv --chart copy.db
    """
    from modctl.cli.audit_source import text_of
    from modctl.cli.reading import clinic_zone, reading
    from modctl.reports.inquiry import claims_judged
    from modctl.reports.papers import are_good, verdict_counts

    content, zone = text_of(claims), clinic_zone(context, zone_name)
    with reading(context, copy) as chart:
        found = claims_judged(chart, str(claims), content, zone, _unseen)
    for one in found:
        emit(_claim_line(one), _claim_text(one))
    say(verdict_counts(found))
    finish(Exit.OK if are_good(found) else Exit.FINDINGS)


@audit.command()
@click.option("--number", type=int, required=True, help="The auditor's own number, said after the head was signed.")
@click.option("--count", type=click.IntRange(1, 10_000), default=5, show_default=True, help="So many sessions.")
@COPY
@pass_context
def sample(context: Context, number: int, count: int, copy: Path | None) -> None:
    """Draw sessions by the chart's signed root and the auditor's number: the same for everybody who knows both.

    The site cannot steer it, because the root was signed before the number was said; the auditor cannot, because the
    root decides too.
    """
    from modctl.cli.reading import reading
    from modctl.reports.inquiry import sample_drawn

    with reading(context, copy) as chart:
        drawn = sample_drawn(chart, number, count)
    for place, row in enumerate(drawn.rows, start=1):
        line = DrawnLine(session=row.session, place=place, root=drawn.root, number=number, of=drawn.of)
        emit(line, f"{place}. {row.session}")
    say(drawn.says)


@audit.command()
@COPY
@ZONE
@pass_context
def patterns(context: Context, copy: Path | None, zone_name: str | None) -> None:
    """Look for what fabrication looks like. A pattern is a reason to ask, never a proof. Exit 1 when there is one."""
    from modctl.cli.reading import clinic_zone, reading
    from modctl.reports.inquiry import patterns_seen
    from modctl.reports.papers import patterns_told

    zone = clinic_zone(context, zone_name)
    with reading(context, copy) as chart:
        found = patterns_seen(chart, zone, _unseen)
    for one in found:
        emit(SuspicionLine(**msgspec.structs.asdict(one)), f"{one.pattern}: {one.says}: {', '.join(one.sessions)}")
    say(patterns_told(found))
    finish(Exit.FINDINGS if found else Exit.OK)


@audit.command()
@click.argument("words", nargs=-1, metavar="[WORDS]...")
@COPY
@ZONE
@pass_context
def counts(context: Context, words: tuple[str, ...], copy: Path | None, zone_name: str | None) -> None:
    """Count early ends and opened soft limits by person, unit, reason and limit.

    WORDS narrow what is counted, as in modctl session list. Example: modctl audit counts since:2026-03-01 --chart F
    """
    from modctl.cli.reading import reading
    from modctl.cli.records import session_rows
    from modctl.reports.counts import counted
    from modctl.reports.inquiry import openings

    rows = tuple(session_rows(context, words, copy, zone_name))
    with reading(context, copy) as chart:
        found = counted(rows, openings(chart))
    for one in found:
        emit(one, _count_text(one))
    if not found:
        say("No session fits.")


@audit.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("words", nargs=-1, metavar="[WORDS]...")
@COPY
@ZONE
@pass_context
def export(context: Context, file: Path, words: tuple[str, ...], copy: Path | None, zone_name: str | None) -> None:
    """Write the sessions that fit into FILE, a new one: entries as lines of JSON, or with .csv a row a session.

    WORDS narrow the selection, as in modctl session list. Of a whole chart with its proof: modctl chart export.
    Example: modctl audit export march.csv since:2026-03-01 until:2026-03-31 --chart copy.db
    """
    from modctl.cli.reading import reading
    from modctl.cli.records import session_rows
    from modctl.reports.selection import write_selection

    rows = tuple(session_rows(context, words, copy, zone_name))
    with reading(context, copy) as chart:
        written = write_selection(chart, rows, file, _unseen)
    record = SelectionLine(path=str(file), sessions=len(rows), lines=written)
    emit(record, f"wrote {written} lines of {len(rows)} sessions to {file}")


def _show(context: Context, copy: Path | None, zone_name: str | None) -> int:
    from modctl.cli.audit_source import ChartSource
    from modctl.cli.reading import clinic_zone, reading

    where = "this station" if copy is None else copy.name
    source = ChartSource(lambda: reading(context, copy), where, clinic_zone(context, zone_name))
    # The screens stand above this package and are nothing that it builds on: loaded by name, like a program.
    run: Callable[[ChartSource], int] = importlib.import_module("tui.audit.app").run
    return run(source)


def _unseen(_done: int, _of: int) -> None:
    """Nobody watches: results are lines."""


def _claim_line(one: "Judged") -> ClaimLine:
    return ClaimLine(
        **msgspec.structs.asdict(one.claim),
        verdict=one.verdict,
        sessions=one.sessions,
        delivered_min=one.delivered_min,
        attended_min=one.attended_min,
        says=one.says,
    )


def _claim_text(one: "Judged") -> str:
    claim, word = one.claim, one.verdict.replace("_", " ").upper()
    return f"{word} row {claim.row}: {claim.patient} {claim.date} {claim.code}: {one.says}"


def _count_text(one: "Count") -> str:
    from modctl import sentences

    match one.by:
        case "reason":
            return f"early, because {sentences.reason(one.name)}: {one.sessions} sessions"
        case "limit":
            seconds = f", {one.second_person} with a second person"
            return f"limit {one.name}: opened {one.overrides} times in {one.sessions} sessions{seconds}"
        case _:
            name = "all" if one.by == "all" else f"{one.by} {one.name}"
            told = f"{one.early} early, {one.overrides} overrides, {one.bad} faulted or unconfirmed"
            return f"{name}: {one.sessions} sessions, {told}"
