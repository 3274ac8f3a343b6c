"""Small rules on every source file, so that nobody has to say them in a review."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("devices", "modctl", "protocols", "tui")
MAX_LINES = 500  # chosen: beyond it a module holds more than one idea; 300 is the aim
ALLOWED_AT_THE_TOP = {
    *PACKAGES,
    "tests",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "pyproject.toml",
    "requirements-dev.lock",
}


def sources(root: Path) -> list[Path]:
    """Every Python file that is ours."""
    return sorted(path for folder in (*PACKAGES, "tests") for path in (root / folder).rglob("*.py"))


def test_no_module_is_longer_than_five_hundred_lines(root: Path) -> None:
    """A file that cannot be read in one sitting is not reviewed."""
    long = {str(path): lines for path in sources(root) if (lines := len(path.read_text().splitlines())) > MAX_LINES}

    assert {} == long


def test_an_init_file_holds_a_docstring_and_nothing_else(root: Path) -> None:
    """Importing a package then costs nothing and hides nothing."""
    for path in sources(root):
        if path.name == "__init__.py":
            tree = ast.parse(path.read_text())

            assert ast.get_docstring(tree), path
            assert len(tree.body) == 1, path


def test_every_folder_with_modules_is_a_package(root: Path) -> None:
    """A folder without ``__init__.py`` is a namespace: the import contracts do not look into it."""
    folders = {path.parent for package in PACKAGES for path in (root / package).rglob("*.py")}

    assert [] == sorted(str(folder) for folder in folders if not (folder / "__init__.py").exists())


def test_nothing_new_stands_at_the_top(root: Path) -> None:
    """The editable environment makes everything at the top importable, so the top is kept short."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}

    assert set() == {name for name in top if not name.startswith(".")} - ALLOWED_AT_THE_TOP


@pytest.mark.parametrize(
    "line",
    [
        "import time\n\ntime.monotonic_ns()\n",
        "from time import sleep\n\nsleep(1)\n",
        "from datetime import UTC, datetime\n\ndatetime.now(UTC)\n",
        "import sqlite3\n\nsqlite3.connect('chart.db')\n",
        "from typing import Any\n\nvalue: Any = 1\n",
    ],
)
@pytest.mark.parametrize("module", ["modctl/engine/session.py", "devices/drivers/p24.py", "tests/unit/test_x.py"])
def test_clocks_and_untyped_values_are_refused_by_the_linter(root: Path, module: str, line: str) -> None:
    """Time that is not an argument makes a replay differ from the session; the linter says so at once."""
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, "check", "--no-cache", "--select", "TID251", "--stdin-filename", root / module, "-"],
        cwd=root,
        input=line,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert "TID251" in done.stdout
