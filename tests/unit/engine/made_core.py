"""A whole engine with made-up units, for tests that give it events and look at its effects."""

from collections.abc import Sequence

import msgspec

from devices.model import NS_PER_MS, Ack, AckOf, Contact, Fault, Identity, LinkFault, Off, Output
from devices.profile import load
from modctl.engine import core_events as ce
from modctl.engine import events as ev
from modctl.engine.core import initial, step, wakeup
from modctl.engine.effects import Append, Command, Effect, Permit, Reply, Revoke, Watch
from modctl.engine.machine import Phase
from modctl.engine.phases import SessionState
from modctl.engine.port import LineLost, LineOpened, PortNews
from modctl.engine.setup import Setup
from modctl.engine.unit import UnitConfig, UnitState
from modctl.records import Record, SessionRequested
from tests.unit.engine.made import ESTIM, T0_NS, sample, setup

P24 = load("hasomed-p24")
REQUESTED = SessionRequested(
    unit="u1",
    model="hasomed-p24",
    patient="p1",
    preset="made-up",
    planned_ms=20_000,
    asked=(),
    effective=(),
    setup=msgspec.Raw(b"null"),
)


def config(name: str, **changes: object) -> UnitConfig:
    """One P24 of the site."""
    return msgspec.structs.replace(UnitConfig(name=name, profile=P24, address="virtual"), **changes)


def identity(at_ns: int, **changes: object) -> Identity:
    """The handshake's answer of a simulated P24."""
    made = Identity(at_ns=at_ns, model="hasomed-p24", serial="SIM0000001", firmware="1.0", is_simulator=True)
    return msgspec.structs.replace(made, **changes)


class Engine:
    """The core and the time. Units are identified and seen off from the beginning."""

    def __init__(
        self,
        *names: str,
        known: bool = True,
        latched: tuple[tuple[str, str], ...] = (),
        configs: Sequence[UnitConfig] = (),
    ) -> None:
        self.names = names or ("u1",)
        made = list(configs) or [config(name) for name in self.names]
        self.state = initial(made, latched, simulated=True)
        self.now_ns = T0_NS
        self.effects: list[Effect] = []
        self._requests = 0
        if known:
            for name in self.names:
                self.meet(name)

    def give(self, event: ce.CoreEvent) -> Sequence[Effect]:
        """One event now; what it asked for comes back."""
        self.state, effects = step(self.state, event, self.now_ns)
        self.effects.extend(effects)
        return effects

    def news(self, news: PortNews, unit: str = "u1") -> Sequence[Effect]:
        """A port tells something of a unit."""
        return self.give(ce.FromUnit(unit=unit, news=news))

    def meet(self, unit: str = "u1") -> None:
        """The line opens, the unit says who it is and that it is off."""
        self.news(LineOpened(at_ns=self.now_ns), unit)
        self.news(identity(self.now_ns), unit)
        self.see(Output.OFF, unit)

    def meet_as(self, model: str, unit: str = "u1", serial: str = "SIM0000001") -> None:
        """The line opens and something else answers; it is off."""
        self.news(LineOpened(at_ns=self.now_ns), unit)
        self.news(identity(self.now_ns, model=model, serial=serial), unit)
        self.see(Output.OFF, unit)

    def forget_sample(self, unit: str = "u1") -> None:
        """As if the unit had never been sampled."""
        units = {**self.state.units, unit: msgspec.structs.replace(self.unit(unit), sample=None)}
        self.state = msgspec.structs.replace(self.state, units=units)

    def end_without_off(self, unit: str = "u1") -> None:
        """As if a session had ended and its permit had been forgotten."""
        run = self.state.sessions[f"s-{unit}"]
        over = msgspec.structs.replace(run.state, phase=Phase.ENDED)
        sessions = {f"s-{unit}": msgspec.structs.replace(run, state=over)}
        self.state = msgspec.structs.replace(self.state, sessions=sessions)

    def watched(self, unit: str = "u1") -> bool:
        """Is the unit sampled at its running pace, by the last word of the engine."""
        return [effect.closely for effect in self.effects if isinstance(effect, Watch) and effect.unit == unit][-1]

    def lose(self, unit: str = "u1") -> Sequence[Effect]:
        """The line is gone."""
        return self.news(LineLost(at_ns=self.now_ns, code="lost", why="unplugged"), unit)

    def wait(self, milliseconds: int) -> Sequence[Effect]:
        """Let time pass, with every tick that the engine asks for."""
        until_ns = self.now_ns + milliseconds * NS_PER_MS
        effects: list[Effect] = []
        while wakeup(self.state) <= until_ns:
            self.now_ns = max(self.now_ns, wakeup(self.state))
            effects.extend(self.give(ce.Tick()))
        self.now_ns = until_ns
        return effects

    def see(
        self,
        output: Output,
        unit: str = "u1",
        *,
        asked_ns: int | None = None,
        contact: Contact = Contact.GOOD,
    ) -> Sequence[Effect]:
        """A sample, asked now unless said otherwise."""
        asked = self.now_ns if asked_ns is None else asked_ns
        return self.news(sample(self.now_ns, output, asked_ns=asked, contact=contact), unit)

    def ack(self, unit: str = "u1") -> Sequence[Effect]:
        """The unit accepts what its session commanded last."""
        levels = self.session(unit).riding.commanded
        return self.news(Ack(at_ns=self.now_ns, of=AckOf.LEVELS, levels=levels), unit)

    def ack_off(self, unit: str = "u1") -> Sequence[Effect]:
        """The unit accepts Off."""
        return self.news(Ack(at_ns=self.now_ns, of=AckOf.OFF), unit)

    def fault(self, fault: Fault, unit: str = "u1") -> Sequence[Effect]:
        """A fault of the line or the unit."""
        return self.news(LinkFault(at_ns=self.now_ns, fault=fault, detail=""), unit)

    def begin(self, unit: str = "u1", made: Setup = ESTIM) -> Sequence[Effect]:
        """Request a session on a unit; it is named after the unit."""
        named = setup(made, unit=unit, session=f"s-{unit}", begun_ns=self.now_ns)
        return self.give(ce.Begin(request=self.number(), actor="therapist", setup=named, requested=REQUESTED))

    def tell(self, event: ev.SessionEvent, unit: str = "u1") -> Sequence[Effect]:
        """A person's act on a unit's session."""
        return self.give(ce.ToSession(request=self.number(), session=f"s-{unit}", event=event))

    def answer(self, gate: str, answer: str, unit: str = "u1") -> Sequence[Effect]:
        """A person's answer to a gate."""
        event = ev.Answered(gate=gate, answer=answer, actor="therapist", source="person", age_s=0, took_ms=900)
        return self.tell(event, unit)

    def arm(self, unit: str = "u1", made: Setup = ESTIM) -> Sequence[Effect]:
        """Request and answer every question; the effects of the last answer come back."""
        self.begin(unit, made)
        self.answer("pain_before", "4", unit)
        return self.answer("confirm", "start", unit)

    def durable(self, unit: str = "u1", what: str = "started") -> Sequence[Effect]:
        """The entry waited for is on the disk."""
        return self.give(ce.Durable(session=f"s-{unit}", what=what))

    def start(self, unit: str = "u1", made: Setup = ESTIM) -> None:
        """A session from its request to RUNNING."""
        self.arm(unit, made)
        self.durable(unit)
        self.now_ns += 2 * NS_PER_MS
        self.ack(unit)
        self.now_ns += 50 * NS_PER_MS
        self.see(Output.ENERGIZED, unit)

    def stop(self, unit: str | None = None, session: str | None = None, request: int | None = 99) -> Sequence[Effect]:
        """Somebody asks for a stop."""
        return self.give(ce.StopUnits(request=request, actor=None, source="screen", unit=unit, session=session))

    def confirm_off(self, unit: str = "u1") -> Sequence[Effect]:
        """Off is acknowledged and seen twice; the effects of the second sample come back."""
        self.now_ns += 2 * NS_PER_MS
        self.ack_off(unit)
        self.now_ns += 10 * NS_PER_MS
        self.see(Output.OFF, unit)
        self.now_ns += 10 * NS_PER_MS
        return self.see(Output.OFF, unit)

    def session(self, unit: str = "u1") -> SessionState:
        """The unit's last session."""
        return self.state.sessions[f"s-{unit}"].state

    def phase(self, unit: str = "u1") -> Phase:
        """Where the unit's session is."""
        return self.session(unit).phase

    def unit(self, name: str = "u1") -> UnitState:
        """What the engine knows of a unit."""
        return self.state.units[name]

    def number(self) -> int:
        """The next request."""
        self._requests += 1
        return self._requests


def charted(effects: Sequence[Effect]) -> list[Record]:
    """What is to be charted, in order."""
    return [effect.draft.data for effect in effects if isinstance(effect, Append)]


def kinds(effects: Sequence[Effect]) -> list[str]:
    """The effects in one word each, Off apart from other commands."""
    return [
        "Off" if isinstance(effect, Command) and isinstance(effect.setpoint, Off) else type(effect).__name__
        for effect in effects
    ]


def permits(effects: Sequence[Effect]) -> list[Permit]:
    """The permits among the effects."""
    return [effect for effect in effects if isinstance(effect, Permit)]


def takes_away(effects: Sequence[Effect], unit: str) -> bool:
    """Do they revoke the unit's permit and send Off, in this order."""
    first = [effect for effect in effects if isinstance(effect, Revoke | Command) and effect.unit == unit][:2]
    return ["Revoke", "Off"] == kinds(first)


def replies(effects: Sequence[Effect]) -> list[Reply]:
    """The answers among the effects."""
    return [effect for effect in effects if isinstance(effect, Reply)]
