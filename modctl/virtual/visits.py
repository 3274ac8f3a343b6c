"""One table of a clinic in virtual time: who comes, what is done there, what fails, and who looks after the unit."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from devices.profile import Profile
from devices.sim.device import FaultOrder
from devices.sim.faults import CannotFail, Dice
from modctl.clinic.gates import gates_for
from modctl.clinic.presets import Preset
from modctl.controller.prepare import NotPrepared, Order, prepare
from modctl.engine import core_events as ce
from modctl.engine.events import SessionEvent
from modctl.engine.machine import Phase
from modctl.engine.phases import OVER, SessionState
from modctl.engine.session import next_gate
from modctl.engine.setup import GateSpec
from modctl.engine.unit import STOP_SWITCH, UnitStatus
from modctl.virtual.people import DURATIONS_S, THERAPIST, acts_of, answer_to, event_of, faults_of
from modctl.virtual.world import VirtualClock, World

SWITCHED_OFF: Final = FaultOrder(fault="disconnect")
POWER_CUT: Final = FaultOrder(fault="reboot")
PRESSED: Final = FaultOrder(fault="switch-open")
PRESSED_MS: Final = 1_200  # chosen: an idle unit is asked twice a second, and one answer may be lost
GAP_S: Final = 300  # chosen: a table is in use for about half of the clinic's hours
PATIENCE: Final = 8  # so often a therapist looks at a unit that is not ready, then leaves it alone


class House(Protocol):
    """What a table needs of the clinic around it."""

    clock: VirtualClock
    closes_ns: int
    world: World
    program: str
    faults: Counter[str]
    events: Counter[str]

    def number(self) -> int:
        """The next request's number."""

    def after(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Do something so much later."""


class Table:
    """One table with its unit: who comes, what is done, what fails."""

    def __init__(
        self,
        clinic: House,
        unit: str,
        profile: Profile,
        presets: Sequence[Preset],
        menu: Sequence[str],
        dice: Dice,
    ) -> None:
        self.is_busy = False
        self._clinic = clinic
        self._unit = unit
        self._profile = profile
        self._presets = presets
        self._menu = menu
        self._dice = dice
        self._visits = 0
        self._session = ""
        self._planned_s = 0
        self._looks = 0
        self._tries = 0  # at the question that is open
        self._has_pressed = False

    def close(self) -> None:
        """The unit is mended if need be, switched off and unplugged until somebody comes."""
        self.is_busy = False
        sim = self._clinic.world.sim(self._unit)
        if not self._dice.hits(50):  # now and then nobody looks after it
            sim.clear(self._clinic.clock.now_ns)
        if not self._dice.hits(100):  # and now and then it stays plugged in
            sim.inject(SWITCHED_OFF, self._clinic.clock.now_ns)
        self._later(1_000 + self._dice.below(2 * GAP_S * 1_000), self._come)

    def _later(self, delay_ms: int, act: Callable[[], None]) -> None:
        self._clinic.after(delay_ms, act)

    def _come(self) -> None:
        if self._clinic.clock.now_ns >= self._clinic.closes_ns:
            return
        self.is_busy = True
        self._visits += 1
        self._looks = 0
        self._clinic.world.sim(self._unit).take_back("disconnect", self._clinic.clock.now_ns)
        self._later(2_000 + self._dice.below(3_000), self._look)

    def _look(self) -> None:
        """Is the unit ready? If not, somebody does what the screen says, some times over."""
        self._looks += 1
        unit = self._clinic.world.state.units[self._unit]
        if unit.status is UnitStatus.READY:
            self._request()
        elif self._looks > PATIENCE:
            self._clinic.events["gave up"] += 1
            self.close()
        else:
            if unit.status is UnitStatus.LATCHED:
                self._acknowledge(cuts_power=self._looks > 1)
            elif self._looks > 1:
                self._mend()
            self._later(2_000 + self._dice.below(2_000), self._look)

    def _mend(self) -> None:
        self._clinic.world.sim(self._unit).clear(self._clinic.clock.now_ns)

    def _acknowledge(self, *, cuts_power: bool) -> None:
        """A latch is looked at. Who states that the power is cut has cut it: the unit starts anew."""
        statement = None
        if cuts_power:
            self._mend()
            self._clinic.world.sim(self._unit).inject(POWER_CUT, self._clinic.clock.now_ns)
            statement = "disconnected, power cut"
        event = ce.AcknowledgeUnit(request=self._clinic.number(), actor=THERAPIST, unit=self._unit, statement=statement)
        self._clinic.world.post(event)

    def _request(self) -> None:
        preset = self._presets[self._dice.below(len(self._presets))]
        self._session = f"{self._unit}.{self._visits}.{self._looks}"
        self._planned_s = DURATIONS_S[self._dice.below(len(DURATIONS_S))]
        level = self._profile.level
        target = level.min + self._dice.below((level.max - level.min) // level.step + 1) * level.step
        asked = {level.name: target} if self._dice.hits(100) else {}
        order = Order(
            session=self._session,
            now_ns=self._clinic.clock.now_ns,
            unit=self._clinic.world.state.units[self._unit],
            patient=f"sim-{self._dice.below(400)}",
            side="left" if self._dice.hits(500) else "right",
            body_weight_g=45_000 + self._dice.below(60) * 1_000,
            preset=preset,
            gates=gates_for(preset.modality),
            asked=tuple(asked.items()),
            duration_ms=self._planned_s * 1_000,
            demonstration=self._dice.hits(500),
            simulated_site=True,
            site_limits=(),
            program=self._clinic.program,
        )
        judged = prepare(order)
        number = self._clinic.number()
        self._tries, self._has_pressed = 0, False
        self._plan_faults()
        if isinstance(judged, NotPrepared):
            refuse = ce.Refuse(
                request=number,
                actor=THERAPIST,
                session=self._session,
                requested=judged.requested,
                refused=judged.refused,
                text=judged.text,
            )
            self._clinic.world.post(refuse)
        else:
            begin = ce.Begin(request=number, actor=THERAPIST, setup=judged.setup, requested=judged.requested)
            self._clinic.world.post(begin)
        self._later(500, self._answer)
        self._later(1_000, self._attend)

    def _plan_faults(self) -> None:
        visit = self._visits
        for fault in faults_of(self._dice, self._menu, self._profile.level, self._planned_s):
            self._later(fault.after_ms, lambda fault=fault: self._fail(fault.order, fault.lasts_ms, visit))  # type: ignore[misc]  # bound now

    def _fail(self, order: FaultOrder, lasts_ms: int, visit: int) -> None:
        if visit != self._visits or not self.is_busy:
            return  # the unit is switched off already
        now_ns = self._clinic.clock.now_ns
        try:
            self._clinic.world.sim(self._unit).inject(order, now_ns)
        except CannotFail:
            return
        self._clinic.faults[order.fault] += 1
        if lasts_ms:
            self._later(lasts_ms, lambda: self._mend_one(order.fault, visit))

    def _mend_one(self, fault: str, visit: int) -> None:
        if visit == self._visits and self.is_busy:
            self._clinic.world.sim(self._unit).take_back(fault, self._clinic.clock.now_ns)

    # The session.

    def _state(self) -> SessionState | None:
        run = self._clinic.world.state.sessions.get(self._session)
        return None if run is None else run.state

    def _tell(self, event: SessionEvent) -> None:
        self._clinic.world.post(ce.ToSession(request=self._clinic.number(), session=self._session, event=event))

    def _answer(self) -> None:
        """The next gate, with the time that a person takes; before the start and after the end."""
        state = self._state()
        gate = None if state is None else next_gate(state)
        if state is None or gate is None:
            return
        if self._dice.hits(8):  # now and then it is forgotten: for a while, or for good
            if not self._dice.hits(100):
                self._later(15_000 + self._dice.below(45_000), self._answer)
            return
        if gate.gate == STOP_SWITCH and not self._has_pressed:
            self._press_switch()
            return
        answer = answer_to(gate, self._dice)
        self._tell(answer)
        if self._is_open(gate):
            self._try_again()
            return
        self._tries = 0
        if self._dice.hits(30):
            self._tell(answer)  # pressed twice
        if gate.gate == "confirm":
            for act in acts_of(self._dice, self._planned_s):
                session = self._session
                self._later(act.after_ms, lambda do=act.do, session=session: self._act(do, session))  # type: ignore[misc]  # bound now
            return
        self._later(answer.took_ms, self._answer)

    def _is_open(self, gate: GateSpec) -> bool:
        """The answer was not taken: the screen says why."""
        state = self._state()
        return state is not None and next_gate(state) is gate

    def _try_again(self) -> None:
        """Somebody does what the screen says, some times over, and then gives up."""
        self._tries += 1
        self._has_pressed = False
        if self._tries > PATIENCE:
            self._clinic.events["gave up"] += 1
            self._act("stop", self._session)
        else:
            self._later(2_000 + self._dice.below(4_000), self._answer)

    def _press_switch(self) -> None:
        """The patient presses the stop switch and lets go of it, as its test asks."""
        self._has_pressed = True
        self._clinic.events["switch tested"] += 1
        self._clinic.world.sim(self._unit).inject(PRESSED, self._clinic.clock.now_ns)
        self._later(PRESSED_MS, lambda: self._mend_one(PRESSED.fault, self._visits))
        self._later(2 * PRESSED_MS, self._answer)

    def _act(self, do: str, session: str) -> None:
        if session != self._session or not self.is_busy:
            return
        event = event_of(do)
        world = self._clinic.world
        self._clinic.events[do] += 1
        if event is not None:
            self._tell(event)
            if do == "stop twice":
                self._tell(event)
        elif do == "leave":
            world.post(ce.ScreenLost(session=self._session, why="closed"))
        elif do == "stop unit":
            world.post(ce.StopUnits(request=self._clinic.number(), actor=None, source="screen", unit=self._unit))
        elif do == "stop all":
            world.post(ce.StopUnits(request=self._clinic.number(), actor=None, source="signal"))
        elif do == "acknowledge":
            self._acknowledge(cuts_power=False)
        elif do == "answer":
            self._answer()

    def _attend(self) -> None:
        """Somebody looks in every few seconds: when it is over, the rest is asked and the next one may come."""
        state = self._state()
        if state is None or state.phase in OVER:
            if state is not None and self._dice.hits(800):
                self._answer()
            self._later(8_000 + self._dice.below(5_000), self._tidy)
            return
        if state.phase is Phase.PAUSED and self._clinic.clock.now_ns >= self._clinic.closes_ns:
            self._act("stop", self._session)
        self._later(2_000 + self._dice.below(4_000), self._attend)

    def _tidy(self) -> None:
        unit = self._clinic.world.state.units[self._unit]
        if unit.status is UnitStatus.LATCHED and self._dice.hits(600):
            self._acknowledge(cuts_power=self._dice.hits(700))
        self._later(6_000 + self._dice.below(5_000), self.close)
