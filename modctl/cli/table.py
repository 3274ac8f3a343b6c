"""``modctl table``: the screen at the treatment table."""

import importlib
from collections.abc import Callable
from pathlib import Path

import click

from modctl.cli.common import Context, fail, finish, pass_context
from modctl.errors import Exit


@click.command()
@click.option("--as", "user", help="Who signs in; asked on the screen when left out.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="Simulated sites only.")
@click.option("--quiet", "is_quiet", is_flag=True, help="No bell: alarms are shown and never heard.")
@click.option("--colours", type=click.Choice(["night", "contrast", "light"]), help="Instead of the site's; F2 changes.")
@pass_context
def table(context: Context, *, user: str | None, pin_file: Path | None, is_quiet: bool, colours: str | None) -> None:
    """Open the table's screen: pick the patient, pick a preset, answer, place, start, watch, stop.

    F12 and Ctrl-C stop every session of this screen. Closing it stops what it attends. Needs 80 by 24.
    """
    from modctl.cli.reach import controller, pin_for

    if context.plain:
        fail(Exit.USAGE, "The table needs a terminal. Without one: modctl session start, which asks the same.")
    controller(context).close()  # says what to do when none runs, before the screen is taken over
    pin = pin_for(context, user, pin_file) if user is not None and pin_file is not None else None
    finish(show_table(context.site, user, pin, is_quiet=is_quiet, colours=colours))


def show_table(
    site: Path, user: str | None, pin: str | None, *, is_quiet: bool = False, colours: str | None = None
) -> int:
    """Run the screen until it is closed; its exit status. ``colours`` None: those of the site."""
    from modctl.config import Layout, load_site
    from modctl.ipc.client import find_socket

    # The screens stand above this package and are nothing that it builds on: loaded by name, like a program.
    run: Callable[..., int] = importlib.import_module("tui.table").run
    chosen = load_site(site).site
    sound = site / chosen.alarm_sound if chosen.alarm_sound else None
    return run(
        find_socket(Layout(site).run),
        user or "",
        pin,
        is_quiet=is_quiet,
        colours=colours or chosen.colours,
        sound=sound,
    )
