"""A session in six plain lines, to be pasted into a note: no colour, no symbols, nothing that was not charted."""

import msgspec

from modctl import sentences, text

NOT_ANSWERED = "not answered"


class Delivered(msgspec.Struct, frozen=True):
    """One delivered quantity: between its bounds, in its UCUM unit."""

    quantity: str
    lower: int
    upper: int
    unit: str


class NoteFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the six lines are made of. Answers are the words that the person saw; times are milliseconds."""

    simulated: bool
    began: str  # local, with its zone; empty: it did not begin
    title: str
    region: str
    side: str
    unit: str
    model: str
    preset: str
    settings: tuple[tuple[str, int], ...]
    level_parameter: str
    highest_commanded: int | None  # the most intense: of a cold unit the lowest
    observed_as: str
    dose: tuple[Delivered, ...]
    contractions: int | None
    outcome: str | None
    reason: str
    planned_ms: int
    delivered_ms: int
    paused_ms: int
    no_contact_ms: int
    unknown_ms: int
    pain_before: str = NOT_ANSWERED
    pain_after: str = NOT_ANSWERED
    skin_before: str = NOT_ANSWERED
    skin_after: str = NOT_ANSWERED
    followed_by: str = NOT_ANSWERED
    signature: str = "Not signed."
    down_intensifies: bool = False  # a cold unit's level


def six_lines(facts: NoteFacts) -> tuple[str, ...]:
    """Exactly six lines."""
    simulated = "SIMULATED. " if facts.simulated else ""
    began = f"{facts.began}. " if facts.began else ""
    delivered = f"delivered {text.clock(facts.delivered_ms)} of {text.clock(facts.planned_ms)}{gaps_text(facts)}"
    pain = f"Pain {facts.pain_before} before, {facts.pain_after} after"
    return (
        f"{simulated}{began}{facts.title}, {facts.region}, {facts.side} side.",
        f"Unit {facts.unit} ({facts.model}), preset {facts.preset}; {text.settings(facts.settings) or 'no settings'}.",
        f"{highest_text(facts)}; {observed_text(facts.observed_as)}.{_dose(facts)}",
        f"{_outcome(facts)}; {delivered}.",
        f"{pain}; skin before: {facts.skin_before}; after: {facts.skin_after}.",
        f"Followed by: {facts.followed_by}. {facts.signature}",
    )


def highest_text(facts: NoteFacts) -> str:
    """The highest level that was commanded, by the chart; never what was perhaps felt."""
    if facts.highest_commanded is None:
        return "No level was commanded"
    shown = text.quantity(facts.level_parameter, facts.highest_commanded)
    return (
        f"{'Lowest' if facts.down_intensifies else 'Highest'} {text.parameter(facts.level_parameter)} commanded {shown}"
    )


def observed_text(observed_as: str) -> str:
    """How far the unit could tell what it put out."""
    return {"measured": "measured by the unit", "echoed": "set value read back from the unit"}.get(
        observed_as, text.NOT_MEASURED
    )


def gaps_text(facts: NoteFacts) -> str:
    """Time that was not delivered, by its reason; empty when there is none."""
    lost = (("paused", facts.paused_ms), ("without contact", facts.no_contact_ms), ("unknown", facts.unknown_ms))
    return "".join(f", {text.clock(ms)} {name}" for name, ms in lost if ms >= text.MS_PER_S)


def dose_text(dose: Delivered) -> str:
    """One delivered quantity with its bounds where they differ."""
    name = dose.quantity.replace("_", " ")
    if dose.lower == dose.upper:
        return f"{name} {text.ucum(dose.lower, dose.unit)}"
    return f"{name} {text.ucum(dose.lower, dose.unit)} to {text.ucum(dose.upper, dose.unit)}"


def _outcome(facts: NoteFacts) -> str:
    word = text.plain(text.outcome(facts.outcome)).capitalize()
    return f"{word} ({sentences.reason(facts.reason)})" if facts.reason else word


def _dose(facts: NoteFacts) -> str:
    told = [dose_text(dose) for dose in facts.dose]
    if facts.contractions is not None:
        told.append(f"{facts.contractions} contractions")
    return f" Dose: {', '.join(told)}." if told else ""
