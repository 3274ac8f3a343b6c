"""Mutants of what decides, outside function bodies: rows of the session machine, bounds, constants, defaults.

Sources come out; no file is changed. A mutant's name is made of what stands there, not of where: it stays the same
while other lines move. The bodies are mutmut's, which leaves these alone (``bodies``).
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).resolve().parents[2]
TABLES: Final = ("modctl/engine/machine.py",)
NUMBERS: Final = tuple(sorted(f"modctl/engine/{one.name}" for one in (ROOT / "modctl/engine").glob("*.py")))


class Mutant(msgspec.Struct, frozen=True):
    """One changed module: its path, what was changed, and the whole changed source."""

    path: str
    what: str
    source: str

    @property
    def name(self) -> str:
        """The same for the same change."""
        return f"{self.path}: {self.what}"


def mutants() -> tuple[Mutant, ...]:
    """All of them, in the order of the files."""
    found: list[Mutant] = []
    for path in NUMBERS:
        source = (ROOT / path).read_text()
        tree = ast.parse(source)
        edits = [*(_rows(tree, source) if path in TABLES else ()), *_numbers(tree, source)]
        seen: Counter[str] = Counter()
        for start, end, new, what in edits:
            seen[what] += 1
            name = what if seen[what] == 1 else f"{what} ({seen[what]})"
            found.append(Mutant(path, name, source[:start] + new + source[end:]))
    return tuple(found)


Edit = tuple[int, int, str, str]  # from, to, what stands there instead, what it is called


def _rows(tree: ast.Module, source: str) -> Iterator[Edit]:
    """Each row of the transitions left out, and led to the phase after its own one."""
    at = _Offsets(source)
    phases = [one.targets[0].id for one in _class(tree, "Phase").body if isinstance(one, ast.Assign)]  # type: ignore[attr-defined]  # plain names
    table = next(one.value for one in tree.body if isinstance(one, ast.AnnAssign) and _name(one) == "TRANSITIONS")
    assert isinstance(table, ast.Dict)
    for key, value in zip(table.keys, table.values, strict=True):
        assert key is not None
        row = ast.unparse(key)
        start, end = at.of(key)[0], at.of(value)[1]
        yield start, end + 1, "", f"{row} left out"
        phase = ast.unparse(value).removeprefix("Phase.")
        other = phases[(phases.index(phase) + 1) % len(phases)]
        yield *at.of(value), f"Phase.{other}", f"{row} leads to {other}"


def _numbers(tree: ast.Module, source: str) -> Iterator[Edit]:
    """Each whole number one less, one more, and twice as large."""
    at = _Offsets(source)
    for node in _outside_bodies(tree):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            start, end = at.of(node)
            for new in dict.fromkeys((node.value - 1, node.value + 1, node.value * 2)):
                if new != node.value:
                    yield start, end, f"({new})", f"{_line(source, start)} | {node.value} -> {new}"


def _outside_bodies(node: ast.AST) -> Iterator[ast.AST]:
    """What is worked out when the module is imported: constants, tables, fields, and defaults of parameters."""
    for child in ast.iter_child_nodes(node):
        yield child
        inside = child.args if isinstance(child, ast.FunctionDef | ast.Lambda) else child
        yield from _outside_bodies(inside)


class _Offsets:
    """Characters from lines and columns (ast counts columns in UTF-8 bytes)."""

    def __init__(self, source: str) -> None:
        self._lines = source.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def of(self, node: ast.expr) -> tuple[int, int]:
        """From and to, of one node."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())


def _line(source: str, at: int) -> str:
    return source[source.rfind("\n", 0, at) + 1 : source.find("\n", at)].split("  #", maxsplit=1)[0].strip()


def _class(tree: ast.Module, name: str) -> ast.ClassDef:
    return next(one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name)


def _name(statement: ast.AnnAssign) -> str:
    return statement.target.id if isinstance(statement.target, ast.Name) else ""
