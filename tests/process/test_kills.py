"""Of every act against the processes of a site one round each; ``make soak`` does every act at every charted step."""

from pathlib import Path

import pytest

from tests.process import small_site
from tests.soak import disk, kills

SEED = 1
RUNNING_STEP = 18  # entries after the request: the answers are given, the unit is energized, the level rises
# Where one round with real processes is in another test already: test_guard and test_serve.
ELSEWHERE = {"SIGKILL controller", "SIGSTOP controller", "SIGKILL guard", "SIGSTOP guard", "SIGKILL simulators"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site to be copied."""
    root = tmp_path_factory.mktemp("kills") / "site"
    small_site.lay_down(root)
    return root


@pytest.mark.parametrize("act", [act for act in kills.ACTS if str(act) not in ELSEWHERE], ids=str)
def test_whoever_ends_or_stands_still_the_output_is_off_and_the_chart_whole(
    template: Path, tmp_path: Path, act: kills.Act
) -> None:
    """A full disk is hazard H38, with the error that the system really gives (ENOSPC), in the middle of a session."""
    if act.victim == "writer" and disk.compiler() is None:
        pytest.skip("needs a C compiler (cc)")
    shim = disk.compiled(tmp_path) if act.victim == "writer" else None

    was_on, findings = kills.try_round(template, SEED, 0, shim, act, RUNNING_STEP)

    assert was_on, "the scenery of a test, not the test"
    assert [] == findings


def test_every_act_comes_at_every_step_before_any_comes_twice() -> None:
    """What a seed leaves out, no number of rounds would find."""
    every = kills.points(SEED, with_writer=True)

    assert len(kills.ACTS) * kills.STEPS == len(every) == len({(str(act), step) for act, step in every})
    assert every != kills.points(SEED + 1, with_writer=True)
