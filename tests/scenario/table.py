"""A table in virtual time: one patient, one preset, a person who answers every gate; for the scenario tests."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import msgspec

from devices.model import NS_PER_S
from devices.profile import Profile, load
from devices.sim.catalog import SIMULATED
from devices.sim.device import FaultOrder, Truth
from modctl.clinic.gates import gates_for
from modctl.clinic.library import parse
from modctl.clinic.presets import Preset
from modctl.clock import Stamp
from modctl.controller.doors import Opening
from modctl.controller.prepare import NotPrepared, Order, prepare
from modctl.engine.core_events import Begin, Refuse, StopUnits, ToSession
from modctl.engine.events import Answered, SessionEvent
from modctl.engine.phases import OVER, SessionState
from modctl.engine.unit import UnitConfig
from modctl.records import Draft
from modctl.virtual.truth import Witness
from modctl.virtual.world import Memory, VirtualClock, World

SHIPPED = Path("modctl/clinic/hip")
NO_PROFILES: Mapping[str, Profile] = MappingProxyType({})
OPENING = {"pain_before": "4", "pain_after": "3"}


def preset(name: str) -> Preset:
    """A shipped preset, approved."""
    path = SHIPPED / f"{name}.toml"
    return msgspec.structs.replace(parse(path.read_bytes(), path.name), approved=True)


class Table:
    """One world with its units; a person's acts are methods, time passes by ``run_s``."""

    def __init__(
        self,
        *models: str,
        seed: int = 1,
        profiles: Mapping[str, Profile] = NO_PROFILES,
        witness: Witness | None = None,
    ) -> None:
        self.clock = VirtualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
        self.chart = Memory()
        units = [
            (
                UnitConfig(name=model, profile=profiles.get(model) or load(model), address="virtual"),
                SIMULATED[model].make(model, seed, "rtu"),
            )
            for model in models
        ]
        self.on_entry: Callable[[Draft], None] = lambda _draft: None  # at the very moment of each entry
        self.world = World(units, self.clock, seed, self._entry, witness=witness)
        self._requests = 0
        self.body_weight_g = 80_000
        self.openings: tuple[Opening, ...] = ()  # what the next requests open
        self.run_s(2)

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
        session = f"s{self._requests}"
        chosen = self.preset_of(preset_id)
        order = Order(
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
            openings=self.openings,
        )
        judged = prepare(order)
        if isinstance(judged, NotPrepared):
            event = Refuse(
                request=self._requests,
                actor="therapist",
                session=session,
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
        return session

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
        return session

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
