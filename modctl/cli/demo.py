"""``modctl demo``: everything at once in a throw-away site, and nothing left behind."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from modctl.cli.common import Context, finish, pass_context, say
from modctl.errors import Exit, UnreachableError

READY_S: Final = 10  # chosen: twice the five seconds in which a controller is ready or says why not
END_S: Final = 15  # chosen: longer than every unit's stop deadline
LAST_UNIT: Final = "cold-1"  # the simulators are named when all of them can be reached
DEMO_UNIT: Final = "estim-1"
DEMO_PATIENT: Final = "P-001"
DEMO_PRESET: Final = "hip-post-tha-tens"
DEMO_DURATION: Final = "15s"


@click.command()
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep the site in this folder.")
@pass_context
def demo(context: Context, *, keep: Path | None) -> None:
    """Simulators, controller and the table screen in a throw-away site; nothing to configure, nothing left behind.

    Signed in as the demonstration therapist. With --plain, or without a terminal, one session runs by itself and is
    told line by line.
    """
    from modctl.cli.laying import DEMO_PIN, DEMO_USER, lay_down
    from modctl.cli.table import show_table

    with contextlib.ExitStack() as undo:
        root = keep or Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="modctl-demo-"))) / "site"
        _end_on_signals()
        lay_down(root, simulated=True)
        say("Starting simulated units and their controller.")
        undo.enter_context(_child(("sim", "run"), root, LAST_UNIT))
        undo.enter_context(_child(("serve",), root, "ready"))
        ended = _walk_through(context, root) if context.plain else show_table(root, DEMO_USER, DEMO_PIN)
    if keep is not None:
        say(f"The site is kept in {keep}. Run it again: modctl sim run --site {keep}, then modctl serve --site {keep}")
    finish(ended)


def _walk_through(context: Context, root: Path) -> int:
    """One session on the simulated stimulator, then the chart verified: what a newcomer would do first."""
    signal.signal(signal.SIGINT, lambda _number, _frame: None)  # the session takes it, and ends in order
    shared = ["--plain", *(["--json"] if context.json else []), "--site", str(root)]
    say(f"A session on {DEMO_UNIT}, {DEMO_DURATION}, answers from the demonstration file. s or Ctrl-C stops it.")
    start = ("session", "start", "--unit", DEMO_UNIT, "--patient", DEMO_PATIENT, "--preset", DEMO_PRESET)
    ended = subprocess.call(
        [*_program(), *start, "--as", "therapist", "--answers", "demo", "--duration", DEMO_DURATION, *shared]
    )
    say("The chart, verified:")
    verified = subprocess.call([*_program(), "chart", "verify", *shared])
    return ended or verified


@contextlib.contextmanager
def _child(arguments: Sequence[str], root: Path, ready: str) -> Iterator[None]:
    """Run a part of modctl beside us until the end of the block; begin the block when it has said ``ready``."""
    with tempfile.TemporaryFile("w+") as talk:
        child = subprocess.Popen(
            [*_program(), *arguments, "--site", str(root)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=talk,
            start_new_session=True,  # a Ctrl-C at the terminal is ours to pass on, in order
        )
        try:
            _await(child, ready, arguments[0], talk.fileno())
            yield
        finally:
            _end(child)


def _await(child: "subprocess.Popen[bytes]", ready: str, name: str, talk: int) -> None:
    """Read the child's lines until one begins with the word; UnreachableError with its talk when it does not come."""
    output = child.stdout
    if output is None:
        raise AssertionError("it was asked to be a pipe")
    said = b""
    while not any(line.startswith(ready.encode()) for line in said.splitlines()):
        readable, _, _ = select.select([output], [], [], READY_S)
        received = os.read(output.fileno(), 4096) if readable else b""
        if not received:
            os.lseek(talk, 0, os.SEEK_SET)
            why = os.read(talk, 4096).decode(errors="replace").strip()
            raise UnreachableError(f"modctl {name} did not start. {why}")
        said += received


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, which stops every unit first; kill it when it does not."""
    child.terminate()
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _end_on_signals() -> None:
    """TERM and HUP end the demonstration as Ctrl-C does: through every ``finally``."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: sys.exit(Exit.FINDINGS))


def _program() -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", "modctl.cli.bound")
