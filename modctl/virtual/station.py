"""A scenario carried out: people's acts and faults on a world in virtual time, and what came of each session."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from devices.model import NS_PER_MS, NS_PER_S, Direction
from devices.profile import Profile, ProfileError, load
from devices.sim.catalog import SIMULATED
from devices.sim.device import FaultOrder
from devices.sim.faults import CannotFail
from modctl.clinic.gates import gates_for
from modctl.clinic.library import parse
from modctl.clinic.presets import Preset
from modctl.controller.prepare import NotPrepared, Order, prepare
from modctl.engine import events as ev
from modctl.engine.core_events import Begin, Refuse, ScreenLost, ToSession
from modctl.engine.machine import Phase
from modctl.engine.phases import OVER, SessionState
from modctl.engine.unit import UnitConfig
from modctl.errors import UsageError
from modctl.virtual.scenario import Act, FaultPlan, Scenario, SessionPlan, span_ms
from modctl.virtual.world import VirtualClock, World
from modctl.virtual.writing import Sink

HIP = Path(__file__).parent.parent / "clinic" / "hip"
ANSWER_MS = 2_000  # chosen: how long a made-up person takes for one gate; nothing depends on it
LONGEST_NS = 24 * 3_600 * NS_PER_S  # chosen: a scenario that is not over after a day has hung
THERAPIST = "therapist"


class Result(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="simulate.session"):
    """What came of one session. ``outcome`` None: it was refused before it began."""

    name: str
    session: str
    outcome: str | None
    reason: str
    planned_ms: int
    delivered_ms: int
    off_after_ms: int | None
    truly_energized: bool  # the unit, past every lie, at the end


class Station:
    """One scenario under way."""

    def __init__(self, scenario: Scenario, sink: Sink, seed: int | None = None, program: str = "modctl") -> None:
        self._scenario = scenario
        self._program = program
        self._requests = 0
        self.clock = VirtualClock(datetime.fromisoformat(scenario.run.start_utc))
        number = scenario.run.seed if seed is None else seed
        units = []
        for place, unit in enumerate(scenario.unit):
            if unit.model not in SIMULATED:
                raise UsageError(f"unit {unit.name}: no simulator for model {unit.model!r}")
            sim = SIMULATED[unit.model].make(unit.name, number + place, "rtu")
            units.append((UnitConfig(name=unit.name, profile=_profile(unit.model), address="virtual"), sim))
        self.world = World(units, self.clock, number, sink)
        self._plan()

    def run(self) -> Sequence[Result]:
        """Let it happen, to the last session's end."""
        self.world.run_until(self.clock.now_ns + LONGEST_NS, self._is_over)
        return [self._result(session) for session in self._scenario.session]

    def _plan(self) -> None:
        start_ns = self.clock.now_ns
        begins = {session.name: start_ns + span_ms(session.at) * NS_PER_MS for session in self._scenario.session}
        for session in self._scenario.session:
            self.world.at(begins[session.name], lambda session=session: self._begin(session))  # type: ignore[misc]  # bound now
        for act in self._scenario.act:
            at_ns = begins[act.session] + span_ms(act.at) * NS_PER_MS
            self.world.at(at_ns, lambda act=act: self._act(act))  # type: ignore[misc]  # bound now
        for fault in self._scenario.fault:
            at_ns = start_ns + span_ms(fault.at) * NS_PER_MS
            self.world.at(at_ns, lambda fault=fault: self._inject(fault))  # type: ignore[misc]  # bound now

    def _begin(self, plan: SessionPlan) -> None:
        chosen = _preset(plan.preset)
        order = Order(
            session=plan.name,
            now_ns=self.clock.now_ns,
            unit=self.world.state.units[plan.unit],
            patient=plan.patient,
            side=plan.side,
            body_weight_g=plan.body_weight_g,
            preset=chosen,
            gates=gates_for(chosen.modality),
            asked=tuple(plan.set.items()),
            duration_ms=None if plan.duration is None else span_ms(plan.duration),
            demonstration=True,
            simulated_site=True,
            site_limits=(),
            program=self._program,
        )
        judged = prepare(order)
        self._requests += 1
        if isinstance(judged, NotPrepared):
            refuse = Refuse(
                request=self._requests,
                actor=THERAPIST,
                session=plan.name,
                requested=judged.requested,
                refused=judged.refused,
                text=judged.text,
            )
            self.world.post(refuse)
            return
        self.world.post(Begin(request=self._requests, actor=THERAPIST, setup=judged.setup, requested=judged.requested))
        self._answer(plan)

    def _answer(self, plan: SessionPlan) -> None:
        run = self.world.state.sessions.get(plan.name)
        if run is None:
            return
        for gate in run.state.setup.before:
            opening = [word for word in gate.answers if word not in gate.closes]
            word = opening[-1 if gate.gate == "confirm" else 0] if opening else ""
            usual = str(gate.minimum or 0) if gate.maximum is not None else word
            answer = ev.Answered(
                gate=gate.gate,
                answer=plan.answers.get(gate.gate, usual),
                actor=THERAPIST,
                source="file",
                age_s=0,
                took_ms=ANSWER_MS,
            )
            self._tell(plan.name, answer)

    def _act(self, act: Act) -> None:
        match act.do:
            case "stop":
                self._tell(act.session, ev.StopAsked(actor=THERAPIST, source="scenario"))
            case "pause":
                self._tell(act.session, ev.PauseAsked(actor=THERAPIST))
            case "resume":
                self._tell(act.session, ev.ResumeAsked(actor=THERAPIST))
            case "leave":
                self.world.post(ScreenLost(session=act.session, why="left"))
            case direction:
                self._tell(act.session, ev.LevelAsked(actor=THERAPIST, direction=Direction(direction)))

    def _tell(self, session: str, event: ev.SessionEvent) -> None:
        self._requests += 1
        self.world.post(ToSession(request=self._requests, session=session, event=event))

    def _inject(self, fault: FaultPlan) -> None:
        sim = self.world.sim(fault.unit)
        try:
            sim.inject(FaultOrder(fault=fault.kind, parameters=tuple(fault.parameters.items())), self.clock.now_ns)
        except CannotFail as why:
            raise UsageError(f"fault {fault.kind} on {fault.unit}: {why}") from why
        if fault.lasts is not None:
            until_ns = self.clock.now_ns + span_ms(fault.lasts) * NS_PER_MS
            self.world.at(until_ns, lambda: self.world.sim(fault.unit).take_back(fault.kind, self.clock.now_ns))

    def _state(self, name: str) -> SessionState | None:
        run = self.world.state.sessions.get(name)
        return None if run is None else run.state

    def _is_over(self) -> bool:
        last_ns = max(span_ms(session.at) for session in self._scenario.session) * NS_PER_MS
        if self.clock.now_ns <= last_ns + NS_PER_S:
            return False
        states = [self._state(session.name) for session in self._scenario.session]
        return all(state is None or state.phase in OVER for state in states)

    def _result(self, plan: SessionPlan) -> Result:
        state = self._state(plan.name)
        truth = self.world.sim(plan.unit).truth(self.clock.now_ns)
        if state is None:
            return Result(
                name=plan.name,
                session=plan.name,
                outcome=None,
                reason="refused",
                planned_ms=0,
                delivered_ms=0,
                off_after_ms=None,
                truly_energized=truth.energized,
            )
        return Result(
            name=plan.name,
            session=plan.name,
            outcome=state.outcome if state.phase in (Phase.ENDED, Phase.UNCONFIRMED) else None,
            reason=state.reason,
            planned_ms=state.setup.planned_ns // NS_PER_MS,
            delivered_ms=state.ledger.delivered_ns // NS_PER_MS,
            off_after_ms=state.off_after_ms,
            truly_energized=truth.energized,
        )


def _profile(model: str) -> Profile:
    try:
        return load(model)
    except ProfileError as why:
        raise UsageError(str(why)) from why


def _preset(name: str) -> Preset:
    path = HIP / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in HIP.glob("*.toml")))
        raise UsageError(f"no preset {name!r}; known: {known}")
    return msgspec.structs.replace(parse(path.read_bytes(), path.name), approved=True)
