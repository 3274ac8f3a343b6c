"""The families of the search, what each aims at, and how one lane of them is worked through.

Every module has ``run(seconds, seed) -> Line``; one that is not here yet is named and passed over.
"""

import importlib
import importlib.util
import traceback
from typing import Final

import msgspec

from tests.soak.report import Line


class Family(msgspec.Struct, frozen=True):
    """One module with ``run``; its share of a lane's time; what it aims at, by the name of its counter."""

    module: str
    share: float
    aims: tuple[tuple[str, int], ...] = ()


# Two lanes: what measures real time (kills, wire) shares no core with another of its kind.
LANES: Final[tuple[tuple[Family, ...], ...]] = (
    (
        Family("disk", 0.3, (("kill_points", 1_000),)),
        Family("mutants", 0.2),
        Family("bodies", 0.2),
        Family("kills", 0.3, (("kill points", 1_000),)),
    ),
    (
        Family("fuzz", 0.35, (("fewest inputs", 1_000_000),)),
        Family("interleavings", 0.2),
        Family("wire", 0.1, (("wire faults", 100_000),)),
        Family("clinic", 0.35, (("session-hours", 10_000),)),
    ),
)


def run_lane(lane: tuple[Family, ...], seconds: float, seed: int) -> int:
    """One family after the other, each for its share; how many findings."""
    found = 0
    for family in lane:
        name = f"tests.soak.{family.module}"
        if importlib.util.find_spec(name) is None:
            print(f"{family.module}: not here yet", flush=True)
            continue
        line = _run(name, seconds * family.share / sum(one.share for one in lane), seed)
        print(told(line, family), flush=True)
        found += len(line.findings)
    return found


def _run(name: str, seconds: float, seed: int) -> Line:
    """A family that breaks is a finding, and no reason to leave out the others."""
    try:
        line = importlib.import_module(name).run(seconds, seed)
    except Exception:  # noqa: BLE001 - as above
        return Line(family=name, seed=seed, reached={}, findings=(traceback.format_exc(),))
    assert isinstance(line, Line)
    return line


def told(line: Line, family: Family) -> str:
    """One line, and one more for each finding."""
    aims = dict(family.aims)
    counts = [f"{name} {count:,}{_of(aims.get(name))}" for name, count in line.reached.items()]
    head = f"{line.family}: seed {line.seed}; {', '.join(counts)}; {len(line.findings) or 'no'} findings"
    return "\n  ".join((head, *line.findings))


def _of(aim: int | None) -> str:
    return "" if aim is None else f" of {aim:,}"
