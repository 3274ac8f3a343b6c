"""What every command shares: the site, the form of its answers, and how it ends.

Results go to standard output, one object or one line each, flushed at once; talk goes to standard error.
"""

import textwrap
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from devices.model import NS_PER_S
from modctl.clock import SystemClock
from modctl.errors import Exit


class Context(msgspec.Struct):
    """What was said before or after any subcommand. Changed only while the command line is read."""

    site: Path
    json: bool = False
    plain: bool = False
    width: int | None = None  # of a line in plain mode; None: as it comes


COPY = click.option(
    "--chart", "copy", type=click.Path(path_type=Path, dir_okay=False), help="A copy of the chart. Default: the site's."
)
ZONE = click.option(
    "--zone", "zone_name", help="The clinic's time zone, when there is no site. Example: Europe/Berlin."
)


class Slowly:
    """Says how far something is, at most once a second: what ends sooner says nothing."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._clock = SystemClock()
        self._last_ns = self._clock.mono_ns()

    def __call__(self, done: int, total: int) -> None:
        """So many of so many."""
        now_ns = self._clock.mono_ns()
        if now_ns - self._last_ns >= NS_PER_S:
            self._last_ns = now_ns
            say(f"{self._what}: {done} of {total} entries")


pass_context = click.make_pass_decorator(Context)


def emit(record: msgspec.Struct, line: str | None = None) -> None:
    """Print one result: the record as compact JSON with --json, else ``line`` (or its fields, name by name)."""
    if _context().json:
        emit_raw(msgspec.json.encode(record))
    else:
        print_line(_named(record) if line is None else line)


def emit_raw(encoded: bytes) -> None:
    """Print one JSON object as it is."""
    click.echo(encoded.decode())


def print_line(line: str) -> None:
    """Print one result that is a line for people."""
    click.echo(fitted(line))


def say(text: str) -> None:
    """Talk: never a result, always standard error."""
    click.echo(fitted(text), err=True)


def fail(exit_code: Exit, text: str) -> NoReturn:
    """End the command: what happened, what the output's state is, what to do now."""
    say(text)
    raise click.exceptions.Exit(exit_code)


def finish(exit_code: int) -> NoReturn:
    """End the command after its results are out; an ``Exit``, or 128 + n of a screen that signal n ended."""
    raise click.exceptions.Exit(exit_code)


def fitted(line: str) -> str:
    """A line as it leaves: without symbols in plain mode, broken at spaces where a width was asked for."""
    from modctl import text

    context = _context()
    shown = text.plain(line) if context.plain else line
    if context.width is None:
        return shown
    return "\n".join(piece for part in shown.splitlines() for piece in textwrap.wrap(part, context.width) or [""])


def _context() -> Context:
    current = click.get_current_context(silent=True)
    found = None if current is None else current.find_object(Context)
    return Context(site=Path()) if found is None else found


def _named(record: msgspec.Struct) -> str:
    return "  ".join(f"{name} {value}" for name, value in msgspec.structs.asdict(record).items() if value is not None)
