"""``modctl session report``: one session as a page to print, a file to keep, or six lines to paste."""

import zoneinfo
from pathlib import Path

import click
import msgspec

from modctl.cli.common import Context, emit, fail, pass_context, print_line
from modctl.errors import Exit, UnreachableError, UsageError


class ReportWritten(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="session.report"):
    """One file was written."""

    session: str
    form: str  # html | pdf | fhir
    path: str
    bytes: int


class NoteLines(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="session.note"):
    """The six lines."""

    session: str
    lines: tuple[str, ...]


@click.command(name="report")
@click.argument("wanted", metavar="[SESSION]", required=False)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="One file; prints on one or two pages.")
@click.option("--pdf", type=click.Path(path_type=Path, dir_okay=False), help="The same as PDF.")
@click.option("--fhir", type=click.Path(path_type=Path, dir_okay=False), help="A FHIR R4 bundle.")
@click.option("--text", "as_text", is_flag=True, help="Six lines for the note (also when nothing else is asked for).")
@pass_context
def report(
    context: Context, *, wanted: str | None, html: Path | None, pdf: Path | None, fhir: Path | None, as_text: bool
) -> None:
    """Write the sheet of a session (default: the last one). An existing file is not replaced.

    Example: modctl session report --pdf sheet.pdf --text
    """
    from modctl.cli.records import wanted_entries
    from modctl.config import load_site
    from modctl.reports.sheet import SheetError, note_facts, sheet_of

    site = load_site(context.site).site
    try:
        sheet = sheet_of(wanted_entries(context, wanted), zoneinfo.ZoneInfo(site.timezone))
    except SheetError as why:
        raise UsageError(f"There is nothing to report: {why}.") from why
    if sheet.started is not None and sheet.started.load:
        told = f"{sheet.session} was a bench run on {sheet.started.load}, without a patient; see modctl session show"
        raise UsageError(f"There is nothing to report: {told}.")
    title = _title(context, sheet.requested.preset)
    if html is not None:
        from modctl.reports.html import html_sheet

        _write(sheet.session, "html", html, html_sheet(sheet, title).encode())
    if pdf is not None:
        from modctl.reports.pdf import pdf_sheet

        _write(sheet.session, "pdf", pdf, pdf_sheet(sheet, title))
    if fhir is not None:
        from modctl.reports.fhir import fhir_bundle

        _write(sheet.session, "fhir", fhir, fhir_bundle(sheet, title))
    if as_text or (html is None and pdf is None and fhir is None):
        from modctl.reports.note import six_lines

        lines = six_lines(note_facts(sheet, title))
        if context.json:
            emit(NoteLines(session=sheet.session, lines=lines))
        else:
            for line in lines:
                print_line(line)


def _title(context: Context, preset: str) -> str:
    """What the library calls the preset today; its id where it is not there any more."""
    from modctl.clinic.library import load_library
    from modctl.config import Layout

    return next((one.title for one in load_library(Layout(context.site).presets) if one.id == preset), preset)


def _write(session: str, form: str, path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        fail(Exit.REFUSED, f"{path} is there already; nothing was written. Name another file.")
    except OSError as why:
        raise UnreachableError(f"{path} cannot be written: {why.strerror}.") from why
    record = ReportWritten(session=session, form=form, path=str(path), bytes=len(content))
    emit(record, f"wrote {path} ({form}, {len(content)} bytes)")
