"""The HTML sheet in a browser that nobody here wrote: what it prints, and what it complains of."""

import re
import shutil
import subprocess
from datetime import UTC
from pathlib import Path

import pytest

from modctl.reports.html import html_sheet
from modctl.reports.sheet import sheet_of
from tests.unit.reports.test_sheet import whole_session

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT_S = 40  # chosen: a print takes one to three seconds; a machine that is busy may take ten times as long
# A browser of its own: no sandbox (tests may run as root), no profile of the person's, no network, no first-run page.
ALONE = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on the path: the sheet is printed by nobody")


def printed(page: str, folder: Path) -> tuple[bytes, str]:
    """The page as PDF, and what the browser's console said of it."""
    source, target = folder / "sheet.html", folder / "sheet.pdf"
    source.write_text(page, encoding="utf-8")
    argv = [str(BROWSER), *ALONE, f"--user-data-dir={folder / 'profile'}", "--no-pdf-header-footer"]
    done = subprocess.run(
        [*argv, f"--print-to-pdf={target}", source.as_uri()],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=True,
    )
    return target.read_bytes(), "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def test_the_sheet_prints_on_at_most_two_pages_and_the_console_is_silent(tmp_path: Path) -> None:
    """It goes into a paper record: a third page is lost, and an error means that something is not shown."""
    pdf, console = printed(html_sheet(sheet_of(whole_session(), UTC)), tmp_path)
    pages = re.findall(rb"/Type\s*/Page\b", pdf)

    assert pdf.startswith(b"%PDF-")
    assert 1 <= len(pages) <= 2
    assert "" == console


def test_a_page_that_complains_is_heard(tmp_path: Path) -> None:
    """Otherwise the silence above would prove nothing; and three pages are counted as three."""
    sheets = '<p style="break-after: page">one</p>' * 2 + "<p>three</p>"
    pdf, console = printed(f"<!doctype html>{sheets}<script>console.error('planted')</script>", tmp_path)

    assert 3 == len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert "planted" in console
