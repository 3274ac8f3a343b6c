"""The front page promises commands; each of them must be there, with the options that it shows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
SAID = r"(?:`|^\$ )"  # in code, not in prose
SUB = r"(?: (list|show|start|replay|verify|export|run|inject|truth)\b)?"
COMMANDS = sorted(
    {" ".join(found).strip() for found in re.findall(SAID + r"modctl ([a-z]+)" + SUB, README, re.MULTILINE)}
)
MAKES = sorted(set(re.findall(SAID + r"make ([a-z]+)", README, re.MULTILINE)))
OPTIONS = sorted(set(re.findall(r"(?<=\s)(--[a-z]+)", README)) - {"--help"})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_is_there(command: str) -> None:
    """A page that shows a command which is not there has lied to its first reader."""
    done = subprocess.run(
        [Path(sys.executable).parent / "modctl", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("target", MAKES)
def test_every_target_of_the_readme_is_there(root: Path, target: str) -> None:
    """The two commands to know, and whatever else is named."""
    assert re.search(rf"^{target}:", (root / "Makefile").read_text(), re.MULTILINE)


def test_every_option_of_the_readme_is_there() -> None:
    """Options are shown for four commands; each must be known to one of them."""
    shown = ""
    for command in ("init", "session start", "chart verify", "sim run"):
        argv = [str(Path(sys.executable).parent / "modctl"), *command.split(), "--help"]
        shown += subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    assert [] == [option for option in OPTIONS if option not in shown]
