"""Pure steps between a request and what the engine is told: repeats, interlocks, the halves of a combination."""

from collections.abc import Mapping, Sequence

import msgspec

from devices.limits import Limit, Mark, Max, Min
from modctl.clinic.interlocks import Running, conflict
from modctl.clinic.presets import Preset
from modctl.clinic.validity import Ask, Standing
from modctl.config import Narrowed
from modctl.controller.history import LastSession
from modctl.controller.prepare import NotPrepared, Order, Prepared
from modctl.engine.core_events import Begin, Refuse
from modctl.ipc.messages import GateView, Start
from modctl.records import SessionRefused


def site_limits(narrowed: Mapping[str, Narrowed]) -> tuple[Limit, ...]:
    """A site's own bounds as limits of a session."""
    source = "site.toml"
    highest = (
        Max(id=f"site-{name}-max", parameter=name, bound=bounds.max, source=source, mark=Mark.CHOSEN)
        for name, bounds in narrowed.items()
        if bounds.max is not None
    )
    lowest = (
        Min(id=f"site-{name}-min", parameter=name, bound=bounds.min, source=source, mark=Mark.CHOSEN)
        for name, bounds in narrowed.items()
        if bounds.min is not None
    )
    return (*highest, *lowest)


def repeated(request: Start, last: LastSession) -> Start:
    """The request with what it repeats; what a person set beside it stays as it was set."""
    asked = {**dict(last.settings), **dict(request.set)}
    return msgspec.structs.replace(
        request,
        unit=last.unit,
        preset=last.preset,
        set=tuple(asked.items()),
        duration_ms=last.planned_ms if request.duration_ms is None else request.duration_ms,
    )


def interlocked(
    found: Prepared | NotPrepared, patient: str, preset: Preset, running: Sequence[Running]
) -> Prepared | NotPrepared:
    """What was found, unless another session of this patient speaks against it."""
    against = conflict(patient, preset.modality, running)
    if against is None:
        return found
    other, why = against
    told = f"{patient} is in a session on {other.unit} ({other.modality}): {why}."
    return NotPrepared(
        requested=found.requested,
        refused=SessionRefused(reason="interlock"),
        text=f"{told} End that one first. Nothing was started.",
    )


def for_a_file(standing: Standing) -> Standing:
    """An answer that holds is not asked of a file that may not know the question; every other one is asked anew."""
    if standing.ask is not Ask.VALID:
        return standing
    return Standing(gate=standing.gate, ask=Ask.NOT_DUE if standing.gate.unsaid else Ask.ASK)


def event_of(number: int, actor: str, session: str, found: Prepared | NotPrepared) -> Begin | Refuse:
    """What the engine is told of what was found."""
    if isinstance(found, NotPrepared):
        return Refuse(
            request=number,
            actor=actor,
            session=session,
            requested=found.requested,
            refused=found.refused,
            text=found.text,
        )
    return Begin(request=number, actor=actor, setup=found.setup, requested=found.requested, overrides=found.overrides)


def is_of(order: Order, name: str) -> bool:
    """A parameter of this half of a combination: a setting of its preset, or its level."""
    return name in order.preset.settings or name == order.unit.config.profile.level.name


def joined(views: tuple[GateView, ...], beside: tuple[GateView, ...], title: str) -> tuple[GateView, ...]:
    """What is read back of a combination is read back of both halves."""
    theirs = {view.gate: f"With it: {view.text}" for view in beside if view.gate in ("placement", "confirm")}
    theirs["consent"] = f"With it: {title}."
    return tuple(
        msgspec.structs.replace(view, text=f"{view.text}\n{theirs[view.gate]}") if view.gate in theirs else view
        for view in views
    )
