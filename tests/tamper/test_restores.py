"""An older copy in the chart's place: found where nobody said so, and named where somebody did. Tamper class 11.

The site is a whole one, with an anchor's folder; its restore is the product's own.
"""

import shutil
from pathlib import Path

import msgspec
import pytest

from modctl.chart.grammar import Code, Finding
from modctl.chart.keys import KeyFolder
from modctl.chart.note import SigningKey, parse_private_key
from modctl.chart.sqlite import open_reader
from modctl.chart.store import ChartStore
from modctl.chart.verify import Judgement, verify_file
from modctl.cli.laying import lay_down
from modctl.config import Layout
from modctl.controller.backup import is_of_a_site, write_backup
from modctl.controller.restore import declare, put_in_place, staged
from modctl.records import ChartRestored, Draft, StopPressed
from tests.tamper.forger import Forger, codes
from tests.unit.chart.charts import run_session, stamp

REASON = "the disk failed"


class Site(msgspec.Struct, frozen=True):
    """A site, its backup of one session, and the heads that it signed since: of its second session and after."""

    root: Path
    backup: Path
    anchors: Path
    entries: int  # of the backup
    lost: tuple[bytes, ...]

    @property
    def chart(self) -> Path:
        """The chart's file."""
        return self.root / "chart.db"

    def open(self) -> ChartStore:
        """The chart, to go on with."""
        return ChartStore.open(self.chart, KeyFolder(self.root / "keys"), [self.anchors])


@pytest.fixture(scope="session")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated site, as it was laid down; not to be changed."""
    root = tmp_path_factory.mktemp("laid") / "site"
    lay_down(root, simulated=True)
    return root


@pytest.fixture
def site(laid: Path, tmp_path: Path) -> Site:
    """After the backup one entry is signed alone, then a session: heads by the backup's key and by later ones."""
    root, anchors, backup = tmp_path / "site", tmp_path / "anchors", tmp_path / "monday.tar"
    shutil.copytree(laid, root)
    anchors.mkdir()
    toml = root / "site.toml"
    toml.write_text(toml.read_text().replace("simulated = true\n", f'simulated = true\nanchors = ["{anchors}"]\n', 1))
    store = ChartStore.open(root / "chart.db", KeyFolder(root / "keys"), [anchors])
    run_session(store, "s-1", second=10)
    store.checkpoint()
    entries = store.size
    reader = open_reader(root / "chart.db")
    write_backup(Layout(root), reader, backup, "2026-03-02T09:00:00.000Z")
    reader.close()
    lost = []
    for second in range(60, 64):  # the restore will stand at the first of these numbers, its new key at the second
        store.append([(Draft(data=StopPressed(unit=None, source="screen")), stamp(second))])
        lost.append(store.checkpoint().head.note)
    run_session(store, "s-2", second=70)
    lost.append(store.checkpoint().head.note)
    store.close()
    return Site(root, backup, anchors, entries, tuple(lost))


def put_back(site: Site, second: int = 200) -> None:
    """What the command does once it knows who it is."""
    with staged(site.backup, site.root, "aside") as found:
        assert () == found.verdict.findings
        declare(found, REASON, "kim", stamp(second))
        assert put_in_place(found)


def roll_back(site: Site) -> None:
    """What somebody does who wants nobody to know."""
    shutil.rmtree(site.root)
    site.root.mkdir()
    shutil.unpack_archive(site.backup, site.root)


def against(site: Site, *heads: bytes) -> tuple[Finding, ...]:
    """The findings, of a chart that is broken if there are any."""
    verdict = verify_file(site.chart, heads)

    assert bool(verdict.findings) is (verdict.verdict is Judgement.BROKEN)
    return verdict.findings


def test_11_a_roll_back_that_nobody_declared_is_one(site: Site) -> None:
    """Sound by itself; any later head says what it is, and nothing in the chart excuses it."""
    roll_back(site)

    assert () == against(site)
    for head in site.lost:
        (finding,) = against(site, head)
        assert (Code.CUT_OFF, True) == (finding.code, "kim" not in finding.text)


def test_11_a_restore_that_was_declared_is_named_and_stays_broken(site: Site) -> None:
    """Against every head of what is lost, at each size: who, when and why. Without one the chart is sound."""
    put_back(site)

    assert () == against(site)
    for head in site.lost:
        (finding,) = against(site, head)

        assert Code.RESTORED is finding.code
        assert f"kim declared on {stamp(200).at_utc} (entry {site.entries + 1})" in finding.text
        assert REASON in finding.text
    early = next(site.anchors.glob(f"*.{site.entries}.checkpoint"), None)
    assert early is not None
    assert () == against(site, early.read_bytes())


def test_11_it_is_named_after_the_chart_has_outgrown_the_lost_head(site: Site) -> None:
    """Then the head is not beyond the end, but of other entries."""
    put_back(site)
    store = site.open()
    for number in range(3, 6):
        run_session(store, f"s-{number}", second=100 * number)
    store.close()

    for head in site.lost:
        assert [Code.RESTORED] == [finding.code for finding in against(site, head)]


def test_11_a_declared_restore_does_not_excuse_the_next_roll_back(site: Site) -> None:
    """What the restored chart signed and then lost again was never declared."""
    put_back(site)
    store = site.open()
    before = store.size
    store.append([(Draft(data=StopPressed(unit=None, source="screen")), stamp(300))])
    near = store.checkpoint().head.note
    run_session(store, "s-3", second=310)
    run_session(store, "s-4", second=320)
    far = store.head.note
    store.close()
    forger = Forger(site.chart)
    forger.cut_after(before)
    forger.done()

    assert [Code.CUT_OFF] == [finding.code for finding in against(site, near)]
    (finding,) = against(site, far)
    assert Code.CUT_OFF is finding.code
    assert "this one is of" in finding.text


def test_11_a_head_that_nobody_here_knew_of_is_not_called_declared(site: Site) -> None:
    """The site's anchors were gone too, the auditor's was not: it is told of the restore, which declared nothing."""
    shutil.rmtree(site.root)
    shutil.rmtree(site.anchors)
    with staged(site.backup, site.root, "aside") as found:
        declare(found, REASON, "kim", stamp(200))
        assert not put_in_place(found)
    (finding,) = against(site, site.lost[-1])

    assert Code.CUT_OFF is finding.code
    assert "it declared no lost head" in finding.text


def test_17_the_key_in_the_backup_signs_for_nothing_after_the_restore(site: Site) -> None:
    """It lay about in a drawer; the chart went on under another one at once."""
    put_back(site)
    (stolen,) = (parse_private_key(path.read_text()) for path in _unpacked(site).glob("keys/epoch-*.key"))
    store = site.open()
    run_session(store, "s-3", second=310)
    store.close()
    forger = Forger(site.chart)
    forger.edit(site.entries + 5, b'"unit"', b'"Unit"')
    forger.sign_again(SigningKey(stolen.name, stolen.seed), from_size=site.entries + 5)
    forger.done()

    assert Code.CHECKPOINT in codes(site.chart)


def test_a_restore_without_a_new_key_is_a_finding(site: Site) -> None:
    """Whoever writes the entry and keeps the key has only explained a roll-back away."""
    roll_back(site)
    store = site.open()
    declared = ChartRestored(
        reason=REASON, entries=site.entries, root="", lost_size=99, lost_root="", lost_known_from="chart"
    )
    store.append([(Draft(data=declared, actor="kim"), stamp(200))])
    store.append([(Draft(data=StopPressed(unit=None, source="screen")), stamp(201))])
    store.close()

    assert [Code.ROTATION] == [finding.code for finding in against(site)]


def test_a_restore_that_stands_elsewhere_than_it_says_is_a_finding(site: Site) -> None:
    """It would explain heads that it has nothing to do with."""
    store = site.open()
    declared = ChartRestored(reason=REASON, entries=3, root="", lost_size=99, lost_root="", lost_known_from="chart")
    store.append([(Draft(data=declared, actor="kim"), stamp(200))])
    store.rotate(stamp(200))
    store.close()

    assert [Code.BODY] == [finding.code for finding in against(site)]


def _unpacked(site: Site) -> Path:
    folder = site.root.with_name("unpacked")
    shutil.unpack_archive(site.backup, folder)
    assert all(is_of_a_site(path.relative_to(folder).as_posix()) for path in folder.rglob("*.db"))
    return folder
