"""Signed heads outside the site's folder: one file for each head, never replaced, so that a fork cannot hide.

A folder may hold the heads of several charts. What it is worth depends on who can write there: a folder of another
machine, another person or a medium that only takes new files shows what a folder beside the chart cannot.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from modctl.chart.files import write_new

_SUFFIX: Final = ".checkpoint"
_MODE: Final = 0o644


class Head(msgspec.Struct, frozen=True):
    """A signed checkpoint: ``note`` says that the first ``size`` entries have ``root``."""

    origin: str
    size: int
    root: bytes
    note: bytes


class AnchorFailure(msgspec.Struct, frozen=True):
    """A folder that did not take a head, and why. The chart is not worse for it, only less anchored."""

    folder: Path
    why: str


def push_head(head: Head, folders: Sequence[Path]) -> tuple[AnchorFailure, ...]:
    """Write a head to every folder and say where it failed. It may wait as long as the slowest folder does.

    A folder that already holds another head of the same size is a failure that matters: two charts go by one name.
    """
    return tuple(failure for folder in folders if (failure := _push(head, folder)) is not None)


def heads_in(folder: Path, origin: str) -> tuple[bytes, ...]:
    """The notes that a folder holds of one chart, the smallest first. OSError when it cannot be read."""
    pattern = re.compile(re.escape(_stem(origin)) + r"\.([0-9]+)" + re.escape(_SUFFIX))
    found = [(int(match[1]), path) for path in folder.iterdir() if (match := pattern.fullmatch(path.name))]
    return tuple(path.read_bytes() for _, path in sorted(found))


def _push(head: Head, folder: Path) -> AnchorFailure | None:
    path = folder / f"{_stem(head.origin)}.{head.size}{_SUFFIX}"
    try:
        if path.exists():
            found = path.read_bytes()
            if found == head.note:
                return None
            if not head.note.startswith(found):
                return AnchorFailure(folder, f"{path.name} is there and says something else: the chart is forked")
            path.unlink()  # a power cut left the first part of this very note
        write_new(path, head.note, _MODE)
    except OSError as why:
        return AnchorFailure(folder, str(why))
    return None


def _stem(origin: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "_", origin)
