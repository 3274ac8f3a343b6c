"""``modctl serve``: the controller of a site, in the foreground."""

from pathlib import Path

import click
import msgspec

from modctl.cli.common import Context, emit, finish, pass_context


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ready"):
    """The controller serves."""

    socket: str


@click.command()
@pass_context
def serve(context: Context) -> None:
    """Run the controller until TERM, INT or HUP: then everything is stopped, confirmed and charted first.

    Prints "ready SOCKET" when it serves, at the latest after five seconds; units that are missing are named and
    tried again each second. Exit 1 when an off was not confirmed at the end.
    """
    from modctl.controller.main import serve as run

    finish(run(context.site, _ready))


def _ready(socket: Path) -> None:
    emit(Ready(socket=str(socket)), f"ready {socket}")
