"""Every parser against a few hundred bent inputs, and those that once came through; ``make soak`` tries more."""

import random

import pytest

from devices import profile
from modctl.clinic import library
from modctl.errors import ModctlError
from tests.soak import fuzz
from tests.soak.fuzz_targets import TARGETS, Target

SEED = 1
FILES = ("presets", "profiles", "site.toml", "bench.toml", "approvals.toml", "scenarios", "answers")
SAID = (ModctlError, library.LibraryError, profile.ProfileError)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_parser_raises_what_it_promises_and_holds_no_more_than_it_may(target: Target) -> None:
    """Hazard: a unit, a file or a client that sends nonsense ends the controller, or fills its memory."""
    assert fuzz.try_target(target, 0, SEED).finding is None


@pytest.mark.parametrize("target", [one for one in TARGETS if one.name in FILES], ids=lambda target: target.name)
@pytest.mark.parametrize("given", [b"\xff = 1\n", b"x=" + b"[" * 5_000], ids=["not UTF-8", "brackets in brackets"])
def test_a_file_that_is_no_text_or_endlessly_nested_is_a_sentence(target: Target, given: bytes) -> None:
    """Both came through as a traceback: what a person can do about it was not said."""
    with pytest.raises(SAID):
        target.make(random.Random(SEED)).take(given)


def test_without_its_catch_the_search_finds_what_comes_through() -> None:
    """A search that finds nothing where something is wrong would prove nothing."""
    target = next(one for one in TARGETS if one.name == "presets")
    promised_less = Target(target.name, target.corpus, target.make, ())

    assert "LibraryError" in (fuzz.try_target(promised_less, 0, SEED).finding or "")
