"""The session in six plain lines, to be pasted into a note: no colour, no symbols, nothing that was not charted."""

from modctl import sentences, text
from modctl.ipc.messages import GateView, SessionView
from tui.journal import Dose, Journal

OPEN = "not answered"


def six_lines(view: SessionView, journal: Journal) -> tuple[str, ...]:
    """Exactly six lines."""
    simulated = "SIMULATED. " if view.simulated else ""
    began = f"{journal.started_at_utc[:16].replace('T', ' ')} UTC. " if journal.started_at_utc else ""
    delivered = f"delivered {text.clock(view.delivered_ms)} of {text.clock(view.planned_ms)}{gaps_text(view)}"
    pain = f"Pain {_given(view, 'pain_before')} before, {_given(view, 'pain_after')} after"
    skin = f"skin before: {_given(view, 'skin_before')}; after: {_given(view, 'skin_after')}"
    return (
        f"{simulated}{began}{view.title}, {view.region}, {view.side} side.",
        f"Unit {view.unit} ({view.model}), preset {view.preset}; {text.settings(view.settings) or 'no settings'}.",
        f"{highest_text(view, journal)}; {measured_text(view)}.{_dose(journal)}",
        f"{_outcome(view)}; {delivered}.",
        f"{pain}; {skin}.",
        f"Followed by: {_given(view, 'followed_by')}. {_signature(view, journal)}",
    )


def highest_text(view: SessionView, journal: Journal) -> str:
    """The highest level that was commanded, by the chart; never what was perhaps felt."""
    highest = dict(journal.highest).get(view.level_parameter)
    if highest is None:
        return "No level was commanded"
    return f"Highest {text.parameter(view.level_parameter)} commanded {text.quantity(view.level_parameter, highest)}"


def measured_text(view: SessionView) -> str:
    """How far the unit could tell what it put out."""
    return {"measured": "measured by the unit", "echoed": "set value read back from the unit"}.get(
        view.observed_as, text.NOT_MEASURED
    )


def gaps_text(view: SessionView) -> str:
    """Time that was not delivered, by its reason; empty when there is none."""
    lost = (("paused", view.paused_ms), ("without contact", view.no_contact_ms), ("unknown", view.unknown_ms))
    return "".join(f", {text.clock(ms)} {name}" for name, ms in lost if ms >= text.MS_PER_S)


def _outcome(view: SessionView) -> str:
    word = text.plain(text.outcome(view.outcome)).capitalize()
    return f"{word} ({sentences.reason(view.reason)})" if view.reason else word


def _dose(journal: Journal) -> str:
    told = [f"{dose.quantity.replace('_', ' ')} {_bounds(dose)}" for dose in journal.dose]
    if journal.contractions is not None:
        told.append(f"{journal.contractions} contractions")
    return f" Dose: {', '.join(told)}." if told else ""


def _bounds(dose: Dose) -> str:
    if dose.lower == dose.upper:
        return text.ucum(dose.lower, dose.unit)
    return f"{text.ucum(dose.lower, dose.unit)} to {text.ucum(dose.upper, dose.unit)}"


def _given(view: SessionView, gate: str) -> str:
    asked = next((seen for seen in view.gates if seen.gate == gate), None)
    return OPEN if asked is None or asked.answered is None else _label(asked, asked.answered)


def _label(gate: GateView, answer: str) -> str:
    return next((label for key, label in gate.answers if key == answer), answer)


def _signature(view: SessionView, journal: Journal) -> str:
    if journal.signed_by:
        return f"Signed by {journal.signed_by}."
    return "Not signed." if _given(view, "sign") == OPEN else f"Signature: {_given(view, 'sign')}."
