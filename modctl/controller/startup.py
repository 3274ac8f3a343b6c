"""What a controller does before it serves: the lock, the guard before it, the units' lines, the chart's own memory."""

import fcntl
import importlib
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

from devices.model import NS_PER_MS
from devices.profile import Profile, enabling, load
from devices.registry import driver_for
from modctl.chart.reader import ChartReader
from modctl.clock import Clock, Stamp, moved
from modctl.config import NO_WIRE, Layout, SiteConfig, UnitEntry, is_pseudo_terminal
from modctl.controller.guard import LOCK as GUARD_LOCK
from modctl.controller.guard import LONGEST_MS, Acted
from modctl.controller.host import JUMP_MS
from modctl.controller.ports import Deliver, PortWorker, Sentry, make_link
from modctl.controller.recovery import REASON, Left
from modctl.engine.port import Port
from modctl.engine.state import PERMIT_NS
from modctl.engine.unit import UnitConfig
from modctl.errors import RefusedError, UsageError
from modctl.records import ClockJumped, GuardActed
from modctl.service_records import UnitChecked
from protocols.link import Link, LinkError

PACKAGES: Final = ("protocols", "devices", "modctl", "tui")
NO_HARDWARE: Final = "site.toml does not say hardware = true for it"
WAIT_S: Final = 0.02
MAX_STOP_MS: Final = 600  # house rule: a slower bus is refused
STOP_BITS: Final = 32 * 11  # chosen: a stop frame is shorter than 32 characters of at most 11 bits
SPARE_NS: Final = 300_000_000  # chosen: a guard's start and end beyond its writing


def check_layout() -> None:
    """RefusedError unless the four packages lie side by side: a stranger's ``devices`` on the path is a hazard."""
    folders = {name: Path(str(importlib.import_module(name).__file__)).resolve().parent for name in PACKAGES}
    home = folders["modctl"].parent
    strangers = [f"{name} from {folder}" for name, folder in folders.items() if folder != home / name]
    if strangers:
        raise RefusedError(f"Not started: {', '.join(strangers)} is not modctl's own. Use an environment of its own.")


def take_lock(layout: Layout) -> int:
    """The site's lock, held as long as the descriptor lives. RefusedError names who has it."""
    layout.run.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as why:
        holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise RefusedError(
            f"Another controller (process {holder}) runs this site; nothing was changed. Use it, or end it first."
        ) from why
    if not _is_of(layout, lock):  # between opening and locking it a restore took the site's place
        os.close(lock)
        raise RefusedError(f"Another site was just put in place of {layout.root}; nothing was changed. Ask again.")
    os.truncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _is_of(layout: Layout, lock: int) -> bool:
    try:
        return os.path.samestat(layout.lock.stat(), os.fstat(lock))
    except FileNotFoundError:
        return False


def wait_for_guard(layout: Layout, clock: Clock) -> bool:
    """Let the guard of a controller that died finish its writing; False when it did not in its longest time."""
    until = clock.mono_ns() + LONGEST_MS * 1_000_000 + SPARE_NS
    lock = os.open(layout.run / GUARD_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    pause = threading.Event()
    try:
        while clock.mono_ns() < until:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            pause.wait(WAIT_S)
    finally:
        os.close(lock)
    return False


def uncharted_acts(layout: Layout, reader: ChartReader) -> tuple[GuardActed, ...]:
    """What guards have left behind and no controller has charted. A line that is cut off was never finished."""
    if not layout.guard_log.exists():
        return ()
    charted = {(act.at_utc, act.mono_ns) for act in _charted_acts(reader)}
    found = []
    for line in layout.guard_log.read_bytes().splitlines():
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            acted = msgspec.json.decode(line, type=Acted)
            found.append(msgspec.convert(acted, GuardActed, from_attributes=True))
    return tuple(act for act in found if (act.at_utc, act.mono_ns) not in charted)


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What the chart knows of the time before this start."""

    newest: int
    at: Stamp | None  # of the newest entry
    simulated: bool
    latched: tuple[tuple[str, str], ...]
    held: tuple[tuple[str, str], ...]
    checks: tuple[UnitChecked, ...]
    left: tuple[Left, ...]
    acts: tuple[GuardActed, ...]


def remember(layout: Layout) -> Memory:
    """Read the chart that a writer holds open."""
    reader = ChartReader.open(layout.chart)
    try:
        left = tuple(Left(open=one, entries=reader.session_with_inputs(one.session)) for one in reader.open_sessions())
        latched = {unit.unit: unit.reason for unit in reader.latched_units()}
        latched |= {one.open.unit: REASON for one in left if one.open.started}
        last = reader.last_entry()
        return Memory(
            newest=0 if last is None else last.seq,
            at=None if last is None else msgspec.convert(last, Stamp, from_attributes=True),
            simulated=reader.genesis().simulated,
            latched=tuple(latched.items()),
            held=reader.held_units(),
            checks=reader.checks_in_force(),
            left=left,
            acts=uncharted_acts(layout, reader),
        )
    finally:
        reader.close()


def set_since(memory: Memory, now: Stamp) -> tuple[ClockJumped, ...]:
    """What is charted of a wall clock that was set while no controller watched it: at most one."""
    set_ms = 0 if memory.at is None else moved(memory.at, now).set_ms
    return (ClockJumped(by_ms=set_ms, clock="utc"),) if abs(set_ms) > JUMP_MS else ()


def unit_config(entry: UnitEntry) -> UnitConfig:
    """One unit as the engine knows it: its model's profile with the site's own line, address and enabled registers."""
    profile = enabling(load(entry.model), entry.enabled)
    wired: Literal["serial", "tcp"] = "tcp" if entry.link.startswith("tcp:") else "serial"
    kind: Literal["serial", "tcp", "none"] = "none" if entry.link == NO_WIRE else wired
    link = msgspec.structs.replace(profile.link, kind=kind, unit=entry.modbus_unit or profile.link.unit)
    profile = msgspec.structs.replace(profile, link=link)
    return UnitConfig(
        name=entry.name,
        profile=profile,
        address=entry.link,
        witness=entry.witness,
        tank=entry.tank,
        accessories=entry.accessory,
    )


def stop_budget_ms(profiles: Sequence[Profile]) -> int:
    """How long a stop may take to reach the line of these units: a permit's end, the answer waited for, the frame."""
    slowest = max(profile.liveness.reply_ms for profile in profiles)
    frame = max(0 if one.link.kind == "tcp" else STOP_BITS * 1_000 // one.link.baud for one in profiles)
    return PERMIT_NS // NS_PER_MS + slowest + frame


class Lines:
    """Makes the workers of a site: one for each line, whatever units are on it."""

    def __init__(self, site: SiteConfig, layout: Layout, sentry: Sentry, clock: Clock, deliver: Deliver) -> None:
        self._site = site
        self._layout = layout
        self._sentry = sentry
        self._clock = clock
        self._deliver = deliver

    def workers(self, units: Sequence[UnitConfig]) -> Mapping[str, PortWorker]:
        """By unit; units of one line share a worker. UsageError for units of one line that set it differently."""
        shared: dict[str, list[UnitConfig]] = {}
        for unit in units:
            # A pack has nothing to share; an Off that only a person carries out must hold up no other one.
            line = f"{NO_WIRE}:{unit.name}" if unit.address == NO_WIRE else unit.address
            shared.setdefault(line, []).append(unit)
        return {
            unit.name: worker
            for address, members in shared.items()
            for worker in [self._worker(address, members)]
            for unit in members
        }

    def _worker(self, address: str, units: Sequence[UnitConfig]) -> PortWorker:
        profiles = {unit.name: unit.profile for unit in units}
        lines = {(one.link.baud, one.link.parity, one.link.stop_bits, one.link.rtscts) for one in profiles.values()}
        if len(lines) > 1:
            raise UsageError(f"site.toml: {', '.join(profiles)} share {address} and set its speed or parity apart.")
        budget_ms = stop_budget_ms(list(profiles.values()))
        if budget_ms > MAX_STOP_MS:
            found = f"a stop could take {budget_ms} ms, at most {MAX_STOP_MS} are allowed"
            raise UsageError(f"site.toml: {', '.join(profiles)} on {address}: {found}.")
        port = Port({name: driver_for(profile) for name, profile in profiles.items()}, profiles)
        return PortWorker(
            name=address,
            link=self._link(units[0]),
            port=port,
            lease_ms=max(profile.liveness.lease_ms for profile in profiles.values()),
            sentry=self._sentry,
            clock=self._clock,
            deliver=self._deliver,
        )

    def _link(self, unit: UnitConfig) -> Link:
        link = make_link(unit.address, unit.profile.link, self._layout.run)
        entry = self._site.unit(unit.name)
        if self._site.site.simulated or unit.address == NO_WIRE:
            return link
        if entry is None or not entry.hardware:
            return ShutLink(NO_HARDWARE)
        return RealLink(link, Path(unit.address.removeprefix("serial:")))


class ShutLink:
    """A line that a site does not open."""

    def __init__(self, why: str) -> None:
        self._why = why

    def open(self) -> None:
        """Refuse."""
        raise LinkError("refused", self._why)

    def close(self) -> None:
        """Nothing was opened."""

    def write(self, frame: bytes) -> None:
        """Refuse."""
        raise LinkError("refused", f"{self._why}; {len(frame)} bytes were not written")

    def read(self, timeout_ns: int) -> bytes:
        """Refuse."""
        raise LinkError("refused", f"{self._why}; nothing was read within {timeout_ns} ns")

    def discard_input(self) -> None:
        """There is none."""

    def wake(self) -> None:
        """Nobody waits."""

    def fileno(self) -> int:
        """Refuse."""
        raise LinkError("refused", self._why)


class RealLink:
    """A line of a site for real units: a pseudo-terminal at its path is refused at every opening (hazard H46)."""

    def __init__(self, link: Link, path: Path) -> None:
        self._link = link
        self._path = path
        self.close = link.close
        self.write = link.write
        self.read = link.read
        self.discard_input = link.discard_input
        self.wake = link.wake
        self.fileno = link.fileno

    def open(self) -> None:
        """Open what is no simulator."""
        if is_pseudo_terminal(self._path):
            raise LinkError("refused", f"{self._path} is a pseudo-terminal: this site is for real units")
        self._link.open()


def _charted_acts(reader: ChartReader) -> tuple[GuardActed, ...]:
    entries = reader.entries_of_kind("guard.acted")
    return tuple(msgspec.json.decode(entry.data, type=GuardActed) for entry in entries)
