"""The technician's papers as files: never over something that is there, and tried before anything is charted."""

import os
from collections.abc import Iterator
from pathlib import Path

from modctl.errors import RefusedError, UnreachableError
from modctl.service_records import UnitChecked


def check_target(path: Path | None, so: str) -> None:
    """RefusedError or UnreachableError where a file cannot be written, with ``so`` behind it; writes nothing."""
    if path is None:
        return
    if path.is_symlink() or path.exists():
        raise RefusedError(f"There is something at {path}; a report replaces nothing. {so}")
    if not path.parent.is_dir():
        raise UnreachableError(f"There is no folder {path.parent}. {so}")


def write_paper(checked: UnitChecked, who: str, site: str, report: Path | None, sticker: Path | None) -> Iterator[Path]:
    """Write what was asked for; each path as soon as it is written."""
    if report is None and sticker is None:
        return
    from modctl.reports.service import report_pdf, sticker_pdf

    if report is not None:
        yield _written(report, report_pdf(checked, who, site))
    if sticker is not None:
        yield _written(sticker, sticker_pdf(checked, who))


def _written(path: Path, content: bytes) -> Path:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as why:
        raise UnreachableError(f"It is charted, but {path} could not be written: {why.strerror}.") from why
    return path
