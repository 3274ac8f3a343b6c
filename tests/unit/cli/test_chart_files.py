"""What ``modctl chart`` writes to files and puts back, without a controller: receipts, backups, restores."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from modctl.chart.pack import MANIFEST, Manifest, write_pack
from modctl.chart.reader import ChartReader, record_as
from modctl.cli.common import Context
from modctl.cli.laying import lay_down
from modctl.cli.main import cli
from modctl.config import load_site
from modctl.records import ChartExported, Draft
from modctl.service_records import UnitHeld
from tests.tamper.forger import Forger
from tests.unit.chart.charts import open_chart, run_session, stamp


@pytest.fixture(scope="session")
def treated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated site with two sessions in its chart; not to be changed."""
    root = tmp_path_factory.mktemp("treated") / "site"
    lay_down(root, simulated=True)
    store = open_chart(root)
    run_session(store, "s-1", second=10)
    run_session(store, "s-2", second=20)
    store.close()
    return root


@pytest.fixture
def site(treated: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    subprocess.run(["cp", "-a", str(treated), str(tmp_path / "site")], check=True)
    return tmp_path / "site"


def run(site: Path, *arguments: str, env: dict[str, str] | None = None) -> Result:
    """One command, as the program runs it without a terminal."""
    return CliRunner(catch_exceptions=False).invoke(cli, arguments, obj=Context(site=site, plain=True), env=env)


def exported(site: Path) -> list[str]:
    """The purposes for which something left, the newest first."""
    reader = ChartReader.open(site / "chart.db")
    found = [record_as(entry, ChartExported).purpose for entry in reader.entries_of_kind("chart.exported")]
    reader.close()
    return found


def test_a_receipt_is_written_charted_and_verified_elsewhere(site: Path, tmp_path: Path) -> None:
    """The last session by default; who verifies it has no site."""
    target, vkey = tmp_path / "r.json", (site / "keys" / "genesis.vkey").read_text().strip()
    taken = run(site, "chart", "receipt", "--out", str(target), "--purpose", "the patient asked")
    alone = run(tmp_path / "nowhere", "chart", "verify", str(target), "--json")
    required = run(tmp_path / "nowhere", "chart", "verify", str(target), "--require-anchor")
    known = run(tmp_path / "nowhere", "chart", "verify", str(target), "--key", vkey, "--require-anchor")
    verdict = msgspec.json.decode(alone.stdout, type=dict[str, object])

    assert (0, 0, 1, 0) == (taken.exit_code, alone.exit_code, required.exit_code, known.exit_code)
    assert ("chart.verify", "unanchored", "s-2") == (verdict["kind"], verdict["verdict"], verdict["receipt"])
    assert known.stdout.startswith("anchored: ")
    assert "It does not show:" in known.stdout
    assert ["receipt of s-2: the patient asked"] == exported(site)


def test_a_receipt_that_was_changed_exits_with_one_and_shows_nothing_of_itself(site: Path, tmp_path: Path) -> None:
    """Nobody reads on over a line that says broken."""
    target = tmp_path / "r.json"
    run(site, "chart", "receipt", "s-1", "--out", str(target))
    target.write_text(target.read_text().replace("estim-1", "estim-2"))
    broken = run(site, "chart", "verify", str(target))

    assert 1 == broken.exit_code
    assert broken.stdout.startswith("broken: ")
    assert "estim-2" not in broken.stdout


def test_the_site_holds_its_chart_against_a_receipt(site: Path, tmp_path: Path) -> None:
    """A patient's receipt is a head that left the house."""
    target = tmp_path / "r.json"
    run(site, "chart", "receipt", "s-1", "--out", str(target))

    assert 0 == run(site, "chart", "verify", "--checkpoint", str(target), "--require-anchor").exit_code


def test_what_cannot_be_written_is_not_charted(site: Path, tmp_path: Path) -> None:
    """The chart would say that something left which never did."""
    target = tmp_path / "r.json"
    target.write_text("something")

    assert 4 == run(site, "chart", "receipt", "--out", str(target)).exit_code
    assert 4 == run(site, "chart", "export", str(target), "--purpose", "audit").exit_code
    assert 2 == run(site, "chart", "receipt", "s-9", "--out", str(tmp_path / "other")).exit_code
    assert [] == exported(site)


def test_a_backup_holds_what_a_site_needs_and_nobody_else_reads_it(site: Path, tmp_path: Path) -> None:
    """An ordinary tar with the list first; the chart in it says that it was taken, and verifies."""
    target = tmp_path / "monday.tar"
    taken = run(site, "chart", "backup", str(target), "--purpose", "nightly")
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "xf", str(target), "-C", str(out)], check=True)
    sums = [
        f"{file['sha256']}  {file['name']}"
        for file in msgspec.json.decode((out / "manifest.json").read_bytes())["files"]
    ]
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict"], cwd=out, input="\n".join(sums).encode(), capture_output=True, check=False
    )

    assert 0 == taken.exit_code
    assert "keep it encrypted or locked away" in taken.stderr
    assert 0o600 == target.stat().st_mode & 0o777
    assert 0 == checked.returncode, checked.stderr
    assert {"chart.db", "people.db", "keys", "site.toml", "bench.toml", "presets"} < {
        path.name for path in out.iterdir()
    }
    assert (site / "keys" / "epoch-3.key").read_text() == (out / "keys" / "epoch-3.key").read_text()
    assert ["backup: nightly"] == exported(out)
    assert 0 == run(tmp_path / "nowhere", "chart", "verify", str(out / "chart.db")).exit_code
    assert [] == [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_backup_given_to_verify_says_where_to_take_it(site: Path, tmp_path: Path) -> None:
    """It is no chart and no receipt; what verifies it is the restore, which changes nothing unless that is declared."""
    target = tmp_path / "monday.tar"
    run(site, "chart", "backup", str(target), "--purpose", "nightly")
    said = run(site, "chart", "verify", str(target))

    assert (2, True) == (said.exit_code, f"modctl chart restore {target}" in said.stderr)


def test_a_backup_replaces_nothing(site: Path, tmp_path: Path) -> None:
    """Last week's may be the one that is needed."""
    target = tmp_path / "monday.tar"
    target.write_text("last week")

    assert 4 == run(site, "chart", "backup", str(target), "--purpose", "nightly").exit_code
    assert "last week" == target.read_text()
    assert [] == exported(site)


ADMINISTRATOR = {"MODCTL_PIN": "1234"}
DECLARED = ("--declare", "the disk failed", "--as", "administrator")


def everything(root: Path) -> dict[str, bytes]:
    """A site's files, but for the lock's own and what a reader of the chart leaves beside it, which is empty."""
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    beside = {
        name for name in found if name.endswith("-shm") or (name.endswith("-wal") and not found[name].stat().st_size)
    }
    return {
        name: path.read_bytes() for name, path in found.items() if not name.startswith("run/") and name not in beside
    }


@pytest.fixture
def backup(site: Path, tmp_path: Path) -> Path:
    """A backup of the site, which has gone on for a session since."""
    target = tmp_path / "safe" / "monday.tar"
    target.parent.mkdir()
    assert 0 == run(site, "chart", "backup", str(target), "--purpose", "nightly").exit_code
    store = open_chart(site)
    run_session(store, "s-lost", second=50)
    store.close()
    return target


def test_without_a_declaration_a_restore_says_what_is_lost_and_changes_nothing(site: Path, backup: Path) -> None:
    """Never by the way: who restores knows what it costs before it is done."""
    before = everything(site)
    said = run(site, "chart", "restore", str(backup))

    assert 1 == said.exit_code
    assert "Sessions that are lost: s-lost." in said.stdout
    assert "Nothing was changed. To put it back: --declare REASON --as USER." in said.stdout
    assert before == everything(site)
    assert {"site", "safe"} == {path.name for path in site.parent.iterdir()}


def test_a_declared_restore_moves_aside_what_was_there_and_closes_every_unit(site: Path, backup: Path) -> None:
    """Nothing is deleted, nothing runs on: the chart says who, every unit waits for a person, the key is a new one."""
    before, old_key = everything(site), (site / "keys" / "epoch-3.key").exists()
    done = run(site, "chart", "restore", str(backup), *DECLARED, "--json", env=ADMINISTRATOR)
    said = msgspec.json.decode(done.stdout, type=dict[str, object])
    reader = ChartReader.open(site / "chart.db")
    (restored,) = reader.entries_of_kind("chart.restored")
    after = reader.entries_since(restored.seq, limit=1)[0]
    latched = {unit.unit: unit.reason for unit in reader.latched_units()}
    reader.close()

    assert 0 == done.exit_code, done.stderr
    assert (True, ["s-lost"], "anchored") == (said["put_back"], said["lost_sessions"], said["verdict"])
    assert before == everything(Path(str(said["moved_to"])))
    assert ("administrator", "key.rotated") == (restored.actor, after.kind)
    assert {unit.name for unit in load_site(site).units} == set(latched)
    assert {"chart_restored"} == set(latched.values())
    assert (False, ["epoch-4.key"]) == (old_key, [path.name for path in (site / "keys").glob("epoch-*")])
    assert 0 == run(site, "chart", "verify").exit_code
    assert "s-2" in run(site, "session", "list").stdout
    assert 0o600 == (site / "people.db").stat().st_mode & 0o777


def test_a_unit_that_was_tagged_out_since_stays_tagged_out(site: Path, backup: Path) -> None:
    """The tag was charted in what is lost; the fault that it is for is still in the unit."""
    store = open_chart(site)
    store.append([(Draft(data=UnitHeld(unit="heat-1", reason="burnt smell"), actor="technician"), stamp(60))])
    store.close()
    run(site, "chart", "restore", str(backup), *DECLARED, env=ADMINISTRATOR)
    reader = ChartReader.open(site / "chart.db")
    held = reader.held_units()
    reader.close()

    assert (("heat-1", "burnt smell"),) == held


def test_a_restore_into_an_empty_folder(backup: Path, tmp_path: Path) -> None:
    """After the disk is gone: nobody can say what is lost, and it says so."""
    new = tmp_path / "new"
    asked = run(new, "chart", "restore", str(backup))

    assert (1, False) == (asked.exit_code, new.exists())
    assert "Which sessions are lost is not known here" in asked.stdout
    assert 0 == run(new, "chart", "restore", str(backup), *DECLARED, env=ADMINISTRATOR).exit_code
    assert 0 == run(new, "chart", "verify").exit_code
    assert {"site", "safe", "new"} == {path.name for path in tmp_path.iterdir()}


def test_only_an_administrator_declares(site: Path, backup: Path) -> None:
    """And a declaration has a reason and a person."""
    before = everything(site)
    therapist = run(site, "chart", "restore", str(backup), *DECLARED[:3], "therapist", env=ADMINISTRATOR)
    wrong = run(site, "chart", "restore", str(backup), *DECLARED, env={"MODCTL_PIN": "4321"})
    nobody = run(site, "chart", "restore", str(backup), "--declare", "because")
    no_words = run(site, "chart", "restore", str(backup), "--declare", " ", "--as", "administrator")

    assert [4, 4, 2, 2] == [done.exit_code for done in (therapist, wrong, nobody, no_words)]
    assert before.keys() == everything(site).keys()
    assert before["chart.db"] == everything(site)["chart.db"]


def test_nothing_is_put_over_a_site_that_runs_or_a_folder_that_is_none(site: Path, backup: Path) -> None:
    """The controller's chart would be pulled away under it."""
    lock = os.open(site / "run" / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    running = run(site, "chart", "restore", str(backup), *DECLARED, env=ADMINISTRATOR)
    os.close(lock)

    assert 4 == running.exit_code
    assert 4 == run(backup.parent, "chart", "restore", str(backup)).exit_code
    assert 3 == run(site, "chart", "restore", str(backup.with_name("none.tar"))).exit_code
    assert 4 == run(site, "chart", "restore", str(site / "site.toml")).exit_code


def test_a_backup_of_another_chart_is_not_put_back(backup: Path, tmp_path: Path) -> None:
    """Two clinics, one drawer."""
    other = tmp_path / "other"
    lay_down(other, simulated=True)
    before = everything(other)

    assert 4 == run(other, "chart", "restore", str(backup), *DECLARED, env=ADMINISTRATOR).exit_code
    assert before == everything(other)


def test_a_backup_whose_chart_was_altered_is_not_put_back(site: Path, backup: Path, tmp_path: Path) -> None:
    """Packed again with a list that fits: the chart itself says no."""
    out = tmp_path / "out"
    shutil.unpack_archive(backup, out)
    forger = Forger(out / "chart.db")
    forger.edit(3, b'"patient":"p-1"', b'"patient":"p-9"')
    forger.done()
    manifest = msgspec.json.decode((out / MANIFEST).read_bytes(), type=Manifest)
    write_pack(tmp_path / "forged.tar", manifest, {file.name: out / file.name for file in manifest.files})
    before = everything(site)
    said = run(site, "chart", "restore", str(tmp_path / "forged.tar"), *DECLARED, env=ADMINISTRATOR)

    assert 1 == said.exit_code
    assert said.stdout.startswith("broken: ")
    assert "what does not verify is not put back" in said.stdout
    assert before == everything(site)


def test_a_chart_in_place_that_is_broken_does_not_stand_in_the_way(site: Path, backup: Path) -> None:
    """It may be why somebody restores; what it says is not believed, and that is said."""
    (site / "chart.db").write_bytes(b"SQLite format 3\0" + bytes(5_000))
    asked = run(site, "chart", "restore", str(backup))
    done = run(site, "chart", "restore", str(backup), *DECLARED, env=ADMINISTRATOR)

    assert "The chart in place" in asked.stdout
    assert 0 == done.exit_code, done.stderr
    assert 0 == run(site, "chart", "verify").exit_code
