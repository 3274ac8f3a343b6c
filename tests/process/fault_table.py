"""Every fault of the menu on every model, with a real controller and simulators in processes of their own.

``make faults`` (or ``python -m tests.process.fault_table [MODEL…]``) throws the whole table, prints it as Markdown and
ends with 1 when a row breaks its promise. A seeded share of it runs with the tests.
"""

import queue
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from devices import profile
from devices.bench import FAULTS
from modctl.errors import ModctlError
from tests.process import fault_rows, fault_tanks
from tests.process import small_site as site
from tests.process.fault_rows import Row
from tests.process.fault_site import EXEMPT, TANKS, Job, Slot, lay_down, slots
from tests.process.fault_tanks import TankRow

MODELS: Final = tuple(model for model in profile.models() if model not in EXEMPT)
MODELS_AT_ONCE: Final = 3
SIDE_BY_SIDE: Final = 4  # of each; chosen: twelve lines and some witnesses are what two cores serve in time
HEADER: Final = """\
| model | fault | off after the fault | how it ended | what the therapist reads | promise |
|---|---|---|---|---|---|"""
LOG_CHARACTERS: Final = 4_000


def thrown(folder: Path, jobs: Sequence[Job], side_by_side: int) -> Iterator[Row | TankRow]:
    """The rows of these jobs (model, fault), in their order: one site, all its slots at work at once."""
    layout = lay_down(folder / "site", jobs, side_by_side)
    models = {model for model, _ in jobs}
    free: dict[str, queue.SimpleQueue[Slot]] = {model: queue.SimpleQueue() for model in models}
    for model in models:
        for slot in slots(model, side_by_side):
            free[model].put(slot)

    def one(job: Job) -> Row | TankRow:
        model, fault = job
        slot = free[model].get()
        try:
            throw = fault_tanks.throw if model in TANKS else fault_rows.throw
            return throw(layout, controller, model, slot, fault)
        except ModctlError as why:
            raise AssertionError(f"{model} {fault}: {why}\n{controller.log()[-LOG_CHARACTERS:]}") from why
        finally:
            free[model].put(slot)

    with (
        site.simulators(layout) as units,
        site.controller(layout) as controller,
        ThreadPoolExecutor(len(models) * side_by_side) as pool,
    ):
        site.hasten(units)
        yield from pool.map(one, jobs)


def main(models: Sequence[str]) -> int:
    """Print the table; 1 when a row breaks the promise."""
    _say(HEADER)
    broken: list[str] = []
    counts: Counter[str] = Counter()
    for begin in range(0, len(models), MODELS_AT_ONCE):
        batch = models[begin : begin + MODELS_AT_ONCE]
        jobs = [(model, fault) for fault in FAULTS for model in batch]  # turn by turn, so that every slot has work
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            for row in thrown(Path(folder), jobs, SIDE_BY_SIDE):
                _say(row.line())
                counts["cannot have it" if row.cannot else row.outcome] += 1
                broken += [f"{row.model} {row.fault}: {row.problem()}"] if row.problem() else []
    for model, why in EXEMPT.items():
        _say(f"| {model} | (all) | | no row | {why} | |")
    totals = ", ".join(f"{count} {what}" for what, count in counts.most_common())
    _say("\n".join(["", f"{counts.total()} rows: {totals}.", *broken, f"{len(broken)} rows break the promise."]))
    return 1 if broken else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or MODELS))
