"""``modctl demo``: one command, everything works, nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

MODCTL = str(Path(sys.executable).parent / "modctl")


def processes_of(folder: Path) -> list[str]:
    """Processes that were started with this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes()
        except OSError:  # it has just ended
            continue
        if str(folder).encode() in words:
            found.append(words.decode(errors="replace"))
    return found


def test_the_plain_demonstration_runs_a_session_and_keeps_a_site_that_verifies(tmp_path: Path) -> None:
    """What a newcomer without a terminal sees: a session from off to off, and a sound chart; --keep leaves it."""
    kept = tmp_path / "kept"
    done = subprocess.run(
        [MODCTL, "demo", "--plain", "--keep", str(kept)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    verified = subprocess.run(
        [MODCTL, "chart", "verify", str(kept / "chart.db")], capture_output=True, timeout=20, check=False
    )

    assert done.returncode == 0, done.stderr
    for part in ("STARTED", "ENERGIZED", "COMPLETED", "unanchored: sound"):
        assert part in done.stdout
    assert verified.returncode == 0
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_demonstration_that_is_ended_cleans_up(tmp_path: Path, how: signal.Signals) -> None:
    """Closing the window in the middle leaves neither processes nor files; a kill leaves files, but no process."""
    with subprocess.Popen(
        [MODCTL, "demo", "--plain"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "ENERGIZED" in line:
                break
        demo.send_signal(how)
        demo.stdout.read()
        demo.wait(30)
    deadline = time.monotonic() + 15
    while processes_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert processes_of(tmp_path) == []
    if how != signal.SIGKILL:
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    """--keep never writes into somebody's work."""
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")

    refused = subprocess.run(
        [MODCTL, "demo", "--plain", "--keep", str(tmp_path)], capture_output=True, timeout=20, check=False
    )

    assert refused.returncode == 4
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
