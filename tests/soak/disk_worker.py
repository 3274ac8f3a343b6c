"""The disk family at work, in a process under ``shim.c``.

``python -m tests.soak.disk_worker SHIM SECONDS SEED STEP [unsynced]`` prints one ``Line`` as JSON. STEP: only every so
manyth point is tried at first (1 in a soak, more in the short run). ``unsynced``: commits are not synced, to show that
the search would find it.
"""

import ctypes
import errno
import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from modctl.chart import sqlite
from tests.soak.disk_image import Disk, Loss, Operation, read_log
from tests.soak.disk_session import ACKS, ANCHOR, judge, live, told_in
from tests.soak.report import Line

FAILURES = (errno.EIO, errno.ENOSPC)
ONCE, FROM_NOW_ON, HALF, KILL, KILL_HALF = range(5)  # as in shim.c
NAMING = ("C", "U", "R", "M")
MAX_FINDINGS = 20
LEAST_ERRORS = 12  # chosen: two of each kind, however busy the machine is
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of this run's own inside it; nothing here has to last


class Worker:
    """One run of the family."""

    def __init__(self, shim: str, seconds: float, seed: int, step: int) -> None:
        self._shim = ctypes.CDLL(shim)
        self._until = time.monotonic() + seconds
        self._dice = random.Random(seed)
        self._step = step
        self._base = Path(tempfile.mkdtemp(prefix="soak-disk-", dir=MEMORY if MEMORY.is_dir() else None))
        self.reached: Counter[str] = Counter(sync_points=0, images=0, io_errors=0, kill_points=0)
        self.findings: list[str] = []

    def run(self) -> None:
        """Every point once; then power cuts in the middle of failures, with other choices, until the time is over."""
        try:
            plain, calls = self._life("plain")
            self._cut(plain, "a plain run", once_each=True)
            self._fail_folders(plain)
            points = range(1, calls + 1, self._step)
            for n, mode in itertools.product(points, (KILL, KILL_HALF)):
                self._kill(n, mode)
                if self._step == 1 and time.monotonic() >= self._until:
                    return
            faults = list(itertools.product(points, FAILURES, (ONCE, FROM_NOW_ON, HALF), (False, True)))
            self._dice.shuffle(faults)
            for fault in itertools.cycle(faults):
                if time.monotonic() >= self._until and self.reached["io_errors"] >= LEAST_ERRORS:
                    return
                self._fail(*fault)
                if self.reached["io_errors"] > len(faults):
                    self._cut(plain, "a plain run", once_each=False)
        finally:
            shutil.rmtree(self._base, ignore_errors=True)

    def _life(
        self, name: str, fault: tuple[int, int, int] | None = None, *, retries: bool = False
    ) -> tuple[bytes, int]:
        """The log of one life, and how many calls it made."""
        with self._folder(name) as folder:
            log = self._base / "log"
            self._shim.soak_begin(str(folder).encode(), str(log).encode())
            if fault is not None:
                self._shim.soak_arm(*fault)
            try:
                errors = live(folder, retries=retries)
            except Exception as why:  # noqa: BLE001 - only the chart's own errors may come out: this one is the finding
                errors = ()
                self._find(f"{name}: raised {type(why).__name__}: {why}")
            calls = self._shim.soak_calls()
            self._shim.soak_end()
            wrong = judge(folder, told_in((folder / ACKS).read_bytes()))
            if wrong is not None:
                self._find(f"{name}: {wrong}; errors on the way: {errors}")
            return log.read_bytes(), calls

    def _fail(self, n: int, number: int, mode: int, retries: bool) -> None:
        name = f"{errno.errorcode[number]} at call {n} (mode {mode}, retries {retries})"
        log, _ = self._life(name, (n, number, mode), retries=retries)
        self.reached["io_errors"] += 1
        if any(operation.kind == "F" for operation in read_log(log)):
            self._cut_after_failure(log, name)

    def _fail_folders(self, plain: bytes) -> None:
        """Each sync of a folder fails once: SQLite takes no notice, and names may then never be durable."""
        syncs = [one for one in read_log(plain) if one.kind == "S" and not _is_file(one)]
        for number, sync in enumerate(syncs, start=1):
            log, _ = self._life("a folder", (sync.call, errno.EIO, ONCE))
            disk, has_failed = Disk(), False
            for operation in read_log(log):
                if has_failed and (operation.kind in NAMING or (operation.kind == "S" and not _is_file(operation))):
                    break
                has_failed |= operation.kind == "F"
                disk.apply(operation)
            self._judge_image(disk, Loss.NOTHING_KEPT, f"sync {number} of a folder failed, cut before the next")
            self.reached["folder_syncs_failed"] += 1

    def _cut(self, log: bytes, name: str, *, once_each: bool) -> None:
        """A power cut just before each sync: nothing that it covers is sure yet."""
        disk, syncs = Disk(), 0
        for operation in read_log(log):
            if operation.kind == "S" and disk.has_doubt:
                syncs += 1
                if syncs % self._step == 0:
                    self.reached["sync_points"] += once_each
                    losses = tuple(Loss) if once_each else (self._dice.choice((Loss.WRITES, Loss.SECTORS, Loss.NOISE)),)
                    for loss in losses:
                        self._judge_image(disk, loss, f"{name}, cut at sync {syncs}")
            disk.apply(operation)
            if not once_each and time.monotonic() >= self._until:
                return
        self._judge_image(disk, Loss.SECTORS, f"{name}, cut at the end")

    def _cut_after_failure(self, log: bytes, name: str) -> None:
        """A power cut some time after a sync that failed: what it was to cover may be gone for ever."""
        disk, operations = Disk(), list(read_log(log))
        failed = next(index for index, operation in enumerate(operations) if operation.kind == "F")
        upto = self._dice.randint(failed + 1, len(operations))
        for operation in operations[:upto]:
            disk.apply(operation)
        self._judge_image(disk, self._dice.choice(tuple(Loss)), f"{name}, cut after {upto} operations")

    def _judge_image(self, disk: Disk, loss: Loss, name: str) -> None:
        told = told_in(disk.acknowledged)
        files = disk.image(loss, self._dice)
        with self._folder("image") as folder:
            for path, content in files.items():
                self._put(folder, path, content)
            if self._dice.random() < 0.25:
                (folder / "chart.db-shm").write_bytes(self._dice.randbytes(32_768))
            wrong = judge(folder, told)
        self.reached["images"] += 1
        if wrong is not None:
            self._find(f"{name}, {loss} kept: {wrong}")

    def _put(self, folder: Path, path: str, content: bytes | None) -> None:
        parts = Path(path).relative_to(self._base).parts[1:]
        if not parts:
            return
        target = folder.joinpath(*parts)
        if content is None:
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            return
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o600)

    def _kill(self, n: int, mode: int) -> None:
        """SIGKILL at one call: what was handed to the machine stays, the rest was never said."""
        with self._folder("killed") as folder:
            child = os.fork()
            if child == 0:
                self._shim.soak_begin(str(folder).encode(), b"")
                self._shim.soak_arm(n, 0, mode)
                try:
                    live(folder)
                finally:
                    os._exit(0)
            _, status = os.waitpid(child, 0)
            self.reached["kill_points"] += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            wrong = judge(folder, told_in((folder / ACKS).read_bytes()))
        if wrong is not None:
            self._find(f"killed at call {n} (mode {mode}): {wrong}")

    @contextmanager
    def _folder(self, name: str) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix="site-", dir=self._base))
        (folder / ANCHOR).mkdir()
        del name
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    def _find(self, sentence: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(sentence)


def _is_file(operation: Operation) -> bool:
    """Files here have names with a dot; folders have none."""
    return "." in Path(operation.path).name


def main() -> None:
    """Work, then print the line."""
    shim, seconds, seed, step = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    if sys.argv[5:] == ["unsynced"]:
        pytest.MonkeyPatch().setattr(sqlite, "_WRITER", {**sqlite._WRITER, "synchronous": 1})  # noqa: SLF001 - its knock-out
    worker = Worker(shim, seconds, seed, step)
    worker.run()
    line = Line(family="disk", seed=seed, reached=dict(worker.reached), findings=tuple(worker.findings))
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")


if __name__ == "__main__":
    main()
