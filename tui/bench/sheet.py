"""A worksheet: what a technician types of one calibration or check until it is recorded. Pure.

Rule 1: nothing on a worksheet counts before it is recorded; the controller judges it, and the chart keeps it.
Rule 2: what stands beside a typed value meanwhile comes from the same tolerances as the record.
"""

from collections.abc import Callable, Sequence
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from modctl.ipc.messages import UnitRow
from modctl.ipc.servicing import CheckPointTyped, CheckUnit
from modctl.reports.service_words import unit_word
from modctl.service_records import CheckPoint
from tui.bench.form import Ask, needed
from tui.bench.source import Item, Plan

CALIBRATION: Final = "calibration"
CHECK: Final = "check"
TIMER: Final = "timer"
SEEN: Final = "seen"
NOT_DONE: Final = "not-done"
TYPED_MAX: Final = 2**31 - 1  # chosen: as the integers of the bench elsewhere


class Kind(StrEnum):
    """What one line of a worksheet holds."""

    HEAD = "head"
    METER = "meter"
    LOAD = "on output"
    POINT = "point"
    MORE = "another point"
    ITEM = "item"
    NOTE = "note"


class Entry(msgspec.Struct, frozen=True):
    """One line. ``at``: which point or item."""

    kind: Kind
    at: int = 0


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What has been typed so far. ``items``: the word of each item that was looked at."""

    unit: str
    what: str  # calibration | check
    head: str = ""
    meter: str = ""
    meter_due: str = ""
    load: str = ""
    points: tuple[CheckPointTyped, ...] = ()
    items: tuple[tuple[str, str], ...] = ()
    note: str = ""

    def is_begun(self) -> bool:
        """Something would be lost."""
        return bool(self.points or self.items or self.note)


def new_sheet(row: UnitRow, what: str, before: Sheet | None) -> Sheet:
    """An empty one: the head where only one can be meant, and the meter of the calibration before."""
    serials = [head.serial for head in row.heads]
    head = row.head if row.head in serials else serials[0] if len(serials) == 1 else ""
    if before is None or what != CALIBRATION:
        return Sheet(unit=row.name, what=what, head=head)
    return Sheet(unit=row.name, what=what, head=head, meter=before.meter, meter_due=before.meter_due)


def entries(sheet: Sheet, row: UnitRow, plan: Plan) -> tuple[Entry, ...]:
    """The lines, from top to bottom."""
    head = (Entry(Kind.HEAD),) if row.heads else ()
    if sheet.what == CHECK:
        return (*head, *(Entry(Kind.ITEM, at) for at in range(len(plan.items))), Entry(Kind.NOTE))
    points = (Entry(Kind.POINT, at) for at in range(len(sheet.points)))
    return (*head, Entry(Kind.METER), Entry(Kind.LOAD), *points, Entry(Kind.MORE), Entry(Kind.NOTE))


def first_open(sheet: Sheet, row: UnitRow, plan: Plan) -> int:
    """The line where typing goes on."""
    for at, entry in enumerate(entries(sheet, row, plan)):
        if _is_open(entry, sheet, plan):
            return at
    return 0


def _is_open(entry: Entry, sheet: Sheet, plan: Plan) -> bool:
    match entry.kind:
        case Kind.HEAD:
            return not sheet.head and sheet.what == CALIBRATION
        case Kind.METER:
            return not sheet.meter
        case Kind.ITEM:
            return plan.items[entry.at].id not in dict(sheet.items)
        case Kind.MORE:
            return True
        case _:
            return False


def asks(entry: Entry, sheet: Sheet, row: UnitRow, plan: Plan, level: int | None) -> tuple[Ask, ...]:
    """What is asked for one line; ``level``: what the unit was last run at, for another point."""
    match entry.kind:
        case Kind.HEAD:
            known = [head.serial for head in row.heads]
            whole = [""] if sheet.what == CHECK else []
            label = f"serial number ({', '.join(known)}{'; empty: the unit' if whole else ''})"
            return (Ask(label=label, filled=sheet.head, problem=_one_of([*known, *whole])),)
        case Kind.METER:
            meter = Ask(label="which meter, with its serial number", filled=sheet.meter, problem=needed)
            due = Ask(label="its own calibration ends (YYYY-MM-DD)", filled=sheet.meter_due, problem=_date)
            return (meter, due)
        case Kind.LOAD:
            return (Ask(label="what is on the output, such as 500 ohm or degassed water", filled=sheet.load),)
        case Kind.NOTE:
            return (Ask(label="a line for the record", filled=sheet.note),)
        case Kind.ITEM:
            return _item_asks(plan.items[entry.at], plan, dict(sheet.items).get(plan.items[entry.at].id, ""))
        case _:
            return _point_asks(entry, sheet, plan, level)


def typed(entry: Entry, sheet: Sheet, plan: Plan, given: Sequence[str]) -> Sheet:
    """The worksheet with one line typed."""
    words = [one.strip() for one in given]
    match entry.kind:
        case Kind.HEAD:
            return msgspec.structs.replace(sheet, head=words[0])
        case Kind.METER:
            return msgspec.structs.replace(sheet, meter=words[0], meter_due=words[1])
        case Kind.LOAD:
            return msgspec.structs.replace(sheet, load=words[0])
        case Kind.NOTE:
            return msgspec.structs.replace(sheet, note=words[0])
        case Kind.ITEM:
            return noted(sheet, plan.items[entry.at], "=".join(words))
        case _:
            level, found, left = words
            point = CheckPointTyped(set=int(level), found=int(found), left=int(left) if left else None)
            before = sheet.points[: entry.at] if entry.kind is Kind.POINT else sheet.points
            after = sheet.points[entry.at + 1 :] if entry.kind is Kind.POINT else ()
            return msgspec.structs.replace(sheet, points=(*before, point, *after))


def noted(sheet: Sheet, item: Item, word: str) -> Sheet:
    """The worksheet with one item looked at."""
    others = tuple(pair for pair in sheet.items if pair[0] != item.id)
    return msgspec.structs.replace(sheet, items=(*others, (item.id, word)))


def dropped(entry: Entry, sheet: Sheet) -> Sheet:
    """The worksheet without one point."""
    kept = tuple(point for at, point in enumerate(sheet.points) if at != entry.at)
    return msgspec.structs.replace(sheet, points=kept)


def judged(sheet: Sheet, row: UnitRow, plan: Plan) -> tuple[CheckPoint | None, ...]:
    """Each point against its tolerance; None where that cannot be said yet."""
    era_mm2 = next((head.era_mm2 for head in row.heads if head.serial == sheet.head), 0)
    return tuple(plan.point(point.set, point.found, point.left, era_mm2) for point in sheet.points)


def request(sheet: Sheet) -> CheckUnit:
    """What is recorded."""
    return CheckUnit(id=0, **{name: getattr(sheet, name) for name in sheet.__struct_fields__})


def _point_asks(entry: Entry, sheet: Sheet, plan: Plan, level: int | None) -> tuple[Ask, ...]:
    old = sheet.points[entry.at] if entry.kind is Kind.POINT else None
    taken = [point.set for point in sheet.points if point is not old]
    set_at = "" if level is None or level in taken else str(level)
    reads = unit_word(plan.reads_unit)
    return (
        Ask(
            label=f"set on the unit, in {unit_word(plan.set_unit)}",
            filled=set_at if old is None else str(old.set),
            problem=_new_level(taken),
        ),
        Ask(
            label=f"the meter reads, AS FOUND, in {reads}",
            filled="" if old is None else str(old.found),
            problem=_whole(0),
        ),
        Ask(
            label=f"AS LEFT after adjusting, in {reads} (empty: nothing was adjusted)",
            filled="" if old is None or old.left is None else str(old.left),
            problem=lambda said: _whole(0)(said) if said.strip() else "",
        ),
    )


def _item_asks(item: Item, plan: Plan, word: str) -> tuple[Ask, ...]:
    if item.kind == TIMER:
        wanted, _, read = word.partition("=")
        return (
            Ask(label="the unit's timer is set to, in seconds", filled=wanted, problem=_whole(1)),
            Ask(label="the stopwatch reads, in seconds", filled=read, problem=_whole(0)),
        )
    takes = "pass, fail or not-done" if item.kind == SEEN else f"in {unit_word(item.unit)}, or not-done"

    def problem(said: str) -> str:
        result = plan.item(item.id, said.strip())
        return result if isinstance(result, str) else ""

    return (Ask(label=f"{item.title}: {takes}", filled=word, problem=problem),)


def _whole(least: int) -> Callable[[str], str]:
    def problem(said: str) -> str:
        word = said.strip()
        is_good = word.isascii() and word.isdigit() and least <= int(word) <= TYPED_MAX
        return "" if is_good else f"A whole number, {least} or more. Esc gives up."

    return problem


def _new_level(taken: Sequence[int]) -> Callable[[str], str]:
    def problem(said: str) -> str:
        wrong = _whole(1)(said)
        is_twice = not wrong and int(said) in taken
        return f"{int(said)} is a point already; choose its line to change it." if is_twice else wrong

    return problem


def _one_of(known: Sequence[str]) -> Callable[[str], str]:
    return lambda said: "" if said.strip() in known else f"site.toml names {', '.join(one for one in known if one)}."


def _date(said: str) -> str:
    try:
        date.fromisoformat(said.strip())
    except ValueError:
        return "Write the date as YYYY-MM-DD."
    return ""
