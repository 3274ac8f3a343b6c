"""A newcomer's first minutes, in a real terminal: two sessions to their planned end, with arrow keys and Enter."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from modctl.clock import SystemClock

CLOCK: Final = SystemClock()
SCREEN: Final = f"modctl-first-minutes-{os.getpid()}"  # another run on this machine has its own
MODCTL: Final = Path(sys.executable).parent / "modctl"

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
]


class Terminal:
    """The demonstration in tmux, 80 by 24."""

    def shows(self) -> str:
        """What stands on the screen."""
        return _tmux("capture-pane", "-p")

    def wait(self, words: str, seconds: int = 20) -> None:
        """Until the screen has these words."""
        until_ns = CLOCK.mono_ns() + seconds * 1_000_000_000
        while words not in self.shows():
            assert CLOCK.mono_ns() < until_ns, f"no {words!r} within {seconds} s:\n{self.shows()}"
            threading.Event().wait(0.1)

    def press(self, *keys: str) -> None:
        """One key after the other, as a person would: each is seen before the next."""
        for key in keys:
            _tmux("send-keys", key)
            threading.Event().wait(0.4)

    def choose(self, asked: str, *keys: str) -> None:
        """Wait for a question, then press."""
        self.wait(asked)
        threading.Event().wait(0.7)  # keys are ignored for half a second where a start is asked
        self.press(*keys)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A demonstration that has just begun; nothing of it is left afterwards."""
    command = f"{MODCTL} demo; echo ended with $?; sleep 60"
    subprocess.run(
        ["tmux", "-L", SCREEN, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", command], check=True
    )
    try:
        yield Terminal()
    finally:
        subprocess.run(["tmux", "-L", SCREEN, "kill-server"], check=False)


def start(terminal: Terminal, unit_downs: int) -> None:
    """From the list of units to a running session, with arrows and Enter alone; the first preset, every gate open."""
    terminal.choose("Which unit?", *["Down"] * unit_downs, "Enter")
    terminal.choose("for which patient?", "Down", "Enter")
    terminal.choose("which preset?", "Enter")
    terminal.choose("Who is on the table?", "Enter")
    terminal.choose("Consent", "Enter")
    terminal.choose("Does one of these apply?", "Enter")
    terminal.choose("Pain now", "Right", "Right", "Enter")
    terminal.choose("Hip flexion", "Right", "Enter")
    terminal.choose("Skin at the site", "Enter")
    terminal.choose("Feeling", "Enter")
    terminal.choose("Placed", "Enter")
    terminal.choose("Start?", "Down", "Enter")
    terminal.wait("ENERGIZED")


def test_two_sessions_run_to_their_planned_end_with_arrow_keys_and_enter(terminal: Terminal) -> None:
    """What the front page promises: one command, no questions about configuration, the first session by arrow keys."""
    start(terminal, 0)
    terminal.press("n")
    start(terminal, 2)
    for _ in range(2):
        terminal.wait("COMPLETED", 90)
        terminal.choose("Pain now", "Right", "Enter")
        terminal.choose("Skin", "Enter")
        terminal.choose("Hip flexion", "Right", "Enter")
        terminal.choose("What followed", "Enter")
        terminal.choose("Sign", "Enter")
        terminal.choose("For the note", "Enter")
    terminal.wait("Which unit?")
    terminal.press("C-q")

    terminal.wait("ended with 0")


def _tmux(*words: str) -> str:
    done = subprocess.run(["tmux", "-L", SCREEN, *words], check=True, capture_output=True, text=True)
    return done.stdout
