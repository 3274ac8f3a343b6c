"""``make hazards``: the hazard table with what its tests and knock-outs came to, one line a row.

``python -m tests.safety.report [pytest arguments]`` runs every test that the table names, throws every knock-out, and
exits with 1 when a row is not green.
"""

import contextlib
import io
import sys
from collections import defaultdict
from collections.abc import Sequence

import msgspec
import pytest

from modctl.virtual.hazards import Hazard, hazards
from tests.safety.hazard_table import THROWN_BY, throwers

THROWERS = throwers()
KEPT = "tests/safety/test_hazard_table.py"


class Came(msgspec.Struct):
    """What the cases of one test came to. Changed only while the tests run."""

    passed: int = 0
    failed: int = 0
    ms: int = 0


class Ledger:
    """A pytest plugin that counts; knock-outs are counted under the test at which they are thrown."""

    def __init__(self) -> None:
        self.tests: dict[str, Came] = defaultdict(Came)
        self.thrown: dict[str, Came] = defaultdict(Came)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one case."""
        name, _, case = report.nodeid.partition("[")
        is_throw = name in THROWERS
        test = f"{name.partition('::')[0]}::test_{case.removesuffix(']')}" if is_throw else name
        came = (self.thrown if is_throw else self.tests)[test]
        came.ms += round(report.duration * 1000)
        if report.failed:
            came.failed += 1
        elif report.when == "call":
            came.passed += report.passed


def line(row: Hazard, ledger: Ledger) -> tuple[bool, str]:
    """One row: is it green, and how it reads."""
    if row.status == "waits_for":
        return True, f"{row.id}  waits     for {row.waits_for}"
    tests = [ledger.tests[test] for test in row.tests]
    thrown = [ledger.thrown[test] for test in row.tests if test in ledger.thrown]
    thrown += [ledger.tests[test] for name, test in THROWN_BY.items() if name in row.knockouts]
    passed, red = sum(came.passed for came in tests), sum(came.passed for came in thrown)
    is_green = all(came.passed and not came.failed for came in (*tests, *thrown)) and bool(red) is not bool(
        row.no_knockout
    )
    ms = sum(came.ms for came in {id(came): came for came in (*tests, *thrown)}.values())
    knocked = f"{red} knock-outs red" if not row.no_knockout else f"no knock-out: {row.no_knockout}"
    word = "enforced" if is_green else "NOT GREEN"
    return is_green, f"{row.id}  {word:<9} {passed:>3} tests passed  {knocked}  {ms:>6} ms  {row.hazard}"


def main(arguments: Sequence[str]) -> int:
    """Run, print, judge."""
    rows = hazards()
    ledger, said = Ledger(), io.StringIO()
    named = sorted({test for row in rows for test in row.tests})
    with contextlib.redirect_stdout(said):
        status = pytest.main(["-q", *arguments, *named, *THROWERS, KEPT], plugins=[ledger])
    judged = [line(row, ledger) for row in rows]
    out = [text for _green, text in judged]
    waiting = sum(row.status == "waits_for" for row in rows)
    passed, red = sum(c.passed for c in ledger.tests.values()), sum(c.passed for c in ledger.thrown.values())
    red += sum(ledger.tests[test].passed for test in THROWN_BY.values())
    exempt = [row.id for row in rows if row.no_knockout]
    out.append(
        f"{len(rows)} rows: {len(rows) - waiting} enforced, {waiting} wait; {passed} tests passed, "
        f"{red} knock-outs red, {len(exempt)} rows without one{' '.join(['', *exempt])}"
    )
    is_green = status == pytest.ExitCode.OK and all(green for green, _text in judged)
    if not is_green:
        out.insert(0, said.getvalue())
    sys.stdout.write("\n".join([*out, ""]))
    return 0 if is_green else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
