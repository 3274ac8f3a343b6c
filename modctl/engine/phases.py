"""How a session enters each phase: the state, and what entering asks of the outer ring.

Rule 1: a stop's first effect is Off; what is charted about it comes after.
Rule 2: the stop deadline is set once, on entering STOPPING, and never extended; the worst reason wins.
Rule 3: START and RESUME energize only in the step that follows a durable entry.
"""

from collections.abc import Callable, Mapping

import msgspec

from devices.model import NEVER_NS, NS_PER_MS, NS_PER_S, UCUM_OF, Off, Sample
from devices.plan import rounds
from modctl.engine.dues import REMIND_NS, Dues
from modctl.engine.effects import Append, Command, Latch, Quench, SessionEffect
from modctl.engine.felt import Felt
from modctl.engine.ledger import Ledger
from modctl.engine.machine import TRANSITIONS, On, Outcome, Phase, worse
from modctl.engine.riding import Riding, first_command, resume_command
from modctl.engine.setup import Setup
from modctl.engine.warmth import THERMAL, Warmth, dose_limit
from modctl.records import (
    Alarm,
    DoseBound,
    Draft,
    Quantity,
    Record,
    SessionEnded,
    SessionPaused,
    SessionRefused,
    SessionResumed,
)

STARTING_NS = 3 * NS_PER_S  # house rule: STARTING and RESUMING
ARMED_NS = 60 * NS_PER_S  # house rule
ELAPSED_EXTRA_NS = 600 * NS_PER_S  # house rule: planned + 10 min or twice, whichever is less
PACK_ON_NS = 600 * NS_PER_S  # chosen: the way to the tank and back, and the towels
TAKE_OFF = "take_pack_off"
SAID_OFF = ("pack_off", "numb")  # reasons of an end that begins with a person taking the pack off
KEEPS_GOAL = ("pause", "skin_check_late")  # what was set before was felt to be right; it is ramped back to
LIVE = (Phase.STARTING, Phase.RUNNING, Phase.RESUMING)
OVER = (Phase.ENDED, Phase.UNCONFIRMED)
LIFTED = ("contact_lost", "partner_lifted")  # pauses that nobody asked for: a person looks before resuming


class SessionState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a session knows. Replaced, never changed."""

    setup: Setup
    phase: Phase
    deadline_ns: int
    elapsed_limit_ns: int = NEVER_NS
    answers: tuple[tuple[str, str], ...] = ()
    after_answers: tuple[tuple[str, str], ...] = ()
    actor: str | None = None
    riding: Riding
    ledger: Ledger
    sample: Sample | None = None
    counts: tuple[tuple[str, int], ...] = ()  # consecutive findings per limit that asks for more than one
    witnessed_ns: int | None = None  # the newest reading of the instrument beside the unit; None: none is asked for
    contact_lost_ns: int | None = None
    contact_alarmed: bool = False
    stop_ns: int | None = None  # when off was decided
    stop_asked_ns: int | None = None  # when a person last asked for the stop that is under way
    off_ack_ns: int | None = None  # this and the next begin anew with every stop and every pause
    off_seen: int = 0
    outcome: Outcome | None = None
    reason: str = ""
    pause_reason: str = ""
    off_after_ms: int | None = None
    dues: Dues = ()
    warmth: Warmth = Warmth()
    felt: Felt = Felt()
    is_left: bool = False  # its screen is gone, it goes on, and nobody has acted on it since
    remind_ns: int = NEVER_NS  # when an alarm that nobody has answered is said again


Step = tuple[SessionState, tuple[SessionEffect, ...]]


def take(state: SessionState, on: On, now_ns: int, *, reason: str = "", fast: bool = True) -> Step:
    """Follow one transition of the table; what it does not list is ignored or refused there by name."""
    target = TRANSITIONS.get((state.phase, on))
    match target:
        case None:
            return state, ()
        case Phase.STOPPING:
            return _enter_stopping(state, on, now_ns, reason, fast=fast)
        case Phase.PAUSING:
            return _enter_pausing(state, now_ns, reason)
        case Phase.ENDED if state.phase is Phase.STOPPING:
            return end(state, state.outcome or Outcome.FAULTED, state.reason, now_ns)
        case Phase.ENDED:
            return end(state, Outcome.STOPPED, reason, now_ns)
        case _:
            return ENTER[target](state, now_ns)


def _enter_armed(state: SessionState, now_ns: int) -> Step:
    state = msgspec.structs.replace(state, phase=Phase.ARMED, deadline_ns=now_ns + ARMED_NS)
    return state, (append(state, state.setup.started, actor=state.actor, await_as="started"),)


def _enter_starting(state: SessionState, now_ns: int) -> Step:
    if not state.setup.by_hand:
        return energize(state, Phase.STARTING, now_ns)
    return msgspec.structs.replace(state, phase=Phase.STARTING, deadline_ns=now_ns + PACK_ON_NS, sample=None), ()


def _enter_running(state: SessionState, _now_ns: int) -> Step:
    return msgspec.structs.replace(state, phase=Phase.RUNNING, deadline_ns=NEVER_NS), ()


def energize(state: SessionState, phase: Phase, now_ns: int) -> Step:
    """The first frame with output; of a pack, the person's word that it is on."""
    elapsed_limit = state.elapsed_limit_ns
    if elapsed_limit == NEVER_NS:
        planned = state.setup.planned_ns
        elapsed_limit = now_ns + planned + min(planned, ELAPSED_EXTRA_NS) + STARTING_NS
    fresh = first_command if phase is Phase.STARTING else resume_command
    riding, records, commands = fresh(state.riding, state.setup, state.ledger, now_ns)
    state = msgspec.structs.replace(
        state,
        phase=phase,
        deadline_ns=now_ns + STARTING_NS,
        elapsed_limit_ns=elapsed_limit,
        riding=riding,
        ledger=state.ledger.energizing(now_ns),
        counts=(),
        witnessed_ns=None if state.setup.witness is None else now_ns,
        sample=None,
        contact_lost_ns=None,
    )
    return state, (*(append(state, record) for record in records), *commands)


def _enter_stopping(state: SessionState, on: On, now_ns: int, reason: str, *, fast: bool) -> Step:
    outcome = {On.DONE: Outcome.COMPLETED, On.STOP: Outcome.STOPPED}.get(on, Outcome.FAULTED)
    if state.phase is Phase.STOPPING:
        if not worse(outcome, state.outcome):
            return state, (_off(state, fast=fast),)
        state = msgspec.structs.replace(state, outcome=outcome, reason=reason)
        return state, _stop_effects(state, fast=fast)
    state = msgspec.structs.replace(
        state,
        phase=Phase.STOPPING,
        deadline_ns=now_ns + state.setup.stop_deadline_ns,
        elapsed_limit_ns=NEVER_NS,
        stop_ns=now_ns,
        off_ack_ns=None,
        off_seen=0,
        outcome=outcome,
        reason=reason,
        ledger=state.ledger.stopping(now_ns),
        remind_ns=NEVER_NS,
    )
    effects = _stop_effects(state, fast=fast)
    if not state.setup.by_hand or not state.ledger.is_energized or reason in SAID_OFF:
        return state, effects
    state = msgspec.structs.replace(state, remind_ns=now_ns + REMIND_NS)
    return state, (*effects, append(state, alarm(TAKE_OFF, "high")))


def _stop_effects(state: SessionState, *, fast: bool) -> tuple[SessionEffect, ...]:
    if state.outcome is not Outcome.FAULTED:
        return (_off(state, fast=fast),)
    return _off(state, fast=fast), append(state, alarm(state.reason, "high"))


def _enter_pausing(state: SessionState, now_ns: int, reason: str) -> Step:
    state = msgspec.structs.replace(
        state,
        phase=Phase.PAUSING,
        deadline_ns=now_ns + state.setup.stop_deadline_ns,
        pause_reason=reason,
        off_ack_ns=None,
        off_seen=0,
        ledger=state.ledger.stopping(now_ns),
    )
    effects: list[SessionEffect] = [_off(state, fast=False)]
    if reason in LIFTED:
        effects.append(append(state, alarm(reason, "medium")))
    return state, tuple(effects)


def _enter_paused(state: SessionState, now_ns: int) -> Step:
    state = msgspec.structs.replace(state, phase=Phase.PAUSED, deadline_ns=NEVER_NS, ledger=state.ledger.paused(now_ns))
    return state, (append(state, SessionPaused(reason=state.pause_reason)),)


def _enter_resuming(state: SessionState, now_ns: int) -> Step:
    if state.phase is Phase.RESUMING:  # the entry is durable: now energize
        return energize(state, Phase.RESUMING, now_ns)
    riding = state.riding.from_off(state.setup, keep_goal=state.pause_reason in KEEPS_GOAL)
    state = msgspec.structs.replace(
        state, phase=Phase.RESUMING, deadline_ns=now_ns + STARTING_NS, riding=riding, sample=None
    )
    return state, (append(state, SessionResumed(), actor=state.actor, await_as="resumed"),)


def _enter_unconfirmed(state: SessionState, now_ns: int) -> Step:
    state = msgspec.structs.replace(state, phase=Phase.UNCONFIRMED, deadline_ns=NEVER_NS, outcome=Outcome.UNCONFIRMED)
    state = msgspec.structs.replace(state, ledger=state.ledger.ended(now_ns, confirmed=False))
    setup = state.setup
    return state, (
        Quench(unit=setup.unit, lease_ms=setup.lease_ms),
        append(state, alarm("off_not_confirmed", "high")),
        append(state, _ended(state, Outcome.UNCONFIRMED, state.reason, None)),
        Latch(unit=setup.unit, reason=f"off_not_confirmed:{state.reason}"),
    )


def end(state: SessionState, outcome: Outcome, reason: str, now_ns: int) -> Step:
    """Close the session: its last entry, and the latch if it was a fault."""
    after_ms = None if state.stop_ns is None else (now_ns - state.stop_ns) // NS_PER_MS
    state = msgspec.structs.replace(
        state,
        phase=Phase.ENDED,
        deadline_ns=NEVER_NS,
        outcome=outcome,
        reason=reason,
        off_after_ms=after_ms,
        ledger=state.ledger.ended(now_ns),
        remind_ns=NEVER_NS,
    )
    effects: list[SessionEffect] = [append(state, _ended(state, outcome, reason, after_ms))]
    if outcome is Outcome.FAULTED:
        effects.append(Latch(unit=state.setup.unit, reason=reason))
    return state, tuple(effects)


def _off(state: SessionState, *, fast: bool) -> Command:
    return Command(unit=state.setup.unit, setpoint=Off(fast=fast))


def begin_ended(session: str, actor: str | None, refused: SessionRefused | str, planned_ns: int) -> tuple[Append, ...]:
    """A session that never was: why, and its end, so that every request in the chart has one."""
    why = SessionRefused(reason=refused) if isinstance(refused, str) else refused
    end_record = SessionEnded(
        outcome=Outcome.STOPPED,
        reason="refused",
        planned_ms=planned_ns // NS_PER_MS,
        delivered_ms=0,
        paused_ms=0,
        no_contact_ms=0,
        unknown_ms=0,
        energized_ms=0,
        off_after_ms=None,
    )
    return tuple(Append(draft=Draft(data=data, session=session, actor=actor)) for data in (why, end_record))


def append(state: SessionState, data: Record, *, actor: str | None = None, await_as: str | None = None) -> Append:
    """An entry of this session."""
    return Append(draft=Draft(data=data, session=state.setup.session, actor=actor), await_as=await_as)


def alarm(word: str, priority: str) -> Alarm:
    """An alarm entry; its sentence is made where it is shown."""
    return Alarm(alarm=word, priority=priority, text="")


def _ended(state: SessionState, outcome: Outcome, reason: str, off_after_ms: int | None) -> SessionEnded:
    ledger = state.ledger
    return SessionEnded(
        outcome=outcome,
        reason=reason,
        planned_ms=state.setup.planned_ns // NS_PER_MS,
        delivered_ms=ledger.delivered_ns // NS_PER_MS,
        paused_ms=ledger.paused_ns // NS_PER_MS,
        no_contact_ms=ledger.no_contact_ns // NS_PER_MS,
        unknown_ms=ledger.unknown_ns // NS_PER_MS,
        energized_ms=ledger.energized_ns // NS_PER_MS,
        off_after_ms=off_after_ms,
        dose=_dose(state),
        contractions=rounds(state.setup.plan, ledger.delivered_ns // NS_PER_MS) or None,
        reached=_reached(state),
    )


ENTER: Mapping[Phase, Callable[[SessionState, int], Step]] = {
    Phase.ARMED: _enter_armed,
    Phase.STARTING: _enter_starting,
    Phase.RUNNING: _enter_running,
    Phase.PAUSED: _enter_paused,
    Phase.RESUMING: _enter_resuming,
    Phase.UNCONFIRMED: _enter_unconfirmed,
}

DOSE_OF: Mapping[tuple[str, str], tuple[str, str, int]] = {
    # modality and level -> quantity, UCUM, level*ns per unit of the quantity
    ("ultrasound", "intensity_mw_cm2"): ("spatial_average_energy", "mJ/cm2", NS_PER_S),
    ("ultrasound", "power_mw"): ("electrical_energy", "mJ", NS_PER_S),
    ("traction", "force_n"): ("impulse", "N.s", NS_PER_S),
    ("estim", "current_ua"): ("level_time", "uA.s", NS_PER_S),
}


def _dose(state: SessionState) -> tuple[DoseBound, ...]:
    if dose_limit(state.setup) is not None:
        given = state.warmth.dose
        return (DoseBound(quantity=THERMAL, lower=given, upper=given, unit="[ppb]"),)
    row = DOSE_OF.get((state.setup.modality, state.setup.level.parameter))
    if row is None:
        return ()
    quantity, unit, per = row
    on, whole = _on_of_whole(dict(state.setup.settings))
    lower = state.ledger.dose_lower * on // (whole * per)
    upper = -(-state.ledger.dose_upper * on // (whole * per))
    return (DoseBound(quantity=quantity, lower=lower, upper=upper, unit=unit),)


def _reached(state: SessionState) -> Quantity | None:
    """The highest level that the unit was seen to follow."""
    reached = state.felt.reached
    return None if reached is None else Quantity(reached, UCUM_OF[state.setup.level.parameter])


def _on_of_whole(settings: Mapping[str, int]) -> tuple[int, int]:
    """The share of time with output, as a fraction."""
    if "burst_us" in settings:
        return settings["burst_us"], settings["period_us"]
    return settings.get("duty_permille", 1000), 1000
