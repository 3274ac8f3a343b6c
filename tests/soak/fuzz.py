"""Parsers against bytes that nobody meant: each raises what it promises alone, and holds no more than it may.

Seeded mutation of real traffic and files (``fuzz_input``), in this process. A finding names the input in hexadecimal,
so that it can be tried again.
"""

import random
import time
import traceback

import msgspec

from tests.soak.fuzz_input import Bender
from tests.soak.fuzz_targets import TARGETS, Parser, Target, held_bytes
from tests.soak.report import Line

BATCH = 200  # chosen: a look at the clock costs more than an input
HELD_EVERY = 16  # chosen: looking at what is held costs more than an input, and what grows goes on growing
MAX_FINDINGS = 20
SHOWN_BYTES = 400


class Tried(msgspec.Struct):
    """One parser's count, and what was found."""

    name: str
    inputs: int = 0
    finding: str | None = None


def run(seconds: float, seed: int) -> Line:
    """All parsers in turn, each as long as every other."""
    tried = [try_target(target, seconds / len(TARGETS), seed) for target in TARGETS]
    reached = {one.name: one.inputs for one in tried}
    total = {"parsers": len(tried), "inputs": sum(reached.values()), "fewest inputs": min(reached.values())}
    found = tuple(one.finding for one in tried if one.finding is not None)
    return Line(family="fuzz", seed=seed, reached=total | reached, findings=found[:MAX_FINDINGS])


def try_target(target: Target, seconds: float, seed: int) -> Tried:
    """One parser, until its time is over or it was wrong once; one batch at least."""
    dice = random.Random(f"{seed} {target.name}")
    bender = Bender(target.corpus(), dice)
    parser = target.make(dice)
    tried = Tried(target.name)
    until = time.monotonic() + seconds
    while True:
        _batch(target, parser, bender, tried)
        if tried.finding is not None or time.monotonic() >= until:
            return tried


def _batch(target: Target, parser: Parser, bender: Bender, tried: Tried) -> None:
    for _ in range(BATCH):
        given = bender.next()
        tried.inputs += 1
        try:
            parser.take(given)
        except target.promised:
            pass
        except Exception as why:  # noqa: BLE001 - whatever it is, it was not promised
            tried.finding = f"{target.name}, input {tried.inputs}: {_told(why, given)}"
            return
        if target.most_bytes is not None and tried.inputs % HELD_EVERY == 0:
            held = held_bytes(parser.holds)
            if held > target.most_bytes:
                tried.finding = f"{target.name}, input {tried.inputs}: holds {held} bytes of {target.most_bytes}"
                return


def _told(why: Exception, given: bytes) -> str:
    last = traceback.extract_tb(why.__traceback__)[-1]
    where = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
    return f"{type(why).__name__}: {why} at {where}, given {given[:SHOWN_BYTES].hex()} ({len(given)} bytes)"
