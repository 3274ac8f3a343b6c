"""``python -m tests.process.restore_killer SITE BACKUP KIND FIRST EVERY``: a restore, killed at its steps.

One interpreter forks a child for each step; the child kills itself there. The steps are what the interpreter tells of
itself (``sys.audit``): files opened, folders made and removed, modes set, names changed, the system's own exchange of
two folders looked up. Prints for each the step and what is in place then: old, new, or what is wrong. Up to step FIRST
only one in EVERY is tried: there a backup is taken apart, beside the site.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

from modctl.chart.keys import KeyFolder
from modctl.chart.reader import ChartReader
from modctl.chart.store import ChartStore
from modctl.chart.verify import verify_file
from modctl.controller.restore import declare, put_in_place, staged
from tests.unit.chart.charts import stamp

STEPS = {"open", "os.mkdir", "os.chmod", "os.chown", "os.rename", "os.remove", "os.rmdir", "ctypes.dlsym"}


def restore_killed_at(root: Path, backup: Path, kill_at: int) -> None:
    """Put a backup back; the step with this number is not taken any more."""
    count = 0

    def step(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        del arguments
        if event in STEPS:
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(step)
    with staged(backup, root, "aside") as found:
        declare(found, "the disk failed", "kim", stamp(200))
        put_in_place(found)


def in_place(root: Path) -> str:
    """What stands there: a whole site that a controller can go on with, or what is wrong."""
    if not root.exists():
        return "nothing"
    if findings := verify_file(root / "chart.db").findings:
        return str(findings)
    if not all((root / name).is_file() for name in ("site.toml", "people.db", "keys/genesis.vkey")):
        return "half"
    store = ChartStore.open(root / "chart.db", KeyFolder(root / "keys"))
    reader = ChartReader(store.connection)
    kinds = [entry.kind for entry in reader.entries_since(0)]
    later = any(row.session == "s-2" for row in reader.sessions())
    store.close()
    if "chart.restored" in kinds:
        return "new" if kinds[kinds.index("chart.restored") + 1] == "key.rotated" else "without a new key"
    return "old" if later else "undeclared"


def tried(site: Path, backup: Path, kind: str, kill_at: int) -> tuple[str, bool]:
    """What is in place after a restore that was killed at a step, and whether it was: else it ended before."""
    work = backup.parent / str(kill_at)
    work.mkdir()
    root = work / "site"
    if kind == "site":
        shutil.copytree(site, root)
    child = os.fork()
    if child == 0:
        restore_killed_at(root, backup, kill_at)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    found = in_place(root)
    if kind == "empty" and found == "nothing":
        found = "old"
    if kind == "site" and found == "new" and in_place(work / "aside") != "old":
        found = "the old one is gone"
    shutil.rmtree(work)
    return found if was_killed or status == 0 else f"failed: {status}", was_killed


def main() -> None:
    """Every step of one restore."""
    site, backup, kind = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    first, every = int(sys.argv[4]), int(sys.argv[5])
    kill_at, was_killed = 1, True
    while was_killed:
        found, was_killed = tried(site, backup, kind, kill_at)
        sys.stdout.write(f"{kill_at} {found}\n")
        kill_at += every if kill_at < first else 1


if __name__ == "__main__":
    main()
