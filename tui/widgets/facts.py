"""What else must be known while a session runs: contact, lost time, settings, what happens when nobody is there."""

from collections.abc import Iterator

from devices.model import UCUM_OF
from modctl import text
from modctl.ipc.messages import SessionView
from tui.looks import Line, Look, Span, fitted, wrapped
from tui.sight import Sight
from tui.widgets.rows import Rows

SEPARATOR = "  ·  "


def facts_of(sight: Sight, view: SessionView) -> Iterator[str]:
    """The facts in the order of their weight."""
    if view.modality in ("estim", "ultrasound"):
        yield text.contact(view.contact) if sight.is_fresh(view) else f"contact: {text.NO_DATA}"
    for name, lost_ms in (
        ("paused", view.paused_ms),
        ("without contact", view.no_contact_ms),
        ("unknown", view.unknown_ms),
    ):
        if lost_ms >= text.MS_PER_S:
            yield f"{text.clock(lost_ms)} {name}"
    if view.rounds:
        yield f"{view.rounds} rounds done"
    if view.by_hand:
        yield f"{text.clock(view.energized_ms)} on the skin"
        yield "nothing but a person takes a pack off"
    else:
        yield _lease(view)
    if view.residual_mdegc is not None:
        yield residual(view.residual_mdegc)
    if view.held_raise:
        yield view.held_raise
    yield "stops if this screen is lost" if view.attended else "goes on without this screen"
    yield text.settings(view.settings)


def fact_lines(sight: Sight, view: SessionView, width: int, rows: int) -> tuple[Line, ...]:
    """Facts in so many rows; with room to spare the limits follow, one a row, with who set them."""
    shown = list(wrapped(SEPARATOR.join(fact for fact in facts_of(sight, view) if fact), max(1, width - 2)))
    for limit in view.limits:
        bound = _bound(limit.parameter, limit.bound.value, limit.bound.unit)
        source = text.source(limit.source, limit.mark)
        words = f"{limit.kind} {text.parameter(limit.parameter)} {bound} ({limit.tier}; {source})"
        shown.append((Span(fitted(words, width - 2).rstrip(), Look.QUIET),))
    return tuple((Span(" "), *row) for row in shown[:rows])


def residual(temp_mdegc: int) -> str:
    """What stays under an output that is off."""
    return f"still {text.quantity('temp_mdegc', temp_mdegc)} under it"


def _bound(name: str, value: int, unit: str) -> str:
    return text.quantity(name, value) if name in UCUM_OF else text.ucum(value, unit)


def _lease(view: SessionView) -> str:
    if not view.lease_ms:
        return "the unit does NOT go off by itself"
    return f"goes off by itself after {text.duration(view.lease_ms)} unheard"


class Facts(Rows):
    """The facts; redrawn only when one changes."""
