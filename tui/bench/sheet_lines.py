"""Worksheets and records as lines. Pure."""

from collections.abc import Sequence
from typing import Final

from modctl import text
from modctl.ipc.messages import UnitRow
from modctl.ipc.servicing import AffectedRow
from modctl.reports.service_words import (
    POINT_COLUMNS,
    doses,
    error_band,
    item_title,
    item_words,
    named,
    point_cells,
    unit_word,
    verdict,
)
from modctl.service_records import CheckPoint, UnitChecked
from tui.bench.lines import Lines, Placed, calibration_words, told
from tui.bench.sheet import CHECK, SEEN, TIMER, Entry, Kind, Sheet, entries, judged
from tui.bench.source import Item, Plan
from tui.bench.state import Record
from tui.looks import Line, Look, Span, fitted

LABEL: Final = 12  # columns of a line's name
TITLE: Final = 48  # columns of an item
TITLE_MIN: Final = 20
RESULT: Final = 29  # columns of what an item came to
COLUMNS: Final = (11, 12, 17, 19, 19)  # of a point; together what 80 leave beside the mark
COLUMN_MAX: Final = 24  # chosen: numbers stay near each other on a wide screen
NOT_YET: Final = "-"


def sheet_lines(sheet: Sheet, row: UnitRow, plan: Plan, choice: int, width: int) -> Placed:
    """A worksheet, and where the chosen line is."""
    points = judged(sheet, row, plan)
    lines: list[Line] = [*told(_about(sheet, row), width, Look.STRONG)]
    if sheet.what != CHECK:
        lines += told(plan.how or "No meter reads an output of this unit; c on its page: checks.", width, Look.QUIET)
    at = 0
    for number, entry in enumerate(entries(sheet, row, plan)):
        if entry.kind in (Kind.POINT, Kind.MORE) and entry.at == 0:
            lines += () if entry.kind is Kind.MORE and points else (_head_of_points(width),)
        if number == choice:
            at = len(lines)
        lines.append(_entry(entry, sheet, plan, points, width, is_chosen=number == choice))
    out = [text.reading(point.set, point.unit) for point in points if point is not None and not point.is_found_good]
    if out:
        said = f"OUT OF TOLERANCE as found at {', '.join(out)}. Recorded, it names the sessions that it concerns."
        lines += told(said, width, Look.WARNING)
    return Placed((*lines, *told(_missing(sheet, plan), width, Look.QUIET)), at)


def record_lines(record: Record, choice: int, width: int) -> Placed:
    """What was recorded, then the sessions that it concerns."""
    lines: list[Line] = []
    checked = record.checked
    if checked is not None:
        lines += _checked(checked, width)
    lines += told(record.says, width, Look.WARNING if record.affected else Look.STRONG) if record.says else ()
    at = 0
    for number, one in enumerate(record.affected):
        if number == choice:
            at = len(lines) + 1
        lines += _affected(one, width, is_chosen=number == choice)
    return Placed(tuple(lines), at)


def _about(sheet: Sheet, row: UnitRow) -> str:
    part = next((head for head in row.heads if head.serial == sheet.head), None)
    stands = (
        calibration_words(row.calibration, row.due) if part is None else calibration_words(part.calibration, part.due)
    )
    what = "output points" if sheet.what != CHECK else "check"
    return f"{what} of {row.name}{f' {part.kind} {part.serial}' if part else ''}; calibration {stands}"


def _missing(sheet: Sheet, plan: Plan) -> str:
    if not sheet.is_begun():
        return "Nothing is typed yet; a line is chosen with the arrows and typed after Enter."
    lacks = plan.least_points - len(sheet.points)
    if sheet.what != CHECK and lacks > 0:
        return f"Nothing is recorded yet. {lacks} more point{'s' * (lacks > 1)} at least."
    undone = [item.title for item in plan.items if item.required and item.id not in dict(sheet.items)]
    if sheet.what == CHECK and undone:
        return f"Nothing is recorded yet. Still to be looked at: {', '.join(undone)}."
    return "Nothing is recorded yet: w records it."


def _entry(
    entry: Entry, sheet: Sheet, plan: Plan, points: Sequence[CheckPoint | None], width: int, *, is_chosen: bool
) -> Line:
    mark = ">" if is_chosen else " "
    look = Look.CHOSEN if is_chosen else Look.PLAIN
    match entry.kind:
        case Kind.POINT:
            typed, point = sheet.points[entry.at], points[entry.at]
            if point is None:
                words = f"set {typed.set}, read {typed.found}: which head was it?"
                return (Span(fitted(f"{mark} {words}", width), Look.CHOSEN if is_chosen else Look.WARNING),)
            is_good = point.is_found_good and point.is_left_good
            look = look if is_chosen or is_good else Look.WARNING
            return (Span(fitted(f"{mark} {_columns(point_cells(point), width)}", width), look),)
        case Kind.MORE:
            return (Span(fitted(f"{mark} another point: set it on the unit, read the meter, Enter", width), look),)
        case Kind.ITEM:
            return (_item(plan.items[entry.at], sheet, plan, width, is_chosen=is_chosen),)
        case _:
            return (Span(fitted(f"{mark} {fitted(entry.kind, LABEL)}{_value(entry.kind, sheet)}", width), look),)


def _value(kind: Kind, sheet: Sheet) -> str:
    if kind is Kind.METER:
        return f"{sheet.meter}, its calibration ends {sheet.meter_due}" if sheet.meter else NOT_YET
    if kind is Kind.HEAD and sheet.what == CHECK:
        return sheet.head or "the unit as a whole"
    return {Kind.HEAD: sheet.head, Kind.LOAD: sheet.load}.get(kind, sheet.note) or NOT_YET


def _item(item: Item, sheet: Sheet, plan: Plan, width: int, *, is_chosen: bool) -> Span:
    word = dict(sheet.items).get(item.id)
    takes = {SEEN: "pass or fail", TIMER: "set and read"}.get(item.kind, f"at most {item.bound} {unit_word(item.unit)}")
    result = None if word is None else plan.item(item.id, word)
    said = f"({takes}; {'needed' if item.required else 'optional'})"
    if result is not None:
        said = result if isinstance(result, str) else item_words(result)
    is_bad = result is not None and not isinstance(result, str) and result.result == "fail"
    look = Look.CHOSEN if is_chosen else Look.WARNING if is_bad else Look.PLAIN
    room = _title_room(width)
    return Span(fitted(f"{'>' if is_chosen else ' '} {fitted(item.title, room)} {said}", width), look)


def _title_room(width: int) -> int:
    return max(TITLE_MIN, min(TITLE, width - RESULT - 3))


def _head_of_points(width: int) -> Line:
    return (Span(fitted(f"  {_columns(POINT_COLUMNS, width)}", width), Look.QUIET),)


def _columns(cells: Sequence[str], width: int) -> str:
    """Wider where the screen is, but never so wide that the eye loses the line."""
    wider = max(0, (width - sum(COLUMNS) - 2) // len(COLUMNS))
    rooms = [min(COLUMN_MAX, room + wider) for room in COLUMNS]
    return "".join(f"{fitted(cell, room - 1)} " for cell, room in zip(cells, rooms, strict=True)).rstrip()


def _checked(checked: UnitChecked, width: int) -> Lines:
    good = checked.is_good and all(point.is_found_good for point in checked.points)
    said = f"{named(checked)}, {checked.what} of {checked.on}: {verdict(checked)}"
    lines: list[Line] = [*told(said, width, Look.STRONG if good else Look.WARNING)]
    if checked.next_due:
        lines += told(f"It holds until {checked.next_due}.", width)
    if checked.points:
        lines.append(_head_of_points(width))
    for point in checked.points:
        is_good = point.is_found_good and point.is_left_good
        cells = f"  {_columns(point_cells(point), width)}"
        lines.append((Span(fitted(cells, width), Look.PLAIN if is_good else Look.WARNING),))
    for item in checked.items:
        cells = f"  {fitted(item_title(item), _title_room(width))} {item_words(item)}"
        lines.append((Span(fitted(cells, width), Look.WARNING if item.result == "fail" else Look.PLAIN),))
    return tuple(lines)


def _affected(one: AffectedRow, width: int, *, is_chosen: bool) -> Lines:
    look = Look.CHOSEN if is_chosen else Look.PLAIN
    when = one.at_utc[:16].replace("T", " ")
    head = f" head {one.head}" if one.head else ""
    first = f"{'>' if is_chosen else ' '} {when} UTC  {one.session}{head}  {one.preset}"
    return (
        (Span(fitted(first, width), look),),
        (Span(fitted(f"    {error_band(one)}", width), Look.WARNING if one.outside else Look.QUIET),),
        (Span(fitted(f"    {doses(one)}", width), Look.PLAIN),),
    )
