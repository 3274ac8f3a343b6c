"""The service report of one check or calibration, and the sticker for the housing: values in, PDF bytes out.

Both say only what is charted; who signs, signs on paper as well. The same record gives the same bytes.
"""

from datetime import UTC, datetime
from typing import Final

from fpdf import FPDF

from modctl.clinic.checks import FAIL
from modctl.reports.service_words import POINT_COLUMNS, item_title, item_words, point_cells, verdict
from modctl.service_records import UnitChecked

FONT: Final = "helvetica"  # a core font of every reader: nothing is embedded
LINE_MM: Final = 6
FACT_SIZE: Final = 10
NAME_MM: Final = 50
ITEM_MM: Final = 100  # the longest title of what is looked at, in bold
STICKER_MM: Final = (40, 70)  # chosen: a common label size; printed landscape
WIDTHS_MM: Final = (26, 28, 52, 42, 42)  # of the columns of a point; together what A4 leaves


def report_pdf(checked: UnitChecked, who: str, site: str) -> bytes:
    """One A4 page or more: the unit, the meter, each point as found and as left, each item, verdict, next date."""
    pdf = _new(checked, "A4")
    pdf.add_page()
    _line(pdf, f"Service report: {checked.what}", size=16, bold=True)
    _line(pdf, f"{site}, {checked.on}", size=11)
    pdf.ln(LINE_MM // 2)
    for name, value in _facts(checked):
        _fact(pdf, name, value)
    pdf.ln(LINE_MM)
    if checked.points:
        _line(pdf, "Output", size=13, bold=True)
        _row(pdf, POINT_COLUMNS, bold=True)
        for point in checked.points:
            _row(pdf, point_cells(point), bold=not (point.is_found_good and point.is_left_good))
        _line(pdf, f"Tolerance: {checked.tolerance}", size=9)
        pdf.ln(LINE_MM // 2)
    if checked.items:
        _line(pdf, "Looked at and measured", size=13, bold=True)
        for item in checked.items:
            _fact(pdf, item_title(item), item_words(item), name_mm=ITEM_MM, bold=item.result == FAIL)
        pdf.ln(LINE_MM // 2)
    _line(pdf, f"Verdict: {verdict(checked)}", size=13, bold=True)
    if checked.next_due:
        _line(pdf, f"Next due: {checked.next_due}", size=11)
    if checked.note:
        _fact(pdf, "Note", checked.note)
    pdf.ln(LINE_MM * 2)
    _line(pdf, f"Done by {who}    Signature: ______________________________", size=11)
    return bytes(pdf.output())


def sticker_pdf(checked: UnitChecked, who: str) -> bytes:
    """A label: unit, serial number, date, next date, who."""
    pdf = _new(checked, STICKER_MM)
    pdf.set_margins(4, 4, 4)
    pdf.add_page()
    _line(pdf, _named(checked), size=13, bold=True, height=7)
    _line(pdf, f"serial {checked.head or checked.serial or 'not told'}", size=10, height=5)
    _line(pdf, f"{checked.what} {checked.on} by {who}", size=10, height=5)
    due = f"DUE {checked.next_due}" if checked.next_due else "CHECKED"
    _line(pdf, due if checked.is_good else "OUT OF SERVICE", size=15, bold=True, height=9)
    if checked.simulated:
        _line(pdf, "SIMULATED UNIT", size=10, height=5)
    return bytes(pdf.output())


def _facts(checked: UnitChecked) -> tuple[tuple[str, str], ...]:
    simulated = " (SIMULATED UNIT)" if checked.simulated else ""
    rows = (
        ("Unit", f"{checked.unit}, {checked.model}{simulated}"),
        ("Serial number", checked.serial or "not told"),
        ("Firmware", checked.firmware or "not told"),
        ("Head or part", checked.head),
        ("Meter", f"{checked.meter}, its calibration ends {checked.meter_due}" if checked.meter else ""),
        ("Load", checked.load),
    )
    return tuple((name, value) for name, value in rows if value)


def _named(checked: UnitChecked) -> str:
    return f"{checked.unit} head" if checked.head else checked.unit


def _new(checked: UnitChecked, size: str | tuple[int, int]) -> FPDF:
    landscape = not isinstance(size, str)
    pdf = FPDF(orientation="landscape" if landscape else "portrait", unit="mm", format=size)
    pdf.set_auto_page_break(not landscape, margin=15)
    pdf.set_creation_date(datetime.fromisoformat(checked.on).replace(tzinfo=UTC))
    pdf.set_title(_safe(f"{checked.what} of {checked.unit}, {checked.on}"))
    pdf.set_producer("modctl")
    return pdf


def _line(pdf: FPDF, said: str, *, size: int, bold: bool = False, height: int = LINE_MM + 1) -> None:
    pdf.set_font(FONT, "B" if bold else "", size)
    pdf.multi_cell(0, height, _safe(said), align="L", new_x="LMARGIN", new_y="NEXT")


def _fact(pdf: FPDF, name: str, value: str, *, name_mm: int = NAME_MM, bold: bool = False) -> None:
    pdf.set_font(FONT, "B" if bold else "", FACT_SIZE)
    pdf.cell(name_mm, LINE_MM, _safe(name))
    pdf.multi_cell(0, LINE_MM, _safe(value), align="L", new_x="LMARGIN", new_y="NEXT")


def _row(pdf: FPDF, cells: tuple[str, ...], *, bold: bool = False) -> None:
    pdf.set_font(FONT, "B" if bold else "", 8)
    for cell, width in zip(cells, WIDTHS_MM, strict=True):
        pdf.cell(width, LINE_MM, _safe(cell), border=1)
    pdf.ln(LINE_MM)


def _safe(said: str) -> str:
    """Core fonts know Latin-1; what it has no sign for is shown as missing, not left out."""
    return said.encode("latin-1", "replace").decode("latin-1")
