"""Power cuts and failing disks below SQLite: what was acknowledged is there once, what follows is whole or absent.

``shim.c`` is compiled into a folder of its own and loaded before libc in a worker's process; see ``disk_worker``.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.soak.report import Line

HERE = Path(__file__).resolve().parent
GRACE_S = 120  # chosen: the first round of cuts is ended whatever the time, and a busy machine takes long


def compiler() -> str | None:
    """A C compiler, if there is one."""
    return shutil.which("cc")


def compiled(folder: Path) -> Path:
    """The shim as a library in ``folder``."""
    library = folder / "shim.so"
    source = str(HERE / "shim.c")
    command = [compiler() or "cc", "-O2", "-shared", "-fPIC", "-o", str(library), source, "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
    return library


def work(seconds: float, seed: int, *, step: int, knockout: str = "") -> Line:
    """One worker's line. ``step``: every so manyth sync, call and error is tried first; ``knockout``: see there."""
    with tempfile.TemporaryDirectory() as folder:
        shim = compiled(Path(folder))
        command = [sys.executable, "-m", "tests.soak.disk_worker", str(shim), str(seconds), str(seed), str(step)]
        command += [knockout] if knockout else []
        done = subprocess.run(
            command,
            cwd=HERE.parent.parent,
            env={**os.environ, "LD_PRELOAD": str(shim)},
            capture_output=True,
            text=True,
            timeout=seconds + GRACE_S,
            check=False,
        )
    if done.returncode:
        return Line(family="disk", seed=seed, reached={}, findings=(f"the worker ended by itself: {done.stderr}",))
    return msgspec.json.decode(done.stdout, type=Line)


def run(seconds: float, seed: int) -> Line:
    """Every sync cut, every call killed, every call failed as far as the time goes."""
    if compiler() is None:
        return Line(family="disk", seed=seed, reached={}, findings=("there is no C compiler (cc): nothing was tried",))
    return work(seconds, seed, step=1)
