"""Packs: what was put in comes out, and a file that somebody made to harm is refused before it does."""

import io
import os
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modctl.chart.errors import ChartRefusedError, ChartWriteError
from modctl.chart.pack import MANIFEST, Manifest, PackedFile, unpack, write_pack

ABOUT = Manifest(
    site="Clinic A", origin="modctl.chart/a/0", made_at_utc="2026-03-02T08:00:00.000Z", entries=1, head="h"
)
ALLOWED = {"a", "keys/b"}
Members = list[tuple[tarfile.TarInfo, bytes]]


def listed(name: str, content: bytes) -> PackedFile:
    """As a manifest lists it."""
    return PackedFile(name=name, bytes=len(content), sha256=sha256(content).hexdigest())


def members(*files: PackedFile, contents: tuple[bytes, ...]) -> Members:
    """A manifest, and the files that it lists with these contents."""
    manifest = msgspec.json.encode(msgspec.structs.replace(ABOUT, files=files))
    names = (MANIFEST, *(file.name for file in files))
    return [(tarfile.TarInfo(name), content) for name, content in zip(names, (manifest, *contents), strict=True)]


def sound() -> Members:
    """What this program would write."""
    return members(listed("a", b"one"), listed("keys/b", b"two"), contents=(b"one", b"two"))


def written(path: Path, content: Members) -> Path:
    """The tar of these members, as any program for tars writes it."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as out:
        for info, data in content:
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path


def taken_apart(source: Path, folder: Path) -> Manifest:
    """Into a folder of its own."""
    folder.mkdir()
    return unpack(source, folder, ALLOWED.__contains__)


def test_what_was_packed_comes_out(tmp_path: Path) -> None:
    """Byte for byte, private, and only for its owner."""
    (tmp_path / "one").write_bytes(b"1" * 1_000_000)
    (tmp_path / "two").write_bytes(b"")
    write_pack(tmp_path / "p.tar", ABOUT, {"a": tmp_path / "one", "keys/b": tmp_path / "two"})
    manifest = taken_apart(tmp_path / "p.tar", tmp_path / "out")

    assert b"1" * 1_000_000 == (tmp_path / "out" / "a").read_bytes()
    assert b"" == (tmp_path / "out" / "keys" / "b").read_bytes()
    assert (["a", "keys/b"], "Clinic A") == ([file.name for file in manifest.files], manifest.site)
    assert {0o600} == {path.stat().st_mode & 0o777 for path in (tmp_path / "p.tar", tmp_path / "out" / "a")}


def test_another_programs_tar_of_the_same_files_is_taken(tmp_path: Path) -> None:
    """Strict, but not to its own bytes alone: a site may have had to pack it again by hand."""
    assert 2 == len(taken_apart(written(tmp_path / "p.tar", sound()), tmp_path / "out").files)


def retyped(kind: bytes, link: str = "") -> Callable[[], Members]:
    """The last member as something else than a file."""

    def made() -> Members:
        content = sound()
        content[2][0].type, content[2][0].linkname = kind, link
        return content

    return made


STRANGE = "it lists"
ORDER = "should stand where there is"
HOSTILE: dict[str, tuple[str, Callable[[], Members]]] = {
    "name outside": (STRANGE, lambda: members(listed("../a", b"x"), contents=(b"x",))),
    "absolute name": (STRANGE, lambda: members(listed("/etc/passwd", b"x"), contents=(b"x",))),
    "name of nothing of a site": (STRANGE, lambda: members(listed("c", b"x"), contents=(b"x",))),
    "listed twice": ("twice", lambda: members(listed("a", b"x"), listed("a", b"x"), contents=(b"x", b"x"))),
    "other content": ("not what was packed", lambda: members(listed("a", b"one"), contents=(b"two",))),
    "longer than listed": ("not as long", lambda: members(listed("a", b"one"), contents=(b"ones",))),
    "shorter than listed": ("not as long", lambda: members(listed("a", b"one"), contents=(b"on",))),
    "negative size": ("not as long", lambda: members(PackedFile(name="a", bytes=-1, sha256=""), contents=(b"",))),
    "more than it has": (
        "more than it holds",
        lambda: members(PackedFile(name="a", bytes=1 << 60, sha256=""), contents=(b"",)),
    ),
    "not listed": ("more in it than it lists", lambda: [*sound(), (tarfile.TarInfo("c"), b"x")]),
    "other order": (ORDER, lambda: [sound()[0], sound()[2], sound()[1]]),
    "one missing": ("no file begins", lambda: sound()[:2]),
    "no list": (ORDER, lambda: sound()[1:]),
    "list that does not parse": ("does not parse", lambda: [(tarfile.TarInfo(MANIFEST), b"[" * 100_000)]),
    "endless list": ("its list has", lambda: [(tarfile.TarInfo(MANIFEST), bytes(2 << 20))]),
    "symbolic link": (ORDER, retyped(tarfile.SYMTYPE, "/etc/passwd")),
    "hard link": (ORDER, retyped(tarfile.LNKTYPE, "a")),
    "device": (ORDER, retyped(tarfile.CHRTYPE)),
    "folder": (ORDER, retyped(tarfile.DIRTYPE)),
    "sparse file": (ORDER, retyped(tarfile.GNUTYPE_SPARSE)),
    "extended header": (ORDER, retyped(tarfile.XHDTYPE)),
    "long name": (ORDER, lambda: [*sound()[:2], (tarfile.TarInfo("keys/" + "b" * 300), b"two")]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pack_is_refused_and_writes_nothing_outside(tmp_path: Path, name: str) -> None:
    """It comes from a medium that lay about."""
    why, made = HOSTILE[name]
    source = written(tmp_path / "p.tar", made())
    with pytest.raises(ChartRefusedError, match=why):
        taken_apart(source, tmp_path / "out")

    assert {"p.tar", "out"} == {path.name for path in tmp_path.iterdir()}
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_symlink()]


def test_nothing_that_is_there_is_followed_or_replaced(tmp_path: Path) -> None:
    """A link where a file will be written."""
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "victim")
    with pytest.raises(ChartWriteError):
        unpack(written(tmp_path / "p.tar", sound()), tmp_path / "out", ALLOWED.__contains__)

    assert "mine" == (tmp_path / "victim").read_text()


def test_a_pack_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    """A stick that was pulled; what is missing may be nothing but the padding at the end."""
    whole = written(tmp_path / "p.tar", sound()).read_bytes()
    for kept in range(0, 6 * 512, 128):
        (tmp_path / "cut.tar").write_bytes(whole[:kept])
        with pytest.raises(ChartRefusedError):
            taken_apart(tmp_path / "cut.tar", tmp_path / f"out-{kept}")


@given(st.binary(max_size=2_048), st.integers(0, 2_047))
def test_any_bytes_are_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    """Fuzzed headers raise one error."""
    folder = tmp_path_factory.mktemp("noise")
    whole = written(folder / "p.tar", sound()).read_bytes()
    (folder / "p.tar").write_bytes(whole[:at] + noise + whole[at + len(noise) :] if noise else b"")
    try:
        taken_apart(folder / "p.tar", folder / "out")
    except ChartRefusedError:
        return

    assert b"one" == (folder / "out" / "a").read_bytes()


def test_a_medium_without_modes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stick that everybody can read must not get the key. The file system is stood in for by the call that opens."""
    opened = os.open

    def open_to_all(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = opened(path, flags, mode)
        os.fchmod(descriptor, 0o755)
        return descriptor

    (tmp_path / "one").write_bytes(b"1")
    monkeypatch.setattr("modctl.chart.pack.os.open", open_to_all)
    with pytest.raises(ChartRefusedError, match="cannot keep others from reading"):
        write_pack(tmp_path / "p.tar", ABOUT, {"a": tmp_path / "one"})

    assert not (tmp_path / "p.tar").exists()


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """Half a backup is worse than none."""
    with pytest.raises(ChartWriteError):
        write_pack(tmp_path / "p.tar", ABOUT, {"a": tmp_path / "not there"})

    assert not (tmp_path / "p.tar").exists()
