"""``modctl bench``: the technician's screen."""

import importlib
from collections.abc import Callable
from pathlib import Path

import click

from modctl.cli.bench_source import SiteBench
from modctl.cli.common import Context, fail, finish, pass_context
from modctl.errors import Exit


@click.command()
@click.option("--as", "user", help="Who signs in; asked on the screen when left out.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@click.option(
    "--control",
    type=click.Path(path_type=Path),
    help="The simulators' control socket. Default: run/sim.sock in the site.",
)
@pass_context
def bench(context: Context, *, user: str | None, pin_file: Path | None, control: Path | None) -> None:
    """Open the technician's screen: what is reported beside what is true, the wire, faults, holds, runs on a load.

    It shows no patient. F12 and Ctrl-C stop what this screen runs. Needs 80 by 24.
    Example: modctl bench --as technician
    """
    from modctl.cli.reach import controller, pin_for
    from modctl.config import Layout
    from modctl.ipc.client import find_socket

    if context.plain:
        fail(Exit.USAGE, "The bench needs a terminal. Without one: modctl unit, modctl sim, which do the same.")
    controller(context).close()  # says what to do when none runs, before the screen is taken over
    pin = pin_for(context, user, pin_file) if user is not None and pin_file is not None else None
    layout = Layout(context.site)
    source = SiteBench(context, layout.sim_socket if control is None else control)
    # The screens stand above this package and are nothing that it builds on: loaded by name, like a program.
    run: Callable[[SiteBench, Path, str, str | None], int] = importlib.import_module("tui.bench.app").run
    finish(run(source, find_socket(layout.run), user or "", pin))
