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
LOG_CHARACTERS: Final = 1_000
MAX_LOST: Final = 3  # of one batch; chosen: one that a fault brings about comes again each time


class ControllerLostError(Exception):
    """Its guard ended it, or it fell; the text has the end of its log."""


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
            raise ControllerLostError(f"{model} {fault}: {why}\n{controller.log()[-LOG_CHARACTERS:]}") from why
        except AssertionError as why:
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
        for row in _all_of(jobs):
            _say(row.line())
            counts["cannot have it" if row.cannot else row.outcome] += 1
            broken += [f"{row.model} {row.fault}: {row.problem()}"] if row.problem() else []
    for model, why in EXEMPT.items():
        _say(f"| {model} | (all) | | no row | {why} | |")
    totals = ", ".join(f"{count} {what}" for what, count in counts.most_common())
    _say("\n".join(["", f"{counts.total()} rows: {totals}.", *broken, f"{len(broken)} rows break the promise."]))
    return 1 if broken else 0


def _all_of(jobs: Sequence[Job]) -> Iterator[Row | TankRow]:
    """The rows of one batch. A machine too busy for a beat each half second costs a controller, and a new site."""
    left = list(jobs)
    for lost in range(MAX_LOST + 1):
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            try:
                for row in thrown(Path(folder), left, SIDE_BY_SIDE):
                    left.pop(0)
                    yield row
            except ControllerLostError as why:
                sys.stderr.write(f"the controller was lost, {lost + 1} of at most {MAX_LOST} times: {why}\n")
                if lost == MAX_LOST:
                    raise
            else:
                return


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or MODELS))
