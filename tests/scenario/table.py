"""A table in virtual time: one patient, one preset, a person who answers every gate; for the scenario tests."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import msgspec

from devices.model import NS_PER_S, PackAct
from devices.profile import Profile, load
from devices.sim.catalog import SIMULATED, SimUnit
from devices.sim.device import FaultOrder, Truth
from modctl.clinic.gates import gates_for, gates_with
from modctl.clinic.library import parse
from modctl.clinic.presets import Preset
from modctl.clock import Stamp
from modctl.controller.combine import combine
from modctl.controller.doors import Opening
from modctl.controller.prepare import NotPrepared, Order, prepare
from modctl.engine.core_events import Begin, Refuse, StopUnits, ToSession
from modctl.engine.events import Answered, PackMoved, SessionEvent
from modctl.engine.phases import OVER, SessionState
from modctl.engine.unit import UnitConfig
from modctl.records import Draft
from modctl.virtual.truth import Witness
from modctl.virtual.world import Memory, VirtualClock, World

SHIPPED = Path("modctl/clinic/hip")
NO_PROFILES: Mapping[str, Profile] = MappingProxyType({})
NO_TANKS: Mapping[str, str] = MappingProxyType({})
OPENING = {"pain_before": "4", "pain_after": "3"}


def preset(name: str) -> Preset:
    """A shipped preset, approved."""
    path = SHIPPED / f"{name}.toml"
    return msgspec.structs.replace(parse(path.read_bytes(), path.name), approved=True)


class Table:
    """One world with its units; a person's acts are methods, time passes by ``run_s``."""

    must_attend = False  # the site's policy
    cold_rest_ms: int | None = None  # what the site found in its chart of the last cold

    def __init__(
        self,
        *models: str,
        seed: int = 1,
        profiles: Mapping[str, Profile] = NO_PROFILES,
        witness: Witness | None = None,
        tanks: Mapping[str, str] = NO_TANKS,
    ) -> None:
        self.clock = VirtualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
        self.chart = Memory()
        self.on_entry: Callable[[Draft], None] = lambda _draft: None  # at the very moment of each entry
        self._truths = witness
        self._tanks = tanks
        self.world = self.laid([(self.config(model, profiles), self.made(model, seed)) for model in models], seed)
        self._requests = 0
        self.body_weight_g = 80_000
        self.openings: tuple[Opening, ...] = ()  # what the next requests open
        self.run_s(2)

    def config(self, model: str, profiles: Mapping[str, Profile]) -> UnitConfig:
        """One unit of the site, named after its model."""
        return UnitConfig(
            name=model, profile=profiles.get(model) or load(model), address="virtual", tank=self._tanks.get(model, "")
        )

    def made(self, model: str, seed: int) -> SimUnit:
        """Its simulated unit."""
        return SIMULATED[model].make(model, seed, "rtu")

    def laid(self, units: list[tuple[UnitConfig, SimUnit]], seed: int) -> World:
        """The world around them: here each has a line of its own."""
        return World(units, self.clock, seed, self._entry, witness=self._truths)

    def _entry(self, draft: Draft, stamp: Stamp) -> None:
        self.chart(draft, stamp)
        self.on_entry(draft)

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self.clock.now_ns

    def run_s(self, seconds: float) -> None:
        """Let time pass."""
        self.world.run_until(int(self.clock.now_ns + seconds * NS_PER_S))

    def preset_of(self, preset_id: str) -> Preset:
        """The preset as this site has it."""
        return preset(preset_id)

    def ask(self, unit: str, preset_id: str, duration_s: int = 15, **asked: int) -> str:
        """Request a session on a unit; its name comes back."""
        self._requests += 1
        order = self._order(f"s{self._requests}", unit, preset_id, duration_s, asked)
        judged = prepare(order)
        if isinstance(judged, NotPrepared):
            event = Refuse(
                request=self._requests,
                actor="therapist",
                session=order.session,
                requested=judged.requested,
                refused=judged.refused,
                text=judged.text,
            )
            self.world.post(event)
        else:
            begin = Begin(
                request=self._requests,
                actor="therapist",
                setup=judged.setup,
                requested=judged.requested,
                overrides=judged.overrides,
            )
            self.world.post(begin)
        return order.session

    def ask_both(
        self, lead: tuple[str, str], partner: tuple[str, str], duration_s: int = 15, **partner_asked: int
    ) -> tuple[str, str]:
        """Request a combination, each half a unit and a preset; the names of its sessions come back."""
        self._requests += 1
        one, other = (
            self._order(f"s{self._requests}{half}", unit, preset_id, duration_s, asked)
            for half, (unit, preset_id), asked in (("a", lead, {}), ("b", partner, partner_asked))
        )
        one = msgspec.structs.replace(one, gates=gates_with(one.preset.modality, other.preset.modality))
        self.world.post(combine(one, other, self._requests, "therapist"))
        return one.session, other.session

    def _order(self, session: str, unit: str, preset_id: str, duration_s: int, asked: Mapping[str, int]) -> Order:
        chosen = self.preset_of(preset_id)
        return Order(
            session=session,
            now_ns=self.clock.now_ns,
            unit=self.world.state.units[unit],
            patient="p1",
            side="right",
            body_weight_g=self.body_weight_g,
            preset=chosen,
            gates=gates_for(chosen.modality),
            asked=tuple(asked.items()),
            duration_ms=duration_s * 1000,
            demonstration=True,
            simulated_site=True,
            site_limits=(),
            program="modctl test",
            witness=self.world.state.units.get(self.world.state.units[unit].config.witness),
            cold_rest_ms=self.cold_rest_ms,
            openings=self.openings,
            must_attend=self.must_attend,
        )

    def tell(self, session: str, event: SessionEvent) -> None:
        """A person's act on a session."""
        self._requests += 1
        self.world.post(ToSession(request=self._requests, session=session, event=event))

    def answer_all(self, session: str) -> None:
        """Open every gate before the start."""
        setup = self.state(session).setup
        for gate in setup.before:
            opening = [word for word in gate.answers if word not in gate.closes and word != "not-yet"]
            given = OPENING.get(gate.gate, "4") if gate.maximum is not None else opening[0]
            source = "file" if gate.gate == "stop_switch" else "person"  # nobody presses it here
            event = Answered(gate=gate.gate, answer=given, actor="therapist", source=source, age_s=0, took_ms=900)
            self.tell(session, event)

    def start(self, unit: str, preset_id: str, duration_s: int = 15, **asked: int) -> str:
        """Request, answer, start."""
        session = self.ask(unit, preset_id, duration_s, **asked)
        self.answer_all(session)
        if self.state(session).setup.by_hand:
            self.run_s(0.1)
            self.put_on(session)
        return session

    def put_on(self, session: str) -> None:
        """The person puts the pack on, then says so."""
        self.inject(self.state(session).setup.unit, "panel-change", value=1)
        self.tell(session, PackMoved(actor="therapist", act=PackAct.ON, source="person"))

    def take_off(self, session: str, act: PackAct = PackAct.OFF) -> None:
        """The person takes the pack off, then says so at the table, and nowhere else."""
        unit = self.state(session).setup.unit
        self.inject(unit, "panel-change", value=0)
        self.world.sim(unit).take(self.clock.now_ns)
        self.tell(session, PackMoved(actor="therapist", act=act, source="person"))

    def alarms(self, session: str) -> list[str]:
        """A session's alarms, in order."""
        return [str(entry["alarm"]) for entry in self.chart.of(session) if entry["kind"] == "alarm"]

    def stop_all(self) -> int:
        """Stop everything; the request's number comes back."""
        self._requests += 1
        self.world.post(StopUnits(request=self._requests, actor=None, source="test"))
        return self._requests

    def state(self, session: str) -> SessionState:
        """The engine's idea of a session."""
        return self.world.state.sessions[session].state

    def run_to_end(self, session: str, limit_s: float = 3_600) -> dict[str, object]:
        """Let time pass until the session is over; its last entry comes back."""
        until = int(self.clock.now_ns + limit_s * NS_PER_S)
        self.world.run_until(until, lambda: self.state(session).phase in OVER)
        return dict(self.chart.of(session)[-1])

    def inject(self, unit: str, fault: str, **parameters: int) -> None:
        """Switch a fault of the menu on."""
        self.world.sim(unit).inject(FaultOrder(fault=fault, parameters=tuple(parameters.items())), self.clock.now_ns)

    def clear(self, unit: str) -> None:
        """Take every fault of a unit back."""
        self.world.sim(unit).clear(self.clock.now_ns)

    def truth(self, unit: str) -> Truth:
        """What the unit really does now."""
        return self.world.sim(unit).truth(self.clock.now_ns)
