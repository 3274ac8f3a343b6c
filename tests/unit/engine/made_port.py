"""A bus in virtual time: the port logic with real drivers on one end, simulated units on the other."""

import msgspec

from devices.driver import Driver
from devices.model import NEVER_NS, NS_PER_MS, NS_PER_S, Levels, MonoNs, levels
from devices.profile import Profile, load
from devices.registry import driver_for
from devices.sim.device import FaultOrder, Truth
from devices.sim.modbus import SimModbus
from devices.sim.port import SimPort
from devices.sim.units.p24 import SimP24
from devices.sim.units.reference_ultrasound import ReferenceUltrasound
from modctl.engine.effects import Band, Command, Permit, PortEffect
from modctl.engine.port import Port, PortNews
from protocols.inspect import FrameKind, Unknown

TURNAROUND_NS = 3 * NS_PER_MS
START_NS = NS_PER_S
STEPS_AT_ONE_MOMENT = 50  # more than this without time going on is a loop

P24_LEVELS = {"current_ua": 500, "period_us": 10_000, "pulse_width_us": 100}
US_LEVELS = {"duty_permille": 500, "frequency_khz": 1_000, "intensity_mw_cm2": 80}


class Wrote(msgspec.Struct, frozen=True, kw_only=True):
    """One frame on the line, when, and what it means."""

    at_ms: int
    frame: bytes
    kind: FrameKind

    @property
    def word(self) -> str:
        """Its kind in one word."""
        return type(self.kind).__name__


class Bus:
    """Some units on one line. ``wild`` replaces a unit's driver."""

    def __init__(self, *names: str, model: str = "reference-ultrasound", wild: Driver | None = None) -> None:
        self.names = names or ("u1",)
        self.profiles: dict[str, Profile] = {}
        self.drivers: dict[str, Driver] = {}
        self.sims: dict[str, SimPort] = {}
        for place, name in enumerate(self.names, start=1):
            profile = load(model)
            self.profiles[name] = msgspec.structs.replace(
                profile, link=msgspec.structs.replace(profile.link, unit=place)
            )
            self.drivers[name] = wild or driver_for(self.profiles[name])
            self.sims[name] = SimPort(_unit(model, name, place), place)
        self.port = Port(self.drivers, self.profiles)
        self.now_ns = MonoNs(START_NS)
        self.wrote: list[Wrote] = []
        self.news: list[tuple[str, PortNews]] = []
        self._answers: list[tuple[int, bytes]] = []

    @property
    def now_ms(self) -> int:
        """Milliseconds since the beginning."""
        return (self.now_ns - START_NS) // NS_PER_MS

    def open(self) -> None:
        """Open the line and let the units be identified and seen."""
        self.port.opened(self.now_ns)
        self.run(1_000)

    def order(self, effect: PortEffect) -> None:
        """One order of the engine."""
        self.port.order(effect, self.now_ns)

    def energize(self, unit: str = "u1", *, until_ms: int = 10**6) -> None:
        """Let a unit run at its first level, by a permit that lasts for so long from now."""
        self.permit(unit, until_ms=until_ms)
        self.order(Command(unit=unit, setpoint=self.target(unit), run_ms=60_000))
        self.run(500)
        assert self.truth(unit).energized

    def permit(self, unit: str = "u1", *, until_ms: int, sequence: int = 1, ceiling: int | None = None) -> None:
        """Grant a permit for the unit's first level."""
        level = self.profiles[unit].level.name
        bands = tuple(
            Band(name, 0 if name == level else value, value if name != level or ceiling is None else ceiling)
            for name, value in self.target(unit).values
        )
        permit = Permit(
            session="s1",
            unit=unit,
            sequence=sequence,
            until_ns=self.now_ns + until_ms * NS_PER_MS,
            bands=bands,
            context=(("area_mm2", 2_000), ("duration_ms", 60_000), ("electrode_mm2", 4_500), ("era_mm2", 500)),
        )
        self.order(permit)

    def target(self, unit: str = "u1") -> Levels:
        """The first level of the unit's ramp."""
        is_p24 = self.profiles[unit].device.driver == "p24"
        return levels(P24_LEVELS if is_p24 else US_LEVELS)

    def run(self, milliseconds: float) -> None:
        """Let time pass, from moment to moment."""
        until_ns = self.now_ns + int(milliseconds * NS_PER_MS)
        steps = 0
        while True:
            self._work()
            next_ns = self._next_ns()
            if next_ns > until_ns:
                self.now_ns = MonoNs(until_ns)
                self._work()
                return
            steps = steps + 1 if next_ns <= self.now_ns else 0
            assert steps < STEPS_AT_ONE_MOMENT, "time stands still"
            self.now_ns = MonoNs(max(self.now_ns, next_ns))

    def inject(self, fault: str, unit: str = "u1", **parameters: int) -> None:
        """A fault of the menu."""
        self.sims[unit].inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.now_ns)

    def clear(self, unit: str = "u1") -> None:
        """All faults of a unit are gone."""
        self.sims[unit].clear(self.now_ns)

    def truth(self, unit: str = "u1") -> Truth:
        """What a unit really does."""
        return self.sims[unit].truth(self.now_ns)

    def since(self, at_ms: int) -> list[Wrote]:
        """What was written from a moment on."""
        return [frame for frame in self.wrote if frame.at_ms >= at_ms]

    def told(self, kind: type, unit: str = "u1") -> list[PortNews]:
        """All news of one kind about a unit."""
        return [news for name, news in self.news if name == unit and isinstance(news, kind)]

    def take_answers(self) -> list[tuple[int, bytes]]:
        """Take what is on its way to the port off the line."""
        taken, self._answers = self._answers, []
        return taken

    def _next_ns(self) -> int:
        times = [int(self.port.wakeup()), *(at_ns for at_ns, _bytes in self._answers)]
        for sim in self.sims.values():
            own = sim.next_wakeup()
            times.append(NEVER_NS if own is None else own)
        return min(times)

    def _work(self) -> None:
        for sim in self.sims.values():
            answer = sim.take(self.now_ns)
            if answer:
                self._answers.append((self.now_ns + TURNAROUND_NS, answer))
        for due in [due for due in self._answers if due[0] <= self.now_ns]:
            self._answers.remove(due)
            self.port.received(due[1], self.now_ns)
        frame = self.port.due(self.now_ns)
        self.news.extend(self.port.drain())
        if frame:
            self.wrote.append(Wrote(at_ms=self.now_ms, frame=frame, kind=self._kind(frame)))
            for sim in self.sims.values():
                sim.receive(frame, self.now_ns)

    def _kind(self, frame: bytes) -> FrameKind:
        kinds = [driver.inspect(frame) for driver in self.drivers.values()]
        return next((kind for kind in kinds if not isinstance(kind, Unknown)), kinds[0])


def _unit(model: str, name: str, place: int) -> SimModbus | SimP24:
    if model == "hasomed-p24":
        return SimP24(name, place)
    unit = ReferenceUltrasound(name, place)
    unit.unit_address = place
    return SimModbus(unit, "rtu")
