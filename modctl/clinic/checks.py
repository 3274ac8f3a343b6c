"""What a check or a calibration came to: typed readings held against tolerances. ``checks.toml`` has the numbers.

Rule 1: what was read is recorded as it was read, in and out of tolerance, before and after adjusting.
Rule 2: what has to be looked at and was not is no pass.
Rule 3: a meter whose own calibration has ended proves nothing.
"""

import functools
from pathlib import Path
from typing import Final, Literal

import msgspec

from devices.limits import Mark
from devices.model import UCUM_OF, Modality
from modctl.service_records import CheckItem, CheckPoint

PLAN: Final = Path(__file__).parent / "checks.toml"
NOT_DONE: Final = "not-done"
PASS: Final = "pass"  # noqa: S105  # a result, no secret
FAIL: Final = "fail"
MM2_PER_CM2: Final = 100
PERMILLE: Final = 1_000
SHORT_S: Final = 300  # this and the next four: 21 CFR 1050.10
SHORT_WITHIN_S: Final = 30
LONG_S: Final = 600
MIDDLE_PERMILLE: Final = 100
LONG_WITHIN_S: Final = 60
LONGEST_TIMER_S: Final = 5_940  # 99 minutes, the longest timer of the units seen (Triton, static)


class Output(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one level is read, and how far the reading may be off."""

    parameter: str
    reads: str  # UCUM of the reading
    permille: int
    floor: int
    method: str
    source: str
    mark: Mark

    @property
    def tolerance(self) -> str:
        """For the record: what was allowed, and who says so. Only a seen source is named as one."""
        origin = self.source if self.mark is Mark.SOURCE else f"site default ({self.source})"
        parts = [f"±{self.permille / 10:g} %"] if self.permille else []
        parts += [f"at least ±{self.floor} {self.reads}"] if self.floor else []
        return f"{', '.join(parts)}; {origin}"


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing beside the output. ``modalities`` empty: all."""

    id: str
    title: str
    kind: Literal["seen", "most", "timer"]
    required: bool
    source: str
    mark: Mark
    bound: int = 0
    unit: str = ""
    modalities: tuple[Modality, ...] = ()


class _Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    least_points: int
    output: tuple[Output, ...]
    item: tuple[Item, ...]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One point as a technician typed it. ``left`` None: nothing was adjusted."""

    set: int
    found: int
    left: int | None = None


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was typed. ``items``: (item, pass | fail | not-done | a number | SET=READING for the timer)."""

    readings: tuple[Reading, ...] = ()
    items: tuple[tuple[str, str], ...] = ()


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What it came to. ``is_good``: as left, every point in tolerance and every required item passed."""

    points: tuple[CheckPoint, ...]
    items: tuple[CheckItem, ...]
    tolerance: str
    is_good: bool

    @property
    def is_found_good(self) -> bool:
        """Whether the points were in tolerance before anybody adjusted anything."""
        return all(point.is_found_good for point in self.points)


class UnitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured and looked at on one unit, and what one typed value comes to, before anything is recorded.

    ``output`` None: no meter reads it. ``set_unit`` is that of the level (UCUM).
    """

    output: Output | None
    items: tuple[Item, ...]
    least_points: int
    parameter: str
    set_unit: str

    @property
    def reads_unit(self) -> str:
        """UCUM of the meter's reading."""
        return "" if self.output is None else self.output.reads

    @property
    def how(self) -> str:
        """How it is read, and how far off it may be."""
        return "" if self.output is None else f"{self.output.method}; {self.output.tolerance}"

    def needs_area(self) -> bool:
        """Whether the head's radiating area says what should be read."""
        return self.reads_unit not in {"", self.set_unit}

    def point(self, level: int, found: int, left: int | None, era_mm2: int) -> CheckPoint | None:
        """One point against its tolerance; None where it cannot be said."""
        if self.output is None or (self.needs_area() and not era_mm2):
            return None
        reading = Reading(set=level, found=found, left=left)
        return _point(self.output, self.parameter, reading, era_mm2 if self.needs_area() else None)

    def item(self, item: str, word: str) -> CheckItem | str:
        """One item; a sentence where the word is none."""
        found = next((one for one in self.items if one.id == item), None)
        return f"{item}: not looked at here." if found is None else _item(found, word)


def unit_plan(parameter: str, modality: Modality) -> UnitPlan:
    """The plan of a unit with this level."""
    return UnitPlan(
        output=output_plan(parameter),
        items=items_for(modality),
        least_points=_plan().least_points,
        parameter=parameter,
        set_unit=UCUM_OF[parameter],
    )


def output_plan(parameter: str) -> Output | None:
    """How a level is read; None for one that no meter reads (towels)."""
    return next((one for one in _plan().output if one.parameter == parameter), None)


def items_for(modality: Modality) -> tuple[Item, ...]:
    """What is looked at beside the output."""
    return tuple(item for item in _plan().item if not item.modalities or modality in item.modalities)


def title_of(item: str) -> str:
    """What an item is called; a charted one that this version does not know keeps its name."""
    return next((one.title for one in _plan().item if one.id == item), item.replace("_", " "))


def judge_calibration(parameter: str, typed: Typed, era_mm2: int) -> Judged | str:
    """The points of one level; a sentence where they cannot be judged. ``era_mm2`` of an ultrasound head, else 0."""
    plan = output_plan(parameter)
    if plan is None:
        return "This unit has no output that a meter reads; use a check."
    if len(typed.readings) < _plan().least_points:
        return f"A calibration needs {_plan().least_points} points, the ends and the middle."
    if any(reading.set <= 0 or reading.found < 0 or (reading.left or 0) < 0 for reading in typed.readings):
        return "A point is set above zero and read as a number that is not negative."
    if len({reading.set for reading in typed.readings}) < len(typed.readings):
        return "A point is given twice."
    needs_area = plan.reads != UCUM_OF[parameter]
    if needs_area and not era_mm2:
        return "The head's radiating area (era_mm2) is not in site.toml; without it watts are no intensity."
    points = tuple(_point(plan, parameter, reading, era_mm2 if needs_area else None) for reading in typed.readings)
    if any(point.expected <= 0 for point in points):
        return "A point is so low that nothing could be read; set it higher."
    return Judged(
        points=points, items=(), tolerance=plan.tolerance, is_good=all(point.is_left_good for point in points)
    )


def judge_check(modality: Modality, typed: Typed) -> Judged | str:
    """The items of a check; a sentence where a word is none. What was not typed is not done."""
    items = items_for(modality)
    given = dict(typed.items)
    strange = sorted(set(given) - {item.id for item in items})
    if strange:
        return f"{', '.join(strange)}: not looked at here. Known: {', '.join(item.id for item in items)}."
    left_out = [item.id for item in items if item.required and item.id not in given]
    if left_out:
        return f"Left out: {', '.join(left_out)}. Say pass, fail or not-done; not done is no pass."
    found: list[CheckItem] = []
    for item in items:
        judged = _item(item, given.get(item.id, NOT_DONE))
        if isinstance(judged, str):
            return judged
        found.append(judged)
    is_good = all(_is_passed(item, one) for item, one in zip(items, found, strict=True))
    return Judged(points=(), items=tuple(found), tolerance="", is_good=is_good)


def _is_passed(item: Item, found: CheckItem) -> bool:
    return found.result == PASS or (found.result == NOT_DONE and not item.required)


def _point(plan: Output, parameter: str, reading: Reading, era_mm2: int | None) -> CheckPoint:
    expected = reading.set if era_mm2 is None else reading.set * era_mm2 // MM2_PER_CM2
    within = max(expected * plan.permille // PERMILLE, plan.floor)
    return CheckPoint(
        set=reading.set,
        unit=UCUM_OF[parameter],
        expected=expected,
        found=reading.found,
        left=reading.found if reading.left is None else reading.left,
        low=expected - within,
        high=expected + within,
        reads_unit=plan.reads,
    )


def _item(item: Item, word: str) -> CheckItem | str:
    if word == NOT_DONE:
        return CheckItem(item=item.id, result=NOT_DONE)
    match item.kind:
        case "seen":
            return CheckItem(item=item.id, result=word) if word in (PASS, FAIL) else _no_word(item, "pass or fail")
        case "most":
            if not word.isascii() or not word.isdigit():
                return _no_word(item, f"a whole number of {item.unit}")
            result = PASS if int(word) <= item.bound else FAIL
            return CheckItem(item=item.id, result=result, measured=int(word), bound=item.bound, unit=item.unit)
        case "timer":
            return _timer(item, word)


def _timer(item: Item, word: str) -> CheckItem | str:
    wanted, _, read = word.partition("=")
    if not (wanted.isascii() and wanted.isdigit() and read.isascii() and read.isdigit()):
        return _no_word(item, "SET=READING in seconds")
    set_s, read_s = int(wanted), int(read)
    if not 0 < set_s <= LONGEST_TIMER_S:
        return _no_word(item, f"1 to {LONGEST_TIMER_S} seconds")
    within_s = _timer_within_s(set_s)
    result = PASS if abs(read_s - set_s) <= within_s else FAIL
    return CheckItem(item=item.id, result=result, measured=read_s - set_s, bound=within_s, unit="s")


def _timer_within_s(set_s: int) -> int:
    if set_s < SHORT_S:
        return SHORT_WITHIN_S
    return set_s * MIDDLE_PERMILLE // PERMILLE if set_s <= LONG_S else LONG_WITHIN_S


def _no_word(item: Item, takes: str) -> str:
    return f"{item.id} takes {takes}, or not-done."


@functools.cache
def _plan() -> _Plan:
    return msgspec.toml.decode(PLAN.read_bytes(), type=_Plan)
