"""A motor and a load cell in its rope, both on one 19200 baud line, behind one port of the engine; virtual time."""

from devices.driver import Driver
from devices.drivers.laumas import LaumasDriver
from devices.drivers.orca import OrcaDriver
from devices.model import NS_PER_MS, MonoNs, Off, Sample, levels
from devices.profile import load
from devices.sim.device import FaultOrder, Truth
from devices.sim.modbus import SimModbus
from devices.sim.port import SimPort
from devices.sim.units.laumas import SimLaumas
from devices.sim.units.orca import SimOrca
from modctl.engine.effects import Band, Command, Permit, Revoke, Watch
from modctl.engine.port import Port, PortNews
from protocols.inspect import FrameKind

MOTOR, CELL = "traction-1", "cell-1"
PROFILES = {MOTOR: load("iris-orca"), CELL: load("laumas-tlb")}
LINK_NS = 1 * NS_PER_MS
PERMIT_NS, RENEW_NS = 300 * NS_PER_MS, 100 * NS_PER_MS  # the engine's
MAX_TURNS_AT_ONCE = 30


class Bus:
    """Two units on one line. What one is asked, the other hears and lets pass."""

    def __init__(self) -> None:
        self.now = MonoNs(1_000 * NS_PER_MS)
        self.port = Port({MOTOR: OrcaDriver(PROFILES[MOTOR]), CELL: LaumasDriver(PROFILES[CELL])}, PROFILES)
        self.cell = SimLaumas(CELL, 1)
        self.sims = {
            MOTOR: SimPort(SimModbus(SimOrca(MOTOR, 1)), 1, 19_200),
            CELL: SimPort(SimModbus(self.cell), 1, 19_200),
        }
        self.news: list[tuple[MonoNs, str, PortNews]] = []
        self.written: list[tuple[MonoNs, str, FrameKind]] = []
        self._eyes: dict[str, Driver] = {MOTOR: OrcaDriver(PROFILES[MOTOR]), CELL: LaumasDriver(PROFILES[CELL])}
        self._to_units: list[tuple[MonoNs, bytes]] = []
        self._to_host: list[tuple[MonoNs, bytes]] = []
        self._level = 0
        self._sequence = 0
        self._renew_ns = 0
        self.port.opened(self.now)
        for unit in (MOTOR, CELL):
            self.port.order(Watch(unit=unit, closely=True), self.now)
        self.run(1_600)

    def pull(self, force_n: int) -> None:
        """A permit and a level, as the engine gives them."""
        self._level = force_n
        self._permit()
        self.port.order(Command(unit=MOTOR, setpoint=levels({"force_n": force_n})), self.now)

    def stop(self, *, fast: bool = True) -> None:
        """As the engine stops: the permit first, then Off."""
        self._level = 0
        self.port.order(Revoke(unit=MOTOR), self.now)
        self.port.order(Command(unit=MOTOR, setpoint=Off(fast=fast)), self.now)

    def inject(self, unit: str, fault: str, **parameters: int) -> None:
        """Switch a fault on."""
        self.sims[unit].inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.now)

    def truth(self) -> Truth:
        """What the motor really does."""
        return self.sims[MOTOR].truth(self.now)

    def samples(self, unit: str, since: MonoNs) -> list[Sample]:
        """The samples of one unit that came after a moment."""
        return [news for at, name, news in self.news if name == unit and at > since and isinstance(news, Sample)]

    def run(self, ms: int) -> None:
        """Let so much time pass."""
        end = MonoNs(self.now + ms * NS_PER_MS)
        turns = 0
        while True:
            self._turn()
            due = self._next()
            turns = turns + 1 if due <= self.now else 0
            assert turns < MAX_TURNS_AT_ONCE, "somebody wants to be called and then does nothing"
            if due > end:
                self.now = end
                self._turn()
                return
            self.now = max(self.now, due)

    def _permit(self) -> None:
        self._sequence += 1
        self._renew_ns = self.now + RENEW_NS
        permit = Permit(
            session="s",
            unit=MOTOR,
            sequence=self._sequence,
            until_ns=self.now + PERMIT_NS,
            bands=(Band("force_n", 15, self._level),),
            context=(("body_weight_g", 80_000),),
        )
        self.port.order(permit, self.now)

    def _turn(self) -> None:
        if self._level and self.now >= self._renew_ns:
            self._permit()
        while self._to_units and self._to_units[0][0] <= self.now:
            frame = self._to_units.pop(0)[1]
            for sim in self.sims.values():
                sim.receive(frame, self.now)
        self.cell.load_mn = self.truth().output * 1_000
        for sim in self.sims.values():
            answer = sim.take(self.now)
            if answer:
                self._to_host.append((MonoNs(self.now + LINK_NS), answer))
        while self._to_host and self._to_host[0][0] <= self.now:
            self.port.received(self._to_host.pop(0)[1], self.now)
        frame = self.port.due(self.now)
        self.news += [(self.now, name, news) for name, news in self.port.drain()]
        if frame:
            name = MOTOR if frame[0] == PROFILES[MOTOR].link.unit else CELL
            self.written.append((self.now, name, self._eyes[name].inspect(frame)))
            self._to_units.append((MonoNs(self.now + LINK_NS), frame))

    def _next(self) -> MonoNs:
        due = [self.port.wakeup(), *(at for at, _ in (*self._to_units[:1], *self._to_host[:1]))]
        due += [at for sim in self.sims.values() if (at := sim.next_wakeup()) is not None]
        if self._level:
            due.append(MonoNs(self._renew_ns))
        return min(due)
