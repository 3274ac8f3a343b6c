"""How things are at one moment, for the screens: the engine's state and what the site knows, as one message. Pure.

Rule 1: nothing maps unknown to off: no sample, an old sample or a doubt about off shows as unknown.
Rule 2: who may not see patients gets neither names nor references.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from devices.model import NEVER_NS, NS_PER_MS, Modality, ObservedAs, Output, Sample
from devices.plan import rounds, share_permille
from modctl import sentences, text
from modctl.clinic.service import due, standing
from modctl.controller.standing import house_alarms
from modctl.engine.dues import open_due
from modctl.engine.felt import hold_text
from modctl.engine.hands import open_check
from modctl.engine.ledger import account
from modctl.engine.machine import Phase
from modctl.engine.phases import LIFTED, OVER, SessionState
from modctl.engine.riding import cap
from modctl.engine.session import next_gate
from modctl.engine.state import CoreState, SessionRun
from modctl.engine.tanks import read
from modctl.engine.unit import STOP_SWITCH, UnitState
from modctl.engine.warmth import SKIN
from modctl.ipc.hands import AlarmView
from modctl.ipc.messages import DueView, GateView, SessionView, Snapshot, UnitRow
from modctl.ipc.servicing import HeadRow, UnitDetail
from modctl.records import EffectiveLimit

SEEN = (ObservedAs.MEASURED, ObservedAs.ECHOED)
IDLE_POLLS = 3  # a unit at rest is sampled at its idle pace: two may be lost before it counts as old


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What the site knows of a session and the engine does not. ``gates`` as they are asked, none answered."""

    patient_name: str
    title: str
    gates: tuple[GateView, ...] = ()
    checks: tuple[GateView, ...] = ()  # what falls due while it runs
    asked_ns: int = 0  # when the session was asked for: the ages in ``gates`` are of that moment
    last_level: int | None = None


NO_CARD = Card(patient_name="", title="")


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What the site adds to the engine's state."""

    name: str
    simulated: bool
    cards: Mapping[str, Card]  # by session
    alarms: Mapping[str, tuple[AlarmView, ...]]  # by session, standing
    timezone: str = "UTC"
    anchors: tuple[str, ...] = ()
    lock_after_s: int = 0
    hands: Mapping[str, str] = msgspec.field(default_factory=dict)  # sessions that were handed over, to whom
    today: str = ""  # the date there; empty: what a calibration says today is not known


def take_snapshot(
    state: CoreState, site: Site, seq: int, now_ns: int, *, with_patients: bool, mine: Collection[str] = ()
) -> Snapshot:
    """The message. ``seq`` is the newest chart number, ``mine`` what the asking connection attends.

    Every session that the engine holds is in it, one a unit at most: no number of later ones hides one that runs.
    """
    views = (_session_view(run, state, site, now_ns, with_patients=with_patients) for run in state.sessions.values())
    return Snapshot(
        seq=seq,
        mono_ns=now_ns,
        site=site.name,
        simulated=site.simulated,
        units=unit_rows(state, now_ns, site.today),
        sessions=tuple(msgspec.structs.replace(view, attended_by_me=view.session in mine) for view in views),
        lock_after_s=site.lock_after_s,
        alarms=house_alarms(state),
        timezone=site.timezone,
    )


def unit_rows(state: CoreState, now_ns: int, today: str = "") -> tuple[UnitRow, ...]:
    """Every unit of the site. ``today``: the date there, for what a calibration says."""
    return tuple(_unit_row(unit, now_ns, today, simulated=state.simulated) for unit in state.units.values())


def unit_detail(unit: UnitState, now_ns: int) -> UnitDetail:
    """One unit's newest sample, as the bench shows it."""
    sample = unit.sample
    return UnitDetail(
        unit=unit.config.name,
        state=unit.status,
        output=shown_output(unit, now_ns),
        age_ms=None if sample is None else max(0, now_ns - sample.at_ns) // NS_PER_MS,
        contact="unknown" if sample is None else sample.contact,
        values=() if sample is None else sample.values,
        faults=() if sample is None else sample.faults,
        head=unit.accessory,
        boot=None if sample is None else sample.boot,
        counter=None if sample is None else sample.counter,
        link_faults=unit.link_faults,
    )


def shown_output(unit: UnitState, now_ns: int) -> Output:
    """What may be said of a unit's output now."""
    sample = unit.sample
    if sample is None or not unit.line_open or now_ns - sample.at_ns > _old_after_ns(unit):
        return Output.UNKNOWN
    return sample.output


def _old_after_ns(unit: UnitState) -> int:
    live = unit.config.profile.liveness
    if unit.permit is not None:
        return live.stale_ms * NS_PER_MS
    return max(live.stale_ms, IDLE_POLLS * live.idle_poll_ms) * NS_PER_MS


def _unit_row(unit: UnitState, now_ns: int, today: str, *, simulated: bool) -> UnitRow:
    profile, identity = unit.config.profile, unit.identity
    tank = read(unit, now_ns) if profile.is_tank else None
    return UnitRow(
        name=unit.config.name,
        model=profile.device.id,
        modality=profile.device.modality,
        model_class=profile.device.model_class,
        address=unit.config.address,
        state=unit.status,
        simulated=simulated or (identity is not None and identity.is_simulator),
        verified=profile.device.verified,
        lease_ms=profile.liveness.lease_ms,
        reason=unit.reason,
        serial="" if identity is None else identity.serial,
        firmware="" if identity is None else identity.firmware,
        output=shown_output(unit, now_ns),
        level_parameter=profile.level.name,
        monitored=profile.is_monitored,
        temp_mdegc=None if tank is None else tank.temp_mdegc,
        band="" if tank is None else tank.band,
        stop_switch=_stop_switch(unit),
        calibration=standing(unit.checks, "", today),
        due=due(unit.checks, ""),
        head=unit.accessory,
        heads=tuple(
            HeadRow(
                kind=part.kind,
                serial=part.serial,
                calibration=standing(unit.checks, part.serial, today),
                due=due(unit.checks, part.serial),
                era_mm2=part.era_mm2,
            )
            for part in unit.config.accessories
        ),
    )


def _session_view(run: SessionRun, core: CoreState, site: Site, now_ns: int, *, with_patients: bool) -> SessionView:
    state, setup = run.state, run.state.setup
    unit = core.units[setup.unit]
    card = site.cards.get(setup.session, NO_CARD)
    ledger = account(state.ledger, now_ns)
    sample = unit.sample
    parameter = setup.level.parameter
    observed_as = dict(setup.observed).get(parameter, ObservedAs.NONE)
    commanded = None if state.riding.commanded is None else state.riding.commanded.get(parameter)
    delivered_ms = ledger.delivered_ns // NS_PER_MS
    gate = next_gate(state)
    is_over = state.phase in OVER
    return SessionView(
        session=setup.session,
        unit=setup.unit,
        model=setup.started.model,
        modality=setup.modality,
        patient=setup.started.patient if with_patients else "",
        patient_name=card.patient_name if with_patients else "",
        preset=setup.started.preset,
        title=card.title,
        region=setup.started.region,
        side=setup.started.side,
        phase=state.phase,
        output=shown_output(unit, now_ns),
        simulated=setup.started.simulated,
        attended=setup.attended,
        level_parameter=parameter,
        set_level=state.riding.set_level,
        goal_level=state.riding.goal_level,
        level_max=cap(setup.level),
        person_step=setup.level.person_step,
        settings=setup.settings,
        commanded=None if is_over or state.phase is Phase.PAUSED else commanded,
        measured=_measured(sample, parameter) if observed_as in SEEN else None,
        observed_as=observed_as,
        contact="unknown" if sample is None else sample.contact,
        planned_ms=setup.planned_ns // NS_PER_MS,
        delivered_ms=delivered_ms,
        paused_ms=ledger.paused_ns // NS_PER_MS,
        no_contact_ms=ledger.no_contact_ns // NS_PER_MS,
        unknown_ms=ledger.unknown_ns // NS_PER_MS,
        age_ms=None if sample is None else max(0, now_ns - sample.at_ns) // NS_PER_MS,
        stale_ms=setup.stale_ns // NS_PER_MS,
        lease_ms=setup.lease_ms,
        resting=not is_over and share_permille(setup.plan, delivered_ms) == 0,
        rounds=rounds(setup.plan, delivered_ms),
        gates=_gates(card.gates, state, with_patients=with_patients),
        gate=None if gate is None else gate.gate,
        alarms=_standing(site.alarms.get(setup.session, ()), state, unit.config.profile.off.unknown_text),
        limits=() if is_over else _tightest(setup.started.limits),
        reason=state.reason or state.pause_reason,
        outcome=state.outcome,
        off_after_ms=state.off_after_ms,
        unknown_text=unit.config.profile.off.unknown_text,
        closed=is_over and gate is None,
        partner=run.partner,
        by_hand=setup.by_hand,
        energized_ms=ledger.energized_ns // NS_PER_MS,
        due=_due(card, state),
        residual_mdegc=_residual(unit, state),
        held_raise="" if is_over else hold_text(state.felt),
        last_level=card.last_level if with_patients else None,
        person=site.hands.get(setup.session, state.actor or ""),
        head=setup.started.head,
        load=setup.started.load,
    )


def _due(card: Card, state: SessionState) -> DueView | None:
    check, due = open_check(state), open_due(state.dues)
    view = None if check is None else next((one for one in card.checks if one.gate == check.gate.gate), None)
    if view is None or due is None or due.since_ns is None:
        return None
    return DueView(gate=view, since_mono_ns=due.since_ns, late=due.is_late)


def _residual(unit: UnitState, state: SessionState) -> int | None:
    """What a unit that is off still has under it, where it measures that."""
    if state.setup.modality not in (Modality.HEAT, Modality.COLD) or unit.sample is None:
        return None
    return unit.sample.get(SKIN) if unit.sample.output is Output.OFF else None


def _stop_switch(unit: UnitState) -> str:
    told = None if unit.sample is None else unit.sample.get(STOP_SWITCH)
    return "" if told is None else text.quantity(STOP_SWITCH, told)


def _measured(sample: Sample | None, parameter: str) -> int | None:
    return None if sample is None else sample.get(parameter)


def _gates(asked: Sequence[GateView], state: SessionState, *, with_patients: bool) -> tuple[GateView, ...]:
    """The gates with their answers; text and choices only of the open one, which is the one that is read.

    Of an earlier answer that still holds its own words stay too: several are told in one line each.
    """
    answered = {**dict(state.answers), **dict(state.after_answers)}
    gate = next_gate(state)
    open_gate = None if gate is None else gate.gate
    with_patients = with_patients or bool(state.setup.started.load)  # on the bench there is none
    return tuple(
        msgspec.structs.replace(
            view,
            answered=answered.get(view.gate),
            text=view.text if view.gate == open_gate and with_patients else "",
            answers=view.answers if view.gate == open_gate else _given(view, answered.get(view.gate, view.carried)),
        )
        for view in asked
    )


def _given(view: GateView, answer: str | None) -> tuple[tuple[str, str], ...]:
    return tuple((word, words) for word, words in view.answers if word == answer)


def _tightest(limits: Sequence[EffectiveLimit]) -> tuple[EffectiveLimit, ...]:
    """Of the rows that bind one thing in one direction, the one that is met first: a line has to hold many sessions."""
    met: dict[tuple[str, str], EffectiveLimit] = {}
    for limit in limits:
        known = met.get((limit.kind, limit.parameter))
        sign = -1 if limit.kind == "min" else 1
        if known is None or (limit.bound.value - known.bound.value) * sign < 0:
            met[limit.kind, limit.parameter] = limit
    return tuple(met.values())


def _standing(alarms: Sequence[AlarmView], state: SessionState, unknown_text: str) -> tuple[AlarmView, ...]:
    """The alarms whose cause has not gone: by itself (contact came back), or because a person did what they ask for.

    One without words of its own is told as things are now: after the end nothing is being switched off any more.
    """
    return tuple(
        alarm
        if alarm.text
        else msgspec.structs.replace(alarm, text=sentences.standing(alarm.alarm, state.phase, unknown_text))
        for alarm in alarms
        if _stands(alarm.alarm, state)
    )


def _stands(alarm: str, state: SessionState) -> bool:
    waits = state.phase in (Phase.PAUSING, Phase.PAUSED) and state.pause_reason in LIFTED
    check = open_check(state)
    match alarm:
        case _ if alarm in LIFTED:
            return waits or state.contact_lost_ns is not None
        case "left_alone":
            return state.is_left and state.phase not in OVER
        case "take_pack_off":
            return state.remind_ns != NEVER_NS
        case "electrode_lifting":
            return state.felt.dense is not None and state.phase not in OVER
        case "output_does_not_follow":
            return state.felt.missing is not None and state.phase not in OVER
        case "skin_check_late" | "ask_level_late":
            return check is not None and alarm == f"{check.gate.gate}_late"
        case _:
            return True
