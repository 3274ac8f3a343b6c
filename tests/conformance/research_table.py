"""A research driver and its simulated unit on one line, in virtual time."""

from collections.abc import Callable

import msgspec

from devices.driver import Driver, DriverFactory
from devices.drivers.openlifu import OpenLifuDriver
from devices.drivers.tpo import TpoDriver
from devices.model import NS_PER_MS, DeviceEvent, Levels, Off, levels
from devices.profile import load
from devices.sim.catalog import SimUnit
from devices.sim.port import SimPort
from devices.sim.units.openlifu import SimOpenLifu
from devices.sim.units.tpo import SimTpo
from protocols.inspect import FrameKind
from tests.conformance.line_table import PERMIT, LineTable

RUN_MS = 60_000


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """One research model as a test drives it."""

    driver: DriverFactory
    unit: Callable[[str, int], SimUnit]
    settings: dict[str, int]
    level: str
    ordinary: int
    higher: int


LIFU = "openwater-openlifu"
TPO = "sonic-concepts-tpo"
BENCHES = {
    LIFU: Bench(
        driver=OpenLifuDriver,
        unit=SimOpenLifu,
        settings={"beat_hz": 10},
        level="voltage_mv",
        ordinary=20_000,
        higher=21_000,
    ),
    TPO: Bench(
        driver=TpoDriver,
        unit=SimTpo,
        settings={"burst_us": 200, "period_us": 10_000, "frequency_khz": 500},
        level="power_mw",
        ordinary=2_000,
        higher=2_500,
    ),
}


class Table(LineTable[Driver]):
    """One research unit."""

    def __init__(self, model: str, unit: SimUnit | None = None, split: int | None = None) -> None:
        self.bench = BENCHES[model]
        profile = load(model)
        port = SimPort(unit or self.bench.unit("research-1", 3), seed=3)
        super().__init__(profile, self.bench.driver(profile), port, split)

    def at(self, level: int, **settings: int) -> Levels:
        """The ordinary settings at one level."""
        return levels({**self.bench.settings, **settings, self.bench.level: level})

    def command(self, setpoint: Levels | Off, run_ms: int = RUN_MS) -> None:
        """As the port logic, with a minute on the unit's own timer."""
        super().command(setpoint, run_ms)

    def start(self, level: int | None = None, run_ms: int = RUN_MS) -> list[DeviceEvent]:
        """Identified, closely watched, permitted, running at a level."""
        self.driver.watch_closely(closely=True)
        self.run(500)
        self.permit = PERMIT
        self.command(self.at(self.bench.ordinary if level is None else level), run_ms)
        events = self.run(1_000)
        assert self.truth().energized, "the scenery of a test, not the test"
        return events

    def since(self, ms: int) -> list[FrameKind]:
        """What was written in the last milliseconds."""
        return [kind for at, kind in self.written if at > self.now - ms * NS_PER_MS]
