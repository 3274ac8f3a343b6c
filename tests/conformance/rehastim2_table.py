"""A RehaStim 2 driver and a simulated RehaStim 2 on one line, in virtual time."""

from devices.drivers.rehastim2 import Rehastim2Driver
from devices.model import Levels, levels
from devices.profile import load
from devices.sim.port import SimPort
from devices.sim.units.rehastim2 import SimRehastim2
from protocols.inspect import Off as OffFrame
from tests.conformance.line_table import PERMIT, LineTable

PROFILE = load("hasomed-rehastim2")
SETTINGS = {"pulse_width_us": 200, "period_us": 20_000}


def at_ua(current_ua: int) -> Levels:
    """NMES-like levels at one current."""
    return levels({**SETTINGS, "current_ua": current_ua})


class Table(LineTable[Rehastim2Driver]):
    """One RehaStim 2. Every question feeds its watchdog, so without a permit there is nothing but Off."""

    UNPERMITTED = (OffFrame(),)

    def __init__(self, split: int | None = None) -> None:
        super().__init__(PROFILE, Rehastim2Driver(PROFILE), SimPort(SimRehastim2("estim-1", 3), seed=3), split)

    def start(self, current_ua: int = 20_000) -> None:
        """Identified, closely watched, permitted, running at a current."""
        self.driver.watch_closely(closely=True)
        self.run(200)
        self.permit = PERMIT
        self.command(at_ua(current_ua))
        self.run(800)  # the next Init is up to half a second away
        assert self.truth().energized, "the scenery of a test, not the test"
