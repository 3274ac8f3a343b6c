"""Durations on the command line: ``500ms``, ``15s``, ``20min``."""

import re

import click

_UNITS_MS = {"ms": 1, "s": 1000, "min": 60_000}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|min)")


class Duration(click.ParamType[int]):
    """A whole number with its unit, as milliseconds; a bare number is refused."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds; a default that is an integer already stays."""
        if isinstance(value, int):
            return value
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no duration; write 500ms, 15s or 20min", param, ctx)
        return int(found[1]) * _UNITS_MS[found[2]]


DURATION = Duration()
