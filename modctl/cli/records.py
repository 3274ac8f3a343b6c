"""The record of sessions, for commands: lists, one session, the last one."""

import contextlib
from collections.abc import Generator
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from modctl.cli.common import Context
from modctl.errors import UsageError
from modctl.records import Entry

if TYPE_CHECKING:
    from modctl.chart.reader import SessionRow
    from modctl.chart.wanted import Wanted


def wanted_of(words: tuple[str, ...]) -> "Wanted":
    """What was asked for in words; UsageError says which words there are."""
    from modctl.chart.wanted import parse_wanted

    wanted = parse_wanted(" ".join(words))
    if isinstance(wanted, str):
        raise UsageError(wanted)
    return wanted


def session_rows(
    context: Context,
    words: tuple[str, ...] = (),
    copy: Path | None = None,
    zone_name: str | None = None,
) -> "Generator[SessionRow]":
    """The sessions that fit, the newest first; the chart is read only as far as they are taken."""
    from modctl.chart.readable import every_session
    from modctl.chart.wanted import chosen
    from modctl.cli.reading import clinic_zone, reading

    wanted = wanted_of(words)
    zone = clinic_zone(context, zone_name) if wanted.since or wanted.until else UTC  # only a day has a place
    with reading(context, copy) as chart:
        yield from chosen(every_session(chart), wanted, zone)


def named(context: Context, wanted: str | None, copy: Path | None = None) -> str:
    """The session that is meant: the one that was said, else the last."""
    name = wanted
    if name is None:
        with contextlib.closing(session_rows(context, copy=copy)) as rows:  # gives the site back before it is read on
            name = next((row.session for row in rows), None)
    if name is None:
        raise UsageError("There is no session in this chart yet.")
    return name


def entries_of(context: Context, session: str, copy: Path | None = None) -> tuple[Entry, ...]:
    """Every entry of one session, its inputs included, in the order of the chart; none for an unknown session."""
    from modctl.cli.reading import reading

    with reading(context, copy) as chart:
        return chart.session_with_inputs(session)


def wanted_entries(context: Context, wanted: str | None, copy: Path | None = None) -> tuple[Entry, ...]:
    """Every entry of the named session, or of the last one. UsageError when there is none."""
    name = named(context, wanted, copy)
    found = entries_of(context, name, copy)
    if not found:
        raise UsageError(f"There is no session {name!r} in this chart; see modctl session list.")
    return found
