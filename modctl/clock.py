"""The only place where modctl reads a clock.

Deadlines are ``MonoNs`` (CLOCK_MONOTONIC); chart and screen show aware UTC; the two never mix.
CLOCK_BOOTTIME runs on while the machine sleeps: when it gains on CLOCK_MONOTONIC, the host was suspended.
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from devices.model import NS_PER_MS, MonoNs

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")  # Linux, random(4): new at each boot


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """The moment of one chart entry on all the clocks that matter."""

    at_utc: str  # RFC 3339, milliseconds, always Z
    mono_ns: int
    boottime_ns: int
    boot: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How far clocks moved apart between two moments. ``slept_ms``: the machine slept; ``set_ms``: the wall was set."""

    slept_ms: int
    set_ms: int


def moved(before: Stamp, after: Stamp) -> Moved:
    """Compare two moments, the later one last.

    Across a boot nothing says how long the machine was away: only a wall clock that went back is known to be set.
    """
    wall_ms = _utc_ms(after) - _utc_ms(before)
    if before.boot != after.boot:
        return Moved(slept_ms=0, set_ms=min(0, wall_ms))
    mono_ns = after.mono_ns - before.mono_ns
    slept_ms = (after.boottime_ns - before.boottime_ns - mono_ns) // NS_PER_MS
    return Moved(slept_ms=slept_ms, set_ms=wall_ms - mono_ns // NS_PER_MS - slept_ms)


def _utc_ms(stamp: Stamp) -> int:
    return round(datetime.fromisoformat(stamp.at_utc).timestamp() * 1_000)


class Clock(Protocol):
    """A source of time: the real one, or the virtual one of simulated runs."""

    def mono_ns(self) -> MonoNs:
        """Nanoseconds of CLOCK_MONOTONIC, or of virtual time."""

    def stamp(self) -> Stamp:
        """The same moment on all clocks, for the chart."""


def utc_text(moment: datetime) -> str:
    """RFC 3339 with milliseconds and Z, the one form of time in chart, streams and reports."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class SystemClock:
    """The machine's own clocks."""

    def __init__(self) -> None:
        self._boot = BOOT_ID_FILE.read_text().strip() if BOOT_ID_FILE.exists() else "unknown"

    def mono_ns(self) -> MonoNs:
        """CLOCK_MONOTONIC now."""
        return MonoNs(time.monotonic_ns())

    def stamp(self) -> Stamp:
        """All clocks now, read one after the other (microseconds apart)."""
        return Stamp(
            at_utc=utc_text(datetime.now(UTC)),
            mono_ns=time.monotonic_ns(),
            boottime_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME),
            boot=self._boot,
        )
