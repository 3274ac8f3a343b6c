"""What the auditor reads, as lines. Pure: rows, pages and verdicts in, lines out."""

from collections import Counter
from collections.abc import Sequence

from modctl import text
from modctl.chart.reader import SessionRow
from modctl.chart.verify import ChartVerdict, Judgement
from modctl.reports.pages import Page
from tui.audit.source import Lines
from tui.audit.wanted import is_early
from tui.looks import Line, Look, Span, fitted, wrapped
from tui.widgets.strip_chart import Trace, trace_lines

NAME = 26  # columns of a row's name
TRACE_ROWS = 5
GOOD = ("completed", "stopped")
SAYS = {
    Judgement.ANCHORED: "ANCHORED: sound, and every head given from outside is in it. Up to there nothing is missing.",
    Judgement.UNANCHORED: "UNANCHORED: sound as far as it goes. Only a head from outside can tell a missing end.",
    Judgement.BROKEN: "BROKEN: this chart is not what was signed. Do not rely on it; the findings say where.",
}


def head_line(width: int) -> Line:
    """The names of the columns."""
    return (
        Span(fitted(_columns("started (UTC)", "outcome", "unit", "patient", "by", "delivered", ""), width), Look.QUIET),
    )


def row_line(row: SessionRow, width: int, *, is_chosen: bool) -> Line:
    """One session."""
    delivered = "open" if row.delivered_ms is None else f"{text.clock(row.delivered_ms)}/{text.clock(row.planned_ms)}"
    marks = " ".join(
        word
        for word, is_so in (
            ("SIM", row.simulated),
            (f"override {row.overrides}", row.overrides > 0),
            ("early", is_early(row)),
        )
        if is_so
    )
    started = row.started_at_utc[:16].replace("T", " ")
    patient = "BENCH" if row.load else row.patient
    said = _columns(started, row.outcome.upper(), row.unit, patient, row.actor or "", delivered, marks)
    look = Look.CHOSEN if is_chosen else Look.PLAIN if row.outcome in GOOD else Look.WARNING
    return (Span(fitted(f"{'>' if is_chosen else ' '}{said}", width), look),)


def _columns(
    started: str, outcome: str, unit: str, patient: str, by: str, delivered: str, marks: str
) -> str:  # one a column
    return (
        f"{fitted(started, 17)}{fitted(outcome, 12)}{fitted(unit, 14)}{fitted(patient, 8)}{fitted(by, 10)}"
        f"{fitted(delivered, 12)}{marks}"
    )


def page_lines(page: Page, width: int) -> Lines:
    """One session: its state, its picture, then everything in rows."""
    lines: list[Line] = [
        (Span(fitted(f" {page.title}", width), Look.STRONG),),
        (Span(fitted(f" {page.state}", width), Look.STRONG),),
        (Span(""),),
    ]
    for title, values in (("commanded", page.commanded), ("reported", page.reported)):
        high = max([1, *(value for value in (*page.commanded, *page.reported) if value is not None)])
        trace = Trace(values=values, low=0, high=high, top_text=page.top_text, bottom_text="0", title=title)
        lines += trace_lines(trace, width, TRACE_ROWS)
    lines += wrapped(f" {page.says}", width)
    for section in page.sections:
        lines += [(Span(""),), (Span(f" {section.heading}", Look.STRONG),)]
        for name, said in section.rows:
            told = wrapped(said, max(1, width - NAME - 2))
            for place, row in enumerate(told):
                lines.append((Span(fitted(f"  {name if place == 0 else ''}", NAME), Look.QUIET), *row))
    return tuple(lines)


def statistics_lines(rows: Sequence[SessionRow], width: int) -> Lines:
    """Counts over what is shown: outcomes, early stops and overrides, by person and by unit."""
    if not rows:
        return ((Span(" No session fits."),),)
    lines: list[Line] = [(Span(f" {len(rows)} sessions", Look.STRONG),)]
    outcomes = Counter(row.outcome for row in rows)
    lines.append((Span(" " + ", ".join(f"{count} {word}" for word, count in outcomes.most_common())),))
    for heading, names in (("By person", [row.actor or "?" for row in rows]), ("By unit", [row.unit for row in rows])):
        groups: dict[str, list[SessionRow]] = {}
        for name, row in zip(names, rows, strict=True):
            groups.setdefault(name, []).append(row)
        lines += [(Span(""),), (Span(f" {heading}", Look.STRONG),)]
        lines.append(
            (Span(fitted(_counted("", "sessions", "early", "overrides", "faulted or unconfirmed"), width), Look.QUIET),)
        )
        for name, group in sorted(groups.items()):
            bad = sum(row.outcome not in GOOD for row in group)
            early, overrides = sum(map(is_early, group)), sum(row.overrides for row in group)
            said = _counted(name, str(len(group)), _share(early, group), str(overrides), _share(bad, group))
            lines.append((Span(fitted(said, width)),))
    return tuple(lines)


def _counted(name: str, sessions: str, early: str, overrides: str, bad: str) -> str:
    return f"  {fitted(name, 18)}{fitted(sessions, 10)}{fitted(early, 14)}{fitted(overrides, 11)}{bad}"


def _share(count: int, group: Sequence[SessionRow]) -> str:
    return f"{count} ({count * 100 // len(group)} %)"


def verdict_lines(verdict: ChartVerdict, width: int) -> Lines:
    """The verdict in words, and every finding."""
    look = Look.ALARM if verdict.verdict is Judgement.BROKEN else Look.STRONG
    lines = [*wrapped(f" {SAYS[verdict.verdict]}", width, look), (Span(""),)]
    lines += wrapped(f" {verdict.entries} entries, root {verdict.root}", width)
    last = "none" if verdict.last_checkpoint is None else f"over {verdict.last_checkpoint} entries"
    lines += wrapped(f" Last signed head: {last}; {verdict.unsigned} entries after it are not signed yet.", width)
    for finding in verdict.findings:
        lines += wrapped(f" ! {finding.text}", width, Look.WARNING)
    return tuple(lines)
