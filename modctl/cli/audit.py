"""``modctl audit``: claims against the chart, a sample that nobody can steer, and what fabrication looks like."""

import contextlib
import importlib
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import msgspec

from modctl.chart.reader import ChartReader
from modctl.cli.common import Context, emit, fail, finish, pass_context, say
from modctl.clinic.claims import Judged
from modctl.errors import Exit, UnreachableError, UsageError

COPY = click.option(
    "--chart", "copy", type=click.Path(path_type=Path, dir_okay=False), help="A copy of the chart. Default: the site's."
)
ZONE = click.option(
    "--zone", "zone_name", help="The clinic's time zone, when there is no site. Example: Europe/Berlin."
)


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


@click.group(invoke_without_command=True)
@COPY
@ZONE
@click.pass_context
def audit(ctx: click.Context, copy: Path | None, zone_name: str | None) -> None:
    """Without a subcommand: the auditor's screen. Reads only; works on a copy, without controller or units.

    Example: modctl audit --chart copy.db
    """
    if ctx.invoked_subcommand is not None:
        return
    context = ctx.find_object(Context)
    if context is None or context.plain:
        fail(Exit.USAGE, "The screen needs a terminal. Without one: modctl session list, session show, chart verify.")
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
    from modctl.clinic.claims import Verdict, parse_claims
    from modctl.clinic.claims import reconcile as judged
    from modctl.reports.treated import treatments

    lines, findings = parse_claims(_text(claims))
    if findings:
        raise UsageError("\n".join(f"{claims}: {finding}" for finding in findings))
    with _reader(context, copy) as reader:
        found = judged(lines, tuple(treatments(reader, _zone(context, zone_name))))
    for one in found:
        emit(_claim_line(one), _claim_text(one))
    counts = {verdict: sum(one.verdict is verdict for one in found) for verdict in Verdict}
    say(", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in counts.items() if count) or "no claims")
    good = counts[Verdict.MATCH] + counts[Verdict.NOT_OURS]
    finish(Exit.OK if good == len(found) else Exit.FINDINGS)


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
    from modctl.chart.errors import NoteError
    from modctl.chart.note import parse_checkpoint, parse_note
    from modctl.clinic.sampling import draw

    with _reader(context, copy) as reader:
        head = reader.last_head()
        if head is None:
            raise UnreachableError("This chart has no signed head: there is nothing to draw by. Take a checkpoint.")
        try:
            signed = parse_checkpoint(parse_note(head).text)
        except NoteError as why:
            raise UnreachableError(f"The chart's head does not parse: {why}") from why
        names = [row.session for row in reader.sessions() if row.seq <= signed.size and not row.load]
    root = signed.root
    drawn = draw(root, number, names, count)
    for place, name in enumerate(drawn, start=1):
        line = DrawnLine(session=name, place=place, root=root.hex(), number=number, of=len(names))
        emit(line, f"{place}. {name}")
    say(f"{len(drawn)} of {len(names)} sessions, by root {root.hex()[:16]} and number {number}")


@audit.command()
@COPY
@ZONE
@pass_context
def patterns(context: Context, copy: Path | None, zone_name: str | None) -> None:
    """Look for what fabrication looks like. A pattern is a reason to ask, never a proof. Exit 1 when there is one."""
    from modctl.clinic.suspicion import suspicions
    from modctl.reports.treated import watched

    with _reader(context, copy) as reader:
        found = suspicions(tuple(watched(reader, _zone(context, zone_name))))
    for one in found:
        emit(SuspicionLine(**msgspec.structs.asdict(one)), f"{one.pattern}: {one.says}: {', '.join(one.sessions)}")
    say(
        f"{len(found)} patterns" if found else "No pattern was found; simulated sessions are not held against readings."
    )
    finish(Exit.FINDINGS if found else Exit.OK)


def _show(context: Context, copy: Path | None, zone_name: str | None) -> int:
    from modctl.cli.audit_source import ChartFile

    # The screens stand above this package and are nothing that it builds on: loaded by name, like a program.
    run: Callable[[ChartFile], int] = importlib.import_module("tui.audit.app").run
    with _file(context, copy) as path:
        return run(ChartFile(path, _zone(context, zone_name)))


@contextlib.contextmanager
def _reader(context: Context, copy: Path | None) -> Iterator[ChartReader]:
    with _file(context, copy) as path, contextlib.closing(ChartReader.open(path)) as reader:
        yield reader


@contextlib.contextmanager
def _file(context: Context, copy: Path | None) -> Iterator[Path]:
    """The named copy, or the site's chart while nobody else has it."""
    from modctl.cli.reach import controller_if_any, site_to_ourselves
    from modctl.config import Layout

    if copy is not None:
        yield copy
        return
    if controller_if_any(context) is not None:
        raise UnreachableError(
            "A controller has this site's chart. Take a copy (modctl chart export copy.db) and name it: --chart copy.db"
        )
    layout = Layout(context.site)
    with site_to_ourselves(layout):
        yield layout.chart


def _zone(context: Context, named: str | None) -> zoneinfo.ZoneInfo:
    from modctl.config import load_site

    name = named or load_site(context.site).site.timezone
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as why:
        raise UsageError(f"There is no time zone {name!r}.") from why


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as why:
        raise UnreachableError(f"{path} cannot be read: {why}") from why


def _claim_line(one: Judged) -> ClaimLine:
    return ClaimLine(
        **msgspec.structs.asdict(one.claim),
        verdict=one.verdict,
        sessions=one.sessions,
        delivered_min=one.delivered_min,
        attended_min=one.attended_min,
        says=one.says,
    )


def _claim_text(one: Judged) -> str:
    claim, word = one.claim, one.verdict.replace("_", " ").upper()
    return f"{word} row {claim.row}: {claim.patient} {claim.date} {claim.code}: {one.says}"
