"""``modctl demo``: one command, everything works, nothing is left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

MODCTL = str(Path(sys.executable).parent / "modctl")


def leftovers(folder: Path) -> list[str]:
    """Files in the folder, and processes that were started with it."""
    found = [path.name for path in folder.iterdir()]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes()
        except OSError:  # it has just ended
            continue
        if str(folder).encode() in words:
            found.append(words.decode(errors="replace"))
    return found


def test_the_plain_demonstration_runs_a_session_and_verifies_the_chart(tmp_path: Path) -> None:
    """What a newcomer without a terminal sees: a session from off to off, and a sound chart."""
    done = subprocess.run(
        [MODCTL, "demo", "--plain"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )

    assert done.returncode == 0, done.stderr
    for part in ("STARTED", "ENERGIZED", "COMPLETED", "unanchored: sound"):
        assert part in done.stdout
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_a_demonstration_that_is_ended_cleans_up(tmp_path: Path, how: signal.Signals) -> None:
    """Closing the window in the middle leaves neither processes nor files."""
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

    assert leftovers(tmp_path) == []


def test_a_kept_demonstration_is_a_site(tmp_path: Path) -> None:
    """--keep leaves a folder that verifies; a folder with something in it is left alone."""
    kept = tmp_path / "kept"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine", encoding="utf-8")

    refused = subprocess.run(
        [MODCTL, "demo", "--plain", "--keep", str(tmp_path / "full")], capture_output=True, timeout=20, check=False
    )
    done = subprocess.run(
        [MODCTL, "demo", "--plain", "--keep", str(kept)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=55,
        check=False,
    )
    verified = subprocess.run(
        [MODCTL, "chart", "verify", str(kept / "chart.db")], capture_output=True, timeout=20, check=False
    )

    assert refused.returncode == 4
    assert (tmp_path / "full" / "thesis.txt").read_text(encoding="utf-8") == "mine"
    assert (0, 0) == (done.returncode, verified.returncode)
