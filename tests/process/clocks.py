"""Clocks of a controller and its guard that can be set, and a machine under them that can be put to sleep."""

import mmap
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from devices.model import NS_PER_S
from tests.process import small_site as site

DAY_S: Final = 86_400
_SHIM: Final = Path(__file__).with_name("clock_shim.c")
_SHIFTS: Final = struct.Struct("=qq")  # added to CLOCK_REALTIME, to CLOCK_MONOTONIC, in nanoseconds


def compiler() -> str | None:
    """A C compiler, if there is one."""
    return shutil.which("cc")


class Clocks:
    """What the processes that are started with ``env`` read as the time."""

    def __init__(self, folder: Path) -> None:
        library, shifts = folder / "clock_shim.so", folder / "clocks"
        command = [compiler() or "cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(_SHIM), "-ldl"]
        subprocess.run(command, check=True)
        shifts.write_bytes(_SHIFTS.pack(0, 0))
        with shifts.open("r+b") as file:
            self._mapped = mmap.mmap(file.fileno(), _SHIFTS.size)
        self.env: Mapping[str, str] = MappingProxyType({"LD_PRELOAD": str(library), "CLOCK_FILE": str(shifts)})

    def set_by(self, seconds: int) -> None:
        """Somebody sets the clock of the wall, once more."""
        wall_ns, mono_ns = _SHIFTS.unpack(self._mapped[:])
        self._mapped[:] = _SHIFTS.pack(wall_ns + seconds * NS_PER_S, mono_ns)

    def sleep(self, running: site.Controller, seconds: float) -> None:
        """Suspend: nothing of ours runs, CLOCK_MONOTONIC stands still, and the units on their lines live on."""
        stopped = (running.process.pid, running.guard_pid())
        for pid in stopped:
            site.kill(pid, signal.SIGSTOP)
        since_ns = time.monotonic_ns()
        time.sleep(seconds)
        wall_ns, mono_ns = _SHIFTS.unpack(self._mapped[:])
        self._mapped[:] = _SHIFTS.pack(wall_ns, mono_ns - (time.monotonic_ns() - since_ns))
        for pid in stopped:
            site.kill(pid, signal.SIGCONT)
