"""What ``modctl chart`` writes to files, without a controller: receipts."""

import subprocess
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from modctl.chart.reader import ChartReader, record_as
from modctl.cli.common import Context
from modctl.cli.laying import lay_down
from modctl.cli.main import cli
from modctl.records import ChartExported
from tests.unit.chart.charts import open_chart, run_session


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
    nowhere = tmp_path / "nowhere"
    alone = run(nowhere, "chart", "verify", str(target), "--json")
    required = run(nowhere, "chart", "verify", str(target), "--require-anchor")
    known = run(nowhere, "chart", "verify", str(target), "--key", vkey, "--require-anchor")
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
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "xf", str(target), "-C", str(tmp_path / "out")], check=True)
    out = tmp_path / "out"
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


def test_a_backup_replaces_nothing(site: Path, tmp_path: Path) -> None:
    """Last week's may be the one that is needed."""
    target = tmp_path / "monday.tar"
    target.write_text("last week")

    assert 4 == run(site, "chart", "backup", str(target), "--purpose", "nightly").exit_code
    assert "last week" == target.read_text()
    assert [] == exported(site)
