"""Signing keys on disk: one for each epoch, private, and gone when its epoch is."""

import resource
from pathlib import Path

import pytest

from modctl.chart.errors import KeysError
from modctl.chart.keys import GENESIS_VKEY, KeyFolder
from modctl.chart.note import SigningKey, parse_vkey

KEY = SigningKey("modctl.chart/test/00000000", bytes(range(32)))


def test_a_key_is_read_back_and_is_nobody_elses(tmp_path: Path) -> None:
    """Whoever reads the key can sign as the site."""
    keys = KeyFolder(tmp_path / "keys")
    keys.keep(1, KEY)

    assert KEY == keys.load(1)
    assert 0o700 == (tmp_path / "keys").stat().st_mode & 0o777
    assert 0o600 == (tmp_path / "keys" / "epoch-1.key").stat().st_mode & 0o777


def test_an_erased_key_is_nowhere_in_the_folder(tmp_path: Path) -> None:
    """What it signed can then be made by nobody again."""
    keys = KeyFolder(tmp_path)
    keys.keep(1, KEY)
    keys.erase(1)

    assert [] == list(tmp_path.iterdir())


def test_the_bytes_are_overwritten_before_the_name_goes(tmp_path: Path) -> None:
    """A second name of the same file shows what stays on the disk."""
    keys = KeyFolder(tmp_path)
    keys.keep(1, KEY)
    (tmp_path / "held").hardlink_to(tmp_path / "epoch-1.key")
    length = (tmp_path / "held").stat().st_size
    keys.erase(1)

    assert bytes(length) == (tmp_path / "held").read_bytes()


def test_erasing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    """A crash may have come between the erasing and its note."""
    KeyFolder(tmp_path).erase(7)

    assert [] == list(tmp_path.iterdir())


def test_only_the_key_in_force_survives_a_clean_up(tmp_path: Path) -> None:
    """A rotation that was interrupted leaves a key too many, never one too few."""
    keys = KeyFolder(tmp_path)
    for epoch in (1, 2, 3):
        keys.keep(epoch, KEY)
    keys.erase_all_but(2)

    assert (2,) == keys.epochs()


def test_a_key_is_never_written_over_another(tmp_path: Path) -> None:
    """It could be the only one that continues the chart."""
    keys = KeyFolder(tmp_path)
    keys.keep(1, KEY)
    with pytest.raises(KeysError, match="epoch 1 cannot be written"):
        keys.keep(1, SigningKey(KEY.name, bytes(32)))

    assert KEY == keys.load(1)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """It may have been copied; the chart's next heads would prove nothing."""
    keys = KeyFolder(tmp_path)
    keys.keep(1, KEY)
    (tmp_path / "epoch-1.key").chmod(0o640)

    with pytest.raises(KeysError, match="can be read by others"):
        keys.load(1)


def test_a_missing_key_names_those_that_are_there(tmp_path: Path) -> None:
    """A chart from a backup beside newer keys is the usual cause, and the message leads there."""
    keys = KeyFolder(tmp_path)
    keys.keep(7, KEY)

    with pytest.raises(KeysError, match=r"in epoch 5.*epochs with a key here: 7.*put back from a copy"):
        keys.load(5)


def test_a_broken_key_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    """The message goes to a screen."""
    keys = KeyFolder(tmp_path)
    keys.keep(1, KEY)
    path = tmp_path / "epoch-1.key"
    path.write_text(path.read_text().replace("+", "", 1))

    with pytest.raises(KeysError) as refused:
        keys.load(1)
    assert KEY.private_text()[-20:] not in str(refused.value)


def test_the_first_public_key_is_left_for_the_auditor(tmp_path: Path) -> None:
    """It is what an outsider can compare a chart's beginning with."""
    keys = KeyFolder(tmp_path)
    keys.keep_genesis(KEY.verifier)

    assert KEY.verifier == parse_vkey((tmp_path / GENESIS_VKEY).read_text())


def test_a_folder_that_cannot_be_made_is_a_keys_error(tmp_path: Path) -> None:
    """The site's owner gets a sentence."""
    (tmp_path / "keys").write_text("a file")
    keys = KeyFolder(tmp_path / "keys")

    with pytest.raises(KeysError, match="cannot be written"):
        keys.keep(1, KEY)
    with pytest.raises(KeysError, match="cannot be written"):
        keys.keep_genesis(KEY.verifier)
    assert () == keys.epochs()
    with pytest.raises(KeysError, match="cannot be erased"):
        keys.erase(1)


def test_a_key_that_does_not_fit_on_the_disk_leaves_no_half_key(tmp_path: Path) -> None:
    """The next try would otherwise refuse to write over it."""
    keys = KeyFolder(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(KeysError, match="cannot be written"):
            keys.keep(1, KEY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert () == keys.epochs()
    keys.keep(1, KEY)

    assert KEY == keys.load(1)


def test_entropy_is_taken_from_where_it_was_said(tmp_path: Path) -> None:
    """A simulated run repeats byte for byte, its keys included."""
    assert b"\x07" * 32 == KeyFolder(tmp_path, lambda count: b"\x07" * count).seed()
    assert KeyFolder(tmp_path).seed() != KeyFolder(tmp_path).seed()
