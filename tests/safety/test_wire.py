"""Somebody in the middle of a line, for some rounds; ``make soak`` goes on for longer."""

import random

import pytest

from modctl.engine import port
from tests.soak import wire
from tests.soak.fuzz_targets import held_bytes
from tests.soak.interleavings import Wrong

ROUNDS = 6


def bend(middle: wire.Middle, rounds: int) -> None:
    """So many rounds."""
    for _ in range(rounds):
        middle.round()


def test_whoever_is_in_the_middle_no_output_exceeds_its_permit() -> None:
    """Bent, old, made-up and endless answers, old frames said again: off in the end, and nothing held grows."""
    dice = random.Random(1)
    middle = wire.started(dice)
    held = held_bytes([middle.port], 6)
    bend(middle, ROUNDS)

    assert middle.faults > 50
    assert held_bytes([middle.port], 6) - held < wire.MAX_GROWTH


def test_a_peer_that_never_stops_talking_fills_no_memory() -> None:
    """What is read is parsed and thrown away."""
    flooded, grown_kb = wire.flood(0.5)

    assert flooded > 0
    assert grown_kb < wire.MAX_RSS_KB


def test_without_repeated_off_a_frame_said_again_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that finds nothing where something is wrong would prove nothing."""
    monkeypatch.setattr(port.Port, "_repeat_off", lambda *_anything: None)
    middle = wire.started(random.Random(5))  # of eight seeds the one that says a whole start again, in its ninth round
    with pytest.raises(Wrong, match="came on again"):
        bend(middle, 10 * ROUNDS)
