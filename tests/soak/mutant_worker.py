"""Tries mutants: ``python -m tests.soak.mutant_worker SECONDS SEED [NAME ...]``; one line of JSON for each.

Each mutant gets a process of its own, forked from one in which the libraries are imported already and nothing of
ours is. There its source is what the import system finds; no file is changed. It is tried against the tests of its
module first, and against all of the engine's when it survived those.
"""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Final

import msgspec
import pytest

from tests.soak.mutate import ROOT, Mutant, mutants

PRELOADED: Final = (
    "hypothesis.stateful",
    "pymodbus.framer",
    "pymodbus.pdu",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
)
ENGINE: Final = (
    "tests/unit/engine",
    "tests/safety/test_hard_numbers.py",
    "tests/safety/test_hazards.py",
    "tests/safety/test_every_state.py",
)
# The tests that a slip in a module shows in soonest.
HOUSE_RULES: Final = ("tests/unit/engine/test_house_rules.py",)
FIRST: Final[dict[str, tuple[str, ...]]] = {
    "modctl/engine/bounds.py": ("tests/unit/engine/test_bounds_table.py", "tests/unit/engine/test_bounds.py"),
    "modctl/engine/machine.py": ("tests/unit/engine/test_machine.py", "tests/unit/engine/test_session.py"),
}
LONGEST_S: Final = 120  # chosen: a mutant that makes a test run for ever is found by that


class Tried(msgspec.Struct, frozen=True):
    """One mutant and whether a test noticed it."""

    name: str
    survived: bool


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module's changed source; everything else is found as ever."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._module = mutant.path.removesuffix(".py").replace("/", ".")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Ours or none."""
        del path, target
        if fullname != self._module:
            return None
        return importlib.util.spec_from_file_location(fullname, ROOT / self._mutant.path, loader=_Source(self._mutant))


class _Source(importlib.machinery.SourceFileLoader):
    """The file's name, the mutant's text."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.path.removesuffix(".py").replace("/", "."), str(ROOT / mutant.path))
        self._text = mutant.source.encode()

    def get_code(self, fullname: str) -> object:  # type: ignore[override]  # code, as compile gives it
        """Compiled now: never the cache of the file as it is."""
        del fullname
        return compile(self._text, self.path, "exec", dont_inherit=True)


def is_noticed(mutant: Mutant, tests: Sequence[str]) -> bool:
    """Whether these tests fail with the mutant, in a process of its own."""
    child = os.fork()
    if child == 0:
        _try(mutant, tests)
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status != 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _try(mutant: Mutant, tests: Sequence[str]) -> None:
    signal.alarm(LONGEST_S)
    sys.meta_path.insert(0, _Finder(mutant))
    code = 1
    try:
        os.chdir(ROOT)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore", "-o", "timeout=0"]
            code = int(pytest.main([*options, *tests]))
    finally:
        os._exit(code)


def main() -> None:
    """Try mutants in an order of the seed's until the time is over."""
    seconds, seed, wanted = float(sys.argv[1]), int(sys.argv[2]), set(sys.argv[3:])
    for name in PRELOADED:
        importlib.import_module(name)
    ours = [name for name in sys.modules if name.partition(".")[0] in ("modctl", "devices", "protocols")]
    assert not ours, ours
    for path, tests in (*FIRST.items(), ("modctl/engine/phases.py", HOUSE_RULES), ("modctl/engine/phases.py", ENGINE)):
        unchanged = Mutant(path, "unchanged", (ROOT / path).read_text())
        if is_noticed(unchanged, tests):
            raise SystemExit(f"{' '.join(tests)} fail without any change; nothing would be learned from mutants")
    chosen = [mutant for mutant in mutants() if not wanted or mutant.name in wanted]
    random.Random(seed).shuffle(chosen)
    until = time.monotonic() + seconds
    for mutant in chosen:
        if time.monotonic() >= until:
            break
        noticed = any(is_noticed(mutant, tests) for tests in (FIRST.get(mutant.path, HOUSE_RULES), ENGINE))
        line = msgspec.json.encode(Tried(mutant.name, survived=not noticed))
        sys.stdout.write(line.decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
