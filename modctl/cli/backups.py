"""Backups from the command line: writing one, and putting one back."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from devices.model import label
from modctl.chart.grammar import Finding
from modctl.chart.verify import Judgement
from modctl.cli.charts import export_live
from modctl.cli.common import Context, Slowly, emit, emit_raw, finish, print_line, say
from modctl.cli.reach import check_pin, pin_for, site_to_ourselves
from modctl.clock import SystemClock
from modctl.config import Layout
from modctl.controller.accounts import People
from modctl.controller.backup import WARNING
from modctl.controller.restore import Staged, declare, put_in_place, staged
from modctl.controller.rights import PUTS_BACK
from modctl.errors import Exit, RefusedError, UnreachableError, UsageError
from modctl.ipc.evidence import ExportChart


class Written(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="chart.backup"):
    """A backup was written."""

    path: str
    bytes: int


class Restored(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="chart.restore"):
    """What a backup is, what it does not reach, and whether it was put back. ``lost_sessions`` null: not known."""

    verdict: Judgement
    put_back: bool
    made_at_utc: str
    entries: int
    root: str
    findings: tuple[Finding, ...]
    lost_entries: int
    lost_sessions: tuple[str, ...] | None
    lost_size: int | None
    lost_known_from: str
    notes: tuple[str, ...]
    moved_to: str | None = None


def take_backup(context: Context, target: Path, purpose: str) -> None:
    """Write a backup of the site."""
    say("Copying the chart, the people, the keys and the settings. A big chart takes a minute; sessions go on.")
    export_live(context, ExportChart(id=0, path=str(target), purpose=purpose, form="backup"))
    size = target.stat().st_size
    emit(Written(path=str(target), bytes=size), f"{target}, {size} bytes")
    say(WARNING)


def put_back(context: Context, source: Path, reason: str | None, user: str | None, pin_file: Path | None) -> None:
    """Judge a backup and, when that is declared, put it in the site's place."""
    if not source.is_file():
        raise UnreachableError(f"There is no backup at {source}.")
    said = label((reason or "").strip())
    if reason is not None and not (said and user):
        raise UsageError("A restore is declared with a reason in words and by a person: --declare REASON --as USER.")
    stamp = SystemClock().stamp()
    name = f"{context.site.name}.restore-{datetime.fromisoformat(stamp.at_utc):%Y%m%d-%H%M%S}"
    say("Taking the backup apart and verifying it. A big chart takes a minute; nothing is changed by that.")
    with _standing_still(Layout(context.site)), staged(source, context.site, name, Slowly("Verified")) as backup:
        if backup.verdict.verdict is Judgement.BROKEN or reason is None or user is None:
            _tell(context, _result(backup))
            finish(Exit.FINDINGS)
        _check(context, backup, user, pin_file)
        declare(backup, said, user, stamp)
        aside = backup.folder if put_in_place(backup) else None
    _tell(context, _result(backup, moved_to=None if aside is None else str(aside), is_back=True))


@contextlib.contextmanager
def _standing_still(layout: Layout) -> Iterator[None]:
    """Nobody uses the site: we hold it, or there is none yet."""
    root = layout.root
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        yield
        return
    if not (layout.site_toml.exists() or layout.chart.exists()):
        raise RefusedError(f"{root} is neither a site nor empty; nothing is put over it.")
    layout.run.mkdir(mode=0o700, exist_ok=True)
    with site_to_ourselves(layout):
        yield


def _check(context: Context, backup: Staged, user: str, pin_file: Path | None) -> None:
    """By the accounts in place, which are newer; where there are none, by those of the backup."""
    here = Layout(context.site)
    layout = here if here.people.exists() and here.site_toml.exists() else Layout(backup.folder)
    pin = pin_for(Context(site=layout.root), user, pin_file)
    people = People(layout.people)
    try:
        role = check_pin(people, user, pin)
    finally:
        people.close()
    if role not in PUTS_BACK:
        raise RefusedError(f"This is for: {', '.join(sorted(PUTS_BACK))}; {user} is {role}. Nothing was put back.")


def _result(backup: Staged, *, moved_to: str | None = None, is_back: bool = False) -> Restored:
    verdict, lost = backup.verdict, backup.lost
    return Restored(
        verdict=verdict.verdict,
        put_back=is_back,
        made_at_utc=backup.manifest.made_at_utc,
        entries=verdict.entries,
        root=verdict.root,
        findings=verdict.findings,
        lost_entries=lost.entries,
        lost_sessions=lost.sessions,
        lost_size=None if lost.head is None else lost.head.size,
        lost_known_from="" if lost.head is None else lost.head.where,
        notes=lost.notes,
        moved_to=moved_to,
    )


def _tell(context: Context, result: Restored) -> None:
    if context.json:
        emit_raw(msgspec.json.encode(result))
        return
    print_line(f"{result.verdict}: backup of {label(result.made_at_utc)}, {result.entries} entries, root {result.root}")
    for finding in result.findings:
        where = "" if finding.seq is None else f" at entry {finding.seq}"
        print_line(f"! {finding.code}{where}: {finding.text}")
    for note in result.notes:
        print_line(f"! {note}")
    for line in _losses(result):
        print_line(line)
    if result.put_back:
        print_line("Put back, and charted as such. The signing key is a new one.")
        print_line("Every unit is out of use until a person has looked at it: modctl unit acknowledge NAME --as USER.")
        print_line("People, PINs, presets and settings are those of the backup too: look through them.")
        if result.moved_to is not None:
            print_line(f"What was in place lies in {result.moved_to}. It holds keys and identities: lock it away.")
    elif result.findings:
        print_line("Nothing was changed: what does not verify is not put back.")
    else:
        print_line("Nothing was changed. To put it back: --declare REASON --as USER.")


def _losses(result: Restored) -> Iterator[str]:
    if not result.lost_entries and result.lost_sessions is not None:
        yield "Nothing that is known here is missing in it."
        return
    if result.lost_entries:
        yield f"LOST with it: {result.lost_entries} entries after entry {result.entries}, as far as is known here."
    if result.lost_size is not None:
        source = "the chart in place" if result.lost_known_from == "chart" else result.lost_known_from
        yield f"The highest lost head that is known is of {result.lost_size} entries, from {source}."
    if result.lost_sessions is None:
        yield "Which sessions are lost is not known here: there is no sound chart in place to ask."
    else:
        yield f"Sessions that are lost: {', '.join(result.lost_sessions) or 'none'}."
