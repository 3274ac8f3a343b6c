"""A real chart for a simulated run: its keys come from the seed, so that one seed gives one file, to the byte."""

import hashlib
from datetime import datetime
from pathlib import Path

from modctl.chart.keys import KeyFolder
from modctl.chart.store import ChartStore, NewChart
from modctl.clock import Stamp
from modctl.records import Draft
from modctl.virtual.world import VirtualClock

SITE = "simulate"


class Charted:
    """A sink that writes every entry into a chart file. Each call is one durable commit."""

    def __init__(self, path: Path, keys: Path, seed: int, start_utc: str, program: str = "modctl") -> None:
        self._seed = seed
        self._drawn = 0
        clock = VirtualClock(datetime.fromisoformat(start_utc))
        new = NewChart(site=SITE, simulated=True, program=program)
        self._store = ChartStore.create(path, KeyFolder(keys, self._entropy), new, clock.stamp())

    def __call__(self, draft: Draft, stamp: Stamp) -> None:
        """Chart one entry."""
        self._store.append([(draft, stamp)])
        if draft.kind == "session.ended":
            self._store.rotate(stamp)

    def close(self) -> None:
        """Sign the head and close the file, so that it is one file and nothing beside it."""
        self._store.checkpoint()
        self._store.wal_checkpoint()
        self._store.close()

    def _entropy(self, count: int) -> bytes:
        """Bytes for a key of a simulated run: from the seed, and secret to nobody."""
        self._drawn += 1
        return hashlib.shake_256(f"modctl simulate {self._seed} {self._drawn}".encode()).digest(count)
