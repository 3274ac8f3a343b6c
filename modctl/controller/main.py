"""The controller's process: puts the threads together, serves, and ends in order. ``modctl serve`` calls ``serve``."""

import contextlib
import gc
import importlib.metadata
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from devices.model import NS_PER_MS, MonoNs, Off
from modctl.chart.keys import KeyFolder
from modctl.chart.sqlite import engine_version
from modctl.chart.store import ChartStore, Written
from modctl.clinic.gates import every_gate
from modctl.clinic.validity import policy_problems
from modctl.clock import SystemClock
from modctl.config import ConfigError, Layout, SiteConfig, load_site
from modctl.controller import startup
from modctl.controller.desk import Desk
from modctl.controller.frontdesk import FrontDesk
from modctl.controller.host import Host
from modctl.controller.keeper import GuardKeeper
from modctl.controller.log import LateStderr, log_to
from modctl.controller.ports import PortWorker
from modctl.controller.reading import Reading
from modctl.controller.recovery import Recovery
from modctl.controller.room import Room
from modctl.controller.scheduling import Scheduling, hurry, lock_memory
from modctl.controller.snapshot import Site
from modctl.controller.writer import ChartWriter
from modctl.engine import core
from modctl.engine.core_events import ChartBroken, Durable, FromUnit, StopUnits
from modctl.engine.effects import Command, PackSaid, PortEffect
from modctl.engine.port import PortNews
from modctl.engine.unit import UnitStatus
from modctl.errors import Exit, RefusedError
from modctl.ipc.listener import bind
from modctl.ipc.server import Body, Server
from modctl.records import ControllerStarted, Draft

READY_NS: Final = 4_300 * NS_PER_MS  # product contract: ready 5 s after start; the interpreter's own start is not in it
MEET_NS: Final = 1_500 * NS_PER_MS  # chosen: three tries of a handshake; a silent unit keeps nobody waiting longer
SWITCH_S: Final = 0.001  # measured: beside a busy thread a waiting one is late by 0.7 ms instead of 5 at p50
NOT_TRIED: Final = "not opened yet"  # what the engine says of a line before its first news
ENDS_IT: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_log = structlog.get_logger()


def serve(root: Path, ready: Callable[[Path], None]) -> Exit:
    """Be the controller of a site until TERM, INT or HUP. ``ready`` gets the socket's path; main thread only.

    OK when everything was off and charted at the end, else FINDINGS. RefusedError when another controller runs, and
    any other ModctlError for a site that cannot be served; nothing was opened then.
    """
    clock = SystemClock()
    ready_by = MonoNs(clock.mono_ns() + READY_NS)
    startup.check_layout()
    site, layout = load_site(root), Layout(root)
    lock = startup.take_lock(layout)
    stderr = LateStderr()
    log_to(stderr)
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, lock)
        stack.callback(stderr.close)
        if not startup.wait_for_guard(layout, clock):
            _log.warning("the guard of the controller before still writes")
        return Controller(site, layout, clock, stack).run(ready, ready_by)


class Controller:
    """Everything that runs, put together once. What is opened on the way is closed by ``stack``."""

    def __init__(self, site: SiteConfig, layout: Layout, clock: SystemClock, stack: contextlib.ExitStack) -> None:
        self._layout = layout
        self._clock = clock
        self._stack = stack
        self._program = installed_program()
        self._writer = self._open_writer(site)
        self._memory = startup.remember(layout)
        if self._memory.simulated is not site.site.simulated:
            raise RefusedError(
                "site.toml and the chart do not agree on whether this site is simulated. Nothing was opened."
            )
        self._keeper = GuardKeeper(layout.run, clock, self._guard_lost)
        units = [startup.unit_config(entry) for entry in site.units]
        lines = startup.Lines(site, layout, self._keeper, clock, self._deliver)
        self._workers: Mapping[str, PortWorker] = lines.workers(units)
        self._desk = self._make_desk(site)
        self._desk.taps = {unit: worker.tap for unit, worker in self._workers.items()}
        state = core.initial(
            units,
            self._memory.latched,
            simulated=site.site.simulated,
            held=self._memory.held,
            checks=self._memory.checks,
        )
        self._host = Host(state, self._workers, self._writer, self._keeper, self._desk, clock)
        self._recovery = Recovery(self._memory.left, clock.stamp().boot, self._host, clock.mono_ns)
        self._server = Server(self._listen(), self._desk, clock, self._memory.newest)
        self._desk.host, self._desk.server, self._desk.newest = self._host, self._server, self._memory.newest
        self._told: dict[str, tuple[str, str]] = {}  # what was said of each unit on standard error
        self._ready: Callable[[], None] | None = None
        self._ready_by = self._meet_by = MonoNs(0)

    def run(self, ready: Callable[[Path], None], ready_by: MonoNs) -> Exit:
        """Serve until a signal."""
        self._ready, self._ready_by = lambda: ready(self._socket_path), ready_by
        self._meet_by = MonoNs(self._clock.mono_ns() + MEET_NS)
        self._host.on_beat = self._look
        for worker in self._workers.values():
            worker.on_death = self._host.died
        self._server.on_death = lambda: self._host.died("socket")
        for number in ENDS_IT:
            signal.signal(number, lambda got, _frame: self._host.end(signal.Signals(got).name))
        try:
            self._keeper.start()
        except OSError as why:
            raise RefusedError(f"Not started: the guard cannot run ({why.strerror}). Nothing was opened.") from why
        self._chart_the_start()
        for one in self._memory.left:
            if one.open.started and one.open.unit in self._workers:
                self._workers[one.open.unit].put(self._first_order(one.open.unit))
        for worker in set(self._workers.values()):
            worker.start()
        sys.setswitchinterval(SWITCH_S)
        gc.collect()
        gc.freeze()
        return self._end(self._host.run())

    def _first_order(self, unit: str) -> PortEffect:
        """To a unit that the controller before this one left in a session: off. A pack is still where it lay."""
        if self._host.state.units[unit].config.profile.is_by_hand:
            return PackSaid(unit=unit, is_on=True)
        return Command(unit=unit, setpoint=Off())

    # Told by other threads

    def durable(self, session: str | None, what: str) -> None:
        """The writer: an entry that a session waits for is on the disk."""
        if session is not None:
            self._host.post(Durable(session=session, what=what))

    def committed(self, entries: Sequence[Written]) -> None:
        """The writer: these are on the disk."""
        self._desk.newest = entries[-1].seq
        self._server.publish([Body(entry.seq, entry.body) for entry in entries])

    def broken(self, why: str) -> None:
        """The writer: the chart cannot be written any more."""
        self._host.post(ChartBroken(why=why), first=True)

    def _deliver(self, unit: str, news: PortNews) -> None:
        self._host.post(FromUnit(unit=unit, news=news))

    def _guard_lost(self, why: str) -> None:
        _log.error("guard lost: everything is stopped", why=why)
        self._host.post(StopUnits(request=None, actor=None, source="guard"), first=True)

    # The engine's thread

    def _look(self, now_ns: MonoNs) -> None:
        """On every beat."""
        self._recovery.look()
        self._say_what_is_missing()
        if self._ready is None:
            return
        units = self._host.state.units.values()
        is_late = now_ns >= self._ready_by
        met = now_ns >= self._meet_by or all(
            unit.identity is not None or (not unit.line_open and unit.config.name in self._told) for unit in units
        )
        if is_late or (met and self._recovery.is_done):
            self._server.start()
            self._ready()
            self._ready = None

    def _say_what_is_missing(self) -> None:
        for name, unit in self._host.state.units.items():
            if unit.line_reason == NOT_TRIED:
                continue
            said = (unit.status, unit.reason)
            if self._told.get(name) == said:
                continue
            self._told[name] = said
            if unit.status in (UnitStatus.READY, UnitStatus.IN_SESSION):
                _log.info("unit", unit=name, state=unit.status)
            else:
                _log.warning("unit", unit=name, state=unit.status, why=unit.reason)

    def _chart_the_start(self) -> None:
        scheduling = hurry()
        if scheduling is Scheduling.FIFO:
            lock_memory()
        for record in (*startup.set_since(self._memory, self._clock.stamp()), *self._memory.acts):
            self._host.chart(Draft(data=record))
        started = ControllerStarted(
            program=self._program,
            pid=os.getpid(),
            scheduling=scheduling,
            sqlite=engine_version(),
            guard=tuple(f"{act.reason} at {act.at_utc}: {act.writes} writes" for act in self._memory.acts),
            found_open=tuple(one.open.session for one in self._memory.left),
        )
        self._host.chart(Draft(data=started))
        self._recovery.begin()
        _log.info("scheduling", got=scheduling)

    def _end(self, outcome: Exit) -> Exit:
        """Close everything; the guard is told to go only where nothing is left to guard."""
        self._server.close()
        workers = set(self._workers.values())
        for worker in workers:
            worker.end(in_order=outcome is Exit.OK)
        for worker in workers:
            worker.join()
        if not self._writer.close():
            outcome = Exit.FINDINGS
        if outcome is Exit.OK:
            self._keeper.bye()
        _log.info("ended", exit_status=int(outcome))
        return outcome

    # Put together

    def _open_writer(self, site: SiteConfig) -> ChartWriter:
        writer = ChartWriter(
            lambda: ChartStore.open(self._layout.chart, KeyFolder(self._layout.keys)),
            self,
            self._clock,
            [Path(anchor) for anchor in site.site.anchors],
        )
        writer.start()
        self._stack.callback(writer.close)
        return writer

    def _make_desk(self, site: SiteConfig) -> Desk:
        layout, writer = self._layout, self._writer
        wrong = policy_problems(every_gate(), site.site.gate_days)
        if wrong:
            raise ConfigError("\n".join(f"{layout.site_toml}: $.site.{problem}" for problem in wrong))

        def read_at_length(is_long: bool) -> None:  # noqa: FBT001  # a callback has no keywords
            writer.is_read_at_length = is_long

        front = Room(
            "front-desk",
            lambda: FrontDesk(layout.people, layout.presets, site, self._clock, self._program, installed_program),
            FrontDesk.close,
        )
        reading = Room("reading", lambda: Reading(layout, read_at_length), Reading.close)
        archive = Room("archive", lambda: Reading(layout, read_at_length), Reading.close)
        for close in (front.close, reading.close, archive.close):
            self._stack.callback(close)
        shown = Site(
            name=site.site.name,
            simulated=site.site.simulated,
            cards={},
            alarms={},
            timezone=site.site.timezone,
            anchors=site.site.anchors,
            lock_after_s=site.site.lock_after_s,
        )
        return Desk(shown, front, reading, archive, writer, self._keeper, self._clock)

    def _listen(self) -> socket.socket:
        """Bind the socket; it is served when everything is ready, and removed at the end."""
        layout = self._layout
        listener = bind(layout.socket, layout.socket_path, self._elsewhere)
        self._socket_path = Path(os.fsdecode(listener.getsockname()))
        for path in (self._socket_path, layout.socket_path):
            self._stack.callback(path.unlink, missing_ok=True)
        return listener

    def _elsewhere(self) -> Path:
        folder = tempfile.TemporaryDirectory(prefix="modctl-", dir=os.environ.get("XDG_RUNTIME_DIR"))
        return Path(self._stack.enter_context(folder))


def installed_program() -> str:
    """The program as it lies on the disk now; in the middle of an update there may be none."""
    try:
        return f"modctl {importlib.metadata.version('modctl')}"
    except importlib.metadata.PackageNotFoundError:
        return "no modctl"
