"""From a request to a session's setup: every bound is held against what was asked, before anything else happens.

Rule 1: hard (code) ⊇ profile ⊇ site ⊇ preset; the effective rows of all of them bind the session.
Rule 2: what is out of bounds is refused, with the limit, what was observed, the bound and its source.
Rule 3: values off the unit's grid are resolved here, once, to the nearest less intense value, and charted as asked
        and as effective. Later, off-grid is refused.
"""

import msgspec

from devices.limits import Combination, Deviation, Door, Dose, Duration, Limit, Mark, Max, Min, Rate, Stale, Witness
from devices.model import NS_PER_MS, UCUM_OF, Accessory, Modality, ObservedAs
from devices.profile import ParameterSpec, Profile
from modctl import text as words
from modctl.clinic.checks import output_plan
from modctl.clinic.presets import Gate, Preset
from modctl.clinic.service import Fit, Fitness, Unfit, fitness
from modctl.controller import doors
from modctl.controller.questions import (
    GRACE_MS,
    acknowledgements,
    before_confirm,
    checks_of,
    gate_spec,
    is_acknowledged,
)
from modctl.engine.bounds import HARD, hard_limits, plan_context, traction_region, widenings
from modctl.engine.checks import Finding, Verdict, check_duration, check_levels
from modctl.engine.setup import ContactRule, Level, Setup
from modctl.engine.unit import UnitState, witness_problem
from modctl.engine.warmth import SKIN
from modctl.records import EffectiveLimit, Override, Quantity, SessionRefused, SessionRequested, SessionStarted


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a request is judged by."""

    session: str
    now_ns: int
    unit: UnitState
    patient: str
    side: str
    body_weight_g: int | None
    preset: Preset
    gates: tuple[Gate, ...]
    asked: tuple[tuple[str, int], ...]
    duration_ms: int | None
    demonstration: bool  # answers come from a file: the level's target is the preset's demonstration target
    simulated_site: bool
    site_limits: tuple[Limit, ...]
    program: str
    group: str | None = None  # of a combination: what its two sessions have in common
    witness: UnitState | None = None  # the unit that the site names as this unit's witness
    head_mm2: int | None = None  # of a combination: the ultrasound head through which the stimulation goes
    grace_ms: int = GRACE_MS  # the site's: how long a check that fell due may wait
    cold_rest_ms: int | None = None  # since the last cold on this region; None: none is known of
    openings: tuple[doors.Opening, ...] = ()  # soft limits that a person opens for this session
    today: str = ""  # the date at the site; calibrations are held against it
    needs_calibration: bool = False  # what was never calibrated treats nobody
    head: str = ""  # serial number of the head that the person named
    must_attend: bool = False  # the site's: no session goes on without its screen
    load: str = ""  # of a bench run; empty: a treatment


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """The request can become a session."""

    setup: Setup
    requested: SessionRequested
    gates: tuple[Gate, ...]  # the order's, and a question for each soft limit that a person must acknowledge
    overrides: tuple[Override, ...] = ()


class NotPrepared(msgspec.Struct, frozen=True, kw_only=True):
    """It cannot, and why: for the chart, and as a sentence for a person."""

    requested: SessionRequested
    refused: SessionRefused
    text: str


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The request after resolving: what will be set."""

    settings: dict[str, int]
    target: int
    cap: int
    planned_ms: int


MIN_MS = 60_000
COLD_REST_MS = 60 * MIN_MS  # chosen; blood flow stays low long after the skin is warm again
COLD_REST_SOURCE = "chosen: an hour between two colds on one region"
CLINICAL_MINIMUM_MS = 60_000  # domain: one minute for every modality; ten seconds only where all is simulated


def prepare(order: Order) -> Prepared | NotPrepared:
    """Judge a request; never moves a value to a bound."""
    fit = fitness(_fitness_of(order))
    if isinstance(fit, Fit):
        order = _with_head(order, fit.head)
    wanted = _wanted(order)
    requested = _requested(order, wanted)
    problem = _problem(order, wanted)
    if isinstance(fit, Unfit):
        problem = _no(fit.reason, fit.text)
    if problem is not None:
        refused, text = problem
        return NotPrepared(requested=requested, refused=refused, text=text)
    asked = acknowledgements(_limits(order, wanted), _values(order, wanted), wanted.planned_ms)
    opens = {gate.id: limit for gate, limit in asked}
    gates = before_confirm(order.gates, [gate for gate, _limit in asked])
    before = tuple(gate_spec(gate, opens.get(gate.id, "")) for gate in gates if not gate.after)
    setup = msgspec.structs.replace(_setup(order, wanted), before=before)
    raw = msgspec.Raw(msgspec.json.encode(setup, order="deterministic"))
    return Prepared(
        setup=setup,
        requested=msgspec.structs.replace(requested, setup=raw),
        gates=gates,
        overrides=doors.overrides(order.openings, _passed(order, wanted)),
    )


def _fitness_of(order: Order) -> Fitness:
    """What the checks say binds treatments. On the bench a unit out of calibration is at work, but not a wrong head."""
    unit = order.unit
    is_measurable = output_plan(unit.config.profile.level.name) is not None  # nobody calibrates a pack
    return Fitness(
        unit=unit.config.name,
        accessories=unit.config.accessories,
        wire=unit.accessory,
        asked=order.head,
        checks=() if order.load else unit.checks,
        today=order.today,
        is_required=order.needs_calibration and is_measurable and not order.load,
    )


def _with_head(order: Order, head: Accessory | None) -> Order:
    """The radiating area belongs to the head, not to the preset."""
    if head is None:
        return msgspec.structs.replace(order, head="")
    context = {**order.preset.context, **({"era_mm2": head.era_mm2} if head.era_mm2 else {})}
    preset = msgspec.structs.replace(order.preset, context=context)
    return msgspec.structs.replace(order, head=head.serial, preset=preset)


def _wanted(order: Order) -> _Wanted:
    profile, preset, asked = order.unit.config.profile, order.preset, dict(order.asked)
    level = profile.level
    settings = {name: asked.get(name, value) for name, value in preset.settings.items()}
    settings = {name: _on_grid(profile.spec(name), value) for name, value in settings.items()}
    target = asked.get(level.name, preset.demo_target if order.demonstration else preset.start_level)
    return _Wanted(
        settings=settings,
        target=_on_grid(level, target),
        cap=_on_grid(level, preset.cap),
        planned_ms=order.duration_ms if order.duration_ms is not None else preset.duration_ms,
    )


def _on_grid(spec: ParameterSpec | None, value: int) -> int:
    """The nearest value of the unit's grid that is not more intense."""
    if spec is None or (value - spec.min) % spec.step == 0:
        return value
    below = value - (value - spec.min) % spec.step
    return below + spec.step if spec.intensifies == "down" else below


def _requested(order: Order, wanted: _Wanted) -> SessionRequested:
    profile = order.unit.config.profile
    effective = {**wanted.settings, profile.level.name: wanted.target}
    return SessionRequested(
        unit=order.unit.config.name,
        model=profile.device.id,
        patient=order.patient,
        preset=order.preset.id,
        planned_ms=wanted.planned_ms,
        asked=tuple(sorted(order.asked)),
        effective=tuple(sorted(effective.items())),
        setup=msgspec.Raw(b"null"),
        group=order.group,
    )


def _limits(order: Order, wanted: _Wanted) -> tuple[Limit, ...]:
    profile = order.unit.config.profile
    known = {**dict(_context(order, wanted.planned_ms)), **wanted.settings}
    rows = (*hard_limits(profile.device.modality, known), *profile.limit, *order.site_limits)
    beside = () if order.witness is None else order.witness.config.profile.limit
    witness = (row for row in beside if isinstance(row, Witness) and row.parameter == profile.level.name)
    is_felt = profile.level.observed_as is ObservedAs.MEASURED and profile.level.name == SKIN
    felt = (row for row in rows if is_felt or not isinstance(row, Dose))  # unmeasured, it adds up to nothing
    return (*felt, *witness)


def _values(order: Order, wanted: _Wanted) -> dict[str, int]:
    """What will be set, at the target."""
    return {**wanted.settings, order.unit.config.profile.level.name: wanted.target}


def _problem(order: Order, wanted: _Wanted) -> tuple[SessionRefused, str] | None:
    profile, preset = order.unit.config.profile, order.preset
    if profile.device.id not in preset.models or preset.modality is not profile.device.modality:
        return _no("preset_not_for_model", f"{preset.id} is not made for {profile.device.id}.")
    if not preset.approved:
        return _no("preset_not_approved", f"{preset.id} is not approved at this site.")
    unknown = [name for name, _value in order.asked if name not in {*preset.settings, profile.level.name}]
    if unknown:
        return _no("unknown_parameter", f"{', '.join(unknown)}: not a parameter of {preset.id}.")
    if set(preset.settings) != {spec.name for spec in profile.parameter if spec.role == "setting"}:
        return _no("preset_incomplete", f"{preset.id} does not state every setting of {profile.device.id}.")
    silent = witness_problem(order.unit, order.witness, order.now_ns)
    if silent:
        return SessionRefused(reason="witness_missing"), silent
    wider = widenings(HARD[profile.device.modality], (*profile.limit, *order.site_limits))
    if wider:
        return _no("limit_widened", f"A profile or site limit is wider than its parent: {wider[0]}.")
    return _out_of_bounds(order, wanted)


def _out_of_bounds(order: Order, wanted: _Wanted) -> tuple[SessionRefused, str] | None:
    limits = _doored(order, wanted)
    rest = _cold_rest(order)
    if rest is not None:
        return rest
    if not order.simulated_site and not order.load and wanted.planned_ms < CLINICAL_MINIMUM_MS:
        return _no("too_short", f"At least {CLINICAL_MINIMUM_MS // 1000} s outside a simulated site.")
    longest_ms = order.preset.longest_ms
    if longest_ms is not None and wanted.planned_ms > longest_ms:
        longest = Duration(
            id="preset-longest", min_ms=0, max_ms=longest_ms, source=order.preset.source, mark=order.preset.mark
        )
        return _refused(check_duration(longest, wanted.planned_ms))
    hard = doors.hard_rows(limits)
    for limit in hard:
        if isinstance(limit, Duration):
            verdict = check_duration(limit, wanted.planned_ms)
            if not verdict.is_within:
                return _refused(verdict)
    verdict_or_none = _level_verdict(order, wanted, hard)
    return _at_the_doors(order, wanted) if verdict_or_none is None else _refused(verdict_or_none)


def _doored(order: Order, wanted: _Wanted) -> tuple[Limit, ...]:
    """The limits but for those that a question of their own opens."""
    return tuple(limit for limit in _limits(order, wanted) if not is_acknowledged(limit))


def _at_the_doors(order: Order, wanted: _Wanted) -> tuple[SessionRefused, str] | None:
    """Soft rows, once every hard one is kept."""
    at_start = doors.passed(_doored(order, wanted), _set_values(order, wanted)[1:], wanted.planned_ms)
    shut = doors.refused_opening(order.openings, _all_rows(order, wanted), _passed(order, wanted))
    shut = shut or doors.still_shut(order.openings, at_start)
    if shut is None:
        return None
    if shut.verdict is not None:
        return _refused(shut.verdict, shut.door, reason=shut.word)
    door = msgspec.UNSET if shut.door is Door.NONE else str(shut.door)
    refused = SessionRefused(reason=shut.word, limit=shut.limit, door=door)
    return refused, f"{shut.text} Nothing was sent to the unit."


def _passed(order: Order, wanted: _Wanted) -> tuple[tuple[Limit, Verdict], ...]:
    """The soft rows that the session passes at its start or could pass by riding to the preset's cap."""
    return doors.passed(_doored(order, wanted), _set_values(order, wanted), wanted.planned_ms)


def _cold_rest(order: Order) -> tuple[SessionRefused, str] | None:
    """Cold again on a region that has not had its hour: why not, and when."""
    if order.preset.modality is not Modality.COLD or order.cold_rest_ms is None or order.cold_rest_ms >= COLD_REST_MS:
        return None
    refused = SessionRefused(
        reason="limit",
        limit="cold-rest",
        observed=Quantity(order.cold_rest_ms, "ms"),
        bound=Quantity(COLD_REST_MS, "ms"),
        source=COLD_REST_SOURCE,
    )
    ago, wait = order.cold_rest_ms // MIN_MS, -(-(COLD_REST_MS - order.cold_rest_ms) // MIN_MS)
    when = f"Cold was on {order.preset.region} until {ago} min ago. It may be there again in {wait} min"
    return refused, f"{when} ({COLD_REST_SOURCE}). Nothing was started."


def _level_verdict(order: Order, wanted: _Wanted, limits: tuple[Limit, ...]) -> Verdict | None:
    """The settings with the target; then with the cap, so that riding up cannot leave the combination's bounds."""
    level = order.unit.config.profile.level
    for values in reversed(_set_values(order, wanted)):
        verdict = check_levels(_parameter_rows(order), {**wanted.settings, level.name: values[level.name]})
        verdict = verdict or check_levels(limits, values)
        if verdict is not None:
            return verdict
    if _most(order, wanted) != wanted.cap:
        return Verdict(
            limit="preset-cap",
            finding=Finding.BREACH,
            observed=wanted.target,
            bound=wanted.cap,
            unit=UCUM_OF[level.name],
            source=order.preset.source,
            mark=order.preset.mark,
        )
    return None


def _set_values(order: Order, wanted: _Wanted) -> tuple[dict[str, int], ...]:
    """Everything that is set or known, with the most that the level may be ridden to; then with its target."""
    name = order.unit.config.profile.level.name
    context = dict(_context(order, wanted.planned_ms))
    most = wanted.target if order.unit.config.profile.is_by_hand else _most(order, wanted)  # towels are not ridden
    return tuple({**context, **wanted.settings, name: value} for value in (most, wanted.target))


def _most(order: Order, wanted: _Wanted) -> int:
    sign = -1 if order.unit.config.profile.level.intensifies == "down" else 1
    return wanted.target if (wanted.target - wanted.cap) * sign > 0 else wanted.cap


def _ride_cap(order: Order, wanted: _Wanted, soft: tuple[Limit, ...]) -> int:
    """How far the level may be ridden: to the preset's cap, or to the last value that keeps the soft rows."""
    most, target = _set_values(order, wanted)
    level = order.unit.config.profile.level
    sign = -1 if level.intensifies == "down" else 1
    kept, beyond = 0, (most[level.name] - target[level.name]) * sign // level.step + 1
    while beyond - kept > 1:  # every quantity grows with the level
        middle = (kept + beyond) // 2
        value = target[level.name] + middle * level.step * sign
        if check_levels(soft, {**most, level.name: value}) is None:
            kept = middle
        else:
            beyond = middle
    return target[level.name] + kept * level.step * sign


def _all_rows(order: Order, wanted: _Wanted) -> tuple[Limit, ...]:
    return (*_parameter_rows(order), *_limits(order, wanted))


def _parameter_rows(order: Order) -> tuple[Limit, ...]:
    """The unit's own ranges as limits."""
    specs, mark = order.unit.config.profile.parameter, Mark.SOURCE
    highest = (Max(id=f"unit-{s.name}-max", parameter=s.name, bound=s.max, source=s.source, mark=mark) for s in specs)
    lowest = (Min(id=f"unit-{s.name}-min", parameter=s.name, bound=s.min, source=s.source, mark=mark) for s in specs)
    return (*highest, *lowest)


def _no(reason: str, text: str) -> tuple[SessionRefused, str]:
    return SessionRefused(reason=reason), f"{text} Nothing was sent to the unit."


def _refused(verdict: Verdict, door: Door = Door.NONE, *, reason: str = "limit") -> tuple[SessionRefused, str]:
    observed = None if verdict.observed is None else Quantity(verdict.observed, verdict.unit)
    refused = SessionRefused(
        reason=reason,
        limit=verdict.limit,
        observed=observed,
        bound=Quantity(verdict.bound, verdict.unit),
        source=verdict.source,
        mark=str(verdict.mark),
        door=msgspec.UNSET if door is Door.NONE else str(door),
    )
    said = "is missing" if observed is None else f"{observed.value} {observed.unit}"
    bound = f"bound {verdict.bound} {verdict.unit} ({words.source(verdict.source, verdict.mark)})"
    text = f"{verdict.limit}: {said}, {bound}. {words.door(door)}Nothing was sent to the unit."
    return refused, text


def _context(order: Order, planned_ms: int) -> tuple[tuple[str, int], ...]:
    context = {**order.preset.context, "duration_ms": planned_ms}
    if order.body_weight_g is not None:
        context["body_weight_g"] = order.body_weight_g
    if order.preset.modality is Modality.TRACTION:
        context["traction_region"] = traction_region(order.preset.region)
    if order.preset.technique:
        context |= plan_context(order.preset.technique, order.preset.plan, planned_ms)
    if order.head_mm2 is not None:  # the head is an electrode; density counts at the smaller one
        context["electrode_mm2"] = min(order.head_mm2, context.get("electrode_mm2", order.head_mm2))
    return tuple(sorted(context.items()))


def _setup(order: Order, wanted: _Wanted) -> Setup:
    profile = order.unit.config.profile
    limits = _limits(order, wanted)
    soft = doors.as_opened(_doored(order, wanted), order.openings, _passed(order, wanted))
    return Setup(
        session=order.session,
        begun_ns=order.now_ns,
        unit=order.unit.config.name,
        modality=profile.device.modality,
        planned_ns=wanted.planned_ms * NS_PER_MS,
        level=_level(order, wanted, _ride_cap(order, wanted, soft)),
        settings=tuple(sorted(wanted.settings.items())),
        context=_context(order, wanted.planned_ms),
        observed=tuple((spec.name, ObservedAs(spec.observed_as)) for spec in profile.parameter),
        plan=order.preset.plan,
        limits=doors.hard_rows(limits),
        contact=_contact_rule(profile),
        attended=profile.device.attended and (order.preset.attended or order.must_attend),
        stale_ns=profile.liveness.stale_ms * NS_PER_MS,
        lease_ms=profile.liveness.lease_ms,
        stop_deadline_ns=profile.off.deadline_ms * NS_PER_MS,
        confirm_samples=profile.off.confirm_samples,
        has_timer=profile.liveness.own_timer or any(register.parameter == "timer_ms" for register in profile.register),
        before=tuple(gate_spec(gate) for gate in order.gates if not gate.after),
        after=tuple(gate_spec(gate) for gate in order.gates if gate.after),
        started=_started(order, wanted, limits),
        by_hand=profile.is_by_hand,
        checks=checks_of(order.preset, by_hand=profile.is_by_hand, grace_ms=order.grace_ms),
        soft=soft,
        opened=tuple(opening.limit for opening in order.openings),
    )


def _level(order: Order, wanted: _Wanted, most: int) -> Level:
    spec = order.unit.config.profile.level
    down = spec.intensifies == "down"
    return Level(
        parameter=spec.name,
        low=most if down else spec.min,
        high=spec.max if down else most,
        grid=spec.step,
        start=wanted.target,
        rest=spec.max if down else spec.min,
        raise_per_s=spec.raise_per_s,
        person_step=spec.person_step,
        down_intensifies=down,
    )


def _contact_rule(profile: Profile) -> ContactRule:
    return ContactRule(
        on_loss=profile.contact.on_loss,
        alarm_after_ns=profile.contact.alarm_after_ms * NS_PER_MS,
        stop_after_ns=profile.contact.stop_after_ms * NS_PER_MS,
    )


def _started(order: Order, wanted: _Wanted, limits: tuple[Limit, ...]) -> SessionStarted:
    profile, identity = order.unit.config.profile, order.unit.identity
    return SessionStarted(
        unit=order.unit.config.name,
        model=profile.device.id,
        serial=identity.serial if identity else "",
        firmware=identity.firmware if identity else "",
        simulated=order.simulated_site,
        verified=profile.device.verified,
        modality=profile.device.modality,
        patient=order.patient,
        preset=order.preset.id,
        region=order.preset.region,
        side=order.side,
        planned_ms=wanted.planned_ms,
        lease_ms=profile.liveness.lease_ms,
        limits=effective_limits(limits),
        profile_sha256=profile.sha256,
        preset_sha256=order.preset.sha256,
        program=order.program,
        head=order.head,
        load=order.load,
    )


def effective_limits(limits: tuple[Limit, ...]) -> tuple[EffectiveLimit, ...]:
    """Every row that binds a session, in one form for chart and screens."""
    return tuple(_effective(limit) for limit in limits)


def _effective(limit: Limit) -> EffectiveLimit:
    parameter, value, unit = _subject(limit)
    return EffectiveLimit(
        id=limit.id,
        kind=limit.__struct_config__.tag if isinstance(limit.__struct_config__.tag, str) else "",
        parameter=parameter,
        bound=Quantity(value, unit),
        tier=limit.tier,
        source=limit.source,
        mark=limit.mark,
    )


def _subject(limit: Limit) -> tuple[str, int, str]:
    match limit:
        case Max() | Min():
            return limit.parameter, limit.bound, UCUM_OF[limit.parameter]
        case Rate():
            return limit.parameter, limit.per_s, f"{UCUM_OF[limit.parameter]}/s"
        case Deviation() | Witness():
            return limit.parameter, limit.permille, "[ppth]"
        case Duration():
            return "duration", limit.max_ms, "ms"
        case Stale():
            return "age", limit.max_age_ms, "ms"
        case Combination():
            return limit.quantity, limit.bound, limit.unit
        case _:
            return limit.quantity, limit.bound, limit.unit
