"""Receipts from the command line: writing one, and saying what one is worth."""

from pathlib import Path
from typing import Literal

import msgspec

from modctl.chart.grammar import Finding
from modctl.chart.receipt import ReceiptVerdict, Trust, read_receipt, verify_receipt
from modctl.chart.verify import Judgement
from modctl.cli.charts import export_live
from modctl.cli.common import Context, emit, emit_raw, print_line
from modctl.cli.records import named
from modctl.errors import Exit
from modctl.ipc.evidence import ExportChart
from modctl.reports import receipt as words

MEANING = {
    Judgement.ANCHORED: "sound, by a key or a head that you know on another way",
    Judgement.UNANCHORED: "sound in itself, by the key that the receipt itself names",
    Judgement.BROKEN: "not what the chart holds",
}


class Written(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="chart.receipt"):
    """A receipt was written."""

    session: str
    path: str


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What ``chart verify`` says of a receipt: the fields of a chart's verdict, and those of its own."""

    kind: Literal["chart.verify"] = "chart.verify"
    verdict: Judgement
    receipt: str  # the session
    entries: int  # proven ones
    root: str
    last_checkpoint: int  # size of the head
    findings: tuple[Finding, ...]
    signer: str
    told: tuple[str, ...]
    proves: tuple[str, ...]
    proves_not: tuple[str, ...]


def take_receipt(context: Context, wanted: str | None, out: Path | None, purpose: str, *, with_keys: bool) -> None:
    """Write the receipt of a session."""
    session = named(context, wanted)
    target = (out or Path(f"receipt-{session}.json")).absolute()
    asked = ExportChart(id=0, path=str(target), purpose=purpose, form="receipt", session=session, with_keys=with_keys)
    export_live(context, asked)
    emit(Written(session=session, path=str(target)), f"{target}: verify it with modctl chart verify {target}")


def verify_receipt_file(
    context: Context, content: bytes, vkey: str | None, outside: tuple[bytes, ...], *, require_anchor: bool
) -> Exit:
    """Judge a receipt and print it; the command's status."""
    found = verify_receipt(read_receipt(content), vkey, outside)
    judged = _judged(found)
    if context.json:
        emit_raw(msgspec.json.encode(judged))
    else:
        _print(judged, words.title(found))
    is_bad = judged.verdict == Judgement.BROKEN or (require_anchor and judged.verdict != Judgement.ANCHORED)
    return Exit.FINDINGS if is_bad else Exit.OK


def _judged(found: ReceiptVerdict) -> Judged:
    sound = Judgement.ANCHORED if found.trust is Trust.KNOWN else Judgement.UNANCHORED
    return Judged(
        verdict=Judgement.BROKEN if found.findings else sound,
        receipt=found.session,
        entries=len(found.entries),
        root=found.head.root.hex(),
        last_checkpoint=found.head.size,
        findings=found.findings,
        signer=found.signer,
        told=tuple(words.told(found)),
        proves=words.proves(found),
        proves_not=words.proves_not(found),
    )


def _print(judged: Judged, title: str) -> None:
    print_line(f"{judged.verdict}: {MEANING[judged.verdict]}")
    print_line(title)
    for finding in judged.findings:
        where = "" if finding.seq is None else f" at entry {finding.seq}"
        print_line(f"! {finding.code}{where}: {finding.text}")
    if judged.findings:
        print_line("Nothing in it is proven. Ask the site for a new one.")
        return
    for line in judged.told:
        print_line(f"  {line}")
    print_line("It shows:")
    for line in judged.proves:
        print_line(f"  {line}")
    print_line("It does not show:")
    for line in judged.proves_not:
        print_line(f"  {line}")
