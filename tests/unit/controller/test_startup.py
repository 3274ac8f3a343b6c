"""What is settled before anything is served: whose site it is, which lines may be opened, what is to be charted."""

import fcntl
import os
import pty
import threading
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from devices.profile import load, models
from devices.sim.units.p24 import SimP24
from modctl.chart.keys import KeyFolder
from modctl.chart.store import ChartStore, NewChart
from modctl.clock import SystemClock, utc_text
from modctl.config import Layout, SiteConfig, SiteTable, UnitEntry
from modctl.controller import startup
from modctl.controller.guard import Acted, Watch
from modctl.controller.ports import Deliver
from modctl.controller.recovery import REASON
from modctl.engine.port import LineLost, PortNews
from modctl.errors import RefusedError, UsageError
from modctl.records import Draft, GuardActed, SessionRequested, UnitLatched
from protocols.link import LinkError
from tests.safety.more_knockouts import without_clock_watch
from tests.unit.controller.sim_link import SimLink
from tests.unit.engine.made import STARTED

CLOCK = SystemClock()
P24 = load("hasomed-p24")
ACTED = Acted(at_utc="2026-01-01T00:00:00.000Z", mono_ns=5, reason="eof", ports=("p",), writes=40)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A site with nothing but a chart."""
    made = Layout(tmp_path)
    made.run.mkdir()
    new = NewChart(site="s", simulated=True, program="p")
    ChartStore.create(made.chart, KeyFolder(made.keys), new, CLOCK.stamp()).close()
    return made


def chart(layout: Layout, *drafts: Draft) -> None:
    """Put entries into the chart."""
    store = ChartStore.open(layout.chart, KeyFolder(layout.keys))
    store.append([(draft, CLOCK.stamp()) for draft in drafts])
    store.close()


@pytest.mark.parametrize(
    ("set_s", "boot", "stated_s"),
    [
        (0, "", []),
        (86_400, "", [86_400]),
        (-86_400, "", [-86_400]),
        (86_400, "other", []),
        (-86_400, "other", [-86_400]),
    ],
)
def test_a_clock_set_while_no_controller_watched_is_stated(
    layout: Layout, set_s: int, boot: str, stated_s: list[int]
) -> None:
    """Else the chart's own times say something that never was; after a boot only a clock that went back is seen."""
    now = CLOCK.stamp()
    utc = utc_text(datetime.fromisoformat(now.at_utc) + timedelta(seconds=set_s))
    now = msgspec.structs.replace(now, at_utc=utc, boot=boot or now.boot)
    found = startup.set_since(startup.remember(layout), now)

    assert stated_s == [round(jump.by_ms / 1_000) for jump in found]


def test_h42_without_the_look_at_the_start_a_set_clock_is_not_stated(layout: Layout) -> None:
    """The knock-out of hazard H42 between two controllers."""
    set_back = msgspec.structs.replace(CLOCK.stamp(), at_utc="2020-01-01T00:00:00.000Z")
    with without_clock_watch():
        assert () == startup.set_since(startup.remember(layout), set_back)


def test_the_lock_is_free_again_when_its_holder_has_let_go(layout: Layout) -> None:
    """And while it is held, the refusal names the process."""
    held = startup.take_lock(layout)
    with pytest.raises(RefusedError, match=str(os.getpid())):
        startup.take_lock(layout)
    os.close(held)

    os.close(startup.take_lock(layout))


def test_an_act_of_a_guard_is_charted_once(layout: Layout) -> None:
    """The file stays where it is; a crash between charting and clearing it would otherwise tell the act twice."""
    half = b'{"at_utc":"2026'
    layout.guard_log.write_bytes(msgspec.json.encode(ACTED) + b"\n" + half)
    first = startup.remember(layout).acts
    chart(layout, *(Draft(data=act) for act in first))
    again = startup.remember(layout).acts

    assert (GuardActed(at_utc=ACTED.at_utc, mono_ns=5, reason="eof", ports=("p",), writes=40),) == first
    assert () == again


def test_latches_and_open_sessions_come_back_from_the_chart(layout: Layout) -> None:
    """A restart must not make a faulted unit usable, nor forget that a session has no end."""
    requested = SessionRequested(
        unit="u1",
        model="m",
        patient="p",
        preset="x",
        planned_ms=1,
        asked=(),
        effective=(),
        setup=msgspec.Raw(b"null"),
    )
    chart(
        layout,
        Draft(data=UnitLatched(unit="u2", reason="no_data", output="unknown")),
        Draft(data=requested, session="s1"),
        Draft(data=STARTED, session="s1"),
        Draft(data=requested, session="s2"),
    )
    memory = startup.remember(layout)

    assert {"u2": "no_data", "u1": REASON} == dict(memory.latched)
    assert [("s1", True), ("s2", False)] == [(one.open.session, one.open.started) for one in memory.left]


def test_a_line_that_a_site_does_not_open_says_why() -> None:
    """A real unit needs three yeses: the site, its entry, and somebody who wrote it there."""
    told: list[PortNews] = []
    heard = threading.Event()

    def deliver(_unit: str, news: PortNews) -> None:
        told.append(news)
        heard.set()

    lines = _lines(simulated=False, hardware=False, deliver=deliver)
    worker = lines.workers([startup.unit_config(_entry(hardware=False))])["u"]
    worker.start()
    assert heard.wait(10)
    worker.end(in_order=True)

    assert isinstance(told[0], LineLost)
    assert ("refused", startup.NO_HARDWARE) == (told[0].code, told[0].why)


def test_a_site_for_real_units_never_opens_a_pseudo_terminal(tmp_path: Path) -> None:
    """Its path may have become one after the configuration was read (hazard H46)."""
    unit, line = pty.openpty()
    link = tmp_path / "link"
    link.symlink_to(os.ttyname(line))
    real = startup.RealLink(SimLink(SimP24("u", 1)), link)
    try:
        with pytest.raises(LinkError, match="pseudo-terminal"):
            real.open()
        link.unlink()
        link.write_bytes(b"")
        real.open()
    finally:
        os.close(unit)
        os.close(line)


def test_units_of_one_line_share_a_worker_and_must_agree_on_its_speed(tmp_path: Path) -> None:
    """Two owners of one bus would talk over each other."""
    units = [startup.unit_config(_entry(name=name)) for name in ("u", "v")]
    workers = _lines(simulated=True, hardware=False, folder=tmp_path).workers(units)
    link = msgspec.structs.replace(P24.link, baud=9_600)
    apart = msgspec.structs.replace(units[1], profile=msgspec.structs.replace(P24, link=link))

    assert workers["u"] is workers["v"]
    with pytest.raises(UsageError, match="share"):
        _lines(simulated=True, hardware=False, folder=tmp_path).workers([units[0], apart])


@pytest.mark.parametrize(("reply_ms", "is_refused"), [(299, False), (300, True)])
def test_a_bus_on_which_a_stop_takes_too_long_is_refused(tmp_path: Path, reply_ms: int, *, is_refused: bool) -> None:
    """A permit's end, the answer waited for, and the frame itself have to fit 600 ms; 1 ms here is the frame."""
    live = msgspec.structs.replace(P24.liveness, reply_ms=reply_ms)
    link = msgspec.structs.replace(P24.link, baud=352_000)
    profile = msgspec.structs.replace(P24, liveness=live, link=link)
    unit = msgspec.structs.replace(startup.unit_config(_entry()), profile=profile)
    lines = _lines(simulated=True, hardware=False, folder=tmp_path)

    if is_refused:
        with pytest.raises(UsageError, match="601 ms"):
            lines.workers([unit])
    else:
        assert lines.workers([unit])


def test_every_shipped_model_fits_a_bus() -> None:
    """A profile that no site could use would be found at the customer."""
    assert all(startup.stop_budget_ms([load(model)]) <= startup.MAX_STOP_MS for model in models())


class _NoSentry:
    def watch(self, watch: Watch, fd: int) -> None:
        """Nobody."""

    def forget(self, port: str) -> None:
        """Nobody."""


def _entry(name: str = "u", *, hardware: bool = False) -> UnitEntry:
    return UnitEntry(name=name, model="hasomed-p24", link="serial:/dev/nowhere", hardware=hardware)


def _nobody(_unit: str, _news: PortNews) -> None:
    """Nobody listens."""


def _lines(*, simulated: bool, hardware: bool, folder: Path = Path(), deliver: Deliver = _nobody) -> startup.Lines:
    site = SiteConfig(
        root=folder, site=SiteTable(name="s", simulated=simulated), units=(_entry(hardware=hardware), _entry("v"))
    )
    return startup.Lines(site, Layout(folder), _NoSentry(), CLOCK, deliver)


def test_a_lock_that_is_not_the_sites_any_more_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup was put in the site's place in the moment between opening the lock and having it."""
    root, other = tmp_path / "site", tmp_path / "other"
    for folder in (root, other):
        (folder / "run").mkdir(parents=True)
    taken = fcntl.flock

    def flock(descriptor: int, operation: int) -> None:
        root.rename(tmp_path / "aside")
        other.rename(root)
        taken(descriptor, operation)

    monkeypatch.setattr("modctl.controller.startup.fcntl.flock", flock)
    with pytest.raises(RefusedError, match="just put in place"):
        startup.take_lock(Layout(root))
    monkeypatch.undo()
    os.close(startup.take_lock(Layout(root)))

    assert f"{os.getpid()}" == (root / "run" / "lock").read_text().strip()
