"""``modctl hazards``: the hazard table, and the quick check of each row that has one."""

from typing import Literal

import click
import msgspec

from modctl.cli.common import emit, finish, say
from modctl.errors import Exit

Result = Literal["ok", "FAILED", "by tests", "waits"]


class Row(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="hazard"):
    """One row of the table and what its quick check saw. ``result`` ``by tests``: it takes processes or screens."""

    id: str
    hazard: str
    status: str
    result: Result
    saw: str
    tests: tuple[str, ...]
    knockouts: tuple[str, ...]


@click.command()
def hazards() -> None:
    """Print the hazard table and run its quick checks: simulators in virtual time, nothing is connected or energized.

    One line a row. Exit status 1 when a check fails. Rows that take real processes or screens are checked by the
    project's tests alone; rows that wait name what they wait for.

    Example: modctl hazards --json
    """
    from modctl.virtual.hazards import hazards as table
    from modctl.virtual.quick import QUICK

    counts: dict[Result, int] = {}
    for row in table():
        check = QUICK.get(row.id)
        if row.status == "waits_for":
            result: Result = "waits"
            saw = row.waits_for
        elif check is None:
            result, saw = "by tests", f"{len(row.tests)} tests in the project"
        else:
            seen = check()
            result, saw = "ok" if seen.passed else "FAILED", seen.saw
        counts[result] = counts.get(result, 0) + 1
        told = Row(
            id=row.id,
            hazard=row.hazard,
            status=row.status,
            result=result,
            saw=saw,
            tests=row.tests,
            knockouts=row.knockouts,
        )
        emit(told, f"{row.id}  {result:<8}  {row.hazard}: {saw}")
    say(f"{sum(counts.values())} rows: " + ", ".join(f"{number} {word}" for word, number in counts.items()))
    finish(Exit.FINDINGS if counts.get("FAILED") else Exit.OK)
