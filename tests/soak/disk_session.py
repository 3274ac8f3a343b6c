"""A short life of a chart, told to a file beside it: what is about to be committed, and what was said to be durable.

It runs under ``shim.c``, which may fail any call of it; what it then raises must be one of the chart's own errors.
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from modctl.chart.errors import ChartWriteError, KeysError
from modctl.chart.sqlite import open_reader
from modctl.chart.store import ChartStore, NewChart, Written
from modctl.chart.verify import verify_file
from modctl.clock import Stamp
from modctl.errors import ModctlError
from modctl.records import Draft
from tests.unit.chart.charts import run_session, seeded_keys, stamp

CHART = "chart.db"
ACKS = "acks"
ANCHOR = "anchors"


class Told(msgspec.Struct, frozen=True):
    """What the acknowledgements say: leaf by number, and the sizes that the chart may have instead of the last one."""

    leaves: dict[int, str]
    begun: frozenset[int]


class Telling(ChartStore):
    """A store that writes down what it is about to commit, and what was committed; a failed batch is tried once more.

    One thread, one store: the acknowledgements and whether to try again belong to the life that runs.
    """

    def append(self, drafts: Sequence[tuple[Draft, Stamp]]) -> tuple[Written, ...]:
        """Tell, commit, tell."""
        for is_last in (False, True) if _LIVES[-1].retries else (True,):
            try:
                _tell(b"begin %d\n" % (self.size + len(drafts)))
                return _told(super().append(drafts))
            except ChartWriteError as why:
                if is_last:
                    raise
                _LIVES[-1].errors.append(str(why))
        raise AssertionError("unreachable")

    def rotate(self, stamp: Stamp) -> Written:
        """As above, once."""
        _tell(b"begin %d\n" % (self.size + 1))
        written = super().rotate(stamp)
        _told((written,))
        return written


class _Life:
    """One run: where it tells, whether it tries again, and the errors that it was given."""

    def __init__(self, folder: Path, *, retries: bool) -> None:
        self.acks = os.open(folder / ACKS, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.retries = retries
        self.errors: list[str] = []


_LIVES: list[_Life] = []


def _tell(line: bytes) -> None:
    os.write(_LIVES[-1].acks, line)


def _told(written: tuple[Written, ...]) -> tuple[Written, ...]:
    for entry in written:
        _tell(b"%d %s\n" % (entry.seq, entry.leaf.hex().encode()))
    return written


def live(folder: Path, *, retries: bool = False) -> tuple[str, ...]:
    """Make a chart, chart two sessions in two openings; the errors on the way.

    A session that cannot be charted ends the life, as it ends what the controller runs. ``retries``: a batch that
    failed is tried once more before that.
    """
    life = _Life(folder, retries=retries)
    _LIVES.append(life)
    try:
        _live(folder, life)
    finally:
        _LIVES.pop()
        os.close(life.acks)
    return tuple(life.errors)


def _live(folder: Path, life: _Life) -> None:
    anchors = [folder / ANCHOR]
    new = NewChart(site="Clinic A", simulated=True, program="modctl 0.1.0")
    try:
        store: ChartStore = Telling.create(folder / CHART, seeded_keys(folder, 1), new, stamp(0), anchors)
    except ModctlError as why:
        life.errors.append(str(why))
        return
    for number in range(2):
        second = 10 * (number + 1)
        try:
            run_session(store, f"s-{number}", second=second, rotate=False)
        except ModctlError as why:
            life.errors.append(str(why))
            store.close()
            return
        _after_session(store, second + 5, life)
        store.close()
        if number == 0:
            try:
                store = Telling.open(folder / CHART, seeded_keys(folder, 2), anchors)
            except ModctlError as why:
                life.errors.append(str(why))
                return


def _after_session(store: ChartStore, second: int, life: _Life) -> None:
    """What is done when nothing runs: a failure is said, and nothing stops for it."""
    for step in (partial(store.rotate, stamp(second)), store.checkpoint, store.wal_checkpoint):
        try:
            step()
        except ModctlError as why:
            life.errors.append(str(why))


def told_in(acks: bytes) -> Told:
    """Read the acknowledgements; a torn last line was not said."""
    leaves: dict[int, str] = {}
    begun: set[int] = set()
    for line in acks.decode().split("\n")[:-1]:
        word, _, rest = line.partition(" ")
        if word == "begin":
            begun.add(int(rest))
        else:
            leaves[int(word)] = rest
            begun = {size for size in begun if size > int(word)}
    return Told(leaves, frozenset(begun))


def judge(folder: Path, told: Told, *, goes_on: bool = True) -> str | None:
    """What is wrong with a chart after a cut or a fault; None when all is as it must be."""
    path = folder / CHART
    try:
        verdict = verify_file(path)
        reader = open_reader(path)
        stored = {seq: leaf.hex() for seq, leaf in reader.execute("SELECT seq, leaf FROM entry ORDER BY seq")}
        reader.close()
        if not stored and not told.leaves:
            return None
    except Exception as why:  # noqa: BLE001 - whatever it is, it is the finding
        return None if not told.leaves else f"cannot be read with {len(told.leaves)} entries acknowledged: {why}"
    if verdict.findings:
        return f"verify finds {verdict.findings[0]} in {len(stored)} entries, {len(told.leaves)} acknowledged"
    if list(stored) != list(range(1, len(stored) + 1)):
        return f"the numbers are not 1 to {len(stored)}"
    if not told.leaves.items() <= stored.items():
        return f"{len(told.leaves)} entries were acknowledged and are not all there: {len(stored)}"
    last = max(told.leaves, default=0)
    if len(stored) != last and len(stored) not in told.begun:
        return f"{len(stored)} entries: a part of a batch ({last} acknowledged, {sorted(told.begun)} begun)"
    return _goes_on(folder, len(stored)) if goes_on else None


def _goes_on(folder: Path, size: int) -> str | None:
    """The next start continues the chart."""
    try:
        store = ChartStore.open(folder / CHART, seeded_keys(folder, 3), [folder / ANCHOR])
    except ModctlError as why:
        return f"cannot be continued after {size} entries: {why}"
    try:
        if store.size != size:
            return f"opened with {store.size} entries, the file has {size}"
        run_session(store, "s-after", second=1_000)
    except (ChartWriteError, KeysError) as why:
        return f"cannot be written after {size} entries: {why}"
    finally:
        store.close()
    verdict = verify_file(folder / CHART)
    return f"after going on: {verdict.findings[0]}" if verdict.findings else None
