"""What the auditor's questions to the whole chart came to, ready to be read. Pure."""

from collections import Counter
from collections.abc import Sequence

from modctl.clinic.claims import Judged, Verdict
from modctl.clinic.suspicion import Suspicion
from modctl.reports.pages import Paper, Table

GOOD = (Verdict.MATCH, Verdict.NOT_OURS)
MEANS = {
    Verdict.MATCH: "a session is behind it",
    Verdict.SHORT: "the session behind it is shorter than what is claimed",
    Verdict.NO_SESSION: "no session is left behind it",
    Verdict.OVERLAP: "one person, constantly attending two patients at once",
    Verdict.NOT_OURS: "a code that no unit of this site is behind",
}


def verdict_counts(judged: Sequence[Judged]) -> str:
    """So many of each verdict, in one line."""
    counts = Counter(one.verdict for one in judged)
    told = (f"{counts[verdict]} {verdict.replace('_', ' ')}" for verdict in Verdict if counts[verdict])
    return ", ".join(told) or "no claims"


def are_good(judged: Sequence[Judged]) -> bool:
    """Every claim has its session, or is none of this site's."""
    return all(one.verdict in GOOD for one in judged)


def claims_paper(judged: Sequence[Judged], name: str) -> Paper:
    """The claims that are not behind a session first; of the others only how many."""
    bad = [one for one in judged if one.verdict not in GOOD]
    counts = Counter(one.verdict for one in judged)
    meant = Table(
        heading="Verdicts",
        columns=("claims", "verdict", "what it means"),
        rows=tuple(
            (str(counts[verdict]), verdict.replace("_", " "), MEANS[verdict]) for verdict in Verdict if counts[verdict]
        ),
    )
    rows = tuple(
        (
            str(one.claim.row),
            one.claim.patient,
            one.claim.date,
            one.claim.code,
            str(one.claim.minutes),
            one.verdict.replace("_", " ").upper(),
            f"{one.says}{': ' + ', '.join(one.sessions) if one.sessions else ''}",
        )
        for one in bad
    )
    named = Table(
        heading="Claims to ask about",
        columns=("row", "patient", "date", "code", "min", "verdict", "the chart says"),
        rows=rows,
    )
    return Paper(
        title=f"Claims of {name} against the chart",
        says=f"{len(judged)} claims: {verdict_counts(judged)}.",
        tables=(meant, named) if bad else (meant,),
        is_finding=bool(bad),
    )


def patterns_paper(found: Sequence[Suspicion]) -> Paper:
    """Every pattern with its sessions."""
    rows = tuple((one.pattern.replace("_", " "), f"{one.says}: {', '.join(one.sessions)}") for one in found)
    return Paper(
        title="What fabrication looks like",
        says=patterns_told(found),
        tables=(Table(heading="Patterns", columns=("pattern", "what was seen"), rows=rows),) if found else (),
        is_finding=bool(found),
    )


def patterns_told(found: Sequence[Suspicion]) -> str:
    """In one sentence."""
    if not found:
        return "No pattern was found; simulated sessions are not held against readings."
    return f"{len(found)} pattern{'' if len(found) == 1 else 's'}. Each is a reason to ask, never a proof."
