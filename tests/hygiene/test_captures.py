"""What README and ``tui/captures`` show is what the app draws; ``make captures`` draws it anew."""

import re

import pytest

from tests.tui.captures import BLOCK, CAPTURES, FOLDER, PICTURES, README, with_captures

STALE = "stale: run `make captures` and look at what it changed"


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_is_what_the_app_draws(name: str) -> None:
    """A picture of last month's screen teaches keys that are gone."""
    capture = CAPTURES[name]()

    assert (FOLDER / f"{name}.txt").read_text(encoding="utf-8") == capture.text, STALE
    if name in PICTURES:
        assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == capture.svg, STALE


def test_the_front_page_shows_a_capture() -> None:
    """The block between the marks is the file; without the marks it could not be renewed."""
    page = README.read_text(encoding="utf-8")

    assert ["running"] == [name for _, name, _, _ in BLOCK.findall(page)]
    assert page == with_captures(page), STALE


def test_no_capture_is_left_over() -> None:
    """A file that nothing draws any more is never renewed."""
    drawn = {f"{name}.txt" for name in CAPTURES} | {f"{name}.svg" for name in PICTURES}

    assert drawn == {path.name for path in FOLDER.iterdir()}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_fetches_nothing(name: str) -> None:
    """Opened in a clinic without a network it looks the same, and nobody learns that it was opened."""
    svg = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    addresses = re.findall(r"[a-z]+://[^\s\"')]+", svg)

    assert ["http://www.w3.org/2000/svg"] == addresses  # the name of the format, not a place
    assert not re.search(r"@font-face|@import|url\((?!#)|<image|<script", svg)
