"""From what the screen shows of a session, and its journal, to the six lines of its note."""

from modctl.ipc.asks import answer_words
from modctl.ipc.messages import SessionView
from modctl.reports import note
from modctl.reports.note import NOT_ANSWERED, Delivered, NoteFacts
from tui.journal import Journal
from tui.local import local_time


def six_lines(view: SessionView, journal: Journal, timezone: str = "UTC") -> tuple[str, ...]:
    """Exactly six lines."""
    return note.six_lines(facts_of(view, journal, timezone))


def highest_text(view: SessionView, journal: Journal) -> str:
    """The highest level that was commanded, by the chart."""
    return note.highest_text(facts_of(view, journal))


def measured_text(view: SessionView) -> str:
    """How far the unit could tell what it put out."""
    return note.observed_text(view.observed_as)


def gaps_text(view: SessionView) -> str:
    """Time that was not delivered, by its reason; empty when there is none."""
    return note.gaps_text(facts_of(view, Journal()))


def facts_of(view: SessionView, journal: Journal, timezone: str = "UTC") -> NoteFacts:
    """What the note is made of."""
    return NoteFacts(
        simulated=view.simulated,
        began=local_time(journal.started_at_utc, timezone),
        title=view.title,
        region=view.region,
        side=view.side,
        unit=view.unit,
        model=view.model,
        preset=view.preset,
        settings=view.settings,
        level_parameter=view.level_parameter,
        highest_commanded=dict(journal.highest).get(view.level_parameter),
        observed_as=view.observed_as,
        dose=tuple(Delivered(dose.quantity, dose.lower, dose.upper, dose.unit) for dose in journal.dose),
        contractions=journal.contractions,
        outcome=view.outcome,
        reason=view.reason,
        planned_ms=view.planned_ms,
        delivered_ms=view.delivered_ms,
        paused_ms=view.paused_ms,
        no_contact_ms=view.no_contact_ms,
        unknown_ms=view.unknown_ms,
        pain_before=_given(view, "pain_before"),
        pain_after=_given(view, "pain_after"),
        skin_before=_given(view, "skin_before"),
        skin_after=_given(view, "skin_after"),
        followed_by=_given(view, "followed_by"),
        signature=_signature(view, journal),
    )


def _given(view: SessionView, gate: str) -> str:
    asked = next((seen for seen in view.gates if seen.gate == gate), None)
    return NOT_ANSWERED if asked is None or asked.answered is None else answer_words(asked, asked.answered)


def _signature(view: SessionView, journal: Journal) -> str:
    if journal.signed_by:
        return f"Signed by {journal.signed_by}."
    return "Not signed." if _given(view, "sign") == NOT_ANSWERED else f"Signature: {_given(view, 'sign')}."
