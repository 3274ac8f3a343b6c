"""What the trial of a unit came to, as a record and as lines for people."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

STATEMENT: Final = "nobody is connected"


class Verdict(StrEnum):
    """What one check came to."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not-run"  # an earlier failure makes it meaningless or unsafe
    NOT_PROMISED = "not-promised"  # the profile promises nothing here


SHOWN: Final = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "FAILED",
    Verdict.NOT_RUN: "NOT RUN",
    Verdict.NOT_PROMISED: "not promised",
}


class Checked(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="certify.check"):
    """One line of the report."""

    check: str
    verdict: Verdict
    meaning: str
    observed: str


class Report(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="certify.report"):
    """What was tried, by whom, on what, and what came of it."""

    model: str
    link: str
    profile_sha256: str
    program: str
    at_utc: str
    stated: str
    stated_by: str
    passed: bool
    checks: tuple[Checked, ...]


def is_passed(checks: list[Checked]) -> bool:
    """Everything that was promised was kept."""
    return all(one.verdict in (Verdict.PASSED, Verdict.NOT_PROMISED) for one in checks)


def line_of(one: Checked) -> str:
    """One check for people."""
    return f"{SHOWN[one.verdict]}  {one.check}: {one.meaning} ({one.observed})"


def summary_of(report: Report) -> str:
    """The whole in one sentence."""
    if report.passed:
        return f"{report.model} at {report.link} keeps its profile."
    failed = ", ".join(one.check for one in report.checks if one.verdict is Verdict.FAILED)
    return f"{report.model} at {report.link} does not keep its profile: {failed}."


def lines_of(report: Report) -> Iterator[str]:
    """The report as text."""
    yield f"modctl unit certify {report.model} --link {report.link}"
    yield f"{report.at_utc}, {report.program}, profile SHA-256 {report.profile_sha256}"
    yield f"Stated by {report.stated_by}: {report.stated}."
    yield from map(line_of, report.checks)
    yield summary_of(report)


def bytes_of(report: Report, *, as_json: bool) -> bytes:
    """The report as a file."""
    content = msgspec.json.encode(report) if as_json else "\n".join(lines_of(report)).encode()
    return content + b"\n"
