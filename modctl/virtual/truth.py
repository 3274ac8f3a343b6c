"""What simulated units really did, line by line, beside the chart: what a judge holds the chart against."""

from collections.abc import Callable

import msgspec


class TruthLine(msgspec.Struct, frozen=True, kw_only=True):
    """From ``at_ns`` on (the clock of the chart's ``mono_ns``) a unit does this, past every lie on its line.

    ``energized``: its output could differ from off without another frame. ``output``: the largest amplitude in the
    canonical unit of the model's level. ``faults``: what is wrong with it and its line, by the menu's ids.
    """

    unit: str
    at_ns: int
    energized: bool
    output: int
    faults: tuple[str, ...] = ()


Witness = Callable[[TruthLine], None]
