"""What is handed out: a wheel of exactly four packages with their data, and a lock that names no place."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

PACKAGES = ("devices", "modctl", "protocols", "tui")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel, built from a copy without git and opened for reading."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "copy"
    for package in PACKAGES:
        shutil.copytree(root / package, copy / package)
    shutil.copytree(root / "tests" / "hygiene", copy / "tests" / "hygiene")
    for path in root.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=copy, capture_output=True, check=True)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_holds_the_four_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """An editable environment makes ``tests`` importable too; only a wheel shows what is really installed."""
    tops = {name.split("/")[0] for name in wheel.namelist()}

    assert {*PACKAGES} == {top for top in tops if not top.endswith(".dist-info")}


def test_the_wheel_holds_every_module_and_every_data_file(root: Path, wheel: zipfile.ZipFile) -> None:
    """A profile that is not in the wheel is a unit that nobody can open."""
    ours = {
        path.relative_to(root).as_posix()
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert set() == ours ^ {name for name in wheel.namelist() if ".dist-info/" not in name}


def test_the_wheel_carries_both_programs_and_the_licence(wheel: zipfile.ZipFile) -> None:
    """The guard is a program of its own: without its entry the last line is missing."""
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    text = wheel.read(entry_points).decode()

    assert "modctl = modctl.cli.main:main" in text
    assert "modctl-guard = modctl.controller.guard:main" in text
    assert any(name.endswith("/LICENSE") for name in wheel.namelist())


def test_the_lock_names_no_place_to_fetch_from(root: Path) -> None:
    """Where packages come from is the business of each machine, and an address in a lock goes stale or leaks."""
    lock = (root / "requirements-dev.lock").read_text()

    assert [] == re.findall(r".*(?:://|^-|--(?:extra-)?index|--find-links|--trusted-host| @ ).*", lock, re.MULTILINE)


def test_every_requirement_is_pinned_with_hashes(root: Path) -> None:
    """One line without a hash and the installers check none."""
    lock = (root / "requirements-dev.lock").read_text().replace("\\\n", "")
    lines = [line for line in lock.splitlines() if line]

    assert [] == [line for line in lines if not re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)]


def test_the_lock_pins_all_that_the_project_asks_for(root: Path) -> None:
    """A dependency added to one file and not to the other works on one machine only."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in asked}
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", (root / "requirements-dev.lock").read_text(), re.MULTILINE))

    assert set() == names - pinned
