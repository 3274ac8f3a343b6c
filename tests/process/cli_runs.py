"""Commands of modctl as processes: parts that stay, and commands that end."""

import os
import select
import subprocess
import sys
from pathlib import Path

import msgspec

MODCTL = str(Path(sys.executable).parent / "modctl")
READY_S = 10
END_S = 20


def started(*arguments: str, until: str) -> "subprocess.Popen[bytes]":
    """A part of modctl beside us, once it has said that it is ready."""
    process = subprocess.Popen([MODCTL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    said = b""
    while until.encode() not in said:
        readable, _, _ = select.select([process.stdout], [], [], READY_S)
        received = os.read(process.stdout.fileno(), 4096) if readable else b""
        assert received, f"modctl {arguments[0]} did not get ready: {said!r}"
        said += received
    return process


def ended(process: "subprocess.Popen[bytes]") -> int:
    """Ask it to end, and give its status."""
    process.terminate()
    status = process.wait(END_S)
    if process.stdout is not None:
        process.stdout.close()
    return status


class Done(msgspec.Struct):
    """How one command ended."""

    status: int
    objects: list[dict[str, object]]
    talk: str


def run(site: Path, *arguments: str, env: dict[str, str] | None = None) -> Done:
    """One command with --json and nobody at a terminal."""
    done = subprocess.run(
        [MODCTL, *arguments, "--json", "--site", str(site)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=40,
        check=False,
        env={**os.environ, **(env or {})},
    )
    lines = done.stdout.splitlines()
    return Done(
        done.returncode, [msgspec.json.decode(line, type=dict[str, object]) for line in lines], done.stderr.decode()
    )


def truth(site: Path, unit: str) -> dict[str, object]:
    """What the simulated unit really does."""
    return run(site, "sim", "truth", unit).objects[0]
