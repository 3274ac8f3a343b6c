"""``modctl``: one program. Commands are imported when they are called, so that --help and --version are quick."""

import importlib
import os
import sys
from pathlib import Path
from typing import Final

import click

# Command -> module and name in it, one line of help: --help lists them without importing them.
COMMANDS: Final = {
    "demo": ("modctl.cli.demo:demo", "A throw-away site with simulators and the table screen."),
    "init": ("modctl.cli.init:init", "Lay down a site in a folder."),
    "serve": ("modctl.cli.serve:serve", "Run the controller of a site."),
    "table": ("modctl.cli.table:table", "The screen at the treatment table."),
    "session": ("modctl.cli.session:session", "Run a session, and the record of sessions."),
    "stop": ("modctl.cli.stop:stop", "Stop one unit, or all. Needs no sign-in."),
    "chart": ("modctl.cli.chart:chart", "Verify, sign and copy the chart; receipts, backups, the archive."),
    "audit": ("modctl.cli.audit:audit", "Claims against the chart, a fair sample, and what fabrication looks like."),
    "incident": ("modctl.cli.incident:incident", "Pack the evidence of a session and hold its unit."),
    "unit": ("modctl.cli.unit:unit", "The units of the site."),
    "bench": ("modctl.cli.bench:bench", "The technician's screen: units, wires, faults, bench runs."),
    "simulate": ("modctl.cli.simulate:simulate", "A scenario in virtual time."),
    "sim": ("modctl.cli.sim:sim", "Simulated units, and faults thrown at them."),
    "preset": ("modctl.cli.preset:preset", "The library of presets."),
    "patient": ("modctl.cli.people:patient", "Patients of the site."),
    "user": ("modctl.cli.people:user", "Users of the site and their PINs."),
    "hazards": ("modctl.cli.hazards:hazards", "The hazard table, and the quick check of each row."),
    "round": ("modctl.cli.round:day_round", "The day's checks, signed once: stop switches, tanks, clock, anchors."),
    "doctor": ("modctl.cli.doctor:doctor", "What is wrong with this station, and what to do."),
}
DUMB_TERMINALS: Final = ("", "dumb")


class RootGroup(click.Group):
    """Loads a command when it is called, and gives every one of them the shared options."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are met."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: object = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]} is no command")
        _share_options(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in --help, without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what it refuses or cannot reach ends it with a sentence and the status of the contract."""
        from modctl.cli.common import fail
        from modctl.errors import ModctlError

        try:
            return super().invoke(ctx)
        except ModctlError as why:
            fail(why.exit_code, str(why))


def _share(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """Note a shared option, wherever it stands on the line."""
    from modctl.cli.common import Context

    context = ctx.find_object(Context)
    if context is None or value is None or value is False:
        return
    if param.name == "site" and isinstance(value, Path):
        context.site = value.absolute()
    elif param.name == "json":
        context.json = True
    elif param.name == "plain":
        context.plain = True
    elif param.name == "width" and isinstance(value, int):
        context.width = value


def _shared_options() -> list[click.Option]:
    return [
        click.Option(
            ["--site"],
            type=click.Path(path_type=Path, file_okay=False),
            expose_value=False,
            callback=_share,
            help="The site's folder. Default: MODCTL_SITE, else the user's data folder.",
        ),
        click.Option(["--json"], is_flag=True, expose_value=False, callback=_share, help="One JSON object a line."),
        click.Option(["--plain"], is_flag=True, expose_value=False, callback=_share, help="Words, no symbols."),
        click.Option(
            ["--width"], type=click.IntRange(20, 500), expose_value=False, callback=_share, help="Longest line."
        ),
    ]


def _share_options(command: click.Command) -> None:
    names = {param.name for param in command.params}
    command.params += [option for option in _shared_options() if option.name not in names]
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _share_options(child)


@click.group(cls=RootGroup, params=_shared_options(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modctl", prog_name="modctl")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Run modality sessions inside their limits, and prove afterwards what was delivered.

    Every unit is a simulator unless a site was made for real units. Try it: modctl demo
    """
    del ctx


def _new_context() -> object:
    from modctl.cli.common import Context

    has_terminal = sys.stdout.isatty() and os.environ.get("TERM", "") not in DUMB_TERMINALS
    return Context(site=_default_site(), plain=not has_terminal)


def _default_site() -> Path:
    named = os.environ.get("MODCTL_SITE")
    if named:
        return Path(named).absolute()
    import platformdirs

    return platformdirs.user_data_path("modctl")


def main() -> None:
    """The program."""
    cli(prog_name="modctl", obj=None if sys.argv[1:] == ["--version"] else _new_context())
