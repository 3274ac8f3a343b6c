"""Small made-up sessions for the engine's tests: one setup, and somebody who gives a session its events."""

from collections.abc import Sequence

import msgspec

from devices.model import (
    NS_PER_MS,
    NS_PER_S,
    Ack,
    AckOf,
    Contact,
    Direction,
    Fault,
    Levels,
    LinkFault,
    ObservedAs,
    Off,
    Output,
    Sample,
)
from devices.plan import CONTINUOUS
from modctl.engine import events as ev
from modctl.engine.effects import Append, Command, SessionEffect
from modctl.engine.machine import Phase
from modctl.engine.phases import SessionState
from modctl.engine.session import begin, session_step, wakeup_ns
from modctl.engine.setup import ContactRule, GateSpec, Level, Setup
from modctl.records import Record, SessionStarted
from modctl.service_records import UnitChecked

SAMPLE_NS = 100 * NS_PER_MS
T0_NS = 10 * NS_PER_S  # time does not begin at 0, so that a forgotten 0 shows

STARTED = SessionStarted(
    unit="u1",
    model="made-up",
    serial="1",
    firmware="1.0",
    simulated=True,
    verified="none",
    modality="estim",
    patient="p1",
    preset="made-up",
    region="hip",
    side="right",
    planned_ms=20_000,
    lease_ms=2_000,
    limits=(),
    profile_sha256="",
    preset_sha256="",
    program="modctl test",
)

ESTIM = Setup(
    session="s1",
    begun_ns=T0_NS,
    unit="u1",
    modality="estim",
    planned_ns=20 * NS_PER_S,
    level=Level(
        parameter="current_ua",
        low=0,
        high=30_000,
        grid=500,
        start=5_000,
        rest=0,
        raise_per_s=1_000,
        person_step=500,
    ),
    settings=(("period_us", 10_000), ("pulse_width_us", 100)),
    context=(("electrode_mm2", 4_500),),
    observed=(("current_ua", ObservedAs.NONE),),
    plan=CONTINUOUS,
    limits=(),
    contact=ContactRule(on_loss="off", alarm_after_ns=10 * NS_PER_S, stop_after_ns=60 * NS_PER_S),
    attended=True,
    stale_ns=NS_PER_S,
    lease_ms=2_000,
    stop_deadline_ns=NS_PER_S,
    confirm_samples=2,
    has_timer=False,
    before=(
        GateSpec(gate="pain_before", minimum=0, maximum=10),
        GateSpec(gate="confirm", answers=("not-yet", "start"), closes=("not-yet",)),
    ),
    after=(
        GateSpec(gate="pain_after", minimum=0, maximum=10),
        GateSpec(gate="sign", answers=("signed", "not-signed")),
    ),
    started=STARTED,
)

# A unit that measures its level and suspends itself when it loses coupling.
ULTRASOUND = msgspec.structs.replace(
    ESTIM,
    modality="ultrasound",
    level=Level(
        parameter="intensity_mw_cm2",
        low=0,
        high=1_000,
        grid=10,
        start=500,
        rest=0,
        raise_per_s=500,
        person_step=100,
    ),
    settings=(("duty_permille", 500), ("frequency_khz", 1_000)),
    observed=(("intensity_mw_cm2", ObservedAs.MEASURED),),
    contact=ContactRule(on_loss="suspended-by-unit", alarm_after_ns=10 * NS_PER_S, stop_after_ns=60 * NS_PER_S),
    has_timer=True,
)


def setup(base: Setup = ESTIM, **changes: object) -> Setup:
    """A setup with some fields changed."""
    return msgspec.structs.replace(base, **changes)


def sample(
    at_ns: int,
    output: Output,
    *,
    asked_ns: int | None = None,
    contact: Contact = Contact.GOOD,
    faults: tuple[str, ...] = (),
    **values: int | None,
) -> Sample:
    """A reading; asked 2 ms before it came unless said otherwise."""
    return Sample(
        at_ns=at_ns,
        asked_ns=at_ns - 2 * NS_PER_MS if asked_ns is None else asked_ns,
        output=output,
        values=tuple(values.items()),
        contact=contact,
        faults=faults,
    )


class Person:
    """One session and the time: what reaches it, and what it asked for because of it."""

    def __init__(self, made: Setup = ESTIM) -> None:
        self.state: SessionState = begin(made, "therapist")
        self.now_ns = T0_NS
        self.sampled_ns = T0_NS
        self.effects: list[SessionEffect] = []

    def feed(self, event: ev.SessionEvent) -> Sequence[SessionEffect]:
        """Give the reducer one event now; what it asked for comes back."""
        self.state, effects = session_step(self.state, event, self.now_ns)
        self.effects.extend(effects)
        return effects

    def wait(self, milliseconds: int) -> None:
        """Let time pass without any event."""
        self.now_ns += milliseconds * NS_PER_MS

    def tick(self) -> Sequence[SessionEffect]:
        """Nothing arrived until now."""
        return self.feed(ev.Ticked())

    def tick_when_wanted(self) -> Sequence[SessionEffect]:
        """Jump to the moment for which the session asked to be woken."""
        self.now_ns = wakeup_ns(self.state)
        return self.tick()

    def answer(self, gate: str, answer: str) -> Sequence[SessionEffect]:
        """Answer one gate."""
        event = ev.Answered(gate=gate, answer=answer, actor="therapist", source="person", age_s=0, took_ms=900)
        return self.feed(event)

    def arm(self) -> Sequence[SessionEffect]:
        """Answer every gate; the effects of the last answer come back."""
        self.answer("pain_before", "4")
        return self.answer("confirm", "start")

    def charted(self, what: str = "started") -> Sequence[SessionEffect]:
        """The entry waited for is durable."""
        return self.feed(ev.Charted(what=what))

    def ack(self) -> Sequence[SessionEffect]:
        """The unit accepts what was commanded last."""
        return self.feed(ev.Acked(ack=Ack(at_ns=self.now_ns, of=AckOf.LEVELS, levels=self.state.riding.commanded)))

    def ack_off(self) -> Sequence[SessionEffect]:
        """The unit accepts Off."""
        return self.feed(ev.Acked(ack=Ack(at_ns=self.now_ns, of=AckOf.OFF)))

    def see(
        self,
        output: Output,
        *,
        asked_ns: int | None = None,
        contact: Contact = Contact.GOOD,
        faults: tuple[str, ...] = (),
        **values: int | None,
    ) -> Sequence[SessionEffect]:
        """A sample arrives, asked now unless said otherwise."""
        self.sampled_ns = self.now_ns
        asked = self.now_ns if asked_ns is None else asked_ns
        taken = sample(self.now_ns, output, asked_ns=asked, contact=contact, faults=faults, **values)
        return self.feed(ev.SampleArrived(sample=taken))

    def run(self) -> None:
        """From the first gate to RUNNING: charted, acknowledged after 2 ms, seen after 100 ms."""
        self.arm()
        self.wait(1)
        self.charted()
        self.wait(2)
        self.ack()
        self.wait(100)
        self.see_commanded()

    def run_with(self, **values: int) -> None:
        """From the first gate to RUNNING, for a setup of a real profile: every gate gets an answer that opens it."""
        while self.state.phase is Phase.CHECKING:
            gate = self.state.setup.before[len(self.state.answers)]
            opening = [word for word in gate.answers if word not in gate.closes]
            self.answer(gate.gate, opening[0] if opening else "4")
        self.charted()
        self.wait(2)
        self.ack()
        self.wait(100)
        told = Sample(at_ns=self.now_ns, asked_ns=self.now_ns, output=Output.ENERGIZED, values=tuple(values.items()))
        self.feed(ev.SampleArrived(sample=told))

    def see_commanded(self) -> Sequence[SessionEffect]:
        """A sample that says exactly what was commanded, where the unit measures."""
        if self.state.setup.observed[0][1] is ObservedAs.MEASURED:
            return self.see(Output.ENERGIZED, intensity_mw_cm2=self.state.riding.level)
        return self.see(Output.ENERGIZED)

    def serve(self, milliseconds: int) -> None:
        """A sound unit for so long: acknowledges in 2 ms, gives a sample each 100 ms; ticks come when wanted."""
        until_ns = self.now_ns + milliseconds * NS_PER_MS
        while True:
            riding = self.state.riding
            waits_for_ack = riding.commanded is not None and riding.acked_ns is None
            ack_ns = riding.commanded_ns + 2 * NS_PER_MS if waits_for_ack else until_ns + 1
            next_ns = min(ack_ns, self.sampled_ns + SAMPLE_NS, wakeup_ns(self.state))
            if next_ns > until_ns:
                self.now_ns = until_ns
                return
            self.now_ns = max(self.now_ns, next_ns)
            if self.now_ns >= ack_ns:
                self.ack()
            elif self.now_ns >= self.sampled_ns + SAMPLE_NS:
                self.see_commanded()
            else:
                self.tick()

    def ride(self, direction: Direction) -> Sequence[SessionEffect]:
        """A key."""
        return self.feed(ev.LevelAsked(actor="therapist", direction=direction))

    def stop(self, source: str = "screen") -> Sequence[SessionEffect]:
        """Somebody presses stop."""
        return self.feed(ev.StopAsked(actor=None, source=source))

    def confirm_off(self) -> Sequence[SessionEffect]:
        """Off is acknowledged and seen twice."""
        self.wait(2)
        self.ack_off()
        self.wait(2)
        self.see(Output.OFF)
        self.wait(100)
        return self.see(Output.OFF)

    def pause(self) -> None:
        """A pause, up to PAUSED."""
        self.feed(ev.PauseAsked(actor="therapist"))
        self.confirm_off()

    def resume(self) -> Sequence[SessionEffect]:
        """A person resumes."""
        return self.feed(ev.ResumeAsked(actor="therapist"))

    def fault(self, fault: Fault) -> Sequence[SessionEffect]:
        """The line has something to tell."""
        return self.feed(ev.LinkFaulted(fault=LinkFault(at_ns=self.now_ns, fault=fault, detail="")))

    @property
    def levels(self) -> list[int]:
        """Every level that was commanded, in order."""
        parameter = self.state.setup.level.parameter
        return [
            effect.setpoint.get(parameter) or 0
            for effect in self.effects
            if isinstance(effect, Command) and isinstance(effect.setpoint, Levels)
        ]


def at_phase(phase: Phase, made: Setup = ESTIM) -> Person:
    """A session in the given phase, by the way that leads there."""
    person = Person(made)
    if phase is Phase.CHECKING:
        return person
    person.arm()
    if phase is Phase.ARMED:
        return person
    person.charted()
    if phase is Phase.STARTING:
        return person
    person.wait(2)
    person.ack()
    person.wait(100)
    person.see_commanded()
    match phase:
        case Phase.PAUSING:
            person.feed(ev.PauseAsked(actor="therapist"))
        case Phase.PAUSED:
            person.pause()
        case Phase.RESUMING:
            person.pause()
            person.resume()
        case Phase.STOPPING:
            person.stop()
        case Phase.ENDED:
            person.stop()
            person.confirm_off()
        case Phase.UNCONFIRMED:
            person.stop()
            person.tick_when_wanted()
        case _:
            pass
    return person


def where(person: Person) -> Phase:
    """The phase of a person's session."""
    return person.state.phase


def records(effects: Sequence[object]) -> list[Record]:
    """What is to be charted, in order."""
    return [effect.draft.data for effect in effects if isinstance(effect, Append)]


def offs(effects: Sequence[object]) -> list[Command]:
    """The Off commands among the effects."""
    return [effect for effect in effects if isinstance(effect, Command) and isinstance(effect.setpoint, Off)]


def raises(effects: Sequence[object]) -> list[Command]:
    """The commands among the effects that energize."""
    return [effect for effect in effects if isinstance(effect, Command) and isinstance(effect.setpoint, Levels)]


def calibrated(**changes: object) -> UnitChecked:
    """A good calibration of one unit, which holds for a year."""
    made = UnitChecked(
        unit="u1",
        model="reference-ultrasound",
        serial="1",
        firmware="1",
        simulated=True,
        what="calibration",
        on="2025-11-23",
        next_due="2026-11-23",
        is_good=True,
    )
    return msgspec.structs.replace(made, **changes)
