"""What a check or a calibration came to, in words: the same on paper, on the screen and in the shell."""

from typing import Final

from modctl import text
from modctl.clinic.checks import title_of
from modctl.ipc.servicing import AffectedRow
from modctl.service_records import CheckItem, CheckPoint, UnitChecked

TENTHS: Final = 1_000  # of a hundredth part: what is shown as percent with one decimal
POINT_COLUMNS: Final = ("set", "should read", "allowed", "as found", "as left")


def point_cells(point: CheckPoint) -> tuple[str, ...]:
    """One point under ``POINT_COLUMNS``; a reading out of tolerance says OUT first, where no narrow column cuts it."""
    read = point.reads_unit
    left = "as found" if point.left == point.found else _read(point.left, point, is_good=point.is_left_good)
    return (
        text.reading(point.set, point.unit),
        text.reading(point.expected, read),
        text.reading_span(point.low, point.high, read),
        _read(point.found, point, is_good=point.is_found_good),
        left,
    )


def item_title(item: CheckItem) -> str:
    """What was looked at."""
    return title_of(item.item)


def item_words(item: CheckItem) -> str:
    """What was found; of a timer the measured is how far off it was."""
    if item.measured is None:
        return item.result
    bound = f"{item.bound} {unit_word(item.unit)}"
    if item.unit == "s":
        return f"{item.result}: {item.measured:+} s, at most ±{bound}"
    return f"{item.result}: {item.measured} {unit_word(item.unit)}, at most {bound}"


def unit_word(unit: str) -> str:
    """A unit in which a person types or reads whole numbers."""
    return _UNITS.get(unit, unit)


def verdict(checked: UnitChecked) -> str:
    """The one sentence."""
    if not checked.is_good:
        return "NOT GOOD. No session starts until a good one is recorded."
    if all(point.is_found_good for point in checked.points):
        return "GOOD."
    return "GOOD as left; OUT OF TOLERANCE as found."


def named(checked: UnitChecked) -> str:
    """The unit, and the head where it is of one."""
    return f"{checked.unit} head {checked.head}" if checked.head else checked.unit


def error_band(row: AffectedRow) -> str:
    """How much more or less a session delivered, by the meter."""
    low, high = (f"{permille / 10:+.1f} %" for permille in (row.error_low_permille, row.error_high_permille))
    where = "beside a point out of tolerance" if row.outside else "between points in tolerance"
    return f"{low if low == high else f'{low} to {high}'}, {where}"


def doses(row: AffectedRow) -> str:
    """What was charted, and what it was by the meter."""
    said = (
        f"{_band(was.lower, was.upper, was.unit)} charted, {_band(now.lower, now.upper, now.unit)} by the meter"
        for was, now in zip(row.charted, row.estimated, strict=True)
    )
    return "; ".join(said) or "no dose is counted"


def look_back_words(checked: UnitChecked | None, count: int, *, more: bool) -> str:
    """What a look-back came to, and what to do."""
    if checked is None:
        return "No reading was out of tolerance as found."
    if not count:
        return "Out of tolerance as found; no session was delivered since the last good calibration."
    sessions = "1 session" if count == 1 else f"{count} sessions"
    return (
        f"{sessions}{' and more' if more else ''} since the last good calibration. Tell who answers for the patients."
    )


def _band(lower: int, upper: int, unit: str) -> str:
    low, high = text.ucum(lower, unit), text.ucum(upper, unit)
    return low if low == high else f"{low} to {high}"


def _read(reading: int, point: CheckPoint, *, is_good: bool) -> str:
    return f"{'' if is_good else 'OUT '}{text.reading(reading, point.reads_unit)} {_off_by(reading, point.expected)}"


def _off_by(reading: int, expected: int) -> str:
    tenths = (abs(reading - expected) * TENTHS + expected // 2) // expected
    sign = "-" if reading < expected and tenths else "+"
    return f"{sign}{tenths // 10}.{tenths % 10} %"


_UNITS: Final = {"uA": "µA", "m[Ohm]": "mohm", "m[Cel]": "m°C", "mW/cm2": "mW/cm²"}
