"""Simulators of toy units in a process of their own: ``toy_bench.py CONTROL NAME=ADDRESS …``."""

import sys
from pathlib import Path

from devices.racking import Listing
from devices.sim.catalog import Kind
from devices.sim.rack import Wanted
from devices.sim.server import serve
from tests.unit.devices.toy_unit import toy


def ready(listing: Listing) -> None:
    """One line a unit: name, address."""
    sys.stdout.write(f"{listing.name} {listing.address}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until a signal comes."""
    control, *units = sys.argv[1:]
    wanted = [
        Wanted(name=name, model="toy", address=address, seed=number)
        for number, (name, _, address) in enumerate(unit.partition("=") for unit in units)
    ]
    serve(wanted, Path(control), ready, {"toy": Kind(toy, None)})


if __name__ == "__main__":
    main()
