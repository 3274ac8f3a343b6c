"""A full disk under a real controller, and one kill; ``make soak`` does the rest, at any moment and many times."""

from pathlib import Path

import pytest

from tests.process import small_site
from tests.soak import disk, kills


@pytest.mark.skipif(disk.compiler() is None, reason="needs a C compiler (cc)")
def test_a_full_disk_under_a_real_controller_ends_in_off_and_in_a_sound_chart(tmp_path: Path) -> None:
    """Hazard H38, with the error that the system really gives (ENOSPC), at a moment in the middle of a session."""
    template = tmp_path / "site"
    small_site.lay_down(template)
    shim = disk.compiled(tmp_path)
    what, findings = kills.try_round(template, 1, 0, shim, "fill_disk")

    assert what.startswith("fill_disk")
    assert [] == findings
