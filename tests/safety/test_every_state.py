"""Every reachable state of a session against every kind of event: what must hold of each single step."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

import msgspec
import pytest

from devices.limits import Mark, Witness
from devices.model import NS_PER_MS, Ack, AckOf, Contact, Direction, Fault, LinkFault, Output
from modctl.engine import events as ev
from modctl.engine.effects import Append, Latch, Quench, SessionEffect
from modctl.engine.machine import IGNORED, REFUSED, TRANSITIONS, On, Outcome, Phase
from modctl.engine.phases import LIVE, OVER, SessionState
from modctl.engine.session import begin, session_step, wakeup_ns
from modctl.records import Record, SessionEnded, SessionPaused, SessionResumed, SessionStarted
from tests.unit.engine.made import ESTIM, T0_NS, offs, raises, records, sample, setup

ATTENDED = setup(planned_ns=1_000 * NS_PER_MS, level=msgspec.structs.replace(ESTIM.level, start=1_000))
SUSPENDS = setup(ATTENDED, contact=msgspec.structs.replace(ESTIM.contact, on_loss="suspended-by-unit"), attended=False)
WITNESSED = setup(
    ATTENDED,
    limits=(
        Witness(id="w", parameter="current_ua", permille=100, floor=30, max_age_ms=1_000, source="t", mark=Mark.CHOSEN),
    ),
)
SETUPS = {"attended": ATTENDED, "suspends": SUSPENDS, "witnessed": WITNESSED}

# What may be on the unit's side; everything else is off or claims to be.
MAY_BE_ON = (Phase.STARTING, Phase.RUNNING, Phase.PAUSING, Phase.RESUMING, Phase.STOPPING)
Event = Callable[[SessionState, int], ev.SessionEvent]


def _sample(output: Output, contact: Contact = Contact.GOOD, *, old: bool = False) -> Event:
    def made(_state: SessionState, now_ns: int) -> ev.SessionEvent:
        asked_ns = 0 if old else now_ns
        return ev.SampleArrived(sample=sample(now_ns, output, asked_ns=asked_ns, contact=contact))

    return made


def _fixed(event: ev.SessionEvent) -> Event:
    return lambda _state, _now_ns: event


def _answer(answer: str) -> Event:
    """An answer to whatever is asked next; to the first question when nothing is."""

    def made(state: SessionState, _now_ns: int) -> ev.SessionEvent:
        gates = [gate.gate for gate in state.setup.before]
        place = min(len(state.answers), len(gates) - 1)
        given = "4" if gates[place] == "pain_before" else answer
        return ev.Answered(gate=gates[place], answer=given, actor="p", source="person", age_s=0, took_ms=1)

    return made


def _acked(state: SessionState, now_ns: int) -> ev.SessionEvent:
    return ev.Acked(ack=Ack(at_ns=now_ns, of=AckOf.LEVELS, levels=state.riding.commanded))


ALPHABET: Mapping[str, Event] = {
    **{f"sample {output}": _sample(output) for output in Output},
    "sample old off": _sample(Output.OFF, old=True),
    "sample open": _sample(Output.ENERGIZED, Contact.OPEN),
    "acked": _acked,
    "acked off": _fixed(ev.Acked(ack=Ack(at_ns=0, of=AckOf.OFF))),
    **{f"fault {fault}": _fixed(ev.LinkFaulted(fault=LinkFault(at_ns=0, fault=fault, detail=""))) for fault in Fault},
    "gate broken": _fixed(ev.GateBroken(why="bug")),
    "charted started": _fixed(ev.Charted(what="started")),
    "charted resumed": _fixed(ev.Charted(what="resumed")),
    "tick": _fixed(ev.Ticked()),
    "answer start": _answer("start"),
    "answer not yet": _answer("not-yet"),
    "stop": _fixed(ev.StopAsked(actor=None, source="screen")),
    "pause": _fixed(ev.PauseAsked(actor="p")),
    "resume": _fixed(ev.ResumeAsked(actor="p")),
    **{f"level {way}": _fixed(ev.LevelAsked(actor="p", direction=way)) for way in Direction},
    "attendance lost": _fixed(ev.AttendanceLost(why="closed")),
    "stalled": _fixed(ev.HostStalled(by_ms=500)),
    **{f"writer {by_ms}": _fixed(ev.WriterLate(by_ms=by_ms)) for by_ms in (0, 1_000, 2_000)},
    **{f"partner {how}": _fixed(ev.PartnerEnded(outcome=how)) for how in Outcome},
    **{f"witness {value}": _fixed(ev.WitnessSaid(at_ns=0, value=value)) for value in (None, 0, 900)},
    "partner lifted": _fixed(ev.PartnerLifted()),
    "chart failed": _fixed(ev.ChartFailed(why="disk full")),
}


class Step(msgspec.Struct, frozen=True):
    """One step of the walk."""

    before: SessionState
    event: str
    after: SessionState
    effects: Sequence[SessionEffect]


def _signature(state: SessionState) -> tuple[object, ...]:
    """What tells two states apart in what they may do, but for amounts of time and level."""
    riding = state.riding
    match state.phase:
        case Phase.CHECKING:
            return state.phase, len(state.answers)
        case Phase.STARTING | Phase.RUNNING | Phase.RESUMING:
            return (
                state.phase,
                riding.commanded is None,
                riding.acked_ns is not None,
                riding.is_held_by_chart,
                state.contact_lost_ns is not None,
                state.contact_alarmed,
                riding.set_level > state.setup.level.rest,
                (riding.goal_level > riding.set_level) - (riding.goal_level < riding.set_level),
            )
        case Phase.PAUSING | Phase.STOPPING:
            return state.phase, state.outcome, state.pause_reason, state.off_ack_ns is not None, state.off_seen
        case Phase.PAUSED:
            return state.phase, state.pause_reason, riding.is_held_by_chart
        case _:
            return state.phase, state.outcome


def _walk(name: str) -> tuple[list[Step], int]:
    """Breadth first from the first question: every state found gets every event, soon and when it asked to be woken."""
    first = begin(SETUPS[name], "p")
    found = {_signature(first)}
    open_states = deque([(first, T0_NS)])
    steps: list[Step] = []
    while open_states:
        state, now_ns = open_states.popleft()
        wake_ns = wakeup_ns(state)
        moments = {now_ns + 10 * NS_PER_MS, wake_ns if wake_ns < 1 << 61 else now_ns}
        for at_ns, (event, make) in ((at, item) for at in sorted(moments) for item in ALPHABET.items()):
            at_least_ns = max(now_ns, at_ns)
            after, effects = session_step(state, make(state, at_least_ns), at_least_ns)
            steps.append(Step(state, event, after, effects))
            if _signature(after) not in found:
                found.add(_signature(after))
                open_states.append((after, at_least_ns))
    return steps, len(found)


@pytest.fixture(scope="module", params=sorted(SETUPS))
def walked(request: pytest.FixtureRequest) -> tuple[list[Step], int]:
    """All steps of one kind of session."""
    return _walk(str(request.param))


@pytest.fixture
def steps(walked: tuple[list[Step], int]) -> list[Step]:
    """The steps alone."""
    return walked[0]


def _label(step: Step) -> str:
    return f"{step.before.phase} + {step.event} -> {step.after.phase}"


def test_the_walk_reaches_every_phase_with_every_event(walked: tuple[list[Step], int]) -> None:
    """A walk that misses a corner proves nothing about it."""
    steps, states = walked

    assert states >= 90, f"{states} states, {len(steps)} steps"
    assert {(phase, event) for phase in Phase for event in ALPHABET} == {
        (step.before.phase, step.event) for step in steps
    }


def test_the_walk_moves_along_every_line_of_the_table(steps: list[Step]) -> None:
    """And along no other."""
    moves = {(step.before.phase, step.after.phase) for step in steps if step.before.phase is not step.after.phase}
    table = {(phase, target) for (phase, _on), target in TRANSITIONS.items() if phase is not target}
    refused = {(Phase.CHECKING, Phase.ENDED)}

    assert table | refused == moves


def test_stop_ends_in_stopping_or_over_from_everywhere(steps: list[Step]) -> None:
    """There is no state in which STOP is not taken."""
    stops = [step for step in steps if step.event == "stop"]

    assert [] == [_label(step) for step in stops if step.after.phase not in (Phase.STOPPING, *OVER)]
    assert set(Phase) == {step.before.phase for step in stops}


def test_leaving_what_is_energized_is_off_first(steps: list[Step]) -> None:
    """Before it is charted, before anything is asked."""
    leaving = [step for step in steps if step.before.phase in LIVE and step.after.phase not in LIVE]

    assert leaving
    assert [] == [_label(step) for step in leaving if offs(step.effects)[:1] != list(step.effects[:1])]


def test_nothing_energizes_but_a_durable_entry_and_a_running_session(steps: list[Step]) -> None:
    """The first step of a ramp follows the chart; every other one lies inside RUNNING."""
    energizing = [step for step in steps if raises(step.effects)]
    first = [step for step in energizing if step.before.phase not in LIVE or step.before.riding.commanded is None]

    assert {"charted started", "charted resumed"} == {step.event for step in first}
    assert {Phase.ARMED, Phase.RESUMING} == {step.before.phase for step in first}
    assert [] == [_label(step) for step in energizing if step.after.phase not in LIVE]


def test_a_raise_is_appended_before_its_command(steps: list[Step]) -> None:
    """In the same step, in this order."""
    for step in steps:
        for command in raises(step.effects):
            place = list(step.effects).index(command)

            assert place > 0, _label(step)
            assert isinstance(step.effects[place - 1], Append), _label(step)


def test_an_end_is_confirmed_or_says_that_it_is_not(steps: list[Step]) -> None:
    """ENDED after something may have been on follows a sample that says off; UNCONFIRMED follows the clock."""
    ended = [step for step in steps if step.before.phase in MAY_BE_ON and step.after.phase is Phase.ENDED]
    unconfirmed = [step for step in steps if step.after.phase is Phase.UNCONFIRMED is not step.before.phase]

    assert {"sample off"} == {step.event for step in ended}
    assert {Phase.STOPPING} == {step.before.phase for step in (*ended, *unconfirmed)}
    assert {"tick"} == {step.event for step in unconfirmed}


def test_the_last_entry_comes_once_with_the_end(steps: list[Step]) -> None:
    """Neither forgotten nor doubled, and nothing of the stream after it."""
    for step in steps:
        ends = [record for record in records(step.effects) if isinstance(record, SessionEnded)]
        is_ending = step.before.phase not in OVER and step.after.phase in OVER

        assert is_ending is (len(ends) == 1), _label(step)
        assert step.before.phase not in OVER or step.after.phase is step.before.phase, _label(step)


def test_an_outcome_only_gets_worse(steps: list[Step]) -> None:
    """What went wrong is not undone by what comes after."""
    order = list(Outcome)

    assert [] == [
        _label(step)
        for step in steps
        if step.before.outcome is not None
        and (step.after.outcome is None or order.index(step.after.outcome) < order.index(step.before.outcome))
    ]


def test_a_faulted_or_unconfirmed_end_latches_and_no_other(steps: list[Step]) -> None:
    """The unit waits for a person exactly when something was wrong."""
    for step in steps:
        is_end = step.before.phase not in OVER and step.after.phase in OVER
        is_bad = step.after.outcome in (Outcome.FAULTED, Outcome.UNCONFIRMED)

        assert (is_end and is_bad) is any(isinstance(effect, Latch) for effect in step.effects), _label(step)
        assert any(isinstance(effect, Quench) for effect in step.effects) is (
            is_end and step.after.phase is Phase.UNCONFIRMED
        ), _label(step)


def test_the_stop_deadline_is_never_moved(steps: list[Step]) -> None:
    """Whatever arrives while stopping."""
    assert [] == [
        _label(step)
        for step in steps
        if step.before.phase is step.after.phase is Phase.STOPPING and step.before.deadline_ns != step.after.deadline_ns
    ]


def test_time_always_ends_a_phase_that_waits(steps: list[Step]) -> None:
    """Every phase that is not over has a moment at which it asks to be woken."""
    waiting = [step.after for step in steps if step.after.phase not in OVER]

    assert [] == [str(state.phase) for state in waiting if wakeup_ns(state) >= 1 << 61]


@pytest.mark.parametrize(
    ("record", "between"),
    [
        (SessionStarted, (Phase.CHECKING, Phase.ARMED)),
        (SessionPaused, (Phase.PAUSING, Phase.PAUSED)),
        (SessionResumed, (Phase.PAUSED, Phase.RESUMING)),
    ],
)
def test_what_is_charted_of_a_phase_is_charted_where_it_is_true(
    steps: list[Step], record: type[Record], between: tuple[Phase, Phase]
) -> None:
    """*Started* before STARTING, *paused* with confirmed off, *resumed* before the ramp."""
    where = {
        (step.before.phase, step.after.phase)
        for step in steps
        if any(isinstance(made, record) for made in records(step.effects))
    }

    assert {between} == where


def test_the_table_has_a_word_for_every_pair() -> None:
    """The walk's alphabet is made of real events; the table's of what they mean. Neither has a hole."""
    assert len(Phase) * len(On) == len(TRANSITIONS) + len(IGNORED) + len(REFUSED)
