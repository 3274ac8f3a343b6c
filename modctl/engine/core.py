"""The whole controller as one pure step: events in, effects out, in the order in which they must be carried out.

Rule 1: Off and Revoke come before anything is appended; a raise is appended before it is commanded.
Rule 2: permits exist only for sessions that may be energized now; they carry this moment's ceiling.
Rule 3: what reached a session's reducer is charted, so that the session can be run again.
Rule 4: units and sessions know nothing of each other but what is routed here.
"""

from collections.abc import Sequence
from typing import assert_never

from devices.model import NEVER_NS
from modctl.engine import core_events as ce
from modctl.engine.effects import Effect
from modctl.engine.state import CoreState
from modctl.engine.turn import Turn
from modctl.engine.unit import UnitConfig, UnitState
from modctl.service_records import UnitChecked


def initial(
    units: Sequence[UnitConfig],
    latched: Sequence[tuple[str, str]],
    *,
    simulated: bool,
    held: Sequence[tuple[str, str]] = (),
    checks: Sequence[UnitChecked] = (),
) -> CoreState:
    """A controller that has heard nothing yet. ``latched``, ``held`` and ``checks`` are rebuilt from the chart."""
    reasons, holds = dict(latched), dict(held)
    return CoreState(
        simulated=simulated,
        units={
            config.name: UnitState(
                config=config,
                latched=reasons.get(config.name, ""),
                held=holds.get(config.name, ""),
                checks=tuple(one for one in checks if one.unit == config.name),
            )
            for config in units
        },
        sessions={},
    )


def step(state: CoreState, event: ce.CoreEvent, now_ns: int) -> tuple[CoreState, Sequence[Effect]]:  # noqa: C901, PLR0912  # flat: one arm an event
    """One event. The only way the controller's state changes."""
    turn = Turn(state, now_ns)
    match event:
        case ce.FromUnit():
            turn.unit_news(event.unit, event.news)
        case ce.Begin():
            turn.begin(event)
        case ce.Refuse():
            turn.refuse(event)
        case ce.ToSession():
            turn.to_session(event)
        case ce.StopUnits():
            turn.stop_units(event)
        case ce.AcknowledgeUnit():
            turn.acknowledge(event)
        case ce.HoldUnit() | ce.ReleaseUnit() | ce.IdentifyUnit() | ce.RecordCheck():
            turn.service(event)
        case ce.Durable():
            turn.durable(event.session, event.what)
        case ce.WriterLag():
            turn.writer_lag(event.by_ms)
        case ce.ChartBroken():
            turn.chart_broken(event.why)
        case ce.Stalled():
            turn.stalled(event.by_ms, event.slept_ms)
        case ce.ScreenLost():
            turn.screen_lost(event.session, event.why)
        case ce.Tick():
            pass
        case _:
            assert_never(event)
    turn.pass_time()
    return turn.done()


def wakeup(state: CoreState) -> int:
    """When ``Tick`` is wanted if nothing else arrives before."""
    runs = (run.wakeup_ns for run in state.sessions.values())
    return min((NEVER_NS, *runs, *(unit.wakeup_ns for unit in state.units.values())))
