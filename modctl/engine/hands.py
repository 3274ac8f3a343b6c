"""What a session needs of a person's hands while it runs: packs put on and taken off, questions that fall due.

Rule 1: what a person says is charted as theirs; a pack is off when a person has said so, and by nothing else.
Rule 2: an alarm about a pack is said again until it is answered.
Rule 3: a check that shows harm ends the session, whatever else is going on.
"""

import msgspec

from devices.model import NEVER_NS, PackAct
from modctl.engine import events as ev
from modctl.engine.dues import REMIND_NS, answered, fall_due, grace_ms, grow_late, open_due, spec_of
from modctl.engine.effects import PackSaid, SessionEffect
from modctl.engine.machine import On, Phase
from modctl.engine.phases import (
    LIVE,
    OVER,
    TAKE_OFF,
    SessionState,
    Step,
    alarm,
    append,
    energize,
    take,
)
from modctl.engine.setup import CheckSpec
from modctl.records import CheckDue, GateAnswer, PackMoved

HARM = "check_shows_harm"
MAY_BE_ON = (*LIVE, Phase.STOPPING)


def open_check(state: SessionState) -> CheckSpec | None:
    """The question that is due now, while a session runs, is paused or is being taken off."""
    due = open_due(state.dues)
    asks = state.phase in (*MAY_BE_ON, Phase.PAUSING, Phase.PAUSED)
    return spec_of(state.setup, due) if asks and due is not None else None


def pack_objection(state: SessionState, act: PackAct) -> str | None:
    """Why a person's word about a pack cannot be taken now; None when it can."""
    if not state.setup.by_hand:
        return f"{state.setup.unit} is no pack: stop it instead."
    waits = state.phase is Phase.STARTING and state.riding.commanded is None
    if act is PackAct.ON:
        return None if waits else f"The pack cannot be put on now: the session is {state.phase}."
    if waits or state.phase not in MAY_BE_ON:
        return f"This pack is not on: the session is {state.phase}."
    if act is PackAct.NUMB and state.setup.level.start:
        return "Numb is the end of an ice massage; of a pack with towels it is a reason to look at the skin."
    return None


def resume_objection(state: SessionState) -> str | None:
    """A check that nobody has answered keeps what it holds."""
    check = open_check(state)
    if check is None or check.on_late != "hold":
        return None
    return f"Answer {check.gate.gate.replace('_', ' ')!r} first: look at the skin. The output is off."


def on_pack(state: SessionState, event: ev.PackMoved, now_ns: int) -> Step:
    """On: time begins. Off or numb: the session ends, or, where it was ending already, is over."""
    if pack_objection(state, event.act) is not None:
        return state, ()
    record = append(state, PackMoved(act=event.act, source=event.source), actor=event.actor)
    if event.act is PackAct.ON:
        state, effects = energize(msgspec.structs.replace(state, actor=event.actor), Phase.STARTING, now_ns)
        return state, (record, *effects)
    said = PackSaid(unit=state.setup.unit, is_on=False)
    if state.phase is Phase.STOPPING:
        return msgspec.structs.replace(state, remind_ns=NEVER_NS), (record, said)
    is_done = event.act is PackAct.NUMB and state.phase is Phase.RUNNING
    on, reason = (On.DONE, "numb") if is_done else (On.STOP, "pack_off")
    state, effects = take(state, on, now_ns, reason=reason)
    return state, (*effects, record, said)


def watch_checks(state: SessionState, now_ns: int) -> Step:
    """On a tick: what falls due, what is late now, and what is said again."""
    effects: list[SessionEffect] = []
    if state.phase in (Phase.RUNNING, Phase.PAUSED):
        dues, late = grow_late(state.setup, state.dues, now_ns)
        state = msgspec.structs.replace(state, dues=dues)
        for due in late:
            state, told = _on_late(state, spec_of(state.setup, due), now_ns)
            effects += told
    if state.phase is Phase.RUNNING:
        dues, new = fall_due(state.dues, state.ledger, now_ns)
        state = msgspec.structs.replace(state, dues=dues)
        effects += [append(state, CheckDue(gate=due.gate, grace_ms=grace_ms(state.setup, due))) for due in new]
    if now_ns >= state.remind_ns and state.phase not in OVER:
        state = msgspec.structs.replace(state, remind_ns=now_ns + REMIND_NS)
        effects.append(append(state, alarm(TAKE_OFF, "high")))
    return state, tuple(effects)


def _on_late(state: SessionState, check: CheckSpec, now_ns: int) -> Step:
    if check.on_late == "pack":
        state = msgspec.structs.replace(state, remind_ns=now_ns + REMIND_NS)
        return state, (append(state, alarm(TAKE_OFF, "high")),)
    told = append(state, alarm(f"{check.gate.gate}_late", "medium"))
    if check.on_late != "hold":
        return state, (told,)
    state, effects = take(state, On.HOLD, now_ns, reason="skin_check_late")
    return state, (*effects, told)


def on_check_answer(state: SessionState, event: ev.Answered, check: CheckSpec, now_ns: int) -> Step:
    """A due question is answered: it is closed, stays open (*not done*), or ends the session."""
    given = GateAnswer(
        gate=event.gate, answer=event.answer, source=event.source, age_s=event.age_s, took_ms=event.took_ms
    )
    record = append(state, given, actor=event.actor)
    dues = answered(state.setup, state.dues, event.gate, event.answer, state.ledger)
    if event.answer in check.leaves_open:
        return state, (record,)
    remind_ns = state.remind_ns if state.phase is Phase.STOPPING else NEVER_NS
    state = msgspec.structs.replace(state, dues=dues, remind_ns=remind_ns)
    if event.answer not in check.ends:
        return state, (record,)
    state, effects = take(state, On.STOP, now_ns, reason=f"{event.gate}:{event.answer}")
    return state, (*effects, record, append(state, alarm(HARM, "high")))
