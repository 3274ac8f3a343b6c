"""``modctl session now``: the board in words, for whoever has no screen: who needs somebody first."""

import click
import msgspec

from modctl.cli.common import Context, emit, pass_context, say
from modctl.ipc.messages import SessionView

ORDER = ("high", "medium", "low")


class NowLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="session.now"):
    """One session that is not over, or not answered."""

    session: str
    unit: str
    phase: str
    output: str
    waits_for: tuple[str, ...]
    delivered_ms: int
    planned_ms: int
    simulated: bool


@click.command(name="now")
@pass_context
def sessions_now(context: Context) -> None:
    """Say of every session what it waits for and how it stands, the most urgent first. Needs no sign-in.

    Alarms come first, then checks that are due, then what waits for an answer, then the least time left.
    """
    from modctl.cli.now import all_now
    from modctl.cli.reach import controller
    from modctl.cli.taking_over import OVER, views

    open_now = (view for view in views(controller(context)) if view.phase not in OVER or not view.closed)
    found = sorted(open_now, key=urgency)
    for view in found:
        line = NowLine(
            session=view.session,
            unit=view.unit,
            phase=view.phase,
            output=view.output,
            waits_for=waits_for(view),
            delivered_ms=view.delivered_ms,
            planned_ms=view.planned_ms,
            simulated=view.simulated,
        )
        mark = "SIM " if view.simulated else ""
        emit(line, "; ".join((*waits_for(view), f"{mark}{all_now(view)}", view.session)))
    if not found:
        say("No session runs, and none waits for an answer.")


def waits_for(view: SessionView) -> tuple[str, ...]:
    """What somebody has to do about a session, in words, the most urgent first."""
    alarms = sorted(view.alarms, key=lambda one: _rank(one.priority))
    told = [f"{one.priority.upper()} ALARM: {one.text}" for one in alarms]
    if view.due is not None:
        told.append(f"{view.due.gate.title} is {'LATE' if view.due.late else 'due'}")
    if view.gate is not None:
        told.append("a question waits")
    return tuple(told)


def urgency(view: SessionView) -> tuple[int, int, int, int]:
    """Sorts sessions: unknown output and alarms, checks, questions, the least time left."""
    alarm = min((_rank(one.priority) for one in view.alarms), default=len(ORDER))
    due = 2 if view.due is None else 0 if view.due.late else 1
    worst = -1 if view.output == "unknown" and view.phase != "checking" else alarm
    return worst, due, view.gate is None, view.planned_ms - view.delivered_ms


def _rank(priority: str) -> int:
    """How urgent; a word that nobody knows is."""
    return ORDER.index(priority) if priority in ORDER else 0
