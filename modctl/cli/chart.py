"""``modctl chart``: verify it, sign its head, copy it out, whole or one session's receipt.

A live chart is opened by its controller alone.
"""

from pathlib import Path

import click
import msgspec

from modctl.chart.verify import ChartVerdict
from modctl.cli.common import Context, Slowly, emit_raw, finish, pass_context, print_line, say
from modctl.errors import Exit, UnreachableError, UsageError


class Head(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="chart.checkpoint"):
    """The chart's signed head, as a note to be kept elsewhere."""

    note: str


class Copied(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="chart.export"):
    """A copy of the chart and its head."""

    path: str
    checkpoint: str


@click.group()
def chart() -> None:
    """The chart: append-only, signed, and verifiable without trusting this program's word."""


@chart.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--checkpoint", "note", type=click.Path(path_type=Path), help="A signed head that was kept elsewhere.")
@click.option("--key", "vkey", metavar="VKEY", help="The chart's first key, as somebody else knows it.")
@click.option("--require-anchor", is_flag=True, help="Unanchored is a finding too (exit 1).")
@pass_context
def verify(context: Context, file: Path | None, note: Path | None, vkey: str | None, *, require_anchor: bool) -> None:
    """Verify FILE (a chart or a receipt), or the site's chart. Exit 0: sound, 1: broken, 3: cannot be read.

    Without a head from outside, nobody can tell whether the end is missing: the word is then "unanchored". A receipt
    may be given as the head from outside. Example: modctl chart verify copy.db --checkpoint /media/witness/head.note
    """
    from modctl.chart.pack import is_pack
    from modctl.chart.receipt import head_in, is_receipt
    from modctl.chart.verify import Judgement
    from modctl.cli.reading import reading

    outside = () if note is None else (head_in(_read(note)),)
    begin = b"" if file is None else _begin(file)
    if is_pack(begin):
        raise UsageError(f"{file} is a backup. What it is worth, and what it lacks: modctl chart restore {file}")
    if file is not None and is_receipt(begin):
        from modctl.cli.receipts import verify_receipt_file

        finish(verify_receipt_file(context, _read(file), vkey, outside, require_anchor=require_anchor))
    with reading(context, file) as found:
        verdict = found.verify(outside, vkey, Slowly("Verified"))
    if context.json:
        emit_raw(msgspec.json.encode(verdict))
    else:
        _print_verdict(verdict)
    is_bad = verdict.verdict == Judgement.BROKEN or (require_anchor and verdict.verdict != Judgement.ANCHORED)
    finish(Exit.FINDINGS if is_bad else Exit.OK)


@chart.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write the note there, as a new file.")
@pass_context
def checkpoint(context: Context, *, out: Path | None) -> None:
    """Sign the chart's head now. Keep the note away from this machine: it is what shows a missing end.

    Example: modctl chart checkpoint --out /media/witness/head.note
    """
    note = _take_checkpoint(context)
    if out is not None:
        try:
            with out.open("xb") as file:
                file.write(note)
        except OSError as why:
            raise UnreachableError(f"{out} cannot be written: {why.strerror}. It is signed all the same.") from why
        say(f"The head is in {out}.")
    elif context.json:
        emit_raw(msgspec.json.encode(Head(note=note.decode())))
    else:
        click.echo(note.decode(), nl=False)


@chart.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--purpose", required=True, help="Why a copy leaves; it is charted.")
@pass_context
def export(context: Context, file: Path, *, purpose: str) -> None:
    """Copy the chart to FILE (a new file) with its signed head beside it, FILE.checkpoint.

    Example: modctl chart export audit.db --purpose "quarterly audit"
    """
    from modctl.cli.charts import export_live
    from modctl.cli.common import emit
    from modctl.ipc.evidence import ExportChart

    target = file.absolute()
    export_live(context, ExportChart(id=0, path=str(target), purpose=purpose))
    record = Copied(path=str(target), checkpoint=f"{target}.checkpoint")
    emit(record, f"{target}, with its head in {target}.checkpoint")


@chart.command()
@click.argument("wanted", metavar="[SESSION]", required=False)
@click.option("--out", type=click.Path(path_type=Path), help="A new file. Default: receipt-SESSION.json, here.")
@click.option("--purpose", default="not said", show_default=True, help="Who gets it and why; it is charted.")
@click.option("--without-keys", is_flag=True, help="Shorter; it then holds against the chart's first key no more.")
@pass_context
def receipt(context: Context, wanted: str | None, *, out: Path | None, purpose: str, without_keys: bool) -> None:
    """Write what a patient or a payer takes away of SESSION (default: the last): its entries, each with its proof.

    Anybody verifies it without the chart and without this site: modctl chart verify FILE. It holds no telemetry and
    nothing of what people wrote. Example: modctl chart receipt --out receipt.json --purpose "asked for by the patient"
    """
    from modctl.cli.receipts import take_receipt

    take_receipt(context, wanted, out, purpose, with_keys=not without_keys)


@chart.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--purpose", required=True, help="Why, and where it is kept; it is charted.")
@pass_context
def backup(context: Context, file: Path, *, purpose: str) -> None:
    """Write all that this site needs to go on after its disk is gone to FILE: chart, people, keys, settings, presets.

    While sessions run or not. The file holds the signing key in force and who the patients are: keep it locked away,
    apart from this machine and from the anchors. Example: modctl chart backup /media/safe/monday.tar --purpose nightly
    """
    from modctl.cli.backups import take_backup

    take_backup(context, file.absolute(), purpose)


@chart.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--declare", "reason", metavar="REASON", help="Put it back, and chart that it was put back and why.")
@click.option("--as", "user", help="The administrator who declares it; the PIN is asked.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@pass_context
def restore(context: Context, file: Path, *, reason: str | None, user: str | None, pin_file: Path | None) -> None:
    """Verify the backup FILE and say what of this site it does not reach; with --declare, put it back.

    Only while no controller runs, or into an empty folder. What is in place is moved aside, nothing is deleted. The
    chart that was put back stays broken against every head of what is lost, and says who declared it.

    Example: modctl chart restore /media/safe/monday.tar --declare "disk failed" --as administrator
    """
    from modctl.cli.backups import put_back

    put_back(context, file, reason, user, pin_file)


@chart.command()
@click.option("--pull", "target", metavar="FILE", type=click.Path(path_type=Path), help="A chart out of the archive.")
@pass_context
def sync(context: Context, *, target: Path | None) -> None:
    """Add what is new to the archive that site.toml names: entries and signed heads, never a change of what is there.

    The archive is a witness: where this chart does not continue what it holds, nothing is sent (exit 1). With --pull,
    a chart file is made of what it holds; verify that as any other. Example: modctl chart sync
    """
    from modctl.cli import archiving

    if target is None:
        archiving.sync(context)
    else:
        archiving.pull(context, target.absolute())


def _take_checkpoint(context: Context) -> bytes:
    from modctl.cli.charts import take_checkpoint

    return take_checkpoint(context)


def _print_verdict(verdict: ChartVerdict) -> None:
    meaning = {
        "anchored": "sound, and it holds the head that was kept outside",
        "unanchored": "sound as far as it goes; only a head kept outside can show that its end is not missing",
        "broken": "not what was written",
    }
    print_line(f"{verdict.verdict}: {meaning[verdict.verdict]}")
    print_line(f"{verdict.entries} entries, root {verdict.root}, last head at {verdict.last_checkpoint}")
    for finding in verdict.findings:
        where = "" if finding.seq is None else f" at entry {finding.seq}"
        print_line(f"! {finding.code}{where}: {finding.text}")


def _begin(path: Path) -> bytes:
    """As much of a file as tells what it is; nothing where there is none: who reads it says so."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(16)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as why:
        raise UnreachableError(f"{path} cannot be read: {why.strerror}.") from why
