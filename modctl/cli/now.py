"""How one session stands at this moment, in a line that can be spoken."""

from modctl import text
from modctl.ipc.messages import SessionView


def all_now(view: SessionView) -> str:
    """The state first, then what, how much and how long."""
    level = view.level_parameter
    parts = (
        text.output(view.output),
        text.phase(view.phase),
        f"{view.unit}, {view.title}, {view.side} side",
        f"commanded {text.NO_DATA if view.commanded is None else text.quantity(level, view.commanded)}",
        f"reported {text.measured(level, view.measured, view.observed_as)}",
        f"delivered {text.clock(view.delivered_ms)} of {text.clock(view.planned_ms)}",
        text.contact(view.contact),
    )
    return ", ".join(parts)
