"""The chart that is attacked, and what its site and its auditor hold."""

from pathlib import Path

import msgspec
import pytest

from modctl.chart.store import ChartStore
from modctl.records import Draft, StopPressed
from tests.unit.chart.charts import make_chart, run_session, stamp


class Target(msgspec.Struct, frozen=True):
    """A closed chart of three sessions (entries 2-8, 10-16, 18-24, a new key after each) and an unsigned last entry.

    ``head`` is what was signed at 25 entries, ``early_head`` at 9: the anchors that an auditor kept.
    """

    site: Path
    head: bytes
    early_head: bytes
    genesis_vkey: str

    @property
    def chart(self) -> Path:
        """The chart's file."""
        return self.site / "chart.db"


def finish(store: ChartStore) -> None:
    """One more entry, which nothing signs."""
    store.append([(Draft(data=StopPressed(unit=None, source="screen"), actor="therapist"), stamp(99))])
    store.close()


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """A sound chart."""
    store = make_chart(tmp_path / "site")
    run_session(store, "s-1", second=10)
    early_head = store.head.note
    run_session(store, "s-2", second=20, patient="p-2")
    run_session(store, "s-3", second=30)
    head = store.head.note
    finish(store)
    return Target(tmp_path / "site", head, early_head, store.genesis.vkey)


@pytest.fixture
def other(tmp_path: Path) -> Target:
    """A sound chart of another site."""
    store = make_chart(tmp_path / "other", site="Clinic B", seed=7)
    run_session(store, "s-1", second=10, patient="p-9")
    head = store.head.note
    finish(store)
    return Target(tmp_path / "other", head, head, store.genesis.vkey)
