"""SIGKILL at any moment of writing: what was committed is there, once, and the chart is sound."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modctl.chart.sqlite import open_reader
from modctl.chart.verify import Judgement, verify_file
from tests.unit.chart.charts import make_chart, open_chart, run_session

ROUNDS = 6

# Appends sessions for ever and says after each commit what is durable; `rotate` and the log's emptying included.
WRITER = """
import sys
from pathlib import Path
from modctl.chart.store import ChartStore
from tests.unit.chart.charts import open_chart, run_session

class Telling(ChartStore):
    def append(self, drafts):
        written = super().append(drafts)
        for entry in written:
            print(entry.seq, entry.leaf.hex(), flush=True)
        return written

store = open_chart(Path(sys.argv[1]), seed=int(sys.argv[2]))
store.__class__ = Telling
first = store.size
for number in range(10_000):
    run_session(store, f"s-{first}-{number}", second=10 * number + 100_000 * int(sys.argv[2]), seconds=4)
    if number % 3 == 0:
        store.wal_checkpoint()
"""


def write_until_killed(site: Path, round_number: int) -> dict[int, str]:
    """What the writer said was durable before it was killed: the leaf hash of each number."""
    command = [sys.executable, "-c", WRITER, str(site), str(round_number + 2)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(0.05 + 0.037 * round_number)
    writer.send_signal(signal.SIGKILL)
    said = writer.stdout.read().split("\n")
    writer.stdout.close()
    writer.wait()
    # the last line may have been torn; only whole ones count as said
    return {int(seq): leaf for seq, _, leaf in (line.partition(" ") for line in said[:-1])}


@pytest.mark.process
def test_nothing_that_was_said_to_be_durable_is_lost_or_doubled(tmp_path: Path) -> None:
    """Hazard H37: an entry missing or doubled after a crash. Every round continues the chart of the one before."""
    make_chart(tmp_path).close()
    said: dict[int, str] = {}
    for round_number in range(ROUNDS):
        said |= write_until_killed(tmp_path, round_number)
        verdict = verify_file(tmp_path / "chart.db")
        reader = open_reader(tmp_path / "chart.db")
        stored = {seq: leaf.hex() for seq, leaf in reader.execute("SELECT seq, leaf FROM entry ORDER BY seq")}
        reader.close()

        assert Judgement.UNANCHORED is verdict.verdict, verdict.findings
        assert list(range(1, verdict.entries + 1)) == list(stored)
        assert said.items() <= stored.items()
    store = open_chart(tmp_path, seed=99)
    run_session(store, "s-last", second=9_000_000)
    store.close()

    assert len(said) > ROUNDS
    assert Judgement.UNANCHORED is verify_file(tmp_path / "chart.db").verdict
