"""What the running view shows as numbers, computed once for its widgets. Where data is old there is none."""

from typing import Final

from modctl import text
from modctl.ipc.messages import SessionView
from tui.looks import Look
from tui.sight import Showing, Sight, showing
from tui.widgets.figures import Figure
from tui.widgets.level_bar import LAST, Gauge
from tui.widgets.strip_chart import Trace

# Large glyphs are filled cells: they take looks without a ground of their own, or they melt into the black beside them.
RIDDEN: Final = ("starting", "running", "resuming")  # phases in which a level is commanded
NO_TIME: Final = "--:--"


def level_figure(sight: Sight, view: SessionView) -> Figure:
    """The level that is set, while it is given; else the word that says why there is none."""
    shown = showing(sight, view)
    if shown is Showing.NO_DATA:
        return Figure("--", ("no data",), Look.STRONG)
    if shown is Showing.UNKNOWN:
        return Figure("?", ("nobody knows",), Look.STRONG)
    if shown is Showing.OFF and not (view.phase == "running" and view.resting):
        return Figure("OFF", (f"was set to {text.quantity(view.level_parameter, view.set_level)}",), Look.OFF)
    number, _, unit = text.quantity(view.level_parameter, view.set_level).partition(" ")
    riding = f"to {text.quantity(view.level_parameter, view.goal_level)}" if view.goal_level != view.set_level else ""
    return Figure(number, (riding, "", unit, f"{text.parameter(view.level_parameter)} set"), Look.BAR)


def time_figure(sight: Sight, view: SessionView) -> Figure:
    """The time that is still to be delivered."""
    planned = text.clock(view.planned_ms)
    if not sight.is_current():
        return Figure(NO_TIME, ("no data", "", "planned", planned), Look.STRONG)
    return Figure(
        text.time_left(view.planned_ms, view.delivered_ms),
        ("left", "", text.clock(view.delivered_ms), "delivered", f"of {planned}"),
        Look.PLAIN,
    )


def gauge_of(sight: Sight, view: SessionView) -> Gauge:
    """The bar of the parameter that is ridden. It ends where the prescription does; limits beyond are told in words."""
    name = view.level_parameter
    is_fresh = sight.is_fresh(view)
    commanded = view.commanded if is_fresh and view.phase in RIDDEN else None
    measured = view.measured if is_fresh and view.observed_as in ("measured", "echoed") else None
    seen = [value for value in (view.set_level, view.goal_level, commanded, measured) if value is not None]
    low = min(view.level_max, *seen) if _is_temperature(name) else min(0, *seen)
    high = max(view.level_max, *seen)
    return Gauge(
        low=low,
        high=high,
        commanded=commanded,
        goal=view.goal_level if is_fresh else None,
        measured=measured,
        marks=(view.level_max,),
        last=view.last_level,
        commanded_text=_commanded_text(name, commanded) if is_fresh else text.NO_DATA,
        measured_text=_measured_text(view, measured),
        scale_text=_scale_text(view, low),
    )


def trace_of(view: SessionView, values: tuple[int | None, ...]) -> Trace:
    """The last minutes of what was commanded, or of what was measured where the unit measures."""
    name = view.level_parameter
    high = max([view.level_max, *(value for value in values if value is not None)])
    low = min([view.level_max, *(value for value in values if value is not None)]) if _is_temperature(name) else 0
    return Trace(
        values=values,
        low=low,
        high=max(high, low + 1),
        top_text=text.quantity(name, high),
        bottom_text=text.quantity(name, low),
        title="measured" if view.observed_as == "measured" else "commanded",
    )


def traced_value(sight: Sight, view: SessionView) -> int | None:
    """What the trace keeps of this second; while nothing is commanded that is nothing."""
    if not sight.is_fresh(view):
        return None
    if view.observed_as == "measured":
        return view.measured
    if view.phase in RIDDEN:
        return view.commanded
    return None if _is_temperature(view.level_parameter) else 0


def _scale_text(view: SessionView, low: int) -> str:
    name = view.level_parameter
    bounds = {limit.bound.value for limit in view.limits if limit.parameter == name and limit.kind == "max"}
    last = "" if view.last_level is None else f"   {LAST} last time {text.quantity(name, view.last_level)}"
    beyond = ", ".join(text.quantity(name, bound) for bound in sorted(bounds - {view.level_max}))
    scale = f"from {text.quantity(name, low)}   " if low else ""
    limits = f"; limit of the unit {beyond}" if beyond else ""
    return f"{scale}┃ most of this prescription {text.quantity(name, view.level_max)}{limits}{last}"


def _commanded_text(name: str, commanded: int | None) -> str:
    return "nothing" if commanded is None else text.quantity(name, commanded)


def _measured_text(view: SessionView, measured: int | None) -> str:
    if view.observed_as in ("none", "state"):
        return text.NOT_MEASURED
    echoed = "read back " if view.observed_as == "echoed" else ""
    return f"{echoed}{text.quantity(view.level_parameter, measured)}"


def _is_temperature(name: str) -> bool:
    return name.endswith("mdegc")
