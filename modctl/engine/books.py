"""One step's copies of the engine's maps, its effects in order, and the moves that change them."""

from collections.abc import Sequence

import msgspec

from devices.model import NS_PER_MS, Levels, Off, Output
from modctl.engine import events as ev
from modctl.engine.effects import (
    Append,
    Band,
    Command,
    Effect,
    Latch,
    Permit,
    Revoke,
    SessionEffect,
    Stopped,
    Watch,
)
from modctl.engine.machine import Phase
from modctl.engine.phases import LIVE, OVER, SessionState
from modctl.engine.session import session_step
from modctl.engine.setup import Level
from modctl.engine.state import PERMIT_NS, RENEW_NS, CoreState, SessionRun
from modctl.engine.unit import UnitState
from modctl.records import (
    Draft,
    Record,
    UnitLatched,
)


class Books:
    """Mutable only for the length of one step."""

    def __init__(self, state: CoreState, now_ns: int) -> None:
        self._state = state
        self._now_ns = now_ns
        self._units = dict(state.units)
        self._sessions = dict(state.sessions)
        self._stops = state.stops
        self._effects: list[Effect] = []

    def done(self) -> tuple[CoreState, Sequence[Effect]]:
        """The new state and what is to be carried out."""
        state = msgspec.structs.replace(self._state, units=self._units, sessions=self._sessions, stops=self._stops)
        return state, self._effects

    # The reducer and its effects.

    def _feed_named(self, session: str, event: ev.SessionEvent) -> None:
        run = self._sessions.get(session)
        if run is not None and run.state.phase not in OVER:
            self._feed(run, event)

    def _feed_all(self, event: ev.SessionEvent) -> None:
        first = len(self._effects)
        for run in tuple(self._sessions.values()):
            if run.state.phase not in OVER:
                self._feed(run, event)
        self._off_before_the_rest(first)

    def _off_before_the_rest(self, first: int) -> None:
        """What stops several units: no unit waits for another one's record. None of these effects energizes."""
        self._effects[first:] = sorted(self._effects[first:], key=lambda effect: not _takes_away(effect))

    def _tell_session(self, unit: UnitState, event: ev.SessionEvent) -> None:
        run = self._live_run(unit)
        if run is not None:
            self._feed(run, event)

    def _feed(self, run: SessionRun, event: ev.SessionEvent) -> None:
        before = run.state
        state, effects = session_step(before, event, self._now_ns)
        session = state.setup.session
        if before.phase in OVER:  # what is answered after the end commands nothing and is charted by itself
            self._sessions[session] = msgspec.structs.replace(run, state=state)
            self._effects.extend(effect for effect in effects if isinstance(effect, Append))
            return
        self._sessions[session] = run.fed(event, self._now_ns, state, effects)
        self._carry_out(state, effects, moved=state.phase is not before.phase)
        if state.phase in OVER:
            self._release(state)

    def _carry_out(self, state: SessionState, effects: Sequence[SessionEffect], *, moved: bool) -> None:
        """Off before everything; then the inputs that led here; then the rest in the reducer's order."""
        name = state.setup.unit
        offs = [effect for effect in effects if isinstance(effect, Command) and isinstance(effect.setpoint, Off)]
        if offs:
            self._set(self._units[name], permit=None)
            self._effects.extend([Revoke(unit=name), *offs])
        if moved:
            self._flush(state.setup.session)
            closely = state.phase not in (Phase.CHECKING, Phase.ENDED)
            beside = [witness] if (witness := self._units[name].config.witness) else []
            self._effects.extend(Watch(unit=unit, closely=closely) for unit in (name, *beside))
        for effect in effects:
            if effect in offs:
                continue
            if isinstance(effect, Latch):
                self._latch(effect.unit, effect.reason)
                continue
            if isinstance(effect, Command):
                self._grant(self._units[name], state)
            self._effects.append(effect)

    def _flush(self, session: str) -> None:
        self._sessions[session], entry = self._sessions[session].flushed()
        self._effects.append(entry)

    def _release(self, state: SessionState) -> None:
        unit = self._units[state.setup.unit]
        doubt = state.stop_ns if state.phase is Phase.UNCONFIRMED else unit.off_doubt_ns
        self._set(unit, session=None, permit=None, off_doubt_ns=doubt)

    # Permits.

    def _grant(self, unit: UnitState, state: SessionState) -> bool:
        """A permit with this moment's ceiling; False where nothing may be energized now."""
        commanded = state.riding.commanded
        if state.phase not in LIVE or commanded is None:
            return False
        permit = Permit(
            session=state.setup.session,
            unit=unit.config.name,
            sequence=unit.sequence + 1,
            until_ns=self._now_ns + PERMIT_NS,
            bands=_bands(state.setup.level, commanded),
            context=(*state.setup.context, ("duration_ms", state.setup.planned_ns // NS_PER_MS)),
        )
        self._set(unit, permit=permit, sequence=permit.sequence, renew_ns=self._now_ns + RENEW_NS)
        self._effects.append(permit)
        return True

    def _renew(self, unit: UnitState) -> None:
        run = self._run_of(unit)
        if run is None or not self._grant(unit, run.state):
            self._set(unit, permit=None)
            self._effects.append(Revoke(unit=unit.config.name))

    # Small pieces.

    def _set(self, unit: UnitState, **changes: object) -> None:
        name = unit.config.name
        self._units[name] = msgspec.structs.replace(self._units[name], **changes)

    def _append(self, data: Record, *, actor: str | None = None) -> None:
        self._effects.append(Append(draft=Draft(data=data, actor=actor)))

    def _latch(self, name: str, reason: str) -> None:
        unit = self._units[name]
        if unit.latched:
            return
        self._set(unit, latched=reason)
        output = unit.sample.output if unit.sample is not None and unit.line_open else Output.UNKNOWN
        self._append(UnitLatched(unit=name, reason=reason, output=output))

    def _run_of(self, unit: UnitState) -> SessionRun | None:
        return None if unit.session is None else self._sessions.get(unit.session)

    def _live_run(self, unit: UnitState) -> SessionRun | None:
        """The unit's session, from ARMED to its end."""
        run = self._run_of(unit)
        return None if run is None or run.state.phase in (Phase.CHECKING, *OVER) else run

    def _settle_off(self, name: str, *, off: bool, after_ms: int | None) -> None:
        unit = self._units[name]
        self._set(unit, off_watch=None)
        if self._live_run(unit) is None and unit.off_doubt_ns is None:
            self._effects.append(Watch(unit=name, closely=False))
        self._stops = tuple(
            msgspec.structs.replace(
                stop,
                waiting=tuple(other for other in stop.waiting if other != name),
                done=(*stop.done, (name, off, after_ms)),
            )
            if name in stop.waiting
            else stop
            for stop in self._stops
        )
        self._answer_stops()

    def _answer_stops(self) -> None:
        for stop in self._stops:
            if not stop.waiting:
                self._effects.append(Stopped(request=stop.request, units=stop.done))
        self._stops = tuple(stop for stop in self._stops if stop.waiting)

    def _forget_old(self, unit: str) -> None:
        """What is over stays on the screens until its unit is used again."""
        over = [
            name for name, run in self._sessions.items() if run.state.phase in OVER and run.state.setup.unit == unit
        ]
        for session in over:
            del self._sessions[session]


def _takes_away(effect: Effect) -> bool:
    return isinstance(effect, Revoke) or (isinstance(effect, Command) and isinstance(effect.setpoint, Off))


def _bands(level: Level, commanded: Levels) -> tuple[Band, ...]:
    """This moment's ceiling: the level may be anything from rest to what is commanded; settings are exact."""
    bands = []
    for name, value in commanded.values:
        if name == level.parameter:
            bands.append(Band(name, min(level.rest, value), max(level.rest, value)))
        else:
            bands.append(Band(name, value, value))
    return tuple(bands)
