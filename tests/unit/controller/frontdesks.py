"""A front desk in the thread of a test, with the units that it is told of."""

import msgspec

from modctl.clock import SystemClock
from modctl.config import Layout, SiteConfig
from modctl.controller.frontdesk import FrontDesk
from modctl.controller.startup import unit_config
from modctl.engine.core_events import Begin, Refuse
from modctl.engine.unit import UnitState
from modctl.ipc.messages import Refused, Start
from modctl.ipc.servicing import BenchRun
from modctl.records import SignedIn
from tests.process.small_site import preset_of

START = Start(id=1, unit="estim-1", patient="P-1", preset=preset_of("estim-1"), duration_ms=20_000, file_answers=True)

BENCH = BenchRun(
    id=1,
    unit="estim-1",
    load="500 ohm",
    nobody_connected=True,
    set=(("current_ua", 10_000), ("period_us", 10_000), ("pulse_width_us", 200)),
    duration_ms=10_000,
)


class Desk:
    """A front desk in this thread, and the units that it is told of."""

    def __init__(self, layout: Layout, site: SiteConfig) -> None:
        self.front = FrontDesk(layout.people, layout.presets, site, SystemClock(), "modctl test")
        self.units = {entry.name: UnitState(config=unit_config(entry), line_open=True) for entry in site.units}
        self.charted: list[SignedIn] = []

    def bench(self, **changes: object) -> Begin | Refuse | Refused:
        """Prepare a bench run; what comes of it."""
        found = self.front.begin_bench(5, "technician", msgspec.structs.replace(BENCH, **changes), self.units)
        return found if isinstance(found, Refused) else found[0]

    def begin(self, request: Start) -> Begin | Refuse | Refused:
        """Prepare one request; what comes of it."""
        found = self.front.begin(5, "therapist", request, self.units)
        return found if isinstance(found, Refused) else found[0]
