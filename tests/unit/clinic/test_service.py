"""Whether a unit and its head may treat on a day, which head is in use, and what a bad reading says of the past."""

import msgspec
import pytest

from devices.model import Accessory, AccessoryKind
from modctl.clinic.service import Affected, Fit, Fitness, Standing, Treated, Unfit, due, fitness, look_back, standing
from modctl.records import DoseBound
from modctl.service_records import CheckPoint, UnitChecked
from tests.unit.engine.made import calibrated

HEAD_A = Accessory(kind=AccessoryKind.HEAD, serial="A", era_mm2=500)
HEAD_B = Accessory(kind=AccessoryKind.HEAD, serial="B", era_mm2=400)
CELL = Accessory(kind=AccessoryKind.SENSOR, serial="C")
TODAY = "2026-11-23"


def checked(head: str = "", next_due: str = "2027-11-22", **changes: object) -> UnitChecked:
    """A good calibration of a year ago minus a day."""
    return calibrated(head=head, next_due=next_due, **changes)


def asked(**changes: object) -> Fitness:
    """A unit without accessories that was never checked, in a site that does not ask for it."""
    made = Fitness(unit="u1", accessories=(), wire="", asked="", checks=(), today=TODAY, is_required=False)
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize(
    ("checks", "word"),
    [
        ((), Standing.NEVER),
        ((checked(),), Standing.VALID),
        ((checked(next_due=TODAY),), Standing.VALID),
        ((checked(next_due="2026-11-22"),), Standing.OVERDUE),
        ((checked(is_good=False, next_due=""),), Standing.FAILED),
        ((checked(), checked(what="check", is_good=False, next_due="")), Standing.FAILED),
        ((checked(), checked(what="check", next_due="")), Standing.VALID),
        ((checked(what="check", next_due=""),), Standing.NEVER),
        ((checked(on="2026-11-24"),), Standing.UNKNOWN),
        ((checked(head="A"),), Standing.NEVER),
    ],
)
def test_what_the_checks_of_a_unit_say(checks: tuple[UnitChecked, ...], word: Standing) -> None:
    """The last day counts, the day after does not; a clock before the last check knows nothing."""
    assert word is standing(checks, "", TODAY)


def test_a_failed_unit_has_no_date() -> None:
    """What is closed is not due in a year."""
    assert "2027-11-22" == due((checked(),), "")
    assert "" == due((checked(is_good=False, next_due=""),), "")


@pytest.mark.parametrize(
    ("next_due", "is_required", "is_fit"),
    [("2026-11-23", True, True), ("2026-11-22", True, False), ("2026-11-22", False, False)],
)
def test_a_unit_out_of_calibration_treats_nobody(next_due: str, is_required: bool, is_fit: bool) -> None:
    """Also where nobody asks for a first calibration: who began to calibrate is held to it."""
    found = fitness(asked(checks=(checked(next_due=next_due),), is_required=is_required))

    assert is_fit == isinstance(found, Fit)
    assert isinstance(found, Fit) or "unit_uncalibrated" == found.reason


@pytest.mark.parametrize(("is_required", "is_fit"), [(True, False), (False, True)])
def test_what_was_never_calibrated_depends_on_the_site(is_required: bool, is_fit: bool) -> None:
    """A demonstration works at once; a site for real units asks for the meter first."""
    assert is_fit == isinstance(fitness(asked(is_required=is_required)), Fit)


def test_an_overdue_head_is_closed_and_the_valid_one_offered() -> None:
    """US 7: two heads on one console, one out of check."""
    checks = (checked("A", next_due="2026-11-22"), checked("B"))
    found = fitness(asked(accessories=(HEAD_A, HEAD_B), wire="A", checks=checks))

    assert isinstance(found, Unfit)
    assert "unit_uncalibrated" == found.reason
    assert "2026-11-22" in found.text
    assert "Use head B" in found.text
    assert Fit(head=HEAD_B) == fitness(asked(accessories=(HEAD_A, HEAD_B), wire="B", checks=checks))


@pytest.mark.parametrize(
    ("wire", "named", "checks", "head"),
    [
        ("A", "", (), HEAD_A),
        ("B", "B", (), HEAD_B),
        ("", "B", (), HEAD_B),
        ("", "", (checked("A", next_due="2026-11-22"),), HEAD_B),
        ("", "", (checked("B", is_good=False, next_due=""),), HEAD_A),
    ],
)
def test_the_head_is_told_named_or_the_only_valid_one(
    wire: str, named: str, checks: tuple[UnitChecked, ...], head: Accessory
) -> None:
    """In this order: the unit knows best."""
    found = fitness(asked(accessories=(HEAD_A, HEAD_B), wire=wire, asked=named, checks=checks))

    assert Fit(head=head) == found


@pytest.mark.parametrize(
    ("changes", "reason", "word"),
    [
        ({"accessories": (HEAD_A, HEAD_B)}, "unit_head", "Which head"),
        ({"accessories": (HEAD_A, HEAD_B), "asked": "Z"}, "unit_head", "has no head Z"),
        ({"accessories": (HEAD_A, HEAD_B), "asked": "A", "wire": "B"}, "unit_head", "says that head B"),
        ({"accessories": (HEAD_A,), "wire": "X"}, "unit_head", "does not name"),
        ({"asked": "A"}, "unit_head", "names no head"),
        ({"accessories": (HEAD_A,), "is_required": True}, "unit_uncalibrated", "never calibrated"),
        ({"accessories": (HEAD_A, HEAD_B), "is_required": True}, "unit_uncalibrated", "No head"),
        ({"accessories": (HEAD_A,), "checks": (checked(is_good=False),)}, "unit_uncalibrated", "failed"),
        ({"accessories": (CELL,), "checks": (checked("C", is_good=False),)}, "unit_uncalibrated", "Sensor C"),
        ({"checks": (checked(on="2026-11-24"),)}, "unit_uncalibrated", "clock says"),
    ],
)
def test_what_closes_a_unit_says_so_and_what_to_do(changes: dict[str, object], reason: str, word: str) -> None:
    """A tired person at the table must not have to guess."""
    found = fitness(asked(**changes))

    assert isinstance(found, Unfit)
    assert reason == found.reason
    assert word in found.text


def test_a_console_with_a_calibrated_head_needs_no_calibration_of_its_own() -> None:
    """What is measured is what leaves the head."""
    found = fitness(asked(accessories=(HEAD_A,), checks=(checked("A"),), is_required=True))

    assert Fit(head=HEAD_A) == found


# Look-back


def point(level: int, found: int) -> CheckPoint:
    """A point with a tolerance of 20 %, read in its own unit."""
    return CheckPoint(
        set=level,
        unit="mW/cm2",
        expected=level,
        found=found,
        left=level,
        low=level * 8 // 10,
        high=level * 12 // 10,
        reads_unit="mW/cm2",
    )


POINTS = (point(2_000, 2_000), point(500, 500), point(1_000, 700))


def treated(low: int, high: int) -> Treated:
    """A session between two levels that was charted as 1000 to 1100."""
    dose = DoseBound(quantity="spatial_average_energy", lower=1_000, upper=1_100, unit="mJ/cm2")
    return Treated(
        session="s1", at_utc="", preset="p", head="A", level_low=low, level_high=high, delivered_ms=1, dose=(dose,)
    )


@pytest.mark.parametrize(
    ("low", "high", "band", "outside"),
    [
        (1_000, 1_000, (700, 770), True),
        (600, 600, (700, 1_100), True),
        (500, 500, (1_000, 1_100), False),
        (2_500, 2_500, (1_000, 1_100), False),
        (100, 100, (1_000, 1_100), False),
        (500, 2_000, (700, 1_100), True),
    ],
)
def test_a_past_dose_is_a_band_from_the_points_beside_its_level(
    low: int, high: int, band: tuple[int, int], outside: bool
) -> None:
    """The unit gave 30 % less at 1 W/cm²: at that level the dose was that much less, between points it is either."""
    (found,) = look_back(POINTS, [treated(low, high)])

    assert isinstance(found, Affected)
    assert [band] == [(bound.lower, bound.upper) for bound in found.estimated]
    assert outside == found.outside
    assert (1_000, 1_100) == (found.charted[0].lower, found.charted[0].upper)


def test_a_band_is_rounded_away_from_what_flatters() -> None:
    """A third more than it should be: the upper bound goes up, the lower one down."""
    (found,) = look_back((point(300, 400),), [treated(300, 300)])

    assert (333, 334) == (found.error_low_permille, found.error_high_permille)
    assert [(1_333, 1_468)] == [(bound.lower, bound.upper) for bound in found.estimated]


def test_without_points_nothing_is_said_of_the_past() -> None:
    """A check of the housing measures no dose."""
    assert () == look_back((), [treated(1_000, 1_000)])
