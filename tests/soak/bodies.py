"""Mutation of function bodies by mutmut, on a copy: a test must notice, or the type checker.

``[tool.mutmut]`` in pyproject.toml names the modules and their tests. What a body holds beside them, tables and
constants, is ``mutants``'. Survivors that ``survivors.toml`` does not explain are findings; an explained one that is
noticed now, or that is no mutant any more, is a finding as well. mutmut numbers its mutants from the top of a function;
here they are named after what was changed, so that a name outlives an edit above it.
"""

import ast
import contextlib
import difflib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tests.soak.mutate import ROOT
from tests.soak.report import Line
from tests.soak.survivors import explained

COPIED: Final = ("devices", "modctl", "protocols", "tests", "tui", ".typings", "pyproject.toml")
LONG: Final = 100  # characters: of a longer line only SHOWN before and after what was changed in it are named
SHOWN: Final = 30
PARTS: Final = "0123456789"  # last digits: a tenth of the mutants each
# mutmut's exit codes: of the tests' process, or its own for a mutant that it never ran.
FAILED: Final = {1, 3}
TIMED_OUT: Final = {-24, 24, 36, 152, 255}
ILL_TYPED: Final = 37
SURVIVED: Final = {0, 5, 33}  # passed; no test at all


class _Meta(msgspec.Struct, frozen=True):
    """What mutmut keeps of one module's mutants beside its changed source."""

    exit_code_by_key: dict[str, int | None]


class Body(msgspec.Struct, frozen=True):
    """One changed function and what came of it; ``exit_code`` None: not tried."""

    name: str
    exit_code: int | None


def run(seconds: float, seed: int) -> Line:
    """A tenth of the mutants after the other while the time lasts, in an order of the seed's."""
    until = time.monotonic() + seconds
    parts = random.Random(seed).sample(PARTS, len(PARTS))
    with tempfile.TemporaryDirectory(prefix="modctl-bodies-") as folder:
        copy = Path(folder)
        _copy(copy)
        told = ""
        while parts and not told and time.monotonic() < until:
            told = _try(copy, f"*__mutmut_*{parts.pop()}", until)
        tried = tuple(bodies(copy))
    return _line(seed, tried, told)


def bodies(copy: Path) -> Iterator[Body]:
    """Every mutant that mutmut made in this copy, by our own names."""
    for meta in sorted((copy / "mutants").rglob("*.py.meta")):
        codes = msgspec.json.decode(meta.read_bytes(), type=_Meta).exit_code_by_key
        changed = meta.with_suffix("")
        names = _names(changed.read_text(), changed.relative_to(copy / "mutants"))
        for key, code in codes.items():
            yield Body(names[key.rpartition(".")[2]], code)


def _line(seed: int, tried: Sequence[Body], told: str) -> Line:
    known = explained("body")
    ran = [one for one in tried if one.exit_code is not None]
    survived = {one.name for one in ran if one.exit_code in SURVIVED}
    odd = {one.name for one in ran} - survived
    odd -= {one.name for one in ran if one.exit_code in FAILED | TIMED_OUT | {ILL_TYPED}}
    noticed = {one.name for one in ran} - survived - odd
    findings = [f"nobody noticed: {name}" for name in sorted(survived - known.keys())]
    findings += [f"explained, and noticed: {name}" for name in sorted(noticed & known.keys())]
    findings += [f"its tests broke off: {name}" for name in sorted(odd)]
    if ran:  # before the first one ran, not all of them need be made
        gone = known.keys() - {one.name for one in tried}
        findings += [f"explained, and no mutant any more: {name}" for name in sorted(gone)]
    findings += [told] if told else []
    reached = {"mutants": len(ran), "of": len(tried), "noticed": len(noticed), "survived": len(survived)}
    reached["by the type checker"] = sum(one.exit_code == ILL_TYPED for one in ran)
    return Line(family="bodies", seed=seed, reached=reached, findings=tuple(findings))


def _copy(copy: Path) -> None:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)


def _try(copy: Path, pattern: str, until: float) -> str:
    """Run mutmut on some of the mutants; what it said when it ended by itself, empty when all went well."""
    tools = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}",
        "MYPY_CACHE_DIR": str(
            ROOT / ".mypy_cache" / "bodies"
        ),  # its own: it checks with other options than `make check`
    }
    command = [str(tools / "mutmut"), "run", "--max-children", "1", pattern]
    with (copy / "said.txt").open("w") as said:
        child = subprocess.Popen(
            command, cwd=copy, env=environment, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = child.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            code = 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # the group is its own
            child.wait()
    return f"mutmut ended by itself: {(copy / 'said.txt').read_text()[-2_000:]}" if code else ""


def _names(source: str, path: Path) -> dict[str, str]:
    """mutmut's name of each mutant in a changed source -> ours: path, function, what stood there and what stands."""
    functions = {one.name: one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.FunctionDef)}
    names: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for mangled, changed in functions.items():
        mangled_name, found, number = mangled.rpartition("__mutmut_")
        if not found or number == "orig":
            continue
        function = mangled_name.removeprefix("x_").replace("xǁ", "", 1).replace("ǁ", ".")
        original = functions[f"{mangled_name}__mutmut_orig"]
        original.name = changed.name = function.rpartition(".")[2]
        name = f"{path}: {function} | {_change(original, changed)}"
        seen[name] += 1
        names[mangled] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return names


def _change(one: ast.FunctionDef, other: ast.FunctionDef) -> str:
    was, now = ([line.strip() for line in ast.unparse(each).splitlines()] for each in (one, other))
    lines = list(difflib.unified_diff(was, now, n=0, lineterm=""))[3:]
    old, new = (" / ".join(line[1:] for line in lines if line.startswith(sign)) for sign in "-+")
    if max(len(old), len(new)) <= LONG:
        return f"{old} -> {new}"
    same = _shared(old, new)
    start = max(0, same - SHOWN)
    after = _shared(old[same:][::-1], new[same:][::-1])
    ends = [len(line) - max(0, after - SHOWN) for line in (old, new)]
    return f"{old[start : ends[0]]} -> {new[start : ends[1]]}"


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next(
        (at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )
