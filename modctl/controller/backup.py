"""A backup of a site: everything that it needs to go on after its disk is gone, as one file.

Rule 1: the chart's copy and the key that continues it belong together: of one epoch, or the copy is made again.
Rule 2: people.db is copied after the chart: the words behind every commitment in the copied chart are in it.
Rule 3: it holds the signing key in force and who the patients are. Nothing else that modctl writes holds both.
"""

import re
import tempfile
from pathlib import Path
from typing import Final

from modctl.chart.errors import ChartRefusedError, ChartWriteError, KeysError
from modctl.chart.export import vacuum_into
from modctl.chart.keys import GENESIS_VKEY, KeyFolder
from modctl.chart.note import SigningKey
from modctl.chart.pack import Manifest, write_pack
from modctl.chart.reader import ChartReader
from modctl.chart.sqlite import Connection, open_reader
from modctl.config import Layout

TRIES: Final = 3  # chosen: a key changes once a session; three ends within three copies are not chance
ONE_OF_A_KIND: Final = frozenset({"site.toml", "bench.toml", "chart.db", "people.db", f"keys/{GENESIS_VKEY}"})
FIRST_PINS: Final = "keys/first-pins.txt"
PRESET: Final = re.compile(r"presets/[A-Za-z0-9][A-Za-z0-9._-]{0,79}\.toml")
KEY: Final = re.compile(r"keys/epoch-[1-9][0-9]{0,17}\.key")

WARNING: Final = (
    "It holds the key that signs this chart now, and who the patients are: keep it encrypted or locked away, apart "
    "from this machine and from the anchors. Whoever has it can sign in this site's name until the next session's end."
)


def is_of_a_site(name: str) -> bool:
    """Whether a backup may hold a file of this name."""
    return name in ONE_OF_A_KIND or name == FIRST_PINS or bool(PRESET.fullmatch(name) or KEY.fullmatch(name))


def write_backup(layout: Layout, connection: Connection, target: Path, now_utc: str) -> Manifest:
    """Write the site as it is now to ``target``, a new file of mode 600. ``connection`` reads its chart.

    Refuses and fails as ``write_pack`` does; ChartRefusedError too for a preset whose name no backup takes.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".modctl-backup-", dir=target.parent) as made:
            folder = Path(made)
            key = _copy_chart_with_its_key(layout, connection, folder)
            _copy_people(layout, folder)
            about = _about(folder / "chart.db", now_utc)
            files = _files(layout) | {"chart.db": folder / "chart.db", "people.db": folder / "people.db"}
            return write_pack(target, about, files | {f"keys/{key.name}": key})
    except OSError as why:
        raise ChartWriteError(f"The backup could not be written to {target}: {why}") from why


def _copy_chart_with_its_key(layout: Layout, connection: Connection, folder: Path) -> Path:
    """Copy both, and give the key's copy. The key is read first: afterwards its epoch may be over and it gone."""
    keys = KeyFolder(layout.keys)
    for _ in range(TRIES):
        held = {epoch: key for epoch in keys.epochs() if (key := _key_if_there(keys, epoch)) is not None}
        copy = folder / "chart.db"
        vacuum_into(connection, copy)
        reader = ChartReader.open(copy)
        epoch = reader.epoch()
        reader.close()
        if epoch in held:
            kept = KeyFolder(folder)
            kept.keep(epoch, held[epoch])
            return kept.file(epoch)
        copy.unlink()
    raise ChartWriteError(
        "Sessions ended while the chart was copied, each with a new key. Nothing was written; try again."
    )


def _key_if_there(keys: KeyFolder, epoch: int) -> SigningKey | None:
    """None for one whose epoch ended since it was listed."""
    try:
        return keys.load(epoch)
    except KeysError:
        if keys.file(epoch).exists():
            raise
        return None


def _copy_people(layout: Layout, folder: Path) -> None:
    connection = open_reader(layout.people)
    try:
        vacuum_into(connection, folder / "people.db")
    finally:
        connection.close()


def _about(chart: Path, now_utc: str) -> Manifest:
    reader = ChartReader.open(chart)
    try:
        genesis, last, head = reader.genesis(), reader.last_entry(), reader.last_head()
    finally:
        reader.close()
    return Manifest(
        site=genesis.site,
        origin=genesis.origin,
        made_at_utc=now_utc,
        entries=0 if last is None else last.seq,
        head="" if head is None else head.decode(),
    )


def _files(layout: Layout) -> dict[str, Path]:
    """What is copied as it lies there."""
    fixed = (layout.site_toml, layout.bench_toml, layout.keys / GENESIS_VKEY, layout.first_pins)
    found = [path for path in (*fixed, *sorted(layout.presets.glob("*.toml"))) if path.is_file()]
    files = {path.relative_to(layout.root).as_posix(): path for path in found}
    strange = [name for name in files if not is_of_a_site(name)]
    if strange:
        raise ChartRefusedError(f"No backup takes {strange[0]}: letters, digits, . _ and - in its name. Rename it.")
    return files
