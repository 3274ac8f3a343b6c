"""Power cuts, failing disks and kills below SQLite, by a library that sees every call of a process: a short share.

``make soak`` tries every point; see ``tests/soak/disk.py``.
"""

import pytest

from tests.soak import disk

SECONDS = 3
STEP = 7  # every seventh sync, call and error: a prime, so that it meets calls of every kind
SEED = 1

pytestmark = pytest.mark.skipif(disk.compiler() is None, reason="needs a C compiler (cc)")


def test_what_was_acknowledged_survives_cuts_errors_and_kills() -> None:
    """Hazards H37 and H38: nothing acknowledged is lost or doubled, nothing is half there, and the chart goes on."""
    line = disk.work(SECONDS, SEED, step=STEP)

    assert () == line.findings
    assert line.reached["sync_points"] >= 7
    assert line.reached["folder_syncs_failed"] >= 10
    assert line.reached["kill_points"] >= 60
    assert line.reached["io_errors"] >= 10


def test_without_synced_commits_the_search_finds_lost_entries() -> None:
    """A search that finds nothing where something is wrong would prove nothing."""
    line = disk.work(1, SEED, step=STEP, knockout="unsynced")

    assert any("acknowledged" in finding for finding in line.findings)
