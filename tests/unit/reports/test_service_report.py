"""The technician's papers: bytes from a record alone, the same for the same record, whatever stands in it."""

import zlib

import msgspec
import pytest
from fpdf import FPDF

from devices.model import Modality
from modctl.clinic.checks import items_for
from modctl.reports.service import FACT_SIZE, FONT, ITEM_MM, report_pdf, sticker_pdf
from modctl.reports.service_words import unit_word
from modctl.service_records import CheckItem, CheckPoint, UnitChecked

POINT = CheckPoint(
    set=1_500, unit="mW/cm2", expected=7_200, found=5_500, left=7_300, low=5_760, high=8_640, reads_unit="mW"
)
CHECKED = UnitChecked(
    unit="ultrasound-1",
    model="reference-ultrasound",
    serial="11089026",
    firmware="1.2",
    simulated=True,
    what="calibration",
    on="2026-11-23",
    next_due="2027-11-23",
    is_good=True,
    head="4711",
    points=(POINT,),
    items=(CheckItem(item="timer", result="pass", measured=2, bound=30, unit="s"),),
    tolerance="±20 %",
    meter="UPM 88",
    meter_due="2027-01-31",
)


def words(pdf: bytes) -> str:
    """The text of a PDF's pages, as its content streams hold it."""
    streams = [part.partition(b"endstream")[0].strip(b"\r\n") for part in pdf.split(b"stream\n")[1:]]
    return b"".join(zlib.decompress(stream) for stream in streams if stream[:1] == b"x").decode("latin-1")


def test_the_report_says_what_was_found_and_what_was_left() -> None:
    """Both readings with their errors, the meter, the unit, that it is simulated, and the next date."""
    said = words(report_pdf(CHECKED, "technician", "clinic"))

    for word in ("OUT 5.5 W -23.6 %", "7.3 W +1.4 %", "OUT OF TOLERANCE as found", "UPM 88", "11089026", "SIMULATED"):
        assert word in said, word
    for word in ("2027-11-23", "4711", "Own timer against a stopwatch", "pass: +2 s, at most ±30 s"):
        assert word in said, word


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "DUE 2027-11-23"),
        ({"is_good": False, "next_due": ""}, "OUT OF SERVICE"),
        ({"what": "check", "next_due": ""}, "CHECKED"),
    ],
)
def test_the_sticker_says_until_when_or_that_it_is_out(changes: dict[str, object], word: str) -> None:
    """A sticker with a date on a unit that failed would be worn for a year."""
    said = words(sticker_pdf(msgspec.structs.replace(CHECKED, **changes), "technician"))

    assert word in said
    assert word == "DUE 2027-11-23" or "DUE" not in said


def test_the_same_record_gives_the_same_paper() -> None:
    """An auditor prints it again and compares."""
    assert report_pdf(CHECKED, "technician", "clinic") == report_pdf(CHECKED, "technician", "clinic")


def test_a_sign_that_the_font_does_not_have_is_shown_as_missing() -> None:
    """A note in any script must not keep the paper from being written."""
    said = words(report_pdf(msgspec.structs.replace(CHECKED, note="Ω 校正"), "technician", "clinic"))

    assert "? ??" in said


@pytest.mark.parametrize("modality", list(Modality))
def test_no_title_runs_into_its_result_and_every_unit_has_its_signs(modality: Modality) -> None:
    """Seen on paper: a long title over the word *fail*, and a question mark where the ohm should be."""
    pdf = FPDF()
    pdf.set_font(FONT, "B", FACT_SIZE)
    items = items_for(modality)

    assert [] == [item.title for item in items if pdf.get_string_width(item.title) > ITEM_MM - 2]
    assert [] == [
        item.unit for item in items if "?" in unit_word(item.unit).encode("latin-1", "replace").decode("latin-1")
    ]
