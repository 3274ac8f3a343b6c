"""A session's reducer: what arrives is judged here, and moves the session by the table in ``machine``.

Rule 1: STOP is accepted in every state and waits for nothing.
Rule 2: nothing is energized before its entry is durable; nothing commanded resumes by itself.
Rule 3: a stop is done when two samples, asked after the stop's acknowledgement, say off; else it is UNCONFIRMED.
Rule 4: what a sample does not say is a finding, not a pass.
"""

from typing import assert_never

import msgspec

from devices.model import (
    NEVER_NS,
    NS_PER_MS,
    NS_PER_S,
    Ack,
    AckOf,
    Contact,
    Direction,
    Fault,
    LinkFault,
    Output,
    Sample,
)
from modctl.engine import events as ev
from modctl.engine.checks import check_levels
from modctl.engine.dues import first_dues, next_due_ns
from modctl.engine.effects import SessionEffect
from modctl.engine.felt import alarms_of, feel, hold_text
from modctl.engine.hands import on_check_answer, on_pack, open_check, pack_objection, resume_objection, watch_checks
from modctl.engine.ledger import Ledger, account, close_doubt, observed
from modctl.engine.machine import On, Outcome, Phase
from modctl.engine.phases import LIVE, OVER, SessionState, Step, alarm, append, end, take
from modctl.engine.riding import Riding, cap, drive, next_drive_ns, ride
from modctl.engine.setup import GateSpec, Setup
from modctl.engine.warmth import dose_limit, judge_dose
from modctl.engine.watching import Trouble, breached, judge_given, judge_sample, judge_witness, silent_witness
from modctl.records import GateAnswer, Override, SessionClosed, SessionRefused, SessionSigned

CHECKING_NS = 1_800 * NS_PER_S  # chosen: half an hour of unanswered questions is an abandoned request
WRITER_STOP_MS = 2_000  # house rule: a writer this far behind is a controlled stop
WRITER_HOLD_MS = 1_000  # house rule: no raise
SECOND_PRESS_NS = 150 * NS_PER_MS  # chosen: keyboards repeat a held key every 30 to 50 ms
ACTS = (ev.Answered, ev.PauseAsked, ev.ResumeAsked, ev.LevelAsked)  # of a person at a screen
PARTNER_NS = NS_PER_S  # chosen: two units acknowledge their first step at different moments, never a second apart


def begin(setup: Setup, actor: str | None) -> SessionState:
    """A session in CHECKING: its first gate is open."""
    return SessionState(
        setup=setup,
        phase=Phase.CHECKING,
        deadline_ns=setup.begun_ns + CHECKING_NS,
        actor=actor,
        riding=Riding(set_level=setup.level.rest, goal_level=setup.level.start),
        ledger=Ledger(mark_ns=setup.begun_ns),
        dues=first_dues(setup),
    )


def next_gate(state: SessionState) -> GateSpec | None:
    """The gate that has to be answered next, before the start or after the end; None when there is none."""
    if state.phase is Phase.CHECKING:
        return state.setup.before[len(state.answers)]
    if state.phase in OVER and state.ledger.energized_ns > 0 and len(state.after_answers) < len(state.setup.after):
        return state.setup.after[len(state.after_answers)]
    return None


def objection(state: SessionState, event: ev.SessionEvent) -> str | None:  # noqa: C901, PLR0911, PLR0912  # flat: one arm an event
    """Why a person's request cannot be taken now, as a sentence; None when it can. Asked before the reducer is."""
    match event:
        case ev.Answered():
            return _answer_objection(state, event)
        case ev.PauseAsked() if state.phase not in LIVE:
            return f"There is nothing to pause: the session is {state.phase}."
        case ev.PauseAsked() if state.setup.by_hand:
            return "A pack cannot be paused: take it off, and start again when it goes back on."
        case ev.PackMoved(act=act):
            return pack_objection(state, act)
        case ev.ResumeAsked() if state.phase is not Phase.PAUSED:
            return f"There is nothing to resume: the session is {state.phase}."
        case ev.ResumeAsked():
            return resume_objection(state)
        case ev.LevelAsked() if state.setup.by_hand:
            return "A pack has no level to ride: its towels were stated before the start."
        case ev.LevelAsked() if state.phase is not Phase.RUNNING:
            return f"The level can be changed while the session runs; it is {state.phase}."
        case ev.LevelAsked(direction=direction) if direction == "up" and state.riding.is_held_by_chart:
            return "The chart is behind: no raise until it has caught up."
        case ev.LevelAsked(direction=direction) if direction == "up" and state.felt.holds_raise:
            return hold_text(state.felt)
        case ev.LevelAsked(direction=direction) if direction == "up" and state.riding.is_held_by_contact:
            return "There is no contact: no raise until it is back."
        case ev.LevelAsked(direction=direction) if direction == "up":
            return _soft_objection(state)
        case _:
            return None


def _soft_objection(state: SessionState) -> str | None:
    """Why the level ends where it stands, where a soft limit made the riding cap; None for every other raise."""
    setup, level = state.setup, state.setup.level
    if state.riding.set_level != cap(level):
        return None
    further = cap(level) + level.person_step * (-1 if level.down_intensifies else 1)
    verdict = check_levels(setup.soft, {**dict(setup.context), **dict(setup.settings), level.parameter: further})
    if verdict is None:
        return None
    opened = " was opened only so far" if verdict.limit in setup.opened else " was not opened for this session"
    return f"The level stays where it is: {verdict.limit}{opened}."


def _answer_objection(state: SessionState, event: ev.Answered) -> str | None:
    check = open_check(state)
    gate = next_gate(state) if check is None else check.gate
    if gate is None:
        return "No question is open in this session."
    if event.gate != gate.gate:
        return f"The next question is {gate.gate!r}, not {event.gate!r}."
    if event.answer in gate.answers:
        return None
    if gate.answers and gate.maximum is None:
        return f"{event.answer!r} is not an answer to {gate.gate!r}."
    if not event.answer.isascii() or not event.answer.isdigit():
        return f"{gate.gate!r} takes a number."
    low, high = gate.minimum or 0, gate.maximum or 0
    return None if low <= int(event.answer) <= high else f"{gate.gate!r} takes {low} to {high}."


def session_step(state: SessionState, event: ev.SessionEvent, now_ns: int) -> Step:  # noqa: C901, PLR0911, PLR0912  # flat: one arm an event
    """One event. The only way a session changes."""
    is_left = state.is_left and not isinstance(event, ACTS)
    state = msgspec.structs.replace(state, ledger=account(state.ledger, now_ns), is_left=is_left)
    match event:
        case ev.SampleArrived(sample=sample):
            return _on_sample(state, sample, now_ns)
        case ev.Acked(ack=ack):
            return _on_ack(state, ack, now_ns)
        case ev.LinkFaulted(fault=fault):
            return _on_link_fault(state, fault, now_ns)
        case ev.Ticked():
            return _on_tick(state, now_ns)
        case ev.Answered():
            return _on_answer(state, event, now_ns)
        case ev.StopAsked(source=source, fast=fast):
            return _on_stop(state, source, now_ns, fast=fast)
        case ev.Charted():
            return take(state, On.CHARTED, now_ns)
        case ev.PauseAsked():
            return take(state, On.HOLD, now_ns, reason="pause")
        case ev.ResumeAsked(actor=actor):
            return take(msgspec.structs.replace(state, actor=actor), On.RESUME, now_ns)
        case ev.LevelAsked(direction=direction):
            return _drive(msgspec.structs.replace(state, riding=ride(state.riding, state.setup, direction)), now_ns)
        case ev.PackMoved():
            return on_pack(state, event, now_ns)
        case ev.WriterLate(by_ms=by_ms):
            return _on_writer(state, by_ms, now_ns)
        case ev.AttendanceLost(why=why) if state.setup.attended or state.phase is Phase.CHECKING:
            return take(state, On.STOP, now_ns, reason=f"screen_lost:{why}")
        case ev.AttendanceLost():
            return _left_alone(state)
        case ev.GateBroken():
            return take(state, On.FAULT, now_ns, reason="frame_held")
        case ev.WitnessSaid(value=value):
            return _on_witness(state, value, now_ns)
        case ev.PartnerEnded(outcome=outcome):
            return _on_partner_ended(state, outcome, now_ns)
        case ev.PartnerLifted():
            return _on_partner_lifted(state, now_ns)
        case ev.HostStalled(slept_ms=slept_ms):
            ledger = state.ledger.slept(slept_ms * NS_PER_MS)
            return take(msgspec.structs.replace(state, ledger=ledger), On.FAULT, now_ns, reason="host_stalled")
        case ev.ChartFailed():
            return take(state, On.FAULT, now_ns, reason="chart_failed")
        case _:
            assert_never(event)


def wakeup_ns(state: SessionState) -> int:
    """When the session wants a tick if nothing else arrives before."""
    if state.phase in OVER:
        return NEVER_NS
    times = [state.deadline_ns, state.elapsed_limit_ns, state.remind_ns]
    if state.phase in (Phase.RUNNING, Phase.PAUSED):
        times.append(next_due_ns(state.setup, state.dues, state.ledger))
    if state.phase in LIVE:
        if state.sample is not None:
            times.append(state.sample.at_ns + state.setup.stale_ns + 1)
        if state.phase is Phase.RUNNING:
            times.append(next_drive_ns(state.riding, state.setup, state.ledger))
            if state.riding.acked_ns is None:
                times.append(state.riding.commanded_ns + state.setup.stale_ns + 1)
        if state.witnessed_ns is not None and state.setup.witness is not None:
            times.append(state.witnessed_ns + state.setup.witness.max_age_ms * NS_PER_MS + 1)
        if state.contact_lost_ns is not None and not state.contact_alarmed:
            times.append(state.contact_lost_ns + state.setup.contact.alarm_after_ns)
        if state.contact_lost_ns is not None:
            times.append(state.contact_lost_ns + state.setup.contact.stop_after_ns)
    return min(times)


def _left_alone(state: SessionState) -> Step:
    """It goes on without its screen, and every other screen says so. Nobody watches a pack through a screen."""
    if state.setup.by_hand or state.phase in OVER:
        return state, ()
    return msgspec.structs.replace(state, is_left=True), (append(state, alarm("left_alone", "medium")),)


def _on_stop(state: SessionState, source: str, now_ns: int, *, fast: bool) -> Step:
    """The second press of a stop asks for the fastest way to off; the repeats of a held key are one press."""
    asked_ns = state.stop_asked_ns
    again = asked_ns is not None and now_ns - asked_ns >= SECOND_PRESS_NS
    state, effects = take(state, On.STOP, now_ns, reason=f"stop:{source}", fast=fast or again)
    return msgspec.structs.replace(state, stop_asked_ns=now_ns), effects


def _on_sample(state: SessionState, sample: Sample, now_ns: int) -> Step:
    state = msgspec.structs.replace(state, sample=sample)
    if dose_limit(state.setup) is not None and state.ledger.energized_ns > 0:
        state = msgspec.structs.replace(state, warmth=state.warmth.felt(sample))
    match state.phase:
        case Phase.STOPPING | Phase.PAUSING:
            return _count_off(state, sample, now_ns)
        case Phase.PAUSED | Phase.ARMED:
            return _expect_off(state, sample, now_ns)
        case Phase.RESUMING if state.riding.commanded is None:  # its entry is not durable yet
            return _expect_off(state, sample, now_ns)
        case Phase.STARTING | Phase.RUNNING | Phase.RESUMING:
            return _on_live_sample(state, sample, now_ns)
        case _:
            return state, ()


def _expect_off(state: SessionState, sample: Sample, now_ns: int) -> Step:
    if sample.output is Output.OFF:
        return state, ()
    is_unknown = sample.output is Output.UNKNOWN
    return take(state, On.FAULT, now_ns, reason="output_unknown" if is_unknown else "uncommanded_output")


def _count_off(state: SessionState, sample: Sample, now_ns: int) -> Step:
    if state.off_ack_ns is None or sample.asked_ns < state.off_ack_ns:
        return state, ()
    seen = state.off_seen + 1 if sample.output is Output.OFF else 0
    state = msgspec.structs.replace(state, off_seen=seen)
    if seen < state.setup.confirm_samples:
        return state, ()
    return take(state, On.OFF_CONFIRMED, now_ns)


def _on_live_sample(state: SessionState, sample: Sample, now_ns: int) -> Step:
    is_older = state.riding.acked_ns is None or sample.asked_ns < state.riding.acked_ns
    if is_older and state.phase is not Phase.RUNNING:
        return state, ()  # asked before the first levels were in force: the unit may still be off
    if sample.contact is Contact.OPEN and state.setup.contact.on_loss == "off":
        return take(state, On.HOLD, now_ns, reason="contact_lost")
    trouble, counts = judge_sample(state.setup, state.riding, sample, state.counts, now_ns)
    state = msgspec.structs.replace(state, counts=counts)
    if trouble is None and (spent := judge_dose(state.setup, state.warmth)) is not None:
        trouble = Trouble(f"limit:{spent.limit}", spent)
    if trouble is None and (given := judge_given(state.setup, state.ledger.dose_upper)) is not None:
        trouble = Trouble(f"limit:{given.limit}", given)
    if trouble is not None:
        return _breach(state, trouble, now_ns)
    state, told = _feel(state, sample, now_ns)
    measured = sample.get(state.setup.level.parameter)
    ledger = observed(state.ledger, sample.output, state.riding.level, measured)
    state = msgspec.structs.replace(state, ledger=ledger)
    state = _note_contact(state, sample, now_ns)
    if state.phase in (Phase.STARTING, Phase.RESUMING):
        state, _nothing = take(state, On.EXECUTING, now_ns)
    state, effects = _drive(state, now_ns)
    return state, (*effects, *told)


def _feel(state: SessionState, sample: Sample, now_ns: int) -> Step:
    """Findings that stop nothing: they hold the level where it is, and are told once."""
    before = state.felt
    felt = feel(state.setup, state.riding, sample, before, now_ns)
    state = msgspec.structs.replace(state, felt=felt)
    if felt.holds_raise and not before.holds_raise:
        state = msgspec.structs.replace(state, riding=ride(state.riding, state.setup, Direction.HOLD))
    return state, tuple(append(state, alarm(word, "medium")) for word in alarms_of(before, felt))


def _note_contact(state: SessionState, sample: Sample, now_ns: int) -> SessionState:
    if sample.contact is not Contact.OPEN and sample.output is not Output.SUSPENDED:
        riding = state.riding.held_by_contact(held=False)
        return msgspec.structs.replace(state, riding=riding, contact_lost_ns=None, contact_alarmed=False)
    if state.contact_lost_ns is None:
        return msgspec.structs.replace(state, riding=state.riding.held_by_contact(held=True), contact_lost_ns=now_ns)
    return state


def _on_ack(state: SessionState, ack: Ack, now_ns: int) -> Step:
    if ack.of is AckOf.OFF:
        if state.phase in (Phase.STOPPING, Phase.PAUSING) and state.off_ack_ns is None:
            state = msgspec.structs.replace(state, off_ack_ns=now_ns)
        return state, ()
    if state.phase in LIVE and ack.levels is not None and ack.levels == state.riding.commanded:
        ledger = state.ledger
        if not ledger.is_running:  # delivery begins with the acknowledgement of the first ramp step
            ledger = observed(ledger, Output.ENERGIZED, state.riding.level, None)
        state = msgspec.structs.replace(state, riding=state.riding.acknowledged(now_ns), ledger=ledger)
        return _drive(state, now_ns) if state.phase is Phase.RUNNING else (state, ())
    return state, ()


ENDS_SESSION = {
    Fault.LOST: "line_lost",
    Fault.STUCK: "line_stuck",
    Fault.REBOOTED: "unit_rebooted",
    Fault.FROZEN: "readings_frozen",
    Fault.MISMATCH: "unit_exchanged",
    Fault.HALTED: "unit_switched_off",
    Fault.FOREIGN: "foreign_answer",
    Fault.REFUSED: "unit_refused",
}


def _on_link_fault(state: SessionState, fault: LinkFault, now_ns: int) -> Step:
    """Some faults end a session at once; a lost or garbled answer leaves doubt, which time or a sample settles."""
    if state.phase not in (*LIVE, Phase.PAUSED, Phase.ARMED):
        return state, ()
    reason = ENDS_SESSION.get(fault.fault)
    if reason is not None:
        return take(state, On.FAULT, now_ns, reason=reason)
    if state.phase in LIVE and state.riding.acked_ns is None and state.riding.commanded is not None:
        return take(state, On.FAULT, now_ns, reason="command_unanswered")
    return state, ()


def _on_writer(state: SessionState, by_ms: int, now_ns: int) -> Step:
    if by_ms >= WRITER_STOP_MS:
        return take(state, On.FAULT, now_ns, reason="chart_behind")
    return msgspec.structs.replace(state, riding=state.riding.held_by_chart(held=by_ms >= WRITER_HOLD_MS)), ()


def _on_witness(state: SessionState, value: int | None, now_ns: int) -> Step:
    """A second opinion while something may pull. An instrument without a value has said nothing."""
    if value is None:
        return state, ()
    state = msgspec.structs.replace(state, witnessed_ns=None if state.setup.witness is None else now_ns)
    if state.phase not in (*LIVE, Phase.PAUSED) or state.sample is None:
        return state, ()
    told = state.sample.get(state.setup.level.parameter)
    trouble, counts = judge_witness(state.setup, told, value, state.counts)
    state = msgspec.structs.replace(state, counts=counts)
    return (state, ()) if trouble is None else _breach(state, trouble, now_ns)


def _on_partner_ended(state: SessionState, outcome: str, now_ns: int) -> Step:
    """Ended together. Where both were given to their ends but for a moment, both are complete."""
    left_ns = state.setup.planned_ns - state.ledger.delivered_at(now_ns)
    is_complete = outcome == Outcome.COMPLETED and state.phase is Phase.RUNNING and left_ns <= PARTNER_NS
    return take(state, On.DONE if is_complete else On.STOP, now_ns, reason="partner_ended", fast=False)


def _on_partner_lifted(state: SessionState, now_ns: int) -> Step:
    """Off, if it is not yet; and what a person had set is forgotten: a lifted head is begun again from off."""
    if state.phase in (Phase.PAUSING, Phase.PAUSED):
        return msgspec.structs.replace(state, pause_reason="partner_lifted"), ()
    return take(state, On.HOLD, now_ns, reason="partner_lifted")


def _on_tick(state: SessionState, now_ns: int) -> Step:
    if state.phase in OVER:
        return state, ()
    if state.phase is Phase.STARTING and state.setup.by_hand and now_ns >= state.deadline_ns:
        return take(state, On.STOP, now_ns, reason="pack_not_put_on")
    if now_ns >= state.deadline_ns:
        return take(state, On.DEADLINE, now_ns, reason=f"{state.phase}_timeout")
    if now_ns >= state.elapsed_limit_ns:
        return take(state, On.STOP, now_ns, reason="elapsed_limit")
    state, told = watch_checks(state, now_ns)
    if state.phase not in LIVE:
        return state, told
    state, effects = _on_live_tick(state, now_ns)
    return state, (*effects, *told)


def _on_live_tick(state: SessionState, now_ns: int) -> Step:
    if state.sample is not None and now_ns - state.sample.at_ns > state.setup.stale_ns:
        state = msgspec.structs.replace(state, ledger=close_doubt(state.ledger, state.sample.at_ns))
        return take(state, On.FAULT, now_ns, reason="no_data")
    silence = silent_witness(state.setup, state.witnessed_ns, now_ns)
    if silence is not None:
        return _breach(state, silence, now_ns)
    if _is_unanswered(state, now_ns):
        return take(state, On.FAULT, now_ns, reason="command_unanswered")
    if state.contact_lost_ns is not None:
        return _on_contact_tick(state, now_ns)
    return _drive(state, now_ns)


def _is_unanswered(state: SessionState, now_ns: int) -> bool:
    """What is in force is not known for as long as a sample may be old. Starts have a deadline of their own."""
    waits = state.phase is Phase.RUNNING and state.riding.acked_ns is None
    return waits and now_ns - state.riding.commanded_ns > state.setup.stale_ns


def _on_contact_tick(state: SessionState, now_ns: int) -> Step:
    lost_ns = now_ns - (state.contact_lost_ns or now_ns)
    if lost_ns >= state.setup.contact.stop_after_ns:
        return take(state, On.STOP, now_ns, reason="contact_lost")
    if lost_ns >= state.setup.contact.alarm_after_ns and not state.contact_alarmed:
        state = msgspec.structs.replace(state, contact_alarmed=True)
        return state, (append(state, alarm("coupling_lost", "medium")),)
    return _drive(state, now_ns)


def _on_answer(state: SessionState, event: ev.Answered, now_ns: int) -> Step:
    given = (event.gate, event.answer)
    if (check := open_check(state)) is not None and check.gate.gate == event.gate:
        return on_check_answer(state, event, check, now_ns)
    record = append(state, _gate_answer(event), actor=event.actor)
    if state.phase in OVER:
        return _on_after_answer(state, event, record)
    gate = next_gate(state)
    state = msgspec.structs.replace(state, answers=(*state.answers, given), actor=event.actor)
    if gate is not None and event.answer in gate.closes:
        refused = append(state, SessionRefused(reason=f"gate:{event.gate}:{event.answer}"), actor=event.actor)
        state, effects = end(state, Outcome.STOPPED, "refused", now_ns)
        return state, (record, refused, *effects)
    opened = () if gate is None or not gate.opens else (_opened(state, gate, event),)
    if len(state.answers) < len(state.setup.before):
        return state, (record, *opened)
    state, effects = take(state, On.CONFIRMED, now_ns)
    return state, (record, *effects)


def _opened(state: SessionState, gate: GateSpec, event: ev.Answered) -> SessionEffect:
    return append(state, Override(limit=gate.opens, reason=event.answer), actor=event.actor)


def _on_after_answer(state: SessionState, event: ev.Answered, record: SessionEffect) -> Step:
    state = msgspec.structs.replace(state, after_answers=(*state.after_answers, (event.gate, event.answer)))
    effects = [record]
    if event.gate == "sign" and event.answer == "signed":
        effects.append(append(state, SessionSigned(meaning="performed"), actor=event.actor))
    if len(state.after_answers) == len(state.setup.after):
        effects.append(append(state, SessionClosed(answers=len(state.after_answers)), actor=event.actor))
    return state, tuple(effects)


def _breach(state: SessionState, trouble: Trouble, now_ns: int) -> Step:
    state, effects = take(state, On.FAULT, now_ns, reason=trouble.reason)
    if trouble.verdict is None:
        return state, effects
    return state, (*effects, append(state, breached(trouble.verdict)))


def _drive(state: SessionState, now_ns: int) -> Step:
    """Bring the commanded level to where ramp, plan and person want it now; end when the planned time is delivered."""
    if state.phase is not Phase.RUNNING:
        return state, ()
    if state.ledger.delivered_at(now_ns) >= state.setup.planned_ns:
        return take(state, On.DONE, now_ns, reason="planned_time", fast=False)
    riding, records, commands = drive(state.riding, state.setup, state.ledger, now_ns)
    ledger = state.ledger.expecting(riding.level) if commands else state.ledger
    state = msgspec.structs.replace(state, riding=riding, ledger=ledger)
    return state, (*(append(state, record) for record in records), *commands)


def _gate_answer(event: ev.Answered) -> GateAnswer:
    return GateAnswer(
        gate=event.gate,
        answer=event.answer,
        source=event.source,
        age_s=event.age_s,
        took_ms=event.took_ms,
        text=event.text,
    )
