"""The selection that an auditor takes away: entries as lines of JSON, or one row a session as CSV.

A new file, whole or not there: what is cut short is removed.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from modctl.chart.readable import Readable
from modctl.chart.reader import SessionRow
from modctl.chart.verify import Progress
from modctl.errors import RefusedError, UnreachableError
from modctl.reports.telling import flat

CSV: Final = ".csv"
COLUMNS: Final = tuple(name for name in SessionRow.__struct_fields__ if name != "seq")
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # owasp.org, "CSV Injection": a spreadsheet runs what begins so


def write_selection(chart: Readable, rows: Sequence[SessionRow], target: Path, progress: Progress) -> int:
    """The oldest session first; how many lines were written. A name that ends with .csv decides for rows.

    RefusedError when something is there already, UnreachableError when it cannot be written.
    """
    lines = _csv_lines(rows) if target.suffix.lower() == CSV else _entries(chart, rows, progress)
    try:
        file = target.open("xb")
    except FileExistsError as why:
        raise RefusedError(f"{target} is there already; nothing was written.") from why
    except OSError as why:
        raise UnreachableError(f"{target} cannot be written: {why.strerror}.") from why
    try:
        with file:
            return sum(1 for line in lines if file.write(line))
    except OSError as why:
        target.unlink(missing_ok=True)
        raise UnreachableError(f"{target} cannot be written: {why.strerror}. Nothing is left there.") from why
    except BaseException:  # given up in the middle: half a selection looks like a whole one
        target.unlink(missing_ok=True)
        raise


def _entries(chart: Readable, rows: Sequence[SessionRow], progress: Progress) -> Iterator[bytes]:
    for done, row in enumerate(reversed(rows)):
        progress(done, len(rows))
        for entry in chart.session_with_inputs(row.session):
            yield flat(entry) + b"\n"


def _csv_lines(rows: Sequence[SessionRow]) -> Iterator[bytes]:
    yield _csv_line(COLUMNS)
    for row in reversed(rows):
        yield _csv_line(_cell(getattr(row, name)) for name in COLUMNS)


def _csv_line(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str() if value.startswith(FORMULA):
            return f"'{value}"
        case _:
            return str(value)
