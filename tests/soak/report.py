"""What one family of the search for counter-examples came to: one line, with the seed that repeats it."""

import msgspec


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One family's result. ``reached``: what was counted, by name; ``findings``: one sentence each."""

    family: str
    seed: int
    reached: dict[str, int]
    findings: tuple[str, ...] = ()
