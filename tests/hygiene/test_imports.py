"""The import contracts hold, each of them can break, and what a process loads is what it needs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("devices", "modctl", "protocols", "tui")
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def lint_imports(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the packages that stand in ``checkout``."""
    command = [str(LINT_IMPORTS), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


def loaded_after(statement: str) -> set[str]:
    """Run one statement in a fresh interpreter; every module that it then holds."""
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def modules_of(root: Path, package: str) -> list[str]:
    """The dotted names of a package's modules, from its files."""
    return [
        ".".join(path.relative_to(root).with_suffix("").parts)
        for path in sorted((root / package).rglob("*.py"))
        if path.name != "__init__.py"
    ]


def test_every_import_contract_holds(root: Path) -> None:
    """The layers are what makes a review of the safety path possible; they are checked, not promised."""
    done = lint_imports(root)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("protocols/errors.py", "import devices.model", "The one direction"),
        ("modctl/clock.py", "import modctl.records", "Inside modctl"),
        ("modctl/newcomer.py", "", "Inside modctl"),
        ("devices/model.py", "import devices.sim.device", "Inside devices: drivers and simulators do not know"),
        ("modctl/engine/core.py", "import threading", "What decides does no I/O, not even indirectly"),
        ("protocols/inspect.py", "import asyncio.events", "What decides does no I/O, not even indirectly"),
        ("modctl/records.py", "import modctl.clock", "What decides does no I/O, not even indirectly"),
        ("devices/sim/units/newcomer.py", "import devices.sim.port", "Simulated units know registers"),
        ("tui/app.py", "import modctl.engine.core", "The screens see messages and the chart, nothing else"),
        ("modctl/controller/host.py", "import devices.sim.device", "Simulators are not used at run time"),
        ("modctl/virtual/judge.py", "import modctl.engine.ledger", "The judge of charts is a stranger"),
        ("modctl/cli/main.py", "import pymodbus.client", "pymodbus speaks for the simulators only"),
        ("modctl/controller/host.py", "import serial", "One door to serial ports"),
        ("modctl/chart/store.py", "import pysqlite3", "One door to SQLite"),
        ("modctl/chart/store.py", "import psycopg", "One door to PostgreSQL"),
        ("modctl/reports/newcomer.py", "import sqlite_utils", "Schema and exports alone use sqlite-utils"),
        ("modctl/chart/store.py", "import sqlite3", "Nobody uses the standard library's SQLite"),
    ],
)
def test_a_wrong_import_breaks_the_contract_that_forbids_it(
    root: Path, tmp_path: Path, module: str, line: str, contract: str
) -> None:
    """A contract that no import can break protects nothing."""
    for package in PACKAGES:
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")

    done = lint_imports(tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    assert any(row.startswith(contract) and " BROKEN" in row for row in done.stdout.splitlines()), done.stdout


def test_every_module_imports_by_itself_and_does_nothing(root: Path) -> None:
    """Work at import time is a side effect nobody asked for, in a process that may hold a port."""
    names = [name for package in PACKAGES for name in modules_of(root, package)]

    loaded = loaded_after(f"import threading, {', '.join(names)}; assert threading.active_count() == 1")

    assert set(names) - loaded == set()


def test_the_controller_loads_neither_screens_nor_simulators(root: Path) -> None:
    """What the process that energizes does not load cannot delay its stop, and cannot fail in it."""
    names = modules_of(root, "modctl/controller")

    loaded = loaded_after(f"import {', '.join(names)}")

    assert {"textual", "pymodbus", "devices.sim"} & loaded == set()
