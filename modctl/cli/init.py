"""``modctl init``: a new site."""

import sys
from pathlib import Path

import click

from modctl.cli.common import emit, say


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--simulated", is_flag=True, help="Simulated units, made-up patients, PIN 1234. It stays simulated.")
def init(folder: Path, *, simulated: bool) -> None:
    """Lay down a site in DIR, which must be empty or not there yet.

    Prints the first users with their PINs; without a terminal those of a real site go to DIR/keys/first-pins.txt.
    Example: modctl init ~/clinic --simulated
    """
    from modctl.cli.laying import keep_first_pins, lay_down
    from modctl.config import Layout

    pins = lay_down(folder, simulated=simulated)
    if simulated or sys.stdout.isatty():
        for pin in pins:
            once = ", for once: set your own with modctl user pin" if pin.once else ""
            emit(pin, f"{pin.user}  {pin.role}  PIN {pin.pin}{once}")
    else:
        say(f"The first users' PINs are in {keep_first_pins(Layout(folder), pins)}; each serves once.")
    if simulated:
        say(f"A simulated site lies in {folder}. Start its units: modctl sim run --site {folder}")
        say(f"and its controller: modctl serve --site {folder}")
    else:
        say(f"A site for real units lies in {folder}. Name them in {folder}/site.toml, then: modctl doctor")
