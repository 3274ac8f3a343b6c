"""A receipt in words: what it says of its session, what it proves, and what it does not. Values in, lines out."""

from collections.abc import Iterator

from devices.model import label
from modctl.chart.body import BodyError, decode_record
from modctl.chart.receipt import ReceiptVerdict, Trust
from modctl.records import Entry
from modctl.reports.telling import Teller, answered

MAX_LINE_CHARS = 500  # chosen: a receipt comes from anywhere; a line of the record is shorter


def title(verdict: ReceiptVerdict) -> str:
    """Which session of which chart."""
    genesis = verdict.genesis
    site = "a site that it does not name" if genesis is None else label(genesis.site)
    kind = "" if genesis is None or not genesis.simulated else ", SIMULATED: no patient, no real unit"
    return f"receipt of session {label(verdict.session)}, {site}{kind}; chart {label(verdict.head.origin)}"


def told(verdict: ReceiptVerdict) -> Iterator[str]:
    """What the proven entries say, one line each."""
    teller = Teller()
    for entry in verdict.entries:
        for line in _lines(teller, entry):
            yield label(f"{entry.at_utc}  {line}", MAX_LINE_CHARS)


def proves(verdict: ReceiptVerdict) -> tuple[str, ...]:
    """What a sound receipt shows; nothing of it holds for one with findings."""
    if verdict.findings:
        return ()
    size = verdict.head.size
    signer = label(verdict.signer, MAX_LINE_CHARS)
    return (
        f"{len(verdict.entries)} entries stood in the chart, unaltered, when its head of {size} entries was signed.",
        "The head counts by what you gave: a key or a head that you know on another way."
        if verdict.trust is Trust.KNOWN
        else f"The head counts by the key that the receipt itself names: {signer}",
    )


def proves_not(verdict: ReceiptVerdict) -> tuple[str, ...]:
    """What no receipt shows, or this one does not."""
    whose = "Whose key that is: anybody can make a chart. Ask the site for its first key on another way: --key VKEY."
    return (
        *((whose,) if verdict.trust is Trust.OWN else ()),
        "That these are all entries of the session: what was added later, or left out, only a copy of the chart shows.",
        "That what was charted is true, or when it was written: the clock is the site's.",
        "Who the patient is: the chart has a reference. What people wrote is in here as a commitment, not as text.",
    )


def _lines(teller: Teller, entry: Entry) -> Iterator[str]:
    try:
        decode_record(entry)
    except BodyError:
        yield f"{entry.kind}: written by a program that knows more kinds than this one"
        return
    yield from teller.lines(entry)
    yield from answered(entry)
