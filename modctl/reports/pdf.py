"""The session sheet as a PDF of one or two pages.

The fonts that every reader has speak Latin-1: a letter beyond it becomes a question mark, never a wrong letter.
"""

from collections.abc import Iterable
from typing import Final

from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos

from devices.model import label
from modctl import sentences, text
from modctl.records import EffectiveLimit
from modctl.reports.html import LEGEND, NOT_A_DEVICE, account_rows, value_rows
from modctl.reports.note import six_lines
from modctl.reports.picture import BOTTOM, HEIGHT, TOP, WIDTH, Picture, picture_of
from modctl.reports.sheet import Given, Sheet, note_facts

PAGE_MM: Final = 182  # A4 less the margins
MARGIN_MM: Final = 14
LINE_MM: Final = 4.4
NAME_MM: Final = 52
DASHES_MM: Final = {"commanded": (1.4, 0.8), "limit": (0.3, 1.0)}
WIDTHS_MM: Final = {"commanded": 0.35, "reported": 0.5, "event": 0.35, "limit": 0.3, "axis": 0.2}


def pdf_sheet(sheet: Sheet, title: str = "") -> bytes:
    """The whole file."""
    page = _Page(sheet)
    page.heading(title or sheet.requested.preset)
    started = sheet.started
    where = "" if started is None else f", {started.region}, {started.side} side"
    page.line(f"{sheet.began}, patient {sheet.requested.patient}{where}")
    page.line(
        f"Unit {sheet.requested.unit} ({sheet.requested.model}), session {sheet.session}, by {sheet.requested_by}"
    )
    page.state(_state(sheet))
    picture = picture_of(sheet)
    page.picture(picture)
    page.line(f"{picture.says} {LEGEND}")
    page.table("Set, commanded, read back, delivered", value_rows(sheet))
    page.table("Time", account_rows(sheet))
    page.table("For the note", (("", line) for line in six_lines(note_facts(sheet, title))))
    page.table("Answers", ((one.gate.replace("_", " "), _given(one)) for one in sheet.answers))
    page.table("Events", ((one.at, f"{one.sentence} (entry {one.seq})") for one in sheet.moments))
    if started is not None:
        page.table("Limits that bound it", ((one.id, _limit(one)) for one in started.limits))
    signed = f"Signed by {sheet.signed_by}." if sheet.signed_by else "Not signed."
    page.line(f"{signed} Chart entries {sheet.first_seq} to {sheet.last_seq}; times in {sheet.zone}. {NOT_A_DEVICE}")
    return page.bytes()


def latin(shown: str) -> str:
    """What the built-in fonts can print; control characters made visible first."""
    return text.plain(label(shown, 400)).replace("�", "?").encode("latin-1", "replace").decode("latin-1")


class _Page:
    """Plain blocks down a page; says on each page whether it is simulated."""

    def __init__(self, sheet: Sheet) -> None:
        self._pdf = _Paper("SIMULATED: no patient was treated" if sheet.started and sheet.started.simulated else "")
        self._pdf.set_title(f"Session {latin(sheet.session)}")
        self._pdf.set_margins(MARGIN_MM, MARGIN_MM)
        self._pdf.set_auto_page_break(auto=True, margin=MARGIN_MM)
        self._pdf.add_page()

    def heading(self, said: str) -> None:
        self._pdf.set_font("Helvetica", "B", 14)
        self._block(said, 6)

    def line(self, said: str) -> None:
        self._pdf.set_font("Helvetica", "", 9)
        self._block(said, LINE_MM)

    def state(self, said: str) -> None:
        self._pdf.ln(1)
        self._pdf.set_font("Helvetica", "B", 12)
        self._pdf.multi_cell(PAGE_MM, 7, latin(said), border=1, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def table(self, heading: str, rows: Iterable[tuple[str, str]]) -> None:
        """A heading and rows of a name and what it is."""
        self._pdf.ln(2)
        self._pdf.set_font("Helvetica", "B", 10)
        self._block(heading, 5)
        self._pdf.set_font("Helvetica", "", 9)
        for name, said in rows:
            indent = NAME_MM if name else 0
            if name:
                self._pdf.cell(NAME_MM, LINE_MM, latin(name), new_x=XPos.RIGHT, new_y=YPos.TOP)
            width = PAGE_MM - indent
            self._pdf.multi_cell(width, LINE_MM, latin(said), align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def picture(self, picture: Picture) -> None:
        """The same shapes as in the HTML sheet, scaled to the page."""
        pdf, scale = self._pdf, PAGE_MM / WIDTH
        left, top = MARGIN_MM, pdf.get_y() + 2
        for box in picture.boxes:
            pdf.set_fill_color(221)
            pdf.rect(left + box.x * scale, top + TOP * scale, box.width * scale, (HEIGHT - TOP - BOTTOM) * scale, "F")
        for line in picture.lines:
            pdf.set_line_width(WIDTHS_MM[line.kind])
            dash, gap = DASHES_MM.get(line.kind, (0, 0))
            pdf.set_dash_pattern(dash=dash, gap=gap)
            pdf.polyline([(left + x * scale, top + y * scale) for x, y in line.points])
        pdf.set_dash_pattern()
        pdf.set_line_width(0.2)
        pdf.set_font("Helvetica", "", 7)
        for said in picture.labels:
            shown = latin(said.said)
            shift = {"start": 0.0, "middle": pdf.get_string_width(shown) / 2, "end": pdf.get_string_width(shown)}
            pdf.text(left + said.x * scale - shift[said.anchor], top + said.y * scale, shown)
        pdf.set_y(top + HEIGHT * scale)

    def bytes(self) -> bytes:
        """The file."""
        return bytes(self._pdf.output())

    def _block(self, said: str, height_mm: float) -> None:
        self._pdf.multi_cell(PAGE_MM, height_mm, latin(said), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


class _Paper(FPDF):
    """A page with its banner and its number."""

    def __init__(self, banner: str) -> None:
        super().__init__(format="A4")
        self._banner = banner

    def header(self) -> None:
        """On every page: a copy of one page must say it too."""
        if self._banner:
            self.set_font("Helvetica", "B", 10)
            self.set_fill_color(17)
            self.set_text_color(255)
            self.cell(PAGE_MM, 6, self._banner, align=Align.C, fill=True, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            self.set_text_color(0)
            self.ln(2)

    def footer(self) -> None:
        """The page's number."""
        self.set_y(-10)
        self.set_font("Helvetica", "", 8)
        self.cell(PAGE_MM, 5, f"{self.page_no()}", align=Align.R)


def _state(sheet: Sheet) -> str:
    if sheet.ended is None:
        return "OPEN: the session has no end in this chart"
    said = f"{text.outcome(sheet.ended.outcome)}: {sentences.reason(sheet.ended.reason)}"
    if sheet.ended.outcome == "unconfirmed":
        return f"{said}. Off was NOT confirmed."
    return said if sheet.ended.off_after_ms is None else f"{said}. Off confirmed after {sheet.ended.off_after_ms} ms."


def _given(one: Given) -> str:
    age = f", {one.age_s} s old" if one.age_s else ""
    return f"{one.answer.replace('-', ' ')} ({one.by}, {one.at}, {one.source}{age}, took {one.took_ms} ms)"


def _limit(one: EffectiveLimit) -> str:
    bound = f"{one.kind} {text.ucum(one.bound.value, one.bound.unit)}"
    return f"{bound}, {one.tier}, {text.source(one.source, one.mark)}"
