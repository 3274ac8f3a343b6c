"""Sessions that the controller before this one left open: their units are stopped first, then they get their end.

Rule 1: what was delivered is found by running the session again from its charted inputs, up to the last of them.
Rule 2: what came after is unknown, never delivered: up to the confirmed off, but not more than was still planned.
Rule 3: a pack is not waited for: nobody but a person knows where it is, and its unit stays latched until one says.
Rule 4: the end says that the controller died; unconfirmed where off is not confirmed now. Its unit is latched.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from devices.model import NS_PER_MS, MonoNs
from modctl.chart.body import decode_record
from modctl.chart.reader import OpenSession
from modctl.controller.host import RECOVERY_REQUEST, Host
from modctl.engine.core_events import StopUnits
from modctl.engine.effects import Append, Stopped
from modctl.engine.events import SessionEvent
from modctl.engine.ledger import close_doubt
from modctl.engine.machine import Outcome
from modctl.engine.phases import SessionState, end
from modctl.engine.session import begin, session_step
from modctl.engine.setup import Setup
from modctl.records import Draft, Entry, Inputs, OffConfirmed, SessionEnded, SessionRequested, UnitLatched

REASON: Final = "controller_died"
LINE_NS: Final = 2_500 * NS_PER_MS  # chosen: a line that opens opens at once, or at the second try a second later


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """One open session with all its entries."""

    open: OpenSession
    entries: tuple[Entry, ...]


def run_again(entries: Sequence[Entry]) -> SessionState | None:
    """The state of a session after its last charted input; None when it never got as far as a setup."""
    requested = decode_record(entries[0])
    if not isinstance(requested, SessionRequested) or bytes(requested.setup) == b"null":
        return None
    state = begin(msgspec.json.decode(requested.setup, type=Setup), entries[0].actor)
    for entry in entries:
        inputs = decode_record(entry) if entry.kind == "inputs" else None
        if isinstance(inputs, Inputs):
            events = msgspec.json.decode(inputs.events, type=tuple[tuple[int, SessionEvent], ...])
            for delta_ns, event in events:
                state, _ = session_step(state, event, inputs.from_ns + delta_ns)
    return state


def as_it_was(left: Left, *, confirmed: bool, same_boot: bool, now_ns: int) -> SessionEnded:
    """The end of a session that has none. ``now_ns``: when off was confirmed, or given up."""
    outcome = Outcome.STOPPED if not left.open.started else Outcome.FAULTED if confirmed else Outcome.UNCONFIRMED
    state = run_again(left.entries)
    if state is None:
        return _nothing_known(outcome)
    if state.sample is not None:
        state = msgspec.structs.replace(state, ledger=close_doubt(state.ledger, state.sample.at_ns))
    last_ns = state.ledger.mark_ns
    _, effects = end(msgspec.structs.replace(state, stop_ns=None), outcome, REASON, last_ns)
    ended = next(
        effect.draft.data
        for effect in effects
        if isinstance(effect, Append) and isinstance(effect.draft.data, SessionEnded)
    )
    if not state.ledger.is_energized:
        return ended
    open_ms = max(0, ended.planned_ms - ended.delivered_ms)
    since_ms = (now_ns - last_ns) // NS_PER_MS if same_boot else open_ms
    doubt_ms = max(0, min(since_ms, open_ms))
    return msgspec.structs.replace(
        ended, unknown_ms=ended.unknown_ms + doubt_ms, energized_ms=ended.energized_ms + doubt_ms
    )


class Recovery:
    """Stops the units of open sessions, then ends the sessions. Lives in the engine's thread."""

    def __init__(self, left: Sequence[Left], boot: str, host: Host, now: Callable[[], MonoNs]) -> None:
        self._host = host
        self._boot = boot
        self._now = now
        self._until_ns = MonoNs(now() + LINE_NS)
        self._left = {RECOVERY_REQUEST - index: one for index, one in enumerate(left)}
        self._waiting = dict(self._left)  # not asked to stop yet
        for request in self._left:
            host.expect(request, self._settled)

    @property
    def is_done(self) -> bool:
        """Every open session has its end."""
        return not self._left

    def begin(self) -> None:
        """Chart the latches. The engine was told of them when it was made."""
        for one in self._left.values():
            if one.open.started:
                self._host.chart(Draft(data=UnitLatched(unit=one.open.unit, reason=REASON, output="unknown")))

    def look(self) -> None:
        """Called on every beat: ask for a confirmed off as soon as a unit's line is there, or when it does not come."""
        for request, one in tuple(self._waiting.items()):
            unit = self._host.state.units.get(one.open.unit)
            is_there = unit is not None and unit.line_open
            if one.open.started and not is_there and self._now() < self._until_ns:
                continue
            del self._waiting[request]
            if one.open.started and unit is not None and not unit.config.profile.is_by_hand:
                stop = StopUnits(request=request, actor=None, source="start", unit=one.open.unit)
                self._host.post(stop, first=True)
            else:
                self._end(request, confirmed=False)

    def _settled(self, stopped: Stopped) -> None:
        for unit, off, after_ms in stopped.units:
            if off and after_ms is not None:
                self._host.chart(Draft(data=OffConfirmed(unit=unit, after_ms=after_ms)))
        self._end(stopped.request, confirmed=all(off for _, off, _ in stopped.units))

    def _end(self, request: int, *, confirmed: bool) -> None:
        one = self._left.pop(request)
        same_boot = one.entries[-1].boot == self._boot
        ended = as_it_was(one, confirmed=confirmed, same_boot=same_boot, now_ns=self._now())
        self._host.chart(Draft(data=ended, session=one.open.session))


def _nothing_known(outcome: Outcome) -> SessionEnded:
    return SessionEnded(
        outcome=outcome,
        reason=REASON,
        planned_ms=0,
        delivered_ms=0,
        paused_ms=0,
        no_contact_ms=0,
        unknown_ms=0,
        energized_ms=0,
        off_after_ms=None,
    )
