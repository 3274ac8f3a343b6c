"""What the quick checks stand on: one unit with a session under way, and one unit with nobody above its gate."""

import msgspec

from devices.driver import Driver
from devices.model import NS_PER_MS, NS_PER_S, Direction, Levels, MonoNs
from devices.profile import load
from devices.sim.catalog import SIMULATED
from devices.sim.device import FaultOrder, Truth
from modctl.clock import Stamp
from modctl.engine import events as ev
from modctl.engine.core_events import CoreEvent, StopUnits, ToSession
from modctl.engine.effects import Band, Command, Permit
from modctl.engine.machine import Phase
from modctl.engine.phases import OVER, SessionState
from modctl.engine.port import FrameHeld, PortNews
from modctl.engine.unit import UnitConfig, UnitState
from modctl.records import Draft, SessionEnded
from modctl.virtual.scenario import Scenario, SessionPlan, Unit
from modctl.virtual.station import Station
from modctl.virtual.wire import Wire
from modctl.virtual.world import Memory

UNIT = "unit-1"
SESSION = "quick"
AREAS = (("area_mm2", 2_000), ("duration_ms", 60_000), ("electrode_mm2", 4_500), ("era_mm2", 500))
ANYTHING = 10**6
STEP_NS = NS_PER_MS  # time goes on also where somebody wants to be called in the past


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What one check saw, in words, and whether it is what the row of the hazard table promises."""

    passed: bool
    saw: str


class Room:
    """One simulated unit and one session that begins two seconds after the room, every question answered."""

    def __init__(self, model: str, preset: str, duration: str = "60s", begins: str = "2s", **asked: int) -> None:
        plan = SessionPlan(name=SESSION, at=begins, unit=UNIT, preset=preset, duration=duration, set=asked)
        self.chart = Memory()
        self._station = Station(Scenario(unit=(Unit(name=UNIT, model=model),), session=(plan,)), self._charted)
        self.world = self._station.world

    def run_s(self, seconds: float) -> None:
        """Let time pass."""
        self.world.run_until(int(self.world.clock.now_ns + seconds * NS_PER_S))

    def run_to_end(self, limit_s: float = 120) -> SessionEnded | None:
        """Let time pass until the session is over; its last entry, or None when it is not over by then."""
        until_ns = int(self.world.clock.now_ns + limit_s * NS_PER_S)
        self.world.run_until(until_ns, lambda: self.state is not None and self.state.phase in OVER)
        found = (draft.data for draft, _stamp in self.chart.entries if isinstance(draft.data, SessionEnded))
        return next(found, None)

    def watch_s(self, seconds: float, step_ms: int = 20) -> int:
        """Let time pass and count the milliseconds with output."""
        on_ms = 0
        for _ in range(int(seconds * 1000) // step_ms):
            self.run_s(step_ms / 1000)
            on_ms += step_ms if self.truth.energized else 0
        return on_ms

    def inject(self, fault: str, **parameters: int) -> None:
        """A fault of the menu."""
        order = FaultOrder(fault=fault, parameters=tuple(parameters.items()))
        self.world.sim(UNIT).inject(order, self.world.clock.now_ns)

    def clear(self) -> None:
        """Take every fault back."""
        self.world.sim(UNIT).clear(self.world.clock.now_ns)

    def post(self, event: CoreEvent) -> None:
        """Give the engine one event now."""
        self.world.post(event)

    def tell(self, event: ev.SessionEvent) -> str:
        """A person's act on the session; the engine's word for its refusal, empty when it was taken."""
        self.post(ToSession(request=900, session=SESSION, event=event))
        return self.world.replies[-1].code or ""

    def ride(self, direction: Direction) -> None:
        """One key."""
        self.tell(ev.LevelAsked(actor="therapist", direction=direction))

    def stop(self, *, fast: bool = False) -> None:
        """Somebody presses stop."""
        self.post(StopUnits(request=None, actor=None, source="quick", fast=fast))

    @property
    def truth(self) -> Truth:
        """What the unit really does now."""
        return self.world.sim(UNIT).truth(self.world.clock.now_ns)

    @property
    def state(self) -> SessionState | None:
        """The session as the engine has it; None before its request and where it was refused."""
        run = self.world.state.sessions.get(SESSION)
        return None if run is None else run.state

    @property
    def phase(self) -> Phase | None:
        """Where the session is."""
        return None if self.state is None else self.state.phase

    @property
    def unit(self) -> UnitState:
        """What the engine knows of the unit."""
        return self.world.state.units[UNIT]

    @property
    def alarms(self) -> tuple[str, ...]:
        """Every alarm that the chart has, in order."""
        told = (msgspec.json.decode(msgspec.json.encode(entry.data)) for entry, _stamp in self.chart.entries)
        kinds = (entry.kind for entry, _stamp in self.chart.entries)
        return tuple(data["alarm"] for kind, data in zip(kinds, told, strict=True) if kind == "alarm")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind of entry that the chart has, in order."""
        return tuple(entry.kind for entry, _stamp in self.chart.entries)

    def _charted(self, draft: Draft, stamp: Stamp) -> None:
        self.chart(draft, stamp)


class Lone:
    """One simulated unit on its line, its driver and its frame gate; the orders are the check's own."""

    def __init__(self, model: str, driver: Driver | None = None) -> None:
        self._now_ns = MonoNs(NS_PER_S)
        self.news: list[PortNews] = []
        config = UnitConfig(name=UNIT, profile=load(model), address="virtual")
        drivers = {} if driver is None else {UNIT: driver}
        self._wire = Wire([(config, SIMULATED[model].make(UNIT, 1, "rtu"))], 1, drivers=drivers)
        self.run_ms(1_000)

    def run_ms(self, milliseconds: int) -> int:
        """Let time pass, from moment to moment; the highest output that was seen comes back."""
        until_ns = self._now_ns + milliseconds * NS_PER_MS
        highest = 0
        while self._now_ns < until_ns:
            self._wire.work(self._now_ns)
            self.news.extend(news for _unit, news in self._wire.port.drain())
            highest = max(highest, self.truth.output)
            self._now_ns = MonoNs(min(until_ns, max(self._now_ns + STEP_NS, self._wire.next_ns())))
        return highest

    def command(self, values: dict[str, int], permit: dict[str, tuple[int, int]], permit_ms: int = 10_000) -> None:
        """A permit with these bands (a parameter that it does not name: anything), and one command inside or not."""
        bands = tuple(Band(name, *permit.get(name, (0, ANYTHING))) for name in values)
        until_ns = self._now_ns + permit_ms * NS_PER_MS
        leave = Permit(session=SESSION, unit=UNIT, sequence=1, until_ns=until_ns, bands=bands, context=AREAS)
        for order in (leave, Command(unit=UNIT, setpoint=Levels(values=tuple(sorted(values.items()))), run_ms=60_000)):
            self._wire.order(order, self._now_ns)

    @property
    def held(self) -> tuple[str, ...]:
        """Why frames were held back, in order."""
        return tuple(news.why for news in self.news if isinstance(news, FrameHeld))

    @property
    def truth(self) -> Truth:
        """What the unit really does now."""
        return self._wire.sims[UNIT].truth(self._now_ns)
