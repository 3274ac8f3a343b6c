"""An ORCA driver and a simulated motor on their 19200 baud line, in virtual time."""

from devices.drivers.orca import OrcaDriver
from devices.model import NS_PER_MS, DeviceEvent, Levels, MonoNs, Off, levels
from devices.profile import load
from devices.sim.modbus import SimModbus
from devices.sim.port import SimPort
from devices.sim.units.orca import SimOrca
from tests.conformance.line_table import LineTable

PROFILE = load("iris-orca")
RENEW_MS = 100  # a permit's renewal; the engine's pace


def pull(force_n: int) -> Levels:
    """A pull."""
    return levels({"force_n": force_n})


class Table(LineTable[OrcaDriver]):
    """One motor. ``permitted`` renews its permit every 100 ms as the engine does. ``truths``: its force, each turn."""

    def __init__(self, split: int | None = None) -> None:
        port = SimPort(SimModbus(SimOrca("traction-1", 3)), seed=3, baud=PROFILE.link.baud)
        super().__init__(PROFILE, OrcaDriver(PROFILE), port, split)
        self.permitted = False
        self.truths: list[tuple[MonoNs, int]] = []
        self._newest_permit = 0
        self._renew_ns = MonoNs(0)

    def command(self, setpoint: Levels | Off, run_ms: int = 0) -> None:
        """What engine and port do: an Off ends the permit too."""
        if isinstance(setpoint, Off):
            self.permitted = False
        super().command(setpoint, run_ms)

    def identify(self) -> None:
        """Known, closely watched, and a second of no force seen."""
        self.driver.watch_closely(closely=True)
        self.run(1_500)

    def start(self, force_n: int = 100) -> list[DeviceEvent]:
        """Identified, permitted, pulling."""
        self.identify()
        self.permitted = True
        self.command(pull(force_n))
        events = self.run(600)
        assert (True, force_n) == (self.truth().energized, self.truth().output), "the scenery of a test, not the test"
        return events

    def turn(self) -> None:
        """The permit is renewed first; the force is looked at last."""
        if self.permitted and self.now >= self._renew_ns:
            self._newest_permit += 1
            self._renew_ns = MonoNs(self.now + RENEW_MS * NS_PER_MS)
        self.permit = self._newest_permit if self.permitted else None
        super().turn()
        self.truths.append((self.now, self.truth().output))

    def next_due(self) -> MonoNs:
        """The renewal is due like anything else."""
        due = super().next_due()
        return min(due, self._renew_ns) if self.permitted else due
