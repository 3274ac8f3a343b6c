"""The session sheet, from the entries of sessions that ran in virtual time, and from hostile ones."""

import json
from datetime import UTC
from xml.etree import ElementTree as ET

import msgspec
import pytest

from devices.model import Direction
from modctl.engine import events as ev
from modctl.records import Entry
from modctl.reports.fhir import fhir_bundle
from modctl.reports.html import html_sheet
from modctl.reports.note import six_lines
from modctl.reports.pdf import latin, pdf_sheet
from modctl.reports.picture import picture_of
from modctl.reports.sheet import Sheet, SheetError, note_facts, sheet_of
from tests.scenario.evidence import entries
from tests.scenario.table import Table

SOUND, MHZ = "reference-ultrasound", "hip-oa-ultrasound-1mhz"


def answer_after(table: Table, session: str) -> None:
    """What is asked at the end."""
    answers = {
        "pain_after": "2",
        "skin_after": "intact",
        "rom_after": "not-done",
        "followed_by": "exercise",
        "sign": "signed",
    }
    for gate, answer in answers.items():
        given = ev.Answered(gate=gate, answer=answer, actor="therapist", source="person", age_s=0, took_ms=700)
        table.tell(session, given)


def of(table: Table, session: str) -> list[Entry]:
    """One session's entries."""
    return [entry for entry in entries(table) if entry.session == session]


def whole_session() -> list[Entry]:
    """A session with a pause, a lift and a raise in it, to its signature."""
    table = Table(SOUND)
    session = table.start(SOUND, MHZ, 30)
    table.run_s(6)
    table.inject(SOUND, "contact-loss")
    table.run_s(4)
    table.clear(SOUND)
    table.run_s(2)
    table.tell(session, ev.PauseAsked(actor="therapist"))
    table.run_s(3)
    table.tell(session, ev.ResumeAsked(actor="therapist"))
    table.run_s(4)
    table.tell(session, ev.LevelAsked(actor="therapist", direction=Direction.UP))
    table.run_to_end(session)
    answer_after(table, session)
    return of(table, session)


@pytest.fixture(scope="module")
def ran() -> list[Entry]:
    """It, once for all."""
    return whole_session()


@pytest.fixture(scope="module")
def sheet(ran: list[Entry]) -> Sheet:
    """Its sheet."""
    return sheet_of(ran, UTC)


def test_the_sheet_tells_set_commanded_read_back_and_delivered_apart(sheet: Sheet) -> None:
    """Four different things; the raise shows in what was commanded, not in what was set."""
    page = html_sheet(sheet)

    assert "<th>set</th><td>duty 100 %, frequency 1 MHz, intensity 0.5 W/cm²</td>" in page
    assert "<th>commanded, at most</th><td>0.6 W/cm²</td>" in page
    assert "<th>read back, at most</th><td>0.6 W/cm²</td>" in page
    assert "<th>delivered</th><td>spatial average energy" in page


def test_the_six_lines_agree_with_the_record(sheet: Sheet) -> None:
    """What is pasted into the note is what was charted."""
    lines = six_lines(note_facts(sheet, "Ultrasound"))

    assert 6 == len(lines)
    assert lines[0].startswith("SIMULATED. 2026-11-23 09:00 UTC. Ultrasound, hip")
    assert "delivered 0:30 of 0:30, 0:03 paused, 0:03 without contact" in lines[3] or "0:04 without contact" in lines[3]
    assert "Pain 4 before, 2 after; skin before: intact; after: intact." == lines[4]
    assert "Followed by: exercise. Signed by therapist." == lines[5]


def test_the_page_is_well_formed_and_fetches_nothing(sheet: Sheet) -> None:
    """An auditor opens it years later, on a machine without a network."""
    page = html_sheet(sheet)
    body = page.replace("<!doctype html>", "").replace('<meta charset="utf-8">', "")

    ET.fromstring(body)  # noqa: S314  # our own page
    assert not [word for word in ("http://", "https://", "<script", "url(") if word in page]


def test_what_people_and_units_say_is_shown_and_not_obeyed(ran: list[Entry]) -> None:
    """Markup and control characters in a unit's serial number end up as text."""
    evil = "<b>x</b>\x1b[2J"
    changed = [
        msgspec.structs.replace(entry, data=msgspec.Raw(bytes(entry.data).replace(b'"serial":"', b'"serial":"@@@')))
        for entry in ran
    ]
    changed = [
        msgspec.structs.replace(
            entry, data=msgspec.Raw(bytes(entry.data).replace(b"@@@", json.dumps(evil)[1:-1].encode()))
        )
        for entry in changed
    ]
    page = html_sheet(sheet_of(changed, UTC))

    assert "\x1b" not in page
    assert "<b>x" not in page
    assert "&lt;b&gt;x" in page


def test_the_picture_is_inside_its_frame_and_has_the_gap(sheet: Sheet) -> None:
    """The lift is a grey stretch of its own length, to a second of the drawing."""
    picture = picture_of(sheet)
    gaps = [box for box in picture.boxes if box.what == "no contact"]

    assert 1 == len(gaps)
    seconds = gaps[0].width * sheet.length_ms / 640 / 1_000
    assert 3 <= seconds <= 5
    assert all(0 <= x <= 720 and 0 <= y <= 240 for line in picture.lines for x, y in line.points)


def test_the_pdf_has_at_most_two_pages_and_says_simulated_on_each(sheet: Sheet) -> None:
    """One page is copied and the other is lost."""
    made = pdf_sheet(sheet)

    assert made.startswith(b"%PDF-")
    assert 1 <= made.count(b"/Type /Page\n") <= 2


def test_letters_that_the_font_lacks_are_question_marks() -> None:
    """Never another letter in their place."""
    assert "Zażółć <=".replace("ż", "?").replace("ł", "?").replace("ć", "?").replace("ó", "ó") == latin("Zażółć <=")


def test_the_bundle_names_what_was_delivered_with_its_bounds(sheet: Sheet) -> None:
    """One Procedure, its Device, both pains, what was delivered, and where it comes from."""
    bundle = json.loads(fhir_bundle(sheet))
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    delivered = bundle["entry"][4]["resource"]["component"]

    assert ["Procedure", "Device", "Observation", "Observation", "Observation", "Provenance"] == kinds
    assert "simulated" == bundle["meta"]["tag"][0]["code"]
    assert {"value": 30_000, "unit": "ms", "system": "http://unitsofmeasure.org", "code": "ms"} == delivered[1][
        "valueQuantity"
    ]
    assert delivered[-1]["valueRange"]["low"]["value"] <= delivered[-1]["valueRange"]["high"]["value"]


def test_a_refused_request_has_a_sheet_too(ran: list[Entry]) -> None:
    """Nothing was commanded, and the page says so."""
    del ran
    table = Table(SOUND)
    session = table.ask(SOUND, MHZ, 30, intensity_mw_cm2=3_500)
    sheet = sheet_of(of(table, session), UTC)

    assert "never started: nothing was commanded" in html_sheet(sheet)
    assert pdf_sheet(sheet).startswith(b"%PDF-")
    assert "not-done" in fhir_bundle(sheet).decode()


def test_entries_without_a_request_are_no_session(ran: list[Entry]) -> None:
    """Somebody else's lines."""
    with pytest.raises(SheetError):
        sheet_of(ran[1:], UTC)
