"""Checks and calibration on the technician's screen: what is typed, what is recorded, what it leads to."""

from pathlib import Path

import msgspec

from modctl.ipc.messages import Done, Refused, Request
from modctl.ipc.servicing import AffectedRow, CheckUnit, HeadRow, HoldUnit, LookBack
from modctl.records import DoseBound
from modctl.service_records import CheckItem, CheckPoint, UnitChecked
from tests.tui.bench_stage import Stand, begun, obliging, on_load, perform
from tests.tui.fakes import UNITS, message_id

HEADS = (
    HeadRow(kind="head", serial="4711", calibration="valid", due="2027-01-31", era_mm2=500),
    HeadRow(kind="head", serial="4712", calibration="never", due="", era_mm2=500),
)
OUT = CheckPoint(
    set=500, unit="mW/cm2", expected=2_500, found=1_900, left=1_900, low=2_000, high=3_000, reads_unit="mW"
)
CALIBRATED = UnitChecked(
    unit="ultrasound-1",
    model="reference-ultrasound",
    serial="SIM-0003",
    firmware="1",
    simulated=True,
    what="calibration",
    on="2026-11-23",
    next_due="",
    is_good=False,
    head="4711",
    points=(OUT,),
    tolerance="±20 %",
    meter="UPM 88",
    meter_due="2027-01-31",
)
TREATED = AffectedRow(
    session="20261120-1",
    at_utc="2026-11-20T10:15:00.000Z",
    preset="hip-oa-ultrasound-1mhz",
    head="4711",
    error_low_permille=-240,
    error_high_permille=-240,
    outside=True,
    delivered_ms=300_000,
    charted=(DoseBound(quantity="energy", lower=1_500_000, upper=1_500_000, unit="mJ"),),
    estimated=(DoseBound(quantity="energy", lower=1_140_000, upper=1_140_000, unit="mJ"),),
)


def recording(message: Request) -> Done | Refused:
    """A controller whose chart has one session since the last good calibration of head 4711."""
    number = message_id(message)
    match message:
        case CheckUnit(what="calibration") if len(message.points) < 3:
            return Refused(id=number, code="usage", reason="A calibration needs 3 points. Nothing was recorded.")
        case CheckUnit(what="calibration"):
            is_good = all(point.found >= 2_000 for point in message.points)
            points = (OUT,) if not is_good else (msgspec.structs.replace(OUT, found=2_500, left=2_500),)
            return Done(id=number, checked=msgspec.structs.replace(CALIBRATED, is_good=is_good, points=points))
        case CheckUnit():
            items = tuple(CheckItem(item=name, result=word) for name, word in message.items)
            return Done(
                id=number,
                checked=msgspec.structs.replace(
                    CALIBRATED, unit=message.unit, what="check", head=message.head, points=(), items=items, is_good=True
                ),
            )
        case LookBack():
            return Done(id=number, checked=CALIBRATED, affected=(TREATED,))
        case _:
            return obliging(message)


METER = ("UPM 88", "2027-01-31")


async def at_ultrasound(stand: Stand, plugged: str = "4711") -> None:
    """The page of an ultrasound unit with two heads, one of them plugged in."""
    units = tuple(
        msgspec.structs.replace(row, heads=HEADS, head=plugged) if row.name == "ultrasound-1" else row for row in UNITS
    )
    await stand.see(units=units)
    await stand.press("down", "enter")


async def types(stand: Stand, *lines: tuple[str, ...]) -> None:
    """One line of the worksheet after the other, as the screen goes on by itself."""
    for line in lines:
        await stand.press("enter")
        for words in line:
            await stand.enter(words)


def test_a_calibration_is_typed_point_by_point_and_judged_at_once() -> None:
    """Who reads a meter has no hand free for a calculator: the band and the error stand beside the reading."""

    async def act(stand: Stand) -> None:
        await at_ultrasound(stand)
        await stand.press("o")

        assert "output points of ultrasound-1 head 4711; calibration valid" in stand.text()
        await types(stand, METER, ("degassed water",), ("500", "1900", ""), ("1000", "4900", "5000"))

        assert "0.5 W/cm²  2.5 W       2 to 3 W         OUT 1.9 W -24.0 %  as found" in stand.text()
        assert "1 W/cm²    5 W         4 to 6 W         4.9 W -2.0 %       5 W +0.0 %" in stand.text()
        assert "Nothing is recorded yet. 1 more point at least." in stand.text()
        assert [] == stand.sent(CheckUnit)

    perform(act, script=recording)


def test_out_of_tolerance_leads_to_the_sessions_to_the_hold_and_to_the_report() -> None:
    """One reading out: who was treated with it, what they got, off the tables with it, and paper for the file."""

    async def act(stand: Stand) -> None:
        await at_ultrasound(stand)
        await stand.press("o")
        await types(stand, METER, ("",), ("500", "1900", ""), ("1000", "4900", ""), ("1500", "7600", ""))
        await stand.press("w")

        recorded, looked = stand.sent(CheckUnit, LookBack)
        assert isinstance(recorded, CheckUnit)
        assert isinstance(looked, LookBack)
        assert ("ultrasound-1", "calibration", "4711", "UPM 88", "2027-01-31") == (
            recorded.unit, recorded.what, recorded.head, recorded.meter, recorded.meter_due,
        )  # fmt: skip
        assert [(500, 1900, None), (1000, 4900, None), (1500, 7600, None)] == [
            (point.set, point.found, point.left) for point in recorded.points
        ]
        assert ("ultrasound-1", "4711") == (looked.unit, looked.head)
        for words in (
            "ultrasound-1 head 4711, calibration of 2026-11-23: NOT GOOD.",
            "1 session since the last good calibration. Tell who answers for the patients.",
            "2026-11-20 10:15 UTC  20261120-1 head 4711  hip-oa-ultrasound-1mhz",
            "-24.0 %, beside a point out of tolerance",
            "1500 J charted, 1140 J by the meter",
        ):
            assert words in stand.text(), words
        await stand.press("h")
        await stand.enter("reads low")
        assert [("ultrasound-1", "reads low")] == [
            (one.unit, one.reason) for one in stand.sent(HoldUnit) if isinstance(one, HoldUnit)
        ]
        await stand.press("w")
        await stand.enter("")
        await stand.enter("")
        stem = "ultrasound-1-4711-calibration-2026-11-23"
        here = Path.cwd()
        assert [(CALIBRATED, "technician", here / f"{stem}.pdf", here / f"{stem}-sticker.pdf")] == stand.made.papers
        assert f"{stem}-sticker.pdf" in stand.text()
        await stand.press("backspace")
        assert "ultrasound-1: unit" in stand.text()

    perform(act, script=recording, size=(132, 43))


def test_what_the_controller_refuses_stays_on_the_worksheet() -> None:
    """Two points are no calibration; nobody types them again for that."""

    async def act(stand: Stand) -> None:
        await at_ultrasound(stand)
        await stand.press("o")
        await types(stand, METER, ("",), ("500", "2500", ""))
        await stand.press("w")

        assert "Refused: A calibration needs 3 points. Nothing was recorded." in stand.text()
        await stand.press("backspace", "backspace", "enter", "o")
        assert "0.5 W/cm²" in stand.text()
        assert "UPM 88" in stand.text()
        await stand.press("up", "x")
        assert "0.5 W/cm²" not in stand.text()

    perform(act, script=recording)


def test_the_next_unit_is_read_with_the_same_meter() -> None:
    """One meter a morning: it is typed once. Another head has a worksheet of its own."""

    async def act(stand: Stand) -> None:
        await at_ultrasound(stand)
        await stand.press("o")
        await types(stand, METER)
        await stand.press("backspace")
        await stand.press("backspace", "up", "enter", "o")

        assert "output points of estim-1; calibration never" in stand.text()
        assert "UPM 88, its calibration ends 2027-01-31" in stand.text()
        await at_ultrasound(stand, plugged="4712")

    perform(act, script=recording)


def test_a_mistyped_line_is_told_before_anything_is_kept() -> None:
    """A word, a minus, a date of the other order, a point twice, a head that is not there."""

    async def act(stand: Stand) -> None:
        await at_ultrasound(stand, plugged="")
        await stand.press("o", "enter")
        await stand.enter("4713")
        assert "site.toml names 4711, 4712." in stand.text()
        await stand.press("escape", "enter")
        await stand.enter("4712")
        await stand.press("enter")
        await stand.enter("UPM")
        await stand.enter("31.01.2027")
        assert "Write the date as YYYY-MM-DD." in stand.text()
        await stand.press("escape", "down", "down")
        await types(stand, ("500", "2500", ""))
        await stand.press("enter")
        for words in ("500", "", "-1"):
            await stand.enter(words)
        assert "A whole number, 1 or more" in stand.text()
        assert "calibration never" in stand.text()

    perform(act, script=recording)


def test_a_reading_is_noted_from_the_run_and_a_stop_key_stops_meanwhile() -> None:
    """The level that runs is the level that is set; the meter is read while the output is on."""

    async def act(stand: Stand) -> None:
        await begun(stand)
        await stand.see(on_load(set_level=5_000))
        await stand.press("o")
        await stand.see(on_load(set_level=5_000))

        assert "set on the unit, in µA" in stand.text()
        assert "STOP   Esc, F12, Ctrl+C: estim-1: bench run on 500 ohm" in stand.text()
        for words in ("", "4900", ""):
            await stand.enter(words)
        assert "5 mA       5 mA        4 to 6 mA        4.9 mA -2.0 %      as found" in stand.text()
        await stand.press("backspace")
        assert "estim-1: run" in stand.text()

    perform(act, script=recording)


def test_the_next_run_carries_load_and_settings_and_never_the_level() -> None:
    """Five points are five runs: what stays is only confirmed; what gives output, and who is connected, is stated."""

    async def act(stand: Stand) -> None:
        await begun(stand)
        await stand.see(on_load(phase="ended", outcome="completed", output="off"))
        await stand.press("r")
        stood = []
        for words in ("", "", "", "8000", "", ""):
            stood.append(stand.line())
            await stand.enter(words)

        assert ["500 ohm", "200", "10000", "", "20", ""] == stood
        assert "Type nobody if it is so" in stand.text()

    perform(act, script=recording)


def test_a_check_is_looked_through_and_recorded() -> None:
    """Pass and fail are keys; numbers are typed and judged at once; what must be looked at is named."""

    async def act(stand: Stand) -> None:
        await at_ultrasound(stand)
        await stand.press("c", "p")
        await types(stand, ("300", "340"))
        assert "fail: +40 s, at most ±30 s" in stand.text()
        assert "Still to be looked at: Head face without pits, cracks or loose edges." in stand.text()
        await stand.press("x")
        await types(stand, ("35",))
        await stand.press("p")
        assert "is a number: Enter types it." in stand.text()
        await stand.press("n", "w")

        checked = next(one for one in stand.sent(CheckUnit) if isinstance(one, CheckUnit))
        assert ("check", "4711") == (checked.what, checked.head)
        assert {
            "visual": "pass",
            "timer": "300=340",
            "head_face": "fail",
            "patient_leakage_ua": "35",
            "patient_leakage_fault_ua": "not-done",
        } == dict(checked.items)
        assert "Recorded in the chart; w saves the paper." in stand.text()

    perform(act, script=recording, size=(132, 43))


def test_a_worksheet_is_not_lost_by_one_key() -> None:
    """Five readings take half an hour."""

    async def act(stand: Stand) -> None:
        await at_ultrasound(stand)
        await stand.press("o")
        await types(stand, METER, ("",), ("500", "2500", ""))
        await stand.press("ctrl+q")

        assert "Typed, but not recorded: ultrasound-1. Leave once more to lose it." in stand.text()
        assert stand.app.return_code is None
        await stand.press("ctrl+q")
        assert 0 == stand.app.return_code

    perform(act, script=recording)


def test_looking_back_without_a_finding_says_so() -> None:
    """Nothing found is an answer too."""

    def clean(message: Request) -> Done | Refused:
        return Done(id=message_id(message)) if isinstance(message, LookBack) else recording(message)

    async def act(stand: Stand) -> None:
        await at_ultrasound(stand)
        await stand.press("b")

        assert "No reading was out of tolerance as found." in stand.text()
        await stand.press("w")
        assert "Nothing was recorded here that a report could say." in stand.text()

    perform(act, script=clean)
