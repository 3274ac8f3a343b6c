"""What a power cut leaves on the disk, worked out from the log of ``shim.c``. Pure: bytes and choices in, files out.

Rule 1: what was synced is there; of what was not, anything may be: all, nothing, some writes, some sectors, or noise.
Rule 2: a write whose sync failed stays doubtful for ever; a later sync of the same file does not bring it back
        (Linux marks such pages clean; see "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
Rule 3: names are durable once their folder is synced, and otherwise in the order in which they were made (as every
        journaling file system keeps them).
"""

import random
import struct
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import PurePosixPath

import msgspec

HEAD = struct.Struct("=5Q")
SECTOR = 512  # the smallest unit that a disk writes whole


class Operation(msgspec.Struct, frozen=True):
    """One record of the log; the kinds stand in ``shim.c``."""

    kind: str
    path: str
    offset: int
    content: bytes
    call: int = 0  # which of all calls it was


class Loss(StrEnum):
    """What becomes of the writes that no sync covers."""

    NOTHING_KEPT = "nothing"
    ALL_KEPT = "all"
    WRITES = "writes"  # some of them, whole
    SECTORS = "sectors"  # some sectors of each
    NOISE = "noise"  # as above, and the others hold neither the old nor the new


def read_log(log: bytes) -> Iterator[Operation]:
    """The records in order."""
    at = 0
    while at < len(log):
        kind, offset, path_size, size, call = HEAD.unpack_from(log, at)
        at += HEAD.size
        path = log[at : at + path_size].decode()
        at += path_size
        yield Operation(chr(kind), path, offset, log[at : at + size], call)
        at += size


class _Change:
    """One write or truncation that may be lost."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.is_doubtful = False


class _File:
    """Content: what is durable, then what may be lost, in order."""

    def __init__(self) -> None:
        self.durable = bytearray()
        self.open: list[_Change] = []

    def sync(self) -> None:
        """All that is not doubtful is durable now. It is folded in as far as nothing doubtful stands before it."""
        settled = [change for change in self.open if not change.is_doubtful]
        if len(settled) == len(self.open):
            for change in settled:
                _apply(self.durable, change.operation)
            self.open = []
        else:
            self.open = [_Settled(change.operation) if not change.is_doubtful else change for change in self.open]

    def fail_sync(self) -> None:
        """Nobody knows any more what of it is there."""
        for change in self.open:
            if not isinstance(change, _Settled):
                change.is_doubtful = True

    def image(self, loss: Loss, dice: random.Random) -> bytes:
        """The content after a power cut."""
        content = bytearray(self.durable)
        for change in self.open:
            if isinstance(change, _Settled):
                _apply(content, change.operation)
            else:
                _maybe_apply(content, change.operation, loss, dice)
        return bytes(content)


class _Settled(_Change):
    """Durable, after something that is not."""


class Disk:
    """The folder's files, operation after operation."""

    def __init__(self) -> None:
        self._names: dict[str, _File] = {}
        self._durable_names: dict[str, _File] = {}
        self._folders: set[str] = set()
        self._open_names: list[Operation] = []
        self._made: dict[int, _File] = {}
        self.acknowledged = b""

    def apply(self, operation: Operation) -> None:
        """The next record."""
        path = operation.path.removesuffix(" (deleted)")
        if PurePosixPath(path).name == "acks":
            self.acknowledged += operation.content
            return
        match operation.kind:
            case "W" | "T":
                self._names.setdefault(path, _File()).open.append(_Change(operation))
            case "S" if path in self._names:
                self._names[path].sync()
            case "F" if path in self._names:
                self._names[path].fail_sync()
            case "S":
                self._sync_names()
            case "C" | "U" | "R" | "M":
                self._name(operation, self._names, is_live=True)
                self._open_names.append(operation)
            case _:
                pass

    def image(self, loss: Loss, dice: random.Random) -> dict[str, bytes | None]:
        """Every file (None: a folder) after a power cut at this moment."""
        names, kept = dict(self._durable_names), len(self._open_names)
        if loss is Loss.NOTHING_KEPT:
            kept = 0
        elif loss is not Loss.ALL_KEPT:
            kept = dice.randrange(kept + 1)
        folders = set(self._folders)
        for operation in self._open_names[:kept]:
            if operation.kind == "M":
                folders.add(operation.path)
            else:
                self._name(operation, names, is_live=False)
        found: dict[str, bytes | None] = dict.fromkeys(folders)
        return found | {path: file.image(loss, dice) for path, file in names.items()}

    @property
    def has_doubt(self) -> bool:
        """Whether a power cut now could lose anything."""
        return bool(self._open_names) or any(file.open for file in self._names.values())

    def _sync_names(self) -> None:
        for operation in self._open_names:
            if operation.kind == "M":
                self._folders.add(operation.path)
            else:
                self._name(operation, self._durable_names, is_live=False)
        self._open_names = []

    def _name(self, operation: Operation, names: dict[str, _File], *, is_live: bool) -> None:
        match operation.kind:
            case "C":
                if is_live:
                    self._made[id(operation)] = _File()
                names[operation.path] = self._made[id(operation)]
            case "U":
                names.pop(operation.path, None)
            case "R" if operation.path in names:
                names[operation.content.decode()] = names.pop(operation.path)
            case _:
                pass


def replay(log: bytes) -> Mapping[str, bytes | None]:
    """Every file as the program left it; for tests of the log itself."""
    disk = Disk()
    for operation in read_log(log):
        disk.apply(operation)
    return disk.image(Loss.ALL_KEPT, random.Random(0))


def _apply(content: bytearray, operation: Operation) -> None:
    if operation.kind == "T":
        del content[operation.offset :]
        content.extend(bytes(operation.offset - len(content)))
        return
    _put(content, operation.offset, operation.content)


def _put(content: bytearray, offset: int, piece: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(piece)] = piece


def _maybe_apply(content: bytearray, operation: Operation, loss: Loss, dice: random.Random) -> None:
    if loss is Loss.NOTHING_KEPT:
        return
    if loss is Loss.ALL_KEPT or ((loss is Loss.WRITES or operation.kind == "T") and dice.random() < 0.5):
        _apply(content, operation)
        return
    if loss is Loss.WRITES or operation.kind == "T":
        return
    for offset, piece in _sectors(operation):
        if dice.random() < 0.5:
            _put(content, offset, piece)
        elif loss is Loss.NOISE:
            _put(content, offset, dice.randbytes(len(piece)))


def _sectors(operation: Operation) -> Iterator[tuple[int, bytes]]:
    at, end = operation.offset, operation.offset + len(operation.content)
    while at < end:
        upto = min(end, (at // SECTOR + 1) * SECTOR)
        yield at, operation.content[at - operation.offset : upto - operation.offset]
        at = upto
