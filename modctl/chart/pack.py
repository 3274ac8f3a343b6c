"""Several files as one, and back: an uncompressed tar whose first member lists the others, with size and SHA-256.

Any tar takes it apart. This reader is stricter, since a file that is put back may come from anywhere:

Rule 1: plain files only, each header by itself: no links, no folders, no sparse files, no extended headers.
Rule 2: names, their order and their sizes are those of the manifest, and the manifest names only what may be there.
Rule 3: nothing is compressed, so nothing grows: what is written is less than what was given.
Rule 4: a member is written where nothing was, and counts when its bytes have the hash that was listed.
"""

import os
import tarfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, Literal

import msgspec

from modctl.chart.errors import ChartRefusedError, ChartWriteError
from modctl.chart.files import sync_folder

MANIFEST: Final = "manifest.json"
MAX_MANIFEST_BYTES: Final = 1 << 20  # chosen: 200 bytes a file; a site has some dozens
MAX_FILES: Final = 2_000  # chosen: as above
PRIVATE: Final = 0o600
OTHERS: Final = 0o077

_BLOCK: Final = tarfile.BLOCKSIZE
_CHUNK: Final = 1 << 20


class PackedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the pack, by its name inside the site."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="backup"):
    """What a pack says of itself. Nothing of it is believed but by the files: ``head`` is the chart's own last one."""

    v: Literal[1] = 1
    site: str
    origin: str
    made_at_utc: str
    entries: int
    head: str
    files: tuple[PackedFile, ...] = ()


def write_pack(target: Path, about: Manifest, files: Mapping[str, Path]) -> Manifest:
    """Write ``files`` (by their names inside) to ``target``, a new file that only its owner can read.

    ChartRefusedError when there is something already, or where the medium cannot keep others from reading;
    ChartWriteError when it cannot be finished. Then nothing is left behind.
    """
    descriptor = _reserved(target)
    try:
        with os.fdopen(descriptor, "wb") as out:
            listed = tuple(_listed(name, path) for name, path in files.items())
            manifest = msgspec.structs.replace(about, files=listed)
            _add(out, MANIFEST, msgspec.json.encode(manifest))
            for file in listed:
                _add_file(out, file, files[file.name])
            out.write(bytes(2 * _BLOCK))
            out.flush()
            os.fsync(descriptor)
        sync_folder(target.parent)
    except OSError as why:
        target.unlink()
        raise ChartWriteError(f"The backup could not be written to {target}: {why}") from why
    except ChartWriteError:
        target.unlink()
        raise
    return manifest


def unpack(source: Path, folder: Path, is_allowed: Callable[[str], bool]) -> Manifest:
    """Write what ``source`` holds into ``folder``, which is empty, and give its manifest. Names are as they are listed.

    ChartRefusedError for what is no pack, or not exactly what its manifest says; the folder may then hold a part.
    """
    try:
        with source.open("rb") as file:
            manifest = _manifest(file, source, is_allowed)
            for listed in manifest.files:
                _take(file, listed, folder, source)
            if file.read(_BLOCK).strip(b"\0"):
                raise _refused(source, "there is more in it than it lists")
    except OSError as why:
        raise ChartWriteError(f"{source} could not be taken apart: {why}") from why
    return manifest


def is_pack(first: bytes) -> bool:
    """Whether a file that begins so may be a pack."""
    return first.startswith(MANIFEST.encode() + b"\0")


def _reserved(target: Path) -> int:
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE)
    except FileExistsError as why:
        raise ChartRefusedError(f"There is something at {target}; a backup replaces nothing.") from why
    except OSError as why:
        raise ChartWriteError(f"Nothing can be written to {target}: {why}") from why
    if os.fstat(descriptor).st_mode & OTHERS:
        os.close(descriptor)
        target.unlink()
        raise ChartRefusedError(
            f"{target.parent} cannot keep others from reading what lies there; nothing was written."
        )
    return descriptor


def _listed(name: str, path: Path) -> PackedFile:
    with path.open("rb") as file:
        digest, size = sha256(), 0
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return PackedFile(name=name, bytes=size, sha256=digest.hexdigest())


def _add(out: BinaryIO, name: str, content: bytes) -> None:
    out.write(_header(name, len(content)))
    out.write(content)
    out.write(_padding(len(content)))


def _add_file(out: BinaryIO, listed: PackedFile, path: Path) -> None:
    digest, left = sha256(), listed.bytes
    out.write(_header(listed.name, listed.bytes))
    with path.open("rb") as file:
        while left and (chunk := file.read(min(_CHUNK, left))):
            digest.update(chunk)
            out.write(chunk)
            left -= len(chunk)
    if digest.hexdigest() != listed.sha256:
        raise ChartWriteError(f"{path} was changed while it was copied. Nothing was written; try again.")
    out.write(_padding(listed.bytes))


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, PRIVATE
    return info.tobuf(tarfile.GNU_FORMAT)  # sizes above 8 GiB in one block, as no other form has them


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _manifest(file: BinaryIO, source: Path, is_allowed: Callable[[str], bool]) -> Manifest:
    size = _member(file, MANIFEST, source)
    if size > MAX_MANIFEST_BYTES:
        raise _refused(source, f"its list has {size} bytes")
    try:
        manifest = msgspec.json.decode(_padded(file, size, source), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise _refused(source, f"its list does not parse ({why})") from why
    names = [listed.name for listed in manifest.files]
    strange = [name for name in names if not is_allowed(name)]
    if strange or len(set(names)) != len(names) or len(names) > MAX_FILES:
        raise _refused(source, f"it lists {strange[0]!r}" if strange else "it lists a file twice, or too many")
    if sum(listed.bytes for listed in manifest.files) > source.stat().st_size:
        raise _refused(source, "it lists more than it holds")
    return manifest


def _take(file: BinaryIO, listed: PackedFile, folder: Path, source: Path) -> None:
    """Write the next member, which must be the listed one."""
    if _member(file, listed.name, source) != listed.bytes:
        raise _refused(source, f"{listed.name} is not as long as it is listed")
    path = folder / PurePosixPath(listed.name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    digest, left = sha256(), listed.bytes
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE), "wb") as out:
        while left:
            chunk = file.read(min(_CHUNK, left))
            if not chunk:
                raise _refused(source, f"it ends within {listed.name}")
            digest.update(chunk)
            out.write(chunk)
            left -= len(chunk)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != listed.sha256:
        raise _refused(source, f"{listed.name} is not what was packed")
    _whole(file, len(_padding(listed.bytes)), source)


def _member(file: BinaryIO, name: str, source: Path) -> int:
    """The size of the next member, which must be a plain file of this name."""
    try:
        info = tarfile.TarInfo.frombuf(_whole(file, _BLOCK, source), "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as why:
        raise _refused(source, f"{name} should stand where no file begins ({why})") from why
    if info.name != name or info.type != tarfile.REGTYPE or info.size < 0:
        raise _refused(source, f"{name} should stand where there is {info.name!r} (type {info.type!r})")
    return info.size


def _padded(file: BinaryIO, size: int, source: Path) -> bytes:
    return _whole(file, size + len(_padding(size)), source)[:size]


def _whole(file: BinaryIO, size: int, source: Path) -> bytes:
    found = file.read(size)
    if len(found) != size:
        raise _refused(source, "it ends too early")
    return found


def _refused(source: Path, why: str) -> ChartRefusedError:
    return ChartRefusedError(f"{source} is no backup that modctl takes: {why}. Nothing was put back.")
