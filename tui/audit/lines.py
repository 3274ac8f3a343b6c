"""What the auditor reads, as lines. Pure: rows, pages, papers and verdicts in, lines out."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Final

from rich.cells import cell_len

from modctl import text
from modctl.chart.reader import SessionRow
from modctl.chart.verify import ChartVerdict, Judgement
from modctl.chart.wanted import is_early
from modctl.reports.counts import GOOD
from modctl.reports.pages import Page, Paper, Table
from tui.audit.keys import keys_table
from tui.audit.source import Lines, Source
from tui.looks import Line, Look, Span, fitted, wrapped
from tui.widgets.strip_chart import LABEL, Trace, trace_lines

NAME = 31  # columns of a row's name: the longest is whole, and an answer fits beside it on 80 columns
TRACE_ROWS = 5
CELL_MAX = 24  # chosen: of a table's cell that is not the last
LAST_MIN = 16  # chosen: less is no column for a sentence
SAYS = {
    Judgement.ANCHORED: "ANCHORED: sound, and every head given from outside is in it. Up to there nothing is missing.",
    Judgement.UNANCHORED: (
        "UNANCHORED: sound as far as it goes: every entry fits the heads that were signed over it. Whether its end is "
        "missing, or another chart stands here, only a head kept outside can tell: modctl chart verify COPY "
        "--checkpoint NOTE."
    ),
    Judgement.BROKEN: "BROKEN: this chart is not what was signed. Do not rely on it; the findings say where.",
}
HELP: Final = Paper(
    title="Keys and words",
    says="This screen reads. It writes nothing but the copies that you name.",
    tables=(
        keys_table(),
        Table(
            heading="Words of the filter; all of them must fit",
            columns=("word", "what it asks"),
            rows=(
                ("patient:P-001", "the patient's pseudonym"),
                ("unit:estim-1", "the unit"),
                ("by:anna", "the person who started it"),
                ("preset:ID", "the preset"),
                ("session:ID", "one session by its name"),
                ("outcome:faulted", "completed, stopped, faulted, unconfirmed or open"),
                ("since:2026-03-01", "from the beginning of this day, at the clinic"),
                ("until:2026-03-31", "to the end of this day, at the clinic"),
                ("override", "a soft limit was opened"),
                ("early", "less than 95 % of what was planned was delivered"),
                ("simulated", "no real unit"),
            ),
        ),
        Table(
            heading="Marks in the list",
            columns=("mark", "what it says"),
            rows=(
                ("2 ovr", "so many soft limits were opened by a person"),
                ("early", "less than 95 % of what was planned was delivered"),
                ("amended", "something was added or put right after it was signed"),
                ("no sign", "nobody signed it"),
            ),
        ),
    ),
)


def title_line(source: Source, width: int) -> Line:
    """Whose chart is read, whether anything in it is real, and whose times are told."""
    said = f" AUDIT  {source.name}{'  SIMULATED' * source.simulated}  times: {source.zone}  reads only"
    return (Span(fitted(said, width), Look.STOP),)


def head_line(width: int) -> Line:
    """The names of the columns."""
    names = ("started", "outcome", "unit", "patient", "by", "delivered", "marks")
    return (Span(fitted(f" {_columns(width, *names)}", width), Look.QUIET),)


def row_line(row: SessionRow, width: int, zone: tzinfo, *, is_chosen: bool) -> Line:
    """One session. Times are the clinic's."""
    delivered = "open" if row.delivered_ms is None else f"{text.clock(row.delivered_ms)}/{text.clock(row.planned_ms)}"
    words = (
        (f"{row.overrides} ovr", row.overrides > 0),
        ("early", is_early(row)),
        ("amended", row.amended),
        ("no sign", not row.signed and not row.load and row.delivered_ms is not None),
    )
    marks = " ".join(word for word, is_so in words if is_so)
    started = datetime.fromisoformat(row.started_at_utc).astimezone(zone).strftime("%Y-%m-%d %H:%M")
    patient = "BENCH" if row.load else row.patient
    said = _columns(width, started, row.outcome.upper(), row.unit, patient, row.actor or "", delivered, marks)
    look = Look.CHOSEN if is_chosen else Look.PLAIN if row.outcome in (*GOOD, "open") else Look.WARNING
    return (Span(fitted(f"{'>' if is_chosen else ' '}{said}", width), look),)


WIDTHS: Final = (17, 12, 13, 8, 10, 12)  # at 80 columns; the rest is for marks
WIDE: Final = (19, 13, 22, 16, 18, 14)  # from 120 columns: whole names


def _columns(width: int, *cells: str) -> str:
    """One a column; the last one is as long as it is."""
    widths = WIDE if width >= sum(WIDE) + LAST_MIN else WIDTHS
    return "".join(f"{fitted(cell, room - 1)} " for cell, room in zip(cells, widths, strict=False)) + cells[-1]


def sentence(said: str, width: int, look: Look = Look.PLAIN) -> Lines:
    """A text broken at its spaces, one column in."""
    return tuple((Span(" "), *line) for line in wrapped(said, max(1, width - 1), look))


def page_lines(page: Page, width: int) -> Lines:
    """One session: its state, its picture, then everything in rows."""
    lines: list[Line] = [
        *sentence(page.title, width, Look.STRONG),
        *sentence(page.state, width, Look.STRONG),
        (Span(""),),
    ]
    for title, values in (("commanded", page.commanded), ("reported", page.reported)):
        if not any(value is not None for value in values):
            lines.append((Span(fitted(f" {title}", LABEL), Look.QUIET), Span("no value in the whole session")))
            continue
        high = max([1, *(value for value in (*page.commanded, *page.reported) if value is not None)])
        trace = Trace(
            values=_stretched(values, width - LABEL - 1),
            low=0,
            high=high,
            top_text=page.top_text,
            bottom_text="0",
            title=title,
        )
        lines += trace_lines(trace, width, TRACE_ROWS)
    lines += sentence(page.says, width)
    for section in page.sections:
        lines += [(Span(""),), (Span(f" {section.heading}", Look.STRONG),)]
        for name, said in section.rows:
            told = wrapped(said, max(1, width - NAME - 1))
            for place, row in enumerate(told):
                lines.append((Span(fitted(f"  {name if place == 0 else ''}", NAME), Look.QUIET), *row))
    return tuple(lines)


def _stretched(values: Sequence[int | None], columns: int) -> tuple[int | None, ...]:
    """The same times over so many columns: a wide screen shows the whole length, not a narrow picture at its edge."""
    return tuple(values[at * len(values) // columns] for at in range(columns)) if values else ()


def paper_lines(paper: Paper, width: int) -> Lines:
    """A paper: one sentence, then tables whose last column is broken and not cut."""
    look = Look.WARNING if paper.is_finding else Look.PLAIN
    lines: list[Line] = [*sentence(paper.title, width, Look.STRONG), *sentence(paper.says, width, look)]
    for table in paper.tables:
        lines += [(Span(""),), (Span(f" {table.heading}", Look.STRONG),), *_table_lines(table, width)]
    return tuple(lines)


def _table_lines(table: Table, width: int) -> list[Line]:
    rows = (table.columns, *table.rows)
    widths = [min(CELL_MAX, max(cell_len(row[at]) for row in rows)) + 2 for at in range(len(table.columns) - 1)]
    room = max(LAST_MIN, width - sum(widths) - 3)
    lines: list[Line] = []
    for place, row in enumerate(rows):
        look = Look.QUIET if place == 0 else Look.PLAIN
        told = wrapped(row[-1], room, look)
        for at, last in enumerate(told):
            cells = row[:-1] if at == 0 else ("",) * (len(row) - 1)
            before = "".join(fitted(cell, cells_) for cell, cells_ in zip(cells, widths, strict=True))
            lines.append((Span(f"  {before}", look), *last))
    return lines


def verdict_lines(verdict: ChartVerdict, width: int) -> Lines:
    """The verdict in words, and every finding."""
    look = Look.ALARM if verdict.verdict is Judgement.BROKEN else Look.STRONG
    lines = [*sentence(SAYS[verdict.verdict], width, look), (Span(""),)]
    lines += sentence(f"{verdict.entries} entries, root {verdict.root}", width)
    last = "none" if verdict.last_checkpoint is None else f"over {verdict.last_checkpoint} entries"
    lines += sentence(f"Last signed head: {last}; {verdict.unsigned} entries after it are not signed yet.", width)
    for finding in verdict.findings:
        lines += sentence(f"! {finding.text}", width, Look.WARNING)
    return tuple(lines)


def too_small_lines(width: int, height: int, need: tuple[int, int]) -> Lines:
    """What to do about the size."""
    told = f"This terminal is {width}x{height}. The audit needs {need[0]}x{need[1]} or more: make it larger. q leaves."
    return sentence(told, width, Look.STRONG)[: max(1, height)]


def listed(shown: Sequence[SessionRow], top: int, chosen: int, size: tuple[int, int], zone: tzinfo) -> Lines:
    """The rows in sight, under the names of their columns. ``size``: columns and rows that there are."""
    width, room = size
    rows = shown[top : top + room - 1]
    lines = [row_line(row, width, zone, is_chosen=top + at == chosen) for at, row in enumerate(rows)]
    return (head_line(width), *lines)
