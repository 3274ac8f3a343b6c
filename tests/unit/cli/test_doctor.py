"""What the doctor says of calibrations: nothing while all is well, and early enough to do something about it."""

import pytest

from modctl.cli.doctor import calibrations
from modctl.ipc.messages import UnitRow
from modctl.ipc.servicing import HeadRow

TODAY = "2026-11-23"


def unit(calibration: str = "never", due: str = "", heads: tuple[HeadRow, ...] = ()) -> UnitRow:
    """One unit of the list."""
    return UnitRow(
        name="u1",
        model="m",
        modality="ultrasound",
        model_class="clinic",
        address="",
        state="ready",
        simulated=True,
        verified="",
        lease_ms=0,
        calibration=calibration,
        due=due,
        heads=heads,
    )


@pytest.mark.parametrize(
    ("calibration", "due", "word"),
    [
        ("never", "", None),
        ("valid", "2026-12-24", None),
        ("valid", "2026-12-23", "ends on 2026-12-23"),
        ("overdue", "2026-11-22", "overdue"),
        ("failed", "", "failed"),
        ("unknown", "2027-11-22", "unknown"),
    ],
)
def test_a_calibration_is_told_a_month_before_its_end(calibration: str, due: str, word: str | None) -> None:
    """A meter is not found on the day itself; a site that never calibrates is told by its refusals, not here."""
    found = list(calibrations([unit(calibration, due)], TODAY))

    assert ([] if word is None else [True]) == [word is not None and word in check.found for check in found]


def test_a_head_is_told_by_its_own_number() -> None:
    """The console is fine; one of its heads is not."""
    heads = (
        HeadRow(kind="head", serial="A", calibration="valid", due="2027-11-01"),
        HeadRow(kind="head", serial="B", calibration="overdue", due="2026-11-01"),
    )
    (found,) = calibrations([unit("valid", "2027-11-01", heads)], TODAY)

    assert "head B of u1" in found.check
    assert "2026-11-01" in found.found
