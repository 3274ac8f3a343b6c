"""One session as an auditor reads it: the sheet's facts as a page of words and columns. Pure."""

from collections.abc import Sequence
from typing import Final

from modctl import sentences, text
from modctl.reports.html import account_rows, value_rows
from modctl.reports.note import six_lines
from modctl.reports.pages import Page, Section
from modctl.reports.picture import picture_of
from modctl.reports.sheet import Given, Point, Sheet, note_facts

COLUMNS: Final = 66  # chosen: what an 80-column screen has beside the scale


def page_of(sheet: Sheet) -> Page:
    """The sheet's facts in the order in which an auditor asks for them."""
    ended, asked = sheet.ended, sheet.requested
    state = (
        "OPEN: no end in this chart"
        if ended is None
        else f"{text.outcome(ended.outcome)}: {sentences.reason(ended.reason)}"
    )
    values = [point.value for point in (*sheet.commanded, *sheet.reported) if point.value is not None]
    load = "" if sheet.started is None else sheet.started.load
    what = f"BENCH RUN on {load}, no patient" if load else f"{asked.preset} on {asked.unit} for {asked.patient}"
    note = () if load else (Section(heading="For the note", rows=tuple(("", line) for line in _note(sheet))),)
    return Page(
        title=f"{sheet.session}  {sheet.began}  {what}",
        state=state,
        says=picture_of(sheet).says,
        commanded=_columns(sheet.commanded, sheet.length_ms, holds=True),
        reported=_columns(sheet.reported, sheet.length_ms, holds=False),
        top_text=text.quantity(sheet.level, max([1, *values])),
        sections=(
            Section(heading="Set, commanded, read back, delivered", rows=tuple(value_rows(sheet))),
            Section(heading="Time", rows=tuple(account_rows(sheet))),
            Section(
                heading="Events", rows=tuple((one.at, f"{one.sentence} (entry {one.seq})") for one in sheet.moments)
            ),
            Section(heading="Answers", rows=tuple((one.gate.replace("_", " "), _given(one)) for one in sheet.answers)),
            *note,
        ),
    )


def _note(sheet: Sheet) -> tuple[str, ...]:
    return six_lines(note_facts(sheet, ""))


def _given(one: Given) -> str:
    age = f", {one.age_s} s old" if one.age_s else ""
    return f"{one.answer.replace('-', ' ')} ({one.by}, {one.at}, {one.source}{age}, took {one.took_ms} ms)"


def _columns(points: Sequence[Point], length_ms: int, *, holds: bool) -> tuple[int | None, ...]:
    """The most of each column of time; a commanded value holds until the next one, a reported one does not."""
    found: list[int | None] = [None] * COLUMNS
    for point in points:
        if 0 <= point.at_ms <= length_ms and point.value is not None:
            column = min(COLUMNS - 1, point.at_ms * COLUMNS // length_ms)
            found[column] = max(point.value, found[column] or 0)
    if not holds:
        return tuple(found)
    held: list[int | None] = []
    for value in found:
        held.append(value if value is not None or not held else held[-1])
    return tuple(held)
