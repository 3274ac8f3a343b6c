"""``modctl chart sync`` against a real PostgreSQL: what goes there comes back verifiable, and nothing there is undone.

The server is started here, in a folder and on a socket of its own. initdb refuses root: it runs as another user.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from modctl.chart.grammar import Code
from modctl.chart.keys import KeyFolder
from modctl.chart.sqlite import open_reader
from modctl.chart.store import ChartStore, NewChart
from modctl.chart.verify import Judgement, verify_file
from modctl.cli.common import Context
from modctl.cli.laying import lay_down
from modctl.cli.main import cli
from modctl.config import Layout
from modctl.controller.backup import write_backup
from modctl.controller.restore import declare, put_in_place, staged
from tests.unit.chart.charts import run_session, stamp

psycopg = pytest.importorskip("psycopg", reason="psycopg is not here (extra: archive)")

SCHEMA = Path(__file__).parents[2] / "modctl" / "chart" / "archive.sql"
READY_S = 30
QUICK = ["fsync=off", "shared_buffers=16MB", "max_connections=10", "listen_addresses="]


def server_programs() -> Path:
    """The folder of initdb and postgres; skipped by name where there is none."""
    found = shutil.which("initdb") or next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    if found is None:
        pytest.skip("no PostgreSQL server here (initdb)")
    return Path(found).resolve().parent


def nobody_special() -> str | None:
    """Whom the server runs as: us, unless we are root."""
    if os.geteuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


class Server(msgspec.Struct, frozen=True):
    """A running server with the archive's schema and two clinics' roles."""

    folder: Path

    def dsn(self, role: str) -> str:
        """As libpq names it."""
        return f"host={self.folder} dbname=postgres user={role}"

    def execute(self, role: str, query: str) -> list[tuple[object, ...]]:
        """One statement, as a role; the rows, if it gives any."""
        with psycopg.connect(self.dsn(role), autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return [] if cursor.description is None else cursor.fetchall()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Started once; every test has a chart of its own."""
    programs, user = server_programs(), nobody_special()
    with tempfile.TemporaryDirectory(prefix="modctl-pg-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        if user is not None:
            shutil.chown(folder, user)
        data = str(folder / "data")
        init = [str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "owner", "-E", "UTF8", "--no-locale", "-N"]
        subprocess.run(init, user=user, cwd=folder, capture_output=True, check=True)
        settings = [word for setting in QUICK for word in ("-c", setting)]
        command = [str(programs / "postgres"), "-D", data, "-k", str(folder), *settings]
        process = subprocess.Popen(command, user=user, cwd=folder, stderr=subprocess.DEVNULL)
        try:
            found = Server(folder)
            until = time.monotonic() + READY_S
            while True:
                try:
                    found.execute("owner", SCHEMA.read_text())
                    break
                except psycopg.OperationalError:
                    assert time.monotonic() < until, "the server did not start"
                    time.sleep(0.05)
            for clinic in ("clinic_a", "clinic_b"):
                found.execute("owner", f"CREATE ROLE {clinic} LOGIN IN ROLE modctl_clinic")
            yield found
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every site of this file has, but for its chart."""
    root = tmp_path_factory.mktemp("laid") / "site"
    lay_down(root, simulated=True)
    return root


@pytest.fixture
def site(server: Server, laid: Path, tmp_path: Path) -> Path:
    """A site with a chart of its own and one session, whose archive is the server."""
    root = tmp_path / "site"
    shutil.copytree(laid, root)
    layout = Layout(root)
    layout.chart.unlink()
    shutil.rmtree(layout.keys)
    text = layout.site_toml.read_text()
    archive = f'simulated = true\narchive = "{server.dsn("clinic_a")}"\n'
    layout.site_toml.write_text(text.replace("simulated = true\n", archive, 1))
    new = NewChart(site="Clinic A", simulated=True, program="modctl test")
    store = ChartStore.create(layout.chart, KeyFolder(layout.keys), new, stamp(0))
    run_session(store, "s-1", second=10)
    store.close()
    return root


def run(site: Path, *arguments: str) -> Result:
    """One command with JSON."""
    return CliRunner(catch_exceptions=False).invoke(cli, [*arguments, "--json"], obj=Context(site=site))


def treat(site: Path, session: str, second: int) -> None:
    """One more session."""
    store = ChartStore.open(site / "chart.db", KeyFolder(site / "keys"))
    run_session(store, session, second=second)
    store.close()


def said(result: Result) -> dict[str, object]:
    """The one object on standard output."""
    return msgspec.json.decode(result.stdout, type=dict[str, object])


def found_codes(result: Result) -> set[str]:
    """The kinds of findings of a sync."""
    return {str(finding["code"]) for finding in msgspec.convert(said(result)["findings"], list[dict[str, object]])}


def origin_of(site: Path) -> str:
    """The chart's name."""
    return (site / "keys" / "genesis.vkey").read_text().partition("+")[0]


def archived(server: Server, site: Path) -> list[tuple[object, ...]]:
    """All that the archive holds of a site, as its owner sees it."""
    of = f"WHERE origin = '{origin_of(site)}'"
    entries = server.execute("owner", f"SELECT seq, body FROM modctl.entry {of} ORDER BY seq")  # noqa: S608  # our own names
    return entries + server.execute("owner", f"SELECT size, note FROM modctl.head {of} ORDER BY size")  # noqa: S608  # our own names


def test_what_is_synced_comes_back_and_verifies(site: Path, tmp_path: Path) -> None:
    """Twice: the second time only what is new goes there. What comes back is the chart, with every head of it."""
    first = said(run(site, "chart", "sync"))
    treat(site, "s-2", 30)
    second = run(site, "chart", "sync")
    assert 0 == run(site, "chart", "sync", "--pull", str(tmp_path / "pulled.db")).exit_code
    pulled, ours = verify_file(tmp_path / "pulled.db"), verify_file(site / "chart.db")

    assert (0, first["entries"], first["added"]) == (
        second.exit_code,
        said(second)["archived_before"],
        first["entries"],
    )
    assert (9, ours.entries) == (said(second)["added"], said(second)["entries"])
    assert (Judgement.UNANCHORED, ours.root) == (pulled.verdict, pulled.root)
    assert ours.last_checkpoint == pulled.last_checkpoint


def test_a_chart_that_was_rolled_back_sends_nothing(server: Server, site: Path) -> None:
    """The archive is a witness: it says how far this chart had come, and keeps that."""
    shutil.copytree(site, site.with_name("yesterday"))
    treat(site, "s-2", 30)
    run(site, "chart", "sync")
    before, rolled_back = archived(server, site), run(site.with_name("yesterday"), "chart", "sync")

    assert (1, {Code.CUT_OFF}) == (rolled_back.exit_code, found_codes(rolled_back))
    assert before == archived(server, site)


def test_a_chart_that_forked_sends_nothing(server: Server, site: Path) -> None:
    """Two copies of one station went on; the first that came is what the archive holds."""
    clone = site.with_name("clone")
    shutil.copytree(site, clone)
    treat(site, "s-2", 30)
    run(site, "chart", "sync")
    before = archived(server, site)
    treat(clone, "s-other", 40)
    treat(clone, "s-more", 50)
    forked = run(clone, "chart", "sync")

    assert (1, {Code.DIFFERS}) == (forked.exit_code, found_codes(forked))
    assert before == archived(server, site)


def test_a_declared_restore_is_named_and_sends_nothing_either(server: Server, site: Path, tmp_path: Path) -> None:
    """The owner of the archive decides what to do about it; the station cannot."""
    reader = open_reader(site / "chart.db")
    write_backup(Layout(site), reader, tmp_path / "b.tar", "2026-03-02T09:00:00.000Z")
    reader.close()
    treat(site, "s-2", 30)
    run(site, "chart", "sync")
    before = archived(server, site)
    with staged(tmp_path / "b.tar", site, "aside") as backup:
        declare(backup, "the disk failed", "kim", stamp(99))
        put_in_place(backup)
    again = run(site, "chart", "sync")

    assert (1, {Code.RESTORED}) == (again.exit_code, found_codes(again))
    assert "kim declared on" in again.stdout
    assert before == archived(server, site)


def test_a_push_that_was_broken_off_goes_on(server: Server, site: Path) -> None:
    """Entries without a head over them are ours, or they are a finding."""
    run(site, "chart", "sync")
    treat(site, "s-2", 30)
    run(site, "chart", "sync")
    of = f"WHERE origin = '{origin_of(site)}'"
    server.execute("owner", f"DELETE FROM modctl.head {of} AND size > 10")  # noqa: S608  # our own names
    server.execute("owner", f"DELETE FROM modctl.entry {of} AND seq > 14")  # noqa: S608  # our own names
    gone_on = run(site, "chart", "sync")
    server.execute("owner", f"DELETE FROM modctl.head {of} AND size > 10")  # noqa: S608  # our own names
    server.execute("owner", f"UPDATE modctl.entry SET body = '{{}}' {of} AND seq = 13")  # noqa: S608  # our own names
    other = run(site, "chart", "sync")

    assert 0 == gone_on.exit_code
    assert (1, {Code.DIFFERS}) == (other.exit_code, found_codes(other))


def test_an_archive_that_was_altered_does_not_verify(server: Server, site: Path, tmp_path: Path) -> None:
    """Nothing is believed of it either: who owns it can change it, and it shows."""
    run(site, "chart", "sync")
    of = f"WHERE origin = '{origin_of(site)}'"
    altered = "convert_to(replace(convert_from(body, 'UTF8'), 'p-1', 'p-9'), 'UTF8')"
    server.execute("owner", f"UPDATE modctl.entry SET body = {altered} {of} AND seq = 3")  # noqa: S608  # our own names
    run(site, "chart", "sync", "--pull", str(tmp_path / "pulled.db"))

    assert Judgement.BROKEN is verify_file(tmp_path / "pulled.db").verdict


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE modctl.entry SET body = ''",
        "DELETE FROM modctl.entry",
        "TRUNCATE modctl.head",
        "UPDATE modctl.chart SET clinic = 'clinic_b'",
        "DROP TABLE modctl.head",
        "ALTER TABLE modctl.entry DISABLE ROW LEVEL SECURITY",
        "INSERT INTO modctl.chart (origin, clinic) VALUES ('x', 'clinic_b')",
        "INSERT INTO modctl.head (origin, size, note, arrived) VALUES ('x', 1, '', '2020-01-01')",
        "CREATE FUNCTION modctl.now() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_a_clinic_can_add_and_read_and_nothing_else(server: Server, statement: str) -> None:
    """Whoever has the station and its password has this role."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        server.execute("clinic_a", statement)


def test_a_clinic_sees_and_adds_to_its_own_charts_alone(server: Server, site: Path) -> None:
    """Two clinics, one archive: neither reads the other's, and neither can spoil it."""
    run(site, "chart", "sync")
    origin = origin_of(site)
    add = f"INSERT INTO modctl.entry (origin, seq, body) VALUES ('{origin}', 999, '')"  # noqa: S608  # our own names

    assert server.execute("clinic_a", "SELECT 1 FROM modctl.entry LIMIT 1")
    assert [] == server.execute("clinic_b", "SELECT 1 FROM modctl.entry LIMIT 1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        server.execute("clinic_b", add)


def test_what_is_wrong_is_said_before_anything_is_charted(server: Server, site: Path) -> None:
    """No archive named, a password in the site's file, a server that is not there."""
    before = verify_file(site / "chart.db").entries
    toml = site / "site.toml"
    text = toml.read_text()
    toml.write_text(text.replace(server.dsn("clinic_a"), ""))
    unnamed = run(site, "chart", "sync")
    toml.write_text(text.replace("user=clinic_a", "user=clinic_a password=secret"))
    secret = run(site, "chart", "sync")
    toml.write_text(text.replace(str(server.folder), str(site)))
    gone = run(site, "chart", "sync")

    assert [2, 2, 3] == [done.exit_code for done in (unnamed, secret, gone)]
    assert "a password does not belong here" in secret.stderr
    assert before == verify_file(site / "chart.db").entries
