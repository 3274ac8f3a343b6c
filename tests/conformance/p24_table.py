"""A P24 driver and a simulated P24 on one line, in virtual time."""

from devices.drivers.p24 import P24Driver
from devices.model import Levels, levels
from devices.profile import load
from devices.sim.port import SimPort
from devices.sim.units.p24 import SimP24
from tests.conformance.line_table import PERMIT, LineTable

PROFILE = load("hasomed-p24")
SETTINGS = {"pulse_width_us": 200, "period_us": 20_000}


def at_ua(current_ua: int) -> Levels:
    """NMES-like levels at one current."""
    return levels({**SETTINGS, "current_ua": current_ua})


class Table(LineTable[P24Driver]):
    """One P24."""

    def __init__(self, split: int | None = None) -> None:
        super().__init__(PROFILE, P24Driver(PROFILE), SimPort(SimP24("estim-1", 3), seed=3), split)

    def start(self, current_ua: int = 20_000) -> None:
        """Identified, closely watched, permitted, running at a current."""
        self.driver.watch_closely(closely=True)
        self.run(200)
        self.permit = PERMIT
        self.command(at_ua(current_ua))
        self.run(400)
        assert self.truth().energized, "the scenery of a test, not the test"
