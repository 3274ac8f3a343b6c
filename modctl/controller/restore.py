"""Putting a backup back: beside the site first, whole and declared, then in its place in one step.

Rule 1: the site stands still meanwhile: we hold its lock, or there is nothing in its folder.
Rule 2: nothing is believed of a backup: it is taken apart strictly, verified, and held against every head known here.
Rule 3: what is put back says of itself that it was, and by whom, and goes on under a key that no backup holds.
Rule 4: nobody knows what the units did since: each is out of use until a person has looked at it.
Rule 5: one rename puts it in place. Killed before, the old site is there; killed after, the new one; never half of one.
"""

import contextlib
import ctypes
import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from modctl.chart.anchor import heads_in
from modctl.chart.errors import ChartRefusedError, NoteError
from modctl.chart.files import sync_folder
from modctl.chart.keys import GENESIS_VKEY, KeyFolder
from modctl.chart.note import parse_checkpoint, parse_note
from modctl.chart.pack import Manifest, unpack
from modctl.chart.reader import ChartReader
from modctl.chart.store import CHART_MODE, ChartStore
from modctl.chart.verify import ChartVerdict, Judgement, Progress, verify_file
from modctl.clock import Stamp
from modctl.config import Layout, SiteConfig, load_site
from modctl.controller.backup import FIRST_PINS, KEY, ONE_OF_A_KIND, is_of_a_site
from modctl.errors import ModctlError, RefusedError, UnreachableError
from modctl.records import ChartRestored, Draft, UnitLatched
from modctl.service_records import UnitHeld

LATCH: Final = "chart_restored"
FROM_CHART: Final = "chart"
NEEDED: Final = ONE_OF_A_KIND - {"bench.toml"}
PRIVATE: Final = 0o700

_AT_FDCWD: Final = -100  # Linux, fcntl.h
_RENAME_EXCHANGE: Final = 2  # Linux, renameat2(2)


class KnownHead(msgspec.Struct, frozen=True, kw_only=True):
    """A head of this chart that is known here. ``where``: the chart in place, or an anchor's folder."""

    size: int
    root: bytes
    note: bytes
    where: str


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """What is known here and not in the backup. ``sessions`` None: nobody can tell, the chart in place is not sound."""

    head: KnownHead | None
    entries: int
    sessions: tuple[str, ...] | None
    held: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]  # what could not be compared, in sentences


class Staged(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that was taken apart beside the site, and what it was found to be."""

    root: Path
    folder: Path
    manifest: Manifest
    site: SiteConfig
    verdict: ChartVerdict
    lost: Lost


@contextlib.contextmanager
def staged(source: Path, root: Path, name: str, progress: Progress | None = None) -> Iterator[Staged]:
    """Take a backup apart into ``name`` beside ``root`` and judge it; what was not put in place is removed again.

    ChartRefusedError for what is no backup, or one of another chart; UnreachableError where nothing can be written.
    """
    folder = root.parent / name
    try:
        folder.mkdir(mode=PRIVATE, parents=True)
    except OSError as why:
        raise UnreachableError(f"{folder} cannot be made, so nothing was put back: {why.strerror}.") from why
    made = folder.stat().st_ino
    try:
        manifest = unpack(source, folder, is_of_a_site)
        site = _laid_out(source, folder, manifest)
        verdict, lost = _judged(Layout(root), Layout(folder), site, manifest, progress)
        yield Staged(root=root, folder=folder, manifest=manifest, site=site, verdict=verdict, lost=lost)
    finally:
        with contextlib.suppress(OSError):
            if folder.stat().st_ino == made:  # else it is the old site by now
                shutil.rmtree(folder)


def declare(backup: Staged, reason: str, actor: str, stamp: Stamp) -> None:
    """Continue the chart that was taken apart: the restore, a new key at once, every unit out of use."""
    layout, lost = Layout(backup.folder), backup.lost
    restored = ChartRestored(
        reason=reason,
        entries=backup.verdict.entries,
        root=backup.verdict.root,
        lost_size=None if lost.head is None else lost.head.size,
        lost_root=None if lost.head is None else lost.head.root.hex(),
        lost_known_from="" if lost.head is None else lost.head.where,
    )
    store = ChartStore.open(layout.chart, KeyFolder(layout.keys))
    try:
        held = dict(ChartReader(store.connection).held_units())
        store.append([(Draft(data=restored, actor=actor), stamp)])
        store.rotate(stamp)
        closed = [Draft(data=UnitLatched(unit=unit.name, reason=LATCH, output="unknown")) for unit in backup.site.units]
        closed += [Draft(data=UnitHeld(unit=unit, reason=why)) for unit, why in lost.held if unit not in held]
        if closed:
            store.append([(draft, stamp) for draft in closed])
        store.checkpoint()
    finally:
        store.close()


def put_in_place(backup: Staged) -> bool:
    """Exchange the two folders in one step. True: what was in place now lies where the backup was taken apart."""
    root, folder = backup.root, backup.folder
    _give_to_owner_of(root if root.is_dir() else root.parent, folder)
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync_folder(path)
    was_there = root.is_dir() and any(root.iterdir())
    try:
        if was_there:
            _exchange(folder, root)
        else:
            folder.rename(root)
    except OSError as why:
        raise UnreachableError(
            f"The restored site could not be put in place of {root}: {os.strerror(why.errno or 0)}. Nothing was "
            "changed. The site's folder must be one that can be renamed, not a mount point."
        ) from why
    sync_folder(root.parent)
    return was_there


def _laid_out(source: Path, folder: Path, manifest: Manifest) -> SiteConfig:
    """Everything that a site has, with the modes that it has; the site's own file, which must load."""
    names = {file.name for file in manifest.files}
    keys = [name for name in names if KEY.fullmatch(name)]
    if not names >= NEEDED or len(keys) != 1:
        missing = ", ".join(sorted(NEEDED - names)) or f"one key ({len(keys)} are there)"
        raise ChartRefusedError(f"{source} is no whole backup: it lacks {missing}. Nothing was put back.")
    layout = Layout(folder)
    for made in (layout.keys, layout.presets, layout.run, layout.bench_links):
        made.mkdir(mode=PRIVATE, exist_ok=True)
    layout.chart.chmod(CHART_MODE)
    for name in names - {"chart.db", "people.db", FIRST_PINS, *keys}:
        (folder / name).chmod(0o644)
    return load_site(folder)


def _judged(
    here: Layout, layout: Layout, site: SiteConfig, manifest: Manifest, progress: Progress | None
) -> tuple[ChartVerdict, Lost]:
    """Verify what was taken apart against every head that it must hold, and find what it does not reach."""
    alone = verify_file(layout.chart, progress=progress)
    reader = ChartReader.open(layout.chart)
    origin, head = reader.genesis().origin, reader.last_head() or b""
    reader.close()
    notes: list[str] = []
    in_place = _in_place(here, origin, notes, progress)
    known = [*(in_place.heads if in_place else ()), *_anchored(_folders(here, site), origin, notes)]
    must = [head.note for head in known if head.size <= alone.entries]
    key = here.keys / GENESIS_VKEY
    first = key.read_text(encoding="utf-8") if key.is_file() else None
    verdict = verify_file(layout.chart, must, first, progress)
    if (origin, alone.entries, head.decode()) != (manifest.origin, manifest.entries, manifest.head):
        raise ChartRefusedError("The backup's list tells of another chart than it holds. Nothing was put back.")
    if verdict.verdict is not Judgement.BROKEN:  # its key is the one that continues it; nothing is written by opening
        ChartStore.open(layout.chart, KeyFolder(layout.keys)).close()
    beyond = max((head for head in known if head.size > alone.entries), key=lambda head: head.size, default=None)
    reach = max(beyond.size if beyond else 0, in_place.entries if in_place else 0, alone.entries)
    sessions = tuple(name for name, seq in in_place.sessions if seq > alone.entries) if in_place else None
    return verdict, Lost(
        head=beyond,
        entries=reach - alone.entries,
        sessions=sessions,
        held=in_place.held if in_place else (),
        notes=tuple(notes),
    )


class _InPlace(msgspec.Struct, frozen=True, kw_only=True):
    """What the chart in place knows."""

    entries: int
    heads: tuple[KnownHead, ...]
    sessions: tuple[tuple[str, int], ...]
    held: tuple[tuple[str, str], ...]


def _in_place(here: Layout, origin: str, notes: list[str], progress: Progress | None) -> _InPlace | None:
    """None where there is no chart, or none that is sound: a note then says so. RefusedError for another chart."""
    if not here.chart.exists():
        return None
    try:
        verdict = verify_file(here.chart, progress=progress)
        reader = ChartReader.open(here.chart)
    except ModctlError as why:
        notes.append(f"The chart in place cannot be read, so what is lost of it is not known: {why}")
        return None
    try:
        if verdict.verdict is Judgement.BROKEN:
            told = verdict.findings[0].text
            notes.append(f"The chart in place is broken, so what is lost of it is not known: {told}")
            return None
        if reader.genesis().origin != origin:
            raise RefusedError(f"{here.root} holds another chart than the backup; nothing was put back.")
        return _InPlace(
            entries=verdict.entries,
            heads=tuple(_known(note, FROM_CHART) for note in reader.heads()),
            sessions=tuple((row.session, row.seq) for row in reader.sessions()),
            held=reader.held_units(),
        )
    finally:
        reader.close()


def _folders(here: Layout, site: SiteConfig) -> Sequence[str]:
    """The anchors of the site in place and of the backup."""
    found = list(site.site.anchors)
    with contextlib.suppress(ModctlError):
        found += [anchor for anchor in load_site(here.root).site.anchors if anchor not in found]
    return found


def _anchored(folders: Sequence[str], origin: str, notes: list[str]) -> Iterator[KnownHead]:
    for folder in folders:
        try:
            found = heads_in(Path(folder), origin)
        except OSError as why:
            notes.append(f"The anchor {folder} cannot be read ({why.strerror}); its heads are not compared.")
            continue
        for note in found:
            try:
                yield _known(note, folder)
            except NoteError as why:
                notes.append(f"The anchor {folder} holds a head that does not parse: {why}.")


def _known(note: bytes, where: str) -> KnownHead:
    checkpoint = parse_checkpoint(parse_note(note).text)
    return KnownHead(size=checkpoint.size, root=checkpoint.root, note=note, where=where)


def _give_to_owner_of(model: Path, folder: Path) -> None:
    """Put back as root, a site is still its controller's."""
    if os.geteuid() != 0:
        return
    owner = model.stat()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _exchange(one: Path, other: Path) -> None:
    """Two folders take each other's names: at no moment is either missing. OSError where the system cannot."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
