"""SIGKILL at every step of a restore: the old site is there, or the new one, and never half of one."""

import subprocess
import sys
from pathlib import Path

import pytest

from modctl.chart.keys import KeyFolder
from modctl.chart.sqlite import open_reader
from modctl.chart.store import ChartStore
from modctl.cli.laying import lay_down
from modctl.config import Layout
from modctl.controller.backup import write_backup
from tests.unit.chart.charts import run_session


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A site of two sessions, and its backup after the first."""
    folder = tmp_path_factory.mktemp("restore")
    root, backup = folder / "site", folder / "monday.tar"
    lay_down(root, simulated=True)
    for preset in root.glob("presets/*.toml"):
        preset.unlink()
    store = ChartStore.open(root / "chart.db", KeyFolder(root / "keys"))
    run_session(store, "s-1", second=10)
    reader = open_reader(root / "chart.db")
    write_backup(Layout(root), reader, backup, "2026-03-02T09:00:00.000Z")
    reader.close()
    run_session(store, "s-2", second=60)
    store.close()
    return root, backup


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "first"), [("site", 104), ("empty", 64)])
def test_a_restore_that_is_killed_leaves_the_old_site_or_the_new(
    root: Path, made: tuple[Path, Path], kind: str, first: int
) -> None:
    """First only old, then only new: there is one moment at which it changes, and the old one is kept."""
    words = [sys.executable, "-m", "tests.process.restore_killer", *map(str, made), kind, str(first), "8"]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=55, check=False)
    found = [line.partition(" ")[2] for line in done.stdout.splitlines()]

    assert 0 == done.returncode, done.stderr
    assert {"old", "new"} == set(found)
    assert sorted(found, reverse=True) == found
    assert len(found) > 12
