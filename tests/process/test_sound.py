"""An alarm's sound file, by a player that is a program of its own."""

import os
from pathlib import Path

import pytest

from tests.tui.fakes import second_session
from tests.tui.stage import Stage, perform
from tests.tui.test_snapshots import URGENT
from tui.sound import PLAYERS, Sound


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose only player writes into a pipe what it plays, and plays until somebody listens."""
    pipe = tmp_path / "heard"
    os.mkfifo(pipe)
    player = tmp_path / "bin" / PLAYERS[-1]
    player.parent.mkdir()
    player.write_text(f'#!/bin/sh\necho "$1" > {pipe}\n', "utf-8")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{player.parent}:/bin:/usr/bin")
    return pipe


def test_an_alarm_plays_the_sites_file_and_the_screen_goes_on(heard: Path, tmp_path: Path) -> None:
    """The player stands still until its pipe is read: the screen neither waits for it nor begins a second one."""
    file = tmp_path / "alarm.wav"

    async def act(stage: Stage) -> None:
        stage.app.sound = Sound(file)
        await stage.see(second_session(alarms=(URGENT,)))
        await stage.wait(250)
        await stage.wait(11_000)
        await stage.press("p")

        assert "HIGH" in stage.text()

    perform(act)

    assert f"{file}\n" == heard.read_text("utf-8")


@pytest.mark.parametrize("file", [None, Path("/nowhere/alarm.wav")])
def test_without_a_file_or_a_player_it_is_silent(
    file: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is raised, nothing is said: the bell of the terminal rings as ever."""
    monkeypatch.setenv("PATH", str(tmp_path))
    Sound(file).play()

    assert not list(tmp_path.iterdir())
