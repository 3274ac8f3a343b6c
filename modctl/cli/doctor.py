"""``modctl doctor``: what is wrong with this station, and what to do. Looks only; changes nothing."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click
import msgspec

from modctl.cli.common import Context, emit, finish, pass_context
from modctl.errors import Exit, ModctlError

if TYPE_CHECKING:
    from modctl.ipc.messages import UnitRow

SHAPES: Final = {"ok": "□ ok", "warn": "! warn", "fail": "! FAIL"}
MIN_PYTHON: Final = (3, 11)
MIN_FREE_MIB: Final = 64  # below it the controller starts no session
OTHERS: Final = 0o077
SOON_DAYS: Final = 30  # chosen: time to book a meter


class Check(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="doctor"):
    """One thing that was looked at."""

    check: str
    status: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


@click.command()
@pass_context
def doctor(context: Context) -> None:
    """Look at this station: program, chart engine, site, disk, units' ports, controller, terminal. Exit 1 on a fail."""
    failed = False
    for check in checks(context.site):
        failed = failed or check.status == "fail"
        advice = f"  {check.advice}" if check.advice else ""
        emit(check, f"{SHAPES[check.status]}  {check.check}: {check.found}{advice}")
    finish(Exit.FINDINGS if failed else Exit.OK)


def checks(site: Path) -> Iterator[Check]:
    """Every check; one that cannot be made is a finding of its own."""
    looks: Sequence[tuple[str, Callable[[Path], Iterator[Check]]]] = (
        ("program", _program),
        ("chart engine", _engine),
        ("terminal", _terminal),
        ("scheduling", _scheduling),
        ("site", _site),
        ("disk", _disk),
        ("ports", _ports),
        ("controller", _controller),
    )
    for name, look in looks:
        try:
            yield from look(site)
        except ModctlError as why:
            yield Check(check=name, status="fail", found=str(why))


def _program(site: Path) -> Iterator[Check]:
    import sys
    from importlib import metadata

    del site
    version = ".".join(map(str, sys.version_info[:3]))
    enough = sys.version_info >= MIN_PYTHON
    found = f"modctl {metadata.version('modctl')} on Python {version}, {sys.platform}"
    yield Check(check="program", status="ok" if enough else "fail", found=found)
    from modctl.controller.startup import check_layout

    check_layout()
    yield Check(check="packages", status="ok", found="protocols, devices, modctl and tui lie side by side")


def _engine(site: Path) -> Iterator[Check]:
    from modctl.chart.sqlite import MIN_ENGINE, engine_version

    del site
    version = tuple(int(part) for part in engine_version().split("."))
    advice = "" if version >= MIN_ENGINE else "Install pysqlite3 0.6.1 or newer: older engines can lose entries."
    status: Literal["ok", "fail"] = "fail" if advice else "ok"
    yield Check(check="chart engine", status=status, found=f"SQLite {engine_version()}", advice=advice)


def _terminal(site: Path) -> Iterator[Check]:
    import os
    import shutil
    import sys

    del site
    size = shutil.get_terminal_size()
    if not sys.stdout.isatty() or os.environ.get("TERM", "") in ("", "dumb"):
        yield Check(check="terminal", status="warn", found="none", advice="Screens need one; --plain works without.")
        return
    small = size.columns < 80 or size.lines < 24  # noqa: PLR2004  # contract: everything needed stands on 80x24
    advice = "Make it 80 by 24 at least, or use --plain." if small else ""
    found = f"{os.environ['TERM']}, {size.columns}x{size.lines}, {sys.stdout.encoding}"
    yield Check(check="terminal", status="warn" if small else "ok", found=found, advice=advice)


def _scheduling(site: Path) -> Iterator[Check]:
    import resource

    del site
    soft, hard = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if hard > 0 or hard == resource.RLIM_INFINITY or soft > 0:
        yield Check(check="scheduling", status="ok", found="real-time priority may be asked for")
        return
    advice = "Allow the controller's account rtprio (limits.conf or LimitRTPRIO=) so that a busy machine is not late."
    yield Check(check="scheduling", status="warn", found="no real-time priority", advice=advice)


def _site(site: Path) -> Iterator[Check]:
    from modctl.clinic.library import load_library
    from modctl.config import Layout, load_bench, load_site

    layout = Layout(site)
    loaded = load_site(site)
    load_bench(site)
    kind = "simulated" if loaded.site.simulated else "for REAL units"
    yield Check(check="site", status="ok", found=f"{site}: {loaded.site.name}, {kind}, {len(loaded.units)} units")
    missing = [path.name for path in (layout.chart, layout.people, layout.keys, layout.run) if not path.exists()]
    if missing:
        advice = "Put them back from a backup; a site cannot run without them."
        yield Check(check="files", status="fail", found=f"missing: {', '.join(missing)}", advice=advice)
    is_open = [path.name for path in (site, layout.keys) if path.exists() and path.stat().st_mode & OTHERS]
    if is_open:
        advice = f"chmod 700 {' '.join(str(site / name) if name != site.name else str(site) for name in is_open)}"
        yield Check(check="permissions", status="warn", found=f"open to others: {', '.join(is_open)}", advice=advice)
    presets = load_library(layout.presets)
    waiting = [preset.id for preset in presets if not preset.approved]
    advice = f"modctl preset approve ID --as USER: {', '.join(waiting)}" if waiting else ""
    found = f"{len(presets)} presets, {len(presets) - len(waiting)} approved"
    yield Check(check="library", status="warn" if waiting else "ok", found=found, advice=advice)
    if not loaded.site.anchors:
        advice = "Name a folder on another disk or machine as anchors in site.toml."
        yield Check(check="anchors", status="warn", found="no signed head leaves this machine", advice=advice)


def _disk(site: Path) -> Iterator[Check]:
    import shutil

    if not site.exists():
        return
    free_mib = shutil.disk_usage(site).free >> 20
    enough = free_mib >= MIN_FREE_MIB
    advice = "" if enough else "Make room: no session starts below the reserve."
    yield Check(check="disk", status="ok" if enough else "fail", found=f"{free_mib} MiB free", advice=advice)


def _ports(site: Path) -> Iterator[Check]:
    import os

    from modctl.config import load_site

    for unit in load_site(site).units:
        kind, _, where = unit.link.partition(":")
        if kind != "serial":
            continue
        name = f"port of {unit.name}"
        if not Path(where).exists():
            advice = "Start the simulators: modctl sim run" if not unit.hardware else "Check the cable and the name."
            yield Check(check=name, status="warn", found=f"{where} is not there", advice=advice)
        elif not os.access(where, os.R_OK | os.W_OK):
            advice = "Add the controller's account to the group of the port (often dialout)."
            yield Check(check=name, status="fail", found=f"{where} may not be opened", advice=advice)
        else:
            yield Check(check=name, status="ok", found=where)


def _controller(site: Path) -> Iterator[Check]:
    from modctl.cli.reach import PROGRAM
    from modctl.clock import SystemClock
    from modctl.config import Layout
    from modctl.ipc.client import BlockingClient, NoControllerError, find_socket
    from modctl.ipc.messages import Done, ListUnits

    path = find_socket(Layout(site).run)
    try:
        client = BlockingClient(path, PROGRAM)
    except NoControllerError:
        yield Check(check="controller", status="warn", found="none runs", advice="Start it: modctl serve")
        return
    yield Check(check="controller", status="ok", found=f"listens at {path}")
    answer = client.request(ListUnits(id=client.next_id()))
    client.close()
    if isinstance(answer, Done):
        yield from calibrations(answer.units or (), SystemClock().stamp().at_utc[:10])


def calibrations(units: Sequence["UnitRow"], today: str) -> Iterator[Check]:
    """Units and heads that treat nobody because of their calibration, and those that soon will not."""
    from datetime import date, timedelta

    soon = (date.fromisoformat(today) + timedelta(days=SOON_DAYS)).isoformat()
    parts = [(unit.name, unit.calibration, unit.due) for unit in units]
    parts += [
        (f"{one.kind} {one.serial} of {unit.name}", one.calibration, one.due) for unit in units for one in unit.heads
    ]
    for name, standing, due in parts:
        check = f"calibration of {name}"
        if standing in ("overdue", "failed", "unknown"):
            advice = "It treats nobody until a good one is recorded: modctl unit calibrate, or modctl unit check."
            found = standing + (f", it held until {due}" if due else "")
            yield Check(check=check, status="warn", found=found, advice=advice)
        elif due and due <= soon:
            yield Check(check=check, status="warn", found=f"ends on {due}", advice="Plan the next one.")
